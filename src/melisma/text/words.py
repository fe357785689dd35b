"""The unit "words": words, numbers, marks, and single characters of scripts without spaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from melisma.text import cuts
from melisma.text.tally import MOST, Tally
from melisma.text.unicode import normalise
from melisma.text.vocabulary import Vocabulary, fields_of, most_frequent


@dataclass(frozen=True)
class Words:
    """A text as its words, each with the space before it; those too rare for a symbol are spelled in bytes."""

    vocabulary: Vocabulary

    @classmethod
    def learn(cls, lines: Iterable[str], size: int, least: int) -> Words:
        """The `size` most frequent words that occur `least` times get symbols."""
        tally = Tally(max(MOST, 4 * size))
        for line in lines:
            tally.add(_words(line))
        return cls(Vocabulary(most_frequent(tally.words, size, least)))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Each text's symbols, without start and end."""
        return [self.vocabulary.encode(_words(text)) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the symbols; of what `encode` gave, the normalised text."""
        return self.vocabulary.text(ids).removeprefix(" ")

    def to_json(self) -> dict[str, object]:
        """Plain data for `from_json`."""
        return {"unit": "words", "vocabulary": self.vocabulary.to_json()}

    @classmethod
    def from_json(cls, data: object) -> Words:
        """The unit from what `to_json` gave; raises Refusal for anything else."""
        fields = fields_of(data, "The unit words", ("unit", "vocabulary"))
        return cls(Vocabulary.from_json(fields["vocabulary"]))


def _words(text: str) -> list[str]:
    return cuts.words(cuts.lead(normalise(text)))
