"""What follows what in whole words: the n-gram model of the training transcripts, or of a text given when answering."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

from melisma.baselines.ngram import KneserNey
from melisma.errors import Refusal
from melisma.files.lines import Lines
from melisma.files.opening import at_home
from melisma.quoting import named
from melisma.search.words import Words
from melisma.settings.transcribe import HearingSettings, SpellingSettings
from melisma.tasks.hearing import HearingCodec
from melisma.tasks.utterances import written


def model_of_words(codec: HearingCodec, search: HearingSettings) -> Words:
    """log p(word | words before), weighted, as the search asks it: where a word ends.

    A word of the model that the symbols cannot spell counts in it, and is never heard. Refusal where there is no such
    model, and where the file it is to be counted in is none or has no word that can be spelled.
    """
    model = codec.words if search.corpus is None else _counted(codec, search.corpus)
    if model is None:
        raise Refusal(
            "this model has no n-gram model of words (text.word_language=0): wants search.word_language=0, or "
            "search.corpus=FILE to count them in"
        )
    spellings = _spellings(codec, [word for word in model.tokens if isinstance(word, str)])
    if not spellings:
        raise Refusal(f"search.corpus={named(search.corpus or '')}: none of its words can be spelled by this model")
    pieces = codec.pieces(range(1, codec.size))
    return Words(
        model,
        spellings,
        separators=() if codec.separator is None else (codec.separator,),
        beginnings=[label for label, piece in enumerate(pieces, 1) if piece.startswith(" ") and piece.strip()],
        weight=search.word_language,
        insertion=search.word_bonus,
        unknown=-search.unknown,
    )


def _spellings(codec: HearingCodec, words: list[str]) -> dict[Sequence[int], str]:
    """The labels of each word that has them."""
    place = {symbol: label for label, symbol in enumerate(codec.symbols, 1)}
    found: dict[Sequence[int], str] = {}
    for word, symbols in zip(words, codec.unit.encode(words)):
        if symbols and all(symbol in place for symbol in symbols):
            found[tuple(place[symbol] for symbol in symbols)] = word
    return found


def _counted(codec: HearingCodec, path: str) -> KneserNey:
    """The model of a file's words, of as many together as that of the transcripts, or three."""
    order = SpellingSettings.word_language if codec.words is None else codec.words.order
    home = at_home(path)
    try:
        about = os.stat(home)
        known = about.st_mtime_ns, about.st_size
    except OSError:  # is told by whoever reads it
        known = 0, 0
    return _read(home, order, codec.lowercase, known)


@lru_cache(maxsize=2)
def _read(path: str, order: int, lowercase: bool, known: tuple[int, int]) -> KneserNey:
    """The model of a file as it is now: ``known`` is when it was changed, and its size."""
    sentences = (written(line, lowercase).split() for line in Lines(path) if line)
    some = [sentence for sentence in sentences if sentence]
    if not some:
        raise Refusal(f"search.corpus={named(path)}: there is no word in it; sentences are wanted, a line each")
    return KneserNey.of(some, order)
