"""The folder of a sweep: what it is a sweep of, its trainings, and who has taken which of them."""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from melisma.api.data import seen_from, seen_from_here
from melisma.errors import Busy, Refusal
from melisma.quoting import shown_path
from melisma.runs.disk import DISK, reason, replace_file
from melisma.runs.inside import read_inside
from melisma.runs.layout import LIMITS, RUN
from melisma.runs.lock import Lock
from melisma.runs.place import check_new
from melisma.runs.plain import from_json, to_json, wanted
from melisma.settings.read import build, differences, plain
from melisma.settings.show import as_text

PLAN, TRIALS, CLAIMS = "sweep.json", "trials", ".claims"
FORMAT = 1
PATIENCE = 30.0  # seconds to wait while another process begins the same sweep
_STUDY = re.compile(r"[a-z0-9_]{1,60}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True)
class Folder:
    """A sweep that was begun: ``study`` is what its results are kept under."""

    path: Path
    study: str
    precision: str = "auto"  # of all its trainings: were it measured for each, they could not be compared

    def trial(self, name: str) -> Path:
        """Where a training of it lies."""
        return self.path / TRIALS / name

    def claim(self, name: str) -> Lock | None:
        """The right to do a training, which no other sweep has meanwhile; None where one does."""
        folder = self.path / CLAIMS / name
        for each in (folder.parent, folder):
            with contextlib.suppress(FileExistsError):
                DISK.make_folder(each)
        try:
            return Lock.take(folder, DISK)
        except Busy:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Puts a file into the folder."""
        replace_file(DISK, self.path / name, data)


@dataclass(frozen=True)
class Ground:
    """What trainings that are not begun yet stand on."""

    signatures: Mapping[str, Any]  # of the data files, as they are today
    precision: str  # for a sweep that begins


def there(path: Path) -> bool:
    """Whether a sweep was begun here."""
    return (path / PLAN).is_file()


def check_place(path: Path, recipe: str, settings: Any) -> None:
    """Refusal where no such sweep can be begun, or gone on with, at ``path``; nothing is changed."""
    if there(path):
        _read(path, recipe, settings)
    else:
        check_new(path, 0, DISK)


def begin(path: Path, recipe: str, settings: Any, ground: Ground | None) -> Folder:
    """Begins a sweep or goes on with it; Refusal where it is of something else, or its data has changed since.

    Without ``ground`` nothing is to be begun, and the data was not looked at.
    """
    try:
        for missing in [one for one in (*reversed(path.absolute().parents), path) if not one.exists()]:
            with contextlib.suppress(FileExistsError):
                DISK.make_folder(missing)
        with held(path):
            if not there(path):
                record = {
                    "format": FORMAT,
                    "study": f"{recipe}-{secrets.token_hex(6)}",
                    "recipe": recipe,
                    "settings": plain(seen_from(path, settings)),
                    "data": _signed(ground),
                    "precision": settings.training.precision if ground is None else ground.precision,
                }
                replace_file(DISK, path / PLAN, to_json(record, indent=1))
            folder, known = _read(path, recipe, settings)
    except OSError as error:
        raise Refusal(f"{shown_path(path)} cannot be written to: {reason(error)}") from None
    if ground is not None and known != _signed(ground):
        raise Refusal(
            f"the data has changed since the sweep in {shown_path(path)} began: "
            "wanted is the data as it was, or another folder"
        )
    return folder


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Within it no other process begins the sweep at ``path``; Busy where one does for long."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            lock = Lock.take(path, DISK)
            break
        except Busy:
            if time.monotonic() > end:
                raise Busy(f"{shown_path(path)} is just being begun by another process: try again") from None
            time.sleep(0.1)
    try:
        yield
    finally:
        lock.release()


def _signed(ground: Ground | None) -> list[str]:
    """What the data files hold, in the order in which they are read, wherever they lie."""
    return [] if ground is None else [str(signature["sha256"]) for signature in ground.signatures.values()]


def _read(path: Path, recipe: str, settings: Any) -> tuple[Folder, list[str]]:
    """A sweep that was begun, and its data; Refusal where it is one of another recipe or of other settings."""
    where = str(path / PLAN)
    told = from_json(read_inside(path, PLAN, limit=LIMITS[RUN]), where)
    if wanted(told, "format", int, where) != FORMAT:
        raise Refusal(f"{where} is of format {told['format']}, {FORMAT} is wanted: a newer version made it")
    study = wanted(told, "study", str, where)
    if not _STUDY.fullmatch(study):
        raise Refusal(f"{where} has no name of a study such as dates-0123456789ab")
    if wanted(told, "recipe", str, where) != recipe:
        raise _other(path, f"it is of the recipe {told['recipe']!r}")
    before = seen_from_here(path, build(type(settings), wanted(told, "settings", dict, where)))
    changed = differences(seen_from(path, before), seen_from(path, settings))
    if changed:
        name, old, new = changed[0]
        raise _other(path, f"there {name} is {as_text(old)}, now {as_text(new)}")
    precision = wanted({"precision": settings.training.precision} | told, "precision", str, where)
    return Folder(path, study, precision), [str(one) for one in wanted(told, "data", list, where)]


def _other(path: Path, what: str) -> Refusal:
    return Refusal(f"{shown_path(path)} holds another sweep ({what}): the same settings are wanted, or another folder")
