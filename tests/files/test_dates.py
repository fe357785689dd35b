"""The made-up dates: every text has one reading, the right one; days are kept apart; the bits never change."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import itertools
import json
import random
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from babel import Locale, localedata
from babel.core import get_cldr_version
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files import dates

SPLITS = ("train", "valid", "test")
ROOT = Path(dates.__file__).parents[3]
REGIONS = {"en": ["en_GB"], "de": ["de_AT"], "es": ["es_MX"], "pt": ["pt_PT"], "zh": ["zh_Hant"]}
FILLERS = set(
    re.findall(
        r"\w+",
        """the of st nd rd th den am le er de del el il º o op e a r roku dnia dne dna pe г година р року года го του η
        m d metu diena gada g dana godine م سنة tanggal ngay nam jen an en""",
    )
)
HAN = ["", *"一二三四五六七八九", "十", *(f"十{n}" for n in "一二三四五六七八九")]
HAN += ["二十", *(f"二十{n}" for n in "一二三四五六七八九"), "三十", "三十一"]


# --- An independent reader: Babel's own names, any language, any order of day and year. ---


def plain(text: str) -> str:
    """Digits 0-9, no accents, no case, no direction marks."""
    digits = "".join(str(unicodedata.digit(c)) if unicodedata.category(c) == "Nd" else c for c in text)
    bare = re.sub("[\u0300-\u036f\u200e\u200f]", "", unicodedata.normalize("NFD", digits))
    return bare.casefold().replace("ı", "i").replace("\u00a0", " ")


def slips(name: str) -> set[str]:
    """One letter (with its marks) dropped, doubled or swapped with the next, beyond four letters."""
    units: list[str] = []
    for c in name:
        if units and unicodedata.category(c).startswith("M"):
            units[-1] += c
        else:
            units.append(c)
    if sum(u[0].isalpha() for u in units) < 5:
        return set()
    found = set()
    for i, u in enumerate(units):
        if u[0].isalpha():
            found |= {"".join(units[:i] + units[i + 1 :]), "".join([*units[:i], u, u, *units[i + 1 :]])}
            if i + 1 < len(units) and units[i + 1][0].isalpha():
                found.add("".join([*units[:i], units[i + 1], u, *units[i + 2 :]]))
    return found - {name}


@functools.cache
def vocabulary() -> dict[str, tuple[dict[str, set[int]], dict[str, set[int]]]]:
    """For each language the months and weekdays of each name."""
    table = {}
    for code in dates.languages():
        months: dict[str, set[int]] = {}
        weekdays: dict[str, set[int]] = {}
        for name in [code, *REGIONS.get(code, [])]:
            localedata._cache.clear()
            locale = Locale.parse(name)
            for words, numbered in ((months, locale.months), (weekdays, locale.days)):
                for context, width in itertools.product(("format", "stand-alone"), ("wide", "abbreviated")):
                    for number, word in numbered[context][width].items():
                        words.setdefault(plain(word).rstrip("."), set()).add(number)
        table[code] = (months, weekdays)
    return table


@functools.cache
def misspelt(code: str) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
    """The names of a language and their slips."""
    both = []
    for words in vocabulary()[code]:
        more = {word: set(numbers) for word, numbers in words.items()}
        for word, numbers in words.items():
            for slip in slips(word):
                more.setdefault(slip, set()).update(numbers)
        both.append(more)
    return both[0], both[1]


def cut(text: str, word: str) -> str | None:
    """The text without a whole word, or None if it isn't there."""
    place = text.find(word)
    while place >= 0:
        before, after = text[:place].removesuffix("ב").removesuffix("ל")[-1:], text[place + len(word) :][:1]
        clear = not before.isalpha() and not unicodedata.category(after or " ").startswith(("L", "M"))
        if clear and not (before.isdigit() and word[0].isdigit()) and not (after.isdigit() and word[-1].isdigit()):
            head = text[:place]
            return (head[:-1] if head.endswith(("ב", "ל")) else head) + " \x00 " + text[place + len(word) :]
        place = text.find(word, place + 1)
    return None


