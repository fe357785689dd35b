"""What is heard where nobody speaks: pieces of recordings in bounded memory, and windows drawn from them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from melisma.below import SOUNDS, files_below
from melisma.errors import Refusal
from melisma.quoting import shown_path
from melisma.sound.resample import Samples
from melisma.sound.wave import blocks

PIECE = 20.0  # seconds of a long recording that are kept or left as one
LEAST = 0.25  # seconds; to repeat less would hum
FADE = 0.05  # seconds of crossfade where a short recording begins again
SILENCE = 2.0**-15  # no louder than one step of 16 bits: padding


@dataclass(frozen=True, eq=False)
class Background:
    """Recordings of background sound, in memory: pieces of each, at one rate."""

    rate: int
    recordings: tuple[tuple[Samples, ...], ...]  # pieces (n,) of each recording
    left_out: tuple[str, ...] = ()  # a sentence for each file of which nothing was kept

    @classmethod
    def of(
        cls, paths: Sequence[str | os.PathLike[str]], rate: int, seed: int = 0, seconds: float = 600.0
    ) -> Background:
        """The sound of these files, and of those in these folders, of which ``seconds`` in all are kept.

        Each file is read once, in pieces of 20 s. Where there are more than fit, pieces are drawn by ``seed``, evenly
        within a recording (reservoir sampling, Vitter 1985), and the longest recordings give way first. Digital silence
        at the ends of a piece is cut. What cannot be read is left out and named. Refuses paths that are not there, and
        those without any sound.
        """
        kept = _Kept(max(1, round(seconds * rate)), np.random.default_rng(seed))
        most = max(1, round(seconds / PIECE))
        left_out = []
        for path in _files(paths):
            try:
                pieces = _pieces(path, rate, most, kept.random)
            except Refusal as refused:
                left_out.append(str(refused))
                continue
            if pieces:
                kept.add(path, pieces)
            else:
                left_out.append(f"{shown_path(path)} is silent, or shorter than {LEAST:g} s")
        if not kept.pieces:
            names = ", ".join(shown_path(path) for path in paths[:3]) or "an empty list"
            raise Refusal(f"{names} holds no background sound: {(left_out or ['there is no sound file'])[0]}")
        left_out += [f"{shown_path(path)} found no room in {seconds:g} s of background sound" for path in kept.gone]
        return cls(rate, tuple(map(tuple, kept.pieces.values())), tuple(left_out))

    @property
    def seconds(self) -> float:
        """How long all that is kept would play."""
        return sum(len(piece) for pieces in self.recordings for piece in pieces) / self.rate

    def window(self, count: int, random: np.random.Generator) -> Samples:
        """``count`` samples from anywhere: of a recording evenly drawn, of one of its pieces, and where it begins.

        A piece that is shorter begins again, crossfaded. Draws three values. Not to be written to.
        """
        drawn = random.random(3)
        pieces = self.recordings[int(drawn[0] * len(self.recordings))]
        piece = pieces[int(drawn[1] * len(pieces))]
        begins = len(piece) - count + 1 if count <= len(piece) else len(piece)
        return looped(piece, int(drawn[2] * begins), count, self.rate)


def looped(recording: Samples, begin: int, count: int, rate: int) -> Samples:
    """``count`` samples of a recording (n,) from ``begin`` on; at its end it begins again, crossfaded over 50 ms."""
    if begin + count <= len(recording):
        return recording[begin : begin + count]
    fade = min(round(FADE * rate), len(recording) // 2)
    period = len(recording) - fade
    rise = np.sin((np.arange(fade, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / max(fade, 1)))
    cycle = recording[:period].copy()
    cycle[:fade] = cycle[:fade] * rise + recording[period:] * rise[::-1]
    return np.take(cycle, np.arange(begin, begin + count), mode="wrap")


@dataclass
class _Kept:
    """The pieces that there is room for."""

    room: int  # samples that still fit
    random: np.random.Generator
    pieces: dict[Path, list[Samples]] = field(default_factory=dict)
    gone: list[Path] = field(default_factory=list)

    def add(self, path: Path, pieces: list[Samples]) -> None:
        """Keeps a recording; the longest ones give way to it, among equals any."""
        self.pieces[path] = pieces
        self.room -= sum(map(len, pieces))
        while self.room < 0 and (len(self.pieces) > 1 or len(pieces) > 1):
            most = max(map(len, self.pieces.values()))
            longest = [each for each, some in self.pieces.items() if len(some) == most]
            yielding = longest[int(self.random.random() * len(longest))]
            self.room += len(self.pieces[yielding].pop(int(self.random.random() * most)))
            if most == 1:
                del self.pieces[yielding]
                self.gone.append(yielding)


def _files(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    for path in map(Path, paths):
        if not path.exists():
            raise Refusal(f"{shown_path(path)} does not exist: wants a file of background sound, or a folder of them")
        if path.is_dir():
            yield from (Path(each) for each in files_below(str(path)) if each.lower().endswith(SOUNDS))
        else:
            yield path


def _pieces(path: Path, rate: int, most: int, random: np.random.Generator) -> list[Samples]:
    """At most so many pieces of a file, evenly drawn, in their order."""
    kept: list[tuple[int, Samples]] = []
    for i, block in enumerate(blocks(path, rate, seconds=PIECE)):
        place = i if i < most else int(random.random() * (i + 1))
        if place < most:
            kept[place : place + 1] = [(i, _trimmed(block))]
    return [block for _, block in sorted(kept, key=lambda each: each[0]) if len(block) >= LEAST * rate]


def _trimmed(samples: Samples) -> Samples:
    """Without digital silence at its ends."""
    sounding = np.flatnonzero(np.abs(samples) > SILENCE)
    return samples[sounding[0] : sounding[-1] + 1].copy() if len(sounding) else samples[:0]
