"""What ``melisma train`` and ``resume`` tell a user, and that what is refused changes nothing."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from command.drill import DATA, PAIRS, TINY, Screen, picture, record, refused, sentence, typed

from melisma.runs.verify import verify
from melisma.runs.write import RunWriter, claim

TRAIN = ("train", "translate", "run", DATA, *TINY)


def test_an_end_that_lies_behind_is_refused(tiny, tmp_path, monkeypatch) -> None:
    shutil.copytree(tiny, tmp_path / "all")
    monkeypatch.chdir(tmp_path / "all")
    before = picture(Path("tiny"))
    for word, reason in (
        ("training.steps=11", "training.steps=11 lies behind: step 12 is reached; 12 or more is wanted"),
        ("training.epochs=1", r"training.epochs=1 lies behind: \d+ are done; \d+ or more is wanted"),
        ("training.minutes=1e-5", r"training.minutes=1e-05 lies behind: [\d.e-]+ are spent; more are wanted"),
    ):
        assert re.fullmatch(reason, refused("resume", "tiny", word)), word
    assert picture(Path("tiny")) == before


def test_training_into_a_folder_in_use_is_busy_as_resume_is(tiny, tmp_path) -> None:
    shutil.copytree(tiny / "tiny", tmp_path / "tiny")
    with claim(tmp_path / "tiny").begin():
        for _ in range(2):
            said = refused("train", "dates", str(tmp_path / "tiny"), code=75)
            assert f"tiny is being trained by process {os.getpid()}, since " in said
    assert "is there already" in refused("train", "dates", str(tmp_path / "tiny"))


def broken(run: Path) -> dict[str, str]:
    """Damages the latest step; what then lies in the run."""
    step = (run / "latest").read_text().strip()
    (run / "best").write_text(f"{step}\n")
    (run / "best-bleu").write_text(f"{step}\n")
    model = run / "steps" / step / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    return picture(run)


def test_what_is_refused_repairs_nothing_and_what_is_repaired_is_said_once(tiny, tmp_path, monkeypatch) -> None:
    shutil.copytree(tiny, tmp_path / "all")
    monkeypatch.chdir(tmp_path / "all")
    run = Path("tiny")
    before = broken(run)
    os.rename("a.de", "elsewhere.de")
    said = refused("resume", "tiny")
    assert "no such file a.de" in said
    assert said.endswith("; where the data lies now is said with data.train=…")
    with open("a.de", "w") as file:
        file.write("".join(f"anders {number}\n" for number in range(len(PAIRS))))
    assert "a.de has changed" in refused("resume", "tiny")
    os.rename("elsewhere.de", "a.de")
    assert "lies behind" in refused("resume", "tiny", "training.steps=2")
    assert "model.hidden was" in refused("resume", "tiny", "model.hidden=99")
    assert picture(run) == before
    said = typed("resume", "tiny", "--quiet")
    assert said.code == 0
    assert said.err.count("is damaged") == 1
    assert re.fullmatch(
        r"melisma: step 12 is damaged \(model\.safetensors: it is not as it was saved, its SHA-256 differs\): "
        r"set aside as damaged-000012; (best(-\w+)? leads to step [48] again; )+going on from step 8",
        said.err.splitlines()[0],
    )
    assert verify(run).state == "whole"


def test_own_data_is_not_validated_on_what_the_recipe_makes(here) -> None:
    (here / "mine.tsv").write_text(
        "".join(f"{day} May {year}\t{year}-05-{day}\n" for day in range(10, 30) for year in range(1990, 1994))
    )
    small = ("model.embedding=4", "model.hidden=8", "model.encoder_hidden=4", "training.steps=1", "search.maximum=4")
    said = typed("train", "dates", "run", "data.train=mine.tsv", *small)
    assert said.code == 0, said.err
    assert "no validation data was given" in said.err
    assert record(here / "run")["settings"]["data"]["valid"] is None
    (here / "mine.toml").write_text("[data]\ntrain = 'mine.tsv'\n")
    said = typed("train", "dates", "run2", "mine.toml", "data.valid_size=5", *small)
    assert said.code == 0, said.err
    assert record(here / "run2")["settings"]["data"]["valid"] is None


def test_a_home_folder_is_found_behind_the_sign_for_it(here, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    (here / "~").mkdir()  # a folder that is called so is meant by ./~
    shutil.copy("a.en", "b.en")
    words = [word if word != DATA else "data.train=~/b.en,~/a.de" for word in TRAIN]
    assert typed(*words, "training.steps=2", "--quiet").code == 0
    assert record(here / "run")["settings"]["data"]["train"] == [["../b.en", "../a.de"]]
    assert list(record(here / "run")["data"]) == ["../b.en", "../a.de"]
    said = typed("resume", "run", "data.train=~/b.en,~/a.de", "training.steps=3", "--quiet")
    assert said.code == 0, said.err
    assert "has learned from" in typed("evaluate", "run", "data=~/b.en,~/a.de").err


def test_data_that_is_named_twice_is_called_out(here) -> None:
    copying = [word if word != DATA else "data.train=a.en,./a.en" for word in TRAIN]
    said = typed(*copying, "training.steps=1", "--quiet")
    assert sentence(said.err.splitlines(keepends=True)[0]).endswith(
        "both sides are one file, so only copying can be learned"
    )
    again = typed(*[word if word != "run" else "run2" for word in TRAIN], DATA, "training.steps=1", "--quiet")
    assert "warning: data.train=a.en,a.de is given twice, so each of its pairs counts double\n" in again.err


def test_the_card_is_there_after_the_first_validation(here, monkeypatch) -> None:
    save, pages = RunWriter.save_step, []

    def looking(self, *arguments, **more):
        pages.append((here / "run" / "README.md").exists())
        return save(self, *arguments, **more)

    monkeypatch.setattr(RunWriter, "save_step", looking)
    assert typed(*TRAIN, "training.steps=6", "training.validate_every=2").code == 0
    assert pages == [False, True, True]


def test_the_live_line_drops_what_does_not_fit(here, monkeypatch) -> None:
    monkeypatch.setattr(Screen, "tty", True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "32")
    lines = typed(*TRAIN, "training.steps=2").err.split("\r\x1b[2K")
    live = [line for line in lines if re.match(r"step \d/2", line)]
    assert len(live) == 2
    for line in live:
        assert re.fullmatch(r"step \d/2 · epoch 1 · loss \d\.\d{3}", line), line
