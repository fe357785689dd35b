"""Pairs: never shifted, everything dropped is counted; where two files stop being parallel is found."""

from __future__ import annotations

import random
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files.alignment import parting
from melisma.files.columns import Pair, Pairs, ReadReport, blank, read_pairs
from melisma.files.lines import LONGEST, Place, signature


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("columns")


def write(folder: Path, name: str, content: str) -> str:
    (folder / name).write_text(content, encoding="utf-8", newline="")
    return str(folder / name)


SIDES = st.sampled_from(["text", "x", "字", "", " ", "\u200b", "\u3000\t", "  .", "\u200ba"])


@given(sides=st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=10))
@settings(max_examples=60, deadline=None)
def test_blank_sides_drop_their_pair_and_shift_nothing(folder: Path, sides: list[tuple[str, str]]) -> None:
    corpus = [write(folder, f"a.{n}", "".join(pair[n] + "\n" for pair in sides)) for n in (0, 1)]
    unseen = ["", " ", "\u200b", "\u3000\t"]
    kept = [Pair(a, b, Place(corpus[0], n)) for n, (a, b) in enumerate(sides, 1) if a not in unseen and b not in unseen]
    if not kept:
        with pytest.raises(Refusal, match=f"no pair in {len(sides)} lines? \\({len(sides)} blank"):
            read_pairs([corpus])
        return
    pairs, report = read_pairs([corpus])
    assert pairs == kept
    both = sum(a in unseen and b in unseen for a, b in sides)
    assert (report.pairs, report.both_blank, report.one_blank) == (len(kept), both, len(sides) - len(kept) - both)
    assert report.blank == report.one_blank + both


def test_corpora_follow_each_other_and_reports_add_up(folder: Path) -> None:
    first = [write(folder, "a.en", "one\n\ntwo\n"), write(folder, "a.de", "eins\nx\nzwei\n")]
    second = [write(folder, "b.csv", "de,en\ndrei,three\n,four\n")]
    pairs, report = read_pairs([first, second], "en", "de")
    assert [(pair.source, pair.target, pair.place.line) for pair in pairs] == [
        ("one", "eins", 1),
        ("two", "zwei", 3),
        ("three", "drei", 2),
    ]
    assert (report.pairs, report.one_blank, report.one_blank_at) == (3, 2, (Place(first[0], 2), Place(second[0], 3)))
    assert dict(report.signatures) == {path: signature(path) for path in (*first, *second)}
    assert report.signatures[first[0]]["lines"] == 3


def test_a_report_remembers_the_first_few_places_and_says_so(folder: Path) -> None:
    corpus = [write(folder, "a.en", "a\n" + "\n" * 9), write(folder, "a.de", "b\n" * 10)]
    _, report = read_pairs([corpus])
    assert (report.one_blank, [place.line for place in report.one_blank_at]) == (9, [2, 3, 4])
    assert report.warnings() == [
        f"dropped 9 pairs with one blank side (the first: {corpus[0]}, line 2; {corpus[0]}, line 3; {corpus[0]}, line 4)"
    ]
    assert ReadReport().warnings() == []


def test_a_report_of_many_long_lines_stays_small(folder: Path) -> None:
    long = "x" * (LONGEST + 1) + "\ty\n"
    pairs = Pairs([write(folder, "a.tsv", "a\tb\n" + 5 * long)])
    assert len(list(pairs)) == 1
    assert (pairs.report.too_long, [place.line for place in pairs.report.too_long_at]) == (5, [2, 3, 4])


def test_every_file_is_looked_for_before_any_is_read(folder: Path) -> None:
    bad = [write(folder, "bad.en", "\0"), write(folder, "bad.de", "\0")]
    with pytest.raises(Refusal, match="no such file"):
        read_pairs([bad, [str(folder / "none.tsv")]])


def test_a_pass_can_be_repeated(folder: Path) -> None:
    pairs = Pairs([write(folder, "a.tsv", "one\teins\n\t\ntwo\tzwei\n")])
    first, report = list(pairs), pairs.report
    assert list(pairs) == first
    assert pairs.report == report
    assert (report.pairs, report.both_blank) == (2, 1)


def test_blank_lines_at_the_end_of_one_file_are_named_as_such(folder: Path) -> None:
    corpus = [write(folder, "a.en", "one\ntwo\n"), write(folder, "a.de", "eins\nzwei\n\n\n")]
    with pytest.raises(Refusal, match=r"a\.en has 2 lines and .*a\.de has 4 lines.* from line 3 on are blank"):
        read_pairs([corpus])


@pytest.mark.parametrize("text", ["", " ", "\t\x0b\x85\u2028", "\u200b\u200d\ufeff", "\u00ad", "\u3000"])
def test_what_shows_nothing_is_blank(text: str) -> None:
    assert blank(text)


@pytest.mark.parametrize("text", [".", " a", "\u200b1", "字", "\u0301", "😀", "▁", "\ue000"])
def test_what_shows_something_is_not_blank(text: str) -> None:
    assert not blank(text)


def lengths(lines: int, seed: int) -> tuple[list[int], list[int]]:
    """Line lengths of a made-up bitext: log-normal, the translation 20 % longer, with noise as real ones have."""
    generator = random.Random(seed)
    left = [max(1, round(generator.lognormvariate(4, 0.5))) for _ in range(lines)]
    return left, [max(1, round(1.2 * size * generator.lognormvariate(0, 0.15))) for size in left]


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("missing", [1, 3, 30])
@pytest.mark.parametrize("seed", range(5))
def test_the_line_where_some_are_missing_is_found(side: int, missing: int, seed: int) -> None:
    both = lengths(2000, seed)
    del both[side][700 : 700 + missing]
    assert abs(parting(*both) - 700) <= 10


@pytest.mark.parametrize("seed", range(5))
def test_the_first_of_several_places_is_found(seed: int) -> None:
    left, right = lengths(3000, seed)
    for at in (2500, 1800, 1100, 400):
        del left[at]
    assert abs(parting(left, right) - 400) <= 10


@pytest.mark.parametrize("seed", range(3))
def test_a_file_that_only_goes_on_parts_at_its_end(seed: int) -> None:
    left, right = lengths(1000, seed)
    assert parting(left[:800], right) >= 780
    assert parting([7] * 40, [7] * 50) == 40


@given(st.lists(st.integers(0, 9), max_size=6), st.lists(st.integers(0, 9), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_lengths_part_within_the_shorter_file(left: list[int], right: list[int]) -> None:
    assert 0 <= parting(left, right) <= min(len(left), len(right))


def test_the_refusal_names_the_line_and_both_counts(folder: Path) -> None:
    left, right = lengths(500, 7)
    del right[300]
    ends = list(accumulate(right))
    assert len(ends) == 499
    corpus = [
        write(folder, name, "".join("x" * size + "\n" for size in sizes))
        for name, sizes in (("a.en", left), ("a.de", right))
    ]
    with pytest.raises(
        Refusal, match=r"a\.en has 500 lines and .*a\.de has 499 lines: from around line (29\d|30\d) on"
    ):
        read_pairs([corpus])
