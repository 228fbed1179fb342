"""Pictures of named cases: of a folder, of the archive however it behaves, else a phantom that says what it is."""

import re
import socket
import threading
import time

import httpx
import numpy as np
import pytest
from conftest import HAM10000
from fake_isic_archive import FILES, archive_server, named

from interface.components.case_browser import casebook_html
from interface.components.example_gallery import provenance_html
from mat_core import DataError
from mat_core.data.image_encoding import encode_jpeg, encode_png
from mat_core.data.image_loading import load_image
from teaching.cases.download_cache import Cache, cache_folder
from teaching.cases.isic_archive import HOSTS, MAX_TRIES, ArchiveError, IsicClient
from teaching.cases.library import IN_ARCHIVE, IN_CACHE, IN_FOLDER, MISSING, OFFLINE_NOTE, CaseLibrary, open_library
from teaching.phantoms import make_phantom

CASE, PICTURE = named(7)
ALL = {CASE.id: PICTURE}


def client(server, **options) -> IsicClient:
    """An archive client for a test: it waits for no one."""
    given = {"waits": (0.0, 0.0), "timeout": httpx.Timeout(0.5), "whole": 3.0, **options}
    return IsicClient(server.address, "", **given)


def files_only(answer):
    """A misbehaviour of the file server alone."""
    return lambda handler: handler.path.startswith(FILES) and (answer(handler) or True)


def fetch(change, **options) -> tuple[bytes | str, list[str]]:
    """What a misbehaving archive's picture becomes: its bytes, or the sentence; and what the archive was asked."""
    with archive_server(ALL, change) as server:
        try:
            return client(server, **options).picture(CASE), server.asked
        except ArchiveError as error:
            return str(error), server.asked


def test_a_picture_comes_and_nothing_leaves_but_the_id():
    with archive_server(ALL) as server:
        assert client(server).picture(CASE) == PICTURE
        assert server.asked == [f"/api/v2/images/{CASE.id}/", f"{FILES}{CASE.id}.jpg"]
        assert all({name.lower() for name in sent} <= {"host", "accept", "accept-encoding", "connection", "user-agent"}
                   for sent in server.sent)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says", "requests"),
    [
        (lambda h: h.give_json({"detail": "Not found."}, 404) or True, "no such picture", 1),
        (files_only(lambda h: h.give(500, b"", "text/html")), "status 500", 2 * MAX_TRIES),
        (files_only(lambda h: h.give(200, PICTURE[:-5000], "image/jpeg", len(PICTURE))), "broke off", 2 * MAX_TRIES),
        (files_only(lambda h: h.give(200, b"x" * 100, "image/jpeg", 10**12)), "larger than 5 MB", 2),
        (lambda h: h.give(302, b"", "text/html", headers={"Location": h.path + "a"}) or True, "more than 3 times", 4),
    ],
    ids=["missing", "in trouble", "cut off", "huge", "redirected for ever"],
)
def test_a_misbehaving_archive_is_named_and_tried_again_where_it_helps(change, says, requests):
    told, asked = fetch(change)
    assert says in told
    assert len(asked) == requests


def test_trouble_that_passes_and_a_redirect_within_the_archive_are_not_noticed():
    def once(handler):
        return len(handler.server.asked) == 1 and (handler.give(503, b"", "text/html") or True)

    def redirect(handler):
        if handler.path.endswith(".jpg"):
            handler.give(302, b"", "text/html", headers={"Location": handler.path + "?signed=1"})
        elif handler.path.endswith("?signed=1"):
            handler.give(200, PICTURE, "image/jpeg")
        else:
            return False
        return True

    assert fetch(once)[0] == fetch(redirect)[0] == PICTURE


def test_the_apis_size_is_not_believed():
    # the archive writes captions into its files afterwards, and leaves the size as it was
    def change(handler):
        record = handler.record(CASE.id)
        record["files"]["full"]["size"] -= 5000
        return not handler.path.startswith(FILES) and (handler.give_json(record) or True)

    assert fetch(change)[0] == PICTURE


@pytest.mark.parametrize(
    ("host", "is_theirs"),
    [
        ("content.isic-archive.com", True), ("isic-archive.com", True), ("isic-archive.s3.amazonaws.com", True),
        ("isic-archive.s3.us-east-1.amazonaws.com", True), ("isic-archive.com.example.org", False),
        ("notisic-archive.com", False), ("other.s3.amazonaws.com", False), ("isic-archive.s3.a.b.amazonaws.com", False),
    ],
)  # fmt: skip
def test_the_archives_own_places_are_known(host, is_theirs):
    assert bool(re.fullmatch(HOSTS, host)) == is_theirs


