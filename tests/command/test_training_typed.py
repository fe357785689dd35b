"""``melisma train`` and ``resume`` as they are typed: where they end, how they go on, and what they read."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import random
import re
import shutil
from pathlib import Path

import pytest
from command.drill import (
    DATA,
    PAIRS,
    TINY,
    Gone,
    Said,
    Screen,
    Started,
    log,
    picture,
    record,
    refused,
    sentence,
    typed,
    weights,
    write_pairs,
)

from melisma.api.train import train
from melisma.files.split import overlap
from melisma.runs.verify import verify
from melisma.runs.write import RunWriter, SaveFailed, claim
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.tasks.translate import read

TRAIN = ("train", "translate", "run", DATA, *TINY)


def ended(said: Said) -> str:
    """The line in which a training says why it ended."""
    (line,) = (line for line in said.err.splitlines() if line.startswith("melisma: done in "))
    return line


# --- what a training leaves, and where it ends


def test_a_training_leaves_a_whole_run(tiny) -> None:
    run = tiny / "tiny"
    assert {path.name for path in run.iterdir()} == {
        ".lock",
        "README.md",
        "report.html",
        "best",
        "best-bleu",
        "best-chrf",
        "best-exact",
        "best-loss",
        "codec.json",
        "latest",
        "metrics.jsonl",
        "run.json",
        "steps",
    }
    assert verify(run).state == "whole"
    assert [line["step"] for line in log(run) if "valid" in line] == [4, 8, 12]
    told = record(run)
    assert (told["recipe"], told["task"]) == ("translate", "translate")
    assert list(told["data"]) == ["../a.en", "../a.de"]
    assert told["settings"]["data"]["train"] == [["../a.en", "../a.de"]]
    everything = "".join(path.read_text() for path in run.iterdir() if path.is_file())
    assert str(tiny) not in everything, "no absolute path is kept"
    page = (run / "README.md").read_text()
    assert page.startswith("---\nlibrary_name: melisma\n---\n")
    assert "| pairs to learn from | 69 |" in page
    assert "\n| 12 | " in page


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("training.steps=3",), ": 3 steps; best loss "),
        (("training.epochs=1", "training.batch_tokens=2000"), ": 1 epoch, 1 step; best loss "),
        (
            ("training.patience=2", "training.rate=1e-9", "training.validate_every=1"),
            "steps, as exact has not improved for 2 validations; best exact 0.0 % at step ",
        ),
    ],
)
def test_a_training_ends_by_steps_epochs_or_patience(here, words: tuple[str, ...], why: str) -> None:
    kept = [word for word in TINY if word.split("=")[0] not in {one.split("=")[0] for one in words}]
    if "patience" in words[0]:  # what the averaged weights gain by chance is no improvement
        kept += ["training.average=0", "training.smoothing=0", "data.validation_measure=exact"]
    said = typed("train", "translate", "run", DATA, *kept, *words)
    assert said.code == 0
    assert why in ended(said)
    assert said.err.splitlines()[-1].startswith("melisma: next: answers from melisma predict run …, ")
    told = record(here / "run")["settings"]["training"]
    assert (told["epochs"] is None) == ("steps" in words[0]), "steps that are asked for are not cut off by epochs"
    finished = typed("resume", "run")
    assert finished.code == 0
    assert "this training was finished at step" in finished.err
    further = log(here / "run")[-1]["step"] + 1
    assert typed("resume", "run", f"training.steps={further}").code == 0
    assert log(here / "run")[-1]["step"] == further


def test_minutes_become_steps_once_and_are_written_down(here) -> None:
    words = ("training.minutes=0.04", "training.batch_tokens=100", "training.validate_every=1000")
    said = typed(*[word for word in TRAIN if "batch_tokens" not in word], *words)
    assert said.code == 0
    assert re.search(r"0\.04 minutes are [\d,]+ steps at the speed of the first \d+ steps\n", said.err)
    steps = record(here / "run")["steps"]
    assert f": {steps:,} steps" in ended(said)
    shown = next(line for line in typed("show", "run").lines if line.startswith("  steps "))
    assert shown.endswith(f" {steps:,} of {steps:,}")


def test_progress_as_json_lines_and_as_nothing(here) -> None:
    said = typed(*TRAIN, "training.steps=4", "training.validate_every=2", "--json")
    told = [json.loads(line) for line in said.lines]
    assert [one["kind"] for one in told] == [
        "note",
        "begin",
        "validation",
        "saved",
        "validation",
        "saved",
        "report",
        "end",
    ]
    assert set(told[2]["scores"]) == {"loss", "bleu", "chrf", "exact"}
    assert all(line.startswith("melisma: ") for line in said.err.splitlines())
    shutil.rmtree("run")
    said = typed(*TRAIN, "training.steps=4", "--quiet")
    assert (said.code, said.out) == (0, "")
    assert sentence(said.err).startswith("no validation data was given")


def test_plain_lines_where_there_is_no_terminal(here, monkeypatch) -> None:
    assert "\x1b" not in typed(*TRAIN, "training.steps=2").err
    monkeypatch.setattr(Screen, "tty", True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\r\x1b[2Kstep 3/3 · epoch 1 · loss " in typed("resume", "run", "training.steps=3").err


@pytest.mark.parametrize(("measure", "told"), [("loss", r"loss \d\.\d{3}"), ("chrf", r"chrF2 \d+\.\d")])
def test_the_live_line_shows_the_last_validation_by_the_measure_that_decides(here, monkeypatch, measure, told) -> None:
    monkeypatch.setattr(Screen, "tty", True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    words = (f"data.validation_measure={measure}", "training.steps=4", "training.validate_every=2")
    lines = [line for line in typed(*TRAIN, *words).err.split("\r\x1b[2K") if line.startswith("step ") and "·" in line]
    assert len(lines) == 4
    assert [line for line in lines[:2] if "validation" in line] == []
    for line in lines[2:]:
        assert re.search(rf"loss \d\.\d{{3}} · validation {told} · [\d,]+ symbols/s", line), line
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in typed("resume", "run", "training.steps=4").err
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in typed("resume", "run", "training.steps=5").err


# --- resume


def test_a_run_that_exists_is_left_alone_and_says_what_to_do(tiny) -> None:
    said = refused("train", "translate", "tiny", DATA, *TINY)
    assert said == "tiny is there already: choose another folder, or go on with it: melisma resume tiny"


def test_a_finished_training_says_so_does_nothing_and_can_be_extended(tiny, tmp_path, monkeypatch) -> None:
    shutil.copytree(tiny, tmp_path / "all")
    monkeypatch.chdir(tmp_path / "all")
    before = picture(Path("tiny"))
    said = typed("resume", "tiny")
    assert (said.code, said.out) == (0, "")
    assert "this training was finished at step 12; training.steps=…" in said.err
    assert picture(Path("tiny")) == before
    said = typed("resume", "tiny", "training.steps=16")
    assert ": 16 steps; " in ended(said)
    assert record(Path("tiny"))["settings"]["training"]["steps"] == 16
    said = typed("resume", "tiny", "training.epochs=8")
    assert ": 8 epochs, " in ended(said)
    assert record(Path("tiny"))["settings"]["training"]["steps"] is None


def test_more_steps_are_not_held_back_by_the_epochs_of_the_beginning(here) -> None:
    assert typed(*TRAIN, "training.epochs=1").code == 0
    said = typed("resume", "run", "training.steps=40", "--quiet")
    assert said.code == 0
    assert log(here / "run")[-1]["step"] == 40


def test_resume_works_from_anywhere_after_the_run_and_its_data_moved(tiny, tmp_path, monkeypatch) -> None:
    (tmp_path / "deep").mkdir()
    shutil.copytree(tiny, tmp_path / "deep" / "all")
    monkeypatch.chdir(tmp_path)
    assert typed("resume", "deep/../deep/all/tiny", "training.steps=14").code == 0
    monkeypatch.chdir("deep")
    assert typed("resume", str(tmp_path / "deep" / "all" / "tiny"), "training.steps=16").code == 0
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "all")
    assert typed("resume", str(tmp_path / "link" / "tiny"), "training.steps=18").code == 0
    assert list(record(tmp_path / "link" / "tiny")["data"]) == ["../a.en", "../a.de"]
    (tmp_path / "data").mkdir()
    for side in ("en", "de"):
        (tmp_path / "deep" / "all" / f"a.{side}").rename(tmp_path / "data" / f"b.{side}")
    said = refused("resume", "all/tiny", "training.steps=20")
    assert "no such file all/a.en" in said
    assert typed("resume", "all/tiny", "training.steps=20", "data.train=../data/b.en,../data/b.de").code == 0
    assert record(Path("all/tiny"))["settings"]["data"]["train"] == [["../../../data/b.en", "../../../data/b.de"]]
    assert typed("resume", "all/tiny", "training.steps=21").code == 0
    assert (
        "has learned from ../data/b.en,../data/b.de itself"
        in typed("evaluate", "all/tiny", "data=../data/b.en,../data/b.de").err
    )


def test_a_run_reached_by_a_link_keeps_its_data(here) -> None:
    (here / "far" / "away").mkdir(parents=True)
    (here / "near").symlink_to(here / "far" / "away")
    words = [word if word != "run" else "near/run" for word in TRAIN]
    assert typed(*words, "training.steps=2").code == 0
    assert typed("resume", "far/away/run", "training.steps=3").code == 0
    assert typed("resume", "far/../near/run", "training.steps=4").code == 0


def test_data_that_changed_is_not_trained_on(tiny, tmp_path, monkeypatch) -> None:
    shutil.copytree(tiny, tmp_path / "all")
    monkeypatch.chdir(tmp_path / "all")
    with open("a.en", "a") as file:
        file.write("more\n")
    with open("a.de", "a") as file:
        file.write("mehr\n")
    before = picture(Path("tiny"))
    assert "a.en has changed since this training began" in refused("resume", "tiny", "training.steps=20")
    os.remove("a.de")
    assert "no such file a.de" in refused("resume", "tiny", "training.steps=20")
    assert picture(Path("tiny")) == before


def test_another_width_is_another_training(tiny) -> None:
    said = refused("resume", "tiny", "model.hidden=32", "training.seed=7", "training.steps=20")
    assert "model.hidden was 16, now 32; training.seed was 1, now 7" in said
    assert "another folder" in said
    assert "did you mean training.steps" in refused("resume", "tiny", "training.step=20")


def test_two_trainings_at_once(tiny, tmp_path) -> None:
    shutil.copytree(tiny / "tiny", tmp_path / "all" / "tiny")
    for side in ("en", "de"):
        shutil.copy(tiny / f"a.{side}", tmp_path / "all")
    run = str(tmp_path / "all" / "tiny")
    with claim(run).begin():
        before = picture(tmp_path)
        said = refused("resume", run, "training.steps=20", code=75)
        assert f"is being trained by process {os.getpid()}, since " in said
        assert picture(tmp_path) == before
        assert typed("predict", run, "one").code == 0
    assert typed("resume", run, "training.steps=13").code == 0


# --- stopped by the user, by force, by the disk


LONG = (*TRAIN, "training.steps=40", "training.validate_every=4", "training.average=0.9")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A training that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    write_pairs(folder)
    assert Started(folder, *LONG).ended().code == 0
    return folder / "run"


def same(run: Path, other: Path) -> None:
    assert verify(run).state == "whole"
    assert {name: weights(run, name) for name in ("latest", "best")} == {
        name: weights(other, name) for name in ("latest", "best")
    }
    assert log(run) == log(other)


def test_ctrl_c_saves_and_resume_ends_at_the_same_bits(here, whole) -> None:
    training = Started(here, *LONG)
    training.says("step 8: ")
    training.interrupt()
    said = training.ended()
    assert (said.code, said.out) == (130, "")
    last = said.err.splitlines()[-1]
    assert re.fullmatch(
        r"melisma: stopped after \d+ s, step \d+ is saved; best loss \d\.\d{3} at step \d+; "
        r"next: melisma resume run goes on",
        last,
    )
    assert "Traceback" not in said.err
    stopped = int((here / "run" / "latest").read_text())
    assert 8 <= stopped < 40
    assert Started(here, "resume", "run").ended().code == 0
    same(here / "run", whole)


def test_killed_five_times_at_any_instant_a_training_ends_at_the_same_bits(here, whole) -> None:
    seconds = max(json.loads(line)["seconds"] for line in (whole / "metrics.jsonl").read_text().splitlines())
    for _ in range(5):
        begun = (here / "run" / "run.json").exists()
        training = Started(here, *(("resume", "run") if begun else LONG))
        training.process.join(random.uniform(0.01, 0.2 + seconds / 3))
        training.kill()
        assert "Traceback" not in (training.err.read_text() if training.err.exists() else "")
        if (here / "run" / "run.json").exists():
            assert verify(here / "run").state in ("whole", "repairable")
    begun = (here / "run" / "run.json").exists()
    said = Started(here, *(("resume", "run") if begun else LONG)).ended()
    assert said.code == 0, said.err
    same(here / "run", whole)


def test_a_disk_that_takes_nothing_from_the_first_save_on_is_a_failure_that_can_be_resumed(here, whole) -> None:
    said = Started(here, *LONG, limit=20_000).ended()
    assert said.code == 1
    lines = [line for line in said.err.splitlines() if "could not be saved" in line]
    assert len(lines) == 2, "said once when it begins, and once at the end"
    assert "step 40 could not be saved in run: file too large" in lines[-1]
    assert "Traceback" not in said.err
    assert Started(here, "resume", "run").ended().code == 0
    same(here / "run", whole)


def test_a_save_that_fails_now_and_then_is_a_warning(here, monkeypatch) -> None:
    save, failed = RunWriter.save_step, iter([True, False, True])

    def sometimes(self, *arguments, **more):
        if next(failed, False):
            raise SaveFailed("step 1 could not be saved in run: the disk is full")
        return save(self, *arguments, **more)

    monkeypatch.setattr(RunWriter, "save_step", sometimes)
    said = typed(*TRAIN, "training.steps=8", "training.validate_every=2")
    assert said.code == 0
    assert said.err.count("melisma: step 1 could not be saved in run: the disk is full\n") == 2
    assert verify(here / "run").state == "whole"


def test_a_reader_that_leaves_does_not_end_a_training(here) -> None:
    assert typed(*TRAIN, "training.steps=6", "training.validate_every=2", "--json", screen=Gone).code == 0
    assert log(here / "run")[-1]["step"] == 6
    assert typed("resume", "run", "training.steps=7", screen=Gone).code == 0
    assert log(here / "run")[-1]["step"] == 7
    assert typed("predict", "run", "one", screen=Gone).code == 0
    assert typed("show", "run", screen=Gone).code == 0


def test_nan_stops_the_training_and_keeps_what_was_good(here) -> None:
    """A weight decay that multiplies each weight by about -29 at every step overflows after some 26."""
    bad = ("training.optimizer=sgd", "training.rate=100", "training.weight_decay=0.3", "training.schedule=constant")
    kept = [word for word in TRAIN if "warmup" not in word]
    said = typed(*kept, *bad, "training.warmup=0", "training.steps=50", "training.validate_every=10")
    assert said.code == 1
    assert said.out == ""
    last = said.err.splitlines()[-1]
    assert "training has stopped" in last
    assert "at step " in last
    assert "try a smaller training.rate (it was 100)" in last
    assert verify(here / "run").state == "whole"
    good = int((here / "run" / "latest").read_text())
    assert last.endswith(f"; melisma resume run goes on from step {good}, the last that is saved")
    assert good >= 1
    assert typed("predict", "run", "one").code == 0
    said = typed("resume", "run", "training.rate=1e-9", f"training.steps={good + 2}")
    assert said.code == 0, said.err
    assert log(here / "run")[-1]["step"] == good + 2


# --- data


def in_forms(folder: Path) -> dict[str, list[str]]:
    """The same pairs in every form that is read: form -> the words that name it."""
    text = {side: "".join(f"{pair[place]}\n" for pair in PAIRS) for place, side in enumerate(("en", "de"))}
    buffer = io.StringIO()
    rows = csv.writer(buffer)
    rows.writerow(("id", "target", "source"))
    rows.writerows((number, target, source) for number, (source, target) in enumerate(PAIRS))
    tabs = "".join(f"{source}\t{target}\n" for source, target in PAIRS)
    (folder / "t.csv").write_text(buffer.getvalue())
    (folder / "t.tsv").write_text(tabs)
    (folder / "t.jsonl").write_text("".join(json.dumps({"source": s, "target": t}) + "\n" for s, t in PAIRS))
    (folder / "t.tsv.xz").write_bytes(lzma.compress(tabs.encode()))
    (folder / "t.jsonl.gz").write_bytes(gzip.compress((folder / "t.jsonl").read_bytes()))
    for side, whole in text.items():
        (folder / f"z.{side}.gz").write_bytes(gzip.compress(whole.encode()))
        (folder / f"x.{side}.xz").write_bytes(lzma.compress(whole.encode()))
        lines = whole.splitlines(keepends=True)
        (folder / f"p1.{side}").write_text("".join(lines[:30]))
        (folder / f"p2.{side}").write_text("\ufeff" + "".join(lines[30:]).replace("\n", "\r\n"))
    return {
        "two files": ["data.train=a.en,a.de"],
        "tab-separated": ["data.train=t.tsv"],
        "comma-separated": ["data.train=t.csv"],
        "JSON lines": ["data.train=t.jsonl"],
        "gzip": ["data.train=z.en.gz,z.de.gz"],
        "xz": ["data.train=x.en.xz,x.de.xz"],
        "packed tables": ["data.train=t.tsv.xz"],
        "packed JSON": ["data.train=t.jsonl.gz"],
        "several corpora": ["data.train=p1.en,p1.de", "data.train=p2.en,p2.de"],
    }


def test_every_form_of_data_gives_the_same_model(here) -> None:
    found = {}
    for number, (form, words) in enumerate(in_forms(here).items()):
        said = typed("train", "translate", f"run{number}", *words, *TINY, "training.steps=2")
        assert said.code == 0, said.err
        found[form] = weights(here / f"run{number}")
        assert typed("resume", f"run{number}", "training.steps=3", "--quiet").code == 0, form
    assert len(set(found.values())) == 1, found


def test_a_table_has_the_columns_that_are_named(here) -> None:
    (here / "t.csv").write_text("en,de\n" + "".join(f"{source},{target}\n" for source, target in PAIRS))
    assert "no column 'source'" in refused("train", "translate", "run", "data.train=t.csv", *TINY)
    words = ("data.train=t.csv", "data.source=en", "data.target=de", "training.steps=2")
    assert typed("train", "translate", "run", *words, *TINY).code == 0
    assert typed("evaluate", "run", "data=t.csv", "beam=1").code == 0


def test_validation_pairs_are_cut_off_without_overlap(here) -> None:
    write_pairs(here, PAIRS * 3)
    settings = build(TranslateSettings, {"data.train": "a.en,a.de", "data.valid_size": 10})
    corpus = read(settings)
    assert len(corpus.valid) >= 5
    assert len(corpus.train) + len(corpus.valid) == 3 * len(PAIRS)
    assert overlap(corpus.train, corpus.valid).warning() is None
    assert not {pair.target for pair in corpus.train} & {pair.target for pair in corpus.valid}
    assert "none of whose sources or targets is trained on" in corpus.notes[-1]


def test_a_file_of_settings_and_words_after_it(here) -> None:
    (here / "mine.toml").write_text("[training]\nsteps = 9\nrate = 0.01\n[model]\nattention = 'none'\n")
    assert typed(*TRAIN, "mine.toml", "training.steps=2").code == 0
    told = record(here / "run")["settings"]
    assert (told["training"]["steps"], told["training"]["rate"]) == (2, 0.01)
    assert told["model"]["attention"] == "none"
    with contextlib.chdir("run"):
        assert "no attention to look at" in refused("look", "attention", "../run", "one", "file=a.png")


def test_batches_larger_than_the_data_and_fewer_symbols_than_asked_for(here) -> None:
    words = [word for word in TRAIN if "unit" not in word and "batch" not in word]
    said = typed(*words, "training.batch_tokens=1000000", "training.steps=2", "text.size=4000")
    assert said.code == 0
    assert "melisma: text.size=4000: the data gave " in said.err
    assert record(here / "run")["settings"]["training"]["batch_tokens"] == 1_000_000


def test_training_data_that_is_validated_on_is_called_out_first(here) -> None:
    words = [word for word in TRAIN if "valid_size" not in word]
    said = typed(*words, "data.valid=a.en,a.de", "training.steps=4", "--quiet")
    assert said.code == 0
    assert sentence(said.err).startswith("warning: 72 of 72 held-out sources (100 %) occur in the training data too")


def test_a_finished_run_that_is_not_whole_is_repaired_by_resume(here) -> None:
    assert typed(*TRAIN, "training.steps=3").code == 0
    (here / "run" / "best").write_text("../../etc\n")
    assert typed("predict", "run", "one").code == 2
    assert typed("resume", "run").code == 0
    assert typed("predict", "run", "one").code == 0


def test_steps_take_the_place_of_minutes_that_never_became_steps(here) -> None:
    settings = {"data.train": "a.en,a.de", "training.minutes": 60.0, "model.hidden": 8, "model.encoder_hidden": 4}
    stopped = train("translate", "run", settings)
    for progress in stopped:
        if progress.step >= 2:
            break
    stopped.close()
    assert typed("resume", "run", "training.steps=4").code == 0
    ends = record(here / "run")["settings"]["training"]
    assert (ends["minutes"], ends["steps"]) == (None, 4)
