"""Three small tasks, as unlike each other as tasks get, in terms of the package's contracts alone.

If one of them needs an exception in a type or in the training loop, the type is wrong.
"""

from __future__ import annotations

import random as rnd
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.contract import whole
from melisma.layers.convolution import Convolution
from melisma.layers.deep import BothWays, OneWay
from melisma.layers.dropout import LockedDropout
from melisma.layers.embedding import Embedding
from melisma.layers.gru import GruResetAfter
from melisma.layers.lstm import Lstm, LstmState
from melisma.layers.serial import Serial
from melisma.losses.tokens import token_loss
from melisma.measures.exact import exact
from melisma.ragged import Ragged
from melisma.settings.search import SearchSettings
from melisma.settings.training import TrainingSettings
from melisma.task import Corpus, Mining, Moment, Prepared, Task, Total, Windows

TRAINING = TrainingSettings(rate=1e-2, warmup=20, average=0.9, epochs=None, steps=120, validate_every=40)


@dataclass(frozen=True)
class MadeData:
    """How many examples are made to train on; some more are to validate on."""

    size: int


@dataclass(frozen=True)
class Miniature:
    """All settings of a miniature."""

    data: MadeData
    training: TrainingSettings
    width: int = 24
    streams: int = 4
    window: int = 12
    dropout: float = 0.1
    beside: float = 0.3  # weight of the tagger's second loss
    search: SearchSettings = field(default_factory=SearchSettings)


def made(make: Callable[[rnd.Random], Any], settings: Miniature) -> Corpus[Any]:
    random = rnd.Random(7)
    examples = [make(random) for _ in range(settings.data.size + 12)]
    return Corpus(examples[:-12], examples[-12:], {})


def shapes(build: Callable[[Any, Any], nn.Module]) -> Callable[[Any, Any], dict[str, tuple[int, ...]]]:
    return lambda codec, settings: {name: tuple(w.shape) for name, w in build(codec, settings).named_parameters()}


@dataclass(frozen=True)
class Letters:
    """The codec of all three: letters <-> numbers from 1 up."""

    letters: str
    tags: tuple[str, ...] = ()

    def numbers(self, text: str) -> list[int]:
        return [self.letters.index(letter) + 1 for letter in text]

    def text(self, numbers: Sequence[int]) -> str:
        return "".join(self.letters[number - 1] for number in numbers)

    def to_json(self) -> dict[str, Any]:
        return {"letters": self.letters, "tags": list(self.tags)}

    @staticmethod
    def from_json(data: Any, settings: Miniature) -> Letters:
        return Letters(data["letters"], tuple(data["tags"]))


# --- a language model: one long text, jittered windows, the state carried from one to the next


@dataclass(frozen=True)
class WindowBatch:
    heard: Ragged  # (N,)
    wanted: Tensor  # (N,) in the order of the rows of ``heard``
    weight: Tensor | None = None

    @property
    def size(self) -> int:
        return self.heard.batch

    @property
    def counts(self) -> Mapping[str, int]:
        return {"symbols": len(self.wanted)}

    def to(self, device: torch.device) -> WindowBatch:
        return WindowBatch(self.heard.to(device), self.wanted.to(device))

    def part(self, index: int, parts: int) -> WindowBatch:
        slots = torch.arange(index, self.size, parts)
        return WindowBatch(self.heard.take(slots), self.heard.with_rows(self.wanted).take(slots).rows)


class LanguageModel(nn.Module):
    def __init__(self, symbols: int, settings: Miniature) -> None:
        super().__init__()
        self.embed = Embedding(symbols, settings.width)
        self.dropout = LockedDropout(settings.dropout, settings.width)
        self.memory = OneWay(Lstm(settings.width, settings.width))
        self.output = nn.Linear(settings.width, symbols)

    def hear(self, state: LstmState, heard: Ragged, random: Generator | None = None) -> tuple[LstmState, Ragged]:
        masks = self.dropout.start(heard.batch, random)
        return self.memory.feed(state, self.dropout.feed(masks, self.embed(heard))[1])


