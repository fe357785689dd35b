"""``melisma predict``, ``evaluate``, ``show`` and ``look`` as they are typed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from command.drill import (
    DATA,
    PAIRS,
    SOURCE,
    TINY,
    Said,
    in_shell,
    picture,
    refused,
    sentence,
    typed,
    weights,
    write_pairs,
)

import melisma
from melisma.errors import Refusal


def test_words_stdin_and_json_give_the_same_answers(tiny) -> None:
    inputs = ["one two", "six", "three  four"]
    words = typed("predict", "tiny", *inputs)
    lines = typed("predict", "tiny", stdin="\n".join(inputs).encode())
    assert (words.code, words.err, len(words.lines)) == (0, "", 3)
    assert lines == words
    told = [json.loads(line) for line in typed("predict", "tiny", "--json", *inputs).lines]
    assert [one["text"] for one in told] == words.lines
    assert [one["source"] for one in told] == inputs
    best = told[0]["alternatives"][0]
    assert len(best["attention"]) == len(best["token_log_probabilities"])
    assert len(best["attention"][0]) == len(told[0]["source_tokens"]) == len("one two") + 1
    assert best["log_probability"] == pytest.approx(sum(best["token_log_probabilities"]), abs=1e-4)
    assert [answer.text for answer in melisma.load("tiny")(inputs)] == words.lines


def test_search_settings_are_obeyed(tiny) -> None:
    said = typed("predict", "tiny", "beam=6", "alternatives=4", "maximum=3", "one", "two")
    cells = [line.split("\t") for line in said.lines]
    assert [len(one) for one in cells] == [4, 4]
    told = [json.loads(line) for line in typed("predict", "tiny", "maximum=3", "--json", "one", "two").lines]
    assert all(len(other["tokens"]) <= 3 for one in told for other in one["alternatives"])
    greedy = typed("predict", "tiny", "beam=1", "length_penalty=0", "one")
    assert greedy.out == typed("predict", "tiny", "beam=1", "length_penalty=2", "one").out


def test_a_thousand_lines_come_back_in_order_whatever_the_batch(tiny) -> None:
    numbers = [source for source, _ in PAIRS]
    inputs = [numbers[place % len(numbers)] + " one" * (place % 4) for place in range(1000)]
    data = "".join(f"{line}\r\n" for line in inputs).encode()
    one = typed("predict", "tiny", "maximum=4", "beam=1", stdin=data)
    other = typed("predict", "tiny", "maximum=4", "beam=1", "batch=7", stdin=data.replace(b"\r", b"").rstrip(b"\n"))
    assert one.code == 0
    assert len(one.lines) == 1000
    assert other.lines == one.lines
    told = typed("predict", "tiny", "maximum=4", "beam=1", "--json", stdin=data)
    assert [json.loads(line)["source"] for line in told.lines] == inputs


def test_a_blank_line_has_a_blank_answer_and_every_line_has_one(tiny) -> None:
    said = typed("predict", "tiny", stdin=b"\n \n\xe3\x80\x80\none\n\n")
    assert [bool(line) for line in said.lines] == [False, False, False, True, False]
    assert typed("predict", "tiny", stdin=b"") == Said(0, "", "")
    assert typed("predict", "tiny", stdin=b"\xef\xbb\xbfone").lines == typed("predict", "tiny", "one").lines


def test_after_two_dashes_all_words_are_inputs(tiny) -> None:
    for word in ("beam=3", "a=b", "--json", "-x", "--"):
        said = typed("predict", "tiny", "beam=1", "--json", "--", word)
        assert [json.loads(line)["source"] for line in said.lines] == [word]
    assert [json.loads(line)["source"] for line in typed("predict", "tiny", "--json", "a=b", "x.y=3").lines] == [
        "a=b",
        "x.y=3",
    ]
    assert "wants settings" in refused("train", "translate", "new", DATA, "--", "beam=3")


def test_what_is_like_no_setting_is_text(tiny) -> None:
    words = ["2+2=4", "E=mc2", "x=1", "be=3", "team spirit=3", "a.b=c", "- 3 May", "-Wort am Anfang", "-- no", "="]
    told = [json.loads(line) for line in typed("predict", "tiny", "beam=1", "--json", *words).lines]
    assert [one["source"] for one in told] == words
    for slip in ("BEAM=3", "training.steps=3", "--beam 3"):
        said = typed("predict", "tiny", "beam=1", "--json", "--", slip)
        assert json.loads(said.out)["source"] == slip


def test_the_run_may_stand_after_two_dashes_too(tiny) -> None:
    wanted = typed("predict", "tiny", "--", "one", "beam=3")
    assert typed("predict", "--", "tiny", "one", "beam=3") == wanted
    assert typed("predict", "beam=3", "--", "one").code == 2  # it is the run
    assert (
        typed("predict", "--json", "--", "tiny", "--json").lines
        == typed("predict", "tiny", "--json", "--", "--json").lines
    )
    assert typed("show", "--", "tiny") == typed("show", "tiny")


def test_a_closed_stdout_is_no_place_for_answers(tiny) -> None:
    for line in ("predict tiny one", "show tiny", "show --json tiny", "--help", "--version"):
        said = in_shell(f"melisma {line} >&-", tiny)
        assert (said.code, sentence(said.err)) == (1, "stdout cannot be written to: it is closed"), line
    assert in_shell("melisma predict tiny >&- </dev/null", tiny) == Said(0, "", "")


def test_a_training_that_says_nothing_on_stdout_needs_none(here) -> None:
    line = " ".join(["melisma train translate run", DATA, *TINY, "training.steps=1", "--quiet"])
    said = in_shell(f"{line} >&-", here)
    assert (said.code, said.out) == (0, ""), said.err
    assert (here / "run" / "latest").read_text() == "000001\n"


def test_a_line_that_is_refused_is_named_by_its_number_on_stdin(tiny, monkeypatch) -> None:
    monkeypatch.setattr("melisma.command.predict.TOGETHER", 2)
    said = typed("predict", "tiny", "beam=1", "maximum=1", stdin=b"one\ntwo\nsix\nfour\n" + b"one " * 2501)
    assert (said.code, len(said.lines)) == (2, 4)
    assert "stdin, line 5: it has 10,00" in sentence(said.err)
    assert "input 1 has" in refused("predict", "tiny", "one " * 2501)


def fake(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    alternatives = [SimpleNamespace(text=text) for text in texts]
    answer = SimpleNamespace(alternatives=alternatives, text=texts[0])

    class Fake:
        task = SimpleNamespace(takes="text")

        def __call__(self, inputs: list[str], **options: object) -> list[SimpleNamespace]:
            return [answer for _ in inputs]

        def ready(self, options: object) -> list[str]:
            return []

    monkeypatch.setattr("melisma.api.model.load", lambda run, **place: Fake())


def test_line_ends_in_answers_are_escaped_unless_the_answer_stands_alone(tiny, monkeypatch) -> None:
    fake(monkeypatch, "a\nb\\c\td\r")
    assert typed("predict", "tiny", "one").out == "a\nb\\c\td\r\n"
    assert typed("predict", "tiny", "one", "two").out == "a\\nb\\\\c\\td\\r\n" * 2
    assert typed("predict", "tiny", stdin=b"one\n").out == "a\\nb\\\\c\\td\\r\n"
    fake(monkeypatch, "a\nb", "c\td")
    assert typed("predict", "tiny", "one").out == "a\\nb\tc\\td\n"


def test_a_terminal_gets_nothing_that_it_would_obey(tiny, monkeypatch, capsys) -> None:
    fake(monkeypatch, "\x1b]0;owned\x07\nnext\u202e")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert melisma.command.run(["predict", "tiny", "one"]) == 0
    assert capsys.readouterr().out == "\\x1b]0;owned\\x07\nnext\\u202e\n"
    melisma.command.talk.say("note \x1b[2J\n")
    assert capsys.readouterr().err == "melisma: note \\x1b[2J\\n\n"


def test_a_pipe_that_waits_gets_each_answer_as_its_line_comes(tiny) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "melisma", "predict", "tiny", "beam=1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    wanted = typed("predict", "tiny", "beam=1", "one", "two").lines
    for line, answer in zip((b"one\n", b"two\n"), wanted):
        process.stdin.write(line)
        process.stdin.flush()
        assert process.stdout.readline().decode() == answer + "\n"
    process.stdin.write(b"three\n")
    process.stdout.close()  # the reader leaves
    process.stdin.close()
    assert process.wait(60) == 0


def test_stdin_that_cannot_be_read(tiny) -> None:
    assert "stdin, line 2, byte 3: this is not UTF-8" in refused("predict", "tiny", stdin=b"one\nab\xff\n")
    said = typed("predict", "tiny", "beam=1", stdin=(b" " * 700_000 + b"\n") * 3 + b"ab\xff\n")
    assert (said.code, set(said.out)) == (2, {"\n"})
    assert "stdin, line 4, byte 3: this is not UTF-8" in said.err
    assert "stdin, line 1: it is longer than" in refused("predict", "tiny", stdin=b"x" * (2**21 + 1))
    said = in_shell("melisma predict tiny <&-", tiny)
    assert "stdin is closed" in sentence(said.err)
    assert (said.code, said.out) == (2, "")


def test_evaluate_gives_every_measure_with_interval_and_signature(tiny) -> None:
    before = picture(tiny)
    said = typed("evaluate", "tiny", "data=a.en,a.de", "beam=1")
    assert said.code == 0
    assert said.err.startswith("melisma: warning: the model has learned from a.en,a.de itself")
    assert said.err.splitlines()[-1].startswith("melisma: 72 answers in ")
    rows = [line for line in said.lines if "|" in line]
    assert [row.split("  ")[0].strip() for row in rows] == [
        "BLEU",
        "BLEU, lowercased",
        "chrF2",
        "TER",
        "exact",
        "perplexity per symbol",
        "perplexity per character",
    ]
    told = json.loads(typed("evaluate", "tiny", "data=a.en,a.de", "beam=1", "--json").out)
    assert {"bleu", "chrf", "ter", "exact", "perplexity", "character_perplexity"} <= set(told["measures"])
    assert len(rows) == len(told["measures"])
    for measure in told["measures"].values():
        ends = (measure["low"], measure["high"])
        assert ends == (None, None) or ends[0] <= measure["value"] <= ends[1]
        assert measure["signature"]
    assert len(told["answers"]) == 72
    assert sum(bucket["measure"]["count"] for bucket in told["by_length"]["exact"]) == 72
    found = melisma.evaluate("tiny", ("a.en", "a.de"), beam=1)
    assert {name: one.value for name, one in found.measures.items()} == pytest.approx(
        {name: one["value"] for name, one in told["measures"].items()}
    )
    assert picture(tiny) == before


def test_a_model_that_is_always_right_scores_best(here) -> None:
    write_pairs(here, [(f"say {word} now", "a b c d") for word in "abcdef"])
    write_pairs(here, [(f"say {word} now", "a b c d") for word in "ghijkl"], "b")
    sure = ("training.rate=0.03", "training.schedule=constant", "training.smoothing=0", "training.average=0")
    apart = ("model.tied=none", "text.shared=no", "data.valid=b.en,b.de")
    tiny = [word for word in TINY if not word.startswith("data.")]
    dry = ("model.dropout=0", "model.embedding_dropout=0", "model.output_dropout=0", "training.validate_every=1000")
    assert typed("train", "translate", "run", DATA, *tiny, *sure, *apart, *dry, "training.steps=80").code == 0
    said = typed("evaluate", "run", "data=b.en,b.de", "--json")
    told = json.loads(said.out)["measures"]
    assert (told["bleu"]["value"], told["chrf"]["value"], told["exact"]["value"]) == pytest.approx((100, 100, 100))
    assert told["ter"]["value"] == 0
    assert 1 <= told["perplexity"]["value"] < 1.5
    assert "has learned from" not in said.err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("evaluate", "tiny"), ("no data to evaluate on", "data=SOURCE,TARGET")),
        (("evaluate", "tiny", "data="), ("no data to evaluate on",)),
        (("evaluate", "tiny", "data=none.en,a.de"), ("none.en", "no such file")),
        (("evaluate", "tiny", "data=made:date"), ("made:date", "made:dates.test")),
        (("evaluate", "tiny", "date=a.en,a.de"), ("unknown setting date", "data=a.en,a.de")),
        (("evaluate", "tiny", DATA), ("found data.train: did you mean data=a.en,a.de?",)),
        (("evaluate", "tiny", "data"), ("found data: did you mean data=…?",)),
        (("evaluate", "tiny", "data=a.en,a.de", "data.sorce=en"), ("did you mean data.source=en?",)),
        (("evaluate", "tiny", "data=a.en,a.de", "data.source=target"), ("source is 'target' and target 'target'",)),
        (("evaluate", "tiny", "data=a.en,a.de", "device=tpu"), ("device: found 'tpu'", "one of auto, cpu, gpu")),
        (("predict", "tiny", "device=cup", "one"), ("device", "did you mean cpu?")),
        (("predict", "tiny", "device=cpu", "device=gpu", "one"), ("device is given 2 times (cpu, gpu)",)),
        (("evaluate", "tinny", "data=a.en,a.de"), ("tinny does not exist", "did you mean tiny?")),
        (("predict", "tiny", "beam=0", "one"), ("beam", "1 to 1000")),
        (("predict", "tiny", "beam=two", "one"), ("beam", "'two'", "a whole number")),
        (("predict", "tiny", "beam=2", "beam=3", "one"), ("beam is given 2 times",)),
        (("predict", "tiny", "alternatives=9", "one"), ("alternatives is 9", "beam 5")),
        (("predict", "tiny", "factor=nan", "one"), ("factor", "a number")),
        (("predict", "tiny", "minimum=9", "maximum=3", "one"), ("minimum is 9",)),
        (("predict", "--"), ("wants RUN",)),
        (("look", "--", "attention"), ("wants WHAT and RUN",)),
        (("predict", "tiny", "bem=3"), ("unknown setting bem: did you mean beam=3? (after -- it is text)",)),
        (("predict", "tiny", "BEAM=3"), ("unknown setting BEAM: did you mean beam=3?",)),
        (("predict", "tiny", "search.beam=3"), ("did you mean beam=3?",)),
        (("predict", "tiny", "Length-Penalty=1"), ("did you mean length_penalty=1?",)),
        (("predict", "tiny", "penalty=1"), ("did you mean length_penalty=1 or coverage_penalty=1?",)),
        (
            ("predict", "tiny", "training.steps=3"),
            ("unknown setting training.steps: known here are those that --help lists", "after --"),
        ),
        (("predict", "tiny", "one", "alternative=3"), ("did you mean alternatives=3?",)),
        (("predict", "tiny", "--beam=3", "one"), ("no flag '--beam'", "written beam=3, without dashes")),
        (("predict", "tiny", "--beam", "3"), ("no flag '--beam'", "written beam=…, without dashes")),
        (("predict", "tiny", "--beam 3"), ("no flag '--beam 3'", "written beam=…, without dashes")),
        (("predict", "tiny", "-5"), ("no flag '-5'", "stands after --")),
        (("evaluate", "tiny", "search.beam=3"), ("did you mean beam=3?",)),
        (("evaluate", "tiny", "BEAM=3"), ("did you mean beam=3?",)),
        (("evaluate", "tiny", "a.en", "a.de"), ("found 'a.en' without its name: did you mean data=a.en,a.de?",)),
        (("look", "attention", "tiny", "one", "fil=x.png"), ("did you mean file=x.png",)),
        (("look", "attention", "tiny", "one", "--file=x.png"), ("written file=x.png, without dashes",)),
        (
            ("look", "attention", "tiny", "one", "file=x.png", "file=y.svg"),
            ("file is given 2 times ('x.png', 'y.svg')",),
        ),
        (("show", "a.en"), ("a.en is a file",)),
        (("look", "attention", "tiny", "one", "file=a.jpg"), ("a.jpg", ".png or .svg")),
        (("look", "attention", "tiny", "one", "file=no/a.png"), ("no/a.png", "folder that is there")),
        (("look", "attention", "tiny"), ("0 inputs", "one text")),
        (("look", "attention", "tiny", "one", "two"), ("2 inputs",)),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tiny, words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    said = refused(*words)
    assert [part for part in parts if part not in said] == [], said


def test_a_table_is_measured_by_the_columns_that_are_named(tiny, tmp_path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("en,de\n" + "".join(f"{source},{target}\n" for source, target in PAIRS[:9]))
    (tmp_path / "t.en").write_text("".join(f"{source}\n" for source, _ in PAIRS[:9]))
    (tmp_path / "t.de").write_text("".join(f"{target}\n" for _, target in PAIRS[:9]))
    assert "which one holds the source: data.source=" in refused("evaluate", "tiny", f"data={table}")
    named = ("data.source=en", "data.target=de", "beam=1", "device=cpu", "--json")
    wanted = typed("evaluate", "tiny", f"data={tmp_path / 't.en'},{tmp_path / 't.de'}", "beam=1", "--json")
    found = json.loads(typed("evaluate", "tiny", f"data={table}", *named).out)
    assert found["answers"] == json.loads(wanted.out)["answers"]
    assert found["measures"] == json.loads(wanted.out)["measures"]
    told = melisma.evaluate("tiny", str(table), beam=1, **{"data.source": "en", "data.target": "de"})
    assert told.measures["chrf"].value == found["measures"]["chrf"]["value"]


def test_where_to_answer_is_chosen(tiny) -> None:
    for place in ("cpu", "auto"):
        assert typed("predict", "tiny", f"device={place}", "one") == typed("predict", "tiny", "one")
    assert {weight.device.type for weight in melisma.load("tiny", device="cpu").network.parameters()} == {"cpu"}
    with pytest.raises(Refusal, match=r"^setting device: found 'tpu', wants one of auto, cpu, gpu"):
        melisma.load("tiny", device="tpu")
    with pytest.raises(Refusal, match=r"a model that is loaded: wants load\(run, device='cpu'\)"):
        melisma.evaluate(melisma.load("tiny"), ("a.en", "a.de"), device="cpu")


def test_a_gpu_that_is_not_there_is_refused_by_the_name_of_its_setting(tiny, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    wanted = "device=gpu: torch finds no GPU on this machine; wanted is device=cpu or auto"
    assert refused("predict", "tiny", "device=gpu", "one") == wanted
    assert refused("evaluate", "tiny", "data=a.en,a.de", "device=gpu") == wanted
    assert refused("look", "attention", "tiny", "device=gpu", "one", "file=none.png") == wanted


class OutOfMemoryError(RuntimeError):
    """Called as torch's own is."""


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: out of memory"),
        OutOfMemoryError("Tried to allocate 20.00 GiB"),
        MemoryError(),
    ],
)
def test_too_little_memory_is_said_whoever_finds_it(tiny, monkeypatch, error: Exception) -> None:
    def load(run: str, **place: str) -> None:
        raise error

    monkeypatch.setattr("melisma.api.model.load", load)
    assert refused("predict", "tiny", "one", code=1).startswith("there is not enough memory; a smaller")


