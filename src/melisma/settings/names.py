"""The nearest right name for a wrong one, and the sentences that offer it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final

from melisma.errors import Refusal
from melisma.settings.leaves import Shape
from melisma.settings.show import shown

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
LONGEST: Final = 80  # no setting has a longer name, and comparing costs the product of the lengths
CLOSE: Final = 0.6  # the ratio that difflib's own get_close_matches takes
ALIKE: Final = 0.75  # of four letters one may differ; where text may be meant, less alike is text
ALIKE_SHORT: Final = 0.85  # the same for a name of three letters, which may lack one and have no other
SHORTEST: Final = 3  # letters; a beginning of fewer says nothing
KINDS: Final = ("positive", "negative", "background")
"""What a recording is: of the word, of anything else that is said, or of what is heard where nobody speaks."""
DATA: Final[tuple[str, ...]] = ("data", "data.train", *(f"data.{kind}" for kind in KINDS))
"""What data is given by, in one task and verb or another."""
VALIDATION: Final[tuple[str, ...]] = ("data.valid", *(f"data.valid_{kind}" for kind in KINDS))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name that was probably meant: whole names and last parts are compared; None if nothing is close."""
    if len(name) > LONGEST:
        return None
    asked = _plain(name)
    best, height = None, CLOSE
    for known in names:
        close = _closeness(asked, known.lower())
        if close > height or (close == height and best is None):
            best, height = known, close
    return best


def meant(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The known names that were probably meant: the same but for case, with the same last part, begun, or the nearest.

    There are several where several fit equally well, none where nothing is close.
    """
    known = tuple(names)
    found = _fitting(_plain(name), known) if len(name) <= LONGEST else ()
    if found:
        return found
    near = nearest(name, known)
    return () if near is None else (near,)


def resembling(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """As `meant`, for a word that may be text: there must be little doubt."""
    known, asked = tuple(names), _plain(name)
    if len(name) > LONGEST:
        return ()
    if found := _fitting(asked, known):
        return found
    alike = ALIKE if len(asked) > SHORTEST else ALIKE_SHORT
    close = {one: SequenceMatcher(None, asked, one.lower()).ratio() for one in known} if len(asked) >= SHORTEST else {}
    return tuple(one for one, ratio in close.items() if ratio >= alike and ratio == max(close.values()))


def _plain(name: str) -> str:
    return name.lstrip("-").lower().replace("-", "_")


def _fitting(asked: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """What is named but for its case, else but for its group, else what begins so, else what has it as a word."""
    last = asked.rpartition(".")[2]
    tests: list[Callable[[str, str], bool]] = [lambda whole, end: whole == asked, lambda whole, end: end == last]
    if len(last) >= SHORTEST:
        tests.append(lambda whole, end: whole.startswith(asked) or end.startswith(asked))
        tests.append(lambda whole, end: asked in end.split("_"))
    for test in tests:
        if found := tuple(one for one in known if test(one.lower(), one.lower().rpartition(".")[2])):
            return found
    return ()


def _closeness(asked: str, known: str) -> float:
    """1 for the same name; a right last part under a wrong or missing group beats any misspelling."""
    whole = SequenceMatcher(None, asked, known).ratio()
    last = known.rpartition(".")[2]
    if asked.rpartition(".")[2] == last:
        return max(whole, 0.9 + 0.1 * whole)
    if "." in asked:
        return 0.9 * whole
    return 0.9 * max(whole, SequenceMatcher(None, asked, last).ratio())


def either(words: Sequence[str]) -> str:
    """Words of which one is wanted: ``a``, ``a or b``, ``a, b or c``."""
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def naming_data(name: str, known: Iterable[str]) -> Refusal | None:
    """The refusal of a name under which other tasks, or other verbs, are given data; None: it is none of these."""
    there, alike = set(known), VALIDATION if name in VALIDATION else DATA
    wanted = [one for one in alike if one in there] or [one for one in DATA if one in there]
    if name not in alike or not wanted:
        return None
    listed = [f"{one}=…" for one in wanted]
    given = " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)
    return Refusal(f"found {name}: here data is given as {given}")


def unknown(name: str, known: Shape) -> Refusal:
    """The refusal of a name that a settings class lacks, with the nearest right one and what it is."""
    named = name if NAME.fullmatch(name) and len(name) <= LONGEST else shown(name)
    if (other := naming_data(name, known.leaves)) is not None:
        return other
    near = meant(name, known.leaves)
    if near:
        about = f" ({known.leaves[near[0]].meaning.help})" if len(near) == 1 else ""
        return Refusal(f"unknown setting {named}: did you mean {either(near)}?{about}")
    top = [group + ".…" for group in known.groups if "." not in group]
    top += [leaf for leaf in known.leaves if "." not in leaf]
    return Refusal(f"unknown setting {named}: wants one of {', '.join(top)}")


def not_a_value(group: str, found: str, known: Shape) -> Refusal:
    """The refusal of a plain value for a group of settings; ``found`` is the value in words."""
    if (other := naming_data(group, known.leaves)) is not None:
        return other
    inside = [name for name in known.leaves if name.startswith(group + ".")]
    return Refusal(f"{group} is a group of settings and was given {found}: wants one of {', '.join(inside)}")
