"""The layers of a Transformer equal their papers in float64 NumPy; the backward is measured; what is seen is what may be seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from laws.things import FEATURES, LAYERS, a_layer, shaken, some_sequences
from numpy.typing import NDArray
from torch import Tensor

from melisma.contract import take, whole
from melisma.layers import heads
from melisma.layers.heads import by_heads
from melisma.layers.transformer import CrossAttention, Positions, SelfAttention
from melisma.ragged import Ragged, exactly

Array = NDArray[np.float64]
LENGTHS = [4, 0, 1, 6, 4]


def softmax(scores: Array) -> Array:
    shares: Array = np.exp(scores) / np.exp(scores).sum()
    return shares


# --- from the papers: parameters P, one sequence x (T, F) ----------------------------------------------------------------


def attention(P: dict[str, Array], x: Array, count: int, causal: bool) -> Array:
    """Vaswani et al. 2017, section 3.2: each head softmax(Q K^T / sqrt(d)) V, all of them through W_O."""
    W, found = np.split(P["enter"], 3), np.zeros((len(x), FEATURES))
    for t in range(len(x)):
        seen, read = x[: t + 1] if causal else x, []
        for Q, K, V in zip(*(np.split(matrix, count) for matrix in W)):
            shares = softmax(np.array([(Q @ x[t]) @ (K @ other) / math.sqrt(len(Q)) for other in seen]))
            read.append(sum(share * (V @ other) for share, other in zip(shares, seen)))
        found[t] = P["leave"] @ np.concatenate(read)
    return found


def layer_norm(P: dict[str, Array], x: Array) -> Array:
    """Ba et al. 2016, eq. 4."""
    mean = x.mean(1, keepdims=True)
    result: Array = P["gain"] * (x - mean) / np.sqrt(((x - mean) ** 2).mean(1, keepdims=True) + 1e-5) + P["bias"]
    return result


def rms_norm(P: dict[str, Array], x: Array) -> Array:
    """Zhang & Sennrich 2019, eq. 4."""
    result: Array = P["gain"] * x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-5)
    return result


def feed_forward(P: dict[str, Array], x: Array, activation: Callable[[Array], Array]) -> Array:
    """Vaswani et al. 2017, eq. 2."""
    return activation(x @ P["enter"].T + P["enter_bias"]) @ P["leave"].T + P["leave_bias"]


def relu(x: Array) -> Array:
    return np.maximum(0, x)


def gelu(x: Array) -> Array:
    """Hendrycks & Gimpel 2016: x times the share of a normal distribution that lies below x."""
    return np.array([value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x.flat]).reshape(x.shape)


def positions(P: dict[str, Array], x: Array) -> Array:
    """Vaswani et al. 2017, section 3.5."""
    added = x.copy()
    for t in range(len(x)):
        for i in range(FEATURES):
            angle = t / 10000 ** (2 * (i // 2) / FEATURES)
            added[t, i] += math.cos(angle) if i % 2 else math.sin(angle)
    return added


def part(P: dict[str, Array], place: str) -> dict[str, Array]:
    """The parameters below this name."""
    return {key.removeprefix(place + "."): value for key, value in P.items() if key.startswith(place + ".")}


def block(P: dict[str, Array], x: Array) -> Array:
    """Xiong et al. 2020, figure 1 (b), pre-norm: x + attention(norm x), then x + feed-forward(norm x)."""
    first, second = (part(P, f"layers.{number}.layer.layers") for number in (0, 1))
    x = x + attention(part(first, "1"), layer_norm(part(first, "0"), x), 2, causal=False)
    return x + feed_forward(part(second, "1"), layer_norm(part(second, "0"), x), relu)


PAPERS: dict[str, Callable[[dict[str, Array], Array], Array]] = {
    "linear": lambda P, x: x @ P["weight"].T,
    "layer norm": layer_norm,
    "rms norm": rms_norm,
    "positions": positions,
    "activation": lambda P, x: gelu(x),
    "feed-forward relu": lambda P, x: feed_forward(P, x, relu),
    "feed-forward gelu": lambda P, x: feed_forward(P, x, gelu),
    "attention to all": lambda P, x: attention(P, x, 3, causal=False),
    "attention to the past": lambda P, x: attention(P, x, 2, causal=True),
    "attention in a block to all": block,
}


def doubles(lengths: list[int]) -> list[Tensor]:
    return [sequence.double() for sequence in some_sequences(1, lengths)]


def numbers(module: Any) -> dict[str, Array]:
    return {key: value.detach().numpy() for key, value in module.named_parameters()}


def test_every_layer_of_a_transformer_has_its_paper() -> None:
    module = SelfAttention.__module__
    assert {type(make()) for make in LAYERS.values() if type(make()).__module__ == module} == {
        type(a_layer(name)) for name in PAPERS if type(a_layer(name)).__module__ == module
    }


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", PAPERS)
def test_every_layer_is_its_paper(name: str, exact: bool) -> None:
    layer, sequences = a_layer(name).double(), doubles(LENGTHS)
    with torch.no_grad(), exactly() if exact else nullcontext():
        found = whole(layer, Ragged.of(sequences)).sequences()
    for one, sequence in zip(found, sequences, strict=True):
        np.testing.assert_allclose(one, PAPERS[name](numbers(layer), sequence.numpy()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", PAPERS)
def test_the_backward_is_what_differences_measure(name: str) -> None:
    layer = a_layer(name).double()
    found = doubles([2, 0, 3])

    def through(*rows: Tensor) -> Tensor:
        tensors = iter(rows[3:])
        given = {key: next(tensors) for key, _ in layer.named_parameters()}
        with torch.nn.utils.stateless._reparametrize_module(layer, given):
            return whole(layer, Ragged.of(rows[:3])).rows

    parameters = [parameter.detach().clone() for parameter in layer.parameters()]
    assert torch.autograd.gradcheck(
        through, [tensor.requires_grad_() for tensor in (*found, *parameters)], fast_mode=True
    )


# --- positions ----------------------------------------------------------------------------------------------------------


def test_positions_go_on_where_the_chunk_before_ended_and_stay_with_their_sequence() -> None:
    layer, nothing = Positions(FEATURES), torch.zeros(2, FEATURES)
    state, _ = layer.feed(layer.start(3), Ragged.of([nothing[:0], nothing[:1], nothing[:2]]))
    assert state.steps.tolist() == [0, 1, 2]
    _, y = layer.feed(take(state, torch.tensor([2, 2, 0])), Ragged.of([nothing[:1], nothing, nothing[:1]]))
    table = whole(layer, Ragged.of([torch.zeros(9, FEATURES)])).rows
    for found, steps in zip(y.sequences(), ([2], [2, 3], [0])):
        assert torch.equal(found, table[steps])


def test_far_positions_keep_their_digits() -> None:
    layer = Positions(4)
    state = layer.start(1)._replace(steps=torch.tensor([9_999]))
    y = layer.feed(state, Ragged.step(torch.zeros(1, 4)))[1].rows[0]
    wanted = [math.sin(9_999), math.cos(9_999), math.sin(99.99), math.cos(99.99)]
    torch.testing.assert_close(y, torch.tensor(wanted), rtol=0, atol=1e-7)


# --- what is heard so far -------------------------------------------------------------------------------------------------


def test_the_state_holds_keys_and_values_of_the_steps_so_far_and_nothing_else() -> None:
    layer = a_layer("attention to the past")
    state = layer.start(3)
    for count in (1, 2, 3):
        state, _ = layer.feed(state, Ragged.step(torch.randn(3, FEATURES)))
        assert state.heard.lengths().tolist() == [count] * 3
        assert state.heard.rows.shape[1] == 2 * FEATURES
    assert take(state, torch.tensor([2, 2])).heard.lengths().tolist() == [3, 3]


def test_a_step_asks_for_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much was heard: one query, and what enters is one row a sequence."""
    layer, seen = a_layer("attention to the past"), []
    state, _ = layer.feed(layer.start(2), Ragged.of(some_sequences(1, [5, 5])))
    entered = torch.nn.functional.linear

    def spy(rows: Tensor, *rest: Tensor) -> Tensor:
        seen.append(len(rows))
        return entered(rows, *rest)

    monkeypatch.setattr(torch.nn.functional, "linear", spy)
    with exactly():
        layer.feed(state, Ragged.step(torch.zeros(2, FEATURES)))
    assert seen == [16, 16], "one block of rows in, one out"


