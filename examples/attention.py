"""Attention by hand: four ways to compare, one way to read, the way back, and a reader that finds out where to look.

e_j = score(q, h_j)               how well the query q fits each h_j that is remembered, j = 1 ... S
a_j = exp(e_j) / Σ_k exp(e_k)     the weights: none negative, together 1
c   = Σ_j a_j h_j                 what is read: the weighted mean

dot       q · h                     Luong et al. 2015, eq. 8
general   q · W h                   Luong et al. 2015, eq. 8
concat    v · tanh(W q + U h)       Luong et al. 2015, eq. 8, whose one matrix is W and U side by side
additive  v · tanh(W q + U h + b)   Bahdanau et al. 2015, section A.1.2, here with a bias
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]  # by the letters above
LETTERS = {"dot": "", "general": "W", "concat": "WUv", "additive": "WUvb"}

FIELDS = ("year", "month", "day")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SPOKEN = ("{d} {m} {y}", "{m} {d} in {y}", "in {y} on {d} {m}", "on the {d} of {m} {y}")
WORDS = [*MONTHS, *map(str, range(1, 32)), *map(str, range(1990, 2000)), "on", "the", "of", "in"]


def score(name: str, P: Weights, q: Array, h: Array) -> tuple[Array, Array]:
    """Queries q (T, Q) and what is remembered, h (S, D) -> e (T, S), and the tanh (T, S, A) where there is one."""
    if name == "dot":
        return q @ h.T, h
    if name == "general":
        return q @ P["W"] @ h.T, h
    t = np.tanh((q @ P["W"].T)[:, None] + (h @ P["U"].T)[None] + P.get("b", 0.0))
    return t @ P["v"], t


def softmax(e: Array) -> Array:
    """Over the last axis. Taking the greatest off changes nothing, but keeps exp from overflowing."""
    a = np.exp(e - e.max(-1, keepdims=True))
    return np.asarray(a / a.sum(-1, keepdims=True))


def attend(name: str, P: Weights, q: Array, h: Array) -> tuple[Array, Array]:
    """Queries q (T, Q) and what is remembered, h (S, D) -> what is read, c (T, D), and the weights a (T, S)."""
    a = softmax(score(name, P, q, h)[0])
    return a @ h, a


def attend_back(name: str, P: Weights, q: Array, h: Array, dc: Array) -> Weights:
    """The gradient of what was read, dc (T, D) -> those of q, of h and of the weights' letters."""
    e, t = score(name, P, q, h)
    a, da = softmax(e), dc @ h.T
    de = a * (da - (a * da).sum(-1, keepdims=True))  # one weight can only rise at the cost of the others
    dh = a.T @ dc  # h is read here; below it is compared
    if name == "dot":
        return {"q": de @ h, "h": dh + de.T @ q}
    if name == "general":
        return {"W": q.T @ de @ h, "q": de @ h @ P["W"].T, "h": dh + de.T @ q @ P["W"]}
    dt = de[:, :, None] * P["v"] * (1 - t * t)  # of what stands within the tanh, (T, S, A)
    to_q, to_h = dt.sum(1), dt.sum(0)
    G = {"v": np.tensordot(de, t, 2), "W": to_q.T @ q, "U": to_h.T @ h, "b": to_q.sum(0)}
    return {name: G[name] for name in P if name in G} | {"q": to_q @ P["W"], "h": dh + to_h @ P["U"]}


def begin(name: str, random: np.random.Generator, Q: int, D: int, A: int = 8) -> Weights:
    """Small random weights: W, U and the like have the shapes that their formula wants, and q has a row a field."""
    shapes = {"W": (Q, D) if name == "general" else (A, Q), "U": (A, D), "v": (A,), "b": (A,)}
    P = {letter: random.normal(size=shapes[letter]) * 0.5 for letter in LETTERS[name]}
    return P | {"q": random.normal(size=(len(FIELDS), Q)) * 0.5}


def remembered(text: str) -> Array:
    """A row a word, (S, D), 1 at the word's own place: c is then how much of each word was read."""
    return np.eye(len(WORDS))[[WORDS.index(word) for word in text.split()]]


def learn(name: str, steps: int) -> tuple[Weights, float]:
    """Queries for year, month and day, learned from what they should have read; where it stood is never told."""
    random = np.random.default_rng(1)
    P, right = begin(name, random, len(WORDS), len(WORDS)), 0
    for step in range(1, steps + 1):
        y, m, d = str(random.integers(1990, 2000)), random.choice(MONTHS), str(random.integers(1, 32))
        h, wanted = remembered(random.choice(SPOKEN).format(y=y, m=m, d=d)), [WORDS.index(word) for word in (y, m, d)]
        c, _ = attend(name, P, P["q"], h)
        right += step > steps - 200 and list(c.argmax(1)) == wanted
        dc = np.zeros_like(c)
        dc[range(3), wanted] = -1 / c[range(3), wanted]  # the loss is -Σ log c[wanted]
        G = attend_back(name, P, P["q"], h, dc)
        P = {letter: w - 0.1 * G[letter] for letter, w in P.items()}
    return P, right / max(1, min(200, steps))


def show(name: str, P: Weights, text: str) -> None:
    """The weights as a picture: the darker, the more of that word is read."""
    _, a = attend(name, P, P["q"], remembered(text))
    print(f"           {text}")
    for field, row in zip(FIELDS, a):
        print(f"    {field:5}  " + " ".join(" ░▒▓█"[round(4 * w)] * len(word) for w, word in zip(row, text.split())))


def main(steps: int = 1500) -> float:
    """Shows what is read before, while and after it learns, then how often each score is right -> the least often."""
    for seen in (0, steps // 15, steps):
        print(f"\nAdditive attention that has learned from {seen} dates reads")
        show("additive", learn("additive", seen)[0], "on the 3 of May in 1998")
    print("\nIn another order the same words have the same weights. Attention doesn't see what stands where;")
    print("in a translator each h_j comes from a recurrent network, which has read what stands around it.")
    show("additive", learn("additive", steps)[0], "1998 May 3")
    shares = {name: learn(name, steps)[1] for name in LETTERS}
    print("\nRead the right three words, of the last dates it learned from:")
    for name, share in shares.items():
        print(f"    {name:8}  {share:4.0%}   with {' '.join(LETTERS[name]) or 'no weights'} and the queries")
    return min(shares.values())


if __name__ == "__main__":
    main()
