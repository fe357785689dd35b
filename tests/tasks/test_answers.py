"""Answers: what they hold, how long they may be, and how much is answered together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.evaluation.evaluate import evaluate
from melisma.evaluation.validate import Validation
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.settings.model import EncoderDecoderSettings
from melisma.settings.search import SearchSettings
from melisma.settings.text import TextSettings
from melisma.settings.translate import TranslateSettings
from melisma.tasks import answering, translate
from melisma.tasks.answering import Alternative, answer, batches
from melisma.tasks.pairs import PairCodec
from melisma.tasks.translate import build, examples, nats
from melisma.text.vocabulary import END

MODEL = EncoderDecoderSettings(embedding=8, hidden=8, encoder_hidden=8)
SETTINGS = TranslateSettings(text=TextSettings(unit="characters"), model=MODEL)


def pair(source: str, target: str) -> Pair:
    return Pair(source, target, Place("a.en", 1))


PAIRS = [pair("abc", "xyz"), pair("bca", "zyx")]
SEARCH = SearchSettings(beam=3, alternatives=2)


def codec_and_model(attention: str = "additive") -> tuple[PairCodec, EncoderDecoder]:
    codec = PairCodec.learn(PAIRS, SETTINGS)
    torch.manual_seed(1)
    return codec, build(codec, replace(SETTINGS, model=replace(MODEL, attention=attention))).eval()


CODEC, NETWORK = codec_and_model()


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("maximum", [1, 2, 5])
def test_no_answer_is_longer_than_the_maximum_and_one_as_long_may_end(maximum: int, beam: int) -> None:
    search = SearchSettings(beam=beam, alternatives=beam, maximum=maximum, minimum=maximum)
    for bias in (-50.0, 50.0):
        codec, network = codec_and_model()
        with torch.no_grad():
            network.output_bias[END] = bias  # never or always the likeliest
        for found in answer(network, codec, ["abc", "c"], search)[0].alternatives:
            assert len(found.tokens) == maximum
            assert found.finished == (bias > 0)
            assert len(found.attention or ()) == len(found.token_log_probabilities) == maximum + (bias > 0)


def test_without_a_trace_all_but_attention_is_the_same() -> None:
    inputs = ["abc", "", "cab"]
    for traced, bare in zip(
        answer(NETWORK, CODEC, inputs, SEARCH), answer(NETWORK, CODEC, inputs, SEARCH, traced=False)
    ):
        assert traced.attention is not None
        assert bare == replace(traced, alternatives=tuple(replace(one, attention=None) for one in traced.alternatives))


@pytest.mark.parametrize(("attention", "rows"), [("additive", ()), ("fixed", None), ("none", None)])
@pytest.mark.parametrize("blank", ["", " ", "\u3000\t"])
def test_a_blank_input_has_one_answer_with_nothing_in_it(attention: str, rows: tuple[()] | None, blank: str) -> None:
    codec, network = codec_and_model(attention)
    first, found = answer(network, codec, ["abc", blank], SEARCH)
    assert (first.attention is None) == (rows is None)
    assert found.source == blank
    assert found.alternatives == (Alternative("", 0.0, 0.0, (), (), rows, True),)


def test_an_input_too_long_is_refused_by_its_number(monkeypatch) -> None:
    monkeypatch.setattr(answering, "LONGEST", 4)
    assert len(answer(NETWORK, CODEC, ["abca", "abc"], SEARCH)) == 2
    with pytest.raises(Refusal, match="input 2 has 5 symbols; wanted: at most 4"):
        answer(NETWORK, CODEC, ["abca", "abcab"], SEARCH)


@pytest.mark.parametrize(("long", "side"), [(("abcab", "x"), "source"), (("a", "xyzxy"), "target")])
def test_a_pair_too_long_to_be_measured_on_is_refused_by_its_place_before_any_is_answered(
    long: tuple[str, str], side: str, monkeypatch
) -> None:
    monkeypatch.setattr(answering, "LONGEST", 4)
    good, bad = [pair("abca", "xyzx")], [pair("abca", "xyzx"), Pair(*long, Place("a.en", 7))]
    assert set(Validation(translate.TASK, CODEC, SETTINGS, good).scores(NETWORK)) == {"loss", "bleu", "chrf", "exact"}
    assert evaluate(translate.TASK, NETWORK, CODEC, SETTINGS, good).measures["exact"].count == 1
    monkeypatch.setattr(answering, "_search", lambda *_: pytest.fail("too late"))
    said = f"a.en, line 7: the {side} has 5 symbols; a pair to measure on has at most 4"
    with pytest.raises(Refusal, match=said):
        Validation(translate.TASK, CODEC, SETTINGS, bad)
    with pytest.raises(Refusal, match=said):
        evaluate(translate.TASK, NETWORK, CODEC, SETTINGS, bad)


def test_attention_that_does_not_fit_is_left_out_and_batches_hold_what_fits(monkeypatch) -> None:
    inputs, search = ["abcabcabc", "abc", "cba", "cab"], replace(SEARCH, maximum=3)
    most = answering._weights(4, search)
    assert most == 4 * (3 + 1) * (3 + 8 * 2)
    full = answer(NETWORK, CODEC, inputs, search)
    seen: list[tuple[int, bool]] = []
    real = answering._search

    def watched(model: EncoderDecoder, sources: Sequence[list[int]], search: SearchSettings, traced: bool, *more):
        seen.append((len(sources), traced))
        return real(model, sources, search, traced, *more)

    monkeypatch.setattr(answering, "_search", watched)
    monkeypatch.setattr(answering, "WEIGHTS_AT_ONCE", 2 * most)
    found = answer(NETWORK, CODEC, inputs, search)
    assert seen == [(1, False), (2, True), (1, True)]
    assert [one.attention is None for one in found] == [True, False, False, False]
    assert [one.text for one in found] == [one.text for one in full]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(1, 30_000), max_size=30),
    st.integers(1, 5),
    st.integers(1, 1000),
)
def test_batches_have_every_input_once_and_no_more_than_fits(lengths: list[int], size: int, beam: int) -> None:
    found = list(batches(lengths, size, beam))
    assert sorted(place for batch in found for place in batch) == list(range(len(lengths)))
    for batch in found:
        padded = len(batch) * max(lengths[place] for place in batch)
        assert len(batch) <= size
        assert len(batch) == 1 or (padded <= answering.SYMBOLS_AT_ONCE and padded * beam <= answering.ROWS_AT_ONCE)


def test_teacher_forcing_goes_by_both_sides_of_a_pair(monkeypatch) -> None:
    pairs = [pair("abc" * 10, "x"), pair("abc" * 9, "y"), pair("a", "xyz")]
    together = nats(NETWORK, CODEC, pairs)
    sizes: list[int] = []
    real = translate.batched
    monkeypatch.setattr(answering, "SYMBOLS_AT_ONCE", 35)
    monkeypatch.setattr(translate, "batched", lambda pairs: [sizes.append(len(pairs)), real(pairs)][1])
    apart = nats(NETWORK, CODEC, pairs)
    assert sizes == [1, 1, 1]
    assert [count for _, count in apart] == [count for _, count in together] == [2, 2, 4]
    assert [value for value, _ in apart] == pytest.approx([value for value, _ in together], rel=1e-5)


def test_pairs_that_are_not_measured_are_told_of(tmp_path) -> None:
    (tmp_path / "a.en").write_text("a\nb\nc\n")
    (tmp_path / "a.de").write_text("x\n\nz\n")
    pairs, said = examples(SETTINGS, [(str(tmp_path / "a.en"), str(tmp_path / "a.de"))])
    assert [pair.source for pair in pairs] == ["a", "c"]
    assert len(said) == 1
    assert "one blank side" in said[0]
