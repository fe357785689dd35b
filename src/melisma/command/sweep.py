"""``melisma sweep``: which lever improves a model, and which does not."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING, Any

import click

from melisma.command.complete import folders, recipe_names, settings
from melisma.command.course import Stop
from melisma.command.talk import LiveLine, ReaderGone, duration, put, put_json, say, table
from melisma.command.verb import Verb
from melisma.errors import Busy, Interrupted, Refusal
from melisma.settings.leaves import shape
from melisma.settings.read import build
from melisma.settings.show import shown
from melisma.settings.sweep import SweepSettings
from melisma.settings.toml import read_toml
from melisma.settings.words import assignments, from_words
from melisma.tasks import settings_of
from melisma.tasks.recipe import recipe as recipe_of

if TYPE_CHECKING:
    from melisma.api.sweep import News
    from melisma.api.sweep_pages import Found


@click.command(name="sweep", cls=Verb)
@click.argument("recipe", shell_complete=recipe_names)
@click.argument("out", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="progress and what was found as JSON lines on stdout")
@click.option("--quiet", is_flag=True, help="no progress: only notes, what was found, and what goes wrong")
def command(recipe: str, out: str, words: tuple[str, ...], as_json: bool, quiet: bool) -> int:
    """Trains RECIPE again and again into the folder OUT, to find what improves it: more data, a wider model, a longer
    training or another size of batch. Each value is trained with several seeds; a difference within their spread is
    said to be nothing. The same command goes on with a sweep that was stopped.

    \b
    vary=data,hidden,epochs,batch  the levers
    points=4                       values of each lever, the recipe's own among them
    seeds=3                        trainings of each value
    processes=1                    trainings at once
    storage=none                   a database for Optuna's results; none: sweep.db in OUT

    All other settings are those of melisma train and hold for every training.

    \b
    melisma sweep dates sweeps/dates
    melisma sweep translate sweeps/en-de data.train=train.en,train.de vary=data,hidden points=3 processes=2
    """
    plan, layers = _asked(recipe, words, out)
    try:
        from melisma.api.sweep import sweep
    except ModuleNotFoundError as error:
        raise Refusal(f"there is no package {error.name}: melisma sweep wants pip install 'melisma[sweep]'") from None

    stop, again = Stop(), shlex.join(["melisma", "sweep", recipe, out, *words])
    found = None
    news = sweep(recipe, out, plan, *layers, stopped=stop)
    try:
        with stop:
            for one in news:
                found = one.found or found
                _tell(one, as_json=as_json, quiet=quiet)
    except (Interrupted, Busy) as error:
        raise type(error)(f"{error}; next: {again}") from None
    except KeyboardInterrupt:
        raise Interrupted(f"stopped at once; next: {again} goes on from what is saved") from None
    if found is not None and not as_json:
        _put(found)
    return 1 if found is not None and found.failed else 0


def _asked(recipe: str, words: tuple[str, ...], out: str) -> tuple[SweepSettings, list[dict[str, Any]]]:
    """What a command line says of the sweep and of its trainings, checked before anything heavy is loaded."""
    chosen = recipe_of(recipe)
    cls: type[Any] = settings_of(chosen.task)
    own, names = shape(SweepSettings).names, shape(cls).names
    if out.partition("=")[0] in (*own, *names) or out.endswith(".toml"):
        raise Refusal(f"{shown(out)} stands where the folder is wanted: melisma sweep RECIPE OUT name=value …")
    files = [word for word in words if word.endswith(".toml") and "=" not in word]
    given, _ = assignments([word for word in words if word not in files], (*own, *names), strict=True)
    mine = {name: given.pop(name) for name in own if name in given}
    plan = build(SweepSettings, from_words(SweepSettings, mine))
    layers = [*(read_toml(file) for file in files), from_words(cls, given)]
    build(cls, chosen.under(*layers), *layers).data.ready()

    return plan, layers


def _tell(news: News, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        with contextlib.suppress(ReaderGone):  # the trainings are what was asked for
            put_json(_plain(news))
    if news.kind in ("note", "failed"):
        say(news.text)
    else:
        LiveLine(quiet or as_json).above(_line(news))


def _line(news: News) -> str:
    if news.kind != "trained":
        return news.text
    left = f", about {duration(news.left)} left" if news.left else ""
    return f"{news.done}/{news.of} {news.text}{left}"


def _put(found: Found) -> None:
    """The table and the sentences."""
    for line in table(found.table):
        put(line)
    put("")
    for sentence in found.advice:
        put(sentence)


def _plain(news: News) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": news.kind, "done": news.done, "of": news.of}
    told |= {"text": news.text} if news.text else {}
    told |= {"left": round(news.left, 1)} if news.left is not None else {}
    if (found := news.found) is not None:
        told |= {
            "measure": found.scale.measure,
            "better": "higher" if found.scale.higher else "lower",
            "levers": [
                {
                    "lever": curve.lever,
                    "setting": curve.setting,
                    "points": [
                        {
                            "times": point.factor,
                            "value": point.label,
                            "settings": point.words,
                            "mean": point.middle(found.scale.measure),
                            "spread": point.spread(found.scale.measure),
                            "seconds": point.seconds,
                            "parameters": point.parameters,
                            "failed": point.failed,
                            "trainings": [
                                {"seed": seed, "step": one.step, "seconds": one.seconds, "scores": dict(one.scores)}
                                for seed, one in point.trained.items()
                            ],
                        }
                        for point in curve.points
                    ],
                }
                for curve in found.curves
            ],
            "advice": list(found.advice),
            "failed": dict(found.failed),
        }
    return told
