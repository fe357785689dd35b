"""BLEU, chrF and TER as sacreBLEU counts them, with its signatures and an interval.

The counts of each example are sacreBLEU's; their sums become scores here by the same formulas, for a thousand resamples
at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from melisma.errors import Refusal
from melisma.measures.interval import Array
from melisma.measures.measure import Measure, References, Rule, number_of_references, paired, rated, ratio, summed

Pairs = list[tuple[str, list[str]]]
Tokenizer = Literal["13a", "zh", "char", "intl", "none"]

TOKENIZERS: tuple[Tokenizer, ...] = ("13a", "zh", "char", "intl", "none")
ORDERS = 4  # words, BLEU
CHARACTERS = 6  # chrF
BETA = 2  # chrF: how much more recall weighs than precision

KANA = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
UNSPACED = re.compile(r"[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff]")  # Thai, Lao, Tibetan, Burmese, Khmer


@dataclass(frozen=True)
class Breakdown:
    """What BLEU is made of: precisions (%) of 1 to 4 words, the brevity penalty, and both lengths in tokens."""

    precisions: tuple[float, ...]
    brevity_penalty: float
    answer_length: int
    reference_length: int


def bleu(
    answers: Sequence[str], references: References, *, tokenize: Tokenizer | None = None, lowercase: bool = False
) -> Measure:
    """BLEU of a corpus, 0–100 (Papineni et al. 2002; exponential smoothing, as sacreBLEU by default, Post 2018).

    ``tokenize`` None takes ``tokenizer_for`` the references. A corpus in which no answer has four words scores 0.
    """
    pairs = paired(answers, references)
    metric = _bleu(pairs, tokenize, lowercase)
    return summed(Rule("BLEU", bleu_score, "higher"), _bleu_counts(metric, pairs), _signature(metric, pairs))


def chrf(answers: Sequence[str], references: References, *, lowercase: bool = False) -> Measure:
    """chrF2 of a corpus, 0–100: F of character 1- to 6-grams, recall weighing double (Popović 2015)."""
    from sacrebleu.metrics.chrf import CHRF

    pairs = paired(answers, references)
    metric = CHRF(char_order=CHARACTERS, word_order=0, beta=BETA, lowercase=lowercase)
    counts = chrf_counts([_lowered(pair) for pair in pairs] if lowercase else pairs)
    return summed(Rule("chrF2", chrf_score, "higher"), counts, _signature(metric, pairs))


def ter(answers: Sequence[str], references: References, *, lowercase: bool = True) -> Measure:
    """Translation edit rate in per cent: edits and shifts over the mean length of the references (Snover et al. 2006).

    Han characters are split into words of one where ``tokenizer_for`` finds the references unspaced.
    """
    pairs = paired(answers, references)
    metric = _ter(references, lowercase)
    return rated(Rule("TER", ratio, "lower"), _ter_counts(metric, pairs), _signature(metric, pairs))


def ter_counts(answers: Sequence[str], references: References) -> Array:
    """What TER counts of each example (N, 2): edits and shifts, and the mean length of the references."""
    return _ter_counts(_ter(references, True), paired(answers, references))


def breakdown(
    answers: Sequence[str], references: References, *, tokenize: Tokenizer | None = None, lowercase: bool = False
) -> Breakdown:
    """Why BLEU is what it is: too short, or wrong words."""
    pairs = paired(answers, references)
    sums = _bleu_counts(_bleu(pairs, tokenize, lowercase), pairs).sum(0)
    precisions, brevity = _precisions(sums), _brevity(sums)
    return Breakdown(tuple(precisions.tolist()), float(brevity), int(sums[0]), int(sums[1]))


def tokenizer_for(references: References) -> Tokenizer:
    """``char`` where over a tenth is kana or half another unspaced script, ``zh`` where half is Han, else ``13a``.

    Shares are of the letters of all references. One choice is wanted for a whole corpus: 13a takes a Chinese sentence
    for a single word.
    """
    text = "\n".join(right if isinstance(right, str) else "\n".join(right) for right in references)
    kana, han, unspaced = (len(script.findall(text)) for script in (KANA, HAN, UNSPACED))
    letters = sum(map(str.isalpha, text))
    if 10 * kana > letters or 2 * unspaced > letters:
        return "char"
    return "zh" if 2 * han > letters else "13a"


def bleu_counts(answers: Sequence[str], references: References, *, tokenize: Tokenizer | None = None) -> Array:
    """What BLEU counts of each example (N, 10): both lengths, n-grams found, n-grams said; for paired comparisons."""
    pairs = paired(answers, references)
    return _bleu_counts(_bleu(pairs, tokenize, False), pairs)


def bleu_score(sums: Array) -> Array:
    """BLEU of summed counts (…, 10)."""
    precisions = _precisions(sums)
    possible = (sums[..., 2 : 2 + ORDERS].max(-1) > 0) & (sums[..., 2 + ORDERS :].min(-1) > 0)
    logarithms = np.log(np.where(possible[..., None], precisions, 1.0))
    return np.where(possible, _brevity(sums) * np.exp(logarithms.mean(-1)), 0.0)


def chrf_counts(pairs: Pairs) -> Array:
    """What chrF counts of each example (N, 18): n-grams said, in the reference, and in both, for n = 1 … 6.

    Of several references the one with the best score of its own counts, the first of equals as in sacreBLEU.
    """
    rows = []
    for answer, right in pairs:
        said = _grams(answer)
        tables = np.array([_matches(said, _grams(reference)) for reference in right], np.float64)
        rows.append(tables[int(chrf_score(tables).argmax())])
    return np.stack(rows)


def chrf_score(sums: Array) -> Array:
    """chrF2 of summed counts (…, 18), from the mean precision and recall of the orders that both sides have."""
    said, there, both = (sums[..., part::3] for part in range(3))
    real = (said > 0) & (there > 0)
    orders = np.maximum(real.sum(-1), 1)
    precision = (np.where(real, both, 0) / np.where(real, said, 1)).sum(-1) / orders
    recall = (np.where(real, both, 0) / np.where(real, there, 1)).sum(-1) / orders
    below = BETA**2 * precision + recall
    score: Array = 100 * (1 + BETA**2) * precision * recall / np.where(below > 0, below, 1.0)
    return score


def _bleu(pairs: Pairs, tokenize: Tokenizer | None, lowercase: bool) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    if tokenize is not None and tokenize not in TOKENIZERS:
        raise Refusal(f"tokenize is {tokenize!r}: it must be one of {', '.join(TOKENIZERS)}.")
    chosen = tokenize or tokenizer_for([right for _, right in pairs])
    return BLEU(tokenize=chosen, lowercase=lowercase, force=True)


def _ter(references: References, lowercase: bool) -> Any:
    from sacrebleu.metrics.ter import TER

    unspaced = tokenizer_for(references) != "13a"
    return TER(case_sensitive=not lowercase, normalized=unspaced, asian_support=unspaced)


def _ter_counts(metric: Any, pairs: Pairs) -> Array:
    each = [_alone(metric, answer, right) for answer, right in pairs]
    return np.array([[one.num_edits, one.ref_length] for one in each], np.float64)


def _bleu_counts(metric: Any, pairs: Pairs) -> Array:
    each = [_alone(metric, answer, right) for answer, right in pairs]
    return np.array([[one.sys_len, one.ref_len, *one.counts, *one.totals] for one in each], np.float64)


def _alone(metric: Any, answer: str, right: list[str]) -> Any:
    """sacreBLEU's score of a corpus of one example, which tells its counts."""
    return metric.corpus_score([answer], [[reference] for reference in right])


