"""``melisma look alignment`` as it is typed, and the page of a run that hears."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command.drill import refused, typed
from files.test_text_grid import read_back
from laws.documented import speak

import melisma
from melisma.api import pictured
from melisma.api.familiar import sentences
from melisma.api.model import Model
from melisma.errors import Refusal
from melisma.evaluation.evaluate import Familiar
from melisma.tasks.listening import Streams

WORDS = (
    "sound.bands=8",
    "model.channels=8",
    "model.hidden=8",
    "model.layers=1",
    "training.threads=1",
    "augment.join=1",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has hardly begun to learn, and recordings beside it."""
    folder = tmp_path_factory.mktemp("hearing")
    speak(folder)
    data = (f"data.train={folder}/train.jsonl", f"data.valid={folder}/dev.jsonl", "training.steps=2")
    said = typed("train", "transcribe", str(folder / "run"), *data, *WORDS, "sound.rate=8000")
    assert said.code == 0, said.err
    (folder / "told.txt").write_text(said.err)
    return folder


@pytest.fixture
def speech(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def test_a_training_that_came_to_nothing_says_so_in_its_last_line(speech: Path) -> None:
    *_, done, further, last = Path("told.txt").read_text().splitlines()
    assert done.startswith("melisma: done in ")
    assert "next: answers from" in further
    assert last.startswith("melisma: at its end: ")
    assert "train longer" in last or "the learning rate" in last


def test_words_are_told_with_their_times_and_drawn_and_written(speech: Path, tmp_path: Path) -> None:
    files = (f"file={tmp_path / 'take.png'}", f"grid={tmp_path / 'take.TextGrid'}")
    said = typed("look", "alignment", "run", "take1.wav", "la  le", *files)
    assert said.code == 0, said.err
    assert said.lines[0].split() == ["word", "begin", "end", "confidence"]
    rows = [line.split() for line in said.lines[1:]]
    assert [row[0] for row in rows] == ["la", "le"]
    times = [float(time) for row in rows for time in row[1:3]]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= soundfile.info("take1.wav").duration
    assert (tmp_path / "take.png").read_bytes().startswith(b"\x89PNG")
    seconds, tiers = read_back((tmp_path / "take.TextGrid").read_text(encoding="utf-8"))
    assert seconds == pytest.approx(soundfile.info("take1.wav").duration, abs=1e-4)
    assert [one.text for one in tiers["words"] if one.text] == ["la", "le"]
    assert [one.text for one in tiers["symbols"] if one.text] == list("lale")
    assert said.err == f"melisma: drawn into {tmp_path / 'take.png'}\nmelisma: words and symbols are in {tmp_path / 'take.TextGrid'}\n"  # fmt: skip


def test_all_that_is_seen_is_one_json_object(speech: Path) -> None:
    found = json.loads(typed("look", "alignment", "run", "take2.flac", "la", "--json").out)
    assert [one["text"] for one in found["words"]] == ["la"]
    assert found == melisma.load("run").alignment("take2.flac", "la").data
    own = json.loads(typed("look", "alignment", "run", "take2.flac", "--json").out)
    assert own["heading"][1].split() == typed("predict", "run", "take2.flac").out.split()
    assert not own["given"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("take1.wav", "xyz"), "take1.wav, 'xyz': 'x', 'y', 'z' cannot be spelled"),
        (("take1.wav", " "), "the text is blank"),
        (("take1.wav", "la" * 200), "the text has 400 symbols, which take 400 outputs"),
        ((), "there are 0 inputs; a recording is wanted"),
        (("take1.wav", "la", "le"), "there are 3 inputs"),
        (("none.wav", "la"), "none.wav"),
        (("take1.wav", "la", "file=a.jpg"), "a picture is drawn as .png or .svg"),
        (("take1.wav", "la", "grid=a.txt"), "a TextGrid is written as .TextGrid"),
        (("take1.wav", "la", "grid=run.TextGrid", "grid=b.TextGrid"), "grid is given 2 times"),
        (("take1.wav", "la", "grid="), "grid= names no TextGrid: a name such as take.TextGrid is wanted"),
        (("take1.wav", "la", "grid=no/a.TextGrid"), "the name of a TextGrid in a folder that is there is wanted"),
        (("take1.wav", "la", "target=x"), "look alignment takes no target: wanted is look steps"),
    ],
)
def test_bad_lines_are_refused(speech: Path, words: tuple[str, ...], says: str) -> None:
    before = sorted(path.name for path in speech.iterdir())
    assert says in refused("look", "alignment", "run", *words)
    assert sorted(path.name for path in speech.iterdir()) == before


