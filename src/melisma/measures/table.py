"""All measures of answers against references, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from melisma.measures.bleu import bleu, chrf, ter
from melisma.measures.error_rate import character_error_rate, phoneme_error_rate, word_error_rate
from melisma.measures.exact import exact, wrong
from melisma.measures.measure import Measure, References

MEASURES: dict[str, Callable[[Sequence[str], References], Measure]] = {
    "bleu": bleu,
    "chrf": chrf,
    "ter": ter,
    "exact": exact,
    "wrong": wrong,
    "wer": word_error_rate,
    "cer": character_error_rate,
    "per": phoneme_error_rate,
}
