"""The symbols worth going on with."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import torch
from torch import Tensor

IMPOSSIBLE: Final = -torch.inf
BLOCK: Final = 64  # symbols whose greatest value is looked at first
MANY: Final = 1024  # symbols from which on that is quicker than to look at all of them


class Continued(NamedTuple):
    """Beginnings with one symbol more, better ones first; all (A, n), where n may be less than was asked for."""

    totals: Tensor  # float64
    parents: Tensor  # which of the A sentence's beginnings goes on
    symbols: Tensor
    values: Tensor  # float64, log-probabilities of the symbols

    def first(self, count: int) -> Continued:
        """The best ``count`` of each sentence."""
        return Continued(*(part[:, :count] for part in self))

    def at(self, places: Tensor) -> Continued:
        """Those at ``places`` (A, m)."""
        return Continued(*(part.gather(1, places) for part in self))


def shortlist(log_probabilities: Tensor, count: int, excluded: Collection[int] = ()) -> tuple[Tensor, Tensor]:
    """The ``count`` greatest values of each row (R, V) and their columns, greatest first, the lower of equals first.

    Columns that are ``excluded``, and what is no number or +∞, count as −∞. The rows are left as they are. Values are
    float64.
    """
    zeros = torch.zeros(len(log_probabilities), 1, dtype=torch.float64, device=log_probabilities.device)
    found = continued(zeros, log_probabilities, count, excluded)
    return found.values, found.symbols


def continued(totals: Tensor, log_probabilities: Tensor, count: int, excluded: Collection[int] = ()) -> Continued:
    """The ``count`` best continuations of the W beginnings of each of A sentences, by the sum of both logarithms.

    ``totals`` (A, W) float64, −∞ where there is no beginning; ``log_probabilities`` (A * W, V). Of equals the one of
    the earlier beginning stands first, then the lower symbol: it is the head of a stable sort. Symbols that are
    ``excluded``, and what is no number or +∞, count as −∞. ``log_probabilities`` are left as they are, and not copied:
    that would cost more than finding the best.

    The best n values lie in the n blocks with the greatest maxima, so that only these are looked into. ``topk`` leaves
    open which of equal values it takes; sentences where that matters are sorted.
    """
    symbols = log_probabilities.shape[1]
    reach = min(count + 1, totals.shape[1] * symbols)
    block = BLOCK if symbols >= MANY and 2 * reach * BLOCK < totals.shape[1] * symbols else 1
    tops = _tops(log_probabilities, block, excluded)
    if tops.numel() and not bool(tops.amax() < torch.inf):  # the greatest of some with NaN is NaN
        log_probabilities = torch.nan_to_num(log_probabilities, nan=IMPOSSIBLE, posinf=IMPOSSIBLE, neginf=IMPOSSIBLE)
        tops = _tops(log_probabilities, block, excluded)
    values = log_probabilities.reshape(len(totals), totals.shape[1] * symbols)
    sums, places = _within(totals, values, tops, reach, block, excluded)
    if reach > count:
        torn = (sums[:, -2] == sums[:, -1]) & (sums[:, -1] > IMPOSSIBLE)
        sums, places = sums[:, :-1], places[:, :-1]
        if bool(torn.any()):
            sums[torn], places[torn] = _sorted(totals[torn], values[torn], symbols, count, excluded)
    places, order = places.sort(dim=1)
    sums, by_sum = sums.gather(1, order).sort(dim=1, descending=True, stable=True)
    places = places.gather(1, by_sum)
    said = torch.where(sums > IMPOSSIBLE, values.gather(1, places).double(), IMPOSSIBLE)
    return Continued(sums, places // symbols, places % symbols, said)


def _tops(log_probabilities: Tensor, block: int, excluded: Collection[int]) -> Tensor:
    """The greatest value of each ``block`` columns of (R, V) that are not ``excluded``."""
    if block == 1:
        return log_probabilities.index_fill(1, _ids(excluded, log_probabilities), IMPOSSIBLE)
    rows, symbols = log_probabilities.shape
    blocks = symbols // block
    tops = [log_probabilities[:, : blocks * block].view(rows, blocks, block).amax(2)]
    if blocks * block < symbols:
        tops.append(log_probabilities[:, blocks * block :].amax(1, keepdim=True))
    found = torch.cat(tops, 1)
    for number in {symbol // block for symbol in excluded}:
        begin = number * block
        among = [symbol - begin for symbol in excluded if symbol // block == number]
        left = log_probabilities[:, begin : begin + block].index_fill(1, _ids(among, found), IMPOSSIBLE)
        found[:, number] = left.amax(1)
    return found


def _within(
    totals: Tensor, values: Tensor, tops: Tensor, reach: int, block: int, excluded: Collection[int]
) -> tuple[Tensor, Tensor]:
    """The ``reach`` greatest sums of each sentence, and where they stand in ``values`` (A, W * V)."""
    sentences, slots = totals.shape
    symbols, blocks = values.shape[1] // slots, tops.shape[1]
    tops = totals[:, :, None] + tops.double().view(sentences, slots, blocks)
    tops, chosen = tops.flatten(1).topk(min(reach, slots * blocks), 1)
    if block == 1:
        return tops, chosen
    parents = chosen // blocks
    ids = ((chosen - parents * blocks) * block)[:, :, None] + torch.arange(block, device=values.device)
    places = (ids.clamp(max=symbols - 1) + (parents * symbols)[:, :, None]).flatten(1)
    sums = totals.gather(1, parents)[:, :, None] + values.gather(1, places).view_as(ids).double()
    sums = sums.masked_fill(ids >= symbols, IMPOSSIBLE)
    for symbol in excluded:
        sums = sums.masked_fill(ids == symbol, IMPOSSIBLE)
    sums, among = sums.flatten(1).topk(reach, 1)
    return sums, places.gather(1, among)


def _sorted(
    totals: Tensor, values: Tensor, symbols: int, count: int, excluded: Collection[int]
) -> tuple[Tensor, Tensor]:
    """The same of all sums, by a stable sort."""
    sums = totals[:, :, None] + values.double().view(*totals.shape, symbols)
    sums = sums.index_fill(2, _ids(excluded, values), IMPOSSIBLE).flatten(1)
    sums, places = sums.sort(dim=1, descending=True, stable=True)
    return sums[:, :count], places[:, :count]


def _ids(symbols: Collection[int], like: Tensor) -> Tensor:
    return torch.tensor(sorted(symbols), dtype=torch.int64, device=like.device)
