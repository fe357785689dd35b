"""How often the decoder hears itself: each schedule is its formula, and nothing is sampled before the end is known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.settings.training import TrainingSettings
from melisma.task import Moment
from melisma.tasks.sampling import GROWTH, sampled


def settings(schedule: str, sampling: float = 0.5) -> TrainingSettings:
    return TrainingSettings(sampling=sampling, sampling_schedule=schedule)


def at(step: int, steps: int | None = 1000) -> Moment:
    return Moment(step, steps)


def test_the_settings_offer_what_the_table_holds() -> None:
    meaning = TrainingSettings.__dataclass_fields__["sampling_schedule"].metadata["meaning"]
    assert set(meaning.choices) == set(GROWTH)


def test_linear_is_the_share_of_the_training_that_is_over() -> None:
    assert [sampled(settings("linear"), at(step)) for step in (0, 250, 500, 999, 1000, 5000)] == [
        0.0,
        0.125,
        0.25,
        0.4995,
        0.5,
        0.5,
    ]


def test_constant_is_there_at_once_even_without_an_end() -> None:
    assert [sampled(settings("constant"), at(step, None)) for step in (0, 7)] == [0.5, 0.5]


@pytest.mark.parametrize("steps", [1, 2, 10, 1000, 10**9])
def test_inverse_sigmoid_is_the_published_curve_with_its_half_in_the_middle(steps: int) -> None:
    """Bengio et al. 2015, section 2.4: the truth is heard with probability k / (k + exp(i / k))."""
    k = 1.0
    for _ in range(200):  # k ln k = steps / 2, by another way than the code's
        k = (k + steps / 2 / max(math.log(k), 1e-9)) / 2 if k > 1 else 2.0
    for step in {0, steps // 3, steps // 2, steps - 1, steps}:
        wanted = 1 - k / (k + math.exp(step / k))
        assert sampled(settings("inverse_sigmoid"), at(step, steps)) == pytest.approx(0.5 * wanted, abs=1e-6)
    if steps % 2 == 0:
        assert sampled(settings("inverse_sigmoid", 1.0), at(steps // 2, steps)) == pytest.approx(0.5, abs=1e-6)


@given(st.sampled_from(sorted(GROWTH)), st.integers(1, 10**12), st.floats(0, 1), st.data())
def test_a_share_never_falls_nor_leaves_its_bounds(
    schedule: str, steps: int, sampling: float, data: st.DataObject
) -> None:
    one, other = sorted(data.draw(st.lists(st.integers(0, 2 * steps), min_size=2, max_size=2)))
    shares = [sampled(settings(schedule, sampling), at(step, steps)) for step in (one, other)]
    assert 0 <= shares[0] <= shares[1] <= sampling


@pytest.mark.parametrize("schedule", ["linear", "inverse_sigmoid"])
def test_what_grows_waits_for_the_end_to_be_known(schedule: str) -> None:
    assert sampled(settings(schedule), at(40, None)) == 0


@pytest.mark.parametrize("schedule", sorted(GROWTH))
def test_off_is_off(schedule: str) -> None:
    assert sampled(settings(schedule, 0.0), at(40)) == 0
