"""A sound file open for reading, from front to back, by libsndfile."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from melisma.quoting import named, quoted
from melisma.sound.containers import layout
from melisma.sound.hushed import hushed
from melisma.sound.mpeg import frames as mpeg_frames
from melisma.sound.ogg import pages
from melisma.sound.opening import HEAD, Stored, texts
from melisma.sound.resample import HIGHEST, LOWEST
from melisma.sound.unusable import Kind, Unusable, lacking

AT_ONCE = 1 << 14  # frames that are decoded at once, whatever is asked for
HOLE = 0.1  # seconds that may be lacking of what was expected: the ends of packed frames
UNKNOWN = 1 << 62  # libsndfile's length of what has none is above this

# Kinds in which a frame that is gone to directly is the same as the one that is come to, to the bit (libsndfile 1.2.2
# gives others for MP3, Vorbis and Opus; blocks of ADPCM are left out as well)
DIRECT = frozenset({"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"})

# What libsndfile says in words that mislead when a file cannot be opened (its error numbers)
DAMAGED = "its beginning is damaged"
_OPENING = {1: "no kind of sound file is known that begins so", 7: DAMAGED, 24: DAMAGED, 29: DAMAGED}

Frames = NDArray[np.float32]


class Contents(NamedTuple):
    """What a file's own bytes tell of its length, before anything is decoded."""

    promised: int | None = None  # frames that should be there; None: the header does not say
    cut: bool = False  # the end is not there, however long it should have been
    recovered: bool = False  # the header says 0 frames, and there are some
    streams: int = 1  # that follow each other, of which the first is read
    head: bytes = b""  # what can stand in place of …
    begin: int = 0  # … the bytes before this one
    end: int = 0  # where reading ends; 0: at the end of the file
    spliced: bool = False  # that is needed; otherwise only where the file's own head cannot be read
    noisy: bool = False  # what decodes it writes to stderr what it thinks of it


