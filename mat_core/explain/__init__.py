"""What mattered, beside what the attention says: one verb and one small result type for each question.

    ablate          what changes when a region, a field or the guidance is taken away?
    agree           do the attended regions matter, on this case?
    relevance       what does attention, weighted by its gradients, add up to through all blocks?
    what_if         what if the patient were older, or the lesion elsewhere?
    compare         what do the other units say?
    leak            what does a model do that was told how the diagnosis was made?
    doubt           how sure is the answer, and does it hold from eight sides?

Everything runs on the regions that the detector found once. Probabilities are calibrated; classes are in the bundle's
order. "Positive" always means: it spoke for the class.
"""

from .ablation import Ablation, ablate
from .agreement import RANKINGS, Agreement, agree, average
from .doubt import Doubt, OperatingPoint, doubt, operating_point
from .leak import Leak, leak
from .relevance import Relevance, relevance
from .side_by_side import Comparison, compare
from .what_if import Flip, WhatIf, what_if

__all__ = [
    "RANKINGS", "Ablation", "Agreement", "Comparison", "Doubt", "Flip", "Leak", "OperatingPoint", "Relevance", "WhatIf",
    "ablate", "agree", "average", "compare", "doubt", "leak", "operating_point", "relevance", "what_if",
]  # fmt: skip
