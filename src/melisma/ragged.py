"""Sequences of different lengths without padding; the only place that pads, masks, sorts and fills.

Three sequences ``a b c d``, ``x y`` and ``p q r``, in the caller's order, become one block of rows, ordered by
(step, slot), the longest sequence in slot 0::

      slot 0   a  b  c  d          rows   a p x | b q y | c r | d
      slot 1   p  q  r             live   3       3       2     1
      slot 2   x  y                place  0 2 1   (slot -> position in the caller's order)

Each time step is one contiguous slice of the rows, so a time loop needs no mask and finished sequences cost nothing.
It is the layout of torch's ``PackedSequence``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

FILLER = 16  # a matrix product of fewer rows may round differently: smaller ones are filled up to this many

_exact: ContextVar[bool] = ContextVar("exact", default=False)


@contextmanager
def exactly() -> Iterator[None]:
    """Within it row-wise products have exactly ``FILLER`` rows: no row's bits depend on how many others there are."""
    token = _exact.set(True)
    try:
        yield
    finally:
        _exact.reset(token)


def exact() -> bool:
    """Whether answers are owed bit for bit (see ``exactly``)."""
    return _exact.get()


def filled(f: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """Rows (N, *F) -> ``f(rows)`` (N, *G), ``f`` row-wise; fillers where the number of rows could change bits."""
    count = len(rows)
    if count >= FILLER and not exact():
        return f(rows)
    if not exact():
        return f(_up_to(rows, FILLER))[:count]
    blocks = (
        [f(_up_to(block, FILLER))[: len(block)] for block in torch.split(rows, FILLER)]
        if count
        else [f(_up_to(rows, FILLER))[:0]]
    )
    return torch.cat(blocks)


def _up_to(rows: Tensor, count: int) -> Tensor:
    missing = count - len(rows)
    return torch.cat((rows, rows.new_zeros(missing, *rows.shape[1:]))) if missing else rows.contiguous()


@dataclass(frozen=True, eq=False)
class Ragged:
    """B sequences without padding: ``rows`` (N, *F), N the sum of lengths; ``live[t]`` of them run at step t."""

    rows: Tensor  # (N, *F), ordered by (step, slot)
    live: tuple[int, ...]  # never increases; as many entries as the longest sequence has steps
    place: Tensor  # (B,) slot -> position in the caller's order

    def __post_init__(self) -> None:
        if sum(self.live) != len(self.rows):
            raise ValueError(f"{len(self.rows)} rows cannot hold sequences that need {sum(self.live)}")

    @staticmethod
    def of(sequences: Sequence[Tensor]) -> Ragged:
        """From B tensors (T_b, *F), in the caller's order."""
        return Ragged.from_flat(torch.cat(tuple(sequences)), torch.tensor([len(sequence) for sequence in sequences]))

    @staticmethod
    def of_symbols(sequences: Sequence[Sequence[int]]) -> Ragged:
        """From B lists of symbol numbers, in the caller's order; rows are (N,) int64."""
        flat = torch.tensor([symbol for sequence in sequences for symbol in sequence], dtype=torch.int64)
        return Ragged.from_flat(flat, torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64))

    @staticmethod
    def from_flat(flat: Tensor, lengths: Tensor) -> Ragged:
        """From the sequences one after another, ``flat`` (N, *F), and their ``lengths`` (B,), in the caller's order."""
        lengths = lengths.cpu()
        live, place = _layout(lengths)
        if not live:
            return Ragged(flat[:0], (), place.to(flat.device))
        index = _flat_rows(lengths, live, place).to(flat.device)
        rows = torch.empty_like(flat)
        rows[index] = flat
        return Ragged(rows, live, place.to(flat.device))

    @staticmethod
    def of_even(padded: Tensor) -> Ragged:
        """From B sequences of T steps each, (T, B, *F), in the caller's order."""
        steps, batch = padded.shape[:2]
        rows = padded.reshape(steps * batch, *padded.shape[2:])
        return Ragged(rows, (batch,) * steps if batch else (), torch.arange(batch, device=padded.device))

    @staticmethod
    def step(rows: Tensor) -> Ragged:
        """B sequences of one step: rows (B, *F)."""
        return Ragged(rows, (len(rows),) if len(rows) else (), torch.arange(len(rows), device=rows.device))

    @staticmethod
    def none(batch: int, *shape: int, like: Tensor) -> Ragged:
        """B sequences of length 0 whose rows would be (0, *shape), with the type and device of ``like``."""
        return Ragged(like.new_empty(0, *shape), (), torch.arange(batch, device=like.device))

    @property
    def batch(self) -> int:
        """How many sequences there are, those of length 0 included."""
        return len(self.place)

    @property
    def even(self) -> bool:
        """Whether all sequences have one length, 1 or more; sorting then left them as they were, slot = position."""
        return bool(self.live) and self.live[-1] == self.batch

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each step's rows begin, and N at the end: one entry more than ``live``."""
        return tuple(accumulate(self.live, initial=0))

    @cached_property
    def slot_lengths(self) -> Tensor:
        """(B,) lengths by slot: descending."""
        if self.even:
            return torch.full((self.batch,), len(self.live), device=self.place.device)
        live = torch.tensor(self.live, device=self.place.device)
        return (torch.arange(self.batch, device=self.place.device)[:, None] < live[None, :]).sum(1)

    @cached_property
    def slots(self) -> Tensor:
        """(B,) position in the caller's order -> slot: the inverse of ``place``."""
        if self.even:
            return self.place
        return torch.empty_like(self.place).scatter_(0, self.place, torch.arange(self.batch, device=self.place.device))

    @cached_property
    def row_slots(self) -> Tensor:
        """(N,) the slot that each row belongs to."""
        live = torch.tensor(self.live, dtype=torch.int64)
        starts = torch.repeat_interleave(torch.tensor(self.offsets[:-1], dtype=torch.int64), live)
        return (torch.arange(len(self.rows)) - starts).to(self.place.device)

    @cached_property
    def row_steps(self) -> Tensor:
        """(N,) the step that each row belongs to."""
        live = torch.tensor(self.live, dtype=torch.int64)
        return torch.repeat_interleave(torch.arange(len(self.live)), live).to(self.place.device)

    @cached_property
    def preceding(self) -> Tensor:
        """(M,) for each row but those of the first step, the row of its sequence one step before."""
        counts = torch.tensor(self.live[1:], dtype=torch.int64)
        shifts = torch.repeat_interleave(torch.tensor(self.live[:-1], dtype=torch.int64), counts)
        return (torch.arange(self.live[0], len(self.rows)) - shifts).to(self.place.device)

    @cached_property
    def following(self) -> Tensor:
        """(N,) for each row the row of its sequence one step later; any where there is none."""
        live = torch.tensor(self.live, dtype=torch.int64)
        later = torch.arange(len(self.rows)) + torch.repeat_interleave(live, live)
        return later.clamp(max=len(self.rows) - 1).to(self.place.device)

    @cached_property
    def ends_at(self) -> Tensor:
        """(M,) the last row of each sequence that has one, by slot."""
        if self.even:
            return self.place + (len(self.rows) - self.batch)
        lengths = self.slot_lengths[: self.live[0]]
        offsets = torch.tensor(self.offsets, device=self.place.device)
        return offsets[lengths - 1] + torch.arange(len(lengths), device=self.place.device)

    @cached_property
    def mirror(self) -> Tensor:
        """(N,) for each row the one that stands as far from the end of its sequence as it does from the beginning."""
        offsets = torch.tensor(self.offsets, device=self.place.device)
        return offsets[self.slot_lengths[self.row_slots] - 1 - self.row_steps] + self.row_slots

    @cached_property
    def spots(self) -> Tensor:
        """(N,) where each row stands in the padded form (B, T), counted through."""
        return self.owners * len(self.live) + self.row_steps

    @cached_property
    def there(self) -> Tensor:
        """(B, T) true where a row stands in the padded form."""
        return torch.arange(len(self.live), device=self.place.device)[None, :] < self.lengths()[:, None]

    @cached_property
    def beds(self) -> Tensor:
        """(B * T,) the row that stands at each place of the padded form; -1 where none does."""
        none = self.place.new_full((self.batch * len(self.live),), -1)
        return none.scatter_(0, self.spots, torch.arange(len(self.rows), device=self.place.device))

    @cached_property
    def owners(self) -> Tensor:
        """(N,) the sequence that each row belongs to, as its position in the caller's order."""
        return self.place[self.row_slots]

    def lengths(self) -> Tensor:
        """(B,) lengths in the caller's order."""
        if self.even:
            return self.slot_lengths
        return self.slot_lengths[self.slots]

    def with_rows(self, rows: Tensor) -> Ragged:
        """The same sequences with other rows (N, *G)."""
        return Ragged(rows, self.live, self.place)

    def map(self, f: Callable[[Tensor], Tensor]) -> Ragged:
        """``f`` on every row, (N, *F) -> (N, *G): it has no neighbour to see, and filler rows keep its bits."""
        return self.with_rows(filled(f, self.rows))

    def padded(self, fill: float = 0.0) -> tuple[Tensor, Tensor]:
        """(B, T, *F) in the caller's order, ``fill`` written where nothing is, and (B, T) true where something is."""
        steps = len(self.live)
        flat = _Padded.apply(self.rows, self.beds, self.spots, fill)  # type: ignore[no-untyped-call]
        return flat.view(self.batch, steps, *self.rows.shape[1:]), self.there

    def gathered(self, padded: Tensor) -> Ragged:
        """The rows of a padded (B, T, *G), in the caller's order, as sequences of these lengths."""
        flat = padded.reshape(-1, *padded.shape[2:])
        return self.with_rows(_Gathered.apply(flat, self.beds, self.spots))  # type: ignore[no-untyped-call]

    def reversed(self) -> Ragged:
        """Each sequence backwards, within its own length."""
        if not self.live:
            return self
        return self.with_rows(_Mirrored.apply(self.rows, self.mirror))  # type: ignore[no-untyped-call]

    def flat(self) -> Tensor:
        """(N, *F) the sequences one after another, in the caller's order."""
        if not self.live:
            return self.rows
        return self.rows[_flat_rows(self.lengths().cpu(), self.live, self.place.cpu()).to(self.rows.device)]

    def sequences(self) -> list[Tensor]:
        """B tensors (T_b, *F), in the caller's order."""
        return list(torch.split(self.flat(), self.lengths().tolist()))

    def ends(self) -> tuple[Tensor, Tensor]:
        """(B, *F) the first and the last row of each sequence, in the caller's order; each must have a row or more."""
        slots = self.slots
        offsets = torch.tensor(self.offsets, device=self.place.device)
        return self.rows[slots], self.rows[offsets[self.slot_lengths - 1][slots] + slots]

    def take(self, positions: Tensor) -> Ragged:
        """These sequences, by position in the caller's order: some left out, some repeated."""
        if self.even:
            return Ragged.of_even(self._even().index_select(1, positions))
        laid = Ragged._laid(self.lengths()[positions])
        return laid.with_rows(self._of(positions[laid.owners], laid.row_steps))

    def _of(self, owners: Tensor, steps: Tensor) -> Tensor:
        """(N, *F) the rows of these sequences at these steps."""
        return self.rows.index_select(0, self._at(owners, steps))

    def _at(self, owners: Tensor, steps: Tensor) -> Tensor:
        """(N,) where the rows of these sequences at these steps stand; anything where a sequence has no such step."""
        offsets = torch.tensor(self.offsets, device=self.place.device)
        return offsets[steps.clamp(0, len(self.live))] + self.slots[owners]

    def _even(self) -> Tensor:
        """(T, B, *F) the rows by step and slot, where all sequences have one length."""
        return self.rows.view(len(self.live), self.batch, *self.rows.shape[1:])

    @staticmethod
    def _laid(lengths: Tensor) -> Ragged:
        """Sequences of these lengths (B,) without anything in their rows."""
        live, place = _layout(lengths.cpu())
        return Ragged(torch.empty(sum(live), 0, device=lengths.device), live, place.to(lengths.device))

    def join(self, other: Ragged) -> Ragged:
        """Each sequence followed by its continuation in ``other`` (the same B, in the caller's order)."""
        if self.batch != other.batch:
            raise ValueError(f"{self.batch} sequences cannot be continued by {other.batch}")
        if not other.live:
            return self
        if not self.live:
            return other
        if self.even and other.even:
            return Ragged(torch.cat((self.rows, other.rows)), self.live + other.live, self.place)
        before, lengths = self.lengths(), self.lengths() + other.lengths()
        laid = Ragged._laid(lengths)
        steps, owners = laid.row_steps, laid.owners
        later = steps - before[owners]
        own, others = self._at(owners, steps), other._at(owners, later) + len(self.rows)
        return laid.with_rows(torch.cat((self.rows, other.rows)).index_select(0, torch.where(later < 0, own, others)))

    def split(self, counts: Tensor) -> tuple[Ragged, Ragged]:
        """The first ``counts`` (B,) rows of each sequence, and the rest; in the caller's order."""
        lengths = self.lengths()
        first, rest = Ragged._laid(counts.minimum(lengths)), Ragged._laid((lengths - counts).clamp(min=0))
        later = rest.row_steps + counts[rest.owners]
        return first.with_rows(self._of(first.owners, first.row_steps)), rest.with_rows(self._of(rest.owners, later))

    def windows(self, width: int, stride: int) -> tuple[Ragged, Ragged]:
        """Of each sequence its windows of ``width`` rows, one every ``stride``, (N', width, *F); and what is left.

        What is left begins where the first window would that is not whole.
        """
        if not self.live:
            return self.with_rows(self.rows.new_empty(0, width, *self.rows.shape[1:])), self
        if self.even:
            return self._even_windows(width, stride)
        lengths = self.lengths()
        counts = ((lengths - width).div(stride, rounding_mode="floor") + 1).clamp(min=0)
        laid, left = Ragged._laid(counts), Ragged._laid(lengths - counts * stride)
        steps = laid.row_steps[:, None] * stride + torch.arange(width, device=lengths.device)
        index = self._at(laid.owners[:, None], steps)
        frames = self.rows.index_select(0, index.view(-1)).view(-1, width, *self.rows.shape[1:])
        beyond = left.row_steps + counts[left.owners] * stride
        return laid.with_rows(frames), left.with_rows(self._of(left.owners, beyond))

    def _even_windows(self, width: int, stride: int) -> tuple[Ragged, Ragged]:
        rows, features, live = self._even(), self.rows.shape[1:], self.live[:1]
        count = max(0, (len(rows) - width) // stride + 1)
        reach = (count - 1) * stride + 1 if count else 0
        frames = torch.stack([rows[k : k + reach : stride] for k in range(width)], 2).view(-1, width, *features)
        left = self.rows[count * stride * self.batch :]
        return Ragged(frames, live * count, self.place), Ragged(left, self.live[count * stride :], self.place)

    @staticmethod
    def zeros(lengths: Tensor, *shape: int, like: Tensor) -> Ragged:
        """Sequences of these lengths (B,) that are zero: rows (N, *shape), with the type and device of ``like``."""
        laid = Ragged._laid(lengths.to(like.device))
        return laid.with_rows(like.new_zeros(len(laid.rows), *shape))

    def to(self, device: torch.device | str) -> Ragged:
        """The same sequences on another device."""
        return Ragged(self.rows.to(device, non_blocking=True), self.live, self.place.to(device, non_blocking=True))


class _Padded(torch.autograd.Function):
    """Rows (N, *F) -> (P, *F), ``fill`` where there is none; a copy each way, as no row stands in two places."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, beds: Tensor, spots: Tensor, fill: float) -> Tensor:
        ctx.save_for_backward(beds, spots)
        return _laid(rows, beds, fill)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        beds, spots = ctx.saved_tensors
        return _Gathered.apply(gradient, beds, spots), None, None, None  # type: ignore[no-untyped-call]


class _Gathered(torch.autograd.Function):
    """The way back: (P, *F) -> rows (N, *F)."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, beds: Tensor, spots: Tensor) -> Tensor:
        ctx.save_for_backward(beds, spots)
        return padded.index_select(0, spots)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        beds, spots = ctx.saved_tensors
        return _Padded.apply(gradient, beds, spots, 0.0), None, None  # type: ignore[no-untyped-call]


class _Mirrored(torch.autograd.Function):
    """Rows in another order, which taken twice is the first."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, mirror: Tensor) -> Tensor:
        ctx.save_for_backward(mirror)
        return rows.index_select(0, mirror)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (mirror,) = ctx.saved_tensors
        return _Mirrored.apply(gradient, mirror), None  # type: ignore[no-untyped-call]


def _laid(rows: Tensor, beds: Tensor, fill: float) -> Tensor:
    if not len(rows):
        return rows.new_full((len(beds), *rows.shape[1:]), fill)
    found = rows.index_select(0, beds.clamp(min=0))
    return found.index_fill_(0, (beds < 0).nonzero()[:, 0], fill)


def _layout(lengths: Tensor) -> tuple[tuple[int, ...], Tensor]:
    """``live`` and ``place`` for sequences of these lengths (B,), sorted stably, the longest first."""
    place = torch.argsort(lengths, descending=True, stable=True)
    if not len(lengths) or not int(lengths.max()):
        return (), place
    counts = torch.bincount(lengths)
    live = len(lengths) - torch.cumsum(counts, 0)[:-1]
    return tuple(live.tolist()), place


def _flat_rows(lengths: Tensor, live: Sequence[int], place: Tensor) -> Tensor:
    """(N,) for each row of the flat form (caller's order, one sequence after another) its number in the ragged rows."""
    slots = torch.empty_like(place)
    slots[place] = torch.arange(len(place))
    starts = torch.cumsum(lengths, 0) - lengths
    steps = torch.arange(int(lengths.sum())) - torch.repeat_interleave(starts, lengths)
    offsets = torch.tensor(list(accumulate(live, initial=0)))
    return offsets[steps] + torch.repeat_interleave(slots, lengths)
