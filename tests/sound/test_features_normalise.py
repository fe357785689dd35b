"""Mean and deviation of training frames, found soundly and kept exactly."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.sound.normalise import Normaliser


def some(count: int, seed: int = 0, features: int = 4) -> np.ndarray:
    random = np.random.default_rng(seed)
    scale, offset = np.array([1.0, 10.0, 0.1, 3.0])[:features], np.array([0.0, -20.0, 1e4, 5.0])[:features]
    return (random.standard_normal((count, features)) * scale + offset).astype(np.float32)


def test_training_frames_get_a_mean_of_0_and_a_deviation_of_1() -> None:
    whole = some(5000)[:, :2]
    found = Normaliser.of([whole])(whole)
    assert found.dtype == np.float32
    assert found.mean(0) == pytest.approx([0, 0], abs=1e-5)
    assert found.std(0) == pytest.approx([1, 1], abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 500), max_size=8).map(sorted), turn=st.booleans())
def test_how_frames_are_shared_out_does_not_matter(cuts: list[int], turn: bool) -> None:
    whole = some(500)
    parts = np.split(whole, cuts)
    found = Normaliser.of(reversed(parts) if turn else iter(parts))
    exact = whole.astype(np.float64)
    assert found.mean == pytest.approx(exact.mean(0), rel=1e-6)
    assert found.deviation == pytest.approx(exact.std(0), rel=1e-5)


def test_a_large_offset_costs_no_digits() -> None:
    whole = np.tile(np.array([[1.0], [2.0]]), (500, 1)) + 1e8  # in float64, as sums of squares would lose it
    found = Normaliser.of(whole[at : at + 10] for at in range(0, 1000, 10))
    assert found.deviation == pytest.approx([0.5], rel=1e-6)


def test_what_never_varies_is_only_centred() -> None:
    whole = some(200)
    whole[:, 1] = -18.42
    whole[:, 3] *= 0.001
    found = Normaliser.of([whole])
    assert found.deviation[[1, 3]].tolist() == [1, 1]
    assert found(whole)[:, 1] == pytest.approx(0, abs=1e-5)
    assert found(whole[:0]).shape == (0, 4)


def test_one_frame_is_enough_and_none_is_not() -> None:
    assert Normaliser.of([some(1)]).deviation.tolist() == [1, 1, 1, 1]
    for nothing in ([], [some(0), some(0)]):
        with pytest.raises(Refusal, match="no recording is as long as one frame"):
            Normaliser.of(nothing)


def test_it_is_read_as_it_was_written() -> None:
    found = Normaliser.of([some(100)])
    again = Normaliser.from_json(json.loads(json.dumps(found.to_json())))
    assert again.mean.tobytes() == found.mean.tobytes()
    assert again.deviation.tobytes() == found.deviation.tobytes()


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        {"mean": [0.0]},
        {"mean": [0.0], "deviation": [1.0], "more": []},
        {"mean": [0.0], "deviation": [0.0]},
        {"mean": [0.0], "deviation": [-1.0]},
        {"mean": [0.0, 1.0], "deviation": [1.0]},
        {"mean": [], "deviation": []},
        {"mean": [float("nan")], "deviation": [1.0]},
        {"mean": ["0"], "deviation": [1.0]},
        {"mean": [[0.0]], "deviation": [[1.0]]},
        {"mean": [1e300], "deviation": [1.0]},
        {"mean": [True], "deviation": [1.0]},
        {"mean": 0.0, "deviation": 1.0},
    ],
)
def test_what_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(Refusal, match="of frames"):
        Normaliser.from_json(wrong)


def test_it_is_frozen_and_knows_its_size() -> None:
    found = Normaliser.of([some(100)])
    with pytest.raises(ValueError, match="read-only"):
        found.mean[0] = 1.0
    with pytest.raises(ValueError, match="frames of 3 numbers, 4 are wanted"):
        found(some(10)[:, :3])
