"""The cases of lessons, diagnosed: drawings, named cases, a teacher's own; remembered, as many visitors ask for them.

None of them is a visitor's. What is remembered is of the last few cases.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mat_core import DataError, Diagnoser, Metadata
from mat_core.encoding import encode_png
from mat_core.phantoms import make_phantom

from ..examples import Example
from ..library.library import Library
from ..session import analyse, answer_again, for_visitor
from .drawings import house
from .known import Known
from .lesson import CaseOf, Page
from .shelf import NO_OWN, NOT_NAMED

REMEMBERED = 12  # cases, of about a MB each
PHANTOM_SIZE = (450, 600)  # height and width, as the examples are drawn
STANDS_IN = (
    "The photograph of {name} is not here: it comes with --data. A drawing stands in for it, and every number is about "
    "the drawing."
)
Tell = Callable[[float, str], None]


class LessonCases:
    """leaking: gives a model that was told dx_type, or None. Drawings are written where the library writes its own."""

    def __init__(self, diagnoser: Diagnoser, library: Library, leaking: Callable[[], Diagnoser | None] = lambda: None):
        self._diagnoser, self._library, self._leaking = diagnoser, library, leaking
        self._known = functools.lru_cache(REMEMBERED)(self._found)

    def known(self, page: Page, tell: Tell = lambda share, text: None) -> Known:
        """The case that a step is about, with its metadata changed as the step says. Raises UserError."""
        example = self._example(page.case, tell)
        return self._known(example, _changed(example.metadata, page.changes))

    def _found(self, example: Example, metadata: Metadata) -> Known:
        if metadata != example.metadata:  # the same picture: the network alone answers again
            first = for_visitor(self._known(example, example.metadata).session)
            session = answer_again(self._diagnoser, first, metadata)
        else:
            session = analyse(self._diagnoser, example.path, metadata)
        return Known(self._diagnoser, replace(session, example=example), self._leaking)

    def _example(self, case: CaseOf, tell: Tell) -> Example:
        if case.instead is not None and not self._library.is_at_hand(case.name):
            return replace(self._example(case.instead, tell), note=STANDS_IN.format(name=case.name))
        if case.kind == "case":
            if not self._library.knows(case.name):
                raise DataError(f"This step is about {NOT_NAMED.format(name=case.name)}")
            return self._library.example(case.name, tell)
        if case.kind == "own":
            found = self._library.own.get(case.name)
            if found is None:
                raise DataError(f"This step is about {NO_OWN.format(name=case.name)}")
            return found
        if case.kind == "house":
            path = self._written("lesson-house.png", house)
            note = "A drawing of a house by the project: no lesion is in it, and no diagnosis is right."
            return Example("A house", path, Metadata(), "", True, note)
        phantom = make_phantom(case.seed, case.code, PHANTOM_SIZE)
        path = self._written(f"lesson-{case.seed}-{case.code}.png", lambda: phantom.image)
        return Example(f"Drawing {case.seed}", path, phantom.metadata, case.code, True)

    def _written(self, name: str, draw: Callable) -> Path:
        path = self._library.folder / name
        if not path.exists():
            path.write_bytes(encode_png(draw()))
        return path


def _changed(metadata: Metadata, changes: tuple[tuple[str, str], ...]) -> Metadata:
    """The metadata with these fields as a lesson says; 'unknown' takes one away."""
    for name, text in changes:
        metadata = replace(metadata, **{name: text})
    return metadata
