"""How lines become symbols."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.settings.field import choice, setting


@dataclass(frozen=True)
class TextSettings:
    """The symbols a text is written in, learned on the training data alone."""

    unit: str = choice(
        "subwords",
        help="what a symbol is",
        why="subwords leave no word unknown and keep lines short (Sennrich et al. 2016)",
        choices=("subwords", "words", "characters"),
        called={
            "bpe": ("subwords",),
            "unigram": ("subwords",),
            "sentencepiece": ("subwords",),
            "wordpiece": ("subwords",),
            "letters": ("characters",),
            "tokens": ("subwords", "words"),
        },
    )
    method: str = choice(
        "bpe",
        help="how subwords are learned: by merging frequent pairs (bpe) or by thinning out a large list (unigram)",
        why="byte-pair encoding is the simplest and the best known (Sennrich et al. 2016)",
        choices=("bpe", "unigram"),
        called={"sentencepiece": ("unigram", "bpe"), "wordpiece": ("bpe",)},
    )
    size: int = setting(
        5000,
        help="symbols learned at most",
        why="small data wants few symbols, each seen often (Sennrich and Zhang 2019)",
        low=300,
        high=200_000,
    )
    shared: bool = setting(
        True,
        help="one vocabulary for both sides",
        why="names and loanwords are then cut alike on both sides (Sennrich et al. 2016)",
    )
    least: int = setting(
        2,
        help="how often a character or word must occur in training to get a symbol of its own; "
        "rarer ones are spelled in UTF-8 bytes",
        why="what was seen once is too little to learn a symbol from, and bytes lose nothing",
        low=1,
        high=1_000_000,
    )
