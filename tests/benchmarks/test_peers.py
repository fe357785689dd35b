"""The comparison with peers: what is counted, what is read from notes, and that the plain search is the same search."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from melisma.models.encoder_decoder import EncoderDecoder
from melisma.ragged import Ragged
from melisma.search.beam import beam
from melisma.search.hypothesis import Bounds
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.text.vocabulary import END, START

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
MODULES = ("peer_counts", "peer_data", "peer_environments", "peer_observed", "peer_programs", "plain_beam", "training")


@pytest.fixture(scope="module")
def parts():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(FOLDER)
        for name in MODULES:  # a folder of tests is called training too
            patched.delitem(sys.modules, name, raising=False)
        yield {name: importlib.import_module(name) for name in MODULES}
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def counts(parts):
    return parts["peer_counts"]


def test_useful_arithmetic_is_each_matrix_as_often_as_it_is_multiplied(counts) -> None:
    weights = {
        "encoder.embeddings.lut": (1000, 7),
        "encoder.rnn.weight_ih_l0": (8, 7),
        "encoder.rnn.bias_ih_l0": (8,),
        "decoder.rnn.weight_hh_l0": (8, 2),
        "generator.weight": (11, 2),
    }
    held = counts.Counts(sentences=2, sources=10, targets=5, pairs=25)
    wanted = 10 * 8 * 7 + 5 * (8 * 2 + 11 * 2) + 25 * 1024
    assert counts.useful("OpenNMT-py", weights, held, counts.FORWARD) == pytest.approx(2 * wanted / 5 / 1e6)
    assert counts.useful("OpenNMT-py", weights, held, counts.TRAINING) == pytest.approx(6 * wanted / 5 / 1e6)


def test_once_a_sentence_and_the_longest_rule_first(counts) -> None:
    held = counts.Counts(sentences=2, sources=10, targets=5, pairs=0)
    for name, often in (
        ("decoder.bridge_layer.weight", 2),
        ("decoder.attention.key_layer.weight", 10),
        ("decoder.output_layer.weight", 5),
        ("trg_embed.lut.weight", 0),
    ):
        found = counts.useful("JoeyNMT", {name: (3, 4)}, held, counts.FORWARD)
        assert found == pytest.approx(2 * 12 * often / 5 / 1e6), name


def test_a_matrix_that_no_rule_names_is_not_passed_over(counts) -> None:
    with pytest.raises(ValueError, match=r"no rule says how often highway\.weight of JoeyNMT is multiplied"):
        counts.useful("JoeyNMT", {"highway.weight": (3, 4)}, counts.Counts(1, 1, 1, 1), counts.FORWARD)


def test_melisma_and_the_plain_peer_do_the_same_useful_arithmetic(parts, counts) -> None:
    settings = build(TranslateSettings, parts["peer_data"].MODEL)
    with torch.device("meta"):
        own = EncoderDecoder(parts["peer_data"].SYMBOLS, parts["peer_data"].SYMBOLS, settings.model)
        plain = parts["training"].Plain()
    held = counts.Counts(sentences=100, sources=1500, targets=1600, pairs=25_000)
    found = [
        counts.useful(name, {name: tuple(w.shape) for name, w in model.named_parameters()}, held, counts.TRAINING)
        for name, model in (("melisma", own), ("plain nn.LSTM", plain))
    ]
    assert found[0] == pytest.approx(found[1])
    assert 45 < found[0] < 55, "MFLOP a target symbol"


def notes(counts, marks, weights=None) -> str:
    first = {"weights": weights or {"output.": [2, 2]}, "versions": {"torch": "1"}}
    lines = [first, *({"cpu": cpu, "counts": held} for cpu, held in marks), {"answers": [["a"]]}]
    return "".join(json.dumps(line) + "\n" for line in lines)


@given(
    steps=st.lists(st.tuples(st.integers(1, 50), st.integers(1, 9)), min_size=4, max_size=30),
    warm=st.integers(1, 3),
    batches=st.integers(1, 4),
)
def test_intervals_follow_each_other_after_the_first_batches(counts, steps, warm, batches) -> None:
    cpu, marks = 0, []
    for seconds, targets in steps:
        cpu += seconds
        marks.append((cpu, [1, 2, targets, 3]))
    read = counts.Notes.read(notes(counts, marks))
    if len(steps) < warm + batches:
        with pytest.raises(ValueError, match=f"{len(steps)} batches were done"):
            read.intervals(warm, batches)
        return
    found = read.intervals(warm, batches)
    timed = steps[warm : warm + len(found) * batches]
    assert len(found) == (len(steps) - warm) // batches
    assert sum(one.seconds for one in found) == sum(seconds for seconds, _ in timed)
    assert sum(one.counts.targets for one in found) == sum(targets for _, targets in timed)
    assert all(one.counts.sentences == batches for one in found)
    assert found[0].speed == found[0].counts.targets / found[0].seconds


def test_notes_of_a_process_that_was_killed_are_read_up_to_its_last_whole_line(counts) -> None:
    text = notes(counts, [(1.5, [1, 2, 3, 4]), (2.5, [1, 2, 3, 4])])
    read = counts.Notes.read(text + '{"cpu": 3.5, "cou')
    assert [cpu for cpu, _ in read.marks] == [1.5, 2.5]
    assert read.facts == {"answers": [["a"]]}
    assert read.weights == {"output.": (2, 2)}


@pytest.mark.parametrize("text", ["", '{"weights": {}', '{"cpu": 1, "counts": [1, 1, 1, 1]}\n'])
def test_notes_without_a_beginning_are_no_notes(counts, text) -> None:
    with pytest.raises(ValueError, match="the process wrote nothing down"):
        counts.Notes.read(text)


def test_ratios_compare_what_ran_side_by_side(counts) -> None:
    def measured(*speeds):
        held = [counts.Interval(1.0, counts.Counts(targets=speed), 1) for speed in speeds]
        return counts.Measured(counts.TRAINING, rounds=[[one] for one in held])

    assert counts.against(measured(200, 90), measured(100, 30)) == [2.0, 3.0]


def test_searching_counts_every_hypothesis(counts) -> None:
    read = counts.Notes.read(notes(counts, [(1, [1, 4, 8, 32]), (2, [1, 4, 8, 32])], {"output.": [6, 7]}))
    measured = counts.Measured(counts.FORWARD, 5, [read.intervals(1, 1)], [read])
    assert measured.batch() == 8
    assert measured.mflop("melisma") == pytest.approx(5 * 2 * (6 * 7 + 4 * 1024) / 1e6)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("x\nERROR: No matching distribution\nnote: a hint\n", "ERROR: No matching distribution"),
        ("Traceback\n  File\ntorch.cuda.SomeError: no\n", "torch.cuda.SomeError: no"),
        ("one\ntwo\n\n", "two"),
        ("", "it said nothing"),
    ],
)
def test_why_a_peer_is_left_out_is_one_line(counts, log, said) -> None:
    assert counts.reason(log) == said


def test_peers_read_the_symbols_that_melisma_trains_on(parts, tmp_path) -> None:
    lines = {
        "en": ["a man runs", "two dogs, a cat", "ein Überfall"],
        "de": ["ein Mann rennt", "zwei Hunde", "ein Überfall"],
    }
    for use in ("train", "val"):
        for end, text in lines.items():
            (tmp_path / f"{use}.{end}").write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    data = parts["peer_data"].Data(tmp_path, tmp_path)
    codec = parts["peer_data"].write(data)
    known = set((tmp_path / "vocabulary").read_text(encoding="utf-8").split())
    assert len(known) == codec.target.vocabulary.size - 2
    for end, side in (("en", "source"), ("de", "target")):
        written = (tmp_path / f"train.{side}").read_text(encoding="utf-8").splitlines()
        assert [codec.target.decode(int(name[1:]) for name in line.split()) for line in written] == lines[end]
        assert all(name in known for line in written for name in line.split())
    assert data.codec() == codec
    assert parts["peer_data"].sentences(data, 3) == sorted(
        range(3), key=lambda n: len(codec.symbols(data.pairs("val"))[n][0])
    )


def test_an_environment_that_is_there_is_left_as_it_is(parts, tmp_path, monkeypatch) -> None:
    module = parts["peer_environments"]
    monkeypatch.setattr(module, "_run", lambda command, log: "ERROR: no network")
    monkeypatch.setattr(module.venv, "create", lambda place, **how: place.mkdir(parents=True))
    peer, said = module.Peer("P", "P", ("a==1",), ("b==2",)), []
    with pytest.raises(module.UnavailableError, match="could not be installed: ERROR: no network"):
        module.environment(peer, tmp_path, said.append)
    assert not (tmp_path / "P").exists()
    (tmp_path / "P").mkdir()
    (tmp_path / "P" / "ready.json").write_text('["a==1", "b==2"]', encoding="utf-8")
    assert module.environment(peer, tmp_path, said.append) == tmp_path / "P/bin/python"
    assert said[-1] == f"P: found in {tmp_path / 'P'}"


def test_a_folder_of_somebody_else_is_not_wiped(parts, tmp_path) -> None:
    module = parts["peer_environments"]
    (tmp_path / "P").mkdir()
    (tmp_path / "P" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(module.UnavailableError, match="is there and is no environment"):
        module.environment(module.Peer("P", "P", (), ()), tmp_path, print)
    assert (tmp_path / "P" / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_an_observer_changes_nothing_and_sees_every_call(parts) -> None:
    class Adder:
        def add(self, a, b=1):
            return a + b

    seen = []
    parts["peer_observed"].after(Adder, "add", lambda self, arguments: seen.append(arguments))
    assert Adder().add(2, b=5) == 7
    assert Adder().add(3) == 4
    assert seen == [(2,), (3,)]


@pytest.mark.parametrize("ending", [-9.0, 3.0])
def test_the_plain_search_finds_what_melisma_finds(parts, ending) -> None:
    size = {"model.embedding": 6, "model.hidden": 8, "model.encoder_hidden": 4, "model.encoder_layers": 2}
    settings = build(TranslateSettings, size | {"model.tied": "none", "model.attention": "general"})
    sources = [[5, 6, 7, END], [9, END], [4, 4, 8, 21, 3, END], [29, 2, END], [7, 7, END], [3, END]]
    ends = 0
    for seed in range(8):
        torch.manual_seed(seed)
        model = EncoderDecoder(30, 30, settings.model).eval()
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(3)  # so that what is read of the source decides answers
            model.output_bias[END] = ending
        step, state = model.start(Ragged.of_symbols(sources))
        bounds = Bounds(START, END, torch.full((len(sources),), 5), 5, (START,), False)
        wanted = beam(step, state, bounds, width=3)
        ends += sum(one[0].finished for one in wanted)
        found = parts["plain_beam"].PlainBeam(model).answers(sources, 3, 5)
        assert found == [list(one[0].symbols) for one in wanted]
    assert (ends > 10) == (ending > 0)
