"""What alarms are worth: heard, missed and in vain by the recording's own time, whatever room was put around it."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import soundfile
from laws.documented import call

from melisma.errors import Refusal
from melisma.evaluation.spotted import apart_by, by_speaker, recordings, tradeoffs
from melisma.measures.groups import Gap
from melisma.settings.read import build
from melisma.settings.trigger import AlarmSettings, TriggerSettings
from melisma.sound.spoken import spoken
from melisma.tasks.alarms import Alarm, Listened, Rules
from melisma.tasks.judging import (
    BEFORE,
    MEASURES,
    Placed,
    details,
    detected,
    measure,
    median_interval,
    outcome,
    placed,
)
from melisma.tasks.takes import Recorded, examples, read

WORDS = ("alexa", "up")
STEP, FIRST = 0.04, 0.025
RATE = 8000


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> list[Recorded]:
    """Six takes, twelve of other words, three backgrounds."""
    folder = tmp_path_factory.mktemp("called")
    call(folder)
    given = {"positive": "alexa", "negative": "other", "background": "noise"}
    return examples(TriggerSettings(), {kind: ((str(folder / name),),) for kind, name in given.items()})[0]


def answered(
    one: Recorded, *alarms: tuple[str, float], words: tuple[str, ...] = WORDS[:1], high: float = 0.9
) -> Listened:
    """An answer with alarms at these seconds of the recording itself, each a peak in its score track."""
    rules = Rules(words, (0.5,) * len(words), 0.12, 0.5, 1.0, STEP, FIRST)
    seconds = len(Placed(one).samples(RATE)) / RATE
    tracks = np.full((len(words), int((seconds - FIRST) / STEP) + 1), 0.01)
    told = []
    for word, second in alarms:
        place = math.ceil((second + BEFORE - FIRST) / STEP - 1e-9)
        tracks[words.index(word), place : place + 2] = high
        told.append(Alarm(word, FIRST + place * STEP, high))
    return Listened(str(one), tuple(told), seconds, rules, tuple(map(tuple, tracks.tolist())))


def end_of(one: Recorded) -> float:
    return spoken(one.samples(RATE), RATE)[1]


def perfect(some: list[Recorded], late: float = 0.1) -> list[Listened]:
    return [answered(one, *([("alexa", end_of(one) + late)] if one.kind == "positive" else [])) for one in some]


def test_a_recording_stands_in_a_quiet_room_as_it_is(called: list[Recorded]) -> None:
    (found,), own = placed(called[:1]), called[0].samples(RATE)
    samples, begin = found.samples(RATE), round(BEFORE * RATE)
    assert np.array_equal(samples[begin : begin + len(own)], own)
    rest = np.concatenate((samples[:begin], samples[begin + len(own) :]))
    assert 0 < np.abs(rest).max() < 1e-3
    assert np.array_equal(samples, placed(called[:1])[0].samples(RATE))
    assert str(found) == str(called[0])


def test_a_perfect_answer_misses_nothing_and_is_as_late_as_it_is(called: list[Recorded]) -> None:
    found = measure(perfect(called), called, tuple(MEASURES))
    assert [found[name].value for name in ("misses", "false_alarms")] == [0, 0]
    assert found["latency"].value == pytest.approx(0.12, abs=STEP / 2 + 1e-9)
    hours = sum(one.seconds() for one in called) / 3600
    assert 2.99 / hours < found["false_alarms"].high < 3.0 / (hours - 6 * 0.95 / 3600) * 1.02


@pytest.mark.parametrize(("late", "misses"), [(-0.15, 0), (0.7, 0), (0.85, 100), (-0.3, 100)])
def test_an_alarm_belongs_to_a_word_from_a_little_before_its_end_to_a_moment_after(
    called: list[Recorded], late: float, misses: float
) -> None:
    found = measure(perfect(called, late), called, ("misses", "false_alarms"))
    assert found["misses"].value == misses
    assert (found["false_alarms"].value > 0) == (misses > 0)


def test_the_order_of_recordings_is_irrelevant(called: list[Recorded]) -> None:
    both = [*zip(called, perfect(called))]
    both[7] = (called[7], answered(called[7], ("alexa", 0.3)))
    both[2] = (called[2], answered(called[2]))
    wanted = measure([answer for _, answer in both], called, tuple(MEASURES))
    Random(1).shuffle(both)
    assert measure([answer for _, answer in both], [one for one, _ in both], tuple(MEASURES)) == wanted


def test_another_word_than_the_one_that_is_said_is_a_miss_and_a_false_alarm(called: list[Recorded]) -> None:
    some = called[:2]
    answers = [
        answered(one, (word, end_of(one) + 0.1), words=WORDS) for one, word in zip(some, ("alexa", "up"), strict=True)
    ]
    found = detected(answers, some)
    assert [found[word].misses for word in WORDS] == [1, 0]
    assert [len(found[word].false) for word in WORDS] == [0, 1]
    assert measure(answers, some, ("misses",))["misses"].value == 50
    assert outcome(answers[0], some[0]).kind == "heard"
    assert outcome(answers[1], some[1]).kind == "missed"


def test_each_recording_has_its_outcome_in_its_own_time(called: list[Recorded]) -> None:
    take, other = called[0], next(one for one in called if one.kind == "negative")
    heard = outcome(answered(take, ("alexa", end_of(take) + 0.1)), take)
    assert (heard.kind, heard.wanted) == ("heard", ("alexa", end_of(take)))
    assert heard.got[0][1] == pytest.approx(end_of(take) + 0.12, abs=STEP)
    assert outcome(answered(take), take).kind == "missed"
    assert outcome(answered(other), other).kind == "quiet"
    vain = outcome(answered(other, ("alexa", 0.2), high=0.7), other)
    assert (vain.kind, vain.wanted, vain.score) == ("in vain", None, 0.7)


def test_nothing_to_measure_on_is_refused_and_half_of_it_is_left_out(called: list[Recorded]) -> None:
    noise = [one for one in called if one.kind == "background"]
    assert list(measure(perfect(noise), noise, tuple(MEASURES))) == ["false_alarms"]
    with pytest.raises(Refusal, match="nothing to measure on"):
        measure(perfect(noise), noise, ("misses",))


def test_details_say_what_the_hours_can_show_and_are_plain(called: list[Recorded]) -> None:
    answers = perfect(called)
    answers[8] = answered(called[8], ("alexa", 0.3))
    found = details(answers, called, AlarmSettings(false_alarms=0.5))
    assert found is not None
    said = " ".join(found.sentences)
    assert "misses none of 6: below 39.4 %" in said
    assert "takes 5.99 h without any" in said
    assert f"in vain in {called[8]} at 0.3" in said
    assert [row[0] for row in found.rows] == ["positive recordings", "negative recordings", "background recordings"]
    own = json.loads(json.dumps(found.data))["words"]["alexa"]
    assert own["in_vain"][0]["recording"] == str(called[8])
    assert own["false_alarms"]["events"] == 1
    assert own["curve"][0]["false_alarms"]["events"] == 0
    assert details([], [], AlarmSettings()) is None


def test_the_tradeoff_of_two_runs_stands_side_by_side(called: list[Recorded]) -> None:
    good = details(perfect(called), called, AlarmSettings())
    deaf = details([answered(one) for one in called], called, AlarmSettings())
    assert good is not None
    assert deaf is not None
    (figure,) = tradeoffs({"after": good, "before": deaf})
    after, before = figure.data["series"]
    assert (after["name"], after["chosen"]["misses"], before["chosen"]["misses"]) == ("after", 0, 100)
    assert figure.data["wanted"] == AlarmSettings().false_alarms
    assert figure.data["bound"] == pytest.approx(2.9957 / good.data["words"]["alexa"]["hours"], rel=1e-3)


def test_words_missed_are_told_by_speaker_and_strangers_apart() -> None:
    table = by_speaker([True, False, False, False], ["a", "a", "b", "c"], {"a"})
    assert table is not None
    assert [row[0] for row in table.rows] == ["all who were heard in training", "all strangers", "a", "b", "c"]
    assert [row[3] for row in table.rows] == ["1", "0", "1", "0", "0"]
    assert by_speaker([True, False], [None, "a"], None) is None
    fewer = Gap(-100.0, -100.0, -100.0, 0, 3)
    assert "fewer of 3 words than before; that" in apart_by(fewer, 3, ("after", "before"))


def test_a_page_shows_what_went_wrong_first() -> None:
    def one(place: int, kind: str, score: float) -> dict[str, Any]:
        return {"name": f"{place}", "place": place, "kind": kind, "score": score, "wanted": ("a", 1.0), "got": ()}

    found = recordings([one(0, "heard", 0.9), one(1, "heard", 0.6), one(2, "missed", 0.2), one(3, "in vain", 0.8)])
    assert [(group.name, [each.place for each in group.examples]) for group in found] == [
        ("Missed", [2]),
        ("Heard in vain", [3]),
        ("Heard", [1, 0]),
    ]


@pytest.mark.parametrize("count", [6, 10, 30, 31, 100, 1001, 3000])
def test_the_interval_of_a_median_holds_it_as_often_as_it_says(count: int) -> None:
    low, high = median_interval(count)
    inside = float(Fraction(sum(math.comb(count, below) for below in range(low + 1, high + 1)), 2**count))
    less = float(Fraction(sum(math.comb(count, below) for below in range(low + 2, high)), 2**count))
    assert less < 0.95 <= inside


def test_a_manifest_that_was_labelled_afterwards_is_parted_by_its_texts(tmp_path: Path) -> None:
    call(tmp_path)
    random, rows = np.random.default_rng(3), []
    for number, text in enumerate(["Alexa", "alexa", "a lecture", "", None]):
        soundfile.write(tmp_path / f"{number}.wav", 0.1 * random.standard_normal(8000), RATE)
        rows.append(json.dumps({"audio": f"{number}.wav", "text": text}))
    kept = tmp_path / "manifest.jsonl"
    kept.write_text("\n".join(rows) + "\n")
    data = {
        "data.positive": [str(tmp_path / "alexa"), str(kept)],
        "data.negative": [str(tmp_path / "other"), str(kept)],
        "data.background": [str(tmp_path / "noise")],
        "data.valid_share": 0.0,
    }
    found = read(build(TriggerSettings, data))
    ours = {Path(one.utterance.clip.audio).name: one for one in found.train if "manifest.jsonl" in one.where}
    assert {name: (one.kind, one.word, one.label) for name, one in ours.items()} == {
        "0.wav": ("positive", "alexa", None),
        "1.wav": ("positive", "alexa", None),
        "2.wav": ("negative", None, "a lecture"),
        "3.wav": ("negative", None, None),
    }
    assert any(note.startswith("1 recording left out, as nobody has said yet") for note in found.notes)
    with pytest.raises(Refusal, match=r"given as positive and as negative.*wants data\.positive=FOLDER"):
        read(build(TriggerSettings, data | {"data.positive": [str(kept)]}))
