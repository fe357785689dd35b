"""Made-up pairs of dates as people write them, in many languages, and the same day as ISO 8601.

The names and patterns are CLDR's (`date_patterns.json`); what is added is how people vary them: ordinals, native
digits, capitals, dots, short years and slips of the finger. No text has two readings: numbers alone stand only where
day and month cannot be mistaken, a misspelt month resembles no other, and a name that means different months in two
languages (listopad is October in Zagreb and November in Warsaw) stands only beside the weekday, which settles it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any, Literal, TypeVar, get_args

from melisma.errors import Refusal

Split = Literal["train", "valid", "test"]
Chance = Callable[[], float]  # uniform on [0, 1)
Tiers = tuple[tuple[str, ...], ...]  # names inside a date, names that stand alone, abbreviations
Item = TypeVar("Item")

COUNTS: Mapping[Split, int] = {"train": 40_000, "valid": 1_000, "test": 2_000}

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2099, 12, 31)
NEAR_FIRST, NEAR_LAST = date(1950, 1, 1), date(2049, 12, 31)
VALID_SHARE, TEST_SHARE = 0.04, 0.08  # of all days

NEAR = 0.8  # days from 1950 to 2049
NUMERIC = 0.2
HAN = 0.15
TIERS = (0.55, 0.70)  # the rest are abbreviations
GUARDED = 0.3
TYPO = 0.06  # in each name that is long enough
LONGEST_SAFE_NAME = 4  # letters; a shorter name is not misspelt
SHORT_YEAR = 0.1
NATIVE = 0.5
LOWER, UPPER = 0.15, 0.08

DIGITS = "0123456789"
HAN_DIGITS = "〇一二三四五六七八九"
TONOS = "\u0301"


@dataclass(frozen=True, slots=True)
class Language:
    """How one language writes a day: templates (see `benchmarks/make_date_patterns.py`), names and digits."""

    code: str
    named: tuple[str, ...]
    with_weekday: tuple[str, ...]
    year_first: tuple[str, ...]
    late: tuple[str, ...]  # day and month both numbers before the year: only after the 12th
    han: tuple[str, ...]
    months: tuple[Tiers, ...]
    guarded: Tiers  # for each month the names that another language gives to another month
    weekdays: tuple[Tiers, ...]  # Monday first
    ordinals: tuple[str, ...]
    digits: str
    short_years: bool


def fold(text: str) -> str:
    """The letters and digits of a text, without case, accents, dots or spaces: what a careless reader sees."""
    plain = unicodedata.normalize("NFKD", text).casefold().replace("ı", "i")
    kept = (c for c in plain if c.isalnum() or (unicodedata.category(c)[0] == "M" and not "\u0300" <= c <= "\u036f"))
    return "".join(kept)


def _language(code: str, entry: Mapping[str, Any], year_first: Sequence[str]) -> Language:
    named = tuple(entry["named"])
    return Language(
        code=code,
        named=named,
        with_weekday=tuple(template for template in named if "{E}" in template),
        year_first=(*entry.get("first", ()), *year_first),
        late=tuple(entry.get("late", ())),
        han=tuple(entry.get("han", ())),
        months=tuple(tuple(tuple(tier) for tier in tiers) for tiers in entry.get("months", ())),
        guarded=tuple(tuple(names) for names in entry.get("guarded", [()] * 12)),
        weekdays=tuple(tuple(tuple(tier) for tier in tiers) for tiers in entry["weekdays"]),
        ordinals=tuple(entry.get("ordinals", ())),
        digits=entry.get("digits", ""),
        short_years=entry.get("short_years", False),
    )


@functools.cache
def _languages() -> tuple[Language, ...]:
    text = resources.files("melisma.files").joinpath("date_patterns.json").read_text(encoding="utf-8")
    table = json.loads(text)
    return tuple(_language(code, entry, table["first"]) for code, entry in table["languages"].items())


def languages() -> tuple[str, ...]:
    """The codes of the languages the pairs are written in (ISO 639-1)."""
    return tuple(language.code for language in _languages())


def split_of(day: date) -> Split:
    """The split a calendar day belongs to, whatever the language: a hash of its ISO form decides."""
    number = int.from_bytes(hashlib.sha256(f"melisma {day.isoformat()}".encode()).digest()[:4], "big") / 2**32
    if number < TEST_SHARE:
        return "test"
    return "valid" if number < TEST_SHARE + VALID_SHARE else "train"


@functools.cache
def _days() -> Mapping[Split, tuple[list[int], list[int]]]:
    """For each split the proleptic day numbers of 1950-2049, and those of the years around them."""
    days: dict[Split, tuple[list[int], list[int]]] = {split: ([], []) for split in COUNTS}
    near_first, near_last = NEAR_FIRST.toordinal(), NEAR_LAST.toordinal()
    for number in range(FIRST_DAY.toordinal(), LAST_DAY.toordinal() + 1):
        near, far = days[split_of(date.fromordinal(number))]
        (near if near_first <= number <= near_last else far).append(number)
    return days


def _pick(items: Sequence[Item], chance: Chance) -> Item:
    # Only random() is promised to give the same numbers in every Python; choice() is not.
    return items[int(chance() * len(items))]


def _letters(name: str) -> list[str]:
    """The name cut into characters, each with the marks that hang on it."""
    letters: list[str] = []
    for character in name:
        if letters and unicodedata.category(character)[0] == "M":
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _slips(name: str) -> list[str]:
    """The name with one letter dropped, doubled or swapped with the next, if it has more than four letters."""
    letters = _letters(name)
    places = [place for place, letter in enumerate(letters) if letter[0].isalpha()]
    if len(places) <= LONGEST_SAFE_NAME:
        return []
    slips = []
    for place in places:
        before, letter, after = letters[:place], letters[place], letters[place + 1 :]
        slips += ["".join([*before, *after]), "".join([*before, letter, letter, *after])]
        if place + 1 in places and letter != after[0]:
            slips.append("".join([*before, after[0], letter, *after[1:]]))
    return list(dict.fromkeys(slips))


@functools.cache
def _readings() -> tuple[Mapping[str, frozenset[int]], Mapping[str, frozenset[int]]]:
    """The months (0 to 11) that every name, and every misspelt name, could mean in any language."""
    names: dict[str, set[int]] = {}
    slips: dict[str, set[int]] = {}
    for language in _languages():
        for month, tiers in enumerate(language.months):
            for name in (*(name for tier in tiers for name in tier), *language.guarded[month]):
                names.setdefault(fold(name), set()).add(month)
                for slip in _slips(name):
                    slips.setdefault(fold(slip), set()).add(month)
    return {k: frozenset(v) for k, v in names.items()}, {k: frozenset(v) for k, v in slips.items()}


@functools.cache
def _misspellings(name: str) -> tuple[str, ...]:
    """The slips of a name that are no other name and cannot come from another month's."""
    names, slips = _readings()
    folded = ((slip, fold(slip)) for slip in _slips(name))
    return tuple(slip for slip, key in folded if key not in names and len(slips.get(key, ())) <= 1)


