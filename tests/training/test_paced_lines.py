"""What a line of the log says of the rate, and of how fast the steps since the line before were."""

from __future__ import annotations

from training.test_fit import Drive

from melisma.training.fit import LOG_EVERY


def test_a_line_of_losses_tells_rate_and_speed_of_its_own_steps() -> None:
    drive = Drive(steps=2 * LOG_EVERY, validate_every=LOG_EVERY, seconds=2.0)
    drive.trial_seconds = 1000.0  # of a validation, which is no part of the speed
    drive.learner.rate = 0.25
    drive.run()
    losses = [line for line in drive.lines if "loss" in line]
    assert [(line["rate"], line["symbols_per_second"]) for line in losses] == [(0.25, 2.0)] * 2
    assert all({"rate", "symbols_per_second"}.isdisjoint(line) for line in drive.lines if "valid" in line)


def test_a_learner_without_a_rate_tells_none() -> None:
    drive = Drive(steps=LOG_EVERY).run()
    assert all("rate" not in line for line in drive.lines)


def test_who_goes_on_tells_the_speed_of_its_own_steps() -> None:
    first = Drive(steps=30, validate_every=20, seconds=1.0)
    first.stopping = lambda step: step == 20
    first.run()
    second = first.resumed(steps=30, validate_every=20, seconds=4.0).run()
    assert [line["symbols_per_second"] for line in second.lines if "loss" in line] == [1.0]
