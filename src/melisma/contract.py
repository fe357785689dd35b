"""What cells, layers and steps are: a sequence model is a state and a step.

State is always an explicit value: a (nested) ``NamedTuple`` of tensors with the sequences along the first axis, in the
caller's order. Everything that isn't a tensor in it is carried along untouched.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol, TypeGuard, TypeVar

import torch
from torch import Generator, Tensor

from melisma.ragged import Ragged

S = TypeVar("S")


def over(f: Callable[..., Any], *states: Any) -> Any:
    """``f`` on the tensors (or Ragged sequences) at the same place of each state; the rest is the first one's."""
    first = states[0]
    if isinstance(first, (Tensor, Ragged)):
        return f(*states)
    if isinstance(first, tuple):
        parts = [over(f, *parts) for parts in zip(*states)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return first


def take(state: S, slots: Tensor) -> S:
    """Reorders, repeats or drops sequences: beams, finished streams. ``slots`` (R,) int64, as they are to stand."""
    result: S = over(lambda leaf: leaf.take(slots) if isinstance(leaf, Ragged) else leaf.index_select(0, slots), state)
    return result


def joined(states: list[S]) -> S:
    """States of several groups of sequences as one, one group after another."""
    result: S = over(_beside, *states)
    return result


def _beside(*leaves: Any) -> Any:
    if isinstance(leaves[0], Ragged):
        return Ragged.from_flat(
            torch.cat([leaf.flat() for leaf in leaves]), torch.cat([leaf.lengths() for leaf in leaves])
        )
    return torch.cat(leaves)


def part(state: S, begin: int, end: int) -> S:
    """The sequences ``begin`` to ``end`` of a state."""
    result: S = over(
        lambda leaf: leaf.take(torch.arange(begin, end)) if isinstance(leaf, Ragged) else leaf[begin:end], state
    )
    return result


def detached(state: S) -> S:
    """The same values, cut off from what made them: truncated backpropagation through time hands this on."""
    result: S = over(
        lambda leaf: leaf.with_rows(leaf.rows.detach()) if isinstance(leaf, Ragged) else leaf.detach(), state
    )
    return result


class Cell(Protocol):
    """One step of memory: what the writer of a new recurrence implements. I in, H kept and given out."""

    input_size: int
    hidden_size: int

    def start(self, batch: int, random: Generator | None = None) -> Any:
        """The state before the first step, of ``batch`` sequences."""

    def enter(self, x: Tensor) -> Tensor:
        """The memoryless half, for all steps in one product: (N, I) -> (N, G)."""

    def step(self, state: Any, entered: Tensor) -> tuple[Any, Tensor]:
        """One step: state of B sequences and (B, G) -> the next state and the output (B, H)."""


class GatedCell(Cell, Protocol):
    """A cell that reads its input and its memory through one product each: the fast path of ``scan``.

    What enters is ``x @ weight.T + bias``, the memory's product ``h @ recurrent.T + recurrent_bias``. ``gates`` and
    ``gates_backward`` are pure arithmetic on rows, without autograd, written where they are told: ``scan`` derives the
    rest from them.
    """

    weight: Tensor  # (G, I)
    bias: Tensor  # (G,)
    recurrent: Tensor  # (G, H)
    recurrent_bias: Tensor | None  # (G,); None: the cell knows nothing but the sum of what entered and the product

    def gates(
        self, state: tuple[Tensor, ...], entered: Tensor, product: Tensor, out: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        """(state, entered (B, G), product (B, G)) -> what the backward needs; the next state is written to ``out``.

        Both may be overwritten; without ``recurrent_bias`` they are one, their sum. What is given back must not be a
        part of ``out``.
        """

    def gates_backward(
        self,
        gradient: tuple[Tensor, ...],
        state: tuple[Tensor, ...],
        kept: tuple[Tensor, ...],
        out: tuple[Tensor, Tensor],
    ) -> bool:
        """The gradient of the next state becomes that of the one before, but for what goes through the product.

        ``out`` gets the gradients of ``entered`` and ``product``, which are one without ``recurrent_bias``. False: all
        of the gradient of ``h`` goes through the product, and what stands in its place means nothing.
        """


def is_gated(cell: Cell) -> TypeGuard[GatedCell]:
    """Whether a cell has gates of its own, and so may take the fast path."""
    return hasattr(cell, "gates") and hasattr(cell, "gates_backward")


class Layer(Protocol):
    """Sequence -> sequence, chunk by chunk. The whole is ``feed``, then ``flush``; any cutting gives the whole."""

    delay: int | None  # input steps that an output needs beyond its own place; None: it needs the end
    ratio: Fraction  # outputs per input

    def start(self, batch: int, random: Generator | None = None) -> Any:
        """The state before the first chunk; with ``random`` also the masks of dropout, without it there is none."""

    def feed(self, state: Any, x: Ragged) -> tuple[Any, Ragged]:
        """One more chunk of each sequence -> what can be said by now."""

    def flush(self, state: Any) -> tuple[Any, Ragged | None]:
        """The sequences have ended -> the rest; None: nothing was held back."""


def whole(layer: Layer, x: Ragged, random: Generator | None = None) -> Ragged:
    """Whole sequences through a layer at once."""
    state, y = layer.feed(layer.start(x.batch, random), x)
    rest = layer.flush(state)[1]
    return y if rest is None else y.join(rest)


class Step(Protocol):
    """One step of decoding: what search knows of a model.

    Rows are grouped by sentence: of R rows and S sentences, row r belongs to sentence r // (R // S).
    """

    extent: Tensor  # (S,) how many positions of a sentence's trace are real

    def __call__(self, state: Any, symbols: Tensor) -> tuple[Any, Tensor, Tensor | None]:
        """State of R rows, last symbols (R,) -> state, log-probabilities (R, V), what was looked at (R, T) or None."""

    def keep(self, sentences: Tensor) -> Step:
        """The step for these sentences alone: the others are finished."""


def leaves(state: Any) -> list[Tensor]:
    """The tensors of a state, in order; a state with Ragged sequences in it has no such list."""
    found: list[Tensor] = []
    over(lambda leaf: found.append(leaf), state)
    return found


def rebuilt(state: S, tensors: list[Tensor]) -> S:
    """The state with these tensors in place of its own, in the order of ``leaves``."""
    rest = iter(tensors)
    result: S = over(lambda leaf: next(rest), state)
    return result