def _mistype(name: str, chance: Chance) -> str:
    if chance() >= TYPO:
        return name
    misspellings = _misspellings(name)
    return _pick(misspellings, chance) if misspellings else name


def _name(tiers: Tiers, chance: Chance) -> str:
    """A name, mostly the one used inside a date; a tier without names gives way to the first that has any."""
    draw = chance()
    wanted = tiers[0 if draw < TIERS[0] else 1 if draw < TIERS[1] else 2]
    return _pick(wanted or next(tier for tier in tiers if tier), chance)


def _han(number: int) -> str:
    """A number from 1 to 99 in Chinese characters."""
    tens, ones = divmod(number, 10)
    return (HAN_DIGITS[tens] if tens > 1 else "") + ("十" if tens else "") + (HAN_DIGITS[ones] if ones else "")


def _short_year(year: int, chance: Chance) -> str:
    """The last two digits; without an apostrophe only where they could be no day (32 to 99)."""
    draw = chance()
    mark = "'" if draw < 0.4 else "’" if draw < 0.6 or year % 100 <= 31 else ""
    return f"{mark}{year % 100:02d}"


def _upper(code: str, text: str) -> str:
    """The text in capitals, as Turkish (dotted İ) and Greek (no tonos) write them."""
    if code == "tr":
        return text.replace("i", "İ").upper()
    if code == "el":
        # Without its tonos the first vowel no longer parts the pair; a dieresis does.
        parted = text.replace("άι", "αϊ")
        bare = unicodedata.normalize("NFD", parted).replace(TONOS, "")
        return unicodedata.normalize("NFC", bare).upper()
    return text.upper()


def _fill(language: Language, template: str, day: date, month: str, weekday: str, year: str) -> str:
    return template.format(
        E=weekday,
        M=month,
        d=day.day,
        dd=f"{day.day:02d}",
        o=language.ordinals[day.day - 1] if language.ordinals else day.day,
        m=day.month,
        mm=f"{day.month:02d}",
        y=year,
    )


def _with_names(language: Language, day: date, chance: Chance) -> str:
    """The day with its month named (or marked, as 月 does)."""
    template = _pick(language.named, chance)
    tiers = language.months[day.month - 1] if language.months else ((), (), ())
    guarded = language.guarded[day.month - 1]
    weekdays = language.weekdays[day.weekday()]
    if guarded and (not any(tiers) or chance() < GUARDED):
        template = _pick(language.with_weekday, chance)
        return _fill(language, template, day, _pick(guarded, chance), _pick(weekdays[0], chance), str(day.year))
    month = _mistype(_name(tiers, chance), chance) if language.months else ""
    weekday = _mistype(_name(weekdays, chance), chance) if "{E}" in template else ""
    year = str(day.year)
    if language.short_years and template.endswith("{y}") and NEAR_FIRST <= day <= NEAR_LAST and chance() < SHORT_YEAR:
        year = _short_year(day.year, chance)
    return _fill(language, template, day, month, weekday, year)


