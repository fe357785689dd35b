"""The page that writes attention by hand: its weights, what it reads and its gradients are the package's, and it learns."""

from __future__ import annotations

import ast
import runpy
from typing import Any

import numpy as np
import pytest
import torch
from examples.drill import EXAMPLES, close, drawn, opened

from melisma.layers.attention import ATTENTIONS, attend, remembered
from melisma.ragged import Ragged

PAGE = EXAMPLES / "attention.py"
T, S, SIZE, A = 4, 6, 5, 3
PARAMETERS = {  # the package's names of the page's letters
    "dot": {},
    "general": {"W": "weight"},
    "concat": {"W": "of_query", "U": "of_key", "v": "vector"},
    "additive": {"W": "of_query", "U": "of_key", "v": "vector", "b": "bias"},
}
SCORES = pytest.mark.parametrize("name", PARAMETERS)


@pytest.fixture(scope="module")
def page() -> Any:
    return opened(PAGE)


def a_scorer(name: str, query: int = SIZE) -> Any:
    """The package's scorer in float64, its bias drawn too."""
    scorer = ATTENTIONS[name](query, SIZE, A).double()
    with torch.no_grad():
        for seed, parameter in enumerate(scorer.parameters()):
            parameter.copy_(drawn(*parameter.shape, seed=seed + 10))
    return scorer


def letters_of(name: str, scorer: Any) -> dict[str, Any]:
    return {letter: getattr(scorer, its).detach().numpy().copy() for letter, its in PARAMETERS[name].items()}


def test_the_page_has_every_score_of_the_package_and_its_letters(page: Any) -> None:
    others = {"fixed", "location", "multi_head"}  # one vector, one that looks back at itself, and several of these
    assert set(PARAMETERS) == set(ATTENTIONS) - others
    assert {name: set(letters) for name, letters in page.LETTERS.items()} == {k: set(v) for k, v in PARAMETERS.items()}


@pytest.mark.parametrize("query", [SIZE, SIZE - 2])
@SCORES
def test_weights_readings_and_gradients_are_the_packages(page: Any, name: str, query: int) -> None:
    query = SIZE if name == "dot" else query  # which has to be as long as what it is multiplied with
    scorer = a_scorer(name, query)
    q, h, dc = drawn(T, query, seed=1).requires_grad_(), drawn(S, SIZE, seed=2).requires_grad_(), drawn(T, SIZE, seed=3)
    memory = remembered(scorer, Ragged.of([h, drawn(S + 2, SIZE, seed=4)]), drawn(2, SIZE, seed=5))
    read, weights = attend(scorer, torch.stack((q, drawn(T, query, seed=6))), memory)
    assert weights is not None
    P = letters_of(name, scorer)
    ours_q, ours_h = q.detach().numpy(), h.detach().numpy()
    c, a = page.attend(name, P, ours_q, ours_h)
    close(a, weights[0, :, :S].detach())
    close(c, read[0].detach())
    assert not weights[0, :, S:].any()

    (read[0] * dc).sum().backward()
    G = page.attend_back(name, P, ours_q, ours_h, dc.numpy())
    assert q.grad is not None
    assert h.grad is not None
    close(G.pop("q"), q.grad)
    close(G.pop("h"), h.grad)
    assert set(G) == set(PARAMETERS[name])
    for letter, its in PARAMETERS[name].items():
        close(G[letter], getattr(scorer, its).grad)
        assert np.abs(G[letter]).max() > 1e-3, "a gradient of zero would prove nothing"


def test_great_scores_do_not_overflow(page: Any) -> None:
    with np.errstate(over="raise", invalid="raise"):
        close(page.softmax(np.array([[1000.0, 1000.0, 0.0]])), [[0.5, 0.5, 0.0]])


@SCORES
def test_in_another_order_the_same_is_read(page: Any, name: str) -> None:
    P, q, h = letters_of(name, a_scorer(name)), drawn(T, SIZE, seed=1).numpy(), drawn(S, SIZE, seed=2).numpy()
    (c, a), (turned_c, turned_a) = (page.attend(name, P, q, order) for order in (h, h[::-1]))
    close(c, turned_c)
    close(a, turned_a[:, ::-1])


@SCORES
def test_it_finds_out_where_to_look(page: Any, name: str) -> None:
    assert page.learn(name, 20)[1] < 0.6
    P, right = page.learn(name, 900)
    assert right > 0.95
    _, a = page.attend(name, P, P["q"], page.remembered("in 1994 on the 31 of Dec"))
    assert list(a.argmax(1)) == [1, 6, 4]


def test_the_picture_is_darker_where_more_is_read(
    page: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = np.array([[0.0, 1.0, 0.0], [0.3, 0.1, 0.5], [0.72, 0.28, 0.0]])
    monkeypatch.setattr(page, "attend", lambda *_: (None, weights))
    page.show("dot", {"q": None}, "1998 May 3")
    lines = capsys.readouterr().out.splitlines()
    assert [line[11:] for line in lines] == ["1998 May 3", "     ███  ", "░░░░     ▒", "▓▓▓▓ ░░░  "]
    assert [line[:11].strip() for line in lines] == ["", "year", "month", "day"]


def test_run_alone_it_shows_three_times_the_same_date_and_one_turned_around(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(PAGE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    years = [line[11:] for line in lines if line.startswith("    year ")]
    assert [row.count("█") for row in years] == [0, 0, 4, 4]
    assert years[2].rstrip() == " " * 19 + "████"
    assert years[3].rstrip() == "████"
    assert [line.split()[1] for line in lines if " and the queries" in line] == ["100%"] * 4


def test_it_is_two_pages_of_numpy_alone() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in found}
    assert names == {"__future__", "numpy", "numpy.typing"}
