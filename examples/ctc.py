"""CTC by hand: labels without their places, summed over all the ways to say them; its gradient, and what it learns.

B("aa-ab-") = "aab"              a path π says a symbol or the blank at every frame: merge repeats, then drop the blanks
p(z|x) = Σ_π Π_t y_t(π_t)        over all paths with B(π) = z, the labels            (Graves et al. 2006, eq. 3)
z' = - z_1 - z_2 ... z_U -       the states s that a path goes through, blanks between the labels
α_t(s) = y_t(z'_s) (α_t-1(s) + α_t-1(s-1) + α_t-1(s-2))     what is said when s is reached at t     (eq. 6, 7)
         the last only to a label from another one: else the blank between them must be said
β_t(s)   the same from the end: what is still to be said                             (eq. 10, 11)
γ_t(s) = α_t(s) β_t(s) / y_t(z'_s) / p(z|x)                 how likely the path is in s at t        (eq. 14)
d(-ln p(z|x)) / du_t(k) = y_t(k) - Σ_s: z'_s = k  γ_t(s)    where y = softmax(u)                    (eq. 16)
"""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SYMBOLS = "-abcd"  # the blank is number 0


def collapse(path: list[int]) -> list[int]:
    """B: what a path says."""
    return [symbol for symbol, _ in groupby(path) if symbol != 0]


def best_path(y: Array) -> list[int]:
    """The likeliest symbol at every frame, collapsed: not always the likeliest text, but near it once y is sure."""
    return collapse(y.argmax(1).tolist())


def forward(y: Array, z: list[int]) -> tuple[Array, float]:
    """y (T, V) and labels (U,) -> α (T, 2 U + 1), each frame divided by its sum C_t, and ln p(z|x)."""
    states = np.array([0, *(symbol for label in z for symbol in (label, 0))])
    skips = np.array([s >= 2 and states[s] not in (0, states[s - 2]) for s in range(len(states))])
    a, ln_p, found = np.zeros(len(states)), 0.0, []
    a[0] = 1  # before the first frame nothing is said
    for y_t in y:
        once, twice = (np.pad(a, (steps, 0))[: len(a)] for steps in (1, 2))
        a = (a + once + skips * twice) * y_t[states]
        ln_p += float(np.log(a.sum()))
        a = a / a.sum()
        found.append(a)
    with np.errstate(divide="ignore"):  # no path, where frames are too few
        return np.reshape(found, (len(y), len(states))), ln_p + float(np.log(a[-2:].sum()))


def loss(u: Array, z: list[int]) -> tuple[float, Array]:
    """-ln p(z|x), y = softmax(u), and its gradient by u (T, V); where there is no path infinite, teaching nothing."""
    y = softmax(u)
    a, ln_p = forward(y, z)
    if ln_p == -np.inf:
        return np.inf, np.zeros_like(u)
    b = forward(y[::-1], z[::-1])[0][::-1, ::-1]  # β: the end is another beginning
    states = np.array([0, *(symbol for label in z for symbol in (label, 0))])
    g = a * b / y[:, states]
    g /= g.sum(1, keepdims=True)  # whatever α and β were divided by, a path is somewhere
    return -ln_p, y - g @ np.eye(u.shape[1])[states]


def softmax(u: Array) -> Array:
    y = np.exp(u - u.max(1, keepdims=True))
    return np.asarray(y / y.sum(1, keepdims=True))


def check(e: float = 1e-5) -> tuple[float, float]:
    """What the loss differs by from all paths one by one, and its gradient from (loss(u + e) - loss(u - e)) / 2e."""
    u, z = np.random.default_rng(3).normal(size=(6, 3)), [1, 1, 2]
    y, (nats, by_hand) = softmax(u), loss(u, z)
    paths = [path for path in product(range(3), repeat=6) if collapse(list(path)) == z]
    summed = sum(float(np.prod(y[range(6), path])) for path in paths)
    print(f"{len(paths)} of {3**6} paths of 6 frames say aab: together {summed:.9f}; by recursion {np.exp(-nats):.9f}")
    worst = 0.0
    for place in np.ndindex(*u.shape):
        nudge = np.zeros_like(u)
        nudge[place] = e
        worst = max(worst, abs(float(by_hand[place]) - (loss(u + nudge, z)[0] - loss(u - nudge, z)[0]) / (2 * e)))
    return abs(summed - float(np.exp(-nats))), worst


def spoken(random: np.random.Generator, z: list[int]) -> Array:
    """What is heard of a text, (T, 6), the last always 1: each letter lasts 2 to 5 frames, quiet lies around it."""
    sounds = 2 * np.eye(5) * (np.arange(5) > 0)  # a letter is a number of its own, quiet is none
    said = [0] * int(random.integers(1, 4))
    for label in z:
        said += [label] * int(random.integers(2, 6)) + [0] * int(random.integers(1, 4))
    heard = sounds[said] + 0.3 * random.normal(size=(len(said), 5))
    return np.hstack((heard, np.ones((len(said), 1))))


def show(y: Array) -> None:
    """A row a symbol, a column a frame: the darker, the likelier."""
    for symbol, row in zip(SYMBOLS, y.T):
        print(f"    {symbol}  " + "".join(" ░▒▓█"[round(4 * p)] for p in row))
    print(f"    it says: {''.join(SYMBOLS[k] for k in best_path(y)) or 'nothing'}")


def learn(steps: int, shown: tuple[int, ...] = ()) -> float:
    """One matrix W (V, 6) learns from frames and texts; nobody says what is where -> its share of right texts after."""
    random = np.random.default_rng(1)
    W, test = np.zeros((len(SYMBOLS), 6)), spoken(np.random.default_rng(7), [2, 1, 4, 4, 3])
    for step in range(steps + 1):
        if step in shown:
            print(f"\nAfter {step} texts, of baddc it hears")
            show(softmax(test @ W.T))
        z = random.integers(1, len(SYMBOLS), random.integers(1, 6)).tolist()
        x = spoken(random, z)
        W -= 0.05 * loss(x @ W.T, z)[1].T @ x
    texts = [random.integers(1, len(SYMBOLS), 4).tolist() for _ in range(100)]
    return float(np.mean([best_path(softmax(spoken(random, z) @ W.T)) == z for z in texts]))


def main(steps: int = 400) -> float:
    """Checks the recursion and its gradient, and shows what is learned -> the share of texts that are then right."""
    print(f"The gradient by hand and by difference: {check()[1]:.0e} apart at most.")
    return learn(steps, (0, steps // 40, steps // 10, steps))


if __name__ == "__main__":
    print(f"\n{main():.0%} of a hundred new texts are right.")
