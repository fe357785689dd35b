"""Texts laid along recordings: the model hears as a stream does, and words lie where they are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from laws.documented import speak

from melisma.errors import Refusal
from melisma.settings.read import build
from melisma.settings.transcribe import TranscribeSettings
from melisma.sound.pauses import Loudness
from melisma.tasks import aligning, timed
from melisma.tasks.aligning import align, outputs
from melisma.tasks.listening import Streams
from melisma.tasks.timed import Outputs
from melisma.tasks.transcribe import TASK
from melisma.tasks.utterances import asked

RATE = 8000
SMALL: dict[str, Any] = {"sound.bands": 8, "model.channels": 8, "model.hidden": 8, "model.layers": 1, "model.stride": 4}


@pytest.fixture(scope="module", params=["one way", "both ways"])
def hearing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any, Path]:
    """A model that has learned nothing, its codec, how it searches, and a folder."""
    folder = tmp_path_factory.mktemp("speech")
    speak(folder)
    given = {"data.train": [str(folder / "train.jsonl")], "data.valid": [str(folder / "dev.jsonl")], "sound.rate": RATE}
    more = {"model.bidirectional": request.param == "both ways", "augment.join": 0.5}
    settings: Any = build(TranscribeSettings, given | more | SMALL)
    codec = TASK.learn(TASK.read(settings).train, settings)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return TASK.build(codec, settings).eval(), codec, settings.search, folder


def recording(folder: Path, wave: Any, name: str = "made.wav") -> Any:
    soundfile.write(folder / name, wave, RATE)
    return asked(str(folder / name))[0][0]


def spoken(seconds: float, *tones: tuple[float, float]) -> Any:
    """Tones from begin to end, in seconds, and next to nothing besides."""
    wave = 1e-4 * np.random.default_rng(1).standard_normal(int(seconds * RATE))
    for begin, end in tones:
        place = slice(int(begin * RATE), int(end * RATE))
        wave[place] += 0.3 * np.sin(np.arange(place.stop - place.start) * 0.7)
    return wave.astype(np.float32)


def power(codec: Any, wave: Any) -> Any:
    """Mean squares of the middles of its frames."""
    definition = codec.definition
    return Loudness(definition.hop).feed(wave[(definition.window - definition.hop) // 2 :], definition.count(len(wave)))


def test_the_model_says_what_it_says_to_a_stream_of_several_utterances(hearing: Any) -> None:
    model, codec, search, _ = hearing
    wave = spoken(5.1, (0.3, 1.0), (2.9, 3.33), (4.9, 5.1))
    found = outputs(model, codec, wave, search)
    streams, heard = Streams(model, codec, search, 1), []
    streams.streams[0].decoding.feed = heard.append  # type: ignore[method-assign]
    ended = streams.hear([wave[:17_003]])[0] + streams.hear([wave[17_003:]], last=True)[0]
    said = [one.said for one in ended]
    assert len(said) == 3
    assert found.log_probabilities == pytest.approx(np.concatenate(heard), abs=1e-5)
    assert found.edges[-1] == codec.definition.count(len(wave))
    assert np.array_equal(found.power, power(codec, wave))
    lengths = np.diff(found.edges)
    assert lengths.max() == codec.stride
    assert (lengths > 0).all()
    assert {one.end for one in said} <= {codec.seconds(edge) for edge in found.edges.tolist()}


def test_all_times_are_of_one_clock_whose_frames_are_in_the_middle_of_their_windows(hearing: Any) -> None:
    model, codec, search, folder = hearing
    definition = codec.definition
    assert codec.seconds(0) == 0
    for frame in (1, 7, 5000):
        middle = (frame * definition.hop + definition.window / 2) / RATE
        assert (codec.seconds(frame) + codec.seconds(frame + 1)) / 2 == pytest.approx(middle, abs=1e-4)
    found = align(model, codec, recording(folder, spoken(1.5, (0.3, 1.0))), "la", search)
    edges = outputs(model, codec, found.samples, search).edges.tolist()
    assert found.edges == (*map(codec.seconds, edges[:-1]), 1.5)
    said = TASK.answer(model, codec, asked(str(folder / "made.wav"))[0], search)[0]
    clock = {*map(codec.seconds, range(definition.count(len(found.samples)) + 1))}
    assert {time for one in said.utterances for time in (one.begin, one.end)} <= clock
    assert {time for one in said.utterances for word in one.words for time in (word.begin, word.end)} <= clock


def test_words_lie_where_they_are_said_however_briefly_the_model_says_so(
    hearing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, codec, search, folder = hearing
    tones = ((0.2, 0.5), (0.7, 1.0), (1.3, 1.7))
    count = -(-codec.definition.count(2 * RATE) // codec.stride)
    path = np.zeros(count, int)
    for word, (begin, _) in zip(("la", "le", "li"), tones):
        place = int(100 * (begin + 0.05) / codec.stride)
        path[place - 1], path[place : place + 2] = codec.separator if place > 10 else 0, codec.labels(word)
    shares = np.full((count, codec.size), 0.01)
    shares[np.arange(count), path] = 1
    shares[path == codec.labels("e")[0]] *= 0.5
    shares[path == codec.labels("e")[0], 0] = 0.5
    logs = np.log(shares / shares.sum(1, keepdims=True)).astype(np.float32)
    wave = spoken(2, *tones)
    heard = Outputs.of(logs, codec.stride, power(codec, wave))
    monkeypatch.setattr(aligning, "outputs", lambda *_: heard)
    found = align(model, codec, recording(folder, wave), "la le li", search)
    assert [one.text for one in found.words] == ["la", "le", "li"]
    assert [one.text for one in found.symbols] == list("laleli")
    for word, (begin, end) in zip(found.words, tones):
        assert begin - 0.01 <= word.begin <= begin
        assert end <= word.end <= end + 0.01
    sure = 1 / (1 + 0.01 * (codec.size - 1))
    assert [one.confidence for one in found.words] == pytest.approx([sure, 0.5, sure], abs=0.03)
    for first, second in zip(found.symbols[::2], found.symbols[1::2]):
        assert first.end == second.begin


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_words_that_were_never_said_one_after_another_are_aligned_as_words(tmp_path: Path, unit: str) -> None:
    speak(tmp_path)
    given = {"data.train": [str(tmp_path / "train.jsonl")], "sound.rate": RATE, "augment.join": 0.0, "text.unit": unit}
    settings: Any = build(TranscribeSettings, given | SMALL)
    codec = TASK.learn(TASK.read(settings).train, settings)
    model = TASK.build(codec, settings).eval()
    take = recording(tmp_path, spoken(1.5, (0.2, 0.5), (0.9, 1.2)))
    found = align(model, codec, take, "li la li", settings.search)
    assert [one.text for one in found.words] == ["li", "la", "li"]
    assert found.text == "li la li"
    with pytest.raises(Refusal, match=r"'x(u|', 'u)' cannot be spelled"):
        align(model, codec, take, "la xu", settings.search)


@pytest.mark.parametrize("text", ["la", "la li le la", None])
def test_times_are_within_the_recording_and_in_order(hearing: Any, text: str | None) -> None:
    model, codec, search, folder = hearing
    found = align(model, codec, recording(folder, spoken(1.1, (0.2, 0.5), (0.8, 1.0))), text, search)
    assert found.given == (text is not None)
    for some in (found.words, found.symbols):
        times = [time for one in some for time in (one.begin, one.end)]
        assert times == sorted(times)
        assert all(0 <= time <= 1.1 for time in times)
        assert all(one.begin < one.end and 0 <= one.confidence <= 1 for one in some)
    assert " ".join(one.text for one in found.words) == found.text
    assert "".join(one.text for one in found.symbols) == found.text.replace(" ", "")
    assert (found.edges[0], found.edges[-1]) == (0, 1.1)
    assert len(found.edges) == len(found.log_probabilities) + 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" \t", "the text is blank"),
        ("la xu", "made.wav, 'la xu': 'x', 'u' cannot be spelled"),
        ("la" * 40, "the text has 80 symbols, which take 80 outputs of the model at least"),
    ],
)
def test_a_text_that_cannot_be_said_is_refused(hearing: Any, text: str, says: str) -> None:
    model, codec, search, folder = hearing
    with pytest.raises(Refusal, match=says):
        align(model, codec, recording(folder, spoken(1.0, (0.2, 0.5))), text, search)


def test_what_is_too_short_or_too_long_is_refused(hearing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, codec, search, folder = hearing
    with pytest.raises(Refusal, match=r"short\.wav is shorter than 25 ms"):
        align(model, codec, recording(folder, np.full(199, 0.1), "short.wav"), "la", search)
    monkeypatch.setattr(timed, "MOST", 100)
    with pytest.raises(Refusal, match="too long to be aligned at once"):
        align(model, codec, recording(folder, spoken(1.0)), "la", search)
