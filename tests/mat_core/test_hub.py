"""Push to the Hub and download from it, on a stand-in that can be made to fail."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from fake_hub import TOKEN, environment, hub
from huggingface_hub import ModelCard

from mat_core import BundleError, Diagnoser
from mat_core import __main__ as core
from mat_core.data.labels import CODES
from mat_core.inference.bundle import CONFIG, DETECTOR, METRICS, NETWORK, load_bundle, save_bundle, write_metrics
from training.__main__ import main as training

MEASURED = {"value": 0.8125, "interval95": [0.75, 0.875]}
TEST = {
    "images": 16, **dict.fromkeys(("acc", "lrap", "auc", "balanced_acc"), MEASURED),
    "melanoma_sensitivity_at_90_specificity": 0.5, "expected_calibration_error": 0.05,
}  # fmt: skip


@pytest.fixture
def server():
    with hub() as running:
        yield running


@pytest.fixture
def serving(server, tiny_bundle):
    """The stand-in with `tiny_bundle` as mat/tiny; gives it and the commit."""
    return server, server.commit("mat/tiny", {f.name: f.read_bytes() for f in tiny_bundle.iterdir()})


@pytest.fixture
def here(monkeypatch, tmp_path):
    """A function that makes this process take an address for the Hub, with a clean cache, and wait so many seconds."""
    from huggingface_hub import constants

    def point(address: str, patience: float = 10):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"  # made of the address when it was imported
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", patience)
        monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", patience)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        return tmp_path / "cache"

    return point


@pytest.fixture
def diagnose(phantom_file, capsys):
    """A function that runs `mat_core diagnose` and returns its probabilities, or its error message."""

    def run(*checkpoint: str):
        status = core.main(["diagnose", str(phantom_file), "--json", "--checkpoint", *checkpoint])
        output = capsys.readouterr()
        assert status == (2 if output.err else 0)
        return output.err or json.loads(output.out)["probabilities"]

    return run


@pytest.mark.slow
def test_a_pushed_bundle_gives_the_same_probabilities(
    server, here, diagnose, tiny_bundle, tiny_diagnoser, phantom_file, capsys, monkeypatch
):
    cache = here(server.address)
    assert training(["push", "--checkpoint", str(tiny_bundle), "--to", "someone/tiny"]) == 0
    commit, files = server.repos["someone/tiny"][-1]
    assert commit in capsys.readouterr().out
    for line in files["SHA256SUMS"].decode().splitlines():
        sum_, name = line.split("  ")
        assert hashlib.sha256(files[name]).hexdigest() == sum_
    expected = tiny_diagnoser(phantom_file).probabilities
    assert diagnose("someone/tiny") == expected
    assert diagnose("someone/tiny", "--revision", commit) == expected
    # offline, in a process that reads the environment: only what is cached is used, and nothing is requested
    requests = len(server.asked)
    env = environment(server.address, cache.parent, HF_HUB_CACHE=str(cache), HF_HUB_OFFLINE="1")
    script = f"""
from mat_core.__main__ import main
options = "diagnose", {str(phantom_file)!r}, "--json", "--checkpoint"
assert [main([*options, name]) for name in ("someone/tiny", "someone/else")] == [0, 2]
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["probabilities"] == expected
    assert "someone/else was not downloaded before" in done.stderr
    assert len(server.asked) == requests


@pytest.mark.slow
def test_a_downloaded_bundle_is_used_when_the_hub_is_gone(serving, here, diagnose, tiny_diagnoser, phantom_file):
    server, _ = serving
    here(server.address)
    expected = tiny_diagnoser(phantom_file).probabilities
    assert diagnose("mat/tiny") == expected
    assert "no model mat/other on the Hub" in diagnose("mat/other")
    here("http://127.0.0.1:9")
    assert diagnose("mat/tiny") == expected
    error = diagnose("mat/third")
    assert "Hub could not be reached" in error
    assert len(error.strip().splitlines()) == 1


def test_a_folder_of_that_name_wins_and_nothing_is_requested(serving, here, tiny_bundle, tmp_path, monkeypatch):
    server, commit = serving
    here(server.address)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_bundle, tmp_path / "mat" / "tiny")
    config = json.loads((tmp_path / "mat/tiny" / CONFIG).read_text())
    (tmp_path / "mat/tiny" / CONFIG).write_text(json.dumps({**config, "name": "the folder's"}))
    assert load_bundle("mat/tiny").name == "the folder's"
    with pytest.raises(BundleError, match="revision belongs to a name on the Hub; mat/tiny is a folder"):
        load_bundle("mat/tiny", commit)
    assert server.asked == []


