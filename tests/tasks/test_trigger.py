"""The task trigger while it trains: scenes, what is mined, what is resumed, and the thresholds that are saved."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from laws.documented import call

import melisma
from melisma.errors import Refusal
from melisma.losses.spotting import windowed_loss
from melisma.runs.log import read_log
from melisma.runs.read import read_step
from melisma.settings.read import build
from melisma.settings.trigger import TriggerSettings
from melisma.task import Corpus, Moment
from melisma.tasks import mining
from melisma.tasks.mining import Mined, added, find
from melisma.tasks.recipe import recipe
from melisma.tasks.spotting import SpottingCodec
from melisma.tasks.staging import Scenes, labels_of
from melisma.tasks.takes import Recorded
from melisma.tasks.trigger import TASK, remark
from melisma.training.descent import GradientDescent, learner

SMALL: dict[str, Any] = {
    "sound.bands": 8,
    "model.hidden": 8,
    "model.layers": 1,
    "sound.hop": 20,
    "scene.seconds": 1.5,
    "augment.room": 0,
    "training.scenes": 6,
    "training.repeats": 2,
    "training.batch_tokens": 240,
    "training.epochs": 3,
    "training.warmup": 2,
    "loss.mining": 1,
    "loss.mined_minutes": 0.1,
}
NAMES = {"positive": "alexa", "negative": "other", "background": "noise"}


class Ready:
    """All that a training is made of."""

    def __init__(self, folder: Path, **more: Any) -> None:
        data = {f"data.{kind}": [str(folder / name)] for kind, name in NAMES.items()}
        self.settings: TriggerSettings = build(TriggerSettings, recipe("trigger").settings, data | SMALL | more)
        self.corpus: Corpus[Recorded] = TASK.read(self.settings)
        self.codec: SpottingCodec = TASK.learn(self.corpus.train, self.settings)  # type: ignore[assignment]

    @property
    def scenes(self) -> Scenes:
        found = TASK.prepare(self.codec, self.corpus.train, self.settings).encoded
        assert isinstance(found, Scenes)
        return found

    def learner(self) -> GradientDescent:
        torch.manual_seed(3)
        model = TASK.build(self.codec, self.settings)
        prepared = TASK.prepare(self.codec, self.corpus.train, self.settings)
        made = learner(TASK, model, self.codec, prepared, self.settings)
        made.plan(18)
        return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("called")
    call(found, 9)
    return found


@pytest.fixture(scope="module")
def ready(folder: Path) -> Ready:
    return Ready(folder)


def test_a_scene_is_a_function_of_its_number(ready: Ready) -> None:
    one, other = ready.scenes, ready.scenes
    first = [one[number] for number in (0, 5, 7, 0)]
    again = [other[number] for number in (7, 0, 5)]
    assert first[0] == first[3] == again[1]
    assert (first[1], first[2]) == (again[2], again[0])
    assert first[0] != first[1]
    assert len(list(one)) == len(one) == 6


def test_scenes_are_heard_through_other_microphones(folder: Path) -> None:
    plain, other = (Ready(folder, **{"sound.pcen": False, "augment.equaliser": share}) for share in (0.0, 1.0))
    for number in (0, 3):
        one, changed = plain.scenes[number], other.scenes[number]
        curve = (changed.frames - one.frames) * plain.codec.normaliser.deviation
        assert np.abs(curve).max() > 0.1
        assert np.ptp(curve, axis=0).max() < 1e-4
        assert one.spans == changed.spans
    with pytest.raises(
        Refusal, match=r"augment.equaliser=1 is done to logarithms of bands and sound.pcen=yes makes none"
    ):
        Ready(folder, **{"augment.equaliser": 1.0})


def test_words_are_wanted_where_they_end_and_strangers_beside_them(ready: Ready) -> None:
    scenes, loss = ready.scenes, ready.settings.loss
    assert ready.codec.strangers == ("falling", "level")
    seen = set()
    for number in range(30):
        said = [one for one in scenes.scene(number).said if one.word is not None or one.group in (0, 1)]
        spans = scenes[number].spans
        assert len(said) == len(spans)
        for one, span in zip(said, spans):
            assert span.word == (0 if one.word is not None else 1 + (one.group or 0))
            assert abs(span.begin * ready.codec.step - (one.end - loss.early)) <= ready.codec.step
            assert abs(span.end * ready.codec.step - (one.end + loss.late)) <= ready.codec.step
            seen.add(span.word)
    assert seen == {0, 1, 2}


def test_labels_that_are_rare_or_hidden_are_no_words(ready: Ready) -> None:
    some = [one for one in ready.corpus.train if one.kind == "negative"]
    assert labels_of(some, 9) == ("falling", "level")
    assert labels_of(some, 1) == ("falling",)
    assert labels_of([replace(one, label=f"_{one.label}") for one in some], 9) == ()
    assert labels_of(some[:3], 9) == ()


def test_the_parts_of_a_batch_add_up_to_it(ready: Ready) -> None:
    batch = TASK.batch(ready.codec, [ready.scenes[number] for number in range(5)], torch.Generator().manual_seed(1))
    model = TASK.build(ready.codec, ready.settings)
    torch.nn.init.normal_(model.weight)  # type: ignore[arg-type]

    def total(part: Any) -> float:
        found, _ = TASK.loss(model, part, None, ready.settings, None, Moment(0, None))
        return float(found["spotting"].trained.detach())

    assert batch.counts == {"spotting": 5}
    assert sum(total(batch.part(index, 2)) for index in range(2)) == pytest.approx(total(batch), rel=1e-5)
    filled = replace(batch, weight=torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0]))  # type: ignore[type-var]
    left = sum(total(batch.part(index, 5)) for index in (0, 1, 3, 4))
    assert total(filled) == pytest.approx(left, rel=1e-5)
    assert sum(total(filled.part(index, 2)) for index in range(2)) == pytest.approx(left, rel=1e-5)


def test_strangers_are_learned_and_not_reported(ready: Ready) -> None:
    batch: Any = TASK.batch(ready.codec, [ready.scenes[number] for number in range(4)], torch.Generator())
    model: Any = TASK.build(ready.codec, ready.settings)
    total = TASK.loss(model, batch, None, ready.settings, None, Moment(0, None))[0]["spotting"]
    alone = windowed_loss(
        model.feed(model.start(4), batch.frames)[1], [span for span in batch.spans if span.word == 0], 0.0
    )
    nats = (alone.positive + ready.settings.loss.others * alone.negative).sum()
    assert float(total.nats) == pytest.approx(float(nats.detach()), rel=1e-5)
    assert float(total.trained.detach()) > float(total.nats)
    total.trained.backward()
    assert model.stranger_weight.grad.abs().sum() > 0


def test_what_is_mined_is_drawn_and_saved_and_resumed_to_the_same_bits(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mining, "LEAST", 0.0)
    whole = ready.learner()
    for _ in range(18):
        whole.advance()
        if whole.step == 14:
            model, training, state = whole.snapshot()
            saved = [{name: value.clone() for name, value in some.items()} for some in (model, training)]
            told = json.loads(json.dumps(state))
    assert Mined.of(told["mined"]).rounds == 1
    assert len(told["mined"][1]) > 0
    again = ready.learner()
    again.restore(saved[0], saved[1], told)
    while again.step < 18:
        again.advance()
    one, other = whole.snapshot(), again.snapshot()
    assert one[2] == other[2]
    for some, others in zip(one[:2], other[:2]):
        assert all(torch.equal(some[name], others[name]) for name in some)
    for wrong in (7, [1], [1, [[0, 0]]], [1, [[0, -1, 0]]], [0, [[0, 0, 0]]], [1, [[0, 999, 0]]]):
        with pytest.raises(Refusal, match="mined"):
            again.restore(saved[0], saved[1], told | {"mined": wrong})


def test_mining_finds_the_same_again_and_what_it_finds_is_said(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mining, "LEAST", 0.0)
    model = TASK.build(ready.codec, ready.settings).eval()
    scenes = ready.scenes
    early = find(model, ready.codec, scenes, ready.settings, Moment(4, 18), None)
    assert early is None, "nothing is looked for before a model knows anything"
    found = find(model, ready.codec, scenes, ready.settings, Moment(9, 18), None)
    assert found == find(model, ready.codec, ready.scenes, ready.settings, Moment(9, 18), None)
    assert find(model, ready.codec, scenes, ready.settings, Moment(17, 18), found) == found, "one round was asked for"
    assert find(model, ready.codec, scenes, ready.settings, Moment(18, 18), None) is None, "nothing is learned any more"
    drawn = added(scenes, found)
    assert any(drawn[number] != scenes[number] for number in range(200))
    takes = drawn._stage.strangers[-1]
    assert len(takes) == len(found[1])
    rate = ready.codec.definition.rate
    assert all(0 < len(take.samples) <= 1.4 * rate + 2 for take in takes)
    assert added(scenes, None)[2] == scenes[2]


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of four steps."""
    path = tmp_path_factory.mktemp("runs") / "run"
    list(melisma.train("trigger", path, given(folder)))
    return path


