"""Many variants of one case through the network, a chunk at a time, and the few things that all experiments share."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..attention import Edit
from ..diagnoser import Diagnoser
from ..errors import ConfigError
from ..labels import BY_CODE, PARTS
from ..metadata import Metadata
from ..network import ImageSide
from ..regions import Regions

CHUNK = 32  # variants in one pass: more does not fit the caches and is no faster


def case_inputs(diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None) -> tuple[Tensor, Tensor, Tensor]:
    """Features (1, r, region_width), padding (1, r) and word ids (1, w) of one case, cut to its r real regions.

    Without a region one row of padding is left, as the network wants one.
    """
    features, padding, ids = diagnoser.inputs(regions, metadata)
    count = max(int((~padding).sum()), 1)
    return features[:, :count], padding[:, :count], ids


def image_side(diagnoser: Diagnoser, features: Tensor, padding: Tensor) -> ImageSide:
    """What of every pass depends on these regions alone; features: (1, r, region_width), padding: (1, r)."""
    with torch.inference_mode():
        return diagnoser.bundle.network.image_side(features, padding)


def probabilities_of(
    diagnoser: Diagnoser,
    features: Tensor,
    padding: Tensor,
    ids: Tensor,
    edits: dict[str, Edit] | None = None,
    image: ImageSide | None = None,
) -> np.ndarray:
    """Calibrated probabilities of b variants, (b, classes) float64.

    features: (1, r, region_width), of one image; padding: (1 or b, r), True where a region is absent; ids: (1 or b, w).
    edits: as `MATNetwork.forward` takes them. image: `image_side` of these, where it is known already. Equal to passing
    the variants one by one to 1e-5.
    """
    count = max(len(padding), len(ids))
    if image is None and len(padding) == 1 < count and "regions_to_regions" not in (edits or {}):
        image = image_side(diagnoser, features, padding)
    logits = []
    with torch.inference_mode():
        for rows in torch.arange(count).split(CHUNK):
            masks = padding[rows] if len(padding) > 1 else padding
            words = ids[rows] if len(ids) > 1 else ids
            # one image or the same words for all rows: what depends on them alone is computed once
            network = diagnoser.bundle.network
            logits.append(network(features, masks, words, need_weights=True, edits=edits, image=image).logits)
    return diagnoser.calibrated(torch.cat(logits).double().numpy())


def probabilities_without(diagnoser: Diagnoser, features: Tensor, absent: Tensor, ids: Tensor) -> np.ndarray:
    """Calibrated probabilities with many regions absent, (b, classes); absent: (b, r), ids: (1, w).

    What is absent is left out instead of masked: equal to 1e-5 and, over a whole curve, half the work.
    """
    if not absent.shape[1]:  # no region to begin with: features hold one row of padding
        absent = torch.ones(len(absent), 1, dtype=torch.bool)
    variants, where = absent.unique(dim=0, return_inverse=True)
    found = np.zeros((len(variants), len(diagnoser.bundle.labels)))
    kept = (~variants).sum(1)
    with torch.inference_mode():
        for count in kept.unique().tolist():
            for rows in torch.nonzero(kept == count)[:, 0].split(CHUNK):
                if count:
                    places = torch.nonzero(~variants[rows])[:, 1].view(len(rows), count)
                    seen, padding = features[0][places], torch.zeros(len(rows), count, dtype=torch.bool)
                else:  # the network wants a row, even if it is padding
                    seen, padding = features[:, :1], torch.ones(1, 1, dtype=torch.bool)
                words = ids.expand(len(rows), -1)
                logits = diagnoser.bundle.network(seen, padding, words, need_weights=True).logits
                found[rows.numpy()] = diagnoser.calibrated(logits.double().numpy())
    return found[where.numpy()]


def word_ids(diagnoser: Diagnoser, variants: Iterable[Metadata]) -> Tensor:
    """Word ids of several metadata, (variants, w)."""
    vocabulary, length = diagnoser.bundle.vocabulary, diagnoser.bundle.network.config.words
    return torch.from_numpy(np.stack([vocabulary.encode(diagnoser.words(m), length) for m in variants]))


def kind_groups(regions: Regions) -> dict[str, np.ndarray]:
    """Kind -> (r,) bool, its regions: 'lesion' for all boxes around the whole of it, whichever diagnosis they name."""
    names = np.array(["lesion" if name in BY_CODE else name for name in regions.names])
    order = ["lesion", *PARTS, *sorted(set(names) - {"lesion", *PARTS})]
    return {name: names == name for name in order if (names == name).any()}


def label_index(diagnoser: Diagnoser, label: str) -> int:
    """The class number of a code. Raises ConfigError for one that the bundle does not know."""
    labels = diagnoser.bundle.labels
    if label not in labels:
        raise ConfigError(f"The class must be one of {', '.join(labels)}; got {label!r}.")
    return labels.index(label)