def test_a_revision_is_what_it_was(serving, here, tiny_bundle):
    server, commit = serving
    here(server.address)
    config = json.loads((tiny_bundle / CONFIG).read_text())
    server.commit("mat/tiny", {CONFIG: json.dumps({**config, "name": "newer"}).encode()})
    assert load_bundle("mat/tiny").name == "newer"
    assert Diagnoser.from_pretrained("mat/tiny", revision=commit).bundle.name == "tiny random bundle"
    with pytest.raises(BundleError, match="v9"):
        load_bundle("mat/tiny", "v9")
    server.commit("mat/empty", {CONFIG: b"{}", "other.bin": b"x"})
    with pytest.raises(BundleError, match="downloaded as mat/empty"):
        load_bundle("mat/empty")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "says"),
    [("down", "could not be reached"), ("silent", "could not be reached"), ("short", "incomplete"), ("cut", None)],
)
def test_a_failing_hub_is_an_error_or_tried_again(serving, here, tiny_bundle, fault, says, monkeypatch):
    server, _ = serving
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between retries
    here(server.address, patience=0.2 if says else 10)
    server.fault = fault
    if says:
        with pytest.raises(BundleError, match=says):
            load_bundle("mat/tiny")
        server.fault = None
        here(server.address)
    assert load_bundle("mat/tiny").identity == load_bundle(tiny_bundle).identity  # nothing partial is taken for whole
    assert server.fault is None  # it did break off


def test_weights_with_another_checksum_are_refused_until_they_are_deleted(serving, here):
    server, _ = serving
    cache = here(server.address)
    server.fault = "flipped"
    for _ in range(2):
        with pytest.raises(BundleError, match="checksum") as caught:
            load_bundle("mat/tiny")
    place = str(caught.value).split("delete ")[1].split(" and try again")[0]
    assert place == str(cache / "models--mat--tiny")
    shutil.rmtree(place)
    server.fault = None
    assert load_bundle("mat/tiny").name == "tiny random bundle"


# ---- push


@pytest.fixture
def measured(tiny_bundle, tmp_path):
    """A bundle that shares its neighbour's detector, with metrics of a test split."""
    shutil.copytree(tiny_bundle, tmp_path / "whole")
    bundle = load_bundle(tmp_path / "whole")
    bundle.notes = {"licence": "CC BY-NC 4.0 (as its data)", "data": "made up"}
    folder = save_bundle(bundle, tmp_path / "lean", beside="whole")
    assert not (folder / DETECTOR).exists()
    write_metrics(folder, {"test": TEST})
    return folder


def test_a_bundle_that_shares_a_detector_is_pushed_whole_with_its_metrics(measured, server, here, tiny_bundle):
    here(server.address)
    push = ["push", "--checkpoint", str(measured), "--to", "someone/lean", "--private"]
    assert training(push) == 0
    commit, files = server.repos["someone/lean"][-1]
    assert set(files) == {CONFIG, METRICS, NETWORK, DETECTOR, "README.md", "SHA256SUMS"}
    assert files[DETECTOR] == (tiny_bundle / DETECTOR).read_bytes()
    assert load_bundle("someone/lean", commit).metrics == {"test": TEST}
    assert training(push) == 0  # the repository may be there
    card = ModelCard(files["README.md"].decode())
    results = {result.metric_type: result.metric_value for result in card.data.eval_results}
    names = ("accuracy", "label_ranking_average_precision", "roc_auc", "balanced_accuracy")
    assert results == dict.fromkeys(names, 0.8125)
    assert card.data.eval_results[0].dataset_split == "test"
    assert (card.data.license, card.data.pipeline_tag) == ("cc-by-nc-4.0", "image-classification")
    parts = ['from_pretrained("someone/lean")', "not a medical device", "| .812 | .750 to .875 |"]
    assert [part for part in (*parts, *(f"- `{code}`: " for code in CODES)) if part not in card.content] == []
    assert training(["push", "--checkpoint", str(tiny_bundle), "--to", "someone/tiny"]) == 0
    card = ModelCard(server.repos["someone/tiny"][-1][1]["README.md"].decode())
    assert (card.data.eval_results, card.data.license) == (None, "other")  # neither metrics nor a licence


def test_a_refused_push_is_one_line(tiny_bundle, server, here, capsys, monkeypatch, tmp_path):
    here(server.address)

    def refused(*args) -> str:
        assert training(["push", *args]) == 2
        said = capsys.readouterr().err
        assert len(said.strip().splitlines()) == 1
        return said

    own = "--checkpoint", str(tiny_bundle)
    assert "is no model bundle" in refused("--checkpoint", str(tmp_path), "--to", "someone/tiny")
    assert "named as user/name" in refused(*own, "--to", "some one/tiny")
    monkeypatch.setenv("HF_TOKEN", "another")
    assert "does not let you write to someone/tiny" in refused(*own, "--to", "someone/tiny")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    here("http://127.0.0.1:9")
    assert "could not be reached" in refused(*own, "--to", "someone/tiny")
    assert server.repos == {}
