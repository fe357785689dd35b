"""Writes src/melisma/files/date_patterns.json: how people in many languages write a day, from CLDR (read by Babel).

    PYTHONPATH=src python benchmarks/make_date_patterns.py

A template is a format string: {E} weekday name, {M} month name, {d} {dd} {o} the day (plain, padded, ordinal),
{m} {mm} the month as a number (plain, padded), {y} the year.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import babel
from babel import Locale, localedata
from babel.core import get_cldr_version

from melisma.files.dates import fold

TARGET = Path(__file__).parent.parent / "src" / "melisma" / "files" / "date_patterns.json"

# A language and the CLDR locales whose words and patterns it gathers.
LANGUAGES: dict[str, tuple[str, ...]] = {
    "en": ("en", "en_GB"),
    "de": ("de", "de_AT"),
    "fr": ("fr",),
    "es": ("es", "es_MX"),
    "it": ("it",),
    "pt": ("pt", "pt_PT"),
    "nl": ("nl",),
    "sv": ("sv",),
    "da": ("da",),
    "nb": ("nb",),
    "fi": ("fi",),
    "is": ("is",),
    "pl": ("pl",),
    "cs": ("cs",),
    "sk": ("sk",),
    "hu": ("hu",),
    "ro": ("ro",),
    "bg": ("bg",),
    "uk": ("uk",),
    "ru": ("ru",),
    "el": ("el",),
    "tr": ("tr",),
    "et": ("et",),
    "lt": ("lt",),
    "lv": ("lv",),
    "sl": ("sl",),
    "hr": ("hr",),
    "zh": ("zh", "zh_Hant"),
    "ja": ("ja",),
    "ko": ("ko",),
    "ar": ("ar",),
    "he": ("he",),
    "hi": ("hi",),
    "id": ("id",),
    "vi": ("vi",),
}

# What people write and CLDR's few patterns leave out.
EXTRA: dict[str, tuple[str, ...]] = {
    "en": (
        "{E} the {o} of {M} {y}",
        "the {o} of {M}, {y}",
        "{o} {M} {y}",
        "{o} of {M} {y}",
        "{M} {o}, {y}",
        "{E}, {M} {o}, {y}",
        "{M} {o} {y}",
        "{d}-{M}-{y}",
    ),
    "de": ("{E}, den {d}. {M} {y}", "den {d}. {M} {y}", "am {d}. {M} {y}", "{d}.{M} {y}"),
    "fr": ("le {E} {o} {M} {y}", "le {o} {M} {y}", "{o} {M} {y}", "{E} {o} {M} {y}"),
    "es": ("{d} de {M} del {y}", "el {d} de {M} de {y}", "{o} de {M} de {y}", "{E} {d} de {M} de {y}"),
    "it": ("il {o} {M} {y}", "{E} {o} {M} {y}", "{o} {M} {y}"),
    "pt": ("{E}, {o} de {M} de {y}", "{o} de {M} de {y}", "{d} {M} {y}"),
    "nl": ("op {d} {M} {y}", "{E}, {d} {M} {y}", "{d}-{M}-{y}"),
    "sv": ("den {d} {M} {y}", "den {o} {M} {y}", "{E} den {d} {M} {y}"),
    "da": ("den {d}. {M} {y}", "{E}, den {d}. {M} {y}"),
    "nb": ("den {d}. {M} {y}", "{E} den {d}. {M} {y}"),
    "fi": ("{E}, {d}. {M} {y}", "{d}.{M} {y}"),
    "is": ("{E} {d}. {M} {y}", "{d}. {M}, {y}"),
    "pl": ("{d} {M} {y} r.", "{d} {M} {y} roku", "{E}, {d} {M} {y} r.", "dnia {d} {M} {y} r."),
    "cs": ("dne {d}. {M} {y}", "{E}, {d}. {M} {y}", "{d}.{M} {y}"),
    "sk": ("dňa {d}. {M} {y}", "{E}, {d}. {M} {y}", "{d}. {M}, {y}"),
    "hu": ("{y}. {M} {o}", "{y}. {M} {o}, {E}", "{y} {M} {d}."),
    "ro": ("{d} {M}, {y}", "pe {d} {M} {y}"),
    "bg": ("{d} {M} {y}", "{d} {M} {y} година", "{E}, {d} {M} {y}"),
    "uk": ("{d} {M} {y}", "{d} {M} {y} року", "{o} {M} {y} року", "{E}, {d} {M} {y}"),
    "ru": ("{d} {M} {y}", "{d} {M} {y} года", "{o} {M} {y} года", "{E}, {d} {M} {y}"),
    "el": ("{o} {M} {y}", "{E}, {o} {M} {y}", "{d} {M} του {y}"),
    "tr": ("{d} {M} {y}, {E}", "{E}, {d} {M} {y}"),
    "et": ("{E} {d}. {M} {y}", "{d}. {M} {y}. a"),
    "lt": ("{y} metų {M} {d} diena", "{y} m. {M} {d} d.", "{y} {M} {d}"),
    "lv": ("{d}. {M}, {y}", "{E}, {d}. {M}, {y}", "{y}. g. {d}. {M}"),
    "sl": ("dne {d}. {M} {y}", "{E} {d}. {M} {y}"),
    "hr": ("dana {d}. {M} {y}.", "{d}. {M} {y}. godine", "{E} {d}. {M} {y}."),
    "zh": ("{y}年{m}月{d}号", "{y}年{m}月{d}號", "{y} 年 {m} 月 {d} 日", "{y}年{mm}月{dd}日", "{y}年{m}月{d}日({E})"),
    "ja": ("{y}年{mm}月{dd}日", "{y}年{m}月{d}日（{E}）", "{E}、{y}年{m}月{d}日"),
    "ko": ("{y}년 {m}월 {d}일", "{y}년{m}월{d}일", "{y}년 {mm}월 {dd}일", "{y}년 {m}월 {d}일, {E}"),
    "ar": ("{d} {M}، {y}", "{E} {d} {M} {y}", "{d} {M} {y}م", "{d} {M} سنة {y}"),
    "he": ("{d} {M} {y}", "{E}, {d} {M} {y}", "{d} ל{M} {y}"),
    "hi": ("{d} {M}, {y}", "{E} {d} {M} {y}"),
    "id": ("tanggal {d} {M} {y}", "{E}, tanggal {d} {M} {y}", "{d}-{M}-{y}"),
    "vi": ("ngày {d} {M} năm {y}", "{E}, ngày {d} {M} năm {y}", "{d} {M} năm {y}"),
}

# Templates whose numbers are spelled in Chinese characters.
HAN: dict[str, tuple[str, ...]] = {
    "zh": ("{y}年{m}月{d}日", "{y}年{m}月{d}日，{E}", "{y}年{m}月{d}日{E}"),
    "ja": ("{y}年{m}月{d}日", "{y}年{m}月{d}日{E}"),
}

# Digits that a language's writers use beside 0-9; full-width ones are what a Japanese keyboard gives.
DIGITS: dict[str, str] = {"ar": "٠١٢٣٤٥٦٧٨٩", "hi": "०१२३४५६७८९", "ja": "０１２３４５６７８９"}

CASED = frozenset(LANGUAGES) - {"zh", "ja", "ko", "ar", "he", "hi", "vi"}  # Vietnamese abbreviations take no dot
LONGEST_DOTTED = 4  # letters of a name that may gain a dot which CLDR does not give it
YEAR_FIRST = ("{y}-{mm}-{dd}", "{y}/{mm}/{dd}", "{y}/{m}/{d}", "{y}.{m}.{d}", "{y}.{mm}.{dd}", "{y}{mm}{dd}")
ENGLISH_ENDING = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
FIRST_ONLY = {"fr": "1er", "es": "1º", "it": "1º", "pt": "1º", "el": "1η"}
SWEDISH_A = {1, 2, 21, 22, 31}
HUNGARIAN_AN = {2, 3, 6, 8, 13, 16, 18, 20, 23, 26, 28, 30}


def ordinals(language: str) -> list[str]:
    """The 31 day numbers as ordinals, or nothing where a language writes none (or just a dot)."""
    days = range(1, 32)
    if language == "en":
        return [f"{day}{ENGLISH_ENDING.get(day, 'th')}" for day in days]
    if language in FIRST_ONLY:
        return [FIRST_ONLY[language] if day == 1 else str(day) for day in days]
    if language == "sv":
        return [f"{day}:{'a' if day in SWEDISH_A else 'e'}" for day in days]
    if language == "hu":
        return ["1-jén" if day == 1 else f"{day}-{'án' if day in HUNGARIAN_AN else 'én'}" for day in days]
    if language in ("ru", "uk"):
        return [f"{day}-го" for day in days]
    return []


def clean(text: str) -> str:
    """The text composed, with plain spaces and without invisible direction marks, as a keyboard would give it."""
    composed = unicodedata.normalize("NFC", text)
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in composed)
    return "".join(c for c in spaced if unicodedata.category(c) != "Cf").strip()


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts in order, each once whatever its case."""
    seen: dict[str, str] = {}
    for text in texts:
        seen.setdefault(text.casefold(), text)
    return list(seen.values())


