"""What a training of ``transcribe`` reads: utterances to learn from, and others to validate on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from melisma.errors import Refusal
from melisma.files.manifest import read_clips
from melisma.files.records import Wrong, stop
from melisma.settings.transcribe import SpellingSettings, TranscribeSettings
from melisma.task import Corpus
from melisma.tasks.cut_off import cut_off
from melisma.tasks.utterances import Utterance, columns, laid_down, part_of, written


def read(settings: TranscribeSettings, wrong: Wrong = stop) -> Corpus[Utterance]:
    """Training and validation utterances, decoded; where no validation data is given, some are cut off.

    Rows of manifests that are no recordings go to ``wrong``; Refusal, by default, where there is one.
    """
    data = settings.data
    data.ready()
    read_clips([*data.train, *(data.valid or ())], columns(data), wrong)
    found = laid_down(data.train, data, settings.sound.rate, wrong)
    train, notes = found.left_to("train on", "data.train")
    signatures, valid = dict(found.signatures), list[Utterance]()
    if data.valid is not None:
        assert train[0].laid is not None
        more = laid_down(data.valid, data, train[0].laid.rate, wrong)
        valid, said = more.left_to("validate on", "data.valid")
        notes, signatures = [*notes, *said], signatures | more.signatures
    elif data.valid_size:
        if len(train) < 2:
            raise Refusal("data.train has a single recording and one must be cut off for validation: more are wanted")
        size = max(1, min(data.valid_size, int(len(train) * data.valid_share)))
        train, valid, note = cut_off(train, size, settings.training.seed, _spelling(settings.text))
        notes.append(note)
    if data.share < 1:
        kept = part_of(train, data.share, settings.training.seed)
        notes.append(f"data.share={data.share:g}: {len(kept):,} of {len(train):,} recordings are trained on")
        train = kept
    return Corpus(train, valid, signatures, tuple(notes))


def _spelling(text: SpellingSettings) -> Callable[[str], frozenset[str]]:
    """What transcripts are spelled with: words where these are the symbols, else characters."""
    parted: Callable[[str], Sequence[str]] = str.split if text.unit == "words" else str
    return lambda transcript: frozenset(parted(written(transcript, text.lowercase)))
