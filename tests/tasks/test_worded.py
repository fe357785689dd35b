"""N-gram models of words beside the search: exact on tiny cases, of the transcripts or of a text that is given."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from melisma.baselines.ngram import KneserNey
from melisma.errors import Refusal
from melisma.losses.ctc import collapse
from melisma.settings.read import build, with_values
from melisma.settings.transcribe import TranscribeSettings
from melisma.tasks.hearing import HearingCodec
from melisma.tasks.spelled import spelling
from melisma.tasks.transcribe import TASK
from melisma.tasks.worded import model_of_words

TEXTS = ("a b ba", "b a", "ba b ba")
SMALL: dict[str, Any] = {"sound.bands": 4, "sound.rate": 8000, "model.hidden": 4, "model.channels": 4}


def made(folder: Path, texts: tuple[str, ...] = TEXTS, **more: Any) -> tuple[HearingCodec, Any, Any]:
    """A codec that has learned these transcripts, the search settings, and a network."""
    rows = []
    for number, text in enumerate(texts):
        soundfile.write(folder / f"{number}.wav", 0.1 * np.random.default_rng(number).standard_normal(8000), 8000)
        rows.append(json.dumps({"audio": f"{number}.wav", "text": text}))
    (folder / "train.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    given = {"data.train": [str(folder / "train.jsonl")], "data.valid_size": 0}
    settings: Any = build(TranscribeSettings, given | SMALL | more)
    codec: Any = TASK.learn(TASK.read(settings).train, settings)
    return codec, settings.search, TASK.build(codec, settings)


def frames(count: int, symbols: int, seed: int) -> np.ndarray:
    """Log-probabilities of which none is so small that it would not be looked at."""
    logits = np.random.default_rng(seed).uniform(0, 2.5, (count, symbols))
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)


def added(codec: HearingCodec, model: KneserNey, search: Any, text: str) -> float:
    """What the words of a text add, from its definition."""
    state, total = model.start(), 0.0
    for word in text.split(" "):
        if not word:
            continue
        state, more = model.score(state, word)
        spelled = word in model.ids
        total += search.word_language * more + search.word_bonus - (0.0 if spelled else search.unknown)
    return total + search.word_language * model.end(state)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("corpus", [False, True])
def test_the_search_finds_what_is_best_of_all(tmp_path: Path, seed: int, corpus: bool) -> None:
    codec, plain, network = made(tmp_path)
    more: dict[str, Any] = {"word_language": 0.8, "word_bonus": 0.4, "unknown": 3.0, "beam": 1000, "alternatives": 4}
    model = codec.words
    if corpus:
        (tmp_path / "text.txt").write_text("ab a\n\nab ab a b\nzzz a\n", encoding="utf-8")
        more["corpus"] = str(tmp_path / "text.txt")
        model = KneserNey.of([["ab", "a"], ["ab", "ab", "a", "b"], ["zzz", "a"]], 3)
    assert model is not None
    search = with_values(plain, more)
    logs = frames(5, codec.size, seed)
    sums: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(codec.size), repeat=len(logs)):
        symbols = tuple(collapse(path))
        mass = float(logs[range(len(logs)), path].sum(dtype=np.float64))
        sums[symbols] = float(np.logaddexp(sums.get(symbols, -np.inf), mass))
    scores = {symbols: mass + added(codec, model, search, codec.text(symbols)) for symbols, mass in sums.items()}
    best = sorted(scores, key=scores.__getitem__, reverse=True)[:4]
    decoding = spelling(network, codec, search)()
    decoding.feed(logs)
    found = decoding.finish()
    assert [codec.text(one.symbols) for one in found] == [codec.text(symbols) for symbols in best]
    assert [one.score for one in found] == pytest.approx([scores[symbols] for symbols in best], abs=1e-4)
    alone = spelling(network, codec, with_values(plain, {"beam": 1000, "alternatives": 4}))()
    alone.feed(logs)
    assert [one.score for one in alone.finish()] != pytest.approx([one.score for one in found], abs=0.1)


@pytest.mark.parametrize("unit", ["words", "subwords"])
def test_symbols_that_begin_words_end_the_word_before(tmp_path: Path, unit: str) -> None:
    codec, search, _ = made(tmp_path, **{"text.unit": unit, "text.size": 3})
    search = with_values(search, {"word_language": 0.7, "word_bonus": 0.2, "unknown": 2.0})
    words, model = model_of_words(codec, search), codec.words
    assert model is not None
    for text in ("a b", "ba ba a", "b"):
        state, total = words.start(), 0.0
        for label in codec.labels(text):
            state, more = words.score(state, label)
            total += more
        assert total + words.end(state) == pytest.approx(added(codec, model, search, text))


def test_both_n_gram_models_add_up(tmp_path: Path) -> None:
    codec, plain, network = made(tmp_path)
    logs = frames(6, codec.size, 1)
    search = with_values(plain, {"word_language": 0.8, "language": 0.6, "bonus": 0.1, "beam": 50})
    decoding = spelling(network, codec, search)()
    decoding.feed(logs)
    (one,) = decoding.finish()
    assert codec.language is not None
    assert codec.words is not None
    letters = 0.6 * codec.language.log_probability(one.symbols) + 0.1 * len(one.symbols)
    words = added(codec, codec.words, search, codec.text(one.symbols))
    assert one.score == pytest.approx(one.log_probability + letters + words, abs=1e-5)


def test_the_model_of_words_is_saved_with_the_codec(tmp_path: Path) -> None:
    codec, _, _ = made(tmp_path)
    settings: Any = build(TranscribeSettings, SMALL | {"data.train": [str(tmp_path / "train.jsonl")]})
    read = HearingCodec.from_json(json.loads(json.dumps(codec.to_json())), settings)
    assert codec.words is not None
    assert read.words is not None
    for text in (["a", "b"], ["ba", "x"], []):
        assert read.words.log_probability(text) == codec.words.log_probability(text)
    old = {name: part for name, part in codec.to_json().items() if name != "words"}
    assert HearingCodec.from_json(old, settings).words is None


def test_a_changed_text_is_read_anew(tmp_path: Path) -> None:
    codec, plain, _ = made(tmp_path)
    search = with_values(plain, {"word_language": 0.5, "corpus": str(tmp_path / "text.txt")})
    seen = []
    for text in ("a a a b\n", "b b b b b a\n"):
        (tmp_path / "text.txt").write_text(text, encoding="utf-8")
        words = model_of_words(codec, search)
        seen.append(words.language.score(words.language.start(), "a")[1])  # type: ignore[arg-type]
    assert seen[0] > seen[1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "text.txt"),
        (" \n\n", "there is no word in it; sentences are wanted"),
        ("xx yy\n", "none of its words can be spelled"),
        (b"\xff\xfe a", "UTF"),
    ],
)
def test_texts_that_are_none_are_refused(tmp_path: Path, text: str | bytes | None, says: str) -> None:
    codec, plain, network = made(tmp_path)
    if text is not None:
        (tmp_path / "text.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    search = with_values(plain, {"word_language": 0.5, "corpus": str(tmp_path / "text.txt")})
    with pytest.raises(Refusal, match=says):
        spelling(network, codec, search)


def test_no_model_of_words_is_refused_and_a_text_in_its_place_is_not(tmp_path: Path) -> None:
    codec, plain, network = made(tmp_path, **{"text.word_language": 0})
    with pytest.raises(Refusal, match="has no n-gram model of words"):
        spelling(network, codec, with_values(plain, {"word_language": 0.5}))
    (tmp_path / "text.txt").write_text("A b\n", encoding="utf-8")
    search = with_values(plain, {"word_language": 0.5, "corpus": str(tmp_path / "text.txt")})
    assert spelling(network, codec, search)() is not None
    with pytest.raises(Refusal, match="beam=1"):
        with_values(plain, {"word_language": 0.5, "beam": 1})
    with pytest.raises(Refusal, match=r"corpus=.*word_language=0 gives no weight"):
        with_values(plain, {"corpus": "text.txt"})