def _with_numbers(language: Language, day: date, chance: Chance) -> str:
    """The day in numbers alone, year first, or in any order once the day is no possible month."""
    templates = language.year_first + language.late if day.day > 12 else language.year_first
    template = _pick(templates, chance)
    weekday = _mistype(_name(language.weekdays[day.weekday()], chance), chance) if "{E}" in template else ""
    return _fill(language, template, day, "", weekday, str(day.year))


def _fill_han(language: Language, template: str, day: date) -> str:
    """The day with its numbers spelled in Chinese characters."""
    year = "".join(HAN_DIGITS[int(digit)] for digit in str(day.year))
    weekday = language.weekdays[day.weekday()][0][0]
    return template.format(y=year, m=_han(day.month), d=_han(day.day), E=weekday)


def _write(language: Language, day: date, chance: Chance) -> str:
    """One way of writing the day in the language."""
    draw = chance()
    if language.han and draw < HAN:
        return _fill_han(language, _pick(language.han, chance), day)
    text = (_with_numbers if draw >= 1 - NUMERIC else _with_names)(language, day, chance)
    if language.digits and chance() < NATIVE:
        text = text.translate(str.maketrans(DIGITS, language.digits))
    case = chance()
    if case < LOWER:
        return text.lower()
    return _upper(language.code, text) if case < LOWER + UPPER else text


def _draw(split: Split, random_: random.Random) -> Iterator[tuple[Language, date]]:
    """Endless draws of a language and a day of the split, recent years first among them."""
    chance = random_.random
    near, far = _days()[split]
    while True:
        language = _pick(_languages(), chance)
        yield language, date.fromordinal(_pick(near if chance() < NEAR else far, chance))


def pairs(split: Split, count: int | None = None, seed: int = 1) -> Iterator[tuple[str, str]]:
    """Dates as people write them, each with its day as `YYYY-MM-DD`: the same pairs on every machine.

    A day belongs to one split alone, in every language and form. `count` is 40,000, 1,000 and 2,000 for `train`,
    `valid` and `test` if not given; fewer pairs are the beginning of more.
    """
    if split not in get_args(Split):
        raise Refusal(f"split: found {split!r}; it is train, valid or test.")
    if count is not None and count < 0:
        raise Refusal(f"count: found {count}; it is 0 or more.")
    return _pairs(split, COUNTS[split] if count is None else count, seed)


def _pairs(split: Split, count: int, seed: int) -> Iterator[tuple[str, str]]:
    generator = random.Random(f"melisma dates {split} {seed}")
    chance = generator.random
    draws = _draw(split, generator)
    for _ in range(count):
        language, day = next(draws)
        yield _write(language, day, chance), day.isoformat()


# A language, a template and a day near which a test day is taken; digits are the language's own.
_EXAMPLES: tuple[tuple[str, str, date], ...] = (
    ("en", "{E} the {o} of {M} {y}", date(1969, 7, 20)),
    ("fr", "le {E} {o} {M} {y}", date(1913, 5, 29)),
    ("ja", "{y}年{m}月{d}日（{E}）", date(2024, 4, 1)),
    ("ru", "{E}, {d} {M} {y} года", date(1961, 4, 12)),
    ("ar", "{E} {d} {M} {y}", date(2011, 1, 25)),
    ("hi", "{E}, {d} {M} {y}", date(1950, 1, 26)),
    ("el", "{E} {d} {M} {y}", date(2004, 8, 13)),
    ("zh", "{y}年{m}月{d}日，{E}", date(2008, 8, 8)),
    ("he", "{E}, {d} ב{M} {y}", date(1995, 11, 4)),
    ("ko", "{y}년 {m}월 {d}일 {E}", date(1988, 9, 17)),
    ("hu", "{y}. {M} {o}", date(1956, 10, 23)),
    ("fi", "{E} {d}. {M} {y}", date(1952, 7, 19)),
    ("vi", "{E}, ngày {d} {M} năm {y}", date(2030, 2, 3)),
    ("hr", "{E}, {d}. {M} {y}.", date(1991, 10, 8)),
)


def _example(language: Language, template: str, near: date) -> tuple[str, str]:
    numbers = sorted(number for half in _days()["test"] for number in half)
    day = date.fromordinal(numbers[bisect_left(numbers, near.toordinal())])
    if template in language.han:
        return _fill_han(language, template, day), day.isoformat()
    weekday = language.weekdays[day.weekday()][0][0]
    tiers = language.months[day.month - 1] if language.months else ()
    month = next((name for tier in (*tiers, language.guarded[day.month - 1]) for name in tier), "")
    text = _fill(language, template, day, month, weekday, str(day.year))
    return text.translate(str.maketrans(DIGITS, language.digits)) if language.digits else text, day.isoformat()


def examples() -> list[tuple[str, str]]:
    """A dozen and two dates in many scripts, without slips, on days of the test split, each with its `YYYY-MM-DD`."""
    table = {language.code: language for language in _languages()}
    return [_example(table[code], template, near) for code, template, near in _EXAMPLES]
