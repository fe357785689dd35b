"""How many answers are right as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from melisma.measures.interval import wilson
from melisma.measures.measure import Measure, References, normalised, number_of_references, paired


def exact(answers: Sequence[str], references: References, *, lowercase: bool = False) -> Measure:
    """Per cent of the answers that equal one of their references, after Unicode NFC and white space as single spaces.

    The interval is Wilson's (1927): it has a width even where all or none are right.
    """
    pairs = paired(answers, references)
    right = sum(normalised(a, lowercase) in {normalised(one, lowercase) for one in wanted} for a, wanted in pairs)
    low, high = (100 * end for end in wilson(right, len(pairs)))
    case = "lc" if lowercase else "mixed"
    signature = f"nrefs:{number_of_references(pairs)}|case:{case}|norm:nfc|interval:wilson"
    return Measure("exact", 100 * right / len(pairs), low, high, signature, "higher", len(pairs))


def word_error(answers: Sequence[str], references: References, *, lowercase: bool = False) -> Measure:
    """Per cent of the answers that equal none of their references: what pronunciation calls its word error rate, WER.

    It is 100 less ``exact``, and no edit rate, which speech and translation call WER.
    """
    right = exact(answers, references, lowercase=lowercase)
    low, value, high = 100 - right.high, 100 - right.value, 100 - right.low
    return Measure("word error", value, low, high, right.signature, "lower", right.count)
