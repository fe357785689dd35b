"""What searches over frames answer: symbols, each with where it was heard and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Failure

BLANK = 0
"""The symbol by which a frame says nothing new; before and after a text, where it cannot be, it begins and ends it."""


class Spoken(NamedTuple):
    """One symbol at its place; frames are counted from the beginning of the stream."""

    symbol: int
    begin: int  # its first frame
    end: int  # the frame after its last
    peak: int  # the frame in which it is likeliest, the first of equal ones
    confidence: float  # its probability in that frame


@dataclass(frozen=True)
class Heard:
    """One answer of a search over frames.

    ``log_probability`` (nats) is that of the frames alone, and ``score`` what answers are ranked by: with a language
    model, a constraint or hot words it holds what they add. ``spoken`` has one entry a symbol.
    """

    symbols: tuple[int, ...]
    score: float
    log_probability: float
    spoken: tuple[Spoken, ...]


def checked(log_probabilities: NDArray[Any], symbols: int, frame: int) -> NDArray[np.float64]:
    """The frames (T, V) as they are searched; ``frame`` is the number of the first.

    Raises ValueError for another shape and Failure for a frame that is not a number, which is what a model gives whose
    weights or input are none.
    """
    if log_probabilities.ndim != 2 or log_probabilities.shape[1] != symbols:
        raise ValueError(f"log-probabilities: {log_probabilities.shape}, wanted (frames, {symbols})")
    frames = log_probabilities.astype(np.float64)
    wrong = ~(frames < np.inf).all(1)
    if wrong.any():
        raise Failure(
            f"frame {frame + int(wrong.argmax()):,} of the sound has log-probabilities that are not numbers: the"
            " model's weights or what it was given are not finite."
        )
    return frames