# --- heads ----------------------------------------------------------------------------------------------------------------


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("exact", [False, True])
def test_what_is_not_seen_cannot_be_read(exact: bool) -> None:
    query, keys, values = drawn(2, 3, 4), drawn(2, 5, 4, seed=1), drawn(2, 5, 4, seed=2)
    seen = torch.tensor([[0, 1, 5], [3, 0, 2]])
    with exactly() if exact else nullcontext():
        read, weights = by_heads(query, keys, values, seen, 2, weighed=True)
        assert weights is not None
        for b, t in ((b, t) for b in range(2) for t in range(3)):
            count = int(seen[b, t])
            assert not weights[b, t, count:].any()
            torch.testing.assert_close(weights[b, t].sum(), torch.tensor(float(count > 0), dtype=torch.float64))
            if not count:
                assert not read[b, t].any()
                continue
            alone = by_heads(
                query[b, t][None, None], keys[b : b + 1, :count], values[b : b + 1, :count], torch.tensor([[count]]), 2
            )[0]
            torch.testing.assert_close(read[b, t], alone[0, 0])


def test_with_and_without_weights_the_same_is_read() -> None:
    query, keys, values = drawn(2, 3, 6), drawn(2, 5, 6, seed=1), drawn(2, 5, 6, seed=2)
    seen = torch.tensor([[0, 1, 5], [3, 0, 2]])
    plain, none = by_heads(query, keys, values, seen, 3)
    weighed, weights = by_heads(query, keys, values, seen, 3, weighed=True)
    assert none is None
    assert weights is not None
    torch.testing.assert_close(plain, weighed, rtol=0, atol=1e-12)


