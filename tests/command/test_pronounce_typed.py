"""The recipe ``pronounce`` as it is typed: letters in, phonemes out, and every listed pronunciation right."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import pytest
from command.drill import DATA, Said, record, refused, typed, write_pairs
from command.drill import TINY as SMALL

import melisma
from melisma.api.report import report
from melisma.measures.table import measured

SOUNDS = {"B": "B", "D": "D", "A": "AA", "I": "IH"}
WORDS = ["".join(letters) for length in (2, 4) for letters in product(*["BD", "AI"] * (length // 2))]
ENDED = [(word, f"{' '.join(map(SOUNDS.get, word[:-1]))} AX") for word in WORDS[::3]]
LISTED = sorted([(word, " ".join(map(SOUNDS.get, word))) for word in WORDS] + ENDED)
TINY = (*SMALL[1:-2], "model.encoder_layers=1")
TABLE = ("data.train=words.tsv", "data.valid=words.tsv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A dictionary, and the run ``said`` of it."""
    folder = tmp_path_factory.mktemp("pronounce")
    (folder / "words.tsv").write_text("".join(f"{word}\t{said}\n" for word, said in LISTED))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = typed(
            "train",
            "pronounce",
            "said",
            *TABLE,
            *TINY,
            "training.steps=30",
            "training.validate_every=10",
            "search.beam=2",
        )
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def evaluated(*words: str) -> Said:
    done = typed("evaluate", *words)
    assert done.code == 0, done.err
    return done


def test_letters_go_in_and_phonemes_come_out(here: Path) -> None:
    told = json.loads((here / "said" / "codec.json").read_text())
    assert (told["source"]["unit"], told["target"]["unit"]) == ("characters", "words")
    assert sorted(told["target"]["vocabulary"]["pieces"]) == [" AA", " AX", " B", " D", " IH"]
    assert melisma.load("said")("DABI").source_tokens == ("D", "A", "B", "I", "</s>")


def test_word_error_chooses_the_best_step(here: Path) -> None:
    lines = [json.loads(line) for line in (here / "said" / "metrics.jsonl").read_text().splitlines()]
    scores = [(line["valid"]["word_error"], line["valid"]["loss"], line["step"]) for line in lines if "valid" in line]
    assert len({score[0] for score in scores}) < len(scores), "so that ties are to be settled"
    assert all(set(line["valid"]) == {"loss", "word_error", "phoneme_error"} for line in lines if "valid" in line)
    best = (here / "said" / "best").read_text()
    assert best == (here / "said" / "best-word_error").read_text()
    assert int(best.partition("-")[0]) == min(scores)[2]
    assert "best by      word error" in typed("show", "said").out
    assert "text.target_unit" in typed("show", "said").out


def test_scores_are_of_distinct_words_and_no_bleu_is_told(here: Path) -> None:
    out = evaluated("said", "data=words.tsv").out
    assert "BLEU" not in out
    assert [line.split("  ")[0] for line in out.splitlines() if "|" in line] == [
        "word error",
        "phoneme error",
        "perplexity per symbol",
        "perplexity per character",
    ]
    assert out.count("|sources:distinct") == 2
    assert f"data     words.tsv ({len(LISTED)} pairs)\n" in out
    told = f"word error and phoneme error count {len(WORDS)} different sources, with all targets of each"
    assert f"counted  {told}\n" in out
    assert re.search(r"\n *characters in +word error, % .* different sources\n +2 .* 4\n +4 .* 16\n", out)
    found = json.loads(evaluated("said", "data=words.tsv", "--json").out)
    assert found["pairs"] == len(LISTED)
    said = [answer["text"] for answer in found["answers"]]
    sources, targets = zip(*LISTED)
    for name in ("word_error", "phoneme_error"):
        assert found["measures"][name]["count"] == len(WORDS)
        assert found["measures"][name]["unit"] == "%"
        assert found["measures"][name]["value"] == pytest.approx(measured(name, sources, said, targets).value)
        buckets = {bucket["shortest"]: bucket["measure"] for bucket in found["by_length"][name]}
        assert {length: one["count"] for length, one in buckets.items()} == {2: 4, 4: 16}
        short = [(source, answer, target) for (source, target), answer in zip(LISTED, said) if len(source) == 2]
        assert buckets[2]["value"] == pytest.approx(measured(name, *map(list, zip(*short))).value)


