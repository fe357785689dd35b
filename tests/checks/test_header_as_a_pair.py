"""A first row that names columns is told, and no other is."""

from __future__ import annotations

from pathlib import Path

import pytest
from checks.drill import found, looked

from melisma.checks.headers import is_column_name

ROWS = [(f"this is line {number}", f"dies ist Zeile {number}") for number in range(30)]


def names(folder: Path, name: str, first: str) -> set[str]:
    """The findings of a table that begins with this row."""
    path = folder / name
    path.write_text(first + "\n" + "".join(f"{a}\t{b}\n" for a, b in ROWS), encoding="utf-8")
    return set(found(looked((str(path),))))


@pytest.mark.parametrize("first", ["english\tgerman", "EN\tde", " src \ttgt_text", "word\tphonemes", "英文\t中文"])
def test_columns_that_are_called_so_are_told(tmp_path: Path, first: str) -> None:
    assert "header as a pair" in names(tmp_path, "t.tsv", first)


@pytest.mark.parametrize(
    "first",
    [
        "source\ttarget",
        "no problem\tde rien",
        "english\tenglish",
        "English is a language\tgerman",
        "german\tDas ist neu",
        "english!\t?",
        "\tde",
    ],
)
def test_a_header_that_is_known_and_a_pair_are_not(tmp_path: Path, first: str) -> None:
    assert "header as a pair" not in names(tmp_path, "t.tsv", first)


def test_no_other_row_and_no_other_file_is_looked_at(tmp_path: Path) -> None:
    assert "header as a pair" not in names(tmp_path, "t.tsv", "one\teins\nenglish\tgerman")
    sides = (tmp_path / "a.en", tmp_path / "a.de")
    for path, first in zip(sides, ("english", "german")):
        path.write_text(f"{first}\n" + "one\n" * 30)
    assert "header as a pair" not in found(looked(tuple(map(str, sides))))


@pytest.mark.parametrize(
    ("column", "typed"),
    [
        ("src", "src"),
        ("source text", "'source text'"),
        ("source(en)", "'source(en)'"),
        ("en|de", "'en|de'"),
        ("$source", "'$source'"),
    ],
)
def test_the_settings_that_name_them_pass_a_shell(tmp_path: Path, column: str, typed: str) -> None:
    (tmp_path / "t.tsv").write_text(f"{column}\ttgt;\n" + "one\teins\n" * 30)
    advice = found(looked((str(tmp_path / "t.tsv"),)))["header as a pair"].advice
    assert advice.endswith(f": data.source={typed} data.target='tgt;'")


def test_names_are_few_words() -> None:
    assert is_column_name("source text (en)")
    assert not is_column_name("en de fr es")
    assert not is_column_name(" – ")
