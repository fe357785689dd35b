"""Sub-words against the papers' own few lines, and rules that do not fit their pieces."""

import itertools
import json
import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.text import bpe
from melisma.text.subwords import Subwords
from melisma.text.vocabulary import FIRST_BYTE, Vocabulary

word_counts = st.dictionaries(st.text("abcä中", min_size=1, max_size=9), st.integers(1, 4), max_size=12)


def merges_by_hand(counts: dict[str, int], room: int) -> list[tuple[str, str]]:
    """Sennrich, Haddow & Birch 2016, algorithm 1; of equally frequent pairs the one whose parts came first."""
    words = {word: list(word) for word in counts}
    age = {char: place for place, char in enumerate(sorted(set("".join(counts))))}
    merges: list[tuple[str, str]] = []
    wanted = len(age) + room
    while len(age) < wanted:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, parts in words.items():
            for pair in itertools.pairwise(parts):
                pairs[pair] += counts[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], age[pair[0]], age[pair[1]]), default=None)
        if best is None or pairs[best] < 2:
            break
        merges.append(best)
        age.setdefault(best[0] + best[1], len(age))
        words = {word: merge(parts, best) for word, parts in words.items()}
    return merges


def merge(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def distinct(counts: dict[str, int]) -> bool:
    """Whether no word repeats a character next to itself, where pair counts are a matter of taste ("aaa")."""
    return all(left != right for word in counts for left, right in itertools.pairwise(word))


@settings(max_examples=60)
@given(word_counts.filter(distinct), st.integers(1, 4))
def test_the_merges_are_the_papers(counts: dict[str, int], room: int) -> None:
    assert bpe.learn(counts, room, 1) == merges_by_hand(counts, room)


@given(st.text("Maneru äöß", max_size=30))
def test_cutting_applies_the_merges_in_their_order(text: str) -> None:
    unit = GERMAN
    for stretch in (" " + " ".join(text.split())).split("ß"):
        for word in stretch.replace(" ", "\n ").split("\n"):
            parts = list(word)
            for pair in unit.merges:
                parts = merge(parts, pair)
            assert unit._split(word) == unit.vocabulary.encode(parts)


GERMAN = Subwords.learn(["Mann Männer Mannes Manne euer neuer raunen ran man Armee"] * 2, "bpe", 60, 2)
LIKELY = Subwords.learn(["Mann Männer Mannes Manne euer neuer raunen ran man Armee"] * 2, "unigram", 60, 2)


def cuttings(word: str) -> list[list[str]]:
    if not word:
        return [[]]
    return [[word[:end], *rest] for end in range(1, len(word) + 1) for rest in cuttings(word[end:])]


@given(st.text("Maneruä", min_size=1, max_size=8))
def test_the_unigram_cut_is_the_likeliest_of_all(word: str) -> None:
    score = dict(zip([*map(chr, range(128)), *LIKELY.vocabulary.learned], LIKELY.scores))
    best = max(sum(score.get(piece, -math.inf) for piece in cutting) for cutting in cuttings(word))
    found = sum(score[LIKELY.vocabulary.text([number])] for number in LIKELY._split(word))
    assert found == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("method", ["bpe", "unigram"])
def test_rare_characters_are_bytes_and_no_piece_reaches_across(method: str) -> None:
    unit = Subwords.learn(["abab abab xéy xéy xéy xñy"] * 2 + ["xßy"], method, 300, 3)
    assert unit.vocabulary.encode(["ñ"])[0] == FIRST_BYTE + "ñ".encode()[0]
    assert "é" in unit.vocabulary.learned
    assert " xéy" in unit.vocabulary.learned
    assert not any(char in piece for piece in unit.vocabulary.learned for char in "ñß")
    (ids,) = unit.encode(["xñy"])
    assert [FIRST_BYTE + byte for byte in "ñ".encode()] == ids[-3:-1]


@pytest.mark.parametrize("method", ["bpe", "unigram"])
def test_characters_leave_half_of_the_room_to_longer_pieces(method: str) -> None:
    lines = ["".join(chr(0x4E00 + number) for number in range(200)) + "我们我们我们"] * 3
    learned = Subwords.learn(lines, method, 100, 1).vocabulary.learned
    assert sum(len(piece) == 1 for piece in learned) == 50
    assert any("我们" in piece for piece in learned)


def test_there_is_one_piece_where_two_merges_make_it() -> None:
    unit = Subwords(
        Vocabulary(("ab", "bc", "abc")),
        "bpe",
        (("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc")),
    )
    assert Subwords.from_json(json.loads(json.dumps(unit.to_json()))) == unit
    assert unit.vocabulary.pieces(unit.encode(["abc"])[0]) == ["▁", "abc"]


def damaged(unit: Subwords, **changed: object) -> dict[str, object]:
    return {**unit.to_json(), **changed}


BPE = Subwords.learn(["aé aé ab ab"], "bpe", 9, 1)
UNI = Subwords.learn(["aé aé ab ab"], "unigram", 9, 1)
RULES = [list(pair) for pair in BPE.merges]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (damaged(BPE, rules=[*RULES, ["a", "x"]]), "'ax' is no piece"),
        (damaged(BPE, rules=[*RULES, ["zz", "x"]]), "'zz' is no piece"),
        (damaged(BPE, rules=[*RULES, RULES[0]]), "a merge twice"),
        (damaged(BPE, rules=RULES[:-1]), "which no merge makes"),
        (damaged(BPE, rules=[["a"]]), "a merge of 1 sides"),
        (damaged(BPE, rules=[["", "ab"]]), "where two texts are wanted"),
        (damaged(BPE, rules=["ab"]), "a string where a list"),
        (damaged(BPE, rules=[["a", 3]]), "a number at place 1"),
        (damaged(BPE, rules=None), "null where a list"),
        (damaged(BPE, method="unigram"), "has the score"),
        (damaged(BPE, method="wordpiece"), "'wordpiece'"),
        (damaged(BPE, more=1), "has the fields"),
        (damaged(UNI, rules=list(UNI.scores)[:-1]), "scores where"),
        (damaged(UNI, rules=[*UNI.scores[:-1], float("nan")]), "no logarithm"),
        (damaged(UNI, rules=[*UNI.scores[:-1], float("-inf")]), "no logarithm"),
        (damaged(UNI, rules=[*UNI.scores[:-1], 0.5]), "no logarithm"),
        (damaged(UNI, rules=[*UNI.scores[:-1], True]), "the score True"),
        (damaged(UNI, rules=[*UNI.scores[:-1], "1"]), "the score '1'"),
        (damaged(UNI, vocabulary={"size": 259, "pieces": ["éa"]}, rules=[-1.0] * 129), "a character that is no piece"),
    ],
)  # fmt: skip
def test_rules_that_do_not_fit_are_refused(data: dict[str, object], why: str) -> None:
    with pytest.raises(Refusal, match=why):
        Subwords.from_json(data)
