"""Coverage: shares and lengths as counted by hand, with a codec of single characters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.checks import coverage as covering
from melisma.checks.coverage import cover
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.settings.translate import DataSettings
from melisma.text.characters import Characters
from melisma.text.unicode import normalise

WORD = st.text("abcdeäöü ", min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
PAIRS = st.lists(st.tuples(WORD, WORD), min_size=1, max_size=8)


class Letters:
    """Sources and targets as characters; the source with its end."""

    def __init__(self, train: Sequence[Pair]) -> None:
        self.source = self.target = Characters.learn([pair.source for pair in train], 500, 1)
        self.most = 0  # pairs that were asked for together

    def symbols(self, examples: Sequence[Pair]) -> list[tuple[list[int], list[int]]]:
        self.most = max(self.most, len(examples))
        sources = self.source.encode([pair.source for pair in examples])
        return list(zip([[*one, 1] for one in sources], self.target.encode([pair.target for pair in examples])))


class Spelled(Letters):
    """Sources as characters, targets as words."""

    def symbols(self, examples: Sequence[Pair]) -> list[tuple[list[int], list[int]]]:
        return [
            (source, [2] * len(pair.target.split())) for (source, _), pair in zip(super().symbols(examples), examples)
        ]


def pairs_of(texts: Sequence[tuple[str, str]]) -> list[Pair]:
    return [Pair(source, target, Place("a.en", line)) for line, (source, target) in enumerate(texts, 1)]


@settings(deadline=None)
@given(PAIRS, PAIRS)
def test_shares_are_those_that_are_counted(train: list[tuple[str, str]], valid: list[tuple[str, str]]) -> None:
    known, asked = pairs_of(train), pairs_of(valid)
    codec = Letters(known)
    coverage, _ = cover(codec, known, asked, DataSettings(train=(("a", "b"),)))
    for side, found in enumerate(coverage.sides):
        lines = [normalise(pair[side]) for pair in train]
        tested = [normalise(pair[side]) for pair in valid]
        words = {word for line in lines for word in line.split()}
        asked_words = [word for line in tested for word in line.split()]
        assert found.unseen_words == pytest.approx(sum(word not in words for word in asked_words) / len(asked_words))
        characters = set("".join(lines)) - {" "}
        asked_characters = [one for line in tested for one in line if one != " "]
        unseen = sum(one not in characters for one in asked_characters)
        assert found.unseen_characters == pytest.approx(unseen / len(asked_characters))
        assert found.words == len(words)
        assert found.vocabulary == len({symbol for line in codec.source.encode(lines) for symbol in line})
        assert found.characters == len(characters)
        assert set(found.some_unseen) <= set(asked_characters) - characters
        lengths = [len(line) for line in codec.source.encode(lines)]
        told = (found.median, found.p95, found.longest)
        assert told == tuple(int(np.percentile(lengths, share) + 1e-9) for share in (50, 95, 100))


def test_lengths_do_not_count_the_end() -> None:
    known = pairs_of([("abc", "de"), ("abcde", "d")])
    coverage, _ = cover(Letters(known), known, [], DataSettings(train=(("a", "b"),)))
    assert [(side.median, side.longest) for side in coverage.sides] == [(4, 5), (1, 2)]
    assert [side.unseen_words for side in coverage.sides] == [None, None]


@pytest.mark.parametrize(("limits", "left_out"), [((5, 2), 0), ((4, 2), 1), ((5, 1), 1), ((4, 1), 2), ((2, 250), 2)])
def test_pairs_over_the_limits_are_those_that_training_leaves_out(limits: tuple[int, int], left_out: int) -> None:
    known = pairs_of([("abc", "de"), ("abcde", "d")])
    data = DataSettings(train=(("a", "b"),), limit_source=limits[0], limit_target=limits[1])
    coverage, findings = cover(Letters(known), known, [], data)
    over = [finding for finding in findings if finding.name == "over the limits"]
    assert coverage.left_out == left_out == sum(finding.count for finding in over)
    assert all(finding.severity == ("error" if left_out == 2 else "warning") for finding in over)


def test_no_more_than_a_block_of_pairs_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [pair for number in range(40) for pair in pairs_of([("a" * (number % 7 + 1), f"b{number}")])]
    asked, data = (
        pairs_of([("aab c", f"b{number}") for number in range(30, 50)]),
        DataSettings(train=(("a", "b"),), limit_source=4),
    )
    whole = cover(Letters(known), known, asked, data)

    class Passing(list[Pair]):
        """Pairs that can only be gone through."""

        def __getitem__(self, index: object) -> Pair:  # type: ignore[override]
            raise AssertionError(index)

    monkeypatch.setattr(covering, "AT_ONCE", 3)
    codec = Letters(known)
    assert cover(codec, Passing(known), Passing(asked), data) == whole
    over = next(finding for finding in whole[1] if finding.name == "over the limits")
    assert [place.text for place in over.places] == ["a" * 7] * 3, "the longest"
    assert codec.most == 3


@pytest.mark.parametrize(("asked", "share"), [("new", "100 %"), ("new a", "50.0 %"), ("new" + " a" * 999, "0.1 %")])
def test_a_share_is_told_as_people_read_it(asked: str, share: str) -> None:
    known = pairs_of([("a", "b")])
    _, findings = cover(
        Letters(known), known, pairs_of([(asked, "b")]), DataSettings(train=(("a", "b"),), valid=(("c", "d"),))
    )
    words = next(finding for finding in findings if finding.name == "unseen words")
    assert words.sentence == f"{share} of the words in the sources of valid never occur in train"


def test_words_are_counted_up_to_a_bound_and_shares_beyond_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known, asked = pairs_of([(f"w{number}", "b") for number in range(40)]), pairs_of([("w39", "b"), ("new", "b")])
    monkeypatch.setattr(covering, "MOST_WORDS", 8)
    monkeypatch.setattr(covering, "AT_ONCE", 3)
    source = cover(Letters(known), known, asked, DataSettings(train=(("a", "b"),)))[0].sides[0]
    assert (source.words, source.unseen_words) == (8, 0.5)


def test_few_words_in_many_pairs_are_odd() -> None:
    known = pairs_of([(f"word{number}", "yes") for number in range(600)])
    _, findings = cover(Letters(known), known, [], DataSettings(train=(("a", "b"),)))
    assert [(finding.name, finding.count) for finding in findings] == [("hardly a vocabulary", 1)]


def test_a_side_without_any_character_has_hardly_a_vocabulary() -> None:
    known = pairs_of([(f"word{number}", " ") for number in range(600)])
    _, findings = cover(Spelled(known), known, [], DataSettings(train=(("a", "b"),)), ("characters", "characters"))
    assert [(finding.name, finding.count) for finding in findings] == [("hardly a vocabulary", 0)]


PHONEMES = [("".join(four), " ".join(four)) for four in product("abcdefgh", repeat=4)][:600]


@pytest.mark.parametrize(
    ("texts", "units", "wanted"),
    [
        (PHONEMES, ("characters", "words"), []),
        (PHONEMES, ("subwords", "subwords"), ["target"]),
        ([(f"word{number}", ("yes", "no")[number % 2]) for number in range(600)], ("characters", "words"), ["target"]),
        ([("aaab"[number % 4 :], f"{number}") for number in range(600)], ("characters", "words"), ["source"]),
    ],
)
def test_few_units_are_odd_where_they_cannot_make_that_many_texts(
    texts: list[tuple[str, str]], units: tuple[str, str], wanted: list[str]
) -> None:
    known = pairs_of(texts)
    _, findings = cover(Spelled(known), known, pairs_of([("hhhh", "h")]), DataSettings(train=(("a", "b"),)), units)
    odd = [finding.sentence for finding in findings if finding.name == "hardly a vocabulary"]
    assert [sentence.split()[1] for sentence in odd] == [f"{side}s" for side in wanted]
    unseen = [finding.sentence for finding in findings if finding.name == "unseen words"]
    assert any("sources" in sentence for sentence in unseen) == (units[0] != "characters")
