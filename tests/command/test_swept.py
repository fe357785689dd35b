"""``melisma sweep`` as it is typed: what it trains, what it says, and how it goes on."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command.drill import DATA, PAIRS, TINY, Said, Started, log, picture, record, refused, typed, weights, write_pairs

from melisma.api import sweep as sweeping
from melisma.api import sweep_trial
from melisma.api.sweep_folder import CLAIMS, Folder
from melisma.api.sweep_pool import Elsewhere
from melisma.errors import Failure
from melisma.runs.disk import DISK, Disk
from melisma.settings.levers import LEVERS
from melisma.settings.sweep import SweepSettings

SHORT = ("training.epochs=2", "data.validation_measure=chrf")
SWEEP = ("sweep", "translate", "out", DATA, *TINY, *SHORT, "vary=data,hidden", "points=2", "seeds=2")
NAMES = ["data-x0.5-seed1", "data-x0.5-seed2", "hidden-x2-seed1", "hidden-x2-seed2", "own-seed1", "own-seed2"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    """A folder with a finished sweep, and what was said; not to be changed."""
    folder = tmp_path_factory.mktemp("swept")
    write_pairs(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        said = typed(*SWEEP)
    assert said.code == 0, said.err
    return folder, said


@pytest.fixture
def swept(whole: tuple[Path, Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory: a copy of that folder."""
    shutil.copytree(whole[0], tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the trainings that are begun or gone on with from now on."""
    names: list[str] = []
    real = sweep_trial._trained

    def seen(job: Any, stopped: Any) -> Any:
        names.append(job.name)
        return real(job, stopped)

    monkeypatch.setattr(sweep_trial, "_trained", seen)
    return names


def test_each_value_is_trained_with_each_seed_and_the_own_values_once(whole: tuple[Path, Said]) -> None:
    folder, _ = whole
    trials = folder / "out" / "trials"
    assert sorted(path.name for path in trials.iterdir()) == NAMES
    settings = {name: record(trials / name)["settings"] for name in NAMES}
    for name, told in settings.items():
        assert told["training"]["seed"] == int(name[-1])
        assert told["data"]["share"] == (0.5 if name.startswith("data") else 1.0)
        widths = tuple(told["model"][width] for width in ("hidden", "encoder_hidden", "embedding"))
        assert widths == ((32, 16, 16) if name.startswith("hidden") else (16, 8, 8))
    pairs = {name: record(trials / name)["pairs"] for name in NAMES}
    assert pairs["data-x0.5-seed1"]["train"] == round(pairs["own-seed1"]["train"] / 2)
    assert {told["valid"] for told in pairs.values()} == {3}


def test_a_training_is_the_one_that_train_would_make(whole: tuple[Path, Said], here: Path) -> None:
    assert typed("train", "translate", "one", DATA, *TINY, *SHORT, "training.seed=2", "data.share=0.5").code == 0
    there = whole[0] / "out" / "trials" / "data-x0.5-seed2"
    assert weights(here / "one") == weights(there)
    assert log(here / "one") == log(there)


def test_what_was_found_is_a_table_and_sentences(whole: tuple[Path, Said]) -> None:
    said = whole[1]
    assert said.lines[0].split()[:5] == ["lever", "value", "times", "chrF2", "spread"]
    assert [line.split()[0] for line in said.lines[1:5]] == ["data", "data", "hidden", "hidden"]
    assert said.lines[5] == ""
    assert len(said.lines) > 6


def test_a_line_a_training_with_the_time_that_is_left(whole: tuple[Path, Said]) -> None:
    lines = whole[1].err.splitlines()
    assert lines[0] == "6 trainings: data, hidden, each value with 2 seeds"
    assert [line.split()[0] for line in lines[1:7]] == [f"{number}/6" for number in range(1, 7)]
    assert all("left" in line for line in lines[1:6])
    assert "chrf" in lines[1]
    assert "left" not in lines[6]
    assert lines[7:] == ["out has sweep.tsv, sweep.png, sweep.svg, sweep.html"]


def test_the_files_are_what_they_are_called(whole: tuple[Path, Said]) -> None:
    out = whole[0] / "out"
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert "model.hidden" in (out / "sweep.svg").read_text()
    page = (out / "sweep.html").read_text()
    assert page.count("<svg") == 2
    assert "<script" not in page
    assert len((out / "sweep.tsv").read_text().splitlines()) == 5


def test_the_database_holds_no_pickle_and_no_path(whole: tuple[Path, Said]) -> None:
    folder, _ = whole
    with sqlite3.connect(f"file:{folder}/out/sweep.db?mode=ro", uri=True) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type='table'")]
        cells = [cell for table in tables for row in database.execute(f'select * from "{table}"') for cell in row]
    assert not [cell for cell in cells if isinstance(cell, bytes)]
    assert not [cell for cell in cells if str(folder) in str(cell)]
    assert sum("own-seed1" in str(cell) for cell in cells) == 1


def test_the_same_command_again_trains_nothing_and_says_the_same(
    swept: Path, whole: tuple[Path, Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(swept / "out" / CLAIMS)
    names, before = begun(monkeypatch), picture(swept)
    said = typed(*SWEEP)
    assert (said.code, said.out) == (0, whole[1].out)
    assert names == []
    assert picture(swept) == before, "what is finished is not even taken"


def test_what_another_process_has_finished_meanwhile_is_not_done_again(
    swept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, made = begun(monkeypatch), _sweep(swept)
    made.prepare()
    made.results.clear()  # as this process knew before the other was done
    assert [news.kind for news in made.run(lambda: False)] == ["begin", "end"]
    assert names == []
    assert sorted(made.results) == NAMES


def test_what_is_finished_stays_known_when_its_training_is_thrown_away(
    swept: Path, whole: tuple[Path, Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = begun(monkeypatch)
    shutil.rmtree(swept / "out" / "trials")
    assert typed(*SWEEP).out == whole[1].out
    assert names == []


def test_more_seeds_train_only_what_is_missing(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = begun(monkeypatch)
    said = typed(*SWEEP[:-1], "seeds=3", "--json")
    assert names == ["own-seed3", "data-x0.5-seed3", "hidden-x2-seed3"]
    told = [json.loads(line) for line in said.lines]
    assert [one["kind"] for one in told] == ["begin", "trained", "trained", "trained", "end"]
    assert [one["done"] for one in told] == [6, 7, 8, 9, 9]
    points = told[-1]["levers"][0]["points"]
    assert [(one["value"], len(one["trainings"])) for one in points] == [("50 %", 3), ("100 %", 3)]


def test_a_finished_training_that_was_not_written_down_is_not_done_again(swept: Path, whole: tuple[Path, Said]) -> None:
    (swept / "out" / "sweep.db").unlink()
    runs = {name: picture(swept / "out" / "trials" / name) for name in NAMES}
    assert typed(*SWEEP).out == whole[1].out
    assert {name: picture(swept / "out" / "trials" / name) for name in NAMES} == runs


def test_a_killed_sweep_goes_on_where_it_was(
    here: Path, whole: tuple[Path, Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = Started(here, *SWEEP)
    killed.says("2/6")
    killed.kill()
    finished = {name: weights(here / "out" / "trials" / name) for name in ("own-seed1", "data-x0.5-seed1")}
    names = begun(monkeypatch)
    said = typed(*SWEEP)
    assert said.code == 0, said.err
    assert not finished.keys() & set(names)
    for name in NAMES:
        assert weights(here / "out" / "trials" / name) == weights(whole[0] / "out" / "trials" / name)


def test_ctrl_c_saves_and_says_how_to_go_on(here: Path) -> None:
    started = Started(here, *SWEEP)
    started.says("1/6")
    started.interrupt()
    said = started.ended()
    assert said.code == 130
    last = said.err.splitlines()[-1]
    assert last.startswith("melisma: stopped: ")
    assert last.endswith(f"next: melisma {' '.join(SWEEP)}")


def test_a_training_that_was_stopped_half_way_is_resumed(swept: Path, whole: tuple[Path, Said]) -> None:
    trial = swept / "out" / "trials" / "own-seed2"
    shutil.rmtree(trial)
    (swept / "out" / "sweep.db").unlink()
    half = sweep_trial.Job("own-seed2", "translate", str(trial), _beside(swept))
    steps = iter([False] * 3)
    assert sweep_trial.trained(half, lambda: next(steps, True)).how == "stopped"
    assert weights(trial) != weights(whole[0] / "out" / "trials" / "own-seed2")
    assert typed(*SWEEP).out.split("\n")[1].split()[:4] == whole[1].out.split("\n")[1].split()[:4]
    assert weights(trial) == weights(whole[0] / "out" / "trials" / "own-seed2")


def _sweep(folder: Path) -> sweeping.Sweep:
    words = dict(word.split("=") for word in (DATA, *TINY, *SHORT))
    return sweeping.Sweep("translate", folder / "out", SweepSettings(vary=LEVERS[:2], points=2, seeds=2), (words,))


def _beside(folder: Path) -> dict[str, Any]:
    made = _sweep(folder)
    return made._beside(made.trials["own-seed2"])


def test_two_processes_do_what_one_does(here: Path, whole: tuple[Path, Said]) -> None:
    said = typed(*SWEEP, "processes=2")
    assert said.code == 0, said.err
    for name in NAMES:
        assert weights(here / "out" / "trials" / name) == weights(whole[0] / "out" / "trials" / name)


def test_a_training_that_another_sweep_has_is_left_to_it(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (swept / "out" / "sweep.db").unlink()
    lock = Folder(swept / "out", "").claim("own-seed2")
    assert lock is not None
    names = begun(monkeypatch)
    said = typed(*SWEEP)
    lock.release()
    assert said.code == 75
    assert "1 training of out is just being done by another process" in said.err
    assert "own-seed2" not in names
    assert len(names) == 5


def test_a_training_that_fails_is_told_and_left_out(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (swept / "out" / "sweep.db").unlink()
    shutil.rmtree(swept / "out" / "trials" / "hidden-x2-seed1")

    def diverged(*_: object, **__: object) -> Any:
        raise Failure("the loss is NaN at step 3")

    monkeypatch.setattr(sweep_trial, "train", diverged)
    said = typed(*SWEEP)
    assert said.code == 1
    assert "hidden-x2-seed1 failed: the loss is NaN at step 3" in said.err
    assert "1, 1 failed" in said.out
    assert "too few trainings came to an end" in said.out
    monkeypatch.undo()
    monkeypatch.chdir(swept)
    assert typed(*SWEEP).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("vary=data,hiden",),
            "setting vary: found 'data,hiden', wants some of data, hidden, epochs, batch (did you mean hidden?)",
        ),
        (("seeds=1",), "2 to 20"),
        (("training.epochs=none", "training.minutes=1", "vary=epochs"), "how far minutes lead"),
        (("training.threads=2", "processes=2"), "wants training.threads=1"),
        (("data.valid_size=0",), "wants validation"),
        (("storage=nowhere",), "no address of a database"),
        (("storage=mysql://me:secret@host/x",), "is not installed"),
        (("storage=sqlite:////nowhere/at/all.db",), "cannot be opened as a database of Optuna"),
        (
            ("model.attention=multi_head", "vary=hidden", "points=3", "model.heads=16"),
            "vary=hidden cannot have the value 8",
        ),
        (("model.hiden=3",), "did you mean model.hidden=3"),
        (("data.train=none.en,none.de",), "none.en"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_made(here: Path, words: tuple[str, ...], said: str) -> None:
    before = picture(here)
    given = [word for word in SWEEP if word.partition("=")[0] not in {one.partition("=")[0] for one in words}]
    sentence = refused(*given, *words)
    assert said in sentence
    assert "secret" not in sentence
    assert picture(here) == before


def test_a_disk_without_room_is_refused_before_anything_is_made(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disk, "free", lambda self, path: 2_000_000)
    before = picture(here)
    assert "6 trainings may take up to" in refused(*SWEEP)
    assert picture(here) == before
    assert DISK.free(here) == 2_000_000


@pytest.mark.parametrize("words", [("model.cell=elman",), ("training.epochs=3",)])
def test_the_folder_of_another_sweep_is_refused(swept: Path, words: tuple[str, ...]) -> None:
    before = picture(swept)
    given = [word for word in SWEEP if word.partition("=")[0] not in {one.partition("=")[0] for one in words}]
    assert "holds another sweep (there " in refused(*given, *words)
    assert picture(swept) == before


def test_a_folder_with_something_else_is_refused(here: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "notes.txt").write_text("mine")
    assert "is not empty" in refused(*SWEEP)


def test_data_that_has_changed_is_refused(swept: Path) -> None:
    write_pairs(swept, PAIRS[:60])
    assert "the data has changed" in refused(*SWEEP[:-1], "seeds=3")


def test_a_process_whose_starter_is_gone_saves_and_ends(here: Path) -> None:
    long = {"data.train": ["a.en,a.de"], **dict(word.split("=") for word in TINY), "training.epochs": 100_000}
    pool = Elsewhere(1)
    pool.begin(sweep_trial.Job("long", "translate", str(here / "long"), long))
    assert pool.free == 0
    process = pool._workers[0].process
    end = time.monotonic() + 60
    while not (here / "long" / "latest").exists():
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.01)
    assert process.stdin is not None
    process.stdin.close()
    assert [done.how for done in pool.ended(lambda: time.monotonic() > end)] == ["stopped"]
    assert process.wait(10) == 0
    assert record(here / "long")["task"] == "translate"
    pool.kill()
