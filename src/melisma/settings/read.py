"""Settings objects from names and values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from melisma.errors import Refusal
from melisma.settings.leaves import Shape, shape
from melisma.settings.names import not_a_value, unknown
from melisma.settings.show import shown
from melisma.settings.values import convert

T = TypeVar("T")


def build(cls: type[T], *layers: Mapping[str, Any]) -> T:
    """A settings object from nested or dotted names; what is not named keeps its default.

    A later layer replaces what an earlier one says (recipe, settings file, command line). Values are Python's,
    JSON's or TOML's, or the words of a command line. Names and values that don't fit, and what the classes' own
    ``check`` finds contradictory in the end, are refused. The layers after the first are what somebody asked for: their
    names go to ``check_given``, where the class has one, which refuses what would be without effect.
    """
    known = shape(cls)
    given: dict[str, Any] = {}
    for layer in layers:
        given |= _flatten(layer, known)
    made = {name: convert(known.leaves[name], value) for name, value in given.items()}
    built: T = _construct(cls, "", made, known)
    check_given = getattr(built, "check_given", None)
    if callable(check_given):
        check_given({name for layer in layers[1:] for name in _flatten(layer, known)})
    return built


def with_values(settings: T, values: Mapping[str, Any]) -> T:
    """The same settings with some values replaced; all of them are checked as by `build`."""
    return build(type(settings), flat(settings), values)


def plain(settings: object) -> dict[str, Any]:
    """The settings as nested dicts, lists, texts, numbers and None: what JSON can hold and `build` reads back."""
    known = shape(type(settings))
    result: dict[str, Any] = {}
    for name in known.groups:
        _inside(result, name)
    for name, value in flat(settings).items():
        group, _, last = name.rpartition(".")
        _inside(result, group)[last] = listed(value)
    return result


def differences(old: object, new: object) -> list[tuple[str, Any, Any]]:
    """What two settings objects of one class differ in: dotted name, old value, new value, in the class's order."""
    if type(old) is not type(new):
        raise TypeError(f"settings of two classes: {type(old).__name__} and {type(new).__name__}")
    before, after = flat(old), flat(new)
    return [(name, before[name], after[name]) for name in before if before[name] != after[name]]


def flat(settings: object) -> dict[str, Any]:
    """Every value by its dotted name, in the order written."""
    found: dict[str, Any] = {}
    for name in shape(type(settings)).leaves:
        value: Any = settings
        for part in name.split("."):
            value = getattr(value, part)
        found[name] = value
    return found


def idle(settings: object) -> frozenset[str]:
    """Dotted names of the settings that change nothing beside the others, as the groups' own ``idle`` tell."""
    groups = {name.partition(".")[0] for name in shape(type(settings)).leaves if "." in name}
    tells = {name: getattr(getattr(settings, name), "idle", dict) for name in groups}
    return frozenset(f"{name}.{own}" for name, tell in tells.items() for own, (absent, *_) in tell().items() if absent)


def _flatten(values: object, known: Shape) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise Refusal(f"settings: found {shown(values)}, wants a table of names and values")
    found: dict[str, Any] = {}
    _gather(values, "", known, found)
    return found


def _gather(values: Mapping[Any, Any], prefix: str, known: Shape, into: dict[str, Any]) -> None:
    """Puts values under dotted names; it goes no deeper than the class does, however deep the values nest."""
    for key, value in values.items():
        if not isinstance(key, str):
            raise Refusal(f"settings{' in ' + prefix[:-1] if prefix else ''}: found the name {shown(key)}, wants text")
        name = prefix + key
        if name in known.groups:
            if type(value) is known.groups[name]:
                value = plain(value)
            if not isinstance(value, Mapping):
                raise not_a_value(name, shown(value), known)
            _gather(value, name + ".", known, into)
        elif name not in known.leaves:
            raise unknown(name, known)
        elif name in into:
            raise Refusal(f"setting {name} is given twice ({shown(into[name])}, {shown(value)}): wants one")
        else:
            into[name] = value


def _construct(cls: type, prefix: str, made: Mapping[str, Any], known: Shape) -> Any:
    parts: dict[str, Any] = {}
    for field in fields(cls):
        name = prefix + field.name
        if name in known.groups:
            parts[field.name] = _construct(known.groups[name], name + ".", made, known)
        else:
            parts[field.name] = made[name] if name in made else known.leaves[name].default
    built = cls(**parts)
    check = getattr(cls, "check", None)
    if callable(check):
        try:
            check(built)
        except Refusal as refusal:
            raise Refusal(f"{prefix[:-1]}: {refusal}" if prefix else str(refusal)) from None
    return built


def _inside(result: dict[str, Any], group: str) -> dict[str, Any]:
    for part in group.split(".") if group else ():
        result = result.setdefault(part, {})
    return result


def given_in(layer: Mapping[str, Any], group: str, name: str) -> list[Any]:
    """The value of a setting in a layer, nested or dotted, in a list; empty where the layer says nothing of it."""
    if f"{group}.{name}" in layer:
        return [layer[f"{group}.{name}"]]
    inner = layer.get(group)
    return [inner[name]] if isinstance(inner, Mapping) and name in inner else []


def listed(value: Any) -> Any:
    """Tuples as lists, at any depth: as JSON has them."""
    return [listed(item) for item in value] if isinstance(value, tuple) else value