def day_of(year: int, month: int, day: int) -> Iterator[date]:
    try:
        yield date(year, month, day)
    except ValueError:
        return


def year_of(text: str, found: re.Match[str]) -> int | None:
    number = found.group()
    if len(number) == 4:
        return int(number)
    marked = text[: found.start()][-1:] in ("'", "’")
    if len(number) == 2 and (marked or int(number) > 31):
        return int(number) + (1900 if int(number) >= 50 else 2000)
    return None


def numbers_left(text: str, month: int) -> Iterator[date]:
    """Every way to take the two numbers left over as a day and a year."""
    found = list(re.finditer(r"\d+", text))
    if len(found) == 2:
        for one, other in (found, found[::-1]):
            year = year_of(text, other)
            if year is not None and len(one.group()) <= 2 and text[: one.start()][-1:] not in ("'", "’"):
                yield from day_of(year, month, int(one.group()))


def rest_is_filler(text: str) -> bool:
    return all(word in FILLERS for word in re.findall(r"[^\W\d_]+", text.replace("\x00", " ")))


def read_names(text: str, code: str, months: dict[str, set[int]], weekdays: dict[str, set[int]]) -> set[date]:
    """Every day the text can name in one language."""
    days: set[date] = set()
    for word, numbers in months.items():
        rest = cut(text, word)
        if rest is None:
            continue
        if rest_is_filler(rest):
            days.update(day for number in numbers for day in numbers_left(rest, number))
        for name, which in weekdays.items():
            left = cut(rest, name)
            if left is not None and rest_is_filler(left):
                found = (day for number in numbers for day in numbers_left(left, number))
                days.update(day for day in found if day.weekday() in which)
    return days


def weekdays_beside(rest: str) -> set[int]:
    """The weekdays that what is left of a text names in any language; all of them if it is filler."""
    if rest_is_filler(rest):
        return set(range(7))
    for names in (vocabulary().__getitem__, misspelt):
        found = set()
        for code in vocabulary():
            for word, numbers in names(code)[1].items():
                left = cut(rest, word)
                if left is not None and rest_is_filler(left):
                    found |= numbers
        if found:
            return found
    return set()


HAN_DIGIT, HAN_NUMBER = "[〇一二三四五六七八九]", "([一二三四五六七八九十]+)"
NUMERIC = (
    r"(\d{4}) ?[年년] ?(\d+) ?[月월] ?(\d+) ?[日号號일]",
    r"^(\d{4})(\d\d)(\d\d)$",
    r"(?<!\d)(\d{4})(?:-|/|\. ?)(\d\d?)(?:-|/|\. ?)(\d\d?)(?!\d)",
    r"(?<!\d)(\d\d?)(?:-|/|\. ?)(\d\d?)(?:-|/|\. ?)(\d{4})(?!\d)",
)


def read_numbers(text: str) -> set[date]:
    """Every day that numbers alone can mean, unless the weekday beside them is wrong for all."""
    text = unicodedata.normalize("NFC", text)
    han = re.search(f"({HAN_DIGIT}{{4}})年{HAN_NUMBER}月{HAN_NUMBER}日", text)
    if han:
        year = int("".join(str("〇一二三四五六七八九".index(c)) for c in han[1]))
        found, days = han, set(day_of(year, HAN.index(han[2]), HAN.index(han[3])))
    else:
        matches = [match for pattern in NUMERIC if (match := re.search(pattern, text))]
        if not matches:
            return set()
        found = matches[0]
        a, b, c = (int(n) for n in found.groups())
        days = set(day_of(a, b, c)) if a > 31 else {*day_of(c, a, b), *day_of(c, b, a)}
    rest = unicodedata.normalize("NFD", f"{text[: found.start()]} {text[found.end() :]}")
    return days if {day.weekday() for day in days} & weekdays_beside(rest) else set()


