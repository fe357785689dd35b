"""Error rates: edits over the length of what was wanted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from melisma.measures.interval import Array
from melisma.measures.measure import Measure, References, Rule, normalised, number_of_references, paired, rated, ratio


def word_error_rate(answers: Sequence[str], references: References, *, lowercase: bool = False) -> Measure:
    """Per cent of words inserted, deleted or substituted, of the words of the closest reference; above 100 is possible.

    Words are what white space separates. Edits and lengths are summed over all examples before they are divided.
    """
    return _rate("WER", "word", str.split, paired(answers, references), lowercase)


def character_error_rate(answers: Sequence[str], references: References, *, lowercase: bool = False) -> Measure:
    """As ``word_error_rate``, of characters (code points after NFC), the single spaces between words among them."""
    return _rate("CER", "character", list, paired(answers, references), lowercase)


def phoneme_error_rate(answers: Sequence[str], references: References, *, lowercase: bool = False) -> Measure:
    """As ``word_error_rate``, of phonemes separated by white space, against the closest pronunciation: PER."""
    return _rate("phoneme error", "phoneme", str.split, paired(answers, references), lowercase)


def phoneme_counts(answers: Sequence[str], references: References) -> Array:
    """What ``phoneme_error_rate`` counts of each example (N, 2): edits, and phonemes of the closest pronunciation."""
    return _counts(str.split, paired(answers, references), False)


def word_counts(answers: Sequence[str], references: References) -> Array:
    """What ``word_error_rate`` counts of each example (N, 2): edits, and words of the closest reference."""
    return _counts(str.split, paired(answers, references), False)


def character_counts(answers: Sequence[str], references: References) -> Array:
    """What ``character_error_rate`` counts of each example (N, 2): edits, and characters of the closest reference."""
    return _counts(list, paired(answers, references), False)


def distance(answer: Sequence[Hashable], reference: Sequence[Hashable]) -> int:
    """The least number of insertions, deletions and substitutions between two sequences (Levenshtein 1966).

    A column of the table is two bit vectors of its differences (Myers 1999, in the form of Hyyrö 2003), as integers of
    any length: one pass over the answer.
    """
    if not reference:
        return len(answer)
    places: dict[Hashable, int] = {}
    for i, symbol in enumerate(reference):
        places[symbol] = places.get(symbol, 0) | 1 << i
    mask, bottom, edits = (1 << len(reference)) - 1, 1 << (len(reference) - 1), len(reference)
    rises, falls = mask, 0
    for symbol in answer:
        equal = places.get(symbol, 0)
        diagonal = (((equal & rises) + rises) ^ rises) | equal | falls
        up = falls | (~(diagonal | rises) & mask)
        down = rises & diagonal
        edits += bool(up & bottom) - bool(down & bottom)
        up, down = (up << 1 | 1) & mask, down << 1 & mask
        rises, falls = down | (~(diagonal | up) & mask), up & diagonal
    return edits


def align(answer: Sequence[Hashable], reference: Sequence[Hashable]) -> list[tuple[int | None, int | None]]:
    """Which places of answer and reference belong together with the fewest edits; None: nothing on that side.

    Of equally short ways, from the end, a pair goes before an insertion and that before a deletion.
    """
    table = np.zeros((len(answer) + 1, len(reference) + 1), np.int64)
    table[0], table[:, 0] = np.arange(len(reference) + 1), np.arange(len(answer) + 1)
    across = np.arange(len(reference) + 1)
    for i, symbol in enumerate(answer, 1):
        differs = np.fromiter((symbol != wanted for wanted in reference), np.int64, len(reference))
        table[i, 1:] = np.minimum(table[i - 1, :-1] + differs, table[i - 1, 1:] + 1)
        table[i] = np.minimum.accumulate(table[i] - across) + across
    pairs: list[tuple[int | None, int | None]] = []
    i, j = len(answer), len(reference)
    while i or j:
        if i and j and table[i, j] == table[i - 1, j - 1] + (answer[i - 1] != reference[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and table[i, j] == table[i - 1, j] + 1:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def _rate(
    name: str, unit: str, split: Callable[[str], list[str]], pairs: list[tuple[str, list[str]]], lowercase: bool
) -> Measure:
    case = "lc" if lowercase else "mixed"
    signature = f"nrefs:{number_of_references(pairs)}|case:{case}|norm:nfc|unit:{unit}"
    return rated(Rule(name, ratio, "lower"), _counts(split, pairs, lowercase), signature)


def _counts(split: Callable[[str], list[str]], pairs: list[tuple[str, list[str]]], lowercase: bool) -> Array:
    counts = np.empty((len(pairs), 2))
    for row, (answer, right) in zip(counts, pairs):
        row[:] = _closest(split(normalised(answer, lowercase)), [split(normalised(one, lowercase)) for one in right])
    return counts


def _closest(answer: list[str], references: list[list[str]]) -> tuple[int, int]:
    """Edits to, and length of, the reference with the fewest edits, the longest of equals."""
    edits, shorter = min((distance(answer, reference), -len(reference)) for reference in references)
    return edits, -shorter
