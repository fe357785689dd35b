"""What fired and was labelled afterwards: one manifest that holds takes of a word, and what was taken for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from melisma.errors import Refusal
from melisma.files.clip import SHOWN, Clip
from melisma.quoting import counted, named
from melisma.settings.leaves import Corpora

Corpus = Sequence[str]


class Labelled:
    """Corpora that are given as positive and as negative: their texts decide which of both a recording is."""

    def __init__(self, given: Mapping[str, Corpora]) -> None:
        positive, negative = (given.get(kind, ()) for kind in ("positive", "negative"))
        self.corpora = frozenset(positive) & frozenset(negative)
        self._words: dict[str, str] = {}  # folded -> as it is written
        self._waiting: list[str] = []  # where

    def order(self, corpora: Corpora) -> list[tuple[str, ...]]:
        """The corpora, those last of which others must tell the words."""
        return sorted(corpora, key=lambda corpus: corpus in self.corpora)

    def learn(self, word: str) -> None:
        """A word that takes of other corpora are of."""
        self._words.setdefault(word.casefold(), word)

    def word(self, corpus: Corpus, text: str | None) -> str | None:
        """The word that a recording of such a corpus is a take of, None for anything else; Refusal without words."""
        if not self._words:
            raise Refusal(
                f"{named(','.join(corpus))} is given as positive and as negative and no other takes tell which of its "
                "texts are the word: wants data.positive=FOLDER with takes of the word besides"
            )
        return None if text is None else self._words.get(" ".join(text.split()).casefold())

    def belongs(self, corpus: Corpus, kind: str, clip: Clip) -> bool:
        """Whether a recording of such a corpus is of this kind; without a text it is of none yet, and counted."""
        word = self.word(corpus, clip.text)
        if clip.text is None:
            if kind == "positive":
                self._waiting.append(clip.where)
            return False
        return (word is not None) == (kind == "positive")

    def waits(self, clip: Clip) -> bool:
        """Whether nobody has said yet what is said in a recording of such a corpus: then it is of none, and counted."""
        if clip.text is None:
            self._waiting.append(clip.where)
        return clip.text is None

    def notes(self) -> list[str]:
        """What is worth saying of those that wait to be labelled."""
        if not self._waiting:
            return []
        count, places = len(self._waiting), "; ".join(self._waiting[:SHOWN])
        them, first = "it" if count == 1 else "them", "the first: " if count > SHOWN else ""
        return [
            f"{counted(count, 'recording')} left out, as nobody has said yet what is said in {them}: no text "
            f"({first}{places})"
        ]
