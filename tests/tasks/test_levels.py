"""What training sound was like is measured as the model levels it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from melisma.contract import whole
from melisma.errors import Refusal
from melisma.layers.levelled import Levelled, LevelledSoFar, Levels, LogScale
from melisma.ragged import Ragged
from melisma.sound.normalise import Normaliser
from melisma.tasks.levels import Level, measured

FLOOR = 0.05


def some(seed: int = 1) -> list[NDArray[np.float32]]:
    """Log-energies of recordings, one four times as loud as another, and one of no length."""
    draw = np.random.default_rng(seed)
    shape = np.linspace(-6, 3, 5)
    return [
        (gain + shape + draw.normal(0, 2, (count, 5))).astype(np.float32)
        for count, gain in ((40, 0.0), (0, 0.0), (25, 1.4), (60, -3.0))
    ]


def levels(plain: Normaliser, level: Level) -> Levels:
    scale = LogScale(torch.tensor(plain.mean), torch.tensor(plain.deviation))
    return Levels(scale, torch.tensor(level.levelled), torch.tensor(level.usual))


def test_what_the_model_levels_has_a_mean_of_0() -> None:
    recordings = some()
    plain, level = measured(recordings, FLOOR)
    assert level is not None
    given = [torch.from_numpy(plain(one)) for one in recordings]
    rows = whole(Levelled(FLOOR, levels(plain, level)), Ragged.of(given)).rows
    torch.testing.assert_close(rows.mean(0), torch.zeros(5), atol=1e-4, rtol=0)
    normalised = np.concatenate([plain(one) for one in recordings])
    assert normalised.mean(0) == pytest.approx(np.zeros(5), abs=1e-5), "frames are measured as without a floor"


def test_the_usual_level_is_that_of_the_recordings() -> None:
    """Where all are as loud it makes no difference how much of the usual a stream begins with."""
    one = some()[0]
    plain, level = measured([one, one], FLOOR)
    assert level is not None
    assert level.usual == pytest.approx(float(np.log(np.exp(one.astype(np.float64)).mean())), abs=1e-5)
    known = levels(plain, level)
    frames = Ragged.of([torch.from_numpy(plain(one))])
    certain = whole(LevelledSoFar(FLOOR, known, 1e9), frames).rows
    torch.testing.assert_close(certain, whole(Levelled(FLOOR, known), frames).rows, atol=1e-4, rtol=1e-4)


def test_without_a_floor_there_is_no_level() -> None:
    plain, level = measured(some(), 0.0)
    assert level is None
    assert plain.to_json() == Normaliser.of(some()).to_json()
    with pytest.raises(Refusal, match="no recording is as long as one frame"):
        measured([some()[1]], FLOOR)


def test_a_level_is_read_back() -> None:
    level = measured(some(), FLOOR)[1]
    assert level is not None
    assert Level.from_json(level.to_json()).to_json() == level.to_json()


@pytest.mark.parametrize("usual", [None, float("nan"), "3", 3])
def test_what_is_no_level_is_refused(usual: object) -> None:
    level = measured(some(), FLOOR)[1]
    assert level is not None
    for data in ([], {"usual": 0.0}, level.to_json() | {"usual": usual}, level.to_json() | {"levelled": [usual]}):
        with pytest.raises(Refusal, match="The level of frames"):
            Level.from_json(data)
