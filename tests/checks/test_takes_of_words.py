"""What is wrong with takes of trigger words, with other speech and with backgrounds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks.clips import found, manifest, voice
from checks.test_trapped_recordings import TRAPS
from sound.made import RATE, Samples, noise, put, written

from melisma.checks.finding import Finding
from melisma.checks.recordings import LookedRecordings
from melisma.checks.repair_recordings import repaired
from melisma.checks.takes import _sessions, look
from melisma.errors import Refusal
from melisma.files.manifest import clips
from melisma.settings.read import build
from melisma.settings.trigger import TriggerSettings
from melisma.tasks.takes import read as taken


def take(seed: int = 0, lasts: float = 0.3, behind: float = 0.2) -> Samples:
    """A word: a tone between two quiet stretches."""
    room = [noise(round(seconds * RATE), seed + 50 * place, 0.001) for place, seconds in enumerate((0.2, behind))]
    wave = np.concatenate([room[0], voice(lasts, seed), room[1]])
    return (np.round(wave * 32768) / 32768).astype(np.float32)  # as every kind of file holds it


def folder(path: Path, *waves: Samples) -> str:
    """A folder of recordings; its path."""
    path.mkdir(parents=True)
    for number, wave in enumerate(waves):
        put(path, f"{number}.wav", written(wave))
    return str(path)


def chosen(given: dict[str, Any]) -> TriggerSettings:
    settings: TriggerSettings = build(TriggerSettings, {f"data.{name}": value for name, value in given.items()})
    return settings


def looked(**given: Any) -> LookedRecordings:
    return look(chosen({name: [value] for name, value in given.items()}))


def told(**given: Any) -> dict[str, Finding]:
    return found(looked(**given).findings)


@pytest.fixture
def sounds(tmp_path: Path) -> dict[str, str]:
    """Twenty takes of a word, another word, and a minute of noise."""
    return {
        "positive": folder(tmp_path / "computer", *(take(seed) for seed in range(20))),
        "negative": folder(tmp_path / "other" / "pewter", *(take(seed) for seed in range(100, 104))),
        "background": folder(tmp_path / "noise", noise(60 * RATE, 1)),
    }


def test_good_takes_have_no_fault_but_hours_that_show_little(sounds: dict[str, str]) -> None:
    seen = looked(**sounds)
    assert dict(seen.examples) == {"positive": 20, "negative": 4, "background": 1}
    assert seen.sounds["positive"].words == {"computer": 20}
    assert seen.sounds["background"].seconds == 60
    assert not seen.unusable
    findings = found(seen.findings)
    assert set(findings) == {"false alarms"}
    assert findings["false alarms"].severity == "warning"
    assert "13 s of sound without the word are validated on (of 1.0 min)" in findings["false alarms"].sentence


def test_the_bound_is_three_over_the_hours_of_validation(tmp_path: Path) -> None:
    quiet = noise(90 * RATE, 1, 0.001)
    given = {
        "positive": [folder(tmp_path / "word", take(0), take(1))],
        "background": [folder(tmp_path / "noise", noise(RATE))],
        "valid_background": [folder(tmp_path / "hall", quiet)],
    }
    sentence = found(look(chosen(given)).findings)["false alarms"].sentence
    assert "1.5 min of sound" in sentence
    assert "fewer than 120 an hour" in sentence  # 3 over a fortieth of an hour
    assert "30.0 h without one" in sentence  # 3 over a tenth, as search.false_alarms has it
    wished: TriggerSettings = build(
        TriggerSettings, {f"data.{name}": value for name, value in given.items()} | {"search.false_alarms": 120}
    )
    assert found(look(wished).findings)["false alarms"].severity == "note"


def test_a_take_of_the_word_among_other_sound_is_found_by_its_sound(sounds: dict[str, str], tmp_path: Path) -> None:
    for number, kind in enumerate(("negative", "background")):
        put(Path(sounds[kind]), "same.flac", written(take(number), RATE, "FLAC"))
    findings = told(**sounds)
    one = findings["the word among other sound"]
    assert (one.severity, one.count) == ("error", 2)
    assert [Path(place.file).name for place in one.places] == ["same.flac"] * 2
    assert "a take of 'computer' in" in one.places[0].why
    words = folder(tmp_path / "words" / "alexa", take(3))
    rows = [{"audio": f"{words}/0.wav", "text": "alexa"}, {"audio": "computer/3.wav", "text": "computer"}]
    two = {one.name: one for one in looked(positive=manifest(tmp_path, rows)).findings}
    assert two["one take for two words"].severity == "error"


def test_duplicates_within_and_in_both_parts(sounds: dict[str, str], tmp_path: Path) -> None:
    put(Path(sounds["positive"]), "again.wav", written(take(0)))
    valid = folder(tmp_path / "dev" / "computer", take(1), take(200))
    findings = told(**sounds, valid_positive=valid)
    assert findings["duplicates"].count == 1
    assert findings["recordings in both parts"].severity == "error"
    assert findings["recordings in both parts"].count == 1


def test_what_training_leaves_out_of_takes_is_told(sounds: dict[str, str]) -> None:
    place = Path(sounds["positive"])
    put(place, "click.wav", written(take(40, lasts=0.03)))
    put(place, "long.wav", written(take(41, lasts=6)))
    put(place, "cut.wav", written(take(42, behind=0)))
    put(place, "hour.wav", written(take(43, lasts=70)))
    seen = looked(**sounds)
    findings = found(seen.findings)
    assert findings["takes in which nothing is said"].count == 1
    assert findings["long takes"].count == 2
    assert findings["takes cut off at the end"].count == 1
    assert findings["takes cut off at the end"].severity == "warning"
    assert sorted(seen.unusable.values()) == ["longer than a scene", "longer than a scene", "nothing is said"]
    assert seen.sounds["positive"].words == {"computer": 21}


@pytest.mark.parametrize(("around", "count"), [(0.2, 1), (0.0, 0)])
def test_a_take_fills_a_scene_with_what_it_brings_along(sounds: dict[str, str], around: float, count: int) -> None:
    room = noise(round(around * RATE), 3, 0.001)
    put(Path(sounds["positive"]), "long.wav", written(np.concatenate([room, voice(3.9, 44), room])))
    seen = looked(**sounds)
    assert list(seen.unusable.values()) == ["longer than a scene"] * count
    long = [one for one in seen.findings if one.name == "long takes"]
    assert [Path(place.file).name for one in long for place in one.places] == ["long.wav"] * count


@pytest.mark.parametrize(("count", "severity"), [(1, "error"), (2, "warning"), (19, "warning"), (20, "")])
def test_too_few_takes(tmp_path: Path, count: int, severity: str) -> None:
    word = folder(tmp_path / "word", *(take(seed) for seed in range(count)))
    findings = told(positive=word, negative=folder(tmp_path / "other", take(99)))
    assert ("few takes" in findings) == bool(severity)
    if severity:
        assert findings["few takes"].severity == severity
        assert "about 20 of one person" in findings["few takes"].advice


def test_words_that_are_never_trained_on_and_takes_of_no_word(tmp_path: Path) -> None:
    folder(tmp_path / "a", *(take(seed) for seed in range(4)))
    train = manifest(tmp_path, [{"audio": f"a/{n}.wav", "text": "alexa"} for n in range(2)] + [{"audio": "a/2.wav"}])
    valid = manifest(tmp_path, [{"audio": "a/3.wav", "text": "computer"}], "valid.jsonl")
    findings = told(positive=train, valid_positive=valid, background=folder(tmp_path / "b", noise(RATE)))
    assert findings["words never trained on"].severity == "error"
    assert "'computer'" in findings["words never trained on"].sentence
    assert findings["takes of no word"].count == 1


def test_people_in_both_parts(tmp_path: Path) -> None:
    folder(tmp_path / "a", *(take(seed) for seed in range(4)))
    rows = [{"audio": f"a/{n}.wav", "text": "alexa", "speaker": f"s{n % 2}"} for n in range(4)]
    train, valid = manifest(tmp_path, rows[:2]), manifest(tmp_path, rows[2:3], "valid.jsonl")
    findings = told(positive=train, valid_positive=valid, background=folder(tmp_path / "b", noise(RATE)))
    assert "1 speaker of 1 in valid_positive is in positive too" in findings["speakers in both parts"].sentence


@pytest.mark.parametrize("kind", ["positive", "negative", "background"])
def test_every_trap_is_found_in_every_kind(sounds: dict[str, str], kind: str) -> None:
    place, rows = Path(sounds[kind]), list[dict[str, str]]()
    for name, (content, _, _) in TRAPS.items():
        if (data := content()) is not None:
            put(place, name, data)
        rows.append({"audio": name, "text": "computer"})
    corpus = {**sounds, kind: manifest(place, rows)}
    findings = told(**corpus)
    for name, (_, finding, why) in TRAPS.items():
        if finding and finding in findings and findings[finding].count <= 3:
            assert any(name in str(place) for place in findings[finding].places), (name, why)
    wanted = {finding for _, finding, _ in TRAPS.values() if finding}
    assert wanted - set(findings) <= {"mixed rates", "8 bits"}


def test_a_repaired_copy_has_a_manifest_for_each_kind(sounds: dict[str, str], tmp_path: Path) -> None:
    put(Path(sounds["negative"]), "same.wav", written(take(0)))
    put(Path(sounds["background"]), "page.wav", b"<!DOCTYPE html>")
    settings = chosen({name: [value] for name, value in sounds.items()})
    done = repaired(look(settings), None, settings.data, tmp_path / "mended")
    assert dict(done.kept) == {"positive": 19, "negative": 4, "background": 1}
    assert done.removed == {"a trigger word, and not": 2, "web pages": 1}
    mended = {kind: [*corpus] for kind, corpus in done.corpora.items()}
    assert {clip.text for clip in clips(done.corpora["positive"])} == {"computer"}
    assert not [one for one in look(chosen(mended)).findings if one.severity == "error"]
    assert [json.loads(line)["audio"] for line in Path(done.corpora["background"][0]).read_text().splitlines()] == [
        "../noise/0.wav"
    ]


def fired(path: Path, texts: list[str | None], name: str = "fired.jsonl") -> str:
    """What was kept when an alarm was given, and what somebody has written of it; its path."""
    put(path, "page.wav", b"<!DOCTYPE html>")
    rows: list[dict[str, Any]] = [{"audio": "page.wav", "text": "computer"}, {"audio": "page.wav", "text": None}]
    for number, text in enumerate(texts):
        put(path, f"{name}{number}.wav", written(take(300 + number)))
        rows.append({"audio": f"{name}{number}.wav", "text": text})
    return manifest(path, rows, name)


def both(sounds: dict[str, str], path: str, begins: str = "") -> dict[str, list[str]]:
    """The sounds, and a manifest besides that is given as takes and as other speech."""
    given = {kind: [value] for kind, value in sounds.items()}
    return given | {begins + kind: [path, *given.get(begins + kind, [])] for kind in ("positive", "negative")}


def test_a_labelled_manifest_is_parted_by_its_texts_as_training_has_it(sounds: dict[str, str], tmp_path: Path) -> None:
    settings = chosen(both(sounds, fired(tmp_path, ["Computer ", "a commuter", "", None, None, "computer"])))
    seen, trained = look(settings), taken(settings)
    findings = found([finding for finding in seen.findings if finding.name != "web pages"])
    assert {one.name for one in seen.findings if one.severity == "error"} == {"web pages"}
    assert dict(seen.examples) == {"positive": 23, "negative": 6, "background": 1, "unlabelled": 3}
    assert seen.sounds["positive"].words == {"computer": 22}
    kinds = Counter(one.kind for one in [*trained.train, *trained.valid])
    assert (kinds["positive"], kinds["negative"]) == (22, 6)
    waiting = findings["recordings without a label"]
    assert (waiting.severity, waiting.count, waiting.of) == ("note", 2, 6)
    assert [place.line for place in waiting.places] == [6, 7]
    assert "2 recordings of what is given as positive and as negative wait for a text" in waiting.sentence


def test_what_waits_for_a_text_is_neither_a_take_nor_anything_else(sounds: dict[str, str], tmp_path: Path) -> None:
    rows = [{"audio": f"computer/{number}.wav", "text": None} for number in range(3)]
    settings = chosen(both(sounds, manifest(tmp_path, rows, "fired.jsonl")))
    seen = look(settings)
    assert seen.examples["unlabelled"] == 3
    assert set(found(seen.findings)) == {"recordings without a label", "false alarms"}
    assert "(of 1.0 min)" in found(seen.findings)["false alarms"].sentence
    assert not seen.unusable
    assert len(taken(settings).train) + len(taken(settings).valid) >= 25


def test_a_repaired_copy_keeps_what_was_labelled_and_what_waits_for_it(sounds: dict[str, str], tmp_path: Path) -> None:
    settings = chosen(both(sounds, fired(tmp_path, ["Computer", "a commuter", "", None])))
    done = repaired(look(settings), None, settings.data, tmp_path / "mended")
    assert dict(done.kept) == {"positive": 21, "negative": 6, "background": 1, "unlabelled": 1}
    assert done.removed == {"web pages": 2}
    waiting = str(tmp_path / "mended" / "unlabelled.jsonl")
    assert [done.corpora[kind][1:] for kind in ("positive", "negative")] == [(waiting,), (waiting,)]
    assert set(done.corpora) == set(sounds)
    assert [clip.text for clip in clips((waiting,))] == [None]
    again = chosen({kind: [*corpus] for kind, corpus in done.corpora.items()})
    assert not [one for one in look(again).findings if one.severity == "error"]
    told = [
        [Counter((one.kind, one.word) for one in every.train + every.valid)] for every in map(taken, (settings, again))
    ]
    assert told[0] == told[1]
    Path(waiting).write_text(Path(waiting).read_text().replace("null", '"computer"'))
    assert look(again).sounds["positive"].words == {"computer": 22}


def test_a_labelled_manifest_to_validate_on_is_parted_for_itself(sounds: dict[str, str], tmp_path: Path) -> None:
    given = both(sounds, fired(tmp_path, ["computer", None], "late.jsonl"), "valid_")
    given["valid_positive"].append(folder(tmp_path / "dev" / "computer", take(400), take(401)))
    settings = chosen(given)
    seen = look(settings)
    assert dict(seen.examples) == {
        "positive": 20,
        "negative": 4,
        "background": 1,
        "valid_positive": 4,
        "valid_negative": 0,
        "valid_unlabelled": 2,
    }
    waiting = next(one for one in seen.findings if one.name == "recordings without a label")
    assert "as valid_positive and as valid_negative waits for a text" in waiting.sentence
    done = repaired(seen, None, settings.data, tmp_path / "mended")
    assert [len(done.corpora[part]) for part in ("positive", "valid_positive", "valid_negative")] == [1, 2, 1]
    assert Counter(one.kind for one in taken(settings).valid if "late" in one.where) == {"positive": 1}


def test_texts_that_no_take_tells_the_word_of_are_an_error(sounds: dict[str, str], tmp_path: Path) -> None:
    given = both(sounds, fired(tmp_path, ["computer", "computer", None]))
    settings = chosen(given | {"positive": given["positive"][:1]})
    with pytest.raises(Refusal, match="no other takes tell") as refused:
        taken(settings)
    seen = look(settings)
    findings = [one for one in seen.findings if one.name == "words that nobody tells"]
    assert [one.severity for one in findings] == ["error"]
    assert str(refused.value) in findings[0].sentence
    assert seen.examples["positive"] == 0
    with pytest.raises(Refusal, match="no copy was written"):
        repaired(seen, None, settings.data, tmp_path / "mended")


def test_sessions_in_both_parts_are_a_note(sounds: dict[str, str]) -> None:
    settings = chosen({"positive": [sounds["positive"]], "negative": [sounds["negative"]], "valid_positive": ["x"]})
    findings = found([*_sessions({0, 1, 2}, {2, 3}, settings)])
    assert findings["sessions in both parts"].count == 1
    assert "about 4 recording sessions" in findings["recording sessions"].sentence
    alone = found([*_sessions({0}, set(), settings)])
    assert "single recording session" in alone["recording sessions"].sentence


def test_a_folder_that_is_not_there_is_refused(sounds: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="nowhere"):
        looked(**{**sounds, "negative": "nowhere"})
