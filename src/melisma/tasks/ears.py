"""What of a network hears streams: as their frames come, or, where it needs the end of an utterance, then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from melisma.contract import joined, part, whole
from melisma.models.transcriber import Transcriber
from melisma.ragged import Ragged
from melisma.sound.features import Frames

Rows = NDArray[np.float32]
"""Log-probabilities of symbols (t, V), nats."""


class Ears(Protocol):
    """B streams: frames in, the log-probabilities that can be said by then out."""

    def hear(self, pieces: Sequence[Frames]) -> list[Rows]:
        """More frames (t, F) of each stream, which may be none."""

    def end(self, number: int) -> Rows:
        """The utterance of one stream is over: what is left of it; the next frame of that stream begins another."""

    def finish(self) -> list[Rows]:
        """All streams are over."""


def ears(network: Transcriber, batch: int) -> Ears:
    """Those that suit a network."""
    return Waiting(network, batch) if network.delay is None else Running(network, batch)


class Running:
    """A network that says what it hears a stated time later; its state is that of all streams."""

    def __init__(self, network: Transcriber, batch: int) -> None:
        self.network, self.batch = network, batch
        self._state: Any = network.start(batch)

    def hear(self, pieces: Sequence[Frames]) -> list[Rows]:
        if not any(map(len, pieces)):
            return [self._nothing()] * self.batch
        self._state, logits = self.network.feed(self._state, _laid(self.network, pieces))
        return self._said(logits)

    def end(self, number: int) -> Rows:
        _, rest = self.network.flush(part(self._state, number, number + 1))
        before = [part(self._state, 0, number)] if number else []
        after = [part(self._state, number + 1, self.batch)] if number + 1 < self.batch else []
        self._state = joined([*before, self.network.start(1), *after])
        return self._nothing() if rest is None else _rows(rest)[0]

    def finish(self) -> list[Rows]:
        _, rest = self.network.flush(self._state)
        return [self._nothing()] * self.batch if rest is None else self._said(rest)

    def _said(self, logits: Ragged) -> list[Rows]:
        return _rows(logits) if len(logits.rows) else [self._nothing()] * self.batch

    def _nothing(self) -> Rows:
        return np.zeros((0, self.network.symbols), np.float32)


class Waiting:
    """A network that needs the end: the frames of an utterance wait for it."""

    def __init__(self, network: Transcriber, batch: int) -> None:
        self.network = network
        self._frames: list[list[Frames]] = [[] for _ in range(batch)]

    def hear(self, pieces: Sequence[Frames]) -> list[Rows]:
        for waiting, piece in zip(self._frames, pieces):
            waiting.append(piece)
        return [np.zeros((0, self.network.symbols), np.float32)] * len(pieces)

    def end(self, number: int) -> Rows:
        heard, self._frames[number] = self._frames[number], []
        return self._whole([heard])[0]

    def finish(self) -> list[Rows]:
        return self._whole(self._frames)

    def _whole(self, every: Sequence[Sequence[Frames]]) -> list[Rows]:
        none = np.zeros((0, self.network.features), np.float32)
        frames = [np.concatenate((none, *some)) for some in every]
        if not any(map(len, frames)):
            return [np.zeros((0, self.network.symbols), np.float32)] * len(frames)
        return _rows(whole(self.network, _laid(self.network, frames)))


def _laid(network: Transcriber, pieces: Sequence[Frames]) -> Ragged:
    return Ragged.of([torch.from_numpy(piece) for piece in pieces]).to(network.weight.device)


def _rows(logits: Ragged) -> list[Rows]:
    """Log-probabilities, a sequence each."""
    heard = logits.map(lambda rows: torch.log_softmax(rows, 1)).sequences()
    return [rows.cpu().numpy() for rows in heard]
