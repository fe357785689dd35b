"""Trigger words in use: samples in, alarms out, chunk by chunk; a file is a stream that is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from torch import nn

from melisma.measures.units import at_second
from melisma.models.spotter import Spotter
from melisma.models.streamed_spotter import StreamedSpotter
from melisma.search.decision import Decision, Scores, smoothed
from melisma.sound.features import FeatureStream
from melisma.sound.resample import Samples

if TYPE_CHECKING:
    from melisma.settings.trigger import AlarmSettings
    from melisma.tasks.spotting import SpottingCodec

CHUNK = 0.08  # seconds of sound that are fed at once, from files too


class Sound(Protocol):
    """What is listened to; as text it is the name by which people know it."""

    def blocks(self, rate: int) -> Iterator[Samples]:
        """All of it at this rate, piece by piece (n,), as it may last for hours."""


@dataclass(frozen=True)
class Alarm:
    """A word was heard: which, at which second of the sound that was known, and its smoothed score then."""

    word: str
    second: float
    score: float  # 0 … 1


@dataclass(frozen=True)
class Rules:
    """By what alarms are given, for those who ask what other thresholds would have given."""

    words: tuple[str, ...]
    thresholds: tuple[float, ...]  # of each word
    smoothing: float  # seconds
    release: float  # share of a threshold
    refractory: float  # seconds
    step: float  # seconds from one score to the next
    first: float  # the second at which the first score is known


@dataclass(frozen=True)
class Listened:
    """What was heard in a recording; ``scores`` are smoothed, of each word one a step."""

    source: str
    alarms: tuple[Alarm, ...]
    seconds: float
    rules: Rules
    scores: tuple[tuple[float, ...], ...] = field(repr=False)

    @property
    def text(self) -> str:
        """``computer 1.52, computer 7.03``: each word with its second; nothing where none was heard."""
        return ", ".join(f"{one.word} {at_second(one.second)}" for one in self.alarms)

    @property
    def score(self) -> float:
        """The highest score of any word."""
        return max((max(own, default=0.0) for own in self.scores), default=0.0)

    @property
    def alternatives(self) -> tuple[Listened, ...]:
        """There is one answer."""
        return (self,)


def rules(codec: SpottingCodec, search: AlarmSettings) -> Rules:
    """By what alarms are given: the threshold that was asked for, else those that validation chose."""
    asked = codec.thresholds if search.threshold is None else (search.threshold,) * len(codec.words)
    step, first = codec.step, codec.first
    return Rules(codec.words, tuple(asked), search.smoothing, search.release, search.refractory, step, first)


class AlarmStream:
    """A single stream, fed as its sound comes: frames, network, smoothing and decision, each with its state."""

    def __init__(self, network: StreamedSpotter, codec: SpottingCodec, search: AlarmSettings) -> None:
        definition = codec.definition
        self.rate, self.chunk = definition.rate, round(CHUNK * definition.rate)
        self.rules = rules(codec, search)
        self._codec, self._network = codec, network
        self._decision = Decision.of(search, self.rules.thresholds, self.rules.step)
        self._features = FeatureStream(definition)
        self._heard, self._decided = network.start(), self._decision.start()

    def feed(self, samples: Samples, *, last: bool = False) -> list[Alarm]:
        """More samples (N,) -> the alarms among them; at the end nothing is held back."""
        return self.scored(samples)[0]

    def so_far(self) -> str:
        """Nothing is known of a word before it is heard."""
        return ""

    def scored(self, samples: Samples) -> tuple[list[Alarm], Scores]:
        """More samples (N,) -> the alarms among them, and the smoothed scores (t, words) that became known."""
        frames = self._codec.normaliser(self._features.feed(samples))
        self._heard, outputs = self._network.feed(self._heard, frames)
        scores = outputs[:, : len(self.rules.words)]
        before = self._decided.recent
        self._decided, alarms = self._decision.feed(self._decided, scores)
        told = [
            Alarm(self.rules.words[one.word], round(self.rules.first + one.step * self.rules.step, 4), one.score)
            for one in alarms
        ]
        return told, smoothed(np.concatenate((before, scores)), self._decision.smoothing)


def stream(model: nn.Module, codec: SpottingCodec, search: AlarmSettings) -> AlarmStream:
    """A stream that this model listens to."""
    return AlarmStream(StreamedSpotter.of(cast(Spotter, model)), codec, search)


def answer(
    model: nn.Module, codec: SpottingCodec, inputs: Sequence[Sound], search: AlarmSettings, *, traced: bool = True
) -> list[Listened]:
    """What is heard in each recording, fed in chunks as if it were spoken now; scores are small and always told."""
    network = StreamedSpotter.of(cast(Spotter, model))
    return [_listened(AlarmStream(network, codec, search), one) for one in inputs]


def _listened(ears: AlarmStream, sound: Sound) -> Listened:
    alarms, scores, count = list[Alarm](), list[Scores](), 0
    for block in sound.blocks(ears.rate):
        count += len(block)
        for begin in range(0, len(block), ears.chunk):
            heard, known = ears.scored(block[begin : begin + ears.chunk])
            alarms += heard
            scores.append(known)
    every = np.concatenate(scores) if scores else np.zeros((0, len(ears.rules.words)), np.float32)
    tracks = tuple(map(tuple, np.clip(every, 0, 1).T.tolist()))
    return Listened(str(sound), tuple(alarms), count / ears.rate, ears.rules, tracks)
