"""Reference: every scorer equals the formula of its paper; the weights are a distribution over what is there, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from laws.things import COMPARING, FEATURES, SCORERS, a_scorer, some_sequences
from numpy.typing import NDArray
from torch import Tensor

from melisma.layers import attention
from melisma.layers.attention import ATTENTIONS, Fixed, Memory, attend, attend_in_turn, masked_softmax, remembered
from melisma.ragged import Ragged, exactly

Array = NDArray[np.float64]
LENGTHS = [4, 1, 6]
QUERIES = 5

# One query q (Q,) and one remembered vector k (D,), with the scorer's parameters P.
FORMULAS: dict[str, Callable[[dict[str, Array], Array, Array], float]] = {
    "dot": lambda P, q, k: q @ k,
    "general": lambda P, q, k: q @ P["weight"] @ k,
    "concat": lambda P, q, k: P["vector"] @ np.tanh(np.hstack((P["of_query"], P["of_key"])) @ np.concatenate((q, k))),
    "additive": lambda P, q, k: P["vector"] @ np.tanh(P["of_query"] @ q + P["of_key"] @ k + P["bias"]),
    "location": lambda P, q, k: FORMULAS["additive"](P, q, k),  # where nothing was read before
}


def double_scorer(name: str) -> Any:
    return a_scorer(name).double()


def sequences() -> list[Tensor]:
    return [sequence.double() for sequence in some_sequences(1, LENGTHS)]


def memory_of(scorer: Any, rows: Ragged | None = None) -> Memory:
    rows = Ragged.of(sequences()) if rows is None else rows
    return remembered(scorer, rows, torch.arange(rows.batch * FEATURES, dtype=torch.float64).view(-1, FEATURES))


def queries() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(len(LENGTHS), QUERIES, FEATURES, generator=generator, dtype=torch.float64)


def test_every_scorer_that_compares_has_its_formula() -> None:
    assert {*FORMULAS, "multi_head"} == set(COMPARING)
    assert set(SCORERS) - set(COMPARING) == {"fixed"}


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", FORMULAS)
def test_every_scorer_is_its_formula(name: str, exact: bool) -> None:
    scorer = double_scorer(name)
    parameters = {key: value.detach().numpy() for key, value in scorer.named_parameters()}
    with torch.no_grad(), exactly() if exact else nullcontext():
        read, weights = attend(scorer, queries(), memory_of(scorer))
    assert weights is not None
    for b, sequence in enumerate(sequences()):
        values = sequence.numpy()
        for t, query in enumerate(queries()[b].numpy()):
            scores = np.exp([FORMULAS[name](parameters, query, value) for value in values])
            np.testing.assert_allclose(weights[b, t, : len(values)], scores / scores.sum(), atol=1e-12)
            np.testing.assert_allclose(read[b, t], scores / scores.sum() @ values, atol=1e-12)


@pytest.mark.parametrize("exact", [False, True])
def test_several_heads_are_the_formula_of_their_paper(exact: bool) -> None:
    """Vaswani et al. 2017, section 3.2.2: MultiHead = Concat(head_1 …) W_O, head_i = Attention(Q W_i, K W_i, V W_i)."""
    scorer = double_scorer("multi_head")
    P = {key: value.detach().numpy() for key, value in scorer.named_parameters()}
    with torch.no_grad(), exactly() if exact else nullcontext():
        read, weights = attend(scorer, queries(), memory_of(scorer))
    assert weights is not None
    for b, sequence in enumerate(sequences()):
        values = sequence.numpy()
        for t, query in enumerate(queries()[b].numpy()):
            heads, shares = [], []
            for W, U, V in zip(*(np.split(P[key], scorer.heads) for key in ("of_query", "of_key", "of_value"))):
                scores = np.exp([(W @ query) @ (U @ value) / np.sqrt(len(W)) for value in values])
                shares.append(scores / scores.sum())
                heads.append(sum(share * (V @ value) for share, value in zip(shares[-1], values)))
            np.testing.assert_allclose(read[b, t], P["leave"] @ np.concatenate(heads), atol=1e-12)
            np.testing.assert_allclose(weights[b, t, : len(values)], np.mean(shares, 0), atol=1e-12)


@pytest.mark.parametrize("exact", [False, True])
def test_location_sees_what_was_read_last(exact: bool) -> None:
    """Chorowski et al. 2015, eq. 8 and 9: f = F * the last weights, e = w . tanh(W s + V h + U f + b); step by step."""
    scorer = double_scorer("location")
    P = {key: value.detach().numpy() for key, value in scorer.named_parameters()}
    memory = memory_of(scorer)
    with torch.no_grad(), exactly() if exact else nullcontext():
        found = attend_in_turn(scorer, queries(), memory, torch.zeros(memory.mask.shape, dtype=torch.float64))
    for b, sequence in enumerate(sequences()):
        values, last, middle = sequence.numpy(), np.zeros(LENGTHS[b]), P["filters"].shape[1] // 2
        for t, query in enumerate(queries()[b].numpy()):
            f = np.stack([np.correlate(np.pad(last, middle), row, "valid") for row in P["filters"]], 1)  # (S, filters)
            seen = [P["of_query"] @ query + P["of_key"] @ h + P["of_filters"] @ f[j] for j, h in enumerate(values)]
            scores = np.exp([P["vector"] @ np.tanh(one + P["bias"]) for one in seen])
            last = scores / scores.sum()
            np.testing.assert_allclose(found[b, t], last @ values, atol=1e-12)


def test_steps_in_turn_are_steps_alone() -> None:
    scorer = double_scorer("location")
    memory = memory_of(scorer)
    last = torch.zeros(memory.mask.shape, dtype=torch.float64)
    in_turn = attend_in_turn(scorer, queries(), memory, last)
    blind = attend(scorer, queries(), memory)[0]
    torch.testing.assert_close(in_turn[:, 0], blind[:, 0])
    assert bool(((in_turn - blind)[0].abs().amax(-1)[1:] > 1e-4).all()), "what was read last is seen"
    for t in range(QUERIES):
        read, weights = attend(scorer, queries()[:, t : t + 1], memory, last[:, None])
        assert weights is not None
        torch.testing.assert_close(read[:, 0], in_turn[:, t])
        last = weights[:, 0]


def test_the_backward_in_turn_is_what_differences_measure() -> None:
    scorer = double_scorer("location")
    names = [key for key, _ in scorer.named_parameters()]
    values = torch.cat(sequences())[:5]

    def through(query: Tensor, rows: Tensor, last: Tensor, *parameters: Tensor) -> Tensor:
        for key, parameter in zip(names, parameters):
            vars(scorer)[key] = parameter
        return attend_in_turn(scorer, query, memory_of(scorer, Ragged.of([rows[:2], rows[2:]])), last)

    given = [parameter.detach().clone() for parameter in scorer.parameters()]
    for key in names:
        delattr(scorer, key)
    last = torch.rand(2, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    last[0, 2] = 0
    tensors = (queries()[:2, :3], values, last, *given)
    assert torch.autograd.gradcheck(through, [tensor.requires_grad_() for tensor in tensors])


def test_widths_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="3 heads cannot share 4 features evenly"):
        ATTENTIONS["multi_head"](6, 6, 4, 3)
    with pytest.raises(ValueError, match="a filter of 4 positions has no middle one"):
        ATTENTIONS["location"](6, 6, 4, 2, 4)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", COMPARING)
def test_weights_sum_to_one_over_what_is_there_and_are_zero_elsewhere(name: str, exact: bool) -> None:
    scorer = double_scorer(name)
    memory = memory_of(scorer)
    with torch.no_grad(), exactly() if exact else nullcontext():
        _, weights = attend(scorer, 30 * queries(), memory)
    assert weights is not None
    torch.testing.assert_close(weights.sum(-1), torch.ones(len(LENGTHS), QUERIES, dtype=torch.float64))
    assert bool((weights >= 0).all())
    assert not weights.masked_select(~memory.mask[:, None].expand_as(weights)).any()


@pytest.mark.parametrize("name", COMPARING)
def test_what_stands_in_the_padding_of_keys_cannot_leak(name: str) -> None:
    scorer = double_scorer(name)
    memory = memory_of(scorer)
    poisoned = memory._replace(keys=memory.keys.masked_fill(~memory.mask[:, :, None], torch.nan))
    read, weights = attend(scorer, queries(), memory)
    read_too, weights_too = attend(scorer, queries(), poisoned)
    assert weights is not None
    assert weights_too is not None
    assert torch.equal(read, read_too)
    assert torch.equal(weights, weights_too)


@pytest.mark.parametrize("name", SCORERS)
def test_padding_is_written_whatever_the_sentences_hold(name: str) -> None:
    scorer = double_scorer(name)
    rows = Ragged.of([*sequences()[:2], torch.full((6, FEATURES), torch.nan, dtype=torch.float64)])
    memory = memory_of(scorer, rows)
    assert not memory.values[:2][~memory.mask[:2]].any()
    assert not memory.keys[:2][~memory.mask[:2]].any()
    assert memory.mask.sum(1).tolist() == LENGTHS
    read, _ = attend(scorer, queries(), memory)
    assert bool(read[:2].isfinite().all())


@pytest.mark.parametrize("name", COMPARING)
def test_a_stranger_of_nan_leaves_the_gradient_of_others_alone(name: str) -> None:
    scorer = double_scorer(name)
    found = []
    for stranger in (0.0, torch.nan):
        rows = Ragged.of([*sequences()[:2], torch.full((6, FEATURES), stranger, dtype=torch.float64)])
        query = queries().requires_grad_()
        read, _ = attend(scorer, query, memory_of(scorer, rows))
        (gradient,) = torch.autograd.grad(read[:2].square().sum(), query)
        found.append(gradient[:2])
    assert bool(found[1].isfinite().all())
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("name", COMPARING)
def test_the_backward_is_what_differences_measure(name: str) -> None:
    scorer = double_scorer(name)
    heads = (scorer.heads,) if name == "multi_head" else ()
    assert scorer.score(queries(), memory_of(scorer).keys).shape == (len(LENGTHS), *heads, QUERIES, max(LENGTHS))

    def through(query: Tensor, rows: Tensor) -> Tensor:
        return attend(scorer, query, memory_of(scorer, Ragged.of([rows[:2], rows[2:]])))[0]

    values = torch.cat(sequences())[:5].requires_grad_()
    assert torch.autograd.gradcheck(through, (queries()[:2, :2].requires_grad_(), values))


@pytest.mark.parametrize("name", ["additive", "concat"])
def test_queries_taken_a_few_at_a_time_are_answered_as_all_at_once(name: str, monkeypatch) -> None:
    scorer, query = double_scorer(name), queries().requires_grad_()
    found, largest = [], []
    at_once = attention._compared_at_once

    def watched(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
        largest.append(query.shape[1] * keys.numel())
        return at_once(query, keys, vector)

    monkeypatch.setattr(attention, "_compared_at_once", watched)
    keys = memory_of(scorer).keys.detach().requires_grad_()
    for held in (2**26, keys.numel()):
        monkeypatch.setattr(attention, "HELD", held)
        scores = scorer.score(query, keys)
        graded = [query, keys, scorer.vector]
        found.append([scores.detach(), *torch.autograd.grad(scores.square().sum(), graded)])
        with torch.no_grad():
            assert torch.equal(scorer.score(query, keys), scores)
    assert torch.equal(found[0][0], found[1][0])
    torch.testing.assert_close(found[0], found[1])
    assert QUERIES > 1
    assert largest[:2] == [QUERIES * keys.numel()] * 2
    assert max(largest[2:]) == keys.numel()


def test_the_fixed_vector_is_the_summary_at_every_step() -> None:
    scorer = ATTENTIONS["fixed"](FEATURES, FEATURES, 5)
    memory = memory_of(scorer)
    read, weights = attend(scorer, queries(), memory)
    assert weights is None
    assert torch.equal(read, memory.summary[:, None].expand_as(read))
    with pytest.raises(TypeError, match="compares nothing"):
        Fixed(1, 1, 1).score(queries(), memory.keys)


def test_a_dot_product_wants_one_width() -> None:
    with pytest.raises(ValueError, match="a query of 4 has no dot product with keys of 6"):
        ATTENTIONS["dot"](4, 6, 5)


def test_scorers_of_two_widths() -> None:
    for name in set(COMPARING) - {"dot"}:
        scorer: Any = a_scorer(name, width=8, query=4).double()
        read, weights = attend(scorer, queries()[..., :4], memory_of(scorer))
        assert weights is not None
        assert (read.shape, weights.shape) == ((3, QUERIES, FEATURES), (3, QUERIES, 6))


def test_masked_softmax_where_nothing_is_there_is_zero() -> None:
    scores = torch.tensor([[3.0, torch.nan], [1e30, -1e30], [torch.nan, torch.inf]], requires_grad=True)
    mask = torch.tensor([[True, False], [True, True], [False, False]])
    weights = masked_softmax(scores, mask)
    assert weights.tolist() == [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    weights.sum().backward()
    assert scores.grad is not None
    assert bool(scores.grad.isfinite().all())
