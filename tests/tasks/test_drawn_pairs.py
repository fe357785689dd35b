"""Sub-words drawn in training: by the step's generator alone, on both sides, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from command.drill import DATA, PAIRS, TINY, refused, typed, write_pairs
from safetensors.torch import load_file
from torch import Generator, Tensor

from melisma.files.columns import Pair
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.tasks.pairs import PairBatch, PairCodec
from melisma.tasks.translate import TASK, prepare
from melisma.text.unicode import normalise
from melisma.text.vocabulary import END

EXAMPLES = [Pair(*pair, "") for pair in (*PAIRS, ("", "ŕare ßpellings"), ("中文", ""))]


def settings(recipe: Mapping[str, Any] | None = None, **given: Any) -> TranslateSettings:
    dotted = {name.replace("__", "."): value for name, value in given.items()}
    return build(TranslateSettings, recipe or {}, {"text.size": 300, "model.tied": "two"} | dotted)


def a_batch(codec: PairCodec, encoded: Sequence[Any], seed: int) -> PairBatch:
    found = TASK.batch(codec, encoded, Generator().manual_seed(seed))
    assert isinstance(found, PairBatch)
    return found


def sides(batch: PairBatch) -> tuple[list[list[int]], list[list[int]]]:
    """The symbols of the sources, without their ends, and of the targets."""
    sources = [symbols.tolist() for symbols in batch.source.sequences()]
    assert all(symbols[-1] == END for symbols in sources)
    wanted = [symbols.tolist() for symbols in batch.heard.with_rows(batch.wanted).sequences()]
    heard = [symbols.tolist() for symbols in batch.heard.sequences()]
    assert [symbols[1:] for symbols in heard] == [symbols[:-1] for symbols in wanted]
    return [symbols[:-1] for symbols in sources], [symbols[:-1] for symbols in wanted]


FREE: Mapping[str, dict[str, Any]] = {
    "dropout": {"text__dropout": 0.4},
    "dropout, two vocabularies": {"text__dropout": 0.4, "text__shared": False},
    "unigram": {"text__method": "unigram", "text__temperature": 9.0},
}


@pytest.mark.parametrize("given", FREE.values(), ids=FREE)
def test_both_sides_are_cut_anew_and_say_the_same(given: dict[str, Any]) -> None:
    chosen = settings(**given)
    codec = PairCodec.learn(EXAMPLES, chosen)
    encoded = codec.symbols(EXAMPLES)
    drawn = [sides(a_batch(codec, encoded, seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    for side, unit in enumerate((codec.source, codec.target)):
        plain = [pair[side][: len(pair[side]) - (side == 0)] for pair in encoded]
        for cuts in drawn:
            assert [unit.decode(cut) for cut in cuts[side]] == [normalise(pair[side]) for pair in EXAMPLES]
            assert cuts[side] != plain
            assert sum(map(len, cuts[side])) > sum(map(len, plain))


def test_a_codec_that_was_read_back_draws_as_the_one_that_was_learned() -> None:
    chosen = settings(text__dropout=0.3, text__shared=False)
    codec = PairCodec.learn(EXAMPLES, chosen)
    again = PairCodec.from_json(codec.to_json(), chosen)
    encoded = codec.symbols(EXAMPLES)
    assert sides(a_batch(codec, encoded, 5)) == sides(a_batch(again, encoded, 5))


def test_what_was_drawn_before_changes_nothing() -> None:
    codec, other = (PairCodec.learn(EXAMPLES, settings(text__dropout=0.3)) for _ in range(2))
    encoded = codec.symbols(EXAMPLES)
    for seed in range(30):
        a_batch(codec, encoded[seed::3], seed)
    assert sides(a_batch(codec, encoded, 77)) == sides(a_batch(other, encoded, 77))


FREE_BY_RECIPE = {"text": {"dropout": 0.3}}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"text__method": "unigram"},
        {"recipe": FREE_BY_RECIPE, "text__unit": "words"},
        {"recipe": FREE_BY_RECIPE, "text__unit": "characters"},
        {"recipe": FREE_BY_RECIPE, "text__method": "unigram"},
        {"recipe": FREE_BY_RECIPE, "text__dropout": 0},
    ],
    ids=str,
)
def test_without_freedom_nothing_is_drawn(given: dict[str, Any]) -> None:
    codec = PairCodec.learn(EXAMPLES, settings(**given))
    encoded, random = codec.symbols(EXAMPLES), Generator().manual_seed(3)
    before = random.get_state()
    found = sides(TASK.batch(codec, encoded, random))
    assert torch.equal(random.get_state(), before)
    assert found == ([source[:-1] for source, _ in encoded], [target for _, target in encoded])


def test_a_side_without_subwords_stays() -> None:
    codec = PairCodec.learn(EXAMPLES, settings(text__dropout=0.5, text__target_unit="words", text__shared=False))
    encoded = codec.symbols(EXAMPLES)
    sources, targets = sides(a_batch(codec, encoded, 1))
    assert targets == [target for _, target in encoded]
    assert sources != [source[:-1] for source, _ in encoded]


def test_pairs_that_would_be_too_long_stay_as_they_are() -> None:
    free = PairCodec.learn(EXAMPLES, settings(text__dropout=0.9))
    encoded = free.symbols(EXAMPLES)
    plain = [(source[:-1], target) for source, target in encoded]
    drawn = list(zip(*sides(a_batch(free, encoded, 1))))
    limits = [sorted(len(pair[side]) for pair in drawn)[2 * len(drawn) // 3] for side in (0, 1)]
    bound = settings(text__dropout=0.9, data__limit_source=limits[0], data__limit_target=limits[1])
    codec = PairCodec.from_json(free.to_json(), bound)
    found = list(zip(*sides(a_batch(codec, encoded, 1))))
    fits = [len(source) <= limits[0] and len(target) <= limits[1] for source, target in drawn]
    assert found == [anew if fit else pair for anew, pair, fit in zip(drawn, plain, fits)]
    beyond = [tuple(len(side) > limit for side, limit in zip(pair, limits)) for pair in drawn]
    assert {(False, False), (True, False), (False, True)} <= set(beyond)


def test_what_is_kept_counted_and_validated_is_the_plain_cut() -> None:
    free, plain = settings(text__dropout=0.5), settings()
    codecs = [PairCodec.learn(EXAMPLES, chosen) for chosen in (free, plain)]
    prepared = [prepare(codec, EXAMPLES, chosen) for codec, chosen in zip(codecs, (free, plain))]
    assert list(prepared[0].encoded) == list(prepared[1].encoded)
    assert prepared[0].lengths.tolist() == prepared[1].lengths.tolist()  # type: ignore[union-attr]
    assert codecs[0] == codecs[1]
    torch.manual_seed(1)
    model = TASK.build(codecs[0], settings(model__hidden=8, model__encoder_hidden=4, model__embedding=8)).eval()
    assert TASK.nats(model, codecs[0], EXAMPLES) == TASK.nats(model, codecs[1], EXAMPLES)


SUBWORDS = (*TINY[1:], "text.size=300", "model.tied=two", "training.validate_every=4", "training.schedule=constant")


def weights(run: Path) -> dict[str, Tensor]:
    return load_file(run / "steps" / (run / "latest").read_text().strip() / "model.safetensors")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_pairs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [("text.dropout=0.3",), ("text.method=unigram", "text.temperature=5")], ids=str)
def test_a_training_goes_on_to_the_same_bits(words: tuple[str, ...], here: Path) -> None:
    chosen = (DATA, *SUBWORDS, *words, "training.epochs=none")
    assert typed("train", "translate", "whole", *chosen, "training.steps=9").code == 0
    assert typed("train", "translate", "parts", *chosen, "training.steps=5").code == 0
    assert typed("resume", "parts", "training.steps=9").code == 0
    whole, parts = weights(here / "whole"), weights(here / "parts")
    plain = (*SUBWORDS, *words[:-1], "training.epochs=none", "training.steps=9")
    assert typed("train", "translate", "plain", DATA, *plain).code == 0
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert not all(torch.equal(whole[name], held) for name, held in weights(here / "plain").items())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("text.dropout=0.1", "text.unit=words"), "text.dropout=0.1 changes nothing with text.unit=words"),
        (("text.dropout=0.1", "text.method=unigram"), "with text.method=unigram: wants text.method=bpe"),
        (("text.temperature=5",), "text.temperature=5.0 changes nothing with text.method=bpe"),
        (("text.dropout=1",), "at least 0 and below 1"),
        (("text.dropout=-0.1",), "at least 0 and below 1"),
        (("text.dropout=nan",), "text.dropout"),
        (("text.temperature=-1", "text.method=unigram"), "text.temperature"),
    ],
)
def test_what_changes_nothing_or_cannot_be_is_refused(words: tuple[str, ...], why: str, here: Path) -> None:
    assert why in refused("train", "translate", "run", DATA, *words)
    assert not (here / "run").exists()
