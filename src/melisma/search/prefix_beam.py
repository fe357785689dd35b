"""Prefix beam search: the likeliest answers of CTC, each summed over its alignments, chunk by chunk.

The plain form is a table of prefixes and twenty lines. Here prefixes are nodes of a tree, so that none is ever copied
or compared as a sequence; a frame's symbols come sorted, so that what cannot enter the beam is not looked at; and
frames in which one symbol alone is possible are taken together. A test holds all of it to the plain form.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heapreplace
from math import exp, inf, log, log1p
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.search.heard import BLANK, Heard, Spoken, checked
from melisma.search.language import Language, greatest, together
from melisma.search.prefix import NONE, Asked, Prefix, beginning, shared, spelled

__all__ = ["EVERYTHING", "Beams", "Language", "PrefixBeam", "Pruning"]

EVERY = 32  # frames after which it is decided what no longer matters
LEAST = -1.7e308  # what is not −∞ lies above
SLACK = 1e-9  # by how much what may enter a beam is taken too wide, for the rounding of sums
SCORE = itemgetter(0)
Frames = NDArray[np.float64]
Run = tuple[int, int, int, int, float]
"""Frames that say one symbol: (symbol, first frame, frame after the last, peak, log-probability there)."""
Candidates = list[tuple[int, float, float]]
"""Symbols of a frame: (symbol, its log-probability, that with what a language may add at most), by the last."""
Possible = tuple[float, Candidates, dict[int, float]]
"""What a frame may say: (log-probability of the blank, the other symbols, log-probability of each of these)."""
Link = tuple[Any, int, int, int, int, float] | None
"""An alignment's last symbol: (the link before, symbol, first frame, frame after the last, peak, log-probability)."""
Beam = tuple[float, Any, float, float, float, float, float, Link, Link]
"""One prefix with its alignments, nats: (score, prefix, total, blank, other, best blank, best other, links of both).

``total`` is the sum over all alignments, ``blank`` over those that end in the blank, ``other`` over those that end in
the prefix's last symbol; beside both sums the likeliest of their alignments, and where its symbols stand.
"""
Grown = tuple[float, Beam, int, float, float, float]
"""(score, the prefix before, symbol, its log-probability, sum of the alignments, what has been added in all)."""


@dataclass(frozen=True)
class Pruning:
    """What is not looked at; ``EVERYTHING`` leaves nothing out.

    A symbol more than ``symbols`` nats below the likeliest of its frame is taken as impossible there, a prefix more
    than ``prefixes`` nats below the best one leaves the beam, and in a frame whose blank has a probability above
    ``blank`` nothing else is possible. What an answer's log-probability lacks is the alignments left out. A prefix that
    differs from the best one more than ``undecided`` symbols back leaves too (looked for every ``EVERY`` frames): two
    that differ far back say the same from there on, and an endless stream would hold all of it and decide nothing.
    """

    symbols: float = 5.0
    prefixes: float = 10.0
    blank: float = 0.999
    undecided: float = 100

    def __post_init__(self) -> None:
        for name, value in (("symbols", self.symbols), ("prefixes", self.prefixes), ("undecided", self.undecided)):
            if not value >= 0:
                raise Refusal(f"{name} of a pruning is {value}: it must be 0 or more.")
        if not 0.5 <= self.blank <= 1:
            raise Refusal(f"blank is {self.blank}: the probability that makes a frame silent is 0.5 to 1.")


EVERYTHING = Pruning(inf, inf, 1.0, inf)
PLAIN = Pruning()


class Beams(NamedTuple):
    """What the search knows between two chunks: the living prefixes, best first."""

    frames: int  # how many there were
    height: float  # the sum of the greatest log-probability of every frame, which what stands in ``living`` lies below
    living: list[Beam]


