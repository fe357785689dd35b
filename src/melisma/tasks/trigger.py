"""The task ``trigger``: sound to alarms, one where a trigger word was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from statistics import median
from typing import Any, cast

import torch
from numpy.random import default_rng
from torch import Generator, nn

from melisma.contract import whole
from melisma.losses.spotting import Span, SpottingLoss, max_pool_loss, windowed_loss
from melisma.models.spotter import Spotter
from melisma.quoting import counted
from melisma.ragged import Ragged
from melisma.settings.trigger import SpottingSettings, TriggerSettings
from melisma.sound.definitions import definition as defined
from melisma.sound.features import frames
from melisma.sound.normalise import Normaliser
from melisma.sound.resample import Samples
from melisma.sound.spoken import spoken
from melisma.task import Extent, Made, Mining, Moment, Prepared, Settling, Task, Total
from melisma.tasks.alarms import Listened, answer, stream
from melisma.tasks.judging import details, measure, placed
from melisma.tasks.mining import added, find
from melisma.tasks.settling import settle
from melisma.tasks.spotting import UNSETTLED, SpottingBatch, SpottingCodec, batched
from melisma.tasks.staging import Heard, Scenes, cast_of
from melisma.tasks.takes import Recorded, asked, examples, known_as, pieces, read

STATISTICS = 64  # scenes that the mean and deviation of frames are taken of
FAINT = 0.1  # score below which nothing is heard
CONFUSED = 0.2  # share of other recordings that score like takes, beyond which nothing is told apart
TOGETHER = 16  # recordings whose nats are taken together


def learn(examples: Sequence[Recorded], settings: TriggerSettings) -> SpottingCodec:
    """The words, those besides that are told apart, and mean and deviation of the frames of scenes."""
    found = cast_of(examples, settings)
    definition = defined(settings.sound, found.stage.rate)
    normaliser = Normaliser.of(
        frames(definition, found.stage.scene(default_rng([settings.training.seed, 0, place])).samples)
        for place in range(STATISTICS)
    )
    unsettled = (UNSETTLED,) * len(found.words)
    return SpottingCodec(definition, normaliser, found.words, found.named, unsettled).under(settings)


def prepare(codec: SpottingCodec, examples: Sequence[Recorded], settings: TriggerSettings) -> Prepared:
    """All scenes that there are."""
    return Prepared(Scenes(cast_of(examples, settings), codec, settings), [], [])


def order(prepared: Prepared, settings: TriggerSettings) -> Made:
    """New scenes every epoch, as many a step as the batch has frames for."""
    codec: SpottingCodec = cast(Scenes, prepared.encoded).codec
    each = codec.definition.count(round(settings.scene.seconds * codec.definition.rate))
    training = settings.training
    size = max(1, training.batch_tokens // max(1, each))
    return Made(training.scenes, min(size, training.scenes), training.repeats)


def trained_on(codec: SpottingCodec, chosen: Sequence[Heard], random: Generator) -> SpottingBatch:
    """A batch to learn from: scenes, masked by chance."""
    assert codec.augmentation is not None
    seeds = torch.randint(2**62, (len(chosen),), generator=random).tolist()
    made = [codec.augmentation.masked(one.frames, default_rng(seed)) for one, seed in zip(chosen, seeds)]
    return batched(made, [span._replace(sequence=place) for place, one in enumerate(chosen) for span in one.spans])


def build(codec: SpottingCodec, settings: TriggerSettings) -> Spotter:
    """A new model, as large as the codec's frames and words and the settings have it."""
    return Spotter(codec.definition.features, len(codec.words), settings.model, len(codec.strangers))


def shapes(codec: SpottingCodec, settings: TriggerSettings) -> dict[str, tuple[int, ...]]:
    """What a saved model of these settings holds, without allocating it."""
    with torch.device("meta"):
        return {name: tuple(weight.shape) for name, weight in build(codec, settings).named_parameters()}


def loss(
    model: nn.Module,
    batch: SpottingBatch,
    carry: Any,
    settings: TriggerSettings,
    random: Generator | None,
    at: Moment,
) -> tuple[dict[str, Total], Any]:
    """The nats of words where they end, and of all else everywhere else; strangers are learned, and not reported."""
    spotter = cast(Spotter, model)
    logits = spotter.telling_apart(batch.frames, random)
    own, others = _parted(logits, batch.spans, spotter.words)
    nats = _weighed(*own, settings.loss)
    trained = nats if others is None else nats + _weighed(*others, settings.loss)
    if batch.weight is not None:
        nats, trained = nats * batch.weight, trained * batch.weight
    return {"spotting": Total(trained.sum(), nats.detach().sum())}, None


_Part = tuple[Ragged, list[Span]]


def _parted(logits: Ragged, spans: Sequence[Span], words: int) -> tuple[_Part, _Part | None]:
    """What is of the trigger words, and what of strangers."""
    rows = logits.rows
    own = logits.with_rows(rows[:, :words]), [one for one in spans if one.word < words]
    if rows.shape[1] == words:
        return own, None
    others = [one._replace(word=one.word - words) for one in spans if one.word >= words]
    return own, (logits.with_rows(rows[:, words:]), others)


