"""The literature's BLEU: Moses' tokens as its programs of 2017 cut them, and multi-bleu on them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def moses():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(FOLDER)
        yield importlib.import_module("moses")
        sys.modules.pop("moses", None)


# Lines as they are, and what Moses' own programs make of them; the longer ones stand in Multi30k's own files, or among
# the examples of sacremoses and of Moses' discussions (here in lower case, with full stops as they were before 2018-11).
CUT = [
    ("de", "Ein Junge mit einem Giants-Trikot schwingt.", "ein junge mit einem giants-trikot schwingt ."),
    (
        "de",
        "Zwei Menschen halten einen Globus mit einem Durchmesser von ca. 120 cm und es wirkt so, als würde es.",
        "zwei menschen halten einen globus mit einem durchmesser von ca. 120 cm und es wirkt so , als würde es .",
    ),
    ("de", "Ein „Stop“-Schild", "ein &quot; stop &quot; -schild"),
    ("de", "...schwer wie ein iPhone 5.", "... schwer wie ein iphone 5."),
    ("de", "Das geht's", "das geht &apos; s"),
    ("de", "am 4. Juli; 3\xa0000 Leute, 5,3 %", "am 4. juli ; 3,000 leute , 5,3 %"),
    ("de", "bzw. 3 und z.B. Autos", "bzw. 3 und z.b. autos"),
    ("de", "ludwig xiv. 3 mal", "ludwig xiv. 3 mal"),
    ("de", "Hund. 3 mal. Er läuft.", "hund . 3 mal. er läuft ."),
    ("de", "Er sagt: „Halt.“ Dann", "er sagt : &quot; halt &quot; . dann"),
    ("de", "Er sagt: „Halt.“", "er sagt : &quot; halt &quot; ."),
    ("en", "He said “stop”, then", "he said &quot; stop , &quot; then"),
    ("en", "A man, 12, isn't here: the dogs' 1990's", "a man , 12 , isn &apos;t here : the dogs &apos; 1990 &apos;s"),
    ("en", "this 'is' the thing", "this &apos; is &apos; the thing"),
    ("en", "'Hello.'", "&apos;hello . &apos;"),
    ("en", "So am I.", "so am i ."),
    ("en", "The meeting is at 11:00 a.m. Tuesday.", "the meeting is at 11 : 00 a.m. tuesday ."),
    ("en", "John vs. Doe, pp. 12, see pp. Three", "john vs. doe , pp. 12 , see pp. three"),
    ("en", "pp. (3)", "pp . ( 3 )"),
    ("en", "a series (with a setting, and played) .", "a series ( with a setting , and played ) ."),
    ("en", "odd\xbb symbols… everywhere\xbf", "odd &quot; symbols ... everywhere ¿"),
    ("en", "| [] < > & ²½", "&#124; &#91; &#93; &lt; &gt; &amp; ² ½"),
    ("en", "rock’n’roll — it´s", "rock &apos;n &quot; roll - it &apos;s"),
    ("en", "A,B,C,D 5,300 6,a", "a , b , c , d 5,300 6 , a"),
    ("en", "", ""),
    ("en", " \t\x0b ", ""),
]


@pytest.mark.parametrize(("language", "line", "wanted"), CUT)
def test_tokens_are_those_of_moses(moses, language, line, wanted) -> None:
    assert moses.tokens(line, language) == wanted.split()


@pytest.mark.parametrize("language", ["de", "en"])
@given(line=st.text(alphabet=" \t\xa0aäzsn019.,'`\"-:;!?()[]&|%„“”–´‘’‚…«»º\x01\x1f\u2028x", max_size=30))
def test_whatever_stands_there_letters_and_digits_stay_in_order(moses, language, line) -> None:
    found = moses.tokens(line, language)
    assert all(token and not token.isspace() for token in found)
    kept = "aäzn019x"  # an apostrophe's own name holds others
    plain = "".join(found).replace("&apos;", "").replace("&amp;", "").replace("&quot;", "").replace("&#124;", "")
    plain = plain.replace("&#91;", "").replace("&#93;", "")
    assert [letter for letter in plain if letter in kept] == [letter for letter in line.lower() if letter in kept]


def test_another_language_is_not_guessed(moses) -> None:
    with pytest.raises(ValueError, match=r"rules for 'fr' are not here: wants one of de, en"):
        moses.tokens("l'eau", "fr")


words = st.lists(st.sampled_from(["der", "die", "Hund", ".", ",", "läuft", "&apos;s", "5"]), max_size=12)


@given(pairs=st.lists(st.tuples(words, words), min_size=1, max_size=6))
def test_multi_bleu_is_sacrebleu_without_its_tokens_and_its_smoothing(moses, pairs) -> None:
    answers, references = zip(*pairs)
    metric = sacrebleu.BLEU(tokenize="none", smooth_method="none", force=True)
    wanted = metric.corpus_score([" ".join(one) for one in answers], [[" ".join(one) for one in references]])
    found = moses.multi_bleu(answers, references)
    assert found.score == pytest.approx(wanted.score, abs=1e-9)
    assert found.precisions == pytest.approx(tuple(wanted.precisions))
    assert (found.answer_length, found.reference_length) == (wanted.sys_len, wanted.ref_len)
    if found.answer_length:
        assert found.brevity_penalty == pytest.approx(wanted.bp)


def test_multi_bleu_by_hand(moses) -> None:
    said, wanted = (
        ["the", "the", "the", "cat", "sat", "on", "it"],
        ["the", "cat", "sat", "on", "the", "mat", "now", "ok"],
    )
    found = moses.multi_bleu([said], [wanted])
    penalty = 2.718281828459045 ** (1 - 8 / 7)
    assert found.precisions == pytest.approx((100 * 5 / 7, 100 * 3 / 6, 100 * 2 / 5, 100 * 1 / 4))
    assert found.score == pytest.approx(100 * penalty * (5 / 7 * 3 / 6 * 2 / 5 * 1 / 4) ** 0.25)
    assert str(found) == "37.68, 71.4/50.0/40.0/25.0 (BP=0.867, ratio=0.875, hyp_len=7, ref_len=8)"


def test_answers_and_references_must_be_as_many(moses) -> None:
    with pytest.raises(ValueError, match="2 answers and 1 references"):
        moses.multi_bleu([["a"], ["b"]], [["a"]])


def test_the_literatures_form_does_not_see_case_or_spaces(moses) -> None:
    references = ["Ein Mann läuft über die Straße, schnell.", "Zwei Hunde spielen im Schnee."]
    answers = ["ein mann läuft über die straße , schnell .", "Zwei  Hunde spielen im Schnee ."]
    assert moses.literature_bleu(answers, references, "de").score == pytest.approx(100)


def test_the_command_cuts_and_measures(moses, tmp_path) -> None:
    program = [sys.executable, str(FOLDER / "moses.py")]
    text = "Ein Mann läuft über die Straße.\u2028\nZwei Hunde.\n"
    cut = subprocess.run([*program, "tokens", "de"], input=text, capture_output=True, encoding="utf-8", check=True)
    assert cut.stdout == "ein mann läuft über die straße .\nzwei hunde .\n"
    (tmp_path / "wanted").write_text(text, encoding="utf-8")
    told = subprocess.run(
        [*program, "bleu", "de", str(tmp_path / "wanted")],
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    lengths = "(BP=1.000, ratio=1.000, hyp_len=10, ref_len=10)"
    assert told.stdout == f"{moses.NAME}: 100.00, 100.0/100.0/100.0/100.0 {lengths}\n"
    short = subprocess.run(
        [*program, "bleu", "de", str(tmp_path / "wanted")], input="Eins\n", capture_output=True, encoding="utf-8"
    )
    assert (short.returncode, short.stderr) == (1, "moses.py: 1 answers and 2 references: wants one reference each\n")
