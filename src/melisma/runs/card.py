"""What a run is, in facts: ``show`` prints them, the model card holds them as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from melisma.errors import Refusal
from melisma.runs.log import read_log
from melisma.runs.read import read_run, read_shapes
from melisma.runs.verify import verify


def facts(path: str | Path) -> list[tuple[str, str]]:
    """Name and value of everything worth knowing of a run, in reading order; Refusal where there is no run."""
    verdict = verify(path)
    found = [("run", str(path)), ("state", verdict.state)]
    found += [("remark", sentence) for sentence in verdict.sentences]
    if verdict.state == "damaged":
        return found
    record = read_run(path).record
    found += [
        ("recipe", str(record["recipe"])),
        ("task", str(record["task"])),
        ("began", str(record.get("began", "unknown"))),
    ]
    found += _data(record) + _size(path, record) + _course(path, record)
    found += [(f"with {name}", str(value)) for name, value in record.get("versions", {}).items()]
    found += [(f"on {name}", str(value)) for name, value in record.get("machine", {}).items() if value is not None]
    return found


def _data(record: dict[str, Any]) -> list[tuple[str, str]]:
    told = [(f"pairs to {use}", f"{count:,}") for use, count in record.get("pairs", {}).items()]
    return told + [
        (f"data {name}", f"{s['lines']:,} lines, {s['bytes']:,} bytes, sha256 {s['sha256'][:16]}…")
        for name, s in record.get("data", {}).items()
    ]


def _size(path: str | Path, record: dict[str, Any]) -> list[tuple[str, str]]:
    told = [("parameters", f"{record.get('parameters', 0):,}")]
    try:
        told += [(f"  {name}", " × ".join(map(str, shape))) for name, shape in read_shapes(path).items()]
    except Refusal:
        told.append(("saved", "no step yet"))
    return told


def _course(path: str | Path, record: dict[str, Any]) -> list[tuple[str, str]]:
    lines = read_log(path)
    steps = [line["step"] for line in lines if isinstance(line.get("step"), int)]
    told = [
        (
            "steps",
            f"{max(steps, default=0):,} of {record['steps']:,}" if "steps" in record else f"{max(steps, default=0):,}",
        )
    ]
    validations = [line for line in lines if isinstance(line.get("valid"), dict)]
    return told + [(f"valid at step {line['step']:,}", _scores(line["valid"])) for line in validations[-10:]]


def _scores(scores: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())


def card(path: str | Path) -> str:
    """The model card as Markdown."""
    head = "---\nlibrary_name: melisma\n---\n\n# A model trained with Melisma\n\n"
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in facts(path)]
    return head + "| fact | value |\n|---|---|\n" + "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
