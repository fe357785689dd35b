"""What the tests of checks share: pairs as records, and as files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from melisma.checks.finding import Draft, Finding
from melisma.checks.reading import Given, Record
from melisma.checks.translate import Check, Looked, is_whole, look
from melisma.settings.translate import DataSettings

Texts = Sequence[tuple[str, str]]


def seen(check: Check, **parts: Texts) -> dict[str, Finding]:
    """The findings of one check by name, after it has seen the pairs of each part."""
    return {draft.finding.name: draft.finding for draft in drafts(check, **parts)}


def drafts(check: Check, **parts: Texts) -> list[Draft]:
    """The findings of one check with the numbers of their records, after it has seen the pairs of each part."""
    number = 0
    for part, texts in parts.items():
        given = Given(part, (f"{part}.en", f"{part}.de"))
        for line, (source, target) in enumerate(texts, 1):
            record = Record(number, given, line, source, target, None, "")
            check.see(record, is_whole(record))
            number += 1
    return list(check.drafts())


def write(folder: Path, name: str, texts: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Two parallel files -> their paths."""
    pairs = list(texts)
    paths = (folder / f"{name}.en", folder / f"{name}.de")
    for side, path in enumerate(paths):
        path.write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    return str(paths[0]), str(paths[1])


def looked(train: Sequence[str], valid: Sequence[str] | None = None) -> Looked:
    """One pass over the data."""
    return look(DataSettings(train=(tuple(train),), valid=None if valid is None else (tuple(valid),)))


def found(told: Looked) -> dict[str, Finding]:
    """The findings by name."""
    return {finding.name: finding for finding in told.findings}
