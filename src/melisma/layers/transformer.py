"""What a Transformer is made of, each a layer with an explicit state   (Vaswani et al. 2017).

A block of it is ``Residual(Serial([norm, part, dropout]))`` for each of its parts: the norm stands before the part and
the sum passes by both (pre-norm, Xiong et al. 2020), so that a deep stack learns without a warm-up of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.layers.heads import by_heads
from melisma.layers.initial import gate_matrix, uniform
from melisma.ragged import Ragged, filled

LONGEST_WAVE = 10_000  # positions, over 2 pi: the slowest feature of a position (Vaswani et al. 2017, section 3.5)


class _RowByRow:
    """A layer without memory: what it says of a row depends on that row alone."""

    delay: int | None = 0
    ratio = Fraction(1)

    def rows(self, rows: Tensor) -> Tensor:
        """(N, I) -> (N, O)."""
        raise NotImplementedError

    def start(self, batch: int, random: Generator | None = None) -> tuple[()]:
        return ()

    def feed(self, state: tuple[()], x: Ragged) -> tuple[tuple[()], Ragged]:
        return state, x.map(self.rows)

    def flush(self, state: tuple[()]) -> tuple[tuple[()], None]:
        return state, None


class Linear(_RowByRow, nn.Module):
    """y = W x. Rows (N, I) -> (N, O)."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(uniform(size, input_size))

    def rows(self, rows: Tensor) -> Tensor:
        return functional.linear(rows, self.weight)


class LayerNorm(_RowByRow, nn.Module):
    """y = g * (x - mean) / sqrt(variance + 1e-5) + b, over the features of a row   (Ba et al. 2016, eq. 4)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))

    def rows(self, rows: Tensor) -> Tensor:
        return functional.layer_norm(rows, self.gain.shape, self.gain, self.bias, 1e-5)


class RmsNorm(_RowByRow, nn.Module):
    """y = g * x / sqrt(mean(x^2) + 1e-5), over the features of a row   (Zhang & Sennrich 2019, eq. 4)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size))

    def rows(self, rows: Tensor) -> Tensor:
        return rows * torch.rsqrt(rows.square().mean(-1, keepdim=True) + 1e-5) * self.gain


NORMS: dict[str, Callable[[int], LayerNorm | RmsNorm]] = {"layer": LayerNorm, "rms": RmsNorm}
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": functional.relu, "gelu": functional.gelu}


