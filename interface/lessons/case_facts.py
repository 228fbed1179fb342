"""What the lesson values are computed from: one case through one model, each analysis run when it is first needed."""

import threading
from functools import cached_property
from typing import TypeVar

import numpy as np

from interface.state import explorer_payload as exploration
from mat_core import Diagnoser
from mat_core.explain import (
    Ablation,
    AblationFaithfulness,
    GroupAblation,
    LabelLeakage,
    Margin,
    MetadataSweep,
    Occlusion,
    Similarity,
    Uncertainty,
    ablate,
    ablate_groups,
    ablation_faithfulness,
    contributions,
    kind_groups,
    label_leakage,
    metadata_sweep,
    occlude,
    operating_point,
    similarity,
    tta_uncertainty,
)  # fmt: skip
from mat_core.explain.attention_grid import attention_on_grid, grid_for
from mat_core.explain.uncertainty import OperatingPoint
from mat_core.inference.out_of_distribution import OODScore
from teaching.cases.example import Example

from ..state.model_registry import ModelRegistry
from ..state.session import Session

Part = TypeVar("Part")


class UnavailableError(Exception):
    """This model, or this case, does not have what a value needs."""


class CaseFacts:
    """One case through one model. Hold `lock` while reading. models: the models beside the app's own.

    What this model or case lacks, e.g. guided attention or a ROC curve, raises UnavailableError.
    """

    def __init__(self, diagnoser: Diagnoser, session: Session, models: ModelRegistry | None = None):
        self.diagnoser, self.session, self._models = diagnoser, session, models
        self.diagnosis = session.diagnosis
        self.network_config = diagnoser.bundle.network.config
        self.lock = threading.RLock()
        self._hidden: dict[str, Occlusion] = {}

    def required(self, value: Part | None) -> Part:
        """The value. Raises UnavailableError for None."""
        if value is None:
            raise UnavailableError
        return value

    @property
    def example(self) -> Example:
        """Name, source and ground truth of the case."""
        return self.required(self.session.example)

    @property
    def novelty(self) -> OODScore:
        """Distance from the training images."""
        return self.required(self.diagnosis.novelty)

    @property
    def region_attention(self) -> np.ndarray:
        """(regions,), each region's share of the attention."""
        return self.required(self.diagnosis.region_attention)

    @cached_property
    def ranked(self) -> list[tuple[str, float]]:
        """Codes with their probabilities, most probable first."""
        return sorted(self.diagnosis.probabilities.items(), key=lambda item: -item[1])

    @cached_property
    def top(self) -> str:
        """The code of the most probable class."""
        return self.diagnosis.top

    @property
    def _case(self) -> tuple:
        return self.diagnoser, self.diagnosis.regions, self.diagnosis.metadata

    @cached_property
    def ablation(self) -> Ablation:
        """Without each region, word and field."""
        return ablate(*self._case)

    @property
    def removal_changes(self) -> np.ndarray:
        """(regions,), change of the answer's probability without each."""
        return -self.ablation.effect(self.top)

    @cached_property
    def without_lesion(self) -> GroupAblation:
        """Without all boxes of the whole lesion."""
        lesion = self.required(kind_groups(self.diagnosis.regions).get("lesion"))
        return ablate_groups(self.diagnoser, self.diagnosis.regions, {"lesion": lesion}, self.diagnosis.metadata)

    @cached_property
    def margin(self) -> Margin:
        """Log-odds of the answer against the second class, by token."""
        return contributions(self.diagnoser, self.diagnosis).against(self.top)

    @cached_property
    def what_if(self) -> MetadataSweep:
        """The sweep over age, sex and site."""
        return metadata_sweep(*self._case)

    def sweep(self, method: str) -> np.ndarray:
        """The answer's probability over the values of a field; method: of MetadataSweep, e.g. 'over_age'."""
        return getattr(self.what_if, method)()[:, self.what_if.labels.index(self.top)]

    @cached_property
    def doubt(self) -> Uncertainty:
        """Test-time augmentation with eight views."""
        return tta_uncertainty(
            self.diagnoser, self.session.detector_image, self.diagnosis.metadata, self.diagnosis.regions
        )

    @cached_property
    def similarity(self) -> Similarity:
        """Cosine similarity of the regions, layer by layer."""
        return similarity(self.diagnoser, self.diagnosis)

    def region_similarity(self, layer: int) -> float:
        """Mean cosine similarity of the regions at a layer."""
        cosine = float(self.similarity.cosine[layer])
        return self.required(None if np.isnan(cosine) else cosine)

    @cached_property
    def leak(self) -> LabelLeakage:
        """The answers of a model trained with dx_type."""
        model = self.required(self._models and self._models.leaking())
        return label_leakage(model, self.diagnosis.regions, self.diagnosis.metadata)

    @cached_property
    def agreement(self) -> float:
        """Rank correlation of attention with the effect of removal."""
        return self.required(self.faithfulness.spearman.get("attention"))

    @cached_property
    def faithfulness(self) -> AblationFaithfulness:
        """The rankings of the regions, for the answer."""
        return ablation_faithfulness(*self._case)

    @cached_property
    def local(self) -> AblationFaithfulness:
        """The rankings of the model whose parts are described by what lies in them alone, for its own answer."""
        model = self.required(self._models and self._models.local())
        regions = model.regions(self.session.detector_image)
        return ablation_faithfulness(model, regions, self.diagnosis.metadata)

    def operating_point(self, percent: int) -> OperatingPoint:
        """Sensitivity and specificity for melanoma at a threshold in percent."""
        return self.required(operating_point(self.diagnoser.bundle.metrics, percent / 100))

    # --- attention -------------------------------------------------------------------------------------------------

    def map(self, name: str) -> np.ndarray:
        """(heads, queries, keys), the last layer of a map."""
        weights = self.required(getattr(self.diagnosis.attention, name))
        return self.required(None if 0 in weights.shape else weights[-1])

    def spreads(self, name: str) -> np.ndarray:
        """(heads,), effective number of keys: 2 to the mean entropy of a head's rows."""
        weights = self.map(name)
        logs = np.log2(weights, out=np.zeros_like(weights), where=weights > 0)
        return 2 ** -(weights * logs).sum(-1).mean(-1)

    def head_attention(self, number: int) -> np.ndarray:
        """(regions,), what the words attend to in a head, counted from 1."""
        weights = self.map("words_to_regions")
        return self.required(None if number > len(weights) else weights[number - 1].mean(0))

    @cached_property
    def asked(self) -> tuple[int, int, int]:
        """Head, word and region, from 0, of the largest single weight of a word on a region."""
        weights = self.map("words_to_regions")
        head, word, region = np.unravel_index(int(weights.argmax()), weights.shape)
        return int(head), int(word), int(region)

    @cached_property
    def walk(self) -> dict:
        """How that weight is computed: `exploration.walk_through`."""
        head, word, region = self.asked
        layer = len(self.diagnosis.attention.words_to_regions) - 1
        return exploration.walk_through(self.diagnoser, self.diagnosis, "words_to_regions", layer, head, word, region)

    def heated(self, temperature: float) -> np.ndarray:
        """(regions,), the weights of that query at another temperature of the softmax."""
        scores = np.array(self.walk["scores"]) / temperature
        powers = np.exp(scores - scores.max())
        return powers / powers.sum()

    # --- occlusion -------------------------------------------------------------------------------------------------

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the tiles."""
        return grid_for(self.session.detector_image.shape[:2])

    @cached_property
    def lesion_tiles(self) -> tuple[int, ...]:
        """Tiles whose center lies in the first region's box; at least one."""
        rows, columns = self.grid
        x1, y1, x2, y2 = self.diagnosis.regions.rescaled_to((rows, columns)).boxes[0]
        middles = [(at, at % columns + 0.5, at // columns + 0.5) for at in range(rows * columns)]
        inside = tuple(at for at, x, y in middles if x1 <= x <= x2 and y1 <= y <= y2)
        nearest = min(middles, key=lambda one: (one[1] - (x1 + x2) / 2) ** 2 + (one[2] - (y1 + y2) / 2) ** 2)
        return inside or (nearest[0],)

    def tiles(self, which: str) -> tuple[int, ...]:
        """Numbers of the tiles of 'lesion', of what is 'around' it, or of 'none'."""
        rows, columns = self.grid
        if which == "around":
            return tuple(at for at in range(rows * columns) if at not in self.lesion_tiles)
        return self.lesion_tiles if which == "lesion" else ()

    def hidden(self, which: str) -> Occlusion:
        """The answer with these tiles hidden; computed once."""
        if which not in self._hidden:
            (height, width), (rows, columns) = self.session.detector_image.shape[:2], self.grid
            cells = np.zeros(rows * columns, dtype=bool)
            cells[list(self.tiles(which))] = True
            down, across = np.arange(height) * rows // height, np.arange(width) * columns // width
            mask = cells.reshape(rows, columns)[np.ix_(down, across)]
            self._hidden[which] = occlude(self.diagnoser, self.session.detector_image, self.diagnosis.metadata, mask)
        return self._hidden[which]

    @cached_property
    def attention_and_effect_of_tiles(self) -> tuple[np.ndarray, np.ndarray]:
        """Attention on every tile and effect of hiding it, (tiles,) each; slow: 48 detections."""
        found = occlude(self.diagnoser, self.session.detector_image, self.diagnosis.metadata)
        looked, _ = attention_on_grid(self.diagnosis, *self.grid)
        return looked.ravel(), found.effect(self.top)


def effective_count(weights: np.ndarray) -> float:
    """2 to the entropy of the weights: over how many keys they spread."""
    positive = weights[weights > 0]
    return float(2 ** -(positive * np.log2(positive)).sum())