FIELDS = {"y": "{y}", "M": "{m}", "MM": "{mm}", "d": "{d}", "dd": "{dd}"}


def template(pattern: str) -> str:
    """A CLDR pattern as a format string."""
    parts = []
    for token in re.finditer(r"'[^']*'|([A-Za-z])\1*|.", pattern):
        text = token.group()
        if text.startswith("'"):
            parts.append(text[1:-1])
        elif text[0] in "Ec":
            parts.append("{E}")
        elif text[0] in "ML" and len(text) > 2:
            parts.append("{M}")
        elif text[0] == "y":
            parts.append("{y}")
        elif token.group(1):
            parts.append(FIELDS[text])
        else:
            parts.append(text)
    written = clean("".join(parts))
    return written.replace("{dd}", "{d}") if "{M}" in written else written


def patterns(locale: Locale) -> list[str]:
    """Every CLDR pattern of this locale that holds a whole day."""
    written = [locale.date_formats[width].pattern for width in ("full", "long", "medium", "short")]
    for skeleton, pattern in locale.datetime_skeletons.items():
        if set(skeleton) >= set("yMd") and not set(skeleton) & set("GQw"):
            written.append(getattr(pattern, "pattern", pattern))
    return [template(pattern) for pattern in written]


def padding(written: str) -> list[str]:
    """A numeric template with its day and month plain and padded."""
    plain = written.replace("{dd}", "{d}").replace("{mm}", "{m}")
    return [plain, plain.replace("{d}", "{dd}").replace("{m}", "{mm}")]


