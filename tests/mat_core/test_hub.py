"""The Hub's road, there and back, on a stand-in that misbehaves where it is asked to."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from hub import TOKEN, environment, hub
from huggingface_hub import ModelCard

from mat_core import BundleError, Diagnoser
from mat_core.bundle import CONFIG, DETECTOR, METRICS, NETWORK, load_bundle, save_bundle, write_metrics
from mat_core.labels import CODES
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

    def point(address: str, patience: int = 10):
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


def ask(address, home, image, *args, **more) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mat_core", "diagnose", str(image), "--json", "--checkpoint", *args]
    env = environment(address, home, **more)
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


def sentence(caught) -> str:
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.slow
def test_pushed_and_loaded_by_id_the_answer_is_the_same_to_the_last_bit(
    server, tiny_bundle, tiny_diagnoser, phantom_file, tmp_path
):
    home = tmp_path / "hub"
    command = [sys.executable, "-m", "training", "push", "--checkpoint", str(tiny_bundle), "--to", "someone/tiny"]
    env = environment(server.address, tmp_path / "pusher", HF_TOKEN=TOKEN)
    pushed = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert pushed.returncode == 0, pushed.stderr
    commit, files = server.repos["someone/tiny"][-1]
    assert f'Diagnoser.from_pretrained("someone/tiny", revision="{commit}")' in pushed.stdout
    for line in files["SHA256SUMS"].decode().splitlines():
        sum_, name = line.split("  ")
        assert hashlib.sha256(files[name]).hexdigest() == sum_
    expected = tiny_diagnoser(phantom_file).probabilities
    for revision in ([], ["--revision", commit]):
        done = ask(server.address, home, phantom_file, "someone/tiny", *revision)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["probabilities"] == expected
    # offline: what was downloaded answers, nobody is asked; what was not is told in a sentence
    asked = len(server.asked)
    done = ask(server.address, home, phantom_file, "someone/tiny", HF_HUB_OFFLINE="1")
    assert json.loads(done.stdout)["probabilities"] == expected
    done = ask(server.address, home, phantom_file, "someone/else", HF_HUB_OFFLINE="1")
    assert done.returncode == 2
    assert "someone/else was not downloaded before, and HF_HUB_OFFLINE says not to ask" in done.stderr
    assert len(server.asked) == asked


@pytest.mark.slow
def test_a_bundle_is_downloaded_by_its_hub_name_and_kept(serving, tiny_diagnoser, tmp_path, phantom_file):
    server, _ = serving
    home = tmp_path / "hub"
    done = ask(server.address, home, phantom_file, "mat/tiny")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["probabilities"] == tiny_diagnoser(phantom_file).probabilities
    done = ask(server.address, home, phantom_file, "mat/other")
    assert done.returncode == 2
    assert "no model mat/other on the Hub" in done.stderr
    server.shutdown()
    server.server_close()
    # the Hub is gone: what was downloaded still answers, what was not is told in a sentence
    assert ask(server.address, home, phantom_file, "mat/tiny").returncode == 0
    done = ask(server.address, home, phantom_file, "mat/third")
    assert done.returncode == 2
    assert "Hub could not be reached" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_folder_of_that_name_wins_and_nobody_is_asked(serving, here, tiny_bundle, tmp_path, monkeypatch):
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
    with pytest.raises(BundleError, match="has no revision v9"):
        load_bundle("mat/tiny", "v9")


def test_what_is_no_bundle_is_told_with_the_name_it_has_on_the_hub(server, here):
    here(server.address)
    server.commit("mat/empty", {CONFIG: b"{}", "other.bin": b"x"})
    with pytest.raises(BundleError) as caught:
        load_bundle("mat/empty")
    assert "It was downloaded as mat/empty" in sentence(caught)
    assert "Clone the project" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "says"),
    [("down", "could not be reached"), ("silent", "could not be reached"), ("short", "not whole")],
)
def test_a_hub_that_misbehaves_gets_a_sentence_in_bounded_time(serving, here, fault, says):
    server, _ = serving
    here(server.address, patience=1)
    server.fault = fault
    with pytest.raises(BundleError) as caught:
        load_bundle("mat/tiny")
    assert says in sentence(caught)
    server.fault = None
    assert load_bundle("mat/tiny").name == "tiny random bundle"  # nothing half is left that would be taken for whole


@pytest.mark.slow
def test_a_download_that_breaks_off_goes_on(serving, here, tiny_diagnoser, phantom_file):
    server, _ = serving
    here(server.address)
    server.fault = "cut"
    diagnoser = Diagnoser.from_pretrained("mat/tiny")
    assert server.fault is None  # it did break off
    assert diagnoser(phantom_file).probabilities == tiny_diagnoser(phantom_file).probabilities


def test_weights_with_another_checksum_are_refused_until_they_are_deleted(serving, here):
    server, _ = serving
    cache = here(server.address)
    server.fault = "flipped"
    for _ in range(2):
        with pytest.raises(BundleError) as caught:
            load_bundle("mat/tiny")
        assert "its checksum is not the one in config.json" in sentence(caught)
    place = str(caught.value).split("delete ")[1].split(" and ask")[0]
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


def test_a_bundle_that_shares_a_detector_is_pushed_whole(measured, server, here, tiny_bundle, tmp_path, capsys):
    here(server.address)
    assert training(["push", "--checkpoint", str(measured), "--to", "someone/lean", "--private"]) == 0
    commit, files = server.repos["someone/lean"][-1]
    assert set(files) == {CONFIG, METRICS, NETWORK, DETECTOR, "README.md", "SHA256SUMS"}
    assert files[DETECTOR] == (tiny_bundle / DETECTOR).read_bytes()
    assert commit in capsys.readouterr().out
    assert load_bundle("someone/lean", commit).metrics == {"test": TEST}
    # again: the same files are no new commit, and the repository may be there
    assert training(["push", "--checkpoint", str(measured), "--to", "someone/lean"]) == 0


def test_the_card_has_metrics_as_the_hub_reads_them(measured, server, here):
    here(server.address)
    assert training(["push", "--checkpoint", str(measured), "--to", "someone/lean"]) == 0
    card = ModelCard(server.repos["someone/lean"][-1][1]["README.md"].decode())
    results = {result.metric_type: result.metric_value for result in card.data.eval_results}
    names = ("accuracy", "label_ranking_average_precision", "roc_auc", "balanced_accuracy")
    assert results == dict.fromkeys(names, 0.8125)
    assert card.data.eval_results[0].dataset_split == "test"
    assert (card.data.license, card.data.pipeline_tag) == ("cc-by-nc-4.0", "image-classification")
    assert 'from_pretrained("someone/lean")' in card.content
    assert "not a medical device" in card.content
    assert "| accuracy | .812 | .750 to .875 |" in card.content
    for code in CODES:
        assert f"- `{code}`: " in card.content


def test_a_bundle_without_metrics_or_licence_claims_none(tiny_bundle, server, here):
    here(server.address)
    assert training(["push", "--checkpoint", str(tiny_bundle), "--to", "someone/tiny"]) == 0
    card = ModelCard(server.repos["someone/tiny"][-1][1]["README.md"].decode())
    assert card.data.eval_results is None
    assert card.data.license == "other"
    assert "Not measured on a test split" in card.content
    assert "not told: ask who made it" in card.content


def test_what_the_hub_does_not_take_gets_a_sentence(tiny_bundle, server, here, capsys, monkeypatch, tmp_path):
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
