"""Sound as frames: one written definition, which a whole recording and a stream fulfil with the same numbers."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.sound.mel import SCALES, Scale, cosines, lifter, power_of_two, triangles, without_bins
from melisma.sound.pcen import Pcen

Frames = NDArray[np.float32]
Samples = NDArray[np.float32]

FORMAT: Final = 1  # of a definition as JSON
KINDS: Final = ("log_mel", "mfcc")
LOGARITHMS: Final = {"natural": 1.0, "decibel": 10.0 / np.log(10.0)}
TAPERS: Final = ("hann", "hamming", "povey")
LOUDEST: Final = 1e6  # a sample beyond this is damage; in a file already a tenth of it is, which leaves room for gains
BLOCK: Final = 64  # frames worked on together at most, and
CACHED: Final = 32_768  # samples of padded frames in a block at most: what is on the way stays in the cache
KEPT: Final = 8  # definitions whose blocks a thread keeps
GROUP: Final = 8  # rows of each matrix product, always: so few that at the usual rates none is shared out over threads


@dataclass(frozen=True)
class Definition:
    """All that decides the numbers of a frame: frame t is made of samples [t · hop, t · hop + window), and no others.

    The samples of a frame, times ``scale``, lose their mean if ``zero_mean`` and x[i] ← x[i] − preemphasis · x[i − 1]
    (with x[−1] = x[0]); times the taper and with zeros behind up to ``fft`` they give the energies |FFT|², which
    weighted and summed give those of ``bands`` triangles from ``low`` to ``high`` hertz. ``log_mel`` is
    ln max(energy, floor), or 10 log₁₀ of it in decibels; with ``pcen`` the energies pass through that instead. ``mfcc``
    is the first ``coefficients`` orthonormal cosines of log_mel, times a lifter. With ``energy``,
    ln max(Σ x², floor) before pre-emphasis takes the place of the first cosine, or stands before the bands.

    Lengths are in samples, ``rate`` in hertz. Nothing looks at a whole recording, so nothing depends on what comes
    later. Raises Refusal for what contradicts itself.
    """

    rate: int
    window: int
    hop: int
    fft: int
    bands: int
    low: float
    high: float
    mel: str = "htk"
    kind: str = "log_mel"
    coefficients: int = 0
    taper: str = "hann"
    logarithm: str = "natural"
    floor: float = 1e-8
    preemphasis: float = 0.0
    zero_mean: bool = False
    scale: float = 1.0
    lifter: float = 0.0
    energy: bool = False
    pcen: Pcen | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        _check_ranges(self)
        _check_words(self)
        _check_bands(self)

    @property
    def features(self) -> int:
        """How many numbers a frame has."""
        return self.coefficients if self.kind == "mfcc" else self.bands + self.energy

    @property
    def latency(self) -> float:
        """Milliseconds from a frame's first sample until it can be said; half of them lie after the frame's time."""
        return 1000.0 * self.window / self.rate

    def count(self, samples: int) -> int:
        """How many frames this many samples give."""
        return 0 if samples < self.window else 1 + (samples - self.window) // self.hop

    def difference(self, other: Definition) -> str:
        """The first thing that differs, as ``hop is 160 and 80``; nothing where both are the same."""
        for field in fields(self):
            mine, its = getattr(self, field.name), getattr(other, field.name)
            if mine != its:
                return f"{field.name} is {mine} and {its}"
        return ""

    def to_json(self) -> dict[str, object]:
        """Plain data for `from_json`."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: object) -> Definition:
        """The definition from what `to_json` gave; raises Refusal for anything else."""
        names = {field.name for field in fields(cls)}
        found = _object(data, {"format", *names}, "The definition of frames")
        if found.pop("format") != FORMAT:
            raise Refusal(f"The definition of frames is not of format {FORMAT}: it needs another version of Melisma.")
        if found["pcen"] is not None:
            found["pcen"] = Pcen(**_object(found["pcen"], {field.name for field in fields(Pcen)}, "Its pcen"))
        return cls(**found)


