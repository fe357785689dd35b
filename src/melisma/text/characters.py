"""The unit "characters": every code point is a piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.text.unicode import normalise
from melisma.text.vocabulary import Vocabulary, fields_of, most_frequent


@dataclass(frozen=True)
class Characters:
    """A text as its code points; those too rare for a symbol of their own are spelled in bytes.

    A space is a piece like any other, so nothing is put before the text. With `size` 0 the symbols are the bytes.
    """

    vocabulary: Vocabulary

    def __post_init__(self) -> None:
        for piece in self.vocabulary.learned:
            if len(piece) != 1:
                raise Refusal(f"The unit characters holds {piece[:40]!a} where single characters are wanted.")

    @classmethod
    def learn(cls, lines: Iterable[str], size: int, least: int) -> Characters:
        """The `size` most frequent characters beyond ASCII that occur `least` times get symbols."""
        counts: Counter[str] = Counter()
        for line in lines:
            counts.update(normalise(line))
        return cls(Vocabulary(most_frequent(counts, size, least)))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Each text's symbols, without start and end."""
        return [self.vocabulary.encode(normalise(text)) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the symbols; of what `encode` gave, the normalised text."""
        return self.vocabulary.text(ids)

    def to_json(self) -> dict[str, object]:
        """Plain data for `from_json`."""
        return {"unit": "characters", "vocabulary": self.vocabulary.to_json()}

    @classmethod
    def from_json(cls, data: object) -> Characters:
        """The unit from what `to_json` gave; raises Refusal for anything else."""
        fields = fields_of(data, "The unit characters", ("unit", "vocabulary"))
        return cls(Vocabulary.from_json(fields["vocabulary"]))
