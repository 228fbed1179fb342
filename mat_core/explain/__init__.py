"""Explanations of a prediction: one function and one result type each.

    ablate                  remove a region, a metadata field or the guided attention
    ablate_groups           remove groups of regions; `ablate_cumulatively`: one after the other
    occlude                 cover a part of the image and detect again
    contributions           the share of each region and word in the logits
    ablation_faithfulness   do rankings such as attention agree with removing regions?
    occlusion_faithfulness  do they agree with covering the regions' pixels?
    dataset_summary         the same over many cases, from a bundle's metrics
    similarity              how similar the blocks make the regions
    relevance               attention weighted by gradients, through all blocks
    metadata_sweep          predictions for other ages, sexes and localizations
    compare_models          predictions of the other units
    label_leakage           predictions of a model trained with dx_type
    similar_cases           the training lesions that the network finds most similar
    answer_stages           the answer of the class head, of the image alone, with words, and guided
    tta_uncertainty         predictions for eight rotated and mirrored views

`occlude`, `occlusion_faithfulness` and `tta_uncertainty` run the detector again; the others use the given regions.
Probabilities are calibrated; classes are in the bundle's order. A positive effect supports the class.
"""

from .ablation import Ablation, GroupAblation, ablate, ablate_cumulatively, ablate_groups, regions_overlapping
from .answer_stages import AnswerStages, answer_stages
from .batched_forward import kind_groups
from .contributions import Contributions, Margin, contributions
from .counterfactual import Counterfactual, MetadataSweep, metadata_sweep
from .faithfulness import (
    OCCLUSION_RANKINGS,
    RANKINGS,
    REFERENCES,
    AblationFaithfulness,
    OcclusionFaithfulness,
    ablation_faithfulness,
    dataset_summary,
    occlusion_faithfulness,
)
from .label_leakage import LabelLeakage, label_leakage
from .model_comparison import ModelComparison, compare_models
from .occlusion import Occlusion, occlude, refine_grid
from .occlusion_fill import FILLS
from .occlusion_image import CancelledError
from .relevance import Relevance, relevance
from .similar_cases import SimilarCases, similar_cases
from .token_similarity import Similarity, similarity
from .uncertainty import OperatingPoint, Uncertainty, melanoma_curve, operating_point, tta_uncertainty

__all__ = [
    "FILLS", "OCCLUSION_RANKINGS", "RANKINGS", "REFERENCES", "Ablation", "AblationFaithfulness", "AnswerStages",
    "CancelledError", "Contributions", "Counterfactual", "GroupAblation", "LabelLeakage", "Margin", "MetadataSweep",
    "ModelComparison", "Occlusion", "OcclusionFaithfulness", "OperatingPoint", "Relevance", "SimilarCases",
    "Similarity", "Uncertainty", "ablate", "ablate_cumulatively", "ablate_groups", "ablation_faithfulness",
    "answer_stages", "compare_models", "contributions", "dataset_summary", "kind_groups", "label_leakage",
    "melanoma_curve", "metadata_sweep", "occlude", "occlusion_faithfulness", "operating_point", "refine_grid",
    "regions_overlapping", "relevance", "similar_cases", "similarity", "tta_uncertainty",
]  # fmt: skip
