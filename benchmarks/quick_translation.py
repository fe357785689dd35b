"""What a quick script of plain torch reaches: a recurrent translator with what is customary, and nothing else.

One bidirectional LSTM layer reads (256 each way), an LSTM of 512 writes, dot attention over all steps at once; one
vocabulary of 5,000 byte pairs for both sides (learned by ``tokenizers``), all embeddings tied with the output layer,
dropout 0.35 whose masks stay over a sentence, label smoothing 0.1, AdamW at 0.002 after 300 steps of warm-up and with a
cosine over 16 epochs, padded batches of 2,500 target symbols of about one length, and an average of the weights
(0.998) that validates. After each epoch: CPU-seconds of this process since it began to read (reading, learning the
subwords and training count; imports and validations do not), and greedy BLEU on the validation set (sacreBLEU, 13a,
lower-cased).

usage: python benchmarks/quick_translation.py FOLDER [--bleu 30] [--epochs 16] [--seed 1]
FOLDER holds train.en, train.de, val.en and val.de (or other endings: --source en --target de). It stops at --bleu.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sacrebleu
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

PAD, START, END, UNKNOWN = range(4)
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
LONGEST = 60  # symbols of an answer
AT_ONCE = 128  # sentences that are answered together
Example = tuple[list[int], list[int]]  # symbols of both sides, without starts and ends


@dataclass(frozen=True)
class Recipe:
    """All numbers of the script."""

    symbols: int = 5000
    width: int = 256
    each_way: int = 256
    hidden: int = 512
    dropout: float = 0.35
    smoothing: float = 0.1
    rate: float = 2e-3
    warmup: int = 300
    epochs: int = 16
    batch: int = 2500  # target symbols, with padding
    average: float = 0.998
    seed: int = 1


@dataclass(frozen=True)
class Reached:
    """Where a training stood at a validation: epochs and updates done, CPU-seconds without validations, and BLEU."""

    epoch: int
    updates: int
    seconds: float
    bleu: float


class Clock:
    """CPU-seconds of this process since this was made, without what was left out."""

    def __init__(self) -> None:
        self._began = time.process_time()

    def seconds(self) -> float:
        return time.process_time() - self._began

    def leave_out_since(self, seconds: float) -> None:
        """Goes on from what ``seconds`` gave then."""
        self._began += self.seconds() - seconds


class Translator(nn.Module):
    """The model; ``forward`` is the loss of a batch."""

    def __init__(self, symbols: int, recipe: Recipe) -> None:
        super().__init__()
        width, hidden, memory = recipe.width, recipe.hidden, 2 * recipe.each_way
        self.recipe, self.scale = recipe, width**0.5
        self.embedding = nn.Embedding(symbols, width)
        nn.init.normal_(self.embedding.weight, 0, width**-0.5)
        self.encoder = nn.LSTM(width, recipe.each_way, bidirectional=True, batch_first=True)
        self.decoder = nn.LSTM(width, hidden, batch_first=True)
        self.bridge = nn.Linear(memory, 2 * hidden)
        self.keys = nn.Linear(memory, hidden, bias=False)
        self.combine = nn.Linear(hidden + memory, width)
        self.bias = nn.Parameter(torch.zeros(symbols))
        for name, weight in self.named_parameters():
            if "bias_ih" in name:
                nn.init.ones_(weight.data[len(weight) // 4 : len(weight) // 2])  # the forget gate is open at first

    def forward(self, sources: list[list[int]], targets: list[list[int]]) -> Tensor:
        """The mean loss of the target symbols, smoothed."""
        memory, keys, absent, state = self.read(sources)
        heard = padded([[START, *target] for target in targets])
        wanted = padded([[*target, END] for target in targets])
        steps, _ = self.decoder(self.thinned(self.embedding(heard) * self.scale), state)
        shown = self.thinned(self.attend(self.thinned(steps), memory, keys, absent))
        there = wanted != PAD
        smoothing = self.recipe.smoothing
        return functional.cross_entropy(self.logits(shown[there]), wanted[there], label_smoothing=smoothing)

    def read(self, sources: list[list[int]]) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Memory (B, S, M), its keys (B, S, H), where it is padding (B, 1, S), and the decoder's first state."""
        ended = [[*source, END] for source in sources]
        lengths = torch.tensor([len(source) for source in ended])
        embedded = self.thinned(self.embedding(padded(ended)) * self.scale)
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        memory = self.thinned(pad_packed_sequence(self.encoder(packed)[0], batch_first=True)[0])
        absent = torch.arange(memory.shape[1]) >= lengths[:, None]
        mean = memory.masked_fill(absent[..., None], 0).sum(1) / lengths[:, None]
        h, c = self.bridge(mean).tanh().chunk(2, 1)
        return memory, self.keys(memory), absent[:, None], (h[None].contiguous(), c[None].contiguous())

    def attend(self, steps: Tensor, memory: Tensor, keys: Tensor, absent: Tensor) -> Tensor:
        """What the decoder shows (B, T, E) after it has read the memory by a scaled dot product."""
        scores = (steps @ keys.transpose(1, 2) * (4 * self.recipe.hidden**-0.5)).masked_fill(absent, -1e9)
        return torch.tanh(self.combine(torch.cat((steps, scores.softmax(-1) @ memory), 2)))

    def logits(self, shown: Tensor) -> Tensor:
        return functional.linear(shown, self.embedding.weight) * (self.scale / 4) + self.bias

    def thinned(self, values: Tensor) -> Tensor:
        """Dropout whose mask is the same at every step of a sentence (Gal and Ghahramani 2016)."""
        if not self.training:
            return values
        kept = 1 - self.recipe.dropout
        return values * (torch.rand(values.shape[0], 1, values.shape[2]) > self.recipe.dropout).float() / kept

    @torch.no_grad()
    def answers(self, sources: list[list[int]]) -> list[list[int]]:
        """The likeliest symbol at every step, up to the end."""
        memory, keys, absent, state = self.read(sources)
        last = torch.full((len(sources), 1), START)
        ended, said = torch.zeros(len(sources), dtype=torch.bool), []
        while len(said) < LONGEST and not ended.all():
            steps, state = self.decoder(self.embedding(last) * self.scale, state)
            last = self.logits(self.attend(steps, memory, keys, absent)[:, 0]).argmax(-1, keepdim=True)
            said.append(last)
            ended |= last[:, 0] == END
        return [row[: row.index(END)] if END in row else row for row in torch.cat(said, 1).tolist()]


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