def is_named(written: str) -> bool:
    """Whether the month is named or marked, so that no reader can take it for the day."""
    return "{M}" in written or "年" in written or "년" in written


def months(locales: list[Locale], context: str, width: str) -> list[list[str]]:
    """For each month its names in the given context and width, in every locale."""
    return [distinct(clean(locale.months[context][width][month]) for locale in locales) for month in range(1, 13)]


def weekdays(locales: list[Locale], context: str, width: str) -> list[list[str]]:
    """For each weekday from Monday on its names in the given context and width, in every locale."""
    return [distinct(clean(locale.days[context][width][day]) for locale in locales) for day in range(7)]


def with_and_without_dot(short: list[str], wide: list[str], cased: bool) -> list[str]:
    """Abbreviations with and without a dot; a whole name, a name with a number and a long one gain none."""
    whole = {name.casefold() for name in wide}
    both = []
    for name in short:
        bare = name.rstrip(".")
        dotted = bare != name or (cased and len(bare) <= LONGEST_DOTTED and not any(c.isdigit() for c in bare))
        both += [bare, f"{bare}."] if dotted and bare.casefold() not in whole else [name]
    return distinct(both)


def names(kind: Any, locales: list[Locale], cased: bool) -> list[list[list[str]]]:
    """For each month or weekday: the names inside a date, those that stand alone, the abbreviations."""
    tiers = []
    for wide, alone, short, short_alone in zip(
        kind(locales, "format", "wide"),
        kind(locales, "stand-alone", "wide"),
        kind(locales, "format", "abbreviated"),
        kind(locales, "stand-alone", "abbreviated"),
    ):
        whole = {name.casefold() for name in wide}
        alone = [name for name in alone if name.casefold() not in whole]
        both = with_and_without_dot(distinct(short + short_alone), wide + alone, cased)
        known = {name.casefold() for name in wide + alone}
        tiers.append([wide, alone, [name for name in both if name.casefold() not in known]])
    return tiers


