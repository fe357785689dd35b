"""Three tasks that have little in common learn, are killed and go on, by the same types and the same loop."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from laws.drill import Drill, outcome, same
from laws.miniatures import MINIATURES, SOUNDS, decided
from torch import Generator

from melisma.contract import take, whole
from melisma.ragged import Ragged, exactly
from melisma.runs.read import read_step
from melisma.task import Moment, Windows
from melisma.training.descent import learner
from melisma.training.order import chosen, steps_of

ROOT = Path(__file__).resolve().parents[2]
LEARNED = {"language": 0.7, "tags": 0.05, "sounds": 0.5}  # nats a symbol on examples that were not trained on


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A run of each that was never stopped."""
    runs = {name: tmp_path_factory.mktemp(name) / "run" for name in MINIATURES}
    for name, path in runs.items():
        Drill(*MINIATURES[name], path, seed=1).until()
    return runs


@pytest.mark.parametrize("name", MINIATURES)
def test_it_learns(name: str, trained: dict[str, Path]) -> None:
    _, _, state, lines = outcome(trained[name])
    losses = [line["valid"]["loss"] for line in lines if "valid" in line]
    assert losses[-1] < LEARNED[name]
    assert losses[-1] < losses[0] / 1.5
    assert state["course"]["done"]
    told = [line["losses"] for line in lines if "losses" in line]
    task, settings = MINIATURES[name]
    assert all(set(one) == set(task.losses(settings)) for one in told)
    assert all(told[-1][loss] < told[0][loss] / 2 for loss in told[0]), "every loss of the dict is trained"


@pytest.mark.parametrize("name", MINIATURES)
def test_killed_between_saves_and_resumed_it_ends_with_the_bits_of_one_never_stopped(
    name: str, trained: dict[str, Path], tmp_path: Path
) -> None:
    for number, step in enumerate(sorted(random.sample([*range(41, 80), *range(81, 120)], 2))):
        # each new process begins with other random weights, which must not matter once it has read what was saved
        Drill(*MINIATURES[name], tmp_path / "run", seed=1 if number == 0 else 100 + number).until(step)
    Drill(*MINIATURES[name], tmp_path / "run", seed=99).until()
    assert same(trained[name], tmp_path / "run") == [], f"killed last at step {step}"


def test_a_process_that_is_killed_with_sigkill_loses_nothing_that_was_saved(
    trained: dict[str, Path], tmp_path: Path
) -> None:
    step = random.randrange(81, 120)
    paths = os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests")))
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, "-m", "laws.drill", "language", str(tmp_path / "run"), "1", str(step)]
    child = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert read_step(tmp_path / "run", "latest").number == 80
    Drill(*MINIATURES["language"], tmp_path / "run", seed=2).until()
    assert same(trained["language"], tmp_path / "run") == [], f"killed at step {step}"


def test_a_carry_that_is_lost_would_be_seen(trained: dict[str, Path], tmp_path: Path) -> None:
    Drill(*MINIATURES["language"], tmp_path / "run", seed=1).until(60)
    drill = Drill(*MINIATURES["language"], tmp_path / "run", seed=2)
    drill.learner._carry = drill.learner._begin_carry()
    drill.until()
    assert same(trained["language"], tmp_path / "run") != []


def doubled(name: str) -> tuple[Any, Any, Any, Any, list[Any]]:
    """Task, settings, model in float64 without dropout, codec, the first steps' encoded examples."""
    task, settings = MINIATURES[name]
    settings = replace(settings, dropout=0.0, streams=7)
    corpus = task.read(settings)
    codec = task.learn(corpus.train, settings)
    torch.manual_seed(5)
    model = task.build(codec, settings).double()
    prepared = task.prepare(codec, corpus.train, settings)
    order = task.order(prepared, settings)
    steps = steps_of(order, seed=1, epoch=0)[:3]
    return task, settings, model, codec, [chosen(order, prepared.encoded, step) for step in steps]


def as_doubles(batch: Any) -> Any:
    if hasattr(batch, "samples"):
        return replace(batch, samples=batch.samples.with_rows(batch.samples.rows.double()))
    return batch


