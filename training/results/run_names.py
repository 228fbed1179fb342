"""Names of experiments, the rows of the tables. Imports no torch."""

import re
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"  # where the rows lie
PROTOCOLS = ("clean", "paper")  # without dx_type on all test lesions; with it on those with a single image
DETAILED = ("classifier",)  # rows of several kinds, which a detail tells apart
_FORM = re.compile(rf"({'|'.join(PROTOCOLS)})-(.+)-seed(\d+)")


@dataclass(frozen=True)
class ExperimentName:
    """PROTOCOL-ROW[-DETAIL]-seedN, such as clean-sga-sga-seed0 or paper-classifier-resnet50-seed0.

    protocol: of PROTOCOLS; row: a unit of `mat_core.models.transformer.UNITS`, UNIT+VARIANT, or a key of
    `experiments.CONTROLS`; detail: of rows in DETAILED, such as a classifier's name.
    """

    protocol: str
    row: str
    seed: int = 0
    detail: str = ""

    @classmethod
    def parse(cls, text: str) -> "ExperimentName | None":
        """The inverse of `str`; None for other texts. The row need not exist."""
        form = _FORM.fullmatch(text)
        if form is None:
            return None
        protocol, row, seed = form.groups()
        for detailed in DETAILED:
            if row.startswith(f"{detailed}-"):
                return cls(protocol, detailed, int(seed), row.removeprefix(f"{detailed}-"))
        return cls(protocol, row, int(seed))

    @property
    def unit(self) -> str:
        """The row without its variant."""
        return self.row.partition("+")[0]

    @property
    def variant(self) -> str:
        """The change to the unit, or ''."""
        return self.row.partition("+")[2]

    @property
    def within(self) -> str:
        """The name within the table of its protocol."""
        return "-".join(part for part in (self.row, self.detail, f"seed{self.seed}") if part)

    def __str__(self) -> str:
        return f"{self.protocol}-{self.within}"