def test_torch_itself_says_that_memory_is_short_in_words_that_are_known(tiny, monkeypatch) -> None:
    monkeypatch.setattr("melisma.api.model.load", lambda run, **place: torch.empty(2**60))
    assert refused("predict", "tiny", "one", code=1).startswith("there is not enough memory; a smaller")


def test_show_tells_what_a_run_is_and_whether_it_is_whole(tiny, tmp_path) -> None:
    said = typed("show", "tiny")
    assert (said.code, said.err) == (0, "")
    assert "whole" in said.out
    run = tmp_path / "run"
    shutil.copytree("tiny", run)
    latest = run / "steps" / (run / "latest").read_text().strip() / "model.safetensors"
    latest.write_bytes(latest.read_bytes()[:-1])
    said = typed("show", str(run))
    assert (said.code, said.err) == (0, "")
    assert "repairable" in said.out
    for path in run.glob("steps/*/model.safetensors"):
        path.write_bytes(b"")
    said = typed("show", str(run))
    assert said.code == 1
    assert "is damaged: " in sentence(said.err)
    assert "damaged" in refused("predict", str(run), "one")


def test_a_log_line_that_is_damaged_does_not_hide_the_rest(tiny, tmp_path) -> None:
    run = tmp_path / "run"
    shutil.copytree("tiny", run)
    with (run / "metrics.jsonl").open("a") as file:
        file.write("{not json}\n")
    said = typed("show", str(run))
    assert (said.code, said.err) == (0, "")
    assert "repairable" in said.out
    assert "chrf" in said.out.lower()


