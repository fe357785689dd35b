"""The second pass over an utterance that is over: its decoder reads all of it and judges what the first pass found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from melisma.models.transcriber import Transcriber
from melisma.ragged import Ragged
from melisma.search.heard import Heard

TOGETHER = 16  # answers that are judged at once


class Rescoring:
    """Answers by (1 − w) · log p_ctc + w · log p_attention + what language, lists and hot words add, the best first.

    ``weight`` is w. Both log-probabilities are of the whole answer, the decoder's with its end. Equal scores stay as
    they were. Sources: Watanabe, Hori, Kim, Hershey and Hayashi 2017; Hori, Watanabe and Hershey 2017, who do it both
    afterwards, as here, and within the search.
    """

    def __init__(self, network: Transcriber, weight: float) -> None:
        self.network, self.weight = network, weight

    @torch.no_grad()
    def __call__(self, found: Sequence[Heard], encoded: Tensor) -> list[Heard]:
        """Answers to one utterance, of which ``encoded`` (J, encoded) is known -> the same with their joint scores."""
        judged: list[Heard] = []
        for begin in range(0, len(found), TOGETHER):
            some = found[begin : begin + TOGETHER]
            labels = Ragged.of_symbols([one.symbols for one in some]).to(encoded.device)
            nats = self.network.judged(Ragged.of([encoded]), labels).tolist()
            judged += [self._joint(one, -nat) for one, nat in zip(some, nats)]
        return sorted(judged, key=lambda one: -one.score)

    def _joint(self, one: Heard, log_probability: float) -> Heard:
        return replace(one, score=one.score + self.weight * (log_probability - one.log_probability))
