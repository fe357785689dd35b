"""BLEU as papers on Multi30k give it: multi-bleu on Moses tokens, lower-cased.

Rebuilt from what Moses' programs of 2017 do, which made the tokenised files that come with Multi30k: lower case, then
normalize-punctuation.perl, tokenizer.perl (without aggressive hyphens), and multi-bleu.perl (Papineni et al. 2002, one
reference, no smoothing). For German and English. Such figures cannot be compared with sacreBLEU's, which cuts the text
itself and marks its figures with a signature; nor with those on tokens of a Moses from after 2018-11, which cuts off
the last full stop of a line whatever stands before it. On Multi30k's plain files this gives as many tokens as its
authors count: 360,706 German and 377,534 English ones in train, 12,828 and 13,308 in val.

usage: python benchmarks/moses.py tokens LANGUAGE < TEXT
       python benchmarks/moses.py bleu LANGUAGE REFERENCES < ANSWERS      (plain text; LANGUAGE: de or en)
"""

from __future__ import annotations

import argparse
import math
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import regex

NAME = "multi-bleu on Moses tokens, lower-cased"
LANGUAGES = ("de", "en")
ORDERS = 4
Substitutions = tuple[tuple[str, str], ...]

# Perl reads the text of this program as bytes: letters and digits are those of ASCII, and \s has no wide spaces.
BRACKETS: Substitutions = (
    (r"\r", ""),
    (r"\(", " ("),
    (r"\)", ") "),
    (r" +", " "),
    (r"\) ([.!:?;,])", r")\1"),
    (r"\( ", "("),
    (r" \)", ")"),
    (r"([0-9]) %", r"\1%"),
    (r" ([:;])", r"\1"),
)
QUOTES: Substitutions = (
    ("`", "'"),
    ("''", ' " '),
    ("[„“”]", '"'),
    ("–", "-"),
    ("—", " - "),
    (" +", " "),
    ("´", "'"),
    ("([a-zA-Z])‘([a-zA-Z])", r"\1'\2"),
    ("([a-zA-Z])’([a-zA-Z])", r"\1'\2"),
    ("[‘‚’]|''", '"'),
    ("…", "..."),
    ("\xa0«\xa0", ' "'),
    ("«\xa0?", '"'),
    ("\xa0»\xa0", '" '),
    ("\xa0?»", '"'),
)
HARD_SPACES: Substitutions = (
    ("\xa0([%:?!;])", r"\1"),
    ("nº\xa0", "nº "),
    ("\xa0(ºC|cm)", r" \1"),
    (",\xa0", ", "),
    (" +", " "),
)
OF_LANGUAGE: dict[str, Substitutions] = {
    "en": (('"([,.]+)', r'\1"'), ("([0-9])\xa0([0-9])", r"\1.\2")),
    "de": ((',"', '",'), (r'(\.+)"([ \t\n\f\v]*[^<])', r'"\1\2'), ("([0-9])\xa0([0-9])", r"\1,\2")),
}
NORMALISE = {
    language: tuple((regex.compile(found), put) for found, put in (*BRACKETS, *QUOTES, *HARD_SPACES, *own))
    for language, own in OF_LANGUAGE.items()
}

CONTROL, SPACES = regex.compile(r"[\x00-\x08\x0e-\x1f]"), regex.compile(r"\s+")
CUT: Substitutions = (  # Perl knows Unicode here
    (r"([^\p{Alphabetic}\p{Nd}\s.'`,\-])", r" \1 "),
    (r"(\.{2,})", r" \1 "),
    (r"([^\p{N}]),", r"\1 , "),
    (r",([^\p{N}])", r" , \1"),
)
APOSTROPHES: dict[str, Substitutions] = {
    "en": (
        (r"([^\p{Alphabetic}])'([^\p{Alphabetic}])", r"\1 ' \2"),
        (r"([^\p{Alphabetic}\p{N}])'(\p{Alphabetic})", r"\1 ' \2"),
        (r"(\p{Alphabetic})'([^\p{Alphabetic}])", r"\1 ' \2"),
        (r"(\p{Alphabetic})'(\p{Alphabetic})", r"\1 '\2"),
        (r"(\p{N})'s", r"\1 's"),
    ),
    "de": (("'", " ' "),),
}
TOKENISE = {
    language: tuple((regex.compile(found), put) for found, put in (*CUT, *own)) for language, own in APOSTROPHES.items()
}
LAST = regex.compile(r"\.'$")
ESCAPED = str.maketrans(
    {"&": "&amp;", "|": "&#124;", "<": "&lt;", ">": "&gt;", "'": "&apos;", '"': "&quot;", "[": "&#91;", "]": "&#93;"}
)


