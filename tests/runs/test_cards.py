"""What the card says of a training's course, from a log of any length."""

from __future__ import annotations

import json
from pathlib import Path

from melisma.runs import card
from melisma.runs.layout import LOG


def test_the_latest_validations_and_the_last_step_are_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(card, "SHOWN", 3)
    lines = [{"step": step, "valid": {"loss": step / 2}} if step % 2 else {"step": step} for step in range(1, 13)]
    text = "".join(json.dumps(line) + "\n" for line in lines) + "broken\n" + json.dumps({"step": 99})
    (tmp_path / LOG).write_text(text)
    assert card._course(tmp_path, {"steps": 20}) == [
        ("steps", "12 of 20"),
        ("valid at step 7", "loss 3.5"),
        ("valid at step 9", "loss 4.5"),
        ("valid at step 11", "loss 5.5"),
    ]
