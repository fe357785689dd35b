"""Reading a run: nothing in it is believed before its size and its SHA-256 are what the manifest says."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from melisma.errors import Refusal
from melisma.runs.inside import Missing, Unreadable, check_size, names_inside, opened, read_exactly, read_inside
from melisma.runs.layout import (
    BEST,
    CODEC,
    FILES,
    FORMAT,
    LATEST,
    LIMITS,
    MANIFEST,
    MODEL,
    RUN,
    STATE,
    STEPS,
    TRAINING,
    StepName,
    is_pointer,
    step_name,
)
from melisma.runs.place import describe_missing, is_run
from melisma.runs.plain import from_json, shown, wanted
from melisma.runs.tensors import (
    PREFIX,
    Form,
    Shaped,
    check_header,
    check_shapes,
    from_bytes,
    header_length,
    weight_forms,
)

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
ATTEMPTS = 20  # a pointer that moves on while we read is followed this often
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CHUNK = 2**20


class Newer(Refusal):
    """What a newer version wrote, and this one cannot read: it may well be whole."""


class Damaged(Refusal):
    """What of a run's own description cannot be believed; ``fault`` is the sentence without what can be done."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"{fault}; put back a copy that you kept, or train again into another folder")
        self.fault = fault


@dataclass(frozen=True)
class Run:
    """What a run is, as it was written when its training began."""

    path: Path
    task: str
    recipe: str
    settings: dict[str, Any]
    record: dict[str, Any]  # all of run.json: also data signatures, seeds, versions, machine
    codec: dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A saved step: the model, and with ``training=True`` what resuming needs besides."""

    name: str
    number: int
    model: dict[str, Tensor]
    training: dict[str, Tensor]
    state: dict[str, Any]


class Entry(NamedTuple):
    """What the manifest says of a file."""

    size: int
    sha256: str


# --- run.json and codec.json


def seal(run: Mapping[str, Any], codec: bytes) -> dict[str, Any]:
    """The record as it is written: with the format, what ``codec.json`` must be, and its own SHA-256."""
    record = {"format": FORMAT} | {key: value for key, value in run.items() if key not in ("format", "codec", "sha256")}
    record["codec"] = {"bytes": len(codec), "sha256": hashlib.sha256(codec).hexdigest()}
    return record | {"sha256": _digest(record)}


def _digest(record: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in record.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def check_record(data: bytes, where: str) -> dict[str, Any]:
    """The record that the bytes of a ``run.json`` hold; Refusal where one is not whole or from a newer version."""
    record = from_json(data, where)
    check_format(record, where)
    for key, kind in (("task", str), ("recipe", str), ("settings", dict), ("codec", dict), ("sha256", str)):
        wanted(record, key, kind, where)
    if record["sha256"] != _digest(record):
        raise Refusal(f"{where} was changed after it was written (its SHA-256 differs)")
    return record


def check_format(table: Mapping[str, Any], where: str) -> None:
    """Refusal where ``format`` is not the number that this version reads."""
    number = wanted(table, "format", int, where)
    if number > FORMAT:
        raise Newer(
            f"{where} was made by a newer version: its format is {str(number)[:20]}, this one reads {FORMAT}; "
            "update melisma"
        )
    if number != FORMAT:
        raise Refusal(f"{where} has format {number}, {FORMAT} is wanted")


def read_run(path: str | Path) -> Run:
    """The run in the folder ``path``, checked; Refusal where it is not a run or not whole."""
    path = Path(path)
    record = read_record(path)
    with _believed():
        data = read_inside(path, CODEC, limit=LIMITS[CODEC])
        _compare(data, _entry(record["codec"], f"{path / RUN}, codec"), path / CODEC)
        codec = from_json(data, str(path / CODEC))
    return Run(
        path=path,
        task=record["task"],
        recipe=record["recipe"],
        settings=record["settings"],
        record=record,
        codec=codec,
    )


def read_record(path: Path) -> dict[str, Any]:
    """What ``run.json`` says; Refusal, with near names, where ``path`` is not a run."""
    if not is_run(path):
        raise Missing(describe_missing(path))
    with _believed():
        return check_record(read_inside(path, RUN, limit=LIMITS[RUN]), str(path / RUN))


@contextmanager
def _believed() -> Iterator[None]:
    """Says what can be done where a run's description cannot be believed, which nothing in the folder can mend."""
    try:
        yield
    except (Newer, Unreadable):
        raise
    except Refusal as error:
        raise Damaged(str(error)) from None


