"""Beam search by hand: a few likely beginnings side by side, where taking the likeliest next word each time loses.

    log P(Y) = Σ_t log p(y_t | y_1 ... y_t-1)    of a text Y; its end counts as a word
    score(Y) = log P(Y) / lp(Y)                  which of the finished ones is best (Wu et al. 2016, eq. 14,
    lp(Y)    = ((5 + |Y|) / 6)^α                 without coverage): α = 0 ranks by log P, more favours longer ones

At every step each of the living beginnings is continued by every word. Of the best ``width`` of all these, those that
end are finished and leave; the next best that don't end take their places, so that ``width`` beginnings live on.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log
from typing import NamedTuple

END = "."
Words = tuple[str, ...]
Model = Callable[[Words], dict[str, float]]  # what was said -> log p of each word that may be next


class Text(NamedTuple):
    """A text or the beginning of one, and its log P in nats."""

    words: Words
    log_p: float

    @property
    def ended(self) -> bool:
        return self.words[-1:] == (END,)

    def score(self, alpha: float) -> float:
        return self.log_p / lp(len(self.words), alpha)


def lp(length: int, alpha: float) -> float:
    """The length penalty of so many words, the end among them."""
    return float(((5 + length) / 6) ** alpha)


def continued(model: Model, living: list[Text]) -> list[Text]:
    """Each of the living with one word more, best first; a sort leaves equals in their order."""
    texts = [Text((*words, word), log_p + new) for words, log_p in living for word, new in model(words).items()]
    return sorted((text for text in texts if text.log_p > -inf), key=lambda text: -text.log_p)


def beam(
    model: Model, width: int, limit: int, alpha: float = 0.0, best: int = 1, tree: dict[Text, str] | None = None
) -> list[Text]:
    """The ``best`` texts of at most ``limit`` words and an end, better first; ``tree`` is told what became of each.

    Of equals the first one stands first: with the better beginning, then with the word that the model names first.
    """
    living: list[Text] = [Text((), 0.0)]
    finished: list[Text] = []
    for length in range(limit + 1):
        texts = continued(model, living)
        ends = [text for text in texts[:width] if text.ended]
        lives = [text for text in texts if not text.ended][:width]
        finished = sorted(finished + ends, key=lambda text: -text.score(alpha))
        if tree is not None:
            tree.update({text: "ends" if text in ends else "" if text in lives else "falls" for text in texts})
        if length == limit or not (lives or finished):  # no room or no way on: what is cut here is better than nothing
            cut = [text for text in living if text.words not in [end.words[:-1] for end in ends]]
            return (finished + cut)[:best]
        if not lives:
            break
        hope = lives[0].log_p / lp(limit + 1, alpha)  # log P only falls, so nothing that lives can score above this
        if len(finished) >= best and finished[best - 1].score(alpha) >= hope:
            break
        living = lives
    return finished[:best]


def greedy(model: Model, limit: int) -> Text:
    """The likeliest next word, again and again: a beam of one."""
    return beam(model, 1, limit)[0]


# What may follow each beginning, and how likely. "the" begins best, but then the choice is wide.
TABLE = {
    "": {"the": 0.4, "a": 0.32, "birds": 0.28},
    "the": {"cat": 0.4, "dog": 0.35, "bird": 0.25},
    "the cat": {"sleeps": 0.5, "runs": 0.3, "sings": 0.2},
    "the dog": {"runs": 0.6, "sleeps": 0.4},
    "the bird": {"sings": 0.8, "sleeps": 0.2},
    "a": {"bird": 0.95, "cat": 0.05},
    "a bird": {"sings": 0.95, END: 0.05},
    "a bird sings": {"again": 0.9, END: 0.1},
    "birds": {"sing": 0.95, END: 0.05},
}


def model(words: Words) -> dict[str, float]:
    """The table as a model; what it doesn't hold ends."""
    return {word: log(p) for word, p in TABLE.get(" ".join(words), {END: 1.0}).items()}


def show(tree: dict[Text, str], root: Words = ()) -> None:
    """The tree of what was looked at, likelier branches first."""
    for text, fate in sorted(tree.items(), key=lambda item: -item[0].log_p):
        if text.words[:-1] == root:
            print(f"    {'   ' * len(root) + text.words[-1]:18} {text.log_p:6.2f}  {fate}".rstrip())
            show(tree, text.words)


def main() -> None:
    """Widths, the tree of one of them, and what the length penalty changes."""
    print("The best text found, by width; 1 is greedy:")
    for width in (1, 2, 3, 100):
        text = beam(model, width, 6)[0]
        print(f"    {width:3}  {' '.join(text.words):22} log P {text.log_p:.2f}, P {exp(text.log_p):.3f}")
    tree: dict[Text, str] = {}
    beam(model, 2, 6, tree=tree)
    print("\nWhat a beam of 2 looked at, with log P. It found what greedy lost; the very best fell at once:")
    show(tree)
    for alpha in (0.0, 1.0):
        print(f"\nThe three best of a beam of 3, α = {alpha:g}:")
        for text in beam(model, 3, 6, alpha, best=3):
            print(f"    {text.score(alpha):6.2f}  {' '.join(text.words)}")


if __name__ == "__main__":
    main()
