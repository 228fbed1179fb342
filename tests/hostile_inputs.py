"""Hostile images and requests, always the same ones, and the app and its visitors as the tests of them need these.

The images are made here from synthetic drawings; no request leaves this machine. Nothing here is a test.
"""

import contextlib
import io
import itertools
import json
import os
import random
import re
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from conftest import ROOT, app_process
from PIL import Image, TiffImagePlugin

from mat_core.data.labels import CODES
from teaching.phantoms import make_phantom

SEED = 15
SOON = 10  # seconds within which every visitor is to have an answer
PATIENCE = 40  # seconds after which an answer is given up: longer than SOON, so that a slow one is told from none
META = {"_type": "gradio.FileData"}
CACHES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME", "TORCH_HOME", "MPLCONFIGDIR")
WORDS = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")  # what tells a sentence from a code or a bare null


# ---------------------------------------------------------------- the app


@dataclass
class App:
    """A running app: `said` grows while it runs. temporary, home, here: the folders it has, and no others' files."""

    url: str
    process: Any
    temporary: Path
    home: Path
    here: Path
    said: list[str] = field(default_factory=list)

    def text(self, since: int = 0) -> str:
        """What it has said on both streams, from line `since` on."""
        return "".join(self.said[since:])

    def memory(self) -> int:
        """Resident bytes now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return 1024 * int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1])

    def files(self) -> dict[str, int]:
        """Every file in the folders that are its own, with its size."""
        found = {}
        for folder in (self.temporary, self.home, self.here):
            for path in folder.rglob("*"):
                try:
                    if path.is_file():
                        found[str(path)] = path.stat().st_size
                except OSError:  # deleted while we look
                    pass
        return found


@contextmanager
def running(place: Path, *args, patch: str = "") -> Iterator[App]:
    """The app with a home, a temporary and a working folder of its own below `place`; patch: code that runs first."""
    home, temporary, here = (place / name for name in ("home", "tmp", "here"))
    for folder in (home, temporary, here):
        folder.mkdir()
    code = "\n".join(
        [
            f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); os.chdir({str(here)!r})",
            patch,
            "import app; sys.exit(app.main())",
        ]
    )
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("HOME", str(home))
        changed.setenv("PYTHONDONTWRITEBYTECODE", "1")
        for name in CACHES:
            changed.delenv(name, raising=False)
        with app_process(*args, temporary=temporary, start=("-c", code)) as (url, process):
            app = App(url.rstrip("/"), process, temporary, home, here)
            # a full pipe would stop the app: it is read all the time
            reader = threading.Thread(target=lambda: app.said.extend(process.stdout), daemon=True)
            reader.start()
            yield app
    reader.join(10)


# ---------------------------------------------------------------- its visitors


@dataclass(frozen=True)
class Answer:
    """What came back: the status, whether the work was done, its data, else `told`, the text of the refusal."""

    status: int
    good: bool
    data: Any
    told: str
    seconds: float


class Visitor:
    """A client with an address of its own, 127.x.y.z, and what a page or a program does in one call."""

    def __init__(self, app: App | str, address: str = "127.0.0.1", **headers: str):
        self.url = app if isinstance(app, str) else app.url
        self.http = httpx.Client(
            base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False,
            transport=httpx.HTTPTransport(local_address=address),
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    @cached_property
    def config(self) -> dict:
        return self.http.get("/config").json()

    def upload(self, data: bytes, name: str = "lesion.png") -> str:
        """The path that the app gives an uploaded file."""
        answer = self._patiently("/gradio_api/upload", files={"files": (name, data)})
        assert answer.status_code == 200, answer.text[:300]
        return answer.json()[0]

    def call(self, endpoint: str, *data, body: Any = None) -> Answer:
        """A named endpoint, as the README's curl asks it: one request to ask, one to hear the answer."""
        began = time.monotonic()
        asked = self._patiently(f"/gradio_api/call/{endpoint}", json={"data": list(data)} if body is None else body)
        return self.heard(asked, f"/gradio_api/call/{endpoint}/", began)

    def event(self, number: int, *data, session: str | None = None, **more) -> Answer:
        """An event of the page, as its script asks it."""
        began = time.monotonic()
        session = session or f"s{random.getrandbits(48):x}"
        asked = self._patiently(
            "/gradio_api/queue/join", json={"data": list(data), "fn_index": number, "session_hash": session} | more
        )
        return self.heard(asked, f"/gradio_api/queue/data?session_hash={session}", began)

    def heard(self, asked: httpx.Response, where: str, began: float) -> Answer:
        """The answer to what was asked: `where` it is streamed, without the event's number."""
        if asked.status_code != 200:
            return Answer(asked.status_code, False, None, told(asked.text), time.monotonic() - began)
        number = asked.json()["event_id"]
        kind = ""
        with self.http.stream("GET", where if "?" in where else where + number) as stream:
            if stream.status_code != 200:
                return Answer(stream.status_code, False, None, told(stream.read().decode()), time.monotonic() - began)
            for line in stream.iter_lines():
                if time.monotonic() - began > PATIENCE:
                    raise TimeoutError(f"no answer from {where}")
                kind = line.removeprefix("event: ") if line.startswith("event: ") else kind
                if not line.startswith("data: "):
                    continue
                said = json.loads(line.removeprefix("data: "))
                if kind in ("complete", "error"):
                    good, data = kind == "complete", said
                elif isinstance(said, dict) and said.get("msg") == "process_completed":
                    good, output = said["success"], said["output"]
                    data = output.get("data") if good else output
                elif isinstance(said, dict) and said.get("msg") == "unexpected_error":
                    good, data = False, said
                else:
                    continue
                words = told(json.dumps(data)) if not good else ""
                return Answer(200, good, data if good else None, words, time.monotonic() - began)
        raise AssertionError(f"{where} ended without an answer")

    def _patiently(self, path: str, **request) -> httpx.Response:
        """A POST; who is told to wait (429, and 503 of a full queue) asks again for a while."""
        for _ in range(40):
            answer = self.http.post(path, **request)
            if answer.status_code not in (429, 503) or self.hasty:
                break
            time.sleep(0.25)
        return answer

    hasty = False  # True: a request to wait is an answer like others


