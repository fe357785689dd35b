"""Laws of the n-gram model: it is the formula of its paper, sums to one, and is what was saved."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.baselines.ngram import KneserNey
from melisma.errors import Refusal

TEXTS = [list(text) for text in ("abracadabra", "cab", "", "abba", "dad", "a", "bracad", "cccccab")]
START, END, OTHER = "<", ">", "?"


class Plain:
    """The same model as the paper writes it: tables of n-grams, and a sum at a time."""

    def __init__(self, texts: Sequence[Sequence[str]], order: int, vocabulary: Sequence[str] = ()) -> None:
        self.order = order
        lines = [(START, *text, END) for text in texts]
        self.counts: dict[int, Counter[tuple[str, ...]]] = {
            n: Counter(line[i : i + n] for line in lines for i in range(len(line) - n + 1)) for n in range(1, order + 1)
        }
        self.known = {token for text in texts for token in text} | {END, OTHER, *vocabulary}
        self.adjusted = {n: self.adjust(n) for n in self.counts}

    def adjust(self, n: int) -> dict[tuple[str, ...], int]:
        found = {}
        for gram, times in self.counts[n].items():
            if gram == (START,):
                continue
            if n < self.order and gram[0] != START:
                times = sum(longer[1:] == gram for longer in self.counts[n + 1])
            found[gram] = times
        return found

    def discount(self, n: int, times: int) -> float:
        if not times:
            return 0.0
        one, two, three, four = (sum(k == count for count in self.adjusted[n].values()) for k in (1, 2, 3, 4))
        fallback = (0.5, 1.0, 1.5)
        if not (one and two and three):
            return fallback[min(times, 3) - 1]
        share = one / (one + 2 * two)
        found = (1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three)
        right = all(0 < value <= k for k, value in enumerate(found, 1))
        return (found if right else fallback)[min(times, 3) - 1]

    def probability(self, context: tuple[str, ...], token: str) -> float:
        context = context[max(0, len(context) - self.order + 1) :]
        n = len(context) + 1
        lower = 1 / len(self.known) if n == 1 else self.probability(context[1:], token)
        after = {gram: times for gram, times in self.adjusted[n].items() if gram[:-1] == context}
        if not after:
            return lower
        total = sum(after.values())
        times = after.get((*context, token), 0)
        weight = sum(self.discount(n, one) for one in after.values()) / total
        return (times - self.discount(n, times)) / total + weight * lower


def after(model: KneserNey, context: Sequence[Hashable]) -> int:
    state = model.start()
    for token in context:
        state, _ = model.score(state, token)
    return state


@pytest.mark.parametrize("order", range(1, 7))
def test_it_is_the_formula_of_the_paper(order: int) -> None:
    model, plain = KneserNey.of(TEXTS, order, "xy"), Plain(TEXTS, order, "xy")
    contexts = [*map(tuple, TEXTS), ("d", "a", "d", "c"), ("b", "b"), ("x",), ("?", "a"), ("c",) * 8]
    for context in contexts:
        state = after(model, context)
        known = (START, *context)
        if any(token in "x?" for token in context):  # nothing is known of what follows an unseen token
            known = known[1 + max(at for at, token in enumerate(context) if token in "x?") + 1 :]
        for token in "abcdxy?":
            wanted = math.log(plain.probability(known, token))
            assert model.score(state, token)[1] == pytest.approx(wanted, abs=1e-9), (context, token)
        assert model.end(state) == pytest.approx(math.log(plain.probability(known, END)), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text("abc", max_size=9), min_size=1, max_size=12),
    st.integers(1, 6),
    st.text("abcd", max_size=8),
)
def test_the_probabilities_of_what_may_follow_sum_to_one(texts: list[str], order: int, context: str) -> None:
    model = KneserNey.of(texts, order, "e")
    state = after(model, context)
    values = [model.score(state, token)[1] for token in (*model.tokens, OTHER)]
    assert all(value < 0 for value in values)
    assert math.fsum(map(math.exp, [*values, model.end(state)])) == pytest.approx(1, abs=1e-9)


def test_counts_that_suffice_give_discounts_of_their_own() -> None:
    pairs = ["".join(pair) for pair in itertools.product("abcdefgh", repeat=2)]
    texts = [pair for number, pair in enumerate(pairs) for _ in range(1 + number % 5)]
    found = KneserNey.of(texts, 2).discounts[1]
    assert found != (0.5, 1.0, 1.5)
    assert 0 < found[0] < 1
    assert found[0] < found[1] < found[2]


def test_what_comes_after_many_words_is_likelier_than_what_came_often() -> None:
    texts = [["san", "francisco"]] * 9 + [[word, "glasses"] for word in ("my", "your", "his", "her")]
    model = KneserNey.of(texts, 2)
    state = after(model, ["new"])
    assert model.score(state, "glasses")[1] > model.score(state, "francisco")[1]
    plain = KneserNey.of(texts, 1)
    assert plain.score(plain.start(), "glasses")[1] < plain.score(plain.start(), "francisco")[1]


def test_an_unknown_token_has_the_stated_probability_and_ends_the_context() -> None:
    model = KneserNey.of(TEXTS, 3)
    state, value = model.score(after(model, "zz"), OTHER)
    assert value == pytest.approx(model.unknown)
    assert state == after(model, "q") != model.start()
    assert math.exp(model.unknown) < min(math.exp(model.score(state, token)[1]) for token in "abcd")


def test_longer_grams_expect_their_texts_more() -> None:
    short, long = (sum(KneserNey.of(TEXTS, order).log_probability(text) for text in TEXTS) for order in (1, 3))
    assert long > short


def test_grams_are_all_that_occur_with_what_they_are_worth() -> None:
    model = KneserNey.of(TEXTS, 3)
    grams = {tokens: (found, weight) for tokens, found, weight in model.grams(START, END)}
    assert set(grams) == {gram for counts in Plain(TEXTS, 3).counts.values() for gram in counts}
    assert [len(tokens) for tokens, _, _ in model.grams(START, END)] == sorted(map(len, grams))
    assert grams["a", "b"][0] + 0.0 == model.score(after(model, "qa"), "b")[1]
    assert grams[START, "c"][1] + grams["c",][1] + model.unknown == model.score(after(model, "c"), OTHER)[1]


@pytest.mark.parametrize("order", [1, 2, 6])
def test_what_is_saved_is_what_is_loaded(order: int) -> None:
    texts: list[list[str | int]] = [["a", 1, "b"], [2, "a"], [], ["a", 1, 7]]
    model = KneserNey.of(texts, order, [9])
    data = json.loads(json.dumps(model.to_json()))
    loaded = KneserNey.from_json(data, "codec.json")
    assert loaded.to_json() == data
    assert [*loaded.grams(START, END)] == [*model.grams(START, END)]
    assert (loaded.tokens, loaded.order, loaded.start()) == (model.tokens, order, model.start())


def damaged() -> list[tuple[str, Any]]:
    data = KneserNey.of(TEXTS, 3).to_json()
    many = len(data["last"])
    found = [
        ("kind", "trigram"),
        ("order", "3"),
        ("order", 7),
        ("order", 2),
        ("tokens", None),
        ("tokens", [*data["tokens"][:-1], "a"]),
        ("tokens", [*data["tokens"][:-1], 1.5]),
        ("tokens", data["tokens"][:-1]),
        ("last", data["last"][:-1]),
        ("last", [1.0] * many),
        ("last", [True] * many),
        ("counts", "many"),
        ("counts", [10**30] * many),
        ("longer", [*data["longer"][1:], 3]),
        ("longer", [-1, *data["longer"][1:]]),
    ]
    for name in ("last", "counts", "longer"):
        for place in range(0, len(data[name]), 7):
            changed = copy.copy(data[name])
            changed[place] += 1
            found.append((name, changed))
    return found


@pytest.mark.parametrize(("name", "value"), damaged())
def test_what_is_damaged_is_refused(name: str, value: Any) -> None:
    data = KneserNey.of(TEXTS, 3).to_json() | {name: value}
    with pytest.raises(Refusal, match=r"^(codec\.json|order is 7)"):
        KneserNey.from_json(data, "codec.json")


def test_counts_that_are_no_text_are_refused() -> None:
    data = KneserNey.of(["ab", "ab", "ba"], 2).to_json()
    assert (data["last"], data["counts"]) == ([1, 2, 3, 4, 3, 4, 1, 4, 1, 3], [3, 3, 3, 3, 2, 1, 1, 2, 2, 1])
    more = [3, 3, 4, 3, 2, 1, 1, 3, 2, 1]  # a is as often as it goes on, but both are come to more or less often
    with pytest.raises(Refusal, match=r"^codec\.json"):
        KneserNey.from_json(data | {"counts": more}, "codec.json")
    single = KneserNey.of(["ab"], 1).to_json()
    ends = [single["counts"][0] + 1, *single["counts"][1:]]  # more ends than beginnings
    with pytest.raises(Refusal, match=r"^codec\.json"):
        KneserNey.from_json(single | {"counts": ends}, "codec.json")


def test_histories_that_differ_where_it_no_longer_matters_are_one_state() -> None:
    model = KneserNey.of(TEXTS, 4)
    assert after(model, "abab") == after(model, "?ab")
    assert after(model, "abra") == after(model, "?bra") != after(model, "ra")


@pytest.mark.parametrize("order", [0, 7])
def test_orders_outside_1_to_6_are_refused(order: int) -> None:
    with pytest.raises(Refusal, match=f"order is {order}"):
        KneserNey.of(TEXTS, order)


def test_no_text_is_refused_and_empty_texts_are_not() -> None:
    with pytest.raises(Refusal, match="no text"):
        KneserNey.of([], 3)
    model = KneserNey.of([""], 3)
    assert math.exp(model.end(model.start())) > 0.5


def test_tokens_that_are_neither_text_nor_whole_numbers_are_counted_but_not_saved() -> None:
    model = KneserNey.of([[("a", 1), ("b", 2)]], 2)
    assert model.score(model.start(), ("a", 1))[1] > model.score(model.start(), ("b", 2))[1]
    with pytest.raises(TypeError, match="neither text nor a whole number"):
        model.to_json()
