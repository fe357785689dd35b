"""What can be done is said beside what is wrong: runs that cannot be read, and arguments of other types in Python."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command.drill import TINY, picture, refused, typed

import melisma
from melisma.errors import Busy, Refusal
from melisma.runs.disk import DISK
from melisma.runs.lock import Lock


@pytest.fixture
def run(tiny: Path, tmp_path: Path) -> Path:
    """A run that may be damaged."""
    shutil.copytree(tiny / "tiny", tmp_path / "a run")
    return tmp_path / "a run"


def truncated(run: Path) -> None:
    file = run / "steps" / (run / "best").read_text().strip() / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


def junk(run: Path) -> None:
    (run / "steps" / (run / "best").read_text().strip() / "manifest.json").write_text("junk")


def astray(run: Path) -> None:
    (run / "best").write_text("000099\n")


@pytest.mark.parametrize("damage", [truncated, junk, astray])
@pytest.mark.parametrize("words", [("predict", "one"), ("evaluate", "data=a.en,a.de"), ("look", "one")])
def test_a_repairable_run_is_refused_with_what_sets_it_right(tiny, run, damage, words) -> None:
    more = tiny / "tiny" / "steps" / (tiny / "tiny" / "latest").read_text().strip()
    if (run / "best").read_text() == (run / "latest").read_text():  # else the only whole step would be gone
        shutil.copytree(more, run / "steps" / "000011")
        manifest = run / "steps" / "000011" / "manifest.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"step": 11}))
    damage(run)
    before = picture(run)
    verb, *rest = words
    said = refused(verb, *(["attention"] if verb == "look" else []), str(run), *rest)
    assert said.endswith(f"; melisma resume '{run}' sets it right"), said
    assert picture(run) == before
    with pytest.raises(Refusal) as asked:
        melisma.load(run, 77)
    assert "has no step" in str(asked.value)
    assert "resume" not in str(asked.value), "there is none, whatever is repaired"


def test_a_description_that_cannot_be_believed_says_what_is_left(run) -> None:
    kept = (run / "codec.json").read_text()
    (run / "codec.json").write_text(kept + " ")
    for words in (("predict", "one"), ("evaluate", "data=a.en,a.de"), ("resume",)):
        said = refused(words[0], str(run), *words[1:])
        assert said.endswith("; put back a copy that you kept, or train again into another folder")
    (run / "codec.json").write_text(kept)
    (run / "run.json").write_text((run / "run.json").read_text().replace("16", "17"))
    assert "; put back a copy that you kept" in refused("predict", str(run), "one")
    assert typed("show", str(run)).out.count("put back a copy") == 1


def test_a_first_training_that_has_saved_nothing_is_waited_for_or_gone_on_with(run) -> None:
    shutil.rmtree(run / "steps")
    for pointer in (*run.glob("best*"), run / "latest"):
        pointer.unlink()
    said = refused("predict", str(run), "one")
    assert said.endswith(f"holds no saved step yet: melisma resume '{run}' trains it")
    lock = Lock.take(run, DISK)
    try:
        assert "it is being trained right now, by process" in refused("predict", str(run), "one", code=75)
        with pytest.raises(Busy):
            melisma.load(run)
    finally:
        lock.release()


CALLS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("load none", lambda d: melisma.load(None), "run is none; the name of a folder is wanted"),
    ("load number", lambda d: melisma.load(3), "run is 3; the name of a folder"),
    ("load bytes", lambda d: melisma.load(b"tiny"), "run is a value of type bytes"),
    ("load bytes path", lambda d: melisma.load(Odd()), "run is a value of type bytes"),
    ("step none", lambda d: melisma.load("tiny", None), "step is none; best, latest or the number of a step is wanted"),
    ("step switch", lambda d: melisma.load("tiny", True), "step is true"),
    ("step negative", lambda d: melisma.load("tiny", -1), "step is -1"),
    ("train nowhere", lambda d: melisma.train("translate", None), "run is none"),
    ("train number", lambda d: melisma.train(3, "new"), "recipe is 3: wants the name of one"),
    ("train settings", lambda d: melisma.train("translate", "new", 5), "settings: found 5, wants a table"),
    ("resume none", lambda d: melisma.resume(None), "run is none"),
    ("resume settings", lambda d: melisma.resume("tiny", "steps=3"), "settings: found 'steps=3', wants a table"),
    ("check number", lambda d: melisma.check(3), "recipe is 3"),
    ("check settings", lambda d: melisma.check("translate", 5), "settings: found 5"),
    ("evaluate none", lambda d: melisma.evaluate(None, "a.en,a.de"), "run is none"),
    ("evaluate nothing", lambda d: melisma.evaluate(d, None), "setting data: found none, wants files"),
    ("evaluate without", lambda d: melisma.evaluate(d), "there is no data to evaluate on: wants evaluate(run, ("),
    ("evaluate twice", lambda d: melisma.evaluate(d, "a.en,a.de", data="b.tsv"), "2 corpora are given to measure on"),
    (
        "evaluate measures",
        lambda d: melisma.evaluate(d, "a.en,a.de", measures="chrf"),
        'unknown setting measures: did you mean data={"measures": …}, which is data.measures?',
    ),
    (
        "evaluate step",
        lambda d: melisma.evaluate(d, "a.en,a.de", step=12),
        "wants evaluate(melisma.load(run, step), …)",
    ),
    (
        "evaluate share",
        lambda d: melisma.evaluate(d, "a.en,a.de", data={"share": 0.5}),
        "unknown setting data.share: an evaluation takes data.source, data.target, data.measures",
    ),
    (
        "evaluate no measure",
        lambda d: melisma.evaluate(d, "a.en,a.de", data={"measures": "nothing"}),
        "setting data.measures: found 'nothing'",
    ),
    ("input none", lambda d: d([None]), "input 1 is none; text is wanted"),
    ("inputs none", lambda d: d(None), "the input is none; a text, or a list of texts"),
    ("inputs table", lambda d: d({"one": 1}), "the input is a table; a text, or a list"),
    ("inputs unordered", lambda d: d({"one"}), "the input is a value of type set"),
    ("input surrogate", lambda d: d(["one", "\udcff"]), "input 2 is not Unicode text"),
    ("input zero", lambda d: d("a\0b"), "input 1 holds a NUL character"),
]


class Odd:
    """A path in bytes."""

    def __fspath__(self) -> bytes:
        return b"tiny"


@pytest.mark.parametrize(("call", "sentence"), [one[1:] for one in CALLS], ids=[one[0] for one in CALLS])
def test_other_types_are_refused_by_the_argument_they_stand_for(tiny, call, sentence) -> None:
    with pytest.raises(Refusal) as asked:
        call(melisma.load("tiny", device="cpu"))
    assert sentence in str(asked.value)
    assert str(asked.value).isprintable()


def test_what_is_measured_may_be_nested_or_dotted_and_the_data_named(tiny) -> None:
    few = {"beam": 1, "maximum": 2}
    nested = melisma.evaluate("tiny", ("a.en", "a.de"), data={"measures": ["chrf", "ter"]}, **few)
    dotted = melisma.evaluate(run="tiny", data=("a.en", "a.de"), **{"data.measures": "chrf,ter"}, **few)
    assert list(nested.measures)[:2] == ["chrf", "ter"]
    assert nested.measures == dotted.measures


def test_a_step_may_be_a_number(tiny) -> None:
    assert melisma.load("tiny", 12).step == melisma.load("tiny", np.int64(12)).step == "000012"


def test_reprs_are_short(tiny) -> None:
    model = melisma.load("tiny", 12)
    assert repr(model) == f"Model(translate, step 12, {model.parameters:,} parameters, tiny)"
    answer = model("one two")
    assert answer.attention is not None
    assert "attention=" not in repr(answer)
    assert repr(answer.text) in repr(answer)


def test_inputs_that_are_no_text_are_refused_wherever_they_come_from(tiny) -> None:
    assert "input 1 is not Unicode text: '\\udcff'; text in UTF-8 is wanted" in refused("predict", "tiny", "\udcff")
    assert "is not Unicode text" in refused("look", "attention", "tiny", "a\udcff", "file=new.png")
    said = typed("predict", "tiny", stdin=b"one\ntwo\0three\n")
    assert said.code == 2
    assert said.err == "melisma: stdin, line 2: it holds a NUL character, which no text does: 'two\\x00three'; text is wanted\n"  # fmt: skip


def test_a_word_that_is_a_file_is_answered_with_a_note(tiny) -> None:
    said = typed("predict", "tiny", "a.en", "one")
    assert said.code == 0
    assert len(said.lines) == 2
    assert (
        said.err == "melisma: a.en is a file and was answered as text; melisma predict tiny < a.en answers its lines\n"
    )
    assert typed("predict", "tiny", "one", "x" * 5000).err == ""


def test_a_picture_wants_a_name(tiny) -> None:
    assert refused("look", "attention", "tiny", "one", "file=") == (
        "file= names no picture: a name such as attention.png is wanted"
    )


def test_an_answer_is_not_forced_to_go_on_for_ever(tiny) -> None:
    assert "minimum: found '100000', wants a whole number, 0 to 10000" in refused(
        "predict", "tiny", "one", "minimum=100000"
    )


WARM = [word for word in TINY if not word.startswith("training.warmup")]


@pytest.mark.parametrize(
    ("warmup", "said"),
    [
        (300, "training.warmup=300 is longer than the 40 steps of this training: its rate never reaches its height"),
        (21, "training.warmup=21 is more than half of the 40 steps of this training: its rate is seldom at its height"),
        (20, ""),
    ],
)
def test_a_warmup_that_outlasts_a_training_is_told(here, warmup, said) -> None:
    words = (*WARM, "data.train=a.en,a.de", "training.steps=40", f"training.warmup={warmup}")
    settings = dict(word.split("=", 1) for word in words)
    notes = [one.text for one in upto_begin(melisma.train("translate", "new", settings)) if "warmup" in one.text]
    assert notes == ([f"warning: {said}; training.warmup=4 is wanted"] if said else [])
    checked = typed("check", "translate", *words, "dry_run=no").out
    assert ("→ training.warmup=4 is wanted" in checked) == bool(said)
    assert said in checked if said else "warmup" not in checked


def upto_begin(steps: Any) -> Any:
    for progress in steps:
        if progress.kind == "begin":
            return
        yield progress
