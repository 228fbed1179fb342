"""Which wheels are installed, against an index on this machine that answers, refuses, or keeps silent."""

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tools import torch_wheels
from tools.torch_wheels import decide


@pytest.fixture
def index(tmp_path):
    """index(status): the file that names an index which answers so; 0 keeps silent."""
    servers = []

    def make(status: int):
        class Index(BaseHTTPRequestHandler):
            def do_HEAD(self):
                assert self.path == "/whl/cpu/torch/"
                if not status:
                    time.sleep(1)
                self.send_response(status or 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Index))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        file = tmp_path / "pre-requirements.txt"
        file.write_text(f"# why\n--extra-index-url http://127.0.0.1:{servers[-1].server_port}/whl/cpu\ntorch==1+cpu\n")
        return file

    yield make
    for server in servers:
        server.shutdown()


def test_the_small_wheels_where_their_index_answers(index):
    file, says = decide("linux", "", asked := index(200))
    assert file == asked
    assert "TORCH=cuda" in says


@pytest.mark.parametrize("status", [403, 404, 500, 0])
def test_the_package_indexs_where_it_does_not(index, monkeypatch, status):
    monkeypatch.setattr(torch_wheels, "PATIENCE", 0.3)
    file, says = decide("linux", "", index(status))
    assert file is None
    assert "does not answer" in says


def test_nothing_is_asked_where_nothing_is_to_choose(tmp_path):
    missing = tmp_path / "none"
    assert decide("darwin", "", missing)[0] is None
    assert "5 GB" in decide("linux", "cuda", missing)[1]


def test_the_projects_own_file_names_an_index():
    assert "--extra-index-url https://" in torch_wheels.FILE.read_text(encoding="utf-8")
