"""Lengths tell which files are shifted and which pairs do not fit; where nothing is wrong they tell nothing."""

from __future__ import annotations

import math
import random
import statistics
from pathlib import Path

import pytest
from checks.drill import found, looked, seen, write

from melisma.checks.lengths import AT_LEAST, FAR, NARROWEST, SMOOTH, Lengths, fitting, only_goes_on, shifted


def lengths(count: int, seed: int = 1) -> tuple[list[int], list[int]]:
    """Lengths of lines and of their translations."""
    drawn = random.Random(seed)
    left = [drawn.randint(15, 120) for _ in range(count)]
    return left, [max(1, round(length * drawn.lognormvariate(0.1, 0.12))) for length in left]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("by", [1, 2, -1])
def test_a_stretch_that_is_shifted_is_found(seed: int, by: int) -> None:
    left, right = lengths(600, seed)
    begin, end = 200, 400
    moved = right[begin + by : end] + right[:by] if by > 0 else right[:-by] + right[begin : end + by]
    stretches = shifted(left, right[:begin] + moved + right[end:])
    assert len(stretches) == 1
    assert abs(stretches[0][0] - begin) <= 25
    assert abs(stretches[0][1] - end) <= 25


@pytest.mark.parametrize("seed", range(8))
def test_lines_that_fit_are_not_called_shifted(seed: int) -> None:
    assert shifted(*lengths(2000, seed)) == []


def test_lengths_without_any_relation_or_all_alike_tell_nothing() -> None:
    drawn = random.Random(1)
    left = [drawn.randint(8, 40) for _ in range(1000)]
    assert shifted(left, [10] * 1000) == []
    assert shifted(left[:50], left[50:100]) == []


def test_the_first_line_that_does_not_fit_is_about_where_one_is_missing() -> None:
    left, right = lengths(600)
    short = right[:300] + right[301:]
    assert abs(fitting(left, short) - 300) <= 5
    assert not only_goes_on(left, short)
    assert only_goes_on(left, right[:-3])
    assert fitting(left, right[:-3]) > 560


def texts(left: list[int], right: list[int]) -> list[tuple[str, str]]:
    return [("x" * one, "y" * other) for one, other in zip(left, right)]


def test_odd_lengths_are_those_that_are_far_from_the_median() -> None:
    pairs = [*texts(*lengths(500)), ("x" * 80, "y" * 4), ("x" * 5, "y" * 300), ("x" * 30, "y" * 60)]
    ratios = [math.log((len(target) + SMOOTH) / (len(source) + SMOOTH)) for source, target in pairs]
    middle = statistics.median(ratios)
    wide = max(NARROWEST, 1.4826 * statistics.median(abs(ratio - middle) for ratio in ratios))
    wanted = [ratio for ratio in ratios if abs(ratio - middle) > max(FAR * wide, AT_LEAST)]
    check = Lengths()
    findings = seen(check, train=pairs)
    assert findings["odd lengths"].count == len(wanted) == 2
    (draft,) = check.drafts()
    assert [spot.number for spot in draft.spots] == [501, 500]  # the worst first
    usual = check.usual()
    assert usual is not None
    assert usual.score(5, 300) > FAR
    assert usual.score(80, 4) < -FAR
    assert usual.score(50, 55) == 0


def test_few_pairs_have_nothing_usual() -> None:
    assert Lengths().usual() is None
    assert seen(Lengths(), train=[("x", "y" * 900)] * 3) == {}


def words(count: int) -> list[tuple[str, str]]:
    left, right = lengths(count)
    return [
        (f"{number} " + "a" * one, f"{number} " + "b" * other) for number, (one, other) in enumerate(zip(left, right))
    ]


def test_unequal_files_are_an_error_with_the_line(tmp_path: Path) -> None:
    pairs = words(400)
    left, right = write(tmp_path, "a", pairs)
    lines = Path(right).read_text().splitlines(keepends=True)
    Path(right).write_text("".join(lines[:150] + lines[151:]))
    finding = found(looked((left, right)))["unequal files"]
    assert (finding.severity, finding.count) == ("error", 1)
    assert abs(finding.places[0].line - 151) <= 5
    assert "shifted lines" not in found(looked((left, right)))


def test_shifted_files_are_an_error(tmp_path: Path) -> None:
    left, right = write(tmp_path, "a", words(400))
    lines = Path(right).read_text().splitlines(keepends=True)
    Path(right).write_text("".join(lines[:100] + lines[101:300] + ["new\n"] + lines[300:]))
    finding = found(looked((left, right)))["shifted lines"]
    assert finding.severity == "error"
    assert abs(finding.places[0].line - 101) <= 20


@pytest.mark.parametrize("seed", range(3, 7))
def test_lines_in_another_encoding_are_not_called_shifted(tmp_path: Path, seed: int) -> None:
    left, right = write(tmp_path, "a", words(300))
    lines = Path(right).read_text().splitlines(keepends=True)
    strange = random.Random(seed).sample(range(300), 180)
    mixed = [(line.replace("b", "ü") if at in strange else line).encode("latin-1") for at, line in enumerate(lines)]
    Path(right).write_bytes(b"".join(mixed))
    assert "shifted lines" not in found(looked((left, right)))