def subwords(lines: Iterator[str], symbols: int) -> Tokenizer:
    """Byte pairs learned on the lines."""
    found = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
    found.pre_tokenizer, found.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=symbols, special_tokens=SPECIAL, show_progress=False)
    found.train_from_iterator(lines, trainer)
    return found


def batches(examples: Sequence[Example], budget: int, lots: random.Random) -> list[list[int]]:
    """Places of examples of about one length, at most ``budget`` target symbols with padding, in any order."""
    places = range(len(examples))
    sizes = [(len(target) + 2 * lots.random(), len(source)) for source, target in examples]
    found: list[list[int]] = [[]]
    longest = 0
    for place in sorted(places, key=sizes.__getitem__):
        length = len(examples[place][1]) + 1
        if found[-1] and max(longest, length) * (len(found[-1]) + 1) > budget:
            found.append([])
            longest = 0
        found[-1].append(place)
        longest = max(longest, length)
    lots.shuffle(found)
    return found


def rate(step: int, steps: int, recipe: Recipe) -> float:
    """The learning rate of a step (from 1): a straight rise, or a cosine to zero, whichever is lower."""
    return recipe.rate * min(step / recipe.warmup, 0.5 * (1 + math.cos(math.pi * step / steps)))


def lines_of(folder: Path, use: str, end: str) -> list[str]:
    return (folder / f"{use}.{end}").read_text(encoding="utf-8").removesuffix("\n").split("\n")


def bleu(answers: Sequence[str], references: Sequence[str]) -> float:
    """sacreBLEU, 13a, lower-cased."""
    return float(sacrebleu.BLEU(lowercase=True).corpus_score(list(answers), [list(references)]).score)


class Training:
    """The data, the model, and its average."""

    def __init__(self, folder: Path, ends: tuple[str, str], recipe: Recipe) -> None:
        self.recipe, self.lots = recipe, random.Random(recipe.seed)
        torch.manual_seed(recipe.seed)
        sides = [lines_of(folder, "train", end) for end in ends]
        self.text = subwords((line for side in sides for line in side), recipe.symbols)
        self.examples = list(zip(*(self.symbols(side) for side in sides)))
        asked, self.references = (lines_of(folder, "val", end) for end in ends)
        self.asked = self.symbols(asked)
        self.model = Translator(self.text.get_vocab_size(), recipe)
        self.average = copy.deepcopy(self.model).eval()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), recipe.rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.steps, self.step = recipe.epochs * len(self.order()), 0

    def symbols(self, lines: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.text.encode_batch(lines)]

    def order(self) -> list[list[int]]:
        return batches(self.examples, self.recipe.batch, self.lots)

    def epoch(self) -> None:
        """One pass over all examples."""
        self.model.train()
        for places in self.order():
            self.update(*zip(*(self.examples[place] for place in places)))

    def update(self, sources: list[list[int]], targets: list[list[int]]) -> None:
        self.step += 1
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.step, self.steps, self.recipe)
        loss = self.model(sources, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        kept = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, weight in zip(self.average.parameters(), self.model.parameters()):
                mean.lerp_(weight, 1 - kept)

    def score(self) -> float:
        """Greedy BLEU of the averaged weights on the validation set."""
        said: list[list[int]] = []
        for begin in range(0, len(self.asked), AT_ONCE):
            said += self.average.answers(self.asked[begin : begin + AT_ONCE])
        return bleu([self.text.decode(one) for one in said], self.references)


def learn(folder: Path, ends: tuple[str, str], recipe: Recipe) -> Iterator[Reached]:
    """The whole training, epoch after epoch."""
    clock = Clock()
    training = Training(folder, ends, recipe)
    for epoch in range(1, recipe.epochs + 1):
        training.epoch()
        seconds = clock.seconds()
        score = training.score()
        clock.leave_out_since(seconds)
        yield Reached(epoch, training.step, seconds, score)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bleu", type=float, default=30.0, help="stops at a validation that reaches it")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs, help="of the whole cosine")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(epochs=chosen.epochs, seed=chosen.seed)
    for reached in learn(chosen.folder, (chosen.source, chosen.target), recipe):
        spent = f"{reached.updates} updates, {reached.seconds:.0f} CPU-seconds"
        print(f"epoch {reached.epoch}: {spent}, greedy BLEU {reached.bleu:.2f}", flush=True)
        if reached.bleu >= chosen.bleu:
            return


if __name__ == "__main__":
    main()
