"""One diagnosis as one compact JSON: all that the attention explorer draws, and back again; and how one weight came.

    added = contributions(diagnoser, diagnosis)
    payload = to_payload(diagnosis, image, added)  # plain values; the maps packed, the image a small JPEG
    text = to_json(payload)                        # at most 300 KB for 100 regions, 10 words, 8 heads
    exploration = from_payload(text)               # the same numbers again, to 1e-5

A weight is kept as 16-bit fixed point, so it is at most 1 / 65535 away from the network's, and the rounding is carried
along each row, so a row still sums to 1. The bytes are deflated: rows that sum to 1 are small numbers mostly.
"""

import base64
import binascii
import io
import json
import math
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mat_core.data.image_encoding import data_uri
from mat_core.data.image_loading import scale_image
from mat_core.data.labels import BY_CODE, PARTS, WHOLE_IMAGE, region_name
from mat_core.data.metadata import CLEAN_FIELDS, MAX_WORDS, Word
from mat_core.display.colors import kind_color
from mat_core.errors import ConfigError, DataError
from mat_core.explain.contributions import Contributions
from mat_core.inference.diagnoser import Diagnoser
from mat_core.inference.diagnosis import Attention, Diagnosis
from mat_core.models.detection.regions import Regions
from mat_core.models.transformer import ATTENTION_MAPS, MAP_BY_NAME, SIDES, UNITS

FORMAT = 2
KIND = "mat-attention-explorer"
IMAGE_SIDE = 480  # pixels of the long side: what the explorer's panel shows
IMAGE_BYTES = 40_000  # before base64; a noisy photograph is compressed harder until it fits
LESION, OTHER = "Whole lesion", "Anything else"  # what kinds that share a colour are called
_LEVELS = 65535
_LONGEST = 1_000_000  # weights in one map of a file that is read back; the paper's largest has 80,000


@dataclass(frozen=True)
class Exploration:
    """What `from_payload` reads back: the numbers behind the explorer's view of one diagnosis.

    size: height and width in pixels of the image that was given, which `boxes` (r, 4) x1 y1 x2 y2 refer to. scores:
    (r,), names: of the r regions. words: as read; fields: metadata field -> its value as text, or None when missing.
    probabilities: code -> probability. contributions: 'regions' (r, classes), 'words' (w, classes) and 'constant'
    (classes,), what each adds to the logits over the temperature, so that differences between classes are calibrated
    log-odds. attention: as in `Diagnosis`.
    """

    unit: str
    size: tuple[int, int]
    boxes: np.ndarray
    scores: np.ndarray
    names: tuple[str, ...]
    words: tuple[Word, ...]
    fields: dict[str, str | None]
    probabilities: dict[str, float]
    contributions: dict[str, np.ndarray]
    attention: Attention


def to_payload(
    diagnosis: Diagnosis,
    image: np.ndarray,
    added: Contributions,
    fields: tuple[str, ...] = CLEAN_FIELDS,
    slots: int = MAX_WORDS,
    title: str = "",
) -> dict:
    """Everything that the explorer shows, as plain JSON values.

    image: (h, w, 3) uint8 RGB, the one that was diagnosed. added: what each token adds to the answer. fields: the
    metadata fields that the model reads; slots: the words that it has room for (both are the bundle's). title: what to
    call the case, shown as text, never as markup.
    """
    regions, wiring = diagnosis.regions, UNITS[diagnosis.unit]
    parts = {"regions": added.regions, "words": added.words, "constant": added.constant}
    reads_words = "words" in wiring.modalities
    return {
        "kind": KIND,
        "format": FORMAT,
        "title": title,
        "unit": diagnosis.unit,
        "unit_name": wiring.name,
        "reads_words": reads_words,
        "image": {"height": regions.size[0], "width": regions.size[1], "uri": _image_uri(image)},
        "probabilities": [
            {"code": code, "name": BY_CODE[code].name, "nature": BY_CODE[code].nature, "value": round(p, 6)}
            for code, p in diagnosis.probabilities.items()
        ],
        "boxes": [[round(float(v), 2) for v in box] for box in regions.boxes],
        "scores": [round(float(v), 5) for v in regions.scores],
        "names": [region_name(kind) for kind in regions.names],
        **_kinds(regions),
        "words": [{"text": word.text, "field": word.field} for word in diagnosis.words],
        "fields": {f: _text(getattr(diagnosis.metadata, f)) for f in fields} if reads_words else {},
        "slots": slots if reads_words else 0,
        "contributions": {name: (values / added.temperature).round(6).tolist() for name, values in parts.items()},
        "attention": {name: _pack(getattr(diagnosis.attention, name)) for name in ATTENTION_MAPS},
    }


