"""QR codes: of the page's own addresses, and of no other."""

from types import SimpleNamespace

import pytest

from interface.components.qr_code import MAX_LENGTH, qr_code

ORIGIN = "http://10.0.0.2:7860"


def made(address: object, origin: str | None = ORIGIN) -> dict:
    return qr_code(address, SimpleNamespace(headers={"origin": origin} if origin else {}))


@pytest.mark.parametrize(
    "path", ["", "/", "/#practice?seed=7&n=5&of=own&drill=only-bcc-df", "/mat/#lessons?of=heads&at=2"]
)
def test_an_address_of_the_page(path):
    image = made(ORIGIN + path)["image"]
    assert image.startswith("data:image/svg+xml")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("http://10.0.0.3:7860/", ORIGIN),
        ("http://10.0.0.2:78601/", ORIGIN),
        (f"{ORIGIN}@elsewhere.example/", ORIGIN),
        (f"{ORIGIN}/", None),
        (f"{ORIGIN}/<svg>", ORIGIN),
        (f"{ORIGIN}/{'x' * MAX_LENGTH}", ORIGIN),
        (["http://10.0.0.2:7860/"], ORIGIN),
        (None, ORIGIN),
    ],
)
def test_another_address_is_refused(address, origin):
    assert list(made(address, origin)) == ["error"]
