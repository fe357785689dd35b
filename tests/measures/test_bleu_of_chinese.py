"""BLEU where there are no spaces: sacreBLEU's own numbers, by the tokenizer that it recommends for the script."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from sacrebleu.metrics.bleu import BLEU

from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.measures.bleu import bleu, bleu_counts, bleu_score
from melisma.tasks.translate import TASK

CHINESE = [
    "我昨天买了一台 iPad。",
    "他们在公园里散步,很开心!",
    "这本书多少钱?",
    "请把门关上。",
    "我不知道该说什么才好。",
]
TRADITIONAL = ["我昨天買了一臺電腦。", "他們在公園裡散步,很開心!", "這本書多少錢?", "請把門關上。"]
JAPANESE = [
    "私は昨日パソコンを買った。",
    "この本はいくらですか。",
    "ドアを閉めてください。",
    "何と言えばいいのか分からない。",
]


def said(lines: list[str], seed: int = 1) -> list[str]:
    """The lines with some characters left out."""
    draw = random.Random(seed)
    return ["".join(sign for sign in line if draw.random() > 0.15) for line in lines]


@pytest.mark.parametrize(("lines", "tokens"), [(CHINESE, "zh"), (TRADITIONAL, "zh"), (JAPANESE, "char")])
def test_sacrebleu_agrees_on_score_and_signature(lines: list[str], tokens: str) -> None:
    answers = said(lines)
    theirs = BLEU(tokenize=tokens)
    wanted = theirs.corpus_score(answers, [lines]).score
    assert 30 < wanted < 95
    asked = [Pair(f"source {number}", line, Place("a.tsv", number)) for number, line in enumerate(lines)]
    found = TASK.measure([SimpleNamespace(text=answer) for answer in answers], asked, ("bleu",))["bleu"]
    for ours in (found, bleu(answers, lines)):
        assert ours.value == pytest.approx(wanted, abs=1e-9)
        assert ours.signature == str(theirs.get_signature())
        assert f"|tok:{tokens}|" in ours.signature
    assert float(bleu_score(bleu_counts(answers, lines).sum(0))) == pytest.approx(wanted, abs=1e-9)


def test_english_answers_do_not_change_how_chinese_references_are_cut() -> None:
    english = ["I bought an iPad yesterday.", "They walk in the park.", "How much is it?", "Shut the door.", "What?"]
    found = bleu(english, CHINESE)
    assert "|tok:zh|" in found.signature
    assert found.value == pytest.approx(BLEU(tokenize="zh").corpus_score(english, [CHINESE]).score, abs=1e-9)
