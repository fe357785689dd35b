"""A folder in which everything is wrong: each file is found once, and called what it is."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks.clips import chosen, found, looked, manifest, sound, voice
from sound.made import RATE, noise, pcm, put, tone, wav, written

from melisma.checks.recordings import look
from melisma.checks.repair_recordings import repaired
from melisma.errors import Refusal
from melisma.files.manifest import Clip, read_clips
from melisma.settings.transcribe import RecordingSettings
from melisma.tasks.utterances import laid_down

WAVE = voice(0.5, 99)


def stereo(left: Any, right: Any) -> bytes:
    return written(np.stack([left, right], 1))


def beside(samples: Any, value: float, every: int) -> Any:
    """The same with a stretch of one value."""
    changed = samples.copy()
    changed[1000 : 1000 + every] = value
    return changed


TRAPS: dict[str, tuple[Callable[[], bytes | None], str, str]] = {
    "absent.wav": (lambda: None, "missing files", "no such file"),
    "pointer.flac": (
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
        "Git LFS pointers",
        "git lfs pull",
    ),
    "page.wav": (lambda: b"<!DOCTYPE html>\n<html></html>", "web pages", "web page (HTML)"),
    "nothing.wav": (lambda: b"", "empty recordings", "0 bytes"),
    "header.wav": (lambda: wav(b""), "empty recordings", "holds no samples"),
    "words.wav": (lambda: b"hello, I am text", "no sound files", "it is text"),
    "note.wav": (lambda: b"is empty for now", "no sound files", "it is text"),
    "film.m4a": (lambda: b"\0\0\0\x20ftypM4A \0\0", "no sound files", "MPEG-4"),
    "torn.flac": (lambda: written(noise(40000, 7), RATE, "FLAC")[:30000], "damaged files", "cannot be decoded"),
    "no number.au": (
        lambda: b".snd\xff" + written(noise(4000), kind="AU")[5:],
        "damaged files",
        "its beginning is damaged",
    ),
    "scaled.wav": (
        lambda: written(np.float32(1e6) * noise(4000, 8), subtype="FLOAT"),
        "samples that are no numbers",
        "are no numbers of sound (NaN, infinite or beyond 100,000)",
    ),
    "nan.wav": (
        lambda: written(beside(WAVE, np.nan, 3), subtype="FLOAT"),
        "samples that are no numbers",
        "holds 3 samples that are no numbers",
    ),
    "infinite.wav": (
        lambda: written(beside(WAVE, np.inf, 1), subtype="FLOAT"),
        "samples that are no numbers",
        "holds 1 sample that is no number",
    ),
    "cut.wav": (lambda: wav(pcm(voice(0.3, 1)), 8000), "truncated files", "0.300 of 0.500 s are there"),
    "killed.wav": (lambda: wav(pcm(voice(0.5, 2)), 0), "files that were never closed", "0.500 s are there"),
    "antiphase.wav": (
        lambda: stereo(voice(0.5, 3), -voice(0.5, 3)),
        "channels that do not agree",
        "channel 1 of 2 is used",
    ),
    "dead.wav": (
        lambda: stereo(np.zeros(4000), voice(0.5, 4)),
        "channels that do not agree",
        "channel 2 of 2 is used",
    ),
    "bytes.wav": (lambda: written(voice(0.5, 5), subtype="PCM_U8"), "8 bits", "bytes.wav"),
    "zeros.wav": (lambda: written(np.zeros(4000)), "digital silence", "0.5 s, all of it zero"),
    "gated.wav": (
        lambda: written(np.concatenate([voice(0.2, 6), np.zeros(2400)])),
        "silence for the most part",
        "60% of it is zero",
    ),
    "muted.wav": (lambda: written(voice(0.5, 8) * 0.004), "faint sound", "its loudest sample has"),
    "loud.wav": (
        lambda: written(np.clip(tone(4000, 300, level=3), -1, 32767 / 32768)),
        "clipping",
        "of it stands at full scale",
    ),
    "beside.wav": (lambda: written(voice(0.5, 9) + 0.25), "offset", "its mean is +0.25"),
    "beyond.wav": (lambda: written(tone(4000, 310, level=2), subtype="FLOAT"), "beyond full scale", "it goes to 2"),
    "low.wav": (lambda: written(voice(0.5, 10)[::2], RATE // 2), "mixed rates", "4,000 Hz"),
}
"""Name -> what the file holds (None: it is not there), what is found, and what is said of it."""


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A manifest of all traps, and of as many files without fault."""
    folder = tmp_path_factory.mktemp("traps")
    rows = []
    for number, (name, (made, _, _)) in enumerate(TRAPS.items()):
        content = made()
        if content is not None:
            put(folder, name, content)
        rows.append({"audio": name, "text": "la li"})
        rows.append({"audio": sound(folder, f"whole{number}.wav", 0.5, 100 + number), "text": "la li"})
    return manifest(folder, rows)


