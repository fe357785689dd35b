"""Laws of every measure in the table, and fixtures from the papers."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from melisma.errors import Refusal
from melisma.measures.bleu import bleu, bleu_counts, bleu_score, breakdown, chrf, ter, tokenizer_for
from melisma.measures.by_length import by_length, even_edges
from melisma.measures.exact import exact
from melisma.measures.interval import difference
from melisma.measures.measure import Measure
from melisma.measures.table import MEASURES

WORDS = ["the", "The", "dog", "Bit", "bit", "man.", "don't", "a", "Öl,", "狗", "x", "3.5", "“so”"]
TEXT = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
CORPUS = st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), min_size=1, max_size=8)
PERFECT = {
    "bleu": 100.0,
    "bleu_lowercase": 100.0,
    "chrf": 100.0,
    "ter": 0.0,
    "exact": 100.0,
    "word_error": 0.0,
    "wer": 0.0,
    "cer": 0.0,
    "phoneme_error": 0.0,
}

SAID = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
RIGHT = [
    ["The dog bit the man.", "The dog had bit the man."],
    ["It was not unexpected.", "No one was surprised."],
    ["The man bit him first.", "The man had bitten the dog."],
]


def corpus(size: int, seed: int = 0, wrong: float = 0.3) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    right = [" ".join(draw.choices(WORDS, k=draw.randint(4, 12))) for _ in range(size)]
    said = [" ".join(draw.choice(WORDS) if draw.random() < wrong else word for word in line.split()) for line in right]
    return said, right


def streams(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """References as sacreBLEU wants them: the first of all answers, the second of all answers, …"""
    most = max(map(len, references))
    return [[right[i] if i < len(right) else None for right in references] for i in range(most)]


def test_every_measure_is_in_the_laws() -> None:
    assert set(PERFECT) == set(MEASURES)


@pytest.mark.parametrize("name", MEASURES)
@settings(max_examples=12, deadline=None)
@given(pairs=CORPUS, order=st.randoms(use_true_random=False))
def test_the_order_of_examples_and_of_references_is_irrelevant(
    name: str, pairs: list[tuple[str, list[str]]], order: random.Random
) -> None:
    # among references that suit an answer equally badly, chrF takes the first, as sacreBLEU does
    keep = name == "chrf"
    mixed = [
        (answer, right if keep else order.sample(right, len(right)))
        for answer, right in order.sample(pairs, len(pairs))
    ]
    results = [MEASURES[name]([a for a, _ in corpus], [right for _, right in corpus]) for corpus in (pairs, mixed)]
    assert results[0] == results[1]
    assert results[0].low <= results[0].value <= results[0].high
    assert results[0].count == len(pairs)


@pytest.mark.parametrize("name", MEASURES)
def test_the_perfect_answer_scores_best(name: str) -> None:
    said, right = corpus(30)
    best = MEASURES[name](right, right)
    assert best.value == pytest.approx(PERFECT[name])
    several = MEASURES[name](right, [[f"{line} or other", line] for line in right])
    if name != "ter":
        assert several.value == pytest.approx(PERFECT[name])
    worse = MEASURES[name](said, right)
    assert worse.better == best.better == ("higher" if PERFECT[name] else "lower")
    assert worse.value < best.value if worse.better == "higher" else worse.value > best.value


@pytest.mark.parametrize("name", MEASURES)
def test_the_interval_holds_the_value_and_shrinks(name: str) -> None:
    small, large = (MEASURES[name](*corpus(size)) for size in (25, 400))
    for result in (small, large):
        assert result.low < result.value < result.high
    assert 2 < (small.high - small.low) / (large.high - large.low) < 8
    assert MEASURES[name](*corpus(25)) == small


@pytest.mark.parametrize("name", MEASURES)
def test_empty_texts_are_answers_and_empty_lists_are_refused(name: str) -> None:
    measure = MEASURES[name]
    for result in (measure(["", ""], ["a b c d e", "f"]), measure(["a b"], [""])):
        assert math.isfinite(result.value)
        assert result.value == pytest.approx(0.0 if result.better == "higher" else 100.0)
    assert math.isfinite(measure([""], [""]).value)
    with pytest.raises(Refusal, match="no answers"):
        measure([], [])
    with pytest.raises(Refusal, match="2 answers and 1 references"):
        measure(["a", "b"], ["a"])
    with pytest.raises(Refusal, match="answer 2 has no reference"):
        measure(["a", "b"], [["a"], []])
    with pytest.raises(Refusal, match="single text"):
        measure("abc", "abc")


@settings(max_examples=60, deadline=None)
@given(pairs=CORPUS, lowercase=st.booleans())
def test_sacrebleu_agrees(pairs: list[tuple[str, list[str]]], lowercase: bool) -> None:
    said, right = [answer for answer, _ in pairs], [one for _, one in pairs]
    same = tokenizer_for(right)
    asian = same != "13a"
    theirs = (
        BLEU(tokenize=same, lowercase=lowercase, force=True),
        CHRF(lowercase=lowercase),
        TER(case_sensitive=not lowercase, normalized=asian, asian_support=asian),
    )
    for ours, metric in zip((bleu, chrf, ter), theirs, strict=True):
        mine = ours(said, right, lowercase=lowercase)
        assert mine.value == pytest.approx(metric.corpus_score(said, streams(right)).score, abs=1e-9)
        assert mine.signature == str(metric.get_signature())


def test_sacrebleus_own_example() -> None:
    assert bleu(SAID, RIGHT).value == pytest.approx(48.53, abs=0.005)
    assert chrf(SAID, RIGHT).value == pytest.approx(59.73, abs=0.005)
    parts = breakdown(SAID, RIGHT)
    assert parts.precisions == pytest.approx((82.35, 50.0, 45.45, 37.5), abs=0.01)
    assert (parts.answer_length, parts.reference_length) == (17, 18)
    assert parts.brevity_penalty == pytest.approx(0.943, abs=0.0005)


def test_the_examples_of_the_papers() -> None:
    clipped = breakdown(["the the the the the the the"], ["The cat is on the mat."], lowercase=True)
    assert clipped.precisions[0] == pytest.approx(100 * 2 / 7)  # Papineni et al. 2002, section 2.1
    said = "THIS WEEK THE SAUDIS denied information published in the new york times"
    right = "SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times"
    assert ter([said], [right]).value == pytest.approx(100 * 4 / 13)  # Snover et al. 2006, section 3


@pytest.mark.parametrize(
    ("right", "wanted"),
    [
        ("A man rides.", "13a"),
        ("Ein Hund 3.", "13a"),
        ("一个男人在骑马。", "zh"),
        ("他买了一台 iPad 电脑", "zh"),
        ("犬が人を噛んだ。", "char"),
        ("ผู้ชายขี่ม้า", "char"),
        ("한 남자가 말을 탄다", "13a"),
        ("the sign says 犬", "13a"),
        ("", "13a"),
    ],
)
def test_the_tokenizer_follows_the_references(right: str, wanted: str) -> None:
    assert tokenizer_for([right]) == tokenizer_for([[right], [right]]) == wanted
    assert f"tok:{wanted}" in bleu([right], [right]).signature


def test_a_chinese_sentence_is_more_than_one_word() -> None:
    said, right = ["一个女人在骑马。"], ["一个男人在骑马。"]
    assert 30 < bleu(said, right).value < 90
    assert ter(said, right).value == pytest.approx(100 / 8)


def test_an_unknown_tokenizer_is_refused() -> None:
    with pytest.raises(Refusal, match="one of 13a, zh"):
        bleu(["a"], ["a"], tokenize="moses")  # type: ignore[arg-type]


def test_texts_that_look_the_same_are_the_same() -> None:
    assert exact(["cafe\u0301 au\u00a0lait "], ["caf\u00e9 au lait"]).value == 100
    assert exact(["Yes"], ["yes"]).value == 0
    assert exact(["Yes"], ["yes"], lowercase=True).value == 100
    assert exact(["no"], [["yes", "no"]]).value == 100


def test_bleu_of_answers_too_short_or_too_few() -> None:
    assert bleu(["the dog bit"], ["the dog bit"]).value == 0  # no 4-gram was said: so sacreBLEU
    assert bleu(["the dog bit", "a b c d"], ["the dog bit", "a b c d"]).value == pytest.approx(100)
    assert breakdown([""], ["a b"]).brevity_penalty == 0
    assert breakdown([""], [""]).brevity_penalty == 1
    assert breakdown(["a b"], ["a b c d"]).brevity_penalty == pytest.approx(math.exp(-1))


def test_two_systems_are_compared_in_pairs() -> None:
    _, right = corpus(200)
    good, bad, other = (corpus(200, wrong=share)[0] for share in (0.2, 0.3, 0.2))
    assert good == other
    tables = [bleu_counts(said, right) for said in (bad, good)]
    low, high = difference(*tables, bleu_score)
    assert 0 < low < bleu(good, right).value - bleu(bad, right).value < high
    assert difference(tables[1], tables[1], bleu_score) == (0.0, 0.0)
    assert difference(tables[1], tables[0], bleu_score) == pytest.approx((-high, -low), abs=1.0)
    with pytest.raises(Refusal, match="same examples"):
        difference(tables[0], tables[1][:5], bleu_score)


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(0, 12), min_size=1, max_size=40), buckets=st.integers(1, 6))
def test_buckets_hold_every_example_once(lengths: list[int], buckets: int) -> None:
    texts = [f"a{i}" for i in range(len(lengths))]
    found = by_length(exact, texts, texts, lengths, buckets=buckets)
    assert 1 <= len(found) <= buckets
    assert sum(bucket.measure.count for bucket in found) == len(lengths)
    for sooner, later in pairwise(found):
        assert sooner.longest < later.shortest
    for bucket in found:
        assert bucket.measure.count == sum(bucket.shortest <= length <= bucket.longest for length in lengths)


def test_buckets_by_given_edges_and_of_even_size() -> None:
    said, right = ["a", "b", "c", "d"], ["a", "x", "c", "x"]
    found = by_length(exact, said, right, [5, 11, 10, 40], edges=[10, 20, 30])
    assert [(b.shortest, b.longest, b.measure.value) for b in found] == [(5, 10, 100.0), (11, 11, 0.0), (40, 40, 0.0)]
    assert even_edges(list(range(100)), 4) == [24, 49, 74]
    assert [b.measure.count for b in by_length(exact, ["a"] * 100, ["a"] * 100, list(range(100)), buckets=4)] == [
        25
    ] * 4
    with pytest.raises(Refusal, match="greater than the one before"):
        by_length(exact, said, right, [1, 2, 3, 4], edges=[10, 10])
    with pytest.raises(Refusal, match="3 lengths, 4 answers"):
        by_length(exact, said, right, [1, 2, 3])
    with pytest.raises(Refusal, match="at least 1"):
        by_length(exact, said, right, [1, 2, 3, 4], buckets=0)
    with pytest.raises(Refusal, match="no answers"):
        by_length(exact, [], [], [])


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = "import sys, melisma.measures; print(*({'numpy', 'torch', 'sacrebleu'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


def test_a_measure_is_plain_data() -> None:
    assert isinstance(hash(bleu(SAID, RIGHT)), int)
    assert isinstance(bleu(SAID, RIGHT), Measure)
