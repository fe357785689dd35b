"""Tables whose first row looks like the names of its columns and is read as a pair."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from melisma.checks.finding import Draft, Finding, Seen
from melisma.checks.reading import Facts
from melisma.quoting import named, quoted


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LANGUAGES = _words(
    """
    afrikaans albanian amharic arabic armenian azerbaijani basque belarusian bengali bosnian bulgarian burmese
    catalan chinese croatian czech danish dutch english esperanto estonian filipino finnish french galician
    georgian german greek gujarati hebrew hindi hungarian icelandic indonesian irish italian japanese kannada
    kazakh khmer korean lao latin latvian lithuanian macedonian malay malayalam mandarin cantonese taiwanese
    marathi mongolian nepali norwegian pashto persian polish portuguese punjabi romanian russian sanskrit serbian
    sinhala slovak slovenian somali spanish swahili swedish tagalog tamil telugu thai tibetan turkish ukrainian
    urdu uzbek vietnamese welsh yiddish zulu deutsch englisch französisch español français italiano nederlands
    polski português русский українська türkçe svenska čeština
    中文 英文 英語 英语 德文 法文 日文 日本語 한국어 العربية हिन्दी
    """
)
"""Languages as a header may call them."""

CODES = _words(
    """
    ar bg bn ca cs da de el en es et fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko lt lv mk ml mn mr
    ms my nb ne nl nn no pa pl pt ro ru sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh tw cn eng deu ger fra fre
    spa ita rus ces zho chi jpn kor por pol nld hans hant
    """
)
"""The same by their codes (ISO 639)."""

COLUMNS = _words(
    """
    source sources src target targets tgt trg input inputs output outputs text texts sentence sentences line lines
    word words phonemes phoneme pronunciation pronunciations letters spelling grapheme graphemes ipa translation
    translations reference question answer label original from to lang language
    """
)
"""What else columns are called."""

PARTS = 3  # words of one name, at most


def of_files(files: Sequence[Facts]) -> Iterator[Draft]:
    """A finding for each table without a known header whose first row says nothing but such words, each another."""
    for facts in files:
        if facts.first is None:
            continue
        line, cells = facts.first
        names = [cell.strip() for cell in cells]
        if len({name.casefold() for name in names}) < len(names) or not all(map(is_column_name, names)):
            continue
        said = " and ".join(map(quoted, names))
        sentence = (
            f"the first row of {named(facts.path)}, {said}, looks like the names of its columns; it is a pair here"
        )
        source, target = (shlex.quote(named(name)) for name in names)
        advice = f"nothing if it is one; if not, name them: data.source={source} data.target={target}"
        places = (Seen(facts.path, line, " | ".join(names)),)
        yield Draft(Finding("header as a pair", "warning", 1, 1, sentence, advice, places))


def is_column_name(text: str) -> bool:
    """Whether a text is made of nothing but languages, their codes and what columns are called."""
    parts = [part for part in re.split(r"[\W_]+", text.casefold()) if part]
    return 0 < len(parts) <= PARTS and all(part in LANGUAGES or part in CODES or part in COLUMNS for part in parts)
