"""Streams heard side by side and parted into utterances: by loudness, by what the network says, and by length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from melisma.models.transcriber import Transcriber
from melisma.search.heard import BLANK
from melisma.settings.transcribe import HearingSettings
from melisma.sound.features import Definition, FeatureStream, Frames
from melisma.sound.pauses import LEAD, Blanks, Levels, Loudness, Pause
from melisma.tasks.ears import Rows, ears
from melisma.tasks.hearing import HearingCodec
from melisma.tasks.utterances import Samples

AT_ONCE = 100  # frames of a stream that the network hears at once, at most: few of them are heard again after an end


class Ended(NamedTuple):
    """An utterance that is over."""

    frames: int  # that belong to it; the next utterance begins behind them
    nothing: bool  # whether it ended because nothing was said at all
    encoded: Tensor | None  # (J, encoded) what a decoder reads, where there is one
    power: NDArray[np.float32]  # (frames,) mean squares of the middles of these frames


class Part(NamedTuple):
    """Something more of an utterance."""

    rows: Rows
    ended: Ended | None = None


class Parting:
    """B streams of samples in, the outputs of their utterances out: the same however the samples are cut.

    An utterance that loudness or length ends is flushed: what the network says of it depends on nothing behind it. One
    that ends by blanks (``Blanks``) was said already; the last of these blanks are heard again, as the beginning of the
    next. A network that needs the end of an utterance does not say blanks in time: there they end nothing.
    """

    def __init__(self, network: Transcriber, codec: HearingCodec, search: HearingSettings, batch: int) -> None:
        self._streams = [_Frames(codec, search, network.delay) for _ in range(batch)]
        self._ears = ears(network, batch)

    def feed(self, chunks: Sequence[Samples], *, last: bool = False) -> list[list[Part]]:
        """More samples of each stream, which may be none -> more of its utterances; ``last``: they have all ended."""
        found: list[list[Part]] = [[] for _ in chunks]
        for stream, chunk in zip(self._streams, chunks):
            stream.add(chunk, last)
        while any(stream.waits for stream in self._streams):
            pieces = [stream.take() for stream in self._streams]
            for number, rows in enumerate(self._ears.hear([piece for piece, _ in pieces])):
                part = self._heard(number, rows, pieces[number][1])
                if len(part.rows) or part.ended is not None:
                    found[number].append(part)
        if last:
            for number, rows in enumerate(self._ears.finish()):
                found[number].append(Part(rows, self._over(number, len(rows))))
        return found

    def _heard(self, number: int, rows: Rows, over: bool) -> Part:
        stream = self._streams[number]
        place = stream.said(rows)
        if place is not None:
            self._ears.restart(number)
            nothing, encoded = stream.nothing, self._ears.recall(number, stream.outputs)
            frames = stream.back()
            return Part(rows[:place], Ended(frames, nothing, encoded, stream.powers.taken(frames)))
        if over:
            rows = np.concatenate((rows, rest := self._ears.end(number)))
            return Part(rows, self._over(number, len(rest)))
        return Part(rows)

    def _over(self, number: int, more: int) -> Ended:
        stream = self._streams[number]
        encoded = self._ears.recall(number, stream.outputs + more)
        frames = stream.forward()
        return Ended(frames, False, encoded, stream.powers.taken(frames))


class _Frames:
    """One stream's frames on their way to the network, those of late kept: they may be heard again."""

    def __init__(self, codec: HearingCodec, search: HearingSettings, delay: int | None) -> None:
        self._features, self._normaliser = FeatureStream(codec.definition), codec.normaliser
        self._loudness = Loudness(codec.definition.hop)
        self.powers = _Powers(codec.definition)
        self._hop, self._stride, self._delay = codec.definition.hop / codec.definition.rate, codec.stride, delay or 0
        self._judged = Levels(self._hop)
        self._pause = Pause(self._hop, search.pause, search.utterance)
        self._blanks = Blanks(self._hop * codec.stride, search.blanks, search.nothing)
        self._reach = AT_ONCE + self._delay + codec.stride + round(LEAD / self._hop) + 1
        self._frames = np.zeros((0, codec.definition.features), np.float32)
        self._levels: NDArray[np.int8] = np.zeros(0, np.int8)
        self._at = 0  # how many of these the network has heard
        self._heard = 0  # of them, in this utterance
        self.outputs = 0  # of this utterance

    def add(self, samples: Samples, last: bool) -> None:
        """More samples of the stream."""
        made = self._features.feed(samples)
        if last:
            made = np.concatenate((made, self._features.finish()))
        levels = self._judged.feed(self._loudness.feed(samples, len(made)))
        self.powers.add(samples, len(made))
        if len(made):
            self._frames = np.concatenate((self._frames, self._normaliser(made)))
            self._levels = np.concatenate((self._levels, np.array(levels, np.int8)))

    @property
    def waits(self) -> bool:
        """Whether there are frames that the network has not heard."""
        return self._at < len(self._frames)

    def take(self) -> tuple[Frames, bool]:
        """The next frames of the utterance, and whether it is over with them."""
        end, over = min(self._at + AT_ONCE, len(self._frames)), False
        for place, level in enumerate(self._levels[self._at : end].tolist(), self._at + 1):
            if self._pause.ends_after(level):
                end, over = place, True
                break
        piece = self._frames[self._at : end]
        self._heard, self._at = self._heard + len(piece), end
        if (gone := self._at - self._reach) > 0:
            self._frames, self._levels, self._at = self._frames[gone:], self._levels[gone:], self._at - gone
        return piece, over

    def said(self, rows: Rows) -> int | None:
        """What the network said by then -> after how many outputs of it the utterance was over, None: not yet."""
        if not len(rows):
            return None
        place = self._blanks.feed(np.exp(rows[:, BLANK]), rows.argmax(1) != BLANK)
        self.outputs += len(rows) if place is None else place
        return place

    @property
    def nothing(self) -> bool:
        """Whether nothing was said in this utterance so far."""
        return not self._blanks.said

    def back(self) -> int:
        """The utterance was over with its last output but for the lead of the next -> how many frames it had."""
        lead = round(self._blanks.lead / self._hop)
        needed = (self.outputs - 1) * self._stride + 1 + self._delay
        kept = max(1, min(self.outputs * self._stride - lead, needed))
        self._at -= self._heard - kept
        self._restart()
        return kept

    def forward(self) -> int:
        """The utterance is over with all that was taken -> how many frames it had."""
        kept = self._heard
        self._restart()
        return kept

    def _restart(self) -> None:
        self._heard = self.outputs = 0
        self._pause.restart()
        self._blanks.restart()


class _Powers:
    """Mean squares of the middles of frames, a hop of each, until the utterance that they belong to is over."""

    def __init__(self, definition: Definition) -> None:
        self._loudness, self._aside = Loudness(definition.hop), (definition.window - definition.hop) // 2
        self._kept: list[NDArray[np.float32]] = []

    def add(self, samples: Samples, count: int) -> None:
        """More samples of the stream, and how many frames were made by then."""
        gone = min(self._aside, len(samples))
        self._aside -= gone
        self._kept.append(self._loudness.feed(samples[gone:], count))

    def taken(self, count: int) -> NDArray[np.float32]:
        """Those of the first frames, which are forgotten here."""
        every = np.concatenate(self._kept)
        self._kept = [every[count:]]
        return every[:count]
