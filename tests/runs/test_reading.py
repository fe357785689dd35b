"""What is read is what was written, or it is refused in one sentence; nothing that lies in a run can lead outside it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from melisma.errors import Busy, Refusal
from melisma.runs import repair
from melisma.runs.disk import PASSING
from melisma.runs.inside import Missing
from melisma.runs.layout import FILES, LIMITS, StepName, is_pointer, step_name
from melisma.runs.log import read_log
from melisma.runs.read import following, read_files, read_run, read_shapes, read_step, step_names
from melisma.runs.repair import survey
from melisma.runs.tensors import Form, check_shapes, to_bytes
from melisma.runs.verify import verify
from melisma.runs.write import claim, create

RECORD = {"task": "tag", "recipe": "names", "settings": {"model.width": 8}}


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("original") / "run"
    with create(path, RECORD, {"labels": ["a", "b"]}) as writer:
        for step in (10, 20, 30):
            writer.log({"step": step})
            better = {"best", "best-f1"} if step == 20 else ()
            writer.save_step(step, {"w": np.full((2, 3), step, "f4")}, {"m": np.ones(2)}, {"step": step}, better)
    return path


@pytest.fixture
def run(original, tmp_path) -> Path:
    shutil.copytree(original, tmp_path / "run")
    return tmp_path / "run"


def everything(path: Path) -> tuple:
    return read_run(path).record, read_run(path).codec, read_files(path, "latest"), read_files(path, "best")


def forge(path: Path, name: str, data: bytes) -> None:
    """Puts other bytes into step 30 with a manifest that says they are right."""
    folder = path / "steps" / "000030"
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


STEP = "steps/000030"
READ = ["run.json", "codec.json"] + [
    f"{STEP}/{name}" for name in ("model.safetensors", "training.safetensors", "training.json", "manifest.json")
]


@pytest.mark.parametrize("name", READ)
def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing(run, name) -> None:
    file = run / name
    whole = file.read_bytes()
    before = everything(run)
    chance = random.Random(name)
    refused, said = 0, set()
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
        try:
            assert repr(everything(run)) == repr(before)
        except Refusal as error:
            refused += 1
            said.add(str(error).replace(str(run), ""))
    assert refused > 0.95 * len(whole)
    assert all(name.removesuffix("/manifest.json") in sentence for sentence in said if name != "codec.json")


@pytest.mark.parametrize("name", READ)
def test_a_file_that_lost_its_end_is_refused(run, name) -> None:
    whole = (run / name).read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 2):
        (run / name).write_bytes(whole[:length])
        with pytest.raises(Refusal, match=name.rsplit("/", 1)[-1].replace(".", r"\.")):
            everything(run)
        assert verify(run).state == ("repairable" if "/" in name else "damaged")
    (run / name).unlink()
    with pytest.raises(Refusal):
        everything(run)


def test_the_last_byte_alone_is_missed(run) -> None:
    model = run / STEP / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(
        Refusal, match=r"model\.safetensors is damaged: it has \d+ bytes, by its manifest \d+ were written"
    ):
        read_step(run, "latest")


@pytest.mark.parametrize(
    "content",
    [b"../../etc\n", b"/etc/passwd\n", b"..\n", b"000030/../000010\n", b"", b"\n", b"30\n", b"0000030\n", b"000030-1\n",
     b"000030 \n", b"000030\n\n", b"000030\r\n", b"000030\x00\n", "٠٠٠٠٣٠\n".encode(), b"\xff\xfe\n", b"0" * 65, b"9" * 13],
)  # fmt: skip
def test_a_pointer_that_is_no_step_is_refused_and_set_right_by_a_resume(run, content) -> None:
    (run / "latest").write_bytes(content)
    with pytest.raises(Refusal, match="latest"):
        read_step(run, "latest")
    verdict = verify(run)
    assert (verdict.state, verdict.resumes) == ("repairable", "000030")
    with claim(run).begin() as writer:
        assert writer.latest == "000030"
        assert "going on from step 30" in writer.notes[0]
        assert len(writer.notes) == 1
    assert verify(run).state == "whole"
    assert read_step(run, "best").number == 20


def test_names_of_steps_and_pointers_have_one_spelling() -> None:
    for name in (StepName(0, 1), StepName(123, 1), StepName(123, 2), StepName(10**11, 9999), StepName(999999, 12)):
        assert step_name(str(name)) == name
    wrong = (
        "12345",
        "0000123",
        "000123-1",
        "000123-02",
        "000123-0",
        "000123\n",
        " 000123",
        "1" * 13,
        "000123-10000",
        "",
    )
    assert not [text for text in wrong if step_name(text)]
    assert all(map(is_pointer, ("latest", "best", "best-bleu", "best-f1.macro", "best-word_error-rate")))
    assert not [
        text
        for text in ("best-", "Latest", "best-a/b", "best-..", "best-a..b", "latest\n", "best-" + "a" * 99)
        if is_pointer(text)
    ]


@pytest.mark.parametrize(
    "name", ["steps/000030/model.safetensors", "steps/000030", "steps", "latest", "codec.json", "run.json"]
)
def test_a_link_is_not_followed_wherever_it_stands(run, tmp_path, name) -> None:
    outside = tmp_path / "outside"
    (run / name).rename(outside)
    (run / name).symlink_to(outside)
    with pytest.raises(Refusal, match="link, which could lead outside"):
        everything(run)
    before = sorted(tmp_path.rglob("*"))
    verify(run)
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_swept_where_a_link_leads(run, tmp_path) -> None:
    outside = tmp_path / "outside"
    (run / "steps").rename(outside)
    (outside / ".tmp-precious").mkdir()
    (run / "steps").symlink_to(outside)
    with pytest.raises(Refusal, match="link"):
        claim(run).begin()
    assert (outside / ".tmp-precious").is_dir()


@pytest.mark.parametrize("name", ["metrics.jsonl", ".lock"])
def test_nothing_is_written_where_a_link_or_a_pipe_leads(run, tmp_path, name) -> None:
    (tmp_path / "outside").write_bytes(b"untouched")
    for make in (lambda: (run / name).symlink_to(tmp_path / "outside"), lambda: os.mkfifo(run / name)):
        (run / name).unlink()
        make()
        with pytest.raises(Refusal):
            claim(run).begin()
    assert (tmp_path / "outside").read_bytes() == b"untouched"


@pytest.mark.parametrize("name", ["steps/000030/model.safetensors", "latest", "run.json"])
def test_a_pipe_is_refused_and_not_waited_for(run, name) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    with pytest.raises(Refusal, match="not a plain file"):
        everything(run)


def test_a_run_may_itself_be_reached_through_a_link(run, tmp_path) -> None:
    (tmp_path / "alias").symlink_to(run)
    assert read_step(tmp_path / "alias", "latest").number == 30
    with claim(tmp_path / "alias").begin() as writer:
        assert writer.latest == "000030"


@pytest.mark.parametrize("name", ["run.json", "steps/000030/manifest.json"])
@pytest.mark.parametrize(
    ("number", "sentence"),
    [(2, "made by a newer version: its format is 2, this one reads 1"), (0, "format 0, 1 is wanted"), (True, "true or false"),
     (1.0, "a number for \"format\""), ("1", "text for"), (10**400, "newer")],
)  # fmt: skip
def test_another_format_is_refused(run, name, number, sentence) -> None:
    table = json.loads((run / name).read_text())
    (run / name).write_text(json.dumps(table | {"format": number}))
    with pytest.raises(Refusal, match=sentence):
        everything(run)


def test_a_record_changed_by_hand_is_noticed(run) -> None:
    (run / "run.json").write_text((run / "run.json").read_text().replace('"model.width": 8', '"model.width": 9'))
    with pytest.raises(Refusal, match="was changed after it was written"):
        read_run(run)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"step": 20}, "is of step 20, 30 is wanted"),
        ({"files": {}}, "wanted are"),
        ({"files": {"../run.json": {}}}, "wanted are"),
        ({"files": []}, "a list for"),
        (
            {"files": {name: {"bytes": -1, "sha256": ""} for name in FILES}},
            "from 0 up",
        ),
    ],
)
def test_a_manifest_lists_the_files_of_its_step_and_no_others(run, change, sentence) -> None:
    manifest = run / STEP / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(Refusal, match=sentence):
        read_step(run, "latest")


def test_steps_are_found_by_pointer_by_number_and_by_name(run) -> None:
    assert [read_step(run, name).number for name in ("best", "latest", "best-f1", "20", "000030")] == [
        20,
        30,
        20,
        20,
        30,
    ]
    (run / "best").unlink()
    assert read_step(run, "best").number == 30, "best is the latest where none was ever best"
    for name in ("10", "best-bleu", "999", "../run", "000030/", "", "0" * 5000, "٣٠"):
        with pytest.raises(Missing, match="it has best-f1, latest, 20, 30"):
            read_step(run, name)
    with create(run.parent / "new", RECORD, {}), pytest.raises(Refusal, match="holds no saved step yet"):
        read_step(run.parent / "new")


def test_a_pointer_that_moves_on_is_followed_and_one_that_stays_is_not_asked_twice(run) -> None:
    asked = []

    def read(step):
        asked.append(step.number)
        if step.number != 20:
            (run / "latest").write_text("000020\n")
            raise Refusal("gone")
        return step.number

    assert following(run, "latest", read) == 20
    assert asked == [30, 20]
    with pytest.raises(Refusal, match="gone"):
        following(run, "30", read)
    assert asked == [30, 20, 30]


def test_shapes_are_compared_before_anything_of_their_size_is_read(run) -> None:
    header = b'{"w":{"dtype":"F32","shape":[2,1073741824],"data_offsets":[0,8589934592]}}'
    model = run / STEP / "model.safetensors"
    manifest = json.loads((run / STEP / "manifest.json").read_text())
    with model.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 2**33)
    manifest["files"]["model.safetensors"]["bytes"] = model.stat().st_size
    (run / STEP / "manifest.json").write_text(json.dumps(manifest))
    assert read_shapes(run, "latest") == {"w": (2, 2**30)}
    with pytest.raises(Refusal, match=r'has \[2, 1073741824\] for "w" where the settings say \[2, 3\]'):
        read_step(run, "latest", shapes={"w": (2, 3)})


def test_types_and_what_resuming_needs_are_compared_too(run) -> None:
    rest = {"m": Form("F64", (2,))}
    assert read_step(run, "latest", shapes={"w": (2, 3)}, training=rest).training["m"].tolist() == [1, 1]
    for wanted in ({"m": Form("F32", (2,))}, {"m": Form("F64", (3,))}, {}, rest | {"n": Form("F64", ())}):
        with pytest.raises(Refusal, match=r"training\.safetensors (has|lacks) ") as caught:
            read_step(run, "latest", training=wanted)
        assert str(run / STEP) in str(caught.value)
    forge(run, "model.safetensors", to_bytes({"w": np.ones((2, 3), "f8")}, finite=True, where="w"))
    with pytest.raises(Refusal, match='has F64 for "w" where the settings say F32'):
        read_step(run, "latest", shapes={"w": (2, 3)})
    body = (run / STEP / "training.safetensors").read_bytes()
    (run / STEP / "training.safetensors").write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    with pytest.raises(Refusal, match="lacks"):  # the header comes first, the damage behind it later
        read_step(run, "latest", training=rest | {"n": Form("F64", ())})


def test_a_step_is_read_once_for_all_that_lead_to_it(run, monkeypatch) -> None:
    read: list[StepName] = []
    check = repair.check_step
    monkeypatch.setattr(repair, "check_step", lambda path, step: (read.append(step), check(path, step)))
    for name in ("best", "best-f1", "best-bleu"):
        (run / name).write_text("000030\n")
    assert set(survey(run).pointers.values()) == {StepName(30, 1)}
    assert sorted(read) == step_names(run)
    (run / STEP / "training.json").write_text("{}")
    read.clear()
    found = survey(run)
    assert found.pointers == dict.fromkeys(("best", "best-bleu", "best-f1", "latest"))
    assert found.resumed == StepName(20, 1)
    assert len(set(found.faults.values())) == 1
    assert sorted(read) == step_names(run)


def test_shapes_that_differ_are_named() -> None:
    wanted = {"a": Form("F32", (1, 2)), "b": Form("F32", (3,))}
    check_shapes(wanted, dict(wanted))
    with pytest.raises(
        Refusal, match=r'm lacks "b", has "c", which the settings do not know, has \[2, 1\] for "a" where'
    ):
        check_shapes({"a": Form("F32", (2, 1)), "c": Form("F32", ())}, wanted, "m")
    with pytest.raises(Refusal, match="and 7 more differences"):
        check_shapes({}, {str(name): Form("F32", ()) for name in range(10)})
    with pytest.raises(Refusal, match=r'^m has F64 for "a" where the settings say F32$'):
        check_shapes(wanted | {"a": Form("F64", (1, 2))}, wanted, "m")


def test_weights_that_are_nan_are_refused_even_where_the_manifest_is_right(run) -> None:
    model = (run / STEP / "model.safetensors").read_bytes()
    forge(run, "model.safetensors", model[:-4] + np.float32("nan").tobytes())
    with pytest.raises(Refusal, match='holds NaN in "w"'):
        read_step(run, "latest")


@pytest.mark.parametrize("name", ["run.json", "codec.json", "latest", "steps/000030/manifest.json"])
def test_a_file_beyond_its_limit_is_not_read(run, name) -> None:
    limit = LIMITS.get(name.rsplit("/", 1)[-1], LIMITS["pointer"])
    with (run / name).open("r+b") as file:
        file.truncate(limit + 1)
    with pytest.raises(Refusal, match=f"more than the {limit}"):
        everything(run)


def test_the_verdict_names_what_is_wrong_and_what_would_be_gone_on_from(run) -> None:
    assert verify(run).sentences == ()
    assert [(step.name, step.pointers) for step in verify(run).steps] == [
        ("000020", ("best", "best-f1")),
        ("000030", ("latest",)),
    ]
    (run / STEP / "training.json").write_bytes(b"{}")
    verdict = verify(run)
    assert (verdict.state, verdict.resumes) == ("repairable", "000020")
    assert len(verdict.sentences) == 1
    assert "training.json is damaged" in verdict.sentences[0]
    assert [step.fault is None for step in verdict.steps] == [True, False]
    shutil.rmtree(run / "steps" / "000020")
    assert (verify(run).state, verify(run).resumes) == ("damaged", None)


def test_remarks_are_not_faults(run) -> None:
    (run / "steps" / ".tmp-1").mkdir()
    (run / "steps" / "damaged-000001").mkdir()
    with (run / "metrics.jsonl").open("ab") as log:
        log.write(b'{"st')
    verdict = verify(run)
    assert verdict.state == "whole"
    assert len(verdict.sentences) == 3
    with (run / "metrics.jsonl").open("ab") as log:
        log.write(b"\n")
    assert verify(run).state == "repairable"
    claim(run).begin().close()
    assert verify(run).sentences == (f"{run / 'steps' / 'damaged-000001'} was set aside as damaged",)


def test_a_damaged_latest_is_set_aside_and_the_log_cut_to_the_step_before(run) -> None:
    (run / STEP / "model.safetensors").write_bytes(b"")
    with claim(run).begin() as writer:
        assert writer.latest == "000020"
        assert writer.notes == (
            "step 30 is damaged (model.safetensors: it has 0 bytes, by its manifest 96 were written): "
            "set aside as damaged-000030; going on from step 20",
            f"dropped from {run / 'metrics.jsonl'}: 1 line of steps after 20, which are trained anew",
        )
    assert sorted(os.listdir(run / "steps")) == ["000020", "damaged-000030"]
    assert [line["step"] for line in read_log(run)] == [10, 20]
    with claim(run).begin() as writer:
        assert writer.notes == ()
        shutil.copytree(run / "steps/000020", run / STEP)
        (run / "latest").write_text("000030\n")
    claim(run).begin().close()
    assert sorted(os.listdir(run / "steps")) == ["000020", "damaged-000030", "damaged-000030.2"]


def test_a_best_that_is_damaged_is_forgotten_and_said(run) -> None:
    (run / "steps" / "000020" / "model.safetensors").write_bytes(b"")
    with claim(run).begin() as writer:
        assert writer.latest == "000030"
        assert writer.notes == (
            "step 20 is damaged (model.safetensors: it has 0 bytes, by its manifest 96 were written): "
            "set aside as damaged-000020; best, best-f1 are forgotten until a step is better again",
        )
    assert read_step(run, "best").number == 30
    assert verify(run).state == "whole"
    assert not (run / "best-f1").exists()


def test_one_bad_step_with_many_pointers_is_said_once(run) -> None:
    for name in ("best", "best-f1", "best-bleu"):
        (run / name).write_text("000030\n")
    (run / STEP / "manifest.json").unlink()
    with claim(run).begin() as writer:
        (note,) = (note for note in writer.notes if "metrics" not in note)
    assert note == (
        "step 30 is damaged (manifest.json is not there): set aside as damaged-000030; "
        "best leads to step 20 again; best-f1 leads to step 20 again; "
        "best-bleu is forgotten until a step is better again; going on from step 20"
    )


def test_a_run_without_its_latest_says_from_where_it_goes_on(run) -> None:
    (run / "latest").unlink()
    with claim(run).begin() as writer:
        assert writer.notes == (f"{run / 'latest'} is not there; going on from step 30, the newest that is whole",)
        assert writer.latest == "000030"


def test_a_claim_changes_nothing_until_it_begins(run) -> None:
    (run / STEP / "model.safetensors").write_bytes(b"")
    (run / "best-f1").write_text("nowhere\n")
    (run / "steps" / ".tmp-1").mkdir()
    before = picture(run)
    held = claim(run)
    assert held.resumed == StepName(20, 1)
    with pytest.raises(Busy):
        claim(run)
    held.release()
    held.release()
    assert picture(run) == before
    claim(run).begin().close()
    assert verify(run).state == "whole"
    assert picture(run) != before


def picture(run: Path) -> dict[str, bytes | None]:
    """All that lies in a run but the file that says who trains it."""
    found = {path: path.read_bytes() if path.is_file() else None for path in sorted(run.rglob("*"))}
    return {str(path): data for path, data in found.items() if path.name != ".lock"}


def test_where_no_step_is_whole_nothing_is_changed(run) -> None:
    for step in step_names(run):
        (run / "steps" / str(step) / "manifest.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(Refusal, match=r"has no whole step to go on from .*begin another run"):
        claim(run).begin()
    assert {
        path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file() and path.name != ".lock"
    } == before
    assert verify(run).state == "damaged"
    assert survey(run).resumed is None


def test_what_is_being_written_is_told_by_its_number(run) -> None:
    for number, said in ((1, "1 file or folder is being written"), (2, "2 files or folders are being written")):
        (run / f"{PASSING}{number}").mkdir()
        verdict = verify(run)
        assert verdict.state == "whole"
        assert any(sentence.startswith(said) for sentence in verdict.sentences)
