"""When what is said in a recording is said: its text laid along the model's outputs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from melisma.errors import Refusal
from melisma.losses.ctc import required
from melisma.models.transcriber import Transcriber
from melisma.quoting import named, quoted
from melisma.settings.transcribe import HearingSettings
from melisma.sound.features import Definition
from melisma.tasks.ears import Rows
from melisma.tasks.hearing import HearingCodec
from melisma.tasks.listening import Streams, truncated
from melisma.tasks.parting import Parting
from melisma.tasks.timed import Outputs, Timed, Word, forced, timed
from melisma.tasks.utterances import Samples, Utterance, written


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
    truncated: bool = False  # the recording's end is not there


def align(
    model: nn.Module, codec: HearingCodec, recording: Utterance, text: str | None, search: HearingSettings
) -> Aligned:
    """The likeliest way in which a text, without one the model's own answer, is said in a recording.

    A text is laid along all of it (``timed.forced``), an answer along each utterance on its own, as when it is given.
    Refuses a text that cannot be spelled or is too long for the recording, and both where they are too long to be
    aligned at once.
    """
    samples, name = recording.samples(codec.definition.rate), named(os.path.basename(str(recording)))
    if not codec.definition.count(len(samples)):
        raise Refusal(f"{name} is shorter than {codec.definition.latency:g} ms, of which nothing is heard: wants more")
    network, seconds = cast(Transcriber, model), round(len(samples) / codec.definition.rate, 4)
    if text is None:
        found = _own(network, codec, samples, search)
    elif text.strip():
        found = _given(codec, outputs(network, codec, samples, search), written(text, codec.lowercase), name, seconds)
    else:
        raise Refusal("the text is blank: wants what is said in the recording, or no text")
    edges = (*map(codec.seconds, found.outputs.edges[:-1].tolist()), seconds)  # the last output ends with the sound
    return Aligned(
        name,
        found.text,
        text is not None,
        samples,
        codec.definition,
        found.outputs.log_probabilities,
        edges,
        ("", *codec.pieces(range(1, codec.size))),
        found.labels,
        found.when.symbols,
        found.when.words,
        truncated(recording),
    )


class _Laid(NamedTuple):
    """A text, and when it is said."""

    outputs: Outputs
    text: str
    labels: tuple[int, ...]
    when: Timed


def _own(network: Transcriber, codec: HearingCodec, samples: Samples, search: HearingSettings) -> _Laid:
    """The model's own answer."""
    every = Streams(network, codec, search, 1).hear([samples], last=True)[0]
    return _Laid(
        Outputs.joined([one.outputs for one in every], codec.size),
        " ".join(one.said.text for one in every if one.said.text),
        tuple(label for one in every for label in one.labels),
        Timed(
            tuple(symbol for one in every for symbol in one.symbols),
            tuple(word for one in every for word in one.said.words),
        ),
    )


def _given(codec: HearingCodec, heard: Outputs, text: str, name: str, seconds: float) -> _Laid:
    """A text as it is written, laid along a recording of this name and length."""
    try:
        labels, apart = _spelled(codec, text)
        _require_room(heard, labels, seconds)
    except Refusal as refusal:
        raise Refusal(f"{name}, {quoted(text)}: {refusal}") from None
    return _Laid(heard, text, tuple(labels), timed(codec, heard, labels, forced(heard, labels), apart=apart))


@torch.no_grad()
def outputs(network: Transcriber, codec: HearingCodec, samples: Samples, search: HearingSettings) -> Outputs:
    """What the model says of a recording (N,), each utterance of it on its own, as in a stream."""
    every: list[Outputs] = []
    utterance: list[Rows] = []
    for rows, ended in Parting(network, codec, search, 1).feed([samples], last=True)[0]:
        utterance.append(rows)
        if ended is not None:
            every.append(Outputs.of(np.concatenate(utterance), codec.stride, ended.power))
            utterance = []
    return Outputs.joined(every, codec.size)


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
    if not heard.holds(labels):
        raise Refusal(
            f"the recording of {seconds:,.0f} s and its text of {len(labels):,} symbols are too long to be aligned at "
            "once: wants a part of both"
        )
