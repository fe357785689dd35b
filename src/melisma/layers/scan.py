"""The one time loop: a cell over whole sequences, finished sequences leaving the rows.

The plain loop calls ``cell.step``; the fast path does the same for a ``GatedCell`` with a backward of its own: the
input's product for all steps at once, one product of memory a step, the weights' gradient in one product after the
loop. Nothing is copied that can be made where it belongs: what entered becomes the gates, and a step's gradients are
rows of what the last products take whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from melisma.contract import Cell, GatedCell, is_gated, joined, part, take
from melisma.layers.packed import Packed
from melisma.ragged import FILLER, Ragged, exact, filled


def scan(cell: Cell, x: Ragged, state: Any, *, backwards: bool = False) -> tuple[Any, Ragged]:
    """``cell`` over every sequence of ``x``, rows (N, I), from ``state`` -> the last states, the outputs, rows (N, H).

    State is in the caller's order, in and out; a sequence of length 0 keeps its state. ``backwards``: from the last
    step of each sequence to its first; an output stands where its input does.
    """
    if not x.live:
        return state, x.with_rows(x.rows.new_empty(0, cell.hidden_size))
    if x.live == (x.batch,):  # one step of everybody: sorting kept the caller's order
        state, rows = _step(cell, state, x.map(cell.enter).rows)
        return state, x.with_rows(rows)
    state = state if x.even else take(state, x.place)
    if is_gated(cell) and not exact():
        state, rows = fast_loop(cell, x, state, backwards)
    else:
        state, rows = plain_loop(cell, x, state, backwards)
    return state if x.even else take(state, x.slots), x.with_rows(rows)


def plain_loop(cell: Cell, x: Ragged, state: Any, backwards: bool = False) -> tuple[Any, Tensor]:
    """The loop as it is defined: one step after another; state by slot."""
    if backwards:
        state, rows = plain_loop(cell, x.reversed(), state)
        return state, x.with_rows(rows).reversed().rows
    entered = x.map(cell.enter)
    outputs, left = [], []
    running = entered.batch
    for begin, count in zip(entered.offsets, entered.live):
        if count < running:
            left.append(part(state, count, running))
            state, running = part(state, 0, count), count
        state, y = _step(cell, state, entered.rows[begin : begin + count])
        outputs.append(y)
    return joined([state, *reversed(left)]), torch.cat(outputs)


def _step(cell: Cell, state: Any, entered: Tensor) -> tuple[Any, Tensor]:
    """One step; where bits are owed, in blocks of exactly ``FILLER`` rows."""
    if not exact():
        return cell.step(state, entered)
    rows = len(entered)
    index = torch.arange(-(-rows // FILLER) * FILLER, device=entered.device).clamp(max=rows - 1)
    state, entered = take(state, index), entered[index]
    steps = [
        cell.step(part(state, b, b + FILLER), entered[b : b + FILLER].clone()) for b in range(0, len(index), FILLER)
    ]
    state, y = joined([step[0] for step in steps]), torch.cat([step[1] for step in steps])
    return part(state, 0, rows), y[:rows]


def fast_loop(cell: GatedCell, x: Ragged, state: Any, backwards: bool = False) -> tuple[Any, Tensor]:
    """The same by the cell's gates, its backward written out; state by slot, a flat ``NamedTuple``, ``h`` first."""
    weights = (cell.weight, cell.bias, cell.recurrent, cell.recurrent_bias)
    rows, *last = _Gated.apply(cell, _Steps(x, backwards), x.rows, *weights, *state)  # type: ignore[no-untyped-call]
    return type(state)(*last), rows


def gated_step(
    cell: GatedCell,
    state: Sequence[Tensor],
    entered: Tensor,
    out: tuple[Tensor, ...],
    packed: Packed | None = None,
) -> tuple[Tensor, ...]:
    """One step without autograd, the next state written to ``out``; what entered is overwritten.

    Gives what the backward needs. Where many steps follow with the same weights, ``packed`` multiplies by them.
    """
    h, bias = state[0], cell.recurrent_bias
    if packed is not None and packed.serves(h, cell.recurrent):
        product = packed(h, cell.recurrent, bias)
        product = entered.add_(product) if bias is None else product
    elif bias is None:
        product = entered.addmm_(h, cell.recurrent.t())
    else:
        product = torch.addmm(bias, h, cell.recurrent.t())
    return cell.gates(tuple(state), entered, product, out)


