"""The page that writes CTC by hand: its loss and gradient are the package's, and it learns what nobody placed."""

from __future__ import annotations

import ast
import runpy
from typing import Any

import numpy as np
import pytest
import torch
from examples.drill import EXAMPLES, close, drawn, opened

from melisma.losses.ctc import collapse, ctc_loss
from melisma.ragged import Ragged

PAGE = EXAMPLES / "ctc.py"
TEXTS = ([1, 2, 2, 3], [], [4, 4, 4], [2], [1, 2], [3, 3], [])
FRAMES = (9, 4, 5, 1, 30, 2, 0)  # the last but one are too few


@pytest.fixture(scope="module")
def page() -> Any:
    return opened(PAGE)


def test_the_loss_and_its_gradient_are_the_packages(page: Any) -> None:
    u = [2 * drawn(frames, 5, seed=seed) for seed, frames in enumerate(FRAMES)]
    laid = Ragged.of(u)
    rows = laid.rows.clone().requires_grad_()
    theirs = ctc_loss(laid.with_rows(rows), Ragged.of_symbols(TEXTS))
    gradients = laid.with_rows(torch.autograd.grad(theirs.sum(), rows)[0]).sequences()
    for own, text, nats, gradient in zip(u, TEXTS, theirs.tolist(), gradients):
        found, by_hand = page.loss(own.numpy(), text)
        assert found == pytest.approx(nats, abs=1e-10)
        close(by_hand, gradient)
    assert [nats == np.inf for nats in theirs.tolist()] == [False] * 5 + [True, False]


def test_long_ones_do_not_vanish(page: Any) -> None:
    u, text = 3 * drawn(1500, 5, seed=1), [1 + place % 4 for place in range(200)]
    theirs = ctc_loss(Ragged.of([u]), Ragged.of_symbols([text])).item()
    assert page.loss(u.numpy(), text)[0] == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("path", [[], [0], [1, 1, 0, 1, 2, 0, 0, 2, 2], [3, 3, 3], [0, 4, 0, 4]])
def test_it_collapses_as_the_package_does(page: Any, path: list[int]) -> None:
    assert page.collapse(path) == collapse(path)
    assert page.best_path(np.eye(5)[np.array(path, np.int64)]) == collapse(path)


def test_its_own_check_sees_what_is_wrong(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(page.check()) < 1e-9
    right = page.forward

    def careless(y: Any, z: list[int]) -> Any:
        a, ln_p = right(y, z)
        return np.where(np.arange(a.shape[1]) == 2, 0.99 * a, a), ln_p

    monkeypatch.setattr(page, "forward", careless)
    assert page.check()[1] > 1e-4


def test_run_alone_it_learns_from_texts_alone_and_says_nothing_but_blanks_at_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runpy.run_path(str(PAGE), run_name="__main__")
    said = capsys.readouterr().out
    assert "28 of 729 paths" in said
    assert [line.split()[-1] for line in said.splitlines() if "it says" in line] == ["nothing"] * 3 + ["baddc"]
    blanks = [line[7:] for line in said.splitlines() if line.startswith("    - ")]
    assert set(blanks[1]) <= set("▒▓█"), "before it hears anything it has learned that blanks are frequent"
    assert {" ", "█"} <= set(blanks[3])
    assert int(said.splitlines()[-1].split("%")[0]) >= 95


def test_hardly_taught_it_says_little(page: Any) -> None:
    assert page.learn(20) < 0.1


def test_it_is_two_pages_of_numpy_alone() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in found}
    assert names == {"__future__", "itertools", "numpy", "numpy.typing"}
