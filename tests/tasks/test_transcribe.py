"""The task transcribe: what is read, what is never seen, and that a stream hears what a file holds."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from laws.documented import speak

import melisma
from melisma.errors import Refusal
from melisma.settings.read import build
from melisma.settings.transcribe import TranscribeSettings
from melisma.task import Moment
from melisma.tasks import listening
from melisma.tasks.transcribe import TASK

RATE = 8000
SMALL: dict[str, Any] = {"sound.bands": 8, "model.channels": 8, "model.hidden": 8, "model.layers": 1}


def settings(folder: Path, **more: Any) -> Any:
    given = {"data.train": [str(folder / "train.jsonl")], "data.valid": [str(folder / "dev.jsonl")]}
    return build(TranscribeSettings, given | SMALL | more)


def batches(folder: Path, **more: Any) -> list[torch.Tensor]:
    """All that training would learn from, as numbers."""
    chosen = settings(folder, **more)
    corpus = TASK.read(chosen)
    codec = TASK.learn(corpus.train, chosen)
    prepared = TASK.prepare(codec, corpus.train, chosen)
    batch = TASK.batch(codec, list(prepared.encoded), torch.Generator().manual_seed(1))
    return [batch.frames.rows, batch.labels.rows]


def said(folder: Path, name: str, wave: Any, rate: int = RATE) -> str:
    soundfile.write(folder / name, wave, rate)
    return str(folder / name)


def rewritten(folder: Path, name: str, texts: dict[str, str]) -> None:
    """A manifest whose transcripts are others."""
    rows = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    made = [json.dumps(row | {"text": texts.get(row["text"], row["text"])}) for row in rows]
    (folder / name).write_text("\n".join(made) + "\n")


def test_a_string_too_short_for_what_is_said_in_it_is_not_made(tmp_path: Path) -> None:
    """Between two words comes a symbol more, for which there may be no output."""
    speak(tmp_path)
    rewritten(tmp_path, "train.jsonl", {"la": "lala", "le": "lele", "li": "lili"})
    plain = dict.fromkeys((f"augment.{name}" for name in ("speed", "shift", "room", "noise", "gain", "mask")), 0.0)
    gaps = {"augment.join": 1.0, "augment.join_gap_least": 0.0, "augment.join_gap_most": 0.0}
    chosen = settings(tmp_path, **plain, **gaps, **{"model.stride": 8, "model.width": 8})
    corpus = TASK.read(chosen)
    codec = TASK.learn(corpus.train, chosen)
    some = list(TASK.prepare(codec, corpus.train, chosen).encoded)
    assert len(some) == len(corpus.train)
    batch = TASK.batch(codec, some, torch.Generator().manual_seed(1))
    loss = TASK.loss(TASK.build(codec, chosen), batch, None, chosen, None, Moment(0, None))[0]["ctc"]
    assert torch.isfinite(loss.nats)


def test_what_cannot_be_aligned_is_no_part_of_the_loss(tmp_path: Path) -> None:
    speak(tmp_path)
    rewritten(tmp_path, "dev.jsonl", {"la": "lalelalelale"})
    chosen = settings(tmp_path, **{"model.stride": 8, "model.width": 8})
    corpus = TASK.read(chosen)
    codec = TASK.learn(corpus.train, chosen)
    model = TASK.build(codec, chosen)
    TASK.check(codec, corpus.valid)
    counts = [count for _, count in TASK.nats(model, codec, corpus.valid)]
    assert counts == [0 if one.text == "lalelalelale" else 2 for one in corpus.valid]
    with torch.no_grad():
        next(iter(model.parameters())).fill_(float("nan"))
    broken = TASK.nats(model, codec, corpus.valid)
    assert [bool(np.isnan(nats)) for nats, _ in broken] == [count > 0 for count in counts], "no number is no 0"
    with pytest.raises(Refusal, match=r"too short for what is said in it, as is all that is to be measured on"):
        TASK.check(codec, [one for one in corpus.valid if one.text == "lalelalelale"])


def test_what_cannot_be_spelled_is_measured_and_is_no_part_of_the_loss(tmp_path: Path) -> None:
    speak(tmp_path)
    rewritten(tmp_path, "dev.jsonl", {"la": "lou", "le": "l e"})
    chosen = settings(tmp_path, **{"augment.join": 0.0})
    corpus = TASK.read(chosen)
    codec = TASK.learn(corpus.train, chosen)
    model = TASK.build(codec, chosen)
    (note,) = TASK.check(codec, corpus.valid)
    assert "('o', 'u', ' ')" in note, "each letter once, also a blank"
    counted = TASK.nats(model, codec, corpus.valid)
    assert [count for _, count in counted] == [2 if one.text == "li" else 0 for one in corpus.valid]
    known = [one for one in corpus.valid if one.text == "li"]
    assert [one for one in counted if one[1]] == [
        (pytest.approx(nats, abs=1e-4), count) for nats, count in TASK.nats(model, codec, known)
    ]
    with torch.no_grad():
        next(iter(model.parameters())).fill_(float("nan"))
    broken = TASK.nats(model, codec, corpus.valid)
    assert [bool(np.isnan(nats)) for nats, _ in broken] == [count > 0 for _, count in counted], "no number is no 0"


@pytest.mark.parametrize("unit", ["words", "subwords"])
def test_of_larger_symbols_the_words_are_named_that_cannot_be_spelled(tmp_path: Path, unit: str) -> None:
    speak(tmp_path)
    rewritten(tmp_path, "dev.jsonl", {"la": "la xu"})
    chosen = settings(tmp_path, **{"text.unit": unit, "text.size": 30})
    corpus = TASK.read(chosen)
    (note,) = TASK.check(TASK.learn(corpus.train, chosen), corpus.valid)
    assert "('xu')" in note


@pytest.mark.parametrize("part", ["normaliser", "level"])
def test_a_codec_for_frames_of_another_size_is_refused(tmp_path: Path, part: str) -> None:
    speak(tmp_path)
    chosen = settings(tmp_path, **{"model.floor": 0.1})
    data = json.loads(json.dumps(TASK.learn(TASK.read(chosen).train, chosen).to_json()))
    assert TASK.codec(data, chosen).to_json() == data
    data[part] |= {name: values[:1] for name, values in data[part].items() if isinstance(values, list)}
    with pytest.raises(Refusal, match="is of 1 features: wants the 8 of a frame"):
        TASK.codec(data, chosen)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose untrained answers are at least something."""
    folder = tmp_path_factory.mktemp("speech")
    speak(folder)
    given = {"data.train": [str(folder / "train.jsonl")], "data.valid": [str(folder / "dev.jsonl")]} | SMALL
    more = {"training.steps": 3, "training.epochs": None, "model.blank_bias": 0.0, "sound.rate": RATE}
    list(melisma.train("transcribe", folder / "run", given | more))
    return folder


