"""Alarms of trigger words: a stream hears what a file holds, nothing is known early, and a threshold is a threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from laws.things import shaken

from melisma.contract import whole
from melisma.errors import Refusal
from melisma.looks.alarms import alarms as looked
from melisma.measures.detection import Recording, Track, Word, detect
from melisma.models.spotter import Spotter
from melisma.ragged import Ragged
from melisma.search.decision import smoothed
from melisma.settings.spotter import SpotterSettings
from melisma.settings.trigger import AlarmSettings
from melisma.sound.features import Definition
from melisma.sound.normalise import Normaliser
from melisma.tasks.alarms import AlarmStream, Listened, answer, rules, stream
from melisma.tasks.judging import detected, rule, tracks
from melisma.tasks.settling import _chosen
from melisma.tasks.spotting import SpottingCodec
from melisma.tasks.takes import Recorded, examples
from melisma.tasks.trigger import TASK

RATE = 8000
DEFINITION = Definition(rate=RATE, window=200, hop=80, fft=256, bands=10, low=50.0, high=4000.0)
WORDS = ("alexa", "up")
SEARCH = AlarmSettings(smoothing=0.12, refractory=0.2, apart=0.1)


class Wave:
    """Samples that are at hand."""

    def __init__(self, samples: Any) -> None:
        self.kept = np.asarray(samples, np.float32)

    def blocks(self, rate: int) -> Iterator[Any]:
        assert rate == RATE
        yield from np.split(self.kept, [len(self.kept) // 3])

    def __str__(self) -> str:
        return "wave"


def a_model(kind: str = "recurrent", seed: int = 0) -> tuple[Spotter, SpottingCodec]:
    torch.manual_seed(seed)
    network: Spotter = shaken(Spotter(10, 2, SpotterSettings(kind=kind, hidden=12, layers=2, stride=4, width=8)))
    codec = SpottingCodec(DEFINITION, Normaliser(np.full(10, -5.0), np.full(10, 2.0)), WORDS, (), (0.5, 0.5), 4)
    return network.eval(), codec


def test_a_threshold_above_all_scores_stays_above_them() -> None:
    ones = Track(np.ones(300, np.float32), 0.1, Recording(30.0, (Word(10.0),)))
    chosen = _chosen([ones], SimpleNamespace(search=AlarmSettings(false_alarms=0.0)))  # type: ignore[arg-type]
    assert chosen is not None
    assert chosen > 1
    codec = a_model()[1].with_thresholds([chosen, 0.5])
    assert rules(codec, SEARCH).thresholds == (chosen, 0.5)


def noise(seconds: float, seed: int = 1) -> Any:
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.uniform(0.001, 0.3, int(seconds * 10)), RATE // 10)
    return (loudness * random.standard_normal(len(loudness))).astype(np.float32)


def between(found: Listened, word: int = 0) -> float:
    """A threshold that some scores exceed, as far from all of them as can be."""
    scores = np.sort(np.unique(found.scores[word]))
    upper = scores[len(scores) // 2 :]
    place = int(np.argmax(np.diff(upper)))
    return float((upper[place] + upper[place + 1]) / 2)


def heard(model: Any, wave: Any, **more: Any) -> Listened:
    return answer(*model, [Wave(wave)], replace(SEARCH, **more))[0]


def cut(samples: Any, sizes: Sequence[int]) -> Iterator[Any]:
    begin = 0
    while begin < len(samples):
        for size in sizes:
            yield samples[begin : begin + size]
            begin += size


@pytest.mark.parametrize("kind", ["recurrent", "convolutional"])
@pytest.mark.parametrize("sizes", [(1, 0, 7), (640,), (333, 2, 5000), (10**6,)])
def test_a_stream_hears_what_a_file_holds_however_it_is_cut(kind: str, sizes: tuple[int, ...]) -> None:
    model, wave = a_model(kind), noise(1 if 1 in sizes else 5)
    threshold = between(heard(model, wave))
    wanted = heard(model, wave, threshold=threshold)
    ears, said, scores = stream(*model, replace(SEARCH, threshold=threshold)), [], []
    for piece in cut(wave, sizes):
        more, known = ears.scored(piece)
        said += more
        scores.append(known)
    said += ears.feed(wave[:0], last=True)
    assert [(one.word, one.second) for one in said] == [(one.word, one.second) for one in wanted.alarms]
    assert len(said) > 0
    assert np.abs(np.concatenate(scores).T - np.array(wanted.scores)).max() < 1e-5


@pytest.mark.parametrize("kind", ["recurrent", "convolutional"])
@torch.no_grad()
def test_scores_are_the_networks_smoothed(kind: str) -> None:
    model, wave = a_model(kind), noise(3)
    network, codec = model
    logits = whole(network, Ragged.of([torch.from_numpy(codec.heard(wave))])).rows
    plain = torch.sigmoid(logits).numpy()
    wanted = smoothed(np.concatenate((np.zeros((2, 2), np.float32), plain)), 3)  # 0.12 s at a score each 0.04
    assert np.abs(np.array(heard(model, wave).scores).T - wanted).max() < 1e-5


def test_a_score_is_known_with_the_sample_that_its_time_says_and_not_before() -> None:
    model = a_model()
    rules = heard(model, noise(1)).rules
    for place in (0, 1, 7):
        samples = round((rules.first + place * rules.step) * RATE)
        assert len(heard(model, noise(2)[:samples]).scores[0]) == place + 1
        assert len(heard(model, noise(2)[: samples - 1]).scores[0]) == place


def test_what_is_said_later_changes_nothing() -> None:
    model, wave, other = a_model(), noise(4), noise(4, seed=2)
    changed = np.concatenate((wave[: 2 * RATE], other[2 * RATE :]))
    before, after = heard(model, wave), heard(model, changed)
    known = sum(after.rules.first + place * after.rules.step <= 2 for place in range(len(after.scores[0])))
    assert np.array(before.scores)[:, :known] == pytest.approx(np.array(after.scores)[:, :known], abs=1e-6)
    assert before.scores[0][known + 10] != pytest.approx(after.scores[0][known + 10], abs=1e-4)


def test_neighbours_are_of_no_matter() -> None:
    model, waves = a_model(), [Wave(noise(seconds, seed)) for seconds, seed in ((1, 1), (3, 2), (0, 3), (2, 4))]
    together = answer(*model, waves, SEARCH)
    alone = [answer(*model, [one], SEARCH)[0] for one in waves]
    assert together == alone
    assert answer(*model, waves[::-1], SEARCH) == alone[::-1]


def test_a_stream_remembers_as_much_after_an_hour_as_after_a_second() -> None:
    network, codec = a_model("convolutional")

    def size(ears: AlarmStream) -> int:
        held = [ears._features._held, ears._heard.window, *ears._heard.layers, ears._decided.recent]
        return sum(one.nbytes for one in held)

    ears, sizes = stream(network, codec, SEARCH), []
    for _ in range(12):
        for piece in cut(noise(1), (ears.chunk,)):
            ears.feed(piece)
        sizes.append(size(ears))
    assert len(set(sizes[1:])) == 1


def test_the_threshold_that_was_asked_for_holds_else_those_that_were_chosen() -> None:
    (network, codec), wave = a_model(), noise(6)
    scores = heard((network, codec), wave)
    high = [max(own) for own in scores.scores]
    assert not heard((network, codec), wave, threshold=min(0.999999, max(high) * 1.01)).alarms
    first = replace(codec, thresholds=(high[0] * 0.999, 1.0))
    found = heard((network, first), wave)
    assert {one.word for one in found.alarms} == {"alexa"}
    assert found.alarms[0].score == pytest.approx(high[0], rel=2e-3)
    assert found.text.startswith(f"alexa {found.alarms[0].second:.2f}")


def test_alarms_are_those_that_the_tradeoff_counts(tmp_path: Path) -> None:
    from laws.documented import call

    call(tmp_path)
    chosen = TASK.settings()
    some, _ = examples(chosen, {"positive": ((str(tmp_path / "alexa"),),), "negative": ((str(tmp_path / "other"),),)})
    torch.manual_seed(0)
    network: Spotter = shaken(Spotter(10, 1, SpotterSettings(hidden=12, layers=1)))
    codec = SpottingCodec(DEFINITION, Normaliser(np.full(10, -5.0), np.full(10, 2.0)), WORDS[:1], (), (0.5,), 4)
    inputs = TASK.inputs(some)
    threshold = between(max(answer(network, codec, inputs, SEARCH), key=lambda one: one.score))
    found = answer(network, codec, inputs, replace(SEARCH, threshold=threshold))
    given, counted = detected(found, some)["alexa"], detect(tracks(found, some)["alexa"], rule(found[0], "alexa"))
    assert [one.latency for one in given.heard] == pytest.approx([one.latency for one in counted.heard], abs=1e-3)
    assert [one.second for one in given.false] == pytest.approx([one.second for one in counted.false], abs=1e-3)
    assert len(given.false) > 0
    assert given.hours == counted.hours
    assert all(isinstance(one, Recorded) for one in some)


def test_the_look_shows_scores_and_alarms_in_the_pictures_own_time() -> None:
    model, wave = a_model(), noise(3)
    found = heard(model, wave, threshold=between(heard(model, wave)))
    figure = looked(found, DEFINITION, wave[RATE:], begin=1.0, ends=[("alexa", 0.5)])
    assert figure.data["seconds"] == 2
    assert [one["second"] + 1 for one in figure.data["alarms"]] == pytest.approx([one.second for one in found.alarms])
    first = figure.data["words"][0]
    assert first["times"][0] + 1 == pytest.approx(found.rules.first)
    assert first["scores"] == pytest.approx(found.scores[0], abs=1e-4)
    with pytest.raises(Refusal, match="wave is too short: wants a window of sound, 200 samples"):
        looked(found, DEFINITION, wave[:199])


def test_of_a_long_track_no_peak_is_lost_to_the_eye() -> None:
    model, wave = a_model(), noise(1)
    scores = tuple(np.random.default_rng(0).uniform(0, 0.2, 5000).tolist())
    scores = (*scores[:3333], 0.97, *scores[3334:])
    figure = looked(replace(heard(model, wave), scores=(scores, scores)), DEFINITION, wave)
    shown = figure.data["words"][0]
    assert len(shown["scores"]) <= 600
    place = shown["scores"].index(0.97)
    assert shown["times"][place] == pytest.approx(0.025 + 3333 * 0.04, abs=1e-3)
