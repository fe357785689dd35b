"""Alarms of two runs beside each other: misses of the same takes, false alarms in the same hours."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from melisma.evaluation.beside import beside_alarms, beside_texts
from melisma.evaluation.evaluate import Evaluation

NAMES = ("new", "old")
OTHER = Evaluation({}, {}, [], 0.0, example="recording")


def test_misses_and_false_alarms_are_told_with_their_doubt() -> None:
    missed = ([False] * 20, [place < 9 for place in range(20)])
    told = beside_alarms(NAMES, OTHER, missed, [None] * 20, (3, 12), 2.0)
    assert told.gaps["misses"].value == -45
    assert told.sentences[0].startswith("new misses 45.0 points fewer of 20 words than old (95 % interval of the ")
    assert told.sentences[1].startswith("new gives 4.5 false alarms an hour fewer than old in the same 2 h (95 % ")
    assert all(said.endswith("that is more than chance.") for said in told.sentences)
    assert told.verdict("misses") == told.verdict("false_alarms") == "is more than chance"
    assert told.verdict("latency") == ""


def test_texts_are_told_by_how_much_the_first_run_is_above() -> None:
    right = [f"w{place} x" for place in range(20)]
    answers = [right, ["w x"] * 20]
    runs = [replace(OTHER, answers=[SimpleNamespace(text=one) for one in some]) for some in answers]
    runs = [replace(run, measures=dict.fromkeys(("exact", "wer", "perplexity"))) for run in runs]  # type: ignore[arg-type]
    told = beside_texts(NAMES, runs[0], runs[1], right, right)
    assert {name: gap.value for name, gap in told.gaps.items()} == {"exact": 100, "wer": -50}
    assert told.sentences == (
        "exact: new scores 100.00 % more than old on the same recordings; that is more than chance.",
        "WER: new scores 50.00 % less than old on the same recordings; that is more than chance.",
    )
    two = beside_texts(NAMES, runs[0], runs[1], right, right, ["ann"] * 10 + ["ben"] * 10)
    assert two.verdict("wer") == "may be chance: 2 speakers cannot tell"


def test_what_few_can_tell_is_no_more_than_chance() -> None:
    told = beside_alarms(NAMES, OTHER, ([True] * 4, [False] * 4), [None] * 4, (5, 0), 1.0)
    assert told.verdict("misses") == "may be chance: 4 recordings cannot tell"
    assert told.verdict("false_alarms") == "may be chance: 5 false alarms cannot tell"
    assert "(95 %" not in told.sentences[0]
    assert told.sentences[0].endswith("that may be chance: 4 words cannot tell.")


def test_where_there_is_nothing_to_compare_nothing_is_told() -> None:
    assert beside_alarms(NAMES, OTHER, ([], []), [], (0, 0), 0.0).gaps == {}
    same = beside_alarms(NAMES, OTHER, ([True], [True]), ["ann"], (0, 0), 0.5)
    assert same.sentences == (
        "new misses as many of 1 word as old.",
        "new gives as many false alarms in 0.5 h as old.",
    )
    assert same.verdict("misses") == "is none"
