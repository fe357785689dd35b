"""``melisma``, its help, and ``melisma recipes``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from command.drill import SOURCE, in_shell, refused, typed

from melisma.command import VERBS
from melisma.settings.describe import describe
from melisma.settings.search import SearchSettings
from melisma.tasks.recipe import recipes

ENVIRONMENT = os.environ | {"PYTHONPATH": str(SOURCE)}


def test_melisma_alone_shows_the_three_commands_a_newcomer_needs() -> None:
    said = typed()
    assert said.code == 0
    assert [line.split()[:2] for line in said.lines if line.startswith("  ")] == [
        ["melisma", "train"],
        ["melisma", "predict"],
        ["melisma", "evaluate"],
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    for flag in ("--help", "-h"):
        said = typed(verb, flag)
        assert (said.code, said.err) == (0, "")
        assert f"\n  melisma {verb}" in said.out
    assert verb in typed("--help").out


def test_version() -> None:
    assert typed("--version").out == "melisma, version 0.1.0\n"


def test_recipes_are_listed_with_the_data_they_want() -> None:
    said = typed("recipes")
    assert said.code == 0
    for one, line in zip(recipes().values(), said.lines, strict=True):
        assert [cell.strip() for cell in line.split("  ") if cell] == [one.name, one.about, f"data: {one.wants}"]
        assert len(line) <= 100
    assert len({line.index("data: ") for line in said.lines}) == 1
    told = [json.loads(line) for line in typed("recipes", "--json").lines]
    assert [one["name"] for one in told] == list(recipes())


def test_a_recipe_shows_every_setting_as_it_has_it() -> None:
    said = typed("recipes", "dates")
    assert any(line.startswith("  model.hidden=128 ") for line in said.lines)
    assert any(line.startswith("  data.train=made:dates.train ") for line in said.lines)
    for group in ("data", "text", "model", "training", "search"):
        assert f"{group}:" in said.lines
    told = {one["name"]: one for one in json.loads(typed("recipes", "dates", "--json").out)}
    assert told["text.unit"]["default"] == "characters"
    assert told["text.unit"]["choices"] == ["subwords", "words", "characters"]
    assert all(one["help"] and one["why"] for one in told.values())
    assert [line.split("=")[0].strip() for line in said.lines if re.match(r"  \w+\.\w+=", line)] == list(told)


def test_a_recipe_is_as_wide_as_the_terminal_and_says_choices_once(monkeypatch) -> None:
    for columns, widest in (("60", 60), ("100", 100), ("300", 100)):
        monkeypatch.setenv("COLUMNS", columns)
        for name in recipes():
            assert widest - 20 < max(map(len, typed("recipes", name).lines)) <= widest
    text = " ".join(typed("recipes", "translate").out.split())
    assert "the recurrent cell (elman, gru_reset_after, gru_reset_before, lstm, lstm_normalised, mogrifier)" in text
    assert (
        "how subwords are learned: by merging frequent pairs (bpe) or by thinning out a large list (unigram) " in text
    )
    assert "(bpe, unigram)" not in text
    assert "steps at most (1 to 1000000000, or none)" in text


def test_help_is_a_verb_too() -> None:
    assert typed("help") == typed("--help")
    for verb in VERBS:
        assert typed("help", verb) == typed(verb, "--help")
    assert "did you mean train?" in refused("help", "trian")


@pytest.mark.parametrize("verb", ["predict", "look"])
def test_a_verb_that_answers_lists_the_search_settings(verb: str) -> None:
    text = " ".join(typed(verb, "--help").out.split())
    for one in describe(SearchSettings):
        assert f" {one.name}={one.default} {one.help}" in text
        assert not one.range or one.range in text
    assert "device=auto where to compute; auto takes a GPU if one is there (auto, cpu, gpu)" in text


def test_help_and_lists_load_no_torch() -> None:
    code = (
        "import sys; from melisma.command import run\n"
        "for words in (['--help'], ['predict', '--help'], ['recipes', 'dates'], ['predict', 'none', 'bem=3']): run(words)\n"
        "sys.exit(3 if 'torch' in sys.modules else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("trian",), ("no verb 'trian'", "did you mean train?")),
        (("frobnicate",), ("no verb", ", ".join(VERBS))),
        (("--hiden",), ("--hiden", "melisma --help")),
        (("recipes", "date"), ("no recipe 'date'", "did you mean dates?")),
        (("recipes", "dates", "more"), ("unexpected extra argument", "melisma recipes")),
        (("recipes", "--jsn"), ("no flag '--jsn'", "did you mean --json?")),
        (("recipes", "--", "a"), ("takes no inputs",)),
        (("train",), ("wants RECIPE and RUN", "melisma train dates runs/dates")),
        (("train", "dates"), ("wants RECIPE and RUN", "melisma train dates runs/dates")),
        (("predict",), ("wants RUN", "melisma predict runs/en-de")),
        (("resume",), ("wants RUN", "melisma resume runs/en-de")),
        (("evaluate",), ("wants RUN", "data=test.en,test.de")),
        (("look", "attention"), ("wants WHAT and RUN", "melisma look attention")),
        (("look", "gradient", "run", "x"), ("no look 'gradient'", "attention")),
        (("show", "a", "b"), ("unexpected extra argument", "melisma show runs/en-de")),
        (("train", "dates", "run", "--hiden"), ("no flag '--hiden'", "model.hidden=…", "without dashes")),
        (("train", "dates", "run", "--json=1"), ("--json", "value", "melisma train")),
        (("predict", "run", "-5"), ("no flag", "after --")),
        (("predict", "run", "-5 degrees"), ("run does not exist",)),
        (("train", "dates", "run", "--beam=3"), ("no flag '--beam'", "search.beam=3, without dashes")),
        (("show", "run", "--beam=3"), ("no flag '--beam'", "after --")),
        (("predict", "run", "--\x1b[31m"), ("\\x1b[31m",)),
    ],
)
def test_a_slip_is_said_in_one_sentence(words: tuple[str, ...], parts: tuple[str, ...], tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(*words)
    assert [part for part in parts if part not in said] == [], said
    assert list(tmp_path.iterdir()) == []


def test_in_a_shell_without_a_language_and_with_readers_that_leave(tmp_path) -> None:
    said = in_shell("melisma recipes dates | head -1; echo ${PIPESTATUS[0]}", tmp_path, LANG="C", LC_ALL="C")
    assert said.err == ""
    assert said.lines[1] == "0"
    said = in_shell("melisma recipes --json | head -c 1 >/dev/null; melisma frob 2>&-", tmp_path)
    assert (said.code, said.out, said.err) == (2, "", "")
    said = in_shell("melisma recipes > /dev/full", tmp_path)
    assert said.code == 1
    assert said.err == "melisma: stdout cannot be written to: no space left on device\n"
    assert in_shell("melisma --help > /dev/full", tmp_path) == said
    assert in_shell("melisma recipes >&-", tmp_path).err == "melisma: stdout cannot be written to: it is closed\n"
    assert list(tmp_path.iterdir()) == []


def test_output_is_utf_8_whatever_the_locale(tmp_path) -> None:
    said = in_shell("melisma recipes translate", tmp_path, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (said.code, said.err) == (0, "")
    assert "Britz" not in said.out
    assert "data.train=" in said.out
