"""What the page should open on: a drawing, or a named case of a HAM10000 folder, whose answer is right and shows why.

`python -m tools.opening` looks at the drawings of the first seeds, with `--data DIR` at the named cases whose
photographs are below DIR. It keeps the melanomas that the shipped model answers as one, surely enough, without taking
them for unfamiliar, and with all three metadata fields known. The one where hiding a single tile of the picture changes
the answer most comes first: that is the evidence a trainee should see. `interface/examples.py` has both choices.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mat_core import Diagnoser, Metadata
from mat_core.explain import occlude
from mat_core.ham10000 import read_dataset
from mat_core.images import load_image
from mat_core.named_cases import read_cases
from mat_core.phantoms import make_phantom

SEEDS = 40
CODE = "mel"
SURE, VISIBLE = 0.6, 0.2  # what the answer has at least, and what hiding one tile takes from it


@dataclass(frozen=True)
class Candidate:
    """One case. probability: of its diagnosis; effect: what hiding its most telling tile takes away."""

    name: str
    probability: float
    effect: float


def teaches(diagnoser: Diagnoser, name: str, image: np.ndarray, known: Metadata) -> Candidate | None:
    """The melanoma, where its answer is right, sure, familiar and visible; None where it is not."""
    if None in (known.age, known.sex, known.localization):
        return None
    diagnosis = diagnoser(image, known)
    unfamiliar = diagnosis.novelty is not None and diagnosis.novelty.outside
    if diagnosis.top != CODE or diagnosis.probabilities[CODE] < SURE or unfamiliar:
        return None
    effect = float(occlude(diagnoser, image, known).effect(CODE).max())
    return Candidate(name, diagnosis.probabilities[CODE], effect) if effect >= VISIBLE else None


def drawings() -> Iterator[tuple[str, np.ndarray, Metadata]]:
    """Name, image and metadata of the drawings of the first seeds."""
    for seed in range(SEEDS):
        phantom = make_phantom(seed, CODE, (450, 600))
        yield f"seed {seed}", phantom.image, phantom.metadata


def named(data: str) -> Iterator[tuple[str, np.ndarray, Metadata]]:
    """The same of the named melanomas whose photographs are below `data`. Raises DataError where it is no data set."""
    there = {case.image_id: case.image for case in read_dataset(data, None).cases}
    for case in read_cases()[0]:
        if case.diagnosis == CODE and case.id in there:
            yield case.id, load_image(there[case.id]), case.metadata


def main() -> None:
    """Print the candidates, best first."""
    parser = argparse.ArgumentParser(prog="python -m tools.opening", description="What the page should open on.")
    parser.add_argument(
        "--data", metavar="DIR", help="a HAM10000 folder: look at the named cases in it, not at drawings"
    )
    data = parser.parse_args().data
    diagnoser = Diagnoser.from_pretrained()
    found = [one for case in (named(data) if data else drawings()) if (one := teaches(diagnoser, *case))]
    for one in sorted(found, key=lambda one: -one.effect):
        print(f"{one.name}: melanoma {one.probability:.0%}, one tile takes away {100 * one.effect:.0f} points")
    if not found:
        print("None teaches with this model.")


if __name__ == "__main__":
    main()
