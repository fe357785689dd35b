"""What a page shows of alarms: tradeoff curves, who was missed, and recordings with their scores, to be played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from melisma.api.model import Model
from melisma.errors import Refusal
from melisma.evaluation.shown import Measured
from melisma.evaluation.spotted import by_speaker, recordings, tradeoffs, without_folders
from melisma.looks.alarms import alarms
from melisma.report.page import Examples, Recording
from melisma.sound.encoded import flac
from melisma.task import Figure
from melisma.tasks.judging import BEFORE, Outcome, Placed, outcome

LONGEST = 15.0  # seconds of a recording that is played
BYTES = 1_200_000  # that all of them may take, with what is drawn of them
PLAYED = (
    "Beneath each is what was heard in it: its wave, its spectrogram, and the score of the word, with its threshold "
    "(dashed), the end of the word (dotted) and each alarm."
)


def with_alarms(model: Model, measured: Measured, examples: Sequence[Any], known: Sequence[Any] | None) -> Measured:
    """All that a page tells of alarms; ``known`` are all recordings of the training, None: not all are."""
    found, other = measured.found, measured.against
    if found.details is None:
        return measured
    details = {measured.name: found.details}
    if other is not None and other[1].details is not None:
        details[other[0]] = other[1].details
    outcomes = [outcome(answer, one) for answer, one in zip(found.answers, examples, strict=True)]
    takes = [place for place, one in enumerate(outcomes) if one.wanted is not None]
    missed = [outcomes[place].kind == "missed" for place in takes]
    speakers = [examples[place].group or None for place in takes]
    trained = None if known is None else {one.group for one in known if one.kind == "positive" and one.group}
    remarks = [without_folders(said, [str(one) for one in examples]) for said in found.details.sentences]
    told = recordings([_told(place, one, measured.sources[place]) for place, one in enumerate(outcomes)])
    return replace(
        measured,
        source="recording",
        remarks=(*remarks, *measured.remarks),
        figures=tuple(tradeoffs(details)),
        speakers=by_speaker(missed, speakers, trained or None),
        told=tuple(told),
        played=PLAYED,
        recordings=_recordings(model, measured, examples, outcomes, told),
    )


def _told(place: int, one: Outcome, name: str) -> Mapping[str, Any]:
    return {"place": place, "name": name} | one._asdict()


def _recordings(
    model: Model,
    measured: Measured,
    examples: Sequence[Any],
    outcomes: Sequence[Outcome],
    told: Sequence[Examples],
) -> dict[int, Recording]:
    """Those of the recordings that are told of for which there is room, group by group in turn."""
    found: dict[int, Recording] = {}
    room = BYTES
    for rank in range(max((len(group.examples) for group in told), default=0)):
        for group in told:
            if rank < len(group.examples):
                place = group.examples[rank].place
                heard = _heard(model, measured.found.answers[place], examples[place], outcomes[place])
                size = 0 if heard is None else heard.room()
                if heard is not None and size <= room:
                    found[place], room = heard, room - size
    return found


def _heard(model: Model, answer: Any, example: Any, one: Outcome) -> Recording | None:
    """A recording as it was heard, with its scores; None where it is too long, or cannot be read any more."""
    definition = model.codec.definition
    try:
        samples = Placed(example).samples(definition.rate)[round(BEFORE * definition.rate) :]
    except Refusal:
        return None
    if not definition.window <= len(samples) <= LONGEST * definition.rate:
        return None
    figure: Figure = alarms(answer, definition, samples, begin=BEFORE, ends=() if one.wanted is None else (one.wanted,))
    return Recording(flac(samples, definition.rate), figure._replace(data=figure.data | {"heading": []}))
