"""What mattered, beside what the attention says: one verb and one small result type for each question.

    ablate          what changes when a region, a field or the guidance is taken away?
    take_away       what changes when a group of regions is? cumulate: when one after the other is?
    occlude         what changes when a part of the picture is hidden and the model looks again?
    contributions   what does each region, and each word, add to the logits?
    agree           do the attended regions matter, on this case?
    confront        does any ranking of regions agree with hiding their pixels?
    over_cases      how far did one over many cases? a sentence, from what was measured
    similarity      how alike have the blocks made the regions?
    relevance       what does attention, weighted by its gradients, add up to through all blocks?
    what_if         what if the patient were older, or the lesion elsewhere?
    compare         what do the other units say?
    leak            what does a model do that was told how the diagnosis was made?
    doubt           how sure is the answer, and does it hold from eight sides?

Everything but `occlude` and `confront`, which look at the picture again, runs on the regions that the detector found
once. Probabilities are calibrated; classes are in the bundle's order. "Positive" always means: it spoke for the class.
"""

from .ablation import Ablation, Groups, ablate, cumulate, take_away, touching
from .agreement import CONFRONTED, RANKINGS, REFERENCES, Agreement, Confrontation, agree, confront, over_cases
from .contributions import Contributions, Margin, contributions
from .covering import FILLS
from .doubt import Doubt, OperatingPoint, doubt, melanoma_curve, operating_point
from .leak import Leak, leak
from .occlusion import Occlusion, occlude, refine
from .passes import kind_groups
from .relevance import Relevance, relevance
from .scene import StoppedError
from .side_by_side import Comparison, compare
from .similarity import Similarity, similarity
from .what_if import Flip, WhatIf, what_if

__all__ = [
    "CONFRONTED", "FILLS", "RANKINGS", "REFERENCES", "Ablation", "Agreement", "Comparison", "Confrontation",
    "Contributions", "Doubt", "Flip", "Groups", "Leak", "Margin", "Occlusion", "OperatingPoint", "Relevance",
    "Similarity", "StoppedError", "WhatIf", "ablate", "agree", "compare", "confront", "contributions",
    "cumulate", "doubt", "kind_groups", "leak", "melanoma_curve", "occlude", "operating_point", "over_cases", "refine",
    "relevance", "similarity", "take_away", "touching", "what_if",
]  # fmt: skip