def test_no_file_is_written_over_and_none_where_another_cannot_be(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "mine.TextGrid"
    kept.write_text("mine")
    said = refused("look", "alignment", "run", "take1.wav", "la", f"grid={kept}", f"file={tmp_path / 'a.png'}")
    assert "is there already" in said
    soundfile.write(tmp_path / "long.wav", np.zeros(8000 * 61), 8000)
    words = (f"grid={tmp_path / 'a.TextGrid'}", f"file={tmp_path / 'a.png'}")
    assert "at most 60 can be read" in refused("look", "alignment", "run", str(tmp_path / "long.wav"), "la", *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.wav", "mine.TextGrid"]
    assert kept.read_text() == "mine"


def test_a_run_is_looked_at_as_its_task_allows(speech: Path) -> None:
    for look in ("attention", "steps"):
        said = refused("look", look, "run", "la", *(["file=a.png"] if look == "attention" else []))
        assert f"look {look} shows nothing of a run of the task transcribe: wants look alignment" in said
    model = melisma.load("run")
    with pytest.raises(Refusal, match="look steps shows nothing"):
        model.steps("la")
    with pytest.raises(Refusal, match="the path of one"):
        model.alignment(["take1.wav", "take2.flac"])  # type: ignore[arg-type]
    with pytest.raises(Refusal, match="the text is int"):
        model.alignment("take1.wav", 3)  # type: ignore[arg-type]


def test_a_run_that_translates_is_not_aligned(tiny: Path) -> None:
    said = refused("look", "alignment", "tiny", "one", "eins")
    assert "look alignment shows nothing of a run of the task translate: wants look attention or steps" in said


def test_the_page_plays_its_examples(speech: Path, tmp_path: Path) -> None:
    said = typed("evaluate", "run", f"data={speech}/dev.jsonl", f"report={tmp_path / 'page.html'}")
    assert said.code == 0, said.err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    sounds = re.findall(r'src="data:audio/flac;base64,([A-Za-z0-9+/=]+)"', page)
    assert len(sounds) == 12
    assert page.count('<figure class="map">') == 12
    for sound in sounds:
        wave, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)))
        assert (rate, len(wave)) == (8000, 2400)
        assert 0.2 < np.abs(wave).max() < 0.4
    text = " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2]).split())
    assert "media-src data:;" in page
    assert "all who were heard in training" in text
    assert "heard as others (S)" in text
    assert "recordings learned from" in text
    assert str(speech) not in page
    assert "pair" not in text.partition("Settings")[0]
    assert (speech / "run" / "report.html").read_text(encoding="utf-8").count("<audio") == 12


