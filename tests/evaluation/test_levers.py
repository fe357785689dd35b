"""What a sweep says: differences within the spread of the seeds are nothing, and those beyond it are told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.evaluation.lever_charts import charts
from melisma.evaluation.levers import STUDENT, Curve, Point, Scale, Trained, advice, gain, rows

EXACT = Scale("exact", True)
LOSS = Scale("loss", False)
SCORES = st.lists(st.floats(0, 100), min_size=2, max_size=6)


def point(
    factor: float, scores: Sequence[float], seconds: float = 10.0, measure: str = "exact", failed: int = 0
) -> Point:
    trained = {
        seed: Trained({measure: score, "loss": 1.0} if measure != "loss" else {"loss": score}, 5, seconds, 1000)
        for seed, score in enumerate(scores, 1)
    }
    return Point(factor, f"{100 * factor:g}", "" if factor == 1 else f"a.b={100 * factor:g}", trained, failed)


def curve(lever: str, *points: Point) -> Curve:
    return Curve(lever, f"setting of {lever}", points)


def sentences(*curves: Curve, scale: Scale = EXACT, steps: bool = False) -> str:
    return "\n".join(advice(curves, scale, steps))


def test_a_difference_is_the_mean_over_the_seeds_with_students_interval() -> None:
    found = gain(point(1, [10, 20, 31]), point(2, [12, 24, 37]), EXACT)
    assert found.value == pytest.approx(4)
    assert found.reach == pytest.approx(4.303 * 2 / math.sqrt(3))
    assert not found.sure


def test_seeds_are_compared_each_with_itself() -> None:
    found = gain(point(1, [10, 50, 90]), point(2, [13, 53.1, 92.9]), EXACT)
    assert found.sure
    assert found.told == "3.0 ± 0.2 points"


def test_only_seeds_that_both_have_are_compared() -> None:
    before, after = point(1, [10, 20, 30]), point(2, [11, 21])
    assert gain(before, after, EXACT).value == pytest.approx(1)
    assert not gain(before, point(2, [11]), EXACT).sure
    assert not gain(before, point(2, []), EXACT).sure


def test_of_a_loss_less_is_better() -> None:
    found = gain(point(1, [2.0, 2.1, 2.2], measure="loss"), point(2, [1.5, 1.6, 1.71], measure="loss"), LOSS)
    assert found.sure
    assert found.told == "0.497 ± 0.014 nats a symbol"
    assert found.value > 0


def test_the_same_coarse_difference_in_two_seeds_is_no_certainty() -> None:
    assert not gain(point(1, [10, 20]), point(2, [12, 22]), EXACT).sure


@given(SCORES, SCORES)
def test_a_gain_one_way_is_a_loss_the_other_way(first: list[float], second: list[float]) -> None:
    there, back = gain(point(1, first), point(2, second), EXACT), gain(point(2, second), point(1, first), EXACT)
    assert there.value == pytest.approx(-back.value)
    assert there.reach == pytest.approx(back.reach)
    assert there.sure == back.sure


@given(SCORES)
def test_nothing_is_sure_between_a_value_and_itself(scores: list[float]) -> None:
    assert not gain(point(1, scores), point(2, scores), EXACT).sure


def test_the_table_of_student_falls_to_the_normal_value() -> None:
    assert list(STUDENT) == sorted(STUDENT, reverse=True)
    assert 1.96 < STUDENT[-1] < 2.1
    assert len(STUDENT) == 19


def test_data_that_still_brings_is_the_first_thing_to_try() -> None:
    data = curve("data", point(0.25, [50, 51, 52]), point(0.5, [60, 61, 62.1]), point(1, [70, 71.2, 72]))
    hidden = curve("hidden", point(0.5, [69, 72, 70]), point(1, [70, 71.2, 72]), point(2, [70, 71, 72.5]))
    said = sentences(data, hidden)
    assert said.startswith("The first thing to try is more data.\n")
    assert "Twice the data (100 instead of 50) brought 10.0 ± 0.4 points and had not flattened" in said
    assert "Hidden 200 instead of 100 brought nothing beyond the spread (0.1 ± 0.9 points)" in said


def test_data_that_brings_less_each_time_is_flattening() -> None:
    data = curve("data", point(0.25, [50, 51, 52]), point(0.5, [60, 61, 62.1]), point(1, [63, 64.2, 65]))
    assert "3.0 ± 0.4 points and is flattening (the doubling before brought 10.0)" in sentences(data)


def test_data_within_the_spread_is_said_to_bring_nothing() -> None:
    data = curve("data", point(0.5, [60, 65, 63]), point(1, [64, 61, 66]))
    said = sentences(data)
    assert "nothing beyond the spread" in said
    assert said.startswith("No value that was tried is better")


def test_data_that_harms_is_told() -> None:
    data = curve("data", point(0.5, [70, 71, 72]), point(1, [60, 61.1, 62]))
    assert "cost 10.0 ± 0.1 points" in sentences(data)


def test_the_best_value_is_told_with_its_settings_and_its_time() -> None:
    hidden = curve("hidden", point(0.5, [60, 61, 62]), point(1, [70, 71, 72]), point(2, [75, 76, 77.1], seconds=25))
    said = sentences(hidden)
    assert "Hidden 200 instead of 100 brought 5.0 ± 0.1 points in 2.5 times the time" in said
    assert "lies at the end of what was tried" in said
    assert "a.b=200" in said


def test_levers_are_ordered_by_what_they_bring() -> None:
    own = point(1, [70, 71, 72])
    hidden, batch = (
        curve(name, own, point(2, [70 + by, 71 + by, 72.1 + by])) for name, by in (("hidden", 2), ("batch", 5))
    )
    assert sentences(hidden, batch).startswith("The first thing to try is another batch size, then another width.")


def test_a_smaller_value_that_is_no_worse_is_told_and_one_that_is_worse_too() -> None:
    own = point(1, [70, 71, 72])
    epochs = curve(
        "epochs", point(0.25, [50, 51.1, 52], 2), point(0.5, [70.3, 70.8, 72], 5), own, point(2, [70, 71.3, 72], 20)
    )
    said = sentences(epochs)
    assert "50 is not worse beyond it in 50 % of the time (a.b=50)" in said
    assert "25 cost 20.0 ± 0.1 points" in said


def test_what_failed_and_what_is_too_little_is_told() -> None:
    hidden = curve("hidden", point(1, [70, 71]), point(2, [], failed=2))
    said = sentences(hidden)
    assert "too few trainings came to an end" in said
    assert "Trainings that failed are left out" in said
    assert "Two seeds" in said


def test_what_learned_nothing_is_not_called_equal() -> None:
    assert sentences(curve("batch", point(0.5, [0, 0]), point(1, [0, 0]))).startswith("All trainings score the same")


def test_data_and_steps_are_told_apart() -> None:
    data = curve("data", point(0.5, [1, 2, 3]), point(1, [1, 3, 2]))
    assert "twice the steps" in sentences(data)
    assert "twice the steps" not in sentences(data, steps=True)


def test_the_table_has_a_row_for_each_value() -> None:
    found = rows([curve("batch", point(1, [70, 71, 72]), point(2, [75, 76.1, 77], failed=1))], EXACT)
    assert found[1][:6] == ("batch", "100", "×1", "71.00", "1.00", "own")
    assert found[2][3:6] == ("76.03", "1.00", "+5.0 ± 0.1 *")
    assert found[2][-1] == "3, 1 failed"


def test_charts_have_one_scale_and_show_mean_and_spread() -> None:
    own = point(1, [70, 71, 72])
    first, second = charts([curve("hidden", own, point(2, [80, 81, 82])), curve("batch", own, point(2, []))], EXACT)
    assert first.data["limits"] == second.data["limits"] == (70.0, 82.0)
    line = first.data["series"][0]
    assert (line["x"], line["y"]) == ([0, 1], [71, 81])
    assert (line["low"], line["high"]) == ([70, 80], [72, 82])
    assert second.data["series"][0]["x"] == [0]
    assert second.data["names"] == ["100", "200"]
    assert (first.data["mark"], mean(line["y"])) == (0, 76)