def window_batch(codec: Letters, pieces: Sequence[Sequence[int]], random: Generator | None = None) -> WindowBatch:
    wanted = Ragged.of_symbols([piece[1:] for piece in pieces])
    return WindowBatch(Ragged.of_symbols([piece[:-1] for piece in pieces]), wanted.rows)


def language_loss(
    model: LanguageModel, batch: WindowBatch, carry: Any, settings: Miniature, random: Any, at: Moment
) -> Any:
    carry, y = model.hear(carry, batch.heard, random)
    return {"symbols": Total(*token_loss(y.rows, model.output.weight, model.output.bias, batch.wanted))}, carry


@torch.no_grad()
def language_nats(model: LanguageModel, codec: Letters, texts: Sequence[str]) -> list[tuple[float, int]]:
    batch = window_batch(codec, [codec.numbers(text) for text in texts])
    y = model.hear(model.memory.start(batch.size), batch.heard)[1]
    rows = functional.cross_entropy(model.output(y.rows), batch.wanted, reduction="none")
    sums = torch.zeros(len(texts)).index_add(0, y.owners, rows)
    return [(float(value), len(text) - 1) for value, text in zip(sums, texts)]


@torch.no_grad()
def continued(
    model: LanguageModel, codec: Letters, texts: Sequence[str], search: SearchSettings, *, traced: bool = True
) -> list[str]:
    """The three likeliest letters that follow each text, one after another."""
    state, y = model.hear(model.memory.start(len(texts)), Ragged.of_symbols([codec.numbers(text) for text in texts]))
    rows, said = y.ends()[1], []
    for _ in range(3):
        said.append(model.output(rows)[:, 1:].argmax(1) + 1)
        state, y = model.hear(state, Ragged.step(said[-1]))
        rows = y.rows
    return [codec.text(numbers) for numbers in torch.stack(said, 1).tolist()]


def sentence(random: rnd.Random) -> str:
    return f"{random.choice(('we', 'they', 'old men'))} {random.choice(('see', 'hear', 'want'))} the {random.choice(('moon', 'rain'))}. "


def language_model(codec: Letters, settings: Miniature) -> LanguageModel:
    return LanguageModel(len(codec.letters) + 1, settings)


LANGUAGE: Task[str, str] = Task(
    name="language",
    settings=Miniature,
    read=lambda settings: made(sentence, settings),
    examples=lambda settings, corpora: ([], []),
    learn=lambda texts, settings: Letters("".join(sorted(set("".join(texts))))),
    codec=Letters.from_json,
    prepare=lambda codec, texts, settings: Prepared(codec.numbers("".join(texts)), [], []),
    batch=window_batch,
    build=language_model,
    shapes=shapes(language_model),
    loss=language_loss,
    nats=language_nats,
    answer=continued,
    inputs=lambda texts: [text[:-3] for text in texts],
    references=lambda texts: [text[-3:] for text in texts],
    measure=lambda answers, texts, names: {"exact": exact(answers, LANGUAGE.references(texts))},
    measures=lambda settings: ("exact",),
    validated={"exact": "higher"},
    order=lambda prepared, settings: Windows(len(prepared.encoded), settings.streams, settings.window),
    carry=lambda model, settings: model.memory.start(settings.streams),
)


# --- a tagger: words as sequences of letters inside sentences as sequences of words; two losses with counts of their own

Tagged = tuple[tuple[str, ...], tuple[str, ...]]  # words, tags


@dataclass(frozen=True)
class TagBatch:
    letters: Ragged  # (C,) a sequence for each word, in the order of the rows of ``tags``
    ends: Tensor  # (C,) 1 for the last letter of a stem, as the rows of ``letters``
    tags: Ragged  # (W,)
    weight: Tensor | None = None

    @property
    def size(self) -> int:
        return self.tags.batch

    @property
    def counts(self) -> Mapping[str, int]:
        return {"tags": len(self.tags.rows), "letters": len(self.ends)}

    def to(self, device: torch.device) -> TagBatch:
        return TagBatch(self.letters.to(device), self.ends.to(device), self.tags.to(device))

    def part(self, index: int, parts: int) -> TagBatch:
        numbered = self.tags.with_rows(torch.arange(len(self.tags.rows)))
        kept = numbered.take(torch.arange(index, self.size, parts))
        ends = self.letters.with_rows(self.ends).take(kept.rows).rows
        return TagBatch(self.letters.take(kept.rows), ends, kept.with_rows(self.tags.rows[kept.rows]))


