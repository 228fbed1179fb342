"""Lesson values of changes: regions removed, pixels hidden, words replaced. A change is new minus original."""

import numpy as np

from mat_core.data.metadata import CLEAN_FIELDS
from mat_core.explain import AblationFaithfulness
from mat_core.explain.faithfulness import RANDOM
from mat_core.utils.formatting import format_signed
from teaching.sentences import flip_text
from teaching.translations import text

from .case_facts import CaseFacts, UnavailableError
from .value_registry import CLASSES, DIRECTIONS, choice, count, points, share, string

TOP_TILES = 8  # of 48
REMOVABLE = (*CLEAN_FIELDS, "words")
EVEN = 0.005  # a smaller change counts as none
SWEEPS = {"ages": "over_age", "sites": "over_sites"}


def direction(change: float) -> str:
    """The key of DIRECTIONS for a change of a probability."""
    return "even" if abs(change) < EVEN else "up" if change > 0 else "down"


def attended_removed(case: CaseFacts) -> float:
    return float(case.removal_changes[case.region_attention.argmax()])


def decisive_region(case: CaseFacts) -> int:
    return int(np.abs(case.removal_changes).argmax()) + 1


def decisive_change(case: CaseFacts) -> float:
    return float(case.removal_changes[decisive_region(case) - 1])


def hidden_change(case: CaseFacts, of: str) -> float:
    return -float(case.hidden(of).effect(case.top)[0])


def hidden_share(case: CaseFacts) -> float:
    occlusion = case.hidden("lesion")
    return float(occlusion.hidden[0][occlusion.labels.index(case.top)])


def hidden_class(case: CaseFacts) -> str:
    occlusion = case.hidden("lesion")
    return occlusion.labels[int(occlusion.hidden[0].argmax())]


def shared_tiles(case: CaseFacts) -> int:
    attended, decisive = (
        set(np.argsort(-values, kind="stable")[:TOP_TILES].tolist()) for values in case.attention_and_effect_of_tiles
    )
    return len(attended & decisive)


def removed_metadata(case: CaseFacts, of: str) -> float:
    ablation, at = case.ablation, case.ablation.labels.index(case.top)
    without = case.required(ablation.without_words if of == "words" else ablation.without_field.get(of))
    return float(without[at] - ablation.probabilities[at])


def uniform_attention(case: CaseFacts) -> float:
    at = case.ablation.labels.index(case.top)
    return float(case.required(case.ablation.uniform)[at] - case.ablation.probabilities[at])


def ten_removed(found: AblationFaithfulness, ranking: str) -> float:
    if ranking not in found.deletion:
        raise UnavailableError
    return found.without_top(ranking) - float(found.deletion[RANDOM][0])


def smallest_flip(case: CaseFacts) -> str:
    flip = case.what_if.smallest_counterfactual()
    return text("value.no-flip") if flip is None else flip_text(flip)


# fmt: off
count("attended.region", "the most attended region", lambda case: case.region_attention.argmax() + 1)
share("attended.share", "its share of the attention", lambda case: case.region_attention.max())
points("attended.away", "change of the answer's probability without it", attended_removed)
choice("attended.away.way", "direction of that change", lambda case: direction(attended_removed(case)), DIRECTIONS)
count("away.region", "the region whose removal changes most", decisive_region)
points("away.change", "change of the answer's probability without it", decisive_change)
choice("away.way", "direction of that change", lambda case: direction(decisive_change(case)), DIRECTIONS)
points("away.lesion", "change without all boxes of the whole lesion",
       lambda case: -float(case.without_lesion.effect(case.top)[0]))
points("hidden.{}", "change with the pixels of the lesion, or all around it, hidden",
       hidden_change, each=("lesion", "around"))
share("hidden.lesion.share", "the answer's probability with the lesion hidden", hidden_share)
choice("hidden.lesion.way", "direction of its change",
       lambda case: direction(hidden_change(case, "lesion")), DIRECTIONS)
choice("hidden.lesion.class", "the model's answer then", hidden_class, CLASSES)
count("tiles.count", "number of tiles that are compared", lambda case: TOP_TILES)
count("tiles.shared", "of the most attended tiles, those that also change the answer most when hidden", shared_tiles)
string("agreement", "rank correlation of attention with the effect of removal",
       lambda case: format_signed(case.agreement))
points("attended.ten", "change of the answer's probability without the ten most attended regions",
       lambda case: ten_removed(case.faithfulness, "attention"))
points("local.ten", "the same of the model with local features", lambda case: ten_removed(case.local, "attention"))
choice("local.ten.way", "direction of that change",
       lambda case: direction(ten_removed(case.local, "attention")), DIRECTIONS)
points("local.random", "the same without ten random regions", lambda case: ten_removed(case.local, RANDOM))
count("local.region", "the region whose removal changes the answer of that model most",
      lambda case: int(np.abs(case.local.scores["ablation"]).argmax()) + 1)
points("local.change", "change of its answer's probability without it", lambda case: case.local.largest_change)
points("without.{}", "change of the answer's probability without the {}", removed_metadata, each=REMOVABLE)
choice("without.{}.way", "direction of the change without the {}",
       lambda case, of: direction(removed_metadata(case, of)), DIRECTIONS, each=REMOVABLE)
points("evenly", "change with all guided attention made uniform", uniform_attention)
share("{}.low", "the answer's lowest probability over all {}",
      lambda case, of: case.sweep(SWEEPS[of]).min(), each=SWEEPS)
share("{}.high", "the answer's highest probability over all {}",
      lambda case, of: case.sweep(SWEEPS[of]).max(), each=SWEEPS)
points("ages.span", "difference of highest and lowest over all ages", lambda case: np.ptp(case.sweep("over_age")))
string("flip", "the smallest change of the metadata that changes the answer", smallest_flip)
