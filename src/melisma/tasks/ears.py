"""What of a network hears streams: as their frames come, or, where it needs the end of an utterance, then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from melisma.contract import joined, part
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

    def restart(self, number: int) -> None:
        """The utterance of one stream was over already: nothing is left of it, and the next frame begins another."""

    def finish(self) -> list[Rows]:
        """All streams are over."""

    def recall(self, number: int, outputs: int) -> Tensor | None:
        """What a decoder reads of the first outputs (t, encoded) of an utterance that is over; it is forgotten here.

        None where the network has no decoder.
        """


def ears(network: Transcriber, batch: int) -> Ears:
    """Those that suit a network."""
    return Waiting(network, batch) if network.delay is None else Running(network, batch)


class _Saying:
    """Encoded outputs -> log-probabilities, kept for a decoder where there is one."""

    def __init__(self, network: Transcriber, batch: int) -> None:
        self.network, self.batch = network, batch
        self._kept: list[list[Tensor]] = [[] for _ in range(batch)]

    def recall(self, number: int, outputs: int) -> Tensor | None:
        if self.network.decoder is None:
            return None
        kept, self._kept[number] = self._kept[number], []
        none = self.network.weight.new_zeros(0, self.network.weight.shape[1])
        return torch.cat((none, *kept))[:outputs]

    def _nothing(self) -> Rows:
        return np.zeros((0, self.network.symbols), np.float32)

    def _said(self, encoded: Ragged | None, numbers: Sequence[int]) -> list[Rows]:
        """What is said of more outputs of these streams."""
        if encoded is None or not len(encoded.rows):
            return [self._nothing() for _ in numbers]
        if self.network.decoder is not None:
            for number, rows in zip(numbers, encoded.sequences()):
                self._kept[number].append(rows)
        said = self.network.logits(encoded).map(lambda rows: torch.log_softmax(rows, 1)).sequences()
        return [rows.cpu().numpy() for rows in said]


class Running(_Saying):
    """A network that says what it hears a stated time later; its state is that of all streams."""

    def __init__(self, network: Transcriber, batch: int) -> None:
        super().__init__(network, batch)
        self._state: Any = network.start(batch)

    def hear(self, pieces: Sequence[Frames]) -> list[Rows]:
        if not any(map(len, pieces)):
            return [self._nothing()] * self.batch
        self._state, encoded = self.network.encoder.feed(self._state, _laid(self.network, pieces))
        return self._said(encoded, range(self.batch))

    def end(self, number: int) -> Rows:
        _, rest = self.network.encoder.flush(part(self._state, number, number + 1))
        self.restart(number)
        return self._said(rest, [number])[0]

    def restart(self, number: int) -> None:
        before = [part(self._state, 0, number)] if number else []
        after = [part(self._state, number + 1, self.batch)] if number + 1 < self.batch else []
        self._state = joined([*before, self.network.start(1), *after])

    def finish(self) -> list[Rows]:
        return self._said(self.network.encoder.flush(self._state)[1], range(self.batch))


class Waiting(_Saying):
    """A network that needs the end: the frames of an utterance wait for it."""

    def __init__(self, network: Transcriber, batch: int) -> None:
        super().__init__(network, batch)
        self._frames: list[list[Frames]] = [[] for _ in range(batch)]

    def hear(self, pieces: Sequence[Frames]) -> list[Rows]:
        for waiting, piece in zip(self._frames, pieces):
            waiting.append(piece)
        return [self._nothing()] * len(pieces)

    def end(self, number: int) -> Rows:
        heard, self._frames[number] = self._frames[number], []
        return self._whole([heard], [number])[0]

    def restart(self, number: int) -> None:
        self._frames[number] = []

    def finish(self) -> list[Rows]:
        return self._whole(self._frames, range(self.batch))

    def _whole(self, every: Sequence[Sequence[Frames]], numbers: Sequence[int]) -> list[Rows]:
        none = np.zeros((0, self.network.features), np.float32)
        frames = [np.concatenate((none, *some)) for some in every]
        if not any(map(len, frames)):
            return [self._nothing() for _ in numbers]
        return self._said(self.network.encode(_laid(self.network, frames)), numbers)


def _laid(network: Transcriber, pieces: Sequence[Frames]) -> Ragged:
    return Ragged.of([torch.from_numpy(piece) for piece in pieces]).to(network.weight.device)