def to_json(payload: dict) -> str:
    """The payload as ASCII JSON without '<', so that it is inert wherever a page puts it."""
    return json.dumps(payload, separators=(",", ":")).replace("<", "\\u003c")


def from_payload(source: dict | str | bytes) -> Exploration:
    """Read what `to_payload` or the explorer's JSON export wrote. Raises DataError for anything else."""
    try:
        value = source if isinstance(source, dict) else json.loads(source)
        if value["kind"] != KIND or value["format"] != FORMAT:
            raise DataError(
                f"This file is not an explorer export of format {FORMAT}. If an earlier version exported it, diagnose "
                "the image again and export it once more."
            )
        boxes = _finite(value["boxes"], np.float32)
        boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
        words = tuple(Word(str(word["text"]), str(word["field"])) for word in value["words"])
        classes = len(value["probabilities"])
        exploration = Exploration(
            unit=str(value["unit"]),
            size=(int(value["image"]["height"]), int(value["image"]["width"])),
            boxes=boxes,
            scores=_finite(value["scores"], np.float32),
            names=tuple(str(name) for name in value["names"]),
            words=words,
            fields={str(k): None if v is None else str(v) for k, v in value["fields"].items()},
            probabilities={str(p["code"]): float(p["value"]) for p in value["probabilities"]},
            contributions={
                name: _finite(value["contributions"][name], np.float64).reshape(shape)
                for name, shape in {**dict.fromkeys(SIDES, (-1, classes)), "constant": (classes,)}.items()
            },
            attention=Attention(**{name: _unpack(value["attention"].get(name)) for name in ATTENTION_MAPS}),
        )
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error, OverflowError, RecursionError):
        raise DataError("This file is damaged, or not a JSON file that the attention explorer exported.") from None
    lengths = {"regions": len(boxes), "words": len(words)}
    for name, ends in MAP_BY_NAME.items():
        weights = getattr(exploration.attention, name)
        if weights is not None and weights.shape[2:] != (lengths[ends.queries], lengths[ends.keys]):
            raise DataError(f"This file contradicts itself: {name} does not fit its regions and words.")
    count = len(boxes)
    if boxes.shape != (count, 4) or exploration.scores.shape != (count,) or len(exploration.names) != count:
        raise DataError("This file contradicts itself: boxes, scores and names are not of one length.")
    if any(len(exploration.contributions[side]) != lengths[side] for side in SIDES):
        raise DataError("This file contradicts itself: its contributions do not fit its regions and words.")
    if exploration.unit not in UNITS:
        raise DataError(f"This file is of a unit that this version does not know; it knows {', '.join(UNITS)}.")
    return exploration


def walk_through(
    diagnoser: Diagnoser, diagnosis: Diagnosis, name: str, layer: int, head: int, query: int, key: int
) -> dict:
    """How one weight came about, from the real forward pass: every number between a token pair and its weight.

    name: a map of `transformer.ATTENTION_MAPS`; layer, head, query and key count from 0. Returns, with w = d / h
    numbers a vector and n keys: 'query', 'key', 'value' (w,) of this cell; 'dot' = query . key; 'width' = w; 'scale' =
    sqrt(w); 'scores' (n,) = dot products of this query with every key, over the scale; 'weights' (n,) = softmax of the
    scores; 'value_norms' (n,), the length of every key's value vector; 'output' (w,) = the weighted sum of the values,
    which the head hands on. Raises ConfigError for a map that the unit has not, or an index that does not exist.
    """
    output = diagnoser.forward(diagnosis)
    config = diagnoser.bundle.network.config
    words = diagnoser.words(diagnosis.metadata)
    lengths = {"regions": min(len(diagnosis.regions), config.n), "words": len(words)}
    if name not in ATTENTION_MAPS or not output.layers or name not in output.layers[0]:
        raise ConfigError(f"{UNITS[config.unit].name} has no attention {str(name).replace('_', ' ')!r}.")
    queries, keys = lengths[MAP_BY_NAME[name].queries], lengths[MAP_BY_NAME[name].keys]
    limits = {"layer": len(output.layers), "head": config.h, "query": queries, "key": keys}
    for what, index in {"layer": layer, "head": head, "query": query, "key": key}.items():
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < limits[what]:
            raise ConfigError(f"{what} must be a whole number from 0 to {limits[what] - 1}; got {index!r}.")
    seen = output.layers[layer][name]
    q = seen.query[0, head, query].double().numpy()  # (w,)
    k = seen.key[0, head, :keys].double().numpy()  # (n, w)
    v = seen.value[0, head, :keys].double().numpy()  # (n, w)
    weights = seen.weights[0, head, query, :keys].double().numpy()  # (n,)
    scale = math.sqrt(len(q))
    return {
        "query": _short(q),
        "key": _short(k[key]),
        "value": _short(v[key]),
        "dot": float(q @ k[key]),
        "width": len(q),
        "scale": scale,
        "scores": _short(k @ q / scale),
        "weights": _short(weights),
        "value_norms": _short(np.linalg.norm(v, axis=1)),
        "output": _short(weights @ v),
    }


