"""What transcripts, names, speakers and sounds of recordings tell together: speed, labels in names, what is twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks.clips import found, looked, manifest, sound
from sound.made import put, written

from melisma.checks.finding import Finding
from melisma.checks.recording import Recording
from melisma.checks.said import Names
from melisma.checks.speech_rate import SpeechRate
from melisma.files.clip import Clip
from melisma.sound.heard import SoundFacts


def recording(number: int, text: str, seconds: float, rate: int = 16000, part: str = "train") -> Recording:
    """One of which only the length is known."""
    clip = Clip(f"clips/{number}.wav", text, 0.0, None, None, f"{part}.jsonl, line {number + 1}")
    facts: dict[str, Any] = dict.fromkeys(SoundFacts.__dataclass_fields__)
    heard = SoundFacts(**facts | {"path": clip.audio, "rate": rate, "frames": round(seconds * rate), "silent": 0.0})
    return Recording(number, part, clip, heard)


def told_of(*recordings: Recording) -> dict[str, Finding]:
    check = SpeechRate()
    for one in recordings:
        check.see(one)
    return found(list(check.findings()))


def usual(count: int, seed: int = 0, rate: int = 16000) -> list[Recording]:
    """About twelve letters a second, give or take a sixth."""
    drawn = np.random.default_rng(seed)
    letters = drawn.integers(10, 40, count)
    return [
        recording(number, "a" * n, n / 12 * np.exp(drawn.normal(0, 0.16)), rate)
        for number, n in enumerate(letters.tolist())
    ]


@pytest.mark.parametrize("seed", range(5))
def test_people_who_speak_faster_or_slower_are_no_fault(seed: int) -> None:
    assert told_of(*usual(400, seed)) == {}


def test_what_plays_much_too_slow_or_says_too_much_is_found_the_worst_first() -> None:
    slow, much = recording(1000, "a" * 20, 20 / 12 * 4), recording(1001, "a" * 200, 2.0)
    finding = told_of(*usual(200), slow, much)["speech rate"]
    assert (finding.count, finding.severity) == (2, "note")
    assert [place.line for place in finding.places] == [1002, 1001]
    assert "100 symbols a second" in str(finding.places[0])
    assert "slower or faster than usual" in finding.sentence
    assert "faster than usual" in told_of(*usual(200), much)["speech rate"].sentence
    assert "slower than usual" in told_of(*usual(200), slow)["speech rate"].sentence


def test_a_rate_whose_headers_are_wrong_is_found_though_no_recording_alone_would_be() -> None:
    half = [one._replace(number=1000 + one.number) for one in usual(5, 3, 16000)]
    wrong = [recording(one.number, one.text, 2 * one.heard.seconds, 8000) for one in half if one.heard is not None]
    finding = told_of(*usual(200), *wrong)["speed of one rate"]
    assert (finding.count, finding.of) == (5, 205)
    assert "with 8,000 Hz are spoken 1.8 times as slowly as usual" in finding.sentence
    right = [recording(one.number, one.text, one.heard.seconds, 8000) for one in half if one.heard is not None]
    assert told_of(*usual(200), *right) == {}


def test_nothing_is_usual_of_a_few() -> None:
    assert told_of(*usual(10), recording(50, "a" * 400, 1.0)) == {}


def test_validation_is_judged_by_what_is_usual_in_training() -> None:
    slow = [recording(number, "a" * 20, 12.0, part="valid") for number in range(30)]
    finding = told_of(*usual(200), *slow)["speech rate"]
    assert (finding.count, finding.of) == (30, 30)


def named(*pairs: tuple[str, str]) -> list[Finding]:
    check = Names()
    for number, (path, text) in enumerate(pairs):
        check.see(Recording(number, "train", Clip(path, text, 0.0, None, None, path), None))
    return list(check.findings())


BITS = [f"{number:03b}" for number in range(8)]


@pytest.mark.parametrize(
    "pairs",
    [
        [(f"{'_'.join(bits)}.wav", " ".join(["NO", "YES"][int(bit)] for bit in bits)) for bits in BITS],
        [(f"{n % 3}_anna_{n}.wav", ("zero", "one", "two")[n % 3]) for n in range(9)],
        [(f"data/{word}/{n}.wav", word) for n in range(4) for word in ("yes", "no")],
        [(f"take{n}-Hey-Savant.wav", "hey savant") for n in range(6)],
    ],
    ids=["word by word", "a field", "the folder", "the name"],
)
def test_names_that_tell_what_is_said_are_seen(pairs: list[tuple[str, str]]) -> None:
    (finding,) = named(*pairs)
    assert finding.severity == "note"
    assert "no model sees names" in finding.advice
    assert named(*pairs[:-1], (pairs[-1][0], "something else")) == []
    assert named(*pairs[:4]) == []


@pytest.mark.parametrize(
    "pairs",
    [
        [(f"clip{n}.wav", f"word{n % 3}") for n in range(9)],
        [(f"{n}.wav", f"a sentence of its own {'x' * n}") for n in range(9)],
        [(f"anna_{n}.wav", "yes") for n in range(9)],
    ],
    ids=["numbers", "a text each", "one text"],
)
def test_names_that_only_count_tell_nothing(pairs: list[tuple[str, str]]) -> None:
    assert named(*pairs) == []


def test_what_sounds_the_same_is_found_within_and_between_parts(tmp_path: Path) -> None:
    sound(tmp_path, "a.wav", seed=1)
    (tmp_path / "copy.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    sound(tmp_path, "b.wav", seed=2)
    sound(tmp_path, "c.wav", seed=3)
    train = [{"audio": name, "text": text} for name, text in (("a.wav", "la"), ("copy.wav", "li"), ("b.wav", "le"))]
    train += [{"audio": "copy.wav", "text": "la "}]
    valid = [{"audio": "b.wav", "text": "le"}, {"audio": "c.wav", "text": "lo"}]
    findings = found(looked(manifest(tmp_path, train), manifest(tmp_path, valid, "valid.jsonl")).findings)
    assert [place.line for place in findings["duplicates"].places] == [2, 4]
    assert (findings["duplicates"].count, findings["duplicates"].of) == (2, 4)
    (place,) = findings["contradicting transcripts"].places
    assert "copy.wav: 'li', and 'la' in " in str(place)
    both = findings["recordings in both parts"]
    assert (both.count, both.of, [place.line for place in both.places]) == (1, 2, [1])


def test_the_same_samples_at_another_rate_are_another_sound(tmp_path: Path) -> None:
    rows = [{"audio": f"{rate}.wav", "text": "la"} for rate in (8000, 16000)]
    for rate in (8000, 16000):
        sound(tmp_path, f"{rate}.wav", rate=rate)
    assert "duplicates" not in found(looked(manifest(tmp_path, rows)).findings)


def test_silence_and_what_nobody_wrote_down_are_no_duplicates(tmp_path: Path) -> None:
    sound(tmp_path, "a.wav")
    put(tmp_path, "zeros.wav", written(np.zeros(800)))
    rows = [{"audio": "a.wav", "text": None}, {"audio": "a.wav", "text": "la"}, {"audio": "a.wav", "text": " "}]
    told = looked(
        manifest(tmp_path, [*rows, {"audio": "zeros.wav", "text": "la"}, {"audio": "zeros.wav", "text": "li"}])
    )
    findings = found(told.findings)
    assert "duplicates" not in findings
    assert [place.line for place in findings["missing transcripts"].places] == [1]
    assert [place.line for place in findings["blank transcripts"].places] == [3]
    assert findings["digital silence"].count == 2
    assert dict(told.unusable) == {0: "no transcript", 2: "no transcript"} | dict.fromkeys((3, 4), "digital silence")


def test_without_any_transcript_that_is_an_error(tmp_path: Path) -> None:
    findings = found(looked(manifest(tmp_path, [{"audio": sound(tmp_path, "a.wav")}])).findings)
    assert findings["missing transcripts"].severity == "error"
    assert "data.text=" in findings["missing transcripts"].advice
    assert findings["no recordings"].severity == "error"


def test_who_speaks_in_both_parts_is_named_and_who_is_nobody_too(tmp_path: Path) -> None:
    def row(number: int, speaker: str | None) -> dict[str, Any]:
        return {"audio": sound(tmp_path, f"{number}.wav", seed=number), "text": "x", "speaker": speaker}

    train = manifest(tmp_path, [row(1, "anna"), row(2, "bert"), row(3, None)])
    valid = manifest(tmp_path, [row(4, "bert"), row(5, "carl"), row(6, "bert")], "valid.jsonl")
    findings = found(looked(train, valid).findings)
    both = findings["speakers in both parts"]
    assert (both.count, both.of) == (2, 3)
    assert "1 speaker of 2 in valid is in train too ('bert')" in both.sentence
    assert [place.line for place in findings["recordings without a speaker"].places] == [3]
    alone = found(looked(manifest(tmp_path, [row(1, "anna")], "one.jsonl")).findings)
    assert "one speaker" in alone
    assert "speakers in both parts" not in alone
