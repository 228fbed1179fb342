"""A round of practice: so many cases, the same ones wherever the same link is opened.

What is drawn depends on seed, length and kind alone, through SHA-256: on no library's generator, whose numbers may
change with its version. The server keeps nothing of a round; it is drawn again for each question about it.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mat_core import ConfigError, Metadata
from mat_core.data.labels import CODES
from mat_core.utils.validation import check_int

KINDS = ("phantoms", "cases", "own")
MAX_CASES = 40  # cases of a round
MAX_SEED = 2**31 - 1
TWO_WAY = ("mel", "bkl")  # drills of one class against the rest
WRONG, ONLY = "wrong", "only"  # drills: cases that the model gets wrong; cases of some classes, "only-mel-nv"
MAX_TRIES = 60  # drawings that are tried for one that the model gets wrong
# images of each class in HAM10000 (Tschandl et al. 2018)
FREQUENCY = {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}
Cases = Sequence[tuple[str, str, Metadata]]  # name, diagnosis and metadata


@dataclass(frozen=True)
class RoundCase:
    """One case of a round. kind: one of KINDS; name: of the case, its id where it is a real one.

    seed: of a drawing. metadata: of a real case; a drawing brings its own.
    """

    kind: str
    name: str
    diagnosis: str
    seed: int = 0
    metadata: Metadata | None = None


def draw_round(*args, **kwargs) -> tuple[RoundCase, ...]:
    """All cases of a round. Arguments as for `iterate_round`."""
    return tuple(iterate_round(*args, **kwargs))


def iterate_round(
    kind: str,
    seed: int,
    count: int,
    cases: Cases = (),
    drill: str = "",
    prevalence: int | None = None,
    is_wrong: Callable[[RoundCase], bool] | None = None,
) -> Iterator[RoundCase]:
    """The cases of a round, in their order; each is drawn when the iterator comes to it.

    kind: one of KINDS; seed: 0 to MAX_SEED; count: 1 to MAX_CASES; cases: those that there are of this kind.
    drill: one of TWO_WAY, WRONG, "only-" and classes, or "" for all seven. prevalence: percent of the cases that are of
    the class in question, or else melanomas; the other classes come as often as in HAM10000. None: every answer is as
    likely as any other, whatever came before, while there are cases of it that were not drawn yet. is_wrong: whether
    the model gets a case wrong, for WRONG. Raises ConfigError for what there is not.
    """
    if kind not in KINDS:
        raise ConfigError(f"A round is of {', '.join(KINDS)}; got {str(kind)[:20]!r}.")
    check_int("The round's seed", seed, 0, MAX_SEED)
    check_int("The round's length", count, 1, MAX_CASES)
    weights = _weights(drill, prevalence)
    if kind != "phantoms":
        cases = [case for case in cases if case[1] in weights]
        if count > len(cases):
            raise ConfigError(f"There are {len(cases)} cases of this kind; a round of {count} needs as many.")
    drawn = _drawings(seed, weights) if kind == "phantoms" else _cases(kind, seed, cases, weights)
    if drill == WRONG:
        assert is_wrong is not None
        drawn = _only_wrong(drawn, is_wrong)
    return itertools.islice(drawn, count)


def _weights(drill: str, prevalence: int | None) -> dict[str, int]:
    """How likely each class is, in any unit, in the order of CODES; without the classes that do not come."""
    name, *classes = drill.split("-") if isinstance(drill, str) else [None]
    if drill not in ("", *TWO_WAY, WRONG) and (name != ONLY or not classes or not set(classes) <= set(CODES)):
        choices = ", ".join((*TWO_WAY, WRONG, f"{ONLY}- and classes with hyphens"))
        raise ConfigError(f"A drill is {choices}; got {str(drill)[:40]!r}.")
    target = drill if drill in TWO_WAY else "mel"
    if prevalence is not None:
        check_int("The prevalence in percent", prevalence, 1, 99)
        if drill not in ("", *TWO_WAY):
            raise ConfigError(f"The prevalence cannot be set for drill {drill!r}.")
        rest = sum(FREQUENCY.values()) - FREQUENCY[target]
        return {c: prevalence * rest if c == target else (100 - prevalence) * FREQUENCY[c] for c in CODES}
    if drill in TWO_WAY:
        return {code: len(CODES) - 1 if code == target else 1 for code in CODES}
    return {code: 1 for code in CODES if not classes or code in classes}


def _drawings(seed: int, weights: dict[str, int]) -> Iterator[RoundCase]:
    for at in itertools.count():
        code = _chosen(weights, seed, at)
        yield RoundCase("phantoms", f"Drawing {at + 1}", code, _number(seed, at, "look") % 10**6)


def _cases(kind: str, seed: int, cases: Cases, weights: dict[str, int]) -> Iterator[RoundCase]:
    left = {code: sorted((c for c in cases if c[1] == code), key=lambda case: case[0]) for code in weights}
    for at in range(len(cases)):
        pool = left[_chosen({code: weight for code, weight in weights.items() if left[code]}, seed, at)]
        name, diagnosis, metadata = pool.pop(_number(seed, at, "case") % len(pool))
        yield RoundCase(kind, name, diagnosis, 0, metadata)


def _only_wrong(drawn: Iterator[RoundCase], is_wrong: Callable[[RoundCase], bool]) -> Iterator[RoundCase]:
    found = tries = 0
    for case in drawn:
        tries += 1
        if is_wrong(case):
            yield case
            found, tries = found + 1, 0
        elif tries == MAX_TRIES:
            break
    raise ConfigError(f"The model is wrong about {found} of the cases that were tried: choose a round of as many.")


def _chosen(weights: dict[str, int], seed: int, at: int) -> str:
    """A class, in proportion to the weights."""
    number = _number(seed, at, "class") % sum(weights.values())
    for code, weight in weights.items():
        if number < weight:
            return code
        number -= weight
    raise AssertionError("unreachable: the number is less than the sum of the weights")


def _number(*what: object) -> int:
    """A large number that depends on these alone."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, what)).encode()).digest()[:8], "big")