def given(folder: Path) -> dict[str, Any]:
    data = {f"data.{kind}": [str(folder / name)] for kind, name in NAMES.items()}
    return data | SMALL | {"training.epochs": 1, "search.false_alarms": 3600}


def test_a_training_goes_on_to_the_same_bits_and_thresholds_wherever_its_data_lies(
    folder: Path, run: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "here")
    for progress in melisma.train("trigger", tmp_path / "run", given(tmp_path / "here")):
        if progress.kind == "step" and progress.step == 2:
            break
    (tmp_path / "here").rename(tmp_path / "there")
    with pytest.raises(Refusal, match=r"data\.positive=… and data\.negative=… and data\.background=…"):
        list(melisma.resume(tmp_path / "run"))
    moved = {f"data.{kind}": [str(tmp_path / "there" / name)] for kind, name in NAMES.items()}
    list(melisma.resume(tmp_path / "run", moved))
    one, other = (read_step(path, "latest", training=True) for path in (run, tmp_path / "run"))
    assert one.number == other.number == 4
    assert one.state["settled"] == other.state["settled"]
    assert one.state["learner"] == other.state["learner"]
    assert all(torch.equal(one.model[name], other.model[name]) for name in one.model)
    assert all(torch.equal(one.training[name], other.training[name]) for name in one.training)


