"""A training leaves the process as it found it: its threads, its source of randomness."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from melisma.api.train import resume, train
from melisma.runs.read import read_run, read_step
from melisma.settings.read import build
from melisma.tasks import task
from melisma.training.order import drawn

SMALL = {
    "text.unit": "characters",
    "model.embedding": 4,
    "model.hidden": 8,
    "model.encoder_hidden": 4,
    "training.threads": 1,
    "training.average": 0,
    "training.batch_tokens": 100,
    "data.valid_size": 2,
    "search.maximum": 3,
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.tsv").write_text("".join(f"{number} one\t{number} eins\n" for number in range(60)))
    return tmp_path


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_threads_and_randomness_are_the_callers_between_the_steps_and_after(here, two_threads) -> None:
    state = torch.get_rng_state()
    for begin in (
        lambda: train("translate", "run", SMALL, {"data.train": "a.tsv", "training.steps": 3}),
        lambda: resume("run", {"training.steps": 5}),
    ):
        steps = begin()
        for _ in steps:
            assert torch.get_num_threads() == 2
            assert torch.equal(torch.get_rng_state(), state)
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.get_rng_state(), state)
    assert read_run("run").record["machine"]["threads"] == 1, "what it was trained on is written down"
    steps = train("translate", "other", SMALL, {"data.train": "a.tsv"})
    next(steps)
    steps.close()
    assert torch.get_num_threads() == 2


def test_the_weights_are_drawn_from_the_seed_alone(here) -> None:
    words = {"data.train": "a.tsv", "training.steps": 1, "training.rate": 1e-30, "training.weight_decay": 0}
    for name in ("one", "two"):
        torch.rand(3)
        for _ in train("translate", name, SMALL, words):
            pass
    found = read_run("one")
    known = task("translate")
    settings = build(known.settings, found.settings)
    with torch.random.fork_rng():
        torch.manual_seed(drawn(settings.training.seed, "weights"))
        model = known.build(known.codec(found.codec, settings), settings)
    wanted = {name: weight.detach() for name, weight in model.named_parameters()}
    for name in ("one", "two"):
        saved = read_step(here / name).model
        assert saved.keys() == wanted.keys()
        assert all(float((saved[weight] - value).abs().max()) < 1e-20 for weight, value in wanted.items())
