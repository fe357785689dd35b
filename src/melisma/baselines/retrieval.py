"""Looking up instead of learning: the known text that is most like a question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.files.split import fold

KNOWN = 100_000  # texts that are looked through, at most
CHARACTERS = 1_000_000  # of these texts together: some 80 MB while they are counted
LONGEST = 2_000  # characters of a text that count
BITS = 21  # of a code point: three of them fit an integer of 64 bits, so no two n-grams share a number
UNKNOWN = 0  # a word that no known text has: words have numbers below 0, n-grams above

Ids = NDArray[np.int64]


class Neighbour(NamedTuple):
    """The known text that is most like a question: its place, None where none has anything in common with it."""

    place: int | None
    similarity: float  # cosine, 0 to 1


class Nearest:
    """Known texts by what they consist of, exactly: no text that is nearer is missed.

    A text is the vector of its pairs and triples of characters and of its words, folded as ``fold`` does, each counted
    as (1 + ln n) · (1 + ln((1 + N) / (1 + d))) for n times in the text and d of N texts that have it (TF-IDF; Salton &
    Buckley 1988), and divided by its length. Texts are near whose cosine is large; of equal ones the first is taken.
    """

    def __init__(self, known: Sequence[str]) -> None:
        folded = [_prepared(text) for text in known]
        self.size = len(folded)
        self.words = {word: -1 - number for number, word in enumerate(dict.fromkeys(_words(folded)))}
        owners, ids = self._counted(folded)
        self.ids, dense = np.unique(ids, return_inverse=True)
        cells, times = np.unique(dense * max(1, self.size) + owners, return_counts=True)
        self.owners, features = cells % max(1, self.size), cells // max(1, self.size)
        self.starts = np.searchsorted(features, np.arange(len(self.ids) + 1))
        self.rarity = 1 + np.log((1 + self.size) / (1 + np.diff(self.starts)))
        weights = (1 + np.log(times)) * self.rarity[features]
        lengths = np.sqrt(np.bincount(self.owners, weights**2, minlength=self.size))
        self.weights = weights / lengths[self.owners]

    def __call__(self, question: str) -> Neighbour:
        """The nearest of the known texts."""
        _, found = self._counted([_prepared(question)])
        ids, times = np.unique(found, return_counts=True)
        weights = (1 + np.log(times)) * (1 + np.log(1 + self.size))  # what no known text has lengthens the question
        places = np.searchsorted(self.ids, ids).clip(max=max(0, len(self.ids) - 1))
        there = self.ids[places] == ids if len(self.ids) else np.zeros(len(ids), bool)
        weights[there] = (1 + np.log(times[there])) * self.rarity[places[there]]
        scores = np.zeros(self.size)
        for place, weight in zip(places[there], weights[there]):
            part = slice(self.starts[place], self.starts[place + 1])
            scores[self.owners[part]] += weight * self.weights[part]  # each text stands once in a part
        if not scores.any():
            return Neighbour(None, 0.0)
        scores = np.round(scores / np.sqrt((weights**2).sum()), 12)  # equal texts stay equal in any order of adding
        best = int(scores.argmax())
        return Neighbour(best, min(1.0, float(scores[best])))

    def _counted(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """Every feature of every text: whose it is, and which one."""
        lengths = [len(text) for text in texts]
        codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
        owners = np.repeat(np.arange(len(texts)), lengths)
        pairs = codes[:-1] << BITS | codes[1:]
        triples = pairs[:-1] << BITS | codes[2:]
        in_one, in_two = owners[1:] == owners[:-1], owners[2:] == owners[:-2]  # not across two texts
        words = [(number, self.words.get(word, UNKNOWN)) for number, text in enumerate(texts) for word in text.split()]
        whose, which = np.array(words, np.int64).reshape(-1, 2).T
        ids = np.concatenate((pairs[in_one], triples[in_two], which))
        return np.concatenate((owners[1:][in_one], owners[2:][in_two], whose)), ids


def _prepared(text: str) -> str:
    """The text as it is compared: folded, with a blank around it, so that beginnings and ends of words count."""
    return f" {fold(text)[:LONGEST]} "


def _words(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield from text.split()


def affordable(texts: Sequence[str], known: int = KNOWN, characters: int = CHARACTERS) -> int:
    """How many of the texts can be looked through, if they are drawn evenly from all."""
    total = sum(min(len(text), LONGEST) + 2 for text in texts)
    return min(len(texts), known, max(1, characters * len(texts) // max(1, total)))