def test_thresholds_are_saved_with_the_step_and_validated_with(folder: Path, run: Path) -> None:
    model = melisma.load(run, "latest")
    saved = read_step(run, "latest").state["settled"]
    assert model.codec.thresholds == tuple(saved)
    assert saved != [0.5]
    corpus = TASK.read(build(TriggerSettings, recipe("trigger").settings, given(folder)))
    answers = TASK.answer(model.network, model.codec, TASK.inputs(corpus.valid), model.settings.search)
    found = TASK.measure(answers, corpus.valid, ("misses", "false_alarms"))
    assert found["misses"].value < 100 or found["false_alarms"].value > 0, "at 0.5 nothing is heard yet"
    told = [line["valid"] for line in read_log(run) if "valid" in line][-1]
    assert {name: told[name] for name in found} == {name: one.value for name, one in found.items()}, "as it is used"
    for wrong in (None, [], [0.5, 0.5], [2.0], [0.0], ["0.5"], [float("nan")]):
        with pytest.raises(Refusal, match="thresholds"):
            model.codec.with_thresholds(wrong)


def test_a_threshold_chosen_for_more_false_alarms_is_not_higher(ready: Ready) -> None:
    assert TASK.settling is not None
    torch.manual_seed(1)
    model = TASK.build(ready.codec, ready.settings).eval()
    strict, lax = (
        TASK.settling.find(
            model,
            ready.codec,
            ready.corpus.valid,
            replace(ready.settings, search=replace(ready.settings.search, false_alarms=rate)),
        )[0]
        for rate in (0.0, 3600.0)
    )
    assert 0 < lax <= strict <= 1
    answers = TASK.answer(
        model, ready.codec.with_thresholds([strict]), TASK.inputs(ready.corpus.valid), ready.settings.search
    )
    assert TASK.measure(answers, ready.corpus.valid, ("false_alarms",))["false_alarms"].value == 0
    codec = replace(ready.codec, words=("alexa", "computer"))
    two = TASK.build(codec, ready.settings).eval()
    first, second = TASK.settling.find(two, codec, ready.corpus.valid, ready.settings)
    assert first == second, "a word that nobody says takes the threshold of the others"


def test_what_goes_wrong_is_said(ready: Ready) -> None:
    class Answer:
        def __init__(self, score: float, threshold: float) -> None:
            self.score = score
            self.alarms = (score,) if score >= threshold else ()

    some = ready.corpus.valid

    def of(take: float, other: float, threshold: float = 0.8) -> str | None:
        answers: Any = [Answer(take if one.kind == "positive" else other, threshold) for one in some]
        return remark(answers, some)

    assert (of(0.05, 0.01) or "").startswith("Deaf")
    assert (of(0.8, 0.9) or "").startswith("Confused")
    assert of(0.9, 0.3) is None
    assert (of(0.9, 0.3, 0.95) or "").startswith("Unheard")


def test_a_codec_of_other_words_is_refused(ready: Ready) -> None:
    plain = ready.codec.to_json()
    assert SpottingCodec.from_json(json.loads(json.dumps(plain)), ready.settings).to_json() == plain
    for name, wrong in (("words", []), ("words", [3]), ("words", ["a", "a"]), ("strangers", None)):
        with pytest.raises(Refusal, match=r"codec\.json"):
            SpottingCodec.from_json(plain | {name: wrong}, ready.settings)
    assert ready.codec.number("") == 0
    with pytest.raises(Refusal, match="'down' is no word of this model, which hears 'alexa'"):
        TASK.check(ready.codec, [replace(ready.corpus.train[0], kind="positive", word="down")])
    assert np.isfinite(ready.codec.step)