def _signature(metric: Any, pairs: Pairs) -> str:
    """sacreBLEU's signature; it is known only to a metric that has scored something."""
    _alone(metric, *pairs[0])
    signature = metric.get_signature()
    signature.update("nrefs", number_of_references(pairs))
    return str(signature)


def _precisions(sums: Array) -> Array:
    """Per cent of the n-grams said that are right (…, 4); the k-th order without any counts as 1 / 2^k right."""
    found, said = sums[..., 2 : 2 + ORDERS], sums[..., 2 + ORDERS :]
    smoothed = 0.5 ** np.cumsum(found == 0, -1)
    return 100 * np.where(found > 0, found, smoothed) / np.maximum(said, 1)


def _brevity(sums: Array) -> Array:
    said, wanted = sums[..., 0], sums[..., 1]
    penalty = np.exp(np.minimum(0.0, 1 - wanted / np.maximum(said, 1)))
    return np.where(said > 0, penalty, np.where(wanted > 0, 0.0, 1.0))


def _lowered(pair: tuple[str, list[str]]) -> tuple[str, list[str]]:
    """An answer and its references in lower case."""
    return pair[0].lower(), [reference.lower() for reference in pair[1]]


def _grams(text: str) -> list[Counter[str]]:
    """Character 1- to 6-grams without white space."""
    plain = "".join(text.split())
    return [Counter(plain[i : i + n] for i in range(len(plain) - n + 1)) for n in range(1, CHARACTERS + 1)]


def _matches(said: list[Counter[str]], there: list[Counter[str]]) -> list[int]:
    row: list[int] = []
    for mine, wanted in zip(said, there):
        row += [mine.total() if wanted else 0, wanted.total(), (mine & wanted).total()]
    return row
