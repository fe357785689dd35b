"""The sum over all paths that CTC allows, forwards and backwards (Graves et al. 2006, section 4.1).

A path is in a label, or in a blank after it; the blanks before the first label come after label 0. In units of the
path that is nothing but blanks, with r_t(u) = p_t(label u) / p_t(blank), their equations 6 to 8 become, states of
labels (a) and of blanks (b) apart::

    a_t(u) = r_t(u) (a_t-1(u) + w (b_t-1(u - 1) + [label u ≠ label u - 1] a_t-1(u - 1)))
    b_t(u) = b_t-1(u) + a_t-1(u)

In this unit a blank costs nothing: half of the states need no product, and as the sum of all states never falls, one
factor for every few steps keeps them in the range of a float64 without a logarithm. Every path enters each of U labels
once, so that w makes all of them w^U times as likely and changes nothing else; it is chosen so that neither blanks nor
labels outweigh what is needed later. The few sequences for which this range is too narrow take logarithms.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy
import torch
from torch import Tensor
from torch.nn.functional import pad

from melisma.ragged import Ragged

CHUNK = 2048  # rows that are looked up at once: what is needed on the way stays in a processor's cache
BLOCK = 6  # steps from one rescaling to the next
CAP = 105.0  # nats that a blank may cost, and so a label be likelier than it: BLOCK steps of that are no overflow
WIDEST = 1e60  # the greatest w; the least is above e^-CAP divided by the number of frames
RANGE = 550.0  # nats that states may be larger than their share in the answer: what is lost at e^-708 is no loss then


class Paths(NamedTuple):
    """What the sum over all paths says, by sequence and by row; W is one more than the longest has labels."""

    log_total: Tensor  # (B,) float64, log p(labels) in the caller's order; -inf: there is no path
    occupation: Tensor  # (N, W) float64, probability that the frame is in label u, in column 0 that it is in a blank
    symbols: Tensor  # (B, W) int64, the symbols of these columns by slot; the blank where there is no label


class _Chart(NamedTuple):
    """Which paths there are; sequences by slot."""

    layout: Ragged  # of the frames
    symbols: Tensor  # (B, W)
    present: Tensor  # (B, W) 1 where a label stands, 0 in column 0 and after the last
    straight: Tensor  # (B, W) 1 where label u + 1 may follow label u without a blank between them, else 0
    counts: Tensor  # (B,) how many labels
    possible: Tensor  # (B,) whether there are frames enough for them


class _Weights(NamedTuple):
    """What the recursion multiplies by: all float64."""

    ratios: Tensor  # (N, W) r; 0 where no label stands
    straight: Tensor  # (B, W)
    entry: Tensor  # (B, W) w, the same for all labels of a sequence


def all_paths(layout: Ragged, log_p: Tensor, labels: Ragged, blank: int) -> Paths:
    """The sum over all paths through frames of log-probabilities log_p (N, V), in the order of ``layout``'s rows."""
    chart = _chart(layout, labels, blank)
    log_total, occupation, narrow = _in_ratios(chart, log_p, blank)
    slots = narrow.nonzero()[:, 0]
    if len(slots):
        own = layout.with_rows(torch.arange(len(log_p), device=log_p.device)).take(layout.place[slots])
        log_total[slots], occupation[own.rows] = _in_logs(chart, log_p, blank, own, slots)
    return Paths(log_total[layout.slots], occupation, chart.symbols)


def _chart(layout: Ragged, labels: Ragged, blank: int) -> _Chart:
    padded, there = labels.padded(blank)
    symbols, there = pad(padded, (1, 0), value=blank)[layout.place], pad(there, (1, 0))[layout.place]
    equal = symbols[:, 1:] == symbols[:, :-1]
    counts = there.sum(1)
    needed = counts + (equal & there[:, 1:]).sum(1)
    return _Chart(layout, symbols, there.double(), pad(~equal, (0, 1)).double(), counts, needed <= layout.slot_lengths)