def test_a_picture_that_is_huge_without_saying_so_is_not_read_to_its_end():
    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "image/jpeg")
        handler.end_headers()
        try:
            for _ in range(1000):
                handler.wfile.write(b"x" * 2**16)
            handler.server.asked.append("read to the end")
        except OSError:
            pass

    told, asked = fetch(files_only(endless), largest=2**20)
    assert "larger than 1 MB" in told
    assert "read to the end" not in asked


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/html", b"<p>Sign in", "sent text/html, not image/jpeg"),
        ("image/jpeg", b"no picture at all", "is no picture that can be read"),
        ("image/jpeg", PICTURE[:3000], "is no picture that can be read"),
        ("image/jpeg", encode_jpeg(make_phantom(8, "nv", (450, 600)).image, 90), "another photograph than the one"),
    ],
)
def test_what_is_not_the_picture_is_refused_and_not_asked_for_again(kind, body, said):
    def change(handler):
        if handler.path.startswith(FILES):
            handler.give(200, body, kind)
        else:
            record = handler.record(CASE.id)
            record["files"]["full"]["size"] = len(body)
            handler.give_json(record)
        return True

    told, asked = fetch(change)
    assert said in told
    assert len(asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        None, [], {}, "text", {"isic_id": CASE.id}, {"isic_id": CASE.id, "files": []},
        {"isic_id": CASE.id, "files": {"full": {"url": 5}}},
        {"isic_id": "ISIC_0000001", "files": {"full": {"url": "http://127.0.0.1/a.jpg"}}},
    ],
)  # fmt: skip
def test_an_answer_that_is_not_the_apis_is_told(answer):
    told, asked = fetch(lambda h: h.give_json(answer) or True)
    assert "is not what its API is known to give" in told
    assert len(asked) == 1


