"""What can go wrong with sound files and what names them."""

from __future__ import annotations

from faults.fault import Fault

SOUND_FILES = (
    Fault(
        "a file that was cut off counts as whole",
        "sound/containers.py",
        "self.there // unit < self.declared // unit",
        "False",
        ("tests/sound/test_traps.py",),
    ),
    Fault(
        "what describes an empty recording is taken for its samples",
        "sound/containers.py",
        " and not _only_chunks(stored, data.begin, order)",
        "",
        ("tests/sound/test_traps.py",),
    ),
    Fault(
        "the decoder goes back to where it is after each read",
        "sound/decoding.py",
        "            file.seekable = lambda: False\n",
        "",
        ("tests/sound/test_wave.py",),
    ),
    Fault(
        "a part of an MP3 is gone to directly",
        "sound/decoding.py",
        "self._file.subtype not in DIRECT or",
        "",
        ("tests/sound/test_wave.py",),
    ),
    Fault(
        "a damaged file ends where it breaks off",
        "sound/decoding.py",
        "if broken and (self.length is None or at < self.length):",
        "if False:",
        ("tests/sound/test_traps.py",),
    ),
    Fault(
        "the length that an MP3 file tells is believed",
        "sound/decoding.py",
        "head=mpeg.head, begin=mpeg.begin, end=mpeg.end, spliced=True",
        "",
        ("tests/sound/test_mpeg.py",),
    ),
    Fault(
        "channels are averaged whether they agree or not",
        "sound/mixing.py",
        "return None if agree else loudest",
        "return None",
        ("tests/sound/test_traps.py",),
    ),
    Fault(
        "an offset counts as sound",
        "sound/mixing.py",
        "self._squares - self._sums**2 / np.maximum(self._counts, 1)",
        "self._squares",
        ("tests/sound/test_traps.py",),
    ),
    Fault(
        "each block is resampled alone",
        "sound/wave.py",
        "yield resampler.feed(samples)",
        "yield resampled(samples, decoder.rate, rate)",
        ("tests/sound/test_wave.py",),
    ),
    Fault(
        "samples that are no numbers pass",
        "sound/wave.py",
        "    if not numbers.all():",
        "    if False:",
        ("tests/sound/test_traps.py",),
    ),
    Fault(
        "clipping at the border of two blocks counts twice",
        "sound/heard.py",
        " - (self._counted and bool(beside[0]))",
        "",
        ("tests/sound/test_traps.py",),
    ),
    Fault(
        "a command in Kaldi's table is a file name",
        "files/clip.py",
        'if name.endswith("|") or name.startswith("|"):',
        "if False:",
        ("tests/files/test_kaldi.py",),
    ),
    Fault(
        "a duration is taken for an end",
        "files/records.py",
        "end = (begin or 0.0) + lasts",
        "end = lasts",
        ("tests/files/test_manifest.py",),
    ),
    Fault(
        "one of two columns that might be meant is guessed",
        "files/records.py",
        "if len(others) == 1:",
        "if others:",
        ("tests/files/test_manifest.py",),
    ),
)
