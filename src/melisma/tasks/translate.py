"""The task ``translate``: one text to another. Pronouncing, dates and any other pairs of lines are recipes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn

from melisma.errors import Refusal
from melisma.files.columns import Pair, Pairs, ReadReport, read_pairs
from melisma.files.made import is_made, made_pairs, require_made
from melisma.files.split import cut, overlap
from melisma.measures.measure import Measure
from melisma.measures.table import MEASURES
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.ragged import Ragged, exactly
from melisma.search.beam import beam
from melisma.search.greedy import greedy
from melisma.search.hypothesis import Bounds, Hypothesis
from melisma.search.ranking import Ranking
from melisma.settings.search import SearchSettings
from melisma.settings.translate import DataSettings, TranslateSettings
from melisma.task import Corpus, Prepared, Task, Total
from melisma.text.unicode import normalise
from melisma.text.units import Unit, from_json, learn
from melisma.text.vocabulary import END, START

# What one batch holds at most, so that a few very long inputs do not fill the memory:
SYMBOLS_AT_ONCE = 16_384  # symbols that are read, with their padding
ROWS_AT_ONCE = 131_072  # these times the beam: attention compares each of them with each hypothesis
WEIGHTS_AT_ONCE = 2**27  # numbers of four bytes that attention comes to where it is kept, half a gibibyte
LONGEST = 10_000  # symbols of an input; what is longer is no sentence, nor was such a one ever learned from


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
    attention: tuple[tuple[float, ...], ...] | None
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


@dataclass(frozen=True)
class PairBatch:
    """Encoded pairs: the source with its end, the target heard (from START on) and wanted (up to END)."""

    source: Ragged  # rows (N,)
    heard: Ragged  # rows (M,)
    wanted: Tensor  # (M,) in the order of the rows of ``heard``
    weight: Tensor | None = None

    @property
    def size(self) -> int:
        return self.source.batch

    @property
    def counts(self) -> Mapping[str, int]:
        return {"symbols": len(self.wanted)}

    def to(self, device: torch.device) -> PairBatch:
        if device.type == self.wanted.device.type:
            return self
        weight = None if self.weight is None else self.weight.to(device)
        return PairBatch(
            self.source.to(device), self.heard.to(device), self.wanted.to(device, non_blocking=True), weight
        )

    def part(self, index: int, parts: int) -> PairBatch:
        chosen = torch.arange(index, self.size, parts)
        weight = None if self.weight is None else self.weight[chosen]
        heard = self.heard.take(chosen)
        return PairBatch(self.source.take(chosen), heard, self.heard.with_rows(self.wanted).take(chosen).rows, weight)


@dataclass(frozen=True)
class PairCodec:
    """Texts of both sides <-> symbols."""

    source: Unit
    target: Unit
    shared: bool

    @staticmethod
    def learn(examples: Sequence[Pair], settings: TranslateSettings) -> PairCodec:
        """Learned on training pairs only; with ``text.shared`` one unit on both sides together."""
        if settings.text.shared:
            unit = learn((side for pair in examples for side in (pair.source, pair.target)), settings.text)
            return PairCodec(unit, unit, True)
        sides = (
            learn((pair.source for pair in examples), settings.text),
            learn((pair.target for pair in examples), settings.text),
        )
        return PairCodec(*sides, False)

    @staticmethod
    def from_json(data: object, settings: TranslateSettings) -> PairCodec:
        if not isinstance(data, dict) or "source" not in data:
            raise Refusal("codec.json: there is no source unit in it; the file of the training run is wanted")
        source = from_json(data["source"])
        return PairCodec(source, from_json(data["target"]) if "target" in data else source, "target" not in data)

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source.to_json()} | ({} if self.shared else {"target": self.target.to_json()})

    def symbols(self, examples: Sequence[Pair]) -> list[tuple[list[int], list[int]]]:
        """Each pair's symbols, the source with its end."""
        sources = self.encode_source([pair.source for pair in examples])
        return list(zip(sources, self.target.encode([pair.target for pair in examples])))

    def encode_source(self, texts: Sequence[str]) -> list[list[int]]:
        return [[*symbols, END] for symbols in self.source.encode(texts)]


def batched(pairs: Sequence[tuple[list[int], list[int]]]) -> PairBatch:
    """Symbols of pairs as tensors."""
    heard = Ragged.of_symbols([[START, *target] for _, target in pairs])
    wanted = Ragged.of_symbols([[*target, END] for _, target in pairs])
    return PairBatch(Ragged.of_symbols([source for source, _ in pairs]), heard, wanted.rows)


