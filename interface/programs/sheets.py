"""The endpoints that make paper for a class. An answer is JSON with the file as a data: URI: no file is written."""

from collections.abc import Callable

from mat_core import ConfigError, Diagnoser
from mat_core.encoding import data_uri
from mat_core.explain import ablate, doubt, occlude
from mat_core.handout import FORMATS
from mat_core.handout import handout as make_handout
from mat_core.labels import DISCLAIMER

from ..views.sheets import caveats
from .values import Case, code, one_of


def sheets(diagnoser: Diagnoser) -> list[Callable]:
    bundle = diagnoser.bundle

    def handout(
        case: Case, format: str = "pdf", title: str = "", source: str = "", label: str | None = None, ask: bool = False
    ) -> dict:
        """One page of A4 for a class: regions, probabilities in numbers and words, attention, what mattered, the doubt.

        Returns:
            pdf or png: a data: URI.
        """
        format, label = one_of("format", format, FORMATS), code(bundle.labels, label)
        if not isinstance(ask, bool):
            raise ConfigError(f"ask must be true or false; got {ask!r}.")
        diagnosis, found = diagnoser(case.image, case.metadata), {}
        if ask:
            found = {
                "taken": ablate(diagnoser, diagnosis.regions, case.metadata),
                "doubted": doubt(diagnoser, case.image, case.metadata, diagnosis.regions),
                "hidden": occlude(diagnoser, case.image, case.metadata),
            }
        texts = {"title": title, "source": source, "caveats": caveats(bundle)}
        data = make_handout(diagnosis, case.image, format, label=label, **texts, **found)
        return {format: data_uri(data, format), "disclaimer": DISCLAIMER}

    return [handout]
