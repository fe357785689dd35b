"""Utterances as numbers: frames of sound, and the symbols of what is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import default_rng
from torch import Generator, Tensor

from melisma.baselines.ngram import KneserNey
from melisma.errors import Refusal
from melisma.files.watch import passing
from melisma.losses.ctc import required
from melisma.ragged import Ragged
from melisma.settings.transcribe import SpellingSettings, TranscribeSettings
from melisma.sound.augment import Augmentation
from melisma.sound.definitions import definition as defined
from melisma.sound.features import Definition, Frames, frames
from melisma.sound.normalise import Normaliser
from melisma.tasks.levels import Level, measured
from melisma.tasks.utterances import Samples, Utterance, written
from melisma.text.units import Unit, from_json, learn
from melisma.text.vocabulary import FIRST_BYTE

STATISTICS = 2000  # recordings that the mean and deviation of frames are taken of, at most
PHRASES = 20_000  # transcripts that a closed list of them may have


class Wanted(NamedTuple):
    """How a unit is learned, as ``text.units`` asks it."""

    unit: str
    method: str
    size: int
    least: int


class Learnable(NamedTuple):
    """An utterance and its labels, ready to be learned from."""

    utterance: Utterance
    labels: list[int]


@dataclass(frozen=True)
class HearingBatch:
    """Frames of sound (N, F) and labels (M,), 1 and above: 0 is the blank."""

    frames: Ragged
    labels: Ragged
    weight: Tensor | None = None

    @property
    def size(self) -> int:
        return self.frames.batch

    @property
    def counts(self) -> Mapping[str, int]:
        symbols = len(self.labels.rows)
        return {"ctc": max(1, symbols), "attention": symbols + self.size}  # a decoder says the end, too

    def to(self, device: torch.device) -> HearingBatch:
        if device.type == self.frames.rows.device.type:
            return self
        weight = None if self.weight is None else self.weight.to(device)
        return HearingBatch(self.frames.to(device), self.labels.to(device), weight)

    def part(self, index: int, parts: int) -> HearingBatch:
        chosen = torch.arange(index, self.size, parts)
        weight = None if self.weight is None else self.weight[chosen]
        return HearingBatch(self.frames.take(chosen), self.labels.take(chosen), weight)


@dataclass(frozen=True)
class HearingCodec:
    """Sound -> frames, transcripts <-> labels; both learned on training data alone."""

    definition: Definition
    normaliser: Normaliser
    unit: Unit
    symbols: tuple[int, ...]  # the unit's symbols that occur in training; label n is symbols[n - 1]
    lowercase: bool
    language: KneserNey | None  # of the training transcripts
    words: KneserNey | None  # the same, of their words
    phrases: tuple[str, ...]  # the different training transcripts, where they are few enough for a closed list
    augmentation: Augmentation | None = field(default=None, repr=False, compare=False)  # while training
    stride: int = field(default=1, compare=False)  # frames that one output of the model stands for
    level: Level | None = None  # where the model has a floor

    @staticmethod
    def learn(examples: Sequence[Utterance], settings: TranscribeSettings) -> HearingCodec:
        """Mean and deviation of frames, the symbols and the n-gram model of the training utterances."""
        assert examples[0].laid is not None
        definition = defined(settings.sound, examples[0].laid.rate)
        some = examples[:: max(1, -(-len(examples) // STATISTICS))]
        made = (
            frames(definition, one.samples(definition.rate)) for one in passing("recordings measured", some, len(some))
        )
        normaliser, level = measured(made, settings.model.floor)
        texts = [written(one.text, settings.text.lowercase) for one in examples]
        strings = [f"{texts[0]} {texts[0]}"] if settings.augment.join else []  # single words have no blank between
        unit, symbols = _spelling([*texts, *strings], settings.text)
        codec = HearingCodec(definition, normaliser, unit, symbols, settings.text.lowercase, None, None, ())
        order, words = settings.text.language, settings.text.word_language
        vocabulary = range(1, codec.size)
        language = KneserNey.of(map(codec.labels, texts), order, vocabulary) if order else None
        phrases = tuple(sorted(set(texts)))
        return HearingCodec(
            definition,
            normaliser,
            unit,
            symbols,
            settings.text.lowercase,
            language,
            KneserNey.of(map(str.split, texts), words) if words else None,
            phrases if len(phrases) <= PHRASES else (),
            _augmentation(settings, definition.rate),
            settings.model.stride,
            level,
        )

    @staticmethod
    def from_json(data: object, settings: TranscribeSettings) -> HearingCodec:
        if not isinstance(data, dict) or not {"sound", "normaliser", "unit", "symbols"} <= data.keys():
            raise Refusal("codec.json: there is no sound and no symbols in it; the file of the training run is wanted")
        unit, symbols = from_json(data["unit"]), data["symbols"]
        if not isinstance(symbols, list) or not all(
            type(one) is int and FIRST_BYTE <= one < unit.vocabulary.size for one in symbols
        ):
            raise Refusal("codec.json: its symbols are not those of its unit; the file of the training run is wanted")
        phrases = data.get("phrases", [])
        if not isinstance(phrases, list) or not all(isinstance(one, str) for one in phrases):
            raise Refusal("codec.json: its phrases are no texts; the file of the training run is wanted")
        language, words = data.get("language"), data.get("words")
        definition = Definition.from_json(data["sound"])
        if settings.model.floor and "level" not in data:
            raise Refusal("codec.json: there is no level in it, which model.floor wants; the run's own file is wanted")
        normaliser = Normaliser.from_json(data["normaliser"])
        level = Level.from_json(data["level"]) if settings.model.floor else None
        normaliser.require(definition.features)
        if level is not None:
            level.require(definition.features)
        return HearingCodec(
            definition,
            normaliser,
            unit,
            tuple(symbols),
            settings.text.lowercase,
            None if language is None else KneserNey.from_json(language, "codec.json"),
            None if words is None else KneserNey.from_json(words, "codec.json"),
            tuple(phrases),
            _augmentation(settings, definition.rate),
            settings.model.stride,
            level,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "sound": self.definition.to_json(),
            "normaliser": self.normaliser.to_json(),
            "unit": self.unit.to_json(),
            "symbols": list(self.symbols),
            "language": None if self.language is None else self.language.to_json(),
            "words": None if self.words is None else self.words.to_json(),
            "phrases": list(self.phrases),
        } | ({} if self.level is None else {"level": self.level.to_json()})

    @property
    def size(self) -> int:
        """How many symbols a model of it has, the blank among them."""
        return len(self.symbols) + 1

    @property
    def separator(self) -> int | None:
        """The label between two words; None where the first label of a word says that one begins."""
        blank = self.unit.vocabulary.symbols.get(" ")
        return self.symbols.index(blank) + 1 if blank in self.symbols else None

    def labels(self, text: str) -> list[int]:
        """The labels of a text as it was ``written``; Refusal, naming them, where some of it never was in training."""
        if (found := self.spelling(text)) is None:
            said = ", ".join(map(repr, self.strange([text])[:5]))
            raise Refusal(f"{said} cannot be spelled: never in the training transcripts")
        return found

    def spelling(self, text: str) -> list[int] | None:
        """The labels of a text as it was ``written``; None where some of it never was in training."""
        place = {symbol: number for number, symbol in enumerate(self.symbols, 1)}
        encoded = self.unit.encode([text])[0]
        return [place[symbol] for symbol in encoded] if place.keys() >= set(encoded) else None

    def strange(self, texts: Sequence[str]) -> list[str]:
        """What of some texts never was in training: letters, or the words where symbols are more than letters."""
        known, vocabulary = set(self.symbols), self.unit.vocabulary
        if all(len(piece.strip()) <= 1 for piece in self.pieces(range(1, self.size))):
            letters = dict.fromkeys(letter for text in texts for letter in text)
            return [letter for letter in letters if not known.issuperset(vocabulary.encode(letter))]
        words = list(dict.fromkeys(word for text in texts for word in text.split()))
        return [word for word, symbols in zip(words, self.unit.encode(words)) if not known.issuperset(symbols)]

    def spelled(self, text: str) -> list[int]:
        """The unit's symbols of a transcript, those among them too that never were in training."""
        return self.unit.encode([written(text, self.lowercase)])[0]

    def fits(self, samples: int, symbols: Sequence[int]) -> bool:
        """Whether so many samples have outputs enough for these symbols to be said one after another."""
        return -(-self.definition.count(samples) // self.stride) >= required(symbols)

    def together(self, every: Sequence[list[int]]) -> list[int]:
        """The labels of utterances said one after another."""
        if len(every) == 1:
            return every[0]
        return self.labels(" ".join(map(self.text, every)))

    def text(self, labels: Sequence[int]) -> str:
        """The text of labels, its words parted by single blanks, as transcripts are."""
        return " ".join(self.unit.decode([self.symbols[label - 1] for label in labels]).split())

    def pieces(self, labels: Sequence[int]) -> list[str]:
        """The text of each label."""
        return [self.unit.vocabulary.text([self.symbols[label - 1]]) for label in labels]

    def seconds(self, frame: float) -> float:
        """When a frame begins, counted from the beginning of the stream, to 0.1 ms; every time that is told is one.

        A frame lasts a hop, and its middle is that of its window: t · hop + (window − hop) / 2 samples. The first
        begins with the sound.
        """
        definition = self.definition
        aside = (definition.window - definition.hop) / 2 if frame > 0 else 0.0
        return round((frame * definition.hop + aside) / definition.rate, 4)

    def heard(self, samples: Samples) -> Frames:
        """The normalised frames (T, F) of a whole wave."""
        return self.normaliser(frames(self.definition, samples))


def _spelling(texts: Sequence[str], wanted: SpellingSettings) -> tuple[Unit, tuple[int, ...]]:
    size = wanted.size if wanted.unit != "characters" else 100_000
    unit = learn(texts, Wanted(wanted.unit, wanted.method, size, 1))
    return unit, tuple(sorted({symbol for symbols in unit.encode(texts) for symbol in symbols}))


def _augmentation(settings: TranscribeSettings, rate: int) -> Augmentation:
    return Augmentation.of(settings.augment, rate, settings.training.seed)


def trained_on(codec: HearingCodec, chosen: Sequence[Learnable], random: Generator) -> HearingBatch:
    """A batch to learn from: waves joined and changed by chance, then their frames; what is said stays what it is."""
    seeds = torch.randint(2**62, (len(chosen),), generator=random).tolist()
    drawn = [_drawn(codec, chosen, place, default_rng(seed)) for place, seed in enumerate(seeds)]
    return batched([made for made, _ in drawn], [labels for _, labels in drawn])


def _drawn(
    codec: HearingCodec, chosen: Sequence[Learnable], place: int, random: np.random.Generator
) -> tuple[Frames, list[int]]:
    """One utterance of the batch, perhaps with others of it behind; as it is where changed it would be too short."""
    assert codec.augmentation is not None
    augmentation, rate = codec.augmentation, codec.definition.rate
    every = [chosen[place], *(chosen[other] for other in augmentation.partners(len(chosen), random))]
    waves = [one.utterance.samples(rate) for one in every]
    samples = augmentation.joined(waves, rate, random).samples if len(waves) > 1 else waves[0]
    labels = codec.together([one.labels for one in every])
    if not codec.fits(len(samples), labels):
        samples, labels = waves[0], every[0].labels
    made = frames(codec.definition, augmentation(samples, rate, random))
    if -(-len(made) // codec.stride) < required(labels):
        made = frames(codec.definition, samples)
    made = codec.normaliser(augmentation.framed(made, codec.definition, random))
    return augmentation.masked(made, random), labels


def batched(made: Sequence[Frames], labels: Sequence[Sequence[int]]) -> HearingBatch:
    """Frames and labels as tensors."""
    return HearingBatch(
        Ragged.of([torch.from_numpy(np.ascontiguousarray(one)) for one in made]), Ragged.of_symbols(labels)
    )
