"""Speed of the CTC loss beside torch's, forward and backward together, on the same numbers in one run.

The peer is ``torch.nn.functional.ctc_loss`` after ``log_softmax``, on padded logits and labels one after another, as
its documentation has it. Logits are random, or say the labels as sharply as a trained model does, or blanks alone, as
one does that has just begun. Figures are CPU-milliseconds on one thread, the median of rounds taken in turns; the last
columns say how far losses (in nats) and gradients are from torch's in float64.

Of eight sequences of 250 frames it is 1.7 times as fast, of more or longer ones 2.3 to 4.4 times: a frame takes 13
calls of NumPy, whose own cost (half of the time there) is shared by all sequences of a batch. Both ways at once would
be half as many calls, but laying one beside the other's mirror costs a batch of 32 more than it saves.

usage: python benchmarks/ctc.py [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from melisma.losses.ctc import ctc_loss
from melisma.ragged import Ragged


class Shape(NamedTuple):
    """A batch: so many sequences of up to so many frames and labels, over so many symbols."""

    name: str
    batch: int
    frames: int
    labels: int
    symbols: int
    uneven: bool = False
    logits: str = "random"


SHAPES = (
    Shape("characters", 32, 250, 40, 29),
    Shape("characters, trained", 32, 250, 40, 29, logits="trained"),
    Shape("characters, long", 32, 500, 60, 29),
    Shape("characters, uneven", 32, 500, 60, 29, uneven=True),
    Shape("subwords", 32, 250, 40, 500),
    Shape("subwords, uneven", 32, 250, 40, 500, uneven=True),
    Shape("small batch", 8, 250, 40, 29),
    Shape("blanks only, very long", 8, 2000, 300, 29, logits="blank"),
)


def drawn(shape: Shape) -> tuple[list[Tensor], list[Tensor]]:
    """Logits (T, V) and labels (U,) of each sequence."""
    generator = torch.Generator().manual_seed(0)
    sequences, labels = [], []
    for _ in range(shape.batch):
        share = float(torch.rand((), generator=generator)) * 0.7 + 0.3 if shape.uneven else 1.0
        frames, count = int(shape.frames * share), int(shape.labels * share)
        logits = torch.randn(frames, shape.symbols, generator=generator)
        wanted = torch.randint(1, shape.symbols, (count,), generator=generator)
        if shape.logits != "random":
            logits[:, 0] += 12.0
        if shape.logits == "trained":
            spots = torch.randperm(frames // 2, generator=generator)[:count].sort().values * 2
            logits[spots, wanted] += 24.0
        sequences.append(logits)
        labels.append(wanted)
    return sequences, labels


Run = Callable[[], tuple[Tensor, Tensor]]  # -> the losses (B,) and their sum's gradient (N, V), as rows


def melisma(sequences: list[Tensor], labels: list[Tensor]) -> Run:
    laid, wanted = Ragged.of(sequences), Ragged.of(labels)
    rows = laid.rows.requires_grad_()

    def run() -> tuple[Tensor, Tensor]:
        nats = ctc_loss(Ragged(rows, laid.live, laid.place), wanted)
        return nats, torch.autograd.grad(nats.sum(), rows)[0]

    return run


def torchs(sequences: list[Tensor], labels: list[Tensor]) -> Run:
    padded, flat = pad_sequence(sequences).requires_grad_(), torch.cat(labels)
    frames, counts = (torch.tensor([len(each) for each in group]) for group in (sequences, labels))

    def run() -> tuple[Tensor, Tensor]:
        nats = functional.ctc_loss(functional.log_softmax(padded, -1), flat, frames, counts, reduction="none")
        return nats, torch.autograd.grad(nats.sum(), padded)[0]

    return run


def apart(found: tuple[Tensor, Tensor], exact: tuple[Tensor, Tensor], frames: list[int]) -> tuple[float, ...]:
    """The largest difference of a loss, and of a gradient."""
    nats, gradient = (each.detach() for each in found)
    if gradient.dim() == 3:
        gradient = Ragged.of([gradient[:count, index] for index, count in enumerate(frames)]).rows
    return tuple(float((one.double() - other).abs().max()) for one, other in zip((nats, gradient), exact))


def measured(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """CPU-milliseconds of each, the median of rounds in turns."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 2):
        for name, run in runs.items():
            begin = time.process_time()
            run()
            if number > 1:  # the first ones find nothing warm
                taken[name].append(1e3 * (time.process_time() - begin))
    return {name: statistics.median(each) for name, each in taken.items()}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, CPU-milliseconds, median of {rounds} rounds\n")
    print(
        f"{'':24}{'B':>4}{'T':>6}{'U':>5}{'V':>5}{'torch':>9}{'Melisma':>9}{'times':>7}   off: torch            Melisma"
    )
    for shape in SHAPES:
        sequences, labels = drawn(shape)
        frames = [len(each) for each in sequences]
        exact = torchs([each.double() for each in sequences], labels)()
        exact = exact[0].detach(), Ragged.of([exact[1][:count, index] for index, count in enumerate(frames)]).rows
        runs = {"torch": torchs(sequences, labels), "Melisma": melisma(sequences, labels)}
        off = ["{:.0e} nats, {:.0e}".format(*apart(run(), exact, frames)) for run in runs.values()]
        taken = measured(runs, rounds)
        print(
            f"{shape.name:24}{shape.batch:4}{shape.frames:6}{shape.labels:5}{shape.symbols:5}{taken['torch']:9.1f}"
            f"{taken['Melisma']:9.1f}{taken['torch'] / taken['Melisma']:7.2f}   {off[0]}   {off[1]}"
        )


if __name__ == "__main__":
    main()
