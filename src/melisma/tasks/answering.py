"""Answering: inputs are sorted and re-batched within what the memory holds, searched, and told in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn

from melisma.contract import Step
from melisma.errors import Refusal
from melisma.files.columns import Pair
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.models.heard import Entered
from melisma.ragged import Ragged, exactly
from melisma.search.beam import beam
from melisma.search.forced import Beginning, Forced
from melisma.search.greedy import greedy
from melisma.search.hypothesis import Bounds, Hypothesis
from melisma.search.ranking import Ranking
from melisma.search.sample import Drawing, sample
from melisma.settings.search import SearchSettings
from melisma.tasks.beginning import beginning
from melisma.tasks.pairs import PairCodec
from melisma.text.unicode import normalise
from melisma.text.vocabulary import END, START

# What one batch holds at most, so that a few very long inputs do not fill the memory:
SYMBOLS_AT_ONCE = 16_384  # symbols that are read, with their padding
ROWS_AT_ONCE = 131_072  # these times the beam: attention compares each of them with each hypothesis
WEIGHTS_AT_ONCE = 2**27  # numbers of four bytes that attention comes to where it is kept, half a gibibyte
LONGEST = 10_000  # symbols of an input, and of either side of a pair that is measured on; what is longer is no sentence


@dataclass(frozen=True)
class Alternative:
    """One of the answers that a search found."""

    text: str
    score: float  # what ranked it: log-probability by the length and coverage rules
    log_probability: float  # nats, end included
    tokens: tuple[str, ...]  # the symbols as people read them
    token_log_probabilities: tuple[float, ...]  # of each token, and of the end if there is one
    # For each of these, how much of each source token was read; None: the model has no attention, it was not asked for,
    # or an input of thousands of symbols has more of it than fits.
    attention: tuple[tuple[float, ...], ...] | None = field(repr=False)
    finished: bool  # False: cut off at its longest


@dataclass(frozen=True)
class Answer:
    """The best alternative, and all of them."""

    source: str
    source_tokens: tuple[str, ...]
    alternatives: tuple[Alternative, ...]

    @property
    def text(self) -> str:
        return self.alternatives[0].text

    @property
    def score(self) -> float:
        return self.alternatives[0].score

    @property
    def tokens(self) -> tuple[str, ...]:
        return self.alternatives[0].tokens

    @property
    def attention(self) -> tuple[tuple[float, ...], ...] | None:
        return self.alternatives[0].attention


@torch.no_grad()
def answer(
    model: nn.Module, codec: PairCodec, inputs: Sequence[str], search: SearchSettings, *, traced: bool = True
) -> list[Answer]:
    """An answer for each input, in order; inputs are sorted and re-batched, and none depends on its neighbours.

    A blank input has one blank answer, whatever the others begin with. With ``traced`` the answers say what attention
    read, and an input of more than ``LONGEST`` symbols is refused.
    """
    network, encoded = cast(EncoderDecoder, model), codec.encode_source(inputs)
    if traced:
        _refuse_longest(encoded)
    attending = traced and network.settings.attends
    asked = [place for place, text in enumerate(inputs) if normalise(text)]
    found = {
        place: _blank(codec, inputs[place], encoded[place], attending)
        for place in set(range(len(inputs))).difference(asked)
    }
    begun = beginning(codec.target, search.prefix, search.maximum)
    costs = [_weights(len(encoded[place]), search, begun) if attending else 0 for place in asked]
    heard = None if search.exact else network.hearing()
    for batch in batches([len(encoded[place]) for place in asked], search.batch, search.width, costs):
        kept = attending and costs[batch[0]] <= WEIGHTS_AT_ONCE
        places = [asked[number] for number in batch]
        with exactly() if search.exact else nullcontext():
            hypotheses = _search(network, [encoded[place] for place in places], search, kept, begun, heard)
        for place, alternatives in zip(places, hypotheses):
            found[place] = _answer(codec, inputs[place], encoded[place], alternatives)
    return [found[place] for place in range(len(inputs))]


@torch.no_grad()
def best(network: EncoderDecoder, codec: PairCodec, source: str, search: SearchSettings) -> Hypothesis:
    """The first of the answers to one source that is not blank, as symbols."""
    begun = beginning(codec.target, search.prefix, search.maximum)
    with exactly() if search.exact else nullcontext():
        return _search(network, codec.encode_source([source]), search, False, begun)[0][0]


def check(codec: PairCodec, pairs: Sequence[Pair]) -> list[str]:
    """Refuses pairs to measure on of which a side has more than ``LONGEST`` symbols: left out, they would not count."""
    for pair, (source, target) in zip(pairs, codec.symbols(pairs)):
        for side, symbols in (("source", len(source) - 1), ("target", len(target))):
            if symbols > LONGEST:
                raise Refusal(
                    f"{pair.place}: the {side} has {symbols:,} symbols; a pair to measure on has at most {LONGEST:,}: "
                    "cut it into sentences, or leave it out"
                )
    return []


def _refuse_longest(encoded: Sequence[list[int]]) -> None:
    for number, symbols in enumerate(encoded, 1):
        if len(symbols) - 1 > LONGEST:
            raise Refusal(
                f"input {number} has {len(symbols) - 1:,} symbols; wanted: at most {LONGEST:,}: cut it into sentences"
            )


def _most(lengths: Tensor, search: SearchSettings, begun: Beginning | None = None) -> Tensor:
    """How many symbols the answers to sources (S,) have at most, their ends not counted."""
    longest = search.maximum if search.maximum is not None else 10**9
    most = (lengths * search.factor + search.extra).long()
    if begun is not None:  # what is said already leaves room for as much as the answer to a very short source
        most = most.clamp(min=begun.longest + search.extra)
    return most.clamp(max=longest, min=max(1, search.minimum))


def longest(lengths: Sequence[int], search: SearchSettings, begun: Beginning | None) -> Tensor:
    """How many symbols the answers to sources of these lengths (their ends counted) have at most: (S,) int64."""
    return _most(torch.tensor(lengths) - 1, search, begun)


def _weights(length: int, search: SearchSettings, begun: Beginning | None = None) -> int:
    """How many numbers the attention of an input of ``length`` (its end counted) comes to, at most."""
    steps = int(_most(torch.tensor(length - 1), search, begun)) + 1
    # A number of Python's, as answers have them, is eight times as large as one of the search's.
    return length * steps * (search.width + 8 * search.alternatives)


def batches(lengths: Sequence[int], size: int, beam: int = 1, costs: Sequence[int] = ()) -> Iterable[list[int]]:
    """Inputs of about one length together, the longest first, so that too little memory shows at once.

    ``costs`` are what the attention of each comes to; where it is too much for one, that one is alone.
    """
    most = min(SYMBOLS_AT_ONCE, ROWS_AT_ONCE // beam)
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        more = len(batch) + 1
        full = more > size or (batch and lengths[batch[0]] * more > most)
        if batch and (full or (costs and costs[batch[0]] * more > WEIGHTS_AT_ONCE)):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _search(
    model: EncoderDecoder,
    sources: Sequence[list[int]],
    search: SearchSettings,
    traced: bool,
    begun: Beginning | None = None,
    heard: Entered | None = None,
) -> list[list[Hypothesis]]:
    step: Step
    state: Any
    step, state = model.start(Ragged.of_symbols(sources).to(model.output_bias.device), heard)
    limits = longest([len(source) for source in sources], search, begun)
    bounds = Bounds(START, END, limits.to(model.output_bias.device), search.minimum, (START,), traced)
    if begun is not None:
        forced = Forced(step, begun)
        step, state = forced, forced.start(state)
    if search.temperature is not None:
        drawing = Drawing(search.temperature, search.top_k, search.top_p)
        # Named by what it says, a sentence has the same answers wherever it stands among others.
        names = [" ".join(map(str, source)).encode() for source in sources]
        count, ranked = search.alternatives, search.ranked
        return sample(step, state, bounds, drawing, names, seed=search.seed, count=count, ranked=ranked)
    if search.beam == 1:
        return [[hypothesis] for hypothesis in greedy(step, state, bounds)]
    ranking = Ranking(search.length_penalty, search.coverage_penalty)
    return beam(step, state, bounds, width=search.beam, ranking=ranking, best=search.alternatives)


def _blank(codec: PairCodec, source: str, encoded: Sequence[int], attending: bool) -> Answer:
    nothing = Alternative("", 0.0, 0.0, (), (), () if attending else None, True)
    return Answer(source, tuple(codec.source.vocabulary.pieces(encoded)), (nothing,))


def _answer(codec: PairCodec, source: str, encoded: Sequence[int], hypotheses: Sequence[Hypothesis]) -> Answer:
    pieces = tuple(codec.source.vocabulary.pieces(encoded))
    return Answer(source, pieces, tuple(_alternative(codec, hypothesis) for hypothesis in hypotheses))


def _alternative(codec: PairCodec, found: Hypothesis) -> Alternative:
    attention = None if found.trace is None else tuple(tuple(row) for row in found.trace.tolist())
    tokens = tuple(codec.target.vocabulary.pieces(found.symbols))
    text = codec.target.decode(found.symbols)
    return Alternative(
        text, found.score, found.log_probability, tokens, found.log_probabilities, attention, found.finished
    )
