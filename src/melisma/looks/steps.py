"""What a decoder says at every step: after the target's symbols, and after its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from melisma.errors import Refusal
from melisma.report.charts import MOST
from melisma.task import Figure
from melisma.tasks.stepping import Said, stepped
from melisma.text.unicode import normalise


def steps(network: Any, codec: Any, source: str, target: str | None, search: Any) -> Figure:
    """The steps of a model from ``<start>`` to ``<end>``, teacher-forced beside free-running.

    Without a ``target`` it is the model's own answer, as ``search`` finds it. At each step stand
    what went in, the prediction with its probability and the runners-up; under teacher forcing the target with its
    probability as well. ``parting`` is the first step at which the free-running model says something else than the
    target. Raises Refusal for a blank source, and for texts too long to be looked at.
    """
    if not normalise(source):
        raise Refusal("the input is blank, so there is nothing to look at: a text is wanted")
    _refuse_long("input", codec.source.encode([source])[0])
    if target is not None:
        _refuse_long("target", codec.target.encode([target])[0])
    found = stepped(network, codec, source, target, search)
    heading = [normalise(source), found.target]
    data = {
        "heading": heading,
        "given": target is not None,
        "forced": list(map(_plain, found.forced)),
        "free": list(map(_plain, found.free)),
        "parting": found.parting,
    }
    return Figure(" → ".join(heading) + ", step by step", "steps", data)


def _refuse_long(what: str, symbols: Sequence[int]) -> None:
    if len(symbols) >= MOST:
        raise Refusal(
            f"the {what} has {len(symbols):,} symbols; of less than {MOST} the steps can be read: "
            "a shorter text is wanted"
        )


def _plain(said: Said) -> dict[str, Any]:
    told: dict[str, Any] = {"heard": said.heard, "says": said.says, "share": said.share}
    told["others"] = [list(other) for other in said.others]
    return told if said.wanted is None else told | {"wanted": said.wanted, "likely": said.likely}
