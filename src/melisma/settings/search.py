"""How an answer is searched for, or drawn."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import setting
from melisma.settings.show import as_text

LONGEST_PREFIX = 10_000  # characters; no sentence begins with more


@dataclass(frozen=True)
class SearchSettings:
    """Beam search, which is greedy at a beam of 1; with a temperature answers are drawn instead."""

    beam: int = setting(
        5,
        help="hypotheses kept at every step; 1 is greedy",
        why="wider beams gain little and from some width on lose (Koehn and Knowles 2017)",
        low=1,
        high=1000,
    )
    batch: int = setting(
        64,
        help="sentences answered together",
        why="enough for large matrix products in little memory; answers do not depend on it",
        low=1,
        high=100_000,
    )
    length_penalty: float = setting(
        0.6,
        help="how much longer answers are favoured, the exponent of Wu et al. 2016; 0 compares plain probabilities",
        why="the value of Vaswani et al. 2017",
        low=0,
        high=10,
    )
    coverage_penalty: float = setting(
        0.0,
        help="how much is taken off for source symbols that attention passed over (Wu et al. 2016)",
        why="off, as it needs attention that aligns well",
        low=0,
        high=10,
    )
    minimum: int = setting(
        0,
        help="symbols an answer has at least",
        why="the model may answer as briefly as it likes",
        low=0,
        high=10_000,
    )
    maximum: int | None = setting(
        None,
        help="symbols an answer has at most; its end is not counted; none takes factor times the source's plus extra",
        why="a fixed number would cut long sentences off",
        low=1,
        high=100_000,
    )
    factor: float = setting(
        2.0,
        help="symbols of answer for each of the source, at most",
        why="translations seldom run to twice their source",
        low=0,
        high=1000,
    )
    extra: int = setting(
        10,
        help="symbols of answer allowed on top of factor",
        why="leaves room for very short sources",
        low=1,
        high=100_000,
    )
    alternatives: int = setting(
        1,
        help="answers listed for each input, the best first; at most the beam, of drawn ones any number",
        why="one input wants one answer unless asked",
        low=1,
        high=1000,
    )
    prefix: str = setting(
        "",
        help="text that every answer begins with; its last word may go on unless a blank ends the prefix",
        why="nobody has begun the answer",
    )
    temperature: float | None = setting(
        None,
        help="draws answers by chance, from probabilities to the power of 1/temperature: 1 as the model has them, less "
        "for likelier ones, 0 the likeliest; none searches with the beam",
        why="the best answer is wanted unless asked",
        low=0,
        high=100,
    )
    top_k: int | None = setting(
        None,
        help="draws from so many likeliest symbols, after temperature; none from all",
        why="a cut changes what the model says",
        low=1,
        high=1_000_000,
    )
    top_p: float | None = setting(
        None,
        help="draws from the fewest likeliest symbols that have this share of the probability together, after "
        "temperature and top_k (Holtzman et al. 2020); none from all",
        why="a cut changes what the model says",
        above=0,
        high=1,
    )
    ranked: bool = setting(
        True,
        help="lists drawn answers the likeliest first, else as they were drawn",
        why="the best first, as answers that are searched for",
    )
    seed: int = setting(
        1,
        help="where the chance of drawn answers starts; with another one others are drawn",
        why="any number does; one that is fixed makes answers repeatable",
        low=0,
        high=2**32 - 1,
    )
    exact: bool = setting(
        False,
        help="the same bits whoever shares the batch, at a cost in speed",
        why="decisions are the same anyway; only last digits of scores may differ",
    )

    int8: bool = setting(
        False,
        help="multiplies in 8-bit integers, on a processor that can: faster and a little less exact; beside other "
        "inputs the third digit of a score may differ, with exact=yes none does",
        why="what it costs differs from model to model, and is measured on the validation data when first asked for",
    )
    int8_bound: float = setting(
        0.3,
        help="points of the run's first measure that int8 may cost at most; what costs more is refused",
        why="0.3 BLEU is what two trainings of one model differ by",
        low=0,
        high=100,
    )

    @property
    def width(self) -> int:
        """How many answers to an input are written side by side."""
        return self.beam if self.temperature is None else self.alternatives

    def check(self) -> None:
        """Refuses more answers than hypotheses, an empty range of lengths, and a prefix that is no beginning."""
        if self.alternatives > self.width:
            raise Refusal(
                f"alternatives is {self.alternatives} and beam {self.beam}: wants a beam of at least the alternatives"
            )
        if self.maximum is not None and self.minimum > self.maximum:
            raise Refusal(f"minimum is {self.minimum} and maximum {self.maximum}: wants a minimum no larger")
        if len(self.prefix) > LONGEST_PREFIX:
            raise Refusal(f"prefix has {len(self.prefix):,} characters: wants at most {LONGEST_PREFIX:,}")

    def check_given(self, given: Collection[str], group: str = "") -> None:
        """Refuses what was ``given`` of searching where answers are drawn, and of drawing where they are searched for.

        What would be the same without it passes. ``group`` stands before the names.
        """
        drawn = self.temperature is not None
        told = f"{group}temperature={as_text(self.temperature)}"
        idle = (
            {"beam": (1,), "length_penalty": (0, type(self).length_penalty), "coverage_penalty": (0,)}
            if drawn
            else {"top_k": (None,), "top_p": (None, 1), "ranked": (True,), "seed": (1,)}
        )
        for name, harmless in idle.items():
            value = getattr(self, name)
            if f"{group}{name}" not in given or value in harmless:
                continue
            said = f"{group}{name}={as_text(value)}"
            if drawn:
                raise Refusal(
                    f"{said} belongs to a search and {told} draws: wants one of both ({group}temperature=none searches)"
                )
            raise Refusal(
                f"{said} says how answers are drawn and {told} draws none: wants {group}temperature=1, for instance"
            )
