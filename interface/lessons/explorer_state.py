"""The explorer's state for a step: settings such as `sharpest` are looked up in the case."""

from mat_core.models.transformer import MAP_BY_NAME

from .case_facts import CaseFacts, UnavailableError
from .schema import PageState

MIXED = ("words_to_regions", "regions_to_words")  # matrices with regions as rows and words as columns


def explorer_state(page: PageState, case: CaseFacts) -> dict:
    """{'map', 'layer', 'head', 'order', 'top', 'reading', 'pin'} as far as the step sets them; tokens count from 0.

    pin: {'row', 'col'} of the matrix, None to free it; a token that the case does not have is not pinned.
    """
    state = {"map": page.map, "order": page.order, "top": page.regions, "reading": page.reading}
    state["layer"] = page.layer - 1 if page.layer is not None else None
    state["head"] = _head(page.head, case)
    return {name: value for name, value in state.items() if value is not None} | {"pin": _pin(page, case)}


def _head(head: str | None, case: CaseFacts) -> int | str | None:
    try:
        if head == "asked":
            return case.asked[0]
        if head in ("sharpest", "broadest"):
            spreads = case.spreads("words_to_regions")
            return int(spreads.argmin() if head == "sharpest" else spreads.argmax())
    except UnavailableError:
        return None
    return head if head in (None, "mean", "max") else int(head) - 1


def _pin(page: PageState, case: CaseFacts) -> dict | None:
    name = page.map or "words_to_regions"
    if page.pin in (None, "none"):
        return None
    if page.pin == "asked":
        try:
            return {"row": case.asked[2], "col": case.asked[1]} if name in MIXED else None
        except UnavailableError:
            return None
    side, number = page.pin.split()
    at = int(number) - 1
    ends = MAP_BY_NAME[name]
    count = len(case.diagnosis.regions if side == "region" else case.diagnosis.words)
    if at >= count or f"{side}s" not in (ends.queries, ends.keys):
        return None
    is_row = side == "region" or name == "words_to_words"
    return {"row": at, "col": None} if is_row else {"row": None, "col": at}
