"""When the symbols of a text are said: its likeliest path through a model's outputs, spread to where sound is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.losses.ctc import viterbi
from melisma.search.heard import BLANK, Spoken
from melisma.sound.spread import Span, levels, spread
from melisma.tasks.hearing import HearingCodec

MOST = 10_000_000  # outputs times places in a text: each takes sixteen bytes
PRIOR_WEIGHT = 0.4


@dataclass(frozen=True)
class Word:
    """A word that was heard, and when: seconds from the beginning of the recording."""

    text: str
    begin: float
    end: float
    confidence: float  # from 0 to 1


class Outputs(NamedTuple):
    """What a model says of a stretch of sound, of which of its frames, and how loud these are."""

    log_probabilities: NDArray[np.float32]  # (J, V), nats
    edges: NDArray[np.int64]  # (J + 1,) frames, the first 0: output j is of those between edges j and j + 1
    power: NDArray[np.float32]  # (edges[J],) mean squares of the middles of frames

    @staticmethod
    def of(log_probabilities: NDArray[np.float32], stride: int, power: NDArray[np.float32], least: int = 0) -> Outputs:
        """Those of an utterance with frames of this power, each of ``stride`` frames but the last.

        Outputs behind the utterance, which the next one hears again, are left out but for the ``least`` first.
        """
        kept = log_probabilities[: max(-(-len(power) // stride), least)]
        return Outputs(kept, np.minimum(np.arange(len(kept) + 1) * stride, len(power)), power)

    @staticmethod
    def joined(every: Sequence[Outputs], symbols: int) -> Outputs:
        """One utterance behind the other."""
        begins = np.cumsum([0, *(len(one.power) for one in every)])
        edges = [begin + one.edges[1:] for begin, one in zip(begins, every)]
        return Outputs(
            np.concatenate((np.zeros((0, symbols), np.float32), *(one.log_probabilities for one in every))),
            np.concatenate((np.zeros(1, np.int64), *edges)),
            np.concatenate((np.zeros(0, np.float32), *(one.power for one in every))),
        )

    def holds(self, labels: Sequence[int]) -> bool:
        """Whether these labels can be laid along them at once."""
        return len(self.log_probabilities) * (2 * len(labels) + 1) <= MOST


class Timed(NamedTuple):
    """When symbols with ink, and the words of them, are said."""

    symbols: tuple[Word, ...]
    words: tuple[Word, ...]


def forced(outputs: Outputs, labels: Sequence[int]) -> list[Span]:
    """From which to which output each label is said: the path of the greatest Π_j p_j(path_j) / prior(path_j)^0.4.

    The prior is the mean of the outputs themselves (``viterbi``). Refuses labels that have no such path.
    """
    log_p = outputs.log_probabilities
    return viterbi(log_p, labels, BLANK, log_priors=_log_priors(log_p), prior_weight=PRIOR_WEIGHT).spans


def answered(outputs: Outputs, labels: Sequence[int], spoken: Sequence[Spoken]) -> list[Span]:
    """The same of an answer, of which the search knows ``spoken``: its own path where both are too long for another."""
    return forced(outputs, labels) if outputs.holds(labels) else [(one.begin, one.end) for one in spoken]


def timed(
    codec: HearingCodec,
    outputs: Outputs,
    labels: Sequence[int],
    path: Sequence[Span],
    *,
    begin: int = 0,
    apart: Collection[int] = (),
) -> Timed:
    """When labels are said that were heard on this ``path``, outputs begin to end of each.

    A model of CTC says a symbol briefly and blanks for the rest of it: these are given to the symbols by how loud it is
    (``spread``). The confidence of a symbol is its probability in the output of its part of the path in which it is
    likeliest, that of a word the least of its symbols'. ``begin`` is how many frames of the recording came before;
    labels at the places ``apart`` begin words, though no blank says so.
    """
    pieces, definition = codec.pieces(labels), codec.definition
    inked = [place for place, piece in enumerate(pieces) if piece.strip()]
    begins = _beginnings(pieces, inked, apart)
    edges = outputs.edges.tolist()
    spans = spread(
        [(edges[first], edges[last]) for first, last in (path[place] for place in inked)],
        begins,
        levels(outputs.power),
        definition.hop / definition.rate,
    )
    symbols = []
    for place, (first, last) in zip(inked, spans):
        sure = outputs.log_probabilities[slice(*path[place]), labels[place]].max()
        times = codec.seconds(begin + first), codec.seconds(begin + last)
        symbols.append(Word(pieces[place].strip(), *times, round(float(np.exp(sure)), 4)))
    return Timed(tuple(symbols), tuple(_words(symbols, begins)))


def _log_priors(log_probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """(V,) of each symbol's mean probability, with one output more that says them all evenly."""
    count, symbols = log_probabilities.shape
    sums: NDArray[np.float64] = np.exp(log_probabilities, dtype=np.float64).sum(0)
    priors: NDArray[np.float64] = np.log((sums + 1 / symbols) / (count + 1))
    return priors


def _beginnings(pieces: Sequence[str], inked: Sequence[int], apart: Collection[int]) -> set[int]:
    """Which symbols with ink begin words: after a blank, in another symbol or their own, or as they are ``apart``."""
    parting = [place in apart or piece.startswith(" ") for place, piece in enumerate(pieces)]
    return {
        number for number, place in enumerate(inked) if number == 0 or any(parting[inked[number - 1] + 1 : place + 1])
    }


def _words(symbols: Sequence[Word], begins: Collection[int]) -> list[Word]:
    words: list[Word] = []
    for number, one in enumerate(symbols):
        if number in begins:
            words.append(one)
        else:
            old = words[-1]
            words[-1] = Word(old.text + one.text, old.begin, one.end, min(old.confidence, one.confidence))
    return words