def test_a_page_has_room_for_so_much_sound_and_no_more(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = melisma.evaluate("run", "dev.jsonl")
    monkeypatch.setattr(pictured, "BYTES", 40_000)
    from melisma.api.report import report

    some = report("run", "dev.jsonl", found)
    assert 0 < some.count("<audio") < 12
    monkeypatch.setattr(pictured, "LONGEST", 0.2)
    assert "<audio" not in report("run", "dev.jsonl", found)
    assert "media-src" not in report("run", "dev.jsonl", found)


def test_recordings_that_are_gone_are_not_played(speech: Path, tmp_path: Path) -> None:
    shutil.copytree(speech / "dev", tmp_path / "dev")
    shutil.copy(speech / "dev.jsonl", tmp_path / "dev.jsonl")
    from melisma.api.pictured import pictured as shown
    from melisma.evaluation.shown import Measured
    from melisma.tasks.utterances import asked

    model = melisma.load("run")
    found = melisma.evaluate(model, str(tmp_path / "dev.jsonl"))
    rows = [json.loads(line) for line in (tmp_path / "dev.jsonl").read_text().splitlines()]
    (tmp_path / "dev" / "0.wav").unlink()
    pairs = [asked(str(tmp_path / row["audio"]))[0][0] for row in rows]
    texts = tuple(row["text"] for row in rows)
    heard = shown(model, Measured("run", found, texts, texts), pairs, None).recordings
    assert sorted(heard) == list(range(1, 12))


def test_recordings_are_called_so_where_they_are_measured(speech: Path) -> None:
    said = typed("evaluate", "run", "data=dev.jsonl", "beam=1")
    assert "dev.jsonl (12 recordings)" in said.out
    assert "pair" not in said.out + said.err
    lines = {line.split("  ")[0]: line for line in said.lines}
    assert {"speaker", "all who were heard in training", "s0", "s1"} <= set(lines)
    assert sum("heard as others (S)" in line for line in said.lines) == 2
    found = melisma.evaluate("run", "dev.jsonl", beam=1)
    (bucket,) = found.by_length["wer"]
    assert bucket.measure == found.measures["wer"], "one rule for all, by speaker, as all are of one length"
    told = json.loads(typed("evaluate", "run", "data=dev.jsonl", "beam=1", "against=run", "--json").out)
    assert told["details"]["speakers"]["seen"]["recordings"] == 12
    assert [one["speaker"] for one in told["details"]["each"]] == ["s0", "s1"]
    assert set(told["against"]["differences"]) == {"wer", "cer"} | ({"exact"} & set(told["measures"]))
    (chose,) = sentences([Familiar(("dev.jsonl",), 3, trained=0, chose=3)], "recording")
    assert chose.startswith("warning: the recordings of dev.jsonl chose the best step")


def test_a_recording_that_is_cut_off_is_answered_and_said(speech: Path, tmp_path: Path) -> None:
    whole, cut = Path("take1.wav").read_bytes(), tmp_path / "cut.wav"
    cut.write_bytes(whole[: 44 + (len(whole) - 44) // 4 * 2])
    seconds = soundfile.info("take1.wav").duration
    says = f"melisma: {cut} is cut off: {seconds / 2:.3f} of {seconds:.3f} s are there\n"
    for words in (
        ("predict", "run", str(cut)),
        ("listen", "run", str(cut)),
        ("look", "alignment", "run", str(cut), "la"),
    ):
        said = typed(*words)
        assert (said.code, says in said.err) == (0, True), said.err
        assert "cut off" not in typed(*("take1.wav" if word == str(cut) else word for word in words)).err
    for words, flags in ((("predict",), [True, False]), (("listen",), [True]), (("look", "alignment"), [True])):
        more = ["take1.wav"] if words == ("predict",) else []
        told = [json.loads(line) for line in typed(*words, "run", str(cut), *more, "--json").lines]
        assert [one["truncated"] for one in told] == flags
    assert says in typed("predict", "run", str(cut), "format=srt").err
    assert melisma.load("run")(str(cut)).truncated


def test_where_nothing_was_heard_it_is_said(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (("predict", "run", "take1.wav"), ("listen", "run", "take1.wav")):
        assert "nothing was heard" not in typed(*words).err
    monkeypatch.setattr(Streams, "feed", lambda self, chunks, last=False: [[] for _ in chunks])
    for words in (("predict",), ("listen",), ("predict", "format=srt")):
        said = typed(words[0], "run", "take1.wav", *words[1:])
        assert said.code == 0
        assert said.err == "melisma: take1.wav: nothing was heard\n"
    assert json.loads(typed("predict", "run", "take1.wav", "--json").out)["text"] == ""


def test_nothing_heard_has_no_words_to_lay_and_it_is_said(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = melisma.load("run").alignment("take1.wav")
    monkeypatch.setattr(Model, "alignment", lambda *_, **__: own._replace(data=own.data | {"words": []}))
    said = typed("look", "alignment", "run", "take1.wav")
    assert (said.code, said.err) == (0, "melisma: take1.wav: nothing was heard\n")


def test_recordings_that_cannot_be_heard_leave_the_others_their_answers(speech: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound at all")
    alone = {good: typed("predict", "run", good).out for good in ("take1.wav", "take2.flac")}
    sentence = refused("predict", "run", str(bad))
    told = f"melisma: {sentence}; left out\n"
    said = typed("predict", "run", "take1.wav", str(bad), "take2.flac")
    assert (said.code, said.out) == (0, f"{alone['take1.wav']}\n{alone['take2.flac']}")
    assert told in said.err
    assert said.err.endswith("melisma: 1 recording of 3 left out\n")
    lines = f"{bad}\ntake2.flac\n".encode()
    assert typed("predict", "run", stdin=lines).out == f"\n{alone['take2.flac']}"
    found = [json.loads(line) for line in typed("predict", "run", str(bad), "take1.wav", "--json").lines]
    assert found[0] == {"source": str(bad), "error": sentence}
    assert found[1]["source"] == "take1.wav"
    none = typed("predict", "run", str(bad), str(bad))
    assert (none.code, none.out) == (2, "\n\n")
    assert none.err == f"{told}{told}melisma: 2 recordings of 2 left out\n"
    assert "attention" in refused("predict", "run", "take1.wav", "take2.flac", "attention=0.7")


def test_an_empty_line_of_paths_is_told_by_its_number(speech: Path) -> None:
    says = "stdin, line 2: it is empty; the path of a recording is wanted"
    assert says in refused("predict", "run", stdin=b"take1.wav\n \ntake2.flac\n")


def test_where_no_recording_is_left_to_measure_on_it_is_told_why(speech: Path, tmp_path: Path) -> None:
    (tmp_path / "gone.jsonl").write_text('{"audio": "gone.wav", "text": "la"}\n')
    said = typed("evaluate", "run", f"data={tmp_path / 'gone.jsonl'}")
    assert said.code == 2
    assert "data: no recording is left to measure on" in said.err
    assert "gone.wav" in said.err
