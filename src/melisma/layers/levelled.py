"""Energies brought to one level, over a floor: how loud an utterance is, and how quiet its silence, is taken away."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from melisma.ragged import Ragged


class LogScale(NamedTuple):
    """What log-energies were brought to a mean of 0 and a deviation of 1 by: both (F,), nats."""

    mean: Tensor
    deviation: Tensor


class Levels(NamedTuple):
    """What training sound was like: its frames as they come, the same brought to one level, and how loud it was."""

    frames: LogScale
    levelled: Tensor  # (F,), the mean of ln(E / m + floor), with the floor of the layer
    usual: Tensor  # (), nats: the logarithm of an utterance's mean energy m, on the average


class _Level(nn.Module):
    """What both have: rows (N, F) x stand for energies E = exp(deviation · x + mean).

    What comes out has a mean of 0, and the deviation that the floor leaves of 1: a band that is mostly below it, and
    has little to say, is not made to vary as much as the others.
    """

    def __init__(self, floor: float, levels: Levels) -> None:
        super().__init__()
        if floor <= 0:
            raise ValueError(f"a floor cannot be {floor} of the mean energy: wants more than 0")
        self.floor = floor
        # of the frames' definition and not of the weights: real where those are still to be read
        for name, values in (
            ("mean", levels.frames.mean),
            ("deviation", levels.frames.deviation),
            ("levelled", levels.levelled),
            ("usual", levels.usual),
        ):
            self.register_buffer(name, values.detach().to("cpu", torch.float64, copy=True), persistent=False)

    def _logs(self, rows: Tensor) -> Tensor:
        return rows.double() * self.get_buffer("deviation") + self.get_buffer("mean")

    def _levelled(self, rows: Tensor, logs: Tensor, energy: Tensor) -> Tensor:
        """Rows (N, F) of these logarithms against the mean energy (N,) that goes with each."""
        logs = torch.logaddexp(logs - torch.log(energy)[:, None], logs.new_tensor(math.log(self.floor)))
        return ((logs - self.get_buffer("levelled")) / self.get_buffer("deviation")).to(rows.dtype)


class LevelledSoFarState(NamedTuple):
    """What was heard of each sequence: the sum of its steps' mean energies and how many there were (B,), float64."""

    total: Tensor
    steps: Tensor


class LevelledSoFar(_Level):
    """(ln(E_t / m_t + floor) - μ) / σ; m_t = (p Ē + e_1 + ... + e_t) / (p + t); rows (N, F) -> (N, F).

    E_t are the energies of step t, e_t is their mean over the bands and Ē the usual one: the level so far begins with p
    steps of that. It waits for nothing and has no parameters; all is summed in float64.
    """

    delay: int | None = 0
    ratio = Fraction(1)

    def __init__(self, floor: float, levels: Levels, prior: float) -> None:
        super().__init__(floor, levels)
        if prior < 0:
            raise ValueError(f"a level cannot begin with {prior} steps: wants 0 or more")
        self.prior = prior

    def start(self, batch: int, random: Generator | None = None) -> LevelledSoFarState:
        usual = self.get_buffer("usual").exp()
        return LevelledSoFarState((self.prior * usual).repeat(batch), usual.new_full((batch,), self.prior))

    def feed(self, state: LevelledSoFarState, x: Ragged) -> tuple[LevelledSoFarState, Ragged]:
        if not x.live:
            return state, x
        logs = self._logs(x.rows)
        own = x.with_rows(logs.exp().mean(1)[:, None]).padded()[0][:, :, 0]
        totals = torch.cat((state.total[:, None], own), 1).cumsum(1)
        counts = state.steps[:, None] + torch.arange(1, own.shape[1] + 1, device=own.device)
        energy = x.gathered((totals[:, 1:] / counts)[:, :, None]).rows[:, 0]
        y = x.with_rows(self._levelled(x.rows, logs, energy))
        return LevelledSoFarState(totals[:, -1], state.steps + x.lengths()), y

    def flush(self, state: LevelledSoFarState) -> tuple[LevelledSoFarState, None]:
        return state, None


class LevelledState(NamedTuple):
    """The steps that wait for the end."""

    heard: Ragged | None


class Levelled(_Level):
    """(ln(E_t / m + floor) - μ) / σ, m the mean of all energies of the sequence; rows (N, F) -> (N, F).

    The floor does what added noise would: it hides how deep a recorder's silence is (after Berouti, Schwartz and
    Makhoul 1979, who put one under speech that noise is taken off). It needs the end: ``delay`` is None. It has no
    parameters; all is summed in float64.
    """

    delay: int | None = None
    ratio = Fraction(1)

    def start(self, batch: int, random: Generator | None = None) -> LevelledState:
        return LevelledState(None)

    def feed(self, state: LevelledState, x: Ragged) -> tuple[LevelledState, Ragged]:
        heard = x if state.heard is None else state.heard.join(x)
        return LevelledState(heard), Ragged.none(x.batch, *x.rows.shape[1:], like=x.rows)

    def flush(self, state: LevelledState) -> tuple[LevelledState, Ragged | None]:
        x = state.heard
        if x is None:
            return state, None
        logs = self._logs(x.rows)
        sums = logs.new_zeros(x.batch).index_add(0, x.owners, logs.exp().mean(1))
        energy = (sums / x.lengths().clamp(min=1))[x.owners]
        return LevelledState(None), x.with_rows(self._levelled(x.rows, logs, energy))