def language(code: str) -> dict[str, Any]:
    """Everything about one language, before names that two languages understand differently are set apart."""
    locales = []
    for name in LANGUAGES[code]:
        localedata._cache.clear()  # Babel's cache lets one locale's names show through another's gaps.
        locales.append(Locale.parse(name))
        _ = (locales[-1].months, locales[-1].days)
    written = distinct([*(t for locale in locales for t in patterns(locale)), *EXTRA[code]])
    named = [t for t in written if is_named(t)]
    if code != "vi":  # Vietnamese weekdays hold numbers, which the comma keeps from the day.
        named = distinct([*named, *(t.replace(",", "").replace("،", "") for t in named)])
    numeric = distinct(variant for t in written if not is_named(t) for variant in padding(t))
    cased = code in CASED
    return {
        "named": named,
        "first": [t for t in numeric if t.find("{y}") < t.find("{d")],
        "late": [t for t in numeric if t.find("{y}") > t.find("{d")],
        "han": list(HAN.get(code, ())),
        "months": names(months, locales, cased) if any("{M}" in t for t in named) else [],
        "guarded": [],
        "weekdays": names(weekdays, locales, cased),
        "ordinals": ordinals(code),
        "digits": DIGITS.get(code, ""),
        "short_years": cased,
    }


def set_apart(table: dict[str, dict[str, Any]]) -> None:
    """Moves month names that mean different months in two languages (listopad, lipiec's lip) to `guarded`."""
    meaning: dict[str, set[int]] = {}
    for entry in table.values():
        for month, tiers in enumerate(entry["months"]):
            for name in (name for tier in tiers for name in tier):
                meaning.setdefault(fold(name), set()).add(month)
    for entry in table.values():
        guarded: list[list[str]] = [[] for _ in entry["months"]]
        for month, tiers in enumerate(entry["months"]):
            for tier in tiers:
                guarded[month] += [name for name in tier if len(meaning[fold(name)]) > 1]
                tier[:] = [name for name in tier if len(meaning[fold(name)]) == 1]
        if any(guarded):
            entry["guarded"] = guarded


def document() -> str:
    """The JSON, a language a line, without what is empty."""
    table = {code: language(code) for code in LANGUAGES}
    set_apart(table)
    lines = []
    for code, entry in table.items():
        kept = {key: value for key, value in entry.items() if value}
        lines.append(f'"{code}":{json.dumps(kept, ensure_ascii=False, separators=(",", ":"))}')
    head = {"format": 1, "source": f"CLDR {get_cldr_version()}, read by Babel {babel.__version__}", "first": YEAR_FIRST}
    return f'{json.dumps(head)[:-1]}, "languages": {{\n' + ",\n".join(lines) + "\n}}\n"


def main() -> None:
    """Writes the file."""
    TARGET.write_text(document(), encoding="utf-8")
    print(f"{TARGET.name}: {len(LANGUAGES)} languages, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
