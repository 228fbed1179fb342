"""What a step sets of the explorer, as it takes it: words such as `sharpest` are looked up in the case."""

from mat_core.units import BY_NAME

from .known import Known
from .lesson import Page

# maps whose matrix has regions on its rows and words on its columns; in the others both sides are of one kind
MIXED = ("words_to_regions", "regions_to_words")


def explorer_of(page: Page, known: Known) -> dict:
    """{'map', 'layer', 'head', 'order', 'top', 'reading', 'pin'}, as far as the step says; tokens count from 0.

    pin: {'row', 'col'} of the matrix, None to free it; a token that the case does not have is not pinned.
    """
    set_to = {"map": page.map, "order": page.order, "top": page.regions, "reading": page.reading}
    set_to["layer"] = page.layer - 1 if page.layer is not None else None
    set_to["head"] = _head(page.head, known)
    found = {name: value for name, value in set_to.items() if value is not None}
    return found | {"pin": _pin(page, known)}


def _head(wanted: str | None, known: Known) -> int | str | None:
    if wanted in (None, "mean", "max"):
        return wanted
    if wanted == "asked":
        return None if known.asked is None else known.asked[0]
    spreads = known.spreads("words_to_regions")
    if wanted in ("sharpest", "broadest"):
        return None if spreads is None else int(spreads.argmin() if wanted == "sharpest" else spreads.argmax())
    return int(wanted) - 1


def _pin(page: Page, known: Known) -> dict | None:
    if page.pin in (None, "none"):
        return None
    name = page.map or "words_to_regions"
    if page.pin == "asked":
        mixed = name in MIXED and known.asked is not None
        return {"row": known.asked[2], "col": known.asked[1]} if mixed else None
    side, number = page.pin.split()
    at = int(number) - 1
    ends = BY_NAME[name]
    count = len(known.diagnosis.regions if side == "region" else known.diagnosis.words)
    if at >= count or f"{side}s" not in (ends.queries, ends.keys):
        return None
    on_rows = side == "region" or name == "words_to_words"
    return {"row": at, "col": None} if on_rows else {"row": None, "col": at}
