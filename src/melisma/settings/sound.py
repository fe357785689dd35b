"""How sound becomes frames."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import choice, setting

KINDS = ("log_mel", "mfcc")
CALLED = {
    "fbank": ("log_mel",),
    "filterbank": ("log_mel",),
    "logmel": ("log_mel",),
    "log-mel": ("log_mel",),
    "mel": ("log_mel",),
    "spectrogram": ("log_mel",),
    "cepstrum": ("mfcc",),
    "mfccs": ("mfcc",),
}
"""Other names of what a frame is."""


@dataclass(frozen=True)
class SoundSettings:
    """A window that moves over the samples, and the numbers that are taken of each place it stands at."""

    rate: int | None = setting(
        None,
        help="samples a second that all recordings are brought to; none takes the commonest rate of the training "
        "recordings, 16,000 at most",
        why="little of speech lies above 8 kHz, and nothing where a telephone cut it off at 4",
        low=1000,
        high=192_000,
    )
    window: float = setting(
        25.0,
        help="milliseconds of sound in a frame",
        why="speech hardly changes within 20 to 30 ms, and a deep voice still has two periods in it",
        low=1,
        high=1000,
    )
    hop: float = setting(
        10.0,
        help="milliseconds from one frame to the next; at most the window",
        why="the usual step: no phone is shorter than a few of them",
        low=0.5,
        high=1000,
    )
    kind: str = choice(
        "log_mel",
        help="the numbers of a frame: logarithms of the energy in bands as wide as the ear's (log_mel), or the first "
        "few cosines of those (mfcc)",
        why="networks find their own way through neighbouring bands; cosines were made for models that cannot",
        choices=KINDS,
        called=CALLED,
    )
    bands: int = setting(
        40,
        help="bands between low and high, evenly spaced in mel",
        why="40 tell words apart as well as 80 where data is small, and cost half",
        low=2,
        high=512,
    )
    low: float = setting(
        20.0,
        help="hertz where the lowest band begins",
        why="below are rumble and mains hum, and no voice",
        low=0,
        high=96_000,
    )
    high: float | None = setting(
        None,
        help="hertz where the highest band ends; none: half the rate, which is as high as samples reach",
        why="hisses are told apart by what is high",
        above=0,
        high=96_000,
    )
    coefficients: int = setting(
        13,
        help="cosines kept, for kind=mfcc; at most the bands",
        why="as many as recognisers have kept since 1980 (Davis and Mermelstein 1980)",
        low=1,
        high=512,
    )
    preemphasis: float = setting(
        0.0,
        help="how much of each sample is taken off the next, which lifts what is high; 0.97 is the usual value",
        why="off, as each band is brought to the same mean and spread anyway",
        low=0,
        below=1,
    )
    pcen: bool = setting(
        False,
        help="divides each band by how loud it has been lately instead of taking logarithms (per-channel energy "
        "normalisation), for rooms and distances that differ",
        why="off, as close recordings lose by it, and training with other levels does much the same",
    )
    adaptation: float = setting(
        400.0,
        help="milliseconds in which that follows the level, for pcen=yes",
        why="the published smoothing of 0.025 at a hop of 10 ms (Wang et al. 2017)",
        low=1,
        high=60_000,
    )

    def check(self) -> None:
        """Refuses bands beyond what samples reach, gaps between frames, and numbers of what is not there."""
        reached = math.inf if self.rate is None else self.rate / 2
        top = reached if self.high is None else self.high
        if top > reached:
            raise Refusal(
                f"high is {top:g} Hz and samples at rate={self.rate} reach {reached:g} Hz: "
                "wants at most that, or high=none"
            )
        if self.low >= top:
            raise Refusal(f"low is {self.low:g} Hz and the highest band ends at {top:g} Hz: wants low to be lower")
        if self.hop > self.window:
            raise Refusal(
                f"hop={self.hop:g} steps over what lies between windows of {self.window:g} ms: "
                f"wants hop to be {self.window:g} or less"
            )
        if self.kind == "mfcc" and self.coefficients > self.bands:
            raise Refusal(
                f"coefficients is {self.coefficients} and bands={self.bands} have no more than that many cosines: "
                f"wants {self.bands} or less"
            )
        if self.kind == "mfcc" and self.pcen:
            raise Refusal("pcen takes the place of the logarithm that kind=mfcc needs: wants kind=log_mel, or pcen=no")

    def check_bands(self, bands: Mapping[str, float], logarithms: Mapping[str, float]) -> None:
        """Refuses what is done to bands, or to their logarithms alone, where frames are something else.

        Both tell of each setting by its name how much of it is done.
        """
        for name, share in {**bands, **logarithms}.items():
            if share and self.kind != "log_mel":
                raise Refusal(
                    f"{name}={share:g} is done to bands and sound.kind={self.kind} makes none: "
                    f"wants sound.kind=log_mel, or {name}=0"
                )
        for name, share in logarithms.items():
            if share and self.pcen:
                raise Refusal(
                    f"{name}={share:g} is done to logarithms of bands and sound.pcen=yes makes none: "
                    f"wants sound.pcen=no, or {name}=0"
                )

    def idle(self) -> dict[str, tuple[bool, str, str]]:
        """Settings that belong to one kind of frame -> whether it is another, what there is, what is wanted."""
        return {
            "coefficients": (self.kind != "mfcc", f"sound.kind={self.kind}", "sound.kind=mfcc"),
            "adaptation": (not self.pcen, "sound.pcen=no", "sound.pcen=yes"),
        }
