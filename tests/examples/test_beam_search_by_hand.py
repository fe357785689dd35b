"""The page that writes beam search by hand: it says what the package's beam says, and shows where greedy loses."""

from __future__ import annotations

import ast
import math
import runpy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

import pytest
import torch
from examples.drill import EXAMPLES, opened
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from melisma.search import Bounds, Ranking, beam, greedy

PAGE = EXAMPLES / "beam_search.py"
WORDS = ("do", ".", "re", "mi", "fa")  # the end stands among the others, so that an order of equals shows
FIRST, LAST = len(WORDS), 1
Model = Callable[[tuple[str, ...]], dict[str, float]]


page = opened(PAGE)


class Said(NamedTuple):
    """All that each row has been fed, (R, n)."""

    symbols: Tensor


class Table:
    """A model of the page as the package's step."""

    def __init__(self, model: Model, words: tuple[str, ...] = WORDS) -> None:
        self.model, self.words, self.extent = model, words, torch.tensor([1])

    def __call__(self, state: Said, symbols: Tensor) -> tuple[Said, Tensor, None]:
        said = torch.cat((state.symbols, symbols[:, None]), 1)
        beginnings = [tuple(self.words[symbol] for symbol in row[1:]) for row in said.tolist()]
        rows = [[self.model(words).get(word, -math.inf) for word in self.words] for words in beginnings]
        return Said(said), torch.tensor(rows, dtype=torch.float64), None

    def keep(self, sentences: Tensor) -> Table:
        return self


def the_packages(
    model: Model, width: int, limit: int, alpha: float = 0.0, best: int = 1, words: tuple[str, ...] = WORDS
) -> Iterator[tuple[tuple[str, ...], float, float]]:
    """The package's answers: words with the end, log P, score."""
    bounds = Bounds(len(words), words.index("."), torch.tensor([limit]))
    start = Said(torch.zeros(1, 0, dtype=torch.int64))
    for answer in beam(Table(model, words), start, bounds, width=width, ranking=Ranking(alpha), best=best)[0]:
        said = tuple(words[symbol] for symbol in answer.symbols)
        yield (*said, ".") if answer.finished else said, answer.log_probability, answer.score


def random_model(seed: int, coarse: bool, holes: float) -> Model:
    """Log-probabilities that depend on everything said; ``coarse`` makes many equal, ``holes`` a share impossible."""

    def model(words: tuple[str, ...]) -> dict[str, float]:
        random = Random(f"{seed} {' '.join(words)}")
        drawn = [-1.0 - random.randrange(3) if coarse else math.log(1 - random.random()) for _ in WORDS]
        return {word: -math.inf if random.random() < holes else value for word, value in zip(WORDS, drawn)}

    return model


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    width=st.integers(1, 6),
    limit=st.integers(0, 5),
    alpha=st.sampled_from([0.0, 0.6, 1.0, 2.5]),
    best=st.integers(1, 4),
    coarse=st.booleans(),
    holes=st.sampled_from([0.0, 0.4, 0.8]),
)
def test_it_finds_the_texts_and_the_scores_of_the_packages_beam(
    seed: int, width: int, limit: int, alpha: float, best: int, coarse: bool, holes: float
) -> None:
    model, best = random_model(seed, coarse, holes), min(best, width)
    ours = page.beam(model, width, limit, alpha, best)
    theirs = list(the_packages(model, width, limit, alpha, best))
    assert [text.words for text in ours] == [words for words, _, _ in theirs]
    assert [text.log_p for text in ours] == pytest.approx([log_p for _, log_p, _ in theirs], rel=1e-12)
    assert [text.score(alpha) for text in ours] == pytest.approx([score for _, _, score in theirs], rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), limit=st.integers(0, 6), coarse=st.booleans(), holes=st.sampled_from([0.0, 0.4, 0.8])
)
def test_its_greedy_is_the_packages(seed: int, limit: int, coarse: bool, holes: float) -> None:
    model = random_model(seed, coarse, holes)
    (theirs,) = greedy(
        Table(model), Said(torch.zeros(1, 0, dtype=torch.int64)), Bounds(FIRST, LAST, torch.tensor([limit]))
    )
    said = tuple(WORDS[symbol] for symbol in theirs.symbols)
    text = page.greedy(model, limit)
    assert text.words == ((*said, ".") if theirs.finished else said)
    assert text.log_p == pytest.approx(theirs.log_probability)


def test_of_equals_the_first_stands_first() -> None:
    texts = page.beam(lambda words: dict.fromkeys(WORDS, -1.0), 5, 1, best=5)
    assert [" ".join(text.words) for text in texts] == [".", "do .", "re", "mi", "fa"]