@pytest.mark.parametrize("weighed", [False, True])
def test_where_nothing_is_learnt_few_pairs_are_compared_at_once(weighed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    query, keys, values = drawn(2, 7, 4), drawn(2, 5, 4, seed=1), drawn(2, 5, 4, seed=2)
    seen, largest = torch.full((2, 7), 4), []
    at_once = heads._at_once

    def spy(query: Tensor, keys: Tensor, *rest: Any) -> Any:
        largest.append(query.shape[1])
        return at_once(query, keys, *rest)

    wanted = by_heads(query, keys, values, seen, 2, weighed=weighed)
    monkeypatch.setattr(heads, "_at_once", spy)
    monkeypatch.setattr(heads, "HELD", 40)
    with torch.no_grad():
        found = by_heads(query, keys, values, seen, 2, weighed=weighed)
    assert largest == ([2, 2, 2, 1] if weighed else [4, 3])
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            torch.testing.assert_close(one, other)


def test_heads_share_a_width_evenly() -> None:
    with pytest.raises(ValueError, match="4 heads cannot share 6 features evenly"):
        SelfAttention(6, 4, causal=True)
    with pytest.raises(ValueError, match="4 heads cannot share 6 features evenly"):
        CrossAttention(6, 6, 4)


# --- across ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [False, True])
def test_cross_attention_is_its_paper_however_many_rows_a_sentence_has(exact: bool) -> None:
    torch.manual_seed(0)
    layer = shaken(CrossAttention(FEATURES, 5, 2)).double()
    P, lengths = numbers(layer), [3, 1]
    memory = [drawn(length, 5, seed=length) for length in lengths]
    pairs = Ragged.of([layer.keys(values) for values in memory]).padded()[0]
    x = doubles([2, 1, 0, 3])  # two rows of each sentence
    with torch.no_grad(), exactly() if exact else nullcontext():
        y, weights = layer.read(Ragged.of(x), pairs, torch.tensor(lengths), weighed=True)
    assert weights is not None
    K, V = np.split(P["of_memory"], 2)
    for r, (found, rows) in enumerate(zip(y.sequences(), x, strict=True)):
        values = memory[r // 2].numpy()
        for t, row in enumerate(rows.numpy()):
            read, shares = [], []
            for Q, k, v in zip(*(np.split(matrix, 2) for matrix in (P["enter"], K, V))):
                shares.append(softmax(np.array([(Q @ row) @ (k @ h) / math.sqrt(len(Q)) for h in values])))
                read.append(shares[-1] @ (values @ v.T))
            np.testing.assert_allclose(found[t], P["leave"] @ np.concatenate(read), rtol=0, atol=1e-12)
            np.testing.assert_allclose(weights[r, t, : len(values)], np.mean(shares, 0), rtol=0, atol=1e-12)
            assert not weights[r, t, len(values) :].any()
