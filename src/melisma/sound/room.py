"""Rooms: what a clip would sound like across a room with walls, by the image-source method."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.sound.fourier import convolved, fast
from melisma.sound.resample import Samples

SOUND = 343.0  # metres a second, at 20 °C
SIDE = (2.5, 8.0)  # metres of a drawn room's length and width
HEIGHT = (2.3, 3.5)
AWAY = 0.3  # metres that mouth and microphone keep from the walls
NEAR = 0.1  # metres between them at the least
EARLY = 0.03  # seconds of single echoes; later ones are so dense that they are noise
REACH = 40  # samples on either side of an echo: 81 taps of a windowed sinc
CUT = 50.0  # Hz below which a room made of echoes of one sign must be silenced

Place = tuple[float, float, float]


class Room(NamedTuple):
    """A box with a mouth and a microphone in it; all in metres, from one corner."""

    size: Place
    mouth: Place
    microphone: Place
    decay: float  # seconds in which sound falls by 60 dB (T60)

    @property
    def reflection(self) -> float:
        """The share of amplitude that a wall gives back, all walls alike, for the decay wanted: √(1 − α).

        Eyring 1930: T60 = 24 ln 10 · V / (−c S ln(1 − α)), with volume V and surface S; holds for dead rooms too.
        """
        x, y, z = self.size
        return float(np.exp(-12 * np.log(10) * x * y * z / (SOUND * 2 * (x * y + y * z + z * x) * self.decay)))

    def check(self) -> None:
        """Refuses a room without room, a decay that is none, and places outside of it or on top of each other."""
        if not all(0.5 <= side <= 100 for side in self.size) or not 0.01 <= self.decay <= 10:
            raise Refusal(f"a room of {self.size} m that rings {self.decay:g} s: wants 0.5 to 100 m and 0.01 to 10 s")
        for name, place in (("mouth", self.mouth), ("microphone", self.microphone)):
            if not all(0 <= at <= side for at, side in zip(place, self.size)):
                raise Refusal(f"the {name} is at {place} m of a room of {self.size} m: wants a place inside")
        if np.linalg.norm(np.subtract(self.mouth, self.microphone)) < 0.01:
            raise Refusal("mouth and microphone are at one place: wants a centimetre between them or more")


class Response(NamedTuple):
    """What a room makes of one click at full scale: ``taps`` (K,), of energy 1, the direct sound at ``taps[lead]``."""

    taps: Samples
    lead: int


def drawn_room(least: float, most: float, distance: float, random: np.random.Generator) -> Room:
    """A room that rings ``least`` to ``most`` seconds, with mouth and microphone at most ``distance`` metres apart.

    Draws ten values: three sides, the decay, the microphone's place, the way to the mouth and how far it is.
    """
    drawn = random.random(10)
    low, high = np.array([SIDE[0], SIDE[0], HEIGHT[0]]), np.array([SIDE[1], SIDE[1], HEIGHT[1]])
    size = low + drawn[:3] * (high - low)
    microphone = AWAY + drawn[4:7] * (size - 2 * AWAY)
    height, angle = 2 * drawn[7] - 1, 2 * np.pi * drawn[8]  # evenly over the sphere
    way = np.array([np.cos(angle), np.sin(angle), 0]) * np.sqrt(1 - height**2) + [0, 0, height]
    way *= min(NEAR, distance) + drawn[9] * (distance - min(NEAR, distance))
    outside = (microphone + way < AWAY) | (microphone + way > size - AWAY)
    mouth = np.clip(np.where(outside, microphone - way, microphone + way), AWAY, size - AWAY)  # the other way is inside
    return Room(_place(size), _place(mouth), _place(microphone), float(least + drawn[3] * (most - least)))


def response(room: Room, rate: int, random: np.random.Generator) -> Response:
    """What reaches the microphone of a click at the mouth, from the direct sound on.

    Echoes of the first 30 ms are the mouth's images in the walls, at distance d with r reflections of amplitude β:
    β^r / d at d / c seconds (Allen and Berkley 1979), each between samples by a windowed sinc (Peterson 1986). Later
    ones are Gaussian noise, drawn here, of the images' mean power and with the decay wanted; below 50 Hz there is
    nothing. The delay of the direct sound is taken away, so that what is spoken stays in place.
    """
    room.check()
    delays, heights = images(room)
    count = REACH + round(max(room.decay, EARLY) * rate) + REACH + 1
    taps = echoes(delays * rate + REACH, heights, count)
    _ring(taps, room, rate, random)
    taps = high_passed(taps, rate)
    return Response((taps / np.sqrt(np.sum(np.square(taps, dtype=np.float64)))).astype(np.float32), REACH)


def images(room: Room) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Delays (I,) in seconds behind the direct sound and amplitudes (I,) relative to it, it first; those of 30 ms."""
    size, mouth, microphone = (np.array(each) for each in (room.size, room.mouth, room.microphone))
    direct = float(np.linalg.norm(mouth - microphone))
    farthest = direct + EARLY * SOUND
    way, bounces = zip(*(_along(*axis, farthest) for axis in zip(size, mouth, microphone)))
    squares = way[0][:, None, None] + way[1][:, None] + way[2]
    near = squares <= farthest**2
    distance = np.sqrt(squares[near])
    reflections = (bounces[0][:, None, None] + bounces[1][:, None] + bounces[2])[near]
    order = np.argsort(distance, kind="stable")
    distance, reflections = distance[order], reflections[order]
    return (distance - direct) / SOUND, room.reflection**reflections * direct / distance


