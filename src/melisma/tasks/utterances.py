"""Utterances: recordings with what is said in them, decoded once and laid down at the rate that they are heard at."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.files.columns import blank
from melisma.files.kaldi import without_texts
from melisma.files.manifest import Clip, Columns, clips, read_clips
from melisma.files.opening import at_home
from melisma.files.records import Wrong, stop
from melisma.files.scratch import Scratch
from melisma.files.signed import sha256_of
from melisma.files.watch import passing
from melisma.quoting import counted, named
from melisma.settings.show import shown
from melisma.sound.decoding import Decoder
from melisma.sound.definitions import HIGHEST
from melisma.sound.wave import Parts, read
from melisma.text.unicode import normalise

LOOKED = 1000  # recordings whose rates decide
NAMED = 3  # damaged recordings that a note names
UNSAID = (" without a text (", " with a blank text (")  # clips, which ``spoken`` counts both

Samples = NDArray[np.float32]
T = TypeVar("T")


class Digest(Protocol):
    """What bytes are hashed by."""

    def update(self, data: bytes, /) -> None: ...


class ColumnNames(Protocol):
    """Data settings that say what a manifest's columns are called."""

    @property
    def audio(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def speaker(self) -> str: ...


@dataclass(frozen=True)
class Laid:
    """Where the samples of a recording lie."""

    scratch: Scratch
    begin: int
    end: int
    rate: int


@dataclass(frozen=True, eq=False)
class Utterance:
    """A recording, or a part of one, and what is said in it; what its file is called is nobody's business but errors'.

    ``text`` is empty where it is only to be transcribed.
    """

    clip: Clip
    laid: Laid | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        return self.clip.text or ""

    @property
    def speaker(self) -> str | None:
        return self.clip.speaker

    def __str__(self) -> str:
        span = "" if self.clip.end is None else f" {self.clip.begin:g}-{self.clip.end:g}"
        return f"{self.clip.audio}{span}"

    def samples(self, rate: int) -> Samples:
        """The whole at this rate, (N,); Refusal where it cannot be decoded."""
        if self.laid is not None and self.laid.rate == rate:
            return np.frombuffer(self.laid.scratch.read(self.laid.begin, self.laid.end), np.float32)
        return read(self.clip.audio, rate, self.clip.begin, self.clip.end).samples

    def length(self) -> int:
        """How many samples it has; only of what was laid down."""
        assert self.laid is not None
        return (self.laid.end - self.laid.begin) // np.dtype(np.float32).itemsize

    def seconds(self) -> float:
        """How long it is; only of what was laid down."""
        assert self.laid is not None
        return self.length() / self.laid.rate


@dataclass(frozen=True)
class Recordings:
    """What was read of some corpora: utterances, signatures of the files, and sentences for the user."""

    utterances: list[Utterance]
    signatures: dict[str, Any]
    notes: list[str]

    def left_to(self, wanted: str, setting: str) -> tuple[list[Utterance], list[str]]:
        """Those in which something is said, and all sentences; Refusal, with these, where there is none."""
        kept, said = spoken(self.utterances)
        notes = [note for note in self.notes if not any(what in note for what in UNSAID)] + said
        if not kept:
            why = "; ".join(note.removeprefix("warning: ") for note in notes) or "there is none"
            raise Refusal(f"{setting}: no recording is left to {wanted} ({why})")
        return kept, notes


def listed(corpus: Sequence[str], data: ColumnNames) -> list[Clip]:
    """The clips of one corpus, unheard."""
    return clips(corpus, columns(data))


def columns(data: ColumnNames) -> Columns:
    """The names of a manifest's columns."""
    return Columns(data.audio, data.text, speaker=data.speaker)


def heard_at(found: Sequence[Clip], asked: int | None) -> int:
    """The rate that recordings are heard at: the one asked for, else the commonest of theirs, 16 kHz at most."""
    if asked is not None:
        return asked
    rates: list[int] = []
    for clip in found[:LOOKED]:
        try:
            with Decoder(clip.audio) as decoder:
                rates.append(decoder.rate)
        except Refusal:
            continue
    return commonest(rates)


def commonest(rates: Iterable[int]) -> int:
    """The commonest of some rates, 16 kHz at most."""
    first = Counter(rates).most_common(1)
    return min(HIGHEST, first[0][0]) if first else HIGHEST


def laid_down(corpora: Sequence[Sequence[str]], data: ColumnNames, rate: int | None, wrong: Wrong = stop) -> Recordings:
    """All recordings of the corpora, decoded at one rate; what is damaged is left out, counted and named.

    Rows of manifests that are no recordings go to ``wrong``.
    """
    every = [(corpus, *read_clips([corpus], columns(data), wrong)) for corpus in corpora]
    rate = heard_at([clip for _, some, _ in every for clip in some], rate)
    scratch, signatures = Scratch(), dict[str, Any]()
    notes = [f"warning: {said}" for _, _, report in every for said in report.warnings()]
    utterances: list[Utterance] = []
    broken: list[str] = []
    for corpus, some, _ in every:
        digest = hashlib.sha256()
        with Parts() as parts:
            for clip in _watched(some):
                try:
                    laid = _laid(clip, rate, scratch, parts, digest)
                except Refusal as refusal:
                    broken.append(str(refusal))
                    continue
                digest.update(clip.text.encode() if clip.text else b"\0")
                utterances.append(Utterance(clip, laid))
        heard = {"lines": len(some), "audio": digest.hexdigest()}  # its bytes are not counted: sounds lie elsewhere
        signatures |= {path: {"sha256": sha256_of(at_home(path))} | heard for path in corpus}
    if broken:
        named_ones = "; ".join(broken[:NAMED])
        more = f"; and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        notes.append(
            f"warning: {counted(len(broken), 'recording')} of {len(broken) + len(utterances):,} left out: "
            f"{named_ones}{more}"
        )
    return Recordings(utterances, signatures, notes)


