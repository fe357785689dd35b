"""Command-line words: which are settings, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from melisma.errors import Refusal
from melisma.settings.leaves import shape
from melisma.settings.names import LONGEST, NAME, nearest, not_a_value, unknown
from melisma.settings.show import shown


def assignments(
    words: Sequence[str], names: Iterable[str], *, strict: bool = False
) -> tuple[dict[str, list[str]], list[str]]:
    """Splits words into settings (name to values, in the order given) and inputs.

    A word is a setting only if a known name stands before its first ``=``; after a word ``--`` all are inputs.
    ``strict`` is for verbs that take no input: any other word is refused, with the name that was probably meant.
    """
    known = tuple(names)
    given: dict[str, list[str]] = {}
    inputs: list[str] = []
    for place, word in enumerate(words):
        if word == "--":
            inputs.extend(words[place + 1 :])
            break
        name, equals, value = word.partition("=")
        if equals and name in known:
            given.setdefault(name, []).append(value)
        elif strict:
            raise _stranger(word, known)
        else:
            inputs.append(word)
    if strict and inputs:
        raise Refusal(f"found the input {shown(inputs[0])}: wants settings (name=value) and no inputs")
    return given, inputs


def _stranger(word: str, known: Sequence[str]) -> Refusal:
    """The refusal of a word that is no setting where only settings are wanted."""
    name, equals, value = word.partition("=")
    asked = name.lstrip("-")
    if not NAME.fullmatch(asked) or len(asked) > LONGEST:
        return Refusal(f"found {shown(word)}: wants settings, each as name=value")
    if any(other.startswith(asked + ".") for other in known):
        inside = [other for other in known if other.startswith(asked + ".")]
        return Refusal(f"{asked} is a group of settings: wants one of {', '.join(inside)}")
    if not equals:
        meant = f"{asked}=…" if asked in known else None
        return Refusal(
            f"found {shown(word)}: " + (f"did you mean {meant}?" if meant else "wants settings as name=value")
        )
    near = nearest(asked, known)
    if near is None:
        some = ", ".join(known[:6]) + (" …" if len(known) > 6 else "")
        return Refusal(f"unknown setting {asked}: nothing known has a name like it, wants one of {some}")
    return Refusal(f"unknown setting {name}: did you mean {near}={value if len(value) <= LONGEST else '…'}?")


def from_words(cls: type, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What `assignments` found, as `build` and `with_values` take it.

    Several words for one setting are several corpora; for any other setting they are refused.
    """
    known = shape(cls)
    values: dict[str, Any] = {}
    for name, words in given.items():
        if name in known.groups:
            raise not_a_value(name, shown(words[0]), known)
        if name not in known.leaves:
            raise unknown(name, known)
        leaf = known.leaves[name]
        if len(words) == 1:
            values[name] = words[0]
        elif leaf.kind == "corpora" and not any(leaf.optional and word.strip().lower() == "none" for word in words):
            values[name] = list(words)
        else:
            raise Refusal(f"setting {name} is given {len(words)} times ({', '.join(map(shown, words[:3]))}): wants one")
    return values