def told(text: str) -> str:
    """The sentence inside the JSON of a refusal; the text itself where it is no JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    while isinstance(value, dict):
        value = next((value[k] for k in ("error", "detail", "message", "msg") if value.get(k) is not None), None)
    if isinstance(value, list):  # as FastAPI tells what is wrong with a body
        value = "; ".join(str(one.get("msg", one) if isinstance(one, dict) else one) for one in value)
    return "" if value is None else str(value)


def is_sentence(text: str) -> bool:
    return bool(WORDS.search(text)) and "Traceback" not in text


def is_vector(probabilities: Any) -> bool:
    """Whether these are probabilities of the seven classes."""
    return (
        isinstance(probabilities, dict)
        and list(probabilities) == list(CODES)
        and all(isinstance(p, float) and 0 <= p <= 1 for p in probabilities.values())
        and abs(sum(probabilities.values()) - 1) < 1e-6
    )


def shown_vector(data: Any) -> dict[str, float] | None:
    """The probabilities in what a page event gave, None where there is no answer in it."""
    found = re.findall(r'data-code=\\"(\w+)\\" data-probability=\\"([^\\]+)\\"', json.dumps(data))
    return {code: float(p) for code, p in sorted(found)} or None


def page_events(config: dict) -> dict[str, dict]:
    """Events of the page that read its image, by what sets them off, such as 'diagnose.click': number and inputs."""
    parts = {part["id"]: part for part in config["components"]}
    image = next(number for number, part in parts.items() if part["props"].get("elem_id") == "image")
    found = {}
    for event in config["dependencies"]:
        if image not in event["inputs"] or not event["backend_fn"]:
            continue
        for number, kind in event["targets"]:
            # what follows another event is set off by no part
            name = f"after {event['id']}" if number is None else parts[number]["props"].get("elem_id") or str(number)
            inputs = [parts[n]["props"].get("elem_id") or parts[n]["type"] for n in event["inputs"]]
            found[f"{name}.{kind}"] = {"number": event["id"], "inputs": inputs}
    return found


def page_inputs(names: list[str], image: Any) -> list:
    """Values for the fields of an event, all but the image as they are on a page just opened."""
    known = {
        "image": image,
        "age": 55,
        "sex": "female",
        "localization": "back",
        "k": 5,
        "order": "attention",
        "head": "Average",
    }
    return [known.get(name) for name in names]


def given(path: str, **more) -> dict:
    return {"path": path, "meta": META, **more}


# ---------------------------------------------------------------- images


def encode(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(number: int, width: int = 120, height: int = 90) -> Image.Image:
    """A synthetic lesion, another for each number."""
    return Image.fromarray(make_phantom(number, CODES[number % 7], (height, width)).image)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int = 8, color: int = 2, rows: bytes = b"", *more: bytes) -> bytes:
    """A PNG of these very claims; rows: the pixels with their filter bytes."""
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *more, chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def images() -> dict[str, bytes]:
    """More than 300 files that somebody might send as an image, by name; a third of them are images after all."""
    found: dict[str, bytes] = {}
    for part in (_damaged, _lying, _shapes, _modes, _animated, _turned, _no_images, _stuffed):
        found.update(part(random.Random(SEED)))
    return found


def heavy_images() -> dict[str, bytes]:
    """Small files of as many pixels as are allowed: what they take in memory is the decoder's affair."""
    side = 7000
    grey = Image.new("L", (side, side), 90)
    deep = Image.new("I;16", (side, side), 30000)
    return {
        "grey PNG of 49 megapixels": encode(grey, "PNG"),
        "RGBA PNG of 49 megapixels": encode(Image.merge("RGBA", [grey] * 4), "PNG", compress_level=1),
        "16-bit PNG of 49 megapixels": encode(deep, "PNG"),
        "float TIFF of 49 megapixels": encode(Image.new("F", (side, side), 0.25), "TIFF", compression="tiff_deflate"),
    }


