"""Settings objects: built from names and values, written back, and every value that does not fit refused."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.settings.field import choice, group, setting
from melisma.settings.leaves import Corpora, shape
from melisma.settings.read import build, differences, plain, with_values
from melisma.settings.translate import TranslateSettings


@dataclass(frozen=True)
class Inner:
    width: int = setting(8, help="w", why="w", low=1, high=64)
    share: float = setting(0.5, help="s", why="s", low=0, below=1)
    rate: float | None = setting(None, help="r", why="r", above=0, high=1)
    kind: str = choice("lstm", help="k", why="k", choices=("elman", "lstm"))
    least: int = setting(0, help="l", why="l", low=0)
    gain: float = setting(1.0, help="g", why="g")

    def check(self) -> None:
        if self.kind == "elman" and self.width == 13:
            raise Refusal("width is 13: wants another for kind=elman")


@dataclass(frozen=True)
class Outer:
    inner: Inner = group(Inner)
    exact: bool = setting(False, help="e", why="e")
    name: str = setting("x", help="n", why="n")
    tags: tuple[str, ...] = setting((), help="t", why="t")
    train: Corpora = setting((), help="d", why="d")
    valid: Corpora | None = setting(None, help="v", why="v")
    count: int | None = setting(None, help="c", why="c", low=1, high=9)

    def check(self) -> None:
        if self.exact and self.inner.share == 0:
            raise Refusal("exact=yes and inner.share=0: wants one of both")


WORD = st.text(st.characters(blacklist_characters="\0"), max_size=6)
SIDE = st.text(st.characters(blacklist_characters="\0"), min_size=1, max_size=6)
CORPORA = st.lists(st.lists(SIDE, min_size=1, max_size=3), max_size=3)
OUTER = st.fixed_dictionaries(
    {},
    optional={
        "inner": st.fixed_dictionaries(
            {},
            optional={
                "width": st.integers(1, 64),
                "share": st.floats(0, 1, exclude_max=True),
                "rate": st.none() | st.floats(0, 1, exclude_min=True),
                "kind": st.just("lstm"),
                "gain": st.floats(allow_nan=False, allow_infinity=False),
                "least": st.integers(0, 2**63 - 1),
            },
        ),
        "name": WORD,
        "tags": st.lists(WORD, max_size=3),
        "train": CORPORA,
        "valid": st.none() | CORPORA,
        "count": st.none() | st.integers(1, 9),
        "exact": st.just(False),
    },
)


@given(OUTER)
def test_what_is_written_is_what_is_read(values):
    settings = build(Outer, values)
    written = plain(settings)
    assert build(Outer, written) == settings
    assert build(Outer, json.loads(json.dumps(written))) == settings
    for name, value in values.items():
        assert written[name] == ({**written[name], **value} if name == "inner" else value)


@given(OUTER, OUTER)
def test_replacing_is_building_with_both_and_differences_name_what_changed(first, second):
    old = build(Outer, first)
    new = with_values(old, second)
    merged = {**first, **second, "inner": {**first.get("inner", {}), **second.get("inner", {})}}
    assert new == build(Outer, merged)
    assert new == build(Outer, first, second)
    changed = differences(old, new)
    assert with_values(old, {name: value for name, _, value in changed}) == new
    assert all(before != after for _, before, after in changed)
    assert (changed == []) == (old == new)


def test_real_settings_survive_json():
    settings = build(
        TranslateSettings,
        {"data.train": "a.en,a.de", "model": {"hidden": 64, "encoder_hidden": "32"}, "training.minutes": "1.5"},
    )
    assert settings.data.train == (("a.en", "a.de"),)
    assert (settings.model.hidden, settings.model.encoder_hidden, settings.training.minutes) == (64, 32, 1.5)
    assert build(TranslateSettings, json.loads(json.dumps(plain(settings)))) == settings
    assert build(TranslateSettings, {}) == TranslateSettings()


def test_dotted_nested_and_whole_groups_say_the_same():
    wanted = Outer(inner=Inner(width=3))
    assert build(Outer, {"inner.width": 3}) == wanted
    assert build(Outer, {"inner": {"width": 3}}) == wanted
    assert build(Outer, {"inner": Inner(width=3)}) == wanted
    assert with_values(Outer(), {"inner.width": "3"}) == wanted


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("exact", "Yes", True),
        ("exact", "on", True),
        ("exact", "true", True),
        ("exact", "no", False),
        ("exact", "OFF", False),
        ("exact", "false", False),
        ("inner.least", "1_000", 1000),
        ("inner.least", " +7 ", 7),
        ("inner.width", numpy.int64(5), 5),
        ("inner.share", ".25", 0.25),
        ("inner.share", "2e-3", 0.002),
        ("inner.share", 0, 0.0),
        ("inner.share", Fraction(1, 2), 0.5),
        ("inner.share", numpy.float32(0.5), 0.5),
        ("inner.rate", "none", None),
        ("inner.rate", "None", None),
        ("inner.rate", "1", 1.0),
        ("name", "none", "none"),
        ("name", Path("a/b"), "a/b"),
        ("name", "", ""),
        ("tags", "", ()),
        ("tags", "a, b", ("a", "b")),
        ("tags", r"a\,b,c\d", ("a,b", r"c\d")),
        ("tags", ["a,b", " c"], ("a,b", " c")),
        ("train", "a", (("a",),)),
        ("train", "a,b", (("a", "b"),)),
        ("train", r"a\,b", (("a,b",),)),
        ("train", ["a,b", "c,d"], (("a", "b"), ("c", "d"))),
        ("train", [["a,b", "c"], ["d"]], (("a,b", "c"), ("d",))),
        ("train", ("a", "b"), (("a", "b"),)),
        ("train", (Path("a,b"), "c"), (("a,b", "c"),)),
        ("train", (("a", "b"), ["c", Path("d")]), (("a", "b"), ("c", "d"))),
        ("train", Path("a,b"), (("a,b",),)),
        ("train", [Path("a"), "b,c"], (("a",), ("b", "c"))),
        ("train", [], ()),
        ("valid", "none", None),
        ("valid", None, None),
        ("valid", [["none"]], (("none",),)),
    ],
)
def test_values_are_read(name, given, wanted):
    settings = build(Outer, {name: given})
    for part in name.split("."):
        settings = getattr(settings, part)
    assert settings == wanted
    assert type(settings) is type(wanted)


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("inner.width", -1, "setting inner.width: found -1, wants a whole number, 1 to 64"),
        ("inner.width", 0, "setting inner.width: found 0, wants a whole number, 1 to 64"),
        ("inner.width", "65", "setting inner.width: found '65', wants a whole number, 1 to 64"),
        ("inner.width", 1.5, "setting inner.width: found 1.5, wants a whole number, 1 to 64"),
        ("inner.width", 65.0, "setting inner.width: found 65.0, wants a whole number, 1 to 64"),
        ("inner.least", 1e300, "(of at most 18 digits)"),
        ("inner.width", float("inf"), "found inf, wants a whole number, 1 to 64"),
        ("inner.width", True, "setting inner.width: found true, wants a whole number, 1 to 64"),
        ("inner.width", numpy.bool_(True), "wants a whole number, 1 to 64"),
        ("inner.width", "1e1", "found '1e1', wants a whole number, 1 to 64 (in plain digits)"),
        ("inner.width", "8.0", "wants a whole number, 1 to 64"),
        ("inner.width", "", "found '', wants a whole number"),
        ("inner.width", "٣", "wants a whole number"),
        ("inner.width", "1__0", "wants a whole number"),
        ("inner.width", "none", "found 'none', wants a whole number"),
        ("inner.width", None, "found none, wants a whole number"),
        ("inner.width", float("nan"), "found nan, wants a whole number, 1 to 64"),
        ("inner.width", 10**400, "found a whole number of about 401 digits, wants a whole number, 1 to 64"),
        ("inner.width", "9" * 5000, "wants a whole number, 1 to 64"),
        ("inner.width", {}, "found a table"),
        ("inner.width", [3], "found a list of 1"),
        ("inner.width", deep(100_000), "found a list of 1"),
        ("inner.width", b"3", "found a value of type bytes"),
        ("inner.least", 10**400, "found a whole number of about 401 digits, wants a whole number, at least 0"),
        ("inner.least", 2**63, "(of at most 18 digits)"),
        ("inner.share", 1e309, "found inf, wants a number, at least 0 and below 1"),
        ("inner.gain", 1e309, "setting inner.gain: found inf, wants a number (neither infinite, nor too large"),
        ("inner.gain", "-1e309", "found '-1e309', wants a number (neither infinite"),
        ("inner.gain", float("nan"), "found nan, wants a number (neither infinite"),
        ("inner.gain", -(10**400), "found a whole number of about 401 digits, wants a number (of ordinary size)"),
        ("inner.share", "1e309", "found '1e309', wants a number, at least 0 and below 1"),
        ("inner.share", "nan", "found 'nan', wants a number, at least 0 and below 1"),
        ("inner.share", float("nan"), "found nan, wants a number, at least 0 and below 1"),
        ("inner.share", float("-inf"), "found -inf, wants a number"),
        ("inner.share", 10**400, "wants a number, at least 0 and below 1"),
        ("inner.share", "1" * 200, "wants a number"),
        ("inner.share", 1, "found 1, wants a number, at least 0 and below 1"),
        ("inner.share", -0.1, "found -0.1, wants a number, at least 0 and below 1"),
        ("inner.share", True, "found true, wants a number"),
        ("inner.share", "0,5", "found '0,5', wants a number"),
        ("inner.share", "infinity", "wants a number"),
        ("inner.rate", 0, "found 0, wants a number, above 0 and at most 1, or none"),
        ("inner.rate", "1e-400", "above 0"),
        ("inner.rate", 1.5, "wants a number, above 0 and at most 1, or none"),
        ("inner.kind", "lstn", "found 'lstn', wants one of elman, lstm (did you mean lstm?)"),
        ("inner.kind", "transformer", "found 'transformer', wants one of elman, lstm"),
        ("inner.kind", 3, "found 3, wants one of elman, lstm"),
        ("exact", 1, "found 1, wants yes or no"),
        ("exact", "1", "found '1', wants yes or no"),
        ("exact", "maybe", "setting exact: found 'maybe', wants yes or no (true, yes, on, false, no, off)"),
        ("name", 3, "found 3, wants text"),
        ("name", "a\0b", "wants text (without a zero character)"),
        ("name", ["a"], "found a list of 1, wants text"),
        ("name", b"a", "wants text"),
        ("tags", 3, "found 3, wants texts"),
        ("tags", ["a", 3], "wants texts"),
        ("train", 3, "found 3, wants files"),
        ("train", "", "wants files, a comma between parallel sides (each side with a name)"),
        ("train", "a,,b", "each side with a name"),
        ("train", [[]], "each side with a name"),
        ("train", [["a", ""]], "each side with a name"),
        ("train", [["a", 3]], "wants files"),
        ("train", [[["a"]]], "wants files"),
        ("train", {"a": "b"}, "found a table, wants files"),
        ("train", "a\0,b", "without a zero character"),
        ("valid", "", "wants files, a comma between parallel sides, or none"),
        ("count", 0, "found 0, wants a whole number, 1 to 9, or none"),
        ("count", "nothing", "wants a whole number, 1 to 9, or none"),
    ],
)
def test_values_that_do_not_fit_are_refused(name, given, sentence):
    with pytest.raises(Refusal) as refused:
        build(Outer, {name: given})
    said = str(refused.value)
    assert sentence in said
    assert said.startswith(f"setting {name}: found ")
    assert "\n" not in said
    with pytest.raises(Refusal):
        with_values(Outer(), {name: given})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"widht": 3}, "unknown setting widht: did you mean inner.width? (w)"),
        ({"inner": {"widht": 3}}, "unknown setting inner.widht: did you mean inner.width? (w)"),
        ({"width": 3}, "unknown setting width: did you mean inner.width? (w)"),
        ({"qqqq": 3}, "unknown setting qqqq: wants one of inner.…, exact, name"),
        ({"name.x": 3}, "unknown setting name.x"),
        ({"inner": 3}, "inner is a group of settings and was given 3: wants one of inner.width, "),
        ({"inner": None}, "inner is a group of settings and was given none"),
        ({"name": "a", "inner.": 3}, "unknown setting 'inner.': did you mean inner."),
        ({"inner": {"width": 3}, "inner.width": 4}, "setting inner.width is given twice (3, 4): wants one"),
        ({3: 4}, "settings: found the name 3, wants text"),
        ({None: 4}, "settings: found the name none, wants text"),
        ({"inner": {b"width": 4}}, "settings in inner: found the name a value of type bytes, wants text"),
        ({"a\nb": 4}, r"unknown setting 'a\nb'"),
        ({"": 4}, "unknown setting ''"),
        ({"x" * 100_000: 4}, "unknown setting 'xxx"),
        ([("exact", 3)], "settings: found a list of 1, wants a table of names and values"),
        ({"inner": {"width": 13, "kind": "elman"}}, "inner: width is 13: wants another for kind=elman"),
        ({"inner": {"share": 0}, "exact": True}, "exact=yes and inner.share=0: wants one of both"),
        (
            {"inner": {"share": 0, "width": 13, "kind": "elman"}, "exact": True},
            "inner: width is 13",  # what is nested is checked first
        ),
    ],
)
def test_names_that_do_not_fit_are_refused(values, sentence):
    with pytest.raises(Refusal) as refused:
        build(Outer, values)
    assert str(refused.value).startswith(sentence)
    assert len(str(refused.value)) < 300


def test_numbers_that_python_will_not_print_are_refused():
    for name in ("inner.width", "inner.share", "name", "exact"):
        with pytest.raises(Refusal, match="found a whole number of about 5001 digits, wants"):
            build(Outer, {name: 10**5000})


def test_endless_nesting_is_refused():
    values = {}
    values["inner"] = values
    with pytest.raises(Refusal, match=r"unknown setting inner\.inner"):
        build(Outer, values)


def test_with_values_checks_contradictions_with_what_was_there():
    with pytest.raises(Refusal, match="width is 13"):
        with_values(Outer(inner=Inner(width=13)), {"inner.kind": "elman"})
    with pytest.raises(Refusal, match="setting count: found 99"):
        with_values(Outer(count=99), {"exact": False})


def test_only_the_last_word_counts():
    assert build(Outer, {"exact": True, "inner.share": 0}, {"exact": "no"}, {"inner": {"width": 3}}) == Outer(
        inner=Inner(width=3, share=0.0)
    )
    with pytest.raises(Refusal, match="setting count: found 99"):
        build(Outer, {"name": "a"}, {"count": 99})


def test_differences_stand_in_the_order_of_the_class():
    new = Outer(name="y", inner=Inner(kind="elman"))
    assert differences(Outer(), new) == [("inner.kind", "lstm", "elman"), ("name", "x", "y")]
    with pytest.raises(TypeError):
        differences(Outer(), Inner())


def test_fields_that_are_no_settings_are_an_error_of_the_programmer():
    @dataclass(frozen=True)
    class Bare:
        width: int = 3

    @dataclass(frozen=True)
    class Mixed:
        width: int | str = setting(3, help="w", why="w")

    @dataclass(frozen=True)
    class Odd:
        width: dict[str, int] | None = setting(None, help="w", why="w")

    for holder in (Bare, Mixed, Odd):
        with pytest.raises(TypeError, match="width"):
            shape(holder)
