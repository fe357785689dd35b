"""Drawn answers, answers that begin as they are told, and ``melisma look steps``, as they are typed."""

from __future__ import annotations

import json

import pytest
from command.drill import refused, typed

import melisma
from melisma.errors import Refusal

DRAWN = ("temperature=1.5", "alternatives=3")


def test_a_temperature_alone_draws(tiny) -> None:
    said = typed("predict", "tiny", *DRAWN, "one two", "six")
    assert (said.code, said.err) == (0, "")
    assert [len(line.split("\t")) for line in said.lines] == [3, 3]
    assert typed("predict", "tiny", *DRAWN, "one two", "six") == said
    assert typed("predict", "tiny", *DRAWN, "seed=2", "one two", "six") != said
    assert typed("predict", "tiny", *DRAWN, "six", stdin=b"").lines == said.lines[1:]
    lines = typed("predict", "tiny", *DRAWN, "batch=1", stdin=b"six\none two\n").lines
    assert lines == said.lines[::-1]
    told = json.loads(typed("predict", "tiny", *DRAWN, "--json", "six").out)["alternatives"]
    scores = [(not one["finished"], -one["score"]) for one in told]
    assert scores == sorted(scores)
    for one in told:
        assert one["log_probability"] == pytest.approx(sum(one["token_log_probabilities"]), abs=1e-4)
    assert typed("predict", "tiny", "temperature=0", "six").out == typed("predict", "tiny", "beam=1", "six").out


def test_a_prefix_begins_every_answer(tiny) -> None:
    for way in ((), ("beam=1",), ("temperature=1",)):
        said = typed("predict", "tiny", *way, "prefix=zwei d", "one two", "", "six")
        assert [line.startswith("zwei d") for line in said.lines] == [True, False, True]
        assert said.lines[1] == ""
    assert melisma.load("tiny")("one", prefix="vier ").text.startswith("vier ")
    assert "prefix='zwei drei' has 9 symbols and maximum is 8" in refused("predict", "tiny", "prefix=zwei drei", "one")


def test_steps_are_a_table_and_where_a_file_is_named_a_picture(tiny, tmp_path) -> None:
    said = typed("look", "steps", "tiny", "one two", "target=eins zwei", f"file={tmp_path / 'a.svg'}")
    assert (said.code, said.err) == (0, f"melisma: drawn into {tmp_path / 'a.svg'}\n")
    assert said.lines[:2] == ["source  one two", "target  eins zwei (given)"]
    head = next(place for place, line in enumerate(said.lines) if line.startswith("step "))
    rows = [line.split() for line in said.lines[head + 1 : -2]]
    forced = [row[:4] for row in rows][: len("eins zwei") + 1]
    assert [(row[1], row[2]) for row in forced] == list(
        zip(["<start>", *"eins␣zwei"], [*"eins␣zwei", "<end>"], strict=True)
    )
    assert [row[0] for row in rows] == [str(number + 1) for number in range(len(rows))]
    assert len([line for line in said.lines[head:-1] if "≠" in line]) == 1
    assert said.lines[-1].startswith("≠ they part at step ")
    assert "␣" in (tmp_path / "a.svg").read_text(encoding="utf-8")
    greedy = typed("look", "steps", "tiny", "beam=1", "one two")
    assert (greedy.code, greedy.err) == (0, "")
    assert (
        f"target  {typed('predict', 'tiny', 'beam=1', 'one two').out.strip()} (the model's own answer)" in greedy.lines
    )
    assert greedy.lines[-1] == "the model on its own says the target to the end"
    assert not any("≠" in line for line in greedy.lines)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (
            ("predict", "tiny", "temperature=1", "beam=4", "one"),
            ("beam=4 belongs to a search", "temperature=1.0 draws"),
        ),
        (("predict", "tiny", "top_p=0.9", "one"), ("top_p=0.9 says how answers are drawn", "wants temperature=1")),
        (("predict", "tiny", "temprature=1"), ("did you mean temperature=1?",)),
        (("predict", "tiny", "top-k=1"), ("did you mean top_k=1?",)),
        (("train", "translate", "new", "search.top_k=5", "data.train=a.en,a.de"), ("wants search.temperature=1",)),
        (("look", "stps", "tiny", "one"), ("no look 'stps'", "attention or steps")),
        (("look", "steps", "tiny"), ("0 inputs",)),
        (("look", "steps", "tiny", " "), ("the input is blank",)),
        (("look", "steps", "tiny", "one", "file=a.jpg"), (".png or .svg",)),
        (("look", "steps", "tiny", "one", "target=a", "target=b"), ("target is given 2 times ('a', 'b')",)),
        (("look", "attention", "tiny", "one", "target=a"), ("look attention takes no target",)),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tiny, words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    said = refused(*words)
    assert [part for part in parts if part not in said] == [], said


def test_python_has_the_same_steps(tiny) -> None:
    model = melisma.load("tiny")
    figure = model.steps("one two", "eins zwei", beam=1)
    assert figure.kind == "steps"
    assert [step["wanted"] for step in figure.data["forced"]] == [*"eins▁zwei", "<end>"]
    assert model.steps("one two").data["heading"] == ["one two", model("one two").text]
    for wrong in ((3,), (None,), (["one"],), ("one", 3)):
        with pytest.raises(Refusal, match="a text is wanted"):
            model.steps(*wrong)
    with pytest.raises(Refusal, match="baem: did you mean beam"):
        model.steps("one", baem=1)