def test_of_equal_answers_the_shorter_stands_first() -> None:
    rows = {(): {".": -3.0, "do": -1.0, "re": -9.0}, ("do",): {".": -2.0}, ("re",): {".": 0.0}}
    texts = page.beam(rows.__getitem__, 3, 5, best=2)
    assert [(" ".join(text.words), text.log_p) for text in texts] == [(".", -3), ("do .", -3)]
    assert [words for words, _, _ in the_packages(lambda said: rows.get(said, {}), 3, 5, best=2)] == [
        (".",),
        ("do", "."),
    ]


def test_what_leads_nowhere_is_said_only_where_nothing_ends() -> None:
    rows: dict[tuple[str, ...], dict[str, float]] = {(): {"do": -1.0, "re": -2.0, ".": -3.0}}
    for ending, expected in ((-3.0, ["."]), (-math.inf, ["do", "re"])):
        rows[()]["."] = ending
        assert [" ".join(text.words) for text in page.beam(lambda said: rows.get(said, {}), 3, 5, best=3)] == expected
        theirs = the_packages(lambda said: rows.get(said, {}), 3, 5, best=3)
        assert [" ".join(words) for words, _, _ in theirs] == expected


def test_it_stops_when_nothing_that_lives_can_be_better() -> None:
    asked: list[tuple[str, ...]] = []

    def model(words: tuple[str, ...]) -> dict[str, float]:
        asked.append(words)
        return {".": -1.0, "do": -2.0} if len(words) < 2 else {"do": 0.0}

    assert page.beam(model, 2, 9)[0].words == (".",)
    assert asked == [()]
    asked.clear()
    assert page.beam(model, 2, 9, best=2)[1].words == ("do", ".")
    assert asked == [(), ("do",)]
    asked.clear()
    page.beam(model, 2, 9, alpha=2.5)
    assert len(asked) > 2, "a longer one might still win: lp divides"


def test_the_length_penalty_is_the_papers() -> None:
    assert page.lp(1, 0.7) == 1
    assert page.lp(7, 1.0) == 2
    assert page.lp(7, 0.5) == pytest.approx(math.sqrt(2))


def every_text(words: tuple[str, ...] = (), log_p: float = 0.0) -> Iterator[tuple[float, str]]:
    """All that the page's table can say."""
    if words[-1:] == (".",):
        yield log_p, " ".join(words)
        return
    row = page.model(words)
    assert sum(map(math.exp, row.values())) == pytest.approx(1)
    for word, more in row.items():
        yield from every_text((*words, word), log_p + more)


def test_its_table_is_a_distribution_and_what_it_says_of_it_is_true() -> None:
    ranked = sorted(every_text(), reverse=True)
    assert sum(math.exp(log_p) for log_p, _ in ranked) == pytest.approx(1)
    found = [" ".join(page.beam(page.model, width, 6)[0].words) for width in (1, 2, 3)]
    assert found[2] == ranked[0][1]
    assert found[1] == ranked[1][1]
    assert found[0] not in (ranked[0][1], ranked[1][1])
    likeliest = max(page.model(()), key=lambda word: page.model(())[word])
    assert [text.split()[0] == likeliest for text in found] == [True, False, False]
    words = (".", *sorted({word for _, text in ranked for word in text.split()} - {"."}))
    for alpha in (0.0, 1.0):
        ours = [text.words for text in page.beam(page.model, 3, 6, alpha, best=3)]
        assert ours == [said for said, _, _ in the_packages(page.model, 3, 6, alpha, 3, words)]
    assert page.beam(page.model, 3, 6, 1.0)[0].words != page.beam(page.model, 3, 6, 0.0)[0].words


def test_the_tree_holds_all_that_was_looked_at_and_what_became_of_it() -> None:
    tree: dict[Any, str] = {}
    page.beam(page.model, 2, 6, tree=tree)
    for text, fate in tree.items():
        rivals = sorted((other.log_p for other in tree if len(other.words) == len(text.words)), reverse=True)
        assert (fate == "ends") <= text.ended
        if fate == "":
            assert sum(log_p > text.log_p for log_p in rivals) <= 2 + 1
        below = [other for other in tree if other.words[:-1] == text.words]
        assert not below or fate == ""
    assert sum(fate == "ends" for fate in tree.values()) == 2


def test_run_alone_it_shows_the_tree_and_where_greedy_loses(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(PAGE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    by_width = [line.split("log P")[0].split() for line in lines[1:5]]
    assert [row[0] for row in by_width] == ["1", "2", "3", "100"]
    assert by_width[0][1:] != by_width[1][1:] != by_width[2][1:] == by_width[3][1:]
    assert [line for line in lines if line.endswith("ends")] == [
        "             .          -2.53  ends",
        "                .       -1.35  ends",
    ]
    assert "    birds               -1.27  falls" in lines
    assert lines[-3:] == [
        "     -0.81  a bird sings again .",
        "     -0.99  birds sing .",
        "     -1.68  the cat sleeps .",
    ]


def test_it_is_two_pages_of_plain_python() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in found}
    assert names == {"__future__", "collections.abc", "math", "typing"}
