"""What the lengths of lines tell: files that are not parallel, stretches that are shifted, pairs that do not fit."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from melisma.checks.finding import BOTH, SHOWN, Draft, Finding, Seen, Severity, Spot
from melisma.checks.reading import Given, Reading, Record
from melisma.files.alignment import CAP, WINDOW, parting
from melisma.quoting import counted, named

SMOOTH = 8  # characters added to both lengths, as the ratio of two short lines says little
FAR = 6.0  # robust standard deviations from the median beyond which a pair is an outlier …
AT_LEAST = np.log(2.5)  # … if its ratio is besides so many times the usual one
NARROWEST = 0.05  # standard deviation at least: where all ratios are alike the smallest difference would be far
ENOUGH = 20  # pairs without which nothing is usual
MANY = 0.01
SHIFTS = (-3, -2, -1, 1, 2, 3)  # lines by which a stretch may be shifted
GAIN = 0.25  # nats a line by which shifted lines must fit better over a window, where as many lines stand on both sides
TELLING = 0.15  # nats a line that a shift must cost at least for lengths to tell anything

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Usual:
    """The usual ratio of lengths of a part's pairs, and how much it varies: median and robust deviation of its log."""

    middle: float
    deviation: float

    def score(self, source: int, target: int) -> float:
        """By how many robust deviations a pair of lengths (characters) is off; 0 where it is not far off at all."""
        off = float(np.log((target + SMOOTH) / (source + SMOOTH))) - self.middle
        return off / self.deviation if abs(off) > AT_LEAST else 0.0


class Lengths:
    """Three numbers of four bytes a pair."""

    def __init__(self) -> None:
        self._sides = {part: (array("I"), array("I")) for part in ("train", "valid")}
        self._numbers = {part: array("I") for part in ("train", "valid")}

    def see(self, record: Record, whole: bool) -> None:
        """One record, if both sides show something."""
        if whole:
            part = record.given.part
            self._numbers[part].append(record.number)
            for lengths, text in zip(self._sides[part], record.sides):
                lengths.append(len(text or ""))

    def usual(self) -> Usual | None:
        """The usual ratio in training; None where there is too little to tell."""
        ratios = self._ratios("train")
        if len(ratios) < ENOUGH:
            return None
        middle = float(np.median(ratios))
        # 1.4826 makes the median deviation of normally distributed numbers their standard deviation
        return Usual(middle, max(NARROWEST, 1.4826 * float(np.median(np.abs(ratios - middle)))))

    def drafts(self) -> Iterator[Draft]:
        """Pairs whose lengths do not fit each other, the worst first."""
        usual = self.usual()
        for part in ("train", "valid"):
            ratios = self._ratios(part)
            if usual is None or not len(ratios):
                continue
            off = ratios - usual.middle
            scores = np.where(np.abs(off) > AT_LEAST, np.abs(off) / usual.deviation, 0.0)
            count = int((scores > FAR).sum())
            if count:
                worst = np.argsort(-scores, kind="stable")[: min(SHOWN, count)].tolist()
                yield self._outliers(part, count, len(ratios), usual, [self._numbers[part][place] for place in worst])

    def _outliers(self, part: str, count: int, of: int, usual: Usual, worst: Sequence[int]) -> Draft:
        severity: Severity = "warning" if count / of >= MANY else "note"
        sentence = (
            f"{counted(count, 'pair')} of {part} {'has' if count == 1 else 'have'} lengths that do not fit each other"
            f" (usual are {np.exp(usual.middle):.2f} target characters for each of the source)"
        )
        advice = "look whether they are translations of each other; fix=FOLDER leaves them out"
        spots = tuple(Spot(number, BOTH) for number in worst)
        return Draft(Finding("odd lengths", severity, count, of, sentence, advice), spots)

    def _ratios(self, part: str) -> Floats:
        source, target = (np.asarray(lengths, np.float32) for lengths in self._sides[part])
        for lengths in (source, target):  # in place: of millions of pairs every copy is felt
            np.log(np.add(lengths, SMOOTH, out=lengths), out=lengths)
        target -= source
        return target