def _along(side: float, mouth: float, microphone: float, farthest: float) -> tuple[NDArray[np.float64], ...]:
    """Along one axis: squared distances of the images no farther than that, and how often each was reflected."""
    most = int(farthest / (2 * side)) + 1
    copies = np.arange(-most, most + 1)
    straight, mirrored = 2 * side * copies + mouth - microphone, 2 * side * copies - mouth - microphone
    squares = np.concatenate((straight, mirrored)) ** 2
    reflections = np.concatenate((2 * np.abs(copies), np.abs(copies) + np.abs(copies - 1)))
    near = squares <= farthest**2
    return squares[near], reflections[near]


def echoes(places: NDArray[np.float64], heights: NDArray[np.float64], count: int) -> Samples:
    """Clicks of these heights (I,) at places (I,) between ``count`` samples: sinc(x) (1 + cos(π x / 40.5)) / 2 each.

    A place that is a sample is a single one. What lies beyond the ends is left out.
    """
    whole = np.rint(places)
    apart = (places - whole)[:, None]
    apart[apart == 0] = 1e-12
    steps, width = np.arange(-REACH, REACH + 1), np.pi / (REACH + 0.5)
    x = steps - apart
    sinc = np.sin(-np.pi * apart) * (1 - 2 * (steps % 2)) / (np.pi * x)  # sin π(k − a) = (−1)ᵏ sin(−π a)
    turned = np.cos(width * apart) * np.cos(width * steps) + np.sin(width * apart) * np.sin(width * steps)
    values = heights[:, None] * sinc * (0.5 + 0.5 * turned)  # the cosine of width · x
    at = whole.astype(np.int64)[:, None] + steps
    inside = (at >= 0) & (at < count)
    return np.bincount(at[inside], values[inside], count).astype(np.float32)


def _ring(taps: Samples, room: Room, rate: int, random: np.random.Generator) -> None:
    """Adds the late echoes to taps (K,), in place.

    4π c³ t² / V images arrive a second, t seconds after the click, each of power (d / c t)² beside the direct sound's
    from d metres: 4π c d² / V a second, times what the walls left, 10^(−6 t / T60).
    """
    x, y, z = room.size
    direct = float(np.linalg.norm(np.subtract(room.mouth, room.microphone)))
    begin = REACH + round(EARLY * rate)
    since = np.arange(begin - REACH, len(taps) - REACH, dtype=np.float32) / rate + direct / SOUND
    height = np.float32(direct * np.sqrt(4 * np.pi * SOUND / (x * y * z) / rate))
    noise = random.standard_normal(len(since), np.float32)
    taps[begin:] += noise * height * np.exp(since * np.float32(-3 * np.log(10) / room.decay))


def high_passed(taps: Samples, rate: int) -> Samples:
    """Without what is below 50 Hz, (K,): the filter of Allen and Berkley 1979, applied to the spectrum.

    (1 − (1 + R) z⁻¹ + R z⁻²) / (1 − 2 R cos W z⁻¹ + R² z⁻²), W = 2π 50 / rate, R = e^−W.
    """
    size = fast(len(taps) + round(0.1 * rate))
    return np.fft.irfft(np.fft.rfft(taps, size) * _above(rate, size), size)[: len(taps)].astype(np.float32, copy=False)


@lru_cache(maxsize=64)
def _above(rate: int, size: int) -> NDArray[np.complex64]:
    """What that filter does to the lines of a transform (size / 2 + 1,)."""
    angle = 2 * np.pi * CUT / rate
    radius = np.exp(-angle)
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    passed: NDArray[np.complex128] = (1 - (1 + radius) * delay + radius * delay**2) / (
        1 - 2 * radius * np.cos(angle) * delay + radius**2 * delay**2
    )
    return passed.astype(np.complex64)


def reverberant(samples: Samples, heard: Response) -> Samples:
    """The clip (N,) as it is heard in that room, (N,): the direct sound in its place, cut where the clip ends."""
    if not len(samples):
        return samples
    return convolved(samples, heard.taps)[heard.lead : heard.lead + len(samples)]


def _place(values: NDArray[np.float64]) -> Place:
    x, y, z = (float(value) for value in values)
    return x, y, z