def chunks(layout: Ragged) -> list[tuple[slice, int]]:
    """Some steps' rows, about ``CHUNK`` at a time, and how many each step has: everybody who lives then."""
    found = []
    for count, steps in _stretches(layout):
        for begin in range(steps.start, steps.stop, max(1, CHUNK // count)):
            end = min(begin + max(1, CHUNK // count), steps.stop)
            found.append((slice(layout.offsets[begin], layout.offsets[begin] + (end - begin) * count), count))
    return found


def _in_ratios(chart: _Chart, log_p: Tensor, blank: int) -> tuple[Tensor, Tensor, Tensor]:
    """By slot log p(labels) (B,) and the occupation (N, W); and (B,) true where float64 is too narrow for ratios."""
    layout, slots, counts = chart.layout, chart.layout.row_slots, chart.counts
    blanks = log_p[:, blank].double()
    strange = ~(blanks >= -CAP)  # of NaN too
    ratios = _ratios(chart, log_p, blanks, strange)
    none = blanks.new_zeros(layout.batch)
    entry = (counts.double().square() / none.index_add(0, slots, ratios.sum(1))).nan_to_num(1).clamp(max=WIDEST)
    weights = _Weights(ratios, chart.straight, entry[:, None].expand_as(chart.straight).contiguous())
    a, total, up = _forwards(layout, weights, counts)
    joint, down = _backwards(layout, weights, counts, a)

    up, down = up.log_().cumsum(0), down.log_().flip(0).cumsum(0).flip(0)
    log_total = total.log_() + up[-1]
    narrow = (up + down).amax(0) - log_total > RANGE
    # forwards the rescalings up to a row's own block are in its numbers, backwards those of the blocks behind it
    unit = torch.exp(up[:-1] + down[1:] - log_total.masked_fill(~chart.possible, torch.inf)).flatten()
    unit, somewhere = unit[layout.row_steps // BLOCK * layout.batch + slots], chart.possible.double()[slots]
    for rows, _ in chunks(layout):
        occupation = joint[rows].mul_(unit[rows, None])
        occupation[:, 0] = somewhere[rows] - occupation.sum(1)

    log_total = (log_total - counts * entry.log()).index_add_(0, slots, blanks)
    log_total = torch.where(chart.possible, log_total, -torch.inf)
    narrow |= none.index_add_(0, slots, strange.double()) > 0
    return log_total, joint, chart.possible & narrow & ~log_total.isnan()


def _ratios(chart: _Chart, log_p: Tensor, blanks: Tensor, strange: Tensor) -> Tensor:
    """r (N, W): exponentials of whatever is fewer, symbols or labels."""
    width, symbols = chart.symbols.shape[1], log_p.shape[1]
    ratios, doubtful = blanks.new_empty(len(log_p), width), bool(strange.any())
    for rows, count in chunks(chart.layout):
        logs = log_p[rows].view(-1, count, symbols)
        wanted = chart.symbols[:count].expand(len(logs), -1, -1)
        found, unit = ratios[rows].view(-1, count, width), blanks[rows].view(-1, count, 1)
        if symbols <= width:
            torch.gather(torch.sub(logs, unit).exp_(), 2, wanted, out=found)
        else:
            torch.exp(logs.gather(2, wanted).double().sub_(unit), out=found)
        if doubtful:
            found.masked_fill_(strange[rows].view_as(unit), 0)
        found.mul_(chart.present[:count])
    return ratios


def _forwards(layout: Ragged, weights: _Weights, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """a (N, W), the sum of the last a and b (B,), and what each block was divided by, (blocks + 1, B).

    Rows lie one after another without a gap: what crosses from the end of one into column 0 of the next meets r = 0.
    """
    batch, width = weights.straight.shape
    found = torch.empty_like(weights.ratios)
    scale, last_b, moved = _room(layout, weights)
    last_b.view(batch, width)[:, 0] = 1
    arrays, (r, straight, entry, all_a, scales, all_b, moved) = _arrays(*weights, found, scale, last_b, moved)
    a, add, multiply = arrays.zeros_like(all_b), arrays.add, arrays.multiply
    for count, steps in _stretches(layout):
        size = count * width
        k, w, b, a = straight[:size], entry[:size], all_b[:size], a[:size]
        moving, entered = moved[1 : size + 1], moved[:size]
        for step in steps:
            begin = layout.offsets[step] * width
            end = begin + size
            before, a = a, all_a[begin:end]
            multiply(k, before, out=moving)
            moving += b
            moving *= w
            b += before
            add(before, entered, out=a)
            a *= r[begin:end]
            if step % BLOCK == 0:
                _rescale(scales[step // BLOCK * batch :][:count], b, a)
    total = last_b.view(batch, width).gather(1, counts[:, None])[:, 0]
    if layout.live:
        last = found[layout.ends_at]
        total[: len(last)] += last.gather(1, counts[: len(last), None])[:, 0]
    return found, total, scale


def _backwards(layout: Ragged, weights: _Weights, counts: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """``a`` (N, W) times how each label can go on to the end, and what each block was divided by, (blocks + 1, B).

    The same recursion from the end: their equations 9 to 11.
    """
    batch, width = weights.straight.shape
    scale, first_b, first_a = _room(layout, weights)
    first_b.view(batch, width).scatter_(1, counts[:, None], 1)
    arrays, (r, straight, entry, joint, scales, all_b, all_a) = _arrays(*weights, a, scale, first_b, first_a)
    all_rest, all_entered, multiply = arrays.empty_like(all_b), arrays.empty_like(all_b), arrays.multiply
    for count, steps in reversed(_stretches(layout)):
        size = count * width
        k, w, b, now, following = straight[:size], entry[:size], all_b[:size], all_a[:size], all_a[1 : size + 1]
        entered, rest = all_entered[:size], all_rest[:size]
        for step in reversed(steps):
            begin = layout.offsets[step] * width
            end = begin + size
            both = joint[begin:end]
            multiply(following, w, out=entered)
            multiply(k, entered, out=rest)
            rest += b
            rest += now
            b += entered
            multiply(rest, r[begin:end], out=now)
            both *= rest
            if step % BLOCK == 0:
                _rescale(scales[step // BLOCK * batch :][:count], b, now)
    return a, scale


def _stretches(layout: Ragged) -> list[tuple[int, range]]:
    """How many sequences run, and at which steps: stretches of steps at which nobody ends."""
    ends = [step for step in range(1, len(layout.live)) if layout.live[step] < layout.live[step - 1]]
    return [(layout.live[begin], range(begin, end)) for begin, end in pairwise([0, *ends, len(layout.live)]) if end]


def _room(layout: Ragged, weights: _Weights) -> tuple[Tensor, Tensor, Tensor]:
    """The divisors of all blocks, 1; two states of all sequences, one after another, 0, and one more in the second."""
    make, size = weights.straight, weights.straight.numel()
    return (
        make.new_ones(-(-len(layout.live) // BLOCK) + 1, layout.batch),
        make.new_zeros(size),
        make.new_zeros(size + 1),
    )


def _arrays(*tensors: Tensor) -> tuple[Any, list[Any]]:
    """What calculates with them, and their memory for it, flat. On so few numbers NumPy takes a third of the time."""
    flat = [tensor.view(-1) for tensor in tensors]
    return (numpy, [tensor.numpy() for tensor in flat]) if flat[0].device.type == "cpu" else (torch, flat)


def _rescale(divisors: Any, b: Any, a: Any) -> None:
    """Divides both (n * W) by the sum of all states before this step, which is that of b; it is noted in (n,)."""
    b, a = b.reshape(len(divisors), -1), a.reshape(len(divisors), -1)
    divisors[:] = b.sum(1)
    b /= divisors[:, None]
    a /= divisors[:, None]


def _in_logs(chart: _Chart, log_p: Tensor, blank: int, own: Ragged, slots: Tensor) -> tuple[Tensor, Tensor]:
    """log p(labels) (b,) and the occupation (n, W) of the sequences in these slots, whose rows are numbered in ``own``.

    The same recursion as it is written by Graves et al., in logarithms. After a sequence's end blanks cost nothing and
    labels are impossible, so that what was last stays.
    """
    rows, counts, straight = own.rows, chart.counts[slots, None], chart.straight[slots].log()
    own_slots = chart.layout.row_slots[rows]
    wanted = log_p[rows].gather(1, chart.symbols[own_slots]).double()
    wanted.masked_fill_(chart.present[own_slots] == 0, -torch.inf)
    labels = own.with_rows(wanted).padded(-torch.inf)[0].unbind(1)
    blanks = own.with_rows(log_p[rows, blank, None].double()).padded()[0].unbind(1)
    nobody = torch.full_like(straight, -torch.inf)

    a, b, forwards = nobody, nobody.index_fill(1, counts.new_zeros(1), 0.0), []
    for label, silent in zip(labels, blanks):
        moved = pad(torch.logaddexp(b, a + straight), (1, -1), value=-torch.inf)
        a, b = label + torch.logaddexp(a, moved), silent + torch.logaddexp(a, b)
        forwards.append(a)
    log_total = torch.logaddexp(a, b).gather(1, counts)[:, 0]

    a, b, backwards = nobody, nobody.scatter(1, counts, 0.0), []
    for label, silent in zip(reversed(labels), reversed(blanks)):
        entered = pad(a, (-1, 1), value=-torch.inf)
        rest = torch.logaddexp(torch.logaddexp(a, b), entered + straight)
        a, b = label + rest, silent + torch.logaddexp(b, entered)
        backwards.append(rest)

    joint = torch.stack(forwards, 1) + torch.stack(backwards[::-1], 1)
    found = log_total > -torch.inf
    occupation = own.gathered(torch.exp(joint - log_total.masked_fill(~found, torch.inf)[:, None, None])).rows
    occupation[:, 0] = found.double()[own.owners] - occupation.sum(1)
    return log_total, occupation
