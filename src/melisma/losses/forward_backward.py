"""The sum over all paths that CTC allows, forwards and backwards (Graves et al. 2006, section 4.1).

A path is in a label, or in a blank after it; the blanks before the first label come after label 0. In units of the
path that is nothing but blanks, with r_t(u) = p_t(label u) / p_t(blank), their equations 6 to 8 become, states of
labels (a) and of blanks (b) apart::

    a_t(u) = r_t(u) (a_t-1(u) + b_t-1(u - 1) + [label u ≠ label u - 1] a_t-1(u - 1))
    b_t(u) = b_t-1(u) + a_t-1(u)

In this unit a blank costs nothing: half of the states need no product, and as the mass of all states never falls,
one common factor for every few steps keeps it in the range of a float64 without a logarithm.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy
import torch
from torch import Tensor
from torch.nn.functional import pad

from melisma.ragged import Ragged

BLOCK = 6  # steps from one rescaling to the next
CAP = 105.0  # nats that a blank may cost, and so a label be likelier: BLOCK steps of that do not overflow
LOST = 650.0  # nats between what is largest on the way and the answer: states this small (e^-708) still are not lost


class Paths(NamedTuple):
    """What the sum over all paths says, by sequence and by row; W is one more than the longest has labels."""

    log_total: Tensor  # (B,) float64, log p(labels) in the caller's order; -inf: there is no path
    occupation: Tensor  # (N, W) float64, probability that the frame is in label u, in column 0 that it is in a blank
    symbols: Tensor  # (N, W) int64, the symbols of these columns; the blank where there is no label


class _Chart(NamedTuple):
    """Which paths there are; sequences by slot."""

    symbols: Tensor  # (N, W)
    absent: Tensor  # (N, W) true where no label stands: in column 0, and after the last
    straight: Tensor  # (B, W) true where label u + 1 may follow label u without a blank between them
    counts: Tensor  # (B,) how many labels
    possible: Tensor  # (B,) whether there are frames enough for them


def all_paths(layout: Ragged, log_p: Tensor, labels: Ragged, blank: int) -> Paths:
    """The sum over all paths through frames of log-probabilities log_p (N, V), in the order of ``layout``'s rows."""
    chart = _chart(layout, labels, blank)
    log_total, occupation, lost = _in_ratios(layout, log_p, chart, blank)
    slots = lost.nonzero()[:, 0]
    if len(slots):
        own = layout.with_rows(torch.arange(len(log_p), device=log_p.device)).take(layout.place[slots])
        log_total[slots], occupation[own.rows] = _in_logs(own, log_p, chart, slots, blank)
    return Paths(log_total[layout.slots], occupation, chart.symbols)


def _chart(layout: Ragged, labels: Ragged, blank: int) -> _Chart:
    padded, there = labels.padded(blank)
    symbols, there = pad(padded, (1, 0), value=blank)[layout.place], pad(there, (1, 0))[layout.place]
    equal = symbols[:, 1:] == symbols[:, :-1]
    counts = there.sum(1)
    needed = counts + (equal & there[:, 1:]).sum(1)
    rows = layout.row_slots
    symbols_by_row, absent = symbols.index_select(0, rows), ~there.index_select(0, rows)
    return _Chart(symbols_by_row, absent, pad(~equal, (0, 1)), counts, needed <= layout.slot_lengths)


