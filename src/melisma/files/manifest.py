"""Clips of sound and what is said in them: from a manifest, from Kaldi's tables, or from folders."""

from __future__ import annotations

import os
from collections.abc import Sequence

from melisma.below import SOUNDS
from melisma.errors import Refusal
from melisma.files.clip import Clip, ClipReport, reported
from melisma.files.folders import alone, in_folder
from melisma.files.kaldi import RECORDINGS, is_kaldi, tabled
from melisma.files.lines import Lines
from melisma.files.opening import at_home, require_file
from melisma.files.records import Columns, Wrong, recorded, stop
from melisma.files.tables import kind
from melisma.quoting import counted, named

__all__ = ["Clip", "ClipReport", "Columns", "clips", "read_clips"]

DEFAULT = Columns()
WANTED = (
    "a manifest (.jsonl, .csv or .tsv), a folder with Kaldi's wav.scp and text, a folder of sound with a .txt beside"
    " each, or a folder for each word"
)


def clips(corpus: Sequence[str], columns: Columns = DEFAULT) -> list[Clip]:
    """All clips of one corpus: the name of a manifest or a folder, or of Kaldi's two tables.

    What names a file is seen from the folder of what names it. Raises Refusal for whatever is none of these, with file
    and line; sounds are not opened, so that one which is missing or damaged is found by those who hear it.
    """
    return _read(corpus, columns)[0]


def read_clips(
    corpora: Sequence[Sequence[str]], columns: Columns = DEFAULT, wrong: Wrong = stop
) -> tuple[list[Clip], ClipReport]:
    """All clips of several corpora, in order, and what is worth knowing of them; bad rows go to ``wrong``."""
    found: list[Clip] = []
    told = ClipReport()
    for corpus in corpora:
        more, report = _read(corpus, columns, wrong)
        found += more
        told += report
    return found, told


def _read(corpus: Sequence[str], columns: Columns, wrong: Wrong = stop) -> tuple[list[Clip], ClipReport]:
    paths = [at_home(path) for path in corpus]
    shown = named(",".join(corpus))
    if len(paths) == 2:
        return tabled(*_two_tables(paths, shown))
    if len(paths) != 1:
        raise Refusal(f"{shown or 'a corpus'}: {counted(len(paths), 'name')} given; wants {WANTED}")
    path = paths[0]
    if os.path.isdir(path):
        return tabled(os.path.join(path, RECORDINGS)) if is_kaldi(path) else in_folder(path)
    require_file(path)
    if path.lower().endswith(SOUNDS):
        return alone(path)
    if path.endswith(".scp"):
        return tabled(path)
    if kind(path) == "parquet":
        raise Refusal(f"{shown}: a manifest is not read from Parquet; write it as .jsonl")
    if not kind(path):
        raise Refusal(f"{shown} is nothing that clips are read from; wants {WANTED}")
    lines = Lines(path)
    found = recorded(lines, columns, wrong)
    if not found:
        raise Refusal(f"{shown} names no sound in {counted(lines.count, 'line')}; wants a clip a line")
    signatures = {lines.path: lines.signature} if lines.signature is not None else {}
    return found, reported(found, signatures=signatures)


def _two_tables(paths: list[str], shown: str) -> tuple[str, str]:
    """The names of ``wav.scp`` and ``text``, in this order."""
    for path in paths:
        require_file(path)
        if kind(path) or path.lower().endswith(SOUNDS):
            raise Refusal(
                f"{shown}: a comma joins Kaldi's wav.scp and text; several corpora are given one after the other"
            )
    if paths[1].endswith(".scp") and not paths[0].endswith(".scp"):
        return paths[1], paths[0]
    return paths[0], paths[1]
