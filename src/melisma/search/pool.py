"""The answers that a beam has finished, the best few per sentence."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from melisma.search.history import Ends


class Pool:
    """The ``best`` answers of S sentences, better first: finished ones by score, then cut ones by score.

    Each is three whole numbers (length, slot, kind) and three floats (score, log-probability, that of the end symbol).
    Of equal scores the earlier one stands first.
    """

    EMPTY: ClassVar[int] = 0
    CUT: ClassVar[int] = 1
    FINISHED: ClassVar[int] = 2

    def __init__(self, sentences: int, best: int, device: torch.device) -> None:
        self.whole = torch.zeros(sentences, best, 3, dtype=torch.int64, device=device)
        self.real = torch.full((sentences, best, 3), -torch.inf, dtype=torch.float64, device=device)

    def add(self, sentences: Tensor, whole: Tensor, real: Tensor) -> None:
        """Adds n answers (A, n, 3) to each of A sentences."""
        best = self.whole.shape[1]
        whole = torch.cat((self.whole[sentences], whole), 1)
        real = torch.cat((self.real[sentences], real), 1)
        by_score = real[..., 0].sort(dim=1, descending=True, stable=True).indices
        by_kind = whole[..., 2].gather(1, by_score).sort(dim=1, descending=True, stable=True).indices
        order = by_score.gather(1, by_kind)[:, :best, None].expand(-1, -1, 3)
        self.whole[sentences], self.real[sentences] = whole.gather(1, order), real.gather(1, order)

    def some(self, sentences: Tensor) -> Tensor:
        """Which of these sentences (A,) have an answer."""
        return self.whole[sentences, 0, 2] != self.EMPTY

    def worst(self, sentences: Tensor) -> Tensor:
        """The score of the last of ``best`` finished answers of these sentences (A,), −∞ while there are fewer."""
        full = self.whole[sentences, -1, 2] == self.FINISHED
        return torch.where(full, self.real[sentences, -1, 0], -torch.inf)

    def ends(self) -> Ends:
        """All answers, by sentence, better first."""
        whole, real = self.whole.cpu().numpy(), self.real.cpu().numpy()
        sentence, rank = (whole[..., 2] != self.EMPTY).nonzero()
        length, slot, kind = whole[sentence, rank].T
        score, total, end = real[sentence, rank].T
        return Ends(sentence, length, slot, kind == self.FINISHED, end, total, score)
