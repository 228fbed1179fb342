"""The restricted unpickler reads weights as Python does, and refuses anything else without running it."""

import os
import pickle
import random
import struct
from collections import OrderedDict

import numpy as np
import pytest

from mat_core.errors import BundleError
from training import safe_pickle
from training.safe_pickle import read_pickle

WEIGHTS = {
    "model": OrderedDict(
        conv=np.arange(12, dtype=np.float32).reshape(2, 3, 2),
        fortran=np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        big=np.array([1, 2, 3], ">i4"),
        half=np.ones(3, np.float16),
        mask=np.array([True, False]),
        empty=np.zeros((0, 3), np.int64),
        number=np.float32(2.5),
        scalar=np.array(7),
    ),
    "__author__": "somebody",
    "more": [1, -(10**30), 2.5, None, True, "é", b"ab\xff", (), (1,), (1, 2, 3), {}],
}


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "weights.pkl"

    def read(data: bytes):
        path.write_bytes(data)
        return read_pickle(path)

    return read


def same(found, wanted) -> None:
    assert list(found["model"]) == list(wanted["model"])
    for name, value in wanted["model"].items():
        ours = found["model"][name]
        np.testing.assert_array_equal(ours, value)
        assert ours.shape == value.shape
        assert ours.dtype.newbyteorder("=") == value.dtype.newbyteorder("=")
    assert {k: v for k, v in found.items() if k != "model"} == {k: v for k, v in wanted.items() if k != "model"}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_weights_are_those_that_python_reads(read, protocol):
    same(read(pickle.dumps(WEIGHTS, protocol=protocol)), WEIGHTS)
    array = np.arange(3.0)
    found = read(pickle.dumps({"a": array, "b": array}, protocol=protocol))
    assert found["a"] is found["b"]
    if protocol == 2:  # names the module in a line, which has changed with numpy 2
        new, old = b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"
        data = pickle.dumps(WEIGHTS, protocol=2).replace(old, new)
        assert data.count(new) == 2  # _reconstruct and scalar
        for module in (new, old):
            same(read(data.replace(new, module)), WEIGHTS)


def test_a_pickle_of_python_2_with_its_text_for_bytes_is_read(read):
    # as Python 2 wrote {'blobs': {'w': np.array([1, 2], 'f4')}}: str opcodes hold the raw numbers
    raw = struct.pack("<2f", 1.0, -2.5)
    data = (
        b"\x80\x02}q\x01U\x05blobsq\x02}q\x03U\x01wq\x04cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06"
        b"K\x00\x85U\x01b\x87Rq\x07(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U" + bytes([len(raw)]) + raw + b"tbss."
    )
    assert pickle.loads(data, encoding="latin1")["blobs"]["w"].tolist() == [1.0, -2.5]
    assert read(data)["blobs"]["w"].tolist() == [1.0, -2.5]


# ---- what is refused


class Runs:
    """Unpickled by Python, it would write a file."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_calls_something_does_nothing_and_is_refused_by_name(read, tmp_path, protocol):
    sign = tmp_path / "run"
    data = pickle.dumps({"model": {"w": np.ones(2)}, "x": Runs(os.system, f"touch {sign}")}, protocol=protocol)
    with pytest.raises(BundleError, match=r"weights\.pkl is refused: it names (posix|nt)\.system"):
        read(data)
    assert not sign.exists()
    pickle.loads(data)
    assert sign.exists()  # so the file was dangerous


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"cbuiltins\neval\n(V1\ntR.", "builtins.eval"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93.", "builtins.exec"),
        (b"\x80\x04\x8c\x05numpy\x8c\x04load\x93.", "numpy.load"),
        (b"cnumpy\nndarray.tofile\n.", "ndarray.tofile"),
        (b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.", "__globals__"),
        (b"(S'touch x'\nios\nsystem\n.", "os.system"),
        (b"Pmodule\n.", "an object outside"),
        (pickle.dumps({"w": np.array([{}, None], object)}), "dtype 'O8'"),
        (pickle.dumps({"w": np.array([{}, None], object)}, protocol=2), "dtype 'O8'"),
        (pickle.dumps({"w": np.zeros(2, [("a", "f4"), ("b", "O")])}), "dtype 'V12'"),
        (pickle.dumps({"w": np.array(["text"])}), "dtype 'U4'"),
        (pickle.dumps({"w": np.array(["2020-01-01"], "M8[D]")}), "dtype 'M8'"),
        (pickle.dumps({"w": np.array([1j])}), "dtype 'c16'"),
        (pickle.dumps({"w": np.ma.array([1.0])}), "numpy.ma"),
        (pickle.dumps(np.random.default_rng(0)), "numpy.random"),
    ],
)
def test_other_names_are_refused(read, data, says):
    with pytest.raises(BundleError, match="is refused: it names") as caught:
        read(data)
    assert says in str(caught.value)


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
DTYPE = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR"


@pytest.mark.parametrize(
    "data",
    [
        b"", b".", b"not a pickle at all", b"PK\x03\x04 a torch archive", b"\x80\x02h\x07.", b"\x80\x02]h",
        b"\x80\x02}K\x01K\x02uK\x01s.", b"}]K\x01s.",
        ARRAY + b"(K\x01(K\x02t" + DTYPE + b"\x89U\x041234tb.",  # 4 bytes for two numbers
        ARRAY + b"(K\x01(J\xff\xff\xff\xfft" + DTYPE + b"\x89U\x00tb.",
        ARRAY + b"(K\x01(K\x00J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft" + DTYPE + b"\x89U\x041234tb.",
        ARRAY + b"(K\x01(K\x01t" + DTYPE + b"\x89]K\x01atb.",  # a list for the numbers
        ARRAY + b"(K\x01(K\x01tU\x02f4\x89U\x041234tb.",  # text for the dtype
        b"ccollections\nOrderedDict\n(K\x01tR.", b"\x80\x02}\x82\x01.", b"\x80\x02ccollections\nOrderedDict\n)\x81.",
        b"\x80\x05\x97.",  # a buffer outside of the file
        b"\x80\x02]r\xff\xff\xff\x7f.",  # a memo of 2 ** 31 places
        b"\x80\x05\x96\x00\x00\x00\x00\x00\x01\x00\x00.",  # 2 ** 40 bytes
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", b"\x80\x02\x8b\xff\xff\xff\x7f.",  # bytes that are not there
    ],
)  # fmt: skip
def test_damaged_files_are_refused(read, data):
    with pytest.raises(BundleError, match=r"weights\.pkl is damaged or no pickle"):
        read(data)


def test_missing_large_and_other_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_pickle, "MAX_BYTES", 10)
    (tmp_path / "large.pkl").write_bytes(b"." * 11)
    for name, message in (("none.pkl", "There is no file"), (".", "cannot be read"), ("large.pkl", "too large")):
        with pytest.raises(BundleError, match=message):
            read_pickle(tmp_path / name)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_file_cut_anywhere_or_with_altered_bytes_is_read_or_refused_and_nothing_else(read, protocol):
    draw, data = random.Random(protocol), pickle.dumps(WEIGHTS, protocol=protocol)
    for end in range(0, len(data), 7):
        with pytest.raises(BundleError):
            read(data[:end])
    outcomes = set()
    for _ in range(300):
        altered = bytearray(data)
        for _ in range(draw.choice((1, 1, 2, 8))):
            altered[draw.randrange(len(altered))] = draw.randrange(256)
        try:
            read(bytes(altered))
            outcomes.add("read")
        except BundleError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
