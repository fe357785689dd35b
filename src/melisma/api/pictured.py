"""What a page shows of answers besides scores and texts, task by task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from melisma.api.model import Model
from melisma.api.pictured_alarms import with_alarms
from melisma.errors import Refusal
from melisma.evaluation.samples import spread
from melisma.evaluation.shown import Measured, places
from melisma.evaluation.spoken import spoken
from melisma.looks.alignment import alignment
from melisma.looks.attention import attention
from melisma.report.page import Recording
from melisma.sound.encoded import flac
from melisma.task import Figure

MAPS, SYMBOLS = 3, 40  # attention maps, and symbols of each side of one
PLAYED = 12  # recordings on a page at most, as many of each group of examples
LONGEST = 15.0  # seconds of one
BYTES = 1_200_000  # that all of them may take, with what is drawn of them

ALIGNED = (
    "Beneath each is what was heard in it when: its wave, its spectrogram, the probabilities that the model gives to "
    "symbols (grey and dashed: to none), and where in it the reference was said."
)

Pictured = Callable[[Model, Measured, Sequence[Any], Sequence[Any] | None], Measured]


def pictured(model: Model, measured: Measured, examples: Sequence[Any], known: Sequence[Any] | None) -> Measured:
    """What the task of the model has to show; ``known`` are all examples that it learned from, None: not all are."""
    named = replace(measured, example=model.task.example)
    show = PICTURED.get(model.task.name)
    return named if show is None else show(model, named, examples, known)


def _with_maps(model: Model, measured: Measured, examples: Sequence[Any], known: Sequence[Any] | None) -> Measured:
    """Attention of the first few answers of a spread that are short enough to be read."""
    short = [
        answer.source
        for answer in spread(measured.found.answers, 200)
        if 1 < len(answer.source_tokens) <= SYMBOLS and 0 < len(answer.tokens) < SYMBOLS
    ][:MAPS]
    search = measured.found.search or model.search({})
    answers = model.task.answer(model.network, model.codec, short, search) if short else []
    return replace(measured, maps=tuple(attention(answer) for answer in answers if answer.attention))


def _with_recordings(
    model: Model, measured: Measured, examples: Sequence[Any], known: Sequence[Any] | None
) -> Measured:
    """Errors by kind and by speaker, and some of the recordings with what was heard in them."""
    speakers = [one.speaker for one in examples]
    texts = [answer.text for answer in measured.found.answers]
    trained = None if known is None else {one.speaker for one in known if one.speaker is not None}
    told = spoken(list(measured.found.measures), texts, measured.references, speakers, trained or None)
    heard = _recordings(model, examples, places(measured), measured.found.search or model.search({}))
    return replace(
        measured,
        source="recording",
        played=ALIGNED,
        remarks=(*told.remarks, *measured.remarks),
        speakers=told.speakers,
        recordings=heard,
    )


def _recordings(
    model: Model, examples: Sequence[Any], groups: Sequence[Sequence[int]], search: Any
) -> dict[int, Recording]:
    """Of each group of examples the first that there is room for, by their places."""
    found: dict[int, Recording] = {}
    room = BYTES
    for group in groups:
        wanted = PLAYED // len(groups)
        for place in group:
            heard = found.get(place) or (_heard(model, examples[place], search) if wanted else None)
            if heard is None or (place not in found and heard.room() > room):
                continue
            room -= 0 if place in found else heard.room()
            found[place] = heard
            wanted -= wanted > 0
    return found


def _heard(model: Model, example: Any, search: Any) -> Recording | None:
    """A recording as it is heard, with its alignment; None where it is too long, or cannot be read any more."""
    rate = model.codec.definition.rate
    try:
        samples = example.samples(rate)
    except Refusal:
        return None
    if not 0 < len(samples) <= LONGEST * rate:
        return None
    return Recording(flac(samples, rate), _aligned(model, example, (example.text, None), search))


def _aligned(model: Model, example: Any, texts: Sequence[str | None], search: Any) -> Figure | None:
    """The alignment of the first of some texts that can be said in a recording."""
    assert model.task.align is not None
    for text in texts:
        try:
            figure = alignment(model.task.align(model.network, model.codec, example, text, search))
        except Refusal:
            continue
        return figure._replace(data=figure.data | {"heading": []})
    return None


PICTURED: dict[str, Pictured] = {"translate": _with_maps, "transcribe": _with_recordings, "trigger": with_alarms}
"""Task -> what it shows."""
