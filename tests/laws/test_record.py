"""The law of the record: what can be set and typed is documented, and what is documented can be typed."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import ShellComplete, get_completion_class
from laws.documented import (
    PAGES,
    ROOT,
    SMALL,
    TRANSLATED,
    Shown,
    blocks,
    furnish,
    prose,
    run,
    shown,
    shown_lines,
    spans,
    words_of,
)

import melisma
from melisma.checks import dry_run
from melisma.command import VERBS, commands
from melisma.settings.leaves import shape
from melisma.settings.read import build
from melisma.settings.toml import read_toml
from melisma.settings.values import convert
from melisma.tasks import SETTINGS, settings_of
from melisma.tasks.recipe import recipes

SETTING = [(task, name) for task in SETTINGS for name in shape(settings_of(task)).names]
FREE = {
    "data.source",
    "data.target",
    "data.audio",
    "data.text",
    "data.speaker",
    "search.prefix",
    "search.corpus",
}  # names of columns and the user's own text and file
UNRUN = ("git", "cd", "source", "make", "TORCH=cpu", "PYTHON=python3.12")  # what is typed besides; make is looked up
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def command_of(verb: str) -> click.Command:
    command: click.Command = import_module(VERBS[verb][0]).command
    return command


def examples_of(verb: str) -> list[str]:
    """The lines of a verb's help that can be typed."""
    lines = [line.strip() for line in (command_of(verb).help or "").splitlines()]
    return [line for line in lines if line.startswith("melisma ")]


def page_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "name"), SETTING)
def test_every_setting_has_help_a_reason_and_a_range(task: str, name: str) -> None:
    leaf = shape(settings_of(task)).leaves[name]
    meaning = leaf.meaning
    assert len(meaning.help) > 5
    assert len(meaning.why) > 5
    if leaf.kind in ("whole", "number"):
        assert meaning.low is not None or meaning.above is not None
        assert meaning.high is not None or meaning.below is not None
    if leaf.kind == "text" and name not in FREE:
        assert meaning.choices


def test_every_recipe_says_what_it_is_for_and_what_data_it_wants() -> None:
    for recipe in recipes().values():
        assert recipe.task in SETTINGS
        assert len(recipe.about) > 20
        assert len(recipe.data) > 10


# --- the pages --------------------------------------------------------------------------------------------------------


def test_the_generated_pages_are_those_of_the_code() -> None:
    place = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert place is not None
    assert place.loader is not None
    made: Any = importlib.util.module_from_spec(place)
    place.loader.exec_module(made)
    for name, page in made.PAGES.items():
        assert page_of(f"docs/{name}") == page(), f"docs/{name} is not what the code says: make docs"


def test_the_pages_hold_every_setting_recipe_and_verb() -> None:
    settings, command = page_of("docs/settings.md"), page_of("docs/command.md")
    for _, name in SETTING:
        assert f"\n| `{name}` | " in settings
    for name in recipes():
        assert f"The recipe `{name}`" in settings
    for verb in VERBS:
        assert f"\n## melisma {verb}\n" in command


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_guide_or_the_readme_and_shows_examples_of_itself(verb: str) -> None:
    lines = [one.line for page in PAGES for one in shown(page)]
    assert any(re.search(rf"melisma {verb}\b", line) for line in lines)
    assert examples_of(verb)
    for line in examples_of(verb):
        assert words_of(line)[1] == verb


def test_links_lead_to_files() -> None:
    for page in (*PAGES, TRANSLATED, "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)#]+)", page_of(page)):
            assert "://" in link or ((ROOT / page).parent / link).exists(), f"{page}: {link}"


def test_files_that_are_named_are_there() -> None:
    for page in (*PAGES, TRANSLATED, "CHANGELOG.md"):
        named = re.findall(r"`(?:python )?((?:src|tests|docs|examples|benchmarks)/[\w./-]+)[` ]", page_of(page))
        for name in named:
            assert (ROOT / name).exists(), f"{page}: {name}"


@pytest.mark.parametrize("page", PAGES)
def test_settings_and_verbs_that_the_text_names_are_there(page: str) -> None:
    leaves = {name: leaf for task in reversed(SETTINGS) for name, leaf in shape(settings_of(task)).leaves.items()}
    typed = [word for one in shown(page) for word in words_of(one.line)]
    for name, value in re.findall(r"^(\w+\.\w+)=(.+)$", "\n".join([*typed, *spans(page_of(page))]), re.M):
        assert name in leaves, f"{page}: {name}"
        if value != "…":
            convert(leaves[name], value)
    for verb in re.findall(r"^melisma ([a-z]+)(?: |$)", "\n".join(spans(page_of(page))), re.M):
        assert verb in (*VERBS, "VERB"), f"{page}: melisma {verb}"