def _kinds(regions: Regions) -> dict:
    """'kinds': the groups of regions that share a colour, 'kind_of': each region's group, by position."""
    groups = [
        region_name(kind) if kind in PARTS or kind == WHOLE_IMAGE else LESION if kind in BY_CODE else OTHER
        for kind in regions.names
    ]
    colors = {group: kind_color(kind) for group, kind in zip(groups, regions.names, strict=True)}
    return {
        "kinds": [{"name": group, "colour": color} for group, color in colors.items()],
        "kind_of": [list(colors).index(group) for group in groups],
    }


def _image_uri(image: np.ndarray) -> str:
    small = Image.fromarray(scale_image(image, IMAGE_SIDE, IMAGE_SIDE) if max(image.shape[:2]) > IMAGE_SIDE else image)
    for quality in (85, 70, 50, 30, 10):  # by Pillow: `optimize` spares bytes
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= IMAGE_BYTES:
            break
    return data_uri(buffer.getvalue(), "jpeg")


def _pack(weights: np.ndarray | None) -> dict | None:
    """(layers, heads, queries, keys) to {'shape', 'data'}: fixed point, high bytes then low bytes, deflated, base64."""
    if weights is None:
        return None
    edges = np.rint(np.cumsum(weights.astype(np.float64), -1) * _LEVELS)
    levels = np.diff(edges, axis=-1, prepend=0).clip(0, _LEVELS).astype(np.uint16).ravel()
    planes = np.concatenate([levels >> 8, levels & 255]).astype(np.uint8)
    return {"shape": list(weights.shape), "data": base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode("ascii")}


def _unpack(packed: dict | None) -> np.ndarray | None:
    if packed is None:
        return None
    shape = tuple(int(length) for length in packed["shape"])
    count = math.prod(shape)
    if len(shape) != 4 or min(shape) < 0 or count > _LONGEST:
        raise DataError("This file is damaged: a map has a shape that cannot be.")
    try:
        inflate = zlib.decompressobj()  # bounded: a small file may inflate to gigabytes
        data = inflate.decompress(base64.b64decode(packed["data"], validate=True), 2 * count + 1)
    except (binascii.Error, zlib.error):
        raise DataError("This file is damaged: a map cannot be unpacked.") from None
    if len(data) != 2 * count or not inflate.eof:
        raise DataError("This file is damaged: a map has the wrong length.")
    planes = np.frombuffer(data, dtype=np.uint8).astype(np.uint16)
    return ((planes[:count] << 8 | planes[count:]) / np.float32(_LEVELS)).reshape(shape).astype(np.float32)


def _finite(values, kind: type) -> np.ndarray:
    """The numbers of a file as an array. Raises ValueError for anything that is no finite number."""
    array: np.ndarray = np.array(values, dtype=kind)
    if not np.isfinite(array).all():
        raise ValueError
    return array


def _short(values: np.ndarray) -> list[float]:
    """Seven significant digits: what float32 holds, in half the text."""
    return [float(f"{value:.7g}") for value in values]


def _text(value) -> str | None:
    return None if value is None else str(value)
