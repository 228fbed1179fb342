"""The words of a PDF file of ours, read out of it again."""

import re
import zlib


def objects(pdf: bytes) -> dict[int, bytes]:
    """The objects of a PDF file by number, as they are written, streams inflated."""
    found = {}
    for number, body in re.findall(rb"(?s)(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", pdf):
        head, stream, rest = body.partition(b"stream\n")
        if stream and b"/FlateDecode" in head:
            body = head + stream + zlib.decompressobj().decompress(rest)
        found[int(number)] = body
    return found


def words(pdf: bytes) -> str:
    """The text of a PDF file of one page."""
    (only,) = pages(pdf)
    return only


def pages(pdf: bytes) -> list[str]:
    """The text of each page of a PDF file of matplotlib's, as a reader of PDF gets it: two bytes a code, through
    ToUnicode.
    """
    parts = objects(pdf)
    fonts: dict[bytes, dict[int, str]] = {}
    for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", b"\n".join(parts.values())):
        table = re.search(rb"/ToUnicode (\d+) 0 R", parts[int(number)])
        fonts[name] = {}
        for first, several in re.findall(rb"<(\w+)> <\w+> \[([^\]]*)\]", parts[int(table[1])]):
            for code, to in enumerate(re.findall(rb"<(\w+)>", several), start=int(first, 16)):
                fonts[name][code] = bytes.fromhex(to.decode()).decode("utf-16-be")
    return [_text(page, fonts) for page in parts.values() if b"\nBT\n" in page]


def _text(page: bytes, fonts: dict[bytes, dict[int, str]]) -> str:
    string = rb"\(((?:\\.|[^\\)])*)\)"
    said, font = [], {}
    for choice, one, several in re.findall(rb"(?s)/(F\d+) \S+ Tf|" + string + rb" Tj|(\[.*?\])\s+TJ|ET", page):
        if choice:
            font = fonts[choice]
            continue
        for written in [one] if one else re.findall(rb"(?s)" + string, several):
            codes = re.sub(rb"(?s)\\([0-7]{3}|.)", lambda m: _plain(m[1]), written)
            said += [font[high << 8 | low] for high, low in zip(codes[::2], codes[1::2], strict=True)]
        if not one and not several:
            said.append(" ")
    return " ".join("".join(said).split())


def _plain(escaped: bytes) -> bytes:
    """What stands behind a backslash in a string of PDF."""
    if len(escaped) == 3:
        return bytes([int(escaped, 8)])
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}.get(escaped, escaped)
