"""The task ``transcribe``: sound to text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, cast

import torch
from torch import Generator, nn

from melisma.contract import whole
from melisma.errors import Refusal
from melisma.files.watch import passing
from melisma.layers.levelled import Levels, LogScale
from melisma.losses.ctc import ctc_loss
from melisma.measures.exact import exact
from melisma.measures.hearing import Hearing
from melisma.measures.measure import Measure
from melisma.measures.spoken import spoken_error_rate
from melisma.models.transcriber import Transcriber
from melisma.quoting import counted, listed
from melisma.settings.transcribe import TranscribeSettings
from melisma.task import Extent, Moment, Prepared, Task, Total
from melisma.tasks.aligning import align
from melisma.tasks.hearing import HearingBatch, HearingCodec, Learnable, batched, trained_on
from melisma.tasks.listening import Transcript, answer, quickly, stream
from melisma.tasks.reading import read
from melisma.tasks.sampling import sampled
from melisma.tasks.utterances import Utterance, asked, laid_down, written

TOGETHER = 16  # utterances whose nats are taken together


def examples(settings: TranscribeSettings, corpora: Sequence[Sequence[str]]) -> tuple[list[Utterance], list[str]]:
    """The utterances to measure on, and what to say of those that were dropped; Refusal where none is left."""
    return laid_down(corpora, settings.data, settings.sound.rate).left_to("measure on", "data")


def build(codec: HearingCodec, settings: TranscribeSettings) -> Transcriber:
    """A new model, as large as the codec's frames and symbols and the settings have it."""
    return Transcriber(codec.definition.features, codec.size, settings.model, _levels(codec))


def _levels(codec: HearingCodec) -> Levels | None:
    if codec.level is None:
        return None
    mean, deviation = (torch.from_numpy(each.copy()) for each in (codec.normaliser.mean, codec.normaliser.deviation))
    levelled, usual = (torch.tensor(each, device="cpu") for each in (codec.level.levelled, codec.level.usual))
    return Levels(LogScale(mean, deviation), levelled, usual)


def shapes(codec: HearingCodec, settings: TranscribeSettings) -> dict[str, tuple[int, ...]]:
    """What a saved model of these settings holds, without allocating it."""
    with torch.device("meta"):
        return {name: tuple(weight.shape) for name, weight in build(codec, settings).named_parameters()}


def prepare(codec: HearingCodec, utterances: Sequence[Utterance], settings: TranscribeSettings) -> Prepared:
    """Training utterances with their labels; those too long, or too short for what is said, are left out, counted."""
    kept: list[Learnable] = []
    lengths: list[tuple[int, int]] = []
    long: list[Utterance] = []
    tight: list[Utterance] = []
    for one in passing("recordings prepared", utterances, len(utterances)):
        labels = codec.labels(written(one.text, codec.lowercase))
        count = codec.definition.count(one.length())
        if one.seconds() > settings.data.longest:
            long.append(one)
        elif not codec.fits(one.length(), labels):
            tight.append(one)
        else:
            kept.append(Learnable(one, labels))
            lengths.append((count, len(labels)))
    notes = []
    if long:
        notes.append(
            f"{counted(len(long), 'recording')} of {len(utterances):,} left out: longer than "
            f"data.longest={settings.data.longest:g} seconds, such as {long[0].clip.where}"
        )
    if tight:
        notes.append(
            f"warning: {counted(len(tight), 'recording')} of {len(utterances):,} left out: too short for what is said "
            f"in it, such as {tight[0].clip.where}; a wrong transcript, or a smaller model.stride is wanted"
        )
    if not kept:
        raise Refusal(f"data.train: no recording is left to train on ({'; '.join(notes)})")
    return Prepared(kept, lengths, notes)


def loss(
    model: nn.Module,
    batch: HearingBatch,
    carry: Any,
    settings: TranscribeSettings,
    random: Generator | None,
    at: Moment,
) -> tuple[dict[str, Total], Any]:
    """The nats of what is said: summed over all ways of aligning it (Graves et al. 2006), and as a decoder spells it.

    The decoder hears the true symbols, some of them its own answers instead where that is asked for.
    """
    found = cast(Transcriber, model).loss(
        batch.frames,
        batch.labels,
        random,
        smoothing=settings.training.smoothing,
        sampling=sampled(settings.training, at),
    )
    weight = 1.0 if batch.weight is None else batch.weight
    return {name: Total(*((sums * weight).sum() for sums in each)) for name, each in found.items()}, None


def losses(settings: TranscribeSettings) -> dict[str, float]:
    """λ · attention + (1 − λ) · ctc, each a symbol, with λ = ``model.attention_share`` (Watanabe et al. 2017)."""
    if settings.model.decoder == "none":
        return {"ctc": 1.0}
    share = settings.model.attention_share
    return {"ctc": 1 - share, "attention": share}


