"""Pairs whose sub-words are cut otherwise at each step of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import torch
from torch import Generator

from melisma.settings.translate import TranslateSettings
from melisma.text.drawn import DrawnCuts
from melisma.text.subwords import Subwords
from melisma.text.units import Unit
from melisma.text.vocabulary import END

Symbols = tuple[list[int], list[int]]  # the source with its end, the target
Draw = Callable[[Sequence[int], Random], Sequence[int]]


class DrawnPairs:
    """Both sides of pairs cut anew, as far as they are sub-words; the draws are a function of the generator alone.

    A pair that would so become longer than the limits, in symbols, stays as it is. Batches are chosen by the symbols of
    the plain cuts, so with these they hold more: about a quarter with a dropout of 0.1.
    """

    def __init__(self, draws: tuple[Draw, Draw], limits: tuple[int, int]) -> None:
        self._source, self._target = draws
        self._limits = limits

    def __call__(self, pairs: Sequence[Symbols], random: Generator) -> list[Symbols]:
        """The pairs, cut anew."""
        lots = Random(int(torch.randint(1 << 62, (), generator=random)))
        return [self._drawn(pair, lots) for pair in pairs]

    def _drawn(self, pair: Symbols, lots: Random) -> Symbols:
        source, target = self._source(pair[0][:-1], lots), self._target(pair[1], lots)
        if len(source) > self._limits[0] or len(target) > self._limits[1]:
            return pair
        return [*source, END], list(target)


def drawn_pairs(source: Unit, target: Unit, settings: TranslateSettings) -> DrawnPairs | None:
    """What the settings want for these units; None where every cut is the plain one."""
    freedom = settings.text.freedom
    if not freedom or not any(isinstance(unit, Subwords) for unit in (source, target)):
        return None
    first = _draw(source, freedom)
    draws = first, first if target is source else _draw(target, freedom)
    return DrawnPairs(draws, (settings.data.limit_source, settings.data.limit_target))


def _draw(unit: Unit, freedom: float) -> Draw:
    return DrawnCuts(unit, freedom) if isinstance(unit, Subwords) else lambda ids, random: ids
