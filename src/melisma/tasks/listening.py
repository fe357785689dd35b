"""Listening: samples in, text out, chunk by chunk; a file is a stream that is at hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import nn

from melisma.errors import Refusal
from melisma.files.manifest import Clip
from melisma.models.transcriber import Transcriber
from melisma.search.heard import Heard
from melisma.settings.show import shown
from melisma.settings.transcribe import HearingSettings
from melisma.sound.features import FeatureStream, Frames
from melisma.sound.pauses import Loudness, Pauses
from melisma.tasks.ears import ears
from melisma.tasks.hearing import HearingCodec
from melisma.tasks.spelled import Decoding, spelling
from melisma.tasks.utterances import Samples, Utterance

CHUNK = 0.08  # seconds of sound that are fed at once, from files too


@dataclass(frozen=True)
class Word:
    """A word that was heard, and when: seconds from the beginning of the recording."""

    text: str
    begin: float
    end: float
    confidence: float  # from 0 to 1


@dataclass(frozen=True)
class Reading:
    """One of the answers that a search found."""

    text: str
    score: float  # nats


@dataclass(frozen=True)
class Said:
    """An utterance of a stream that has ended."""

    begin: float  # seconds from the beginning of the stream
    end: float
    text: str
    score: float
    words: tuple[Word, ...]
    alternatives: tuple[Reading, ...]


@dataclass(frozen=True)
class Transcript:
    """What was heard in a recording: its utterances, and their text in one line."""

    source: str
    utterances: tuple[Said, ...]
    seconds: float
    frames: int  # the model's
    blanks: int  # of these, where the blank was likeliest
    source_tokens: ClassVar[tuple[str, ...]] = ()  # a recording has no symbols to draw a map of
    tokens: ClassVar[tuple[str, ...]] = ()
    attention: ClassVar[None] = None

    @property
    def text(self) -> str:
        return " ".join(one.text for one in self.utterances if one.text)

    @property
    def score(self) -> float:
        return sum(one.score for one in self.utterances)

    @property
    def alternatives(self) -> tuple[Reading, ...]:
        """Other readings of a recording that is one utterance; of several only the best is told."""
        if len(self.utterances) == 1:
            return self.utterances[0].alternatives
        return (Reading(self.text, self.score),)


class _Stream:
    """What is remembered of one stream besides the network's state."""

    def __init__(self, codec: HearingCodec, search: HearingSettings, decoding: Decoding) -> None:
        self.codec = codec
        self.features = FeatureStream(codec.definition)
        hop = codec.definition.hop / codec.definition.rate
        self.loudness = Loudness(codec.definition.hop)
        self.pauses = Pauses(hop, search.pause, search.utterance)
        self.decoding = decoding
        self.frames = 0  # of all utterances before this one
        self.length = 0  # frames of this one

    def pieces(self, samples: Samples, last: bool) -> list[Frames]:
        """The normalised frames of more samples, cut where utterances end: the last piece is of one that goes on."""
        made = self.features.feed(samples)
        if last:
            made = np.concatenate((made, self.features.finish()))
        ends = self.pauses.feed(self.loudness.feed(samples, len(made)))
        return np.split(self.codec.normaliser(made), ends)

    def end(self) -> Said:
        """The utterance is over."""
        said = _said(self.codec, self.decoding.finish(), self.frames, self.length)
        self.frames, self.length = self.frames + self.length, 0
        return said


class Streams:
    """B streams heard side by side, at the codec's rate; each gives its utterances as they end."""

    def __init__(self, network: Transcriber, codec: HearingCodec, search: HearingSettings, batch: int) -> None:
        self.codec = codec
        make = spelling(codec, search)
        self.streams = [_Stream(codec, search, make()) for _ in range(batch)]
        self._ears = ears(network, batch)

    @torch.no_grad()
    def feed(self, chunks: Sequence[Samples], *, last: bool = False) -> list[list[Said]]:
        """More samples of each stream, which may be none -> the utterances that have ended by that.

        ``last``: the streams have ended too, and so has what was being said.
        """
        pieces = [stream.pieces(chunk, last) for stream, chunk in zip(self.streams, chunks)]
        said: list[list[Said]] = [[] for _ in pieces]
        nothing = np.zeros((0, self.codec.definition.features), np.float32)
        for turn in range(max(map(len, pieces), default=0)):
            now = [some[turn] if turn < len(some) else nothing for some in pieces]
            for stream, piece, rows in zip(self.streams, now, self._ears.hear(now)):
                stream.length += len(piece)
                stream.decoding.feed(rows)
            for number, some in enumerate(pieces):
                if turn < len(some) - 1:
                    self.streams[number].decoding.feed(self._ears.end(number))
                    said[number].append(self.streams[number].end())
        if last:
            for stream, ended, rows in zip(self.streams, said, self._ears.finish()):
                stream.decoding.feed(rows)
                ended.append(stream.end())
        return said

    def so_far(self) -> list[str]:
        """What is certain already of the utterance that each stream is in."""
        return [self.codec.text(stream.decoding.stable()) for stream in self.streams]


