"""When the words of an answer are said: as long as their sound lasts, however briefly a model says them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from laws.documented import speak
from tasks.streamed import cut

from melisma.settings.read import build, with_values
from melisma.settings.transcribe import TranscribeSettings
from melisma.sound.encoded import wav
from melisma.tasks import parting, timed
from melisma.tasks.aligning import align, outputs
from melisma.tasks.listening import Said
from melisma.tasks.timed import Outputs
from melisma.tasks.transcribe import TASK
from melisma.tasks.utterances import asked

RATE = 8000
TONES = ((0.2, 0.5), (0.7, 1.0), (1.3, 1.7))
SMALL: dict[str, Any] = {"sound.bands": 8, "model.channels": 8, "model.hidden": 8, "model.layers": 1, "model.stride": 2}


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any, Path]:
    """A model that has learned nothing but is not shy, its codec, how it searches, and a folder."""
    folder = tmp_path_factory.mktemp("speech")
    speak(folder)
    given = {"data.train": [str(folder / "train.jsonl")], "data.valid": [str(folder / "dev.jsonl")], "sound.rate": RATE}
    settings: Any = build(TranscribeSettings, given | SMALL | {"augment.join": 0.5})
    codec = TASK.learn(TASK.read(settings).train, settings)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        model: Any = TASK.build(codec, settings).eval()
        model.weight *= 3
        model.bias[0] = 6
    return model, codec, settings.search, folder


def spoken(seconds: float) -> Any:
    """Tones, and next to nothing besides."""
    wave = 1e-4 * np.random.default_rng(1).standard_normal(int(seconds * RATE))
    for begin, end in TONES:
        place = slice(int(begin * RATE), int(end * RATE))
        wave[place] += 0.3 * np.sin(np.arange(place.stop - place.start) * 0.7)
    return wave.astype(np.float32)


class Brief:
    """Ears that say three words when all is over, each symbol in one output soon after its tone begins."""

    def __init__(self, codec: Any, seconds: float) -> None:
        self.codec = codec
        path = np.zeros(-(-codec.definition.count(int(seconds * RATE)) // codec.stride), int)
        for word, (begin, _) in zip(("la", "le", "li"), TONES):
            place = int(100 * (begin + 0.05) / codec.stride)
            path[place - 1], path[place : place + 2] = codec.separator if begin > 0.5 else 0, codec.labels(word)
        self.rows = np.log(np.where(np.arange(codec.size) == path[:, None], 0.97, 1e-3)).astype(np.float32)

    def hear(self, pieces: Sequence[Any]) -> list[Any]:
        return [self.rows[:0]]

    def finish(self) -> list[Any]:
        return [self.rows]

    def recall(self, number: int, outputs: int) -> None:
        return None


def streamed(hearing: Any, wave: Any, sizes: Sequence[int], **more: Any) -> list[Said]:
    model, codec, search, _ = hearing
    return cut(model, codec, with_values(search, more), wave, sizes)


@pytest.mark.parametrize("sizes", [(640,), (99, 7001)])
def test_words_last_as_long_as_their_sound(hearing: Any, sizes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parting, "ears", lambda *_: Brief(hearing[1], 2.0))
    (said,) = streamed(hearing, spoken(2.0), sizes, pause=2.0, beam=4)
    assert said.text == "la le li"
    for word, (begin, end) in zip(said.words, TONES):
        assert (word.begin, word.end) == pytest.approx((begin, end), abs=0.011)
    assert [one.confidence for one in said.words] == pytest.approx([0.97] * 3, abs=1e-3)


def test_what_is_too_long_to_be_aligned_is_where_the_search_heard_it(
    hearing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "ears", lambda *_: Brief(hearing[1], 2.0))
    usual = streamed(hearing, spoken(2.0), (640,), pause=2.0)[0].words
    monkeypatch.setattr(timed, "MOST", 10)
    monkeypatch.setattr(timed, "viterbi", None)
    assert [(one.text, one.begin, one.end) for one in streamed(hearing, spoken(2.0), (640,), pause=2.0)[0].words] == [
        (one.text, one.begin, one.end) for one in usual
    ]


def test_a_stream_a_file_and_an_alignment_tell_the_same_times(hearing: Any) -> None:
    model, codec, search, folder = hearing
    wave = np.concatenate((spoken(2.0), np.zeros(4000, np.float32), 0.5 * spoken(1.8)))
    (folder / "made.wav").write_bytes(wav(wave, RATE))
    (one,) = asked(str(folder / "made.wav"))[0]
    search = with_values(search, {"pause": 0.4, "blanks": 0.3, "beam": 1})
    samples = one.samples(RATE)
    answer = TASK.answer(model, codec, [one], search)[0]
    words = [word for said in answer.utterances for word in said.words]
    assert len(answer.utterances) > 1
    assert words
    assert all(
        0 <= said.begin <= word.begin < word.end <= said.end for said in answer.utterances for word in said.words
    )
    for sizes in ((37, 5000), (10**6,)):
        found = [
            word for said in streamed(hearing, samples, sizes, pause=0.4, blanks=0.3, beam=1) for word in said.words
        ]
        assert [(word.text, word.begin, word.end) for word in found] == [(w.text, w.begin, w.end) for w in words]
        assert [word.confidence for word in found] == pytest.approx([word.confidence for word in words], abs=1e-3)
    own = align(model, codec, one, None, search)
    assert [(word.text, word.begin, word.end) for word in own.words] == [(w.text, w.begin, w.end) for w in words]
    assert own.text == answer.text
    heard = outputs(model, codec, samples, search)
    assert own.log_probabilities == pytest.approx(heard.log_probabilities, abs=1e-5)
    assert (np.diff(heard.edges) > 0).all()
    whole = with_values(search, {"pause": 60.0, "blanks": None})
    (single,) = TASK.answer(model, codec, [one], whole)[0].utterances
    assert align(model, codec, one, single.text, whole).words == pytest.approx(single.words)
    assert TASK.answer(model, codec, [one], whole, traced=False)[0].utterances[0].words == ()


def test_outputs_end_with_the_utterance_unless_the_answer_needs_more() -> None:
    rows, power = np.arange(20, dtype=np.float32).reshape(10, 2), np.ones(11, np.float32)
    usual, more = Outputs.of(rows, 2, power), Outputs.of(rows, 2, power, 8)
    assert (len(usual.log_probabilities), len(more.log_probabilities)) == (6, 8)
    assert usual.edges.tolist() == [0, 2, 4, 6, 8, 10, 11]
    assert more.edges.tolist() == [0, 2, 4, 6, 8, 10, 11, 11, 11]
    both = Outputs.joined([usual, more], 2)
    assert both.edges.tolist() == [*usual.edges.tolist(), *(11 + more.edges[1:]).tolist()]
    assert (len(both.log_probabilities), len(both.power)) == (14, 22)
