"""The page: one file, without scripts, and whatever users wrote stays text."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.report import page as pages
from melisma.report.page import Example, Examples, Head, Recording, Report, Scores, Table, page
from melisma.report.svg import CLASSES, inline
from melisma.runs.sections import Section
from melisma.task import Figure

EVIL = "</style><script>alert(1)</script> \"'& ]]> --> <!-- {{ 7 * 7 }} \u202e\u0000\ud800 مرحبا"
VOID = {"meta", "br", "hr", "img", "link", "input"}


def curve(title: str = "Loss", name: str = "training") -> Figure:
    data = {"series": [{"name": name, "x": [1, 2, 3], "y": [3.0, 2.0, 1.5]}], "x": "step", "y": name, "mark": 2}
    return Figure(title, "curves", data | {"marked": "best"})


def bars(name: str) -> Figure:
    return Figure(name, "bars", {"bars": [{"name": name, "value": 5.0, "low": 4.0, "high": 6.0, "text": name}]})


def heat(name: str, size: int = 3) -> Figure:
    names = [name] * size
    return Figure(name, "heat", {"rows": names, "columns": names, "values": [[0.25] * size for _ in range(size)]})


def aligned(name: str) -> Figure:
    said = {"text": name, "begin": 0.1, "end": 0.7, "confidence": 0.5}
    symbols = ("", "blank"), (name if name.strip() else "a", "text")  # a gap between words is drawn in its own way
    posteriors = [{"symbol": one, "kind": kind, "values": [0.5, 0.25]} for one, kind in symbols]
    sound = {"wave": [[-0.5, 0.5]], "spectrogram": {"begin": 0, "end": 1, "marks": [[500, 0.5]], "rows": [[0.5], [1]]}}
    times = {"given": True, "seconds": 1.0, "edges": [0, 0.5, 1.0], "words": [said], "symbols": [said, said]}
    return Figure(name, "alignment", {"heading": [name, name], "posteriors": posteriors} | sound | times)


def full(text: str) -> Report:
    example = Example(text, ((text, True), (text, False)), ((text, False),), False, text, place=0)
    table = Table((text, text), ((text, (text, text)), (text, text)), frozenset({1}), frozenset({1}))
    section = Section(text, ((text, text),), (text, text), ((text, text),) * 9, frozenset({1}))
    return Report(
        Head(text, text, text, text, text, (text,), ((text, text),), (text,)),
        curves=(curve(text, text),),
        validations=section,
        scores=Scores(table, (bars(text),), (text,), table),
        by_length=(curve(text, text),),
        by_length_remarks=(text,),
        examples=(Examples(text, text, (example,)), Examples(text, text, (replace(example, right=True),))),
        source=text,
        recordings={0: Recording(b"fLaC\xff\xfe", aligned(text))},
        speakers=table,
        maps=(heat(text),),
        settings=table,
        sections=(section, section),
    )


class Reader(HTMLParser):
    """The tags of a page, that they are closed, and the words between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def markup(text: str) -> list[tuple[str, list[str]]]:
    """Every tag with its attributes' names, but for the lines of text in drawings: a long one is two."""
    return [(tag, list(attributes)) for tag, attributes in Reader(text).tags if tag != "text"]


def test_what_users_wrote_is_no_part_of_the_markup() -> None:
    assert markup(page(full(EVIL))) == markup(page(full("plain")))


def test_no_character_that_turns_or_hides_text_is_in_the_page() -> None:
    made = page(full(EVIL))
    assert "\u202e" not in made
    assert "\x00" not in made
    assert r"\u202e\x00\ud800" in made
    made.encode()
    assert "49" not in Reader(made).words


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=40))
def test_any_text_leaves_the_markup_as_it_is(text: str) -> None:
    made = page(full(text))
    assert markup(made) == markup(page(full("plain")))
    assert all(char == "\n" or not re.match(r"[\x00-\x1f\x7f-\x9f]", char) for char in made)


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    made = page(full("plain"))
    for tag, attributes in Reader(made).tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "form", "base", "img", "a", "use", "image")
        names = set(attributes)
        if tag == "audio":
            assert attributes["src"] == "data:audio/flac;base64,ZkxhQ//+"
            names.remove("src")
        assert not names & {"style", "src", "href", "srcset", "action", "xlink:href", "data"}
        assert not [name for name in names if name.startswith("on")]
    assert "url(" not in made
    assert "@import" not in made


@pytest.mark.parametrize("sounds", [True, False])
def test_the_policy_allows_this_style_alone_and_sounds_that_the_page_holds(sounds: bool) -> None:
    made = page(full(EVIL) if sounds else replace(full(EVIL), recordings={}))
    style = re.search(r"<style>(.*?)</style>", made, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(dict(attributes)["content"] for tag, attributes in Reader(made).tags if "http-equiv" in attributes)
    more = " media-src data:;" if sounds else ""
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}';{more} base-uri 'none'; form-action 'none'"
    assert ("<audio" in made) == sounds
    assert made.index("Content-Security-Policy") < made.index("<style>")


def test_the_same_report_is_the_same_page() -> None:
    assert page(full(EVIL)) == page(full(EVIL))


def test_texts_of_users_have_their_own_direction_and_no_language() -> None:
    tags = [attributes for tag, attributes in Reader(page(full("مرحبا"))).tags if tag == "bdi"]
    assert len(tags) > 10
    assert all(one == {"dir": "auto", "lang": "", "translate": "no"} for one in tags)
    assert '<html lang="en">' in page(full("مرحبا"))


