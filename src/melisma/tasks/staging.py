"""Scenes of trigger words, made while a training lasts: each a pure function of the seed and its number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, overload

import numpy as np
from numpy.random import Generator, default_rng

from melisma.files.watch import passing
from melisma.losses.spotting import Span, spans
from melisma.settings.trigger import TriggerSettings
from melisma.sound.augment import Augmentation
from melisma.sound.background import looped
from melisma.sound.features import Frames
from melisma.sound.features import frames as frames_of
from melisma.sound.level import level
from melisma.sound.noise import hiss
from melisma.sound.resample import Samples
from melisma.sound.scene import Scene, Stage, Take
from melisma.sound.spoken import spoken
from melisma.tasks.spotting import SpottingCodec
from melisma.tasks.takes import Recorded, of_kind, pieces

FEW = 5  # takes below which a word of the negatives is no group of its own
RARELY = 12  # groups of named words for which what has no name is drawn once more
MINED = 0.1  # share of the groups that is drawn of what was mined
HISS, TWO, BABBLE = 0.12, 0.08, 0.15  # shares of backgrounds: drawn noise, two recordings at once, voices
BEHIND = 0.1  # of a recorded background, how loud it is behind voices
SECOND = 0.5  # of a second recorded background
LEAST = 0.01  # level below which a voice is taken to be silence


@dataclass(frozen=True, eq=False)
class Heard:
    """A scene as it is learned from, before anything of it is masked: frames (T, F), and the spans of its words."""

    frames: Frames
    spans: tuple[Span, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Heard) and np.array_equal(self.frames, other.frames) and self.spans == other.spans

    __hash__ = None  # type: ignore[assignment]


class Takes(Sequence[Take]):
    """Recordings as takes, each read from where it was laid down when it is asked for."""

    def __init__(self, recorded: Sequence[Recorded], *, whole: bool = False) -> None:
        """``whole``: all of each counts as said; else they are of one thing each, which is said where it is loud."""
        self._recorded = recorded
        self._bounds = [
            (0.0, one.seconds()) if whole else spoken(one.samples(one.rate), one.rate)
            for one in passing("recordings measured", recorded, len(recorded))
        ]

    def __len__(self) -> int:
        return len(self._recorded)

    @overload
    def __getitem__(self, place: int) -> Take: ...
    @overload
    def __getitem__(self, place: slice) -> list[Take]: ...
    def __getitem__(self, place: int | slice) -> Take | list[Take]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        one = self._recorded[place]
        return Take(one.samples(one.rate), *self._bounds[place])

    def seconds(self, place: int) -> float:
        """How long a recording is."""
        return self._recorded[place].seconds()


@dataclass(frozen=True, eq=False)
class Backdrop:
    """Backgrounds: windows of what was recorded, voices, or drawn noise."""

    rate: int
    recordings: Sequence[Sequence[Recorded]]  # of each file its pieces
    voices: Sequence[Recorded]

    def __call__(self, size: int, random: Generator) -> Samples:
        """``size`` samples, from anywhere."""
        kind = random.random()
        if kind < HISS or not (self.recordings or self.voices):
            return hiss(size, random)
        if self.recordings and kind < HISS + TWO:
            return self._window(size, random) + np.float32(SECOND) * self._window(size, random)
        if self.voices and (kind < HISS + TWO + BABBLE or not self.recordings):
            behind = self._window(size, random) if self.recordings else hiss(size, random)
            return self._babble(size, random) + np.float32(BEHIND) * behind
        return self._window(size, random)

    def _window(self, size: int, random: Generator) -> Samples:
        drawn = random.random(3)
        parts = self.recordings[int(drawn[0] * len(self.recordings))]
        piece = parts[int(drawn[1] * len(parts))].samples(self.rate)
        begins = len(piece) - size + 1 if size <= len(piece) else len(piece)
        return looped(piece, int(drawn[2] * begins), size, self.rate)

    def _babble(self, size: int, random: Generator) -> Samples:
        said, length = list[Samples](), 0
        while length < size:
            one = self.voices[int(random.integers(len(self.voices)))].samples(self.rate)
            said.append(one / np.float32(max(LEAST, level(one, self.rate))))
            length += len(one)
        begin = int(random.integers(length - size + 1))
        return np.concatenate(said)[begin : begin + size]


class Cast(NamedTuple):
    """Who is on stage: takes of each trigger word, and groups of strangers, those with a name first."""

    words: tuple[str, ...]
    named: tuple[str, ...]  # of the groups that begin the strangers, those that are told apart
    groups: tuple[Takes, ...]  # of strangers, each once; on stage those without a name are drawn more often
    stage: Stage


def labels_of(examples: Sequence[Recorded], most: int) -> tuple[str, ...]:
    """Words of the negatives with takes enough to be told apart, the ``most`` frequent of them, by name.

    Names that begin with an underscore, as ``_unknown_``, are none of words.
    """
    counts = Counter(one.label for one in examples if one.label is not None and not one.label.startswith("_"))
    frequent = sorted((-count, label) for label, count in counts.items() if count >= FEW)
    return tuple(sorted(label for _, label in frequent[:most]))


def cast_of(examples: Sequence[Recorded], settings: TriggerSettings) -> Cast:
    """The stage of a training, with all that may be put on it."""
    rate = examples[0].rate
    positive, negative, background = (of_kind(examples, kind) for kind in ("positive", "negative", "background"))
    words = tuple(sorted({one.word or "" for one in positive}))
    named = labels_of(negative, settings.loss.strangers)
    own = {label: [one for one in negative if one.label == label] for label in named}
    rest: dict[str, list[Recorded]] = {}
    for one in negative:
        if one.label not in own:
            rest.setdefault(one.corpus, []).extend(pieces(one))
    parts = [piece for one in background for piece in pieces(one)]
    again = max(1, round(len(named) / RARELY))
    unnamed = [Takes(some) for some in rest.values()] + ([Takes(parts, whole=True)] if parts else [])
    named_takes = [Takes(some) for some in own.values()]
    drawn = [*named_takes, *(group for group in unnamed for _ in range(again))]
    files = [pieces(one) for one in background]
    backdrop = Backdrop(rate, files, [piece for one in negative for piece in pieces(one)])
    takes = [Takes([one for one in positive if one.word == word]) for word in words]
    augmentation = Augmentation.of(settings.augment, rate, settings.training.seed)
    stage = Stage(rate, takes, drawn, backdrop, settings.scene, augmentation.warped)
    return Cast(words, named, (*named_takes, *unnamed), stage)


class Scenes(Sequence[Heard]):
    """The scenes of a training by their numbers, of which there is no end; each is made when it is asked for.

    ``count`` of them are an epoch, for which they are kept where they are learned from several times. From what was
    ``mined`` so far, strangers are drawn besides: whoever asks for a scene says what that is by then.
    """

    def __init__(self, cast: Cast, codec: SpottingCodec, settings: TriggerSettings, mined: Sequence[Take] = ()) -> None:
        self.cast, self.codec, self.settings = cast, codec, settings
        self._stage = cast.stage
        if mined:
            often = max(1, round(MINED * len(cast.stage.strangers)))
            self._stage = replace(cast.stage, strangers=[*cast.stage.strangers, *[mined] * often])
        self._kept: dict[int, Heard] = {}

    def __len__(self) -> int:
        return self.settings.training.scenes

    @overload
    def __getitem__(self, number: int) -> Heard: ...
    @overload
    def __getitem__(self, number: slice) -> list[Heard]: ...
    def __getitem__(self, number: int | slice) -> Heard | list[Heard]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if number in self._kept:
            return self._kept[number]
        made = self._made(number)
        if self.settings.training.repeats > 1:
            if self._kept and next(iter(self._kept)) // len(self) != number // len(self):
                self._kept = {}
            self._kept[number] = made
        return made

    def __iter__(self) -> Iterator[Heard]:
        """Those of the first epoch: there is no last one."""
        return map(self.__getitem__, range(len(self)))

    def with_mined(self, mined: Sequence[Take]) -> Scenes:
        """The same where these are drawn too."""
        return Scenes(self.cast, self.codec, self.settings, mined)

    def scene(self, number: int) -> Scene:
        """The scene of this number."""
        return self._stage.scene(default_rng([self.settings.training.seed, 1, number]))

    def _made(self, number: int) -> Heard:
        scene, codec, loss = self.scene(number), self.codec, self.settings.loss
        assert codec.augmentation is not None
        random = default_rng([self.settings.training.seed, 2, number])
        made = codec.augmentation.framed(frames_of(codec.definition, scene.samples), codec.definition, random)
        frames = codec.normaliser(made)
        first, named = len(self.cast.words), len(self.cast.named)
        said = [
            one
            if one.word is not None or one.group is None or one.group >= named
            else one._replace(word=first + one.group)
            for one in scene.said
        ]
        steps = -(-len(frames) // codec.stride)
        return Heard(frames, tuple(spans([said], codec.step, loss.early, loss.late, [steps])))