def _laid(clip: Clip, rate: int, scratch: Scratch, parts: Parts, digest: Digest) -> Laid:
    begin = scratch.size
    for block in parts.blocks(clip.audio, rate, clip.begin, clip.end):
        piece = block.tobytes()
        digest.update(piece)
        scratch.add(piece)
    if scratch.size == begin:
        raise Refusal(f"{named(clip.audio)} is empty: it holds no samples")
    return Laid(scratch, begin, scratch.size, rate)


def _watched(some: Sequence[Clip]) -> Iterable[Clip]:
    return passing("recordings decoded", some, len(some))


def asked(inputs: Any) -> tuple[list[Utterance], bool]:
    """The recordings to answer, and whether it is a single one: paths, one or several; Refusal where one is no path."""
    single = isinstance(inputs, str | os.PathLike)
    if not single and not isinstance(inputs, Sequence):
        raise Refusal(f"the input is {shown(inputs)}; the path of a recording, or a list of paths, is wanted")
    paths = [inputs] if single else list(inputs)
    for number, path in enumerate(paths, 1):
        if not isinstance(path, str | os.PathLike):
            raise Refusal(f"input {number} is {shown(path)}; the path of a recording is wanted")
        if not os.fspath(path).strip():
            raise Refusal(f"input {number} is empty; the path of a recording is wanted")
    return [Utterance(Clip(os.fspath(path), None, 0.0, None, None, os.fspath(path))) for path in paths], single


def spoken(utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[str]]:
    """Those in which something is said, and a sentence on the rest."""
    kept = [one for one in utterances if not blank(one.text)]
    missing = len(utterances) - len(kept)
    if not missing:
        return kept, []
    first = next(one for one in utterances if blank(one.text))
    folder = os.path.dirname(first.clip.where)
    told = any(os.path.dirname(one.clip.where) == folder for one in kept)  # by a table that is called otherwise
    why = f": {tables}" if not told and (tables := without_texts(first.clip.where)) else ""
    return kept, [
        f"warning: {counted(missing, 'recording')} of {len(utterances):,} left out, as nothing is written for what is "
        f"said in {'it' if missing == 1 else 'them'}, such as {first.clip.where}{why}"
    ]


def written(text: str, lowercase: bool) -> str:
    """A transcript as it is learned and measured: Unicode NFC, single spaces, in lower case on request."""
    plain = " ".join(normalise(text).split())
    return plain.lower() if lowercase else plain


def part_of(utterances: Sequence[T], share: float, seed: int) -> list[T]:
    """A share of the utterances, one at least, in their order; a larger one of the same seed holds all of it."""
    random = Random(f"share {seed}")
    lots = [random.random() for _ in utterances]
    order = sorted(range(len(utterances)), key=lots.__getitem__)[: max(1, round(share * len(utterances)))]
    return [utterances[place] for place in sorted(order)]
