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
from melisma.sound.equaliser import equalised
from melisma.sound.features import Definition
from melisma.sound.joined import Joined, joined
from melisma.sound.mask import Frames, Masks, masked
from melisma.sound.noise import hiss, noisy
from melisma.sound.resample import Samples
from melisma.sound.room import drawn_room, response, reverberant
from melisma.sound.speed import PASSED, pitch, speed
from melisma.sound.tone import filled, shifted
from melisma.sound.vocal_tract import perturbed

STAGES: Final = ("speed", "pitch", "shift", "room", "noise", "gain", "clip", "telephone")
"""What is done to samples, in this order: first the speaker, then the place, then the device."""
STEPS: Final = 16  # of the longest throat and of the shortest, between which no one hears a difference


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
    that are drawn, for each of ``STAGES`` in their order, whether it happens and a seed; what happens draws how from a
    generator of its own: no setting changes what another stage draws.
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
        draws = self._draws(STAGES, random)
        offset = 0.0
        if not len(samples):
            return Augmented(samples, 1.0, offset)
        factor = 1 + self.settings.speed_by * _even(draws["speed"]) if "speed" in draws else 1.0
        higher = 2 ** (self.settings.pitch_by * _even(draws["pitch"]) / 12) if "pitch" in draws else 1.0
        result = pitch(speed(samples, factor), rate, higher)
        if result is not samples:
            result = filled(
                result,
                rate,
                PASSED * min(1.0, factor, higher, factor * higher),
                draws["pitch" if "pitch" in draws else "speed"],
            )
        if "shift" in draws:
            ends = [round(self.settings.shift_by * _even(draws["shift"]) * rate) for _ in range(2)]
            result, moved = shifted(result, rate, ends[0], ends[1], draws["shift"])
            offset = moved / rate
        if "room" in draws:
            result = self._in_a_room(result, rate, draws["room"])
        if "noise" in draws:
            result = self._with_noise(result, rate, draws["noise"])
        result = self._through_a_device(result, rate, draws)
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

    def _through_a_device(self, samples: Samples, rate: int, draws: dict[str, np.random.Generator]) -> Samples:
        if "gain" in draws:
            samples = gained(samples, self.settings.gain_by * _even(draws["gain"]))
        if "clip" in draws:
            samples = clipped(samples, self.settings.clip_by * draws["clip"].random())
        return telephone(samples, rate) if "telephone" in draws else samples

    def framed(self, frames: Frames, definition: Definition, random: np.random.Generator) -> Frames:
        """Bands (T, F) of another throat and, if they are logarithms, through another microphone, (T, F).

        Each happens to its own share of clips; the frames given where nothing does.
        """
        draws = self._draws(("vocal_tract", "equaliser"), random)
        if "vocal_tract" in draws:
            steps = round(STEPS * _even(draws["vocal_tract"]))
            frames = perturbed(frames, definition, 1 + self.settings.vocal_tract_by * steps / STEPS)
        if "equaliser" in draws:
            frames = equalised(frames, definition, self.settings.equaliser_by, draws["equaliser"])
        return frames

    def masked(self, frames: Frames, random: np.random.Generator) -> Frames:
        """Normalised frames (T, F) with bands and spans hidden, (T, F); the frames given where nothing happens."""
        own, chosen = self._draws(("mask",), random), self.settings
        if not own:
            return frames
        masks = Masks(
            chosen.mask_bands, chosen.mask_bands_by, chosen.mask_spans, chosen.mask_spans_by, chosen.mask_span
        )
        return masked(frames, masks, own["mask"])

    def partners(self, count: int, random: np.random.Generator) -> tuple[int, ...]:
        """Which of ``count`` clips are joined to one, in their order: none, or up to ``join_most`` − 1 of them."""
        own = self._draws(("join",), random)
        if not own or not count:
            return ()
        drawn = own["join"].random(self.settings.join_most)
        wanted = 1 + int(drawn[0] * (self.settings.join_most - 1))
        return tuple(int(each * count) for each in drawn[1 : 1 + wanted])

    def joined(self, clips: Sequence[Samples], rate: int, random: np.random.Generator) -> Joined:
        """Clips with drawn gaps between them, as it is done before anything else is done to them."""
        own = np.random.default_rng(int(random.integers(2**63)))
        least, most = self.settings.join_gap_least, self.settings.join_gap_most
        gaps = [least + each * (most - least) for each in own.random(max(0, len(clips) - 1))]
        return joined(clips, gaps, rate, own)

    def _draws(self, names: Sequence[str], random: np.random.Generator) -> dict[str, np.random.Generator]:
        """A generator for each of those that happen; of ``random`` as much is drawn for those that do not."""
        chances, seeds = random.random(len(names)).tolist(), random.integers(0, 2**63, len(names)).tolist()
        return {
            name: np.random.default_rng(seed)
            for name, chance, seed in zip(names, chances, seeds)
            if chance < getattr(self.settings, name)
        }


def _even(random: np.random.Generator) -> float:
    """Evenly between −1 and 1."""
    return 2 * random.random() - 1
