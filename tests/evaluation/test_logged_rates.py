"""The learning rate of a page: by the settings, unless the log tells that it was another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from melisma.evaluation.courses import courses
from melisma.settings.training import TrainingSettings
from melisma.training.optimise import rate

SETTINGS = TrainingSettings(rate=0.01, warmup=10, schedule="inverse_square_root")


def drawn(lines: list[dict[str, Any]], settings: TrainingSettings = SETTINGS) -> tuple[str, dict[int, float]]:
    found = courses(lines, settings, best=None, planned=100, decided_by="loss", higher=False)
    (figure,) = [one for one in found if one.title == "Learning rate"]
    (series,) = figure.data["series"]
    return figure.data["y"], dict(zip(series["x"], series["y"]))


def logged(settings: TrainingSettings = SETTINGS) -> list[dict[str, Any]]:
    return [{"step": step, "epoch": 0, "loss": 1.0, "rate": rate(step, settings, 100)} for step in (20, 40, 60)]


def test_where_log_and_settings_agree_every_step_is_drawn() -> None:
    said, points = drawn(logged())
    assert said == "inverse_square_root, by the settings"
    assert len(points) == 60
    assert points[5] == rate(5, SETTINGS, 100)


def test_a_log_of_before_without_rates_is_drawn_by_the_settings() -> None:
    old = [{name: value for name, value in line.items() if name != "rate"} for line in logged()]
    assert drawn(old) == drawn(logged())


def test_where_the_rate_was_changed_on_the_way_the_log_is_drawn() -> None:
    halved = replace(SETTINGS, rate=0.005)
    lines = logged()[:2] + logged(halved)[2:]
    said, points = drawn(lines, halved)
    assert said == "inverse_square_root, as it was"
    assert points == {line["step"]: line["rate"] for line in lines}


def test_rates_that_are_no_numbers_are_passed_over() -> None:
    strange = [line | {"rate": value} for line, value in zip(logged(), (None, "fast", True))]
    assert drawn(strange) == drawn(logged())
