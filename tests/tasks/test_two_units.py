"""Sides that are written in different units: characters in, words out, and whatever else."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest

from melisma.errors import Refusal
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.settings.read import build, plain
from melisma.settings.text import UNITS, TextSettings
from melisma.settings.translate import TranslateSettings
from melisma.tasks.pairs import PairCodec
from melisma.tasks.translate import prepare
from melisma.text.units import learn

PAIRS = [
    Pair(f"{one}{two}", f"{one.upper()} {two.upper()}0", Place("a", number))
    for number, (one, two) in enumerate(product(("ba", "ké", "o'"), ("da", "ri", "狗")), 1)
]


def settings_of(source: str, target: str | None, *, shared: bool = False) -> TranslateSettings:
    text = {"text.unit": source, "text.target_unit": target, "text.shared": shared, "text.least": 1}
    return build(TranslateSettings, text)


@pytest.mark.parametrize(("source", "target"), list(product(UNITS, (*UNITS, None))))
def test_each_side_has_its_own_unit_and_comes_back(source: str, target: str | None) -> None:
    settings = settings_of(source, target)
    codec = PairCodec.learn(PAIRS, settings)
    again = PairCodec.from_json(json.loads(json.dumps(codec.to_json())), settings)
    assert again == codec
    assert again.source == learn([pair.source for pair in PAIRS], TextSettings(unit=source, least=1))
    assert again.target == learn([pair.target for pair in PAIRS], TextSettings(unit=target or source, least=1))
    for pair, (asked, wanted) in zip(PAIRS, again.symbols(PAIRS), strict=True):
        assert again.source.decode(asked) == pair.source
        assert again.target.decode(wanted) == pair.target


def test_phonemes_are_one_symbol_each_and_letters_too() -> None:
    codec = PairCodec.learn(PAIRS, settings_of("characters", "words"))
    ((source, target),) = codec.symbols([Pair("kéri", "KÉ RI0", Place("a", 1))])
    assert (len(source), len(target)) == (5, 2)


def test_a_unit_that_is_the_sources_own_is_no_other() -> None:
    same = settings_of("characters", "characters", shared=True)
    codec = PairCodec.learn(PAIRS, same)
    assert codec == PairCodec.learn(PAIRS, settings_of("characters", None, shared=True))
    assert codec.shared
    assert set(codec.to_json()) == {"source"}


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("characters", "words", ["for targets"]),
        ("words", "characters", ["for sources"]),
        ("characters", "characters", []),
        ("words", "subwords", ["for sources", "for targets"]),
    ],
)
def test_a_vocabulary_that_the_data_does_not_fill_is_told_of_sides_that_have_one(
    source: str, target: str, said: list[str]
) -> None:
    unasked = settings_of(source, target)
    asked = replace(unasked, text=replace(unasked.text, size=4000))
    notes = prepare(PairCodec.learn(PAIRS, asked), PAIRS, asked).notes
    assert [note.partition("symbols ")[2] for note in notes] == said
    assert not prepare(PairCodec.learn(PAIRS, unasked), PAIRS, unasked).notes


def test_two_units_and_one_vocabulary_are_refused_with_all_that_is_wanted() -> None:
    with pytest.raises(Refusal, match=r"text.target_unit=words besides text.unit=subwords .* wants text.shared=no$"):
        settings_of("subwords", "words", shared=True)
    with pytest.raises(Refusal, match=r"wants text.shared=no and model.tied=two$"):
        build(TranslateSettings, {"text.target_unit": "words", "model.tied": "three"})


def test_how_subwords_are_learned_may_be_said_where_one_side_learns_some() -> None:
    apart = {"text.shared": False, "text.unit": "characters"}
    build(TranslateSettings, apart | {"text.target_unit": "subwords"}, {"text.method": "unigram"})
    with pytest.raises(Refusal, match=r"text.method=unigram says how subwords are learned"):
        build(TranslateSettings, apart | {"text.target_unit": "words"}, {"text.method": "unigram"})


def test_a_record_from_before_there_were_two_units_is_read() -> None:
    told = plain(TranslateSettings())
    del told["text"]["target_unit"], told["data"]["measures"]
    assert build(TranslateSettings, told) == TranslateSettings()
