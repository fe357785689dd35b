"""Where only some examples are looked at, a source that is asked once keeps all the targets that are right."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from melisma.evaluation import compare, validate
from melisma.evaluation.compare import floors, gaps
from melisma.evaluation.evaluate import Evaluation
from melisma.evaluation.meaning import interval
from melisma.evaluation.samples import spread, spread_for
from melisma.evaluation.shown import OTHERS, Measured, examples
from melisma.evaluation.validate import Validation
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.measures.asked import by_source
from melisma.measures.table import measured
from melisma.settings.translate import TranslateSettings
from melisma.task import Task
from melisma.tasks.translate import TASK

SOURCES = [f"word {number}" for number in range(12)]
LISTED = [(source, f"{source} {nth}") for nth in range(3) for source in SOURCES]
PAIRS = [Pair(source, target, Place("a.tsv", number)) for number, (source, target) in enumerate(LISTED, 1)]
PLAIN = TranslateSettings()
PRONOUNCED = replace(PLAIN, data=replace(PLAIN.data, measures=("word_error", "phoneme_error")))
UNREAD: Task = replace(TASK, check=lambda codec, pairs: [])


def whole(found: list[Pair]) -> bool:
    """Whether every source that is there has all its pairs."""
    return sorted(found) == sorted(pair for pair in PAIRS if pair.source in {one.source for one in found})


def test_a_spread_takes_sources_with_all_their_targets_where_a_measure_asks_for_them() -> None:
    sources = [pair.source for pair in PAIRS]
    for most in (1, 5, 12, 40):
        assert spread_for(("bleu", "exact"), PAIRS, sources, most) == spread(PAIRS, most)
        found = spread_for(("bleu", "word_error"), PAIRS, sources, most)
        assert len(by_source([pair.source for pair in found])) == min(most, 12)
        assert whole(found)


def test_validation_answers_whole_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "ANSWERED", 4)
    found = Validation(UNREAD, None, PRONOUNCED, PAIRS)
    assert found.higher == {"loss": False, "word_error": False, "phoneme_error": False}
    assert len(found.answered) == 12
    assert whole(found.answered)
    plain = Validation(UNREAD, None, PLAIN, PAIRS)
    assert plain.answered == PAIRS[::9]
    assert plain.higher == {"loss": False, "bleu": True, "chrf": True, "exact": True}


def test_what_decides_is_validated_whether_or_not_it_is_among_the_measures() -> None:
    deciding = replace(PLAIN, data=replace(PLAIN.data, validation_measure="word_error"))
    assert TASK.measures(deciding) == (*TASK.measures(PLAIN), "word_error")
    assert list(TASK.validating(deciding)) == ["bleu", "chrf", "exact", "word_error"]


def test_floors_are_scored_on_whole_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "ASKED", 4)
    nearest, _ = floors(TASK, PRONOUNCED, PAIRS[-2:], PAIRS)
    assert set(nearest.measures) == {"word_error", "phoneme_error"}
    assert nearest.measures["word_error"].count == 4
    assert (nearest.asked, "on 12 of the 36 pairs" in nearest.how) == (12, True)


def test_runs_are_compared_by_the_errors_of_whole_sources() -> None:
    sources, references = [pair.source for pair in PAIRS], [pair.target for pair in PAIRS]
    good = [f"{source} 1" for source in sources]
    bad = [target if source < "word 4" else source for source, target in zip(sources, good)]
    found = gaps(good, bad, references, sources, ("word_error", "phoneme_error"))
    for name in ("word_error", "phoneme_error"):
        assert measured(name, sources, good, references).value == 0
        assert found[name].value == pytest.approx(measured(name, sources, bad, references).value)
        assert 0 < found[name].low <= found[name].value <= found[name].high
    answers = [SimpleNamespace(text=text) for text in bad]
    assert TASK.measure(answers, PAIRS, ("word_error",))["word_error"].value == pytest.approx(found["word_error"].value)


@pytest.mark.parametrize(("name", "shown"), [("word_error", 4), ("exact", 12)])
def test_a_page_shows_a_source_once_beside_the_closest_of_its_targets(name: str, shown: int) -> None:
    few = [pair for pair in PAIRS if pair.source in SOURCES[:4]]
    sources, references = tuple(pair.source for pair in few), tuple(pair.target for pair in few)
    answers = [SimpleNamespace(text=f"{source} 2") for source in sources]
    one = measured(name, sources, [answer.text for answer in answers], references)
    measures = Measured("run", Evaluation({name: one}, {}, answers, 0.0), sources, references)
    (group,) = examples(measures)  # as there are few, all of them
    assert len(group.examples) == shown
    assert {example.source for example in group.examples} == set(SOURCES[:4])
    assert sum(example.right for example in group.examples) == 4
    for example in group.examples:
        right = {"".join(text for text, _ in example.reference), *example.others}
        assert right == {f"{example.source} {nth}" for nth in range(3)} if name == "word_error" else len(right) == 1


def test_of_very_many_right_answers_some_are_shown_and_the_others_counted() -> None:
    targets = tuple(f"A {number}" for number in range(OTHERS + 6))
    sources = ("A",) * len(targets)
    answers = [SimpleNamespace(text="A B")] * len(targets)
    one = measured("word_error", sources, ["A B"] * len(targets), targets)
    (group,) = examples(Measured("run", Evaluation({"word_error": one}, {}, answers, 0.0), sources, targets))
    assert group.examples[0].others == (*targets[1 : OTHERS + 1], "… and 5 more")
    assert group.examples[0].score == "phoneme error 50.00 %"


def test_an_answer_that_is_a_listed_target_is_right_though_another_has_its_letters() -> None:
    listed = [Pair("ABBA", "A BB A", Place("a.tsv", 1)), Pair("ABBA", "AB BA", Place("a.tsv", 2))]
    answers = [SimpleNamespace(text="AB BA")] * 2
    one = measured("word_error", ["ABBA"] * 2, ["AB BA"] * 2, [pair.target for pair in listed])
    found = Evaluation({"word_error": one}, {}, answers, 0.0)
    (group,) = examples(Measured("run", found, ("ABBA", "ABBA"), tuple(pair.target for pair in listed)))
    assert [example.right for example in group.examples] == [True]
    assert interval("word_error", one).endswith("on 1 different source")
