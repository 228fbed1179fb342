"""The reader of pickles: what weights are made of comes out whole, anything else is refused and never run."""

import io
import os
import pickle
import random
import struct
import time
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mat_core.errors import BundleError, UserError
from training.pickles.reader import read_pickle

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
    "more": [1, -(10**30), 2.5, None, True, "é", b"ab\xff", b"", (), (1,), (1, 2, 3), {1, "a"}, frozenset([2]), {}],
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
        assert ours.dtype == value.dtype.newbyteorder("=")
    assert {k: v for k, v in found.items() if k != "model"} == {k: v for k, v in wanted.items() if k != "model"}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_weights_come_out_as_python_itself_reads_them(read, protocol):
    same(read(pickle.dumps(WEIGHTS, protocol=protocol)), WEIGHTS)


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_both_names_of_numpys_rebuilding_functions_are_known(read, module):
    data = pickle.dumps(WEIGHTS, protocol=2)
    for other in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        data = data.replace(b"c" + other + b"\n", b"c" + module + b"\n")
    assert data.count(module) == 2  # _reconstruct and scalar
    same(read(data), WEIGHTS)


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


def test_an_array_that_is_named_twice_is_one_array(read):
    array = np.arange(3.0)
    found = read(pickle.dumps({"a": array, "b": array}, protocol=2))
    assert found["a"] is found["b"]


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
    with pytest.raises(BundleError, match=r"weights\.pkl is not read: it asks for '(posix|nt)\.system'"):
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
        (b"\x80\x02}\x82\x01.", "EXT1"),
        (b"\x80\x02}\x83\x01\x00.", "EXT2"),
        (b"\x80\x02}\x84\x01\x00\x00\x00.", "EXT4"),
        (b"Pmodule\n.", "PERSID"),
        (b"\x80\x02K\x01Q.", "BINPERSID"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "NEWOBJ"),
        (b"(ccollections\nOrderedDict\no.", "OBJ"),
        (b"\x80\x05\x97.", "NEXT_BUFFER"),
        (b"ccollections\nOrderedDict\n}b.", "state"),
        (b"\x80\x02}}b.", "state"),
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
def test_what_is_not_needed_is_refused_by_its_name(read, data, says):
    with pytest.raises(BundleError, match="is not read: it asks for") as caught:
        read(data)
    assert says in str(caught.value)


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
DTYPE = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"not a pickle at all",
        b"PK\x03\x04 a torch archive",
        b"\x80\x02K\x01K\x02.",  # two values
        b"\x80\x02(K\x01.",
        b"\x80\x02h\x07.",  # a memo that was never made
        b"\x80\x02]h",
        b"\x80\x02}K\x01K\x02uK\x01s.",  # no mark
        b"}]K\x01s.",  # an item under a list
        ARRAY + b".",  # an array without numbers
        b"]" + ARRAY + b"a.",
        ARRAY + b"(K\x01(K\x02t" + DTYPE + b"\x89U\x041234tb.",  # 4 bytes for two numbers
        ARRAY + b"(K\x01(J\xff\xff\xff\xfft" + DTYPE + b"\x89U\x00tb.",
        ARRAY + b"(K\x01(K\x00J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft" + DTYPE + b"\x89U\x041234tb.",
        ARRAY + b"(K\x01(K\x01t" + DTYPE + b"\x89]K\x01atb.",  # a list for the numbers
        ARRAY + b"(K\x01(K\x01tU\x02f4\x89U\x041234tb.",  # text for the dtype
        b"cnumpy\ndtype\n.",
        b"ccollections\nOrderedDict\n(K\x01tR.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # bytes that are not there
        b"\x80\x02\x8b\xff\xff\xff\x7f.",
    ],
)
def test_garbage_is_refused_by_the_files_name(read, data):
    with pytest.raises(BundleError, match=r"weights\.pkl is damaged or no pickle"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        # what Python's reader would make room for before it looked: a memo of 2^31 places, 2^40 bytes
        b"\x80\x02]r\xff\xff\xff\x7f.",
        b"\x80\x05\x96\x00\x00\x00\x00\x00\x01\x00\x00.",
        # the same 64 KB as bytes, 20 000 times over
        b"\x80\x02]X\x00\x00\x01\x00" + b"a" * 65536 + b"q\x00a("
        + b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R" * 20000 + b"e.",
        # a list of 10 000 pairs, made a dict 2 000 times
        b"\x80\x02](" + b"K\x01K\x02\x86" * 10000 + b"eq\x000("
        + b"ccollections\nOrderedDict\nh\x00\x85R" * 2000 + b"l.",
    ],
)  # fmt: skip
def test_a_small_file_fills_no_memory(read, data):
    begun = time.process_time()
    try:
        read(data)
    except BundleError:
        pass
    else:
        assert data.endswith(b"\x7f.")  # a far memo key alone is no harm
    assert time.process_time() - begun < 5


