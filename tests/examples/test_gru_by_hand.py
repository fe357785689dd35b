"""The page that writes a GRU by hand: its numbers are the package's, forward and backward, and it learns what it says."""

from __future__ import annotations

import ast
import runpy
from typing import Any

import numpy as np
import pytest
import torch
from examples.drill import EXAMPLES, close, drawn, opened
from torch import Tensor

from melisma.layers import GruResetAfter, GruResetBefore
from melisma.layers.scan import scan
from melisma.ragged import Ragged

PAGE = EXAMPLES / "gru.py"
T, B, I, H = 7, 3, 4, 5  # noqa: E741 - as in the shapes of the page
GATES = ("r", "z", "n")
VARIANTS = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


@pytest.fixture(scope="module")
def page() -> Any:
    return opened(PAGE)


def a_cell(after: bool) -> Any:
    """The package's cell in float64, every bias drawn too."""
    cell = (GruResetAfter if after else GruResetBefore)(I, H).double()
    with torch.no_grad():
        for seed, parameter in enumerate(cell.parameters()):
            parameter.copy_(drawn(*parameter.shape, seed=seed + 10) * 0.7)
    return cell


def by_letter(weight: Tensor, bias: Tensor, recurrent: Tensor) -> dict[str, Any]:
    """What the package holds in one block for r, z, n, under the page's letters."""
    blocks = {"W": weight, "U": recurrent, "b": bias[:, None]}
    return {
        letter + gate: part.detach().numpy().copy()
        for letter, block in blocks.items()
        for gate, part in zip(GATES, block.chunk(3))
    }


def letters_of(cell: Any) -> dict[str, Any]:
    """The cell's weights for the page, which has one bias where the package adds two."""
    recurrent_bias = getattr(cell, "recurrent_bias", torch.zeros(3 * H, dtype=torch.float64)).detach()
    both = torch.cat((recurrent_bias[: 2 * H], torch.zeros(H, dtype=torch.float64)))
    weights = by_letter(cell.weight, cell.bias.detach() + both, cell.recurrent)
    return weights | {"cn": recurrent_bias[2 * H :, None].numpy().copy()}


@VARIANTS
def test_the_whole_backward_through_time_is_the_packages_under_autograd(page: Any, after: bool) -> None:
    cell, V, a = a_cell(after), drawn(1, H, seed=1).requires_grad_(), drawn(1, 1, seed=2).requires_grad_()
    x, wanted = drawn(T, I, B, seed=3), drawn(T, 1, B, seed=4)
    read = {name: value.detach().numpy() for name, value in (("V", V), ("a", a))}
    error, G = page.loss(letters_of(cell) | read, x.numpy(), wanted.numpy(), after)

    _, y = scan(cell, Ragged.of([x[:, :, b] for b in range(B)]), cell.start(B))
    states = y.padded()[0]  # (B, T, H)
    theirs = ((states @ V[0] + a[0] - wanted[:, 0].T) ** 2).mean() / 2
    theirs.backward()
    close(error, theirs.detach())
    expected = by_letter(cell.weight.grad, cell.bias.grad, cell.recurrent.grad)
    for name in expected:
        close(G[name], expected[name])
    close(G["V"], V.grad)
    close(G["a"], a.grad)
    if after:
        close(G["cn"], cell.recurrent_bias.grad[2 * H :, None])
        close(G["br"], cell.recurrent_bias.grad[:H, None])
    else:
        assert not G["cn"].any()
    assert set(G) == {*expected, "cn", "V", "a"}
    assert all(np.abs(G[name]).max() > 1e-4 for name in expected), "a gradient of zero would prove nothing"


@VARIANTS
def test_one_step_and_what_it_hands_back_to_its_input_and_its_memory(page: Any, after: bool) -> None:
    cell, x, h = a_cell(after), drawn(B, I, seed=5).requires_grad_(), drawn(B, H, seed=6).requires_grad_()
    P, dh = letters_of(cell), drawn(B, H, seed=7)
    _, theirs = cell.step(type(cell.start(B))(h), cell.enter(x))
    (theirs * dh).sum().backward()
    ours, kept = page.step(P, x.detach().numpy().T, h.detach().numpy().T, after)
    close(ours.T, theirs.detach())
    G = {name: np.zeros_like(w) for name, w in P.items()}
    of_x, of_h = page.step_back(P, kept, dh.numpy().T, after, G)
    assert x.grad is not None
    assert h.grad is not None
    close(of_x.T, x.grad)
    close(of_h.T, h.grad)


def test_the_two_variants_differ(page: Any) -> None:
    P, x, h = letters_of(a_cell(True)), drawn(I, B, seed=5).numpy(), drawn(H, B, seed=6).numpy()
    before, after = (page.step(P, x, h, variant)[0] for variant in (False, True))
    assert np.abs(before - after).max() > 0.05


@VARIANTS
def test_its_own_check_sees_a_gradient_that_is_wrong(
    page: Any, after: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert page.check(after) < 1e-9
    right = page.step_back

    def careless(*given: Any) -> Any:
        of_x, of_h = right(*given)
        return of_x, 0.99 * of_h

    monkeypatch.setattr(page, "step_back", careless)
    assert page.check(after) > 1e-5
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[:12]] == [letter + gate for letter in "WUb" for gate in "rzn"] + ["cn", "V", "a"]
    assert all(row[1] == row[2] or abs(float(row[1]) - float(row[2])) < 2e-9 for row in rows[:12])


def test_the_latch_wants_the_sign_of_the_last_write(page: Any) -> None:
    x, wanted = page.latch(np.random.default_rng(4), 30, 5)
    assert (x.shape, wanted.shape) == ((30, 2, 5), (30, 1, 5))
    for b in range(5):
        held = 0.0
        for t in range(30):
            held = x[t, 1, b] if x[t, 0, b] else held
            assert wanted[t, 0, b] == held


def test_run_alone_it_learns_and_shows_a_gate_that_opens_where_it_writes(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(PAGE), run_name="__main__")
    said = capsys.readouterr().out
    assert "100% of the signs are right" in said
    rows = [line[12:] for line in said.splitlines() if line.startswith(("    write ", "    10 z "))]
    assert len(rows) == 4
    for write, z in zip(rows[::2], rows[1::2]):
        assert len(write) == len(z) == 75
        where = {mark: [int(digit) for here, digit in zip(write[1:], z[1:]) if here == mark] for mark in "! "}
        assert max(where["!"]) <= 3
        assert min(where[" "]) >= 7


def test_hardly_taught_it_guesses(page: Any) -> None:
    assert page.learn(True, 4) < 0.9


def test_it_is_two_pages_of_numpy_alone() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 140
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in found}
    assert names == {"__future__", "numpy", "numpy.typing"}