@torch.no_grad()
def nats(model: nn.Module, codec: HearingCodec, utterances: Sequence[Utterance]) -> list[tuple[float, int]]:
    """For each utterance the nats of its labels, and how many; 0 of none where it cannot be spelled or aligned.

    They are those of CTC, with a decoder too, so that models with and without one can be compared.
    """
    network, found = cast(Transcriber, model), [(0.0, 0)] * len(utterances)
    spelled = ((place, codec.spelling(written(one.text, codec.lowercase))) for place, one in enumerate(utterances))
    for some in _together([(place, labels) for place, labels in spelled if labels is not None]):
        heard = [codec.heard(utterances[place].samples(codec.definition.rate)) for place, _ in some]
        batch = batched(heard, [labels for _, labels in some]).to(next(network.parameters()).device)
        sums = ctc_loss(whole(network, batch.frames), batch.labels)
        counts = torch.tensor([len(labels) for _, labels in some])
        impossible = torch.isposinf(sums.cpu())
        both = zip(torch.where(impossible, 0.0, sums.cpu()).tolist(), torch.where(impossible, 0, counts).tolist())
        for (place, _), one in zip(some, both):
            found[place] = one
    return found


def _together(spelled: Sequence[tuple[int, list[int]]]) -> Iterator[Sequence[tuple[int, list[int]]]]:
    for begin in range(0, len(spelled), TOGETHER):
        yield spelled[begin : begin + TOGETHER]


def check(codec: HearingCodec, utterances: Sequence[Utterance]) -> list[str]:
    """What to say of utterances to measure on that the model has no symbols for: their errors count, their nats do not.

    Refusal where not one can be spelled that lasts as long as what is said in it must.
    """
    strange, fit = list[Utterance](), 0
    for one in utterances:
        labels = codec.spelling(written(one.text, codec.lowercase))
        if labels is None:
            strange.append(one)
        else:
            fit += codec.fits(one.length(), labels)
    if utterances and not fit:
        raise _unmeasured(codec, utterances, strange)
    if not strange:
        return []
    have, its, it = ("has", "its", "it") if len(strange) == 1 else ("have", "their", "them")
    never = listed(codec.strange([written(one.text, codec.lowercase) for one in strange]), 5)
    return [
        f"{counted(len(strange), 'recording')} of {len(utterances):,} to measure on {have} what never was in the "
        f"training transcripts ({never}), such as {strange[0].clip.where}: {its} errors count, but loss and perplexity "
        f"leave {it} out, as no model of this training can spell {it}"
    ]


def _unmeasured(codec: HearingCodec, utterances: Sequence[Utterance], strange: Sequence[Utterance]) -> Refusal:
    """That not one can be spelled and aligned."""
    if not strange:
        return Refusal(
            f"{utterances[0].clip.where}: too short for what is said in it, as is all that is to be measured on: wants "
            "right transcripts, longer recordings, or a model of a smaller model.stride"
        )
    one = strange[0]
    never = listed(codec.strange([written(one.text, codec.lowercase)]), 5)
    rest = "nor can all else that is to be measured on"
    if len(strange) < len(utterances):
        rest = "all else that is to be measured on cannot either, or is too short for what is said in it"
    return Refusal(
        f"{one.clip.where}: {never} cannot be spelled: never in the training transcripts; {rest}: wants transcripts "
        "that are written as those of training are"
    )


def measure(answers: Sequence[Transcript], utterances: Sequence[Utterance], names: Sequence[str]) -> dict[str, Measure]:
    """What the best answers score against the transcripts."""
    texts, right = [one.text for one in answers], references(utterances)
    speakers = [one.speaker for one in utterances]
    return {name: _measured(name, texts, right, speakers) for name in names}


def _measured(name: str, texts: list[str], right: list[str], speakers: list[str | None]) -> Measure:
    if name == "exact":
        return exact(texts, right)
    return spoken_error_rate("word" if name == "wer" else "character", texts, right, speakers).measure


def remark(answers: Sequence[Transcript], utterances: Sequence[Utterance]) -> str | None:
    """What goes wrong while a model learns to hear, and what helps; None where nothing does."""
    found = Hearing(
        frames=sum(one.frames for one in answers),
        blanks=sum(one.blanks for one in answers),
        decoded=sum(len(one.text) for one in answers),
        wanted=sum(map(len, references(utterances))),
    )
    return found.diagnosis()


def references(utterances: Sequence[Utterance]) -> list[str]:
    """What is said, as it is written."""
    return [one.text for one in utterances]


TASK: Task[Utterance, Transcript] = Task(
    name="transcribe",
    settings=TranscribeSettings,
    read=read,
    examples=examples,
    learn=HearingCodec.learn,
    codec=HearingCodec.from_json,
    prepare=prepare,
    batch=trained_on,
    build=build,
    shapes=shapes,
    loss=loss,
    nats=nats,
    answer=answer,
    inputs=list,
    references=references,
    measure=measure,
    check=check,
    measures=lambda settings: settings.data.measured,
    validated={"wer": "lower", "cer": "lower", "exact": "higher"},
    losses=losses,
    extent=Extent("seconds", lambda utterance: ceil(utterance.seconds())),
    example="recording",
    takes="recording",
    asked=asked,
    stream=stream,
    align=align,
    quickly=quickly,
    remark=remark,
)
