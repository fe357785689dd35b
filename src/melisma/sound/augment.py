"""Training sound made harder and more varied: all that is done to a clip, drawn from one generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np

from melisma.errors import Refusal
from melisma.settings.augment import AugmentSettings
from melisma.sound.background import Background
from melisma.sound.channel import bounded, clipped, gained, telephone
from melisma.sound.joined import Joined, joined
from melisma.sound.mask import Frames, Masks, masked
from melisma.sound.noise import hiss, noisy
from melisma.sound.resample import Samples
from melisma.sound.room import drawn_room, response, reverberant
from melisma.sound.speed import PASSED, pitch, speed
from melisma.sound.tone import filled, shifted

STAGES: Final = ("speed", "pitch", "shift", "room", "noise", "gain", "clip", "telephone")
"""What is done to samples, in this order: first the speaker, then the place, then the device."""


class Augmented(NamedTuple):
    """A clip and how its time was warped: what was at t seconds is at t / ``factor`` + ``offset``."""

    samples: Samples
    factor: float  # how many times as fast
    offset: float  # seconds

    def time(self, seconds: float) -> float:
        """Where something that was at so many seconds now is."""
        return seconds / self.factor + self.offset


@dataclass(frozen=True, eq=False)
class Augmentation:
    """What the settings say, done to clips while training; with background sound, or drawn noise where there is none.

    All that happens to a clip follows from the state of the generator it is given: the same state, the same bits. From
    that one seed is drawn for each of ``STAGES``, in their order and whether or not they are used, and each stage draws
    from a generator of its own, first whether it happens and then how: no setting changes what another stage draws.
    """

    settings: AugmentSettings
    backgrounds: Background | None = None

    @classmethod
    def of(cls, settings: AugmentSettings, rate: int, seed: int = 0) -> Self:
        """With the background sound that the settings name, read at ``rate``; ``seed`` decides what is kept of it."""
        heard = Background.of(settings.backgrounds, rate, seed) if settings.backgrounds else None
        return cls(settings, heard)

    def __call__(self, samples: Samples, rate: int, random: np.random.Generator) -> Samples:
        """The samples of ``warped``."""
        return self.warped(samples, rate, random).samples

    def warped(self, samples: Samples, rate: int, random: np.random.Generator) -> Augmented:
        """A clip (N,) at ``rate`` -> it, varied, and how its time was warped.

        It has ⌊N / factor + ½⌋ samples, and what was put to its ends or taken there. Nothing exceeds 1, or the clip's
        own peak if that did. Where nothing happens the samples are those given; they are never written to.
        """
        draws = dict(zip(STAGES, _generators(random, len(STAGES))))
        happens = {name: draws[name].random() < getattr(self.settings, name) for name in STAGES}
        offset = 0.0
        if not len(samples):
            return Augmented(samples, 1.0, offset)
        factor = 1 + self.settings.speed_by * _even(draws["speed"]) if happens["speed"] else 1.0
        higher = 2 ** (self.settings.pitch_by * _even(draws["pitch"]) / 12) if happens["pitch"] else 1.0
        result = pitch(speed(samples, factor), rate, higher)
        if result is not samples:
            result = filled(result, rate, PASSED * min(1.0, factor, higher, factor * higher), draws["pitch"])
        if happens["shift"]:
            ends = [round(self.settings.shift_by * _even(draws["shift"]) * rate) for _ in range(2)]
            result, moved = shifted(result, rate, ends[0], ends[1], draws["shift"])
            offset = moved / rate
        if happens["room"]:
            result = self._in_a_room(result, rate, draws["room"])
        if happens["noise"]:
            result = self._with_noise(result, rate, draws["noise"])
        result = self._through_a_device(result, rate, happens, draws)
        if result is not samples:
            result = bounded(result, max(1.0, float(np.abs(samples).max())))
        return Augmented(result, factor, offset)

    def _in_a_room(self, samples: Samples, rate: int, random: np.random.Generator) -> Samples:
        chosen = self.settings
        room = drawn_room(chosen.room_decay_least, chosen.room_decay_most, chosen.room_distance, random)
        return reverberant(samples, response(room, rate, random))

    def _with_noise(self, samples: Samples, rate: int, random: np.random.Generator) -> Samples:
        least, most = self.settings.noise_least, self.settings.noise_most
        apart = least + random.random() * (most - least)
        if self.backgrounds is None or not self.backgrounds.recordings:
            return noisy(samples, hiss(len(samples), random), rate, apart)
        if self.backgrounds.rate != rate:
            raise Refusal(
                f"background sound is at {self.backgrounds.rate:,} Hz and the clip at {rate:,}: wants one rate"
            )
        return noisy(samples, self.backgrounds.window(len(samples), random), rate, apart)

    def _through_a_device(
        self, samples: Samples, rate: int, happens: dict[str, bool], draws: dict[str, np.random.Generator]
    ) -> Samples:
        if happens["gain"]:
            samples = gained(samples, self.settings.gain_by * _even(draws["gain"]))
        if happens["clip"]:
            samples = clipped(samples, self.settings.clip_by * draws["clip"].random())
        return telephone(samples, rate) if happens["telephone"] else samples

    def masked(self, frames: Frames, random: np.random.Generator) -> Frames:
        """Normalised frames (T, F) with bands and spans hidden, (T, F); the frames given where nothing happens."""
        (own,) = _generators(random, 1)
        chosen = self.settings
        if own.random() >= chosen.mask:
            return frames
        masks = Masks(
            chosen.mask_bands, chosen.mask_bands_by, chosen.mask_spans, chosen.mask_spans_by, chosen.mask_span
        )
        return masked(frames, masks, own)

    def partners(self, count: int, random: np.random.Generator) -> tuple[int, ...]:
        """Which of ``count`` clips are joined to one, in their order: none, or up to ``join_most`` − 1 of them."""
        (own,) = _generators(random, 1)
        drawn = own.random(1 + self.settings.join_most)
        if drawn[0] >= self.settings.join or not count:
            return ()
        wanted = 1 + int(drawn[1] * (self.settings.join_most - 1))
        return tuple(int(each * count) for each in drawn[2 : 2 + wanted])

    def joined(self, clips: Sequence[Samples], rate: int, random: np.random.Generator) -> Joined:
        """Clips with drawn gaps between them, as it is done before anything else is done to them."""
        (own,) = _generators(random, 1)
        least, most = self.settings.join_gap_least, self.settings.join_gap_most
        gaps = [least + each * (most - least) for each in own.random(max(0, len(clips) - 1))]
        return joined(clips, gaps, rate, own)


def _generators(random: np.random.Generator, count: int) -> list[np.random.Generator]:
    """So many generators, each with a seed drawn from this one."""
    return [np.random.default_rng(int(seed)) for seed in random.integers(0, 2**63, count)]


def _even(random: np.random.Generator) -> float:
    """Evenly between −1 and 1."""
    return 2 * random.random() - 1
