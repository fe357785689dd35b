"""Runs of trigger words as they are used: listened with, kept from, measured, and looked at."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command.drill import refused, typed
from laws.documented import call

import melisma
from melisma.api.keeping import AFTER, BEFORE, Keeping
from melisma.errors import Refusal
from melisma.files.manifest import read_clips
from melisma.tasks.alarms import Alarm

WORDS = (
    "sound.bands=8",
    "sound.hop=20",
    "model.hidden=8",
    "model.layers=1",
    "scene.seconds=1.5",
    "augment.room=0",
    "training.scenes=6",
    "training.batch_tokens=240",
    "training.threads=1",
    "training.steps=2",
    "loss.mining=0",
)
RATE = 8000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has hardly begun to learn, and recordings beside it."""
    folder = tmp_path_factory.mktemp("alarms")
    call(folder, 9)
    data = [f"data.{kind}={folder / name}" for kind, name in (("positive", "alexa"), ("negative", "other"))]
    said = typed("train", "trigger", str(folder / "run"), *data, f"data.background={folder}/noise", *WORDS)
    assert said.code == 0, said.err
    return folder


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def threshold(recording: str = "other/level/3.wav") -> float:
    """One that is passed in a recording."""
    return round(0.9 * float(melisma.load("run")(recording).score), 6)


def test_what_fires_is_told_and_kept_and_labelled_and_learned_from(here: Path, tmp_path: Path) -> None:
    low = threshold()
    for _ in range(2):
        said = typed("listen", "run", "other/level/3.wav", f"threshold={low}", f"keep={tmp_path / 'kept'}")
        assert said.code == 0, said.err
    alarms = melisma.load("run")("other/level/3.wav", threshold=low).alarms
    assert [line.split("\t") for line in said.lines] == [
        [f"0:{round(100 * one.second) / 100:05.2f}", "alexa", f"{one.score:.2f}"] for one in alarms
    ]
    assert f"{len(alarms)} recording" in said.err
    assert "fill in as text" in said.err
    rows = [json.loads(line) for line in (tmp_path / "kept" / "manifest.jsonl").read_text().splitlines()]
    assert [row["audio"] for row in rows] == [f"heard/{number:04d}.wav" for number in range(1, 2 * len(alarms) + 1)]
    assert {(row["text"], row["heard"], row["source"], row["run"]) for row in rows} == {
        (None, "alexa", "other/level/3.wav", "run")
    }
    assert [row["second"] for row in rows] == [round(one.second, 3) for one in alarms] * 2
    (clips, _) = read_clips([(str(tmp_path / "kept" / "manifest.jsonl"),)])
    assert [clip.text for clip in clips] == [None] * len(rows)
    assert all(soundfile.info(clip.audio).samplerate == RATE for clip in clips)
    found = json.loads(typed("listen", "run", "other/level/3.wav", f"threshold={low}", "--json").lines[0])
    assert found == {"word": "alexa", "second": alarms[0].second, "score": alarms[0].score}


def test_a_kept_recording_is_what_was_heard_about_its_alarm(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 9 * RATE).astype(np.float32)
    seconds = (0.3, 5.1, 5.3, 8.9)
    keeping = Keeping(tmp_path / "kept", RATE, tmp_path / "run", "mic")
    for begin in range(0, len(wave), 640):
        chunk = wave[begin : begin + 640]
        fired = [second for second in seconds if begin <= second * RATE < begin + 640]
        keeping.feed(chunk, [Alarm("alexa", second, 0.9) for second in fired])
    keeping.finish()
    assert keeping.kept == len(seconds)
    assert len(keeping._held) < 5 * RATE
    for number, second in enumerate(seconds, 1):
        sound, rate = soundfile.read(tmp_path / "kept" / "heard" / f"{number:04d}.wav", dtype="float32")
        assert rate == RATE
        first, last = (round(max(0.0, second + by) * RATE) for by in (-BEFORE, AFTER))
        assert np.abs(sound - wave[first:last]).max() < 1e-4


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_heard(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=r"keep=.*file/kept: nothing can be written there"):
        Keeping(tmp_path / "file" / "kept", RATE, tmp_path, "mic")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("listen", "run", "alexa/0.wav", "keep="), "keep names nothing"),
        (("listen", "run", "alexa/0.wav", "keep=a", "keep=b"), "keep is given 2 times"),
        (("listen", "run", "no.wav"), "no.wav"),
        (("evaluate", "run"), "wanted is data.positive=… and data.negative=… and data.background=…"),
        (("evaluate", "run", "data=alexa"), "found data: here data is given as data.positive=…"),
        (("evaluate", "run", "data.positive=missing"), "missing"),
        (("look", "alarms", "run", "alexa/0.wav", "alexa/1.wav"), "there are 2 inputs; one recording is wanted"),
        (("look", "alignment", "run", "alexa/0.wav"), "wants look alarms, or a run of transcribe"),
        (("predict", "run", "alexa/0.wav", "threshold=2"), "threshold"),
    ],
)
def test_bad_input_is_refused(here: Path, words: tuple[str, ...], says: str) -> None:
    assert says in refused(*words)