def test_look_draws_a_picture_where_it_is_told(tiny, tmp_path) -> None:
    for name, begin in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("b.PNG", b"\x89PNG"), ("b.Svg", b"<?xml")):
        said = typed("look", "attention", "tiny", f"file={tmp_path / name}", "one two")
        assert (said.code, said.err) == (0, f"melisma: drawn into {tmp_path / name}\n")
        assert said.out == typed("predict", "tiny", "one two").out
        assert (tmp_path / name).read_bytes().startswith(begin)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg", "b.PNG", "b.Svg"]
    assert (tmp_path / "b.Svg").read_bytes() == (tmp_path / "a.svg").read_bytes()


def test_look_says_what_no_font_could_draw(tiny, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("melisma.command.look.note", lambda figure, kind: f"boxes in {figure.title[:3]}, {kind}")
    said = typed("look", "attention", "tiny", f"file={tmp_path / 'a.PNG'}", "one two")
    assert said.err == f"melisma: boxes in one, png\nmelisma: drawn into {tmp_path / 'a.PNG'}\n"


def test_look_writes_over_no_file(tiny, tmp_path) -> None:
    (tmp_path / "mine.png").write_bytes(b"mine")
    said = refused("look", "attention", "tiny", f"file={tmp_path / 'mine.png'}", "one two")
    assert "is there already" in said
    assert (tmp_path / "mine.png").read_bytes() == b"mine"


def test_the_api_has_the_same_words(tiny) -> None:
    translate = melisma.load("tiny")
    assert translate("one").text == translate(["one"], beam=5)[0].text
    scores = [one.score for one in translate(["one"], beam=3, alternatives=3)[0].alternatives]
    assert scores == sorted(scores, reverse=True)
    assert translate([]) == []
    assert melisma.load("tiny", "latest").step == "000012"
    with pytest.raises(Refusal, match="baem: did you mean beam"):
        translate(["one"], baem=5)
    with pytest.raises(Refusal, match="beam: found 0, wants a whole number, 1 to 1000"):
        melisma.evaluate(translate, ("a.en", "a.de"), beam=0)
    with pytest.raises(Refusal, match="input 1 is 1; text is wanted"):
        translate([1])
    with pytest.raises(Refusal, match="has no step"):
        melisma.load("tiny", "best-blue")
    with pytest.raises(Refusal, match=r"hiden: did you mean model.hidden"):
        melisma.train("translate", "new", data={"train": ("a.en", "a.de")}, model={"hiden": 5})
    with pytest.raises(Refusal, match=r"unknown setting stepss: did you mean training.steps"):
        melisma.train("translate", "new", data={"train": ("a.en", "a.de")}, stepss=5)


def test_training_from_python_gives_the_same_weights_as_the_command(tiny, tmp_path) -> None:
    settings = dict(word.split("=", 1) for word in (*TINY, "training.steps=12", "training.validate_every=4"))
    steps = list(melisma.train("translate", tmp_path / "run", settings, data={"train": ("a.en", "a.de")}))
    assert [one.step for one in steps if one.kind == "step"] == list(range(1, 13))
    assert steps[-1].kind == "end"
    assert weights(tmp_path / "run") == weights(tiny / "tiny")
    forgotten = melisma.train("translate", tmp_path / "other", settings, data={"train": ("a.en", "a.de")})
    with pytest.raises(melisma.Busy):
        melisma.resume(tmp_path / "other")
    del forgotten
    assert [one.kind for one in melisma.resume(tmp_path / "other")][-1] == "end"
    assert weights(tmp_path / "other") == weights(tiny / "tiny")


def test_what_is_no_text_is_refused_in_python(tiny) -> None:
    translate = melisma.load("tiny")
    for wrong in (3, None, b"x"):
        with pytest.raises(melisma.Refusal, match="a text, or a list of texts, is wanted"):
            translate(wrong)