def test_the_page_shows_every_word_once_beside_the_closest_pronunciation(here: Path) -> None:
    found = melisma.evaluate("said", "words.tsv")
    page = report("said", "words.tsv", found)
    assert "word error, % (less is better)" in page
    assert "phoneme error, % (less is better)" in page
    assert "BLEU" not in page
    compared = report("said", "words.tsv", found, melisma.evaluate("said", "words.tsv", beam=1))
    assert "word error: " in compared


def test_what_is_measured_may_be_said_anew(here: Path) -> None:
    out = evaluated("said", "data=words.tsv", "data.measures=exact,word_error", "beam=1").out
    assert [line.split("  ")[0] for line in out.splitlines() if "|" in line][:2] == ["exact", "word error"]
    assert f"counted  word error counts {len(WORDS)} different sources, with all targets of each\n" in out
    assert re.search(r"\n *characters in  exact, %  .*  examples\n +2 ", out)
    assert typed("evaluate", "said", "data=words.tsv", "data.measures=exact,fine", "beam=1").code == 2
    done = typed("evaluate", "said", "data=words.tsv", "data.measures=chrf", "beam=1", "report=chrf.html")
    assert done.code == 0, done.err
    assert "chrF2 (more is better)" in (here / "chrf.html").read_text()


def test_words_that_training_never_shows_are_no_warning_where_letters_are_read(here: Path, tmp_path: Path) -> None:
    (tmp_path / "new.tsv").write_text("ABBA\tAA B B AA\nDIDI\tD IH D IH\n")
    words = (*TABLE[:1], f"data.valid={tmp_path / 'new.tsv'}", *TINY, "dry_run=no")
    out = typed("check", "pronounce", *words).out
    assert "unseen words" not in out
    assert "warning  unseen words" in typed("check", "pronounce", *words, "text.unit=words").out


def test_another_recipe_is_validated_by_word_error_and_says_so_besides(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_pairs(tmp_path)
    done = typed("train", "translate", "run", DATA, *SMALL, "training.steps=4", "data.validation_measure=word_error")
    assert done.code == 0, done.err
    assert re.search(r"^step 4: loss \d+\.\d{3}, BLEU .*, word error 100\.0 % \(best so far\)", done.err, re.M)
    assert "; best word error 100.0 % at step 4" in done.err
    out = evaluated("run", "data=a.en,a.de", "beam=1", "maximum=2").out
    names = [line.split("  ")[0] for line in out.splitlines() if "|" in line]
    assert names[:6] == ["BLEU", "BLEU, lowercased", "chrF2", "TER", "exact", "word error"]


def test_a_training_goes_on_as_what_it_was(here: Path, tmp_path: Path) -> None:
    before = record(here / "said")["settings"]
    assert before["text"]["target_unit"] == "words"
    assert before["data"]["measures"] == ["word_error", "phoneme_error"]
    assert "keeps its settings" in refused("resume", "said", "training.steps=40", "text.target_unit=characters")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("text.shared=yes",), "text.target_unit=words besides text.unit=characters makes two vocabularies"),
        (("text.target_unit=letters",), "text.target_unit: found 'letters', wants one of subwords, words, characters"),
        (("data.measures=word_error,wer",), "found 'word_error,wer', wants some of bleu"),
        (("data.measures=exact,exact",), "measures is exact,exact: wants some of bleu"),
        (("data.measures=",), "measures is an empty list"),
        (("data.validation_measure=wer",), "did you mean word_error?"),
    ],
)
def test_what_cannot_be_meant_is_refused(here: Path, words: tuple[str, ...], said: str) -> None:
    assert said in refused("train", "pronounce", "new", *TABLE, *words)
    assert not Path("new").exists()
