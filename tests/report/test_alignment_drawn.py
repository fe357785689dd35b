"""Alignments as pictures: the same bytes every time, every label in its own direction, fields that say their values."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from melisma.errors import Refusal
from melisma.report.charts import draw, missing_letters
from melisma.report.svg import LEVELS, _runs, inline
from melisma.task import Figure


def figure(*texts: str, seconds: float = 2.0, **more: Any) -> Figure:
    """A recording in which these words are said one after another."""
    step = seconds / max(1, len(texts))
    words = [
        {"text": text, "begin": place * step, "end": (place + 0.9) * step, "confidence": 0.9}
        for place, text in enumerate(texts)
    ]
    outputs = 20
    posteriors = [{"symbol": "", "kind": "blank", "values": [0.9] * outputs}]
    posteriors += [{"symbol": text, "kind": "text", "values": [0.1] * outputs} for text in dict.fromkeys(texts)]
    rows = np.random.default_rng(1).random((8, 30)).round(3).tolist()
    data = {
        "heading": ["take.wav", " ".join(texts)],
        "given": True,
        "seconds": seconds,
        "words": words,
        "symbols": words[:-1],
        "edges": np.linspace(0, seconds, outputs + 1).tolist(),
        "posteriors": posteriors,
        "wave": [[-0.1, 0.2]] * 50,
        "spectrogram": {"begin": 0.0, "end": seconds, "marks": [[1000, 0.5]], "rows": rows},
    }
    return Figure("take.wav", "alignment", data | more)


def written(drawing: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(drawing).iter() if element.tag.endswith("text")]


@pytest.mark.parametrize(("kind", "begin"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_it_is_drawn_the_same_every_time(kind: str, begin: bytes) -> None:
    drawn = draw(figure("one", "two", "one"), kind)
    assert drawn.startswith(begin)
    assert drawn == draw(figure("one", "two", "one"), kind)
    assert drawn != draw(figure("one", "two", "two"), kind)


@pytest.mark.parametrize("made", [lambda one: draw(one, "svg").decode(), lambda one: str(inline(one))])
def test_words_are_in_the_picture_and_each_has_its_own_direction(made: Any) -> None:
    found = written(made(figure("三", "نعم", "<b>&")))
    for label in ("三", "\u2068نعم\u2069", "<b>&"):
        assert label in found
    assert "1" in found
    assert "seconds" in found
    assert "0.90" in found
    assert "blank" in found, "what the dashed line is"


def test_without_a_heading_there_is_none() -> None:
    with_one, without = (written(str(inline(figure("ab", heading=one)))) for one in (["take.wav", "ab"], []))
    assert "take.wav, with the text that was given" in with_one
    assert not [text for text in without if "take.wav" in text]


def test_letters_that_no_font_has_are_known() -> None:
    assert missing_letters(figure("a\U0010fffd")) == "\U0010fffd"
    assert missing_letters(figure("ab")) == ""


@pytest.mark.parametrize("seconds", [0.0, 60.1])
def test_a_recording_that_no_picture_can_show_is_refused(seconds: float) -> None:
    with pytest.raises(Refusal, match=r"a picture of at most 60 can be read"):
        draw(figure("a", seconds=seconds))


@pytest.mark.parametrize("texts", [(), ("a",), ("word",) * 200])
def test_none_one_and_many_words_are_drawn(texts: tuple[str, ...]) -> None:
    one = figure(*texts, seconds=59.0)
    assert ElementTree.fromstring(str(inline(one))) is not None
    assert draw(one, "png")


def test_an_even_recording_is_drawn() -> None:
    assert draw(figure("a", wave=[[0.0, 0.0]] * 9), "png")


def test_a_field_says_its_values() -> None:
    values = np.random.default_rng(2).random((5, 12)).tolist()
    values[1] = [0.0] * 12
    shown = np.zeros((5, 12))
    for level, path in _runs(values).items():
        assert re.fullmatch(r"(M\d+ \d+h\d+)+", path)
        for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)", path):
            assert not shown[int(y), int(x) : int(x) + int(length)].any()
            shown[int(y), int(x) : int(x) + int(length)] = level / LEVELS
    assert np.abs(shown - np.array(values)).max() <= 0.5 / LEVELS + 1e-9


def test_a_page_holds_a_long_recording_in_few_bytes() -> None:
    rows = np.random.default_rng(3).random((40, 400)).tolist()
    field = {"begin": 0.0, "end": 10.0, "marks": [], "rows": rows}
    assert len(inline(figure(*"abcdefghij", seconds=10.0, spectrogram=field))) < 150_000
