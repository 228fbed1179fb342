"""The explorer's JSON keeps the network's numbers, small and without markup; the walk-through is the network's own."""

import base64
import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interface.state.explorer_payload import from_payload, to_json, to_payload, walk_through
from interface.tabs.explore import ExplorerCases
from mat_core import ConfigError, DataError, Diagnoser, MATNetwork, Metadata, Regions
from mat_core.data.labels import CODES
from mat_core.data.metadata import FIELDS
from mat_core.display.colors import kind_color
from mat_core.explain import contributions
from mat_core.inference.bundle import load_bundle
from mat_core.models.transformer import ATTENTION_MAPS, UNITS

METADATA = Metadata(55, "female", "lower extremity", "follow_up")  # ten words, the longest input
ROUNDING = 1.01 / 65535  # what fixed point may cost


@pytest.fixture(scope="module")
def regions() -> Regions:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 200, (100, 2))
    boxes = np.hstack([corners, corners + rng.uniform(10, 90, (100, 2))]).astype(np.float32)
    probabilities = rng.dirichlet(np.ones(len(CODES)), 100).astype(np.float32)
    return Regions(boxes, probabilities, rng.normal(0, 1, (100, 20)).astype(np.float32), (300, 400))


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """An image that compresses badly."""
    return np.random.default_rng(1).integers(0, 256, (900, 1200, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def diagnosers(tiny_bundle) -> dict[str, Diagnoser]:
    """Each unit at the paper's size of the maps: 100 regions, ten words, 8 heads; random weights."""
    bundle = load_bundle(tiny_bundle)
    made = {}
    for unit in UNITS:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            network = MATNetwork(replace(bundle.network.config, unit=unit, d=64, h=8, n=100)).eval()
        made[unit] = Diagnoser(replace(bundle, network=network.requires_grad_(False), fields=FIELDS))
    return made


def packed(diagnoser, regions, image, metadata=METADATA, **options) -> dict:
    """The payload of a case."""
    added = contributions(diagnoser, regions, metadata)
    return to_payload(diagnoser.diagnose_regions(regions, metadata), image, added, **options)


@pytest.mark.parametrize("unit", UNITS)
def test_numbers_come_back_and_the_payload_is_small(diagnosers, regions, noise, unit):
    diagnosis = diagnosers[unit].diagnose_regions(regions, METADATA)
    text = to_json(packed(diagnosers[unit], regions, noise, fields=FIELDS))
    assert len(text) <= 300_000
    back = from_payload(text)
    for name in ATTENTION_MAPS:
        before, after = getattr(diagnosis.attention, name), getattr(back.attention, name)
        if before is None:
            assert after is None
            continue
        assert after.shape == before.shape
        assert np.abs(after - before).max() <= ROUNDING
        assert after.astype(float).sum(-1) == pytest.approx(1, abs=1e-5)
    assert (back.unit, back.words, back.size) == (unit, diagnosis.words, regions.size)
    assert back.boxes == pytest.approx(regions.boxes, abs=0.01)
    assert back.scores == pytest.approx(regions.scores, abs=1e-5)
    assert back.probabilities == pytest.approx(diagnosis.probabilities, abs=1e-6)
    margin = contributions(diagnosers[unit], regions, METADATA).against(diagnosis.top)
    assert set(back.contributions) == {"regions", "words", "constant"}
    k, j = CODES.index(margin.label), CODES.index(margin.other)
    for side, count in (("regions", 100), ("words", len(diagnosis.words))):
        between = back.contributions[side][:, k] - back.contributions[side][:, j]
        assert between.shape == (count,)
        assert between == pytest.approx(getattr(margin, side), abs=1e-6)
        if count:  # what the page adds up is the calibrated answer
            total = between.sum() + back.contributions["constant"][k] - back.contributions["constant"][j]
            odds = diagnosis.probabilities[margin.label] / diagnosis.probabilities[margin.other]
            assert total == pytest.approx(math.log(odds), abs=1e-4)
    reads = "words" in UNITS[unit].modalities
    assert back.fields == (
        {"age": "55", "sex": "female", "localization": "lower extremity", "dx_type": "follow_up"} if reads else {}
    )


def test_a_weight_of_1_is_kept_exactly(diagnosers, regions, noise):
    diagnosis = diagnosers["sga-sga"].diagnose_regions(regions, METADATA)
    sharp = np.zeros((1, 8, 100, 10), np.float32)
    sharp[..., 3] = 1
    diagnosis = replace(diagnosis, attention=replace(diagnosis.attention, regions_to_words=sharp))
    added = contributions(diagnosers["sga-sga"], regions, METADATA)
    assert np.array_equal(from_payload(to_payload(diagnosis, noise, added)).attention.regions_to_words, sharp)


def test_without_words_the_maps_are_empty_and_the_fields_missing(diagnosers, regions, noise):
    payload = packed(diagnosers["sga-sga"], regions, noise, None)
    back = from_payload(to_json(payload))
    assert back.words == ()
    assert back.contributions["words"].shape == (0, len(CODES))
    assert back.fields == {"age": None, "sex": None, "localization": None}
    assert back.attention.regions_to_words.shape == (1, 8, 100, 0)
    assert back.attention.words_to_regions.shape == (1, 8, 0, 100)
    assert payload["slots"] == 10


def test_each_region_has_the_color_of_its_kind(diagnosers, regions, noise):
    kinds = ("mel", "nv", "border", "skin", "Cake (COCO)")
    probabilities = np.eye(5, dtype=np.float32)[[0, 2, 1, 3, 4, 2]]
    some = Regions(regions.boxes[:6], probabilities, regions.features[:6], regions.size, kinds)
    added = contributions(diagnosers["sga-sga"], some, METADATA)
    payload = to_payload(diagnosers["sga-sga"].diagnose_regions(some, METADATA), noise, added)
    assert [kind["name"] for kind in payload["kinds"]] == ["Whole lesion", "Border", "Skin", "Anything else"]
    colors = [payload["kinds"][i]["colour"] for i in payload["kind_of"]]
    assert colors == [kind_color(kind) for kind in ("mel", "border", "nv", "skin", "Cake (COCO)", "border")]
    assert colors[0] == colors[2], "one colour for a whole lesion, whatever its diagnosis"


@pytest.mark.parametrize("title", ["</script><img src=x onerror=alert(1)>.jpg", "\x00\ud800 \u2028", "naïve 病变", ""])
def test_titles_come_back_without_markup(diagnosers, regions, noise, title):
    text = to_json(packed(diagnosers["base"], regions, noise, title=title))
    assert "<" not in text
    assert text.isascii()
    assert json.loads(text)["title"] == title
    from_payload(text)


@pytest.fixture(scope="module")
def exported(diagnosers, regions) -> str:
    image = np.zeros((30, 40, 3), np.uint8)
    return to_json(packed(diagnosers["sga-sga"], regions, image, fields=FIELDS))


def with_map(value: dict, **changes) -> None:
    value["attention"]["words_to_regions"] |= changes


def bad_byte(data: str) -> str:
    raw = bytearray(base64.b64decode(data))
    raw[len(raw) // 2] ^= 1
    return base64.b64encode(raw).decode()


DAMAGE = {
    "another kind": (lambda v: v.update(kind="report"), "not an explorer export"),
    "an earlier format": (lambda v: v.update(format=1), "not an explorer export of format 2.* export it once more"),
    "another format": (lambda v: v.update(format=3), "not an explorer export of format 2"),
    "boxes missing": (lambda v: v.pop("boxes"), "damaged"),
    "box of three": (lambda v: v.update(boxes=[box[:3] for box in v["boxes"]]), "not of one length"),
    "boxes that only add up": (lambda v: v.update(boxes=np.reshape(v["boxes"], (200, 2)).tolist()), "contradicts"),
    "endless box": (lambda v: v["boxes"][0].__setitem__(0, math.inf), "damaged"),
    "one name less": (lambda v: v["names"].pop(), "not of one length"),
    "one word less": (lambda v: v["words"].pop(), "does not fit its regions and words"),
    "a word that is a number": (lambda v: v["words"].__setitem__(0, 5), "damaged"),
    "one contribution less": (lambda v: v["contributions"]["words"].pop(), "contributions do not fit"),
    "a region that adds nothing": (lambda v: v["contributions"]["regions"].pop(), "contributions do not fit"),
    "no contributions": (lambda v: v.pop("contributions"), "damaged"),
    "a contribution of six classes": (lambda v: v["contributions"]["regions"][3].pop(), "damaged"),
    "a constant of six classes": (lambda v: v["contributions"]["constant"].pop(), "damaged"),
    "an endless contribution": (lambda v: v["contributions"]["constant"].__setitem__(0, math.inf), "damaged"),
    "unknown unit": (lambda v: v.update(unit="sgsg"), "unit that this version does not know"),
    "five axes": (lambda v: with_map(v, shape=[1, 1, 8, 10, 100]), "shape that cannot be"),
    "negative axes": (lambda v: with_map(v, shape=[1, 8, -10, -100]), "shape that cannot be"),
    "giant map": (lambda v: with_map(v, shape=[1, 8, 10**6, 10**6]), "shape that cannot be"),
    "short map": (lambda v: with_map(v, shape=[1, 8, 10, 101]), "wrong length"),
    "long map": (lambda v: with_map(v, shape=[1, 8, 10, 99]), "wrong length"),
    "no base64": (lambda v: with_map(v, data="!"), "cannot be unpacked"),
    "cut off": (lambda v: with_map(v, data=v["attention"]["words_to_regions"]["data"][:400]), "damaged"),
    "one bit": (lambda v: with_map(v, data=bad_byte(v["attention"]["words_to_regions"]["data"])), "damaged"),
    "a list": (lambda v: v.update(attention=[]), "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_exports_are_refused(exported, damage):
    harm, says = DAMAGE[damage]
    value = json.loads(exported)
    harm(value)
    with pytest.raises(DataError, match=says):
        from_payload(value)


@pytest.mark.parametrize("text", ["", "no json", "[]", "null", "[" * 100_000, b"\xff\xfe", '{"kind": 1}', "1e999"])
def test_other_files_are_refused(text):
    with pytest.raises(DataError):
        from_payload(text)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_cut_or_changed_anywhere_is_read_or_refused(exported, data):
    at = data.draw(st.integers(0, len(exported) - 1))
    text = data.draw(
        st.sampled_from([exported[:at], exported[:at] + "7" + exported[at + 1 :], exported[:at] + exported[at + 1 :]])
    )
    try:
        said = from_payload(text).unit
    except DataError as error:
        said = str(error)
    assert said in UNITS or said.startswith("This file")


# ---------------------------------------------------------------- how one number came about


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", ATTENTION_MAPS)
def test_the_walk_leads_to_the_networks_weight(diagnosers, regions, unit, name):
    diagnoser = diagnosers[unit]
    diagnosis = diagnoser.diagnose_regions(regions, METADATA)
    weights = getattr(diagnosis.attention, name)
    if weights is None:
        with pytest.raises(ConfigError, match="has no attention"):
            walk_through(diagnoser, diagnosis, name, 0, 0, 0, 0)
        return
    queries, keys = name.split("_to_")
    block = diagnoser.bundle.network.layers[0]
    block = block.self_blocks[queries] if queries == keys else block.guided_blocks[queries]
    # from the block's own inputs and projections, not from what it says of itself
    seen = {}
    handle = block.attention.register_forward_pre_hook(lambda _, args: seen.update(query=args[0], guide=args[1]))
    try:
        Diagnoser(diagnoser.bundle).diagnose_regions(regions, METADATA)  # one that remembers nothing of the image
    finally:
        handle.remove()
    with torch.inference_mode():
        q, k, v = (
            getattr(block.attention, what)(seen[source])[0].double().numpy().reshape(-1, 8, 8)
            for what, source in (("query", "query"), ("key", "guide"), ("value", "guide"))
        )
    for head, query, key in ((0, 1, 2), (7, 9, 0)):
        walk = walk_through(diagnoser, diagnosis, name, 0, head, query, key)
        scores = k[:, head] @ q[query, head] / math.sqrt(8)
        softmax = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        assert walk["query"] == pytest.approx(q[query, head], abs=1e-5)
        assert walk["key"] == pytest.approx(k[key, head], abs=1e-5)
        assert walk["value"] == pytest.approx(v[key, head], abs=1e-5)
        assert walk["dot"] == pytest.approx(q[query, head] @ k[key, head], abs=1e-5)
        assert (walk["width"], walk["scale"]) == (8, math.sqrt(8))
        assert walk["scores"] == pytest.approx(scores, abs=1e-5)
        assert walk["weights"] == pytest.approx(softmax, abs=1e-6)
        assert walk["weights"] == pytest.approx(weights[0, head, query], abs=1e-6)
        assert walk["value_norms"] == pytest.approx(np.linalg.norm(v[:, head], axis=1), abs=1e-5)
        assert walk["output"] == pytest.approx(softmax @ v[:, head], abs=1e-5)


@pytest.mark.parametrize(
    "where", [(1, 0, 0, 0), (0, 8, 0, 0), (0, 0, 10, 0), (0, 0, 0, 100), (0, 0, -1, 0), (0, True, 0, 0)]
)
def test_an_index_out_of_range_is_an_error(diagnosers, regions, where):
    diagnoser = diagnosers["sga-sga"]
    with pytest.raises(ConfigError, match="must be a whole number from 0 to"):
        walk_through(diagnoser, diagnoser.diagnose_regions(regions, METADATA), "words_to_regions", *where)


def ask(key: str, **changes) -> dict:
    return {"key": key, "map": "words_to_regions", "layer": 0, "head": 1, "query": 2, "token": 3} | changes


def test_a_case_is_found_by_its_key_alone(diagnosers, regions):
    cases, diagnoser = ExplorerCases(), diagnosers["sga-sga"]
    diagnosis = diagnoser.diagnose_regions(regions, METADATA)
    key = cases.add(diagnoser, diagnosis)
    assert cases.walk_through(ask(key)) == walk_through(diagnoser, diagnosis, "words_to_regions", 0, 1, 2, 3)
    for request in (ask("guess"), {}, None, [], "x", {"key": ["a"]}):
        assert "no longer in the server's memory" in cases.walk_through(request)["error"]
    for name, value in (
        ("map", ["x"]), ("map", "__class__"), ("head", "1"), ("query", 10**9), ("token", None), ("layer", 0.0)
    ):  # fmt: skip
        assert set(cases.walk_through(ask(key, **{name: value}))) == {"error"}


def test_the_longest_unused_case_goes_first(diagnosers, regions):
    diagnoser = diagnosers["base"]
    cases = ExplorerCases(limit=2)
    first, second = (cases.add(diagnoser, diagnoser.diagnose_regions(regions)) for _ in range(2))
    cases.walk_through(ask(first))
    third = cases.add(diagnoser, diagnoser.diagnose_regions(regions))
    assert len(cases) == 2
    gone = [key for key in (first, second, third) if "memory" in cases.walk_through(ask(key))["error"]]
    assert gone == [second]


@pytest.mark.slow
def test_an_unused_case_expires(diagnosers, regions):
    diagnoser = diagnosers["sga-sga"]
    diagnosis = diagnoser.diagnose_regions(regions, METADATA)
    cases = ExplorerCases(age=1.0)
    cases.add(diagnoser, diagnosis)
    time.sleep(0.5)
    used = cases.add(diagnoser, diagnosis)
    assert len(cases) == 2
    deadline = time.monotonic() + 20
    while len(cases) == 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "error" not in cases.walk_through(ask(used))
    while len(cases) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(cases) == 0
