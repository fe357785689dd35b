"""Frames of other throats, and through other microphones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from melisma.settings.augment import AugmentSettings
from melisma.settings.sound import SoundSettings
from melisma.sound.augment import Augmentation
from melisma.sound.definitions import definition
from melisma.sound.equaliser import equalised
from melisma.sound.features import frames
from melisma.sound.vocal_tract import perturbed

RATE = 16_000
FRAMES = definition(SoundSettings(rate=RATE, bands=60))


def tone(hertz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(RATE // 5) / RATE).astype(np.float32)


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.2])
@pytest.mark.parametrize("hertz", [500.0, 1500.0, 3000.0])
def test_a_tone_lies_where_the_higher_tone_lies(hertz: float, factor: float) -> None:
    moved = perturbed(frames(FRAMES, tone(hertz)), FRAMES, factor).mean(0).argmax()
    assert abs(int(moved) - int(frames(FRAMES, tone(hertz * factor)).mean(0).argmax())) <= 1
    assert moved != frames(FRAMES, tone(hertz)).mean(0).argmax()


@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_both_ends_stay_and_the_order_of_bands(factor: float) -> None:
    ramp = np.arange(60, dtype=np.float32)[None].repeat(3, 0)
    moved = perturbed(ramp, FRAMES, factor)
    assert moved.shape == ramp.shape
    assert (np.diff(moved, axis=1) >= 0).all()
    assert moved[0, 0] < 1.5
    assert moved[0, -1] > 58


def test_the_same_throat_changes_nothing() -> None:
    some = default_rng(0).normal(size=(7, 60)).astype(np.float32)
    np.testing.assert_allclose(perturbed(some, FRAMES, 1.0), some, atol=1e-5)


@pytest.mark.parametrize("name", ["vocal_tract", "equaliser"])
def test_it_happens_to_a_share_and_as_it_was_drawn(name: str) -> None:
    some = default_rng(0).normal(size=(7, 60)).astype(np.float32)
    settings = AugmentSettings(**{name: 0.5})  # type: ignore[arg-type]
    never, ever = Augmentation.of(AugmentSettings(), RATE), Augmentation.of(settings, RATE)
    assert never.framed(some, FRAMES, default_rng(3)) is some
    made = [ever.framed(some, FRAMES, default_rng(seed)) for seed in range(40)]
    again = [ever.framed(some, FRAMES, default_rng(seed)) for seed in range(40)]
    assert 8 < sum(one is some for one in made) < 32
    assert len({one.tobytes() for one in made}) > 12
    assert all(map(np.array_equal, made, again))


def test_an_equaliser_adds_one_curve_to_every_frame_as_high_as_it_is_set() -> None:
    some = default_rng(0).normal(size=(7, 60)).astype(np.float32)
    curves = [(equalised(some, FRAMES, 6.0, default_rng(seed)) - some) * 10 / np.log(10) for seed in range(400)]
    assert max(float(np.ptp(curve, axis=0).max()) for curve in curves) < 1e-4
    assert np.sqrt(np.mean([np.square(curve[0]) for curve in curves])) == pytest.approx(6.0, rel=0.06)
    assert np.mean([curve[0] for curve in curves]) == pytest.approx(0.0, abs=0.2)
    assert all(np.abs(np.diff(curve[0])).max() < 3 for curve in curves)