def test_the_translated_page_has_the_commands_the_programs_the_figures_and_the_links_of_the_other() -> None:
    one, other = page_of("README.md"), page_of(TRANSLATED)
    parts = [re.findall(r"^```(\w+)$", text, re.M) for text in (one, other)]
    assert parts[0] == parts[1]
    for language in set(parts[0]) - {"sh"}:
        assert blocks(one, language) == blocks(other, language)
    assert [words_of(line) for line in shown_lines(one)] == [words_of(line) for line in shown_lines(other)]
    assert re.findall(r"^#+ ", prose(one), re.M) == re.findall(r"^#+ ", prose(other), re.M)
    links, others = (Counter(re.findall(r"\]\(([^)]+)\)", prose(text))) for text in (one, other))
    assert links - Counter([TRANSLATED]) == others - Counter(["README.md"])
    assert Counter(spans(one)) == Counter(spans(other))  # in any order, as sentences are built otherwise there
    figures = [Counter(re.findall(r"\d[\d,.–-]*\d|\d", prose(text))) for text in (one, other)]
    assert figures[0] == figures[1]


@pytest.mark.parametrize("page", PAGES)
def test_settings_files_that_are_shown_are_settings(page: str, tmp_path: Path) -> None:
    for block in blocks(page_of(page), "toml"):
        (tmp_path / "shown.toml").write_text(block, encoding="utf-8")
        assert build(settings_of("translate"), read_toml(tmp_path / "shown.toml")) != settings_of("translate")()


def test_the_page_on_completion_says_what_the_shell_is_offered(place: Path) -> None:
    page = page_of("docs/completion.md")
    shells = re.findall(r"_MELISMA_COMPLETE=(\w+)_source melisma", page)
    assert [get_completion_class(name) is not None for name in shells] == [True] * 3
    rows = re.findall(r"^\| `melisma (.*)⇥` \| (.*) \|$", page, re.M)
    assert len(rows) > 5
    for typed, told in rows:
        *before, begun = typed.split(" ")
        found = ShellComplete(commands, {}, "melisma", "_MELISMA_COMPLETE").get_completions(before, begun)
        offered = [one.value.removeprefix(begun) if begun.endswith("=") else one.value for one in found]
        for word in spans(told):
            assert word.split(" ")[-1] in offered, f"{typed}: {offered}"
        assert spans(told) or [one.type for one in found] == ["dir"]


# --- what can be typed ------------------------------------------------------------------------------------------------


def test_commands_are_found_in_pages() -> None:
    text = "```console\n$ melisma show a # why\nan answer\n```\n```sh\nmelisma \\\n  show 'b c'\n\n```\n```toml\nd=1\n```\n"
    assert [words_of(line) for line in shown_lines(text)] == [["melisma", "show", "b c"], ["melisma", "show", "a"]]
    assert words_of("melisma show 'b c' <d | e # f") == ["melisma", "show", "b c", "<", "d", "|", "e"]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documentation names, and a run of each recipe."""
    folder = tmp_path_factory.mktemp("documented")
    furnish(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in (
            "melisma train translate runs/en-de data.train=train.en,train.de data.valid=val.en,val.de",
            "melisma train dates runs/dates",
            "melisma train transcribe runs/speech data.train=train.jsonl data.valid=dev.jsonl",
            "melisma train trigger runs/alexa data.positive=alexa data.negative=other data.background=noise",
        ):
            done = run(line, folder)
            assert done.code == 0, done.err
    shutil.copytree(folder / "runs/en-de", folder / "runs/additive")  # one more, to compare with
    return folder


@pytest.fixture
def place(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a copy of that folder."""
    monkeypatch.setattr(dry_run, "MOST", dry_run.WARM + dry_run.FEWEST)
    shutil.copytree(furnished, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


TRIED: set[tuple[str, ...]] = set()
"""Lines that were run and stand alone: they are run once, on whatever pages they stand."""


def try_out(one: Shown, place: Path) -> None:
    """Runs one line; a training that would meet the folder's own run begins without it."""
    words = [word for word in words_of(one.line) if word not in ("TORCH=cpu", "PYTHON=python3.12")]
    if words[0] == "python":  # tests/examples and tests/benchmarks run these
        assert (ROOT / words[1]).exists(), one
        return
    if words[0] in UNRUN:
        assert words[0] != "make" or set(words[1:]) <= TARGETS, one
        return
    if "train" in words[:2]:
        shutil.rmtree(place / words[3], ignore_errors=True)
    alone = words[1] in ("check", "sweep")  # dear, and no other line needs what they leave
    if alone and tuple(words) in TRIED:
        return
    done = run(one.line, place)
    assert done.code == 0, f"{one.page}: {one.line}: {done.err}"
    TRIED.update([tuple(words)] if alone else [])


@pytest.mark.parametrize("page", PAGES)
def test_every_documented_command_runs(page: str, place: Path) -> None:
    for one in shown(page):
        try_out(one, place)


def test_every_example_of_the_help_runs(place: Path) -> None:
    for verb in VERBS:
        for line in examples_of(verb):
            try_out(Shown(f"melisma {verb} --help", line), place)


@pytest.mark.parametrize("page", PAGES)
def test_every_documented_program_runs(page: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = melisma.train

    def quickly(recipe: str, folder: str, *layers: Any, **settings: Any) -> Any:
        settings.pop("training", None)
        return train(recipe, folder, *layers, {**SMALL, "text.unit": "characters"}, **settings)

    monkeypatch.setattr(melisma, "train", quickly, raising=False)
    for number, block in enumerate(blocks(page_of(page), "python")):
        exec(compile(block, f"{page}, program {number + 1}", "exec"), {"print": lambda *said: None})
        shutil.rmtree(place / "runs/mine", ignore_errors=True)
