"""How lines become symbols."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.settings.field import choice, setting

UNITS = ("subwords", "words", "characters")
CALLED = {
    "bpe": ("subwords",),
    "unigram": ("subwords",),
    "sentencepiece": ("subwords",),
    "wordpiece": ("subwords",),
    "letters": ("characters",),
    "phonemes": ("words",),
    "tokens": ("subwords", "words"),
}
"""Other names of units."""


@dataclass(frozen=True)
class TextSettings:
    """The symbols a text is written in, learned on the training data alone."""

    unit: str = choice(
        "subwords",
        help="what a symbol is",
        why="subwords leave no word unknown and keep lines short (Sennrich et al. 2016)",
        choices=UNITS,
        called=CALLED,
    )
    target_unit: str | None = choice(
        None,
        help="what a symbol of the target is, where that is something else than of the source; none: the same",
        why="both sides of most data are written alike",
        choices=UNITS,
        called=CALLED,
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
    dropout: float = setting(
        0.0,
        help="chance that a merge of bpe is left out while training, so that words are cut otherwise each time "
        "(BPE-dropout); 0.1 is the published value",
        why="off: lines become longer, by a quarter at 0.1, and take many more epochs to learn, "
        "so that short trainings lose by it",
        low=0,
        below=1,
    )
    temperature: float = setting(
        0.0,
        help="how freely cuts of unigram are drawn while training (subword regularisation); 0 takes the likeliest, "
        "5 is the published alpha of 0.2",
        why="off, as drawn cuts are longer than the likeliest",
        low=0,
        high=1000,
    )

    @property
    def units(self) -> tuple[str, str]:
        """What a symbol of the source is, and what one of the target."""
        return self.unit, self.target_unit or self.unit

    @property
    def freedom(self) -> float:
        """How freely sub-words are cut while training: the dropout of merges, or the temperature of unigram; 0: not."""
        return self.dropout if self.method == "bpe" else self.temperature

    def idle(self) -> dict[str, tuple[bool, str, str]]:
        """Settings that belong to one way of cutting -> whether it is absent, what there is, what is wanted."""
        whole, unit = "subwords" not in self.units, f"text.unit={self.unit}"
        ways = {"dropout": "bpe", "temperature": "unigram"}
        return {
            name: (
                whole or self.method != method,
                unit if whole else f"text.method={self.method}",
                "text.unit=subwords" if whole else f"text.method={method}",
            )
            for name, method in ways.items()
        }
