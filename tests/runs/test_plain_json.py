"""JSON that is read is strict JSON, and JSON that is written comes back as it was."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.runs.plain import DEEPEST, from_json, to_json, wanted

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
TABLES = st.dictionaries(TEXT, PLAIN, max_size=5)


@given(TABLES, st.sampled_from([None, 1]))
def test_what_is_written_comes_back_in_value_and_type(table, indent) -> None:
    data = to_json(table, indent=indent)
    assert repr(from_json(data, "it")) == repr(table)
    assert data.endswith(b"}\n")
    assert indent or data.count(b"\n") == 1, "a line of a log is one line"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not JSON at line 1, column 1"),
        (b'{"a": 1}\n{"b": 2}', "not JSON at line 2"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"[1]", "holds a list"),
        (b"null", "holds null"),
        (b"3", "holds a whole number"),
        (b'"x"', "holds text"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a": 1, "b": 2, "a": 3}', 'the key "a" stands there twice'),
        (b'{"a": {"b": 1, "b": 1}}', 'the key "b" stands there twice'),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\uDC00": 1}', "surrogate"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON|BOM|be read"),
        (b'{"a": ' + b"[" * 200_000, "nested more than"),
        (b'{"a": ' * 200_000, "nested more than"),
        (b'{"a": ' + b"[" * DEEPEST + b"]" * DEEPEST + b"}", "nested more than"),
    ],
)  # fmt: skip
def test_what_is_not_strict_json_is_refused_in_one_sentence(data, sentence) -> None:
    with pytest.raises(Refusal, match=sentence) as caught:
        from_json(data, "some.json")
    assert str(caught.value).startswith("some.json")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_nesting_is_allowed_up_to_its_limit_and_pairs_of_surrogates_are_characters() -> None:
    data = b'{"a": ' + b"[" * (DEEPEST - 1) + b"]" * (DEEPEST - 1) + b"}"
    assert from_json(data, "it")
    assert from_json(b'{"a": "\\ud83d\\ude00"}', "it") == {"a": "😀"}


@given(st.binary(max_size=60) | st.text('{}[]",:0123456789.eE-+ntf \\u', max_size=40).map(str.encode))
def test_any_bytes_are_read_as_python_reads_them_or_refused(data) -> None:
    try:
        value = from_json(data, "it")
    except Refusal:
        return
    assert value == json.loads(data)


def test_what_json_does_not_know_is_not_written() -> None:
    for value, fault in (
        ({1: 2}, TypeError),
        ({"a": b""}, TypeError),
        ({"a": math.nan}, ValueError),
        ({"a": {1}}, TypeError),
    ):
        with pytest.raises(fault):
            to_json(value)
    assert to_json({"a": (1, 2), "b": math.inf}, lossy=True) == b'{"a": [1, 2], "b": null}\n'


@pytest.mark.parametrize(
    ("table", "kind", "sentence"),
    [({}, int, 'lacks "a", a whole number'), ({"a": True}, int, "has true or false"), ({"a": 1}, bool, "has a whole number"),
     ({"a": None}, str, "has null for"), ({"a": []}, dict, "has a list")],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(table, kind, sentence) -> None:
    with pytest.raises(Refusal, match=sentence):
        wanted(table, "a", kind, "it")