def read(text: str) -> set[date]:
    """Every day the text can mean in any language; slips are thought of only if nothing reads without."""
    text = plain(text)
    days = read_numbers(text)
    if days:
        return days
    for names in (vocabulary().__getitem__, misspelt):
        days = set().union(*(read_names(text, code, *names(code)) for code in vocabulary()))
        if days:
            return days
    return set()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("3/4/2019", {date(2019, 3, 4), date(2019, 4, 3)}),
        ("5 listopada 2003", {date(2003, 10, 5), date(2003, 11, 5)}),
        ("środa, 5 listopada 2003", {date(2003, 11, 5)}),
        ("Thursday 14 March 2018", set()),
        ("5 juio 2003", {date(2003, 6, 5), date(2003, 7, 5)}),
        ("3 May 04", set()),
        ("Fri, 3/14/2019", set()),
        ("Thu, 3/14/2019", {date(2019, 3, 14)}),
        ("二〇一九年三月十四日星期五", set()),
        ("3 May ’04", {date(2004, 5, 3)}),
    ],
)
def test_the_reader_sees_what_is_ambiguous_or_wrong(text: str, days: set[date]) -> None:
    assert read(text) == days


@pytest.mark.parametrize("split", SPLITS)
def test_every_text_has_one_reading_and_it_is_the_answer(split: str) -> None:
    for text, iso in dates.pairs(split, 700, seed=11):
        assert read(text) == {date.fromisoformat(iso)}, text


def test_every_guarded_name_is_settled_by_its_weekday() -> None:
    table = {language.code: language for language in dates._languages()}
    assert "listopada" in table["hr"].guarded[9]
    assert "listopada" in table["pl"].guarded[10]
    for code, month in (("hr", 10), ("pl", 11), ("cs", 8), ("hr", 6)):
        for day in (date(2003, month, 1) + timedelta(days=n) for n in range(14)):
            assert read(dates._with_names(table[code], day, lambda: 0.0)) == {day}


# --- What no reader needs to be asked. ---


def test_no_text_has_two_answers() -> None:
    answers: dict[str, str] = {}
    for split, count in (("train", 30_000), ("valid", 10_000), ("test", 10_000)):
        for text, iso in dates.pairs(split, count, seed=5):
            assert answers.setdefault(text.casefold(), iso) == iso, text


def test_numbers_before_the_year_are_a_day_after_the_twelfth() -> None:
    seen = 0
    for text, _ in dates.pairs("train", 20_000, seed=2):
        found = re.search(r"(?<!\d)(\d\d?)[-/. ]{1,2}(\d\d?)[-/. ]{1,2}\d{4}", plain(text))
        if found:
            seen += 1
            assert max(int(found[1]), int(found[2])) > 12, text
    assert seen > 500


def test_days_of_the_splits_are_apart_and_all_days_are_used() -> None:
    days = {split: set(itertools.chain(*dates._days()[split])) for split in SPLITS}
    assert sum(map(len, days.values())) == len(set().union(*days.values())) == 73_049
    for split in SPLITS:
        assert {date.fromisoformat(iso).toordinal() for _, iso in dates.pairs(split, 10_000, seed=3)} <= days[split]
    assert 0.03 < len(days["valid"]) / 73_049 < 0.05
    assert 0.07 < len(days["test"]) / 73_049 < 0.09


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_a_day_keeps_its_split(day: date) -> None:
    assert sum(day.toordinal() in half for half in dates._days()[dates.split_of(day)]) == 1


def test_years_lie_near_and_none_lies_outside() -> None:
    years = Counter(int(iso[:4]) for _, iso in dates.pairs("train", 20_000))
    assert min(years) == 1900
    assert max(years) == 2099
    assert 0.78 < sum(n for year, n in years.items() if 1950 <= year < 2050) / 20_000 < 0.82


def test_all_languages_occur_evenly() -> None:
    codes = Counter(language.code for language, _ in itertools.islice(dates._draw("train", random.Random(1)), 7_000))
    assert len(dates.languages()) == 35
    assert set(codes) == set(dates.languages())
    assert min(codes.values()) > 100


