"""Duplicates and overlap: what the hashes count is what lists would."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from checks.drill import Texts, drafts, seen
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.checks import hashes
from melisma.checks.duplicates import GENERIC, Duplicates
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.files.split import overlap
from melisma.text.unicode import normalise

WORDS = st.sampled_from(["Straße", "STRASSE", "strasse ", "café", "cafe\u0301", "a  b", "A b", "a b", "x", "y"])
PAIRS = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=20)


def pairs_of(texts: Texts) -> list[Pair]:
    return [Pair(source, target, Place("a", 1)) for source, target in texts]


def count(findings: object, name: str) -> int:
    assert isinstance(findings, dict)
    return findings[name].count if name in findings else 0


@settings(deadline=None)
@given(PAIRS)
def test_what_repeats_is_counted(texts: Texts) -> None:
    findings = seen(Duplicates(), train=texts)
    plain = [(normalise(source), normalise(target)) for source, target in texts]
    assert count(findings, "duplicates") == len(plain) - len(set(plain))
    for side, name in ((0, "several targets"), (1, "several sources")):
        others = defaultdict(set)
        for pair in plain:
            others[pair[side]].add(pair[1 - side])
        assert count(findings, name) == sum(len(others[pair[side]]) > 1 for pair in plain)


@settings(deadline=None)
@given(PAIRS, PAIRS)
def test_overlap_is_that_of_the_split(train: Texts, valid: Texts) -> None:
    findings = seen(Duplicates(), train=train, valid=valid)
    wanted = overlap(pairs_of(train), pairs_of(valid))
    assert count(findings, "overlap of sources") == wanted.sources
    assert count(findings, "overlap of targets") == wanted.targets
    assert count(findings, "overlap of pairs") == wanted.pairs


@settings(deadline=None, max_examples=40)
@given(PAIRS, PAIRS, st.integers(1, 5))
def test_a_few_at_a_time_find_the_same(train: Texts, valid: Texts, together: int) -> None:
    generic = [(f"source {number}", f"I don't know {number % 3}.") for number in range(20)]
    parts = {"train": [*train, *generic, *train], "valid": [*valid, *valid]}
    whole = seen(Duplicates(), **parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashes, "AT_ONCE", together)
        assert seen(Duplicates(), **parts) == whole
        spots = [draft.spots for draft in drafts(Duplicates(), **parts)]
    assert spots == [draft.spots for draft in drafts(Duplicates(), **parts)]


@settings(deadline=None)
@given(st.integers(1, 12))
def test_a_target_for_many_sources_is_generic(sources: int) -> None:
    texts = [(f"source {number}", "I don't know.") for number in range(sources)] * 2
    findings = seen(Duplicates(), train=[*texts, ("a", "b")])
    assert count(findings, "generic targets") == (sources if sources >= GENERIC else 0)


def test_a_target_for_one_source_however_often_is_not_generic() -> None:
    assert "generic targets" not in seen(Duplicates(), train=[("a", "b")] * 50)


def test_pairs_with_a_blank_side_are_not_counted() -> None:
    assert seen(Duplicates(), train=[("", "b"), ("", "b"), ("a", " ")] * 2) == {}


def test_severity_follows_the_share() -> None:
    rare = [(f"s{number}", f"t{number}") for number in range(200)]
    assert seen(Duplicates(), train=rare + rare[:1])["duplicates"].severity == "note"
    assert seen(Duplicates(), train=rare + rare[:50])["duplicates"].severity == "warning"
    assert Counter(finding.severity for finding in seen(Duplicates(), train=rare, valid=rare).values())["warning"] == 2
