"""Reference: every cell equals the lines of its paper in float64 NumPy, torch's own layers, and its own plain loop, both ways."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import torch
from laws.things import CELL_NAMES, a_cell, some_sequences
from numpy.typing import NDArray
from torch import Tensor, nn

from melisma.contract import is_gated, take
from melisma.layers import scan as scanning
from melisma.layers.cells import CELLS
from melisma.layers.lstm import Lstm
from melisma.layers.scan import fast_loop, plain_loop, scan
from melisma.ragged import Ragged

Array = NDArray[np.float64]
I, H = 3, 5  # noqa: E741 - as in the shapes of the cells
LENGTHS = [4, 0, 7, 1, 4, 2]
FAST = [name for name in CELL_NAMES if is_gated(a_cell(name))]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


# --- ten lines each, from the papers: parameters P, one step of one sequence, x (I,) ------------------------------------


def elman(P: dict[str, Array], x: Array, state: list[Array]) -> list[Array]:
    """Elman 1990: the hidden units read the input and their own last values."""
    return [np.tanh(P["weight"] @ x + P["bias"] + P["recurrent"] @ state[0])]


def gru_reset_before(P: dict[str, Array], x: Array, state: list[Array]) -> list[Array]:
    """Cho et al. 2014, eq. 5-8: the reset gate on what is remembered, then the product; z keeps the old."""
    (h,), (Wr, Wz, Wn), (br, bz, bn), (Ur, Uz, Un) = (
        state,
        *(np.split(P[k], 3) for k in ("weight", "bias", "recurrent")),
    )
    r = sigmoid(Wr @ x + br + Ur @ h)
    z = sigmoid(Wz @ x + bz + Uz @ h)
    return [z * h + (1 - z) * np.tanh(Wn @ x + bn + Un @ (r * h))]


def gru_reset_after(P: dict[str, Array], x: Array, state: list[Array]) -> list[Array]:
    """Cho et al. 2014, first version, as cuDNN has it: the product with its bias first, then the reset gate."""
    (h,), (Wr, Wz, Wn), (br, bz, bn), (Ur, Uz, Un) = (
        state,
        *(np.split(P[k], 3) for k in ("weight", "bias", "recurrent")),
    )
    cr, cz, cn = np.split(P["recurrent_bias"], 3)
    r = sigmoid(Wr @ x + br + Ur @ h + cr)
    z = sigmoid(Wz @ x + bz + Uz @ h + cz)
    return [z * h + (1 - z) * np.tanh(Wn @ x + bn + r * (Un @ h + cn))]


def lstm(P: dict[str, Array], x: Array, state: list[Array]) -> list[Array]:
    """Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000: gates i, f, o and the input g."""
    h, c = state
    (Wi, Wf, Wo, Wg), (bi, bf, bo, bg), (Ui, Uf, Uo, Ug) = (np.split(P[k], 4) for k in ("weight", "bias", "recurrent"))
    i = sigmoid(Wi @ x + bi + Ui @ h)
    f = sigmoid(Wf @ x + bf + Uf @ h)
    o = sigmoid(Wo @ x + bo + Uo @ h)
    c = f * c + i * np.tanh(Wg @ x + bg + Ug @ h)
    return [o * np.tanh(c), c]


def lstm_normalised(P: dict[str, Array], x: Array, state: list[Array]) -> list[Array]:
    """Ba et al. 2016, eq. 20-22: both products normalised over all gates, and the memory before it shows."""

    def normal(a: Array) -> Array:
        return (a - a.mean()) / np.sqrt(((a - a.mean()) ** 2).mean() + 1e-5)

    h, c = state
    before = P["gain_of_memory"] * normal(P["recurrent"] @ h) + P["gain_of_input"] * normal(P["weight"] @ x) + P["bias"]
    i, f, o, g = np.split(before, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(P["gain_of_shown"] * normal(c) + P["bias_of_shown"]), c]


def mogrifier(P: dict[str, Array], x: Array, state: list[Array]) -> list[Array]:
    """Melis et al. 2020, eq. 1-2, five rounds: x by h in the odd ones, h by x in the even ones; then the LSTM."""
    h, c = state
    (Q1, Q3, Q5), (R2, R4) = P["by_memory"], P["by_input"]
    x1 = 2 * sigmoid(Q1 @ h) * x
    h2 = 2 * sigmoid(R2 @ x1) * h
    x3 = 2 * sigmoid(Q3 @ h2) * x1
    h4 = 2 * sigmoid(R4 @ x3) * h2
    x5 = 2 * sigmoid(Q5 @ h4) * x3
    return lstm(P, x5, [h4, c])


PAPERS: dict[str, Callable[[dict[str, Array], Array, list[Array]], list[Array]]] = {
    "elman": elman,
    "gru_reset_after": gru_reset_after,
    "gru_reset_before": gru_reset_before,
    "lstm": lstm,
    "lstm_normalised": lstm_normalised,
    "mogrifier": mogrifier,
}


def double_cell(name: str, seed: int = 0) -> Any:
    return a_cell(name, I, H, seed).double()


def drawn(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def given_state(cell: Any, batch: int, seed: int = 1) -> Any:
    zeros = cell.start(batch)
    return type(zeros)(*(drawn((batch, H), seed + place) for place in range(len(zeros))))


def sequences() -> list[Tensor]:
    return [sequence.double() for sequence in some_sequences(2, LENGTHS, I)]


def test_every_cell_has_its_paper() -> None:
    assert set(PAPERS) == set(CELL_NAMES)


@pytest.mark.parametrize("name", CELL_NAMES)
def test_every_cell_is_its_paper(name: str) -> None:
    cell = double_cell(name)
    parameters = {key: value.detach().numpy() for key, value in cell.named_parameters()}
    begun = given_state(cell, len(LENGTHS))
    state, y = scan(cell, Ragged.of(sequences()), begun)
    for place, (sequence, outputs) in enumerate(zip(sequences(), y.sequences(), strict=True)):
        now = [leaf[place].numpy() for leaf in begun]
        for x, output in zip(sequence.numpy(), outputs.detach().numpy(), strict=True):
            now = PAPERS[name](parameters, x, now)
            np.testing.assert_allclose(output, now[0], rtol=0, atol=1e-12)
        for leaf, wanted in zip(state, now, strict=True):
            np.testing.assert_allclose(leaf[place].detach().numpy(), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CELL_NAMES)
def test_cells_begin_at_zero(name: str) -> None:
    assert all(not leaf.any() and leaf.shape == (3, H) for leaf in double_cell(name).start(3))


def test_the_variants_of_the_gru_differ_in_where_the_reset_gate_stands() -> None:
    before, after = double_cell("gru_reset_before"), double_cell("gru_reset_after")
    with torch.no_grad():
        after.recurrent_bias.zero_()
        for key, value in before.named_parameters():
            after.get_parameter(key).copy_(value)
    x, state = drawn((4, I), 3), given_state(before, 4)
    one, other = before.step(state, before.enter(x))[1], after.step(state, after.enter(x))[1]
    assert bool(((one - other).abs() > 0.01).any())
    with torch.no_grad():  # a reset gate that is open leaves nothing between them
        for cell in (before, after):
            cell.bias[:H] = 50
    torch.testing.assert_close(before.step(state, before.enter(x))[1], after.step(state, after.enter(x))[1])


def test_a_new_lstm_remembers() -> None:
    torch.manual_seed(0)
    bias = Lstm(I, H).bias
    assert bias[H : 2 * H].tolist() == [1.0] * H
    assert not bias[:H].any()
    assert not bias[2 * H :].any()


@pytest.mark.parametrize("name", CELL_NAMES)
def test_a_new_memory_neither_grows_nor_fades(name: str) -> None:
    torch.manual_seed(0)
    cell: Any = CELLS[name](I, H)
    for gate in cell.recurrent.detach().split(H):
        torch.testing.assert_close(gate @ gate.t(), torch.eye(H))


# --- torch's own layers as a published oracle ---------------------------------------------------------------------------


def _torch_rows(name: str, matrix: Tensor) -> Tensor:
    """Our order of gates as torch has it: its LSTM holds i, f, g, o and its GRU r, z, n."""
    if name != "lstm":
        return matrix
    i, f, o, g = matrix.split(H)
    return torch.cat((i, f, g, o))


@pytest.mark.parametrize(("name", "theirs"), [("elman", nn.RNN), ("gru_reset_after", nn.GRU), ("lstm", nn.LSTM)])
def test_torch_agrees(name: str, theirs: type[nn.RNNBase]) -> None:
    cell = double_cell(name)
    layer = theirs(I, H).double()
    with torch.no_grad():
        cast(Tensor, layer.weight_ih_l0).copy_(_torch_rows(name, cell.weight))
        cast(Tensor, layer.weight_hh_l0).copy_(_torch_rows(name, cell.recurrent))
        cast(Tensor, layer.bias_ih_l0).copy_(_torch_rows(name, cell.bias))
        second = cell.recurrent_bias if cell.recurrent_bias is not None else torch.zeros_like(cell.bias)
        cast(Tensor, layer.bias_hh_l0).copy_(second)
    begun = given_state(cell, 3)
    ours, theirs_in = [torch.stack(sequences()[2:3] * 3).requires_grad_() for _ in range(2)]
    state, y = scan(cell, Ragged.of(list(ours)), begun)
    first = begun.h[None] if name != "lstm" else (begun.h[None], begun.c[None])
    z, last = layer(theirs_in.transpose(0, 1), first)
    torch.testing.assert_close(torch.stack(y.sequences()), z.transpose(0, 1))
    for leaf, wanted in zip(state, last if name == "lstm" else (last,), strict=True):
        torch.testing.assert_close(leaf, wanted[0])
    weights = drawn(tuple(z.shape), 4)
    (torch.stack(y.sequences()).transpose(0, 1) * weights).sum().backward()
    (z * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs_in.grad)
    torch.testing.assert_close(_torch_rows(name, cell.recurrent.grad), layer.weight_hh_l0.grad)
    torch.testing.assert_close(_torch_rows(name, cell.weight.grad), layer.weight_ih_l0.grad)
    torch.testing.assert_close(_torch_rows(name, cell.bias.grad), layer.bias_ih_l0.grad)


# --- the fast path against the plain loop, and both against differences -------------------------------------------------


def _by(
    loop: Callable[..., tuple[Any, Tensor]], name: str, lengths: list[int], backwards: bool = False
) -> list[Tensor]:
    """Outputs, last states, and the gradients towards inputs, first states and every parameter."""
    cell = double_cell(name)
    x = [sequence.double().requires_grad_() for sequence in some_sequences(2, lengths, I)]
    begun = type(cell.start(1))(*(leaf.requires_grad_() for leaf in given_state(cell, len(lengths))))
    given = Ragged.of(x)
    state, rows = loop(cell, given, take(begun, given.place), backwards)
    state = take(state, given.slots)
    total = (rows * drawn(tuple(rows.shape), 5)).sum()
    for place, leaf in enumerate(state):
        total = total + (leaf * drawn(tuple(leaf.shape), 6 + place)).sum()
    gradients = torch.autograd.grad(total, [*x, *begun, *cell.parameters()])
    return [rows.detach(), *(leaf.detach() for leaf in state), *gradients]


@pytest.mark.parametrize("lengths", [LENGTHS, [3], [1, 1, 1], [1, 0], [5, 5, 5], [0, 0, 6]])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", FAST)
def test_the_fast_path_is_the_plain_loop(name: str, lengths: list[int], backwards: bool) -> None:
    both = (_by(loop, name, lengths, backwards) for loop in (fast_loop, plain_loop))
    for found, wanted in zip(*both, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CELL_NAMES)
def test_backwards_is_forwards_over_sequences_turned_round(name: str) -> None:
    cell = double_cell(name)
    begun = given_state(cell, len(LENGTHS))
    state, y = scan(cell, Ragged.of(sequences()), begun, backwards=True)
    wanted_state, wanted = scan(cell, Ragged.of([sequence.flip(0) for sequence in sequences()]), begun)
    for found, other in zip(y.sequences(), wanted.sequences(), strict=True):
        torch.testing.assert_close(found, other.flip(0), rtol=0, atol=1e-12)
    for found, other in zip(state, wanted_state, strict=True):
        torch.testing.assert_close(found, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FAST)
def test_what_the_fast_path_keeps_for_its_backward_goes_with_its_outputs(name: str) -> None:
    cell = double_cell(name)
    gc.disable()  # which would find what holds itself, too late
    try:
        state, y = scan(cell, Ragged.of(sequences()), cell.start(len(LENGTHS)))
        there = weakref.ref(y.rows.grad_fn)
        del state, y
        assert there() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("only", ["outputs", "h", "last"])
@pytest.mark.parametrize("name", FAST)
def test_the_fast_path_is_the_plain_loop_where_only_a_part_is_used(name: str, only: str) -> None:
    cell = double_cell(name)
    found = []
    for loop in (fast_loop, plain_loop):
        x = [sequence.double().requires_grad_() for sequence in some_sequences(2, LENGTHS, I)]
        state, rows = cast(Any, loop)(cell, Ragged.of(x), cell.start(len(x)))
        used = {"outputs": rows, "h": state[0], "last": state[-1]}[only]
        found.append(torch.autograd.grad((used**2).sum(), [*x, *cell.parameters()]))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CELL_NAMES)
def test_scan_takes_the_fast_path_only_where_it_may(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def spy(cell: Any, *rest: Any) -> Any:
        taken.append(name)
        return fast_loop(cell, *rest)

    monkeypatch.setattr(scanning, "fast_loop", spy)
    cell = double_cell(name)
    scan(cell, Ragged.of(sequences()), cell.start(len(LENGTHS)))
    assert taken == ([name] if name in FAST else [])


@pytest.mark.parametrize("lengths", [[2, 0, 3], [1, 1]])
@pytest.mark.parametrize("name", CELL_NAMES)
def test_the_backward_is_what_differences_measure(name: str, lengths: list[int]) -> None:
    cell = a_cell(name, 1, 2).double()
    x = [sequence.double() for sequence in some_sequences(2, lengths, 1)]
    zeros = cell.start(len(lengths))
    begun = [drawn((len(lengths), 2), 1 + place) for place in range(len(zeros))]
    parameters = {key: value.detach().clone() for key, value in cell.named_parameters()}
    for key in parameters:
        delattr(cell, key)

    def through(*tensors: Tensor) -> tuple[Tensor, ...]:
        given = iter(tensors)
        inputs, state = [next(given) for _ in x], type(zeros)(*(next(given) for _ in begun))
        for key in parameters:
            setattr(cell, key, next(given))
        last, y = scan(cell, Ragged.of(inputs), state)
        return (y.rows, *last)

    assert torch.autograd.gradcheck(through, [tensor.requires_grad_() for tensor in (*x, *begun, *parameters.values())])


@pytest.mark.parametrize("name", CELL_NAMES)
def test_a_sequence_of_no_steps_keeps_its_state(name: str) -> None:
    cell = double_cell(name)
    begun = given_state(cell, len(LENGTHS))
    state, _ = scan(cell, Ragged.of(sequences()), begun)
    for leaf, before in zip(state, begun):
        assert torch.equal(leaf[1], before[1])
    untouched, nothing = scan(cell, Ragged.none(len(LENGTHS), I, like=begun[0]), begun)
    assert nothing.rows.shape == (0, H)
    for leaf, before in zip(untouched, begun):
        assert torch.equal(leaf, before)
