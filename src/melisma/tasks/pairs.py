"""Pairs of texts as symbols, and batches of them as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Generator, Tensor

from melisma.errors import Refusal
from melisma.files.columns import Pair
from melisma.files.watch import passing
from melisma.ragged import Ragged
from melisma.settings.translate import TranslateSettings
from melisma.tasks.drawn_pairs import DrawnPairs, drawn_pairs
from melisma.text.units import Unit, from_json, learn
from melisma.text.vocabulary import END, START


@dataclass(frozen=True)
class PairBatch:
    """Encoded pairs: the source with its end, the target heard (from START on) and wanted (up to END)."""

    source: Ragged  # rows (N,)
    heard: Ragged  # rows (M,)
    wanted: Tensor  # (M,) in the order of the rows of ``heard``
    weight: Tensor | None = None

    @property
    def size(self) -> int:
        return self.source.batch

    @property
    def counts(self) -> Mapping[str, int]:
        return {"symbols": len(self.wanted)}

    def to(self, device: torch.device) -> PairBatch:
        if device.type == self.wanted.device.type:
            return self
        weight = None if self.weight is None else self.weight.to(device)
        return PairBatch(
            self.source.to(device), self.heard.to(device), self.wanted.to(device, non_blocking=True), weight
        )

    def part(self, index: int, parts: int) -> PairBatch:
        chosen = torch.arange(index, self.size, parts)
        weight = None if self.weight is None else self.weight[chosen]
        heard = self.heard.take(chosen)
        return PairBatch(self.source.take(chosen), heard, self.heard.with_rows(self.wanted).take(chosen).rows, weight)


@dataclass(frozen=True)
class PairCodec:
    """Texts of both sides <-> symbols."""

    source: Unit
    target: Unit
    shared: bool
    drawn: DrawnPairs | None = field(default=None, repr=False, compare=False)  # how pairs are cut in training

    @staticmethod
    def learn(examples: Sequence[Pair], settings: TranslateSettings) -> PairCodec:
        """Learned on training pairs only; with ``text.shared`` one unit on both sides together, else one of each."""
        if settings.text.shared:
            both = passing("pairs whose symbols are learned", examples, len(examples))
            unit = learn((side for pair in both for side in (pair.source, pair.target)), settings.text)
            return PairCodec(unit, unit, True, drawn_pairs(unit, unit, settings))
        sources = passing("sources whose symbols are learned", examples, len(examples))
        targets = passing("targets whose symbols are learned", examples, len(examples))
        text = replace(settings.text, unit=settings.text.units[1])
        sides = (
            learn((pair.source for pair in sources), settings.text),
            learn((pair.target for pair in targets), text),
        )
        return PairCodec(*sides, False, drawn_pairs(*sides, settings))

    @staticmethod
    def from_json(data: object, settings: TranslateSettings) -> PairCodec:
        if not isinstance(data, dict) or "source" not in data:
            raise Refusal("codec.json: there is no source unit in it; the file of the training run is wanted")
        source = from_json(data["source"])
        target = from_json(data["target"]) if "target" in data else source
        return PairCodec(source, target, "target" not in data, drawn_pairs(source, target, settings))

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source.to_json()} | ({} if self.shared else {"target": self.target.to_json()})

    def symbols(self, examples: Sequence[Pair]) -> list[tuple[list[int], list[int]]]:
        """Each pair's symbols, the source with its end."""
        sources = self.encode_source([pair.source for pair in examples])
        return list(zip(sources, self.target.encode([pair.target for pair in examples])))

    def encode_source(self, texts: Sequence[str]) -> list[list[int]]:
        return [[*symbols, END] for symbols in self.source.encode(texts)]


def trained_on(codec: PairCodec, pairs: Sequence[tuple[list[int], list[int]]], random: Generator) -> PairBatch:
    """A batch to learn from: where the settings have it so, its sub-words are drawn."""
    return batched(pairs if codec.drawn is None else codec.drawn(pairs, random))


def batched(pairs: Sequence[tuple[list[int], list[int]]]) -> PairBatch:
    """Symbols of pairs as tensors."""
    heard = Ragged.of_symbols([[START, *target] for _, target in pairs])
    wanted = Ragged.of_symbols([[*target, END] for _, target in pairs])
    return PairBatch(Ragged.of_symbols([source for source, _ in pairs]), heard, wanted.rows)
