"""All measures of answers against references, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from melisma.measures.asked import BY_SOURCE, asked
from melisma.measures.bleu import bleu, chrf, ter, tokenizer_for
from melisma.measures.error_rate import character_error_rate, phoneme_error_rate, word_error_rate
from melisma.measures.exact import exact, word_error
from melisma.measures.measure import Measure, References

Measured = Callable[[Sequence[str], References], Measure]


def bleu_lowercase(answers: Sequence[str], references: References) -> Measure:
    """BLEU without regard to case, as much of the literature reports it."""
    return replace(bleu(answers, references, lowercase=True), name="BLEU, lowercased")


MEASURES: dict[str, Measured] = {
    "bleu": bleu,
    "bleu_lowercase": bleu_lowercase,
    "chrf": chrf,
    "ter": ter,
    "exact": exact,
    "word_error": word_error,
    "phoneme_error": phoneme_error_rate,
    "wer": word_error_rate,
    "cer": character_error_rate,
}


def measured(name: str, sources: Sequence[str], answers: Sequence[str], references: Sequence[str]) -> Measure:
    """A measure of examples, each a source, an answer and a target; ``asked`` says what it counts of them."""
    found = asked(name, sources, answers, references)
    one = MEASURES[name](found.answers, found.references)
    return replace(one, signature=f"{one.signature}|sources:distinct") if name in BY_SOURCE else one


def for_parts(name: str, references: References) -> Measured:
    """A measure for parts of one corpus: what it would choose from references is chosen from all of them."""
    return partial(bleu, tokenize=tokenizer_for(references)) if name == "bleu" else MEASURES[name]
