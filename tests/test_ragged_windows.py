"""Windows over sequences of different lengths are those of each sequence alone."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from melisma.ragged import Ragged

quick = settings(max_examples=60, deadline=None)
lengths_of = st.lists(st.integers(0, 9), min_size=0, max_size=6)
even_lengths = st.tuples(st.integers(1, 9), st.integers(1, 4)).map(lambda pair: [pair[0]] * pair[1])


def numbered(lengths: list[int]) -> Ragged:
    """Sequences of two features of which no two rows are alike."""
    rows = torch.arange(2.0 * sum(lengths), dtype=torch.float64).view(-1, 2)
    return Ragged.of(rows.split(lengths)) if lengths else Ragged.none(0, 2, like=rows)


def windows_alone(sequence: Tensor, width: int, stride: int) -> tuple[Tensor, Tensor]:
    """By the definition: windows one after another while they are whole, then what is left."""
    begin, found = 0, []
    while begin + width <= len(sequence):
        found.append(sequence[begin : begin + width])
        begin += stride
    return torch.stack(found) if found else sequence.new_zeros(0, width, 2), sequence[begin:]


@quick
@given(lengths=lengths_of | even_lengths, width=st.integers(1, 5), data=st.data())
def test_windows_are_those_of_each_sequence(lengths: list[int], width: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, width))
    x = numbered(lengths)
    frames, left = x.windows(width, stride)
    alone = [windows_alone(sequence, width, stride) for sequence in x.sequences()] if lengths else []
    for found, wanted in ((frames, [pair[0] for pair in alone]), (left, [pair[1] for pair in alone])):
        assert found.batch == len(lengths)
        assert found.lengths().tolist() == [len(sequence) for sequence in wanted]
        for one, other in zip(found.sequences() if wanted else [], wanted, strict=True):
            assert torch.equal(one, other)
        again = Ragged.of(wanted) if wanted else found
        assert (found.live, found.place.tolist()) == (again.live, again.place.tolist()), "laid as anybody lays them"


@quick
@given(lengths=lengths_of.filter(any) | even_lengths, width=st.integers(1, 4), data=st.data())
def test_gradients_reach_every_row_as_often_as_it_stands_in_a_window(
    lengths: list[int], width: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, width))
    x = numbered(lengths)
    rows = x.rows.clone().requires_grad_()
    frames, left = x.with_rows(rows).windows(width, stride)
    (found,) = torch.autograd.grad(frames.rows.sum() + 100 * left.rows.sum(), rows)
    for sequence, gradient in zip(x.sequences(), x.with_rows(found).sequences(), strict=True):
        begins = range(0, max(0, len(sequence) - width + 1), stride)
        for step, row in enumerate(gradient):
            times = sum(begin <= step < begin + width for begin in begins)
            rest = 100 * (step >= len(begins) * stride)
            assert row.tolist() == [times + rest] * 2


@quick
@given(lengths=lengths_of)
def test_zeros_are_as_long_as_asked(lengths: list[int]) -> None:
    found = Ragged.zeros(torch.tensor(lengths, dtype=torch.int64), 3, like=torch.ones(1, dtype=torch.float64))
    assert found.lengths().tolist() == lengths
    assert found.rows.tolist() == [[0.0] * 3] * sum(lengths)
    assert found.rows.dtype == torch.float64
