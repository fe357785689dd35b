"""Bad data files and bad run directories through the command: exit code 2, one sentence, the disk as it was."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command.drill import TINY, picture, refused, sentence, typed
from refusals import test_data_files, test_run_directories

from melisma.runs.read import seal

SMALL = [word for word in TINY if not word.startswith("data.")]

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "name with NUL": ("zero character",),
    "empty name": ("each side with a name",),
    "three files": ("has 3 files", "source and target"),
}
"""Cases that the settings find out before any file is looked for."""


def joined(corpus: list[str]) -> str:
    return ",".join(path.replace(",", "\\,") for path in corpus)


@pytest.mark.parametrize(
    ("name", "make", "words"), test_data_files.CASES, ids=[case[0] for case in test_data_files.CASES]
)
def test_each_data_file_is_refused_by_the_verbs_that_read_it(tiny, tmp_path, name, make, words) -> None:
    data, run = joined(make(tmp_path)), tmp_path / "run"
    before = picture(tmp_path)
    train = ("train", "translate", str(run), f"data.train={data}", *SMALL, "data.valid_size=0", "training.steps=1")
    if words is None:
        said = typed(*train)
        assert said.code == 0, said.err
        return
    said = refused(*train)
    assert [part for part in ELSEWHERE.get(name, words) if part not in said] == [], said
    assert picture(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "make", "words"), test_data_files.CASES[::3], ids=[case[0] for case in test_data_files.CASES[::3]]
)
def test_what_is_measured_on_is_read_as_what_is_trained_on(tiny, tmp_path, name, make, words) -> None:
    evaluate = ("evaluate", "tiny", f"data={joined(make(tmp_path))}", "beam=1", "maximum=1")
    if words is None:
        assert typed(*evaluate).code == 0
        return
    before = picture(tmp_path)
    said = refused(*evaluate)
    assert [part for part in ELSEWHERE.get(name, words) if part not in said] == [], said
    assert picture(tmp_path) == before


def test_bad_validation_data_is_refused_too(here) -> None:
    (here / "v.en").write_text("one\ntwo\n")
    (here / "v.de").write_text("eins\n")
    before = picture(here)
    assert "v.en has 2 lines and v.de has 1 line" in refused(
        "train", "translate", "run", "data.train=a.en,a.de", "data.valid=v.en,v.de"
    )
    assert picture(here) == before


NAMES = [case[0] for case in test_run_directories.test_a_name_that_no_run_can_have.pytestmark[0].args[1]]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_run_can_have_is_refused_by_every_verb(tmp_path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    refused("train", "translate", name, "data.train=a.en,a.de")
    if name not in (".", "a/.."):
        for verb in (("predict",), ("show",), ("resume",), ("evaluate", "data=a.en,a.de")):
            refused(verb[0], name, *verb[1:])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/proc/self/mem", "/dev/zero", "/dev/null/run", "/proc/run", "none", ".", "..", "/"])
def test_what_is_no_run_is_refused_by_every_verb(tmp_path, monkeypatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in (("predict", "x"), ("show",), ("resume",), ("evaluate", "data=a,b"), ("look", "x")):
        words = (verb[0], "attention", path, *verb[1:]) if verb[0] == "look" else (verb[0], path, *verb[1:])
        refused(*words)
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_is_not_opened_by_any_verb(tmp_path, monkeypatch) -> None:
    class Canary:
        def __reduce__(self) -> Any:
            return (os.mkdir, (str(tmp_path / "canary"),))

    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Canary()))
    before = picture(tmp_path)
    for verb in ("predict", "show", "resume"):
        assert "pickles are not opened" in refused(verb, "model.pt")
    assert "model.pt is a file" in refused("train", "translate", "model.pt", "data.train=a.en,a.de")
    assert picture(tmp_path) == before


# --- run directories that were damaged, or made by somebody with bad intent


def step(run: Path) -> Path:
    return run / "steps" / "000012"


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def forge(run: Path, change: Callable[[bytes], bytes], name: str = "model.safetensors") -> None:
    """Changes a file of the latest step, and its manifest with it."""
    edit(step(run) / name, change)
    data = (step(run) / name).read_bytes()
    manifest = json.loads((step(run) / "manifest.json").read_text())
    manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (step(run) / "manifest.json").write_text(json.dumps(manifest))


def rewrite(run: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes ``run.json`` as somebody would who knows how it is sealed."""
    told = json.loads((run / "run.json").read_text())
    change(told)
    (run / "run.json").write_text(json.dumps(seal(told, (run / "codec.json").read_bytes())))


