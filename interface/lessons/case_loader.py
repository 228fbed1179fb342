"""Load and diagnose the cases of lessons: phantoms, named cases, custom cases. The last few are cached."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mat_core import DataError, Diagnoser, Metadata
from mat_core.data.image_encoding import encode_png
from teaching.cases.example import Example
from teaching.cases.library import CaseLibrary
from teaching.phantoms import make_phantom

from ..frontend.translations import text
from ..state.model_registry import ModelRegistry
from ..state.session import diagnose_image, fork_session, rediagnose
from .case_facts import CaseFacts
from .catalog import NO_OWN, NOT_NAMED
from .sample_images import non_lesion
from .schema import CaseRef, PageState

CACHE_SIZE = 12  # cases, of about 1 MB each
PHANTOM_SIZE = (450, 600)  # height and width, as the examples are drawn


class CaseLoader:
    """models: the models beside the app's own. Phantoms are written into the library's folder."""

    def __init__(self, diagnoser: Diagnoser, library: CaseLibrary, models: ModelRegistry | None = None):
        self._diagnoser, self._library, self._models = diagnoser, library, models
        self._cached = functools.lru_cache(CACHE_SIZE)(self._diagnose)

    def load(self, page: PageState) -> CaseFacts:
        """The case of a step with the step's metadata. Raises UserError."""
        example = self._example(page.case)
        return self._cached(example, replace(example.metadata, **page.changes))

    def _diagnose(self, example: Example, metadata: Metadata) -> CaseFacts:
        if metadata != example.metadata:  # the same image: only the network runs again
            first = fork_session(self._cached(example, example.metadata).session)
            session = rediagnose(self._diagnoser, first, metadata)
        else:
            session = diagnose_image(self._diagnoser, example.path, metadata)
        return CaseFacts(self._diagnoser, replace(session, example=example), self._models)

    def _example(self, case: CaseRef) -> Example:
        if case.stand_in is not None and not self._library.is_offline(case.name):
            return replace(self._example(case.stand_in), note=text("note.lesson-stand-in", name=case.name))
        if case.kind == "case":
            if not self._library.knows(case.name):
                raise DataError(f"This step is about {NOT_NAMED.format(name=case.name)}")
            return self._library.example(case.name)
        if case.kind == "own":
            example = self._library.own.get(case.name)
            if example is None:
                raise DataError(f"This step is about {NO_OWN.format(name=case.name)}")
            return example
        if case.kind == "house":
            path = self._written("lesson-house.png", non_lesion)
            note = text("note.house")
            return Example("A house", path, Metadata(), "", True, note)
        phantom = make_phantom(case.seed, case.code, PHANTOM_SIZE)
        path = self._written(f"lesson-{case.seed}-{case.code}.png", lambda: phantom.image)
        return Example(f"Drawing {case.seed}", path, phantom.metadata, case.code, True)

    def _written(self, name: str, draw: Callable) -> Path:
        path = self._library.folder / name
        if not path.exists():
            path.write_bytes(encode_png(draw()))
        return path
