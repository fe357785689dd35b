"""A decoder beside CTC: two losses told apart, and answers that both agree on, in streams as in files."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from laws.documented import speak

import melisma
from melisma.command.course import _step
from melisma.errors import Refusal
from melisma.evaluation.courses import courses
from melisma.ragged import Ragged
from melisma.search.best_path import BestPath
from melisma.settings.read import build, with_values
from melisma.settings.training import TrainingSettings
from melisma.settings.transcribe import TranscribeSettings
from melisma.task import Moment, Progress
from melisma.tasks.listening import Said, Streams
from melisma.tasks.rescoring import Rescoring
from melisma.tasks.spelled import spelling
from melisma.tasks.transcribe import TASK

RATE = 8000
SMALL: dict[str, Any] = {
    "sound.bands": 8,
    "sound.rate": RATE,
    "model.channels": 8,
    "model.hidden": 8,
    "model.layers": 1,
    "model.decoder": "attention",
    "model.decoder_hidden": 8,
    "augment.join": 0.5,
}


def settings_of(folder: Path, **more: Any) -> Any:
    given = {"data.train": [str(folder / "train.jsonl")], "data.valid": [str(folder / "dev.jsonl")]}
    return build(TranscribeSettings, given | SMALL | more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("speech")
    speak(found)
    return found


@pytest.fixture(scope="module", params=["one way", "both ways"])
def hearing(request: pytest.FixtureRequest, folder: Path) -> tuple[Any, Any, Any]:
    """A model that has learned nothing but says much, its codec, and its settings."""
    settings = settings_of(folder, **{"model.bidirectional": request.param == "both ways"})
    codec = TASK.learn(TASK.read(settings).train, settings)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network: Any = TASK.build(codec, settings).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel()))
    return network, codec, settings


def wave() -> np.ndarray:
    random = np.random.default_rng(3)
    loud = 0.3 * random.standard_normal(RATE // 2)
    return np.concatenate([loud, np.zeros(int(1.3 * RATE)), 0.5 * loud]).astype(np.float32)


def heard(hearing: tuple[Any, Any, Any], sizes: tuple[int, ...], **more: Any) -> list[Said]:
    network, codec, settings = hearing
    stream, found, begin = Streams(network, codec, with_values(settings.search, more), 1), list[Said](), 0
    for size in itertools.cycle(sizes):
        found += stream.feed([wave()[begin : begin + size]])[0]
        begin += size
        if begin >= len(wave()):
            return found + stream.feed([wave()[:0]], last=True)[0]
    return found


def test_both_losses_are_told_apart_and_weighed(folder: Path) -> None:
    plain = {"augment.room": 0.0, "augment.speed": 0.0, "augment.pitch": 0.0, "augment.noise": 0.0}
    settings = settings_of(folder, **{"model.attention_share": 0.25, "training.smoothing": 0.2} | plain)
    assert TASK.losses(settings) == {"ctc": 0.75, "attention": 0.25}
    assert list(TASK.losses(settings_of(folder, **{"model.decoder": "none"}))) == ["ctc"]
    corpus = TASK.read(settings)
    codec = TASK.learn(corpus.train, settings)
    prepared = TASK.prepare(codec, corpus.train, settings)
    batch: Any = TASK.batch(codec, list(prepared.encoded)[:5], torch.Generator().manual_seed(1))
    network: Any = TASK.build(codec, settings).eval()
    totals, _ = TASK.loss(network, batch, None, settings, None, Moment(0, 10))
    assert list(totals) == ["ctc", "attention"]
    assert batch.counts == {"ctc": len(batch.labels.rows), "attention": len(batch.labels.rows) + 5}
    wanted = network.loss(batch.frames, batch.labels)
    torch.testing.assert_close(totals["attention"].nats, wanted["attention"].nats.sum())
    torch.testing.assert_close(totals["ctc"].nats, wanted["ctc"].nats.sum())
    smooth = network.loss(batch.frames, batch.labels, smoothing=0.2)["attention"].trained.sum()
    torch.testing.assert_close(totals["attention"].trained, smooth)
    own = settings_of(folder, **{"training.sampling": 1.0, "training.sampling_schedule": "constant"})
    random = torch.Generator().manual_seed(1)
    sampled, _ = TASK.loss(network, batch, None, own, random, Moment(5, 10))
    assert not torch.isclose(sampled["attention"].nats, totals["attention"].nats)


def spelled_by_steps(network: Any, encoded: Any, symbols: tuple[int, ...]) -> float:
    """log p of an answer and its end, one step after another."""
    step, state = network.spell(Ragged.of([encoded]))
    total, last = 0.0, 0
    for symbol in (*symbols, 0):
        state, logs, _ = step(state, torch.tensor([last]))
        total, last = total + float(logs[0, symbol]), symbol
    return total


@pytest.mark.parametrize("weight", [0.4, 1.0])
def test_the_joint_score_is_that_of_both_and_of_all_that_is_added(hearing: tuple[Any, Any, Any], weight: float) -> None:
    network, codec, settings = hearing
    search = with_values(settings.search, {"attention": weight, "language": 0.5, "bonus": 0.3, "alternatives": 8})
    frames = Ragged.of([torch.from_numpy(codec.heard(wave()))])
    encoded = network.encode(frames)
    rows = torch.log_softmax(network.logits(encoded).rows, 1).numpy()
    decoding = spelling(network, codec, search)()
    decoding.feed(rows)
    first = decoding.search.finish(decoding._state)
    found = decoding.finish(encoded.rows)
    assert len(found) == 8
    for one in found:
        before = next(other for other in first if other.symbols == one.symbols)
        added = search.language * codec.language.log_probability(one.symbols) + search.bonus * len(one.symbols)
        assert before.score == pytest.approx(before.log_probability + added, abs=1e-6)
        spelled = spelled_by_steps(network, encoded.rows, one.symbols)
        joint = (1 - weight) * before.log_probability + weight * spelled + added
        assert one.score == pytest.approx(joint, abs=1e-4)
        assert one.spoken == before.spoken
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert [one.symbols for one in found] != [one.symbols for one in first]


def test_many_answers_are_judged_as_each_is(hearing: tuple[Any, Any, Any]) -> None:
    network, codec, _ = hearing
    encoded = network.encode(Ragged.of([torch.from_numpy(codec.heard(wave()))]))
    search = BestPath(codec.size)
    one = search.finish(search.feed(search.start(), torch.log_softmax(network.logits(encoded).rows, 1).numpy()))[0]
    rescoring = Rescoring(network, 0.5)
    many = rescoring([one] * 40, encoded.rows)
    assert [found.score for found in many] == pytest.approx([rescoring([one], encoded.rows)[0].score] * 40, abs=1e-5)
    nothing = rescoring([one], encoded.rows[:0])
    assert np.isfinite(nothing[0].score)


@pytest.mark.parametrize("sizes", [(640,), (777, 8000), (10**6,)])
def test_a_stream_says_what_a_file_says_however_it_is_cut(
    hearing: tuple[Any, Any, Any], sizes: tuple[int, ...]
) -> None:
    whole, found = heard(hearing, (640,), alternatives=3), heard(hearing, sizes, alternatives=3)
    assert len(whole) == 2
    for one, other in zip(whole, found, strict=True):
        assert [reading.text for reading in one.alternatives] == [reading.text for reading in other.alternatives]
        assert one.score == pytest.approx(other.score, abs=1e-3)
        assert [(word.text, word.begin, word.end) for word in one.words] == [
            (word.text, word.begin, word.end) for word in other.words
        ]
    alone = heard(hearing, sizes, attention=0.0)
    assert [one.score for one in alone] != pytest.approx([one.score for one in found])
    second = heard(hearing, sizes, attention=1.0, alternatives=8)
    assert any(one.alternatives != other.alternatives for one, other in zip(whole, second))


def test_what_a_decoder_reads_is_forgotten_with_each_utterance(hearing: tuple[Any, Any, Any]) -> None:
    network, codec, settings = hearing
    stream = Streams(network, codec, settings.search, 1)
    stream.feed([wave()])
    assert sum(map(len, stream._parting._ears._kept[0])) <= codec.definition.count(RATE)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"model.decoder": "none", "search.attention": 0.5}, "changes nothing with model.decoder=none"),
        ({"search.attention": 0.5, "search.beam": 1}, "changes nothing with search.beam=1"),
        ({"model.decoder": "none", "training.smoothing": 0.2}, "changes nothing with model.decoder=none"),
        ({"model.decoder": "none", "training.sampling": 0.2}, "changes nothing with model.decoder=none"),
        ({"training.sampling_schedule": "constant"}, "changes nothing with training.sampling=0"),
        ({"model.bidirectional": True, "search.blanks": 1.0}, "changes nothing with model.bidirectional=yes"),
        ({"search.corpus": "text.txt", "search.word_language": 0.5}, "a file that nobody has beside the run"),
        ({"search.word_language": 0.5, "text.word_language": 0}, "text.word_language=0 learns none"),
        (
            {"model.floor": 0.03, "augment.vocal_tract": 0, "sound.kind": "mfcc", "sound.coefficients": 4},
            "model.floor=0.03 is done to bands and sound.kind=mfcc makes none",
        ),
        (
            {"augment.equaliser": 0.5, "model.floor": 0.0, "sound.pcen": True},
            "augment.equaliser=0.5 is done to logarithms of bands",
        ),
        ({"search.word_bonus": 0.5}, "which word_language=0 gives no weight"),
        ({"model.attention_share": 1.0}, "attention_share"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_step(folder: Path, given: dict[str, Any], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        list(
            melisma.train("transcribe", folder / "none", {"data.train": [str(folder / "train.jsonl")]} | SMALL | given)
        )
    assert not (folder / "none").exists()


def test_a_weight_for_a_decoder_that_is_not_there_is_refused(folder: Path) -> None:
    settings = settings_of(folder, **{"model.decoder": "none"})
    codec = TASK.learn(TASK.read(settings).train, settings)
    network: Any = TASK.build(codec, settings)
    with pytest.raises(Refusal, match=r"search\.attention=0\.5 weighs a decoder and this model has none"):
        spelling(network, codec, with_values(settings.search, {"attention": 0.5}))


def test_the_line_of_a_training_shows_each_loss() -> None:
    both = Progress("step", 3, 10, 0, loss=2.0, losses={"ctc": 2.0, "attention": 1.25})
    assert _step(both, "") == "step 3/10 · epoch 1 · loss ctc 2.000, attention 1.250"
    assert _step(replace(both, losses={"ctc": 2.0}), "") == "step 3/10 · epoch 1 · loss 2.000"


def test_charts_show_each_loss() -> None:
    log = [{"step": step, "loss": 2.0, "losses": {"ctc": 2.0, "attention": 3.0 / step}} for step in (1, 2)]
    (chart, *_) = courses(log, TrainingSettings(), best=None, planned=2, decided_by="loss", higher=False)
    series = {one["name"]: one["y"] for one in chart.data["series"]}
    assert series == {"training": [2.0, 2.0], "training, attention": [3.0, 1.5]}
