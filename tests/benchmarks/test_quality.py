"""Benchmarks of quality: the quick script, the time to a BLEU, JoeyNMT from outside, and a recipe over seeds."""

from __future__ import annotations

import argparse
import importlib
import json
import math
import random
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import melisma
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.tasks.recipe import recipe

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
MODULES = (
    "training",
    "quick_translation",
    "learning_curves",
    "joey_curve",
    "time_to_quality",
    "moses",
    "translation",
    "peer_counts",
    "peer_data",
    "peer_environments",
    "peer_programs",
)
TINY = {
    "text.size": "300",
    "model.embedding": "8",
    "model.hidden": "8",
    "model.encoder_hidden": "4",
    "training.epochs": "2",
    "training.warmup": "1",
    "training.batch_tokens": "60",
}
WORDS = {"a": "ein", "man": "Mann", "dog": "Hund", "runs": "rennt", "sits": "sitzt", "sees": "sieht"}


@pytest.fixture(scope="module")
def parts():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(FOLDER)
        for name in MODULES:  # folders of tests have such names too
            patched.delitem(sys.modules, name, raising=False)
        yield argparse.Namespace(**{name: importlib.import_module(name) for name in MODULES})
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    folder, lots = tmp_path_factory.mktemp("pairs"), random.Random(1)
    for use, count in (("train", 60), ("val", 6)):
        lines = [lots.choices(list(WORDS), k=lots.randint(2, 5)) for _ in range(count)]
        (folder / f"{use}.en").write_text("".join(" ".join(line) + "\n" for line in lines), encoding="utf-8")
        translated = "".join(" ".join(WORDS[word] for word in line) + "\n" for line in lines)
        (folder / f"{use}.de").write_text(translated, encoding="utf-8")
    return folder


@pytest.fixture
def small(parts):
    return parts.quick_translation.Recipe(symbols=90, width=6, each_way=3, hidden=5, batch=60, epochs=2, warmup=2)


def test_the_quick_rate_rises_and_falls(parts) -> None:
    recipe = parts.quick_translation.Recipe()
    rates = [parts.quick_translation.rate(step, 3000, recipe) for step in range(1, 3001)]
    assert rates[149] == pytest.approx(1e-3)
    assert rates[1499] == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(0)
    assert max(rates) < 2e-3
    top = rates.index(max(rates))
    assert rates == [*sorted(rates[:top]), *sorted(rates[top:], reverse=True)]


@given(lengths=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 30)), min_size=1, max_size=40), seed=st.integers())
def test_quick_batches_hold_every_example_once_within_their_budget(parts, lengths, seed) -> None:
    examples = [([4] * source, [4] * target) for source, target in lengths]
    found = parts.quick_translation.batches(examples, 40, random.Random(seed))
    assert sorted(place for batch in found for place in batch) == list(range(len(examples)))
    for batch in found:
        targets = [len(examples[place][1]) + 1 for place in batch]
        assert batch
        assert max(targets) * len(batch) <= 40 or len(batch) == 1


def test_quick_padding_is_not_seen(parts, small) -> None:
    torch.manual_seed(1)
    model = parts.quick_translation.Translator(12, small).eval()
    examples = [([4, 5, 6], [7, 8]), ([9], [10, 11, 4, 5, 6]), ([4, 4, 4, 4, 5], [9])]
    alone = [(len(target) + 1, model([source], [target]).detach()) for source, target in examples]
    together = model(*map(list, zip(*examples)))
    wanted = sum(count * float(loss) for count, loss in alone) / sum(count for count, _ in alone)
    assert float(together.detach()) == pytest.approx(wanted, rel=1e-5)
    answers = model.answers([source for source, _ in examples])
    assert answers == [model.answers([source])[0] for source, _ in examples]


def test_quick_answers_are_the_likeliest_symbols_of_what_is_trained(parts, small) -> None:
    torch.manual_seed(3)
    quick = parts.quick_translation
    model = quick.Translator(12, small).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)
    source, (said,) = [4, 7, 9], model.answers([[4, 7, 9]])
    memory, keys, absent, state = model.read([source])
    steps, _ = model.decoder(model.embedding(torch.tensor([[quick.START, *said]])) * model.scale, state)
    likeliest = model.logits(model.attend(steps, memory, keys, absent)).argmax(-1)[0].tolist()
    ended = [*said, quick.END][: quick.LONGEST]
    assert likeliest[: len(ended)] == ended


