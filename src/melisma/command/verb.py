"""What all verbs do with their words: after ``--`` all are inputs, and a slip is said in a sentence with an example."""

from __future__ import annotations

import click

from melisma.errors import Refusal
from melisma.settings.leaves import shape
from melisma.settings.names import nearest
from melisma.settings.show import shown
from melisma.tasks import SETTINGS, settings_of


class Verb(click.Command):
    """A verb of the command; the argument ``words``, where it has one, keeps its ``--``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        place = args.index("--") if "--" in args else len(args)
        inputs = args[place:]  # click would drop the dashes, and read what follows as settings
        try:
            rest = super().parse_args(ctx, args[:place])
        except click.NoSuchOption as error:
            raise self._no_flag(error.option_name) from None
        except click.MissingParameter:
            raise Refusal(f"melisma {self.name} wants {self._wanted()}, for example: {self._example()}") from None
        except click.UsageError as error:
            said = error.format_message().rstrip(".")
            raise Refusal(f"{said[:1].lower()}{said[1:]}; right is for example: {self._example()}") from None
        if inputs and "words" not in ctx.params:
            raise Refusal(f"melisma {self.name} takes no inputs, and so no --; right is for example: {self._example()}")
        if inputs:
            ctx.params["words"] = (*ctx.params["words"], *inputs)
        return rest

    def _no_flag(self, flag: str) -> Refusal:
        there = [name for option in self.params if isinstance(option, click.Option) for name in option.opts]
        near = nearest(flag, [*there, "--help"])
        setting = nearest(flag, [name for task in SETTINGS for name in shape(settings_of(task)).names])
        if near is None and setting is not None:
            return Refusal(f"there is no flag {shown(flag)}: settings are written {setting}=…, without dashes")
        meant = f"did you mean {near}?" if near else "a text that begins with a dash stands after --"
        return Refusal(f"there is no flag {shown(flag)}: {meant}")

    def _wanted(self) -> str:
        return " and ".join(
            one.name.upper() for one in self.params if isinstance(one, click.Argument) and one.required and one.name
        )

    def _example(self) -> str:
        lines = [line.strip() for line in (self.help or "").splitlines()]
        return next((line for line in lines if line.startswith("melisma ")), f"melisma {self.name} --help")
