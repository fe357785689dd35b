"""Scenes that trigger words are learnt from: a background with words placed in it, where each begins and ends known.

A scene is a pure function of what it is made of and of a generator, so that it need not be kept: a generator in the
same state makes the same scene again, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.random import Generator

from melisma.settings.augment import AugmentSettings
from melisma.settings.scene import SceneSettings
from melisma.sound.augment import Augmented
from melisma.sound.level import amplitude, level
from melisma.sound.resample import Samples
from melisma.sound.said import Said
from melisma.sound.spoken import spoken

T = TypeVar("T")
Change = Callable[[Samples, int, Generator], Augmented]
Backdrop = Callable[[int, Generator], Samples]

FADE = 0.02  # seconds in which a piece comes and goes: none begins with a click
TAIL = 0.4  # seconds of a scene after its last word: when a word has ended it must still be heard
MARGINS = (0.05, 0.3)  # seconds of its own recording that a take brings along on each side, as far as it has them
SPREAD = 6.0  # dB, the pieces of a scene above and below its level
SHARES = (0.3, 0.65)  # how much of a word a part of it is: more would be the word
PARTS = 4  # that a word is cut into at most, to be said in another order
SPLICED = 5  # takes that speech without meaning is made of
SNIPPETS = (0.06, 0.3)  # seconds of each: a phone to a syllable
LEVEL = 0.1  # of what is spliced, a usual one
BEFORE, AFTER = 1.2, 0.2  # seconds of what an alarm was given for: a long word, and what a score lags behind it
SILENCE = 1e-5  # the root of the mean square that stands for none, where something is divided by it


class Take(NamedTuple):
    """One thing said: its samples (N,), and where in them it begins and ends, in seconds."""

    samples: Samples
    begin: float
    end: float

    @staticmethod
    def of(samples: Samples, rate: int) -> Take:
        """A recording of one thing, which is said where it is loud (see ``spoken``)."""
        return Take(samples, *spoken(samples, rate))


class Scene(NamedTuple):
    """Samples (N,), and what is said in them, in order."""

    samples: Samples
    said: tuple[Said, ...]

    @property
    def labels(self) -> tuple[Said, ...]:
        """The trigger words alone."""
        return tuple(said for said in self.said if said.word is not None)


class _Piece(NamedTuple):
    """What is to be placed: what it is, samples of a level about 1, and where in them it is said, in samples."""

    word: int | None
    group: int | None
    samples: Samples
    begin: int
    end: int


@dataclass(frozen=True, eq=False)
class Stage:
    """What scenes are made of."""

    rate: int
    words: Sequence[Sequence[Take]]  # of each trigger word its takes
    strangers: Sequence[Sequence[Take]]  # what else is said, in groups that are drawn equally often
    backdrop: Backdrop | None  # so many samples of a background, from anywhere in it
    settings: SceneSettings
    change: Change | None = None  # of each piece before it is placed: its speed, its pitch, its room

    def scene(self, random: Generator) -> Scene:
        """Another scene with every call."""
        settings, size = self.settings, round(self.settings.seconds * self.rate)
        pieces = [self._positive(random) for _ in range(random.integers(settings.positives + 1))]
        pieces += [self._negative(random) for _ in range(random.integers(settings.negatives + 1))]
        speech, said = self._placed([pieces[i] for i in random.permutation(len(pieces))], size, random)
        return Scene(np.clip(self._over_background(speech, random), -1, 1), said)

    def _positive(self, random: Generator) -> _Piece:
        word = int(random.integers(len(self.words)))
        return self._piece(_one(self.words[word], random), random, word=word)

    def _negative(self, random: Generator) -> _Piece:
        settings, kind = self.settings, random.random()
        groups = [place for place, group in enumerate(self.strangers) if len(group)]
        if kind < settings.partial or not groups:
            return self._piece(part_of(self._any_word(random), self.rate, random), random)
        if kind < settings.partial + settings.shuffled:
            return self._piece(shuffled(self._any_word(random), self.rate, random), random)
        if kind < settings.partial + settings.shuffled + settings.spliced:
            some = [*self.words, *(self.strangers[place] for place in groups)]
            takes = [_one(_one(some, random), random) for _ in range(SPLICED)]
            return self._piece(spliced(takes, self.rate, random), random)
        group = _one(groups, random)
        stranger = excerpt(_one(self.strangers[group], random), self.rate, settings.seconds / 2, random)
        return self._piece(stranger, random, group=group)

    def _any_word(self, random: Generator) -> Take:
        return _one(_one(self.words, random), random)

    def _piece(self, take: Take, random: Generator, *, word: int | None = None, group: int | None = None) -> _Piece:
        """A take with some of its own recording around it, changed, faded, at a level about 1."""
        before, after = random.uniform(*MARGINS, 2)
        first = max(0.0, take.begin - before)
        samples = take.samples[round(first * self.rate) : round((take.end + after) * self.rate)]
        begin, end = take.begin - first, take.end - first
        if self.change is not None:
            changed = self.change(samples, self.rate, random)
            samples, begin, end = changed.samples, changed.time(begin), changed.time(end)
        begins, ends = (min(max(0, round(at * self.rate)), len(samples)) for at in (begin, end))
        own = max(SILENCE, level(samples[begins:ends], self.rate))
        samples = samples * np.float32(amplitude(random.uniform(-SPREAD, SPREAD)) / own)
        return _Piece(word, group, faded(samples, self.rate), begins, ends)

    def _placed(self, pieces: Sequence[_Piece], size: int, random: Generator) -> tuple[Samples, tuple[Said, ...]]:
        """The pieces one after another, what is left of the time drawn between them; what has no room is left out."""
        speech, room = np.zeros(size, np.float32), size - round(TAIL * self.rate)
        fitting: list[_Piece] = []
        for piece in pieces:
            if len(piece.samples) <= room:
                fitting.append(piece)
                room -= len(piece.samples)
        gaps = np.sort(random.integers(room + 1, size=len(fitting)))
        said, taken = [], 0
        for piece, gap in zip(fitting, gaps):
            at = int(gap) + taken
            speech[at : at + len(piece.samples)] = piece.samples
            begin, end = (at + piece.begin) / self.rate, (at + piece.end) / self.rate
            said.append(Said(piece.word, begin, end, piece.group))
            taken += len(piece.samples)
        return speech, tuple(said)

    def _over_background(self, speech: Samples, random: Generator) -> Samples:
        settings = self.settings
        loudness = np.float32(amplitude(random.uniform(settings.quietest, settings.loudest)))
        below = amplitude(-random.uniform(settings.noisiest, settings.cleanest))
        if self.backdrop is None or random.random() < settings.bare:
            return speech * loudness
        background = self.backdrop(len(speech), random)
        own = max(SILENCE, level(background, self.rate))
        return (speech + background * np.float32(below / own)) * loudness


def has_room(take: Take, rate: int, scene: SceneSettings, augment: AugmentSettings) -> bool:
    """Whether a take stands whole in a scene of its own however it is drawn: no such scene has to leave it out.

    (what is said + ``MARGINS`` at their widest, as far as it has them) / (1 − speed_by) + 2 shift_by ≤ seconds − TAIL
    """
    lasts = len(take.samples) / rate
    piece = min(lasts, take.end + MARGINS[1]) - max(0.0, take.begin - MARGINS[1])
    if augment.speed:
        piece /= 1 - augment.speed_by
    if augment.shift:
        piece += 2 * augment.shift_by
    return piece <= scene.seconds - TAIL


def part_of(take: Take, rate: int, random: Generator) -> Take:
    """The beginning or the end of what is said, 30 to 65 per cent of it, cut off within 20 ms."""
    share, first = random.uniform(*SHARES), bool(random.integers(2))
    middle = take.begin + (take.end - take.begin) * (share if first else 1 - share)
    cut = round(middle * rate)
    if first:
        return Take(faded(take.samples[:cut], rate, come=False), take.begin, middle)
    return Take(faded(take.samples[cut:], rate, go=False), 0.0, take.end - middle)


def shuffled(take: Take, rate: int, random: Generator) -> Take:
    """What is said in two to four parts, in another order, each coming and going within 20 ms."""
    count = int(random.integers(2, PARTS + 1))
    length = (take.end - take.begin) / count
    inner = [take.begin + length * (part + random.uniform(-0.25, 0.25)) for part in range(1, count)]
    places = [round(at * rate) for at in (take.begin, *inner, take.end)]
    order = list(range(count))
    while order == sorted(order):
        order = [int(part) for part in random.permutation(count)]
    parts = [faded(take.samples[places[part] : places[part + 1]], rate) for part in order]
    return Take(np.concatenate((take.samples[: places[0]], *parts, take.samples[places[-1] :])), take.begin, take.end)


def spliced(takes: Sequence[Take], rate: int, random: Generator) -> Take:
    """A snippet of each take, 60 to 300 ms, one after another at one level: speech that says nothing."""
    snippets = []
    for take in takes:
        long = min(random.uniform(*SNIPPETS), take.end - take.begin)
        first = round((take.begin + random.uniform(0, take.end - take.begin - long)) * rate)
        snippet = take.samples[first : first + round(long * rate)]
        snippets.append(faded(snippet / np.float32(max(SILENCE, level(snippet, rate))), rate))
    samples = np.concatenate(snippets) * np.float32(LEVEL)
    return Take(samples, 0.0, len(samples) / rate)


def excerpt(take: Take, rate: int, longest: float, random: Generator) -> Take:
    """A take; of a long one ``longest`` seconds, from anywhere in what is said."""
    spare = take.end - take.begin - longest
    if spare <= 0:
        return take
    first = round((take.begin + random.uniform(0, spare)) * rate)
    samples = take.samples[first : first + round(longest * rate)]
    return Take(samples, 0.0, len(samples) / rate)


def heard_at(samples: Samples, rate: int, second: float) -> Take:
    """What a false alarm at ``second`` was given for: 1.2 s before it and 0.2 s after, to be learnt as a stranger."""
    first, last = (min(max(0, round(at * rate)), len(samples)) for at in (second - BEFORE, second + AFTER))
    return Take(samples[first:last], 0.0, (last - first) / rate)


def faded(samples: Samples, rate: int, *, come: bool = True, go: bool = True) -> Samples:
    """The samples (N,), coming from nothing and going back to it in 20 ms each, by a raised cosine."""
    count = min(round(FADE * rate), len(samples) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(1, count))).astype(np.float32)
    result = samples.astype(np.float32)  # a copy
    if come:
        result[:count] *= ramp
    if go:
        result[len(result) - count :] *= ramp[::-1]
    return result


def _one(some: Sequence[T], random: Generator) -> T:
    return some[int(random.integers(len(some)))]