def read(settings: TranslateSettings) -> Corpus[Pair]:
    """Training and validation pairs; where no validation data is given, some are cut off without overlap."""
    data = settings.data
    data.ready()
    _look_for(data)
    train, report = _pairs(data.train, data)
    notes = report.warnings()
    if data.valid is not None:
        valid, valid_report = _pairs(data.valid, data)
        report += valid_report
        warning = overlap(train, valid).warning()
        notes = ([f"warning: {warning}"] if warning else []) + notes + valid_report.warnings()
    elif data.valid_size:
        if len(train) == 1:
            raise Refusal(
                "data.train has a single pair and one must be cut off for validation: "
                "more pairs are wanted, or data.valid=FILES, or data.valid_size=0"
            )
        size = max(1, min(data.valid_size, int(len(train) * data.valid_share)))
        train, valid = cut(train, size=size, seed=settings.training.seed)
        notes.append(
            f"no validation data was given: {len(valid):,} pairs were cut off, "
            "none of whose sources or targets is trained on"
        )
    else:
        valid = []
    if not train:
        raise Refusal("data.train: no pair is left to train on; more pairs are wanted")
    return Corpus(train, valid, dict(report.signatures), tuple(notes))


def examples(settings: TranslateSettings, corpora: Sequence[Sequence[str]]) -> tuple[list[Pair], list[str]]:
    """The pairs to measure on, and what to say of those that were dropped."""
    pairs, report = _pairs(corpora, settings.data)
    return pairs, report.warnings()


def _pairs(corpora: Sequence[Sequence[str]], data: DataSettings) -> tuple[list[Pair], ReadReport]:
    files = [corpus for corpus in corpora if not is_made(corpus)]
    pairs, report = read_pairs(files, data.source, data.target)
    made = [pair for corpus in corpora if is_made(corpus) for pair in made_pairs(corpus[0])]
    return pairs + made, report


def _look_for(data: DataSettings) -> None:
    """Refuses data that is not there, before hours go into reading what is."""
    for corpus in (*data.train, *(data.valid or ())):
        if is_made(corpus):
            require_made(corpus[0])
        else:
            Pairs(corpus, data.source, data.target)


def build(codec: PairCodec, settings: TranslateSettings) -> EncoderDecoder:
    """A new model, as large as the codec's vocabularies and the settings have it."""
    return EncoderDecoder(codec.source.vocabulary.size, codec.target.vocabulary.size, settings.model)


def shapes(codec: PairCodec, settings: TranslateSettings) -> dict[str, tuple[int, ...]]:
    """What a saved model of these settings holds, without allocating it."""
    with torch.device("meta"):
        return {name: tuple(weight.shape) for name, weight in build(codec, settings).named_parameters()}


def loss(
    model: nn.Module, batch: PairBatch, carry: Any, settings: TranslateSettings, random: Generator | None
) -> tuple[dict[str, Total], Any]:
    """Cross-entropy of the target's symbols under teacher forcing."""
    rows = None if batch.weight is None else batch.weight[batch.heard.owners]
    smoothing = settings.training.smoothing
    found = cast(EncoderDecoder, model).loss(
        batch.source, batch.heard, batch.wanted, smoothing=smoothing, rows=rows, random=random
    )
    return {"symbols": Total(found.trained, found.nats)}, None


@torch.no_grad()
def answer(
    model: nn.Module, codec: PairCodec, inputs: Sequence[str], search: SearchSettings, *, traced: bool = True
) -> list[Answer]:
    """An answer for each input, in order; inputs are sorted and re-batched, and none depends on its neighbours.

    A blank input has one blank answer. With ``traced`` the answers say what attention read, and an input of more than
    ``LONGEST`` symbols is refused.
    """
    network, encoded = cast(EncoderDecoder, model), codec.encode_source(inputs)
    if traced:
        _refuse_longest(encoded)
    attending = traced and network.settings.attention not in ("none", "fixed")
    found = [_blank(codec, text, symbols, attending) for text, symbols in zip(inputs, encoded)]
    asked = [place for place, text in enumerate(inputs) if normalise(text)]
    costs = [_weights(len(encoded[place]), search) if attending else 0 for place in asked]
    for batch in _batches([len(encoded[place]) for place in asked], search.batch, search.beam, costs):
        kept = attending and costs[batch[0]] <= WEIGHTS_AT_ONCE
        places = [asked[number] for number in batch]
        with exactly() if search.exact else nullcontext():
            hypotheses = _search(network, [encoded[place] for place in places], search, kept)
        for place, alternatives in zip(places, hypotheses):
            found[place] = _answer(codec, inputs[place], encoded[place], alternatives)
    return found


def _refuse_longest(encoded: Sequence[list[int]]) -> None:
    for number, symbols in enumerate(encoded, 1):
        if len(symbols) - 1 > LONGEST:
            raise Refusal(
                f"input {number} has {len(symbols) - 1:,} symbols; wanted: at most {LONGEST:,}: cut it into sentences"
            )


