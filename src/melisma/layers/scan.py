"""The one time loop: a cell over whole sequences, finished sequences leaving the rows.

The plain loop calls ``cell.step``; the fast path does the same for a ``GatedCell`` with a backward of its own: the
input's product for all steps at once, one product of memory a step, the weights' gradient in one product after the
loop.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from melisma.contract import Cell, GatedCell, is_gated, joined, part, take
from melisma.ragged import FILLER, Ragged, exact


def scan(cell: Cell, x: Ragged, state: Any) -> tuple[Any, Ragged]:
    """``cell`` over every sequence of ``x``, rows (N, I), from ``state`` -> the last states, the outputs, rows (N, H).

    State is in the caller's order, in and out; a sequence of length 0 keeps its state.
    """
    if not x.live:
        return state, x.with_rows(x.rows.new_empty(0, cell.hidden_size))
    entered = x.map(cell.enter)
    if x.live == (x.batch,):  # one step of everybody: sorting kept the caller's order
        state, rows = _step(cell, state, entered.rows)
        return state, x.with_rows(rows)
    state = take(state, x.place)
    if is_gated(cell) and not exact():
        state, rows = fast_loop(cell, entered, state)
    else:
        state, rows = plain_loop(cell, entered, state)
    return take(state, x.slots), x.with_rows(rows)


def plain_loop(cell: Cell, entered: Ragged, state: Any) -> tuple[Any, Tensor]:
    """The loop as it is defined: one step after another; state by slot."""
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


def fast_loop(cell: GatedCell, entered: Ragged, state: Any) -> tuple[Any, Tensor]:
    """The same by the cell's gates, its backward written out; state by slot, a flat ``NamedTuple``, ``h`` first."""
    bias = cell.recurrent_bias
    if bias is None:
        bias = entered.rows.new_zeros(len(cell.recurrent))
    given = (cell, entered.live, entered.offsets, entered.rows, cell.recurrent, bias)
    rows, *last = _Gated.apply(*given, *state)  # type: ignore[no-untyped-call]
    return type(state)(*last), rows


class _Gated(torch.autograd.Function):
    """Forward and backward through time of a ``GatedCell`` (Werbos 1990, "Backpropagation through time")."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: GatedCell,
        live: tuple[int, ...],
        offsets: tuple[int, ...],
        entered: Tensor,
        recurrent: Tensor,
        bias: Tensor,
        *state: Tensor,
    ) -> tuple[Tensor, ...]:
        outputs = entered.new_empty(len(entered), cell.hidden_size)
        before, kept, left = [], [], []
        running, now = len(state[0]), tuple(state)
        for begin, count in zip(offsets, live):
            if count < running:
                left.append(tuple(tensor[count:running] for tensor in now))
                now, running = tuple(tensor[:count] for tensor in now), count
            product = functional.linear(now[0], recurrent, bias)
            before.append(now)
            now, keep = cell.gates(now, entered[begin : begin + count], product)
            kept.append(keep)
            outputs[begin : begin + count] = now[0]
        ctx.cell, ctx.live, ctx.offsets = cell, live, offsets
        ctx.before, ctx.kept = before, kept
        ctx.save_for_backward(recurrent)
        last = [torch.cat(parts) for parts in zip(now, *reversed(left))]
        return outputs, *last

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outputs: Tensor, *last: Tensor) -> tuple[Tensor | None, ...]:
        cell, live, offsets, (recurrent,) = ctx.cell, ctx.live, ctx.offsets, ctx.saved_tensors
        d_entered: list[Tensor] = [recurrent] * len(live)
        d_product: list[Tensor] = [recurrent] * len(live)
        running = live[-1]
        gradient = tuple(tensor[:running] for tensor in last)
        for t in range(len(live) - 1, -1, -1):
            if live[t] > running:
                gradient = tuple(torch.cat((g, end[running : live[t]])) for g, end in zip(gradient, last))
                running = live[t]
            gradient = (gradient[0] + outputs[offsets[t] : offsets[t + 1]], *gradient[1:])
            gradient, d_entered[t], d_product[t] = cell.gates_backward(gradient, ctx.before[t], ctx.kept[t])
            through = (
                gradient[0].addmm_(d_product[t], recurrent) if gradient[0] is not None else d_product[t] @ recurrent
            )
            gradient = (through, *gradient[1:])
        if len(last[0]) > running:
            gradient = tuple(torch.cat((g, end[running:])) for g, end in zip(gradient, last))
        product = torch.cat(d_product)
        entered = product if d_entered[0] is d_product[0] else torch.cat(d_entered)
        memory = torch.cat([state[0] for state in ctx.before])
        return None, None, None, entered, product.t() @ memory, product.sum(0), *gradient
