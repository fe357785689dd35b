"""A training whose loss got worse says so at its end, and one that only overfits does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from training.test_fit import Counter, Drive

from melisma.task import Tally


class Sinking(Counter):
    """Counts, with losses as they are given."""

    losses: Callable[[int], float]

    def advance(self) -> Mapping[str, Tally]:
        super().advance()
        return {"symbols": Tally(4 * self.losses(self.step), 4)}


def warned(loss: Callable[[int], float], valid: Callable[[int], float] | None = None, **more: Any) -> str:
    """The note at the end of a training whose steps have these losses, and its validations those."""
    drive = Drive(
        lambda step: {"bleu": 1.0} | ({} if valid is None else {"loss": valid(step)}), validate_every=50, **more
    )
    drive.learner.__class__ = Sinking
    drive.learner.losses = loss
    drive.run()
    assert [progress.kind for progress in drive.warnings] in ([], ["note"])
    return drive.warnings[0].text if drive.warnings else ""


def test_a_training_that_diverged_ends_with_a_warning() -> None:
    said = warned(lambda step: 3.0 if step < 100 else 9.0, lambda step: 2.9 if step < 100 else 8.0, steps=200)
    assert said.startswith("warning: the loss ended at 8 and was 2.9 at its best: the training diverged; ")
    assert "a smaller training.rate (it was 0.002) or a smaller training.clip (1, " in said
    assert "ended at 9 and began at 4" in warned(lambda step: 4.0 if step == 1 else 9.0, steps=200)
    patient = warned(lambda step: 3.0 if step < 90 else 9.0, lambda step: 2.9 if step < 90 else 8.0, patience=2)
    assert "ended at 8" in patient


def test_what_is_no_divergence_is_not_warned_of() -> None:
    assert warned(lambda step: 4.0 / step, lambda step: 4.0 / step, steps=200) == ""
    assert warned(lambda step: 0.1, lambda step: 2.0 + step / 50, steps=200) == "", "overfitting has another cure"
    assert warned(lambda step: 4.0 + 0.2 * (step % 3), steps=200) == "", "noise"
    assert warned(lambda step: 0.4, lambda step: 0.001 if step < 100 else 0.4, steps=200) == "", "next to nothing"
