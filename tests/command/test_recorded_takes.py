"""melisma record as typed: what is asked, what is written, what is counted, what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import soundfile
from command.drill import Screen, picture, refused, typed
from command.voice import Take, Voice

import melisma.command.record as verb
from melisma.api.record import planned
from melisma.errors import Refusal
from melisma.files.manifest import Columns, clips
from melisma.settings.record import RecordSettings

FEW = ("takes=2", "alike=commuter,pewter", "alike_takes=1", "speech=10", "background=2", "rate=4000")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recorded(
    monkeypatch: pytest.MonkeyPatch,
    *words: str,
    keys: str = "\n" * 50,
    takes: Sequence[Take] = (Take(),),
    code: int = 0,
) -> Any:
    """What a session says, with these keys typed and these takes spoken; its microphone is always given back."""
    voice = Voice(takes)
    monkeypatch.setattr(verb, "microphone", voice)
    said = typed("record", "mine", *words, stdin=keys.encode())
    assert said.code == code, said.err
    assert voice.opened == voice.closed
    return said


def rows(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def test_takes_lie_where_training_reads_them(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = recorded(monkeypatch, "word=computer", "speaker=ada", *FEW)
    found = sorted(str(path.relative_to(here)) for path in here.rglob("*") if path.is_file())
    assert found == [
        "mine/background/manifest.jsonl",
        "mine/background/room/0001.wav",
        "mine/negative/commuter/0001.wav",
        "mine/negative/free speech/0001.wav",
        "mine/negative/manifest.jsonl",
        "mine/negative/pewter/0001.wav",
        "mine/positive/computer/0001.wav",
        "mine/positive/computer/0002.wav",
        "mine/positive/manifest.jsonl",
    ]
    assert [clip.text for clip in clips(("mine/positive",))] == ["computer"] * 2  # as folders
    by_session = clips(("mine/negative/manifest.jsonl",), Columns(speaker="session"))
    assert [clip.text for clip in by_session] == ["commuter", "pewter", None]
    assert len({clip.speaker for clip in by_session}) == 1
    assert {row["speaker"] for row in rows("mine/positive/manifest.jsonl")} == {"ada"}
    assert soundfile.info("mine/background/room/0001.wav").duration == 2
    samples, rate = soundfile.read("mine/positive/computer/0001.wav")
    assert rate == 4000
    assert 0.2 < abs(samples).max() < 0.3
    assert len(said.lines) == 6
    assert "data.positive=mine/positive/manifest.jsonl" in said.err
    assert "data.speaker=session" in said.err


def test_a_second_session_goes_on_and_overwrites_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = recorded(monkeypatch, "word=computer", *FEW, keys="\nq\n")
    assert "some are lacking" in first.err
    before = Path("mine/positive/computer/0001.wav").read_bytes()
    other = Path("mine/positive/computer/of a friend.wav")
    other.write_bytes(before)
    said = recorded(monkeypatch, "word=computer", "takes=3", *FEW[1:], keys="\nq\n", takes=[Take(lasts=0.2)])
    assert "(3 of 3" in said.err
    assert Path("mine/positive/computer/0001.wav").read_bytes() == before == other.read_bytes()
    listed = rows("mine/positive/manifest.jsonl")
    assert [row["audio"] for row in listed] == [
        "computer/0001.wav",
        "computer/of a friend.wav",
        "computer/0002.wav",
    ]
    assert listed[1]["session"] is None
    whole = picture(here)
    again = recorded(monkeypatch, "word=computer", "takes=3", "proposed=0", "speech=0", "background=0", keys="")
    assert "0 new takes" in again.err
    assert picture(here) == whole


def test_bad_takes_are_asked_for_again_and_can_be_kept(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [Take(lasts=0), Take(level=-55, room=-95), Take(level=12), Take(before=1, lasts=9), Take(level=-20)]
    words = ("word=computer", "takes=2", "proposed=0", "speech=0", "background=0", "rate=4000")
    said = recorded(monkeypatch, *words, keys="\n\n\n\n\n" + "k\nq\n", takes=bad)
    for sentence in ("nothing was heard", "too quiet", "peaks are cut off", "cut off at the end"):
        assert sentence in said.err
    assert said.err.count("once more") == 4
    assert "nothing was refused just now" in said.err
    assert len(rows("mine/positive/manifest.jsonl")) == 1
    recorded(monkeypatch, *words, keys="\nk\n", takes=bad[1:])
    assert len(rows("mine/positive/manifest.jsonl")) == 2


def test_keys(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("word=computer", *FEW)
    said = recorded(monkeypatch, *words, keys="u\n\n\nu\na\nwhat\ns\ns\nq\n", takes=[Take(level=-10), Take(level=-20)])
    assert "there is nothing to undo" in said.err
    assert said.err.count("undone") == 2
    assert said.err.count("Enter records") == 2  # at first, and after what is no key
    assert [row["audio"] for row in rows("mine/positive/manifest.jsonl")] == ["computer/0001.wav"]
    assert abs(soundfile.read("mine/positive/computer/0001.wav")[0]).max() == pytest.approx(0.1, abs=0.01)
    assert said.err.index("say 'commuter'") < said.err.index("say 'pewter'")  # both skipped, as the word was
    assert not Path("mine/negative").exists()


def test_what_is_undone_is_asked_for_again_though_it_was_skipped(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = recorded(monkeypatch, "word=computer", *FEW, keys="\ns\nu\nq\n")
    asked = [line.removeprefix("melisma: ") for line in said.err.splitlines() if ": say " in line]
    assert [line.partition(",")[0] for line in asked] == [
        "say 'computer' (1 of 2)",
        "say 'computer' (2 of 2)",
        "say 'commuter'",
        "say 'computer' (1 of 2)",
    ]


def test_a_take_that_was_removed_by_hand_is_asked_for_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(monkeypatch, "word=computer", *FEW)
    Path("mine/positive/computer/0001.wav").unlink()
    said = recorded(monkeypatch, "word=computer", *FEW)
    assert "1 new take in" in said.err
    assert Path("mine/positive/computer/0003.wav").exists()


def test_the_end_of_the_keys_and_ctrl_c_keep_what_is_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(monkeypatch, "word=computer", *FEW, keys="\n")
    voice = Voice()
    monkeypatch.setattr(verb, "microphone", voice)

    def pressed(talk: Any, text: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(verb._Talk, "ask", pressed)
    said = typed("record", "mine", "word=computer", *FEW)
    assert said.code == 130
    assert "all takes are kept" in said.err
    assert len(rows("mine/positive/manifest.jsonl")) == 1


def test_sentences_are_read_as_often_as_they_stand_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sentences.txt").write_text("one  two\n\nthree\none two\n", encoding="utf-8")
    said = recorded(monkeypatch, "text=sentences.txt", "rate=4000", keys="\n\nq\n")
    assert [row["text"] for row in rows("mine/manifest.jsonl")] == ["one two"] * 2
    said = recorded(monkeypatch, "text=sentences.txt", "rate=4000")
    assert [clip.text for clip in clips(("mine/manifest.jsonl",))] == ["one two", "one two", "three"]
    assert "data.train=mine/manifest.jsonl" in said.err


def test_as_json_and_on_a_terminal(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = recorded(monkeypatch, "word=computer", *FEW, "--json")
    told = json.loads(said.out)
    assert told["new"] == 6
    assert told["takes"][0] == {"kind": "positive", "what": "computer", "takes": 2, "wanted": 2}

    class Terminal(Screen):
        tty = True

    monkeypatch.setattr(verb, "microphone", Voice())
    seen = typed("record", "mine", "word=computer", "takes=3", *FEW[1:], stdin=b"\nq\n", screen=Terminal)
    assert "█" in seen.err
    assert " dB" in seen.err


def test_without_a_microphone_it_is_one_sentence_and_nothing_is_written(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(rate: int, seconds: float) -> Any:
        raise Refusal("mic: there is no microphone")
        yield

    monkeypatch.setattr(verb, "microphone", none)
    assert refused("record", "mine", "word=computer") == "mic: there is no microphone"
    assert not [*here.iterdir()]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "nothing to be said"),
        (("word=computer", "text=some.txt"), "both word= and text="),
        (("word=a/b",), "name of a folder"),
        (("word=..",), "name of a folder"),
        (("word=alexa,Alexa",), "names one twice"),
        (("word=alexa", "alike=ALEXA"), "is the word itself"),
        (("word=alexa", "takes=0"), "takes"),
        (("word=alexa", "take=2"), "did you mean takes=2"),
        (("text=none.txt",), "none.txt"),
        (("text=blank.txt",), "only blank lines"),
        (("text=long.txt",), "line 2"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], sentence: str
) -> None:
    Path("blank.txt").write_text("\n \n", encoding="utf-8")
    Path("long.txt").write_text("a\n" + "b " * 600 + "\n", encoding="utf-8")
    monkeypatch.setattr(verb, "microphone", Voice())
    before = picture(here)
    assert sentence in refused("record", "mine", *words)
    assert picture(here) == before


def test_a_folder_that_is_none_and_a_manifest_that_is_none(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "microphone", Voice())
    Path("mine").write_text("a file", encoding="utf-8")
    assert "is not a folder" in refused("record", "mine", "word=computer")
    assert "is not a folder" in refused("record", "mine/deeper", "word=computer")
    Path("third/positive").mkdir(parents=True)
    Path("third/positive/computer").write_text("a file", encoding="utf-8")
    assert "takes cannot lie there: not a directory" in refused("record", "third", "word=computer")
    Path("other/positive").mkdir(parents=True)
    Path("other/positive/manifest.jsonl").write_text('{"audio": "a.wav"}\n{"aud\n', encoding="utf-8")
    assert "line 2" in refused("record", "other", "word=computer")
    assert "stands where the folder is wanted" in refused("record", "word=computer", "takes=3")


def test_several_words_have_sound_alikes_each_but_none_of_each_other() -> None:
    items = planned(RecordSettings(word=("computer", "commuter"), proposed=8))
    assert [item.text for item in items[:2]] == ["computer", "commuter"]
    near = [item.text for item in items if item.kind == "negative"]
    assert len(near) == len(set(near)) > 9
    assert not {"computer", "commuter"} & set(near)
    assert [item.takes for item in items[-2:]] == [6, 1]
