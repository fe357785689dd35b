"""Which scripts the lines of a side are written in: strangers among them, letters of two in one word, wide forms."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from melisma.checks.finding import Draft, Finding, Severity, Spots
from melisma.checks.reading import SIDES, Record
from melisma.quoting import counted
from melisma.text.unicode import is_cjk

USUAL = 0.9  # of the lines of a side: a script that so many have is the side's own
LETTERS = 3  # letters of another script that a line must have to count as written in it
MANY = 0.01

# Characters that only one of the two ways of writing Chinese has; common ones, so that most lines hold some.
SIMPLIFIED = frozenset(
    "们这说时国来对会过还没动问样现开关见长门马鸟鱼车东乐习书买卖发从让头实经电话题个为学气无与进边远运达选钱铁银错难页顺须领风飞饭馆龙"
)
TRADITIONAL = frozenset(
    "們這說時國來對會過還沒動問樣現開關見長門馬鳥魚車東樂習書買賣發從讓頭實經電話題個為學氣無與進邊遠運達選錢鐵銀錯難頁順須領風飛飯館龍"
)

_NAMED = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "CJK": "HAN", "IDEOGRAPHIC": "HAN", "KANGXI": "HAN"}
_CONFUSED = ("LATIN", "CYRILLIC", "GREEK")  # scripts with letters that look the same
_WORD = re.compile(r"[^\W\d_]+")
_WIDE = re.compile("[\uff01-\uff5e\u3000]")
_WIDE_LETTERS = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")


class _Scripts(dict[str, str]):
    """The script of each character, found out when it is first met; empty for what is no letter."""

    def __missing__(self, character: str) -> str:
        self[character] = script = _script(character)
        return script


def _script(character: str) -> str:
    if not character.isalpha():
        return ""
    if is_cjk(character):
        return "KANA" if 0x3040 <= ord(character) <= 0x30FF else "HAN"
    first, *rest = unicodedata.name(character, "OTHER").split(" ")
    if first in ("FULLWIDTH", "HALFWIDTH", "MODIFIER", "MATHEMATICAL", "FEMININE", "MASCULINE", "MICRO", "SUPERSCRIPT"):
        return rest[0] if first in ("FULLWIDTH", "HALFWIDTH") and rest else ""
    return _NAMED.get(first, first)


_SCRIPT = _Scripts()


def main_script(text: str) -> str:
    """The script of most letters of a text, as Unicode calls it (LATIN, CYRILLIC, HAN …); empty for too few letters.

    Kana and Han together are called by whichever has more, and ``belongs`` takes one for the other.
    """
    if text.isascii():
        return "LATIN" if sum(map(str.isalpha, text)) >= LETTERS else ""
    counts = Counter(map(_SCRIPT.__getitem__, text))
    del counts[""]
    if not counts:
        return ""
    script, count = counts.most_common(1)[0]
    return script if count >= LETTERS or script in ("HAN", "KANA", "HANGUL") else ""


def belongs(script: str, usual: str) -> bool:
    """Whether a line of one script is no stranger where another is usual."""
    return script == usual or {script, usual} == {"HAN", "KANA"}


def mixed_word(text: str) -> bool:
    """Whether a word has letters of two scripts that look alike, such as a Cyrillic с in a Latin word."""
    if text.isascii():
        return False
    if len({_SCRIPT[character] for character in set(text)} & set(_CONFUSED)) < 2:
        return False
    words = ({_SCRIPT[character] for character in word} for word in _WORD.findall(text) if len(word) > 2)
    return any(len(scripts & set(_CONFUSED)) > 1 for scripts in words)


def chinese(text: str) -> str:
    """``simplified`` or ``traditional``, ``both``, or empty where nothing decides."""
    characters = set(text)
    some = len(characters & _ONLY_SIMPLIFIED), len(characters & _ONLY_TRADITIONAL)
    if all(some):
        return "both"
    return "simplified" if some[0] else "traditional" if some[1] else ""


_ONLY_SIMPLIFIED, _ONLY_TRADITIONAL = SIMPLIFIED - TRADITIONAL, TRADITIONAL - SIMPLIFIED


class Scripts:
    """Counts the scripts of each side over all corpora."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, str], Spots] = {}  # by side and script
        self._all = [0, 0]
        self._mixed = (Spots(), Spots())
        self._wide = (Spots(), Spots())
        self._wide_letters = (Spots(), Spots())
        self._chinese: dict[tuple[int, str], Spots] = {}

    def see(self, record: Record, whole: bool) -> None:
        """One record, if both sides show something."""
        if not whole:
            return
        for side, text in enumerate(record.sides):
            assert text is not None
            self._all[side] += 1
            script = main_script(text)
            if script:
                self._lines.setdefault((side, script), Spots()).add(record.number, side)
            if text.isascii():
                continue
            if mixed_word(text):
                self._mixed[side].add(record.number, side)
            if _WIDE.search(text):
                self._wide[side].add(record.number, side)
                if _WIDE_LETTERS.search(text):
                    self._wide_letters[side].add(record.number, side)
            if script == "HAN" and (way := chinese(text)):
                self._chinese.setdefault((side, way), Spots()).add(record.number, side)

    def usual(self, side: int) -> str:
        """The script that a side's lines are written in, or empty where there is none that most have."""
        counts = {script: spots.count for (of, script), spots in self._lines.items() if of == side}
        if not counts:
            return ""
        most = max(counts, key=lambda script: counts[script])
        together = sum(count for script, count in counts.items() if belongs(script, most))
        return most if together >= USUAL * sum(counts.values()) else ""

    def drafts(self) -> Iterator[Draft]:
        """Strangers, mixed words, wide forms, two ways of writing Chinese."""
        for side in (0, 1):
            usual = self.usual(side)
            for (of, script), spots in self._lines.items():
                if of == side and usual and not belongs(script, usual):
                    yield self._stranger(side, script, usual, spots)
            if self._mixed[side].count:
                sentence = "with letters of two scripts in one word, such as a Cyrillic с among Latin letters"
                yield self._draft(
                    "look-alike letters",
                    "warning",
                    side,
                    self._mixed[side],
                    sentence,
                    "write each word in one script: a model takes them for other words",
                )
            cjk = usual in ("HAN", "KANA", "HANGUL", "")
            wide = self._wide_letters[side] if cjk else self._wide[side]
            if wide.count:
                severity: Severity = "note" if cjk else "warning"
                what = "letters or digits" if cjk else "characters"
                sentence = (
                    f"with full-width {what} (such as Ａ for A), which melisma takes for others than the plain ones"
                )
                yield self._draft(
                    "full-width forms",
                    severity,
                    side,
                    wide,
                    sentence,
                    "write them plain if plain ones will be asked (Unicode's NFKC does it)",
                )
            yield from self._ways(side, usual)

    def _stranger(self, side: int, script: str, usual: str, spots: Spots) -> Draft:
        severity: Severity = "warning" if spots.count / self._all[side] >= MANY / 10 else "note"
        sentence = f"in {script.capitalize()} letters, where {usual.capitalize()} is usual"
        return self._draft(
            "another script",
            severity,
            side,
            spots,
            sentence,
            "look whether these lines are in the right language; take them out if not",
        )

    def _ways(self, side: int, usual: str) -> Iterator[Draft]:
        ways = {way: spots for (of, way), spots in self._chinese.items() if of == side}
        if usual != "HAN" or len(set(ways) - {"both"}) < 2:
            return
        fewer = min(("simplified", "traditional"), key=lambda way: ways[way].count)
        sentence = f"in {fewer} Chinese, where most are not"
        yield self._draft(
            "two ways of writing Chinese",
            "warning",
            side,
            ways[fewer],
            sentence,
            "turn all into one, for example with OpenCC",
        )

    def _draft(self, name: str, severity: Severity, side: int, spots: Spots, sentence: str, advice: str) -> Draft:
        count = counted(spots.count, f"{SIDES[side]} line")
        found = Finding(name, severity, spots.count, self._all[side], f"{count} {sentence}", advice)
        return Draft(found, tuple(spots.first))
