"""Sequences without padding behave as the plain list of tensors that they stand for."""

from __future__ import annotations

from itertools import accumulate

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pack_sequence

from melisma.ragged import Ragged

lengths_of = st.lists(st.integers(0, 6), min_size=1, max_size=8)
quick = settings(max_examples=60, deadline=None)


def model(lengths: list[int], *shape: int, begin: float = 1.0) -> list[Tensor]:
    """Tensors (T_b, *shape) of which no two rows are alike."""
    count = sum(lengths)
    rows = torch.arange(begin, begin + count)
    rows = rows.view(count, *[1] * len(shape)).expand(count, *shape)
    return list(rows.clone().split(lengths)) if lengths else []


def agrees(found: Ragged, wanted: list[Tensor]) -> None:
    assert found.batch == len(wanted)
    assert found.lengths().tolist() == [len(sequence) for sequence in wanted]
    for one, other in zip(found.sequences(), wanted, strict=True):
        assert torch.equal(one, other)
    assert found.live == tuple(sum(len(s) > t for s in wanted) for t in range(max(map(len, wanted), default=0)))


def empty(lengths: list[int]) -> Ragged:
    return Ragged.none(len(lengths), like=torch.zeros(1))


@quick
@given(lengths=lengths_of, shape=st.sampled_from([(), (1,), (3,), (2, 2)]))
def test_of_holds_what_it_was_given(lengths: list[int], shape: tuple[int, ...]) -> None:
    sequences = model(lengths, *shape)
    x = Ragged.of(sequences)
    agrees(x, sequences)
    assert torch.equal(x.flat(), torch.cat(sequences))
    agrees(Ragged.from_flat(torch.cat(sequences), torch.tensor(lengths)), sequences)


@quick
@given(lengths=lengths_of)
def test_rows_are_ordered_by_step_and_slot(lengths: list[int]) -> None:
    sequences = model(lengths)
    x = Ragged.of(sequences)
    order = sorted(range(len(lengths)), key=lambda b: -lengths[b])  # stable
    assert x.place.tolist() == order
    wanted = [(t, slot) for t in range(max(lengths)) for slot, b in enumerate(order) if lengths[b] > t]
    assert list(zip(x.row_steps.tolist(), x.row_slots.tolist())) == wanted
    assert x.owners.tolist() == [order[slot] for _, slot in wanted]
    assert x.rows.tolist() == [float(sequences[order[slot]][t]) for t, slot in wanted]
    assert x.offsets == tuple(accumulate(x.live, initial=0))
    assert x.slot_lengths.tolist() == [lengths[b] for b in order]


@quick
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_the_layout_is_that_of_torch(lengths: list[int]) -> None:
    sequences = model(lengths, 2)
    packed, x = pack_sequence(sequences, enforce_sorted=False), Ragged.of(sequences)
    assert x.live == tuple(packed.batch_sizes.tolist())
    inverse = packed.sorted_indices
    assert inverse is not None
    if len(set(lengths)) == len(lengths):  # torch leaves the order of equals open
        assert torch.equal(x.rows, packed.data)
        assert torch.equal(x.place, inverse)


@quick
@given(lengths=lengths_of)
def test_slots_and_places_are_inverse(lengths: list[int]) -> None:
    x = Ragged.of(model(lengths))
    assert x.slots[x.place].tolist() == list(range(len(lengths)))
    assert x.place[x.slots].tolist() == list(range(len(lengths)))


@quick
@given(symbols=st.lists(st.lists(st.integers(0, 2**40), max_size=5), max_size=6))
def test_of_symbols(symbols: list[list[int]]) -> None:
    x = Ragged.of_symbols(symbols)
    assert x.rows.dtype == torch.int64
    assert [sequence.tolist() for sequence in x.sequences()] == symbols


@quick
@given(lengths=lengths_of, fill=st.sampled_from([0.0, -7.0, float("nan")]))
def test_padded_and_gathered(lengths: list[int], fill: float) -> None:
    sequences = model(lengths, 2)
    x = Ragged.of(sequences)
    padded, mask = x.padded(fill)
    assert padded.shape == (len(lengths), max(lengths), 2)
    assert mask.tolist() == [[t < length for t in range(max(lengths))] for length in lengths]
    for row, sequence in zip(padded, sequences):
        assert torch.equal(row[: len(sequence)], sequence)
        torch.testing.assert_close(row[len(sequence) :], torch.full_like(row[len(sequence) :], fill), equal_nan=True)
    agrees(x.gathered(padded), sequences)
    agrees(x.gathered(padded + torch.where(mask, 0.0, torch.nan)[..., None]), sequences)


@quick
@given(lengths=lengths_of)
def test_reversed(lengths: list[int]) -> None:
    sequences = model(lengths, 2)
    x = Ragged.of(sequences)
    agrees(x.reversed(), [sequence.flip(0) for sequence in sequences])
    assert torch.equal(x.reversed().reversed().rows, x.rows)


@quick
@given(lengths=lengths_of, data=st.data())
def test_take(lengths: list[int], data: st.DataObject) -> None:
    sequences = model(lengths, 2)
    positions = data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=10))
    found = Ragged.of(sequences).take(torch.tensor(positions, dtype=torch.int64))
    agrees(found, [sequences[position] for position in positions])
    assert found.rows.shape[1:] == (2,)


