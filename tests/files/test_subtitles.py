"""Subtitles: what a strict reader of both formats reads, lines that fit, and where they are parted."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files.subtitles import LINE, LONGEST, Subtitles, cues


class Word(NamedTuple):
    text: str
    begin: float
    end: float


TIME = {"srt": r"(\d\d+):([0-5]\d):([0-5]\d),(\d{3})", "vtt": r"(\d\d+):([0-5]\d):([0-5]\d)\.(\d{3})"}


def seconds(*parts: str) -> float:
    hours, minutes, rest, thousandths = map(int, parts)
    return 3600 * hours + 60 * minutes + rest + thousandths / 1000


def parsed(kind: str, text: str) -> list[tuple[float, float, list[str]]]:
    """What a strict parser reads: numbered blocks of SubRip, cue blocks of WebVTT (W3C, section 4.1)."""
    if kind == "vtt":
        assert text.startswith("WEBVTT\n\n")
        text = text.removeprefix("WEBVTT\n\n")
    assert not text or text.endswith("\n\n")
    found = []
    for number, block in enumerate(text.split("\n\n")[:-1], 1):
        lines = block.split("\n")
        if kind == "srt":
            assert lines.pop(0) == str(number)
        timing = re.fullmatch(f"{TIME[kind]} --> {TIME[kind]}", lines.pop(0))
        assert timing is not None
        assert 1 <= len(lines) <= 2
        assert all(line.strip() and "-->" not in line for line in lines)
        if kind == "vtt":
            assert not any(re.search(r"[<>]|&(?!(amp|lt|gt);)", line) for line in lines)
            lines = [html.unescape(line) for line in lines]
        begin, end = seconds(*timing.groups()[:4]), seconds(*timing.groups()[4:])
        assert begin < end
        assert not found or begin >= found[-1][1]
        found.append((begin, end, lines))
    return found


def spoken(text: str, begin: float = 0.0, each: float = 0.3, gap: float = 0.05) -> list[Word]:
    return [
        Word(word, begin + place * (each + gap), begin + place * (each + gap) + each)
        for place, word in enumerate(text.split())
    ]


TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), max_size=40)


@settings(max_examples=40)
@given(TEXTS, st.lists(st.floats(0, 3), min_size=40, max_size=40), st.sampled_from(["srt", "vtt"]))
def test_whatever_is_said_a_strict_reader_reads_it_back(texts: list[str], gaps: list[float], kind: str) -> None:
    words, at = [], 0.0
    for text, gap in zip(texts, gaps):
        words.append(Word(text, at + gap, at + gap + 0.2))
        at += gap + 0.2
    written = Subtitles(kind)
    found = parsed(kind, written.head() + written.more(words, at))
    read = "".join("".join(lines) for _, _, lines in found)
    said = "".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text) for text in texts)
    if kind == "srt":
        said, read = said.replace("-->", "-- >"), read
    assert "".join(read.split()) == "".join(said.split())


def test_lines_fit_and_are_even() -> None:
    text = "it is a truth universally acknowledged that a single man in possession of a good fortune must want a wife"
    found = cues(spoken(text), 60.0)
    assert all(len(line) <= LINE for cue in found for line in cue.lines)
    assert " ".join(line for cue in found for line in cue.lines) == text
    assert [len(cue.lines) for cue in found] == [2, 1]
    assert found[0].lines == ("it is a truth universally acknowledged", "that a single man in possession of a good")


def test_pauses_part_and_the_longest_of_shorter_ones_is_preferred() -> None:
    assert len(cues([*spoken("one two"), *spoken("three", 2.0)], 60.0)) == 2
    words = spoken(
        "a very long sentence that has to be cut somewhere in the middle because it would not fit in two lines"
    )
    late = [
        word if place < 9 else word._replace(begin=word.begin + 0.4, end=word.end + 0.4)
        for place, word in enumerate(words)
    ]
    found = cues(late, 60.0)
    assert " ".join(found[0].lines) == "a very long sentence that has to be cut"
    ended = [word._replace(text=word.text + ".") if place == 7 else word for place, word in enumerate(words)]
    assert cues(ended, 60.0)[0].lines[-1].endswith("be.")


def test_times_are_those_of_the_words_and_short_ones_stand_a_while() -> None:
    (cue,) = cues(spoken("yes", 3.2, 0.1), 60.0)
    assert (cue.begin, cue.end) == (3200, 4200)
    assert cues(spoken("yes", 3.2, 0.1), 3.5)[0].end == 3500
    first, second = cues([*spoken("yes", 1.0, 0.05), *spoken("no", 1.9, 0.05)], 60.0)
    assert (first.end, second.begin) == (1900, 1900)
    slow = cues(spoken("word " * 12, each=0.9), 60.0)
    assert len(slow) > 1
    assert all(cue.end - cue.begin <= 1000 * LONGEST for cue in slow)


def test_wide_characters_take_two_columns_and_what_has_no_blanks_is_cut() -> None:
    (first, *rest) = cues([Word("語" * 50, 0.0, 5.0)], 60.0)
    assert first.lines == ("語" * 21, "語" * 21)
    assert [cue.lines for cue in rest] == [("語" * 8,)]
    assert first.end == rest[0].begin


def test_what_the_formats_read_otherwise_is_escaped() -> None:
    words = spoken("<i> a&b --> x")
    assert "&lt;i&gt; a&amp;b --&gt; x\n" in Subtitles("vtt").more(words, 9.0)
    assert "<i> a&b -- > x\n" in Subtitles("srt").more(words, 9.0)


def test_numbers_go_on_over_utterances_and_hours_are_told() -> None:
    written = Subtitles("srt")
    assert written.more(spoken("a"), 5.0).startswith("1\n00:00:00,000 --> 00:00:01,000\na\n\n")
    assert written.more(spoken("b", 3723.5), 4000.0).startswith("2\n01:02:03,500 --> 01:02:04,500\nb\n\n")
    assert written.more([], 5000.0) == ""
    early = written.more(spoken("c", 3724.0), 4000.0)
    assert early.startswith("3\n01:02:04,500 --> 01:02:05,000\n"), "none begins before the last is gone"


def test_other_formats_are_refused() -> None:
    with pytest.raises(Refusal, match="format='ass' is none that subtitles have: wants srt or vtt"):
        Subtitles("ass")
