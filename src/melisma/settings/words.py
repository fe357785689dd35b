"""Command-line words: which are settings, and what they say."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from melisma.errors import Refusal
from melisma.settings.leaves import is_side, shape
from melisma.settings.names import LONGEST, NAME, either, meant, naming_data, not_a_value, resembling, unknown
from melisma.settings.show import shown


def assignments(
    words: Sequence[str], names: Iterable[str], *, strict: bool = False, groups: Collection[str] = ()
) -> tuple[dict[str, list[str]], list[str]]:
    """Splits words into settings (name to values, in the order given) and inputs.

    A word is a setting only if a known name stands before its first ``=``; after a word ``--`` all are inputs.
    What is all but a known name there, or dotted behind one of ``groups``, is refused with the name that was meant.
    ``strict`` is for verbs that take no input: there any other word is refused so.
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
            raise _files(words[place:], known) or _stranger(word, known)
        else:
            _no_slip(word, known, groups)
            inputs.append(word)
    if strict and inputs:
        raise Refusal(f"found the input {shown(inputs[0])}: wants settings (name=value) and no inputs")
    return given, inputs


def _no_slip(word: str, known: Sequence[str], groups: Collection[str]) -> None:
    """Refuses an input that must be a setting with a slip in its name."""
    name, equals, value = word.partition("=")
    if not equals or not NAME.fullmatch(name) or len(name) > LONGEST:
        return
    near = resembling(name, known)
    if near:
        raise Refusal(f"unknown setting {name}: did you mean {_assigned(near, value)}? (after -- it is text)")
    if "." in name and name.partition(".")[0].lower() in groups:
        raise Refusal(f"unknown setting {name}: known here are those that --help lists (after -- it is text)")


def _assigned(names: Sequence[str], value: str) -> str:
    return either([f"{name}={value if len(value) <= LONGEST else '…'}" for name in names])


def _files(words: Sequence[str], known: Sequence[str]) -> Refusal | None:
    """The refusal of files that stand without the setting that names data, where there is one; or None."""
    name = next((name for name in ("data.train", "data") if name in known), None)
    sides = words[0].split(",")
    if len(sides) == 1:
        sides += [word for word in words[1:2] if is_side(sides[0]) and os.path.isfile(word) and is_side(word)]
    if name is None or len(sides) > 2 or not all(os.path.isfile(side) for side in sides):
        return None
    return Refusal(f"found {shown(words[0])} without its name: did you mean {name}={','.join(sides)}?")


def _stranger(word: str, known: Sequence[str]) -> Refusal:
    """The refusal of a word that is no setting where only settings are wanted."""
    name, equals, value = word.partition("=")
    asked = name.lstrip("-")
    if not NAME.fullmatch(asked) or len(asked) > LONGEST:
        return Refusal(f"found {shown(word)}: wants settings, each as name=value")
    if equals and (other := naming_data(asked, known)) is not None:
        return other
    if any(other.startswith(asked + ".") for other in known):
        inside = [other for other in known if other.startswith(asked + ".")]
        return Refusal(f"{asked} is a group of settings: wants one of {', '.join(inside)}")
    if not equals:
        named = [other for other in resembling(asked, known) if other.rpartition(".")[2] == asked.rpartition(".")[2]]
        wanted = f"did you mean {either([f'{one}=…' for one in named])}?" if named else "wants settings as name=value"
        return Refusal(f"found {shown(word)}: {wanted}")
    near = meant(asked, known)
    if not near:
        some = ", ".join(known[:6]) + (" …" if len(known) > 6 else "")
        return Refusal(f"unknown setting {asked}: nothing known has a name like it, wants one of {some}")
    return Refusal(f"unknown setting {name}: did you mean {_assigned(near, value)}?")


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
