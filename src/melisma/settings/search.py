"""How an answer is searched for."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import setting


@dataclass(frozen=True)
class SearchSettings:
    """Beam search, which is greedy at a beam of 1."""

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
        high=100_000,
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
        help="answers listed for each input, the best first; at most the beam",
        why="one input wants one answer unless asked",
        low=1,
        high=1000,
    )
    exact: bool = setting(
        False,
        help="the same bits whoever shares the batch, at a cost in speed",
        why="decisions are the same anyway; only last digits of scores may differ",
    )

    def check(self) -> None:
        """Refuses more answers than hypotheses and an empty range of lengths."""
        if self.alternatives > self.beam:
            raise Refusal(
                f"alternatives is {self.alternatives} and beam {self.beam}: wants a beam of at least the alternatives"
            )
        if self.maximum is not None and self.minimum > self.maximum:
            raise Refusal(f"minimum is {self.minimum} and maximum {self.maximum}: wants a minimum no larger")
