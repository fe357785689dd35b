"""Fonts: any of the machine's that has the letters is found, and what none has is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.font_manager import fontManager

from melisma.report import charts, fonts
from melisma.task import Figure


def figure(source: str) -> Figure:
    data = {"rows": ["x"], "columns": list(source), "values": [[0.5] * len(source)], "heading": [source, "x"]}
    return Figure(f"{source} → x", "heat", data)


def font(path: Path, name: str, letters: str) -> str:
    """A font with a block for each of the letters."""
    pen = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (0, 900), (800, 900), (800, 0)]):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    block = pen.glyph()
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder([".notdef", "block"])
    made.setupCharacterMap({ord(letter): "block" for letter in letters})
    made.setupGlyf({".notdef": block, "block": block})
    made.setupHorizontalMetrics({".notdef": (900, 0), "block": (900, 0)})
    made.setupHorizontalHeader(ascent=900, descent=-100)
    made.setupNameTable({"familyName": name, "styleName": "Regular"})
    made.setupOS2()
    made.setupPost()
    made.save(path)
    return str(path)


@pytest.fixture
def bare(monkeypatch) -> list[str]:
    """A machine with no font but those of matplotlib; what is put into the list is installed on it."""
    found: list[str] = []
    ours = [font for font in fontManager.ttflist if "mpl-data" in str(font.fname)]
    monkeypatch.setattr(fontManager, "ttflist", ours)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: found)
    return found


def test_letters_that_no_font_has_are_told(bare: list[str]) -> None:
    assert charts.missing_letters(figure("7月27日 ▁月aا")) == "月日"
    assert charts.missing_letters(figure("7月27日"), "svg") == ""
    assert charts.missing_letters(figure("le 3 mai\u202e ‌ي ◌\u0301")) == ""
    assert charts.note(figure("7月")) == (
        "no font of this machine has 月: boxes stand for them; wanted is a font such as Noto Sans CJK, "
        "or file=NAME.svg for a browser"
    )
    assert charts.note(figure("le 3 mai")) == ""


def test_a_font_installed_since_is_found_by_its_letters(bare: list[str], tmp_path: Path) -> None:
    boxes = charts.draw(figure("7月日"))
    bare.append(font(tmp_path / "a.ttf", "Melisma Test Moon", "月"))
    assert fonts.families("7月日") == (["DejaVu Sans", "Melisma Test Moon"], "日")
    bare.append(font(tmp_path / "b.ttf", "Melisma Test Sun", "日"))
    assert charts.missing_letters(figure("7月日")) == ""
    assert charts.draw(figure("7月日")) != boxes


def test_what_is_no_font_is_passed_over(bare: list[str], tmp_path: Path) -> None:
    (tmp_path / "no.ttf").write_bytes(b"no font")
    gone = font(tmp_path / "gone.ttf", "Melisma Test Gone", "月")
    fontManager.addfont(gone)
    Path(gone).unlink()
    bare += [str(tmp_path / "no.ttf"), font(tmp_path / "z.ttf", "Melisma Test Here", "月")]
    assert fonts.families("月") == (["DejaVu Sans", "Melisma Test Here"], "")


def test_fonts_of_boxes_and_those_that_add_nothing_are_never_taken(bare: list[str], tmp_path: Path) -> None:
    bare += [
        font(tmp_path / f"{n}.ttf", name, "月a")
        for n, name in enumerate(["LastResort", "Adobe Blank", "Zz", "Noto Sans X"])
    ]
    assert fonts.families("月") == (["DejaVu Sans", "Noto Sans X"], "")
    assert fonts.families("a") == (["DejaVu Sans"], "")


@pytest.mark.parametrize(
    ("letters", "says"),
    [
        ("日ひ", "has 日ひ: boxes stand for them; wanted is a font such as Noto Sans CJK, or"),
        ("हि", "has ह: boxes stand for them; wanted is a font such as Noto Sans Devanagari, or"),
        ("한தமி", "a font such as Noto Sans CJK or Noto Sans Tamil, or"),
        ("\ue000", "wanted is a font that has them, or"),
        ("".join(map(chr, range(0x4E00, 0x4E20))), "has 一丁丂七丄丅丆万丈三上下…: boxes"),
    ],
)
def test_the_sentence_names_the_letters_and_a_font(letters: str, says: str) -> None:
    assert says in fonts.wanted(letters)


def test_no_letters_no_sentence() -> None:
    assert fonts.wanted("") == ""
