"""Where utterances end: by what the model says, however the sound is cut, in bounded memory and at a steady cost."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from laws.documented import speak
from tasks.streamed import cut
from torch.utils.flop_counter import FlopCounterMode

from melisma.search.prefix_beam import PrefixBeam
from melisma.settings.read import build, with_values
from melisma.settings.transcribe import TranscribeSettings
from melisma.sound.pauses import Loudness
from melisma.tasks import parting
from melisma.tasks.aligning import outputs
from melisma.tasks.listening import Said, Streams
from melisma.tasks.parting import Part, Parting
from melisma.tasks.transcribe import TASK

RATE = 8000
HOP = 80  # samples from frame to frame
SMALL: dict[str, Any] = {"sound.bands": 8, "model.channels": 8, "model.hidden": 8, "model.layers": 1}


class Learned:
    """A model of a kind that has learned nothing, its codec, and how it searches."""

    def __init__(self, folder: Path, **more: Any) -> None:
        given = {"data.train": [str(folder / "train.jsonl")], "data.valid": [str(folder / "dev.jsonl")]}
        self.settings: Any = build(TranscribeSettings, given | SMALL | {"sound.rate": RATE} | more)
        self.codec = TASK.learn(TASK.read(self.settings).train, self.settings)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.network: Any = TASK.build(self.codec, self.settings).eval().requires_grad_(False)

    def search(self, **more: Any) -> Any:
        return with_values(self.settings.search, more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("speech")
    speak(found)
    return found


@pytest.fixture(scope="module")
def one_way(folder: Path) -> Learned:
    return Learned(folder)


class Hearing:
    """Ears that hear a tone as symbol 1 and everything else as the blank, ``LATE`` frames late; a frame is an output."""

    LATE = 7

    def __init__(self, band: int, symbols: int) -> None:
        self.band, self.symbols = band, symbols
        self.waiting: list[np.ndarray] = []
        self.most = 0  # frames that came at once

    def _said(self, count: int) -> np.ndarray:
        now, self.waiting = self.waiting[:count], self.waiting[count:]
        rows = np.full((len(now), self.symbols), -10.0, np.float32)
        for row, frame in zip(rows, now):
            row[int(frame[self.band] > 1.0)] = -0.01
        return rows

    def hear(self, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.waiting += list(pieces[0])
        self.most = max(self.most, len(pieces[0]))
        return [self._said(max(0, len(self.waiting) - self.LATE))]

    def end(self, number: int) -> np.ndarray:
        return self._said(len(self.waiting))

    def restart(self, number: int) -> None:
        self.waiting = []

    def finish(self) -> list[np.ndarray]:
        return [self._said(len(self.waiting))]

    def recall(self, number: int, count: int) -> None:
        return None


def noisy(seconds: float, *tones: tuple[float, float]) -> np.ndarray:
    """Noise in which tones stand from begin to end, in seconds, hardly louder."""
    wave = 0.05 * np.random.default_rng(1).standard_normal(int(seconds * RATE))
    for begin, end in tones:
        place = slice(int(begin * RATE), int(end * RATE))
        wave[place] += 0.07 * np.sin(2 * np.pi * 1000 * np.arange(place.stop - place.start) / RATE)
    return wave.astype(np.float32)


def sung(seconds: float) -> np.ndarray:
    """Tones one after another, five a second."""
    random, count = np.random.default_rng(1), int(seconds * RATE)
    hertz = np.repeat(random.uniform(200, 3500, count // 1600 + 1), 1600)[:count]
    wave = 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE) + 0.02 * random.standard_normal(count)
    return wave.astype(np.float32)


def parted(learned: Learned, search: Any, wave: np.ndarray, sizes: Sequence[int], monkeypatch: Any) -> list[Part]:
    """The parts of a stream heard by ``Hearing``, cut into chunks of these sizes in turn."""
    codec, network = learned.codec, learned.network
    tone = codec.heard(0.1 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)).mean(0)
    hearing = Hearing(int((tone - codec.heard(noisy(1.0)).mean(0)).argmax()), codec.size)
    monkeypatch.setattr(parting, "ears", lambda *_: hearing)
    stream = Parting(network, codec, search, 1)
    stream._streams[0]._delay = Hearing.LATE
    stream._streams[0]._stride = stream._streams[0]._blanks.stride = 1  # type: ignore[attr-defined]
    stream._streams[0]._blanks.seconds = HOP / RATE
    found, begin = list[Part](), 0
    for size in itertools.cycle(sizes):
        found += stream.feed([wave[begin : begin + size]])[0]
        begin += size
        if begin >= len(wave):
            break
        assert len(stream._streams[0]._frames) <= stream._streams[0]._reach + size // HOP + 1
    assert hearing.most <= parting.AT_ONCE
    return found + stream.feed([wave[:0]], last=True)[0]


def ends(parts: Sequence[Part]) -> list[float]:
    """When utterances end, in seconds."""
    return [round(end / 100, 2) for end in itertools.accumulate(part.ended.frames for part in parts if part.ended)]


@pytest.mark.parametrize("sizes", [(640,), (1, 79, 4001), (10**6,)])
def test_blanks_end_utterances_where_noise_hides_the_pause(
    one_way: Learned, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...]
) -> None:
    wave = noisy(11.0, (0.5, 1.0), (1.8, 2.0), (5.0, 5.5))
    search = one_way.search(blanks=1.5, nothing=None)
    found = ends(parted(one_way, search, wave, sizes, monkeypatch))
    assert found[:2] == pytest.approx([2.0 + 1.5 - 0.5, 5.5 + 1.5 - 0.5], abs=0.05)
    assert found[2:] == [10.98]  # the last frame's
    alone = one_way.search(blanks=None, nothing=None)
    assert ends(parted(one_way, alone, wave, sizes, monkeypatch)) == [10.98]


def test_what_says_nothing_is_listened_to_anew_and_counts_as_no_utterance(
    one_way: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = noisy(7.0, (5.2, 5.6))
    found = parted(one_way, one_way.search(blanks=None, nothing=2.0), wave, (640,), monkeypatch)
    assert ends(found)[:3] == pytest.approx([1.5, 3.0, 4.5], abs=0.03)
    assert [part.ended.nothing for part in found if part.ended] == [True, True, True, False]
    text = np.concatenate([part.rows for part in found]).argmax(1)
    assert 35 <= text.sum() <= 45, "the tone is heard once, whole"


def heard(learned: Learned, search: Any, wave: np.ndarray, sizes: Sequence[int]) -> list[Said]:
    return cut(learned.network, learned.codec, search, wave, sizes)


def test_any_cutting_gives_the_same_utterances(folder: Path) -> None:
    """Of a real network with a stride and a look-ahead."""
    learned = Learned(folder, **{"model.stride": 2})
    with torch.no_grad():  # says blanks most of the time, by no means always
        learned.network.weight *= 3
        learned.network.bias[0] = 6
    search = learned.search(blanks=0.2, nothing=0.3)
    wave = sung(3.0)
    whole = heard(learned, search, wave, [10**6])
    assert len(whole) > len(heard(learned, learned.search(blanks=None, nothing=None), wave, [10**6])) + 3
    for sizes in ((640,), (37, 5000)):
        found = heard(learned, search, wave, sizes)
        assert [(one.begin, one.end, one.text) for one in found] == [(one.begin, one.end, one.text) for one in whole]
        assert [one.score for one in found] == pytest.approx([one.score for one in whole], abs=1e-3)
        assert [[word[:3] for word in map(astuple, one.words)] for one in found] == [
            [word[:3] for word in map(astuple, one.words)] for one in whole
        ]
    beside = Streams(learned.network, learned.codec, search, 3)
    said = beside.feed([wave[:RATE], wave, wave[RATE:]], last=True)
    assert [one.text for one in said[1]] == [one.text for one in whole]
    laid = outputs(learned.network, learned.codec, wave, search)
    definition = learned.codec.definition
    assert laid.edges[-1] == definition.count(len(wave))
    middles = wave[(definition.window - definition.hop) // 2 :]
    assert np.array_equal(laid.power, Loudness(definition.hop).feed(middles, definition.count(len(wave))))
    assert {one.end for one in whole} <= set(map(learned.codec.seconds, laid.edges.tolist()))


def test_what_says_nothing_is_no_utterance_at_the_end_either(folder: Path) -> None:
    learned = Learned(folder)
    with torch.no_grad():
        learned.network.bias[0] = 50
    for search in (learned.search(nothing=0.5), learned.search(nothing=None)):
        assert heard(learned, search, noisy(3.0), [640]) == []


class Counted(PrefixBeam):
    """A search that counts the prefixes it has gone on with."""

    prefixes = 0

    def feed(self, state: Any, log_probabilities: Any) -> Any:
        state = super().feed(state, log_probabilities)
        Counted.prefixes += len(state.living) * len(log_probabilities)
        return state


def work(stream: Streams, wave: np.ndarray) -> tuple[int, int, int]:
    """Floating-point operations, prefixes and utterances of more sound, in chunks of 80 ms."""
    Counted.prefixes, ended = 0, 0
    with FlopCounterMode(display=False) as counter:
        for begin in range(0, len(wave), 640):
            ended += len(stream.hear([wave[begin : begin + 640]])[0])
    return counter.get_total_flops(), Counted.prefixes, ended


@pytest.mark.parametrize("both", [False, True])
def test_the_work_a_second_of_sound_does_not_grow_with_its_length(
    folder: Path, both: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute of noise with a pause every 0.8 seconds: the last 0.8 seconds cost as much as the second."""
    monkeypatch.setattr("melisma.tasks.spelled.PrefixBeam", Counted)
    learned = Learned(folder, **{"model.bidirectional": both, "model.stride": 4})
    with torch.no_grad():
        learned.network.weight *= 3
        learned.network.bias[0] = 6
    one = sung(0.8)
    one[RATE // 2 :] *= 1e-3
    stream = Streams(learned.network, learned.codec, learned.search(beam=4, pause=0.2), 1)
    frames = stream._parting._streams[0]
    stream.feed([one])
    early = work(stream, one)
    stream.feed([np.tile(one, 72)])
    late = work(stream, one)
    assert early == late
    assert all(early)
    assert len(frames._frames) <= frames._reach