def recode(run: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes ``codec.json``, and seals it again."""
    told = json.loads((run / "codec.json").read_text())
    change(told)
    (run / "codec.json").write_text(json.dumps(told))
    rewrite(run, lambda record: None)


def header(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        length = struct.unpack("<Q", data[:8])[0]
        told = json.loads(data[8 : 8 + length])
        change(told)
        written = json.dumps(told).encode()
        return struct.pack("<Q", len(written)) + written + data[8 + length :]

    return changed


def set_in(*names: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        for name in names[:-1]:
            told = told[name]
        told[names[-1]] = to

    return change


def linked(run: Path) -> None:
    (step(run) / "model.safetensors").unlink()
    (step(run) / "model.safetensors").symlink_to("/etc/passwd")


def nan(data: bytes) -> bytes:
    return data[:-4] + struct.pack("<f", float("nan"))


HUGE = [["embed_source.weight", [2**40, 2**40]]]

DAMAGES: list[tuple[str, Callable[[Path], object], tuple[str, ...]]] = [
    # 44: a pointer that leads astray
    ("best leads out", lambda run: (run / "best").write_text("../..\n"), ("best holds", "a step such as")),
    ("best leads nowhere", lambda run: (run / "best").write_text("000099\n"), ("000099", "is not there")),
    # 45: weights that are not what was written
    ("a byte less", lambda run: edit(step(run) / "model.safetensors", lambda data: data[:-1]), ("damaged", "bytes")),
    (
        "a bit flipped",
        lambda run: edit(step(run) / "model.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        ("damaged", "SHA-256"),
    ),
    ("no weights", lambda run: (step(run) / "model.safetensors").unlink(), ("model.safetensors is not there",)),
    ("no manifest", lambda run: (step(run) / "manifest.json").unlink(), ("manifest.json is not there",)),
    # 46: weights that were forged
    ("header of 2^63 - 1", lambda run: forge(run, lambda data: struct.pack("<Q", 2**63 - 1) + data[8:]), ("header",)),
    ("header of 0", lambda run: forge(run, lambda data: bytes(8) + data[8:]), ("header",)),
    ("header not JSON", lambda run: forge(run, lambda data: data[:8] + b"!" + data[9:]), ("header",)),
    ("unknown type", lambda run: forge(run, header(set_in("combine", "dtype", to="F7"))), ("F7",)),
    ("shape overflows", lambda run: forge(run, header(set_in("combine", "shape", to=[2**40] * 2))), ("combine",)),
    ("overlap", lambda run: forge(run, header(set_in("combine", "data_offsets", to=[0, 1024]))), ("combine",)),
    ("tensor missing", lambda run: forge(run, header(lambda told: told.pop("combine"))), ("model.safetensors",)),
    ("NaN", lambda run: forge(run, nan), ("no finite", "NaN")[1:]),
    # 47: a pickle in the place of the weights
    ("pickle", lambda run: forge(run, lambda data: pickle.dumps({})), ("model.safetensors",)),
    # 48: settings of another size than the weights
    (
        "a billion units",
        lambda run: rewrite(run, set_in("settings", "model", "hidden", to=10**9)),
        ("model.hidden", "1 to 16384"),
    ),
    (
        "other units",
        lambda run: rewrite(run, set_in("settings", "model", "hidden", to=16384)),
        ("model.safetensors", "16384"),
    ),
    ("unknown setting", lambda run: rewrite(run, set_in("settings", "model", "wings", to=8)), ("model.wings",)),
    ("settings of another kind", lambda run: rewrite(run, set_in("settings", "model", to=[1])), ("model",)),
    ("unknown task", lambda run: rewrite(run, set_in("task", to="sing")), ("no task 'sing'",)),
    # 49: a codec that does not fit
    ("symbol twice", lambda run: recode(run, set_in("source", "vocabulary", "pieces", to=["ü", "ü"])), ("vocabulary",)),
    ("symbols missing", lambda run: recode(run, set_in("source", "vocabulary", "pieces", to=[])), ("vocabulary",)),
    ("unknown unit", lambda run: recode(run, set_in("source", "unit", to="chords")), ("chords",)),
    ("no unit", lambda run: recode(run, lambda told: told.clear()), ("codec.json",)),
    ("codec changed", lambda run: edit(run / "codec.json", lambda data: data + b" "), ("codec.json is damaged",)),
    ("record changed", lambda run: edit(run / "run.json", lambda data: data.replace(b"16", b"17")), ("run.json",)),
    ("record empty", lambda run: (run / "run.json").write_bytes(b""), ("run.json",)),
    (
        "newer",
        lambda run: edit(run / "run.json", lambda data: data.replace(b'"format": 1', b'"format": 2')),
        ("newer",),
    ),
    # 53: links
    ("link to a file elsewhere", linked, ("link", "outside")),
]


@pytest.fixture
def run(tiny, tmp_path) -> Path:
    """A run that may be damaged, beside its data."""
    shutil.copytree(tiny, tmp_path / "all")
    return tmp_path / "all" / "tiny"


@pytest.mark.parametrize(("damage", "parts"), [case[1:] for case in DAMAGES], ids=[case[0] for case in DAMAGES])
def test_a_damaged_run_is_refused_shown_and_set_right_or_left_alone(run, damage, parts) -> None:
    damage(run)
    before = picture(run)
    said = refused("predict", str(run), "one")
    assert [part for part in parts if part not in said] == [], said
    assert "Traceback" not in said
    shown = typed("show", str(run))
    assert shown.code in (0, 1)
    assert picture(run) == before
    resumed = typed("resume", str(run), "training.steps=14")
    if resumed.code == 0:
        assert typed("predict", str(run), "one").code == 0
        assert typed("show", str(run)).code == 0
    else:
        assert resumed.code == 2
        assert picture(run) == before
        sentence(resumed.err)


def test_a_latest_that_leads_astray_is_set_right_by_resume(run) -> None:
    for content in ("../..", "000099", "latest", "\x00", "x" * 1000):
        (run / "latest").write_text(content + "\n")
        assert typed("predict", str(run), "one").code == 0
        said = typed("show", str(run))
        assert said.code == 0
        assert "repairable" in said.out
        said = typed("resume", str(run), "training.steps=13")
        assert said.code == 0, said.err
        assert "going on from step" in said.err
        assert (run / "latest").read_text() == "000013\n"


@pytest.mark.parametrize("value", [[], "x", 5, None, {"a": {}}, {"a": [1]}, {"x" * 500: None}, 1e300])
def test_a_record_of_strange_kinds_is_shown_without_a_word_of_python(run, value: Any) -> None:
    for name in ("data", "pairs", "versions", "machine", "steps", "parameters", "began"):
        rewrite(run, set_in(name, to=value))
        assert typed("show", str(run)).code == 0
    assert typed("evaluate", str(run), f"data={run.parent}/a.en,{run.parent}/a.de", "beam=1").code == 0
    said = typed("resume", str(run), "training.steps=13")
    assert said.code in (0, 2), said.err


@pytest.mark.parametrize("name", ["learner", "course"])
@pytest.mark.parametrize("value", [[], "x", 5, None, {}, {"step": "x"}])
def test_a_state_of_strange_kinds_is_not_resumed(run, name: str, value: Any) -> None:
    def change(data: bytes) -> bytes:
        return json.dumps(json.loads(data) | {name: value}).encode()

    forge(run, change, "training.json")
    before = picture(run)
    for words in (("training.steps=13",), *([()] if name == "course" else [])):
        assert "000012" in refused("resume", str(run), *words)
    assert picture(run) == before


def test_a_run_of_other_versions_and_machines_answers_the_same(run, tiny) -> None:
    rewrite(run, set_in("versions", to={"torch": "99.9", "melisma": "7"}))
    rewrite(run, set_in("machine", to={"processor": "another", "threads": 512}))
    assert typed("predict", str(run), "one", "two").out == typed("predict", "tiny", "one", "two").out
