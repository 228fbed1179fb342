"""The one public verb: image + metadata -> Diagnosis."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from .bundle import Bundle, load_bundle
from .errors import BundleError, ConfigError, ImageError, MetadataError, UserError
from .image_sides import ImageSides
from .images import given_size, image_key, load_image
from .labels import BY_CODE, DISCLAIMER
from .metadata import Metadata, Word
from .network import MATOutput
from .novelty import Novelty
from .regions import Regions, network_input
from .showing.shown import Shown
from .units import BY_NAME

if TYPE_CHECKING:
    from .showing.picture import Picture

REMEMBERED_IMAGES = 8  # regions and features only, in memory; never the photograph


@dataclass(frozen=True)
class Attention:
    """Attention weights of one diagnosis, without padding; dropout off. None where the unit has no such block.

    The first word names who looks (the queries), the last who is looked at (the keys): weights sum to 1 over the last
    axis. regions_to_words: (layers, heads, regions, words). words_to_regions: (layers, heads, words, regions).
    regions_to_regions and words_to_words: the self-attention of either side. With no words at all, the axis is empty.
    """

    regions_to_words: np.ndarray | None = None
    words_to_regions: np.ndarray | None = None
    regions_to_regions: np.ndarray | None = None
    words_to_words: np.ndarray | None = None


@dataclass(frozen=True)
class Diagnosis(Shown):
    """The answer for one image and its metadata.

    probabilities: code -> probability, calibrated, in the order of the bundle's labels, sums to 1. logits: (classes,)
    before temperature. regions: best first, boxes in pixels of the image that was given. words: what was read.
    novelty: how unlike the training images this one is, where the bundle can tell.
    """

    probabilities: dict[str, float]
    logits: np.ndarray
    regions: Regions
    words: tuple[Word, ...]
    metadata: Metadata
    unit: str
    attention: Attention
    novelty: Novelty | None = None

    @property
    def top(self) -> str:
        """Code of the most probable class."""
        return max(self.probabilities, key=lambda code: self.probabilities[code])

    @property
    def attended(self) -> np.ndarray | None:
        """(regions,), the attention that each region gets in the last layer, the mean over heads and queries, sums
        to 1: from the words, without words from the regions; None where nothing attends to regions.
        """
        for weights in (self.attention.words_to_regions, self.attention.regions_to_regions):
            if weights is not None and 0 not in weights.shape:
                return weights[-1].mean((0, 1))
        return None

    def plot(self, image=None, k: int = 5) -> "Picture":
        """Probabilities and guided attention as a figure; with the image that was given, its first k regions, too."""
        from .figures import plate

        if image is not None:
            return plate(self, load_image(image), k)
        from .showing.plots import figure_of
        from .showing.views import view_of

        return figure_of(view_of(self))

    def to_dict(self, attention: bool = False, regions: int | None = None) -> dict:
        """Plain numbers and strings for JSON: as the command line and the app's endpoint give them."""
        shown = len(self.regions) if regions is None else regions
        values = {
            "probabilities": dict(self.probabilities),
            "top": self.top,
            "top_name": BY_CODE[self.top].name,
            "malignant": {code: BY_CODE[code].malignant for code in self.probabilities},
            "words": [word.text for word in self.words],
            "word_fields": [word.field for word in self.words],
            "image_size": {"width": self.regions.size[1], "height": self.regions.size[0]},
            "unit": self.unit,
            "regions": [
                {"box": [round(float(v), 2) for v in box], "score": float(score), "label": label}
                for box, score, label in zip(
                    self.regions.boxes[:shown], self.regions.scores[:shown], self.regions.names[:shown], strict=True
                )
            ],
            "novelty": self.novelty and {**vars(self.novelty), "outside": self.novelty.outside},
            "disclaimer": DISCLAIMER,
        }
        if attention:
            values["attention"] = {
                name: None if weights is None else weights.tolist() for name, weights in vars(self.attention).items()
            }
        return values


