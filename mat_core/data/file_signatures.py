"""The kind of a file that is not a readable image, for the error message."""

import re

from PIL import TiffImagePlugin

# kind of file -> (offset, bytes there); the first match counts
_SIGNATURES: dict[str, tuple[tuple[int, bytes], ...]] = {
    "a Photoshop file (PSD)": ((0, b"8BPS"),),
    "a camera's RAW file": (
        (0, b"II*\0\x10\0\0\0CR"), (0, b"FUJIFILMCCD-RAW"), (0, b"IIRO"), (0, b"IIRS"), (0, b"IIU\0"), (4, b"ftypcrx"),
    ),
    "a HEIC file of an unknown kind": ((4, b"ftyphei"), (4, b"ftypmsf1"), (4, b"ftypmif1")),
    "an AVIF file of an unknown kind": ((4, b"ftypavi"),),
    "a video": ((4, b"ftyp"), (4, b"moov"), (0, b"\x1a\x45\xdf\xa3"), (8, b"AVI "), (0, b"\0\0\x01\xba")),
    "a JPEG XL file": ((0, b"\0\0\0\x0cJXL "), (0, b"\xff\x0a")),
    "an old Office document": ((0, b"\xd0\xcf\x11\xe0"),),
    "a PostScript file": ((0, b"%!PS"),),
    "a text document (RTF)": ((0, b"{\\rtf"),),
    "a compressed archive": ((0, b"\x1f\x8b"), (0, b"7z\xbc\xaf"), (0, b"Rar!")),
    "an icon (ICO)": ((0, b"\0\0\x01\0"),),
}  # fmt: skip
_ZIPPED = {b"word/": "a Word document", b"xl/": "an Excel file", b"ppt/": "a PowerPoint file"}


def recognized_format(data: bytes) -> str:
    """'a PDF', or nothing for what is not recognized."""
    start = data[:1024]
    if b"%PDF-" in start:
        return "a PDF"
    if start.startswith(b"PK\3\4"):
        return next((name for part, name in _ZIPPED.items() if part in data), "a ZIP archive")
    for name, signatures in _SIGNATURES.items():
        if any(start.startswith(magic, offset) for offset, magic in signatures):
            return name
    text = start.decode("utf-8", "ignore").lstrip("\ufeff \t\r\n").lower()
    if re.match(r"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg", text, re.DOTALL):
        return "a drawing (SVG)"
    if text.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "a web page (HTML)"
    if text and b"\0" not in start and text.isascii() and all(c.isprintable() or c.isspace() for c in text):
        return "a text file"
    return ""


def is_camera_raw(tiff: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether a TIFF is a RAW file (DNG, NEF, ARW, CR2), of which Pillow would read the small preview alone."""
    tags = tiff.tag_v2
    # DNGVersion; or SubIFDs below a first image that is marked as a reduced copy
    return 50706 in tags or (330 in tags and bool(tags.get(254, 0) & 1))
