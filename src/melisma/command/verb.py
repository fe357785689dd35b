"""What all verbs do with their words: after ``--`` all are inputs, and a slip is said in a sentence with an example."""

from __future__ import annotations

import click

from melisma.errors import Refusal
from melisma.settings.leaves import shape
from melisma.settings.names import either, meant, nearest
from melisma.settings.show import shown
from melisma.tasks import SETTINGS, settings_of

SHIELD = "\0"  # stands before a word that click would take for a flag; no word of a command line holds it


class Verb(click.Command):
    """A verb of the command, whose options are flags; the argument ``words``, where it has one, keeps its ``--``."""

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings that may stand among its words."""
        words = any(one.name == "words" for one in self.params)
        return tuple(name for task in SETTINGS for name in shape(settings_of(task)).names) if words else ()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        place = args.index("--") if "--" in args else len(args)
        before = [SHIELD + word if word.startswith("-") and not _is_flag(word) else word for word in args[:place]]
        taken = place + 1 + max(0, self._required - sum(not _is_flag(word) for word in before))
        before += [SHIELD + word for word in args[place + 1 : taken]]
        after = args[taken:]  # click would drop the dashes, and read what follows as settings
        try:
            rest = super().parse_args(ctx, before)
        except click.NoSuchOption as error:
            raise self._no_flag(error.option_name, args) from None
        except click.MissingParameter:
            raise Refusal(f"melisma {self.name} wants {self._wanted()}, for example: {self._example()}") from None
        except click.UsageError as error:
            said = error.format_message().rstrip(".").replace(SHIELD, "")
            raise Refusal(f"{said[:1].lower()}{said[1:]}; right is for example: {self._example()}") from None
        ctx.params.update({name: _unshielded(value) for name, value in ctx.params.items()})
        if after and "words" not in ctx.params:
            raise Refusal(f"melisma {self.name} takes no inputs, and so no --; right is for example: {self._example()}")
        if after:
            ctx.params["words"] = (*ctx.params["words"], "--", *after)
        return rest

    @property
    def _required(self) -> int:
        return sum(isinstance(one, click.Argument) and one.required for one in self.params)

    def _no_flag(self, flag: str, args: list[str]) -> Refusal:
        there = [name for option in self.params if isinstance(option, click.Option) for name in option.opts]
        near = nearest(flag, [*there, "--help"])
        settings = () if near is not None else meant(flag.partition(" ")[0], self.settings)
        if settings:
            value = next((word.partition("=")[2] for word in args if word.startswith(flag + "=")), "")
            written = either([f"{name}={value if 0 < len(value) <= 40 else '…'}" for name in settings])
            return Refusal(f"there is no flag {shown(flag)}: settings are written {written}, without dashes")
        meaning = f"did you mean {near}?" if near else "a text that begins with a dash stands after --"
        return Refusal(f"there is no flag {shown(flag)}: {meaning}")

    def _wanted(self) -> str:
        return " and ".join(
            one.name.upper() for one in self.params if isinstance(one, click.Argument) and one.required and one.name
        )

    def _example(self) -> str:
        lines = [line.strip() for line in (self.help or "").splitlines()]
        return next((line for line in lines if line.startswith("melisma ")), f"melisma {self.name} --help")


def _is_flag(word: str) -> bool:
    """What has a blank in it is a text, unless two dashes and a letter begin it."""
    blank = any(character.isspace() for character in word)
    return word.startswith("-") and word != "-" and (not blank or (word.startswith("--") and word[2:3].isalpha()))


def _unshielded(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_unshielded(one) for one in value)
    return value.removeprefix(SHIELD) if isinstance(value, str) else value
