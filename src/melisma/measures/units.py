"""How a measure is called and in what it is counted, for tables and sentences; light enough for every command."""

from __future__ import annotations

import math

from melisma.quoting import counted

UNITS: dict[str, str] = {
    "loss": "nats",
    "exact": "%",
    "word_error": "%",
    "phoneme_error": "%",
    "ter": "%",
    "wer": "%",
    "cer": "%",
    "misses": "%",
    "false_alarms": "an hour",
    "latency": "s",
}
"""Measure -> its unit; what is missing has none (BLEU and chrF are points, perplexity is a number of choices)."""

NAMES: dict[str, str] = {
    "bleu": "BLEU",
    "bleu_lowercase": "BLEU, lowercased",
    "chrf": "chrF2",
    "ter": "TER",
    "word_error": "word error",
    "phoneme_error": "phoneme error",
    "wer": "WER",
    "cer": "CER",
    "false_alarms": "false alarms",
}
"""Measure -> how people write it, where that differs."""

ASKED: dict[str, str] = {"word_error": "different source", "phoneme_error": "different source"}
"""Measure -> what it counts, where that is not every pair."""

DECIMALS: dict[str, int] = {"loss": 3}
"""Measure -> how many decimals tell something; two where nothing is said."""

SHARES = frozenset({"exact", "word_error", "misses"})
"""The measures of which there are 0 to 100 %."""

POINTS = frozenset({"bleu", "bleu_lowercase", "chrf"})
"""Those of which there are 0 to 100 points."""

NO_ENDS = "–"  # for an interval where there is none

LARGE = 1e7  # from here on a number is told by its first digits


def unit_of(measure: str) -> str:
    """What it is counted in (``%``, ``nats``), empty where it is a plain number."""
    return UNITS.get(measure, "")


def asked_of(measure: str, count: int, example: str = "pair") -> str:
    """How many of what it counts: ``2,000 pairs``, for most; ``example`` is what an example is called."""
    return counted(count, ASKED.get(measure, example))


def called(measure: str) -> str:
    """The measure as people write it: ``bleu`` is BLEU."""
    return NAMES.get(measure, measure)


def figure(measure: str, value: float) -> str:
    """A score without its unit; all of one measure have the same number of decimals, so that they align."""
    if not abs(value) < LARGE:
        return f"{value:.3g}"
    return f"{value:,.{DECIMALS.get(measure, 2)}f}"


def axis(measure: str) -> tuple[float | None, float | None]:
    """Where an axis of it begins and ends; None: where its values ask for it."""
    if measure in SHARES:
        return 0.0, 100.0
    return (0.0, None) if unit_of(measure) == "%" else (None, None)


def most(measure: str) -> float | None:
    """What an axis of it never goes beyond; None where there is no such thing."""
    return 100.0 if measure in SHARES | POINTS else None


def between(measure: str, ends: tuple[float, float] | None, word: str = "–") -> str:
    """An interval: ``12.00 – 15.50``, or ``12.00 to 15.50`` as the ``word`` is; a dash where there is none."""
    return NO_ENDS if ends is None else f"{figure(measure, ends[0])} {word} {figure(measure, ends[1])}"


def at_second(second: float) -> str:
    """A time in a recording in hundredths, ``1.97``: half of one counts as one, however the time was come by.

    Times are sums of others: what lies within a millionth of a half is one.
    """
    hundredths = math.floor(abs(second) * 100 + 0.5 + 1e-4)
    return f"{math.copysign(hundredths, second) / 100 if hundredths else 0.0:.2f}"


def told(measure: str, value: float) -> str:
    """A score within a sentence: ``exact 87.50 %``."""
    return " ".join(part for part in (called(measure), figure(measure, value), unit_of(measure)) if part)
