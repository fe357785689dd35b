"""States are plain values: they can be reordered, joined, parted and taken to pieces, whatever stands in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.things import LAYERS, a_layer, by_sequence, some_sequences
from torch import Generator, Tensor

from melisma.contract import detached, joined, leaves, over, part, rebuilt, take, whole
from melisma.ragged import Ragged


class Inner(NamedTuple):
    h: Tensor
    note: str | None


class Outer(NamedTuple):
    c: Tensor
    layers: tuple[Inner, ...]
    nothing: None
    random: Generator


GENERATOR = Generator()


def state(batch: int, begin: float = 0.0) -> Outer:
    rows = torch.arange(begin, begin + batch)
    inner = tuple(Inner(torch.stack((rows, rows + place), 1), "note" if place else None) for place in (10, 20))
    return Outer(rows, inner, None, GENERATOR)


def same(found: Any, wanted: Any) -> None:
    assert type(found) is type(wanted)
    if isinstance(wanted, tuple):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted):
            same(one, other)
    elif isinstance(wanted, Tensor):
        assert torch.equal(found, wanted)
    else:
        assert found is wanted


def rows(values: list[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.int64)


@settings(max_examples=40, deadline=None)
@given(batch=st.integers(1, 6), data=st.data())
def test_take_reorders_repeats_and_drops(batch: int, data: st.DataObject) -> None:
    slots = data.draw(st.lists(st.integers(0, batch - 1), max_size=9))
    found = take(state(batch), rows(slots))
    same(found, over(lambda leaf: leaf[slots], state(batch)))
    assert found.c.tolist() == [float(slot) for slot in slots]
    assert found.layers[1].h.tolist() == [[float(slot), float(slot) + 20] for slot in slots]
    assert found.random is GENERATOR


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_joined_and_part_are_inverse(sizes: list[int]) -> None:
    groups, begin = [], 0
    for size in sizes:
        groups.append(state(size, float(begin)))
        begin += size
    together = joined(groups)
    same(together, state(begin))
    at = 0
    for size, group in zip(sizes, groups):
        same(part(together, at, at + size), group)
        at += size


def test_leaves_and_rebuilt_are_inverse() -> None:
    given_state = state(3)
    tensors = leaves(given_state)
    assert [tuple(tensor.shape) for tensor in tensors] == [(3,), (3, 2), (3, 2)]
    same(rebuilt(given_state, tensors), given_state)
    doubled = rebuilt(given_state, [2 * tensor for tensor in tensors])
    same(doubled, over(lambda leaf: 2 * leaf, given_state))
    same(given_state, state(3))


def test_over_several_states_meets_tensors_that_stand_at_the_same_place() -> None:
    same(over(lambda a, b: a - b, state(3), state(3)), over(torch.zeros_like, state(3)))
    assert over(lambda leaf: leaf, "text") == "text"
    assert over(lambda leaf: leaf, ()) == ()


def test_detached_cuts_off_and_keeps_values() -> None:
    made = over(lambda leaf: leaf.clone().requires_grad_() * 1, state(3))
    found = detached((made, Ragged.of([torch.ones(2, requires_grad=True) * 1])))
    same(found[0], state(3))
    assert not any(leaf.requires_grad for leaf in leaves(found[0]))
    assert not found[1].rows.requires_grad


def test_ragged_sequences_in_a_state_follow_their_owner() -> None:
    sequences = [torch.arange(float(length)) for length in (2, 0, 3)]
    given_state = (Ragged.of(sequences), torch.arange(3))
    taken, slots = take(given_state, rows([2, 0, 0]))
    assert [sequence.tolist() for sequence in taken.sequences()] == [[0, 1, 2], [0, 1], [0, 1]]
    assert slots.tolist() == [2, 0, 0]
    again, _ = joined([part(given_state, 0, 1), part(given_state, 1, 3)])
    assert [sequence.tolist() for sequence in again.sequences()] == [[0, 1], [], [0, 1, 2]]
    nobody, _ = joined([part(given_state, 0, 0), part(given_state, 3, 3)])
    assert (nobody.batch, nobody.rows.shape) == (0, (0,))


@pytest.mark.parametrize("name", LAYERS)
def test_states_of_layers_are_values(name: str) -> None:
    """Feeding makes a new state and leaves the old one as it was: it can be fed again, with the same answer."""
    layer = a_layer(name)
    x, y = (Ragged.of(some_sequences(seed, [4, 0, 7])) for seed in (1, 2))
    with torch.no_grad():
        state, _ = layer.feed(layer.start(3), x)
        before = [[tensor.clone() for tensor in tensors] for tensors in by_sequence(state)]
        first, second = layer.feed(state, y), layer.feed(state, y)
        assert torch.equal(first[1].rows, second[1].rows)
        layer.flush(state)
        for tensors, wanted in zip(by_sequence(state), before, strict=True):
            assert all(torch.equal(one, other) for one, other in zip(tensors, wanted, strict=True))


@pytest.mark.parametrize("name", LAYERS)
def test_whole_is_feed_then_flush(name: str) -> None:
    layer = a_layer(name)
    x = Ragged.of(some_sequences(3, [4, 0, 7]))
    state, y = layer.feed(layer.start(3), x)
    rest = layer.flush(state)[1]
    assert torch.equal(whole(layer, x).flat(), (y if rest is None else y.join(rest)).flat())
    assert whole(layer, x).batch == 3
