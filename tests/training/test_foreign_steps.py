"""What a resumed training believes of the run it is given: what a training here writes, and nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command.drill import TINY, trained
from safetensors.torch import load_file, save_file

import melisma
from melisma.api import elsewhere as compared
from melisma.api.saved import ADDED
from melisma.api.train import machine, versions
from melisma.errors import Refusal
from melisma.runs.read import read_run, seal

STEP = Path("steps/000012")
MORE = {"training.steps": 14}


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """A run of twelve steps, to be spoiled, and its data beside it."""
    source = trained(tmp_path_factory.mktemp("tiny"))
    shutil.copytree(source, tmp_path / "copy")
    return tmp_path / "copy" / "tiny"


def resumed(run: Path, **settings: Any) -> list[Any]:
    before = torch.get_num_threads()
    try:
        return list(melisma.resume(run, settings or MORE))
    finally:
        torch.set_num_threads(before)


def said(run: Path, *layers: dict[str, Any]) -> str:
    with pytest.raises(Refusal) as caught:
        list(melisma.resume(run, *(layers or (MORE,))))
    assert str(caught.value).isprintable()
    return str(caught.value)


def vouched(run: Path, name: str) -> None:
    """The manifest says that the file is right as it is."""
    data = (run / STEP / name).read_bytes()
    manifest = json.loads((run / STEP / "manifest.json").read_text())
    manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (run / STEP / "manifest.json").write_text(json.dumps(manifest))


def tensors(run: Path, change: Callable[[dict[str, torch.Tensor]], object], name: str = "training.safetensors") -> None:
    held = load_file(run / STEP / name)
    change(held)
    save_file(held, run / STEP / name)
    vouched(run, name)


def first(held: dict[str, torch.Tensor], ending: str) -> str:
    return min(
        name
        for name in held
        if (name.endswith(ending) and held[name].numel() > 1) or (name.endswith(".step") and ending == ".step")
    )


def replaced(ending: str, by: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[dict[str, torch.Tensor]], object]:
    def change(held: dict[str, torch.Tensor]) -> None:
        name = first(held, ending)
        held[name] = by(held[name]).contiguous()

    return change


SPOILED: dict[str, tuple[Callable[[dict[str, torch.Tensor]], object], str]] = {
    "a moment too small": (replaced(".exp_avg", lambda held: held.flatten()[:1]), r'has \[1\] for "optimizer\.'),
    "a moment too large": (
        replaced(".exp_avg_sq", lambda held: torch.zeros(3, 999)),
        r'has \[3, 999\] for "optimizer\.',
    ),
    "a moment too exact": (replaced(".exp_avg", lambda held: held.double()), r'has F64 for "optimizer\.'),
    "a count of steps that is a list": (replaced(".step", lambda held: torch.ones(3)), r'has \[3\] for "optimizer\.'),
    "weights to be broadcast": (replaced("weight", lambda held: torch.ones(1, 1)), r'has \[1, 1\] for "weights\.'),
    "no moment": (lambda held: held.pop(first(held, ".exp_avg")), r'lacks "optimizer\.'),
    "no optimizer": (
        lambda held: [held.pop(name) for name in list(held) if name[0] == "o"],
        "lacks .*more differences",
    ),
    "no weight": (lambda held: held.pop(first(held, "weight")), r'lacks "weights\.'),
    "another optimizer": (lambda held: held.update({"optimizer.0.momentum_buffer": torch.ones(2)}), "do not know"),
    "a weight that is no number's": (lambda held: held.update({"optimizer.x.step": torch.ones(())}), "do not know"),
    "a state from nowhere": (lambda held: held.update({"carry.0": torch.ones(2)}), "do not know"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_what_resuming_needs_has_the_names_types_and_shapes_that_the_settings_say(run: Path, what: str) -> None:
    change, sentence = SPOILED[what]
    tensors(run, change)
    told = said(run)
    assert "training.safetensors" in told
    with pytest.raises(Refusal, match=sentence):
        raise Refusal(told)


@pytest.mark.parametrize("kind", [torch.float64, torch.int64, torch.float16])
def test_weights_are_of_the_type_that_was_written(run: Path, kind: torch.dtype) -> None:
    tensors(run, replaced("weight", lambda held: held.to(kind)), "model.safetensors")
    assert "where the settings say F32" in said(run)
    with pytest.raises(Refusal, match="where the settings say F32"):
        melisma.load(run, "latest")


COURSE = [
    ("steps", "12"), ("steps", -1), ("steps", 1.5), ("steps", True), ("asked", []), ("best", {"loss": "low"}),
    ("best", {"loss": 1}), ("held", {"loss": None}), ("held", []), ("waited", -1), ("waited", False), ("waited", 10**30),
    ("validated", "x"), ("validated", 13), ("nats", {"symbols": {}}), ("nats", {"other": 1.0}), ("counts", {"symbols": 1.5}),
    ("counts", {"symbols": -1}), ("counts", {"\x1b": 10**400}), ("seconds", -1.0), ("seconds", 1), ("done", 1), ("done", None),
    ("more", 1), ("best_losses", {"loss": 1}), ("held_losses", []),
]  # fmt: skip
LEARNER = [
    ("step", 11), ("step", 12.0), ("step", True), ("step", None), ("epoch", -1), ("epoch", "0"), ("epoch", 13), ("epoch", 1.0),
    ("taken", -1), ("taken", 12), ("taken", 10**30), ("taken", None), ("reductions", -1), ("reductions", 13), ("reductions", {}),
]  # fmt: skip


def state(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    told = json.loads((run / STEP / "training.json").read_text())
    change(told)
    (run / STEP / "training.json").write_text(json.dumps(told))
    vouched(run, "training.json")


@pytest.mark.parametrize(
    ("group", "name", "value"), [("course", *one) for one in COURSE] + [("learner", *one) for one in LEARNER]
)
def test_where_a_training_stands_is_believed_only_where_it_can_be_so(
    run: Path, group: str, name: str, value: object
) -> None:
    state(run, lambda told: told[group].update({name: value}))
    assert name in said(run)


def test_a_step_from_before_ties_were_settled_goes_on(run: Path) -> None:
    def without(told: dict[str, Any]) -> None:
        for name in ADDED:
            del told["course"][name]

    state(run, without)
    assert resumed(run)[-1].step == 14


def test_a_loss_that_the_task_does_not_have_is_not_counted_on(run: Path) -> None:
    state(run, lambda told: told["course"].update(nats={"other": 1.0}, counts={"other": 1}))
    assert "the loss 'other'" in said(run)


@pytest.mark.parametrize("group", ["course", "learner"])
@pytest.mark.parametrize("value", [None, [], 3, {}])
def test_and_only_where_it_is_all_there(run: Path, group: str, value: object) -> None:
    state(run, lambda told: told.update({group: value}))
    assert group in said(run)


def test_what_was_not_spoiled_goes_on(run: Path) -> None:
    tensors(run, lambda held: None)
    state(run, lambda told: None)
    found = resumed(run)
    assert found[-1].step == 14
    assert not [progress.text for progress in found if "not to the same bits" in progress.text]


def rewritten(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """run.json otherwise, and with a SHA-256 that is right for it."""
    told = json.loads((run / "run.json").read_text())
    change(told)
    (run / "run.json").write_text(json.dumps(seal(told, (run / "codec.json").read_bytes())))


@pytest.mark.parametrize("name", ["train", "valid"])
def test_no_absolute_path_is_taken_from_a_run(run: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)
    paths = [str(run.parent / "b.en"), str(run.parent / "b.de")]
    rewritten(run, lambda told: told["settings"]["data"].update({name: [paths]}))
    assert f"data.{name} in its run.json is the absolute path {paths[0]}" in said(run)
    assert f"data.{name}=…" in said(run)
    if name == "train":
        assert resumed(run, data={"train": "a.en,a.de"}, **MORE)[-1].step == 14


def test_a_setting_changed_later_leaves_what_minutes_came_to(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent)
    given = dict(word.split("=") for word in TINY) | {"data.train": "a.en,a.de", "training.minutes": "0.01"}
    list(melisma.train("translate", tmp_path / "timed", given))
    steps = read_run(tmp_path / "timed").record["steps"]
    assert type(steps) is int
    for change, wanted in (({"training.rate": 0.001}, steps), ({"training.steps": steps + 2}, steps + 2)):
        list(melisma.resume(tmp_path / "timed", change))
        assert read_run(tmp_path / "timed").record["steps"] == wanted


def test_where_the_bits_will_differ_it_is_said(run: Path) -> None:
    assert read_run(run).record["machine"]["device"] == "cpu"
    rewritten(run, lambda told: told["machine"].update(threads=7))
    rewritten(run, lambda told: told["versions"].update(torch="0.1\x1b[31m", safetensors="0"))
    notes = [progress.text for progress in resumed(run) if progress.kind == "note"]
    assert notes[0].startswith("this machine has 1 thread, the training began with 7; torch here is '")
    assert notes[0].endswith("began with '0.1\\x1b[31m': it goes on, but not to the same bits")


def test_only_what_the_bits_depend_on_is_compared() -> None:
    here, ran = machine() | {"device": "cpu", "gpu": None}, versions()
    assert compared.elsewhere({"machine": here, "versions": ran}, here, ran) == []
    assert compared.elsewhere({}, here, ran) == []
    assert compared.elsewhere({"machine": here | {"gpu": "any", "system": "?"}, "versions": []}, here, ran) == []
    for name in ("threads", "processor", "capability", "device"):
        assert len(compared.elsewhere({"machine": here | {name: "other"}}, here, ran)) == 1
    on_gpu = here | {"device": "cuda", "gpu": "One"}
    assert compared.elsewhere({"machine": on_gpu | {"threads": 99}}, on_gpu, ran) == []
    assert "the gpu here is 'One'" in compared.elsewhere({"machine": on_gpu | {"gpu": "Two"}}, on_gpu, ran)[0]


def test_a_run_keeps_two_steps_at_least(run: Path) -> None:
    assert "training.keep" in said(run, {"training.keep": 1})
    assert [progress.step for progress in resumed(run, **MORE, **{"training.keep": 2})][-1] == 14
