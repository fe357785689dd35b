"""The course of a training as charts, from the lines of its log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from melisma.evaluation.courses import SMOOTHED, courses, smoothed
from melisma.settings.training import TrainingSettings
from melisma.task import Figure
from melisma.training.optimise import rate

SETTINGS = TrainingSettings(rate=0.01, warmup=10, schedule="constant")


def log(*steps: int, valid: tuple[int, ...] = (), **scores: float) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [{"step": step, "epoch": 0, "loss": 5 / step} for step in steps]
    return lines + [{"step": step, "epoch": 0, "valid": {"loss": 1.0} | scores} for step in valid]


def drawn(
    lines: list[dict[str, Any]],
    settings: TrainingSettings = SETTINGS,
    decided_by: str = "loss",
    planned: int | None = None,
    higher: bool = False,
) -> dict[str, Figure]:
    figures = courses(lines, settings, best=20, planned=planned, decided_by=decided_by, higher=higher)
    return {figure.title: figure for figure in figures}


def series(figure: Figure, name: str) -> list[tuple[int, float]]:
    one = next(one for one in figure.data["series"] if one["name"] == name)
    return list(zip(one["x"], one["y"]))


def test_a_log_that_tells_nothing_draws_nothing() -> None:
    assert drawn([]) == {}
    assert drawn([{"what": 1}]) == {}


def test_losses_and_measures_are_those_of_the_log() -> None:
    found = drawn(log(10, 20, valid=(15, 20), bleu=30.0, exact=10.0))
    assert series(found["Loss"], "training") == [(10, 0.5), (20, 0.25)]
    assert series(found["Loss"], "validation") == [(15, 1.0), (20, 1.0)]
    assert series(found["Scores in validation"], "BLEU") == [(15, 30.0), (20, 30.0)]
    assert series(found["Scores in validation"], "exact") == [(15, 10.0), (20, 10.0)]


def test_measures_of_another_kind_have_charts_of_their_own() -> None:
    found = drawn(log(10, valid=(15,), bleu=30.0, cer=10.0))
    assert series(found["CER in validation"], "CER") == [(15, 10.0)]
    assert series(found["BLEU in validation"], "BLEU") == [(15, 30.0)]


@pytest.mark.parametrize(
    ("measure", "ends", "most"),
    [
        ("exact", (0.0, 100.0), 100.0),
        ("misses", (0.0, 100.0), 100.0),
        ("word_error", (0.0, 100.0), 100.0),
        ("wer", (0.0, None), None),
        ("bleu", (None, None), 100.0),
        ("false_alarms", (None, None), None),
    ],
)
def test_the_axis_of_a_share_is_from_nothing_to_all(
    measure: str, ends: tuple[float | None, float | None], most: float | None
) -> None:
    (figure,) = (one for one in drawn(log(10, valid=(15,), **{measure: 100.0})).values() if "validation" in one.title)
    assert (figure.data["ends"], figure.data["most"]) == (ends, most)


def test_all_charts_have_one_axis_of_steps_and_the_best_step() -> None:
    for figure in drawn(log(10, 40, valid=(20,), bleu=1.0)).values():
        assert figure.data["span"] == (0, 40)
        assert (figure.data["mark"], figure.data["marked"]) == (20, "best")


def test_scores_that_were_no_numbers_are_left_out() -> None:
    lines = log(10, valid=(20, 30), bleu=5.0)
    lines[1]["valid"]["bleu"] = None
    assert series(drawn(lines)["BLEU in validation"], "BLEU") == [(30, 5.0)]
    assert "BLEU in validation" not in drawn([line | {"valid": {"bleu": None}} for line in lines[1:]])


def test_a_whole_number_too_large_to_be_drawn_is_left_out() -> None:
    lines = log(10, valid=(20, 30), bleu=5.0)
    lines[1]["valid"]["bleu"] = 10**400
    assert series(drawn(lines)["BLEU in validation"], "BLEU") == [(30, 5.0)]


def test_a_high_beginning_is_left_above_the_chart_and_told() -> None:
    lines = [{"step": step, "loss": value} for step, value in enumerate((50.0, 2.0, 1.5, 1.4, 1.3), 1)]
    data = drawn(lines)["Loss"].data
    assert data["limits"] == (None, 2.0)
    assert "begins at 50" in data["y"]
    even = drawn([line | {"loss": 2.0} for line in lines])["Loss"].data
    assert even["limits"] == (None, None)
    assert even["y"] == "nats a symbol"


def test_long_courses_are_smoothed_and_short_ones_are_not() -> None:
    points = [(step, float(step % 2)) for step in range(10 * SMOOTHED)]
    assert all(0.4 < value < 0.6 for _, value in smoothed(points)[10:-10])
    assert smoothed(points[: SMOOTHED - 1]) == points[: SMOOTHED - 1]
    lines = [{"step": step + 1, "loss": value} for step, value in points]
    assert [bool(one.get("faint")) for one in drawn(lines)["Loss"].data["series"]] == [True, False]


@pytest.mark.parametrize("schedule", ["constant", "inverse_square_root", "cosine"])
def test_the_rate_is_that_of_the_training(schedule: str) -> None:
    settings = replace(SETTINGS, schedule=schedule)
    points = series(drawn(log(100), settings, planned=120)["Learning rate"], "learning rate")
    assert points[0][0] == 1
    assert points[-1][0] == 100
    assert all(value == rate(step, settings, 120) for step, value in points)


def test_where_epochs_end_a_training_its_last_step_follows_from_the_first_epoch() -> None:
    settings = replace(SETTINGS, schedule="cosine", epochs=3)
    lines = [*log(40), {"step": 50, "epoch": 1, "valid": {"loss": 1.0}}]
    points = dict(series(drawn(lines, settings)["Learning rate"], "learning rate"))
    assert points[40] == rate(40, settings, 150)


def test_a_plateau_cuts_the_rate_after_so_many_validations_without_improvement() -> None:
    settings = replace(SETTINGS, schedule="plateau", plateau_patience=2, warmup=0)
    lines = log(70)
    for step, score in ((10, 5.0), (20, 6.0), (30, 6.0), (40, 5.0), (50, 7.0), (60, 7.0)):
        lines.append({"step": step, "epoch": 0, "valid": {"exact": score}})
    points = dict(series(drawn(lines, settings, "exact", higher=True)["Learning rate"], "learning rate"))
    assert points[40] == settings.rate
    assert points[41] == points[70] == settings.rate * settings.plateau_factor
    falling = dict(series(drawn(lines, settings, "exact", higher=False)["Learning rate"], "learning rate"))
    assert falling[30] == settings.rate
    assert falling[31] == settings.rate * settings.plateau_factor
