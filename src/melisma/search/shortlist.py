"""The symbols worth going on with."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

IMPOSSIBLE = -torch.inf


def shortlist(log_probabilities: Tensor, count: int, excluded: Collection[int] = ()) -> tuple[Tensor, Tensor]:
    """The ``count`` greatest values of each row (R, V) and their columns, greatest first, the lower of equals first.

    Columns that are ``excluded``, and what is no number or +∞, count as −∞. The rows are left as they are, and
    not copied: that would cost more than finding the greatest. ``topk`` alone leaves open which of equal values it
    takes; rows where that matters are sorted.
    """
    size = log_probabilities.shape[1]
    reach = min(count + len(excluded) + 1, size)
    values, ids = log_probabilities.topk(reach, 1)
    if not bool((values[:, 0] < torch.inf).all()):  # topk holds NaN for the greatest
        log_probabilities = torch.nan_to_num(log_probabilities, nan=IMPOSSIBLE, posinf=IMPOSSIBLE, neginf=IMPOSSIBLE)
        values, ids = log_probabilities.topk(reach, 1)
    if reach < size:
        torn = (values[:, -2] == values[:, -1]) & (values[:, -1] > IMPOSSIBLE)
        values, ids = values[:, :-1], ids[:, :-1]
        if bool(torn.any()):
            all_values, all_ids = log_probabilities[torn].sort(dim=1, descending=True, stable=True)
            values[torn], ids[torn] = all_values[:, : reach - 1], all_ids[:, : reach - 1]
    for symbol in excluded:
        values = values.masked_fill(ids == symbol, IMPOSSIBLE)
    ids, order = ids.sort(dim=1)
    values, by_value = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    return values[:, :count], ids.gather(1, by_value)[:, :count]