class PrefixBeam:
    """The likeliest answers of frames, chunk by chunk: argmax_ℓ [ log Σ_{π: B(π) = ℓ} p(π | x) + added(ℓ) ].

    ``symbols`` is V with the blank (0), ``beam`` the number of prefixes that go on. Per prefix the alignments that end
    in the blank and those that end in its last symbol are summed apart, since only the former can say that symbol
    again. ``language``, ``constraint`` and ``hot`` each add to the score of a prefix by every symbol and at the end.
    Without ``pruning`` it is ``PLAIN``, but nothing is pruned under a constraint, as what it allows may be unlikely.
    The same answers to the bit however the frames are cut. Equal scores: the prefix that was better before goes first,
    then the likelier symbol, then the lower. Sources: Graves 2012, section 7.5.3; Hannun, Maas, Jurafsky and Ng 2014.
    """

    def __init__(
        self,
        symbols: int,
        beam: int,
        *,
        pruning: Pruning | None = None,
        language: Language | None = None,
        constraint: Language | None = None,
        hot: Language | None = None,
    ) -> None:
        if beam < 1:
            raise Refusal(f"beam is {beam}: a search keeps 1 prefix or more.")
        if symbols < 1:
            raise Refusal(f"symbols is {symbols}: there is at least the blank.")
        self.symbols, self.beam = symbols, beam
        self.pruning = pruning or (PLAIN if constraint is None else EVERYTHING)
        self.added = together([part for part in (language, constraint, hot) if part is not None])
        self._asked = Asked(self.added, symbols)
        self._most = [0.0 if self.added is None else greatest(self.added, one) for one in range(symbols)]
        self.most = np.array(self._most)

    def start(self) -> Beams:
        """The state before the first frame."""
        return Beams(0, 0.0, [(0.0, self._asked.start(), 0.0, 0.0, -inf, 0.0, -inf, None, None)])

    def feed(self, state: Beams, log_probabilities: NDArray[Any]) -> Beams:
        """The state after these frames (T, V), nats."""
        frames = checked(log_probabilities, self.symbols, state.frames)
        if not len(frames):
            return state
        likeliest, tops = frames.argmax(1), frames.max(1)
        kept = self._possible(frames, tops)
        alone = np.where(kept.sum(1) == 1, likeliest, NONE)  # the only symbol of a frame
        decides = np.arange(state.frames, state.frames + len(frames)) % EVERY == 0
        differs = (alone[1:] != alone[:-1]) | (alone[1:] == NONE) | decides[1:]
        begins = [0, *(np.flatnonzero(differs) + 1).tolist()]
        symbols, values, doubtful = alone.tolist(), tops.tolist(), self._doubtful(frames, kept, alone, tops)
        living = state.living
        for begin, end in zip(begins, [*begins[1:], len(symbols)]):
            if (state.frames + begin) % EVERY == 0:
                living = self._decided(living)
            found = doubtful[begin]
            if found is not None:
                living = self._searched(living, found, state.frames + begin, values[begin])
            elif symbols[begin] == BLANK:
                living = [one if one[4] == -inf else _silent(one) for one in living]
            else:
                peak = begin if end == begin + 1 else max(range(begin, end), key=values.__getitem__)
                run = (symbols[begin], *(state.frames + place for place in (begin, end, peak)), values[peak])
                living = self._said(living, run)
        height = float(np.cumsum(np.concatenate(([state.height], tops)))[-1])  # one by one: cuts are not seen
        return Beams(state.frames + len(symbols), height, living)

    def stable(self, state: Beams) -> tuple[int, ...]:
        """The symbols that no further frame can change: what all living prefixes begin with."""
        return spelled(shared([one[1] for one in state.living]))

    def finish(self, state: Beams, best: int | None = None) -> list[Heard]:
        """The ``best`` living prefixes that may end here as answers, better ones first; all of them if None.

        There is none where the constraint allows none, or where a frame allows nothing.
        """
        ended = []
        for one in state.living:
            score = one[0] + (0.0 if self.added is None else self.added.end(self._asked.state(one[1])))
            if score > -inf:
                ended.append((score, one))
        ended.sort(key=lambda pair: -pair[0])
        return [_heard(score, one, state.height) for score, one in ended[:best]]

    def _possible(self, frames: Frames, tops: Frames) -> NDArray[np.bool_]:
        """Which symbols of each frame are not pruned (T, V)."""
        likely = np.maximum(tops - self.pruning.symbols, LEAST)
        kept: NDArray[np.bool_] = frames >= likely[:, None]
        if self.pruning.blank < 1:
            silent = frames[:, BLANK] > log(self.pruning.blank)
            kept[silent, BLANK + 1 :] = False
        return kept

    def _doubtful(
        self, frames: Frames, kept: NDArray[np.bool_], alone: NDArray[np.int64], tops: Frames
    ) -> list[Possible | None]:
        """Of each frame what is possible, below its likeliest symbol, the symbols sorted; None: it is one alone."""
        found: list[Possible | None] = [None] * len(frames)
        rows = np.flatnonzero(alone == NONE)
        if not len(rows):
            return found
        below = np.where(kept, frames - np.maximum(tops, LEAST)[:, None], -inf)[rows]
        blanks, others = below[:, BLANK].tolist(), kept[rows, BLANK + 1 :]
        numbers, symbols = others.nonzero()
        values = below[:, BLANK + 1 :][others]
        symbols += BLANK + 1
        bounds = values + self.most[symbols]
        order = np.lexsort((-bounds, numbers))
        ordered, logs = symbols[order].tolist(), values[order].tolist()
        candidates = list(zip(ordered, logs, bounds[order].tolist()))
        ends = others.sum(1).cumsum().tolist()
        for row, blank, begin, end in zip(rows.tolist(), blanks, [0, *ends], ends):
            found[row] = blank, candidates[begin:end], dict(zip(ordered[begin:end], logs[begin:end]))
        return found

    def _said(self, living: list[Beam], run: Run) -> list[Beam]:
        """The living prefixes after frames in which nothing but one symbol is possible."""
        symbol, begin, end, peak, value = run
        found: dict[Prefix, Beam] = {}
        staying = {one[1] for one in living if one[1].symbol == symbol and one[4] > -inf}
        depth, most, least = self.pruning.prefixes + SLACK, self._most[symbol], -inf
        for one in living:
            prefix, (mass, best, come) = one[1], _entering(one, symbol)
            if prefix in staying:
                other, link = one[4], _repeated(one[8], end, peak, value)
                _merge(found, (other + prefix.bonus, prefix, other, -inf, other, -inf, one[6], None, link))
                least = max(least, other + prefix.bonus - depth)
            met = bool(staying) and prefix.known(symbol) in staying
            if mass == -inf or (mass + prefix.bonus + most <= least and not met):
                continue  # whatever it brings, the best one is too far above it
            bonus = prefix.bonus + self._asked.step(prefix, symbol)
            score = mass + bonus
            if score > least or (met and score > -inf):
                after, link = prefix.longer(symbol, bonus), (come, symbol, begin, end, peak, value)
                _merge(found, (score, after, mass, -inf, mass, -inf, best, None, link))
                if score - depth > least:
                    least = score - depth
        if len(found) < 2:
            return list(found.values())
        ranked = sorted(found.values(), key=SCORE, reverse=True)[: self.beam]
        lowest = ranked[0][0] - self.pruning.prefixes
        return [one for one in ranked if one[0] >= lowest]

    def _decided(self, living: list[Beam]) -> list[Beam]:
        """The living prefixes without those that differ from the best one too far back."""
        if not living or living[0][1].depth <= self.pruning.undecided:
            return living
        last = shared([one[1] for one in living])
        if last is None or living[0][1].depth - last.depth <= self.pruning.undecided:
            return living
        least = living[0][1].depth - int(self.pruning.undecided)
        root = beginning(living[0][1], least)
        return [one for one in living if one[1].depth >= least and beginning(one[1], least) is root]

    def _searched(self, living: list[Beam], found: Possible, frame: int, top: float) -> list[Beam]:
        """The living prefixes after a frame in which several symbols are possible, or none."""
        stayed, taken = _stayed(living, found, frame, top)
        grown = self._grown(living, found[1], taken, [one[0] for one in stayed]) if found[1] else []
        both: list[Beam | Grown] = [*stayed, *grown]
        both.sort(key=SCORE, reverse=True)
        lowest = max(both[0][0] - self.pruning.prefixes, LEAST) if both else 0.0
        return [
            one if isinstance(one[1], Prefix) else _born(one, frame, top)  # type: ignore[arg-type]
            for one in both[: self.beam]
            if one[0] >= lowest
        ]

    def _grown(
        self, living: list[Beam], symbols: Candidates, taken: dict[Any, set[int]], scores: list[float]
    ) -> list[Grown]:
        """The prefixes one symbol longer that are new and may enter a beam in which those of ``scores`` stand."""
        heap: list[float] = []  # the best of all so far, the worst of them first, once there are enough
        room, depth, first = self.beam - len(scores), self.pruning.prefixes + SLACK, symbols[0][2]
        cutoff = least = max(scores) - depth if scores else -inf
        if room <= 0:
            heap = scores.copy()
            heapify(heap)
            cutoff = max(heap[0], least)
        grown: list[Grown] = []
        for one in living:
            before, prefix, total, blank, _, _, _, _, _ = one
            if before + first <= cutoff:
                break  # and so are all that follow, as the better ones come first
            known, last, bonus, steps = taken.get(prefix, ()), prefix.symbol, prefix.bonus, prefix.steps
            for symbol, value, most in symbols:
                if before + most <= cutoff:
                    break
                if symbol in known or (symbol == last and blank == -inf):
                    continue
                mass = value + (blank if symbol == last else total)
                if steps is None:
                    steps = self._asked.steps(prefix)
                step = steps.get(symbol)
                added = bonus + (self._asked.step(prefix, symbol) if step is None else step)
                score = mass + added
                if score <= cutoff:
                    continue
                grown.append((score, one, symbol, value, mass, added))
                if heap:
                    heapreplace(heap, score)
                elif len(grown) == room:
                    heap = [*scores, *(each[0] for each in grown)]
                    heapify(heap)
                if score - depth > least:
                    least = score - depth
                cutoff = heap[0] if heap and heap[0] > least else least
        return grown


