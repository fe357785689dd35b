"""Saving, naming, keeping and logging, when nothing goes wrong with the disk."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Busy, Failure, Refusal
from melisma.runs.disk import DISK, Disk
from melisma.runs.layout import StepName
from melisma.runs.log import cut_log, read_log
from melisma.runs.read import read_pointer, read_run, read_step
from melisma.runs.tensors import forms_of
from melisma.runs.verify import verify
from melisma.runs.write import RunWriter, SaveFailed, claim, create

RECORD = {"task": "translate", "recipe": "dates", "settings": {"model": {"width": 8}, "rate": 0.1}, "seeds": [1, 2]}
CODEC = {"characters": ["a", "ß", "日"]}


@pytest.fixture
def writer(tmp_path):
    with create(tmp_path / "run", RECORD, CODEC) as made:
        yield made


def save(writer: RunWriter, step: int, value: float | None = None, better=()) -> str:
    weights = np.full(4, step if value is None else value, "f4")
    return writer.save_step(step, {"w": weights}, {"m": weights}, {"step": step}, better)


def steps(writer: RunWriter) -> list[str]:
    return sorted(os.listdir(writer.path / "steps"))


def test_a_run_holds_what_its_layout_says_and_reads_back_as_it_was_written(writer) -> None:
    assert writer.latest is None
    writer.log({"step": 123, "loss": 0.5})
    assert save(writer, 123, better=["best", "best-bleu"]) == "000123"
    assert writer.latest == "000123"
    names = {str(file.relative_to(writer.path)) for file in writer.path.rglob("*") if file.is_file()}
    step = {f"steps/000123/{name}" for name in ("model.safetensors", "training.safetensors", "training.json")}
    assert names == step | {
        "run.json", "codec.json", "latest", "best", "best-bleu", "metrics.jsonl", ".lock", "steps/000123/manifest.json"
    }  # fmt: skip
    assert (writer.path / "best-bleu").read_bytes() == b"000123\n"
    run = read_run(writer.path)
    assert (run.task, run.recipe, run.settings, run.codec) == ("translate", "dates", RECORD["settings"], CODEC)
    assert run.record["seeds"] == [1, 2]
    assert run.record["format"] == 1


def test_the_mode_of_what_is_written_follows_the_umask(tmp_path) -> None:
    before = os.umask(0o027)
    try:
        with create(tmp_path / "run", RECORD, CODEC) as writer:
            save(writer, 1)
    finally:
        os.umask(before)
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o640}
    assert (tmp_path / "run" / "steps" / "000001").stat().st_mode & 0o777 == 0o750


def test_tensors_come_back_bit_for_bit(writer) -> None:
    weight = torch.randn(5, 3)
    model = {
        "weight": torch.nn.Parameter(weight), "tied": weight, "turned": weight.t(), "part": weight[1:3],
        "half": weight.to(torch.bfloat16), "scalar": torch.tensor(3.5), "empty": torch.zeros(0, 4),
        "whole": torch.tensor([2**62, -1]), "mask": torch.tensor([True, False]), "minus": torch.tensor([-0.0]),
    }  # fmt: skip
    training = {
        "random": torch.get_rng_state(),
        "lost": torch.tensor([float("nan"), float("-inf")]),
        "exact": weight.double(),
    }
    writer.save_step(7, model, training, {"position": [3, 4], "score": 0.1 + 0.2, "name": "é\u2028"})
    step = read_step(writer.path, "latest", training=forms_of(training))
    assert step.state == {"position": [3, 4], "score": 0.1 + 0.2, "name": "é\u2028"}
    for written, read in ((model, step.model), (training, step.training)):
        assert set(read) == set(written)
        for name, tensor in written.items():
            assert read[name].dtype == tensor.dtype
            assert read[name].shape == tensor.shape
            plain = tensor.detach().contiguous().reshape(-1)
            assert bytes(read[name].reshape(-1).view(torch.uint8).numpy()) == bytes(plain.view(torch.uint8).numpy())
    assert read_step(writer.path).training == {}


def test_the_same_tensors_make_the_same_bytes(tmp_path) -> None:
    made = []
    for name in ("one", "two"):
        with create(tmp_path / name, RECORD, CODEC) as writer:
            tensors = {f"layer.{at}": torch.full((at + 1,), float(at)) for at in range(20)}
            writer.save_step(1, tensors, {}, {})
            made.append((writer.path / "steps/000001/manifest.json").read_bytes())
    assert made[0] == made[1]


def test_old_steps_go_but_never_one_that_a_pointer_names(writer) -> None:
    for step in range(1, 7):
        save(writer, step, better={2: ["best"], 3: ["best-chrf"]}.get(step, ()))
    assert steps(writer) == ["000002", "000003", "000005", "000006"]
    save(writer, 7, better=["best"])
    assert steps(writer) == ["000003", "000006", "000007"]
    with pytest.raises(ValueError, match="at least 2"):
        RunWriter(writer.path, writer._lock, 1, DISK)


def test_more_recent_steps_are_kept_when_asked_for(tmp_path) -> None:
    with create(tmp_path / "run", RECORD, CODEC, keep=4) as writer:
        for step in range(6):
            save(writer, step)
        assert steps(writer) == ["000002", "000003", "000004", "000005"]


def test_a_step_saved_again_with_the_same_bytes_stays_as_it_is(writer) -> None:
    save(writer, 1)
    save(writer, 2)
    before = (writer.path / "steps/000002/model.safetensors").stat().st_ino
    assert save(writer, 2, better=["best"]) == "000002"
    assert (writer.path / "steps/000002/model.safetensors").stat().st_ino == before
    assert (writer.path / "best").read_bytes() == b"000002\n"


def test_a_step_saved_again_with_other_bytes_is_replaced_and_never_written_over(writer) -> None:
    save(writer, 1)
    save(writer, 2, better=["best"])
    assert save(writer, 2, value=9.0) == "000002-2"
    assert read_step(writer.path, "latest").model["w"].tolist() == [9.0] * 4
    assert read_step(writer.path, "best").model["w"].tolist() == [2.0] * 4, "best is what earned the name"
    assert read_step(writer.path, "2").name == "000002-2"
    assert save(writer, 2, value=10.0, better=["best"]) == "000002-3"
    assert steps(writer) == ["000001", "000002-3"]
    assert verify(writer.path).state == "whole"


def test_a_damaged_step_of_the_same_number_is_no_reason_not_to_save(writer) -> None:
    save(writer, 1)
    (writer.path / "steps/000001/model.safetensors").write_bytes(b"junk")
    assert save(writer, 1) == "000001-2"
    assert read_step(writer.path, "latest").model["w"].tolist() == [1.0] * 4


def test_a_step_that_latest_was_not_led_to_is_gone_on_from_and_is_the_best_it_was(tmp_path) -> None:
    with create(tmp_path / "run", RECORD, CODEC) as writer:
        save(writer, 10, better=("best", "best-bleu"))
        save(writer, 20, better=("best",))
    (writer.path / "latest").write_text("000010\n")
    (writer.path / "best").write_text("000010\n")
    with claim(tmp_path / "run").begin() as writer:
        assert writer.latest == "000020"
        assert writer.notes == ("a save was cut off when its step was whole already; going on from step 20",)
        for step in (30, 40):
            save(writer, step)
        assert steps(writer) == ["000010", "000020", "000030", "000040"]
        assert (writer.path / "best").read_text() == "000020\n"


def test_the_first_save_cut_off_before_its_pointers_is_the_best_so_far(tmp_path) -> None:
    with create(tmp_path / "run", RECORD, CODEC) as writer:
        save(writer, 10, better=("best", "best-bleu"))
    for name in ("latest", "best", "best-bleu"):
        (writer.path / name).unlink()
    with claim(tmp_path / "run").begin() as writer:
        for step in (20, 30, 40):
            save(writer, step)
        assert {name: read_pointer(writer.path, name) for name in ("best", "best-bleu")} == dict.fromkeys(
            ("best", "best-bleu"), StepName(10, 1)
        )


@pytest.mark.parametrize("made", [lambda values: values, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_model_with_nan_or_infinity_is_not_written(writer, made, broken) -> None:
    save(writer, 1)
    with pytest.raises(
        Failure, match=r'step 2 was not written: "b" holds NaN or infinity, .* training\.rate'
    ) as caught:
        writer.save_step(2, {"a": made(np.ones(2)), "b": made(np.array([1.0, broken]))}, {}, {})
    assert not isinstance(caught.value, SaveFailed)
    assert steps(writer) == ["000001"]
    assert writer.latest == "000001"


@pytest.mark.parametrize(
    ("state", "fault"),
    [({1: 2}, TypeError), ({"a": float("inf")}, ValueError), ({"a": {1}}, TypeError), ({"a": "\ud800"}, ValueError)],
)
def test_a_state_that_would_not_come_back_is_a_mistake_of_the_caller(writer, state, fault) -> None:
    with pytest.raises(fault):
        writer.save_step(1, {}, {}, state)
    assert steps(writer) == []


@pytest.mark.parametrize("better", ["latest", "../x", "best-", "best/x", "run.json", "best-\n"])
def test_only_the_names_of_pointers_are_written(writer, better) -> None:
    with pytest.raises(ValueError, match="best"):
        save(writer, 1, better=[better])
    with pytest.raises(ValueError, match="from 0 up"):
        save(writer, -1)


def test_the_record_is_changed_at_one_instant_and_only_where_asked(writer) -> None:
    writer.update_run({"settings": {"training": {"steps": 500}}, "machine": "this"})
    run = read_run(writer.path)
    assert run.settings == RECORD["settings"] | {"training": {"steps": 500}}
    assert run.record["machine"] == "this"
    assert run.codec == CODEC
    for key in ("format", "codec", "sha256"):
        with pytest.raises(ValueError, match=key):
            writer.update_run({key: 1})
    with pytest.raises(Refusal, match="wanted"):
        writer.update_run({"task": 3})
    assert read_run(writer.path) == run


def test_pages_are_written_beside_and_nothing_else_is(writer) -> None:
    writer.write_page("README.md", "# A model\n")
    assert (writer.path / "README.md").read_text() == "# A model\n"
    with pytest.raises(ValueError, match="no page"):
        writer.write_page("run.json", "{}")


def test_log_lines_are_whole_and_numbers_that_are_not_finite_are_null(writer) -> None:
    writer.log({"step": 1, "loss": float("nan"), "rates": [float("inf"), 1.5], "note": "a\nb"})
    assert (writer.path / "metrics.jsonl").read_bytes().count(b"\n") == 1
    assert read_log(writer.path) == [{"step": 1, "loss": None, "rates": [None, 1.5], "note": "a\nb"}]
    with pytest.raises(ValueError, match="log line"):
        writer.log({"text": "x" * 2**21})


def test_log_lines_wait_while_the_disk_takes_none_and_come_in_order(tmp_path) -> None:
    class Full(Disk):
        full = False

        def write(self, file: int, data) -> int:
            if self.full and len(data) > 3:
                return super().write(file, bytes(data)[:3])
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(file, data)

    disk = Full()
    writer = create(tmp_path / "run", RECORD, CODEC, disk=disk)
    writer.log({"step": 1})
    disk.full = True
    writer.log({"step": 2})
    writer.log({"step": 3})
    with pytest.raises(SaveFailed, match=r"step 3 .* no space left on device"):
        save(writer, 3)
    assert [line["step"] for line in read_log(writer.path)] in ([1], [1, 2])
    disk.full = False
    writer.log({"step": 4})
    assert (writer.path / "metrics.jsonl").read_bytes() == b'{"step": 1}\n{"step": 2}\n{"step": 3}\n{"step": 4}\n'
    disk.full = True
    writer.log({"step": 5})
    with pytest.raises(SaveFailed, match="metrics"):
        writer.close()
    claim(tmp_path / "run").begin().close()


def kept(log: bytes, step: int) -> list[dict]:
    """What a cut leaves, said plainly: whole lines up to the first of a later step."""
    wanted = []
    for line in log.split(b"\n")[:-1]:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if type(value) is not dict or line.count(b"step") > 1:
            continue
        if isinstance(value.get("step"), int) and value["step"] > step:
            break
        wanted.append(value)
    return wanted


PIECES = st.sampled_from(
    [b'{"step": %d}\n' % number for number in (1, 2, 3, 4)]
    + [b'{"note": "x"}\n', b"\n", b'{"step": 2', b"[1]\n", b"\xff\n", b'{"step": 1, "step": 1}\n', b'{"step": "9"}\n']
)


@given(pieces=st.lists(PIECES, max_size=8), step=st.integers(0, 4))
def test_a_cut_log_reads_and_says_nothing_of_later_steps(tmp_path_factory, pieces, step) -> None:
    path = tmp_path_factory.mktemp("log")
    (path / "metrics.jsonl").write_bytes(b"".join(pieces))
    note = cut_log(path, step, DISK)
    lines = read_log(path)
    assert all(line.get("step", 0) <= step for line in lines if isinstance(line.get("step"), int))
    assert cut_log(path, step, DISK) is None, "cutting twice is cutting once"
    if note is None:
        assert (path / "metrics.jsonl").read_bytes() == b"".join(pieces)
    assert lines == kept(b"".join(pieces), step)


def test_a_log_line_too_long_to_be_read_is_dropped_and_its_neighbours_stay(writer) -> None:
    log = writer.path / "metrics.jsonl"
    log.write_bytes(b'{"step": 1}\n{"text": "' + b"x" * 3 * 2**20 + b'"}\n{"step": 2}\n')
    with pytest.raises(Refusal, match=r"metrics\.jsonl line 2 is not"):
        read_log(writer.path)
    assert "1 damaged" in cut_log(writer.path, 5, DISK)
    assert read_log(writer.path) == [{"step": 1}, {"step": 2}]


def test_of_two_writers_the_second_is_told_who_the_first_is(writer) -> None:
    with pytest.raises(Busy, match=f"is being trained by process {os.getpid()}, since [0-2][0-9]:[0-5][0-9]") as caught:
        claim(writer.path).begin()
    assert caught.value.exit_code == 75
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="was closed"):
        save(writer, 1)
    claim(writer.path).begin().close()


def test_only_one_of_many_begins_a_run(tmp_path) -> None:
    made: list = []

    def begin() -> None:
        try:
            made.append(create(tmp_path / "new" / "run", RECORD, CODEC))
        except Refusal as error:
            made.append(error)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writers = [one for one in made if isinstance(one, RunWriter)]
    assert len(writers) == 1, made
    save(writers[0], 1)
    writers[0].close()
    assert verify(tmp_path / "new" / "run").state == "whole"


def test_a_reader_never_sees_a_torn_run_while_it_is_written(writer) -> None:
    save(writer, 1)
    faults: list = []
    over = threading.Event()
    seen: set[int] = set()

    def read() -> None:
        while not over.is_set():
            try:
                for pointer in ("latest", "best"):
                    step = read_step(writer.path, pointer)
                    assert step.model["w"].tolist() == [float(step.number)] * 4
                    assert step.state == {"step": step.number}
                    seen.add(step.number)
                assert verify(writer.path).state == "whole"
                read_log(writer.path)
                read_run(writer.path)
            except BaseException as error:
                faults.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    for step in range(2, 62):
        writer.log({"step": step})
        save(writer, step, better=["best"] if step % 7 == 0 else ())
        writer.update_run({"settings": {"step": step}})
    over.set()
    reader.join()
    assert not faults, faults
    assert len(seen) > 3


def test_a_limit_on_the_size_of_files_fails_one_save_and_keeps_the_one_before(tmp_path) -> None:
    program = """
import resource, sys
import numpy as np
from melisma.runs.write import SaveFailed, create
writer = create(sys.argv[1], {"task": "t", "recipe": "r", "settings": {}}, {})
writer.save_step(1, {"w": np.ones(100, "f4")}, {}, {})
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    writer.save_step(2, {"w": np.ones(10000, "f4")}, {}, {})
except SaveFailed as error:
    print(error)
writer.save_step(3, {"w": np.ones(50, "f4")}, {}, {})
writer.close()
"""
    source = str(Path(__file__).resolve().parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run")],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": source},
    )  # fmt: skip
    assert "step 2 could not be saved" in done.stdout
    assert "file too large" in done.stdout
    assert sorted(os.listdir(tmp_path / "run" / "steps")) == ["000001", "000003"]
    assert verify(tmp_path / "run").state == "whole"