class Tagger(nn.Module):
    def __init__(self, symbols: int, tags: int, settings: Miniature) -> None:
        super().__init__()
        width = settings.width
        self.embed = Embedding(symbols, width)
        self.spelling = BothWays(GruResetAfter(width, width), GruResetAfter(width, width))
        self.sentence = Serial(
            [LockedDropout(settings.dropout, 2 * width), BothWays(Lstm(2 * width, width), Lstm(2 * width, width))]
        )
        self.tag, self.end = nn.Linear(2 * width, tags), nn.Linear(2 * width, 2)

    def forward(self, letters: Ragged, words: Ragged, random: Generator | None = None) -> tuple[Ragged, Ragged]:
        """Logits of each word's tag, and of each letter's being the last of a stem."""
        spelt = whole(self.spelling, self.embed(letters))
        first, last = spelt.ends()
        width = self.spelling.size // 2
        vectors = torch.cat((last[:, :width], first[:, width:]), 1)
        return whole(self.sentence, words.with_rows(vectors), random).map(self.tag), spelt.map(self.end)


def tag_batch(codec: Letters, sentences: Sequence[Any], random: Generator | None = None) -> TagBatch:
    """Sentences as lists of (letters, ends, tag) of each word."""
    flat = [word for words in sentences for word in words]
    lengths = torch.tensor([len(words) for words in sentences])
    order = Ragged.from_flat(torch.arange(len(flat)), lengths)
    words = [flat[number] for number in order.rows.tolist()]
    ends = Ragged.of_symbols([ends for _, ends, _ in words]).rows
    return TagBatch(
        Ragged.of_symbols([letters for letters, _, _ in words]),
        ends,
        order.with_rows(torch.tensor([t for _, _, t in words])),
    )


def tag_loss(
    model: Tagger, batch: TagBatch, carry: None, settings: Miniature, random: Generator | None, at: Moment
) -> Any:
    tags, ends = model(batch.letters, batch.tags, random)
    found = {"tags": (tags.rows, batch.tags.rows), "letters": (ends.rows, batch.ends)}
    sums = {name: functional.cross_entropy(*both, reduction="sum") for name, both in found.items()}
    return {name: Total(value, value.detach()) for name, value in sums.items()}, None


def tag_prepared(codec: Letters, sentences: Sequence[Tagged], settings: Miniature) -> Prepared:
    encoded = []
    for words, tags in sentences:
        ends = [[int(place == len(word) - 3) for place in range(len(word))] for word in words]
        encoded.append([(codec.numbers(w), e, codec.tags.index(t)) for w, e, t in zip(words, ends, tags)])
    return Prepared(encoded, [(len(words), sum(map(len, words))) for words, _ in sentences], [])


@torch.no_grad()
def tagged(
    model: Tagger,
    codec: Letters,
    sentences: Sequence[tuple[str, ...]],
    search: SearchSettings,
    *,
    traced: bool = True,
) -> list[str]:
    batch = tag_batch(codec, [[(codec.numbers(word), [0] * len(word), 0) for word in words] for words in sentences])
    found = model(batch.letters, batch.tags)[0]
    return [" ".join(codec.tags[n] for n in rows.argmax(1).tolist()) for rows in found.sequences()]


@torch.no_grad()
def tag_nats(model: Tagger, codec: Letters, sentences: Sequence[Tagged]) -> list[tuple[float, int]]:
    batch = tag_batch(codec, tag_prepared(codec, sentences, None).encoded)
    found = model(batch.letters, batch.tags)[0]
    rows = functional.cross_entropy(found.rows, batch.tags.rows, reduction="none")
    sums = torch.zeros(len(sentences)).index_add(0, found.owners, rows)
    return [(float(value), len(words)) for value, (words, _) in zip(sums, sentences)]


@torch.no_grad()
def hardest(model: Tagger, codec: Letters, encoded: Any, settings: Miniature, at: Moment, found: Any) -> list[int]:
    """Which of the first dozen the model knew least, of every epoch so far."""
    each = [tag_loss(model, tag_batch(codec, [one]), None, settings, None, at)[0]["tags"] for one in encoded[:12]]
    return [*(found or []), max(range(12), key=lambda place: float(each[place].nats))]


