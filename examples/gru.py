"""A gated recurrent unit by hand: forward, backward, a check of every gradient, and what its gates learn to do.

    r  = σ(Wr x + Ur h + br)                   reset: what of the memory h the candidate may see
    z  = σ(Wz x + Uz h + bz)                   update: what of the memory stays
    n  = tanh(Wn x + Un (r * h) + bn)          the candidate, reset BEFORE the product: Cho et al. 2014, eq. 5-8
    n  = tanh(Wn x + r * (Un h + cn) + bn)     the same, reset AFTER it: their first version, cuDNN, torch.nn.GRU
    h' = z * h + (1 - z) * n                   the next memory: the papers write h~ for n, and some swap z and 1 - z

A batch stands in columns, x (I, B) and h (H, B), so that the code has the letters of the formulas.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]  # by the letters above, and V, a of the output y = V h + a


def weights(random: np.random.Generator, H: int, I: int) -> Weights:  # noqa: E741 - as in the shapes
    """W (H, I), U (H, H), biases (H, 1): a column, which is added to every column."""
    W = {f"W{gate}": random.normal(size=(H, I)) / np.sqrt(I) for gate in "rzn"}
    U = {f"U{gate}": random.normal(size=(H, H)) / np.sqrt(H) for gate in "rzn"}
    b = {name: np.zeros((H, 1)) for name in ("br", "bz", "bn", "cn")}  # cr, cz would only add to br, bz
    return {**W, **U, **b, "V": random.normal(size=(1, H)) / np.sqrt(H), "a": np.zeros((1, 1))}


def sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + exp(-x)), written so that nothing overflows."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def step(P: Weights, x: Array, h: Array, after: bool) -> tuple[Array, tuple[Array, ...]]:
    """One step: x (I, B) and h (H, B) -> h' (H, B), and what the way back needs."""
    r = sigmoid(P["Wr"] @ x + P["Ur"] @ h + P["br"])
    z = sigmoid(P["Wz"] @ x + P["Uz"] @ h + P["bz"])
    if after:
        n = np.tanh(P["Wn"] @ x + r * (P["Un"] @ h + P["cn"]) + P["bn"])
    else:
        n = np.tanh(P["Wn"] @ x + P["Un"] @ (r * h) + P["bn"])
    return z * h + (1 - z) * n, (x, h, r, z, n)


def step_back(P: Weights, kept: tuple[Array, ...], dh: Array, after: bool, G: Weights) -> tuple[Array, Array]:
    """The gradient of h' -> those of x and of h; those of the weights are added to G.

    dr, dz, dn belong to what stands within σ(...) and tanh(...): σ' = σ (1 - σ), tanh' = 1 - tanh².
    """
    x, h, r, z, n = kept
    dn = dh * (1 - z) * (1 - n * n)
    dz = dh * (h - n) * z * (1 - z)
    if after:
        dr = dn * (P["Un"] @ h + P["cn"]) * r * (1 - r)
        du, read = dn * r, h  # u = Un h + cn
        through = P["Un"].T @ du
        G["cn"] += du.sum(1, keepdims=True)
    else:
        du, read = dn, r * h  # u = Un (r * h)
        dr = P["Un"].T @ du * h * r * (1 - r)
        through = P["Un"].T @ du * r
    for gate, d, product, seen in (("r", dr, dr, h), ("z", dz, dz, h), ("n", dn, du, read)):
        G["W" + gate] += d @ x.T
        G["b" + gate] += d.sum(1, keepdims=True)
        G["U" + gate] += product @ seen.T
    dx = P["Wr"].T @ dr + P["Wz"].T @ dz + P["Wn"].T @ dn
    return dx, dh * z + P["Ur"].T @ dr + P["Uz"].T @ dz + through


