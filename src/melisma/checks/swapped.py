"""Corpora whose sides stand the other way round, told by the words and characters that each side uses."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from melisma.checks.finding import Draft, Finding, Seen
from melisma.checks.reading import Given, Record
from melisma.quoting import named

READ = 5_000  # lines of each corpus that are counted
LONGEST = 1_000  # characters of each that are
CLEARLY = 0.1  # by which the sides must fit better exchanged than as they stand


class Swapped:
    """Compares each corpus with the first of the training data."""

    def __init__(self) -> None:
        self._corpora: dict[int, tuple[Given, tuple[Counter[str], Counter[str]]]] = {}  # by the object's own number
        self._read: Counter[int] = Counter()

    def see(self, record: Record, whole: bool) -> None:
        """One record, if both sides show something."""
        key = id(record.given)
        if not whole or self._read[key] >= READ:
            return
        self._read[key] += 1
        _, counts = self._corpora.setdefault(key, (record.given, (Counter(), Counter())))
        for counter, text in zip(counts, record.sides):
            words = (text or "")[:LONGEST].lower().split()
            counter.update(words)
            counter.update("".join(words))

    def drafts(self) -> Iterator[Draft]:
        """A finding for each corpus that fits better with its sides exchanged."""
        if not self._corpora:
            return
        (_, first), *others = self._corpora.values()
        for given, counts in others:
            straight = likeness(counts[0], first[0]) + likeness(counts[1], first[1])
            crossed = likeness(counts[0], first[1]) + likeness(counts[1], first[0])
            if crossed > straight + CLEARLY:
                sentence = (
                    f"the sides of {named(str(given))} seem to be exchanged: its sources are like the targets of train"
                )
                advice = "give them the other way round: " + (
                    f"data.{given.part}={named(','.join(reversed(given.files)))}"
                    if len(given.files) == 2
                    else "exchange data.source and data.target"
                )
                places = (Seen(given.files[0], 0, ""),)
                yield Draft(Finding("swapped sides", "error", 1, len(self._corpora), sentence, advice, places))


def likeness(one: Counter[str], other: Counter[str]) -> float:
    """The cosine between two counts of words and characters, each under a square root, from 0 to 1."""
    if not one or not other:
        return 0.0
    smaller, larger = sorted((one, other), key=len)
    common = sum(math.sqrt(count * larger[word]) for word, count in smaller.items() if word in larger)
    return common / math.sqrt(one.total() * other.total())