def tagged_sentence(random: rnd.Random) -> Tagged:
    """A word's suffix says what it is, but ``-en`` only together with the word before it."""
    words, tags = [], []
    for _ in range(random.randint(1, 6)):
        suffix = random.choice(("os", "it", "en"))
        words.append("".join(random.choice("bdkmaio") for _ in range(random.randint(1, 4))) + suffix)
        after_noun = bool(tags) and tags[-1] == "noun"
        tags.append({"os": "noun", "it": "verb", "en": "plural" if after_noun else "adverb"}[suffix])
    return tuple(words), tuple(tags)


def tagger(codec: Letters, settings: Miniature) -> Tagger:
    return Tagger(len(codec.letters) + 1, len(codec.tags), settings)


TAGS: Task[Tagged, str] = Task(
    name="tags",
    settings=Miniature,
    read=lambda settings: made(tagged_sentence, settings),
    examples=lambda settings, corpora: ([], []),
    learn=lambda sentences, settings: Letters(
        "abdeikmnost", tuple(sorted({tag for _, tags in sentences for tag in tags}))
    ),
    codec=Letters.from_json,
    prepare=tag_prepared,
    batch=tag_batch,
    build=tagger,
    shapes=shapes(tagger),
    loss=tag_loss,
    nats=tag_nats,
    answer=tagged,
    inputs=lambda sentences: [words for words, _ in sentences],
    references=lambda sentences: [" ".join(tags) for _, tags in sentences],
    measure=lambda answers, sentences, names: {"exact": exact(answers, TAGS.references(sentences))},
    measures=lambda settings: ("exact",),
    validated={"exact": "higher"},
    losses=lambda settings: {"tags": 1.0, "letters": settings.beside},
    mining=Mining(hardest, lambda encoded, found: [*(encoded[place] for place in found), *encoded[len(found) :]]),
)


# --- a transcriber: samples through two strided convolutions and a cell to letters, by CTC; at use one sample at a time

Sound = tuple[tuple[float, ...], str]  # samples, letters


@dataclass(frozen=True)
class SoundBatch:
    samples: Ragged  # (N, 1)
    letters: tuple[tuple[int, ...], ...]
    weight: Tensor | None = None

    @property
    def size(self) -> int:
        return self.samples.batch

    @property
    def counts(self) -> Mapping[str, int]:
        return {"symbols": sum(map(len, self.letters))}

    def to(self, device: torch.device) -> SoundBatch:
        return SoundBatch(self.samples.to(device), self.letters)

    def part(self, index: int, parts: int) -> SoundBatch:
        return SoundBatch(self.samples.take(torch.arange(index, self.size, parts)), self.letters[index::parts])


