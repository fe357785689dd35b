"""Learning byte-pair merges (Sennrich, Haddow & Birch 2016) with the library `tokenizers`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

_AT_A_TIME = 1000


def learn(counts: Mapping[str, int], room: int, least: int) -> list[tuple[str, str]]:
    """Merges, best first, that make at most `room` new pieces out of words cut into characters.

    `counts` says how often each word occurs; a line end in a word is a border that no merge crosses. A pair must occur
    `least` times, and twice at least. The same counts give the same merges: ties go to the smaller code points.
    """
    characters = {char for word in counts for char in word if char != "\n"}
    if room <= 0 or not characters:
        return []
    # The library reads this when it trains; one thread is enough and keeps later forks free of its warnings.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.CharDelimiterSplit("\n")
    trainer = trainers.BpeTrainer(
        vocab_size=len(characters) + room, min_frequency=max(2, least), show_progress=False, special_tokens=[]
    )
    tokenizer.train_from_iterator(_occurrences(counts), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(left, right) for left, right in merges]


def _occurrences(counts: Mapping[str, int]) -> Iterator[str]:
    for word in sorted(counts):
        whole, rest = divmod(counts[word], _AT_A_TIME)
        for times in [_AT_A_TIME] * whole + [rest]:
            yield (word + "\n") * times
