"""A trained spotter as it is used: the same numbers in NumPy, for one stream, a few frames at a time.

At such sizes a call of a large library costs more than its arithmetic, so what can be done once is done once: gates in
one product, the mean of LayerNorm taken out of the weights before it, its gain and bias put into those after it, and
the sigmoid's halves into the recurrence's. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from melisma.settings.spotter import SpotterSettings

if TYPE_CHECKING:
    from melisma.models.spotter import Spotter

Array = NDArray[np.float32]
Weights = Mapping[str, Array]

TINY = np.float32(1e-5)  # what LayerNorm adds to a variance


class StreamedState(NamedTuple):
    """What a stream is up to: frames that the next window needs (n, features), and what each layer remembers."""

    window: Array
    layers: tuple[Array, ...]


class StreamedSpotter:
    """Frames (t, features) of one stream -> probabilities (t', words) of ``Spotter``, within 1e-5, however cut."""

    def __init__(self, weights: Weights, settings: SpotterSettings) -> None:
        """``weights``: the spotter's ``state_dict``, as arrays. KeyError where one of another make is given."""
        self.settings = settings
        self._first = _Window(weights, settings)
        recurrent = settings.kind == "recurrent"
        self._layers: list[_Layer] = [
            _Gru(weights, f"body.layers.{4 + 2 * place}.cell.")
            if recurrent
            else _Block(weights, f"body.layers.{4 + place}.layer.layers.", 2 ** (place % settings.dilations))
            for place in range(settings.layers)
        ]
        self._weight, self._bias = _across(weights["weight"]), weights["bias"]
        self.words = len(self._bias)

    @staticmethod
    def of(spotter: Spotter) -> StreamedSpotter:
        """From the network that was trained; what that learns afterwards does not reach this one."""
        weights = {name: weight.detach().cpu().numpy().copy() for name, weight in spotter.state_dict().items()}
        return StreamedSpotter(weights, spotter.settings)

    def start(self) -> StreamedState:
        """Before the first frame."""
        return StreamedState(self._first.start(), tuple(layer.start() for layer in self._layers))

    def feed(self, state: StreamedState, frames: Array) -> tuple[StreamedState, Array]:
        """More frames, normalised -> what can be said by now: step j once frame j * stride has come."""
        window, x = self._first.feed(state.window, frames)
        if not len(x):
            return StreamedState(window, state.layers), np.empty((0, self.words), np.float32)
        after = []
        for layer, before in zip(self._layers, state.layers):
            now, x = layer.feed(before, x)
            after.append(now)
        logits = x @ self._weight
        logits += self._bias
        return StreamedState(window, tuple(after)), _sigmoid(logits)


class _Layer(Protocol):
    """State first, input second, in and out, as everywhere; x (t, H), one row or more."""

    def start(self) -> Array: ...

    def feed(self, state: Array, x: Array) -> tuple[Array, Array]: ...


class _Window:
    """relu(norm(strided convolution)): frames (t, F) -> (t', H)."""

    def __init__(self, weights: Weights, settings: SpotterSettings) -> None:
        self.width, self.stride = settings.width, settings.stride
        weight, bias = (weights[f"body.layers.0.{name}"].astype(np.float64) for name in ("weight", "bias"))
        self.features, size = weight.shape[1] // self.width, len(weight)
        self.weight = _across(weight - weight.mean(0))  # of what comes out the mean is 0: LayerNorm takes it away
        self.bias = (bias - bias.mean()).astype(np.float32)
        self.gain, self.shift = weights["body.layers.1.gain"] * np.float32(size**0.5), weights["body.layers.1.bias"]
        self.tiny = TINY * size

    def start(self) -> Array:
        return np.zeros((self.width - 1, self.features), np.float32)

    def feed(self, state: Array, x: Array) -> tuple[Array, Array]:
        joined = np.concatenate((state, x), dtype=np.float32)
        count = max(0, (len(joined) - self.width) // self.stride + 1)
        step, item = joined.strides
        shape, strides = (count, self.width, self.features), (self.stride * step, step, item)
        if not count:
            return joined, np.empty((0, len(self.bias)), np.float32)
        windows = np.ndarray(shape, np.float32, joined, 0, strides).reshape(count, -1)
        y = windows @ self.weight
        y += self.bias
        y *= self.gain / np.sqrt(np.vecdot(y, y) + self.tiny)[:, None]
        y += self.shift
        return joined[count * self.stride :], np.maximum(y, 0, out=y)


class _Gru:
    """``GruResetAfter``: h (H,); x (t, I) -> (t, H). What makes r and z is halved: sigmoid(2 a) = tanh(a)/2 + 1/2."""

    def __init__(self, weights: Weights, name: str) -> None:
        recurrent, bias, after = (weights[name + part] for part in ("recurrent", "bias", "recurrent_bias"))
        self.size = H = recurrent.shape[1]
        half = np.repeat(np.array((0.5, 0.5, 1), np.float32), H)
        self.weight = _across(weights[name + "weight"] * half[:, None])
        self.recurrent = _across(recurrent * half[:, None])
        self.bias = bias * half
        self.bias[: 2 * H] += after[: 2 * H] * np.float32(0.5)
        self.after = after[2 * H :]

    def start(self) -> Array:
        return np.zeros(self.size, np.float32)

    def feed(self, state: Array, x: Array) -> tuple[Array, Array]:
        H, recurrent, after = self.size, self.recurrent, self.after
        entered = x @ self.weight
        entered += self.bias
        y = np.empty((len(x), H), np.float32)
        product, gates = np.empty(3 * H, np.float32), np.empty(2 * H, np.float32)
        (r, z), n, h = (gates[:H], gates[H:]), product[2 * H :], state
        for t in range(len(x)):
            np.dot(h, recurrent, out=product)
            np.add(entered[t, : 2 * H], product[: 2 * H], out=gates)
            np.tanh(gates, out=gates)
            gates *= np.float32(0.5)
            gates += np.float32(0.5)
            n += after
            n *= r
            n += entered[t, 2 * H :]
            np.tanh(n, out=n)
            new = np.subtract(h, n, out=y[t])
            new *= z
            new += n
            h = new
        return h, y


class _Block:
    """x + W2 relu(W1 norm(depthwise(x)) + b1) + b2: the last rows ((w - 1) d, H); x (t, H) -> (t, H)."""

    def __init__(self, weights: Weights, name: str, dilation: int) -> None:
        self.kernel, self.bias = weights[f"{name}0.weight"], weights[f"{name}0.bias"]
        self.dilation, size = dilation, self.kernel.shape[1]
        enter = weights[f"{name}2.enter"].astype(np.float64)
        gain, shift = weights[f"{name}1.gain"], weights[f"{name}1.bias"]
        self.enter = _across(enter * gain * size**0.5)
        self.enter_bias = (weights[f"{name}2.enter_bias"] + enter @ shift).astype(np.float32)
        self.leave, self.leave_bias = _across(weights[f"{name}2.leave"]), weights[f"{name}2.leave_bias"]
        self.tiny = TINY * size

    def start(self) -> Array:
        width, size = self.kernel.shape
        return np.zeros(((width - 1) * self.dilation, size), np.float32)

    def feed(self, state: Array, x: Array) -> tuple[Array, Array]:
        joined = np.concatenate((state, x))
        step, item = joined.strides
        (width, size), count = self.kernel.shape, len(x)
        windows = np.ndarray((count, width, size), np.float32, joined, 0, (step, self.dilation * step, item))
        y = np.add.reduce(windows * self.kernel, 1)
        y += self.bias
        y -= (np.add.reduce(y, 1) / np.float32(size))[:, None]
        y /= np.sqrt(np.vecdot(y, y) + self.tiny)[:, None]
        inner = y @ self.enter
        inner += self.enter_bias
        y = np.maximum(inner, 0, out=inner) @ self.leave
        y += self.leave_bias
        y += x
        return joined[count:], y


def _across(matrix: NDArray[Any]) -> Array:
    """A matrix (O, I) as rows are multiplied by it: (I, O), row after row."""
    return np.ascontiguousarray(matrix.T, np.float32)


def _sigmoid(x: Array) -> Array:
    x *= np.float32(0.5)
    np.tanh(x, out=x)
    x *= np.float32(0.5)
    x += np.float32(0.5)
    return x
