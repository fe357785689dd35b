"""The thresholds of a model: chosen on what it did not learn from, for a wanted rate of false alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.random import default_rng
from torch import nn

from melisma.measures.detection import HOUR, Recording, Track, Window, Word
from melisma.measures.poisson import hours_wanted
from melisma.measures.tail import extrapolated, middle
from melisma.measures.tradeoff import Curve, choose, tradeoff
from melisma.models.spotter import Spotter
from melisma.search.decision import NEVER, Scores, peaks
from melisma.settings.trigger import TriggerSettings
from melisma.sound.background import looped
from melisma.sound.noise import hiss, hush, noisy
from melisma.sound.resample import Samples
from melisma.sound.speed import speed
from melisma.sound.spoken import spoken
from melisma.tasks.mining import scored, trailing
from melisma.tasks.spotting import UNSETTLED, SpottingCodec
from melisma.tasks.takes import Recorded, of_kind

NOISE = 10.0  # decibels by which takes exceed the background that they are heard over too
SPEEDS = (1.0, 0.9, 1.1)  # at which other sound is heard where there is little: three speakers where there was one
LITTLE = 3600.0  # seconds of other sound that are little
AROUND = 1.0  # seconds of hush before a take and after it
PAUSE = 0.3  # seconds of it between recordings
STRETCH = 60.0  # seconds of other sound that are heard as one, about
TOGETHER = 16  # sounds that are heard at once
NOISES = 3  # times that a take is heard over backgrounds, each time another: few takes are all that there are
SPARE = 0.04  # share of what is heard of takes that may be missed besides, where false alarms are rarer than hours show
LOWEST, MOST = 0.01, 100  # of a sound the scores that are looked at: from which on, and how many
LEAST = 1e-6  # the lowest threshold there is
ALONE = Window(early=1.0)
"""When an alarm means a take's word, which is alone there: it falls silent a little after its word ends."""


class _Sound(NamedTuple):
    """Something to be heard, and what is said in it."""

    samples: Samples
    words: tuple[tuple[int, Word], ...]  # the number of each word that is said, and when


def settle(
    model: nn.Module, codec: SpottingCodec, examples: Sequence[Recorded], settings: TriggerSettings
) -> list[float]:
    """The threshold of each word: with at most ``search.false_alarms`` an hour, the fewest misses.

    Takes are heard as they are and over backgrounds at 10 dB, other sound at three speeds where it is little; what is
    not the word is other sound. Of the thresholds that are worth the same the middle is taken, in log-odds, as what is
    heard later may lie on either side. Where so few hours cannot show the wanted rate, the highest scores of other
    sound are extrapolated (``extrapolated``), and the threshold is as much higher; but no higher than the middle of
    those by which a 25th of what is heard of the takes, each of them four times, is missed besides, which of fewer than
    seven takes is nothing. Then it is no promise: how rare false alarms are is known no better than the hours can show,
    whatever was wanted. A word that has no take here gets the mean of the others' thresholds.
    """
    tracks: list[list[Track]] = [[] for _ in codec.words]
    hop = codec.step
    steps = max(1, round(settings.search.smoothing / hop))
    for some in _together(_sounds(codec, examples)):
        for sound, scores in zip(some, scored(cast(Spotter, model), codec, [one.samples for one in some])):
            smooth = trailing(scores, steps)
            seconds = len(sound.samples) / codec.definition.rate
            for number, own in enumerate(tracks):
                own.append(
                    _track(smooth[:, number], codec, seconds, [word for of, word in sound.words if of == number])
                )
    chosen = [_chosen(own, settings) for own in tracks]
    known = [one for one in chosen if one is not None]
    usual = float(np.mean(known)) if known else UNSETTLED
    return [usual if one is None else one for one in chosen]


def _track(scores: Scores, codec: SpottingCodec, seconds: float, words: Sequence[Word]) -> Track:
    return Track(np.clip(scores, 0, 1), codec.step, Recording(seconds, tuple(words)), codec.first)


def _chosen(tracks: Sequence[Track], settings: TriggerSettings) -> float | None:
    search = settings.search
    if not any(track.recording.words for track in tracks):
        return None
    curve = tradeoff(tracks, release=search.release, refractory=search.refractory, window=ALONE)
    found = choose(curve, search.false_alarms)
    threshold, wanted = middle(found.low, found.high), search.false_alarms
    others = [track for track in tracks if not track.recording.words]
    hours = sum(track.recording.seconds for track in others) / HOUR
    if wanted and 0 < hours < hours_wanted(wanted):
        higher = extrapolated(_highest(others, search.refractory), hours, wanted) or 0.0
        threshold = max(threshold, min(higher, _bearable(curve, found.misses.count + int(SPARE * curve.words))))
    return float(min(NEVER, max(LEAST, threshold)))


def _bearable(curve: Curve, most: int) -> float:
    """The middle of the highest thresholds at which ``most`` takes are missed, or fewer."""
    lower = [*(point.threshold for point in curve.points[1:]), curve.lowest]
    return next(middle(low, point.threshold) for point, low in zip(curve.points, lower) if point.misses <= most)


def _highest(tracks: Sequence[Track], apart: float) -> list[float]:
    """The highest scores, each ``apart`` seconds from a higher one."""
    found: list[float] = []
    for track in tracks:
        scores = track.scores.astype(np.float32)
        found += [float(scores[place]) for place in peaks(scores, LOWEST, max(1, round(apart / track.step)), MOST)]
    return found


def _sounds(codec: SpottingCodec, examples: Sequence[Recorded]) -> Iterator[_Sound]:
    """All that is heard, a pure function of the examples."""
    rate = codec.definition.rate
    random = default_rng(0)
    others = [one for one in examples if one.kind != "positive"]
    backgrounds = of_kind(examples, "background")
    for one in of_kind(examples, "positive"):
        samples = one.samples(rate)
        end = AROUND + spoken(samples, rate)[1]
        word = codec.number(one.word or ""), Word(end, one.group)
        quiet = np.concatenate((hush(round(AROUND * rate), random), samples, hush(round(AROUND * rate), random)))
        yield _Sound(quiet, (word,))
        for _ in range(NOISES):
            behind = _background(backgrounds, len(quiet), rate, random)
            yield _Sound(noisy(quiet, behind, rate, NOISE), (word,))
    seconds = sum(one.seconds() for one in others)
    for factor in SPEEDS if seconds < LITTLE else SPEEDS[:1]:
        parts, length = list[Samples](), 0
        for one in others:
            for part in _cut(speed(one.samples(rate), factor), rate):
                parts += [part, hush(round(PAUSE * rate), random)]
                length += len(part)
                if length > STRETCH * rate:
                    yield _Sound(np.concatenate(parts), ())
                    parts, length = [], 0
        if parts:
            yield _Sound(np.concatenate(parts), ())


def _cut(samples: Samples, rate: int) -> Iterator[Samples]:
    size = round(STRETCH * rate)
    for begin in range(0, len(samples), size):
        yield samples[begin : begin + size]


def _background(backgrounds: Sequence[Recorded], size: int, rate: int, random: np.random.Generator) -> Samples:
    if not backgrounds:
        return hiss(size, random)
    one = backgrounds[int(random.integers(len(backgrounds)))].samples(rate)
    return looped(one, int(random.integers(len(one))), size, rate)


def _together(sounds: Iterator[_Sound]) -> Iterator[list[_Sound]]:
    some: list[_Sound] = []
    for one in sounds:
        some.append(one)
        if len(some) == TOGETHER:
            yield some
            some = []
    if some:
        yield some
