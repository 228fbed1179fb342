"""Diagnoser: image and metadata -> Diagnosis."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..data.image_loading import image_key, load_image, original_size, scale_image
from ..data.metadata import Metadata, Word
from ..errors import BundleError, ConfigError, ImageError, MetadataError, UserError
from ..models.detection.regions import Regions, to_network_input
from ..models.mat import MATOutput
from ..models.transformer import MAP_BY_NAME
from .bundle import Bundle, load_bundle
from .diagnosis import Attention, Diagnosis
from .image_cache import ImageEncodingCache

CACHE_SIZE = 8  # images whose regions are cached in memory, without the image


class Diagnoser:
    """A loaded model. Thread-safe; results do not depend on earlier calls."""

    def __init__(self, bundle: Bundle):
        if not isinstance(bundle, Bundle):
            raise BundleError(
                f"A Diagnoser takes a loaded bundle; got an object of {type(bundle).__name__}. "
                "Diagnoser.from_pretrained() takes a bundle's folder or its name on the Hub."
            )
        width, expected = bundle.detector.feature_width + 4, bundle.network.config.region_width
        if width != expected:
            raise ConfigError(f"The detector gives {width} numbers a region, the network reads {expected}.")
        self.bundle = bundle
        self._lock = threading.Lock()
        self._region_cache: OrderedDict[str, Regions] = OrderedDict()
        self._encoding_cache = ImageEncodingCache(CACHE_SIZE)

    @classmethod
    def from_pretrained(cls, source: str | Path | None = None, revision: str | None = None) -> "Diagnoser":
        """Load the default bundle, a folder, or a Hub id; see `load_bundle`. Only a commit as revision is permanent."""
        return cls(load_bundle(source, revision))

    def __call__(self, image, metadata: Metadata | None = None) -> Diagnosis:
        """Diagnose a path, the bytes of a file, a PIL image or an RGB array.

        Raises ImageError, MetadataError, and BundleError if the result is not finite.
        """
        return self.diagnose_regions(self.regions(load_image(image)), metadata)

    def regions(self, image: np.ndarray) -> Regions:
        """Regions of an array of `load_image`, in pixels of the original image; cached by content."""
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape[2:] != (3,) or not image.size:
            raise ImageError("The image must be an array of load_image: (height, width, 3) uint8 RGB.")
        key = image_key(image)
        with self._lock:
            if key in self._region_cache:
                self._region_cache.move_to_end(key)
                return self._region_cache[key]
            regions = _validated(self.bundle.detector.detect(image), image)
            self._region_cache[key] = regions
            while len(self._region_cache) > CACHE_SIZE:
                self._region_cache.popitem(last=False)
            return regions

    def detector_image(self, image: np.ndarray) -> np.ndarray:
        """An array of `load_image` at the detector's size, (h, w, 3) uint8; it gives the same regions."""
        config = self.bundle.detector.config
        if not hasattr(config, "short_side"):
            return np.asarray(image)
        return np.asarray(scale_image(image, config.short_side, config.long_side))

    def detect_batch(self, images: Sequence[np.ndarray]) -> list[Regions | str]:
        """Regions of many arrays of `load_image`, not cached, or an error message for images without regions.

        Images of the same size form one batch if the detector can.
        """
        detector = self.bundle.detector
        results: list[Regions | str] = [""] * len(images)
        for size in dict.fromkeys(image.shape for image in images):
            places = [i for i, image in enumerate(images) if image.shape == size]
            batch = [images[i] for i in places]
            together = getattr(detector, "detect_batch", None)
            for i, regions in zip(places, together(batch) if together else map(detector.detect, batch), strict=True):
                try:
                    results[i] = _validated(regions, images[i])
                except UserError as error:
                    results[i] = str(error)
        return results

    def diagnose_regions(self, regions: Regions, metadata: Metadata | None = None) -> Diagnosis:
        """Diagnose detected regions: the network alone."""
        metadata = metadata or Metadata()
        bundle, config = self.bundle, self.bundle.network.config
        words = self.words(metadata)
        output = self.forward(regions, metadata)
        logits = output.logits[0].double().numpy()
        probabilities = dict(zip(bundle.labels, self.to_probabilities(logits).tolist(), strict=True))
        count = min(len(regions), config.n)
        lengths = {"regions": count, "words": len(words)}
        attention = _attention(output, lengths)
        novelty = bundle.novelty(regions) if bundle.novelty else None
        _check_finite(*vars(attention).values(), novelty and novelty.distance)
        return Diagnosis(
            probabilities, logits, regions.select(slice(0, count)), words, metadata, config.unit, attention, novelty,
            (bundle.network, output),
        )  # fmt: skip

    def to_probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Softmax of logits, (..., classes) float64, divided by the temperature. Raises BundleError if not finite."""
        _check_finite(logits)
        scaled = np.exp((logits - logits.max(-1, keepdims=True)) / self.bundle.temperature)
        return scaled / scaled.sum(-1, keepdims=True)

    def inputs(self, regions: Regions, metadata: Metadata | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs of the network: features (1, n, region_width), padding (1, n), word ids (1, words)."""
        config = self.bundle.network.config
        ids = torch.from_numpy(self.bundle.vocabulary.encode(self.words(metadata), config.words))
        features, padding = to_network_input(regions, config.n)
        return features[None], padding[None], ids[None]

    def words(self, metadata: Metadata | None = None) -> tuple[Word, ...]:
        """The words that this model reads; none if its unit reads no words."""
        if not isinstance(metadata, Metadata | None):
            raise MetadataError(
                "Metadata is given as Metadata(age=..., sex=..., localization=...); got an object of "
                f"{type(metadata).__name__}."
            )
        reads_words = "words" in self.bundle.network.config.modalities
        return (metadata or Metadata()).words(self.bundle.fields) if reads_words else ()

    def forward(self, case: Regions | Diagnosis, metadata: Metadata | None = None) -> MATOutput:
        """The output of the network with attention, for one case, with padding.

        case: regions, with `metadata`; or a diagnosis, whose stored output is returned if it is of this model.
        """
        if isinstance(case, Diagnosis):
            if case.forward_pass is not None and case.forward_pass[0] is self.bundle.network:
                return case.forward_pass[1]
            return self.forward(case.regions, case.metadata)
        # always need_weights: the fused kernel differs in the last bits
        with torch.inference_mode():
            features, padding, ids = self.inputs(case, metadata)
            network = self.bundle.network
            encoding = self._encoding_cache.get(network, features, padding)
            return network(features, padding, ids, need_weights=True, image_encoding=encoding)


def _validated(regions: Regions, image: np.ndarray) -> Regions:
    """Regions in pixels of the original image. Raises ConfigError without regions, BundleError if not finite."""
    if len(regions) == 0:
        raise ConfigError("The detector found no region in this image.")
    _check_finite(regions.boxes, regions.probabilities, regions.features)
    return regions if original_size(image) == image.shape[:2] else regions.rescaled_to(original_size(image))


def _check_finite(*arrays) -> None:
    """Raise BundleError for arrays with NaN or infinity; None is skipped."""
    if not all(array is None or np.isfinite(array).all() for array in arrays):
        raise BundleError(
            "This model gives no finite numbers for this case: its weights are damaged or out of range. "
            "Use another bundle."
        )


def _attention(output: MATOutput, lengths: dict[str, int]) -> Attention:
    maps = {}
    layers = output.layers or []
    for name in layers[0] if layers else ():
        ends = MAP_BY_NAME[name]
        stacked = torch.stack([layer[name].weights[0] for layer in layers])  # (layers, heads, queries, keys)
        maps[name] = stacked[..., : lengths[ends.queries], : lengths[ends.keys]].numpy()
    return Attention(**maps)
