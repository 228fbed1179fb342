"""Lesson values of the prediction: what is read, the answer, how it adds up, uncertainty and thresholds."""

import numpy as np

from mat_core.data.labels import BY_CODE, CODES
from mat_core.explain.label_leakage import DX_TYPE_NAMES
from mat_core.utils.formatting import format_signed
from teaching.sentences import truth_text, value_text

from ..frontend.translations import region_text, text
from .case_facts import CaseFacts
from .value_registry import CLASSES, YES_NO, choice, count, number, share, string

THRESHOLDS = (10, 20, 50, 80)  # percent
DX_TYPES = {way or "silent": way for way in DX_TYPE_NAMES}


def patient_age(case: CaseFacts) -> str:
    age = case.diagnosis.metadata.age
    return value_text(age)


def margin_region(case: CaseFacts) -> int:
    return int(np.abs(case.margin.regions).argmax()) + 1


def leaky_probabilities(case: CaseFacts, of: str) -> np.ndarray:
    return case.leak.probabilities[case.leak.dx_types.index(DX_TYPES[of])]


def found_melanomas(case: CaseFacts, of: int) -> int:
    return round(100 * case.operating_point(of).sensitivity)


# fmt: off
string("case.name", "name of the case", lambda case: case.example.name)
string("case.truth", "the diagnosis, and how it is known",
       lambda case: truth_text(case.example) or text("value.unsaid"))
string("patient.age", "the patient's age", patient_age)
string("patient.sex", "the patient's sex", lambda case: value_text(case.diagnosis.metadata.sex))
string("patient.site", "site of the lesion", lambda case: value_text(case.diagnosis.metadata.localization))
count("words.count", "number of words that the model reads of this patient", lambda case: len(case.diagnosis.words))
string("words.text", "these words",
       lambda case: " ".join(word.text for word in case.diagnosis.words) or text("value.no-word"))
count("regions.count", "number of regions that it reads", lambda case: len(case.diagnosis.regions))
share("regions.score", "the detector's score of the first region", lambda case: case.diagnosis.regions.scores[0])
string("regions.first", "the detector's name for the first region",
       lambda case: region_text(case.diagnosis.regions.names[0]))
choice("top.class", "the answer", lambda case: case.ranked[0][0], CLASSES)
share("top.share", "its probability", lambda case: case.ranked[0][1])
choice("second.class", "the second most probable class", lambda case: case.ranked[1][0], CLASSES)
share("second.share", "its probability", lambda case: case.ranked[1][1])
share("share.{}", "the probability of the class {}",
      lambda case, of: case.required(case.diagnosis.probabilities.get(of)), each=CODES)
share("malignant.share", "the malignant and premalignant classes together",
      lambda case: sum(p for code, p in case.ranked if code in BY_CODE and BY_CODE[code].malignant))
number("margin.total", "log-odds of the answer against the second class", lambda case: case.margin.total)
number("margin.times", "how many times as probable the answer is", lambda case: np.exp(case.margin.total))
string("margin.constant", "the part of these log-odds that depends on no token",
       lambda case: format_signed(case.margin.constant))
string("margin.for", "the sum of the regions that speak for the answer",
       lambda case: format_signed(float(case.margin.regions[case.margin.regions > 0].sum())))
string("margin.against", "the sum of the regions that speak against it",
       lambda case: format_signed(float(case.margin.regions[case.margin.regions < 0].sum())))
count("margin.against.count", "number of regions that speak against it", lambda case: (case.margin.regions < 0).sum())
count("margin.region", "the region with the largest contribution", margin_region)
string("margin.region.adds", "its contribution",
       lambda case: format_signed(float(case.margin.regions[margin_region(case) - 1])))
choice("leak.{}", "the answer of a model trained with dx_type, given the dx_type {}",
       lambda case, of: case.leak.labels[leaky_probabilities(case, of).argmax()], CLASSES, each=DX_TYPES)
share("leak.{}.mel", "its probability of melanoma, given the dx_type {}",
      lambda case, of: leaky_probabilities(case, of)[case.leak.labels.index("mel")], each=DX_TYPES)
count("doubt.views", "number of the eight turned and mirrored views that give the same answer",
      lambda case: case.doubt.agreeing)
count("doubt.reasons", "number of warning signs", lambda case: len(case.doubt.warnings))
choice("novelty.outside", "whether the image is unlike the training images",
       lambda case: "yes" if case.novelty.is_out_of_distribution else "no", YES_NO)
number("novelty.distance", "its distance from the training images", lambda case: case.novelty.distance)
number("novelty.threshold", "the distance below which nearly all validation images lie",
       lambda case: case.novelty.threshold)
count("calling.{}.found", "of 100 melanomas, those found with a threshold of {} percent",
      found_melanomas, each=THRESHOLDS)
count("calling.{}.missed", "of 100 melanomas, those missed with a threshold of {} percent",
      lambda case, of: 100 - found_melanomas(case, of), each=THRESHOLDS)
count("calling.{}.alarmed", "false alarms in 100 other lesions with a threshold of {} percent",
      lambda case, of: 100 - round(100 * case.operating_point(of).specificity), each=THRESHOLDS)
