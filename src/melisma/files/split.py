"""Cuts a validation set off so that nothing in it was trained on, and counts what two sets share."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.files.columns import Pair
from melisma.files.groups import Groups
from melisma.files.stored import Without
from melisma.files.watch import passing
from melisma.quoting import counted

ENOUGH = 0.5  # part of the wanted validation set below which the cut is refused


@dataclass(frozen=True)
class Overlap:
    """How many of the held-out pairs occur in the training data as well, after folding case and white space."""

    sources: int  # held-out pairs whose source does
    targets: int  # … whose target does
    pairs: int  # … of which both do, in one training pair
    held_out: int  # pairs held out, in all

    def warning(self) -> str | None:
        """The sentence for a user, or None if no source is shared (targets often are, lawfully)."""
        if not self.sources:
            return None
        return (
            f"{self.sources:,} of {self.held_out:,} held-out sources ({_percent(self.sources, self.held_out)}) occur in"
            f" the training data too, {self.pairs:,} with the same target ({_percent(self.pairs, self.held_out)});"
            " scores on them tell what was remembered, not what was learned"
        )


def fold(text: str) -> str:
    """The text as overlap is judged: case folded (Unicode's canonical caseless match), NFC, single spaces."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold()).split())


def cut(
    pairs: Sequence[Pair], *, size: int | None = None, share: float | None = None, seed: int
) -> tuple[Sequence[Pair], list[Pair]]:
    """Training and validation pairs, each in the order given, that share no folded source and no folded target.

    Exactly one of `size` (pairs) and `share` (0 to 1) says how many to hold out. Pairs that hang together through equal
    sources or targets move together; groups are drawn in an order that depends on their content and `seed` alone, and a
    group too large for the room left stays in training. Raises Refusal where that leaves less than half of what was
    asked for. Of the pairs that are not held out no more is kept in memory than a number each.
    """
    wanted = _wanted(len(pairs), size, share)
    groups = Groups()
    for pair in passing("pairs compared", pairs, len(pairs)):
        key = source, target = _key(pair)
        groups.add(_digest(source), _digest(target), _rank(key, seed))
    held: set[int] = set()
    for group in groups.drawn(lambda index: _key(pairs[index]), wanted):
        if len(held) + len(group) <= wanted:
            held.update(group)
        if len(held) == wanted:
            break
    if len(held) < ENOUGH * wanted:
        raise Refusal(
            f"only {len(held):,} of the {counted(wanted, 'pair')} wanted for validation can be held out of "
            f"{len(pairs):,}: too many share their source or target with others; "
            "give a validation set of your own: data.valid=FILES"
        )
    places = sorted(held)
    left = [pair for index, pair in enumerate(pairs) if index not in held] if isinstance(pairs, list) else None
    return Without(pairs, places) if left is None else left, [pairs[index] for index in places]


def overlap(train: Sequence[Pair], valid: Sequence[Pair]) -> Overlap:
    """How many pairs of `valid` share their folded source, target, or both with a pair of `train`."""
    tested = [_key(pair) for pair in valid]
    wanted = (frozenset(source for source, _ in tested), frozenset(target for _, target in tested), frozenset(tested))
    met: tuple[set[str], set[str], set[tuple[str, str]]] = (set(), set(), set())
    for pair in passing("pairs compared", train, len(train)):  # nothing of it is held but what valid has too
        key = source, target = _key(pair)
        met[0].update({source} & wanted[0])
        met[1].update({target} & wanted[1])
        met[2].update({key} & wanted[2])
    return Overlap(
        sources=sum(source in met[0] for source, _ in tested),
        targets=sum(target in met[1] for _, target in tested),
        pairs=sum(pair in met[2] for pair in tested),
        held_out=len(tested),
    )


def _wanted(pairs: int, size: int | None, share: float | None) -> int:
    if (size is None) == (share is None):
        raise Refusal("a validation set is cut off by size or by share; give one of the two")
    if share is not None and not 0 < share < 1:
        raise Refusal(f"a share of {share} cannot be held out for validation; between 0 and 1 is wanted")
    wanted = max(1, round((share or 0) * pairs)) if size is None else size
    if not 0 < wanted < pairs:
        raise Refusal(
            f"{counted(wanted, 'pair')} cannot be held out of {pairs:,} for validation; 1 to {max(1, pairs - 1):,} can"
        )
    return wanted


def _key(pair: Pair) -> tuple[str, str]:
    return fold(pair.source), fold(pair.target)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _rank(key: tuple[str, str], seed: int) -> bytes:
    text = f"{seed}\0{key[0]}\0{key[1]}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()[:8]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if part in (0, whole) else f"{100 * part / whole:.1f} %"
