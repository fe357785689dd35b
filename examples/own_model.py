"""A model of your own, put together from Melisma's layers: after every bracket it says which one has to close next.

It learns from short made texts and is asked about a longer one: it must have found the rule, not the texts.
"""

from __future__ import annotations

from random import Random
from typing import Any

import torch
from torch import Generator, nn

from melisma.layers import Embedding, Lstm, OneWay
from melisma.ragged import Ragged
from melisma.settings.training import TrainingSettings
from melisma.task import Total
from melisma.training.descent import GradientDescent
from melisma.training.fit import Calls, Fit

OPEN, HEARD, SAID = "([", "([)]", ")]."  # a full stop: everything is closed


def made(length: int, random: Random) -> tuple[str, str]:
    """Nested brackets, and after each of them the one that has to close next: "([])(" and ")])."."""
    text, answers, waiting = "", "", ""
    for _ in range(length):
        opening = not waiting or (len(waiting) < 4 and random.random() < 0.5)
        text += random.choice(OPEN) if opening else waiting[-1]
        waiting = waiting + SAID[OPEN.index(text[-1])] if opening else waiting[:-1]
        answers += waiting[-1] if waiting else "."
    return text, answers


class Texts:
    """A batch as training wants it: sequences of any lengths, without padding; rows (N,) are numbers of brackets."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs, self.size, self.weight = pairs, len(pairs), None
        self.heard = Ragged.of_symbols([[HEARD.index(bracket) for bracket in text] for text, _ in pairs])
        self.wanted = Ragged.of_symbols([[SAID.index(bracket) for bracket in answers] for _, answers in pairs])
        self.counts = {"brackets": len(self.wanted.rows)}

    def to(self, device: torch.device) -> Texts:
        return self  # this page keeps to the processor

    def part(self, index: int, parts: int) -> Texts:
        return Texts(self.pairs[index::parts])


class Brackets(nn.Module):
    """scores = W lstm(embed(brackets)) + b: the memory has to hold every bracket that is still open."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.memory, self.say = Embedding(len(HEARD), 8), OneWay(Lstm(8, 64)), nn.Linear(64, len(SAID))

    def feed(self, state: Any, heard: Ragged) -> tuple[Any, Ragged]:
        """A state, and some more brackets of each text -> the next state, and scores, rows (N, 3)."""
        state, y = self.memory.feed(state, self.embed(heard))
        return state, y.map(self.say)


def loss(model: Any, texts: Texts, carry: Any, random: Generator | None) -> tuple[dict[str, Total], Any]:
    """The sum of -log p of the brackets wanted; nothing is carried from batch to batch."""
    scores = model.feed(model.memory.start(texts.size), texts.heard)[1].rows
    nats = nn.functional.cross_entropy(scores, texts.wanted.rows, reduction="sum")
    return {"brackets": Total(nats, nats.detach())}, carry


def main(steps: int = 300) -> float:
    """Learns for so many steps, shows what it says meanwhile -> the share of its last answers that is right."""
    torch.manual_seed(1)
    random, model = Random(1), Brackets()
    settings = TrainingSettings(rate=0.01, warmup=50, schedule="cosine", steps=steps, epochs=None, validate_every=60)
    batches = [Texts([made(random.randint(1, 20), random) for _ in range(32)]) for _ in range(steps)]
    learner = GradientDescent(model, loss, lambda _: batches, lambda batch, _: batch, settings, {"brackets": 1.0})
    text, wanted = made(100, random)
    print(f"heard     {text}\nwanted    {wanted}")

    def validate() -> dict[str, float]:
        state, said = model.memory.start(1), ""
        with learner.answering():
            for bracket in text:  # one in, one out: the state is a value, so a stream is the same model fed piecemeal
                state, scores = model.feed(state, Ragged.of_symbols([[HEARD.index(bracket)]]))
                said += SAID[int(scores.rows.argmax())]
        print(f"step {learner.step:4} {said}")
        return {"right": sum(map(str.__eq__, said, wanted)) / len(text)}

    calls = Calls(validate, lambda *_: None, lambda _: None, lambda _: None, {"right": True})
    return [each.scores["right"] for each in Fit(learner, settings, "right", calls) if each.kind == "validation"][-1]


if __name__ == "__main__":
    print(f"{main():.0%} are right, in a text five times as long as the longest it learned from")