def test_all_names_and_templates_are_used() -> None:
    texts = [text for text, _ in dates.pairs("train", 40_000)]
    whole = "\n".join(texts)
    for language in dates._languages():
        for tiers in language.months + language.weekdays:
            assert any(name in whole for name in tiers[0] or tiers[2] or [""])
    for word in ("the 1st of ", "1er ", "2:a ", "-jén", "２０", "٢٠", "२०", "二〇", "’7", "'7", "İ", "DE 19"):
        assert word in whole, word


# --- Slips. ---


def test_a_misspelt_month_is_no_other_name_and_comes_from_one_month_alone() -> None:
    names: dict[str, set[int]] = {}
    for code in dates.languages():
        for word, numbers in vocabulary()[code][0].items():
            names.setdefault(dates.fold(word), set()).update(numbers)
    came_from: dict[str, int] = {}
    for language in dates._languages():
        for month, tiers in enumerate(language.months):
            for name in itertools.chain(*tiers):
                for slip in dates._misspellings(name):
                    assert dates.fold(slip) not in names, slip
                    assert came_from.setdefault(dates.fold(slip), month) == month, slip
    assert len(came_from) > 3_000


def test_the_slips_that_would_mislead_are_left_out() -> None:
    assert "juio" not in dates._misspellings("junio") + dates._misspellings("julio")
    assert "junnio" in dates._misspellings("junio")
    assert dates._misspellings("June") == ()