class Diagnoser:
    """A loaded model that answers. Safe to call from several threads; no answer depends on what was asked before."""

    def __init__(self, bundle: Bundle):
        if not isinstance(bundle, Bundle):
            raise BundleError(
                f"A Diagnoser takes a loaded bundle; got an object of {type(bundle).__name__}. "
                "Diagnoser.from_pretrained() takes a bundle's folder or its name on the Hub."
            )
        given, read = bundle.detector.feature_width + 4, bundle.network.config.region_width
        if given != read:
            raise ConfigError(f"The detector gives {given} numbers a region, the network reads {read}.")
        self.bundle = bundle
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, Regions] = OrderedDict()
        self._sides = ImageSides(REMEMBERED_IMAGES)

    @classmethod
    def from_pretrained(cls, source: str | Path | None = None, revision: str | None = None) -> "Diagnoser":
        """The bundle in checkpoints/, a folder, or a Hub id; revision: of that, a commit, a tag or a branch.

        A folder of that name wins over the Hub. Only a commit gives the same weights for ever. Raises BundleError.
        """
        return cls(load_bundle(source, revision))

    def __call__(self, image, metadata: Metadata | None = None) -> Diagnosis:
        """Diagnose a path, the bytes of a file, a PIL image or an RGB array.

        Raises ImageError, MetadataError, and BundleError where the model's weights give no finite numbers.
        """
        return self.diagnose_regions(self.regions(load_image(image)), metadata)

    def regions(self, image: np.ndarray) -> Regions:
        """Regions of an RGB array from `images.load_image`, in pixels of the image that was given to it.

        The last few images' regions are remembered by content.
        """
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape[2:] != (3,) or not image.size:
            raise ImageError("Regions are found in what images.load_image gives: (height, width, 3) of 8 bits, RGB.")
        key = image_key(image)
        with self._lock:
            if key in self._seen:
                self._seen.move_to_end(key)
                return self._seen[key]
            regions = _usable(self.bundle.detector.detect(image), image)
            self._seen[key] = regions
            while len(self._seen) > REMEMBERED_IMAGES:
                self._seen.popitem(last=False)
            return regions

    def regions_of(self, images: Sequence[np.ndarray]) -> list[Regions | str]:
        """The same for many arrays of `images.load_image`, not remembered: regions, or the sentence why there are none.

        Images of one size go through the detector together where it can do that.
        """
        detector = self.bundle.detector
        found: list[Regions | str] = [""] * len(images)
        for size in dict.fromkeys(image.shape for image in images):
            places = [i for i, image in enumerate(images) if image.shape == size]
            these = [images[i] for i in places]
            together = getattr(detector, "detect_batch", None)
            for i, regions in zip(places, together(these) if together else map(detector.detect, these), strict=True):
                try:
                    found[i] = _usable(regions, images[i])
                except UserError as error:
                    found[i] = str(error)
        return found

    def diagnose_regions(self, regions: Regions, metadata: Metadata | None = None) -> Diagnosis:
        """The network alone, on regions that are known: what changing a metadata field costs."""
        metadata = metadata or Metadata()
        bundle, config = self.bundle, self.bundle.network.config
        words = self.words(metadata)
        output = self.intermediates(regions, metadata)
        logits = output.logits[0].double().numpy()
        probabilities = dict(zip(bundle.labels, self.calibrated(logits).tolist(), strict=True))
        count = min(len(regions), config.n)
        lengths = {"regions": count, "words": len(words)}
        attention = _attention(output, lengths)
        novelty = bundle.novelty(regions) if bundle.novelty else None
        _finite(*vars(attention).values(), novelty and novelty.distance)
        return Diagnosis(
            probabilities, logits, regions.subset(slice(0, count)), words, metadata, config.unit, attention, novelty,
        )  # fmt: skip

    def calibrated(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities of logits, (..., classes) float64: softmax after division by the bundle's temperature.

        Raises BundleError for logits that are not finite.
        """
        _finite(logits)
        scaled = np.exp((logits - logits.max(-1, keepdims=True)) / self.bundle.temperature)
        return scaled / scaled.sum(-1, keepdims=True)

    def inputs(self, regions: Regions, metadata: Metadata | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """What the network reads of one case: features (1, n, region_width), padding (1, n), word ids (1, words)."""
        config = self.bundle.network.config
        ids = torch.from_numpy(self.bundle.vocabulary.encode(self.words(metadata), config.words))
        features, padding = network_input(regions, config.n)
        return features[None], padding[None], ids[None]

    def words(self, metadata: Metadata | None = None) -> tuple[Word, ...]:
        """The words that this model reads of `metadata`; none where the unit reads no words."""
        if not isinstance(metadata, Metadata | None):
            raise MetadataError(
                "Metadata is given as Metadata(age=..., sex=..., localization=...); got an object of "
                f"{type(metadata).__name__}."
            )
        reads_words = "words" in self.bundle.network.config.modalities
        return (metadata or Metadata()).words(self.bundle.fields) if reads_words else ()

    def intermediates(self, regions: Regions, metadata: Metadata | None = None) -> MATOutput:
        """The forward pass of `diagnose_regions` with all that attention computed on its way: queries, keys, values.

        One case in the batch; padding is still there, behind the regions and behind the words.
        """
        # always with the weights: the fused kernel's answer differs in the last bits, and one case has one answer
        with torch.inference_mode():
            features, padding, ids = self.inputs(regions, metadata)
            network = self.bundle.network
            image = self._sides.of(network, features, padding)
            return network(features, padding, ids, need_weights=True, image=image)


def _usable(regions: Regions, image: np.ndarray) -> Regions:
    """What a detector found, checked and in pixels of the image that was given. Raises ConfigError, BundleError."""
    if len(regions) == 0:
        raise ConfigError("The detector found no region in this image.")
    _finite(regions.boxes, regions.probabilities, regions.features)
    return regions if given_size(image) == image.shape[:2] else regions.on_size(given_size(image))


def _finite(*arrays) -> None:
    """Raise BundleError where a number is none. None stands for what there is not."""
    if not all(array is None or np.isfinite(array).all() for array in arrays):
        raise BundleError(
            "This model gives no finite numbers for this case: its weights are damaged or out of range. "
            "Use another bundle, or make this one again."
        )


def _attention(output: MATOutput, lengths: dict[str, int]) -> Attention:
    maps = {}
    layers = output.layers or []
    for name in layers[0] if layers else ():
        ends = BY_NAME[name]
        stacked = torch.stack([layer[name].weights[0] for layer in layers])  # (layers, heads, queries, keys)
        maps[name] = stacked[..., : lengths[ends.queries], : lengths[ends.keys]].numpy()
    return Attention(**maps)