class RowWise(nn.Module):
    """A layer without memory: ``f`` on every row."""

    delay: int | None = 0
    ratio = Fraction(1)

    def __init__(self, f: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.f = f

    def start(self, batch: int, random: Generator | None = None) -> tuple[()]:
        return ()

    def feed(self, state: tuple[()], x: Ragged) -> tuple[tuple[()], Ragged]:
        return state, x.map(self.f)

    def flush(self, state: tuple[()]) -> tuple[tuple[()], None]:
        return state, None


def transcriber(codec: Letters, settings: Miniature) -> Serial:
    """Samples, rows (N, 1) -> logits of blank and letters, a row for every four samples."""
    width = settings.width
    convolutions = [
        Convolution(1, width, 5, 2),
        RowWise(torch.tanh),
        Convolution(width, width, 5, 2),
        RowWise(torch.tanh),
    ]
    return Serial(
        [*convolutions, OneWay(GruResetAfter(width, width)), RowWise(nn.Linear(width, len(codec.letters) + 1))]
    )


def sound_batch(
    codec: Letters, sounds: Sequence[tuple[Tensor, tuple[int, ...]]], random: Generator | None = None
) -> SoundBatch:
    """Where there is ``random``, with a little noise."""
    noise = [0.0 if random is None else 0.05 * torch.randn(x.shape, generator=random) for x, _ in sounds]
    return SoundBatch(Ragged.of([x + n for (x, _), n in zip(sounds, noise)]), tuple(letters for _, letters in sounds))


def sound_sums(model: Serial, batch: SoundBatch, random: Generator | None = None) -> Tensor:
    """(B,) the negative log-probability of each sound's letters, in nats."""
    y = whole(model, batch.samples, random)
    rows = y.map(lambda logits: functional.log_softmax(logits, 1)).padded()[0].transpose(0, 1)
    letters = torch.tensor([letter for letters in batch.letters for letter in letters])
    lengths = torch.tensor([len(letters) for letters in batch.letters])
    return functional.ctc_loss(rows, letters, y.lengths(), lengths, reduction="none")


def sound_loss(
    model: Serial, batch: SoundBatch, carry: None, settings: Miniature, random: Generator | None, at: Moment
) -> Any:
    total = sound_sums(model, batch, random).sum()
    return {"symbols": Total(total, total.detach())}, None


def sound_prepared(codec: Letters, sounds: Sequence[Sound], settings: Miniature | None) -> Prepared:
    encoded = [(torch.tensor(samples)[:, None], tuple(codec.numbers(letters))) for samples, letters in sounds]
    return Prepared(encoded, [(len(samples), len(letters)) for samples, letters in sounds], [])


@torch.no_grad()
def sound_nats(model: Serial, codec: Letters, sounds: Sequence[Sound]) -> list[tuple[float, int]]:
    batch = sound_batch(codec, sound_prepared(codec, sounds, None).encoded)
    return [(float(value), len(letters)) for value, letters in zip(sound_sums(model, batch), batch.letters)]


def decided(codec: Letters, rows: Tensor) -> str:
    """The likeliest symbol of each row, repetitions and blanks left out (Graves et al. 2006, best path)."""
    return codec.text([number for number, _ in groupby(rows.argmax(1).tolist()) if number])


@torch.no_grad()
def transcribed(
    model: Serial,
    codec: Letters,
    sounds: Sequence[tuple[float, ...]],
    search: SearchSettings,
    *,
    traced: bool = True,
) -> list[str]:
    heard = whole(model, Ragged.of([torch.tensor(samples)[:, None] for samples in sounds]))
    return [decided(codec, rows) for rows in heard.sequences()]


def sound(random: rnd.Random) -> Sound:
    """Each letter is a shape of its own, of changing length, with something like silence around it."""
    shapes = {"a": (1.0,), "b": (-1.0,), "c": (1.0, -1.0)}
    letters = "".join(random.choice("abc") for _ in range(random.randint(1, 4)))
    samples = [0.0] * random.randint(2, 6)
    for letter in letters:
        samples += [shapes[letter][place % len(shapes[letter])] for place in range(random.randint(9, 14))]
        samples += [0.0] * random.randint(6, 10)
    return tuple(sample + random.gauss(0, 0.05) for sample in samples), letters


SOUNDS: Task[Sound, str] = Task(
    name="sounds",
    settings=Miniature,
    read=lambda settings: made(sound, settings),
    examples=lambda settings, corpora: ([], []),
    learn=lambda sounds, settings: Letters("".join(sorted({letter for _, letters in sounds for letter in letters}))),
    codec=Letters.from_json,
    prepare=sound_prepared,
    batch=sound_batch,
    build=transcriber,
    shapes=shapes(transcriber),
    loss=sound_loss,
    nats=sound_nats,
    answer=transcribed,
    inputs=lambda sounds: [samples for samples, _ in sounds],
    references=lambda sounds: [letters for _, letters in sounds],
    measure=lambda answers, sounds, names: {"exact": exact(answers, SOUNDS.references(sounds))},
    measures=lambda settings: ("exact",),
    validated={"exact": "higher"},
)


MINIATURES: dict[str, tuple[Task[Any, Any], Miniature]] = {
    "language": (LANGUAGE, Miniature(MadeData(150), TRAINING)),
    "tags": (TAGS, Miniature(MadeData(150), replace(TRAINING, batch_tokens=60))),
    "sounds": (SOUNDS, Miniature(MadeData(120), replace(TRAINING, batch_tokens=1500))),
}