KINDS = {
    "JPEG": {"quality": 90}, "PNG": {}, "WEBP": {"quality": 80}, "BMP": {}, "TIFF": {"compression": "tiff_lzw"},
    "GIF": {},
}  # fmt: skip


def _whole() -> dict[str, bytes]:
    return {kind: encode(picture(number), kind, **options) for number, (kind, options) in enumerate(KINDS.items())}


def _damaged(chance: random.Random) -> dict[str, bytes]:
    found = {}
    for kind, data in _whole().items():
        for share in (0.001, 0.01, 0.05, 0.3, 0.6, 0.9, 0.99):
            found[f"{kind} cut at {share:.1%}"] = data[: max(1, int(len(data) * share))]
        for flips in (1, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144):
            broken = bytearray(data)
            for _ in range(flips):
                broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
            found[f"{kind} with {flips} bits flipped ({len(found)})"] = bytes(broken)
        for _ in range(4):  # in the headers, where lengths and offsets are
            broken = bytearray(data)
            for _ in range(4):
                broken[chance.randrange(min(64, len(broken)))] = chance.randrange(256)
            found[f"{kind} with a broken header ({len(found)})"] = bytes(broken)
        start = chance.randrange(len(data) // 2)
        found[f"{kind} with a hole"] = data[:start] + data[start + 100 :]
        found[f"{kind} twice"] = data + data
    return found


def _lying(chance: random.Random) -> dict[str, bytes]:
    whole, found = _whole(), {}
    for one, data in whole.items():
        for other, rest in whole.items():
            if one != other:
                found[f"head of {one}, body of {other}"] = data[:12] + rest[12:]
    for width, height in ((1 << 31) - 1, 1), (65535, 65535), (100_000, 100_000), (0, 0), (0, 64), (7072, 7072):
        found[f"PNG that claims {width} x {height}"] = png(width, height)
    found["PNG bomb of 144 megapixels, 1 bit"] = png(12000, 12000, 1, 0, bytes(1501 * 12000))
    found["PNG bomb of 51 megapixels"] = png(7150, 7150, 8, 0, bytes(7151 * 7150))
    found["GIF that claims 65535 x 65535"] = b"GIF89a" + struct.pack("<HH", 65535, 65535) + whole["GIF"][10:]
    bmp = bytearray(whole["BMP"])
    bmp[18:26] = struct.pack("<ii", 1 << 30, 1 << 30)
    found["BMP that claims 2^60 pixels"] = bytes(bmp)
    bmp[18:26] = struct.pack("<ii", -120, -(1 << 31))
    found["BMP with negative sides"] = bytes(bmp)
    found["JPEG that claims 65500 x 65500"] = re.sub(
        rb"(\xff\xc0\x00\x11\x08)....", lambda found: found[1] + b"\xff\xdc\xff\xdc", whole["JPEG"], count=1, flags=re.S
    )
    for sides in ((9000, 9000), (60000, 40)):
        found[f"TIFF of {sides}"] = encode(Image.new("1", sides), "TIFF", compression="group4")
    for number in range(6):
        found[f"TIFF directory of noise ({number})"] = b"II*\0\x08\0\0\0" + chance.randbytes(400)
    loop = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHII", 256, 4, 1, 64) + struct.pack("<I", 8)
    found["TIFF whose directory points at itself"] = loop
    return found


def _shapes(chance: random.Random) -> dict[str, bytes]:
    sides = [
        (1, 1), (31, 32), (32, 31), (32, 32), (33, 33), (32, 256), (256, 32), (32, 257), (257, 32), (1, 5000),
        (5000, 1), (2, 2), (31, 31), (4000, 600), (600, 4000), (65000, 33),
    ]  # fmt: skip
    return {f"{w} x {h} PNG": encode(Image.new("RGB", (w, h), (w % 256, h % 256, 99)), "PNG") for w, h in sides}


def _modes(chance: random.Random) -> dict[str, bytes]:
    found, base = {}, picture(9)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16"):
        image = base.convert("I").convert("I;16") if mode == "I;16" else _converted(base, mode)
        for kind in ("PNG", "TIFF", "JPEG", "WEBP", "BMP", "GIF"):
            if (mode, kind) == ("I", "PNG"):
                continue  # Pillow writes what it writes of I;16, and is about to stop
            with contextlib.suppress(OSError, KeyError, ValueError):  # no such mode in this format
                found[f"{mode} {kind}"] = encode(image, kind)
    for name, value in ("not numbers", np.nan), ("infinite", np.inf), ("largest", 3.4e38), ("negative", -7.5):
        field_ = np.linspace(0, 1, 90 * 120, dtype=np.float32).reshape(90, 120)
        field_[10:20, 10:20] = value
        found[f"float TIFF with {name}"] = encode(Image.fromarray(field_), "TIFF")
    deep = (np.arange(90 * 120, dtype=np.uint32) * 6 % 65536).astype(np.uint16).reshape(90, 120)
    found["16-bit TIFF"] = encode(Image.fromarray(deep), "TIFF")
    found["16-bit PNG"] = encode(Image.fromarray(deep), "PNG")
    found["flat 16-bit TIFF"] = encode(Image.fromarray(np.full((90, 120), 5, np.uint16)), "TIFF")
    see_through = base.copy()
    see_through.putalpha(0)
    found["PNG that is all transparent"] = encode(see_through, "PNG")
    return found


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if mode == "LAB":  # PIL converts to it through a profile only
        return Image.merge("LAB", image.split())
    return image.convert(mode)


def _animated(chance: random.Random) -> dict[str, bytes]:
    frames, found = [picture(number) for number in range(4)], {}
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        found[f"animated {kind}"] = data
        found[f"animated {kind}, cut"] = data[: len(data) // 2]
    small = [Image.new("P", (40, 40), number % 256) for number in range(600)]
    found["GIF of 600 frames"] = encode(small[0], "GIF", save_all=True, append_images=small[1:])
    return found


def _turned(chance: random.Random) -> dict[str, bytes]:
    found, base = {}, picture(11)
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        found[f"JPEG turned by EXIF {orientation}"] = encode(base, "JPEG", exif=exif)
    for name, data in {
        "noise": b"Exif\0\0" + chance.randbytes(300), "no end": b"Exif\0\0II*\0\xff\xff\xff\x7f", "empty": b"Exif\0\0",
        "a loop": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0",
    }.items():  # fmt: skip
        found[f"JPEG with an EXIF of {name}"] = encode(base, "JPEG", exif=data)
    found["PNG with an EXIF of noise"] = encode(base, "PNG", exif=b"Exif\0\0" + chance.randbytes(300))
    found["JPEG with a broken colour profile"] = encode(base, "JPEG", icc_profile=chance.randbytes(3000))
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[0x0112] = 6
    found["TIFF turned by EXIF 6"] = encode(base, "TIFF", tiffinfo=info)
    return found


def _no_images(chance: random.Random) -> dict[str, bytes]:
    base = picture(12)
    found = {
        "nothing": b"", "one byte": b"\0", "zeros": bytes(5000), "a line": b"\n", "text": b"no picture at all " * 99,
        "HTML": b"<!doctype html><script>alert(1)</script>", "JSON": b'{"path": "/etc/passwd"}',
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99" onload="alert(1)"/>',
        "SVG that reads a file": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(/etc/passwd) (r) file\nshowpage\n",
        "a link": b"http://127.0.0.1:9/x.png", "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        "a program": b"\x7fELF" + bytes(200), "an archive": b"PK\x03\x04" + bytes(200), "a PDF": b"%PDF-1.7\n%%EOF",
        "gzip": b"\x1f\x8b\x08" + bytes(40), "a film": b"\0\0\0\x18ftypmp42" + bytes(200),
        "AVIF": b"\0\0\0\x1cftypavif" + bytes(200), "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200),
        "a PSD": b"8BPS\0\x01" + bytes(200), "FLI": b"\0\0\0\0\x11\xaf" + bytes(300),
    }  # fmt: skip
    for size in (1, 16, 128, 1024, 65536):
        found[f"noise of {size} bytes"] = chance.randbytes(size)
    for kind, start in {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff\xe0", "GIF": b"GIF89a", "BMP": b"BM",
                        "WEBP": b"RIFF\xff\xff\xff\xffWEBP", "TIFF": b"MM\0*"}.items():  # fmt: skip
        found[f"{kind}'s first bytes alone"] = start
        found[f"{kind}'s first bytes, then noise"] = start + chance.randbytes(2000)
    for kind in ("PPM", "ICO", "TGA", "PCX", "SGI", "JPEG2000", "DDS"):
        with contextlib.suppress(OSError, KeyError, ValueError):  # PIL was built without it
            found[f"{kind} image"] = encode(base, kind)
    return found


def _stuffed(chance: random.Random) -> dict[str, bytes]:
    """Images with something else in them."""
    whole = _whole()
    found = {}
    for kind, data in whole.items():
        found[f"{kind} and a script"] = data + b"<script>fetch('/config')</script>"
        found[f"{kind} and an archive"] = data + b"PK\x03\x04" + chance.randbytes(500)
    found["GIF that is a script"] = b"GIF89a/*" + whole["GIF"][8:] + b"*/=1;alert(1)"
    rows = b"".join(b"\0" + bytes(3 * 64) for _ in range(64))
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000), 9))
    found["PNG with a text bomb"] = png(64, 64, 8, 2, rows, text)
    profile = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000), 9))
    found["PNG with a profile bomb"] = png(64, 64, 8, 2, rows, profile)
    found["PNG with 5000 texts"] = png(64, 64, 8, 2, rows, *[chunk(b"tEXt", b"a\0b")] * 5000)
    found["PNG with far too few rows"] = png(900, 900, 8, 2, rows)
    found["PNG with too many rows"] = png(64, 64, 8, 2, rows * 500)
    found["PNG of depth 3"] = png(64, 64, 3, 2, rows)
    found["PNG of colour 7"] = png(64, 64, 8, 7, rows)
    other = chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0))
    found["PNG with two headers"] = png(64, 64, 8, 2, rows, other)
    found["PNG palette without colours"] = png(64, 64, 8, 3, b"".join(b"\0" + bytes(64) for _ in range(64)))
    found["JPEG with a comment of 60 KB"] = whole["JPEG"][:2] + b"\xff\xfe\xff\xf0" + b"<" * 65518 + whole["JPEG"][2:]
    return found