def two_ways(trained: Path, folder: Path) -> Path:
    """A run of a network that needs the end of each utterance."""
    given = {"data.train": [str(trained / "train.jsonl")], "data.valid": [str(trained / "dev.jsonl")]} | SMALL
    more = {"training.steps": 2, "training.epochs": None, "model.bidirectional": True, "sound.rate": RATE}
    list(melisma.train("transcribe", folder / "run", given | more | {"model.blank_bias": 0.0}))
    return folder / "run"


def test_no_name_of_a_file_is_seen(tmp_path: Path) -> None:
    speak(tmp_path)
    before = batches(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        (tmp_path / row["audio"]).rename(tmp_path / "train" / f"renamed-{row['text'][::-1]}-{number}.wav")
        row["audio"] = f"train/renamed-{row['text'][::-1]}-{number}.wav"
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert all(torch.equal(one, other) for one, other in zip(before, batches(tmp_path)))


def test_what_is_said_decides(tmp_path: Path) -> None:
    speak(tmp_path)
    before = batches(tmp_path)
    text = (tmp_path / "train.jsonl").read_text().replace('"la"', '"lo"')
    (tmp_path / "train.jsonl").write_text(text)
    after = batches(tmp_path)
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_the_mean_and_deviation_of_what_is_learned_from_are_zero_and_one(tmp_path: Path) -> None:
    speak(tmp_path)
    chosen = settings(tmp_path)
    corpus = TASK.read(chosen)
    codec = TASK.learn(corpus.train, chosen)
    frames = np.concatenate([codec.heard(one.samples(codec.definition.rate)) for one in corpus.train])
    assert np.abs(frames.mean(0)).max() < 1e-2
    varying = codec.normaliser.deviation != 1  # what hardly varies is only centred
    assert varying.any()
    assert np.abs(frames.std(0)[varying] - 1).max() < 1e-2


@pytest.mark.parametrize("sizes", [(1,), (7, 640, 1), (640,), (100_000,)])
@pytest.mark.parametrize("both", [False, True])
def test_a_stream_hears_what_a_file_holds_however_it_is_cut(
    trained: Path, tmp_path: Path, sizes: tuple[int, ...], both: bool
) -> None:
    model = melisma.load(two_ways(trained, tmp_path) if both else trained / "run")
    random = np.random.default_rng(3)
    quiet, loud = np.zeros(int(1.5 * RATE)), 0.3 * random.standard_normal(RATE // 2)
    wave = np.concatenate([loud, quiet, loud * 0.5, quiet, loud]).astype(np.float32)[: RATE * (1 if 1 in sizes else 9)]
    path = said(tmp_path, "wave.wav", wave)
    whole = model(path)
    stream, heard, begin = model.stream(), [], 0
    samples = soundfile.read(path, dtype="float32")[0]
    for size in itertools.cycle(sizes):
        heard += stream.feed(samples[begin : begin + size])
        begin += size
        if begin >= len(samples):
            break
    heard += stream.feed(samples[:0], last=True)
    assert [one.text for one in heard] == [one.text for one in whole.utterances]
    assert [one.begin for one in heard] == [one.begin for one in whole.utterances]
    assert [one.score for one in heard] == pytest.approx([one.score for one in whole.utterances], abs=1e-3)


def test_silence_ends_an_utterance_and_times_count_from_the_beginning(trained: Path, tmp_path: Path) -> None:
    quiet, loud = np.zeros(2 * RATE), 0.3 * np.random.default_rng(1).standard_normal(RATE // 2)
    whole = melisma.load(trained / "run")(said(tmp_path, "two.wav", np.concatenate([loud, quiet, loud])))
    assert len(whole.utterances) == 2
    first, second = whole.utterances
    assert (first.begin, first.end) == pytest.approx((0, 1.5), abs=0.05)
    assert second.begin == first.end
    assert second.end == pytest.approx(3, abs=0.1)
    assert all(second.begin <= word.begin <= word.end <= 3.0 for word in second.words)


@pytest.mark.parametrize("both", [False, True])
def test_an_answer_does_not_depend_on_who_is_heard_beside(trained: Path, tmp_path: Path, both: bool) -> None:
    random = np.random.default_rng(2)
    quiet = np.zeros(int(1.2 * RATE))
    waves = [0.2 * random.standard_normal(900 * n + 300) for n in range(1, 6)]
    waves[2] = np.concatenate([waves[2], quiet, waves[2]])  # ends an utterance while others are in one
    waves[0] = np.concatenate([waves[0], quiet, quiet, waves[0]])
    paths = [said(tmp_path, f"{n}.wav", wave) for n, wave in enumerate(waves)]
    model = melisma.load(two_ways(trained, tmp_path) if both else trained / "run")
    together = model(paths)
    alone = [model(path) for path in paths]
    assert [len(one.utterances) for one in together] == [2, 1, 2, 1, 1]
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.score for one in together] == pytest.approx([one.score for one in alone], abs=1e-3)


def test_recordings_at_other_rates_and_with_two_channels_are_heard(trained: Path, tmp_path: Path) -> None:
    wave = 0.3 * np.sin(np.arange(22_050) * 0.2)
    model = melisma.load(trained / "run")
    assert model(said(tmp_path, "a.wav", wave, 22_050)).seconds == pytest.approx(1.0, abs=1e-3)
    assert model(said(tmp_path, "b.flac", np.stack([wave, wave], 1), 44_100)).seconds == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("length", [0, 1, 80, 199, 200])
def test_next_to_nothing_is_heard_as_nothing_more(trained: Path, tmp_path: Path, length: int) -> None:
    answer = melisma.load(trained / "run")(said(tmp_path, "short.wav", np.full(length, 0.1)))
    assert answer.seconds == pytest.approx(length / RATE, abs=1e-3)
    assert answer.text == "" or length == 200


def test_damaged_recordings_are_left_out_counted_and_named(tmp_path: Path) -> None:
    speak(tmp_path)
    (tmp_path / "train" / "3.wav").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    corpus = TASK.read(settings(tmp_path))
    assert len(corpus.train) == 11
    assert any("3.wav" in note and "1 recording of 12" in note for note in corpus.notes)


def test_a_transcript_longer_than_its_frames_allow_is_left_out_and_counted(tmp_path: Path) -> None:
    speak(tmp_path)
    lines = (tmp_path / "train.jsonl").read_text().splitlines()
    row = json.loads(lines[0]) | {"text": "la " * 200}
    (tmp_path / "train.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")
    chosen = settings(tmp_path)
    corpus = TASK.read(chosen)
    codec = TASK.learn(corpus.train, chosen)
    prepared = TASK.prepare(codec, corpus.train, chosen)
    assert len(prepared.encoded) == 11
    assert any("train.jsonl, line 1" in note for note in prepared.notes)


def test_speakers_are_held_back_whole_where_they_are_known(tmp_path: Path) -> None:
    speak(tmp_path)
    corpus = TASK.read(settings(tmp_path, **{"data.valid": None, "data.valid_share": 0.5}))
    train, valid = ({one.speaker for one in part} for part in (corpus.train, corpus.valid))
    assert train
    assert valid
    assert not train & valid


def test_symbols_that_cannot_be_spelled_are_named(trained: Path) -> None:
    model = melisma.load(trained / "run")
    with pytest.raises(Refusal, match="hot"):
        model(str(trained / "take1.wav"), hot="quixotic", beam=4)


def test_what_is_no_path_is_refused(trained: Path) -> None:
    model = melisma.load(trained / "run")
    for wrong in (3, [4], None):
        with pytest.raises(Refusal, match="path"):
            model(wrong)  # type: ignore[call-overload]
    with pytest.raises(Refusal, match="nowhere"):
        model("nowhere.wav")


def test_resumed_after_a_stop_a_training_gives_the_same_bits(tmp_path: Path) -> None:
    speak(tmp_path)
    given = {"data.train": [str(tmp_path / "train.jsonl")], "data.valid": [str(tmp_path / "dev.jsonl")]} | SMALL
    more = {"training.steps": 4, "training.epochs": None, "training.batch_tokens": 100, "augment.join": 0.5}
    more |= {"training.schedule": "constant"}  # what knows its end is another where that is another
    more |= {"model.decoder": "attention", "model.decoder_hidden": 8}
    more |= {"training.sampling": 0.3, "training.sampling_schedule": "constant"}
    list(melisma.train("transcribe", tmp_path / "whole", given | more))
    list(melisma.train("transcribe", tmp_path / "parts", given | more | {"training.steps": 2}))
    shutil.move(tmp_path / "parts", tmp_path / "moved")
    list(melisma.resume(tmp_path / "moved", {"training.steps": 4}))
    weights = [dict(melisma.load(tmp_path / name, "latest").network.named_parameters()) for name in ("whole", "moved")]
    assert any(name.startswith("decoder.") for name in weights[0])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_recording_is_read_a_block_at_a_time(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = 0.2 * np.random.default_rng(4).standard_normal(3 * RATE)
    paths = [said(tmp_path, "long.wav", wave), said(tmp_path, "short.flac", wave[: RATE // 3])]
    model, read = melisma.load(trained / "run"), list[int]()
    whole = model(paths)

    def blocks(*given: Any) -> Iterator[Any]:
        for block in listening_blocks(*given):
            read.append(len(block))
            yield block

    listening_blocks = listening.blocks
    monkeypatch.setattr(listening, "blocks", blocks)
    monkeypatch.setattr(listening, "BLOCK", 5)
    assert model(paths) == whole
    assert sum(read) == 3 * RATE + RATE // 3
    assert max(read) <= 5 * 0.08 * RATE
    laid = [one for one in TASK.read(settings(trained)).valid if one.laid is not None]
    answers = TASK.answer(model.network, model.codec, laid, model.settings.search)
    assert [one.seconds for one in answers] == [one.seconds() for one in laid]
