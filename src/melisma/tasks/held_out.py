"""What is cut off to validate on: whole groups of recordings, so that nobody in it is trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from melisma.quoting import counted, named


class Held(NamedTuple):
    """Which recordings are cut off, by their places, and a sentence on it."""

    places: frozenset[int]
    said: str


def held_out(groups: Sequence[str], words: Sequence[str], share: float, seed: int, thing: str) -> Held:
    """About a ``share`` of the recordings, in whole groups; every word stays with half of its own at least.

    Groups are drawn by lot until there are enough. A word that is in one group alone gives single recordings, which the
    sentence says, as scores on them say little of others. ``thing`` is what a recording is called there.
    """
    of = Counter(words)
    random = Random(f"cut {seed}")
    order = sorted(set(groups))
    random.shuffle(order)
    held: set[int] = set()
    gone: Counter[str] = Counter()

    def take(group: str) -> None:
        places = [place for place, one in enumerate(groups) if one == group]
        lost = Counter(words[place] for place in places)
        if all(2 * (gone[word] + count) <= of[word] for word, count in lost.items()):
            held.update(places)
            gone.update(lost)

    for group in order:
        if len(held) < share * len(groups):
            take(group)
    for word in of:
        for group in order:
            if not gone[word] and any(one == group and own == word for one, own in zip(groups, words)):
                take(group)
    whole, alone = len({groups[place] for place in held}), list[str]()
    for word in sorted(of):
        if not gone[word] and of[word] > 1:
            own = [place for place, one in enumerate(words) if one == word]
            held.update(random.sample(own, max(1, min(len(own) // 2, round(share * len(own))))))
            alone.append(word)
    said = f"{counted(len(held), thing)} of {len(groups):,} cut off"
    if whole:
        said += f", with {whole:,} of {counted(len(order), 'group')} of them; nobody in these is trained on"
    if alone:
        of_what = f" of {', '.join(map(named, alone))}" if any(alone) else ""
        said += (
            f"{';' if whole else ','} those{of_what} of groups that are trained on too: scores on others will be lower"
        )
    return Held(frozenset(held), said)
