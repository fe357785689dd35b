"""Where a run is, and where one may be begun: all that can be known before anything is made."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import shlex
import unicodedata
from pathlib import Path

from melisma.errors import Busy, Refusal
from melisma.quoting import shown_path
from melisma.runs.disk import PASSING, TRASH, Disk, is_passing, probe, reason
from melisma.runs.holder import holder
from melisma.runs.layout import CODEC, LOCK, MEBIBYTE, RUN, STEPS
from melisma.runs.plain import shown
from melisma.runs.tensors import foreign

_INSIDE = 150  # bytes that the longest path within a run has at most
_LOOKED_AT = 1000  # names in a folder, when near ones are sought
_LINE_OR_SURROGATE = ("Cc", "Cs", "Zl", "Zp")
_TURNS_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_run(path: Path) -> bool:
    """Whether a run was begun here (its ``run.json`` is there); no path is so strange that asking fails."""
    try:
        return os.path.lexists(path / RUN)
    except ValueError:
        return False


def describe_missing(path: Path) -> str:
    """Why ``path`` is not a run, what is wanted, and which runs have a name like it."""
    where = shown_path(path)
    try:
        if path.is_file():
            return f"{where} is {_kind(path)}; the folder of a run is wanted"
        if path.is_dir():
            weights = [name for name in _names(path) if name.endswith((".pt", ".pth", ".bin", ".pkl", ".ckpt"))]
            if weights:
                return f"{where} is not a run: it has no {RUN}, and pickles such as {shown(weights[0])} are not opened"
            fault = f"{where} is not a run: it has no {RUN}"
        else:
            fault = f"{where} does not exist, the folder of a run is wanted"
        near = near_runs(path)
    except OSError as error:
        return f"{where} is not a run: {reason(error)}"
    return f"{fault}; did you mean {' or '.join(near)}?" if near else fault


def _kind(path: Path) -> str:
    try:
        with path.open("rb") as file:
            what = foreign(file.read(16))
    except OSError:
        what = None
    return f"{what}: pickles are not opened" if what else "a file"


def near_runs(path: Path) -> list[str]:
    """Up to three runs in the folder itself, beside it or under ``runs/`` whose names are like the one asked for."""
    within = [str(path / name) for name in _names(path) if is_run(path / name)] if path.is_dir() else []
    if within:
        return within[:3]
    beside = {name: path.parent / name for name in _names(path.parent) if is_run(path.parent / name)}
    usual = Path("runs")
    beside |= {name: usual / name for name in _names(usual) if name not in beside and is_run(usual / name)}
    return [str(beside[name]) for name in difflib.get_close_matches(path.name, beside, n=3, cutoff=0.6)]


def _names(folder: Path) -> list[str]:
    names: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            names.append(entry.name)
            if len(names) == _LOOKED_AT:
                break
    return sorted(names)


def check_new(path: Path, room: int, disk: Disk) -> None:
    """Refusal where a run cannot be begun at ``path``, Busy where one is being trained; leaves the disk as it was.

    ``room`` is how many bytes the training is expected to need at once.
    """
    _check_name(path)
    try:
        check_link(path)
        if is_run(path) and (other := holder(path)) is not None:
            raise busy(path, other)
        check_free(path)
        nearest = next(folder for folder in (path, *path.absolute().parents) if os.path.lexists(folder))
        if not nearest.is_dir():
            raise Refusal(f"{shown_path(path)} cannot be made: {shown_path(nearest)} is not a folder")
        _check_lengths(path, nearest)
        wanted = room + MEBIBYTE
        free = disk.free(nearest)
        if free is not None and free < wanted:
            raise Refusal(f"{shown_path(path)}: the disk has {size(free)} free, {size(wanted)} are wanted")
        probe(disk, nearest)
    except OSError as error:
        raise Refusal(f"{shown_path(path)} cannot be made: {reason(error)}") from None


def _check_name(path: Path) -> None:
    text = str(path)
    if not path.name or path.name in (".", ".."):
        raise Refusal(f"{shown_path(path)} is no name for a run, a new folder such as runs/first is wanted")
    if any(unicodedata.category(sign) in _LINE_OR_SURROGATE or sign in _TURNS_TEXT for sign in text):
        raise Refusal(f"{shown_path(path)} holds a control character, a name of visible characters is wanted")
    if text.startswith("-") or path.name.startswith("-"):
        raise Refusal(f"{shown_path(path)} begins with a dash and would be taken for a flag, choose another")
    if path.name.startswith((PASSING, TRASH)):
        raise Refusal(f"{shown_path(path)} begins like the names of passing files, choose another")


def _check_lengths(path: Path, nearest: Path) -> None:
    name_limit, path_limit = os.pathconf(nearest, "PC_NAME_MAX"), os.pathconf(nearest, "PC_PATH_MAX")
    if max(len(os.fsencode(part)) for part in path.parts) > name_limit or len(os.fsencode(path)) + _INSIDE > path_limit:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


def check_link(path: Path) -> None:
    """Refusal where ``path`` is a link that somebody else made, or that leads nowhere."""
    if not path.is_symlink():
        return
    if os.lstat(path).st_uid != os.geteuid():
        raise Refusal(f"{shown_path(path)} is a link that belongs to another user, a folder of your own is wanted")
    if not path.exists():
        raise Refusal(f"{shown_path(path)} is a link that leads nowhere, a folder is wanted")


def check_free(path: Path) -> None:
    """Refusal where something is at ``path`` already, other than what a run left that died before it had begun."""
    if is_run(path):
        where = shown_path(path)
        raise Refusal(
            f"{where} is there already: choose another folder, or go on with it: melisma resume {shlex.quote(where)}"
        )
    if os.path.lexists(path) and not path.is_dir():
        raise Refusal(f"{shown_path(path)} is a file, the name of a new folder is wanted")
    if path.is_dir():
        strange = [name for name in os.listdir(path) if not _of_beginning(path, name)]
        if strange:
            raise Refusal(f"{shown_path(path)} is not empty (it has {shown(min(strange))}): choose another folder")


def busy(path: Path, other: str) -> Busy:
    """What to say where another process trains the run at ``path``."""
    return Busy(f"{shown_path(path)} is being trained by {other}: wait until that ends")


def _of_beginning(path: Path, name: str) -> bool:
    """Whether this is what a run leaves that died before it had begun: ``run.json`` is always the last to come."""
    if name == STEPS:
        return not (path / STEPS).is_symlink() and not os.listdir(path / STEPS)
    return name in (LOCK, CODEC) or is_passing(name)


def step_room(parameters: int, copies: int = 0) -> int:
    """Bytes that a saved step takes: weights, their averages, two moments of each, and copies of earlier weights."""
    return 4 * (4 + copies) * parameters


def run_room(parameters: int, keep: int, measures: int, copies: int = 0) -> int:
    """Bytes that a run takes at most: ``keep`` steps, the best by loss and by each measure, and one being written."""
    return step_room(parameters, copies) * (keep + 1 + measures + 1)


def size(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
