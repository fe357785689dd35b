"""What a recogniser in training hears: numbers that tell whether it has begun to, and what to do where it has not."""

from __future__ import annotations

from dataclasses import dataclass

SILENT = 0.02  # of the wanted symbols: who says fewer says nothing
TERSE = 0.5
VERBOSE = 1.5


@dataclass(frozen=True)
class Hearing:
    """Counts over clips, which add up: what the best path through each says, and what should have been said."""

    frames: int
    blanks: int  # frames whose likeliest symbol is the blank
    decoded: int  # symbols that the best path says
    wanted: int  # symbols of the references

    @property
    def blank_share(self) -> float:
        """Share of frames whose likeliest symbol is the blank."""
        return self.blanks / max(1, self.frames)

    @property
    def length_ratio(self) -> float:
        """Decoded symbols over wanted ones: 1 where as much is heard as was said."""
        return self.decoded / max(1, self.wanted)

    def diagnosis(self) -> str | None:
        """One sentence of what is wrong, with what helps; None where nothing is."""
        if not self.wanted:
            return None
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
