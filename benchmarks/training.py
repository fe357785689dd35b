"""Training speed against a plain ``nn.LSTM`` model of the same size, on the same batches, in one run.

The peer is what a good script of plain torch would be: ``nn.LSTM`` on packed batches for the encoder, one ``nn.LSTM``
call for the decoder, attention batched over all steps, torch's own cross-entropy over all logits. Both sides have a
two-layer bidirectional encoder (256 each way), a decoder of 512, general attention, embeddings of 256, 6,500 symbols,
dropout 0.2, Adam and clipping, on batches shaped like Multi30k.

usage: python benchmarks/training.py [--steps N] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from melisma.api.device import machine
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.task import Moment
from melisma.tasks.pairs import batched
from melisma.tasks.translate import loss
from melisma.training.descent import GradientDescent

SYMBOLS, WIDTH, EACH_WAY, HIDDEN, DROPOUT = 6500, 256, 256, 512, 0.2
Example = tuple[list[int], list[int]]


class Plain(nn.Module):
    """The peer."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(SYMBOLS, WIDTH), nn.Embedding(SYMBOLS, WIDTH)
        self.encoder = nn.LSTM(WIDTH, EACH_WAY, 2, bidirectional=True, batch_first=True, dropout=DROPOUT)
        self.decoder = nn.LSTM(WIDTH, HIDDEN, batch_first=True)
        self.bridge = nn.Linear(2 * EACH_WAY, 2 * HIDDEN)
        self.general = nn.Linear(2 * EACH_WAY, HIDDEN, bias=False)
        self.combine = nn.Linear(HIDDEN + 2 * EACH_WAY, HIDDEN, bias=False)
        self.output = nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, examples: list[Example]) -> Tensor:
        lengths = torch.tensor([len(source) for source, _ in examples])
        sources = pad_sequence([torch.tensor(source) for source, _ in examples], batch_first=True)
        heard = pad_sequence([torch.tensor([0, *target]) for _, target in examples], batch_first=True)
        wanted = pad_sequence(
            [torch.tensor([*target, 1]) for _, target in examples], batch_first=True, padding_value=-1
        )
        embedded = functional.dropout(self.source(sources), DROPOUT)
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        memory, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        h, c = self.bridge(memory.mean(1)).tanh().chunk(2, 1)
        y, _ = self.decoder(
            functional.dropout(self.target(heard), DROPOUT), (h[None].contiguous(), c[None].contiguous())
        )
        there = torch.arange(memory.shape[1]) < lengths[:, None]
        weights = (y @ self.general(memory).transpose(1, 2)).masked_fill(~there[:, None], -1e9).softmax(-1)
        shown = functional.dropout(torch.tanh(self.combine(torch.cat((y, weights @ memory), 2))), DROPOUT)
        logits = self.output(shown).view(-1, SYMBOLS)
        return functional.cross_entropy(logits, wanted.view(-1), ignore_index=-1, reduction="sum") / (wanted >= 0).sum()


def examples(count: int, seed: int, budget: int = 2500) -> list[list[Example]]:
    """Batches of one length each way, shaped like Multi30k (mean 15 source and 16 target symbols)."""
    random = np.random.default_rng(seed)
    sources = np.clip(np.round(random.lognormal(2.6, 0.3, 6000)).astype(int), 4, 45)
    targets = np.clip(sources + np.round(random.normal(1, 2, 6000)).astype(int), 4, 50)
    batches: list[list[Example]] = [[]]
    for place in np.lexsort((sources, targets)):
        if (targets[place] + 1) * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(tuple(random.integers(258, SYMBOLS, n).tolist() for n in (sources[place], targets[place])))
    random.shuffle(batches)
    return batches[:count]


def plain(batches: list[list[Example]]) -> Callable[[int], None]:
    model = Plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)

    def step(number: int) -> None:
        optimizer.zero_grad(set_to_none=True)
        model(batches[number]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def melisma(batches: list[list[Example]]) -> Callable[[int], None]:
    from melisma.models.encoder_decoder import EncoderDecoder

    rates = {"model.dropout": DROPOUT, "model.embedding_dropout": DROPOUT, "model.output_dropout": DROPOUT}
    size = {
        "model.embedding": WIDTH,
        "model.hidden": HIDDEN,
        "model.encoder_hidden": EACH_WAY,
        "model.encoder_layers": 2,
        "model.tied": "none",
    }
    training = {
        "training.smoothing": 0.0,
        "training.average": 0.0,
        "training.optimizer": "adam",
        "training.weight_decay": 0.0,
    }
    settings = build(TranslateSettings, rates | size | training)
    descent = GradientDescent(
        EncoderDecoder(SYMBOLS, SYMBOLS, settings.model),
        lambda model, batch, carry, random: loss(model, batch, carry, settings, random, Moment(0, None)),
        lambda epoch: batches,
        lambda batch, random: batched(batch),
        settings.training,
        {"symbols": 1.0},
    )

    def step(number: int) -> None:
        descent.advance()

    return step


def rate() -> float:
    """GFLOP/s of a 1024 x 1024 x 1024 product on one thread: what CPU-seconds are scaled by."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    seconds = []
    for _ in range(12):
        began = time.process_time()
        torch.mm(a, b)
        seconds.append(time.process_time() - began)
    return 2 * 1024**3 / statistics.median(seconds) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6, help="steps that are timed, in each round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; both sides take turns")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    batches = examples(chosen.steps + 1, 1)
    symbols = sum(len(target) + 1 for batch in batches[1:] for _, target in batch)
    shape = f"{chosen.steps} batches of about {symbols // chosen.steps:,} target symbols"
    print(f"{machine()}, one thread, {rate():.0f} GFLOP/s, {shape}")
    ratios, speeds = [], {"plain nn.LSTM": [], "melisma": []}
    for _ in range(chosen.rounds):
        for name, build_step in (("plain nn.LSTM", plain), ("melisma", melisma)):
            step = build_step(batches)
            step(0)
            began = time.process_time()
            for number in range(1, chosen.steps + 1):
                step(number)
            speeds[name].append(symbols / (time.process_time() - began))
        ratios.append(speeds["melisma"][-1] / speeds["plain nn.LSTM"][-1])
    for name, values in speeds.items():
        spread = f"({min(values):.0f} to {max(values):.0f})"
        print(f"{name:14s} {statistics.median(values):7.0f} target symbols a CPU-second {spread}")
    print(f"ratio          {statistics.median(ratios):7.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
