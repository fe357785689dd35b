"""The task ``translate``: one text to another. Pronouncing, dates and any other pairs of lines are recipes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any, cast

import numpy as np
import torch
from torch import Generator, nn

from melisma.errors import Refusal
from melisma.files.columns import Growing, Pair, Pairs, ReadReport, read_into
from melisma.files.made import is_made, made_pairs, require_made
from melisma.files.split import cut, overlap
from melisma.files.stored import StoredPairs, Without
from melisma.files.watch import passing
from melisma.measures.measure import Measure
from melisma.measures.table import measured
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.quoting import counted
from melisma.settings.text import TextSettings
from melisma.settings.translate import DataSettings, TranslateSettings
from melisma.task import Corpus, Moment, Prepared, Task, Total
from melisma.tasks.answering import Answer, answer, batches, check
from melisma.tasks.encoded import EncodedPairs
from melisma.tasks.pairs import PairBatch, PairCodec, batched, trained_on
from melisma.tasks.sampling import sampled


def read(settings: TranslateSettings) -> Corpus[Pair]:
    """Training and validation pairs; where no validation data is given, some are cut off without overlap."""
    data = settings.data
    data.ready()
    _look_for(data)
    train: Sequence[Pair] = (stored := StoredPairs())
    report = _read(stored, data.train, data)
    notes, valid = report.warnings(), list[Pair]()
    if data.valid is not None:
        valid_report = _read(valid, data.valid, data)
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
            f"no validation data was given: {counted(len(valid), 'pair')} {'was' if len(valid) == 1 else 'were'} cut "
            "off, none of whose sources or targets is trained on"
        )
    if not train:
        raise Refusal("data.train: no pair is left to train on; more pairs are wanted")
    if data.share < 1:
        kept = _part(train, data.share, settings.training.seed)
        notes.append(f"data.share={data.share:g}: {len(kept):,} of {len(train):,} pairs are trained on")
        train = kept
    return Corpus(train, valid, dict(report.signatures), tuple(notes))


def _part(pairs: Sequence[Pair], share: float, seed: int) -> Sequence[Pair]:
    """A share of the pairs, one at least, in their order; a larger share of one seed holds all of a smaller one."""
    random = Random(f"share {seed}")
    lots = np.fromiter((random.random() for _ in range(len(pairs))), np.float64, len(pairs))
    return Without(pairs, np.sort(np.argsort(lots, kind="stable")[max(1, round(share * len(pairs))) :]))


def examples(settings: TranslateSettings, corpora: Sequence[Sequence[str]]) -> tuple[list[Pair], list[str]]:
    """The pairs to measure on, and what to say of those that were dropped."""
    pairs = list[Pair]()
    return pairs, _read(pairs, corpora, settings.data).warnings()


def _read(found: Growing, corpora: Sequence[Sequence[str]], data: DataSettings) -> ReadReport:
    """Adds the pairs of the corpora to ``found``, those of files first."""
    report = read_into(found, [corpus for corpus in corpora if not is_made(corpus)], data.source, data.target)
    for corpus in corpora:
        if is_made(corpus):
            found.extend(made_pairs(corpus[0]))
    return report


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
    model: nn.Module, batch: PairBatch, carry: Any, settings: TranslateSettings, random: Generator | None, at: Moment
) -> tuple[dict[str, Total], Any]:
    """Cross-entropy of the target's symbols under teacher forcing, some of it by the decoder's own answers."""
    rows = None if batch.weight is None else batch.weight[batch.heard.owners]
    found = cast(EncoderDecoder, model).loss(
        batch.source,
        batch.heard,
        batch.wanted,
        smoothing=settings.training.smoothing,
        rows=rows,
        random=random,
        sampling=sampled(settings.training, at),
    )
    return {"symbols": Total(found.trained, found.nats)}, None


def _cost(source: Sequence[int], target: Sequence[int]) -> tuple[int, int]:
    """What a pair counts in a batch: its target symbols, or a quarter of its source's if that is more; then a tie."""
    return max(len(target) + 1, len(source) // 4), len(source)


def prepare(codec: PairCodec, pairs: Sequence[Pair], settings: TranslateSettings) -> Prepared:
    """Training pairs as symbols; those longer than the limits are left out, and counted."""
    data = settings.data
    vocabulary = max(codec.source.vocabulary.size, codec.target.vocabulary.size)
    kept = EncodedPairs(vocabulary, 1 + max(data.limit_source, data.limit_target))
    for block in _blocks(pairs):
        for source, target in codec.symbols(block):
            if len(source) - 1 <= data.limit_source and len(target) <= data.limit_target:
                kept.add((source, target), _cost(source, target))
    if not kept:
        raise Refusal(
            f"data.train: all {len(pairs):,} pairs are longer than data.limit_source={data.limit_source} or "
            f"data.limit_target={data.limit_target} symbols; larger limits or shorter lines are wanted"
        )
    left_out = len(pairs) - len(kept)
    notes = _lowered(codec, settings)
    if left_out:
        notes.append(
            f"{left_out:,} of {len(pairs):,} pairs are left out: longer than data.limit_source or data.limit_target"
        )
    return Prepared(kept, kept.lengths, notes)


def _blocks(pairs: Sequence[Pair], size: int = 1024) -> Iterator[list[Pair]]:
    """All pairs in turn, some at a time: what is made of them never stands in memory whole."""
    left = iter(passing("pairs encoded", pairs, len(pairs)))
    while block := list(islice(left, size)):
        yield block


def _lowered(codec: PairCodec, settings: TranslateSettings) -> list[str]:
    """What to say where the data gave fewer symbols than somebody asked for; characters always do."""
    if settings.text.size == TextSettings.size:
        return []
    sides = {"": codec.source} if codec.shared else {" for sources": codec.source, " for targets": codec.target}
    found = {
        side: len(unit.vocabulary.learned)
        for (side, unit), kind in zip(sides.items(), settings.text.units)
        if kind != "characters"
    }
    return [
        f"text.size={settings.text.size}: the data gave {counted(count, 'symbol')}{side}"
        for side, count in found.items()
        if count < settings.text.size
    ]


@torch.no_grad()
def nats(model: nn.Module, codec: PairCodec, pairs: Sequence[Pair]) -> list[tuple[float, int]]:
    """For each pair the nats of its target, and its symbols (the end counted), under teacher forcing."""
    network, encoded = cast(EncoderDecoder, model), codec.symbols(pairs)
    found: list[tuple[float, int]] = [(0.0, 0)] * len(encoded)
    for places in batches([len(source) + len(target) for source, target in encoded], 64):
        batch = batched([encoded[place] for place in places]).to(network.output_bias.device)
        sums = network.nats(batch.source, batch.heard, batch.wanted).tolist()
        for place, value in zip(places, sums):
            found[place] = (value, len(encoded[place][1]) + 1)
    return found


def measure(answers: Sequence[Answer], pairs: Sequence[Pair], names: Sequence[str]) -> dict[str, Measure]:
    """What the best answers score against the targets."""
    sources, references = [pair.source for pair in pairs], [pair.target for pair in pairs]
    texts = [answer.text for answer in answers]
    return {name: measured(name, sources, texts, references) for name in names}


TASK: Task[Pair, Answer] = Task(
    name="translate",
    settings=TranslateSettings,
    read=read,
    examples=examples,
    learn=PairCodec.learn,
    codec=PairCodec.from_json,
    prepare=prepare,
    batch=trained_on,
    build=build,
    shapes=shapes,
    loss=loss,
    nats=nats,
    answer=answer,
    inputs=lambda pairs: [pair.source for pair in pairs],
    references=lambda pairs: [pair.target for pair in pairs],
    measure=measure,
    check=check,
    measures=lambda settings: settings.data.measured,
    validated={"bleu": "higher", "chrf": "higher", "exact": "higher", "word_error": "lower", "phoneme_error": "lower"},
)