@dataclass(frozen=True)
class Abbreviations:
    """Lower-cased words whose full stop is their own."""

    always: frozenset[str]
    before_digits: frozenset[str]
    pattern: regex.Pattern[str]

    @classmethod
    @cache
    def of(cls, language: str) -> Abbreviations:
        """Those of ``de`` or ``en``."""
        text = Path(__file__).with_name("moses_abbreviations.toml").read_text(encoding="utf-8")
        held = tomllib.loads(text)[language]
        return cls(frozenset(held["always"]), frozenset(held["before_digits"]), regex.compile(held["pattern"]))

    def keep(self, word: str, following: str) -> bool:
        """Whether a word keeps its full stop before what follows."""
        if word in self.always or (self.pattern.pattern and self.pattern.fullmatch(word)):
            return True
        return word in self.before_digits and regex.match("[0-9]", following) is not None


@dataclass(frozen=True)
class MultiBleu:
    """BLEU of a corpus, its precisions of 1 to 4 words (0 to 100 all), brevity penalty, and both lengths in tokens."""

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    answer_length: int
    reference_length: int

    def __str__(self) -> str:
        precisions = "/".join(f"{precision:.1f}" for precision in self.precisions)
        lengths = f"hyp_len={self.answer_length}, ref_len={self.reference_length}"
        ratio = self.answer_length / self.reference_length if self.reference_length else 0.0
        return f"{self.score:.2f}, {precisions} (BP={self.brevity_penalty:.3f}, ratio={ratio:.3f}, {lengths})"


def normalised(line: str, language: str) -> str:
    """A line with plain quotes, dashes and brackets (normalize-punctuation.perl)."""
    text = line + "\n"  # which the program sees too, and moves a full stop before it out of quotes
    for pattern, put in NORMALISE[_known(language)]:
        text = pattern.sub(put, text)
    return text.removesuffix("\n")


def tokens(line: str, language: str) -> list[str]:
    """The tokens of a line of plain text, in lower case, as Multi30k's ``lc.norm.tok`` files hold them."""
    text = SPACES.sub(" ", CONTROL.sub("", normalised(line.lower(), language))).strip(" ")
    for pattern, put in TOKENISE[language]:
        text = pattern.sub(put, text)
    words, kept = text.split(), Abbreviations.of(language)
    found = " ".join(_stopped(word, following, kept) for word, following in zip(words, [*words[1:], ""]))
    return LAST.sub(" . '", found).translate(ESCAPED).split()


def multi_bleu(answers: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> MultiBleu:
    """BLEU of tokens: clipped precisions, their geometric mean, 0 where one is 0, and the brevity penalty."""
    if len(answers) != len(references):
        raise ValueError(f"{len(answers)} answers and {len(references)} references: wants one reference each")
    right, said = [0] * ORDERS, [0] * ORDERS
    for answer, reference in zip(answers, references):
        for order in range(ORDERS):
            mine, wanted = (_grams(tokens, order + 1) for tokens in (answer, reference))
            right[order] += (mine & wanted).total()
            said[order] += mine.total()
    lengths = sum(map(len, answers)), sum(map(len, references))
    penalty = _brevity(*lengths)
    precisions = [found / all_ if all_ else 0.0 for found, all_ in zip(right, said)]
    mean = math.exp(sum(map(math.log, precisions)) / ORDERS) if min(precisions) else 0.0
    return MultiBleu(100 * penalty * mean, tuple(100 * one for one in precisions), penalty, *lengths)


def literature_bleu(answers: Iterable[str], references: Iterable[str], language: str) -> MultiBleu:
    """The figure that ``NAME`` names, of plain text."""
    return multi_bleu(*([tokens(line, language) for line in lines] for lines in (answers, references)))


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"Moses' rules for {language!r} are not here: wants one of {', '.join(LANGUAGES)}")
    return language


def _stopped(word: str, following: str, kept: Abbreviations) -> str:
    """A word with its full stop cut off, unless that is a part of it; dots in a row stay together."""
    before = word.removesuffix(".")
    if before == word or not before or before.endswith("."):
        return word
    inside = "." in before and regex.search(r"\p{Alphabetic}", before)
    if inside or kept.keep(before, following) or regex.match(r"\p{Lowercase}", following):
        return word
    return f"{before} ."


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[begin : begin + order]) for begin in range(len(words) - order + 1))


def _brevity(said: int, wanted: int) -> float:
    if said >= wanted:
        return 1.0
    return math.exp(1 - wanted / said) if said else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("tokens", "bleu"))
    parser.add_argument("language", choices=LANGUAGES)
    parser.add_argument("references", type=Path, nargs="?", help="a file, for bleu")
    chosen = parser.parse_args()
    if (chosen.what == "bleu") != (chosen.references is not None):
        parser.error("bleu wants a file of references, and tokens none")
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8")
    lines = [line.removesuffix("\n") for line in sys.stdin]
    if chosen.what == "tokens":
        sys.stdout.writelines(" ".join(tokens(line, chosen.language)) + "\n" for line in lines)
        return
    wanted = chosen.references.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    try:
        print(f"{NAME}: {literature_bleu(lines, wanted, chosen.language)}")
    except ValueError as fault:
        sys.exit(f"moses.py: {fault}")


if __name__ == "__main__":
    main()