def test_each_is_found_once_and_called_what_it_is(traps: str) -> None:
    findings = found(looked(traps).findings)
    for name, (_, kind, said) in TRAPS.items():
        line = 1 + 2 * list(TRAPS).index(name)
        naming = [one for one in findings.values() if any(place.line == line for place in one.places)]
        assert [one.name for one in naming] == [kind], name
        place = next(place for place in naming[0].places if place.line == line)
        assert said in str(place), name
        assert name in str(place)
    kinds = [kind for _, kind, _ in TRAPS.values()]
    for kind in set(kinds):
        assert findings[kind].count == kinds.count(kind), kind
    rest = {name for name in findings if name not in kinds}
    assert rest == {"little data"}


def test_what_cannot_be_used_is_an_error_and_nothing_else_is(traps: str) -> None:
    told = looked(traps)
    errors = {one.name for one in told.findings if one.severity == "error"}
    assert errors == {
        "missing files",
        "Git LFS pointers",
        "web pages",
        "empty recordings",
        "no sound files",
        "damaged files",
        "samples that are no numbers",
    }
    assert all(one.advice and one.sentence for one in told.findings)


def test_training_leaves_out_what_is_an_error_and_nothing_else(traps: str) -> None:
    told = looked(traps)
    without = sum(one.count for one in told.findings if one.severity == "error")
    data = RecordingSettings(train=((traps,),))
    laid = laid_down(data.train, data, RATE)
    assert len(laid.utterances) == told.examples["train"] - without
    assert told.sounds["train"].recordings == len(laid.utterances)
    assert any(f"{without} recordings of {told.examples['train']} left out" in note for note in laid.notes)


