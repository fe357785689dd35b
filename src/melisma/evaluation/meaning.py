"""What scores mean, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from melisma.evaluation.compare import Floor, Gap
from melisma.measures.measure import Measure
from melisma.measures.units import asked_of, between, called, figure, unit_of
from melisma.quoting import counted

MEANINGS: dict[str, str] = {
    "exact": "Of 100 questions about {value:.0f} are answered exactly as the reference has it.",
    "word_error": "Word error, the WER of pronunciation: of 100 different sources about {value:.0f} are answered with "
    "none of the targets that the data has for them.",
    "phoneme_error": "Phoneme error, PER: of 100 phonemes (or words) about {value:.0f} would have to be edited to make "
    "each answer the closest target that the data has for its source.",
    "bleu": "BLEU counts the runs of up to four words that answers share with their references; 100 is word for word "
    "the same. It can be compared with other scores on these very pairs alone.",
    "chrf": "chrF2 counts the stretches of up to six characters that answers share with their references; 100 is "
    "letter for letter the same. It can be compared with other scores on these very pairs alone.",
    "ter": "TER: of 100 words about {value:.0f} would have to be edited to make the answers their references.",
    "wer": "WER: of 100 words about {value:.0f} would have to be edited to make the answers their references.",
    "cer": "CER: of 100 characters about {value:.0f} would have to be edited to make the answers their references.",
    "misses": "Of 100 times that the word is said about {value:.0f} are not heard.",
}
"""Measure -> what a ``value`` of it says."""

PLAIN = {
    "nearest neighbour": "looking up the most similar training pair",
    "copy": "copying the source",
    "commonest answer": "always giving the commonest answer of training",
}
"""Floor -> what is done there."""


def interval(name: str, measure: Measure, example: str = "pair") -> str:
    """The interval of a score, and of how many examples it is."""
    on = f"on {asked_of(name, measure.count, example)}"
    if measure.ends is None:
        return f"{on}, which tells nothing of others"
    return f"95 % interval {between(name, measure.ends, 'to')}, {on}"


def meaning(name: str, measure: Measure, floors: Sequence[Floor]) -> list[str]:
    """What a score says, and what it is worth beside the floors."""
    said = [MEANINGS[name].format(value=measure.value)] if name in MEANINGS else []
    beside = [(PLAIN.get(floor.name, floor.name), floor.measures[name]) for floor in floors if name in floor.measures]
    if not beside:
        return said
    sign = 1 if measure.better == "higher" else -1
    told = [f"{plain} scores {_with_unit(name, one.value)}" for plain, one in beside]
    sentence = f"For comparison: {' and '.join(told)}"
    best = max((one for _, one in beside), key=lambda one: sign * one.value)
    if sign * best.value >= sign * measure.value:
        return [*said, f"{sentence}; the model is no better than that and has learned little that helps."]
    apart = measure.low > best.high if sign > 0 else measure.high < best.low
    return [*said, f"{sentence}." if apart else f"{sentence}; the intervals overlap, so that may be chance."]


def gap(name: str, first: str, second: str, found: Gap, example: str = "pair") -> str:
    """What lies between two runs by one measure, in a sentence."""
    if not found.value and found.ends is None:
        return f"{called(name)}: {first} and {second} score the same on the same {example}s."
    more = "more" if found.value >= 0 else "less"
    size = _with_unit(name, abs(found.value))
    ends = "" if found.ends is None else f" (95 % interval of the difference {found.low:+.2f} to {found.high:+.2f})"
    worth = verdict(found, example)
    return f"{called(name)}: {first} scores {size} {more} than {second} on the same {example}s{ends}; that {worth}."


def verdict(found: Gap, example: str = "pair") -> str:
    """Whether a difference is more than chance, in words that go on from ``it``."""
    if found.tells:
        return "is more than chance"
    if found.enough or not found.value:
        return "may be chance"
    return f"may be chance: {counted(found.drawn, 'speaker' if found.speakers else example)} cannot tell"


def _with_unit(name: str, value: float) -> str:
    return " ".join(filter(None, (figure(name, value), unit_of(name))))