def _most(lengths: Tensor, search: SearchSettings) -> Tensor:
    """How many symbols the answers to sources (S,) have at most, their ends not counted."""
    longest = search.maximum if search.maximum is not None else 10**9
    return (lengths * search.factor + search.extra).long().clamp(max=longest, min=max(1, search.minimum))


def _weights(length: int, search: SearchSettings) -> int:
    """How many numbers the attention of an input of ``length`` (its end counted) comes to, at most."""
    steps = int(_most(torch.tensor(length - 1), search)) + 1
    # A number of Python's, as answers have them, is eight times as large as one of the search's.
    return length * steps * (search.beam + 8 * search.alternatives)


def _batches(lengths: Sequence[int], size: int, beam: int = 1, costs: Sequence[int] = ()) -> Iterable[list[int]]:
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
    model: EncoderDecoder, sources: Sequence[list[int]], search: SearchSettings, traced: bool
) -> list[list[Hypothesis]]:
    step, state = model.start(Ragged.of_symbols(sources).to(model.output_bias.device))
    limits = _most(torch.tensor([len(source) - 1 for source in sources]), search)
    bounds = Bounds(START, END, limits.to(model.output_bias.device), search.minimum, (START,), traced)
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


def _cost(source: Sequence[int], target: Sequence[int]) -> tuple[int, int]:
    """What a pair counts in a batch: its target symbols, or a quarter of its source's if that is more; then a tie."""
    return max(len(target) + 1, len(source) // 4), len(source)


def prepare(codec: PairCodec, pairs: Sequence[Pair], settings: TranslateSettings) -> Prepared:
    """Training pairs as symbols; those longer than the limits are left out, and counted."""
    data = settings.data
    encoded = codec.symbols(pairs)
    kept = [pair for pair in encoded if len(pair[0]) - 1 <= data.limit_source and len(pair[1]) <= data.limit_target]
    if not kept:
        raise Refusal(
            f"data.train: all {len(encoded):,} pairs are longer than data.limit_source={data.limit_source} or "
            f"data.limit_target={data.limit_target} symbols; larger limits or shorter lines are wanted"
        )
    left_out = len(encoded) - len(kept)
    notes = _lowered(codec, settings)
    if left_out:
        notes.append(
            f"{left_out:,} of {len(encoded):,} pairs are left out: longer than data.limit_source or data.limit_target"
        )
    return Prepared(kept, [_cost(*pair) for pair in kept], notes)


def _lowered(codec: PairCodec, settings: TranslateSettings) -> list[str]:
    """What to say where the data gave fewer symbols than were asked for; characters always do."""
    if settings.text.unit == "characters":
        return []
    sides = {"": codec.source} if codec.shared else {" for sources": codec.source, " for targets": codec.target}
    found = {side: len(unit.vocabulary.learned) for side, unit in sides.items()}
    return [
        f"text.size={settings.text.size}: the data gave {count:,} symbols{side}"
        for side, count in found.items()
        if count < settings.text.size
    ]


@torch.no_grad()
def nats(model: nn.Module, codec: PairCodec, pairs: Sequence[Pair]) -> list[tuple[float, int]]:
    """For each pair the nats of its target, and its symbols (the end counted), under teacher forcing."""
    network, encoded = cast(EncoderDecoder, model), codec.symbols(pairs)
    found: list[tuple[float, int]] = [(0.0, 0)] * len(encoded)
    for places in _batches([len(source) + len(target) for source, target in encoded], 64):
        batch = batched([encoded[place] for place in places]).to(network.output_bias.device)
        sums = network.nats(batch.source, batch.heard, batch.wanted).tolist()
        for place, value in zip(places, sums):
            found[place] = (value, len(encoded[place][1]) + 1)
    return found


def measure(answers: Sequence[Answer], pairs: Sequence[Pair], names: Sequence[str]) -> dict[str, Measure]:
    """What the best answers score against the targets."""
    texts, references = [answer.text for answer in answers], [pair.target for pair in pairs]
    return {name: MEASURES[name](texts, references) for name in names}


TASK: Task[Pair, Answer] = Task(
    name="translate",
    settings=TranslateSettings,
    read=read,
    examples=examples,
    learn=PairCodec.learn,
    codec=PairCodec.from_json,
    prepare=prepare,
    batch=lambda codec, encoded, random: batched(encoded),
    build=build,
    shapes=shapes,
    loss=loss,
    nats=nats,
    answer=answer,
    inputs=lambda pairs: [pair.source for pair in pairs],
    references=lambda pairs: [pair.target for pair in pairs],
    measure=measure,
    measures=("bleu", "bleu_lowercase", "chrf", "ter", "exact"),
    validated={"bleu": "higher", "chrf": "higher", "exact": "higher"},
)