@pytest.mark.parametrize("name", MINIATURES)
@pytest.mark.parametrize("parts", [2, 3, 7])
def test_the_gradients_of_the_parts_of_a_batch_add_up_to_that_of_the_whole(name: str, parts: int) -> None:
    task, settings, model, codec, steps = doubled(name)
    carry = task.carry(model, settings)
    for encoded in steps:
        batch = as_doubles(task.batch(codec, encoded, Generator().manual_seed(1)))
        slots = [torch.arange(index, batch.size, parts) for index in range(parts)]
        pieces = [batch.part(index, parts) for index in range(parts)]
        assert [piece.size for piece in pieces] == [len(some) for some in slots]
        assert batch.counts == {n: sum(piece.counts[n] for piece in pieces) for n in batch.counts}
        whole_sums, next_carry = task.loss(model, batch, carry, settings, None, Moment(0, None))
        losses = [
            task.loss(model, piece, take(carry, some), settings, None, Moment(0, None))
            for piece, some in zip(pieces, slots)
        ]
        for number, (_, piece_carry) in enumerate(losses):
            torch.testing.assert_close(piece_carry, take(next_carry, slots[number]), rtol=1e-10, atol=1e-12)
        for loss in task.losses(settings):
            torch.testing.assert_close(
                sum(sums[loss].nats for sums, _ in losses), whole_sums[loss].nats, rtol=1e-10, atol=0
            )
            one = torch.autograd.grad(
                whole_sums[loss].trained, model.parameters(), retain_graph=True, allow_unused=True
            )
            total = sum(sums[loss].trained for sums, _ in losses)
            other = torch.autograd.grad(total, model.parameters(), retain_graph=True, allow_unused=True)
            assert [gradient is None for gradient in one] == [gradient is None for gradient in other]
            for a, b in zip(one, other):
                if a is not None:
                    torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)
        carry = next_carry


@pytest.mark.parametrize("name", MINIATURES)
def test_a_training_whose_batches_are_cut_into_parts_is_the_same_training(name: str) -> None:
    """In float32, where only rounding may differ; each stream of the language model must find its own carry again."""
    found = []
    for accumulate in (1, 3):
        task, settings = MINIATURES[name]
        training = replace(settings.training, accumulate=accumulate, optimizer="sgd", rate=0.05)
        settings = replace(settings, dropout=0.0, training=training)
        corpus = task.read(settings)
        codec = task.learn(corpus.train, settings)
        torch.manual_seed(5)
        model = task.build(codec, settings)
        driven = learner(task, model, codec, task.prepare(codec, corpus.train, settings), settings)
        driven.plan(None)
        tallies = [driven.advance() for _ in range(8)]
        found.append(
            ([(tally.nats, tally.units) for one in tallies for tally in one.values()], list(model.parameters()))
        )
    (nats, weights), (other_nats, other_weights) = found
    torch.testing.assert_close(torch.tensor(nats), torch.tensor(other_nats), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(weights, other_weights, rtol=1e-4, atol=1e-5)


def test_the_windows_of_the_language_model_differ_in_length_and_from_epoch_to_epoch() -> None:
    task, settings = MINIATURES["language"]
    corpus = task.read(settings)
    codec = task.learn(corpus.train, settings)
    order = task.order(task.prepare(codec, corpus.train, settings), settings)
    assert isinstance(order, Windows)
    lengths = [[step[0][1] - step[0][0] for step in steps_of(order, seed=1, epoch=epoch)] for epoch in (0, 1)]
    assert len(set(lengths[0])) > 3
    assert lengths[0] != lengths[1]


def streamed(model: Any, samples: tuple[float, ...]) -> torch.Tensor:
    """The rows of a sound that is heard one sample at a time."""
    state, rows = model.start(1), []
    for sample in samples:
        state, y = model.feed(state, Ragged.step(torch.tensor([[sample]])))
        rows.append(y.rows)
    rest = model.flush(state)[1]
    return torch.cat([*rows, *([] if rest is None else [rest.rows])])


@pytest.mark.parametrize("bits", [False, True])
def test_a_transcriber_that_is_fed_one_sample_at_a_time_says_the_same(bits: bool, trained: dict[str, Path]) -> None:
    settings = MINIATURES["sounds"][1]
    corpus = SOUNDS.read(settings)
    codec = SOUNDS.learn(corpus.train, settings)
    model = SOUNDS.build(codec, settings)
    model.load_state_dict(read_step(trained["sounds"], "latest").model)
    sounds = corpus.valid[:4]
    with torch.no_grad():
        together = Ragged.of([torch.tensor(samples)[:, None] for samples, _ in sounds])
        if bits:
            with exactly():
                pairs = list(
                    zip(whole(model, together).sequences(), [streamed(model, samples) for samples, _ in sounds])
                )
            assert all(torch.equal(rows, one) for rows, one in pairs)
        else:
            pairs = list(zip(whole(model, together).sequences(), [streamed(model, samples) for samples, _ in sounds]))
            assert all(torch.allclose(rows, one, rtol=0, atol=1e-5) for rows, one in pairs)
    answers = SOUNDS.answer(model, codec, SOUNDS.inputs(sounds), settings.search)
    assert [decided(codec, one) for _, one in pairs] == answers
    assert all(len(one) == -(-len(samples) // 4) for (_, one), (samples, _) in zip(pairs, sounds))
    assert sum(answer == letters for answer, (_, letters) in zip(answers, sounds)) >= 2
