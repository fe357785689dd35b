"""The law of the prefix: an answer's text begins with it, and every text that does can be said as it would be cut."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from melisma.errors import Refusal
from melisma.search import Beginning, Bounds, Drawing, Forced, beam, greedy, sample
from melisma.tasks.beginning import beginning
from melisma.text.unicode import normalise
from melisma.text.units import Unit, learn
from melisma.text.vocabulary import END, START

LINES = [
    "Ein Mann fährt Fahrrad.",
    "Zwei Männer don't go 3.14 mal",
    "Ein Hund 日本語 läuft 我们 im Schnee",
    "Der Haustürschlüssel liegt im Haus",
    "Das Haus und die Haustür 1,000",
] * 3
KINDS = (("characters", "bpe"), ("words", "bpe"), ("subwords", "bpe"), ("subwords", "unigram"))
UNITS = {
    f"{unit} {method}": learn(LINES, SimpleNamespace(unit=unit, method=method, size=150, least=2))
    for unit, method in KINDS
}
PIECES = ["Ein", " ", "Mann", "Haus", "tür", "s", "don", "'", "t", "3", ".", "1", ",", "我", "们", "日", "ä", "e\u0301"]
TEXTS = st.one_of(
    st.sampled_from(LINES),
    st.lists(st.sampled_from([*PIECES, "\u0301", "🇩", "🇪", "👍🏽", "\U00010400", "\n"]), max_size=8).map("".join),
    st.text(max_size=10),
)


class Chance:
    """A step whose log-probabilities are by chance, each step anew."""

    def __init__(self, size: int, seed: int, sentences: int = 1) -> None:
        self.size, self.random = size, torch.Generator().manual_seed(seed)
        self.extent = torch.zeros(sentences, dtype=torch.int64)

    def __call__(self, state: tuple[Tensor], symbols: Tensor) -> tuple[tuple[Tensor], Tensor, None]:
        rows = torch.randn(len(symbols), self.size, generator=self.random)
        return state, (3 * rows).log_softmax(1), None

    def keep(self, sentences: Tensor) -> Chance:
        return self


def answers(unit: Unit, begun: Beginning, seed: int) -> list[str]:
    """The texts of every search."""
    frame = Bounds(START, END, torch.tensor([begun.longest + 4]), forbidden=(START,), traced=False)

    def step() -> tuple[Forced, object]:
        made = Forced(Chance(unit.vocabulary.size, seed), begun)
        return made, made.start((torch.zeros(1),))

    found = greedy(*step(), frame) + beam(*step(), frame, width=3, best=2)[0]
    found += sample(*step(), frame, Drawing(2.0), [b"a"], seed=seed, count=2)[0]
    return [unit.decode(answer.symbols) for answer in found]


@pytest.mark.parametrize("name", UNITS)
@settings(max_examples=30, deadline=None)
@given(prefix=TEXTS, seed=st.integers(0, 1000))
def test_every_answer_begins_with_the_normalised_prefix(name: str, prefix: str, seed: int) -> None:
    begun = beginning(UNITS[name], prefix)
    wanted = normalise(prefix) + (" " if prefix[-1:].isspace() else "")
    if begun is None:
        assert not normalise(prefix)
        return
    for text in answers(UNITS[name], begun, seed):
        assert text.startswith(wanted)


def follows(begun: Beginning, symbols: list[int]) -> bool:
    """Whether these symbols go through the tree and out of it."""
    place = 0
    for symbol in symbols:
        if symbol not in begun.follow[place]:
            return False
        place = begun.follow[place][symbol]
        if place == Beginning.FREE:
            return True
    return False


@pytest.mark.parametrize("name", UNITS)
@settings(max_examples=150, deadline=None)
@given(text=TEXTS, cut=st.integers(1, 40))
@example("Ein Haustürschlüssel", 8)
@example("Zwei don't", 9)
@example("Zwei don't", 8)
@example("ist 3.14 mal", 6)
@example("ist 7.77 mal", 6)
@example("Mannxyz", 4)
@example("Ein Mann", 4)
@example("a 我们", 3)
def test_whatever_begins_so_can_be_said_as_it_would_be_cut(name: str, text: str, cut: int) -> None:
    unit, text = UNITS[name], normalise(text)
    prefix = text[:cut]
    assume(prefix and normalise(prefix) == prefix.removesuffix(" "))  # a cut may part a letter from its mark
    begun = beginning(unit, prefix)
    assert begun is not None
    assert follows(begun, unit.encode([text])[0])


@pytest.mark.parametrize("name", UNITS)
@settings(max_examples=60, deadline=None)
@given(prefix=TEXTS, text=TEXTS)
def test_whatever_begins_otherwise_cannot_be_said(name: str, prefix: str, text: str) -> None:
    unit, wanted = UNITS[name], normalise(prefix) + (" " if prefix[-1:].isspace() else "")
    begun = beginning(unit, prefix)
    assume(begun is not None and not normalise(text).startswith(wanted))
    assert not follows(begun, unit.encode([text])[0])


def test_a_last_word_may_go_on_and_a_blank_ends_it() -> None:
    unit = UNITS["subwords bpe"]
    whole, open_ = beginning(unit, "Das Haus "), beginning(unit, "Das Haus")
    assert whole is not None
    assert open_ is not None
    for text, with_blank in (
        ("Das Haustür", False),
        ("Das Haus und", True),
        ("Das Haus 我", True),
        ("Das Hausx", False),
    ):
        symbols = unit.encode([text])[0]
        assert follows(open_, symbols)
        assert follows(whole, symbols) == with_blank


def ways(begun: Beginning, place: int = 0) -> Iterator[tuple[int, ...]]:
    """Every path of the tree."""
    for symbol, after in begun.follow[place].items():
        yield from ([(symbol,)] if after == Beginning.FREE else ((symbol, *rest) for rest in ways(begun, after)))


@pytest.mark.parametrize("prefix", ["Ein Man", "Das Haust", "Zwei M", "D", "Zwei Männer do", "im Schnee "])
def test_nothing_is_cut_in_other_ways_than_texts_are(prefix: str) -> None:
    beyond = 0
    for unit in UNITS.values():
        begun = beginning(unit, prefix)
        assert begun is not None
        for way in ways(begun):
            text = unit.decode(way)
            assert text.startswith(prefix)
            if text != prefix:
                assert unit.encode([text])[0] == list(way)
                beyond += 1
    assert beyond


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u3000"])
def test_a_blank_prefix_is_none(blank: str) -> None:
    assert all(beginning(unit, blank) is None for unit in UNITS.values())


def test_a_maximum_that_leaves_no_room_is_refused() -> None:
    unit = UNITS["characters bpe"]
    assert beginning(unit, "Ein", 3) is not None
    with pytest.raises(Refusal, match="prefix='Ein' has 3 symbols and maximum is 2: wants 3 or more"):
        beginning(unit, "Ein", 2)
    words = beginning(UNITS["words bpe"], "Ein", 1)
    assert words is not None
    assert words.longest == 1  # the ways that spell it in bytes are longer


def test_a_long_prefix_takes_little() -> None:
    for unit in UNITS.values():
        begun = beginning(unit, "Ein Mann fährt " * 600)
        assert begun is not None
        assert len(begun.follow) < 2 * begun.longest