class _Steps:
    """Which rows each step has, and which it goes on from: those of the step before, and some that begin."""

    def __init__(self, x: Ragged, backwards: bool) -> None:
        self.x, self.backwards = x, backwards
        self.order = range(len(x.live))[:: -1 if backwards else 1]

    def rows(self, t: int) -> slice:
        return slice(self.x.offsets[t], self.x.offsets[t + 1])

    def going_on(self, t: int) -> int:
        """How many of a step's sequences, the first ones, have had a step before."""
        if t == self.order[0]:
            return 0
        return self.x.live[t + 1] if self.backwards else self.x.live[t]

    def before(self, t: int, first: Sequence[Tensor], after: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The states that a step begins with, of those at first (by slot) and those after each row."""
        count, going_on = self.x.live[t], self.going_on(t)
        if not going_on:
            return tuple(leaf[:count] for leaf in first)
        begin = self.x.offsets[t + 1 if self.backwards else t - 1]
        there = tuple(leaf[begin : begin + going_on] for leaf in after)
        if going_on == count:
            return there
        return tuple(torch.cat((leaf, begun[going_on:count])) for leaf, begun in zip(there, first))

    def last(self, first: Sequence[Tensor], after: Sequence[Tensor]) -> list[Tensor]:
        """The states that sequences end with, by slot: where there are no steps, those at first."""
        live = self.x.live
        ends = torch.arange(live[0], device=self.x.place.device) if self.backwards else self.x.ends_at
        return [torch.cat((leaf.index_select(0, ends), begun[live[0] :])) for leaf, begun in zip(after, first)]

    def memory(self, first: Tensor, outputs: Tensor) -> Tensor:
        """What the product of each row took: (N, H)."""
        live = self.x.live[0]
        if not self.backwards:
            return torch.cat((first[:live], outputs.index_select(0, self.x.preceding)))
        found = outputs.index_select(0, self.x.following)
        return found.index_copy_(0, self.x.ends_at, first[:live])


class _Gated(torch.autograd.Function):
    """Forward and backward through time of a ``GatedCell`` (Werbos 1990, "Backpropagation through time")."""

    @staticmethod
    def forward(
        ctx: Any, cell: GatedCell, steps: _Steps, rows: Tensor, weight: Tensor, bias: Tensor, *rest: Tensor
    ) -> tuple[Tensor, ...]:
        recurrent, _, *state = rest
        entered = filled(lambda some: some @ weight.t(), rows)
        after = tuple(rows.new_empty(len(rows), *leaf.shape[1:]) for leaf in state)  # every state, a row a step
        kept = {}
        for t in steps.order:
            place = steps.rows(t)
            out = tuple(leaf[place] for leaf in after)
            kept[t] = gated_step(cell, steps.before(t, state, after), entered[place].add_(bias), out)
        ctx.cell, ctx.steps, ctx.kept = cell, steps, kept
        ctx.save_for_backward(rows, weight, recurrent, *state, *after)
        return after[0], *steps.last(state, after)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outputs: Tensor, *last: Tensor) -> tuple[Tensor | None, ...]:
        cell, steps, (rows, weight, recurrent, *states) = ctx.cell, ctx.steps, ctx.saved_tensors
        state, after = states[: len(last)], states[len(last) :]
        needed, summed, learnt = ctx.needs_input_grad, cell.recurrent_bias is None, any(ctx.needs_input_grad[7:])
        gradient = tuple(leaf.clone() for leaf in last)  # by slot; of what has not ended yet, that of its last state
        d_entered = rows.new_empty(len(rows), len(recurrent))
        d_product = d_entered if summed else torch.empty_like(d_entered)
        for t in reversed(steps.order):
            place, count = steps.rows(t), steps.x.live[t]
            now, out = tuple(leaf[:count] for leaf in gradient), (d_entered[place], d_product[place])
            now[0].add_(outputs[place])
            besides = cell.gates_backward(now, steps.before(t, state, after), ctx.kept[t], out)
            wanted = count if learnt else steps.going_on(t)
            if besides:
                now[0][:wanted].addmm_(out[1][:wanted], recurrent)
            elif wanted:
                torch.mm(out[1][:wanted], recurrent, out=now[0][:wanted])
        ones = rows.new_ones(len(rows))
        return (
            None,
            None,
            d_entered @ weight if needed[2] else None,
            d_entered.t() @ rows if needed[3] else None,
            torch.mv(d_entered.t(), ones) if needed[4] else None,
            d_product.t() @ steps.memory(state[0], after[0]) if needed[5] else None,
            torch.mv(d_product.t(), ones) if needed[6] else None,
            *(gradient if learnt else [None] * len(gradient)),
        )
