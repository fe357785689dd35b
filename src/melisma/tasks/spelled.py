"""Decoding one stream's frames as the search settings have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from melisma.errors import Refusal
from melisma.models.transcriber import Transcriber
from melisma.search.best_path import BestPath
from melisma.search.constraints import Constraint, any_number, exactly_one
from melisma.search.heard import BLANK, Heard
from melisma.search.hot_words import HotWords
from melisma.search.language import Language, Weighted, together
from melisma.search.prefix_beam import PrefixBeam
from melisma.settings.transcribe import HearingSettings
from melisma.tasks.hearing import HearingCodec
from melisma.tasks.rescoring import Rescoring
from melisma.tasks.utterances import written
from melisma.tasks.worded import model_of_words


class Search(Protocol):
    """A fold over frames."""

    def start(self) -> Any:
        """The state before the first frame."""

    def feed(self, state: Any, log_probabilities: NDArray[Any]) -> Any:
        """The state after these frames (T, V), nats."""

    def stable(self, state: Any) -> tuple[int, ...]:
        """The symbols that no further frame can change."""

    def finish(self, state: Any) -> list[Heard]:
        """The answers, the best first."""


class Decoding:
    """A search and where it is in one stream; it begins anew with each utterance."""

    def __init__(self, search: Search, alternatives: int, rescoring: Rescoring | None = None) -> None:
        self.search, self.alternatives, self.rescoring = search, alternatives, rescoring
        self._state = search.start()
        self.frames = self.blanks = 0  # of all utterances: how many there were, and where the blank was likeliest

    def feed(self, log_probabilities: NDArray[np.float32]) -> None:
        """More frames of the utterance (T, V)."""
        if not len(log_probabilities):
            return
        self.frames += len(log_probabilities)
        self.blanks += int((log_probabilities.argmax(1) == BLANK).sum())
        self._state = self.search.feed(self._state, log_probabilities)

    def stable(self) -> tuple[int, ...]:
        """What no further frame can change."""
        return self.search.stable(self._state)

    def finish(self, encoded: Tensor | None = None) -> list[Heard]:
        """The utterance has ended: its answers, the best first, at least one.

        Where answers are judged a second time, ``encoded`` (J, encoded) is what is read for that.
        """
        found, self._state = self.search.finish(self._state), self.search.start()
        if self.rescoring is not None and encoded is not None:
            found = self.rescoring(found, encoded)
        return found[: self.alternatives] or [Heard((), 0.0, 0.0, ())]


def spelling(network: Transcriber, codec: HearingCodec, search: HearingSettings) -> Callable[[], Decoding]:
    """What makes the decoding of each stream; Refusal for words that cannot be spelled or are not known."""
    rescoring = _rescoring(network, search)
    if search.beam == 1:
        path = BestPath(codec.size)
        return lambda: Decoding(path, 1)
    beam = PrefixBeam(
        codec.size,
        search.beam,
        language=_language(codec, search),
        constraint=_list(codec, search),
        hot=_hot(codec, search),
    )
    return lambda: Decoding(beam, search.alternatives, rescoring)


def _rescoring(network: Transcriber, search: HearingSettings) -> Rescoring | None:
    if network.decoder is not None:
        return Rescoring(network, search.attention) if search.attention else None
    if search.attention != HearingSettings.attention:
        raise Refusal(
            f"search.attention={search.attention:g} weighs a decoder and this model has none (model.decoder=none): "
            "wants no search.attention"
        )
    return None


def _language(codec: HearingCodec, search: HearingSettings) -> Language | None:
    """All n-gram models that have a weight."""
    parts = (_letters(codec, search), model_of_words(codec, search) if search.word_language else None)
    return together([part for part in parts if part is not None])


def _letters(codec: HearingCodec, search: HearingSettings) -> Weighted | None:
    if not search.language and not search.bonus:
        return None
    if codec.language is None:
        raise Refusal("this model has no n-gram model of its transcripts (text.language=0): wants search.language=0")
    return Weighted(codec.language, search.language, search.bonus)


def _list(codec: HearingCodec, search: HearingSettings) -> Constraint | None:
    if search.words == "any":
        return None
    if not codec.phrases:
        raise Refusal(f"search.words={search.words}: this model has too many transcripts for a closed list: wants any")
    if search.words == "one":
        return Constraint(exactly_one([codec.labels(phrase) for phrase in codec.phrases], search.filler))
    words = sorted({word for phrase in codec.phrases for word in phrase.split()})
    return Constraint(any_number([codec.labels(word) for word in words], codec.separator, search.filler))


def _hot(codec: HearingCodec, search: HearingSettings) -> HotWords | None:
    if not search.hot:
        return None
    spelled = []
    for word in search.hot:
        try:
            spelled.append(codec.labels(written(word, codec.lowercase)))
        except Refusal as refusal:
            raise Refusal(f"search.hot={word}: {refusal}") from None
    return HotWords(spelled, search.hot_bonus, () if codec.separator is None else (codec.separator,))
