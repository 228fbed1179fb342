"""Files that browsers do not call images or cannot draw, through the page's own field."""

import base64

import pytest
from browser_helpers import diagnose, upload
from hostile_inputs import encode
from PIL import Image
from playwright.sync_api import Page, expect

from mat_core import Metadata
from mat_core.batch.inputs import SUFFIXES
from teaching.phantoms import make_phantom

pytest.importorskip("pydicom")
from dicom_files import dicom

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PIXELS = make_phantom(1, "mel").image
HEIGHT, WIDTH = PIXELS.shape[:2]
IN_FILE = Metadata(55, "female", "back")
FILES = {
    "IMG_0001.HEIC": encode(Image.fromarray(PIXELS), "HEIF", quality=-1, chroma=444),
    # no ending, as on a CD
    "IM0001": dicom(
        PIXELS.tobytes(), "RGB", Rows=HEIGHT, Columns=WIDTH, PatientName="Secret^Name", PatientID="4711",
        PatientAge="055Y", PatientSex="F", BodyPartExamined="BACK",
    ),
}  # fmt: skip
DROP = """async ([name, data]) => {
    const given = new DataTransfer();
    given.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name));
    document.querySelector('#image img').dispatchEvent(
        new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: given})); }"""


def drop(page: Page, path) -> None:
    page.evaluate(DROP, [path.name, base64.b64encode(path.read_bytes()).decode()])
    expect(page.locator("#answer .note-info")).to_contain_text("previous image")


@pytest.mark.parametrize(
    ("give", "name", "metadata"), [(upload, "IMG_0001.HEIC", Metadata()), (drop, "IM0001", IN_FILE)]
)
def test_heic_and_dicom_are_previewed_and_diagnosed(visit, tiny_diagnoser, tmp_path, name, metadata, give):
    (tmp_path / name).write_bytes(FILES[name])
    page = visit()
    give(page, tmp_path / name)
    page.wait_for_function(f"document.querySelector('#image img')?.naturalWidth === {WIDTH}")
    expect(page.locator("#age input")).to_have_value(str(metadata.age or ""))
    expect(page.locator("#sex input:checked")).to_have_value(metadata.sex or "unknown")
    expect(page.locator("#localization input")).to_have_value(metadata.localization or "unknown")
    diagnose(page)
    found = page.locator("#answer .bars .value").all_inner_texts()
    expected = tiny_diagnoser(PIXELS, metadata).probabilities.values()
    assert [float(share.rstrip("%")) for share in found] == pytest.approx(
        sorted((100 * share for share in expected), reverse=True), abs=1
    )
    assert "Secret" not in page.content()


def test_the_dialog_offers_every_kind_of_file_that_is_read(visit):
    page = visit()
    page.locator("#image [aria-label='Remove Image']").click()
    with page.expect_file_chooser() as dialog:
        page.locator("#image .upload-container button, #image button.upload-container").first.click()
    offered = dialog.value.element.get_attribute("accept").split(",")
    everywhere = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"}  # every browser knows them as image/*
    assert {"image/*", *set(SUFFIXES) - everywhere} <= set(offered)