# ---------------------------------------------------------------- requests


@dataclass(frozen=True)
class Ask:
    """One request; body: bytes, or a value that is sent as JSON."""

    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path[:80]} {str(self.body)[:80]} {str(self.headers)[:80]}"


ENDPOINTS = (
    "diagnose", "attention", "regions", "words", "explore", "walk_through", "figure", "heatmap", "ablate",
    "take_away", "occlude", "contributions", "similarity", "agree", "relevance", "what_if", "doubt",
    "operating_point", "compare", "leak", "handout", "worksheet", "list_examples", "diagnose_example", "model_card",
)  # fmt: skip
NO_IMAGES: tuple[Any, ...] = (
    "lesion.png", "", "http://127.0.0.1:9/a.png", "data:image/png;base64,AAAA", 0, -1, 1e300, True, False, [], [[]],
    ["lesion.png"], {}, {"path": None}, {"path": ""}, {"path": 5}, {"path": ["a"]}, {"path": {"path": "a"}},
    {"path": "a" * 9000}, {"path": "a\0b"}, {"path": "a", "meta": "x"}, {"path": "a", "size": "x"},
    {"path": ".", "meta": META}, {"url": 5, "meta": META}, {"meta": META}, {"path": "a", "is_stream": True},
    {"path": "a", "orig_name": {"a": 1}, "meta": META}, [{"path": "a", "meta": META}] * 3,
    {"image": {"path": "a", "meta": META}}, {"path": "\ud800", "meta": META}, {"path": "x", "mime_type": [1]},
)  # fmt: skip
BROKEN_JSON = (
    b"", b"{", b"[]", b"null", b"5", b'"data"', b'{"data"}', b'{"data": [}', b'{"data": NaN}', b"\xff\xfe{}",
    b'{"data": [1e999999]}', b"[" * 20_000, b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"data": [' + b"1" * 9999
    + b"]}", b'{"data": ["\\ud800"]}', b"\0" * 100, b"data=1&b=2",
)  # fmt: skip


def requests() -> list[Ask]:
    """More than 300 requests that no page and no program of good will sends."""
    posts = [*_calls(), *_joins(), *_functions()]
    return [*(Ask("POST", f"/gradio_api/{path}", body) for path, body in posts), *_bodies(), *_uploads(), *_paths()]


def _calls() -> Iterator[tuple[str, Any]]:
    bodies = (
        {}, {"data": []}, {"data": [None] * 30}, {"data": None}, {"data": "abc"}, {"data": {"image": 1}},
        {"data": [], "session_hash": 5}, {"data": [], "event_id": "x"},
    )  # fmt: skip
    for endpoint, body in itertools.product(ENDPOINTS, bodies):
        yield f"call/{endpoint}", body
    for value in NO_IMAGES:
        yield "call/diagnose", {"data": [value, 55, "female", "back"]}
        yield "call/figure", {"data": [value, 55, "female", "back", 5, None]}
        yield "call/words", {"data": [value, value, value]}
    for age in ("NaN", "Infinity", "-0.0", "1e400", "1" * 400, "true", '"55"', "[55]", '"\\u0000"', "-1e-300"):
        yield "call/words", f'{{"data": [{age}, "female", "back"]}}'.encode()
    for name in ("nothing", "%00", "a" * 3000, "..", "diagnose%2f..", "DIAGNOSE", "v2/diagnose", "lambda", "_"):
        yield f"call/{name}", {"data": []}


def _joins() -> Iterator[tuple[str, Any]]:
    for number in (-1, 99999, "x", None, 1.5, [], {}, 10**30, True):
        yield "queue/join", {"data": [], "fn_index": number, "session_hash": "hostile"}
    for session in (None, 5, [], "", "../..", "a" * 5000, "\0"):
        yield "queue/join", {"data": [], "fn_index": 0, "session_hash": session}
    # the page's events with nothing, with too much, with the wrong things; a session each: of two who read one
    # session's stream, one gets the other's answer and waits in vain
    for number, data in itertools.product(range(0, 60, 3), ([], [{}] * 9, ["x"] * 7)):
        yield "queue/join", {"data": data, "fn_index": number, "session_hash": f"h{number}-{len(data)}",
                             "event_data": {"index": 99}, "trigger_id": 10**9}  # fmt: skip


def _functions() -> Iterator[tuple[str, Any]]:
    """Of components, and what takes no part in the app."""
    for number in (-1, 10**9, "x", None, [], {}, 1.5):
        yield "component_server", {"data": [{}], "component_id": number, "fn_name": "walk_through", "session_hash": "h"}
    names = ("__init__", "preprocess", "postprocess", "as_example", "", None, 5, "ls", "walk_through.__globals__")
    for name, number in itertools.product(names, (1, 40, 100)):
        body = {"data": ["/etc/passwd"], "component_id": number, "fn_name": name, "session_hash": "h"}
        yield "component_server", body
    for path in ("stream/a", "stream/a/close", "cancel", "reset", "login", "process_recording", "vibe-edit",
                 "vibe-edit-history", "undo-vibe-edit", "run-history/connect"):  # fmt: skip
        yield path, {"session_hash": "x", "fn_index": 10**9, "event_id": "y"}


def _bodies() -> Iterator[Ask]:
    kinds = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/octet-stream",
             "multipart/form-data; boundary=x", "application/json; charset=utf-16", "a" * 500, "")  # fmt: skip
    for path in ("call/diagnose", "queue/join", "component_server", "cancel", "reset"):
        for body in BROKEN_JSON:
            yield Ask("POST", f"/gradio_api/{path}", body, (("content-type", "application/json"),))
        for kind in kinds:
            yield Ask("POST", f"/gradio_api/{path}", b'{"data": []}', (("content-type", kind),))
    big = b'{"data": ["' + b"a" * 4_000_000 + b'"]}'
    yield Ask("POST", "/gradio_api/call/words", big, (("content-type", "application/json"),))