def of_files(reading: Reading) -> Iterator[Draft]:
    """Findings about parallel files: unequal numbers of lines, stretches in which they are shifted."""
    for place, (left, right) in reading.sizes.items():
        given = reading.corpora[place]
        if any(facts.refused for facts in reading.facts if facts.given is given):
            continue  # what could be read ended early, and says nothing of how many lines there are
        if len(left) != len(right):
            yield _unequal(given, left, right)
        else:
            yield from _shifted(given, left, right)


def fitting(left: Sequence[int], right: Sequence[int]) -> int:
    """Of files of unequal numbers of lines, how many of the first lines fit each other, as far as lengths tell."""
    return min(parting(left, right), len(left), len(right))


def only_goes_on(left: Sequence[int], right: Sequence[int]) -> bool:
    """Whether the longer of two files fits the other but for its end, or a few lines before that."""
    return fitting(left, right) >= min(len(left), len(right)) - WINDOW


def _unequal(given: Given, left: array[int], right: array[int]) -> Draft:
    first = fitting(left, right)
    short, long = sorted((len(left), len(right)))
    longer = given.files[0 if len(left) > len(right) else 1]
    sizes = " and ".join(
        f"{named(file)} has {counted(len(of), 'line')}" for file, of in zip(given.files, (left, right))
    )
    places = tuple(Seen(file, first + 1, "") for file in given.files)
    if first == short:
        where = f"those of {named(longer)} from line {short + 1} on have no partner"
        advice = "take them out or add their translations; fix=FOLDER leaves them out"
        places = (Seen(longer, short + 1, ""),)
    else:
        where = f"from around line {first + 1} on they no longer fit each other"
        advice = "look at the lines around it in both files: one of them is missing or split in two"
        advice += "; fix=FOLDER leaves out what follows" if only_goes_on(left, right) else ""
    return Draft(Finding("unequal files", "error", long - short, long, f"{sizes}: {where}", advice, places))


def _shifted(given: Given, left: array[int], right: array[int]) -> Iterator[Draft]:
    stretches = shifted(left, right)
    if stretches:
        count = sum(end - begin for begin, end in stretches)
        begin, end = stretches[0]
        sentence = (
            f"{counted(count, 'line')} of {named(str(given))} fit better a line or more away, the first ones from line"
            f" {begin + 1} to {end}: a line is missing on one side, and another one further on on the other"
        )
        places = tuple(Seen(given.files[0], begin + 1, "") for begin, _ in stretches[:SHOWN])
        advice = "look at the beginning of the stretch in both files"
        yield Draft(Finding("shifted lines", "error", count, len(left), sentence, advice, places))


def shifted(left: Sequence[int], right: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches (begin, end), from 0, in which lines fit better shifted than as they stand.

    ``left``, ``right``: characters of each line, of two files of equally many lines. Lines fit when the logarithm of
    the ratio of their lengths is near its mean (after Gale and Church 1993). None where lengths cannot tell, as a shift
    of the whole changes nothing.
    """
    if len(left) < 2 * WINDOW:
        return []
    one, other = (np.log(np.asarray(side, np.float64) + SMOOTH) for side in (left, right))
    one = one - np.median(one - other)
    straight = np.minimum(np.abs(one - other), CAP)
    better = np.zeros(len(one), dtype=np.bool_)
    for shift in SHIFTS:
        moved = np.minimum(np.abs(one - np.roll(other, shift)), CAP)
        if abs(float(np.mean(moved - straight))) < TELLING and float(np.mean(straight)) < TELLING:
            continue
        gain = straight - moved
        sums = np.concatenate(([0.0], np.cumsum(gain)))
        begins = np.flatnonzero((sums[WINDOW:] - sums[:-WINDOW]) / WINDOW > GAIN)
        for begin in begins.tolist():
            better[begin : begin + WINDOW] = True
    edges = np.flatnonzero(np.diff(np.concatenate(([0], better.astype(np.int8), [0]))))
    stretches: list[tuple[int, int]] = []
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist()):
        if stretches and begin - stretches[-1][1] < WINDOW:
            begin = stretches.pop()[0]
        stretches.append((begin, end))
    return stretches
