"""When what is said in a recording is said: its text laid along its frames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from melisma.contract import whole
from melisma.errors import Refusal
from melisma.losses.ctc import required, viterbi
from melisma.models.transcriber import Transcriber
from melisma.ragged import Ragged
from melisma.settings.transcribe import HearingSettings
from melisma.sound.features import frames
from melisma.sound.pauses import Loudness, Pauses
from melisma.sound.spoken import SILENCE, threshold
from melisma.tasks.hearing import BLANK, HearingCodec
from melisma.tasks.listening import Word
from melisma.tasks.utterances import Samples

MOST = 10_000_000  # outputs times places in the text, which take sixteen bytes each
PRIOR_WEIGHT = 0.4
QUIET = 0.05  # seconds of quiet that part two symbols
APART = 10.0  # decibels between the quiet and the loud of a recording, below which none of it is called quiet
REACH = 0.25  # seconds by which a symbol without a pause before or after it reaches beyond where it was heard

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Aligned:
    """A recording and its text: the model's outputs, and when each symbol and word is said."""

    log_probabilities: NDArray[np.float32]  # (J, V), nats
    edges: NDArray[np.float64]  # (J + 1,) seconds: output j is of what lies between edges j and j + 1
    symbols: tuple[Word, ...]
    words: tuple[Word, ...]


class Outputs(NamedTuple):
    """What a model says of a recording, and of which of its frames."""

    log_probabilities: NDArray[np.float32]  # (J, V), nats
    edges: NDArray[np.int64]  # (J + 1,) frames


def aligned(
    network: nn.Module, codec: HearingCodec, samples: Samples, labels: Sequence[int], search: HearingSettings
) -> Aligned:
    """The likeliest way in which these labels (U,) are said in a recording (N,), at the codec's rate.

    Outputs j = 1 … J of a CTC model say a symbol late and briefly, and nothing else for the rest of it. So the path is
    that of the greatest Π_j p_j(path_j) / prior(path_j)^0.4 (``viterbi``; the prior is the mean of the recording's own
    outputs), and the blanks between two symbols belong to both neighbours: up to the longest pause between them and
    from there on, halves where there is none. A confidence is the probability of a symbol where it is likeliest, of a
    word that of its least sure symbol. Refuses a text that is too long for the recording, and both for being too long.
    """
    heard = outputs(cast(Transcriber, network), codec, samples, search)
    count, states = len(heard.log_probabilities), 2 * len(labels) + 1
    if count < required(labels):
        raise Refusal(
            f"the text has {len(labels):,} symbols, which take {required(labels):,} outputs of the model, and the "
            f"recording of {len(samples) / codec.definition.rate:.2f} s has {count:,}: the text of this recording is "
            "wanted"
        )
    if count * states > MOST:
        raise Refusal(
            f"the recording of {len(samples) / codec.definition.rate:.0f} s and its text of {len(labels):,} symbols "
            "are too long to be aligned at once: parts of them are wanted"
        )
    path = viterbi(
        heard.log_probabilities, labels, BLANK, log_priors=_log_priors(heard), prior_weight=PRIOR_WEIGHT
    ).spans
    sure = [float(np.exp(heard.log_probabilities[begin:end, label].max())) for (begin, end), label in zip(path, labels)]
    times, pieces = _times(codec, samples, int(heard.edges[-1])), codec.pieces(labels)
    inked = [place for place, piece in enumerate(pieces) if piece.strip()]
    spans = [(int(heard.edges[path[place][0]]), int(heard.edges[path[place][1]])) for place in inked]
    reached = spread(spans, loud(codec, samples, len(times) - 1), codec.definition.hop / codec.definition.rate)
    symbols = [
        Word(pieces[place].strip(), times[begin], times[end], sure[place])
        for place, (begin, end) in zip(inked, reached)
    ]
    begins = [place for place, piece in enumerate(pieces) if piece.startswith(" ")]
    edges = np.array([times[edge] for edge in heard.edges.tolist()])
    return Aligned(heard.log_probabilities, edges, tuple(symbols), tuple(_words(symbols, inked, begins)))


@torch.no_grad()
def outputs(network: Transcriber, codec: HearingCodec, samples: Samples, search: HearingSettings) -> Outputs:
    """What the model says of a recording (N,), each of its utterances heard as a stream hears it."""
    made = frames(codec.definition, samples)
    hop = codec.definition.hop
    ends = Pauses(hop / codec.definition.rate, search.pause, search.utterance).feed(
        Loudness(hop).feed(samples, len(made))
    )
    pieces = [piece for piece in np.split(codec.normaliser(made), ends) if len(piece)]
    if not pieces:
        return Outputs(np.zeros((0, codec.size), np.float32), np.zeros(1, np.int64))
    x = Ragged.of([torch.from_numpy(np.ascontiguousarray(piece)) for piece in pieces])
    y = whole(network, x.to(next(network.parameters()).device)).map(lambda rows: torch.log_softmax(rows, 1))
    heard = [rows.cpu().numpy() for rows in y.sequences()]
    edges, at = [0], 0
    for piece, rows in zip(pieces, heard):
        edges += [at + min(len(piece), (place + 1) * codec.stride) for place in range(len(rows))]
        at += len(piece)
    return Outputs(np.concatenate(heard), np.array(edges))