def _uploads() -> Iterator[Ask]:
    form = (("content-type", "multipart/form-data; boundary=x"),)
    head = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    many = b"".join(b'--x\r\ncontent-disposition: form-data; name="f%d"\r\n\r\n\r\n' % n for n in range(2000))
    for body in (
        b"", head + b"abc", b"--x\r\n\r\nabc\r\n--x--\r\n", b"--x--\r\n", bytes(range(256)) * 4,
        head.replace(b"--x", b"--y") + b"abc\r\n--y--\r\n",
        b"--x\r\ncontent-disposition: form-data\r\n\r\nabc\r\n--x--\r\n",
        b'--x\r\ncontent-disposition: form-data; name="files"\r\n\r\nabc\r\n--x--\r\n', many + b"--x--\r\n",
    ):  # fmt: skip
        yield Ask("POST", "/gradio_api/upload", body, form)
        yield Ask("POST", "/gradio_api/process_recording", body, form)
    for name in ("../../a.png", "/etc/passwd", "a" * 400 + ".png", "\0.png", "", ".", "..", "a.png/b", "C:\\a",
                 "%2e%2e/a"):  # fmt: skip
        yield Ask("POST", "/gradio_api/upload", head.replace(b"a.png", name.encode()) + b"abc\r\n--x--\r\n", form)
    yield Ask("POST", "/gradio_api/upload", {"files": ["a"]})
    yield Ask("POST", "/gradio_api/upload?upload_id=" + "%00" * 9, head, form)


