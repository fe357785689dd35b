"""What a run is, in facts: ``show`` prints them, the model card holds them as Markdown."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from melisma.errors import Refusal
from melisma.runs.log import log_lines
from melisma.runs.read import read_run, read_shapes
from melisma.runs.verify import verify

SHOWN = 10  # validations, the latest ones

Facts = list[tuple[str, str]]


def facts(path: str | Path) -> Facts:
    """Name and value of everything worth knowing of a run, in reading order; Refusal where there is no run."""
    verdict = verify(path)
    found = [("run", str(path)), ("state", verdict.state)]
    found += [("remark", sentence) for sentence in verdict.sentences]
    return found if verdict.state == "damaged" else found + _known(Path(path))


def _known(path: Path) -> Facts:
    record = read_run(path).record
    found = [(name, str(record.get(name, "unknown"))) for name in ("recipe", "task", "began")]
    found += _data(record) + _size(path, record) + _course(path, record)
    found += [(f"with {name}", str(value)) for name, value in _table(record, "versions").items()]
    return found + [
        (f"on {name}", str(value)) for name, value in _table(record, "machine").items() if value is not None
    ]


def _data(record: Mapping[str, Any]) -> Facts:
    told = [(f"pairs to {use}", _count(count)) for use, count in _table(record, "pairs").items()]
    files = _table(record, "data")
    return told + [(f"data {name}", _signature(_table(files, name))) for name in files]


def _signature(told: Mapping[str, Any]) -> str:
    digest = str(told.get("sha256"))[:16]
    return f"{_count(told.get('lines'))} lines, {_count(told.get('bytes'))} bytes, sha256 {digest}…"


def _size(path: Path, record: Mapping[str, Any]) -> Facts:
    told = [("parameters", _count(record.get("parameters")))]
    try:
        return told + [(f"  {name}", " × ".join(map(str, shape))) for name, shape in read_shapes(path).items()]
    except Refusal as error:
        return [*told, ("model", str(error))]


def _course(path: Path, record: Mapping[str, Any]) -> Facts:
    reached, validations = 0, deque[dict[str, Any]](maxlen=SHOWN)
    for line in (line.value for line in log_lines(path) if line.value is not None and not line.torn):
        step = line.get("step")
        reached = max(reached, step) if type(step) is int else reached
        if isinstance(line.get("valid"), dict):
            validations.append(line)
    planned = record.get("steps")
    told = [("steps", _count(reached) + (f" of {_count(planned)}" if planned is not None else ""))]
    return told + [(f"valid at step {_count(line.get('step'))}", _scores(line["valid"])) for line in validations]


def _scores(scores: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, int | float) else f"{name} {value}" for name, value in scores.items()
    )


def _table(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A table of the record; empty where something else stands there, as in a run that was tampered with."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def card(path: str | Path) -> str:
    """The model card as Markdown; it does not say where the run lies, so that it stays right when the run moves."""
    record = read_run(path).record
    head = f"---\nlibrary_name: melisma\n---\n\n# {_cell(str(record['recipe']))}, trained with Melisma\n\n"
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in _known(Path(path))]
    return head + "| fact | value |\n|---|---|\n" + "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
