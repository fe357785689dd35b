"""The steps of decoding: what was heard, said and likely, against the step itself; and where two ways part."""

from __future__ import annotations

import math

import pytest
import torch
from tasks.test_answers import CODEC, codec_and_model
from tasks.test_drawn_answers import lettered

from melisma.errors import Refusal
from melisma.looks.steps import steps
from melisma.ragged import Ragged
from melisma.settings.search import SearchSettings
from melisma.tasks.answering import answer
from melisma.text.vocabulary import END, START

NETWORK = lettered()
SEARCH = SearchSettings(beam=3, maximum=5)
NAMES = {START: "<start>", END: "<end>"}


def name(symbol: int) -> str:
    return NAMES.get(symbol) or CODEC.target.vocabulary.pieces([symbol])[0]


def shares(source: str, heard: list[int], network=NETWORK) -> list[torch.Tensor]:
    """The probabilities after each symbol heard."""
    step, state = network.start(Ragged.of_symbols(CODEC.encode_source([source])))
    rows = []
    with torch.no_grad():
        for symbol in heard:
            state, row, _ = step(state, torch.tensor([symbol]))
            rows.append(row[0].double().exp())
    return rows


@pytest.mark.parametrize("target", ["xyz", "", " zy\u3000y "])
def test_both_sides_are_what_the_step_says(target: str) -> None:
    data = steps(NETWORK, CODEC, "abc", target, SEARCH).data
    wanted = [*CODEC.target.encode([target])[0], END]
    assert data["heading"] == ["abc", " ".join(target.split())]
    assert data["given"]
    for side, heard in (("forced", [START, *wanted[:-1]]), ("free", None)):
        said = [*CODEC.target.encode([answer(NETWORK, CODEC, ["abc"], SearchSettings(beam=1, maximum=5))[0].text])[0]]
        heard = heard or [START, *said][: len(data[side])]
        assert len(data[side]) == len(heard)
        for place, (step, row) in enumerate(zip(data[side], shares("abc", heard), strict=True)):
            row[START] = 0
            order = row.argsort(descending=True).tolist()
            assert step["heard"] == name(heard[place])
            assert step["says"] == name(order[0])
            assert step["share"] == pytest.approx(float(row[order[0]]), rel=1e-5)
            assert [one for one, _ in step["others"]] == [name(symbol) for symbol in order[1:3]]
            assert [share for _, share in step["others"]] == pytest.approx(row[order[1:3]].tolist(), rel=1e-5)
            if side == "forced":
                assert step["wanted"] == name(wanted[place])
                assert step["likely"] == pytest.approx(float(row[wanted[place]]), rel=1e-5)


def test_without_a_target_it_is_the_models_own_answer() -> None:
    for search in (SEARCH, SearchSettings(temperature=2.0, maximum=5), SearchSettings(beam=1, prefix="zx", maximum=5)):
        data = steps(NETWORK, CODEC, "abc", None, search).data
        (own,) = answer(NETWORK, CODEC, ["abc"], search)
        assert not data["given"]
        assert data["heading"][1] == own.text
        end = ["<end>"] if own.alternatives[0].finished else []
        assert [step["wanted"] for step in data["forced"]] == [*own.tokens, *end]
        assert [math.log(step["likely"]) for step in data["forced"]] == pytest.approx(
            list(own.alternatives[0].token_log_probabilities), abs=1e-4
        )


def test_what_greedy_says_never_parts_from_itself() -> None:
    data = steps(NETWORK, CODEC, "abc", None, SearchSettings(beam=1, maximum=4)).data
    assert data["parting"] is None
    assert [step["says"] for step in data["free"]] == [step["wanted"] for step in data["forced"]]
    assert [step["share"] for step in data["free"]] == [step["likely"] for step in data["forced"]]


@pytest.mark.parametrize(("bias", "target", "place"), [(50.0, "", None), (50.0, "x", 0), (-50.0, "", 0)])
def test_an_end_that_one_says_and_the_other_not_is_where_they_part(bias: float, target: str, place: int | None) -> None:
    codec, network = codec_and_model()
    with torch.no_grad():
        network.output_bias[END] = bias
    data = steps(network, codec, "abc", target, SearchSettings(maximum=3)).data
    assert data["parting"] == place
    assert len(data["free"]) == (1 if bias > 0 else 3)


def test_the_first_difference_is_where_they_part() -> None:
    own = steps(NETWORK, CODEC, "abc", None, SearchSettings(beam=1, maximum=5)).data
    said = [step["says"] for step in own["free"]]
    text = own["heading"][1]
    other = "q" if said[3] != "q" else "r"
    data = steps(NETWORK, CODEC, "abc", text[:3] + other, SearchSettings(beam=1, maximum=5)).data
    assert data["parting"] == 3
    longer = steps(NETWORK, CODEC, "abc", text, SearchSettings(beam=1, maximum=2)).data
    assert longer["parting"] == 2
    assert len(longer["free"]) == 2


def test_what_cannot_be_looked_at_is_refused() -> None:
    for source, target, said in (
        (" \t", None, "the input is blank"),
        ("a" * 300, None, "the input has 300 symbols"),
        ("a", "x" * 300, "the target has 300 symbols"),
    ):
        with pytest.raises(Refusal, match=said):
            steps(NETWORK, CODEC, source, target, SEARCH)