def _added(a: float, b: float) -> float:
    """log(eᵃ + eᵇ)."""
    if a < b:
        a, b = b, a
    return a if b == -inf else a + log1p(exp(b - a))


def _silent(one: Beam) -> Beam:
    """A prefix after frames in which nothing but the blank is possible."""
    score, prefix, total, _, _, best_blank, best_other, link_blank, link_other = one
    if best_blank >= best_other:
        return score, prefix, total, total, -inf, best_blank, -inf, link_blank, None
    return score, prefix, total, total, -inf, best_other, -inf, link_other, None


def _merge(found: dict[Prefix, Beam], one: Beam) -> None:
    """Adds alignments of a prefix, all of which end in its last symbol, to those that were found before."""
    known = found.get(one[1])
    if known is not None:
        total = _added(known[2], one[2])
        likelier = one if one[6] > known[6] else known
        one = (total + one[1].bonus, one[1], total, -inf, total, -inf, likelier[6], None, likelier[8])
    found[one[1]] = one


def _stayed(living: list[Beam], found: Possible, frame: int, top: float) -> tuple[list[Beam], dict[Any, set[int]]]:
    """What a frame brings to the prefixes that live already, and which of them go on to which other ones."""
    blank, _, values = found
    places: dict[Any, Beam] = {}
    stayed: list[Beam] = []
    taken: dict[Any, set[int]] = {}
    for one in living:
        _, prefix, total, _, other, best_blank, best_other, link_blank, link_other = one
        value = values.get(prefix.symbol)
        if value is None and blank == 0 and other == -inf:
            stayed.append(one)  # as it was
            continue
        likeliest, link = (best_blank, link_blank) if best_blank >= best_other else (best_other, link_other)
        still, said, best_said, link_said = total + blank, -inf, -inf, None
        if value is not None:
            if other > -inf:
                said, best_said = other + value, best_other + value
                link_said = _repeated(link_other, frame + 1, frame, value + top)
            places = places or {each[1]: each for each in living}
            before = places.get(prefix.before)
            if before is not None:
                taken.setdefault(prefix.before, set()).add(prefix.symbol)
                mass, best, come = _entering(before, prefix.symbol)
                said = _added(said, mass + value)
                if best + value > best_said:
                    best_said = best + value
                    link_said = (come, prefix.symbol, frame, frame + 1, frame, value + top)
        if still == said == -inf:
            continue
        both = still if said == -inf else _added(still, said)
        stayed.append((both + prefix.bonus, prefix, both, still, said, likeliest + blank, best_said, link, link_said))
    return stayed, taken


