"""What a lesson can know of a case: all that its values are made of, each computed when it is first asked for."""

import threading
from collections.abc import Callable
from functools import cached_property

import numpy as np

from mat_core import Diagnoser, exploration
from mat_core.explain import (
    Ablation,
    Contributions,
    Doubt,
    Groups,
    Leak,
    Margin,
    Occlusion,
    Similarity,
    WhatIf,
    ablate,
    agree,
    contributions,
    doubt,
    kind_groups,
    leak,
    occlude,
    operating_point,
    similarity,
    take_away,
    what_if,
)  # fmt: skip
from mat_core.explain.cells import attended, grid_for
from mat_core.explain.doubt import OperatingPoint

from ..session import Session

EVEN = 0.005  # change of a probability below which it is called none, as the views do


class Known:
    """One case through one model. Safe between threads. leaking: gives a model that was told dx_type, or None.

    A thing that this model does not have (no guided attention, no curve on val) is None.
    """

    def __init__(self, diagnoser: Diagnoser, session: Session, leaking: Callable[[], Diagnoser | None] = lambda: None):
        self.diagnoser, self.session, self._leaking = diagnoser, session, leaking
        self.diagnosis = session.diagnosis
        self.lock = threading.RLock()

    @cached_property
    def ranked(self) -> list[tuple[str, float]]:
        """Codes with their probabilities, the likeliest first."""
        return sorted(self.diagnosis.probabilities.items(), key=lambda item: -item[1])

    @cached_property
    def top(self) -> str:
        """The code of the answer."""
        return self.diagnosis.top

    @property
    def _case(self) -> tuple:
        return self.diagnoser, self.diagnosis.regions, self.diagnosis.metadata

    @cached_property
    def ablation(self) -> Ablation:
        """Without each part."""
        return ablate(*self._case)

    @cached_property
    def lesion_away(self) -> Groups | None:
        """Without all boxes of the whole lesion."""
        groups = kind_groups(self.diagnosis.regions)
        kept = {"lesion": groups["lesion"]} if "lesion" in groups else None
        return kept and take_away(self.diagnoser, self.diagnosis.regions, kept, self.diagnosis.metadata)

    @cached_property
    def contributions(self) -> Contributions:
        """Each token's part in the logits."""
        return contributions(*self._case)

    @cached_property
    def margin(self) -> Margin:
        """The answer against the likeliest other class."""
        return self.contributions.against(self.top)

    @cached_property
    def what_if(self) -> WhatIf:
        """The sweep over age, sex and site."""
        return what_if(*self._case)

    @cached_property
    def doubt(self) -> Doubt:
        """Eight views: eight times the work."""
        return doubt(self.diagnoser, self.session.image(), self.diagnosis.metadata, self.diagnosis.regions)

    @cached_property
    def similarity(self) -> Similarity:
        """How alike the regions become."""
        return similarity(*self._case)

    @cached_property
    def leak(self) -> Leak | None:
        """What a model answers that was told how the diagnosis was made."""
        told = self._leaking()
        return None if told is None else leak(told, self.diagnosis.regions, self.diagnosis.metadata)

    @cached_property
    def agreement(self) -> float | None:
        """The rank correlation of attention with taking away."""
        return agree(*self._case).spearman.get("attention")

    def calling(self, percent: int) -> OperatingPoint | None:
        """What calling melanoma from so many percent on means."""
        return operating_point(self.diagnoser.bundle.metrics, percent / 100)

    # --- attention -------------------------------------------------------------------------------------------------

    def map(self, name: str) -> np.ndarray | None:
        """(heads, queries, keys), the last layer of a map; None where the model or the case has none."""
        weights = getattr(self.diagnosis.attention, name)
        return None if weights is None or 0 in weights.shape else weights[-1]

    def spreads(self, name: str) -> np.ndarray | None:
        """(heads,), over how many keys each head spreads: 2 to the mean entropy of its rows."""
        weights = self.map(name)
        if weights is None:
            return None
        logs = np.log2(weights, out=np.zeros_like(weights), where=weights > 0)
        return 2 ** -(weights * logs).sum(-1).mean(-1)

    @cached_property
    def asked(self) -> tuple[int, int, int] | None:
        """Head, word and region, from 0, of the largest single weight with which a word looks at a region."""
        weights = self.map("words_to_regions")
        if weights is None:
            return None
        head, word, region = np.unravel_index(int(weights.argmax()), weights.shape)
        return int(head), int(word), int(region)

    @cached_property
    def walk(self) -> dict | None:
        """How that weight came about, as `exploration.walk_through` has it."""
        if self.asked is None:
            return None
        head, word, region = self.asked
        layer = len(self.diagnosis.attention.words_to_regions) - 1
        return exploration.walk_through(*self._case, "words_to_regions", layer, head, word, region)

    def heated(self, temperature: float) -> np.ndarray | None:
        """The weights of that query, (regions,), at another temperature of its softmax."""
        if self.walk is None:
            return None
        scores = np.array(self.walk["scores"]) / temperature
        powers = np.exp(scores - scores.max())
        return powers / powers.sum()

    # --- hiding ----------------------------------------------------------------------------------------------------

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the tiles."""
        return grid_for(self.session.seen.shape[:2])

    @cached_property
    def lesion_tiles(self) -> tuple[int, ...]:
        """Tiles whose middle lies in the first region's box; never none."""
        rows, columns = self.grid
        x1, y1, x2, y2 = self.diagnosis.regions.on_size((rows, columns)).boxes[0]
        middles = [(at, at % columns + 0.5, at // columns + 0.5) for at in range(rows * columns)]
        inside = tuple(at for at, x, y in middles if x1 <= x <= x2 and y1 <= y <= y2)
        nearest = min(middles, key=lambda one: (one[1] - (x1 + x2) / 2) ** 2 + (one[2] - (y1 + y2) / 2) ** 2)
        return inside or (nearest[0],)

    def tiles(self, which: str) -> tuple[int, ...]:
        """Numbers of the tiles of 'lesion', or of what is 'around' it; none for 'none'."""
        rows, columns = self.grid
        if which == "around":
            return tuple(at for at in range(rows * columns) if at not in self.lesion_tiles)
        return self.lesion_tiles if which == "lesion" else ()

    def hidden(self, which: str) -> Occlusion:
        """The answer with these tiles hidden, and the model looking again."""
        return self._hidden_lesion if which == "lesion" else self._hidden_around

    @cached_property
    def _hidden_lesion(self) -> Occlusion:
        return self._hide("lesion")

    @cached_property
    def _hidden_around(self) -> Occlusion:
        return self._hide("around")

    def _hide(self, which: str) -> Occlusion:
        (height, width), (rows, columns) = self.session.seen.shape[:2], self.grid
        cells = np.zeros(rows * columns, dtype=bool)
        cells[list(self.tiles(which))] = True
        down, across = np.arange(height) * rows // height, np.arange(width) * columns // width
        mask = cells.reshape(rows, columns)[np.ix_(down, across)]
        return occlude(self.diagnoser, self.session.seen, self.diagnosis.metadata, mask)

    @cached_property
    def tile_by_tile(self) -> tuple[np.ndarray, np.ndarray]:
        """Attention and effect of hiding of every tile, (tiles,) each: 48 detections, the slowest thing here."""
        found = occlude(self.diagnoser, self.session.seen, self.diagnosis.metadata)
        looked, _ = attended(self.diagnosis, *self.grid)
        return looked.ravel(), found.effect(self.top)