def _weighed(logits: Ragged, spans: Sequence[Span], settings: SpottingSettings) -> torch.Tensor:
    """(B,) nats of each sequence."""
    found: SpottingLoss = (windowed_loss if settings.kind == "windowed" else max_pool_loss)(
        logits, spans, settings.focus
    )
    return found.positive + settings.others * found.negative


@torch.no_grad()
def nats(model: nn.Module, codec: SpottingCodec, examples: Sequence[Recorded]) -> list[tuple[float, int]]:
    """For each recording the nats of its word and of all else in it, and how many scenes it would fill."""
    network, device, found = cast(Spotter, model), next(model.parameters()).device, list[tuple[float, float]]()
    settings = codec.settings
    assert settings is not None
    for some in _together([part for one in examples for part in _parts(one)]):
        waves = [one.samples(codec.definition.rate) for one in some]
        batch = batched([codec.heard(wave) for wave in waves], spans_of(codec, some, waves)).to(device)
        own, _ = _parted(whole(network, batch.frames), batch.spans, network.words)
        found += zip(_weighed(*own, settings.loss).cpu().tolist(), [one.seconds() for one in some])
    rest, told = iter(found), list[tuple[float, int]]()
    for one in examples:
        sums, seconds = zip(*(next(rest) for _ in _parts(one)))
        told.append((sum(sums), max(1, round(sum(seconds) / settings.scene.seconds))))
    return told


def _parts(one: Recorded) -> list[Recorded]:
    """Long recordings in pieces, so that memory is bounded; a take, whose word has one end, as it is."""
    return [one] if one.kind == "positive" else pieces(one)


def spans_of(codec: SpottingCodec, some: Sequence[Recorded], waves: Sequence[Samples]) -> list[Span]:
    """Where in recordings their words should be heard."""
    assert codec.settings is not None
    loss, found = codec.settings.loss, list[Span]()
    for place, (one, wave) in enumerate(zip(some, waves)):
        if one.kind != "positive":
            continue
        end = spoken(wave, codec.definition.rate)[1]
        steps = -(-codec.definition.count(len(wave)) // codec.stride)
        begin = min(max(0, round((end - loss.early) / codec.step)), max(0, steps - 1))
        last = min(steps, max(begin + 1, round((end + loss.late) / codec.step)))
        if begin < last:
            found.append(Span(place, codec.number(one.word or ""), begin, last))
    return found


def _together(examples: Sequence[Recorded]) -> Iterator[Sequence[Recorded]]:
    for begin in range(0, len(examples), TOGETHER):
        yield examples[begin : begin + TOGETHER]


def check(codec: SpottingCodec, examples: Sequence[Recorded]) -> list[str]:
    """Refuses takes to measure on of words that the model does not know."""
    for one in examples:
        if one.kind == "positive":
            codec.number(one.word or "")
    return []


def references(examples: Sequence[Recorded]) -> list[str]:
    """What should be heard in each: its word, or nothing."""
    return [one.word or "" for one in examples]


def remark(answers: Sequence[Listened], examples: Sequence[Recorded]) -> str | None:
    """What goes wrong while a model learns to hear words, and what helps; None where nothing does."""
    said = [one.score for one, of in zip(answers, examples) if of.kind == "positive"]
    others = [one.score for one, of in zip(answers, examples) if of.kind != "positive"]
    if not said:
        return None
    if max(said) < FAINT:
        return (
            f"Deaf: of {counted(len(said), 'take')} none has a score above {max(said):.2g}; usual in the first epochs; "
            "where it stays, train longer, or lower loss.others."
        )
    if not any(one.alarms for one, of in zip(answers, examples) if of.kind == "positive"):
        return (
            f"Unheard: of {counted(len(said), 'take')} none reaches the threshold, which is as high as it is because "
            "other sound scores as high; train longer, or allow more with search.false_alarms."
        )
    above = sum(score >= median(said) for score in others)
    if above > CONFUSED * len(others):
        return (
            f"Confused: of {counted(len(others), 'other recording')} {above:,} have a score as high as half of the "
            "takes; train longer, see that no take of the word is among them, or record more takes."
        )
    return None


TASK: Task[Recorded, Listened] = Task(
    name="trigger",
    settings=TriggerSettings,
    read=read,
    examples=examples,
    known=lambda codec, examples: known_as(codec.words, examples),
    learn=learn,
    codec=SpottingCodec.from_json,
    prepare=prepare,
    batch=trained_on,
    build=build,
    shapes=shapes,
    loss=loss,
    nats=nats,
    answer=answer,
    inputs=placed,
    references=references,
    measure=measure,
    check=check,
    measures=lambda settings: settings.data.measured,
    validated={"misses": "lower", "false_alarms": "lower"},
    losses=lambda settings: {"spotting": 1.0},
    order=order,
    extent=Extent("seconds", lambda one: ceil(one.seconds())),
    example="recording",
    made="scene",
    takes="recording",
    gives="alarms",
    details=details,
    asked=asked,
    stream=stream,
    quickly=lambda search: search,
    remark=remark,
    mining=Mining(find, added),
    settling=Settling(settle, SpottingCodec.with_thresholds),
)
