"""Clips from a folder of sound: each with a ``.txt`` beside it, or in a folder for each word."""

from __future__ import annotations

import os

from melisma.below import SOUNDS, files_below
from melisma.errors import Refusal
from melisma.files.clip import OTHER_SOUNDS, Clip, ClipReport, reported
from melisma.files.lines import Lines
from melisma.files.tables import ENDINGS
from melisma.quoting import counted, listed, named

ABOUT = ("readme", "license", "licence")  # how texts begin that are about a folder, in lower case


def in_folder(folder: str) -> tuple[list[Clip], ClipReport]:
    """The clips of a folder and the folders in it, by their names in order.

    Where any ``.txt`` stands beside a sound, texts are what these hold, their lines joined by spaces. Otherwise the
    text of a sound is the name of the folder that it stands in, one level below the one that was named; anywhere else
    it has none. Raises Refusal where there is no sound at all.
    """
    files = [*files_below(folder)]
    sounds = [path for path in files if path.lower().endswith(SOUNDS)]
    unread = [named(path) for path in files if path.lower().endswith(OTHER_SOUNDS)]
    if not sounds:
        raise _no_sound(folder, files, unread)
    texts = {os.path.splitext(path)[0]: path for path in files if _is_text(path)}
    stems = {os.path.splitext(path)[0] for path in sounds}
    beside = {stem: path for stem, path in texts.items() if stem in stems}
    clips = [
        Clip(path, _beside(path, beside) if beside else _word(path, folder), 0.0, None, None, named(path))
        for path in sounds
    ]
    silent = [named(path) for stem, path in texts.items() if stem not in stems] if beside else []
    return clips, reported(clips, silent, unread)


def alone(path: str) -> tuple[list[Clip], ClipReport]:
    """One sound file, with the ``.txt`` beside it, if there is one."""
    stem = os.path.splitext(path)[0]
    text = f"{stem}.txt"
    clip = Clip(path, _beside(path, {stem: text} if os.path.isfile(text) else {}), 0.0, None, None, named(path))
    return [clip], reported([clip])


def _is_text(path: str) -> bool:
    name = os.path.basename(path).lower()
    return name.endswith(".txt") and not name.startswith(ABOUT)


def _beside(path: str, texts: dict[str, str]) -> str | None:
    text = texts.get(os.path.splitext(path)[0])
    if text is None:
        return None
    parts = []
    for number, line in enumerate(Lines(text, may_be_empty=True), 1):
        if line is None:
            raise Refusal(f"{named(text)}, line {number}: the line is too long to be what a clip says")
        parts.append(line.strip())
    return " ".join(part for part in parts if part)


def _word(path: str, folder: str) -> str | None:
    """The folder that a sound stands in, if that is right below the one that was named."""
    parts = os.path.relpath(path, folder).split(os.sep)
    return parts[0] if len(parts) == 2 else None


def _no_sound(folder: str, files: list[str], unread: list[str]) -> Refusal:
    name = named(folder)
    if unread:
        return Refusal(
            f"{name} holds no sound that is read, only {counted(len(unread), 'file')} of other kinds ({unread[0]}"
            f"{', …' if len(unread) > 1 else ''}); convert them, for example with: ffmpeg -i {unread[0]} NEW_FILE.flac"
        )
    tables = [os.path.relpath(path, folder) for path in files if path.lower().endswith(tuple(ENDINGS))]
    hint = f"; it holds {listed(tables, 3)}: name that, if it is a manifest" if tables else ""
    return Refusal(
        f"{name} holds no sound ({counted(len(files), 'file')} in all; .wav .flac .ogg .opus .mp3 and others are looked"
        f" for){hint}"
    )