def test_figures_say_what_they_are() -> None:
    drawings = [attributes for tag, attributes in Reader(page(full("name of it"))).tags if tag == "svg"]
    assert len(drawings) == 6
    assert all(one["role"] == "img" and one["aria-label"] == "name of it" for one in drawings)


def test_headings_name_their_sections() -> None:
    tags = Reader(page(full("plain"))).tags
    ids = [one["id"] for _, one in tags if "id" in one]
    assert len(ids) == len(set(ids))
    assert {one["aria-labelledby"] for tag, one in tags if tag == "section"} == set(ids)


def test_what_is_empty_is_left_out() -> None:
    made = page(Report(Head("dates", "", "begun", "", "", (), ())))
    assert "<section" not in made
    assert "<h1>" in made


def test_differences_are_marked_and_a_right_answer_is_said_to_be_right() -> None:
    wrong = Example("s", (("a ", True), ("b", False)), (("a ", True), ("c", False)), False, "50.0")
    made = page(Report(Head("t", "", "s", "", "", (), ()), examples=(Examples("n", "w", (wrong,)),)))
    assert 'a <mark class="wrong">b</mark>' in made
    assert 'a <mark class="missed">c</mark>' in made
    assert "as the reference" not in made
    right = replace(wrong, right=True)
    assert "as the reference" in page(
        Report(Head("t", "", "s", "", "", (), ()), examples=(Examples("n", "w", (right,)),))
    )
    several = page(
        Report(
            Head("t", "", "s", "", "", (), ()),
            examples=(Examples("n", "w", (replace(right, others=("d", "e")), replace(wrong, others=("f",)))),),
        )
    )
    assert "as one of its references" in several
    assert several.count("<dt>right too</dt>") == 2
    for text in "def":
        assert f">{text}</bdi>" in several
    empty = replace(wrong, answer=())
    assert "(nothing)" in page(Report(Head("t", "", "s", "", "", (), ()), examples=(Examples("n", "w", (empty,)),)))


def test_a_page_is_bounded_whatever_it_is_given() -> None:
    long = '"&<>' * 10_000
    example = Example(long[:400], ((long[:400], False),), ((long[:400], True),), False, "1")
    section = Section(long, ((long, long),) * 5000, (long,) * 5, ((long,) * 5,) * 5000)
    report = replace(
        full(long),
        maps=tuple(heat("</s>", 40) for _ in range(3)),
        examples=tuple(Examples("n", "w", (example,) * 10) for _ in range(4)),
        sections=(section,) * 3,
    )
    assert len(page(report).encode()) <= pages.LARGEST


def test_whatever_makes_a_page_too_large_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = full("plain")
    bare = Report(whole.head)
    names = [name for name, _ in pages._PARTS]
    limit = len(page(replace(bare, left_out=tuple(names))).encode())
    monkeypatch.setattr(pages, "LARGEST", limit)
    made = page(whole)
    assert len(made.encode()) <= limit
    assert f"too large: {', '.join(names)}." in made
    assert "too large" not in page(bare)


def test_the_head_alone_is_never_too_large() -> None:
    long = '"' * 2000
    most = (long,) * 1000
    made = page(Report(Head(long, long, long, long, long, most, ((long, long),) * 1000, most)))
    assert len(made.encode()) <= pages.LARGEST


def test_of_too_large_a_page_sounds_go_first_and_then_the_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = page(full("plain"))
    monkeypatch.setattr(pages, "LARGEST", len(whole.encode()) - 1)
    smaller = page(full("plain"))
    assert "<audio" in whole
    assert "<audio" not in smaller
    assert "too large: recordings to play." in smaller
    assert "What it looked at" in smaller
    without = replace(full("plain"), recordings={})
    monkeypatch.setattr(pages, "LARGEST", len(page(without).encode()) - 1)
    smaller = page(without)
    assert "What it looked at" not in smaller
    assert "Examples" in smaller


def test_a_map_too_large_to_be_read_is_left_out() -> None:
    made = page(replace(full("plain"), maps=(heat("a", 301), heat("b")), recordings={}))
    assert made.count('<figure class="map">') == 1


@pytest.mark.parametrize(
    "figure", [curve(EVIL, EVIL), bars(EVIL), heat(EVIL), aligned(EVIL)], ids=lambda figure: figure.kind
)
def test_a_drawing_is_well_formed_and_its_classes_have_colours(figure: Figure) -> None:
    drawing = ElementTree.fromstring(str(inline(figure)))
    style = (pages.TEMPLATES / "report.css").read_text(encoding="utf-8")
    known = set(re.findall(r"svg \.(?:line\.)?([a-z0-9]+) \{", style)) | {"line"}
    used = {name for part in drawing.iter() for name in part.get("class", "").split()}
    assert used <= known
    assert set(CLASSES.values()) <= known
    assert all("style" not in part.attrib for part in drawing.iter())


def test_a_map_is_as_dense_as_its_values_and_nothing_is_not_drawn() -> None:
    data = {"rows": ["a"], "columns": ["b", "c", "d"], "values": [[0.0, 0.5, 1.0]]}
    drawing = ElementTree.fromstring(str(inline(Figure("t", "heat", data))))
    first = next(part for part in drawing.iter() if part.get("class") == "cell")
    assert [part.get("fill-opacity") for part in first] == ["0.5", "1"]


def test_every_colour_has_one_for_the_dark() -> None:
    style = (pages.TEMPLATES / "report.css").read_text(encoding="utf-8")
    light, dark = (set(re.findall(r"(--[a-z0-9-]+):", part)) for part in style.split("prefers-color-scheme: dark")[:2])
    assert light <= dark
    assert set(re.findall(r"var\((--[a-z0-9-]+)\)", style)) <= light
