"""Recordings cut off to validate on where none are given, so that all they are spelled with is still trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from melisma.errors import Refusal
from melisma.quoting import counted, listed
from melisma.tasks.utterances import Utterance

Cut = tuple[list[Utterance], list[Utterance], str]
Spelling = Callable[[str], frozenset[str]]
"""A transcript -> what it is spelled with: its characters, or its words."""


def cut_off(utterances: Sequence[Utterance], size: int, seed: int, spelling: Spelling) -> Cut:
    """Training and validation utterances, and a sentence: whole speakers where they are known, else recordings.

    What is spelled with something that nobody else would be left to train on stays in training; where every cut of
    speakers takes some away, those recordings are left out of both. Refusal where nothing can be cut off.
    """
    symbols = [spelling(one.text) for one in utterances]
    speakers = sorted({one.speaker for one in utterances if one.speaker is not None})
    random = Random(f"cut {seed}")
    if len(speakers) > 1 and all(one.speaker is not None for one in utterances):
        random.shuffle(speakers)
        if (cut := _of_speakers(utterances, symbols, speakers, size)) is not None:
            return cut
    places = _whole(symbols, random.sample(range(len(utterances)), size), random)
    train = [one for place, one in enumerate(utterances) if place not in places]
    valid = [one for place, one in enumerate(utterances) if place in places]
    return (
        train,
        valid,
        f"no validation data was given: {counted(len(valid), 'recording')} cut off, "
        f"{'of speakers that are trained on too' if speakers else 'and nobody says whose voices these are'}: scores on "
        "strangers will be lower",
    )


def _of_speakers(
    utterances: Sequence[Utterance], symbols: Sequence[frozenset[str]], speakers: Sequence[str], size: int
) -> Cut | None:
    """Whole speakers; None where that would be more than half of all."""
    counts = Counter(one.speaker for one in utterances)
    held: set[str] = set()
    for number, speaker in enumerate(speakers, 1):
        fits = not held or (sum(counts[one] for one in held) + counts[speaker] <= size and number < len(speakers))
        if fits and not _lost(utterances, symbols, held | {speaker}):
            held.add(speaker)
    if not held:
        held = {min(speakers, key=lambda speaker: len(_lost(utterances, symbols, {speaker})))}
    if sum(counts[one] for one in held) > len(utterances) // 2:
        return None
    out = _lost(utterances, symbols, held)
    train = [one for one in utterances if one.speaker not in held]
    valid = [one for place, one in enumerate(utterances) if one.speaker in held and place not in out]
    if not valid:
        return None
    said = f"{counted(len(held), 'speaker')} of {len(speakers)} with {counted(len(valid), 'recording')}"
    note = f"no validation data was given: {said} cut off; nobody in it is trained on"
    if out:
        strange = sorted(frozenset().union(*(symbols[place] for place in out)) - _spelled(utterances, symbols, held))
        note += (
            f"; {counted(len(out), 'recording')} of theirs left out, with what nobody else says ({listed(strange, 5)})"
        )
    return train, valid, note


def _spelled(utterances: Sequence[Utterance], symbols: Sequence[frozenset[str]], held: set[str]) -> frozenset[str]:
    """What those say who are not held back."""
    return frozenset().union(*(some for one, some in zip(utterances, symbols) if one.speaker not in held))


def _lost(utterances: Sequence[Utterance], symbols: Sequence[frozenset[str]], held: set[str]) -> list[int]:
    """The places of recordings of these speakers that are spelled with what no other speaker says."""
    known = _spelled(utterances, symbols, held)
    return [place for place, one in enumerate(utterances) if one.speaker in held and not symbols[place] <= known]


def _whole(symbols: Sequence[frozenset[str]], drawn: Sequence[int], random: Random) -> set[int]:
    """Places as they were drawn; in place of each that takes the last of something away another is, while there is."""
    left = Counter(symbol for some in symbols for symbol in some)
    places: set[int] = set()
    rest = [place for place in range(len(symbols)) if place not in set(drawn)]
    random.shuffle(rest)
    for place in (*drawn, *rest):
        if len(places) < len(drawn) and all(left[symbol] > 1 for symbol in symbols[place]):
            places.add(place)
            left.subtract(symbols[place])
    if not places:
        raise Refusal(
            "data.train: each recording has something in its transcript that no other has, so none can be cut off to "
            "validate on: wants data.valid=…, or data.valid_size=0"
        )
    return places