def _entering(one: Beam, symbol: int) -> tuple[float, float, Link]:
    """Sum, likeliest and link of the alignments of a prefix after which this symbol is a new one."""
    _, prefix, total, blank, _, best_blank, best_other, link_blank, link_other = one
    if symbol == prefix.symbol:
        return blank, best_blank, link_blank
    return (total, best_blank, link_blank) if best_blank >= best_other else (total, best_other, link_other)


def _born(grown: Grown, frame: int, top: float) -> Beam:
    """A prefix that has just come to live."""
    score, (_, prefix, _, _, _, best_blank, best_other, link_blank, link_other), symbol, value, mass, bonus = grown
    if best_blank >= best_other or symbol == prefix.symbol:
        best, come = best_blank, link_blank
    else:
        best, come = best_other, link_other
    link = (come, symbol, frame, frame + 1, frame, value + top)
    return score, prefix.longer(symbol, bonus), mass, -inf, mass, -inf, best + value, None, link


def _repeated(link: Link, end: int, peak: int, value: float) -> Link:
    """The last symbol, said until a later frame."""
    assert link is not None
    before, symbol, begin, _, old, highest = link
    return (before, symbol, begin, end, peak, value) if value > highest else (before, symbol, begin, end, old, highest)


def _likelier(one: Beam) -> Link:
    """The likeliest alignment of a prefix."""
    return one[7] if one[5] >= one[6] else one[8]


def _spoken(link: Link) -> tuple[Spoken, ...]:
    spoken = []
    while link is not None:
        link, symbol, begin, end, peak, value = link
        spoken.append(Spoken(symbol, begin, end, peak, exp(value)))
    return tuple(reversed(spoken))


def _heard(score: float, one: Beam, height: float) -> Heard:
    return Heard(spelled(one[1]), score + height, one[2] + height, _spoken(_likelier(one)))
