"""Where a run's data lies: kept as seen from the run, and recognised again by its SHA-256."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from melisma.errors import Refusal
from melisma.files.made import is_made
from melisma.files.opening import at_home, require_file
from melisma.files.signed import sha256_of
from melisma.quoting import named
from melisma.runs.read import Run
from melisma.settings.leaves import shape


def seen_from(run: Path, settings: Any) -> Any:
    """The settings with each data file as seen from the run: both can move together, no absolute path is kept."""
    home = os.path.realpath(run)
    return _mapped(settings, lambda path: os.path.relpath(_real(path), home))


def seen_from_here(run: Path, settings: Any, given: Collection[str] = ()) -> Any:
    """The settings of a run with each data file as seen from the working directory.

    Refusal where the run names one by an absolute path, unless that setting (``train``, …) is ``given`` anew: a run
    from elsewhere must not choose what is opened here.
    """
    for name, corpora in _corpora(settings):
        for path in (path for corpus in corpora if not is_made(corpus) for path in corpus):
            if os.path.isabs(path) and name not in given:
                raise Refusal(
                    f"{run}: data.{name} in its run.json is the absolute path {named(path)}, which is not opened; "
                    f"where the data lies is wanted: data.{name}=…"
                )
    home = os.path.realpath(run)
    return _mapped(settings, lambda path: os.path.relpath(os.path.join(home, path)))


def as_given(settings: Any) -> Any:
    """The settings with each data file in its one spelling as seen from the working directory."""
    return _mapped(settings, lambda path: os.path.relpath(_real(path)))


def _real(path: str) -> str:
    """The place of a file that stays right if folders on the way are links; a file that is a link stays itself."""
    folder, name = os.path.split(os.path.abspath(at_home(path)))
    return os.path.join(os.path.realpath(folder), name)


def _mapped(settings: Any, change: Callable[[str], str]) -> Any:
    moved = {
        name: tuple(corpus if is_made(corpus) else tuple(map(change, corpus)) for corpus in corpora)
        for name, corpora in _corpora(settings)
    }
    return replace(settings, data=replace(settings.data, **moved))


def _corpora(settings: Any) -> list[tuple[str, tuple[Any, ...]]]:
    values = [(field.name, getattr(settings.data, field.name)) for field in fields(settings.data)]
    return [
        (name, value)
        for name, value in values
        if isinstance(value, tuple) and all(isinstance(corpus, tuple) for corpus in value)
    ]


def signatures(run: Path, found: Mapping[str, Any]) -> dict[str, Any]:
    """The signature of each data file under its name as seen from the run."""
    home = os.path.realpath(run)
    return {os.path.relpath(_real(path), home): signature for path, signature in found.items()}


def require_there(settings: Any, given: Collection[str] = ()) -> None:
    """Refusal where a data file of a run is not there, with the setting that says where it lies now.

    ``given`` are the settings (``train``, …) that say so already.
    """
    for name, corpora in _corpora(settings):
        for path in (path for corpus in corpora if not is_made(corpus) for path in corpus):
            try:
                if not os.path.isdir(at_home(path)):
                    require_file(path)
            except Refusal as error:
                if name in given:
                    raise
                names = [other for other, files in _corpora(settings) if other not in given and not _there(files)]
                say = " and ".join(f"data.{other}=…" for other in names)
                raise Refusal(f"{error}; where the data lies now is said with {say}") from None


def _there(corpora: Sequence[Sequence[str]]) -> bool:
    return all(is_made(corpus) or all(map(os.path.exists, corpus)) for corpus in corpora)


def twice(settings: Any, example: str = "pair") -> list[str]:
    """A warning for each corpus whose two sides are one file, and for each that is named twice; ``example`` is what it
    is made of."""
    notes = []
    for name, corpora in _corpora(settings):
        known: set[tuple[str, ...]] = set()
        for corpus in corpora:
            where = named(",".join(corpus))
            lies = tuple(corpus) if is_made(corpus) else tuple(os.path.realpath(at_home(path)) for path in corpus)
            if len(lies) == 2 and lies[0] == lies[1]:
                notes.append(f"warning: data.{name}={where}: both sides are one file, so only copying can be learned")
            if lies in known:
                notes.append(f"warning: data.{name}={where} is given twice, so each of its {example}s counts double")
            known.add(lies)
    return list(dict.fromkeys(notes))


def check_unchanged(run: Run, found: Mapping[str, Any]) -> None:
    """Refusal where a data file is not what it was when the training began; it may have moved."""
    known = _told(run)
    now = list(found.values())
    for path, before, after in zip(found, known, now):
        if any(before.get(name) != after.get(name) for name in ("sha256", "audio")):
            raise Refusal(
                f"{named(path)} has changed since this training began: wanted is the file as it was, "
                "or a new training in another folder"
            )
    if len(known) != len(now):
        raise Refusal(
            f"there are {len(now)} data files and this training began with {len(known)}: "
            "wanted are the same, or a new training in another folder"
        )


def check_known(run: Run, corpora: Sequence[Sequence[str]]) -> None:
    """Refusal where a file of the corpora is none of those that the training has read, as they were then."""
    known = set(_known(run))
    for path in (path for corpus in corpora if not is_made(corpus) for path in corpus):
        if _sha256(path) not in known:
            raise Refusal(f"{named(path)} has changed since this training began")


def learned_from(run: Run, settings: Any, corpora: Sequence[Sequence[str]]) -> list[str]:
    """A warning for each corpus whose files the model of this run has learned from."""
    learned = [corpus for name, corpora in _corpora(settings) if name in _learned(settings) for corpus in corpora]
    files = {path for corpus in learned if not is_made(corpus) for path in corpus}
    trained = set(_known(run)[: len(files)])  # those of the training data stand first
    made = {corpus[0] for corpus in learned if is_made(corpus)}
    return [
        f"warning: the model has learned from {named(','.join(corpus))} itself; "
        "scores on it tell what was remembered, not what was learned"
        for corpus in corpora
        if (corpus[0] in made if is_made(corpus) else trained.issuperset(map(_sha256, corpus)))
    ]


def _learned(settings: Any) -> list[str]:
    return [name.partition(".")[2] for name in shape(type(settings)).learned]


def _known(run: Run) -> list[str]:
    """The SHA-256 of each data file when the training began, in the order in which they were read."""
    return [str(signature.get("sha256")) for signature in _told(run)]


def _told(run: Run) -> list[dict[str, Any]]:
    """What the run says of each data file."""
    told = run.record.get("data")
    return [one for one in told.values() if isinstance(one, dict)] if isinstance(told, dict) else []


def _sha256(path: str) -> str:
    return sha256_of(at_home(path))