class FeatureStream:
    """The frames of a sound that arrives bit by bit: the same bits however it is cut, as `frames` gives for the whole.

    ``given`` is the number of frames so far, and so the number of the next one.
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.given = 0
        self._held: Samples = np.zeros(0, np.float32)  # what the next frame begins with
        self._past = 0  # samples before those
        self._loudness = None if definition.pcen is None else definition.pcen.start()
        self._finished = False

    def feed(self, samples: Samples) -> Frames:
        """More samples (n,) in −1 … 1 -> the frames (t, F) that are complete by now.

        Raises Refusal for samples that are no floats, no single channel, or not finite.
        """
        if self._finished:
            raise ValueError("the stream has ended: begin a new one")
        samples = _lawful(samples, self._past + len(self._held))
        if len(self._held):
            samples = np.concatenate((self._held, samples))
        definition = self.definition
        count = definition.count(len(samples))
        found = np.empty((count, definition.features), np.float32)
        block, done = _block(definition), 0
        while done < count:
            row = (self.given + done) % block.rows
            now = min(block.rows - row, count - done)
            found[done : done + now] = block.frames(samples, done * definition.hop, row, now)
            done += now
        self.given += count
        self._past += count * definition.hop
        self._held = samples[count * definition.hop :].copy()
        if definition.pcen is not None and self._loudness is not None:
            self._loudness, found = definition.pcen.feed(self._loudness, found)
        return found

    def finish(self) -> Frames:
        """The sound has ended -> what is still to be said: no frame (0, F), as half a window makes none."""
        self._finished = True
        return np.zeros((0, self.definition.features), np.float32)


def frames(definition: Definition, samples: Samples) -> Frames:
    """The frames (T, F) of a whole sound (N,) in −1 … 1, T = 1 + ⌊(N − window) / hop⌋; none where N < window.

    Raises Refusal for samples that are no floats, no single channel, or not finite.
    """
    return FeatureStream(definition).feed(samples)


# --- the arithmetic -----------------------------------------------------------------------------------------------


class _Tables(NamedTuple):
    """What a definition says, as arrays."""

    definition: Definition
    taper: Frames  # (window,)
    weights: Frames  # (fft/2, bands)
    cosines: Frames | None  # (bands, coefficients), the lifter in them


@lru_cache(maxsize=64)
def _tables(definition: Definition) -> _Tables:
    table: Frames | None = None
    if definition.kind == "mfcc":
        lifted = lifter(definition.coefficients, definition.lifter)
        table = (cosines(definition.bands, definition.coefficients) * lifted).astype(np.float32)
    taper = _taper(definition.taper, definition.window) * definition.fft  # which norm="forward" divides by
    if not _shaped(definition):
        taper = taper * definition.scale
    return _Tables(definition, taper.astype(np.float32), _weights(definition).astype(np.float32), table)


class _Block:
    """Frames on their way from samples to numbers; nothing in it is needed once they are there.

    A matrix product's bits depend on how many rows it has and on which of them is looked at. Frame t therefore always
    has row t mod ``rows``, and every product has GROUP rows: those of frames that are not there, or no longer asked
    for, are worked out and thrown away. The transform is NumPy's, a row at a time: torch's shares so small a work out
    over all threads, which on a busy machine costs a hundred times what it is worth.
    """

    def __init__(self, tables: _Tables) -> None:
        self.tables = tables
        definition, (bins, bands) = tables.definition, tables.weights.shape
        groups = max(1, min(BLOCK, CACHED // definition.fft) // GROUP)
        self.rows = groups * GROUP
        self.padded = np.zeros((self.rows, definition.fft), np.float32)
        self.spectrum: Any = np.zeros((self.rows, bins + 1), np.complex64)
        self.power = np.zeros((self.rows, bins + 1), np.float32)
        self.mel = np.zeros((groups, GROUP, bands), np.float32)
        self.cepstrum = np.zeros((groups, GROUP, definition.coefficients), np.float32)

    def frames(self, samples: Samples, begin: int, row: int, count: int) -> Frames:
        """``count`` frames from sample ``begin`` on, the first in ``row`` -> (count, F), until the next call."""
        definition, end = self.tables.definition, row + count
        energy = self._cut(samples, begin, row, end)
        spectrum, power = self.spectrum[row:end], self.power[row:end]
        np.fft.rfft(self.padded[row:end], norm="forward", out=spectrum)  # in float32; without a norm in float64
        np.abs(spectrum, out=power)
        np.multiply(power, power, out=power)
        first, last = row // GROUP, -(-end // GROUP)
        mel = self.mel[first:last]
        grouped = self.power.reshape(-1, GROUP, power.shape[1])
        np.matmul(grouped[first:last, :, :-1], self.tables.weights, out=mel)
        if definition.pcen is None:
            self._logarithm(mel)
        if self.tables.cosines is not None:
            mel = np.matmul(mel, self.tables.cosines, out=self.cepstrum[first:last])
        found = mel.reshape(-1, mel.shape[2])[row - first * GROUP : end - first * GROUP]
        if energy is None:
            return found
        self._logarithm(energy)
        return np.column_stack((energy, found[:, 1:] if definition.kind == "mfcc" else found))

    def _logarithm(self, energies: Frames) -> None:
        definition = self.tables.definition
        np.maximum(energies, np.float32(definition.floor), out=energies)
        np.log(energies, out=energies)
        if definition.logarithm != "natural":
            energies *= np.float32(LOGARITHMS[definition.logarithm])

    def _cut(self, samples: Samples, begin: int, row: int, end: int) -> Frames | None:
        """Puts the tapered samples of frames into their rows -> Σ x² of each (count,), where it is asked for."""
        definition, width = self.tables.definition, samples.itemsize
        shape, strides = (end - row, definition.window), (definition.hop * width, width)
        cut: Frames = np.ndarray(shape, np.float32, samples, begin * width, strides)
        rows = self.padded[row:end, : definition.window]
        if not _shaped(definition):
            np.multiply(cut, self.tables.taper, out=rows)
            return None
        np.multiply(cut, np.float32(definition.scale), out=rows)
        if definition.zero_mean:
            rows -= rows.mean(axis=1, keepdims=True)
        energy = np.square(rows).sum(axis=1) if definition.energy else None
        if definition.preemphasis:
            first = rows[:, 0] * np.float32(1.0 - definition.preemphasis)
            rows[:, 1:] -= np.float32(definition.preemphasis) * rows[:, :-1]
            rows[:, 0] = first
        rows *= self.tables.taper
        return energy


class _Blocks(threading.local):
    """The blocks of one thread: memory that is fresh costs as much as what is done in it."""

    def __init__(self) -> None:
        self.of: dict[Definition, _Block] = {}


_BLOCKS: Final = _Blocks()


def _block(definition: Definition) -> _Block:
    found = _BLOCKS.of.get(definition)
    if found is None:
        if len(_BLOCKS.of) >= KEPT:
            _BLOCKS.of.clear()
        found = _BLOCKS.of[definition] = _Block(_tables(definition))
    return found


def _shaped(definition: Definition) -> bool:
    """Whether the samples of a frame are more than tapered."""
    return bool(definition.zero_mean or definition.energy or definition.preemphasis)


def _taper(name: str, length: int) -> NDArray[np.float64]:
    """``hann`` ½ − ½ cos(2π i / N); ``hamming`` and ``povey`` (Hann to the 0.85th) as Kaldi has them, over N − 1."""
    places = 2.0 * np.pi * np.arange(length)
    if name == "hann":
        return 0.5 - 0.5 * np.cos(places / length)
    turns = np.cos(places / (length - 1))
    return 0.54 - 0.46 * turns if name == "hamming" else (0.5 - 0.5 * turns) ** 0.85


def _weights(definition: Definition) -> NDArray[np.float64]:
    return triangles(*_bands(definition))


def _bands(definition: Definition) -> tuple[Scale, int, int, int, tuple[float, float]]:
    limits = (definition.low, definition.high)
    return SCALES[definition.mel], definition.rate, definition.fft, definition.bands, limits


def _lawful(given: Any, before: int) -> Samples:
    """The samples as one array that lies in one piece; ``before`` is how many there were."""
    given = np.asarray(given)
    if given.ndim != 1 or given.dtype.kind != "f":
        raise Refusal(
            f"sound is an array of {given.dtype} and of shape {given.shape}: "
            "wants one channel (samples,) of floats in −1 … 1"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused below
        samples: Samples = np.ascontiguousarray(given, np.float32)
    if len(samples) and not max(samples.max(), -samples.min()) <= LOUDEST:
        at = int(np.flatnonzero(~(np.abs(samples) <= LOUDEST))[0])
        raise Refusal(f"sample {before + at} of the sound is {samples[at]:g}: wants numbers in −1 … 1")
    return samples


# --- what a definition may say ------------------------------------------------------------------------------------

RANGES: Final = {
    "rate": (1, 10_000_000),
    "window": (2, 1_000_000),
    "hop": (1, 1_000_000),
    "fft": (2, 4_000_000),
    "bands": (1, 4096),
    "low": (0, 5_000_000),
    "high": (0, 5_000_000),
    "coefficients": (0, 4096),
    "floor": (1e-30, 1e6),
    "preemphasis": (0, 0.999999),
    "scale": (1e-6, 1e6),
    "lifter": (0, 4096),
}
LONGEST: Final = 8  # times the power of two that a window fits in is its transform at most
WEIGHTS: Final = 1 << 24  # what fft times bands is at most: their table is made in a quarter of a GiB
WORDS: Final = {"mel": tuple(SCALES), "kind": KINDS, "taper": TAPERS, "logarithm": tuple(LOGARITHMS)}


def _check_types(definition: Definition) -> None:
    kinds: dict[str, tuple[tuple[type, ...], str]] = {
        "int": ((int,), "a whole number"),
        "float": ((int, float), "a number"),
        "str": ((str,), "a word"),
        "bool": ((bool,), "true or false"),
        "Pcen | None": ((Pcen, type(None)), "the numbers of PCEN, or none"),
    }
    for field in fields(definition):
        value, (allowed, wanted) = getattr(definition, field.name), kinds[str(field.type)]
        if type(value) not in allowed:
            raise Refusal(f"{field.name} of frames is {value!r:.40}: wants {wanted}")


def _check_ranges(definition: Definition) -> None:
    for name, (low, high) in RANGES.items():
        value = getattr(definition, name)
        if not low <= value <= high:
            raise Refusal(f"{name} of frames is {value:g}: wants {low:g} to {high:g}")
    if definition.hop > definition.window:
        raise Refusal(
            f"hop of frames is {definition.hop} samples and steps over some between windows of {definition.window}: "
            f"wants {definition.window} or less"
        )
    if definition.fft < definition.window or definition.fft % 2:
        raise Refusal(
            f"fft of frames is {definition.fft}: wants an even number, {definition.window} (the window) or more"
        )
    longest = LONGEST * power_of_two(definition.window)
    if definition.fft > longest:
        raise Refusal(f"fft of frames is {definition.fft}: wants {longest} or less for a window of {definition.window}")
    if definition.fft * definition.bands > WEIGHTS:
        raise Refusal(f"fft of frames times bands is {definition.fft * definition.bands:,}: wants {WEIGHTS:,} or less")


def _check_words(definition: Definition) -> None:
    for name, words in WORDS.items():
        value = getattr(definition, name)
        if value not in words:
            raise Refusal(f"{name} of frames is {value!r:.40}: wants {', '.join(words[:-1])} or {words[-1]}")
    cosines = definition.kind == "mfcc"
    if cosines != (1 <= definition.coefficients <= definition.bands):
        wanted = f"1 to {definition.bands}, the bands" if cosines else "0, as kind is log_mel"
        raise Refusal(f"coefficients of frames is {definition.coefficients}: wants {wanted}")
    if definition.lifter and not cosines:
        raise Refusal(f"lifter of frames is {definition.lifter:g}: wants 0, as kind is log_mel")
    if definition.pcen is not None and (cosines or definition.energy or definition.logarithm != "natural"):
        raise Refusal("pcen of frames takes the place of a logarithm: wants kind log_mel without energy or decibels")


def _check_bands(definition: Definition) -> None:
    top = definition.rate / 2
    if not definition.low < definition.high <= top:
        raise Refusal(
            f"bands of frames lie between {definition.low:g} and {definition.high:g} Hz: wants low below high, "
            f"and high at most {top:g} Hz, which is as high as a rate of {definition.rate} reaches"
        )
    empty = without_bins(*_bands(definition))
    if len(empty):
        apart = definition.rate / definition.fft
        raise Refusal(
            f"{len(empty)} of {definition.bands} bands of frames, number {empty[0] + 1} first, lie between two bins "
            f"{apart:g} Hz apart and would hold nothing: wants fewer bands, or a longer fft"
        )


def _object(data: object, names: set[str], what: str) -> dict[str, Any]:
    """A copy of the JSON object, if it has just these keys."""
    if not isinstance(data, dict) or set(data) != names:
        found = sorted(map(str, data))[:8] if isinstance(data, dict) else type(data).__name__
        raise Refusal(f"{what} holds {found}: wants an object with {', '.join(sorted(names))}.")
    return dict(data)
