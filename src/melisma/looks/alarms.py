"""What a model for trigger words hears in a recording, step by step: its scores, its threshold, and its alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from melisma.errors import Refusal
from melisma.looks.sounded import envelope, spectrogram
from melisma.quoting import named
from melisma.sound.features import Definition, Samples
from melisma.task import Figure

if TYPE_CHECKING:
    from melisma.tasks.alarms import Listened

WIDTH = 600  # points of a score track at most: of more neighbours the highest is kept


def alarms(
    found: Listened,
    definition: Definition,
    samples: Samples,
    *,
    begin: float = 0.0,
    ends: Sequence[tuple[str, float]] = (),
) -> Figure:
    """The scores of each word beneath the spectrogram, with its threshold and its alarms, all times in seconds.

    ``begin`` is the second of what was heard at which the picture's ``samples`` (N,) begin, ``ends`` are words that are
    known to be said, with the picture's second at which each ends. ``words`` have ``text``, ``threshold``, ``times``
    and ``scores``, smoothed. Refusal where nothing can be seen.
    """
    if len(samples) < definition.window:
        raise Refusal(f"{named(found.source)} is too short: wants a window of sound, {definition.window} samples")
    rules = found.rules
    words = []
    for word, threshold, scores in zip(rules.words, rules.thresholds, found.scores):
        places = _peaks(scores)
        words.append(
            {
                "text": word,
                "threshold": round(threshold, 4),
                "times": [round(rules.first + place * rules.step - begin, 4) for place in places],
                "scores": [round(scores[place], 4) for place in places],
            }
        )
    data: dict[str, Any] = {
        "heading": [found.source, found.text],
        "seconds": round(len(samples) / definition.rate, 4),
        "words": words,
        "alarms": [
            {"text": one.word, "second": round(one.second - begin, 4), "score": round(one.score, 4)}
            for one in found.alarms
        ],
        "ends": [{"text": word, "second": round(second, 4)} for word, second in ends],
        "wave": envelope(samples),
        "spectrogram": spectrogram(definition, samples),
    }
    return Figure(f"{found.source}: {found.text or 'nothing heard'}", "alarms", data)


def _peaks(scores: Sequence[float]) -> list[int]:
    """The places of all scores, or of the highest of each few."""
    every = -(-len(scores) // WIDTH)
    groups = (range(first, min(first + every, len(scores))) for first in range(0, len(scores), max(1, every)))
    return [max(group, key=scores.__getitem__) for group in groups]
