"""Which drawing the page should open on: `python -m tools.opening` looks for one whose answer is right and shows why.

Of the first seeds it keeps the drawings of a melanoma that the shipped model answers as one, surely enough, without
taking them for unfamiliar, and with all three metadata fields known. The one where hiding a single tile of the picture
changes the answer most comes first: that is the evidence a trainee should see. `interface/examples.py` has the choice.
"""

from dataclasses import dataclass

from mat_core import Diagnoser
from mat_core.explain import occlude
from mat_core.phantoms import make_phantom

SEEDS = 40
SURE, VISIBLE = 0.6, 0.2  # what the answer has at least, and what hiding one tile takes from it


@dataclass(frozen=True)
class Candidate:
    """One drawing. probability: of the diagnosis it imitates; effect: what hiding its most telling tile takes away."""

    seed: int
    probability: float
    effect: float


def teaches(diagnoser: Diagnoser, seed: int, code: str) -> Candidate | None:
    """The drawing, where its answer is right, sure, familiar and visible; None where it is not."""
    phantom = make_phantom(seed, code, (450, 600))
    known = phantom.metadata
    if None in (known.age, known.sex, known.localization):
        return None
    diagnosis = diagnoser(phantom.image, known)
    unfamiliar = diagnosis.novelty is not None and diagnosis.novelty.outside
    if diagnosis.top != code or diagnosis.probabilities[code] < SURE or unfamiliar:
        return None
    effect = float(occlude(diagnoser, phantom.image, known).effect(code).max())
    return Candidate(seed, diagnosis.probabilities[code], effect) if effect >= VISIBLE else None


def main() -> None:
    """Print the candidates, best first."""
    diagnoser = Diagnoser.from_pretrained()
    found = [one for seed in range(SEEDS) if (one := teaches(diagnoser, seed, "mel"))]
    for one in sorted(found, key=lambda one: -one.effect):
        print(f"seed {one.seed}: melanoma {one.probability:.0%}, one tile takes away {100 * one.effect:.0f} points")
    if not found:
        print(f"None of {SEEDS} drawings teaches with this model.")


if __name__ == "__main__":
    main()
