"""python -m tools.choose_opening_case [--data DIR]: list melanomas that the page could open on, best first.

Candidates are phantoms or, with --data, the named cases of a HAM10000 folder. A candidate has complete metadata, is
diagnosed as melanoma with high probability and in distribution, and loses probability when one tile is occluded; the
one with the largest effect comes first. The choice is written in `teaching/cases/examples.py`.
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mat_core import Diagnoser, Metadata
from mat_core.data.ham10000 import read_dataset
from mat_core.data.image_loading import load_image
from mat_core.explain import occlude
from teaching.cases.catalog import read_cases
from teaching.phantoms import make_phantom

SEEDS = 40
CODE = "mel"
MIN_PROBABILITY, MIN_EFFECT = 0.6, 0.2


class Candidate(NamedTuple):
    """effect: the probability lost when the tile with the largest effect is occluded."""

    name: str
    probability: float
    effect: float


def assess(diagnoser: Diagnoser, name: str, image: np.ndarray, metadata: Metadata) -> Candidate | None:
    """The melanoma as a candidate, or None where it is not suited."""
    if None in (metadata.age, metadata.sex, metadata.localization):
        return None
    diagnosis = diagnoser(image, metadata)
    probability = diagnosis.probabilities[CODE]
    unfamiliar = diagnosis.novelty is not None and diagnosis.novelty.is_out_of_distribution
    if diagnosis.top != CODE or probability < MIN_PROBABILITY or unfamiliar:
        return None
    effect = float(occlude(diagnoser, image, metadata).effect(CODE).max())
    return Candidate(name, probability, effect) if effect >= MIN_EFFECT else None


def phantom_cases() -> Iterator[tuple[str, np.ndarray, Metadata]]:
    """Name, image and metadata of phantom melanomas."""
    for seed in range(SEEDS):
        phantom = make_phantom(seed, CODE, (450, 600))
        yield f"seed {seed}", phantom.image, phantom.metadata


def named_cases(data: str) -> Iterator[tuple[str, np.ndarray, Metadata]]:
    """Name, image and metadata of the named melanomas in `data`. Raises DataError where that is no data set."""
    images = {case.image_id: case.image for case in read_dataset(data, None).cases}
    for case in read_cases()[0]:
        if case.diagnosis == CODE and case.id in images:
            yield case.id, load_image(images[case.id]), case.metadata


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.choose_opening_case", description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="DIR", help="a HAM10000 folder (default: phantoms)")
    data = parser.parse_args().data
    diagnoser = Diagnoser.from_pretrained()
    assessed = (assess(diagnoser, *case) for case in (named_cases(data) if data else phantom_cases()))
    for candidate in sorted(filter(None, assessed), key=lambda candidate: -candidate.effect):
        print(f"{candidate.name}: probability {candidate.probability:.0%}, effect {candidate.effect:.0%}")
