"""A run beside another one on the same data: what lies between them, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from melisma.evaluation.compare import gaps
from melisma.evaluation.evaluate import Evaluation
from melisma.evaluation.meaning import gap, verdict
from melisma.evaluation.spotted import apart_by, vain_by
from melisma.measures.groups import Gap, Groups
from melisma.measures.poisson import rate_gap
from melisma.measures.share import share_gap

RATED = {"false_alarms": "false alarm"}
"""Measure -> what is counted, where that is no example."""


@dataclass(frozen=True)
class Beside:
    """What a page and a terminal tell of two runs; a gap is by how much the first one scores above the second."""

    names: tuple[str, str]
    against: Evaluation
    gaps: Mapping[str, Gap]
    sentences: tuple[str, ...]

    def verdict(self, measure: str) -> str:
        """Whether what lies between them by a measure is more than chance, in words; empty where nobody knows."""
        found = self.gaps.get(measure)
        if found is None:
            return ""
        if not found.value and found.ends is None:
            return "is none"
        return verdict(found, RATED.get(measure, self.against.example))


def beside_texts(
    names: tuple[str, str],
    found: Evaluation,
    against: Evaluation,
    sources: Sequence[str],
    references: Sequence[str],
    speakers: Groups | None = None,
) -> Beside:
    """Of answers that are texts: every measure that counts examples, drawn in pairs, those of a speaker together."""
    texts = [[answer.text for answer in one.answers] for one in (against, found)]
    between = gaps(texts[0], texts[1], references, sources, found.measures, speakers)
    told = tuple(gap(name, *names, between[name], found.example) for name in found.measures if name in between)
    return Beside(names, against, between, told)


def beside_alarms(
    names: tuple[str, str],
    against: Evaluation,
    missed: tuple[Sequence[bool], Sequence[bool]],
    speakers: Groups,
    vain: tuple[int, int],
    hours: float,
) -> Beside:
    """Of alarms: words ``missed`` by both on the same takes, false alarms in ``vain`` of both in the same ``hours``."""
    between, told = {}, []
    if missed[0]:
        between["misses"] = share_gap(missed[1], missed[0], speakers)
        told.append(apart_by(between["misses"], len(missed[0]), names))
    if hours > 0:
        value = (vain[0] - vain[1]) / hours
        between["false_alarms"] = Gap(value, *rate_gap(vain[1], vain[0], hours), 0, sum(vain))
        told.append(vain_by(between["false_alarms"], hours, names))
    return Beside(names, against, between, tuple(told))
