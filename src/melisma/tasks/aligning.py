"""When what is said in a recording is said: its text laid along the model's outputs."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from melisma.errors import Refusal
from melisma.losses.ctc import required, viterbi
from melisma.models.transcriber import Transcriber
from melisma.quoting import named, quoted
from melisma.search.heard import BLANK
from melisma.settings.transcribe import HearingSettings
from melisma.sound.features import Definition
from melisma.sound.spread import Span, levels, spread
from melisma.tasks.hearing import HearingCodec, written
from melisma.tasks.listening import Word, answer
from melisma.tasks.parting import Parting
from melisma.tasks.utterances import Samples, Utterance

MOST = 10_000_000  # outputs times places in the text: each takes sixteen bytes
PRIOR_WEIGHT = 0.4


@dataclass(frozen=True)
class Aligned:
    """A recording and its text: what the model says, and when each symbol and each word is said."""

    name: str  # of the recording, without its folder
    text: str
    given: bool  # whether the text was, or is the model's own answer
    samples: Samples  # (N,)
    definition: Definition  # of the model's frames, and so of the rate
    log_probabilities: NDArray[np.float32]  # (J, V), nats
    edges: tuple[float, ...]  # (J + 1,) seconds: output j is of what lies between edges j and j + 1
    names: tuple[str, ...]  # (V,) the text of each symbol, none of the blank
    labels: tuple[int, ...]  # the symbols of the text, those without ink too
    symbols: tuple[Word, ...]  # those with ink
    words: tuple[Word, ...]


class Outputs(NamedTuple):
    """What a model says of a recording, and of which of its frames."""

    log_probabilities: NDArray[np.float32]  # (J, V), nats
    edges: NDArray[np.int64]  # (J + 1,) frames


def align(
    model: nn.Module, codec: HearingCodec, recording: Utterance, text: str | None, search: HearingSettings
) -> Aligned:
    """The likeliest way in which a text, without one the model's own answer, is said in a recording.

    The path is that of the greatest Π_j p_j(path_j) / prior(path_j)^0.4 (``viterbi``), the prior being the mean of the
    recording's own outputs. A model of CTC says a symbol briefly and blanks for the rest of it: these are given to the
    symbols by how loud it is (``spread``). The confidence of a symbol is its probability in the output of its part of
    the path in which it is likeliest, that of a word the least of its symbols'. Refuses a text that cannot be
    spelled or is too long for the recording, and both where they are too long to be aligned at once.
    """
    samples, name = recording.samples(codec.definition.rate), named(os.path.basename(str(recording)))
    if not codec.definition.count(len(samples)):
        raise Refusal(f"{name} is shorter than {codec.definition.latency:g} ms, of which nothing is heard: wants more")
    if text is not None and not text.strip():
        raise Refusal("the text is blank: wants what is said in the recording, or no text")
    plain = written(answer(model, codec, [recording], search)[0].text if text is None else text, codec.lowercase)
    heard = outputs(cast(Transcriber, model), codec, samples, search)
    try:
        labels, apart = _spelled(codec, plain)
        _require_room(heard, labels, len(samples) / codec.definition.rate)
    except Refusal as refusal:
        raise Refusal(f"{name}, {quoted(plain)}: {refusal}") from None
    log_p = heard.log_probabilities
    path = viterbi(log_p, labels, BLANK, log_priors=_log_priors(log_p), prior_weight=PRIOR_WEIGHT).spans
    pieces, definition = codec.pieces(labels), codec.definition
    inked = [place for place, piece in enumerate(pieces) if piece.strip()]
    begins = _beginnings(pieces, inked, apart)
    spans = [(int(heard.edges[begin]), int(heard.edges[end])) for begin, end in (path[place] for place in inked)]
    times = _times(codec, samples, int(heard.edges[-1]))
    aside = (definition.window - definition.hop) // 2
    loud = levels(samples[aside:], definition.hop, len(times) - 1)
    symbols = [
        _word(pieces[place], times, span, log_p[slice(*path[place]), labels[place]])
        for place, span in zip(inked, spread(spans, begins, loud, definition.hop / definition.rate))
    ]
    edges = tuple(times[edge] for edge in heard.edges.tolist())
    names = ("", *codec.pieces(range(1, codec.size)))
    said = tuple(symbols), tuple(_words(symbols, begins))
    return Aligned(name, plain, text is not None, samples, definition, log_p, edges, names, tuple(labels), *said)


@torch.no_grad()
def outputs(network: Transcriber, codec: HearingCodec, samples: Samples, search: HearingSettings) -> Outputs:
    """What the model says of a recording (N,), each utterance of it on its own, as in a stream."""
    heard, edges, at = [np.zeros((0, codec.size), np.float32)], [0], 0
    utterance: list[NDArray[np.float32]] = []
    for rows, ended in Parting(network, codec, search, 1).feed([samples], last=True)[0]:
        utterance.append(rows)
        if ended is not None:
            heard.append(np.concatenate(utterance)[: -(-ended.frames // codec.stride)])
            edges += [at + min(ended.frames, (place + 1) * codec.stride) for place in range(len(heard[-1]))]
            utterance, at = [], at + ended.frames
    return Outputs(np.concatenate(heard), np.array(edges))


def _spelled(codec: HearingCodec, text: str) -> tuple[list[int], set[int]]:
    """The labels of a text; where no blank can be spelled, those of its words, and which of them begin one."""
    try:
        return codec.labels(text), set()
    except Refusal:
        words = [codec.labels(word) for word in text.split()]
        if len(words) == 1:
            raise
    firsts = [0, *accumulate(map(len, words))]
    return [label for labels in words for label in labels], set(firsts[:-1])


def _require_room(heard: Outputs, labels: Sequence[int], seconds: float) -> None:
    count = len(heard.log_probabilities)
    if count < required(labels):
        raise Refusal(
            f"the text has {len(labels):,} symbols, which take {required(labels):,} outputs of the model at least, and "
            f"the recording of {seconds:.2f} s has {count:,}: wants a text that can be said in it"
        )
    if count * (2 * len(labels) + 1) > MOST:
        raise Refusal(
            f"the recording of {seconds:,.0f} s and its text of {len(labels):,} symbols are too long to be aligned at "
            "once: wants a part of both"
        )


def _log_priors(log_probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """(V,) of each symbol's mean probability, with one output more that says them all evenly."""
    count, symbols = log_probabilities.shape
    sums: NDArray[np.float64] = np.exp(log_probabilities, dtype=np.float64).sum(0)
    priors: NDArray[np.float64] = np.log((sums + 1 / symbols) / (count + 1))
    return priors


def _times(codec: HearingCodec, samples: Samples, count: int) -> list[float]:
    """(T + 1,) where frames begin and end, as the codec has it; the last ends with the sound."""
    return [*map(codec.seconds, range(count)), round(len(samples) / codec.definition.rate, 4)]


def _word(piece: str, times: Sequence[float], span: Span, log_probabilities: NDArray[np.float32]) -> Word:
    return Word(piece.strip(), times[span[0]], times[span[1]], round(float(np.exp(log_probabilities.max())), 4))


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
