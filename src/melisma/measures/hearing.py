"""What a recogniser in training hears: numbers that tell whether it has begun to, and what to do where it has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal

SILENT = 0.02  # of the wanted symbols: who says fewer says nothing
TERSE = 0.5
VERBOSE = 1.5
IMPOSSIBLE = 0.02  # of the clips: more than that weigh on the training


@dataclass(frozen=True)
class Hearing:
    """Counts over clips, which add up: what the best path through each says, and what should have been said."""

    clips: int
    frames: int
    blanks: int  # frames whose likeliest symbol is the blank
    decoded: int  # symbols that the best path says
    wanted: int  # symbols of the references
    empty: int  # clips in which nothing was heard, though something was said
    impossible: int = 0  # clips with fewer frames than their reference needs

    def __add__(self, other: Hearing) -> Hearing:
        """Both together."""
        return Hearing(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def blank_share(self) -> float:
        """Share of frames whose likeliest symbol is the blank."""
        return self.blanks / max(1, self.frames)

    @property
    def length_ratio(self) -> float:
        """Decoded symbols over wanted ones: 1 where as much is heard as was said."""
        return self.decoded / max(1, self.wanted)

    @property
    def empty_share(self) -> float:
        """Share of clips in which nothing was heard, though something was said."""
        return self.empty / max(1, self.clips)

    def diagnosis(self) -> str | None:
        """One sentence of what is wrong, with what helps; None where nothing is."""
        if not self.wanted:
            return None
        if self.impossible > IMPOSSIBLE * self.clips:
            return (
                f"{self.impossible:,} of {self.clips:,} clips have fewer frames than their transcript needs: "
                "shorten the step of the frames or the strides, or mend the transcripts."
            )
        if self.length_ratio < SILENT:
            return (
                f"All is blank ({100 * self.blank_share:.1f} % of frames): usual in the first epochs; where it stays, "
                "lower the learning rate, warm up longer, begin with short clips, and see that features are scaled."
            )
        if self.length_ratio < TERSE:
            return (
                f"Only {100 * self.length_ratio:.0f} % of the symbols are heard: it is still learning when to speak; "
                "train longer."
            )
        if self.length_ratio > VERBOSE:
            return (
                f"{self.length_ratio:.1f} times as many symbols are heard as were said: "
                "it says what is not there; train longer, or add clips of noise without words."
            )
        return None


def hearing(
    paths: Sequence[NDArray[np.integer]], wanted: Sequence[int], blank: int = 0, impossible: int = 0
) -> Hearing:
    """Counts of the likeliest symbol in each frame (T,) of each clip, against how many symbols each should say.

    Decoding takes runs of a symbol for one and leaves blanks out (Graves et al. 2006, eq. 1). Refuses other numbers of
    both.
    """
    if len(paths) != len(wanted):
        raise Refusal(f"{len(paths)} clips and {len(wanted)} references: there must be as many of both.")
    lengths = [decoded_length(path, blank) for path in paths]
    return Hearing(
        clips=len(paths),
        frames=sum(map(len, paths)),
        blanks=sum(int((path == blank).sum()) for path in paths),
        decoded=sum(lengths),
        wanted=sum(wanted),
        empty=sum(not length and bool(right) for length, right in zip(lengths, wanted)),
        impossible=impossible,
    )


def decoded_length(path: NDArray[np.integer], blank: int = 0) -> int:
    """How many symbols a best path (T,) says: its runs of anything but the blank."""
    if not len(path):
        return 0
    new = np.concatenate(([True], path[1:] != path[:-1]))
    return int((new & (path != blank)).sum())
