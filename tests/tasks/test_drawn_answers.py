"""Answers that are drawn, and answers that begin as they are told, as users get them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tasks.test_answers import CODEC, NETWORK, PAIRS, SETTINGS, codec_and_model

from melisma.errors import Refusal
from melisma.evaluation.validate import Validation
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.settings.search import SearchSettings
from melisma.tasks import translate
from melisma.tasks.answering import Answer, answer, batches
from melisma.text.vocabulary import END

DRAWN = SearchSettings(temperature=1.5, alternatives=4, ranked=False, seed=7)
INPUTS = ["abc", "cab", "", "bca", "abcabca", "c"]


def ask(inputs: list[str], search: SearchSettings) -> list[Answer]:
    return answer(NETWORK, CODEC, inputs, search)


def texts(found: Answer) -> list[str]:
    return [one.text for one in found.alternatives]


def test_what_is_drawn_depends_neither_on_batch_nor_order_nor_neighbours() -> None:
    whole = ask(INPUTS, DRAWN)
    assert len({tuple(texts(one)) for one in whole}) == len(INPUTS)
    for search in (replace(DRAWN, batch=1), replace(DRAWN, batch=2), replace(DRAWN, exact=True)):
        assert [texts(one) for one in ask(INPUTS, search)] == list(map(texts, whole))
    assert [texts(one) for one in ask(INPUTS[::-1], DRAWN)] == [texts(one) for one in whole[::-1]]
    assert texts(ask(["cab"], DRAWN)[0]) == texts(whole[1])
    assert [texts(one)[:2] for one in ask(INPUTS, replace(DRAWN, alternatives=2))] == [texts(one)[:2] for one in whole]
    assert ask(["abc", " abc\t"], DRAWN)[0].alternatives == ask(["abc", " abc\t"], DRAWN)[1].alternatives
    assert texts(ask(["abc"], replace(DRAWN, seed=8))[0]) != texts(whole[0])


def test_neither_heat_nor_one_choice_is_greedy() -> None:
    greedily = ask(INPUTS, SearchSettings(beam=1))
    for search in (replace(DRAWN, temperature=0), replace(DRAWN, top_k=1), replace(DRAWN, top_p=1e-6)):
        for drawn, wanted in zip(ask(INPUTS, search), greedily, strict=True):
            assert set(texts(drawn)) == {wanted.text}
            assert drawn.score == pytest.approx(wanted.score)


def test_drawn_answers_need_no_beam_and_are_batched_by_what_they_hold() -> None:
    search = replace(DRAWN, beam=1, alternatives=9)
    search.check()
    assert {len(one.alternatives) for one in ask(["abc", "c"], search)} == {9}
    assert search.width == 9
    assert len(next(iter(batches([1000] * 400, 1000, search.width)))) == 14


def test_a_validation_searches_greedily() -> None:
    plain = Validation(translate.TASK, CODEC, SETTINGS, PAIRS)
    drawing = Validation(translate.TASK, CODEC, replace(SETTINGS, search=DRAWN), PAIRS)
    assert (drawing.search.temperature, drawing.search.beam) == (None, 1)
    assert drawing.scores(NETWORK) == plain.scores(NETWORK)


@pytest.mark.parametrize("way", [{"beam": 1}, {"beam": 3, "alternatives": 2}, {"temperature": 1.0, "alternatives": 3}])
def test_every_answer_begins_as_it_is_told(way: dict) -> None:
    search = SearchSettings(**way, prefix="zz xé")
    for found, source in zip(ask(INPUTS, search), INPUTS, strict=True):
        for one in found.alternatives:
            assert one.text.startswith("zz xé" if source else "")
            assert one.log_probability == pytest.approx(sum(one.token_log_probabilities), abs=1e-6)
            assert len(one.attention or ()) == len(one.token_log_probabilities)


def lettered() -> EncoderDecoder:
    """A model that says letters and blanks: what it says is cut as its text would be."""
    _, network = codec_and_model()
    said = [CODEC.target.encode([letter])[0][0] for letter in "abcdefghijklm"]
    with torch.no_grad():
        network.output_bias[:] = -50.0
        network.output_bias[[END, *said]] = torch.linspace(-1.5, 0.3, len(said) + 1)
        network.output.weight *= 4
    return network


@pytest.mark.parametrize("beam", [1, 3, 200])
def test_what_would_be_said_anyway_changes_nothing(beam: int) -> None:
    network, search = lettered(), SearchSettings(beam=beam, minimum=2, maximum=4)
    for source in ("abc", "cab", "b"):
        (free,) = answer(network, CODEC, [source], search)
        assert len(free.text) > 1
        for cut in range(1, len(free.text) + 1):
            (again,) = answer(network, CODEC, [source], replace(search, prefix=free.text[:cut]))
            assert (again.text, again.score) == (free.text, pytest.approx(free.score))
            for mine, its in zip(again.attention, free.attention, strict=True):
                assert mine == pytest.approx(its, abs=1e-6)


def test_a_long_prefix_leaves_room_for_the_rest() -> None:
    _, network = codec_and_model()
    with torch.no_grad():
        network.output_bias[END] = -50.0  # no answer ends
    for most, length in ((None, 34), (31, 31)):
        search = SearchSettings(beam=1, prefix="x" * 30, extra=4, maximum=most)
        assert len(answer(network, CODEC, ["a"], search)[0].tokens) == length
    with pytest.raises(Refusal, match="has 3 symbols and maximum is 2"):
        ask(["a"], SearchSettings(prefix="xyz", maximum=2))
