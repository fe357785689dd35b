"""The data of the comparison with peers: one text, cut once by Melisma's own subwords, the same symbols for all.

A symbol is written ``sN`` with its number N, spaces between: so every peer reads exactly the symbols that Melisma
trains on, and its own tokeniser has nothing to do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from melisma.files.columns import read_pairs
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.tasks.pairs import PairCodec
from melisma.text.vocabulary import END, FIRST_LEARNED, START

SYMBOLS = 6500  # in all: start and end, 256 bytes, the rest learned
WIDTH, EACH_WAY, HIDDEN, DROPOUT = 256, 256, 512, 0.2
BATCH = 3000  # target symbols of a batch
LEARNED = SYMBOLS - FIRST_LEARNED
MODEL = {
    "model.embedding": WIDTH,
    "model.hidden": HIDDEN,
    "model.encoder_hidden": EACH_WAY,
    "model.encoder_layers": 2,
    "model.attention": "general",
    "model.tied": "none",
    "model.locked": False,
    "model.dropout": DROPOUT,
    "model.embedding_dropout": DROPOUT,
    "model.output_dropout": DROPOUT,
}
TRAINING = {
    "training.optimizer": "adam",
    "training.weight_decay": 0.0,
    "training.smoothing": 0.0,
    "training.average": 0.0,
    "training.batch_tokens": BATCH,
    "training.rate": 5e-4,
}


@dataclass(frozen=True)
class Data:
    """Where the text is, and where its symbols were written."""

    folder: Path  # train.en, train.de, val.en, val.de
    work: Path
    source: str = "en"
    target: str = "de"
    seed: int = 1
    learned: int = LEARNED  # subwords, at most

    @property
    def settings(self) -> TranslateSettings:
        sides = ",".join(str(self.folder / f"train.{end}") for end in (self.source, self.target))
        given = {"data.train": sides, "text.size": self.learned, "training.seed": self.seed}
        return build(TranslateSettings, MODEL | TRAINING | given)

    def pairs(self, use: str):
        """The pairs of ``train`` or ``val``."""
        return read_pairs([[str(self.folder / f"{use}.{end}") for end in (self.source, self.target)]])[0]

    def codec(self) -> PairCodec:
        """What ``write`` learned."""
        text = (self.work / "codec.json").read_text(encoding="utf-8")
        return PairCodec.from_json(json.loads(text), self.settings)


def write(data: Data) -> PairCodec:
    """Learns the subwords on the training text, and writes what the peers read: vocabulary and symbols."""
    train = data.pairs("train")
    codec = PairCodec.learn(train, data.settings)
    (data.work / "codec.json").write_text(json.dumps(codec.to_json()), encoding="utf-8")
    names = [name(number) for number in range(codec.target.vocabulary.size) if number not in (START, END)]
    _write(data.work / "vocabulary", names)
    for use, pairs in (("train", train), ("val", data.pairs("val"))):
        symbols = codec.symbols(pairs)
        _write(data.work / f"{use}.source", [line(source[:-1]) for source, _ in symbols])
        _write(data.work / f"{use}.target", [line(target) for _, target in symbols])
    return codec


def sentences(data: Data, count: int) -> list[int]:
    """Places of the validation sources to be translated: as many as wanted, those of about one length together."""
    lengths = [len(words.split()) for words in (data.work / "val.source").read_text(encoding="utf-8").splitlines()]
    return sorted(range(min(count, len(lengths))), key=lambda place: (lengths[place], place))


def name(number: int) -> str:
    """A symbol as peers read it."""
    return f"s{number}"


def line(symbols: list[int]) -> str:
    """Symbols as peers read them."""
    return " ".join(map(name, symbols))


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