def test_what_can_be_heard_is_summed_up(traps: str) -> None:
    sounds = looked(traps).sounds["train"]
    assert sounds.rates == {RATE // 2: 1, RATE: sounds.recordings - 1}
    assert sounds.channels == {1: sounds.recordings - 2, 2: 2}
    assert (sounds.shortest, sounds.median, sounds.longest) == (0.3, 0.5, 0.5)
    assert sounds.seconds == pytest.approx(0.5 * sounds.recordings - 0.2)
    assert sounds.speakers == {}


def test_hours_of_each_speaker_and_percentiles_of_durations(tmp_path: Path) -> None:
    rows = []
    for number in range(40):
        seconds = (number + 1) / 20
        name = sound(tmp_path, f"{number}.wav", seconds, number)
        rows.append({"audio": name, "text": "x", "speaker": "anna" if number % 4 else "bert"})
    sounds = looked(manifest(tmp_path, rows)).sounds["train"]
    lengths = [(number + 1) / 20 for number in range(40)]
    assert (sounds.median, sounds.p95) == pytest.approx(tuple(np.percentile(lengths, (50, 95))))
    assert list(sounds.speakers) == ["anna", "bert"]
    assert sounds.speakers["bert"] == (10, pytest.approx(sum(lengths[::4])))


def test_parts_of_one_file_are_looked_at_each_and_the_file_is_told_once(tmp_path: Path) -> None:
    samples = np.concatenate([voice(1.0, 1), np.zeros(RATE, np.float32)])
    put(tmp_path, "long.wav", wav(pcm(samples), 5 * len(samples)))
    parts = [(0, 0.5), (0.5, 1), (1.1, 1.9), (1.5, 2.5)]
    rows = [{"audio": "long.wav", "text": "la", "start": begin, "end": end} for begin, end in parts]
    findings = found(looked(manifest(tmp_path, rows)).findings)
    assert findings["truncated files"].count == 1
    assert [place.line for place in findings["digital silence"].places] == [3]
    assert [place.line for place in findings["parts beyond the end"].places] == [4]
    assert "long.wav 1.1-1.9 s" in str(findings["digital silence"].places[0])


def test_several_rates_are_told_apart_from_one_that_is_low(tmp_path: Path) -> None:
    rows = [{"audio": sound(tmp_path, f"{n}.wav", 0.3, n, 4000), "text": "x"} for n in range(3)]
    low = found(looked(manifest(tmp_path, rows)).findings)
    assert "sound.rate=4000" in low["rates below the one heard at"].advice
    assert "mixed rates" not in low
    rows += [{"audio": sound(tmp_path, f"h{n}.wav", 0.3, 9 + n, 16000), "text": "x"} for n in range(2)]
    mixed = found(looked(manifest(tmp_path, rows)).findings)
    assert "rates below the one heard at" not in mixed
    assert (mixed["mixed rates"].severity, mixed["mixed rates"].count) == ("warning", 3)
    above = found(looked(manifest(tmp_path, rows), **{"sound.rate": 4000}).findings)
    assert (above["mixed rates"].severity, above["mixed rates"].advice) == (
        "note",
        "nothing: all are heard at 4,000 Hz",
    )


def test_a_manifest_that_breaks_off_is_an_error_and_the_others_are_looked_at(tmp_path: Path) -> None:
    good = manifest(tmp_path, [{"audio": sound(tmp_path, "a.wav"), "text": "x"}])
    (tmp_path / "bad.jsonl").write_text('{"audio": 3}\n\n{')
    told = look(chosen(good, str(tmp_path / "bad.jsonl")))
    assert told.examples == {"train": 1, "valid": 0}
    broken = found(told.findings)["broken manifest"]
    assert "bad.jsonl, line 1: 'audio' is a number, text is wanted" in broken.sentence
    assert "broken rows" not in found(told.findings)


BROKEN = {
    "bad.jsonl": '{"audio": "a.wav", "text": "x"}\n{"audio": 3}\n{\n[]\n{"text": "x"}\n{"audio": "a.wav", "end": -1}\n{"audio": "b.wav"}\n',
    "bad.csv": 'audio,text,end\na.wav,x,\n,x,\na.wav,x\n"a.wav","x",y\na.wav,x,-1\na.wav,,,\nb.wav,,\n',
    "bad.tsv": 'audio\ttext\tend\na.wav\tx\t\n\tx\t\na.wav\tx\n"a.wav"\tx\ty\na.wav\tx\t-1\na.wav\nb.wav\t\t\n',
}


@pytest.mark.parametrize("name", BROKEN)
def test_all_rows_that_are_no_recordings_are_found_and_the_others_are_looked_at(tmp_path: Path, name: str) -> None:
    sound(tmp_path, "a.wav")
    (tmp_path / name).write_text(BROKEN[name])
    told = looked(str(tmp_path / name))
    assert [clip.text for _, clip in told.clips] == ["x", None if name == "bad.jsonl" else ""]
    rows = found(told.findings)["broken rows"]
    assert (rows.severity, rows.count, rows.of, len(rows.places)) == ("error", 5, 7, 3)
    assert [row.line for row in told.broken] == [place + (name != "bad.jsonl") for place in (2, 3, 4, 5, 6)]
    assert {"missing files", "no transcript"} & {finding.name for finding in told.findings}
    assert all(row.why and name not in row.why for row in told.broken)
    new = tmp_path / "new"
    repaired(told, None, chosen(str(tmp_path / name)).data, new)
    listed = (new / "removed.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in listed[1:6]] == [
        [str(tmp_path / name), str(row.line)] for row in told.broken
    ]
    assert len((new / "train.jsonl").read_text().splitlines()) == 1
    with pytest.raises(Refusal, match=f"{name}, line {told.broken[0].line}: "):
        read_clips([[str(tmp_path / name)]])


@pytest.mark.parametrize("name", ["gone.jsonl", "empty", "what.xyz"])
def test_what_no_clips_are_read_from_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "what.xyz").write_text("x")
    with pytest.raises(Refusal, match=name):
        looked(str(tmp_path / name))


def test_what_a_folder_holds_besides_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    for name in ("a", "b"):
        sound(folder, f"{name}.wav")
        (folder / f"{name}.txt").write_text(name)
    (folder / "lost.txt").write_text("lost")
    (folder / "c.m4a").write_bytes(b"x")
    findings = found(looked(str(folder)).findings)
    assert [str(place) for place in findings["other kinds of sound"].places] == [f"{folder}/c.m4a"]
    assert [str(place) for place in findings["transcripts without sound"].places] == [f"{folder}/lost.txt"]
    duplicate = findings["duplicates"].places[0]
    assert (duplicate.file, duplicate.line) == (f"{folder}/b.wav", 0)


def test_a_path_is_named_once(tmp_path: Path) -> None:
    folder = tmp_path / "yes"
    folder.mkdir()
    put(folder, "a.wav", b"<html>")
    (place,) = found(looked(str(tmp_path)).findings)["web pages"].places
    assert str(place).count("a.wav") == 1
    assert Clip(f"{folder}/a.wav", "yes", 0.0, None, None, f"{folder}/a.wav").where == place.file


def test_without_the_package_that_reads_sound_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = manifest(tmp_path, [{"audio": sound(tmp_path, "a.wav"), "text": "x"}])
    loaded = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "soundfile":
            raise ImportError(name)
        return loaded(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Refusal, match=r"pip install melisma\[sound\]"):
        looked(path)