# --- pointers and steps


def read_pointer(path: Path, name: str) -> StepName | None:
    """The step that ``latest``, ``best`` or ``best-<measure>`` names; None where there is no such pointer."""
    try:
        data = read_inside(path, name, limit=LIMITS["pointer"])
    except Missing:
        return None
    step = step_name(data.decode("ascii", "replace").removesuffix("\n"))
    if step is None:
        raise Refusal(f"{path / name} holds {data.decode('latin-1')!a}, the name of a step such as 000123 is wanted")
    return step


def pointer_names(path: Path) -> list[str]:
    """The pointers that the run has, sorted."""
    return [name for name in names_inside(path) if is_pointer(name)]


def step_names(path: Path) -> list[StepName]:
    """The steps that the run has, oldest first, whether whole or not."""
    return sorted(found for name in names_inside(path, STEPS) if (found := step_name(name)) is not None)


def find_step(path: Path, name: str) -> StepName:
    """The step that is asked for: ``latest``, ``best`` (latest where none was best), ``best-…``, or a number."""
    if is_pointer(name):
        step = read_pointer(path, name)
        if step is None and name == BEST:
            step = read_pointer(path, LATEST)
        if step is not None:
            return step
    elif re.fullmatch(r"\d{1,12}", name, re.ASCII):
        of_number = [step for step in step_names(path) if step.number == int(name)]
        if of_number:
            return of_number[-1]
    elif (step := step_name(name)) is not None and step in step_names(path):
        return step
    raise Missing(_no_step(path, name))


def _no_step(path: Path, name: str) -> str:
    there = [*pointer_names(path), *dict.fromkeys(str(step.number) for step in step_names(path))]
    if not there:
        return f"{path} holds no saved step yet"
    return f"{path} has no step {shown(name)}, it has {', '.join(there[-12:])}"


def following(path: Path, name: str | StepName, read: Callable[[StepName], T]) -> T:
    """``read`` of the step that ``name`` leads to, once more whenever a training moves the pointer on meanwhile."""
    if isinstance(name, StepName):
        return read(name)
    step = find_step(path, name)
    for _ in range(ATTEMPTS):
        try:
            return read(step)
        except Refusal:
            now = find_step(path, name)
            if now == step:
                raise
            step = now
    return read(step)


def read_manifest(path: Path, step: StepName) -> dict[str, Entry]:
    """Size and SHA-256 of each file of a step."""
    where = str(path / STEPS / str(step) / MANIFEST)
    table = from_json(read_inside(path, STEPS, str(step), MANIFEST, limit=LIMITS[MANIFEST]), where)
    check_format(table, where)
    if wanted(table, "step", int, where) != step.number:
        raise Refusal(f"{where} is of step {table['step']}, {step.number} is wanted")
    files = wanted(table, "files", dict, where)
    if set(files) != set(FILES):
        raise Refusal(f"{where} lists {', '.join(map(shown, sorted(files)))}, wanted are {', '.join(FILES)}")
    return {name: _entry(wanted(files, name, dict, where), f"{where}, {name}") for name in FILES}


def read_better(path: Path, step: StepName) -> tuple[str, ...]:
    """The pointers that led to a step when it was saved, as it was the best so far; ``latest`` is none of them."""
    where = str(path / STEPS / str(step) / MANIFEST)
    told = from_json(read_inside(path, STEPS, str(step), MANIFEST, limit=LIMITS[MANIFEST]), where).get("better")
    names = told if isinstance(told, list) else []
    return tuple(name for name in names if isinstance(name, str) and is_pointer(name) and name != LATEST)


def _entry(told: dict[str, Any], where: str) -> Entry:
    size, digest = wanted(told, "bytes", int, where), wanted(told, "sha256", str, where)
    if size < 0 or _DIGEST.fullmatch(digest) is None:
        raise Refusal(f"{where} has no size from 0 up and SHA-256 of 64 small hexadecimal digits")
    return Entry(size, digest)