@quick
@given(pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8))
def test_join_and_split(pairs: list[tuple[int, int]]) -> None:
    firsts, seconds = [first for first, _ in pairs], [second for _, second in pairs]
    one, other = model(firsts, 2), model(seconds, 2, begin=100.0)
    none = Ragged.none(0, 2, like=torch.zeros(1))
    a, b = (Ragged.of(one), Ragged.of(other)) if pairs else (none, none)
    both = a.join(b)
    agrees(both, [torch.cat(pair) for pair in zip(one, other)])
    begin, rest = both.split(torch.tensor(firsts, dtype=torch.int64))
    agrees(begin, one)
    agrees(rest, other)
    assert begin.rows.shape[1:] == rest.rows.shape[1:] == (2,)


def test_join_wants_as_many_sequences() -> None:
    with pytest.raises(ValueError, match="2 sequences cannot be continued by 3"):
        Ragged.of(model([1, 2])).join(Ragged.of(model([1, 2, 3])))


@quick
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_ends(lengths: list[int]) -> None:
    sequences = model(lengths, 2)
    first, last = Ragged.of(sequences).ends()
    assert torch.equal(first, torch.stack([sequence[0] for sequence in sequences]))
    assert torch.equal(last, torch.stack([sequence[-1] for sequence in sequences]))


@quick
@given(lengths=lengths_of)
def test_map_and_with_rows(lengths: list[int]) -> None:
    sequences = model(lengths, 2)
    x = Ragged.of(sequences)
    agrees(x.map(lambda rows: rows.sum(1)), [sequence.sum(1) for sequence in sequences])
    agrees(x.with_rows(-x.rows), [-sequence for sequence in sequences])


@quick
@given(lengths=lengths_of)
def test_everything_keeps_the_caller_s_order_of_layout(lengths: list[int]) -> None:
    """Sequences of the same lengths have the same layout wherever they come from, so their rows can be added."""
    x = Ragged.of(model(lengths, 2))
    counts = torch.tensor([length // 2 for length in lengths])
    first, rest = x.split(counts)
    for other in (x.reversed(), x.map(lambda rows: rows * 2), first.join(rest), x.take(torch.arange(len(lengths)))):
        assert (other.live, other.place.tolist()) == (x.live, x.place.tolist())


@quick
@given(lengths=lengths_of)
def test_gradients_go_through(lengths: list[int]) -> None:
    sequences = [sequence.requires_grad_() for sequence in model(lengths, 2)]
    x = Ragged.of(sequences)
    ways = [
        x.flat(),
        x.padded()[0],
        x.gathered(x.padded()[0]).rows,
        x.reversed().rows,
        torch.cat(x.sequences()),
        x.join(x).rows / 2,
        x.map(lambda rows: rows).rows,
        torch.cat([half.rows for half in x.split(x.lengths() // 2)]),
    ]
    for way in ways:
        gradients = torch.autograd.grad((way**2).sum(), sequences, retain_graph=True, allow_unused=True)
        for gradient, sequence in zip(gradients, sequences):
            if len(sequence):
                assert gradient is not None
                assert bool(((gradient > 0) == (sequence > 0)).all())


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_none_has_no_rows(batch: int) -> None:
    x = Ragged.none(batch, 4, like=torch.zeros(1, dtype=torch.float64))
    assert (x.batch, x.rows.shape, x.rows.dtype, x.live) == (batch, (0, 4), torch.float64, ())
    assert x.lengths().tolist() == [0] * batch
    assert [tuple(sequence.shape) for sequence in x.sequences()] == [(0, 4)] * batch
    padded, mask = x.padded()
    assert (padded.shape, mask.shape) == ((batch, 0, 4), (batch, 0))
    for other in (x.reversed(), x.gathered(padded), x.map(lambda rows: rows), x.join(x), *x.split(x.lengths())):
        assert (other.batch, other.rows.shape) == (batch, (0, 4))
    assert x.owners.tolist() == x.row_steps.tolist() == []


def test_nobody_s_symbols() -> None:
    x = Ragged.of_symbols([])
    assert (x.batch, x.live, x.rows.dtype) == (0, (), torch.int64)


def test_step_keeps_the_caller_s_order() -> None:
    x = Ragged.step(torch.arange(6.0).view(3, 2))
    agrees(x, [torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 3.0]]), torch.tensor([[4.0, 5.0]])])
    assert Ragged.step(torch.zeros(0, 2)).batch == 0


def test_rows_that_no_sequences_could_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="3 rows cannot hold sequences that need 4"):
        Ragged(torch.zeros(3), (2, 2), torch.arange(2))


def test_to_moves_everything() -> None:
    x = Ragged.of(model([2, 0, 3])).to("cpu")
    agrees(x, model([2, 0, 3]))
    moved = Ragged.of(model([2, 0, 3])).to("meta")
    assert moved.rows.device.type == moved.place.device.type == "meta"


def test_the_picture_of_the_module() -> None:
    x = Ragged.of_symbols([[ord(c) for c in word] for word in ("abcd", "xy", "pqr")])
    assert "".join(map(chr, x.rows.tolist())) == "apxbqycrd"
    assert x.live == (3, 3, 2, 1)
    assert x.place.tolist() == [0, 2, 1]
