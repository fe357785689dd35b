"""What a command line says of answering, checked against the run before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import click

from melisma.command.verb import Verb
from melisma.errors import Refusal
from melisma.runs.layout import BEST
from melisma.runs.read import read_run
from melisma.settings.describe import described, typed_and_told
from melisma.settings.field import Meaning
from melisma.settings.leaves import Leaf, shape
from melisma.settings.read import build, with_values
from melisma.settings.training import TrainingSettings
from melisma.settings.values import convert
from melisma.settings.words import assignments, from_words
from melisma.tasks import SETTINGS, settings_of

DEVICE = shape(TrainingSettings).leaves["device"]  # the same words say where to answer
STEP: Final = Leaf(
    "step",
    "text",
    False,
    BEST,
    Meaning(
        help="the saved step that answers: best, latest, best-bleu and the like, or a number",
        why="it is what the training was for",
        low=None,
        high=None,
        above=None,
        below=None,
        choices=(),
        called=MappingProxyType({}),
    ),
)
SEARCHES: Final = {task: shape(settings_of(task)).groups["search"] for task in SETTINGS}
"""Task -> the settings of its search."""
ALWAYS: Final = {DEVICE.name: DEVICE, STEP.name: STEP}
LEAVES = {name: leaf for search in reversed(SEARCHES.values()) for name, leaf in shape(search).leaves.items()} | ALWAYS
NAMES = tuple(LEAVES)
HEADING: Final = "Search settings of"


class Saved(NamedTuple):
    """What of a run answers, and where it computes."""

    step: str
    device: str


class Answering(Verb):
    """A verb that lets a run answer: its words may be search settings, and its help lists them."""

    def __init__(self, *args: Any, own: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.own = tuple(own)  # names of settings that this verb has besides

    @property
    def settings(self) -> tuple[str, ...]:
        return (*self.own, *NAMES)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        for task, search in SEARCHES.items():
            with formatter.section(f"{HEADING} {task}, with what holds unless the run has its own"):
                leaves = shape(search).leaves.values()
                formatter.write_dl([typed_and_told(one, one.default) for one in map(described, leaves)])
        with formatter.section("Settings of all"):
            formatter.write_dl([typed_and_told(one, one.default) for one in map(described, ALWAYS.values())])


def split(words: Sequence[str], own: Sequence[str] = ()) -> tuple[dict[str, list[str]], list[str]]:
    """Words as settings, of which the verb may have its ``own``, and inputs; a setting of training is none of both."""
    groups = {group for task in SETTINGS for group in shape(settings_of(task)).groups}
    return assignments(words, (*own, *NAMES), groups=groups)


def options(run: str, given: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any], Saved]:
    """The search settings that were typed, the step and the device; Refusal where they, or the run, are not right."""
    searched = {name: words for name, words in given.items() if name not in (STEP.name, DEVICE.name)}
    saved = Saved(_one(STEP, given), _one(DEVICE, given))
    found = read_run(run)
    settings: Any = build(settings_of(found.task), found.settings)
    values = from_words(type(settings.search), searched)
    with_values(settings.search, values)
    return values, saved


def _one(leaf: Leaf, given: Mapping[str, Sequence[str]]) -> str:
    words = given.get(leaf.name, [leaf.default])
    if len(words) > 1:
        raise Refusal(f"setting {leaf.name} is given {len(words)} times ({', '.join(words[:3])}): wants one")
    value: str = convert(leaf, words[0])
    return value
