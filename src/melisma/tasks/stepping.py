"""Decoding told step by step: what the model would say after the target's symbols, and after its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from melisma.contract import Step
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.ragged import Ragged
from melisma.search.forced import Forced
from melisma.search.greedy import greedy
from melisma.search.hypothesis import Bounds
from melisma.search.shortlist import shortlist
from melisma.settings.search import SearchSettings
from melisma.tasks.answering import best, longest
from melisma.tasks.beginning import beginning
from melisma.tasks.pairs import PairCodec
from melisma.text.vocabulary import END, START

OTHERS = 2  # runners-up that are told
NAMES = {START: "<start>", END: "<end>"}


@dataclass(frozen=True)
class Said:
    """One step: what went in, what was said then, and the likeliest of what was not; shares are the model's own."""

    heard: str
    says: str
    share: float
    others: tuple[tuple[str, float], ...]
    wanted: str | None = None  # the target's symbol, under teacher forcing
    likely: float | None = None  # the share of that


@dataclass(frozen=True)
class Stepped:
    """The same sentence under teacher forcing and on its own (greedily), and the first step where they differ."""

    target: str
    forced: tuple[Said, ...]
    free: tuple[Said, ...]
    parting: int | None


@torch.no_grad()
def stepped(model: nn.Module, codec: PairCodec, source: str, target: str | None, search: SearchSettings) -> Stepped:
    """Every step for a source that is not blank; without a ``target`` it is the answer that ``search`` finds.

    On its own the model takes its likeliest symbol at every step, within the bounds of ``search``: it begins with its
    prefix, and is neither shorter nor longer than it allows.
    """
    network = cast(EncoderDecoder, model)
    if target is None:
        found = best(network, codec, source, search)
        wanted = [*found.symbols, END] if found.finished else [*found.symbols]
    else:
        wanted = [*codec.target.encode([target])[0], END]
    said, rows = _on_its_own(network, codec, source, search)
    return Stepped(
        codec.target.decode(wanted),
        _forced(codec, wanted, _taught(network, codec, source, wanted)),
        tuple(_said(codec, *one) for one in zip([START, *said], said, rows)),
        _parting(said, wanted),
    )


def _taught(network: EncoderDecoder, codec: PairCodec, source: str, wanted: Sequence[int]) -> list[Tensor]:
    """Log-probabilities (V,) at every step, the target's symbols heard."""
    step, state = _start(network, codec, source)
    rows = []
    for symbol in [START, *wanted[:-1]] if wanted else []:
        state, log_probabilities, _ = step(state, torch.tensor([symbol], device=step.extent.device))
        rows.append(log_probabilities[0])
    return rows


def _on_its_own(
    network: EncoderDecoder, codec: PairCodec, source: str, search: SearchSettings
) -> tuple[list[int], list[Tensor]]:
    """What greedy search says (its end too), and the log-probabilities (V,) of every step."""
    inner, state = _start(network, codec, source)
    watched = _Watched(inner)
    begun = beginning(codec.target, search.prefix, search.maximum)
    limits = longest([len(codec.encode_source([source])[0])], search, begun).to(inner.extent.device)
    bounds = Bounds(START, END, limits, search.minimum, (START,), False)
    step: Step = watched
    if begun is not None:
        forced = Forced(watched, begun)
        step, state = forced, forced.start(state)
    found = greedy(step, state, bounds)[0]
    return [*found.symbols, END] if found.finished else [*found.symbols], watched.rows


def _start(network: EncoderDecoder, codec: PairCodec, source: str) -> tuple[Step, Any]:
    return network.start(Ragged.of_symbols(codec.encode_source([source])).to(network.output_bias.device))


class _Watched:
    """A step of one sentence that keeps what the model said."""

    def __init__(self, step: Step) -> None:
        self.step, self.extent = step, step.extent
        self.rows: list[Tensor] = []

    def __call__(self, state: Any, symbols: Tensor) -> tuple[Any, Tensor, Tensor | None]:
        state, log_probabilities, trace = self.step(state, symbols)
        self.rows.append(log_probabilities[0])
        return state, log_probabilities, trace

    def keep(self, sentences: Tensor) -> Step:
        return self.step.keep(sentences)  # nobody is left to be kept


def _forced(codec: PairCodec, wanted: Sequence[int], rows: Sequence[Tensor]) -> tuple[Said, ...]:
    told = []
    for heard, symbol, row in zip([START, *wanted], wanted, rows):
        says = int(shortlist(row[None], 1, (START,))[1])
        told.append(_said(codec, heard, says, row, symbol))
    return tuple(told)


def _said(codec: PairCodec, heard: int, says: int, row: Tensor, wanted: int | None = None) -> Said:
    shares = row.double().exp()
    values, others = (part[0].tolist() for part in shortlist(row[None], OTHERS, (START, says)))
    runners_up = [(_name(codec, other), float(shares[other])) for value, other in zip(values, others) if value > -1e9]
    named = (_name(codec, heard), _name(codec, says), float(shares[says]), tuple(runners_up))
    return Said(*named) if wanted is None else Said(*named, _name(codec, wanted), float(shares[wanted]))


def _name(codec: PairCodec, symbol: int) -> str:
    return NAMES[symbol] if symbol in NAMES else codec.target.vocabulary.pieces([symbol])[0]


def _parting(said: Sequence[int], wanted: Sequence[int]) -> int | None:
    """The first step at which they say another symbol, or at which only one of them says any."""
    differ = (place for place, (one, other) in enumerate(itertools.zip_longest(said, wanted)) if one != other)
    return next(differ, None)
