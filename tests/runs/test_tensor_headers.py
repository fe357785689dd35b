"""Tensor files made to harm, and the promise that what passes our checks the library reads too, and the other way round."""

from __future__ import annotations

import contextlib
import json
import pickle
import struct

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import example, given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.runs.tensors import HEADER_LIMIT, WIDTHS, check_header, from_bytes, to_bytes


def file(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def tensor(begin: int, end: int, shape: object, kind: object = "F32", **more: object) -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]} | more


GOOD = file({"a": tensor(0, 8, [2])}, bytes(8))
HOSTILE = {
    "nothing at all": (b"", "has 0 bytes"),
    "seven bytes": (bytes(7), "has 7 bytes"),
    "length alone": (struct.pack("<Q", 2), "has only 0 behind"),
    "length 0": (file({}, length=0), "header of 0 bytes"),
    "length 1": (file({}, length=1), "header of 1 bytes"),
    "length 2**63-1": (file({}, length=2**63 - 1), "at most 10000000"),
    "length 2**64-1": (file({}, length=2**64 - 1), "at most 10000000"),
    "length above the limit": (file(b" " * 20, length=HEADER_LIMIT + 1), "at most 10000000"),
    "length beyond the file": (file({}, length=3), "has only 2 behind"),
    "header no JSON": (file(b"{nonsense}"), "not JSON"),
    "header a list": (file(b"[1, 2]"), "opening brace"),
    "header behind blanks": (file(b"  {}"), "opening brace"),
    "header not UTF-8": (file(b'{"\xff": 1}'), "not UTF-8"),
    "header deep": (file(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "deep"),
    "header with NaN": (file(b'{"a": NaN}'), "NaN is no number"),
    "name twice": (
        file(
            b'{"a":'
            + json.dumps(tensor(0, 4, [1])).encode()
            + b',"a":'
            + json.dumps(tensor(0, 4, [1])).encode()
            + b"}",
            bytes(4),
        ),
        "twice",
    ),
    "lone surrogate": (file(b'{"\\ud800": {}}'), "surrogate"),
    "metadata a list": (file({"__metadata__": []}), "metadata"),
    "metadata of numbers": (file({"__metadata__": {"a": 1}}), "metadata"),
    "a tensor that is a number": (file({"a": 3}), "not described"),
    "a key too many": (file({"a": tensor(0, 4, [1], code="x")}, bytes(4)), "not described"),
    "a key too few": (file({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)), "not described"),
    "unknown type": (file({"a": tensor(0, 4, [1], "F128")}, bytes(4)), "F128"),
    "type a list": (file({"a": tensor(0, 4, [1], ["F32"])}, bytes(4)), "one of BOOL"),
    "shape of text": (file({"a": tensor(0, 4, "1")}, bytes(4)), "no shape"),
    "negative shape": (file({"a": tensor(0, 4, [-1, -1])}, bytes(4)), "no shape"),
    "shape of halves": (file({"a": tensor(0, 4, [1.0])}, bytes(4)), "no shape"),
    "shape of truths": (file({"a": tensor(0, 4, [True])}, bytes(4)), "no shape"),
    "nine axes": (file({"a": tensor(0, 4, [1] * 9)}, bytes(4)), "at most 8"),
    "product overflows": (file({"a": tensor(0, 0, [2**32, 2**32])}), "its type and shape want"),
    "axis of 2**64": (file({"a": tensor(0, 0, [2**64])}), "no shape"),
    "axis of 5000 digits": (
        file(b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,0]}}'),
        "digits",
    ),
    "offsets swapped": (file({"a": tensor(4, 0, [1])}, bytes(4)), "has -4 bytes"),
    "three offsets": (
        file({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}}, bytes(8)),
        "no data_offsets",
    ),
    "negative offset": (file({"a": tensor(-4, 0, [1])}, bytes(4)), "no data_offsets"),
    "beyond the end": (file({"a": tensor(0, 8, [2])}, bytes(4)), "accounts for 8"),
    "bytes left over": (file({"a": tensor(0, 4, [1])}, bytes(8)), "accounts for 4"),
    "bytes and no tensors": (file({}, bytes(8)), "accounts for 0"),
    "gap before": (file({"a": tensor(4, 8, [1])}, bytes(8)), "leaves a gap"),
    "gap between": (file({"a": tensor(0, 4, [1]), "b": tensor(8, 12, [1])}, bytes(12)), "leaves a gap"),
    "overlap": (file({"a": tensor(0, 8, [2]), "b": tensor(4, 12, [2])}, bytes(12)), "overlaps"),
    "the same bytes twice": (file({"a": tensor(0, 4, [1]), "b": tensor(0, 4, [1])}, bytes(4)), "overlaps"),
    "a zip": (b"PK\x03\x04" + bytes(60), "pickles are not opened"),
    "a pickle": (pickle.dumps({"a": 1}), "pickles are not opened"),
    "an old pickle": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "pickles are not opened"),
    "an array": (b"\x93NUMPY\x01\x00" + bytes(60), "a NumPy array"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence(name) -> None:
    data, sentence = HOSTILE[name]
    with pytest.raises(Refusal, match=sentence) as caught:
        from_bytes(data, "model.safetensors", finite=True)
    assert "model.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_nothing_is_run_when_a_pickle_is_given(tmp_path) -> None:
    class Canary:
        def __reduce__(self):
            return (open, (str(tmp_path / "canary"), "w"))

    for protocol in range(6):
        with pytest.raises(Refusal):
            from_bytes(pickle.dumps(Canary(), protocol), "model.pt", finite=True)
    assert not list(tmp_path.iterdir())


def test_names_from_a_file_cannot_write_on_the_terminal() -> None:
    data = file({"\x1b[2J\u202e" + "x" * 500: tensor(0, 4, [3])}, bytes(4))
    with pytest.raises(Refusal) as caught:
        check_header(data, len(data), "m")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_header_whose_length_looks_like_a_pickle_is_read() -> None:
    for magic in (b"\x80\x02", b"\x80\x04"):
        header = b"{}".ljust(int.from_bytes(magic, "little"))
        assert check_header(file(header), 8 + len(header), "m") == {}


ARRAYS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5).filter(lambda name: name != "__metadata__"),
    st.tuples(
        st.sampled_from(["f4", "f8", "f2", "i8", "i4", "i2", "i1", "u1", "?"]), st.lists(st.integers(0, 3), max_size=3)
    ),
    max_size=4,
)