class Decoder:
    """The frames of a file, (n, channels) float32, in -1…1 where the file holds integers; floats may go beyond.

    Raises Refusal for what is no sound, for rates outside of what recordings have, and where decoding breaks off.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._stored = Stored(path)
        try:
            self.contents = _contents(self._stored)
            self._file, self._error = self._opened()
            self.rate: int = self._file.samplerate
            self.channels: int = self._file.channels
            self._at, self._broken = 0, False  # how many frames were decoded, and whether that broke off
            _require_rate(path, self.rate)
        except BaseException:
            self._stored.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()
        self._stored.close()

    @property
    def format(self) -> str:
        """The kind of file and how its samples are written: ``WAV PCM_16``."""
        return f"{self._file.format} {self._file.subtype}"

    @property
    def length(self) -> int | None:
        """Frames that can be expected; None: only decoding tells."""
        return None if self._file.frames > UNKNOWN else int(self._file.frames)

    @property
    def promised(self) -> int | None:
        """Frames that the file promises; None: it does not say."""
        if self.contents.promised is not None:
            return self.contents.promised
        silent = self.contents.spliced or self._file.format in ("WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU")
        return None if silent else self.length

    @property
    def truncated(self) -> bool:
        """Whether its end is not there, as far as that can be told without decoding it; what is there can be read."""
        short = self.promised is not None and self.length is not None and self.length < self.promised
        return self.contents.cut or (short and not self.contents.recovered)

    def frames(self, begin: int = 0, end: int | None = None) -> Iterator[Frames]:
        """The frames from ``begin`` to ``end``, about AT_ONCE at a time; may be asked for again where it ``goes_on``.

        Where decoding breaks off, what came before is given first.
        """
        at = self._at = self._go(begin)
        while end is None or at < end:
            size = AT_ONCE if end is None else min(AT_ONCE, max(begin, end) - at)
            block, broken = self._decoded(size)
            self._broken = self._broken or bool(broken)
            self._at += len(block)
            if len(block) > begin - at:
                yield block[max(begin - at, 0) :]
            at += len(block)
            if broken and (self.length is None or at < self.length):
                of = "" if self.length is None else f" of {self.length / self.rate:.3f} s"
                raise Unusable(
                    f"{named(self.path)} is damaged or cut off: after {at / self.rate:.3f} s{of} it cannot be decoded "
                    f"({broken}); get it again, or leave it out",
                    "damaged",
                )
            if broken or not len(block):
                break
        if self.length is not None and at + HOLE * self.rate < min(self.length, self.length if end is None else end):
            raise Unusable(
                f"{named(self.path)} is damaged: of {self.length / self.rate:.3f} s, {at / self.rate:.3f} s can be"
                " decoded, and the times of what follows the damage are wrong; get it again, or leave it out",
                "damaged",
            )

    def goes_on(self, begin: float) -> bool:
        """Whether the frames from ``begin`` seconds of a packed file can be had without decoding those before again."""
        return not self._direct and not self._broken and 0 < self._at <= round(begin * self.rate)

    @property
    def _direct(self) -> bool:
        return self._file.subtype in DIRECT and self.length is not None

    def _opened(self) -> tuple[Any, type[Exception]]:
        try:
            import soundfile
        except ImportError:
            raise lacking(f"{named(self.path)}: reading sound") from None
        sources: list[Any] = [] if self.contents.spliced else [self._stored.descriptor]
        sources += [_Spliced(self._stored, self.contents)] if self.contents.head else []
        words = ""
        for source in sources:
            try:
                with self._quiet():
                    file = soundfile.SoundFile(source, closefd=False)
            except soundfile.LibsndfileError as error:
                words = words or _OPENING.get(error.code, _plain(error.error_string))
                continue
            # soundfile goes back to where it is after each read; an MP3 file then gives other samples
            file.seekable = lambda: False
            return file, soundfile.LibsndfileError
        head = self._stored.read(0, HEAD)
        words = f"it is text ({quoted(head.decode(errors='replace'), 20)})" if texts(head) else words
        kind: Kind = "damaged" if words == DAMAGED else "other"
        raise Unusable(f"{named(self.path)} is no sound that can be read: {words}", kind)

    def _go(self, begin: int) -> int:
        """Goes towards frame ``begin`` as far as that gives the same samples; the frame where it stands."""
        if not begin or not self._direct or self.length is None:
            return self._at
        try:
            self._file.seek(min(begin, self.length))
        except self._error as error:
            raise Unusable(
                f"{named(self.path)} is damaged: {begin / self.rate:.3f} s cannot be gone to"
                f" ({_plain(getattr(error, 'error_string', ''))}); get it again, or leave it out",
                "damaged",
            ) from None
        return min(begin, self.length)

    def _decoded(self, size: int) -> tuple[Frames, str]:
        """The next frames, and what is said where decoding breaks off."""
        # what was decoded before that is told from what was not by what stood there before
        block = np.full((size, self.channels), np.nan, np.float32)
        try:
            with self._quiet():
                return self._file.read(out=block), ""
        except self._error as error:
            lacking = np.isnan(block).any(1)
            whole = int(lacking.argmax()) if lacking.any() else size
            return block[:whole], _plain(getattr(error, "error_string", "")) or "it is unreadable"

    def _quiet(self) -> AbstractContextManager[None]:
        return hushed() if self.contents.noisy else nullcontext()


class _Spliced(io.RawIOBase):
    """A part of a file, with another head in front of it."""

    def __init__(self, stored: Stored, contents: Contents) -> None:
        self._stored, self._head, self._begin = stored, contents.head, contents.begin
        self._size = len(contents.head) + (contents.end or stored.size) - contents.begin
        self._at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a byte."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        """The byte that is read next."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fills as much of a buffer as there are bytes left."""
        size = max(0, min(len(buffer), self._size - self._at))
        data = self._head[self._at : self._at + size]
        place = max(self._at, len(self._head)) - len(self._head) + self._begin
        data += self._stored.read(place, size - len(data))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _contents(stored: Stored) -> Contents:
    if (found := layout(stored)) is not None:
        _require_rate(stored.path, LOWEST if found.rate is None else found.rate)
        recovered = found.wrong and found.declared == 0
        return Contents(
            found.promised,
            cut=found.cut and not recovered,
            recovered=recovered,
            head=found.head,
            begin=found.begin,
            spliced=found.wrong,
        )
    if (ogg := pages(stored)) is not None:
        return Contents(cut=not ogg.ended, streams=ogg.streams)
    if (mpeg := mpeg_frames(stored)) is not None:
        return Contents(mpeg.promised, head=mpeg.head, begin=mpeg.begin, end=mpeg.end, spliced=True, noisy=True)
    return Contents()


def _require_rate(path: str, rate: int) -> None:
    if not LOWEST <= rate <= HIGHEST:
        raise Unusable(
            f"{named(path)} says that it has {rate:,} samples a second: its header is damaged ({LOWEST:,} to"
            f" {HIGHEST:,} are wanted); get it again, or leave it out",
            "damaged",
        )


def _plain(words: str) -> str:
    """libsndfile's words within a sentence."""
    return named(words.removeprefix("Error : ").strip().rstrip("."))
