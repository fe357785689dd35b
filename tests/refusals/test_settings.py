"""Bad settings: each is refused with its sentence before any data is read, or taken as it can be, with a note."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from command.drill import DATA, TINY, picture, refused, typed, write_pairs

TRAIN = ("train", "translate", "run", DATA)

CASES: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    # 32: names that there are not
    (("hiden_size=5",), ("unknown setting hiden_size", "did you mean")),
    (("model.hiden=5",), ("model.hiden", "did you mean model.hidden=5?")),
    (("--model.hidden=5",), ("no flag", "model.hidden=5")),
    (("hidden=5",), ("unknown setting hidden", "did you mean model.hidden=5?")),
    (("model=5",), ("model is a group of settings", "model.hidden")),
    (("model.hidden",), ("did you mean model.hidden=…?",)),
    (("model.hidden", "=5"), ("model.hidden",)),
    (("something",), ("'something'", "name=value")),
    (("zzz=1",), ("unknown setting zzz", "wants one of")),
    (("x" * 5000 + "=1",), ("name=value",)),
    (("\x1b[31m=1",), ("\\x1b[31m", "name=value")),
    # 33: values that they cannot have
    (("model.hidden=wide",), ("model.hidden", "'wide'", "a whole number, 1 to 16384")),
    (("model.hidden=0",), ("model.hidden", "found '0'", "1 to 16384")),
    (("model.hidden=-5",), ("model.hidden", "found '-5'", "1 to 16384")),
    (("model.hidden=1.5",), ("model.hidden", "'1.5'", "a whole number")),
    (("model.hidden=1e3",), ("model.hidden", "plain digits")),
    (("model.hidden=" + "9" * 9000,), ("model.hidden", "a whole number")),
    (("model.hidden=99999999999999999999",), ("model.hidden", "1 to 16384")),
    (("model.hidden=",), ("model.hidden", "found ''")),
    (("training.rate=0",), ("training.rate", "above 0")),
    (("training.rate=1e6",), ("training.rate", "at most 100")),
    (("training.rate=1e309",), ("training.rate", "neither infinite")),
    (("training.rate=nan",), ("training.rate", "a number")),
    (("training.rate=-inf",), ("training.rate", "a number")),
    (("training.rate=0,001",), ("training.rate", "a number")),
    (("training.epochs=0",), ("training.epochs", "or none")),
    (("training.batch_tokens=0",), ("training.batch_tokens", "1 to 10000000")),
    (("model.dropout=1",), ("model.dropout", "below 1")),
    (("model.bidirectional=perhaps",), ("model.bidirectional", "yes or no")),
    (("model.cell=lsmt",), ("model.cell", "did you mean lstm?")),
    (("training.device=gup",), ("training.device", "did you mean gpu?")),
    (("model.hidden=5", "model.hidden=6"), ("model.hidden is given 2 times",)),
    (("data.train=",), ("data.train", "each side with a name")),
    (("data.train=a.en,a.de,a.fr",), ("3 files", "source and target")),
    (("data.source=target",), ("data", "two columns")),
    (("search.beam=0",), ("search.beam", "1 to 1000")),
    # 34: parts that cannot work together
    (("model.attention=dot", "model.hidden=100"), ("attention=dot", "hidden (100)", "(512)")),
    (("model.tied=three", "text.shared=no"), ("model.tied=three", "text.shared=no")),
    (("model.attention=none", "model.input_feeding=yes", "model.tied=two"), ("input_feeding", "attention other than")),
    (("model.decoder=transformer", "model.heads=3"), ("heads=3", "hidden=512", "a multiple of 3")),
    (("model.encoder=transformer", "model.encoder_hidden=30"), ("heads=4", "encoder_hidden=30", "a multiple of 4")),
    (("model.attention=multi_head", "model.attention_size=6"), ("heads=4", "attention_size=6", "a multiple of 4")),
    (("model.attention=location", "model.location_width=4"), ("location_width is 4", "an odd number")),
    (("model.decoder=transformer", "model.input_feeding=yes"), ("input_feeding", "decoder=recurrent")),
    (("training.epochs=none",), ("one of them", "never ends")),
    (("data.valid_size=0", "training.patience=2"), ("training.patience", "data.valid_size=0")),
    (("search.alternatives=9",), ("search", "alternatives is 9", "beam 5")),
    (("data.valid=",), ("data.valid",)),
]


@pytest.mark.parametrize(("words", "parts"), CASES, ids=[" ".join(words)[:40] for words, _ in CASES])
def test_each_is_refused_before_anything_is_read(tmp_path, monkeypatch, words, parts) -> None:
    """There is no data here: were it looked for first, the sentence would be about that."""
    monkeypatch.chdir(tmp_path)
    train = TRAIN if not any(word.startswith("data.train") for word in words) else TRAIN[:-1]
    said = refused(*train, *words)
    assert [part for part in parts if part not in said] == [], said
    assert "such file" not in said
    assert list(tmp_path.iterdir()) == []


def test_no_data_at_all_is_refused_with_what_is_wanted(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "data.train=SOURCE,TARGET or data.train=TABLE" in refused("train", "translate", "run")
    assert "where the folder is wanted" in refused("train", "translate", DATA)
    assert "where the folder is wanted" in refused("train", "translate", "mine.toml", DATA)
    assert "did you mean translate?" in refused("train", "tranlsate", "run", DATA)
    assert list(tmp_path.iterdir()) == []


FILES: list[tuple[str, bytes, tuple[str, ...]]] = [
    # 40 and 41: files of settings
    ("newer", b"format = 2\n", ("mine.toml", "newer version")),
    ("key twice", b"[model]\nhidden = 5\nhidden = 6\n", ("mine.toml, line 3", "given twice")),
    ("table twice", b"[model]\nhidden = 5\n[model]\ncell = 'gru'\n", ("mine.toml, line 3",)),
    ("huge number", b"[model]\nhidden = " + b"9" * 5000 + b"\n", ("mine.toml, line 2", "thousands of digits")),
    ("large number", b"[model]\nhidden = " + b"9" * 50 + b"\n", ("model.hidden", "about 51 digits", "1 to 16384")),
    ("infinite", b"[training]\nrate = inf\n", ("training.rate", "found inf")),
    ("no number", b"[training]\nrate = nan\n", ("training.rate", "found nan")),
    ("megabytes", b"# " + b"x" * 2_000_000, ("mine.toml", "larger than 1 MB")),
    ("deep lists", b"a = " + b"[" * 5000 + b"]" * 5000, ("mine.toml", "nested too deep")),
    ("deep names", b".".join([b"a"] * 5000) + b" = 1\n", ("mine.toml, line 1", "30 parts")),
    ("not TOML", b"model.hidden: 5\n", ("mine.toml, line 1",)),
    ("not UTF-8", b"# \xff\n", ("mine.toml, line 1", "UTF-8")),
    ("unknown name", b"[model]\nhiden = 5\n", ("unknown setting model.hiden", "did you mean model.hidden?")),
    ("wrong type", b"[model]\nhidden = 'wide'\n", ("model.hidden", "'wide'", "a whole number")),
    ("value for a group", b"model = 5\n", ("model is a group of settings",)),
]


@pytest.mark.parametrize(("content", "parts"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_each_file_of_settings_is_refused_before_anything_is_read(tmp_path, monkeypatch, content, parts) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_bytes(content)
    before = picture(tmp_path)
    said = refused(*TRAIN, "mine.toml")
    assert [part for part in parts if part not in said] == [], said
    assert picture(tmp_path) == before


def test_a_file_of_settings_that_is_not_there(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no such file none.toml" in refused(*TRAIN, "none.toml")
    (tmp_path / "folder.toml").mkdir()
    assert "'folder.toml': cannot read" in refused(*TRAIN, "folder.toml")


# --- the order in which things are found out


def test_a_missing_gpu_is_found_out_before_the_data_is_read(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    said = refused(*TRAIN, "training.device=gpu")
    assert said == "training.device=gpu: torch finds no GPU on this machine; wanted is training.device=cpu or auto"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_taken_is_found_out_before_the_data_is_read(tiny) -> None:
    assert "tiny is there already" in refused("train", "translate", "tiny", "data.train=none.en,none.de")
    assert "a.en is a file" in refused("train", "translate", "a.en", "data.train=none.en,none.de")
    assert "cannot be made" in refused("train", "translate", "a.en/run", "data.train=none.en,none.de")


def test_all_data_is_looked_for_before_any_is_read_and_before_symbols_are_learned(here, monkeypatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("too early")

    monkeypatch.setattr("melisma.tasks.pairs.learn", never)
    (here / "bad.de").write_bytes((here / "a.de").read_bytes() + b"\xff\n")
    assert "bad.de, line 73" in refused("train", "translate", "run", "data.train=a.en,bad.de")
    monkeypatch.setattr("melisma.tasks.translate.read_into", never)
    for words in (("data.valid=a.en,none.de",), ("data.train=none.tsv",), ("data.train=made:date.train",)):
        said = refused(*TRAIN, *words)
        assert "no such file" in said or "there is no such corpus" in said
    assert not (here / "run").exists()


# --- settings that are taken as far as they can be


def test_a_vocabulary_larger_than_the_data_gives_is_lowered_and_noted(here) -> None:
    tiny = [word for word in TINY if "unit" not in word]
    for number, unit in enumerate(("subwords", "words")):
        words = (f"text.unit={unit}", "text.size=30000", "training.steps=1")
        said = typed("train", "translate", f"run{number}", DATA, *tiny, *words)
        assert said.code == 0
        assert "melisma: text.size=30000: the data gave " in said.err
    words = ("text.shared=no", "model.tied=two", "training.steps=1")
    said = typed("train", "translate", "run2", DATA, *tiny, *words, "text.size=6000")
    assert said.err.count("melisma: text.size=6000: the data gave ") == 2
    assert "text.size" not in typed("train", "translate", "run4", DATA, *tiny, *words).err, "nobody asked for a size"
    assert "text.size" not in typed("train", "translate", "run3", DATA, *TINY, "training.steps=1").err


def test_limits_that_leave_no_pair_are_refused(here) -> None:
    said = refused(*TRAIN, *TINY, "data.limit_source=2")
    assert "all 69 pairs are longer than data.limit_source=2" in said
    assert not Path("run").exists()
    said = typed(*TRAIN, *TINY, "data.limit_target=14", "training.steps=1")
    assert "pairs are left out: longer than" in said.err


def test_data_too_small_to_cut_from(here) -> None:
    (here / "one.tsv").write_text("one\teins\n")
    assert "a single pair" in refused("train", "translate", "run", "data.train=one.tsv")
    (here / "same.tsv").write_text("one\teins\ntwo\teins\n")
    assert "data.valid=FILES" in refused("train", "translate", "run", "data.train=same.tsv")
    said = typed("train", "translate", "run", "data.train=one.tsv", "data.valid_size=0", "training.steps=1", *TINY[:-2])
    assert said.code == 0, said.err


def test_a_model_that_the_memory_cannot_hold_is_refused_before_it_is_made(here: Path) -> None:
    write_pairs(here)
    before = picture(here)
    said = refused(*TRAIN, "model.hidden=16384", "model.decoder_layers=64", "training.steps=1")
    assert "parameters and take" in said
    assert "GB of memory are free" in said
    assert picture(here) == before