def test_it_is_measured_by_kinds_of_data(here: Path, tmp_path: Path) -> None:
    data = ("data.positive=alexa", "data.negative=other/falling", "data.negative=other/level", "data.background=noise")
    page, low = tmp_path / "page.html", f"threshold={threshold()}"
    said = typed("evaluate", "run", *data, low, f"report={page}", "against=run")
    assert said.code == 0, said.err
    table = {line.split("  ")[0]: line for line in said.lines}
    assert {"misses", "false alarms", "positive recordings", "background recordings"} <= set(table)
    assert any(line.startswith("alexa, heard from a score of") for line in said.lines)
    drawn = page.read_text(encoding="utf-8")
    assert "false alarms an hour" in drawn
    assert "wanted: 0.1" in drawn
    assert "run (again)" in drawn
    assert "the end of the word (dotted)" in drawn
    assert 'src="data:audio/flac;base64,' in drawn
    assert str(here) not in drawn
    beside = [line.split("  ")[0] for line in said.lines[said.lines.index("against     run, step 2") :]]
    assert beside[-3:] == ["misses", "false alarms", "latency"] or beside[-2:] == ["misses", "false alarms"]
    assert "run misses as many of 9 words as run (again)." in drawn
    found = json.loads(typed("evaluate", "run", *data, low, "against=run", "--json").out)
    assert list(found["against"]["differences"]) == ["misses", "false_alarms"]
    apart = found["against"]["differences"]["false_alarms"]
    assert apart["low"] < apart["value"] == 0 < apart["high"]
    assert not apart["more_than_chance"]
    assert [len(one["corpus"]) for one in found["data"]] == [1, 1, 1, 1]
    assert found["pairs"] == 9 + 18 + 3
    own = found["details"]["words"]["alexa"]
    assert own["misses"]["of"] == 9
    assert found["measures"]["false_alarms"]["value"] == pytest.approx(own["false_alarms"]["value"])
    nested = melisma.evaluate("run", {"positive": "alexa"}, threshold=float(low.partition("=")[2]))
    assert nested.measures["misses"].count == 9
    with pytest.raises(Refusal, match="measured on positive, negative and background data"):
        melisma.evaluate("run", "alexa")


def test_what_was_kept_and_labelled_is_parted_by_its_texts_and_another_word_s_folder_is_told(
    here: Path, tmp_path: Path
) -> None:
    texts = ["alexa", "falling", "", None]
    rows = [{"audio": str(here / f"alexa/{place}.wav"), "text": text} for place, text in enumerate(texts)]
    kept = tmp_path / "kept.jsonl"
    kept.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = typed("evaluate", "run", f"data.positive={kept}", f"data.negative={kept}", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["pairs"] == 3
    assert json.loads(found.out)["details"]["words"]["alexa"]["misses"]["of"] == 1
    assert "1 recording left out, as nobody has said yet" in found.err
    strange = typed("evaluate", "run", "data.positive=other/level")
    assert "other/level is called 'level', and all in it is measured as takes of 'alexa'" in strange.err


def test_scores_are_drawn_and_told(here: Path, tmp_path: Path) -> None:
    low = threshold("alexa/3.wav")
    for name in ("a.png", "a.svg"):
        said = typed("look", "alarms", "run", "alexa/3.wav", f"threshold={low}", f"file={tmp_path / name}")
        assert said.code == 0, said.err
    assert said.lines[0].split() == ["word", "second", "score"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    drawing = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert f"threshold {low:.2f}" in drawing
    quiet = typed("look", "alarms", "run", "alexa/3.wav", "threshold=0.999999").out
    assert re.fullmatch(r"alexa: not heard; its highest score is 0\.\d\d at \d\.\d\d s, and 1\.00 is wanted\n", quiet)
    found = json.loads(typed("look", "alarms", "run", "alexa/3.wav", f"threshold={low}", "--json").out)
    assert found == melisma.load("run").alarms("alexa/3.wav", threshold=low).data


def test_recordings_are_answered_in_order(here: Path) -> None:
    low = threshold("alexa/3.wav")
    said = typed("predict", "run", "alexa/3.wav", "noise/0.wav", f"threshold={low}")
    assert len(said.lines) == 2
    assert said.lines[0].startswith("alexa ")
    found = [json.loads(line) for line in typed("predict", "run", "alexa/3.wav", f"threshold={low}", "--json").lines]
    assert found[0]["alarms"][0]["word"] == "alexa"
    for verb in ("predict", "listen"):
        said = typed(verb, "run", "noise/0.wav", "threshold=0.999999")
        assert (said.code, said.err) == (0, "melisma: noise/0.wav: nothing was heard\n")
    assert found[0]["rules"]["thresholds"] == [pytest.approx(low)]