def test_quick_dropout_stays_over_a_sentence(parts, small) -> None:
    torch.manual_seed(1)
    model = parts.quick_translation.Translator(12, small)
    thinned = model.thinned(torch.ones(200, 3, 50))
    assert torch.equal(thinned[:, 0], thinned[:, 2])
    assert not torch.equal(thinned[0], thinned[1])
    assert float((thinned == 0).float().mean()) == pytest.approx(small.dropout, abs=0.02)
    assert float(thinned.mean()) == pytest.approx(1, abs=0.03)
    assert torch.equal(model.eval().thinned(thinned), thinned)


def test_the_quick_script_is_as_large_as_melisma(parts) -> None:
    quick = parts.quick_translation.Translator(5000, parts.quick_translation.Recipe())
    settings = build(TranslateSettings, recipe("translate").under())
    ours = EncoderDecoder(5000, 5000, settings.model)
    sizes = [sum(weight.numel() for weight in model.parameters()) for model in (quick, ours)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


def test_the_quick_script_tells_every_epoch(parts, pairs, small) -> None:
    found = list(parts.quick_translation.learn(pairs, ("en", "de"), small))
    assert [reached.epoch for reached in found] == [1, 2]
    assert 0 < found[0].updates < found[1].updates
    assert 0 < found[0].seconds < found[1].seconds
    assert all(0 <= reached.bleu <= 100 for reached in found)


def test_a_clock_leaves_out_what_it_is_told_to(parts, monkeypatch) -> None:
    times = iter([10.0, 13.0, 18.0, 20.0])
    monkeypatch.setattr(parts.quick_translation.time, "process_time", lambda: next(times))
    clock = parts.quick_translation.Clock()
    seconds = clock.seconds()
    clock.leave_out_since(seconds)
    assert (seconds, clock.seconds()) == (3, 5)


def test_melismas_curve_is_that_of_the_steps_it_saved(parts, pairs, tmp_path) -> None:
    curve = parts.learning_curves.ours(pairs, tmp_path, ("en", "de"), 3, TINY)
    found = [(reached, melisma.load(tmp_path / "run", "latest")) for reached in curve]
    assert [reached.epoch for reached, _ in found] == [1, 2]
    asked, wanted = (parts.quick_translation.lines_of(pairs, "val", end) for end in ("en", "de"))
    for reached, model in found:
        answers = [answer.text for answer in model(asked, beam=1)]
        assert reached.bleu == parts.quick_translation.bleu(answers, wanted)
        assert model.step.startswith(f"{reached.updates:06d}")
    assert found[0][0].seconds < found[1][0].seconds
    assert json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["training"]["seed"] == 3


def test_a_process_is_followed_and_ended(parts, monkeypatch, tmp_path) -> None:
    program = tmp_path / "program.py"
    line = '{"epoch": %d, "updates": 5, "seconds": 1.5, "bleu": 30.0}'
    program.write_text(f"import sys, time\nprint('{line % 1}')\nprint('{line % 2}', flush=True)\ntime.sleep(600)\n")
    monkeypatch.setattr(parts.learning_curves, "__file__", str(program))
    curve = parts.learning_curves.follow("quick", (), {})
    assert [next(curve).epoch, next(curve).epoch] == [1, 2]
    curve.close()
    program.write_text("import sys\nsys.exit('OSError: ' + ' '.join(sys.argv[1:]))\n")
    with pytest.raises(ValueError, match="quick: OSError: quick folder 1 a=b"):
        list(parts.learning_curves.follow("quick", ("folder", 1), {"a": "b"}))


def curve(parts, *found: tuple[float, float]):
    return [parts.quick_translation.Reached(n + 1, n, seconds, bleu) for n, (seconds, bleu) in enumerate(found)]


def test_the_first_validation_at_or_above_counts(parts, capsys) -> None:
    module, found = parts.time_to_quality, curve(parts, (10, 29.99), (20, 30.0), (30, 29.0), (40, 31.0))
    assert module.waited(found, 30) == 20
    assert module.waited(found, 30.5) == 40
    assert module.waited(found, 32) is None
    assert module.until(iter(found), 30, "quick") == found[:2]
    assert "epoch 2: 1 updates, 20 CPU-seconds, greedy BLEU 30.00" in capsys.readouterr().out


def test_ratios_are_of_what_ran_side_by_side(parts) -> None:
    told = parts.time_to_quality.verdict({"melisma": [10.0, 30.0, None], "quick": [20.0, 40.0, 7.0]}, 30)
    assert told == [
        "melisma  20 (10 to 30) CPU-seconds to 30 BLEU; 1 of 3 never got there",
        "quick    20 (7 to 40) CPU-seconds to 30 BLEU",
        "ratio    0.62 (0.50 to 0.75) of the quick script's",
    ]
    assert parts.time_to_quality.verdict({"melisma": [None], "quick": [None]}, 30)[-1].startswith("quick    -")


@pytest.mark.parametrize(("bleu", "spent"), [(30.0, "20 CPU-seconds"), (40.0, "never")])
def test_joeynmt_is_run_once_up_to_the_bleu(parts, monkeypatch, capsys, bleu, spent) -> None:
    ran = iter(curve(parts, (10, 12.0), (20, 30.0), (30, 33.0)))
    monkeypatch.setattr(parts.time_to_quality, "joey", lambda chosen, say: ran)
    parts.time_to_quality.alone(argparse.Namespace(bleu=bleu, seeds=[4], limit=60.0))
    last = f"JoeyNMT: {spent} to {bleu:g} BLEU, seed 4, limit 60 CPU-seconds"
    assert capsys.readouterr().out.splitlines()[-1] == last
    assert len(list(ran)) == (1 if bleu == 30 else 0)


def test_what_is_typed_to_be_quick_are_settings_of_the_same_model(parts) -> None:
    quickly = parts.time_to_quality.QUICKLY
    found = build(TranslateSettings, recipe("translate").under(quickly), quickly)
    assert all(not name.startswith("data.") for name in quickly)
    as_it_comes = build(TranslateSettings, recipe("translate").under())
    sizes = ("cell", "embedding", "hidden", "encoder_hidden", "encoder_layers", "decoder_layers", "tied")
    assert [getattr(found.model, name) for name in sizes] == [getattr(as_it_comes.model, name) for name in sizes]


def test_joeynmt_is_told_the_quick_scripts_sizes(parts, tmp_path) -> None:
    data = parts.peer_data.Data(tmp_path, tmp_path)
    learned = {**parts.joey_curve.LEARNED, "logged": 180, "validated": 180}
    command = parts.peer_programs.learn_command(Path("python"), data, 9, tmp_path / "notes", learned)
    text = (tmp_path / "joeynmt-learn.yaml").read_text(encoding="utf-8")
    assert command[2:5] == ["joeynmt-learn", str(tmp_path / "notes"), "train"]
    for line in ("num_layers: 1", "validation_freq: 180", "label_smoothing: 0.1", "learning_rate: 0.002", "dev: "):
        assert line in text
    assert "dropout: 0.2" not in text
    parts.peer_programs.train_command(parts.peer_programs.peer("JoeyNMT", Path("python")), data, 9, tmp_path / "n")
    timed = (tmp_path / "joeynmt-train.yaml").read_text(encoding="utf-8")
    for line in ("validation_freq: 1000000", "label_smoothing: 0.0", "learning_rate: 0.0005", f"dev: {tmp_path}/few"):
        assert line in timed
    assert timed.count("num_layers: 2") == 1
    assert "dropout: 0.35" not in timed


def test_joeynmt_is_watched_from_outside(parts, pairs, tmp_path, monkeypatch) -> None:
    module = parts.joey_curve
    data = parts.peer_data.Data(pairs, tmp_path, learned=300)
    codec = parts.peer_data.write(data)
    wanted = parts.quick_translation.lines_of(pairs, "val", "de")
    right = [parts.peer_data.line(target) for _, target in codec.symbols(data.pairs("val"))]
    (tmp_path / "joeynmt").mkdir()
    (tmp_path / "joeynmt" / "8.hyps").write_text("".join(f"{line} <unk>\n" for line in right), encoding="utf-8")
    (tmp_path / "joeynmt" / "4.hyps").write_text("<unk>\n" * len(right), encoding="utf-8")
    facts = [{"weights": {}}, *({"epoch": n, "updates": 4 * n, "seconds": 9.0 * n, "validated": True} for n in (1, 2))]
    facts.append({"epoch": 3, "updates": 9, "seconds": 99.0, "validated": False})
    program, notes = tmp_path / "program.py", tmp_path / "notes"
    lines = "".join(json.dumps(fact) + "\n" for fact in facts) + '{"cut'
    program.write_text(f"import time\nopen({str(notes)!r}, 'w').write({lines!r})\ntime.sleep(600)\n")
    monkeypatch.setattr(module, "LOOKED", 0.05)
    found = list(module.watched([sys.executable, str(program)], notes, data, codec, 50.0))
    assert [(reached.updates, reached.seconds) for reached in found] == [(4, 9.0), (8, 18.0)]
    assert found[0].bleu == 0
    assert found[1].bleu == parts.quick_translation.bleu(wanted, wanted)
    program.write_text("raise OSError('no room')\n")
    with pytest.raises(ValueError, match=r"by itself \(1\): OSError: no room"):
        list(module.watched([sys.executable, str(program)], notes.with_name("none"), data, codec, 50.0))
    program.write_text("print('interrupted')\n")
    with pytest.raises(ValueError, match=r"by itself \(0\): interrupted"):
        list(module.watched([sys.executable, str(program)], notes.with_name("none"), data, codec, 50.0))


def test_an_epoch_of_joeynmt_is_its_symbols_by_those_of_a_batch(parts, tmp_path) -> None:
    (tmp_path / "train.target").write_text("s1 s2 s3\n" * 2000, encoding="utf-8")
    assert parts.joey_curve.epoch_updates(parts.peer_data.Data(tmp_path, tmp_path)) == math.ceil(8000 / 2500)


def test_figures_of_seeds_have_mean_deviation_and_range(parts) -> None:
    assert parts.translation.over_seeds([36.0]) == "36.00"
    assert parts.translation.over_seeds([36.0, 37.0, 38.0]) == "37.00 ± 1.00 (36.00 to 38.00)"


@pytest.mark.parametrize(("text", "wanted"), [("none", None), ("3000", 3000.0)])
def test_a_budget_is_a_number_or_none(parts, text, wanted) -> None:
    assert parts.translation.budget(text) == wanted


def run_translation(parts, monkeypatch, capsys, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["translation.py", *words, *(f"{name}={value}" for name, value in TINY.items())])
    parts.translation.main()
    return capsys.readouterr().out


def test_seeds_are_trained_once_measured_again_and_gone_on_with(parts, pairs, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(parts.translation, "rate", lambda: 120.0)
    words = (str(pairs), str(tmp_path / "runs"), "--budget", "none", "--seeds", "1,2")
    first = run_translation(parts, monkeypatch, capsys, *words)
    assert first.count("trains {") == 2
    assert "seed 2, beam 5: multi-bleu on Moses tokens, lower-cased: " in first
    assert "2 seeds, beam 5: BLEU nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:" in first
    again = run_translation(parts, monkeypatch, capsys, *words)
    assert "trains {" not in again
    assert "step" not in again
    assert [line for line in first.splitlines() if ", beam " in line] == [
        line for line in again.splitlines() if ", beam " in line
    ]
    settings = parts.translation.settings_of(
        argparse.Namespace(folder=pairs, source="en", target="de", settings=[f"{n}={v}" for n, v in TINY.items()]), 3
    )
    left = melisma.train("translate", tmp_path / "runs" / "seed-3", settings)
    next(one for one in left if one.kind == "saved")
    left.close()
    third = run_translation(parts, monkeypatch, capsys, *words[:-1], "3")
    assert "trains {" not in third
    assert "seed 3, step " in third
    with pytest.raises(SystemExit, match="was trained by the recipe translate, not transformer"):
        run_translation(parts, monkeypatch, capsys, *words, "--recipe", "transformer")


def test_a_single_run_is_measured_as_it_is(parts, tmp_path) -> None:
    assert parts.translation.place(tmp_path, [1, 2], 2) == tmp_path / "seed-2"
    (tmp_path / "run.json").write_text("{}")
    assert parts.translation.place(tmp_path, [1], 1) == tmp_path
    with pytest.raises(SystemExit, match="is a single run: wants one seed"):
        parts.translation.place(tmp_path, [1, 2], 2)
