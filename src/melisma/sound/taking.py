"""A take before the microphone: recorded until what is said has ended, and judged at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from melisma.sound.heard import MUCH_CLIPPED, clipped
from melisma.sound.pauses import Pauses
from melisma.sound.resample import Samples
from melisma.sound.spoken import levels, spoken

BLOCK = 0.05  # seconds of sound that come from a microphone at once
SETTLING = 0.2  # seconds after a microphone is opened that are left out: it clicks, and its level creeps up
FRAME = 0.05  # seconds over which is decided whether somebody speaks: the noise of a room is steady over as many
ROOM, LOUDEST = 10, 98  # percentiles of the levels that are the room's, and the voice's
ABOVE = 10.0  # dB that speech stands above the room, at least
QUIET = -45.0  # dB of full scale of the loudest 20 ms below which a take is too quiet
SHORT = 0.06  # seconds below which what was heard is a click
EDGE = 0.05  # seconds at either end in which nobody should be speaking yet, or any more
FAINT = -90.0  # dB of full scale: what stands for silence where a level is told


class Level(NamedTuple):
    """How it sounds just now."""

    decibels: float  # of full scale
    seconds: float  # of the take so far


def taken(
    source: Iterable[Samples], rate: int, longest: float, pause: float | None, heard: Callable[[Level], None]
) -> Samples:
    """What is said into a source of blocks, (N,): until ``pause`` seconds of quiet follow it, or ``longest`` in all.

    Without ``pause`` it takes ``longest`` seconds. Faint sounds end nothing: 50 ms have to be as loud as takes must be.
    The first 0.2 s are left out, their mean is taken for the offset of the device. ``heard`` is told the level of each
    block.
    """
    hop, most = max(1, round(FRAME * rate)), round(longest * rate)
    ends = Pauses(hop / rate, longest + 1 if pause is None else pause, longest + 1)
    early, kept, done = list[Samples](), list[Samples](), 0
    left, offset, rest = round(SETTLING * rate), np.float32(0), np.zeros(0, np.float32)
    framed, said = 0, False
    for block in source:
        if left > 0 and len(block):
            early.append(block[:left])
            left, block = left - len(block[:left]), block[left:]
            offset = np.concatenate(early).mean(dtype=np.float32)
        if not len(block):
            continue
        kept.append(block[: most - done])
        done += len(kept[-1])
        heard(Level(_decibels(kept[-1] - offset), done / rate))
        rest = np.concatenate((rest, kept[-1] - offset))
        fresh, rest = np.split(rest, [len(rest) // hop * hop])
        for power in np.square(fresh).reshape(-1, hop).mean(1):
            framed, said = framed + 1, said or power >= 10 ** (QUIET / 10)
            if ends.feed(power[None]) and said:
                return np.concatenate(kept)[: framed * hop]
        if done >= most:
            break
    return np.concatenate(kept) if kept else np.zeros(0, np.float32)


def _decibels(samples: Samples) -> float:
    power = float(np.square(samples, dtype=np.float64).mean()) if len(samples) else 0.0
    return max(FAINT, 10 * float(np.log10(max(power, 1e-12))))


class Judged(NamedTuple):
    """Why a take should be said again, empty where it is good; and what was heard of it."""

    fault: str
    seconds: float = 0.0  # from the beginning of what is said to its end
    decibels: float = FAINT  # of its loudest 20 ms, of full scale


def judged(samples: Samples, rate: int) -> Judged:
    """A take of something that was said."""
    if fault := _dead(samples):
        return Judged(fault)
    samples = samples - np.float32(samples.mean(dtype=np.float64))
    room, loudest = (float(one) for one in np.percentile(levels(samples, rate), (ROOM, LOUDEST)))
    begin, end = spoken(samples, rate)
    told = (end - begin, loudest)
    if loudest - room < ABOVE or end - begin < SHORT:
        return Judged("nothing was heard above the room" if loudest > QUIET else "nothing was heard", *told)
    if loudest < QUIET:
        return Judged(f"too quiet ({loudest:.0f} dB): come nearer, or turn the microphone up", *told)
    if clipped(samples) > MUCH_CLIPPED:
        return Judged("too loud, its peaks are cut off: go farther away, or turn the microphone down", *told)
    if begin < EDGE:
        return Judged("it began before the recording did: wait for the level to show", *told)
    if end > len(samples) / rate - EDGE:
        return Judged("it is cut off at the end: speak at once, or allow more time with seconds=", *told)
    return Judged("", *told)


def judged_whole(samples: Samples, rate: int) -> Judged:
    """A stretch of free speech, or of the room: only what the microphone did to it."""
    if fault := _dead(samples):
        return Judged(fault)
    loudest = float(np.percentile(levels(samples, rate), LOUDEST))
    if clipped(samples) > MUCH_CLIPPED:
        return Judged("too loud, its peaks are cut off: turn the microphone down", len(samples) / rate, loudest)
    return Judged("", len(samples) / rate, loudest)


def _dead(samples: Samples) -> str:
    if not len(samples):
        return "nothing came from the microphone"
    if not np.isfinite(samples).all():
        return "the microphone gives what are no numbers: another one is wanted"
    if float(np.ptp(samples)) == 0:
        return "the microphone gives digital silence: it is turned off, or another one is meant"
    return ""
