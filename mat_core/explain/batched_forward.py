"""Predict many variants of one case in chunks, and helpers that several explanations share."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..data.labels import BY_CODE, PARTS
from ..data.metadata import Metadata
from ..errors import ConfigError
from ..inference.diagnoser import Diagnoser
from ..models.attention import AttentionHook
from ..models.detection.regions import Regions
from ..models.mat import ImageEncoding

CHUNK = 32  # variants in a forward pass: more exceed the CPU's caches


def network_inputs(diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None) -> tuple[Tensor, Tensor, Tensor]:
    """Features (1, r, region_width), padding (1, r) and word ids (1, w) of one case with r regions.

    Without regions, one row of padding is left, because the network needs one.
    """
    features, padding, ids = diagnoser.inputs(regions, metadata)
    count = max(int((~padding).sum()), 1)
    return features[:, :count], padding[:, :count], ids


def encode_image(diagnoser: Diagnoser, features: Tensor, padding: Tensor) -> ImageEncoding:
    """`MATNetwork.encode_image` for inference; features: (1, r, region_width), padding: (1, r)."""
    with torch.inference_mode():
        return diagnoser.bundle.network.encode_image(features, padding)


def predict_variants(
    diagnoser: Diagnoser,
    features: Tensor,
    padding: Tensor,
    ids: Tensor,
    attention_hooks: dict[str, AttentionHook] | None = None,
    image_encoding: ImageEncoding | None = None,
) -> np.ndarray:
    """Calibrated probabilities of b variants, (b, classes) float64.

    features: (1, r, region_width), of one image; padding: (1 or b, r), True for removed regions; ids: (1 or b, w).
    attention_hooks, image_encoding: see `MATNetwork.forward`. Equal to one variant at a time to 1e-5.
    """
    count = max(len(padding), len(ids))
    if image_encoding is None and len(padding) == 1 < count and "regions_to_regions" not in (attention_hooks or {}):
        image_encoding = encode_image(diagnoser, features, padding)
    logits = []
    with torch.inference_mode():
        for rows in torch.arange(count).split(CHUNK):
            masks = padding[rows] if len(padding) > 1 else padding
            words = ids[rows] if len(ids) > 1 else ids
            network = diagnoser.bundle.network
            logits.append(
                network(
                    features,
                    masks,
                    words,
                    need_weights=True,
                    attention_hooks=attention_hooks,
                    image_encoding=image_encoding,
                ).logits
            )
    return diagnoser.to_probabilities(torch.cat(logits).double().numpy())


def predict_without_regions(diagnoser: Diagnoser, features: Tensor, absent: Tensor, ids: Tensor) -> np.ndarray:
    """Calibrated probabilities without many regions, (b, classes); absent: (b, r), True for removed; ids: (1, w).

    Removed regions are left out instead of masked: equal to 1e-5, and half the work over a whole curve.
    """
    if not absent.shape[1]:  # no regions: features hold one row of padding
        absent = torch.ones(len(absent), 1, dtype=torch.bool)
    variants, where = absent.unique(dim=0, return_inverse=True)
    probabilities = np.zeros((len(variants), len(diagnoser.bundle.labels)))
    remaining = (~variants).sum(1)
    with torch.inference_mode():
        for count in remaining.unique().tolist():
            for rows in torch.nonzero(remaining == count)[:, 0].split(CHUNK):
                if count:
                    places = torch.nonzero(~variants[rows])[:, 1].view(len(rows), count)
                    selected, padding = features[0][places], torch.zeros(len(rows), count, dtype=torch.bool)
                else:  # the network needs one row
                    selected, padding = features[:, :1], torch.ones(1, 1, dtype=torch.bool)
                words = ids.expand(len(rows), -1)
                logits = diagnoser.bundle.network(selected, padding, words, need_weights=True).logits
                probabilities[rows.numpy()] = diagnoser.to_probabilities(logits.double().numpy())
    return probabilities[where.numpy()]


def word_ids(diagnoser: Diagnoser, variants: Iterable[Metadata]) -> Tensor:
    """Word ids of several variants of the metadata, (variants, w)."""
    vocabulary, length = diagnoser.bundle.vocabulary, diagnoser.bundle.network.config.words
    return torch.from_numpy(np.stack([vocabulary.encode(diagnoser.words(m), length) for m in variants]))


def kind_groups(regions: Regions) -> dict[str, np.ndarray]:
    """Kind -> (r,) bool, its regions. All diagnoses are the kind 'lesion'."""
    names = np.array(["lesion" if name in BY_CODE else name for name in regions.names])
    order = ["lesion", *PARTS, *sorted(set(names) - {"lesion", *PARTS})]
    return {name: names == name for name in order if (names == name).any()}


def label_index(diagnoser: Diagnoser, label: str) -> int:
    """The class number of a code. Raises ConfigError for an unknown one."""
    labels = diagnoser.bundle.labels
    if label not in labels:
        raise ConfigError(f"The class must be one of {', '.join(labels)}; got {label!r}.")
    return labels.index(label)
