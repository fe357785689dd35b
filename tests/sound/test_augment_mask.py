"""SpecAugment: bands and spans of time set to the mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.sound.mask import Masks, masked


def ones(length: int, width: int) -> np.ndarray:
    return np.ones((length, width), np.float32)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 120),
    st.integers(1, 80),
    st.builds(Masks, st.integers(0, 3), st.floats(0, 1), st.integers(0, 3), st.floats(0, 1), st.integers(0, 60)),
    st.integers(0, 1000),
)
def test_whole_bands_and_whole_spans_are_hidden_and_no_more_than_allowed(
    length: int, width: int, masks: Masks, seed: int
) -> None:
    frames = ones(length, width)
    made = masked(frames, masks, np.random.default_rng(seed))
    assert made.dtype == np.float32
    assert made.shape == frames.shape
    assert frames.all()
    bands, spans = ~made.any(0), ~made.any(1)
    assert np.array_equal(made == 0, bands[None] | spans[:, None])
    if not spans.all():
        assert bands.sum() <= masks.bands * int(masks.bands_by * width)
    if not bands.all():
        assert spans.sum() <= masks.spans * min(masks.span, int(masks.spans_by * length))


def test_every_width_and_every_place_is_as_likely() -> None:
    """Of 6 columns a mask covers 0 … 3; each width a quarter of the time, each place of a width alike."""
    counts = np.zeros((4, 6))
    random = np.random.default_rng(0)
    for _ in range(4000):
        hidden = np.flatnonzero(~masked(ones(2, 6), Masks(1, 0.5, 0, 0, 0), random).any(0))
        counts[len(hidden), hidden[0] if len(hidden) else 0] += 1
    assert np.allclose(counts.sum(1) / 4000, 0.25, atol=0.03)
    for width in (1, 2, 3):
        places = counts[width] / counts[width].sum()
        assert np.allclose(places[: 7 - width], 1 / (7 - width), atol=0.04)
        assert not places[7 - width :].any()


def test_spans_are_bounded_by_share_and_by_number() -> None:
    def longest(length: int, masks: Masks) -> int:
        random = np.random.default_rng(0)
        return max(int((masked(ones(length, 2), masks, random) == 0).all(1).sum()) for _ in range(300))

    assert longest(100, Masks(0, 0, 1, 0.1, 40)) == 10
    assert longest(1000, Masks(0, 0, 1, 0.1, 40)) == 40


def test_bands_and_spans_are_drawn_apart() -> None:
    def spans(bands: int, seed: int) -> list[int]:
        made = masked(ones(50, 40), Masks(bands, 0.2, 2, 0.2, 40), np.random.default_rng(seed))
        return np.flatnonzero(~made.any(1)).tolist()

    assert all(spans(0, seed) == spans(3, seed) for seed in range(20))


def test_what_is_not_hidden_is_as_it_was() -> None:
    frames = np.random.default_rng(1).standard_normal((50, 40)).astype(np.float32)
    made = masked(frames, Masks(2, 0.25, 2, 0.1, 40), np.random.default_rng(2))
    assert 0 < (made == 0).mean() < 0.7
    assert np.array_equal(made[made != 0], frames[made != 0])


@pytest.mark.parametrize("masks", [Masks(0, 1, 0, 1, 9), Masks(2, 0, 2, 0, 9), Masks(2, 0, 2, 1, 0)])
def test_no_masks_hide_nothing(masks: Masks) -> None:
    assert masked(ones(30, 20), masks, np.random.default_rng(0)).all()
