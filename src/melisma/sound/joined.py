"""Clips joined to longer strings, as if spoken in one breath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from melisma.sound.level import amplitude, decibels, level
from melisma.sound.resample import Samples
from melisma.sound.tone import spliced

FARTHEST = 20.0  # decibels that a clip is turned up or down to match the others, at most


class Joined(NamedTuple):
    """A string of clips, and where each stands in it."""

    samples: Samples  # (N,)
    places: tuple[tuple[int, int], ...]  # first sample of each clip, and the one behind its last


def joined(clips: Sequence[Samples], gaps: Sequence[float], rate: int, random: np.random.Generator) -> Joined:
    """Clips (n,) in their order, with so many seconds of room tone between them; their labels follow in the same order.

    N is the sum of all clips and gaps. Each clip is brought to the mean level of all, in decibels, over active frames;
    tone is made of the quietest parts of both neighbours, and crossfaded with them. ``gaps`` has one number less than
    there are clips. One clip alone is as it was.
    """
    if len(gaps) != max(0, len(clips) - 1):
        raise ValueError(f"{len(clips)} clips have {max(0, len(clips) - 1)} gaps between them, not {len(gaps)}")
    if len(clips) < 2:
        return Joined(clips[0] if clips else np.zeros(0, np.float32), tuple((0, len(clip)) for clip in clips))
    between = [0, *(round(gap * rate) for gap in gaps), 0]
    lengths = np.array([len(clip) for clip in clips])
    begins = np.cumsum(between[:-1]) + np.cumsum(lengths) - lengths
    places = tuple((int(begin), int(begin + length)) for begin, length in zip(begins, lengths))
    return Joined(spliced(matched(clips, rate), between, rate, random), places)


def matched(clips: Sequence[Samples], rate: int) -> list[Samples]:
    """The clips at one level, the mean of theirs in decibels; each changes by 20 dB at most, and silence not at all."""
    levels = [level(clip, rate) for clip in clips]
    heard = [decibels(each) for each in levels if each]
    if not heard:
        return list(clips)
    wanted = float(np.mean(heard))
    changes = [max(-FARTHEST, min(FARTHEST, wanted - decibels(each))) if each else 0.0 for each in levels]
    return [clip * np.float32(amplitude(change)) for clip, change in zip(clips, changes)]
