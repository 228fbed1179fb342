"""Every row of docs/COMPATIBILITY.md: what people's tables and file names hold, and what comes out."""

import csv
import io
import sys
from pathlib import Path

import compatibility as trials
import pandas as pd
import pytest
from compatibility import LEFT_OUT, ROWS
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hostile_inputs import encode, picture

from interface.server.upload_routes import upload_routes
from interface.server.upload_store import Uploads
from mat_core import DataError, ImageError, Metadata, MetadataError
from mat_core.batch.inputs import ImageIndex, read_inputs
from mat_core.data.column_names import column_of, diagnosis_from_row, metadata_from_row, unread_columns
from mat_core.data.ham10000 import read_dataset
from mat_core.data.image_loading import load_image
from mat_core.data.table_reader import read_table
from mat_core.errors import NotInstalledError
from teaching.phantoms import make_phantom, write_phantom_dataset


def levels(prefix: str, text: str) -> dict[str, str]:
    parts = text.split(" / ")
    return {f"{prefix}_{i}": parts[i - 1] if i <= len(parts) else "" for i in range(1, 6)}


@pytest.mark.parametrize("given", trials.IMAGES)
def test_image_files(given, tmp_path):
    kind, expected = trials.IMAGES[given]
    if kind is None:
        pytest.importorskip("pydicom")
        from dicom_files import dicom

        data = dicom(make_phantom(1, size=(48, 64)).image.tobytes(), "RGB")
    else:
        data = encode(picture(1), kind)
    uploads = Uploads(tmp_path)
    app = FastAPI()
    app.include_router(upload_routes(uploads))
    shown = TestClient(app).get(f"/gradio_api/file={uploads.add(data, 'lesion')}")
    if expected == trials.NOT_READ:
        with pytest.raises(ImageError, match="DICOM"):
            load_image(data)
        assert shown.headers["content-type"] == "image/svg+xml"
    else:
        assert load_image(data).shape[2] == 3
        assert shown.status_code == 200
        assert (shown.content == data) == (expected == trials.DRAWN)
        assert (shown.headers["content-type"] == "image/jpeg") == (expected == trials.AS_JPEG or kind == "JPEG")


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        (field, *trial)
        for field, table in (("age", trials.AGES), ("sex", trials.SEXES), ("localization", trials.LOCALIZATIONS))
        for trial in table.items()
    ],
)
def test_values(field, text, expected):
    if expected == LEFT_OUT:
        with pytest.raises(MetadataError):
            Metadata.parse(**{field: text})
    else:
        value = getattr(Metadata.parse(**{field: text}), field)
        assert ("unknown" if value is None else str(value)) == expected


@pytest.mark.parametrize(("text", "expected"), trials.ISIC_SITES.items())
def test_sites_of_the_isic_archive(text, expected):
    row = levels("anatom_site", text)
    if expected == LEFT_OUT:
        with pytest.raises(MetadataError):
            metadata_from_row(row)
    else:
        assert (metadata_from_row(row).localization or "unknown") == expected


@pytest.mark.parametrize(("text", "expected"), trials.DIAGNOSES.items())
def test_diagnoses(text, expected):
    row = levels("diagnosis", text) if " / " in text else {"dx": text}
    if expected == LEFT_OUT:
        with pytest.raises(DataError, match="none of the seven"):
            diagnosis_from_row(row)
    else:
        assert diagnosis_from_row(row) == expected


@pytest.mark.parametrize(("kind", "expected"), trials.IMAGE_TYPES.items())
def test_kinds_of_images(tmp_path, kind, expected):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "a.csv").write_text(f"isic_id,image_type\na,{kind}\n")
    (row,), _ = read_inputs(tmp_path / "a.csv")
    assert (LEFT_OUT if row.problem else "read") == expected
    (row,), _ = read_inputs(tmp_path / "a.csv", any_image_type=True)
    assert row.problem is None


@pytest.mark.parametrize(("name", "expected"), trials.COLUMN_NAMES.items())
def test_names_of_columns(name, expected):
    fields = ("age", "sex", "localization")
    read = [field for field in fields if column_of([name], field)]
    result = read[0] if read else "not read; named in a warning" if unread_columns([name], fields) else "not read"
    assert result == expected


@pytest.mark.parametrize("given", trials.TABLES)
def test_kinds_of_tables(tmp_path, given):
    name, data = trials.TABLES[given]
    frame, path = pd.DataFrame(ROWS), tmp_path / name
    if data is not None:
        path.write_bytes(data)
    elif name.endswith(".xlsx"):
        pytest.importorskip("openpyxl")
        frame.to_excel(path, index=False)
    else:
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    assert read_table(path).to_dict("records") == ROWS
    first, second = (metadata_from_row(row) for row in read_table(path).to_dict("records"))
    assert (first, second) == (Metadata(55, "female", "back"), Metadata(85, "male"))


@pytest.mark.parametrize("given", trials.REFUSED)
def test_tables_that_cannot_be_read(tmp_path, given):
    name, data = trials.REFUSED[given]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("package", "name"), [("openpyxl", "a.xlsx"), ("pyarrow", "a.parquet")])
def test_tables_whose_package_is_missing(tmp_path, monkeypatch, package, name):
    pytest.importorskip(package)
    data = io.BytesIO()
    frame = pd.DataFrame(ROWS)
    frame.to_excel(data, index=False) if package == "openpyxl" else frame.to_parquet(data)
    (tmp_path / name).write_bytes(data.getvalue())
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NotInstalledError, match=f"pip install {package}"):
        read_table(tmp_path / name)


@pytest.mark.parametrize(("given", "disk"), trials.NAMES.items())
def test_names_of_images(tmp_path, given, disk):
    path = tmp_path / disk
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert ImageIndex(tmp_path).find(given).samefile(path)


@pytest.mark.parametrize(("name", "how"), trials.HAM10000_FILES.items())
def test_the_table_of_ham10000(tmp_path, name, how):
    folder = write_phantom_dataset(tmp_path / "ham", per_class=1, seed=1, size=(32, 40))
    expected = read_dataset(folder, split_file=None)
    rows = read_table(folder / "HAM10000_metadata.csv")
    (folder / "HAM10000_metadata.csv").unlink()
    options = {"commas": {}, "semicolons": {"sep": ";"}, "tabs and quotes": {"sep": "\t", "quoting": csv.QUOTE_ALL}}
    rows.to_csv(folder / name, index=False, **options[how])
    assert read_dataset(folder, split_file=None) == expected


def test_the_page_shows_these_trials():
    assert Path(trials.PAGE).read_text(encoding="utf-8") == trials.page()