def _in_ratios(layout: Ragged, log_p: Tensor, chart: _Chart, blank: int) -> tuple[Tensor, Tensor, Tensor]:
    """By slot log p(labels) (B,) and the occupation (N, W); and (B,) true where they need numbers of a wider range."""
    blanks = log_p[:, blank].double()
    strange = ~(blanks >= -CAP)  # of NaN too
    ratios = log_p.gather(1, chart.symbols).double().sub_(blanks[:, None])
    r = ratios.masked_fill_(chart.absent | strange[:, None], -torch.inf).exp_()
    straight = chart.straight.double()
    a, total, up = _forwards(layout, r, straight, chart.counts)
    joint, down = _backwards(layout, r, straight, chart.counts, a)

    up, down = up.log_().cumsum(0), down.log_().flip(0).cumsum(0).flip(0)
    log_total = total.log_() + up[-1]
    wide = (up + down).amax(0) - log_total > LOST
    # forwards the rescalings up to a row's own block are in its numbers, backwards those of the blocks behind it
    unit = torch.exp(up[:-1] + down[1:] - log_total.masked_fill(~chart.possible, torch.inf)).flatten()
    occupation = joint.mul_(unit[layout.row_steps // BLOCK * layout.batch + layout.row_slots, None])
    occupation[:, 0] = chart.possible.double()[layout.row_slots].sub_(occupation.sum(1))

    none, slots = torch.zeros_like(total), layout.row_slots
    log_total = torch.where(chart.possible, log_total.index_add_(0, slots, blanks), -torch.inf)
    wide |= none.index_add_(0, slots, strange.double()) > 0
    return log_total, occupation, chart.possible & wide & ~log_total.isnan()


def _forwards(layout: Ragged, r: Tensor, straight: Tensor, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """a (N, W), the sum of the last a and b (B,), and what each block was divided by, (blocks + 1, B).

    Rows lie one after another without a gap: what crosses from the end of one into column 0 of the next meets r = 0.
    """
    batch, width = straight.shape
    found = torch.empty_like(r)
    scale, b, moved = _room(layout, straight)
    b.view(batch, width)[:, 0] = 1
    arrays, (r, all_a, scales, all_b, moved, straight) = _arrays(r, found, scale, b, moved, straight)
    a = arrays.zeros_like(all_b)
    for step, (begin, count) in enumerate(zip(layout.offsets, layout.live)):
        size, rows = count * width, slice(begin * width, (begin + count) * width)
        b_now, moving, before, a = all_b[:size], moved[1 : size + 1], a[:size], all_a[rows]
        arrays.multiply(straight[:size], before, out=moving)
        moving += b_now
        b_now += before
        arrays.add(before, moved[:size], out=a)
        a *= r[rows]
        if step % BLOCK == 0:
            _rescale(scales[step // BLOCK * batch :][:count], b_now, a)
    total = b.view(batch, width).gather(1, counts[:, None])[:, 0]
    if layout.live:
        last = found[layout.ends_at]
        total[: len(last)] += last.gather(1, counts[: len(last), None])[:, 0]
    return found, total, scale


def _backwards(layout: Ragged, r: Tensor, straight: Tensor, counts: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """``a`` (N, W) times how each label can go on to the end, and what each block was divided by, (blocks + 1, B).

    The same recursion from the end: their equations 9 to 11.
    """
    batch, width = straight.shape
    scale, b, label = _room(layout, straight)
    b.view(batch, width).scatter_(1, counts[:, None], 1)
    arrays, (r, joint, scales, all_b, label, straight) = _arrays(r, a, scale, b, label, straight)
    all_rest = arrays.empty_like(all_b)
    for step in range(len(layout.live) - 1, -1, -1):
        begin, count = layout.offsets[step], layout.live[step]
        size, rows = count * width, slice(begin * width, (begin + count) * width)
        b_now, now, following, rest = all_b[:size], label[:size], label[1 : size + 1], all_rest[:size]
        arrays.multiply(straight[:size], following, out=rest)
        rest += b_now
        rest += now
        b_now += following
        arrays.multiply(rest, r[rows], out=now)
        joint_now = joint[rows]
        joint_now *= rest
        if step % BLOCK == 0:
            _rescale(scales[step // BLOCK * batch :][:count], b_now, now)
    return a, scale


def _room(layout: Ragged, straight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The factors of the blocks, all 1; two states of all sequences, all 0, the second with one more."""
    blocks, size = -(-len(layout.live) // BLOCK), straight.numel()
    return straight.new_ones(blocks + 1, len(straight)), straight.new_zeros(size), straight.new_zeros(size + 1)


def _arrays(*tensors: Tensor) -> tuple[Any, list[Any]]:
    """What calculates with them, and their memory for it, flat. On so few numbers NumPy's call costs a third of torch's."""
    flat = [tensor.view(-1) for tensor in tensors]
    return (numpy, [tensor.numpy() for tensor in flat]) if flat[0].device.type == "cpu" else (torch, flat)


def _rescale(factors: Any, b: Any, a: Any) -> None:
    """Divides both (n * W) by the mass that was there before this step, which is b's, and notes it in (n,)."""
    b, a = b.reshape(len(factors), -1), a.reshape(len(factors), -1)
    factors[:] = b.sum(1)
    b /= factors[:, None]
    a /= factors[:, None]


def _in_logs(own: Ragged, log_p: Tensor, chart: _Chart, slots: Tensor, blank: int) -> tuple[Tensor, Tensor]:
    """The same in logarithms, for sequences whose numbers of rows are ``own``: log p(labels), and their occupation.

    After the end of a sequence blanks cost nothing and labels are impossible, so that what was last stays.
    """
    rows = own.rows
    wanted = log_p[rows].gather(1, chart.symbols[rows]).double().masked_fill_(chart.absent[rows], -torch.inf)
    labels, blanks = own.with_rows(wanted).padded(-torch.inf)[0], own.with_rows(log_p[rows, blank].double()).padded()[0]
    counts, straight = chart.counts[slots, None], chart.straight[slots].double().log()
    nobody = torch.full_like(straight, -torch.inf)
    a, b, forwards = nobody, nobody.index_fill(1, counts.new_zeros(1), 0.0), []
    for label, silent in zip(labels.unbind(1), blanks[:, :, None].unbind(1)):
        moved = pad(torch.logaddexp(b, a + straight), (1, -1), value=-torch.inf)
        a, b = label + torch.logaddexp(a, moved), silent + torch.logaddexp(a, b)
        forwards.append(a)
    log_total = torch.logaddexp(a, b).gather(1, counts)[:, 0]

    a, b, backwards = nobody, nobody.scatter(1, counts, 0.0), []
    for label, silent in zip(reversed(labels.unbind(1)), reversed(blanks[:, :, None].unbind(1))):
        following = pad(a, (-1, 1), value=-torch.inf)
        rest = torch.logaddexp(torch.logaddexp(a, b), following + straight)
        a, b = label + rest, silent + torch.logaddexp(b, following)
        backwards.append(rest)
    joint = torch.stack(forwards, 1) + torch.stack(backwards[::-1], 1)
    found = log_total > -torch.inf
    occupation = own.gathered(torch.exp(joint - log_total.masked_fill(~found, torch.inf)[:, None, None])).rows
    occupation[:, 0] = found.double()[own.owners] - occupation.sum(1)
    return log_total, occupation