class Activation(_RowByRow, nn.Module):
    """y = f(x), value by value: f relu, or gelu (Hendrycks & Gimpel 2016). Rows (N, F) -> (N, F)."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.activation = activation

    def rows(self, rows: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation](rows)


class FeedForward(_RowByRow, nn.Module):
    """y = W2 f(W1 x + b1) + b2, f relu (Vaswani et al. 2017, eq. 2) or gelu (Hendrycks & Gimpel 2016)."""

    def __init__(self, size: int, inner: int, activation: str) -> None:
        super().__init__()
        self.activation = activation
        self.enter, self.enter_bias = nn.Parameter(uniform(inner, size)), nn.Parameter(torch.zeros(inner))
        self.leave, self.leave_bias = nn.Parameter(uniform(size, inner)), nn.Parameter(torch.zeros(size))

    def rows(self, rows: Tensor) -> Tensor:
        inner = ACTIVATIONS[self.activation](functional.linear(rows, self.enter, self.enter_bias))
        return functional.linear(inner, self.leave, self.leave_bias)


class PositionsState(NamedTuple):
    """steps (B,) int64: how many each sequence has had."""

    steps: Tensor


class Positions(nn.Module):
    """y_t = x_t + P_t, P_t[2i] = sin(t / 10000^(2i / F)), P_t[2i + 1] = cos of the same   (Vaswani et al. 2017)."""

    delay: int | None = 0
    ratio = Fraction(1)

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def start(self, batch: int, random: Generator | None = None) -> PositionsState:
        return PositionsState(torch.zeros(batch, dtype=torch.int64))

    def feed(self, state: PositionsState, x: Ragged) -> tuple[PositionsState, Ragged]:
        before = state.steps.to(x.place.device)  # nothing here is learnt, so nothing here knows the device before
        steps = before[x.owners] + x.row_steps
        waves = filled(self._waves, steps[:, None])
        return PositionsState(before + x.lengths()), x.with_rows(x.rows + waves.to(x.rows.dtype))

    def flush(self, state: PositionsState) -> tuple[PositionsState, None]:
        return state, None

    def _waves(self, steps: Tensor) -> Tensor:
        """(N, 1) -> (N, F), in float64: far positions would lose their small digits."""
        pairs = torch.arange(-(-self.size // 2), dtype=torch.float64, device=steps.device)
        angles = steps * torch.exp(pairs * (-2 * math.log(LONGEST_WAVE) / self.size))
        return torch.stack((angles.sin(), angles.cos()), -1).flatten(1)[:, : self.size]


class SelfAttentionState(NamedTuple):
    """Of each step so far: its key and value, rows (N, 2 F); of a layer that needs the end its query before them."""

    heard: Ragged


class SelfAttention(nn.Module):
    """y_t = O [head_1; ...], in each head what query t reads of its own sequence   (Vaswani et al. 2017, 3.2).

    Rows (N, F) -> (N, F). ``causal``: a step sees those before it and itself; else it sees all, and so needs the end
    (``delay`` is None). Keys and values of the steps so far are the state, so that one step more costs one step.
    """

    ratio = Fraction(1)

    def __init__(self, size: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        if size % heads:
            raise ValueError(f"{heads} heads cannot share {size} features evenly")
        self.size, self.heads, self.causal = size, heads, causal
        self.delay: int | None = 0 if causal else None
        self.enter = nn.Parameter(gate_matrix(3, size, size))  # queries, keys, values
        self.leave = nn.Parameter(uniform(size, size))

    def start(self, batch: int, random: Generator | None = None) -> SelfAttentionState:
        return SelfAttentionState(Ragged.none(batch, (2 if self.causal else 3) * self.size, like=self.enter))

    def feed(self, state: SelfAttentionState, x: Ragged) -> tuple[SelfAttentionState, Ragged]:
        entered = x.map(lambda rows: functional.linear(rows, self.enter))
        if not self.causal:
            return SelfAttentionState(state.heard.join(entered)), Ragged.none(x.batch, self.size, like=entered.rows)
        heard = state.heard.join(entered.with_rows(entered.rows[:, self.size :]))
        if not x.live:
            return state, Ragged.none(x.batch, self.size, like=entered.rows)
        query, there = entered.with_rows(entered.rows[:, : self.size]).padded()
        first = state.heard.lengths()[:, None] + 1
        seen = (first + torch.arange(query.shape[1], device=query.device)) * there
        return SelfAttentionState(heard), self._read(x, query, heard.padded()[0], seen)

    def flush(self, state: SelfAttentionState) -> tuple[SelfAttentionState, Ragged | None]:
        heard = state.heard
        if self.causal or not heard.batch:
            return state, None
        padded, there = heard.padded()
        seen = heard.lengths()[:, None] * there
        y = self._read(heard, padded[..., : self.size], padded[..., self.size :], seen)
        return self.start(heard.batch), y

    def _read(self, x: Ragged, query: Tensor, pairs: Tensor, seen: Tensor) -> Ragged:
        read, _ = by_heads(query, pairs[..., : self.size], pairs[..., self.size :], seen, self.heads)
        return x.gathered(read).map(lambda rows: functional.linear(rows, self.leave))


class CrossAttention(nn.Module):
    """y_t = O [head_1; ...], in each head what query t reads of a memory   (Vaswani et al. 2017, 3.2.3).

    Rows (N, F) -> (N, F). The memory stands once a sentence: of R sequences and S sentences, sequence r reads sentence
    r // (R // S).
    """

    def __init__(self, size: int, memory_size: int, heads: int) -> None:
        super().__init__()
        if size % heads:
            raise ValueError(f"{heads} heads cannot share {size} features evenly")
        self.size, self.heads = size, heads
        self.enter = nn.Parameter(uniform(size, size))
        self.of_memory = nn.Parameter(gate_matrix(2, size, memory_size))  # keys, values
        self.leave = nn.Parameter(uniform(size, size))

    def keys(self, values: Tensor) -> Tensor:
        """What is remembered (N, D) -> its keys and values (N, 2 F)."""
        return functional.linear(values, self.of_memory)

    def read(self, x: Ragged, pairs: Tensor, lengths: Tensor, *, weighed: bool) -> tuple[Ragged, Tensor | None]:
        """Sequences, keys and values (S, P, 2 F) and their numbers (S,) -> what is read; if ``weighed`` (R, T, P)."""
        query, there = x.map(lambda rows: functional.linear(rows, self.enter)).padded()
        sentences, (rows, steps, _) = len(pairs), query.shape
        if not query.numel():
            return x, query.new_zeros(rows, steps, pairs.shape[1]) if weighed else None
        seen = (lengths.repeat_interleave(rows // sentences)[:, None] * there).view(sentences, -1)
        grouped = query.reshape(sentences, -1, self.size)
        keys, values = pairs[..., : self.size], pairs[..., self.size :]
        read, weights = by_heads(grouped, keys, values, seen, self.heads, weighed=weighed)
        y = x.gathered(read.view(rows, steps, self.size)).map(lambda read: functional.linear(read, self.leave))
        return y, None if weights is None else weights.view(rows, steps, -1)
