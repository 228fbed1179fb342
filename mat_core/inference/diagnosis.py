"""Diagnosis, the result of the model for one case, and functions of its attention."""

from dataclasses import dataclass, field

import numpy as np

from ..data.labels import BY_CODE, DISCLAIMER, class_name, class_title
from ..data.metadata import Metadata, Word
from ..display.base import NotebookResult
from ..display.panels import Bars, Grid, Panel, ResultView
from ..errors import ConfigError
from ..models.detection.regions import Regions
from ..models.mat import MATNetwork, MATOutput
from ..utils.formatting import format_percent
from .out_of_distribution import OODScore

ORDERS = ("attention", "detector")
VIEWED_REGIONS = 6  # of the map shown in a notebook


@dataclass(frozen=True)
class Attention:
    """Attention weights without padding, (layers, heads, queries, keys); None if the unit has no such block.

    QUERIES_to_KEYS; weights sum to 1 over the keys. Without words, their axis has length 0.
    """

    regions_to_words: np.ndarray | None = None
    words_to_regions: np.ndarray | None = None
    regions_to_regions: np.ndarray | None = None
    words_to_words: np.ndarray | None = None


@dataclass(frozen=True)
class Diagnosis(NotebookResult):
    """The result for one image and its metadata.

    probabilities: code -> calibrated probability, in the order of the bundle's labels. logits: (classes,), before
    temperature. regions: best first, in pixels of the original image. words: as read by the network. novelty:
    out-of-distribution score, if the bundle has such a model. forward_pass: the network and its output, reused by
    `Diagnoser.forward`.
    """

    probabilities: dict[str, float]
    logits: np.ndarray
    regions: Regions
    words: tuple[Word, ...]
    metadata: Metadata
    unit: str
    attention: Attention
    novelty: OODScore | None = None
    forward_pass: tuple[MATNetwork, MATOutput] | None = field(default=None, repr=False, compare=False)

    @property
    def top(self) -> str:
        """Code of the most probable class."""
        return max(self.probabilities, key=lambda code: self.probabilities[code])

    @property
    def region_attention(self) -> np.ndarray | None:
        """(regions,), mean attention over heads and queries of the last layer, sums to 1: from the words, or without
        words from the regions; None if nothing attends to regions.
        """
        for weights in (self.attention.words_to_regions, self.attention.regions_to_regions):
            if weights is not None and 0 not in weights.shape:
                return weights[-1].mean((0, 1))
        return None

    def view(self, label: str | None = None) -> ResultView:
        """The probabilities and the map of words to regions. label: not used."""
        order = sorted(self.probabilities, key=lambda code: -self.probabilities[code])
        words = " ".join(word.text for word in self.words) or "none"
        first = f"{class_name(order[0])}, {format_percent(self.probabilities[order[0]])}"
        sentence = f"Most probable: {first}. Words read: {words}."
        if self.novelty is not None and self.novelty.is_out_of_distribution:
            sentence += " This does not look like the images that the model was trained on."
        values = np.array([self.probabilities[code] for code in order])
        panels: list[Panel] = [Bars("Probability of each class", tuple(map(class_title, order)), values)]
        weights = self.attention.words_to_regions
        if weights is not None and 0 not in weights.shape:
            names = tuple(f"{i + 1} {kind}" for i, kind in enumerate(self.regions.names[:VIEWED_REGIONS]))
            title = "Words look at the first regions: last layer, average of the heads, %"
            rows = tuple(word.text for word in self.words)
            panels.append(Grid(title, rows, names, weights[-1].mean(0)[:, :VIEWED_REGIONS]))
        return ResultView("Diagnosis", sentence, tuple(panels))

    def to_dict(self, attention: bool = False, regions: int | None = None) -> dict:
        """Values for JSON, as in the command line and the endpoint. regions: maximum number."""
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
            "novelty": self.novelty and {**vars(self.novelty), "outside": self.novelty.is_out_of_distribution},
            "disclaimer": DISCLAIMER,
        }
        if attention:
            values["attention"] = {
                name: None if weights is None else weights.tolist() for name, weights in vars(self.attention).items()
            }
        return values


def top_regions(diagnosis: Diagnosis, k: int, order: str = "detector") -> np.ndarray:
    """Indices of the k first regions, (k,). order: 'detector', or 'attention', the most attended first; for units
    without attention, the detector's.
    """
    if order not in ORDERS:
        raise ConfigError(f"order must be one of {', '.join(ORDERS)}; got {order!r}.")
    attended = diagnosis.region_attention if order == "attention" else None
    places = np.arange(len(diagnosis.regions)) if attended is None else np.argsort(-attended, kind="stable")
    return places[:k]


def guided_map(
    diagnosis: Diagnosis, direction: str, head: int | None = None, layer: int | None = None
) -> np.ndarray | None:
    """Weights of one map, (queries, keys), rows sum to 1; None if the unit has no such block or there are no words.

    direction: of `transformer.ATTENTION_MAPS`; head: from 0, None for the mean; layer: from 0, None for the last.
    Raises ConfigError for an unknown head or layer.
    """
    weights = getattr(diagnosis.attention, direction)
    if weights is None or 0 in weights.shape:
        return None
    layer = len(weights) - 1 if layer is None else layer
    if not 0 <= layer < len(weights):
        raise ConfigError(f"layer must be from 0 to {len(weights) - 1}; got {layer}.")
    chosen = weights[layer]  # (heads, queries, keys)
    if head is None:
        return chosen.mean(0)
    if not 0 <= head < len(chosen):
        raise ConfigError(f"head must be from 0 to {len(chosen) - 1}; got {head}.")
    return chosen[head]


def regions_by_words(
    diagnosis: Diagnosis, direction: str, head: int | None = None, layer: int | None = None
) -> np.ndarray | None:
    """`guided_map` as (regions, words) for both directions."""
    weights = guided_map(diagnosis, direction, head, layer)
    return weights.T if weights is not None and direction == "words_to_regions" else weights