@pytest.mark.parametrize(
    "place",
    [
        "http://localhost:{port}/x.jpg", "https://127.0.0.1:{port}/x.jpg", "file:///etc/passwd",
        "http://me:word@127.0.0.1:{port}/x.jpg", "http://127.0.0.1.example.org/x.jpg",
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["redirect", "record"])
def test_a_pointer_elsewhere_is_not_followed(place, way):
    def change(handler):
        to = place.format(port=handler.server.server_port)
        if handler.path.endswith("x.jpg"):
            handler.give(200, PICTURE, "image/jpeg")
        elif way == "redirect" and handler.path.startswith(FILES):
            handler.give(302, b"", "text/html", headers={"Location": to})
        elif way == "record":
            record = handler.record(CASE.id)
            record["files"]["full"]["url"] = to
            handler.give_json(record)
        else:
            return False
        return True

    told, asked = fetch(change)
    assert "not followed" in told
    assert not any(path.endswith("x.jpg") for path in asked)


@pytest.mark.slow
@pytest.mark.parametrize("pause", [0.05, 30])
def test_an_archive_that_is_slow_or_silent_does_not_hold_anybody_up(pause):
    start = time.monotonic()
    told, _ = fetch(files_only(lambda h: h.drip(PICTURE, "image/jpeg", pause)), whole=1.0)
    assert "too long" in told
    assert time.monotonic() - start < 4


def test_an_archive_that_cannot_be_reached_is_left_alone_for_a_while():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        archive = IsicClient(f"http://127.0.0.1:{taken.getsockname()[1]}/", "", timeout=httpx.Timeout(1.0))
        with pytest.raises(ArchiveError, match="cannot be reached from here"):
            archive.picture(CASE)
        start = time.monotonic()
        with pytest.raises(ArchiveError, match="could not be reached a moment ago"):
            archive.picture(CASE)
        assert time.monotonic() - start < 0.1


def library(tmp_path, archive=None, pictures=None) -> CaseLibrary:
    (tmp_path / "phantoms").mkdir(exist_ok=True)
    return CaseLibrary((CASE,), pictures, archive, Cache(tmp_path / "cache", 5 * 2**20), tmp_path / "phantoms")


def test_a_picture_is_asked_for_once_and_then_kept(tmp_path):
    with archive_server(ALL) as server:
        books = library(tmp_path, client(server))
        assert books.where(CASE) == IN_ARCHIVE
        assert server.asked == []  # nobody has opened a case yet
        example = books.example(CASE.id)
        assert (example.name, example.diagnosis, example.metadata) == (CASE.id, "mel", CASE.metadata)
        assert not example.synthetic
        assert example.path.read_bytes() == PICTURE
        assert "somebody; CC 0." in provenance_html(example)
        assert books.where(CASE) == IN_CACHE
        asked = len(server.asked)
        assert books.example(CASE.id).path == example.path
        assert len(server.asked) == asked
    assert library(tmp_path).example(CASE.id).path == example.path  # offline, too


def test_two_visitors_at_once_are_one_download(tmp_path):
    with archive_server(ALL, lambda h: time.sleep(0.1)) as server:
        books = library(tmp_path, client(server))
        threads = [threading.Thread(target=books.example, args=(CASE.id,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.asked) == 2


def test_a_kept_file_that_was_damaged_is_not_there(tmp_path):
    cache = Cache(tmp_path / "cache", 5 * 2**20)
    path = cache.add(CASE.id, PICTURE)
    assert cache.path(CASE.id) == path
    path.write_bytes(PICTURE[:-1])
    assert cache.path(CASE.id) is None
    assert not path.exists()


def test_without_a_network_a_phantom_stands_in_and_says_so(tmp_path):
    books = library(tmp_path)
    assert books.where(CASE) == MISSING
    example = books.example(CASE.id)
    assert example.synthetic
    assert example.metadata == CASE.metadata
    assert np.array_equal(load_image(example.path), make_phantom(7, "mel", (450, 600)).image)
    said = provenance_html(example)
    assert OFFLINE_NOTE in said
    assert f"A phantom stands in for {CASE.id}" in said
    with archive_server({}) as server:
        example = library(tmp_path, client(server)).example(CASE.id)
    assert example.synthetic
    assert example.note.startswith("The ISIC archive has no such picture")


def test_a_folders_picture_comes_first(tmp_path):
    path = tmp_path / "own.png"
    path.write_bytes(encode_png(load_image(PICTURE)))
    with archive_server(ALL) as server:
        books = library(tmp_path, client(server), {CASE.id: path})
        assert books.where(CASE) == IN_FOLDER
        assert books.example(CASE.id).path == path
        assert server.asked == []


def test_a_cache_that_cannot_be_written_to_is_no_failure(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with archive_server(ALL) as server:
        books = library(tmp_path, client(server))
        assert books.example(CASE.id).path.read_bytes() == PICTURE
        assert books.where(CASE) == IN_FOLDER


@pytest.mark.parametrize("name", ["ISIC_9999999", "", None, 3, ["ISIC_0000007"], "../secret"])
def test_no_other_id_is_asked_for(tmp_path, name):
    with archive_server(ALL) as server:
        with pytest.raises(DataError, match="no case of this name"):
            library(tmp_path, client(server)).example(name)
        assert server.asked == []


def test_the_cache_lies_where_the_platform_wants_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "mat-attention-demo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == tmp_path / ".cache" / "mat-attention-demo"
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # a user without a home
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_folder() == tmp_path / "mat-attention-demo"


def test_every_case_can_be_opened_and_filtered(tmp_path):
    books = library(tmp_path)
    html = casebook_html(books)
    assert f'data-case="{CASE.id}" data-diagnosis="mel" data-verdict="wrong"' in html
    assert f'aria-label="Diagnose {CASE.id}: 45, male, back; its picture is not on this machine"' in html
    assert "--offline" in html
    assert "<img" not in html
    path = tmp_path / "own.jpg"
    path.write_bytes(PICTURE)
    html = casebook_html(library(tmp_path, None, {CASE.id: path}))
    assert html.count("<img") == 1
    assert "not on this machine" not in html
    assert casebook_html(CaseLibrary()) == ""


def test_the_library_that_ships_asks_nobody_when_it_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(httpx.Client, "stream", lambda *_, **__: pytest.fail("asked"))
    books, problems = open_library(None, False, tmp_path)
    assert problems == ()
    assert casebook_html(books).count("data-case=") == len(books.cases) >= 40
    assert open_library(None, True, tmp_path, tmp_path / "missing.json")[1] != ()
    offline, _ = open_library(None, True, tmp_path)
    assert offline.where(offline.cases[0]) in (MISSING, IN_CACHE)


@pytest.mark.real
def test_with_the_folder_every_case_is_at_hand_a_missed_melanoma_among_them(tmp_path):
    books, _ = open_library(HAM10000, True, tmp_path)
    assert books.offline_cases() == books.cases
    missed = next(case for case in books.cases if case.missed)
    example = books.example(missed.id)
    assert (example.synthetic, example.diagnosis) == (False, "mel")
    assert example.path.stem == missed.id