@given(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Mn", "Zs"]), max_size=12))
def test_a_slip_touches_letters_only_and_one_place(name: str) -> None:
    for slip in dates._slips(name):
        assert [c for c in slip if c.isdigit()] == [c for c in name if c.isdigit()]
        assert slip != name
        assert abs(len(dates._letters(slip)) - len(dates._letters(name))) <= 1 or unicodedata.category(name[0]) == "Mn"
    if sum(letter[0].isalpha() for letter in dates._letters(name)) <= 4:
        assert dates._slips(name) == []


# --- Small parts. ---


@pytest.mark.parametrize("number", range(1, 32))
def test_chinese_numbers(number: int) -> None:
    assert dates._han(number) == HAN[number]


@pytest.mark.parametrize("year", range(1950, 2050))
def test_a_short_year_could_be_no_day(year: int) -> None:
    for draw in (0.0, 0.39, 0.41, 0.59, 0.61, 0.99):
        text = dates._short_year(year, lambda draw=draw: draw)
        assert text[-2:] == str(year)[-2:]
        assert text[0] in "'’" or int(text) > 31


@pytest.mark.parametrize(
    ("code", "text", "capitals"),
    [
        ("tr", "14 Nisan 2019", "14 NİSAN 2019"),
        ("tr", "Aralık", "ARALIK"),
        ("en", "Friday the 3rd", "FRIDAY THE 3RD"),
        ("el", "Μάιος", "ΜΑΪΟΣ"),
        ("el", "Μαΐου", "ΜΑΪΟΥ"),
        ("el", "Τετάρτη 1η Ιουνίου", "ΤΕΤΑΡΤΗ 1Η ΙΟΥΝΙΟΥ"),
        ("de", "März", "MÄRZ"),
    ],
)
def test_capitals(code: str, text: str, capitals: str) -> None:
    assert dates._upper(code, text) == capitals


@pytest.mark.parametrize(
    ("code", "written"),
    [
        (
            "en",
            {
                1: "1st",
                2: "2nd",
                3: "3rd",
                4: "4th",
                11: "11th",
                12: "12th",
                13: "13th",
                21: "21st",
                30: "30th",
                31: "31st",
            },
        ),
        ("fr", {1: "1er", 2: "2", 21: "21"}),
        ("sv", {1: "1:a", 2: "2:a", 3: "3:e", 11: "11:e", 22: "22:a"}),
        ("hu", {1: "1-jén", 2: "2-án", 4: "4-én", 12: "12-én", 20: "20-án", 23: "23-án"}),
    ],
)
def test_ordinals(code: str, written: dict[int, str]) -> None:
    language = next(language for language in dates._languages() if language.code == code)
    assert {day: language.ordinals[day - 1] for day in written} == written


def test_examples_are_of_test_days_in_many_scripts() -> None:
    examples = dates.examples()
    assert len(examples) == len(set(examples)) == 14
    for text, iso in examples:
        (day,) = read(text)
        assert dates.split_of(day) == "test", text
        assert iso == day.isoformat()
    scripts = {unicodedata.name(c).split()[0] for text, _ in examples for c in text if c.isalpha()}
    assert scripts >= {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "HANGUL", "CJK"}


# --- The same bits everywhere. ---


def digest(pairs: Iterator[tuple[str, str]]) -> str:
    return hashlib.sha256("".join(f"{text}\t{iso}\n" for text, iso in pairs).encode()).hexdigest()


@pytest.mark.parametrize(
    ("split", "wanted"),
    [
        ("train", "78fe5442ca108bd5e5d29fe63328da1231c7e2ea203e9b59d88abb4fd6280818"),
        ("valid", "19de92b0b3b7698036fddc2196d8cc132d80b351a0616612039a62a0a166a8b8"),
        ("test", "3c426f4162b81d608d019878bfc4b8d8f318d41e920ad6ca252d70c6e74e8c9d"),
    ],
)
def test_the_first_thousand_pairs_never_change(split: str, wanted: str) -> None:
    assert digest(dates.pairs(split, 1_000)) == wanted


@given(st.sampled_from(SPLITS), st.integers(0, 40), st.integers(0, 40), st.integers(-5, 2**40))
def test_fewer_pairs_are_the_beginning_of_more(split: str, fewer: int, more: int, seed: int) -> None:
    few, many = sorted((fewer, more))
    assert list(dates.pairs(split, few, seed)) == list(dates.pairs(split, many, seed))[:few]


def test_seeds_and_default_counts() -> None:
    assert list(dates.pairs("valid", 50, seed=1)) != list(dates.pairs("valid", 50, seed=2))
    assert {split: sum(1 for _ in dates.pairs(split)) for split in SPLITS} == {
        "train": 40_000,
        "valid": 1_000,
        "test": 2_000,
    }


@pytest.mark.parametrize(("split", "count"), [("dev", None), ("", 3), ("train", -1)])
def test_bad_requests_are_refused_at_once(split: str, count: int | None) -> None:
    with pytest.raises(Refusal, match=r"^(split|count): found .*\.$"):
        dates.pairs(split, count)


# --- The file that ships. ---


def test_the_file_is_small_composed_and_without_invisible_marks() -> None:
    text = (ROOT / "src/melisma/files/date_patterns.json").read_text(encoding="utf-8")
    assert len(text.encode()) < 300_000
    assert unicodedata.is_normalized("NFC", text)
    assert not [c for c in text if unicodedata.category(c) == "Cf"]
    assert "Unicode, Inc." in (ROOT / "src/melisma/files/date_patterns.LICENSE.txt").read_text(encoding="utf-8")


def test_the_file_is_what_its_maker_makes() -> None:
    path = ROOT / "src/melisma/files/date_patterns.json"
    shipped = json.loads(path.read_text(encoding="utf-8"))
    if not shipped["source"].startswith(f"CLDR {get_cldr_version()},"):
        pytest.skip("another CLDR is installed")
    spec = importlib.util.spec_from_file_location("make_date_patterns", ROOT / "benchmarks/make_date_patterns.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    made = json.loads(maker.document())
    assert made["languages"] == shipped["languages"]
    assert made["first"] == shipped["first"]


def test_neither_torch_nor_babel_is_loaded() -> None:
    program = (
        "import sys, melisma.files.dates as d; d.examples(); print({'torch', 'babel', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