def loss(P: Weights, x: Array, wanted: Array, after: bool) -> tuple[float, Weights]:
    """The mean of (y - wanted)² / 2 for x (T, I, B) and wanted (T, 1, B), and its gradients, back through time."""
    h, trail, G = np.zeros((len(P["br"]), x.shape[2])), [], {name: np.zeros_like(w) for name, w in P.items()}
    for now in x:
        h, kept = step(P, now, h, after)
        trail.append((h, kept))
    y = np.stack([P["V"] @ h + P["a"] for h, _ in trail])
    dh = np.zeros_like(h)
    for (h, kept), dy in zip(reversed(trail), ((y - wanted) / wanted.size)[::-1]):
        G["V"] += dy @ h.T
        G["a"] += dy.sum(1, keepdims=True)
        _, dh = step_back(P, kept, dh + P["V"].T @ dy, after, G)  # from this step's output, and from all later steps
    return float(np.mean((y - wanted) ** 2) / 2), G


def check(after: bool, e: float = 1e-5) -> float:
    """Every gradient by hand and by difference, (loss(w + e) - loss(w - e)) / 2e -> the largest they differ by."""
    random, worst = np.random.default_rng(3), 0.0
    P, x, wanted = weights(random, 3, 2), random.normal(size=(5, 2, 2)), random.normal(size=(5, 1, 2))
    P.update({name: random.normal(size=P[name].shape) for name in P if name[0] in "bc"})
    for name, by_hand in loss(P, x, wanted, after)[1].items():
        for place in np.ndindex(*by_hand.shape):
            nudge = np.zeros_like(by_hand)
            nudge[place] = e
            above, below = (loss(P | {name: P[name] + d}, x, wanted, after)[0] for d in (nudge, -nudge))
            worst = max(worst, float(abs(by_hand[place] - (above - below) / (2 * e))))
        print(f"    {name:3} {by_hand[place]:+.9f}  {(above - below) / (2 * e):+.9f}")
    return worst


def latch(random: np.random.Generator, T: int, B: int) -> tuple[Array, Array]:
    """Each step hears "write" (0 or 1) and a sign; wanted is the sign that came with the last "write"."""
    write, sign = (random.random((T, B)) < 0.2) * 1.0, random.choice([-1.0, 1.0], (T, B))
    write[0] = 1
    last = np.maximum.accumulate(write * np.arange(T)[:, None]).astype(int)
    return np.stack((write, sign), 1), np.take_along_axis(sign, last, 0)[:, None]


def learn(after: bool, steps: int) -> float:
    """A memory of one number learns the latch by plain gradient descent -> its share of right signs in a longer one."""
    random = np.random.default_rng(1)
    P, h, said, stays = weights(random, H=1, I=2), np.zeros((1, 1)), "", ""
    for t in range(1, steps + 1):
        error, G = loss(P, *latch(random, 15, 32), after)
        P = {name: w - G[name] for name, w in P.items()}
        if t in (1, steps // 4, steps):
            print(f"    step {t:3}  loss {error:.4f}")
    x, wanted = latch(random, 75, 1)
    for now in x:
        h, (_, _, _, z, _) = step(P, now, h, after)
        said += "+" if (P["V"] @ h + P["a"]).item() > 0 else "-"
        stays += str(min(9, int(10 * z.item())))
    sign, right = ("".join("+" if each > 0 else "-" for each in row) for row in (x[:, 1, 0], wanted[:, 0, 0]))
    print("    write   " + "".join("!" if each else " " for each in x[:, 0, 0]))
    print(f"    sign    {sign}\n    wanted  {right}\n    said    {said}\n    10 z    {stays}")
    return sum(map(str.__eq__, said, right)) / len(right)


def main(steps: int = 500) -> float:
    """Checks and teaches both variants -> the smaller share of right signs."""
    shares = []
    for after in (False, True):
        print(f"Reset {'AFTER' if after else 'BEFORE'} the product. Gradients by hand, and by difference:")
        print(f"    they differ by {check(after):.0e} at most\n  It learns to say the sign that came with the last !")
        shares.append(learn(after, steps))
    print("Nobody told the gate: z is near 0 where it has to write, near 1 where it has to remember.")
    return min(shares)


if __name__ == "__main__":
    print(f"{main():.0%} of the signs are right, in a text five times as long as those it learned from.")
