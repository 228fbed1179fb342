"""The named cases with their pictures: of a HAM10000 folder, else of the ISIC archive, else a phantom stands in.

Nothing is fetched at the start. A picture is asked for when somebody opens its case, and only where that is allowed.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

from mat_core import DataError
from mat_core.data.ham10000 import read_dataset
from mat_core.data.image_encoding import encode_png
from teaching.cases.catalog import NamedCase, read_cases
from teaching.paths import CASES_FILE
from teaching.phantoms import make_phantom

from .custom_cases import read_custom_cases
from .download_cache import Cache, cache_folder
from .example import Example
from .isic_archive import MAX_PICTURE, ArchiveError, IsicClient

IN_FOLDER, IN_CACHE, IN_ARCHIVE, MISSING = "data", "cache", "archive", ""
OFFLINE_NOTE = "The app was started with --offline, so the ISIC archive is not asked."
STAND_IN_NOTE = (
    "{reason} A phantom stands in for {name}: a drawing of what its diagnosis may look like, with its age, sex and "
    "site. The answer below is about the drawing, not about the lesion."
)


def open_library(
    root: str | Path | None, offline: bool, folder: Path, file: Path = CASES_FILE, own: str | Path | None = None
) -> tuple["CaseLibrary", tuple[str, ...]]:
    """The cases of `file`, and a sentence for each that is left out. Nothing is asked of anybody here.

    root: a HAM10000 folder that has pictures, or None; offline: the archive is never asked; folder: see Library; own:
    a teacher's folder, see `read_custom_cases`. Raises DataError for a folder that is none.
    """
    cases, problems = read_cases(file)
    mine, wrong = read_custom_cases(own) if own else ((), ())
    pictures = {case.image_id: case.image for case in read_dataset(root, None).cases} if root else {}
    archive = None if offline else IsicClient()
    cache = Cache(cache_folder(), MAX_PICTURE)
    return CaseLibrary(cases, pictures, archive, cache, folder, mine), (*problems, *wrong)


class CaseLibrary:
    """Where the picture of a named case comes from. Safe between threads.

    pictures: id -> file, of a HAM10000 folder. archive: None forbids asking it. folder: where phantoms are written.
    own: a teacher's cases, by name.
    """

    def __init__(
        self,
        cases: Sequence[NamedCase] = (),
        pictures: dict[str, Path] | None = None,
        archive: IsicClient | None = None,
        cache: Cache | None = None,
        folder: Path = Path(),
        own: Sequence[Example] = (),
    ):
        self.cases, self.own = tuple(cases), {example.name: example for example in own}
        self._by_id = {case.id: case for case in cases}
        self._pictures, self._archive, self._cache, self.folder = dict(pictures or {}), archive, cache, folder
        self._locks = {case.id: threading.Lock() for case in cases}

    def case(self, name: object) -> NamedCase:
        """The case of this id. Raises DataError for any other value."""
        if not isinstance(name, str) or name not in self._by_id:
            raise DataError("There is no case of this name; the list has all that there are.")
        return self._by_id[name]

    def knows(self, name: str) -> bool:
        """Whether there is a named case of this id."""
        return name in self._by_id

    def is_offline(self, name: str) -> bool:
        """Whether this case's photograph needs no network."""
        return self.knows(name) and self.where(self._by_id[name]) in (IN_FOLDER, IN_CACHE)

    def where(self, case: NamedCase) -> str:
        """Where its picture would come from now: HERE, KEPT, THERE, or NOWHERE: then a phantom stands in."""
        return (
            IN_FOLDER
            if case.id in self._pictures
            else IN_CACHE
            if self._kept(case)
            else IN_ARCHIVE
            if self._archive
            else MISSING
        )

    def offline_cases(self) -> tuple[NamedCase, ...]:
        """The cases whose pictures need no network."""
        return tuple(case for case in self.cases if self.where(case) in (IN_FOLDER, IN_CACHE))

    def picture(self, case: NamedCase) -> Path | None:
        """The file of its picture, where that is on this machine."""
        return self.file(case.id)

    def file(self, name: str) -> Path | None:
        """The photograph of an ISIC id on this machine, of a named case or not; nothing is requested."""
        return self._pictures.get(name) or (self._cache.path(name) if self._cache else None)

    def example(self, name: str) -> Example:
        """The case as one to try, downloaded where that is allowed; else a phantom that says what it is.

        Raises DataError for an id that is not in the list.
        """
        case = self.case(name)
        path = self.picture(case)
        if path is not None:
            return self._real(case, path)
        if self._archive is None:
            return self._phantom(case, OFFLINE_NOTE)
        with self._locks[case.id]:  # two visitors, one download
            path = self.picture(case)
            if path is not None:
                return self._real(case, path)
            try:
                data = self._archive.picture(case)
            except ArchiveError as error:
                return self._phantom(case, str(error))
            return self._real(case, self._keep(case, data))

    def _keep(self, case: NamedCase, data: bytes) -> Path:
        if self._cache is not None:
            try:
                return self._cache.add(case.id, data)
            except OSError:
                pass  # no room there: the private folder has it while the app runs
        path = self._pictures[case.id] = self.folder / f"{case.id}.jpg"
        path.write_bytes(data)
        return path

    def _kept(self, case: NamedCase) -> Path | None:
        return self._cache.path(case.id) if self._cache else None

    def _real(self, case: NamedCase, path: Path) -> Example:
        whose = f"{case.attribution}; {case.licence}."
        return Example(case.id, path.resolve(), case.metadata, case.diagnosis, False, whose)

    def _phantom(self, case: NamedCase, reason: str) -> Example:
        seed = int(case.id.removeprefix("ISIC_"))
        path = self.folder / f"phantom-{case.id}.png"
        if not path.exists():
            path.write_bytes(encode_png(make_phantom(seed, case.diagnosis, (450, 600)).image))
        note = STAND_IN_NOTE.format(reason=reason, name=case.id)
        return Example(f"Phantom for {case.id}", path, case.metadata, case.diagnosis, True, note)
