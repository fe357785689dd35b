"""Utterances are brought to one level, over a floor."""

from __future__ import annotations

import math

import pytest
import torch
from laws.things import some_sequences
from torch import Tensor

from melisma.contract import whole
from melisma.layers.levelled import Levelled, LevelledSoFar, Levels, LogScale
from melisma.ragged import Ragged

LENGTHS = [5, 0, 1, 9, 5, 2]
SCALE = LogScale(torch.linspace(-4, 2, 6), torch.linspace(0.5, 3, 6))
USUAL = 1.5
LEVELS = Levels(SCALE, torch.linspace(-2, 0, 6), torch.tensor(USUAL))
NARROW = Levels(LogScale(*(each[:2] for each in SCALE)), LEVELS.levelled[:2], LEVELS.usual)


def energies(x: Tensor) -> Tensor:
    return torch.exp(x.double() * SCALE.deviation + SCALE.mean)


def scaled(relative: Tensor) -> Tensor:
    """What energies become that are so many times the level, and a floor beside them."""
    return ((relative.log() - LEVELS.levelled) / SCALE.deviation).float()


def test_all_of_a_sequence_decides_its_level() -> None:
    sequences = some_sequences(1, LENGTHS)
    found = whole(Levelled(0.05, LEVELS), Ragged.of(sequences)).sequences()
    for x, y in zip(sequences, found, strict=True):
        torch.testing.assert_close(y, scaled(energies(x) / energies(x).mean() + 0.05) if len(x) else x)


@pytest.mark.parametrize("prior", [0.0, 2.5])
def test_so_far_the_usual_energy_and_what_was_heard_decide(prior: float) -> None:
    sequences = some_sequences(1, LENGTHS)
    found = whole(LevelledSoFar(0.05, LEVELS, prior), Ragged.of(sequences)).sequences()
    for x, y in zip(sequences, found, strict=True):
        own = energies(x)
        for t in range(len(x)):
            mean = (prior * math.exp(USUAL) + float(own[: t + 1].mean(1).sum())) / (prior + t + 1)
            torch.testing.assert_close(y[t], scaled(own[t] / mean + 0.05))


def test_neither_a_gain_nor_the_depth_of_silence_makes_a_difference() -> None:
    """A recorder that is silent to 60 dB or to 90 dB below the voice is heard alike, and so is a louder one."""
    logs = some_sequences(2, [40])[0] * SCALE.deviation + SCALE.mean
    quiet = torch.rand(40, generator=torch.Generator().manual_seed(1)) < 0.5
    voice = float(logs[~quiet].exp().mean().log())
    made = []
    for decibels, gain in ((60, 0), (90, 0), (90, 17)):
        own = logs.clone()
        own[quiet] = voice - decibels / 10 * math.log(10)
        made.append((own + gain / 10 * math.log(10) - SCALE.mean) / SCALE.deviation)
    near, far, loud = (whole(Levelled(0.03, LEVELS), Ragged.of([one])).rows for one in made)
    assert float((made[0] - made[1]).abs().max()) > 2
    assert float((near - far).abs().max()) < 0.001
    torch.testing.assert_close(loud, far)


@pytest.mark.parametrize("layer", [Levelled(0.1, NARROW), LevelledSoFar(0.1, NARROW, 2.0)])
def test_the_gradient_is_that_of_the_difference(layer: Levelled | LevelledSoFar) -> None:
    x = Ragged.of([sequence.double() for sequence in some_sequences(3, [3, 6, 0, 1], 2)])
    rows = x.rows.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda given: whole(layer, x.with_rows(given)).rows, (rows,))


def test_no_floor_and_fewer_than_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cannot be 0.0 of the mean"):
        Levelled(0.0, LEVELS)
    with pytest.raises(ValueError, match=r"cannot begin with -1.0 steps"):
        LevelledSoFar(0.1, LEVELS, -1.0)
