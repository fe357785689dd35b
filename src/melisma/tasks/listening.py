"""Listening: samples in, text out, chunk by chunk; a file is a stream that is at hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, cast

import numpy as np
import torch
from torch import nn

from melisma.models.transcriber import Transcriber
from melisma.settings.transcribe import HearingSettings
from melisma.sound.wave import blocks, cut_off
from melisma.tasks.ears import Rows
from melisma.tasks.hearing import HearingCodec
from melisma.tasks.parting import Ended, Parting
from melisma.tasks.spelled import Decoding, spelling
from melisma.tasks.timed import Outputs, Timed, Word, answered, timed
from melisma.tasks.utterances import Samples, Utterance

CHUNK = 0.08  # seconds of sound that are fed at once, from files too
BLOCK = 125  # such chunks that are read of a recording at once: memory does not grow with its length
OPEN = 128  # files that are read side by side, at most


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
    truncated: bool = False  # its end is not there
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
        told = [one for one in self.utterances if one.text] or self.utterances
        if len(told) == 1:
            return told[0].alternatives
        return (Reading(self.text, self.score),)


class Uttered(NamedTuple):
    """What was heard in an utterance, and what of it is not told."""

    said: Said
    labels: tuple[int, ...]
    symbols: tuple[Word, ...]
    outputs: Outputs
    nothing: bool  # whether it ended because nothing was said at all


class _Stream:
    """What is remembered of one stream besides what hears it."""

    def __init__(self, codec: HearingCodec, decoding: Decoding) -> None:
        self.codec, self.decoding = codec, decoding
        self.frames = 0  # of all utterances before this one
        self._rows: list[Rows] = []  # of this one

    def feed(self, rows: Rows) -> None:
        """More outputs of the utterance."""
        self.decoding.feed(rows)
        self._rows.append(rows)

    def end(self, ended: Ended, *, times: bool) -> Uttered:
        """The utterance is over: its answers, and on request when the words of the best one are said."""
        found, codec, begin = self.decoding.finish(ended.encoded), self.codec, self.frames
        rows, self._rows, self.frames = np.concatenate(self._rows), [], begin + ended.frames
        best = found[0]
        outputs = Outputs.of(rows, codec.stride, ended.power, best.spoken[-1].end if best.spoken else 0)
        when = Timed((), ())
        if times and best.symbols:
            when = timed(codec, outputs, best.symbols, answered(outputs, best.symbols, best.spoken), begin=begin)
        readings = tuple(Reading(codec.text(one.symbols), one.score) for one in found)
        clock = codec.seconds(begin), codec.seconds(self.frames)
        said = Said(*clock, readings[0].text, best.score, when.words, readings)
        return Uttered(said, best.symbols, when.symbols, outputs, ended.nothing)


def _says(one: Uttered) -> bool:
    """Whether something was said; of what may have been nothing, whether another reading has a text."""
    return bool(one.said.text) or (not one.nothing and any(reading.text for reading in one.said.alternatives))


class Streams:
    """B streams heard side by side, at the codec's rate; each gives its utterances as they end.

    Without ``times`` it is not told when words are said, which costs a little.
    """

    def __init__(
        self,
        network: Transcriber,
        codec: HearingCodec,
        search: HearingSettings,
        batch: int,
        make: Callable[[], Decoding] | None = None,
        *,
        times: bool = True,
    ) -> None:
        self.codec, self._times = codec, times
        make = make or spelling(network, codec, search)
        self.streams = [_Stream(codec, make()) for _ in range(batch)]
        self._parting = Parting(network, codec, search, batch)

    def feed(self, chunks: Sequence[Samples], *, last: bool = False) -> list[list[Said]]:
        """More samples of each stream, which may be none -> the utterances that have ended by that.

        ``last``: the streams have ended too, and so has what was being said. Where nothing was said is no utterance.
        """
        return [[one.said for one in ended if _says(one)] for ended in self.hear(chunks, last=last)]

    @torch.no_grad()
    def hear(self, chunks: Sequence[Samples], *, last: bool = False) -> list[list[Uttered]]:
        """The same with all that is known of them, those too in which nothing was said."""
        found: list[list[Uttered]] = [[] for _ in chunks]
        for stream, parts, ended in zip(self.streams, self._parting.feed(chunks, last=last), found):
            for rows, over in parts:
                stream.feed(rows)
                if over is not None:
                    ended.append(stream.end(over, times=self._times))
        return found

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


def answer(
    model: nn.Module, codec: HearingCodec, inputs: Sequence[Utterance], search: HearingSettings, *, traced: bool = True
) -> list[Transcript]:
    """What is heard in each recording; they are heard side by side in chunks, those of about one length together.

    Only with ``traced`` they say when words are said.
    """
    network = cast(Transcriber, model)
    make = spelling(network, codec, search)
    order = sorted(range(len(inputs)), key=lambda place: (-_extent(inputs[place]), place))
    batch = search.batch if all(one.laid is not None for one in inputs) else min(search.batch, OPEN)
    found: dict[int, Transcript] = {}
    for begin in range(0, len(order), batch):
        places = order[begin : begin + batch]
        waves = [_chunks(inputs[place], codec.definition.rate) for place in places]
        streams = Streams(network, codec, search, len(places), make, times=traced)
        heard = _heard(streams, [str(inputs[place]) for place in places], waves)
        found |= {place: replace(one, truncated=truncated(inputs[place])) for place, one in zip(places, heard)}
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


def truncated(one: Utterance) -> bool:
    """Whether the end of a recording is not there; parts of one end before that."""
    return one.laid is None and one.clip.end is None and cut_off(one.clip.audio) is not None


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