def _compare(data: bytes, entry: Entry, path: Path) -> None:
    check_size(len(data), entry.size, path)
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise Refusal(f"{path} is damaged: it is not as it was saved, its SHA-256 differs")


def _limit(name: str) -> int:
    return LIMITS[STATE] if name == STATE else LIMITS["tensors"]


def read_file(path: Path, step: StepName, name: str, entry: Entry) -> bytes:
    """The bytes of one file of a step, which are what was written."""
    data = read_inside(path, STEPS, str(step), name, limit=_limit(name), size=entry.size)
    _compare(data, entry, path / STEPS / str(step) / name)
    return data


def check_step(path: Path, step: StepName) -> None:
    """Refusal unless the step is whole; reads every byte, keeps few of them, and needs no torch."""
    for name, entry in read_manifest(path, step).items():
        where = path / STEPS / str(step) / name
        digest = hashlib.sha256()
        with opened(path, STEPS, str(step), name) as file:
            size = os.fstat(file).st_size
            check_size(size, entry.size, where)
            if size > _limit(name):
                raise Refusal(f"{where} has {size} bytes, more than the {_limit(name)} that such a file may have")
            while part := os.read(file, _CHUNK):
                digest.update(part)
        if digest.hexdigest() != entry.sha256:
            raise Refusal(f"{where} is damaged: it is not as it was saved, its SHA-256 differs")
        if name == STATE:
            from_json(read_file(path, step, name, entry), str(where))
        else:
            read_header(path, step, name)


def read_header(path: Path, step: StepName, name: str = MODEL, size: int | None = None) -> dict[str, Shaped]:
    """What a tensor file of a step says it holds; reads its header alone."""
    where = path / STEPS / str(step) / name
    with opened(path, STEPS, str(step), name) as file:
        found = os.fstat(file).st_size
        check_size(found, size, where)
        head = read_exactly(file, min(found, PREFIX + 1), where)
        length = header_length(head, found, str(where))
        head += read_exactly(file, PREFIX + length - len(head), where)
    return check_header(head, found, str(where))


def read_shapes(path: str | Path, name: str = BEST) -> dict[str, tuple[int, ...]]:
    """The shapes of the model's tensors at a step, before anything of their size is allocated."""
    path = Path(path)
    found = following(path, name, lambda step: read_header(path, step))
    return {tensor: told.shape for tensor, told in found.items()}


def read_files(path: str | Path, name: str = BEST) -> tuple[StepName, dict[str, bytes]]:
    """The step that ``name`` leads to and the bytes of its files, all of which are what was written."""
    path = Path(path)

    def read(step: StepName) -> tuple[StepName, dict[str, bytes]]:
        return step, {file: read_file(path, step, file, entry) for file, entry in read_manifest(path, step).items()}

    return following(path, name, read)


def read_step(
    path: str | Path,
    name: str | StepName = BEST,
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    training: bool | Mapping[str, Form] = False,
) -> Step:
    """The step that ``name`` leads to, as CPU tensors.

    ``shapes`` are those that the settings ask for, of 32-bit weights; ``training`` is whether to read what resuming
    needs, or the forms that this must have: the headers are compared with both before anything else is read. Refusal
    where the step is not there, not whole, of other types or shapes, or holds NaN weights.
    """
    path = Path(path)
    forms = {} if shapes is None else {MODEL: weight_forms(shapes)}
    if isinstance(training, Mapping):
        forms[TRAINING] = dict(training)
    return following(path, name, lambda step: _read_step(path, step, forms, training is not False))


def _read_step(path: Path, step: StepName, forms: Mapping[str, Mapping[str, Form]], training: bool) -> Step:
    where = path / STEPS / str(step)
    manifest = read_manifest(path, step)
    for name, told in forms.items():
        check_shapes(read_header(path, step, name, manifest[name].size), told, str(where / name))
    model = from_bytes(read_file(path, step, MODEL, manifest[MODEL]), str(where / MODEL), finite=True)
    state = from_json(read_file(path, step, STATE, manifest[STATE]), str(where / STATE))
    tensors: dict[str, Tensor] = {}
    if training:
        tensors = from_bytes(read_file(path, step, TRAINING, manifest[TRAINING]), str(where / TRAINING), finite=False)
    return Step(str(step), step.number, model, tensors, state)