def _paths() -> Iterator[Ask]:
    known = ("", "config", "gradio_api/call/diagnose", "gradio_api/queue/join", "gradio_api/upload",
             "gradio_api/component_server", "gradio_api/info", "theme.css")  # fmt: skip
    for path, method in itertools.product(known, ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD", "FOO")):
        yield Ask(method, f"/{path}")
    for path in ("", "config", "theme.css"):
        yield Ask("POST", f"/{path}", {"data": []})
    climbs = ("../" * 9 + "etc/passwd", "%2e%2e/" * 9 + "etc/passwd", "..%2f" * 9 + "etc%2fpasswd", "/etc/passwd",
              "%2fetc%2fpasswd", "....//....//etc/passwd", "..%5c..%5cetc%5cpasswd", "%00", "%ff%fe", "a" * 5000,
              "C:/windows/win.ini", "~/.ssh/id_rsa")  # fmt: skip
    for root in ("assets/", "static/", "svelte/", "gradio_api/file=", "gradio_api/file/", "gradio_api/proxy=", ""):
        for climb in climbs:
            yield Ask("GET", f"/{root}{climb}")
    for path in ("call/diagnose/nothing", "queue/data?session_hash=nothing", "queue/data", "queue/status", "stream/a",
                 "stream/a/b/1/playlist.m3u8", "stream/a/b/1/2.ts", "stream/a/b/c/playlist-file", "upload_progress",
                 "custom_component/a/client/component/../../x", "run/diagnose", "api/diagnose", "heartbeat/%00",
                 "info?page=x", "openapi.json", "token", "user", "dev/reload/x", "run-history/buckets",
                 "deep_link", "deep_link?session_hash=x", "startup-events", "vibe-edit", "login_check"):  # fmt: skip
        yield Ask("GET", f"/gradio_api/{path}")
    for path in ("monitoring", "monitoring/summary", "monitoring/x", "pwa_icon/99999999", "pwa_icon/-1", "pwa_icon/x",
                 "manifest.json", "robots.txt", "login", "logout", "docs", "redoc", "openapi.json", "favicon.ico",
                 "?deep_link=../../x", "config?deep_link=../../x", "config?page=x", "?__theme=%00", "x",
                 "runs"):  # fmt: skip
        yield Ask("GET", f"/{path}")


def send(visitor: Visitor, ask: Ask, patience: float = SOON) -> tuple[int, dict[str, str], str]:
    """Status, headers and the text that came back, with what the queue said about it. Streams are left after a while.

    Text: at most 2 MB; a stream without end (a heartbeat) is left at once. patience: seconds of silence at most.
    """
    how: dict[str, Any] = {"headers": dict(ask.headers), "timeout": patience}
    if isinstance(ask.body, bytes):
        how["content"] = ask.body
    elif ask.body is not None:
        # ascii, so that lone surrogates can be sent at all
        how["content"] = json.dumps(ask.body).encode("ascii")
        how["headers"].setdefault("content-type", "application/json")
    status, headers, text = _read(visitor, ask.method, ask.path, **how)
    if ask.method == "POST" and status == 200 and '"event_id"' in text:
        number = json.loads(text)["event_id"]
        session = ask.body.get("session_hash") if isinstance(ask.body, dict) else None
        where = f"{ask.path}/{number}" if "/call/" in ask.path else f"/gradio_api/queue/data?session_hash={session}"
        status, _, more = _read(visitor, "GET", where, timeout=patience)
        text += "\n" + more
    return status, headers, text


def fault(app: App, status: int, text: str, seconds: float) -> str:
    """What is wrong with an answer, empty when nothing is."""
    if not status:
        return "no answer"
    if status >= 500:
        return f"status {status}"
    if "Traceback" in text:
        return "a traceback"
    if seconds > SOON:
        return f"after {seconds:.0f} s"
    if any(name in text for name in temporary_names(app)):
        return "a folder of the server's"
    for data in re.findall(r"event: error\ndata: (.*)", text):
        if not is_sentence(told(data)):
            return "an error without a sentence"
    for data in re.findall(r"^data: (.*)", text, re.M):
        try:
            value = json.loads(data)
        except ValueError:  # a page has lines that begin so, too
            continue
        for one in value if isinstance(value, list) else ():
            vector = one.get("probabilities") if isinstance(one, dict) else None
            if isinstance(vector, dict) and not is_vector(vector):
                return "no probabilities"
    return ""


def _read(visitor: Visitor, method: str, path: str, **how) -> tuple[int, dict[str, str], str]:
    began, found = time.monotonic(), b""
    # an address as it is: httpx would take the dots out of it
    request = visitor.http.build_request(method, "/", **how)
    request.url = request.url.copy_with(raw_path=path.encode())
    stream = visitor.http.send(request, stream=True)
    try:
        for piece in stream.iter_bytes():
            found += piece
            done = b"event: complete" in found or b"event: error" in found or b'"process_completed"' in found
            if len(found) > 2_000_000 or b"ALIVE" in found or done:
                break
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"no end of {method} {path[:80]}")
    except httpx.RemoteProtocolError:
        found += b"\nbroken off"
    finally:
        stream.close()
    return stream.status_code, dict(stream.headers), found.decode("utf-8", "replace")


