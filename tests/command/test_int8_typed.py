"""``int8=yes`` as it is typed: what it costs is measured once, told, remembered, and refused where it is too much."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from command.drill import PAIRS, refused, typed

import melisma
from melisma.api import quick
from melisma.api.data import check_known
from melisma.layers.int8 import exact_sums
from melisma.runs.layout import INT8
from melisma.runs.read import read_run

pytestmark = pytest.mark.skipif(not exact_sums(), reason="this processor cannot multiply 8-bit integers without loss")

INPUTS = [source for source, _ in PAIRS[:6]]
ANY = "int8_bound=100"


@pytest.fixture
def copied(tiny, tmp_path, monkeypatch):
    """The run and its data in a folder where they may be changed."""
    shutil.copytree(tiny, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def test_what_it_costs_is_measured_once_and_told_each_time(copied, monkeypatch) -> None:
    plain = typed("predict", "tiny", *INPUTS)
    assert (plain.code, plain.err) == (0, "")
    first = typed("predict", "tiny", "int8=yes", ANY, *INPUTS)
    assert first.code == 0
    assert "int8: " in first.err
    assert " validation examples, " in first.err
    assert first.err.endswith(("times as fast\n", "times as fast (for this model int8=no is quicker)\n"))
    told = json.loads((copied / "tiny" / INT8).read_bytes())["steps"]
    assert len(told) == 1
    monkeypatch.setattr(quick, "measured", lambda *_: pytest.fail("it was measured before"))
    assert typed("predict", "tiny", "int8=yes", ANY, *INPUTS) == first
    assert typed("predict", "tiny", "int8=yes", ANY, stdin="\n".join(INPUTS).encode()) == first
    assert [answer.text for answer in melisma.load("tiny")(INPUTS, int8=True, int8_bound=100)] == first.lines
    scores = [answer.score for answer in melisma.load("tiny")(INPUTS)]
    assert [answer.score for answer in melisma.load("tiny")(INPUTS, int8=True, int8_bound=100)] != scores
    measured = typed("evaluate", "tiny", "data=a.en,a.de", "int8=yes", ANY)
    assert (measured.code, first.err.strip() in measured.err) == (0, True)
    assert "int8=yes" in measured.out


def test_what_costs_too_much_is_refused_with_both_figures(copied) -> None:
    assert typed("predict", "tiny", "int8=yes", ANY, *INPUTS).code == 0
    path = copied / "tiny" / INT8
    told = json.loads(path.read_bytes())
    (one,) = told["steps"].values()
    one |= {"measure": "bleu", "higher": True, "plain": 37.0, "int8": 36.5, "examples": 5}
    path.write_text(json.dumps(told))
    said = refused("predict", "tiny", "int8=yes", *INPUTS)
    assert "BLEU 36.50, without int8 37.00, on 5 validation examples" in said
    assert "that loses 0.50, more than int8_bound=0.30 (of so few a single answer weighs up to 20.00): " in said
    assert said.endswith("wants int8=no, or a larger int8_bound such as int8_bound=0.5")
    assert refused("evaluate", "tiny", "data=a.en,a.de", "int8=yes")
    assert typed("predict", "tiny", "int8=yes", "int8_bound=0.5", *INPUTS).code == 0
    one |= {"measure": "ter", "higher": False, "plain": 37.0, "int8": 37.304, "examples": 500}
    path.write_text(json.dumps(told))
    said = refused("predict", "tiny", "int8=yes", *INPUTS)
    assert "int8: TER 37.30 %, without int8 37.00, on 500 validation examples" in said
    assert said.endswith("more than int8_bound=0.30: wants int8=no, or a larger int8_bound such as int8_bound=0.31")
    one |= {"plain": 3.0, "int8": 103.0}
    path.write_text(json.dumps(told))
    assert refused("predict", "tiny", "int8=yes", *INPUTS).endswith("int8_bound such as int8_bound=100")
    assert typed("predict", "tiny", "int8=yes", ANY, *INPUTS).code == 0
    one |= {"int8": 103.001}
    path.write_text(json.dumps(told))
    assert refused("predict", "tiny", "int8=yes", *INPUTS).endswith("int8_bound=0.30: wants int8=no")
    one |= {"measure": "ter", "higher": False, "plain": 37.0, "int8": 36.5}
    path.write_text(json.dumps(told))
    assert typed("predict", "tiny", "int8=yes", *INPUTS).code == 0  # less of it is better


def test_without_validation_data_it_is_refused(copied) -> None:
    (copied / "a.en").unlink()
    said = refused("predict", "tiny", "int8=yes", *INPUTS)
    assert "validation data cannot be read" in said
    assert not (copied / "tiny" / INT8).exists()


def test_a_processor_that_cannot_is_told(copied, monkeypatch) -> None:
    monkeypatch.setattr(quick, "exact_sums", lambda: False)
    assert "without loss" in refused("predict", "tiny", "int8=yes", *INPUTS)


def test_a_run_that_cannot_be_written_to_is_measured_again(copied, monkeypatch) -> None:
    monkeypatch.setattr(quick, "remember", lambda *_: False)
    said = typed("predict", "tiny", "int8=yes", ANY, *INPUTS)
    assert said.code == 0
    assert "measured again next time" in said.err
    assert not (copied / "tiny" / INT8).exists()


def test_a_measure_of_which_less_is_better_is_remembered_as_such(copied) -> None:
    model = melisma.load("tiny")
    settings = replace(model.settings, data=replace(model.settings.data, measures=("ter",)))
    pairs = model.task.examples(settings, (("a.en", "a.de"),))[0][:4]
    cost = quick.measured(model.task, model.codec, settings, (model.network, model.network), pairs)
    assert (cost.measure, cost.higher, cost.lost) == ("ter", False, 0)


def test_validation_data_that_has_changed_measures_nothing(copied) -> None:
    check_known(read_run(copied / "tiny"), (("a.en", "a.de"),))
    lines = (copied / "a.en").read_text(encoding="utf-8").splitlines(keepends=True)
    (copied / "a.en").write_text("".join(["another line\n", *lines[1:]]), encoding="utf-8")
    assert "a.en has changed since this training began" in refused("predict", "tiny", "int8=yes", *INPUTS)
    with pytest.raises(melisma.errors.Refusal, match="has changed"):
        check_known(read_run(copied / "tiny"), (("a.en", "a.de"),))
    assert not (copied / "tiny" / INT8).exists()
