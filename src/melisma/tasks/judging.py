"""What alarms are worth: recordings as they are measured on, and which words were heard in them, when, and in vain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from melisma.errors import Refusal
from melisma.measures.detection import Detection, Recording, Rule, Track, Word, exposed, judged
from melisma.measures.measure import Measure
from melisma.measures.poisson import Rate, hours_wanted
from melisma.measures.share import Share
from melisma.measures.tradeoff import Curve, choose, tradeoff
from melisma.measures.units import at_second
from melisma.settings.names import KINDS
from melisma.settings.trigger import AlarmSettings
from melisma.sound.resample import Samples
from melisma.sound.spoken import spoken
from melisma.task import Details
from melisma.tasks.alarms import CHUNK, Listened
from melisma.tasks.takes import Recorded

BEFORE, AFTER = 0.5, 0.8  # seconds of a quiet room about each recording: for a word to begin in, and to be heard in
NAMED = 5  # recordings that a sentence names at most
MANY = 20  # words heard, of fewer than which the latest is all that is known of the latest twentieth
QUIET = 1e-4  # deviation of its noise, 80 dB below full scale: no recording is of nothing at all


@dataclass(frozen=True, eq=False)
class Placed:
    """A recording in a quiet room: what is measured on begins after nothing was said, and goes on when it has ended."""

    recorded: Recorded

    def samples(self, rate: int) -> Samples:
        """The room, the recording, the room, (N,)."""
        return np.concatenate(list(self.blocks(rate)))

    def blocks(self, rate: int) -> Iterator[Samples]:
        """The same, piece by piece."""
        random = np.random.default_rng(0)
        before, after = (
            (QUIET * random.standard_normal(round(seconds * rate))).astype(np.float32) for seconds in (BEFORE, AFTER)
        )
        yield before
        yield from self.recorded.blocks(rate)
        yield after

    def __str__(self) -> str:
        return str(self.recorded)


def placed(examples: Sequence[Recorded]) -> list[Placed]:
    """What of the examples is listened to."""
    return [Placed(one) for one in examples]


class Marked(NamedTuple):
    """A recording and the trigger word that is said in it, None for none, all times from its own first sample."""

    word: str | None
    recording: Recording

    def only(self, word: str) -> Recording:
        """The recording as a detector of this word is to hear it: others are no words to it."""
        return self.recording if self.word == word else replace(self.recording, words=())


def marked(example: Recorded, words: Sequence[str]) -> Marked:
    """What is to be heard in an example; a take without a name is one of the only word."""
    if example.kind != "positive":
        return Marked(None, Recording(example.seconds(), (), str(example)))
    _, end = spoken(example.samples(example.rate), example.rate)
    said = Word(end, example.group or None)
    return Marked(example.word or words[0], Recording(example.seconds(), (said,), str(example)))


def detected(answers: Sequence[Listened], examples: Sequence[Recorded]) -> dict[str, Detection]:
    """Of each word what the alarms were worth that were given."""
    every = [marked(one, answers[0].rules.words) for one in examples] if answers else []
    return {
        word: judged([one.only(word) for one in every], [_times(answer, word) for answer in answers], 0.0)
        for word in (answers[0].rules.words if answers else ())
    }


def together(found: dict[str, Detection], answers: Sequence[Listened], examples: Sequence[Recorded]) -> Detection:
    """All words as one: an alarm for another word than the one that is said is a miss of that and a false alarm."""
    words = answers[0].rules.words
    seconds = sum(exposed(marked(one, words).recording) for one in examples)
    return Detection(
        tuple(heard for one in found.values() for heard in one.heard),
        tuple(false for one in found.values() for false in one.false),
        sum(one.repeats for one in found.values()),
        seconds / 3600,
    )


class Outcome(NamedTuple):
    """How one recording went, all times from its own first sample."""

    kind: str  # "missed", "in vain", "heard", or "quiet": rightly nothing
    wanted: tuple[str, float] | None  # the word that is said in it, and when it ends
    got: tuple[tuple[str, float], ...]  # the words that were heard, and when
    score: float  # the highest score: of the word that is said, else of any


def outcome(answer: Listened, example: Recorded) -> Outcome:
    """What came of one recording; one whose word was heard, and another in vain, counts as the latter."""
    words = answer.rules.words
    one = marked(example, words)
    found = {word: judged([one.only(word)], [_times(answer, word)], 0.0) for word in words}
    got = tuple((alarm.word, alarm.second - BEFORE) for alarm in answer.alarms)
    if any(each.misses for each in found.values()):
        kind = "missed"
    elif any(each.false for each in found.values()):
        kind = "in vain"
    else:
        kind = "quiet" if one.word is None else "heard"
    wanted = None if one.word is None else (one.word, one.recording.words[0].end)
    own = answer.scores if one.word is None else (answer.scores[words.index(one.word)],)
    return Outcome(kind, wanted, got, max((max(scores, default=0.0) for scores in own), default=0.0))


def tracks(answers: Sequence[Listened], examples: Sequence[Recorded]) -> dict[str, list[Track]]:
    """Of each word its smoothed scores in all recordings."""
    found: dict[str, list[Track]] = {}
    for answer, example in zip(answers, examples, strict=True):
        rules = answer.rules
        one = marked(example, rules.words)
        for word, scores in zip(rules.words, answer.scores):
            track = Track(np.asarray(scores, np.float32), rules.step, one.only(word), rules.first - BEFORE)
            found.setdefault(word, []).append(track)
    return found


def curves(answers: Sequence[Listened], examples: Sequence[Recorded]) -> dict[str, Curve]:
    """Of each word what other thresholds would be worth."""
    return {
        word: tradeoff(some, release=answers[0].rules.release, refractory=answers[0].rules.refractory)
        for word, some in tracks(answers, examples).items()
    }


def rule(answer: Listened, word: str) -> Rule:
    """By what alarms for a word were given."""
    rules = answer.rules
    return Rule(rules.thresholds[rules.words.index(word)], rules.release, rules.refractory)


def _times(answer: Listened, word: str) -> list[float]:
    return [one.second - BEFORE for one in answer.alarms if one.word == word]


# --- measures


def measure(answers: Sequence[Listened], examples: Sequence[Recorded], names: Sequence[str]) -> dict[str, Measure]:
    """What the alarms that were given are worth; what there is nothing to measure on, or nothing was heard of, is left
    out. Refusal where that is all."""
    found = together(detected(answers, examples), answers, examples)
    made = {name: one for name in names if (one := MEASURES[name](found, len(examples))) is not None}
    if not made:
        raise Refusal("there is nothing to measure on: wants takes of the word, or sound in which it is not said")
    return made


def _misses(found: Detection, recordings: int) -> Measure | None:
    if not found.heard:
        return None
    share = found.miss_rate()
    kind = ("wilson" if 0 < share.count < share.of else "one-sided") + (",speakers" if share.speakers else "")
    low, value, high = (100 * part for part in (share.low, share.value, share.high))
    return Measure("misses", value, low, high, f"interval:{kind}", "lower", share.of)


def _false_alarms(found: Detection, recordings: int) -> Measure | None:
    if not found.hours > 0:
        return None
    rate = found.false_alarms()
    kind = "poisson" if rate.events else "poisson,one-sided"
    return Measure("false alarms", rate.value, rate.low, rate.high, f"interval:{kind}", "lower", recordings)


def _latency(found: Detection, recordings: int) -> Measure | None:
    if not found.latencies:
        return None
    low, high = median_interval(len(found.latencies))
    values = (found.latencies[low], found.latency(), found.latencies[high])
    least, middle, most = (float(one) for one in values if one is not None)
    return Measure("latency", middle, least, most, "median|interval:order", "lower", len(found.latencies))


MEASURES: dict[str, Callable[[Detection, int], Measure | None]] = {
    "misses": _misses,
    "false_alarms": _false_alarms,
    "latency": _latency,
}
"""Measure -> how it is taken of alarms in so many recordings."""


def median_interval(count: int) -> tuple[int, int]:
    """Between which of ``count`` rising values the median lies with 95 %: places from 0, by the binomial of a half.

    The k lowest and the k highest are left out, k the most with P(B < k + 1) ≤ 0.025 for B ~ Bin(n, 1/2)
    (Hahn & Meeker 1991, 5.2), or none. All is counted in whole numbers, however many values there are.
    """
    left, below, ways = 0, 0, 1  # ways to choose ``left`` of ``count``
    while left < (count - 1) // 2 and 40 * (below + ways) <= 2**count:
        below += ways
        ways = ways * (count - left) // (left + 1)
        left += 1
    left = max(0, left - 1)
    return left, count - 1 - left


# --- what measures alone do not tell


def details(answers: Sequence[Listened], examples: Sequence[Recorded], search: AlarmSettings) -> Details | None:
    """Word by word what alarms are worth at its threshold and at others, how late they come, and where they were in
    vain; None where nothing was listened to."""
    if not answers:
        return None
    found, tradeoffs = detected(answers, examples), curves(answers, examples)
    every = together(found, answers, examples)
    words = {word: _of_word(one, tradeoffs[word], rule(answers[0], word)) for word, one in found.items()}
    sentences = [said for word in words for said in _sentences(word, found[word], tradeoffs[word], search, answers[0])]
    if every.hours < (wanted := _wanted_hours(search)) < math.inf:
        sentences.append(
            f"To show that there are below {search.false_alarms:g} false alarms an hour takes {wanted:.3g} h without "
            f"any, and there are {every.hours:.2g} here."
        )
    rows = [*(_row(word, one) for word, one in found.items() if len(found) > 1), *_by_kind(answers, examples)]
    data = {"wanted": search.false_alarms, "words": words}
    return Details(tuple(sentences), ("of", "words missed", "false alarms"), tuple(rows), data)


def _wanted_hours(search: AlarmSettings) -> float:
    return hours_wanted(search.false_alarms) if search.false_alarms > 0 else math.inf


def _sentences(word: str, found: Detection, curve: Curve, search: AlarmSettings, answer: Listened) -> Iterator[str]:
    threshold = rule(answer, word).threshold
    yield f"{word}, heard from a score of {threshold:.5g}: {_told(found)}."
    if found.latencies:
        yield f"{word} is heard {_late(found)}; in use as much later as a chunk of sound lasts, {CHUNK:g} s at most."
    if found.heard and found.hours > 0:
        best = choose(curve, search.false_alarms)
        yield f"{word}, with the best threshold of these very recordings, which is too good to be true: {best.told()}."
    if found.false:
        places = ", ".join(f"{one.recording} at {at_second(max(0.0, one.second))} s" for one in found.false[:NAMED])
        more = f" and {len(found.false) - NAMED:,} more" if len(found.false) > NAMED else ""
        yield f"{word} was heard in vain in {places}{more}."


def _late(found: Detection) -> str:
    """How late a word is heard; of few takes no more than the median and the most, of one what it was."""
    middle, late, last = (f"{found.latency(share):.2f} s" for share in (0.5, 0.95, 1.0))
    count = len(found.latencies)
    if count == 1:
        return f"{last} after its end, the one time it was"
    most = f"all {count:,} within {last}"
    return f"{middle} after its end (the median), {most if count < MANY else f'95 of 100 within {late}, {most}'}"


def _told(found: Detection) -> str:
    misses = f"misses {found.miss_rate().told()}" if found.heard else "there are no takes of it"
    return f"{misses}; false alarms {found.false_alarms().told()}" if found.hours > 0 else misses


def _row(name: str, found: Detection) -> tuple[str, str, str]:
    misses = found.miss_rate().told() if found.heard else "–"
    return name, misses, found.false_alarms().told() if found.hours > 0 else "–"


def _by_kind(answers: Sequence[Listened], examples: Sequence[Recorded]) -> Iterator[tuple[str, str, str]]:
    """What happens in recordings of each kind, where there are several kinds."""
    places = {kind: [at for at, one in enumerate(examples) if one.kind == kind] for kind in KINDS}
    present = {kind: some for kind, some in places.items() if some}
    for kind, some in present.items() if len(present) > 1 else ():
        chosen = [answers[at] for at in some], [examples[at] for at in some]
        yield _row(f"{kind} recordings", together(detected(*chosen), *chosen))


def _of_word(found: Detection, curve: Curve, by: Rule) -> dict[str, Any]:
    """All of one word as plain data."""
    late = {name: found.latency(share) for name, share in (("median", 0.5), ("most_of_95", 0.95), ("most", 1.0))}
    false = [{"recording": one.recording, "second": round(one.second, 3)} for one in found.false]
    missed = [one.recording for one in found.heard if one.latency is None]
    told: dict[str, Any] = {"threshold": by.threshold, "hours": found.hours, "heard": len(found.heard) - found.misses}
    if found.heard:
        told["misses"] = _plain(found.miss_rate())
    if found.hours > 0:
        told["false_alarms"] = _plain(found.false_alarms())
    told |= {"latency": late, "in_vain": false, "missed": missed}
    if found.heard:
        told["curve"] = [
            {"threshold": spot.threshold, "misses": _plain(spot.misses), "false_alarms": _plain(spot.false)}
            for spot in curve.spots()
        ]
    return told


def _plain(found: Share | Rate) -> dict[str, float]:
    return asdict(found) | {"value": found.value}