class OneStream:
    """A single stream, fed as its sound comes."""

    def __init__(self, network: Transcriber, codec: HearingCodec, search: HearingSettings) -> None:
        self.rate = codec.definition.rate
        self.chunk = round(CHUNK * self.rate)
        self._streams = Streams(network, codec, search, 1)

    def feed(self, samples: Samples, *, last: bool = False) -> list[Said]:
        """More samples (N,) -> the utterances that have ended by that."""
        return self._streams.feed([samples], last=last)[0]

    def so_far(self) -> str:
        """What is certain already of the utterance that is being said."""
        return self._streams.so_far()[0]


def stream(model: nn.Module, codec: HearingCodec, search: HearingSettings) -> OneStream:
    """A stream that this model listens to."""
    return OneStream(cast(Transcriber, model), codec, search)


def _said(codec: HearingCodec, found: Sequence[Heard], frames: int, length: int) -> Said:
    """The utterance of ``length`` frames that began after ``frames`` others."""
    best = found[0]
    words = tuple(_words(codec, best, frames))
    readings = tuple(Reading(codec.text(one.symbols), one.score) for one in found)
    begin, end = (codec.seconds(frame) for frame in (frames, frames + length))
    return Said(begin, end, readings[0].text, best.score, words, readings)


def _words(codec: HearingCodec, found: Heard, frames: int) -> list[Word]:
    """The labels as words: a label whose text begins with a blank begins one."""
    words: list[Word] = []
    text, begin, end, sure = "", 0, 0, list[float]()

    def close() -> None:
        if text.strip():
            first, last = (codec.seconds(frames + frame * codec.stride) for frame in (begin, end))
            words.append(Word(text.strip(), first, last, min(sure)))

    for piece, spoken in zip(codec.pieces(found.symbols), found.spoken):
        if piece.startswith(" "):
            close()
            text, sure = "", []
        if piece.strip():
            begin = spoken.begin if not text else begin
            text, end = text + piece, spoken.end
            sure.append(spoken.confidence)
    close()
    return words


def answer(
    model: nn.Module, codec: HearingCodec, inputs: Sequence[Utterance], search: HearingSettings, *, traced: bool = True
) -> list[Transcript]:
    """What is heard in each recording; they are heard side by side in chunks, those of about one length together."""
    network = cast(Transcriber, model)
    waves = {place: one.samples(codec.definition.rate) for place, one in enumerate(inputs)}
    order = sorted(waves, key=lambda place: (-len(waves[place]), place))
    found: dict[int, Transcript] = {}
    for begin in range(0, len(order), search.batch):
        places = order[begin : begin + search.batch]
        streams, said = _heard(network, codec, search, [waves[place] for place in places])
        for place, stream, utterances in zip(places, streams.streams, said):
            seconds, decoding = len(waves[place]) / codec.definition.rate, stream.decoding
            name = str(inputs[place])
            found[place] = Transcript(name, tuple(utterances), seconds, decoding.frames, decoding.blanks)
    return [found[place] for place in range(len(inputs))]


def _heard(
    network: Transcriber, codec: HearingCodec, search: HearingSettings, waves: Sequence[Samples]
) -> tuple[Streams, list[list[Said]]]:
    streams = Streams(network, codec, search, len(waves))
    size = round(CHUNK * codec.definition.rate)
    said: list[list[Said]] = [[] for _ in waves]
    for begin in range(0, max(map(len, waves)), size):
        for ended, more in zip(said, streams.feed([wave[begin : begin + size] for wave in waves])):
            ended += more
    for ended, more in zip(said, streams.feed([wave[:0] for wave in waves], last=True)):
        ended += more
    return streams, said


def asked(inputs: Any) -> tuple[list[Utterance], bool]:
    """The recordings to answer, and whether it is a single one: paths, one or several; Refusal where one is no path."""
    single = isinstance(inputs, str | os.PathLike)
    if not single and not isinstance(inputs, Sequence):
        raise Refusal(f"the input is {shown(inputs)}; the path of a recording, or a list of paths, is wanted")
    paths = [inputs] if single else list(inputs)
    for number, path in enumerate(paths, 1):
        if not isinstance(path, str | os.PathLike):
            raise Refusal(f"input {number} is {shown(path)}; the path of a recording is wanted")
    return [Utterance(Clip(os.fspath(path), None, 0.0, None, None, os.fspath(path))) for path in paths], single


def quickly(search: HearingSettings) -> HearingSettings:
    """How a validation while training listens: the likeliest symbol of each frame, where nothing else is asked."""
    if search.words == "any" and not search.language and not search.hot:
        return replace(search, beam=1, alternatives=1)
    return replace(search, beam=min(search.beam, 4), alternatives=1)