def raw(app: "App | Visitor", data: bytes, address: str = "127.0.0.1", listen: float = 0) -> bytes:
    """Send bytes and break off, or listen for so many seconds first."""
    host, port = re.match(r"http://([\d.]+):(\d+)", app.url).groups()
    with socket.create_connection((host, int(port)), timeout=SOON, source_address=(address, 0)) as line:
        line.sendall(data)
        if not listen:
            return b""
        line.settimeout(listen)
        heard = b""
        try:
            while piece := line.recv(65536):
                heard += piece
        except (TimeoutError, ConnectionError):
            pass
        return heard


def form(
    data: bytes, name: str = "files", file: str = "a.png", path: str = "upload", promise: int | None = None
) -> bytes:
    """A whole request that uploads a file. promise: the length that it claims to have (default: the truth)."""
    body = (
        (
            f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        ).encode()
        + data
        + b"\r\n--x--\r\n"
    )
    head = (
        f"POST /gradio_api/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {promise or len(body)}\r\n\r\n"
    )
    return head.encode() + body


def routes() -> list[tuple[str, str]]:
    """Method and path of every route of the installed Gradio, from its source, with the prefix that it has."""
    import gradio.routes

    source = Path(gradio.routes.__file__).read_text(encoding="utf-8")
    found = re.findall(r'@(app|router)\.(get|post|head|put|delete)\(\s*f?"([^"]+)"', source)
    return [(verb.upper(), path if owner == "app" else f"/gradio_api{path}") for owner, verb, path in found]


def temporary_names(app: App) -> list[str]:
    """What must never be told to a visitor: the server's own folders."""
    return [str(app.temporary), str(app.home), str(app.here), str(ROOT), "mat-demo-", os.path.sep + "site-packages"]