@given(ARRAYS)
def test_what_is_written_passes_and_reads_back(described) -> None:
    arrays = {
        name: np.arange(np.prod(shape, dtype=int)).astype(kind).reshape(shape)
        for name, (kind, shape) in described.items()
    }
    data = to_bytes(arrays, finite=True, where="m")
    found = check_header(data, len(data), "m")
    assert {name: told.shape for name, told in found.items()} == {name: array.shape for name, array in arrays.items()}
    read = from_bytes(data, "m", finite=True)
    assert {name: value.numpy().tobytes() for name, value in read.items()} == {
        n: a.tobytes() for n, a in arrays.items()
    }


@given(st.binary(max_size=200))
@example(GOOD)
def test_any_bytes_are_read_or_refused(data) -> None:
    passes_only_what_the_library_reads(data)


@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255), length=st.integers(0, len(GOOD) + 3))
def test_a_good_file_that_was_tampered_with_is_read_or_refused(at, byte, length) -> None:
    data = (GOOD[:at] + bytes([byte]) + GOOD[at + 1 :] + bytes(3))[:length]
    passes_only_what_the_library_reads(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**65) | st.floats() | st.sampled_from([*WIDTHS, "F128", ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets", "a"]), inner)
    ),
    max_leaves=8,
)


@given(
    header=st.dictionaries(
        st.sampled_from(["a", "b", "__metadata__"]),
        VALUES
        | st.builds(
            tensor,
            st.integers(0, 8),
            st.integers(0, 16),
            st.lists(st.integers(0, 4), max_size=2),
            st.sampled_from(list(WIDTHS)),
        ),
        max_size=3,
    ),
    body=st.integers(0, 16),
)
@example({"a": tensor(0, 8, [2]), "b": tensor(8, 16, [1], "F64")}, 16)
def test_any_header_is_read_or_refused(header, body) -> None:
    passes_only_what_the_library_reads(file(header, bytes(body)))


def passes_only_what_the_library_reads(data: bytes) -> None:
    with contextlib.suppress(Refusal):
        found = check_header(data, len(data), "m")
        assert {name for name, _ in safetensors.deserialize(data)} == set(found)
