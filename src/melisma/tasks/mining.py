"""What a model takes for a trigger word although it is none: looked for while it learns, to be learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.random import Generator, default_rng
from torch import nn

from melisma.contract import whole
from melisma.errors import Refusal
from melisma.models.spotter import Spotter
from melisma.ragged import Ragged
from melisma.search.decision import Scores, peaks, smoothed
from melisma.settings.trigger import TriggerSettings
from melisma.sound.noise import hush
from melisma.sound.resample import Samples
from melisma.sound.scene import Take, heard_at, spliced
from melisma.task import Moment
from melisma.tasks.spotting import SpottingCodec
from melisma.tasks.staging import Scenes

FIRST = 0.4  # share of a training after which it is looked for the first time: before that anything is taken for it
UNIT = 20.0  # seconds of sound that are listened to as one, about
SALAD = 0.25  # share of them that is made of snippets of all that is said
SNIPPETS = 100  # takes that such a one is made of
CHANGED = 0.7  # share of recordings that are changed as in scenes
PAUSE = 0.3  # seconds between two
LEVELS = (-20.0, -3.0)  # dB of full scale, the peak of a unit
LEAST = 0.2  # smoothed score from which something is nearly taken for a word
APART = 1.0  # seconds between two such places
MOST = 10  # of them in a unit
IN_ALL = 300  # of them each time
TOGETHER = 8  # units that are listened to at once
UNKNOWN_STEPS = 1000  # of a training of which nobody knows when it ends


class Place(NamedTuple):
    """Where something was taken for a word: in which round, in which unit of it, at which sample."""

    round: int
    unit: int
    sample: int


class Mined(NamedTuple):
    """What was found so far, and in how many rounds."""

    rounds: int
    places: tuple[Place, ...]

    def plain(self) -> list[Any]:
        """As JSON has it."""
        return [self.rounds, [list(place) for place in self.places]]

    @staticmethod
    def of(data: object) -> Mined:
        """What ``plain`` gave; Refusal for anything else."""
        if data is None:
            return Mined(0, ())
        rounds, places = data if isinstance(data, list) and len(data) == 2 else (None, None)
        if type(rounds) is not int or not isinstance(places, list) or not all(map(_is_place, places)):
            raise Refusal("the saved step has no list of places for learner.mined: it was not saved by such a training")
        if not all(place[0] < rounds for place in places):
            raise Refusal("the saved step has a place for learner.mined that was found in a round to come")
        return Mined(rounds, tuple(Place(*place) for place in places))


def _is_place(data: object) -> bool:
    return isinstance(data, list) and len(data) == 3 and all(type(one) is int and one >= 0 for one in data)


def find(
    model: nn.Module, codec: SpottingCodec, scenes: Scenes, settings: TriggerSettings, at: Moment, found: Any
) -> Any:
    """What is found by now: more than before where it is time for another round."""
    known = Mined.of(found)
    if not _due(known.rounds, settings.loss.mining, at):
        return found
    steps = max(1, round(settings.search.smoothing / codec.step))
    places: list[tuple[float, Place]] = []
    units = _Units(scenes, settings, known.rounds)
    for numbers in _together(units.count):
        waves = [units.wave(number) for number in numbers]
        for number, wave, scores in zip(numbers, waves, scored(cast(Spotter, model), codec, waves)):
            smooth = trailing(scores, steps).max(1)
            for step in peaks(smooth, LEAST, round(APART / codec.step), MOST):
                sample = round((step * codec.step + codec.first) * codec.definition.rate)
                places.append((float(smooth[step]), Place(known.rounds, number, min(sample, len(wave)))))
    best = sorted(places, key=lambda one: (-one[0], one[1]))[:IN_ALL]
    return Mined(known.rounds + 1, (*known.places, *sorted(place for _, place in best))).plain()


def added(scenes: Scenes, found: Any) -> Scenes:
    """Scenes in which what was found is drawn too."""
    takes, units = list[Take](), dict[int, _Units]()
    rate = scenes.cast.stage.rate
    waves: dict[tuple[int, int], Samples] = {}
    for place in Mined.of(found).places:
        here = units.setdefault(place.round, _Units(scenes, scenes.settings, place.round))
        if place.unit >= here.count:
            raise Refusal("the saved step has a place for learner.mined that is in none of the training data")
        key = (place.round, place.unit)
        if key not in waves:
            waves = {key: here.wave(place.unit)}
        takes.append(heard_at(waves[key], rate, place.sample / rate))
    return scenes.with_mined([take for take in takes if len(take.samples)])


@torch.no_grad()
def scored(model: Spotter, codec: SpottingCodec, waves: Sequence[Samples]) -> list[Scores]:
    """Probabilities (t, words) of whole waves, heard side by side."""
    device = next(model.parameters()).device
    made = Ragged.of([torch.from_numpy(codec.heard(wave)) for wave in waves])
    return [torch.sigmoid(one).cpu().numpy() for one in whole(model, made.to(device)).sequences()]


def trailing(scores: Scores, steps: int) -> Scores:
    """Means (t, words) of so many scores up to each, as a stream has them that begins with silence."""
    return smoothed(np.concatenate((np.zeros((steps - 1, scores.shape[1]), np.float32), scores)), steps)


def _due(rounds: int, wanted: int, at: Moment) -> bool:
    if rounds >= wanted or at.step == at.steps:
        return False
    share = FIRST + (1 - FIRST) * rounds / wanted
    return at.step >= share * (UNKNOWN_STEPS if at.steps is None else at.steps)


def _together(count: int) -> Iterator[range]:
    for begin in range(0, count, TOGETHER):
        yield range(begin, min(begin + TOGETHER, count))


class _Units:
    """The sound that is listened to in one round, unit by unit: a pure function of the seed, the round and the unit."""

    def __init__(self, scenes: Scenes, settings: TriggerSettings, round_: int) -> None:
        self._stage, self._seed, self._round = scenes.cast.stage, settings.training.seed, round_
        self._groups = scenes.cast.groups
        places = [(group, place) for group, takes in enumerate(self._groups) for place in range(len(takes))]
        seconds = settings.loss.mined_minutes * 60
        self._plan: list[list[tuple[int, int]]] = [[]]
        length = whole_length = 0.0
        for number in self._random(0).permutation(len(places)).tolist():
            group, place = places[number]
            lasts = self._groups[group].seconds(place)
            if whole_length + lasts > seconds * (1 - SALAD):
                break
            if length + lasts > UNIT and self._plan[-1]:
                self._plan.append([])
                length = 0.0
            self._plan[-1].append((group, place))
            length, whole_length = length + lasts, whole_length + lasts
        self._plan = [some for some in self._plan if some]
        self.count = len(self._plan) + max(1, round(len(self._plan) * SALAD / (1 - SALAD)))

    def _random(self, unit: int) -> Generator:
        return default_rng([self._seed, 2, self._round, unit])

    def wave(self, unit: int) -> Samples:
        """The samples of one unit."""
        random = self._random(1 + unit)
        made = self._recordings(self._plan[unit], random) if unit < len(self._plan) else self._salad(random)
        peak = float(np.abs(made).max())
        loudness = 10 ** (random.uniform(*LEVELS) / 20)
        return (made * np.float32(loudness / peak)).astype(np.float32) if peak else made

    def _recordings(self, some: Sequence[tuple[int, int]], random: Generator) -> Samples:
        rate, parts = self._stage.rate, list[Samples]()
        for group, place in some:
            samples = self._groups[group][place].samples
            if self._stage.change is not None and random.random() < CHANGED:
                samples = self._stage.change(samples, rate, random).samples
            parts += [samples, hush(round(PAUSE * rate), random)]
        return np.concatenate(parts)

    def _salad(self, random: Generator) -> Samples:
        groups = random.integers(len(self._groups), size=SNIPPETS).tolist()
        takes = [self._groups[group][int(random.integers(len(self._groups[group])))] for group in groups]
        return spliced(takes, self._stage.rate, random).samples
