"""Melisma, and plain torch of the same size, observed as the peers are: see peer_observed.py.

usage: python peer_own.py PROGRAM NOTES UPDATES DATA WORK SOURCE TARGET SEED
PROGRAM is melisma-train, plain-train, melisma-translate, melisma-int8 or plain-translate; all translate with the same
weights, those of Melisma after ``melisma-train``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from peer_data import Data
from peer_observed import Notes
from peer_programs import BEAM, LENGTH, SENTENCES
from plain_beam import PlainBeam
from safetensors.torch import load_file, save_file
from torch import nn
from training import Plain

from melisma.layers.columns import by_columns
from melisma.layers.int8 import in_int8
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.settings.search import SearchSettings
from melisma.tasks import translate
from melisma.tasks.answering import answer
from melisma.training.descent import learner
from melisma.training.order import chosen, steps_of

PACKAGES = ("melisma", "torch", "numpy")
Example = tuple[list[int], list[int]]
FORCED = SearchSettings(
    beam=BEAM, batch=SENTENCES, minimum=LENGTH, maximum=LENGTH, factor=0, extra=LENGTH, length_penalty=0.0
)


def counts(examples: list[Example]) -> tuple[int, int, int, int]:
    """Sentences, source symbols, target symbols and pairs of them; both ends are counted."""
    sources, targets = [len(source) for source, _ in examples], [len(target) + 1 for _, target in examples]
    return len(examples), sum(sources), sum(targets), sum(map(int.__mul__, sources, targets))


def batches(data: Data, updates: int) -> list[list[Example]]:
    """The first batches of Melisma's own order."""
    settings, prepared = data.settings, prepared_of(data)
    order = translate.TASK.order(prepared, settings)
    steps = steps_of(order, seed=data.seed, epoch=0)
    return [chosen(order, prepared.encoded, step) for step in steps[:updates]]


def prepared_of(data: Data):
    """The training pairs as symbols."""
    return translate.prepare(data.codec(), data.pairs("train"), data.settings)


def melisma_train(data: Data, updates: int, notes: Notes) -> None:
    settings, codec, prepared = data.settings, data.codec(), prepared_of(data)
    model = translate.build(codec, settings)
    descent = learner(translate.TASK, model, codec, prepared, settings)
    notes.begin(model.named_parameters())
    for batch in batches(data, updates):
        descent.advance()
        notes.mark(*counts(batch))
    save_file({name: weight.detach() for name, weight in model.named_parameters()}, weights_of(data))


def plain_train(data: Data, updates: int, notes: Notes) -> None:
    model = Plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    notes.begin(model.named_parameters())
    for batch in batches(data, updates):
        optimizer.zero_grad(set_to_none=True)
        model(batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        notes.mark(*counts(batch))


def melisma_translate(data: Data, updates: int, notes: Notes) -> None:
    model, codec = by_columns(trained(data)), data.codec()
    notes.begin(model.named_parameters())
    found = []
    for texts, sources in searched(data):
        found += [list(one.tokens) for one in answer(model, codec, texts, FORCED, traced=False)]
        notes.mark(*searched_counts(sources))
    notes.write({"answers": found})


def int8_translate(data: Data, updates: int, notes: Notes) -> None:
    model, codec = by_columns(trained(data)), data.codec()
    with torch.device("meta"):
        blank = translate.build(codec, data.settings)
    quick = in_int8(blank, dict(model.named_parameters())).eval()
    notes.begin(model.named_parameters())
    for texts, sources in searched(data):
        answer(quick, codec, texts, FORCED, traced=False)
        notes.mark(*searched_counts(sources))


def plain_translate(data: Data, updates: int, notes: Notes) -> None:
    model, codec = trained(data), data.codec()
    search = PlainBeam(model)
    notes.begin(model.named_parameters())
    found = []
    for texts, sources in searched(data):
        symbols = search.answers(codec.encode_source(texts), BEAM, LENGTH)
        found += [codec.target.vocabulary.pieces(one) for one in symbols]
        notes.mark(*searched_counts(sources))
    notes.write({"answers": found})


def trained(data: Data) -> EncoderDecoder:
    """Melisma's model as ``melisma_train`` left it."""
    model = translate.build(data.codec(), data.settings)
    weights = load_file(weights_of(data))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(weights[name])
    return model.eval().requires_grad_(False)


def weights_of(data: Data) -> Path:
    return data.work / "melisma.safetensors"


def searched(data: Data) -> list[tuple[list[str], list[list[int]]]]:
    """The texts of each batch to translate, and their symbols."""
    places = [int(line) for line in (data.work / "searched.places").read_text(encoding="ascii").split()]
    pairs, codec = data.pairs("val"), data.codec()
    texts = [pairs[place].source for place in places]
    cuts = [texts[begin : begin + SENTENCES] for begin in range(0, len(texts), SENTENCES)]
    return [(cut, codec.encode_source(cut)) for cut in cuts]


def searched_counts(sources: list[list[int]]) -> tuple[int, int, int, int]:
    """As the peers': every answer takes LENGTH steps, and one more in which it may end."""
    read = sum(map(len, sources))
    return len(sources), read, (LENGTH + 1) * len(sources), (LENGTH + 1) * read


PROGRAMS = {
    "melisma-train": melisma_train,
    "plain-train": plain_train,
    "melisma-translate": melisma_translate,
    "melisma-int8": int8_translate,
    "plain-translate": plain_translate,
}


def main() -> None:
    program, notes, updates, folder, work, source, target, seed = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(int(seed))
    data = Data(Path(folder), Path(work), source, target, int(seed))
    PROGRAMS[program](data, int(updates), Notes(notes, PACKAGES))


if __name__ == "__main__":
    main()
