"""Trigger words as numbers: frames of sound, and where in them which word ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from melisma.errors import Refusal
from melisma.losses.spotting import Span
from melisma.ragged import Ragged
from melisma.search.decision import NEVER
from melisma.settings.trigger import TriggerSettings
from melisma.sound.augment import Augmentation
from melisma.sound.features import Definition, Frames, frames
from melisma.sound.normalise import Normaliser
from melisma.tasks.takes import UNNAMED
from melisma.tasks.utterances import Samples

UNSETTLED = 0.5  # the threshold before any was chosen in validation


@dataclass(frozen=True)
class SpottingBatch:
    """Frames of scenes (N, F), and the spans of steps at which each output should be high."""

    frames: Ragged
    spans: tuple[Span, ...]
    weight: Tensor | None = None

    @property
    def size(self) -> int:
        return self.frames.batch

    @property
    def counts(self) -> Mapping[str, int]:
        return {"spotting": self.size}

    def to(self, device: torch.device) -> SpottingBatch:
        if device.type == self.frames.rows.device.type:
            return self
        weight = None if self.weight is None else self.weight.to(device)
        return SpottingBatch(self.frames.to(device), self.spans, weight)

    def part(self, index: int, parts: int) -> SpottingBatch:
        chosen = torch.arange(index, self.size, parts)
        spans = tuple(
            one._replace(sequence=one.sequence // parts) for one in self.spans if one.sequence % parts == index
        )
        return SpottingBatch(self.frames.take(chosen), spans, None if self.weight is None else self.weight[chosen])


@dataclass(frozen=True)
class SpottingCodec:
    """Sound -> frames, and the words that a model hears in them; learned on training data alone.

    The network's outputs are the words, in their order. ``thresholds`` are those that a saved step was validated with.
    """

    definition: Definition
    normaliser: Normaliser
    words: tuple[str, ...]
    strangers: tuple[str, ...] = ()  # other words that are told apart while training, and no part of an answer
    thresholds: tuple[float, ...] = ()  # of each word, as validation chose them
    stride: int = field(default=1, compare=False)  # frames from one output of the model to the next
    settings: TriggerSettings | None = field(default=None, repr=False, compare=False)  # of its training
    augmentation: Augmentation | None = field(default=None, repr=False, compare=False)  # while training

    @staticmethod
    def from_json(data: object, settings: TriggerSettings) -> SpottingCodec:
        if not isinstance(data, dict) or not {"sound", "normaliser", "words", "strangers"} <= data.keys():
            raise Refusal("codec.json: there is no sound and no words in it; the file of the training run is wanted")
        words, strangers = (_names(data[name], name) for name in ("words", "strangers"))
        if not words:
            raise Refusal("codec.json: it names no trigger word; the file of the training run is wanted")
        definition = Definition.from_json(data["sound"])
        normaliser = Normaliser.from_json(data["normaliser"])
        normaliser.require(definition.features)
        unsettled = (UNSETTLED,) * len(words)
        return SpottingCodec(definition, normaliser, words, strangers, unsettled).under(settings)

    def under(self, settings: TriggerSettings) -> SpottingCodec:
        """The same, of a training with these settings."""
        augmentation = Augmentation.of(settings.augment, self.definition.rate, settings.training.seed)
        return replace(self, stride=settings.model.stride, settings=settings, augmentation=augmentation)

    def to_json(self) -> dict[str, Any]:
        return {
            "sound": self.definition.to_json(),
            "normaliser": self.normaliser.to_json(),
            "words": list(self.words),
            "strangers": list(self.strangers),
        }

    @property
    def step(self) -> float:
        """Seconds from one output to the next."""
        return self.stride * self.definition.hop / self.definition.rate

    @property
    def first(self) -> float:
        """The second at which the first output is known: a window of sound has come."""
        return self.definition.window / self.definition.rate

    def number(self, word: str) -> int:
        """Which output a word is; one without a name is that of a model with a single word. Refusal for others."""
        if word == UNNAMED and len(self.words) == 1:
            return 0
        if word not in self.words:
            raise Refusal(f"{word!r} is no word of this model, which hears {', '.join(map(repr, self.words))}")
        return self.words.index(word)

    def heard(self, samples: Samples) -> Frames:
        """The normalised frames (T, F) of a whole wave."""
        return self.normaliser(frames(self.definition, samples))

    def with_thresholds(self, found: object) -> SpottingCodec:
        """The codec of a step that was saved with these thresholds, one a word; Refusal where they are none."""
        if (
            not isinstance(found, list | tuple)
            or len(found) != len(self.words)
            or not all(type(one) is float and 0 < one <= NEVER for one in found)
        ):
            raise Refusal(
                f"the saved thresholds are not {len(self.words)} numbers above 0, 1 at most, one for each word: "
                "it was not saved by a training like this"
            )
        return replace(self, thresholds=tuple(found))


def _names(data: object, name: str) -> tuple[str, ...]:
    if not isinstance(data, list) or not all(isinstance(one, str) for one in data) or len(set(data)) < len(data):
        raise Refusal(f"codec.json: its {name} are no list of different texts; the file of the training run is wanted")
    return tuple(data)


def batched(made: Sequence[Frames], spans: Sequence[Span]) -> SpottingBatch:
    """Frames and spans as tensors."""
    return SpottingBatch(Ragged.of([torch.from_numpy(one) for one in made]), tuple(spans))
