"""Cutting: any cutting of sequences into chunks, empty ones too, gives the whole.

A stream alone, and streams of one length cut at the same places, give the bits of the whole. Where each stream of a batch is cut at
places of its own, the number of rows in a product changes with the cutting: bits are then owed within ``exactly()``, 1e-5 always.
Convolution has no such product, so it owes bits whatever the cutting. What attends sums over all that was heard, so its bits are owed
within ``exactly()`` alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import pytest
import torch
from laws.things import ATTENDING, LAYERS, a_layer, some_sequences
from torch import Generator, Tensor

from melisma.contract import whole
from melisma.layers.convolution import Convolution
from melisma.ragged import Ragged, exactly

RANDOM = [name for name in LAYERS if "plain" in name or name == "serial in a serial"]  # masks that no chunk remembers
LENGTHS = [7, 0, 12, 1, 7, 3, 19, 2]
TOGETHER = [2, 17]


pytestmark = pytest.mark.usefixtures("one_thread")


def cuttings(seed: int, lengths: Sequence[int], together: bool) -> list[list[int]]:
    """For each chunk the number of steps of each sequence: random places, empty chunks at the start, between and at the end."""
    draw = random.Random(seed)
    places = [sorted(draw.choices(range(length + 1), k=5)) for length in lengths]
    if together:
        places = [places[0]] * len(lengths)
    bounds = [[0, 0, *place, length, length] for place, length in zip(places, lengths)]
    return [list(chunk) for chunk in zip(*([end - begin for begin, end in pairwise(bound)] for bound in bounds))]


def one_by_one(length: int) -> list[list[int]]:
    return [[1]] * length


def fed(layer: Any, sequences: Sequence[Tensor], chunks: list[list[int]], generator: Generator | None = None) -> Ragged:
    """The layer's answer to these chunks, joined."""
    state, done = layer.start(len(sequences), generator), [0] * len(sequences)
    said: Ragged | None = None
    for chunk in chunks:
        pieces = [sequence[at : at + count] for sequence, at, count in zip(sequences, done, chunk)]
        done = [at + count for at, count in zip(done, chunk)]
        state, y = layer.feed(state, Ragged.of(pieces))
        said = y if said is None else said.join(y)
    assert done == [len(sequence) for sequence in sequences], "every step is fed"
    assert said is not None
    rest = layer.flush(state)[1]
    return said if rest is None else said.join(rest)


def test_the_cuttings_hold_every_step_and_empty_chunks() -> None:
    for together in (False, True):
        lengths = [9] * 4 if together else LENGTHS
        chunks = cuttings(1, lengths, together)
        assert [sum(counts) for counts in zip(*chunks)] == lengths
        assert sum(chunks[0]) == sum(chunks[-1]) == 0
    assert any(0 in chunk and max(chunk) > 0 for chunk in cuttings(1, LENGTHS, together=False))


def owed(name: str) -> Any:
    """Within it a layer owes its bits however it is cut."""
    return exactly() if name in ATTENDING else nullcontext()


def assert_bits(found: Ragged, wanted: Ragged) -> None:
    assert found.lengths().tolist() == wanted.lengths().tolist()
    assert torch.equal(found.flat(), wanted.flat())


@pytest.mark.parametrize("name", LAYERS)
def test_a_stream_alone_in_bits(name: str) -> None:
    layer = a_layer(name)
    with torch.no_grad(), owed(name):
        for length in (0, 1, 6, 17):
            sequences = some_sequences(length, [length])
            wanted = whole(layer, Ragged.of(sequences))
            for chunks in (
                *(cuttings(seed, [length], together=False) for seed in range(3)),
                [[0], *one_by_one(length)],
            ):
                assert_bits(fed(layer, sequences, chunks), wanted)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("batch", TOGETHER)
def test_streams_cut_together_in_bits(name: str, batch: int) -> None:
    layer = a_layer(name)
    sequences = some_sequences(3, [13] * batch)
    with torch.no_grad(), owed(name):
        wanted = whole(layer, Ragged.of(sequences))
        for seed in range(2):
            assert_bits(fed(layer, sequences, cuttings(seed, [13] * batch, together=True)), wanted)


@pytest.mark.parametrize("name", LAYERS)
def test_streams_cut_each_at_its_own_places(name: str) -> None:
    layer = a_layer(name)
    sequences = some_sequences(4, LENGTHS)
    with torch.no_grad():
        wanted = whole(layer, Ragged.of(sequences))
        with exactly():
            wanted_bits = whole(layer, Ragged.of(sequences))
        torch.testing.assert_close(wanted_bits.flat(), wanted.flat(), rtol=0, atol=1e-5)
        for seed in range(2):
            chunks = cuttings(seed, LENGTHS, together=False)
            found = fed(layer, sequences, chunks)
            assert found.lengths().tolist() == wanted.lengths().tolist()
            torch.testing.assert_close(found.flat(), wanted.flat(), rtol=0, atol=1e-5)
            if isinstance(layer, Convolution):
                assert_bits(found, wanted)
            with exactly():
                assert_bits(fed(layer, sequences, chunks), wanted_bits)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name: str) -> None:
    layer = a_layer(name).double()
    sequences = [sequence.double().requires_grad_() for sequence in some_sequences(5, LENGTHS)]
    inputs = [*sequences, *layer.parameters()]
    y = whole(layer, Ragged.of(sequences)).flat()
    weights = torch.randn(y.shape, generator=Generator().manual_seed(6), dtype=y.dtype)
    wanted = torch.autograd.grad((y * weights).sum(), inputs, allow_unused=True, materialize_grads=True)
    z = fed(layer, sequences, cuttings(1, LENGTHS, together=False)).flat()
    found = torch.autograd.grad((z * weights).sum(), inputs, allow_unused=True, materialize_grads=True)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in RANDOM])
def test_random_masks_outlive_a_chunk(name: str) -> None:
    """The same generator, the same masks, however the sequences are cut."""
    layer = a_layer(name)
    sequences = some_sequences(7, LENGTHS)
    with torch.no_grad(), exactly():
        wanted = whole(layer, Ragged.of(sequences), Generator().manual_seed(8))
        for seed in range(2):
            chunks = cuttings(seed, LENGTHS, together=False)
            assert_bits(fed(layer, sequences, chunks, Generator().manual_seed(8)), wanted)


def test_masks_that_no_chunk_remembers_are_known_by_name() -> None:
    """Plain dropout draws anew for every value, so its list of exceptions stays as short as it is."""
    assert RANDOM == ["plain dropout", "serial in a serial"]
