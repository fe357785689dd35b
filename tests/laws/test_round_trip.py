"""What is saved is what is loaded: the same bits of answers, the same settings, for every task there is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from laws.documented import call, speak

import melisma
from melisma.runs.read import read_run, read_step
from melisma.settings.read import build, plain
from melisma.tasks import SETTINGS, TASKS, settings_of, task

WORDS = ("red", "green", "blue", "fish", "bird", "tree", "sings", "swims", "grows", "the", "a", "我们", "чай")


def pairs(folder: Path) -> dict[str, object]:
    """Twenty made pairs for training and six for validation."""
    texts = [" ".join(WORDS[(n * k) % len(WORDS)] for k in range(1, 3 + n % 4)) for n in range(1, 27)]
    rows = [f"{text}\t{text[::-1]}" for text in texts]
    (folder / "train.tsv").write_text("\n".join(rows[:20]) + "\n", encoding="utf-8")
    (folder / "valid.tsv").write_text("\n".join(rows[20:]) + "\n", encoding="utf-8")
    small = {
        "model.embedding": 8,
        "model.hidden": 12,
        "model.encoder_hidden": 6,
        "text.unit": "characters",
        "text.least": 1,
    }
    return small | {"data.train": [str(folder / "train.tsv")], "data.valid": [str(folder / "valid.tsv")]}


def recordings(folder: Path) -> dict[str, object]:
    """Twelve made recordings for training and six for validation."""
    speak(folder)
    small = {"sound.bands": 8, "model.channels": 8, "model.hidden": 8, "model.layers": 1}
    return small | {"data.train": [str(folder / "train.jsonl")], "data.valid": [str(folder / "dev.jsonl")]}


def takes(folder: Path) -> dict[str, object]:
    """Six made takes of a trigger word, twelve of others, and noise."""
    call(folder)
    small = {"sound.bands": 8, "model.hidden": 8, "model.layers": 1, "training.scenes": 8}
    kinds = {"positive": "alexa", "negative": "other", "background": "noise"}
    return (
        small | {"training.batch_tokens": 800} | {f"data.{kind}": [str(folder / name)] for kind, name in kinds.items()}
    )


TINY: dict[str, tuple[str, Callable[[Path], dict[str, object]], list[str], str]] = {
    "translate": ("translate", pairs, ["the red fish", "我们", ""], "beam"),
    "transcribe": ("transcribe", recordings, ["take1.wav", "take2.flac"], "beam"),
    "trigger": ("trigger", takes, ["alexa/1.wav", "noise/1.wav"], "refractory"),
}
"""For every task: a recipe of it, data and settings that are learned in no time, inputs to answer, a search setting.

Inputs that are files lie in the folder of the data.
"""


def test_every_task_is_under_the_law() -> None:
    assert set(TINY) == set(TASKS) == set(SETTINGS)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_loaded_run_answers_the_same_bits(name: str, average: float, tmp_path: Path) -> None:
    recipe, made, inputs, option = TINY[name]
    given = made(tmp_path) | {
        "training.steps": 7,
        "training.epochs": None,
        "training.average": average,
        "training.warmup": 2,
    }
    list(melisma.train(recipe, tmp_path / "run", given))
    first = melisma.load(tmp_path / "run", "latest")
    shutil.copytree(tmp_path / "run", tmp_path / "elsewhere" / "copy")
    second = melisma.load(tmp_path / "elsewhere" / "copy", "latest")
    inputs = [str(tmp_path / one) if (tmp_path / one).is_file() else one for one in inputs]
    assert [answer.alternatives for answer in first(inputs, **{option: 3})] == [
        answer.alternatives for answer in second(inputs, **{option: 3})
    ]
    saved = read_step(tmp_path / "run", "latest").model
    loaded = dict(first.network.named_parameters())
    assert saved.keys() == loaded.keys()
    assert all(torch.equal(saved[key], loaded[key]) for key in saved)


@pytest.mark.parametrize("name", TINY)
def test_settings_written_are_settings_read(name: str, tmp_path: Path) -> None:
    recipe, made, _, option = TINY[name]
    given = made(tmp_path) | {"training.steps": 2, "training.epochs": None, f"search.{option}": 7}
    list(melisma.train(recipe, tmp_path / "run", given))
    written = read_run(tmp_path / "run").settings
    read = build(settings_of(task(name).name), written)
    assert plain(read) == written
    assert getattr(read.search, option) == 7


@pytest.mark.parametrize("name", TINY)
def test_a_codec_read_back_says_the_same(name: str, tmp_path: Path) -> None:
    _, made, *_ = TINY[name]
    settings = build(settings_of(name), made(tmp_path))
    one = task(name)
    corpus = one.read(settings)
    codec = one.learn(corpus.train, settings)
    again = one.codec(codec.to_json(), settings)
    assert json.dumps(codec.to_json()) == json.dumps(again.to_json())
    prepared, once_more = (one.prepare(which, corpus.train, settings) for which in (codec, again))
    assert list(prepared.encoded) == list(once_more.encoded)
