"""A round of practice: so many cases, the same ones wherever the same link is opened.

What is drawn depends on seed, length and kind alone, through SHA-256: on no library's generator, whose numbers may
change with its version. The server keeps nothing of a round; it is drawn again for each question about it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mat_core import ConfigError, Metadata
from mat_core.labels import CODES
from mat_core.limits import whole

KINDS = ("phantoms", "cases", "own")
MOST = 40  # cases of a round
LAST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Drawn:
    """One case of a round. kind: one of KINDS; name: of the case, its id where it is a real one.

    seed: of a drawing. metadata: of a real case; a drawing brings its own.
    """

    kind: str
    name: str
    diagnosis: str
    seed: int = 0
    metadata: Metadata | None = None


def draw_round(
    kind: str, seed: int, count: int, cases: Sequence[tuple[str, str, Metadata]] = ()
) -> tuple[Drawn, ...]:  # fmt: skip
    """The cases of a round, in their order.

    kind: one of KINDS; seed: 0 to LAST_SEED; count: 1 to MOST; cases: name, diagnosis and metadata of those
    that there are of this kind. Every class is as likely as any other, whatever came before, while there are cases of
    it that were not drawn yet. Raises ConfigError for what there is not.
    """
    if kind not in KINDS:
        raise ConfigError(f"A round is of {', '.join(KINDS)}; got {str(kind)[:20]!r}.")
    whole("The round's seed", seed, 0, LAST_SEED)
    whole("The round's length", count, 1, MOST)
    if kind == "phantoms":
        return tuple(
            Drawn(
                kind,
                f"Drawing {at + 1}",
                CODES[_number(seed, at, "class") % len(CODES)],
                _number(seed, at, "look") % 10**6,
            )
            for at in range(count)
        )
    left = {code: sorted((c for c in cases if c[1] == code), key=lambda case: case[0]) for code in CODES}
    if count > len(cases):
        raise ConfigError(f"There are {len(cases)} cases of this kind; a round of {count} needs as many.")
    drawn = []
    for at in range(count):
        codes = [code for code in CODES if left[code]]
        pool = left[codes[_number(seed, at, "class") % len(codes)]]
        name, diagnosis, metadata = pool.pop(_number(seed, at, "case") % len(pool))
        drawn.append(Drawn(kind, name, diagnosis, 0, metadata))
    return tuple(drawn)


def _number(*what: object) -> int:
    """A large number that depends on these alone."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, what)).encode()).digest()[:8], "big")