def test_deep_nesting_and_cycles_end_nothing(read):
    deep = b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."
    assert len(read(deep)) == 1
    with pytest.raises(BundleError):
        read(b"\x80\x02}" + b")" + b"\x85" * 100_000 + b"K\x01s.")  # the deep tuple as a key: hashing it recurs
    cycle = read(b"\x80\x02]q\x00h\x00a.")
    assert cycle[0] is cycle


def test_files_that_cannot_be_read_get_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(BundleError, match="There is no file"):
        read_pickle(tmp_path / "none.pkl")
    with pytest.raises(BundleError, match="cannot be read"):
        read_pickle(tmp_path)
    monkeypatch.setattr("training.pickles.reader.MAX_BYTES", 10)
    (tmp_path / "large.pkl").write_bytes(b"." * 11)
    with pytest.raises(BundleError, match="at most"):
        read_pickle(tmp_path / "large.pkl")


# ---- whatever the bytes


@pytest.fixture
def nothing_runs(monkeypatch):
    """Python's own unpickling and the shell are off: a reader that fell back on them would be told."""

    def refuse(*_, **__):
        raise AssertionError("something was run")

    for module, name in ((os, "system"), (os, "popen"), (pickle, "loads"), (pickle, "load"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, name, refuse)


def only_user_errors(read, data: bytes) -> bool:
    try:
        read(data)
    except UserError as error:
        said = str(error)
    else:
        return True
    assert "weights.pkl" in said
    assert len(said) < 400
    return False


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_file_cut_anywhere_is_refused(read, protocol):
    data = pickle.dumps(WEIGHTS, protocol=protocol)
    assert not any(only_user_errors(read, data[:end]) for end in range(len(data)))


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_file_with_altered_bytes_is_read_or_refused_and_nothing_else(read, protocol):
    draw, data = random.Random(protocol), pickle.dumps(WEIGHTS, protocol=protocol)
    outcomes = set()
    for _ in range(600):
        altered = bytearray(data)
        for _ in range(draw.choice((1, 1, 2, 8))):
            altered[draw.randrange(len(altered))] = draw.randrange(256)
        outcomes.add(only_user_errors(read, bytes(altered)))
    assert outcomes == {True, False}


OPCODES = st.lists(
    st.one_of(
        st.sampled_from([
            b"(", b"}", b"]", b")", b"t", b"l", b"d", b"a", b"e", b"s", b"u", b"R", b"b", b"0", b"1", b"2", b"N",
            b"q\x00", b"h\x00", b"q\x01", b"h\x01", b"\x94", b"\x85", b"\x86", b"\x87", b"\x8f", b"\x90", b"\x91",
            b"\x93", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"ccollections\nOrderedDict\n", b"c_codecs\nencode\n",
            b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy.core.multiarray\nscalar\n", b"K\x00", b"K\x02",
            b"U\x02f4", b"U\x01<", b"U\x041234", b"X\x06\x00\x00\x00latin1", b"\x88", ARRAY, DTYPE, DTYPE + b"q\x01",
        ]),
        st.binary(min_size=1, max_size=3),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=OPCODES)
@pytest.mark.usefixtures("nothing_runs")
def test_any_program_is_read_or_refused_and_nothing_else(read, parts):
    stream = io.BytesIO()
    stream.writelines(parts)
    only_user_errors(read, stream.getvalue() + b".")
