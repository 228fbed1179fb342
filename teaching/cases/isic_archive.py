"""Photographs of named cases from the ISIC archive's public API, one by one, when somebody opens such a case.

What leaves this machine is a public id that `teaching/data/cases.json` names, and nothing else: no picture, no cookie,
nothing of a visitor. What comes back is mistrusted: how long it takes, where it is from, how large it is and what it
shows.
"""

import re
import time
from urllib.parse import urljoin

import httpx

from mat_core import ImageError, UserError, __version__
from mat_core.data.image_loading import load_image
from teaching.cases.catalog import NamedCase, same_photograph

ADDRESS = "https://api.isic-archive.com/api/v2/images/"
# where a photograph may lie: below the archive's own name, or in its public bucket, whose name is nobody else's
HOSTS = r"([\w-]+\.)*isic-archive\.com|isic-archive\.s3(\.[a-z0-9-]+)?\.amazonaws\.com"
TYPES = ("image/jpeg", "image/png", "binary/octet-stream", "application/octet-stream")  # the last two: of bare storage
MAX_PICTURE = 5 * 2**20  # bytes; the archive's files of HAM10000 have 0.4 MB at most
MAX_ANSWER = 2**18  # bytes of JSON
MOST_REDIRECTS = 3
MAX_TRIES = 3
RETRY_DELAYS = (0.5, 1.5)  # seconds before the second and the third try
CONNECT, READ, WHOLE = 4.0, 8.0, 25.0  # seconds: for a connection, for the next bytes, for all of it, tries included
BACKOFF = 60.0  # seconds in which an archive that could not be reached is not asked again


class ArchiveError(UserError):
    """The archive did not give this photograph; the message says why."""


class _RetryableError(Exception):
    """It may be better the next time. The message is what is told when it was not."""


class IsicClient:
    """A client of the archive. Safe between threads; every request has a connection of its own.

    address: of the API, with an id and a slash behind it; hosts: where pictures may lie beside it, as HOSTS; the others
    as the constants of this module.
    """

    def __init__(
        self,
        address: str = ADDRESS,
        hosts: str = HOSTS,
        waits: tuple[float, ...] = RETRY_DELAYS,
        timeout: httpx.Timeout | None = None,
        whole: float = WHOLE,
        largest: int = MAX_PICTURE,
    ):
        self._address, self._waits, self._whole, self._largest = address, waits, whole, largest
        own = httpx.URL(address)
        self._scheme = own.scheme
        self._hosts = re.compile("|".join(filter(None, (re.escape(own.host), hosts))))
        self._timeout = timeout or httpx.Timeout(READ, connect=CONNECT)
        self._silent_until = 0.0

    def picture(self, case: NamedCase) -> bytes:
        """The bytes of the case's photograph: decodable, and the very photograph that the case was chosen for.

        Raises ArchiveError, at the latest when `whole` seconds and one time-out are over.
        """
        if time.monotonic() < self._silent_until:
            raise ArchiveError("The ISIC archive could not be reached a moment ago; it is asked again in a minute.")
        deadline = time.monotonic() + self._whole
        for attempt in range(MAX_TRIES):
            try:
                return self._once(case, deadline)
            except _RetryableError as error:
                if attempt + 1 == MAX_TRIES or time.monotonic() + self._waits[attempt] >= deadline:
                    raise ArchiveError(str(error)) from None
                time.sleep(self._waits[attempt])
        raise AssertionError  # the last try has returned or raised

    def _once(self, case: NamedCase, deadline: float) -> bytes:
        headers = {"User-Agent": f"mat-attention-demo/{__version__}", "Accept-Encoding": "identity"}
        with httpx.Client(timeout=self._timeout, headers=headers, follow_redirects=False) as client:
            try:
                answer = self._answer(client, case.id, deadline)
                address = _file(answer, case.id)
                data = self._bytes(client, address, self._largest, deadline, TYPES)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                self._silent_until = time.monotonic() + BACKOFF
                raise ArchiveError("The ISIC archive cannot be reached from here.") from None
            except httpx.TimeoutException:
                raise _RetryableError("The ISIC archive took too long to answer.") from None
            except (httpx.HTTPError, httpx.InvalidURL):
                raise _RetryableError("The connection to the ISIC archive broke off.") from None
        try:
            image = load_image(data)
        except ImageError:
            raise ArchiveError(f"What the ISIC archive sent for {case.id} is no picture that can be read.") from None
        if not same_photograph(image, case.fingerprint):
            raise ArchiveError(f"What the ISIC archive sent for {case.id} is another photograph than the one named.")
        return data

    def _answer(self, client: httpx.Client, name: str, deadline: float) -> dict:
        address = urljoin(self._address, f"{name}/")
        data = self._bytes(client, address, MAX_ANSWER, deadline, ("application/json",))
        try:
            value = httpx.Response(200, content=data).json()
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise ArchiveError("The ISIC archive's answer is not what its API is known to give.")
        return value

    def _bytes(self, client: httpx.Client, address: str, limit: int, deadline: float, types: tuple[str, ...]) -> bytes:
        """The body of an address, redirects followed within the archive. Raises ArchiveError, _AgainError, httpx's."""
        for _ in range(MOST_REDIRECTS + 1):
            self._allow(address)
            with client.stream("GET", address) as response:
                if response.has_redirect_location:
                    address = urljoin(address, response.headers["location"])
                    continue
                _check_status(response.status_code)
                kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind not in types:
                    raise ArchiveError(f"The ISIC archive sent {kind or 'something without a type'}, not {types[0]}.")
                length = response.headers.get("content-length", "")
                too_large = ArchiveError(f"What the ISIC archive sends is larger than {limit / 2**20:.3g} MB.")
                if length.isdecimal() and len(length) < 16 and int(length) > limit:
                    raise too_large
                parts, received = [], 0
                for part in response.iter_bytes():  # as they come: who waits for more of them does not see the time
                    received += len(part)
                    if received > limit:
                        raise too_large
                    if time.monotonic() > deadline:
                        raise ArchiveError("The ISIC archive took too long to answer.")
                    parts.append(part)
                return b"".join(parts)
        raise ArchiveError(f"The ISIC archive redirected more than {MOST_REDIRECTS} times.")

    def _allow(self, address: str) -> None:
        url = httpx.URL(address)
        if url.scheme != self._scheme or not self._hosts.fullmatch(url.host) or url.userinfo:
            raise ArchiveError("The ISIC archive pointed to another place than its own; that is not followed.")


def _file(answer: dict, name: str) -> str:
    """Address of the full picture in an answer of the API. Raises ArchiveError."""
    files = answer.get("files")
    full = files.get("full") if isinstance(files, dict) else None
    address = full.get("url") if isinstance(full, dict) else None
    if answer.get("isic_id") != name or not isinstance(address, str) or len(address) > 4000:
        raise ArchiveError("The ISIC archive's answer is not what its API is known to give.")
    return address


def _check_status(status: int) -> None:
    if status in (404, 410):
        raise ArchiveError("The ISIC archive has no such picture any more.")
    if status == 429 or status >= 500:
        raise _RetryableError(f"The ISIC archive is in trouble (status {status}).")
    if status != 200:
        raise ArchiveError(f"The ISIC archive did not give the picture (status {status}).")