def _log_priors(heard: Outputs) -> NDArray[np.float64]:
    """(V,) of each symbol's mean probability, as if it had been said evenly in one output more."""
    count, symbols = heard.log_probabilities.shape
    sums = np.exp(heard.log_probabilities, dtype=np.float64).sum(0)
    return np.log((sums + 1 / symbols) / (count + 1))


class Levels(NamedTuple):
    """How loud each frame is, and from where on it may be that somebody speaks; -inf: everywhere."""

    found: NDArray[np.float64]  # (T,) dB
    speaking: float


def levels(codec: HearingCodec, samples: Samples, count: int) -> Levels:
    """The levels of the times of ``count`` frames of a recording."""
    definition = codec.definition
    before = (definition.window - definition.hop) // 2  # a frame's time is the middle of its window
    power = Loudness(definition.hop).feed(samples[before:], count).astype(np.float64)
    found = 10 * np.log10(np.maximum(power, SILENCE))
    even = not count or np.ptp(np.percentile(found, (10, 98))) < APART
    return Levels(found, -np.inf if even else threshold(found))


def spread(
    spans: Sequence[tuple[int, int]], begins: Collection[int], heard: Levels, hop: float
) -> list[tuple[int, int]]:
    """Where symbols begin and end, by where they were heard, in frames: what is blank between two belongs to both.

    ``begins`` are the symbols that begin words.
    """
    if not spans:
        return []
    pauses = _runs(heard.found <= heard.speaking, max(1, round(QUIET / hop)))
    reach = len(heard.found) if np.isfinite(heard.speaking) else round(REACH / hop)
    first, last = spans[0][0], spans[-1][1]
    begin = max([0, first - reach, *(min(after, first) for before, after in pauses if before < first)])
    end = min([len(heard.found), last + reach, *(max(before, last) for before, after in pauses if after > last)])
    parted = []
    for place, ((_, one), (other, _)) in enumerate(pairwise(spans), 1):
        if place in begins and other > one:
            parted.append(_parted(one, other, pauses, heard.found, hop))
        else:
            parted.append(((one + other + 1) // 2,) * 2)
    return list(zip([begin, *(b for _, b in parted)], [*(a for a, _ in parted), end]))


def _parted(
    begin: int, end: int, pauses: Sequence[tuple[int, int]], found: NDArray[np.float64], hop: float
) -> tuple[int, int]:
    """Where the longest pause between two frames begins and ends; both where it is quietest, where there is none."""
    inside = [(max(before, begin), min(after, end)) for before, after in pauses if before < end and after > begin]
    if inside:
        return max(inside, key=lambda one: one[1] - one[0])
    size = max(1, round(QUIET / hop))
    smooth = np.convolve(10 ** (np.pad(found, size // 2, mode="edge") / 10), np.ones(size), "valid")[begin : end]
    at = begin + int(smooth.argmin())
    return at, at


def _runs(quiet: Bools, least: int) -> list[tuple[int, int]]:
    """Where it is quiet for so many frames at least."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False]))))
    return [(a, b) for a, b in ends.reshape(-1, 2).tolist() if b - a >= least]


def _times(codec: HearingCodec, samples: Samples, count: int) -> list[float]:
    """(T + 1,) where frames begin and end, in seconds: the middle of each is that of its window, and it lasts a hop."""
    definition = codec.definition
    aside = (definition.window - definition.hop) / 2
    inside = [round((frame * definition.hop + aside) / definition.rate, 4) for frame in range(1, count)]
    return [0.0, *inside, round(len(samples) / definition.rate, 4)]


def _words(symbols: Sequence[Word], places: Sequence[int], begins: Collection[int]) -> list[Word]:
    """Symbols at these places of the text as words; ``begins`` are places with a blank before what they say."""
    words: list[Word] = []
    last = -1
    for symbol, place in zip(symbols, places):
        if words and not any(one in begins for one in range(last + 1, place + 1)):
            one = words[-1]
            words[-1] = Word(one.text + symbol.text, one.begin, symbol.end, min(one.confidence, symbol.confidence))
        else:
            words.append(symbol)
        last = place
    return words
