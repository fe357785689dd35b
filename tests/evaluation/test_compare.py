"""Floors and gaps: what a score stands beside."""

from __future__ import annotations

import pytest

from melisma.errors import Refusal
from melisma.evaluation import compare
from melisma.evaluation.compare import floors, gaps
from melisma.evaluation.meaning import MEANINGS, gap, interval, meaning
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.measures.bleu import chrf
from melisma.measures.exact import exact
from melisma.measures.groups import Gap
from melisma.measures.table import MEASURES
from melisma.settings.translate import TranslateSettings
from melisma.tasks.translate import TASK

KNOWN = [("red house", "rotes Haus"), ("green house", "grünes Haus"), ("red car", "rotes Auto"), ("same", "same")]
ASKED = [("Red house", "rotes Haus"), ("a green house", "ein grünes Haus"), ("same", "same")]


def pairs(texts: list[tuple[str, str]]) -> list[Pair]:
    return [Pair(source, target, Place("a.en", number)) for number, (source, target) in enumerate(texts, 1)]


def test_floors_are_the_nearest_target_and_the_source_itself() -> None:
    nearest, copy = floors(TASK, TranslateSettings(), pairs(KNOWN), pairs(ASKED))
    references = [target for _, target in ASKED]
    assert (nearest.name, copy.name) == ("nearest neighbour", "copy")
    assert nearest.measures["exact"] == exact(["rotes Haus", "grünes Haus", "same"], references)
    assert copy.measures["chrf"] == chrf([source for source, _ in ASKED], references)
    assert "4 training pairs" in nearest.how
    assert "ter" not in nearest.measures
    assert "4 training pairs out of 1,000" in floors(TASK, TranslateSettings(), pairs(KNOWN), pairs(ASKED), 1000)[0].how


def test_without_known_pairs_nothing_is_looked_up() -> None:
    assert [floor.name for floor in floors(TASK, TranslateSettings(), [], pairs(ASKED))] == ["copy"]


def test_what_was_sampled_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "ASKED", 2)
    monkeypatch.setattr(compare, "affordable", lambda texts: 2)
    nearest, copy = floors(TASK, TranslateSettings(), pairs(KNOWN), pairs(ASKED))
    assert "2 training pairs out of 4" in nearest.how
    assert all("on 2 of the 3 pairs" in floor.how and floor.measures["exact"].count == 2 for floor in (nearest, copy))


def test_gaps_are_differences_of_the_scores() -> None:
    references = [target for _, target in ASKED] * 10
    references = [f"{text} ist immer ganz nah" for text in references]
    first, second = ["x"] * 30, references[:15] + ["ein rotes Auto ist nah"] * 15
    sources = [str(number) for number in range(30)]
    measures = {name: MEASURES[name] for name in ("bleu", "chrf", "exact", "wer", "cer")}
    found = gaps(first, second, references, sources, measures)
    assert list(found) == list(measures)
    for name, measure in measures.items():
        wanted = measure(second, references).value - measure(first, references).value
        assert found[name].value == pytest.approx(wanted)
        assert found[name].low <= found[name].value <= found[name].high
        assert found[name].tells
        assert gaps(second, first, references, sources, measures)[name].value == pytest.approx(-wanted)
    with pytest.raises(Refusal, match="as many of both"):
        gaps(first, second[:-1], references, sources, measures)


def test_a_gap_is_told_with_its_doubt() -> None:
    assert gap("exact", "a", "b", Gap(-2.0, -3.0, -1.0, 0, 40)) == (
        "exact: a scores 2.00 % less than b on the same pairs (95 % interval of the difference -3.00 to -1.00); "
        "that is more than chance."
    )
    assert gap("bleu", "a", "b", Gap(1.0, -0.5, 2.0, 0, 40)).endswith("; that may be chance.")
    assert gap("wer", "a", "b", Gap(0.0, 0.0, 0.0, 0, 40)) == "WER: a and b score the same on the same pairs."


def test_of_few_that_all_differ_alike_no_interval_and_no_certainty_is_told() -> None:
    few = gap("wer", "a", "b", Gap(-100.0, -100.0, -100.0, 4, 4), "recording")
    assert few == (
        "WER: a scores 100.00 % less than b on the same recordings; that may be chance: 4 speakers cannot tell."
    )
    assert "5 recordings cannot tell" in gap("wer", "a", "b", Gap(1.0, 0.5, 2.0, 0, 5), "recording")
    assert gap("wer", "a", "b", Gap(1.0, 1.0, 1.0, 0, 6)).endswith("on the same pairs; that is more than chance.")


def test_speakers_are_drawn_with_all_they_said() -> None:
    references = ["a b c d"] * 12
    second = ["a b c d"] * 6 + ["a b c x"] * 6
    sources = [str(number) for number in range(12)]
    asked = (["a b c x"] * 12, second, references, sources, ["wer"])
    plain, whole = gaps(*asked)["wer"], gaps(*asked, ["ann"] * 6 + ["ben"] * 6)["wer"]
    assert plain.value == whole.value == -12.5
    assert (plain.drawn, plain.speakers, whole.drawn, whole.speakers) == (12, 0, 2, 2)
    assert (plain.tells, whole.tells) == (True, False)


def test_meaning_says_what_the_score_is_worth() -> None:
    beside = floors(TASK, TranslateSettings(), pairs(KNOWN), pairs(ASKED))
    references = [target for _, target in ASKED]
    right = exact(references, references)
    assert meaning("exact", right, [])[0] == "Of 100 questions about 100 are answered exactly as the reference has it."
    nothing = meaning("exact", exact(["", "", ""], references), beside)
    assert "no better than that" in nothing[-1]
    assert "looking up the most similar training pair scores 66.67 %" in nothing[-1]
    assert "overlap" in meaning("exact", right, beside)[-1]
    many = exact(references * 200, references * 200)
    assert meaning("exact", many, floors(TASK, TranslateSettings(), pairs(KNOWN), pairs(ASKED * 60)))[-1].endswith(
        "scores 33.33 %."
    )
    worse = MEASURES["word_error"](["", "", ""], references)
    beside = [compare.Floor("copy", "", {"word_error": worse}, 3)]
    assert "no better" in meaning("word_error", worse, beside)[-1]
    assert "no better" not in meaning("word_error", MEASURES["word_error"](references, references), beside)[-1]


def test_every_measure_has_a_meaning() -> None:
    assert set(MEASURES) - set(MEANINGS) == {"bleu_lowercase"}
    for sentence in MEANINGS.values():
        assert sentence.format(value=12.3).endswith(".")


def test_an_interval_is_told_with_its_size() -> None:
    references = [target for _, target in ASKED]
    assert interval("exact", exact(references, references)) == "95 % interval 43.85 to 100.00, on 3 pairs"
