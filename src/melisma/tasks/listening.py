"""Listening: samples in, text out, chunk by chunk; a file is a stream that is at hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np
import torch
from torch import nn

from melisma.models.transcriber import Transcriber
from melisma.search.heard import Heard
from melisma.settings.transcribe import HearingSettings
from melisma.sound.wave import blocks
from melisma.tasks.hearing import HearingCodec
from melisma.tasks.parting import Ended, Parting
from melisma.tasks.spelled import Decoding, spelling
from melisma.tasks.utterances import Samples, Utterance

CHUNK = 0.08  # seconds of sound that are fed at once, from files too
BLOCK = 125  # such chunks that are read of a recording at once: memory does not grow with its length
OPEN = 128  # files that are read side by side, at most


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
    """What is remembered of one stream besides what hears it."""

    def __init__(self, codec: HearingCodec, decoding: Decoding) -> None:
        self.codec, self.decoding = codec, decoding
        self.frames = 0  # of all utterances before this one

    def end(self, ended: Ended) -> list[Said]:
        """The utterance is over; where nothing was said it is none."""
        said = _said(self.codec, self.decoding.finish(ended.encoded), self.frames, ended.frames)
        self.frames += ended.frames
        return [] if ended.nothing and not said.text else [said]


class Streams:
    """B streams heard side by side, at the codec's rate; each gives its utterances as they end."""

    def __init__(
        self,
        network: Transcriber,
        codec: HearingCodec,
        search: HearingSettings,
        batch: int,
        make: Callable[[], Decoding] | None = None,
    ) -> None:
        self.codec = codec
        make = make or spelling(network, codec, search)
        self.streams = [_Stream(codec, make()) for _ in range(batch)]
        self._parting = Parting(network, codec, search, batch)

    @torch.no_grad()
    def feed(self, chunks: Sequence[Samples], *, last: bool = False) -> list[list[Said]]:
        """More samples of each stream, which may be none -> the utterances that have ended by that.

        ``last``: the streams have ended too, and so has what was being said.
        """
        said: list[list[Said]] = [[] for _ in chunks]
        for stream, parts, ended in zip(self.streams, self._parting.feed(chunks, last=last), said):
            for rows, over in parts:
                stream.decoding.feed(rows)
                if over is not None:
                    ended += stream.end(over)
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
    words = tuple(_words(codec, best, frames, length))
    readings = tuple(Reading(codec.text(one.symbols), one.score) for one in found)
    begin, end = (codec.seconds(frame) for frame in (frames, frames + length))
    return Said(begin, end, readings[0].text, best.score, words, readings)


def _words(codec: HearingCodec, found: Heard, frames: int, length: int) -> list[Word]:
    """The labels as words: a label whose text begins with a blank begins one; none ends after the utterance."""
    words: list[Word] = []
    text, begin, end, sure = "", 0, 0, list[float]()

    def close() -> None:
        if text.strip():
            first, last = (codec.seconds(frames + min(frame * codec.stride, length)) for frame in (begin, end))
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
    make = spelling(network, codec, search)
    order = sorted(range(len(inputs)), key=lambda place: (-_extent(inputs[place]), place))
    batch = search.batch if all(one.laid is not None for one in inputs) else min(search.batch, OPEN)
    found: dict[int, Transcript] = {}
    for begin in range(0, len(order), batch):
        places = order[begin : begin + batch]
        waves = [_chunks(inputs[place], codec.definition.rate) for place in places]
        streams = Streams(network, codec, search, len(places), make)
        found |= zip(places, _heard(streams, [str(inputs[place]) for place in places], waves))
    return [found[place] for place in range(len(inputs))]


def _heard(streams: Streams, names: Sequence[str], waves: Sequence[Iterator[Samples]]) -> list[Transcript]:
    """What is heard of waves that are read as they are heard."""
    nothing = np.zeros(0, np.float32)
    said: list[list[Said]] = [[] for _ in waves]
    counts = [0] * len(waves)
    while any(map(len, chunks := [next(wave, nothing) for wave in waves])):
        counts = [count + len(chunk) for count, chunk in zip(counts, chunks)]
        for ended, more in zip(said, streams.feed(chunks)):
            ended += more
    for ended, more in zip(said, streams.feed([nothing] * len(waves), last=True)):
        ended += more
    rate = streams.codec.definition.rate
    return [
        Transcript(name, tuple(utterances), count / rate, stream.decoding.frames, stream.decoding.blanks)
        for name, utterances, count, stream in zip(names, said, counts, streams.streams)
    ]


def _extent(one: Utterance) -> int:
    """By what recordings are told to be long or short: only how many are heard in vain depends on it."""
    if one.laid is not None:
        return one.laid.end - one.laid.begin
    try:
        return os.path.getsize(one.clip.audio)
    except OSError:
        return 0


def _chunks(one: Utterance, rate: int) -> Iterator[Samples]:
    """The samples of a recording in chunks, read a block at a time."""
    size = round(CHUNK * rate)
    for block in _blocks(one, rate, size * BLOCK):
        for begin in range(0, len(block), size):
            yield block[begin : begin + size]


def _blocks(one: Utterance, rate: int, size: int) -> Iterator[Samples]:
    """The samples of a recording, each block but the last of ``size``."""
    laid, clip = one.laid, one.clip
    if laid is None or laid.rate != rate:
        yield from blocks(clip.audio, rate, clip.begin, clip.end, size / rate)
        return
    for begin in range(laid.begin, laid.end, 4 * size):
        yield np.frombuffer(laid.scratch.read(begin, min(begin + 4 * size, laid.end)), np.float32)


def quickly(search: HearingSettings) -> HearingSettings:
    """How a validation while training listens: the likeliest symbol of each frame, where nothing else is asked."""
    if search.words == "any" and not search.language and not search.hot:
        return replace(search, beam=1, alternatives=1)
    return replace(search, beam=min(search.beam, 4), alternatives=1)
