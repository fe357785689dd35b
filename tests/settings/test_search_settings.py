"""Searching and drawing exclude each other, and it is said where both are asked for."""

from __future__ import annotations

import pytest

from melisma.errors import Refusal
from melisma.settings.read import build, with_values
from melisma.settings.search import SearchSettings
from melisma.settings.translate import TranslateSettings


@pytest.mark.parametrize(
    ("run", "given"),
    [
        ({}, {"temperature": 0.8, "alternatives": 50}),
        ({}, {"temperature": 0.8, "beam": 1}),
        ({"beam": 3, "length_penalty": 1.0}, {"temperature": 0}),
        ({}, {"temperature": "none", "beam": 8, "top_p": 1, "seed": 1}),
        ({"temperature": 1.0, "top_k": 5, "alternatives": 3}, {"temperature": None, "beam": 4}),
        ({"temperature": 1.0, "beam": 2}, {"alternatives": 9, "seed": 5, "top_p": 0.5, "ranked": False}),
        ({"temperature": 1.0}, {"length_penalty": 0.6, "coverage_penalty": 0}),
    ],
)
def test_what_goes_together(run: dict, given: dict) -> None:
    assert with_values(build(SearchSettings, run), given) != SearchSettings()
    whole = build(TranslateSettings, {"search": run}, {"search": given})
    assert whole.search == with_values(build(SearchSettings, run), given)


@pytest.mark.parametrize(
    ("run", "given", "said"),
    [
        ({}, {"temperature": 0.8, "beam": 5}, "beam=5 belongs to a search and .*temperature=0.8 draws"),
        ({"temperature": 0.8}, {"beam": 4}, r"temperature=0.8 draws: wants one of both \(.*temperature=none searches"),
        ({"temperature": 1.0}, {"length_penalty": 1}, "length_penalty=1.0 belongs to a search"),
        ({"temperature": 1.0}, {"coverage_penalty": 0.1}, "coverage_penalty=0.1 belongs to a search"),
        (
            {},
            {"top_k": 5},
            "top_k=5 says how answers are drawn and .*temperature=none draws none: wants .*temperature=1",
        ),
        ({}, {"top_p": 0.5}, "top_p=0.5 says how"),
        ({}, {"seed": 3}, "seed=3 says how"),
        ({}, {"ranked": "no"}, "ranked=no says how"),
        ({"temperature": 1.0, "alternatives": 9}, {"temperature": "none"}, "alternatives is 9 and beam 5"),
        ({}, {"alternatives": 9}, "alternatives is 9 and beam 5"),
        ({}, {"prefix": "x" * 10_001}, "prefix has 10,001 characters: wants at most 10,000"),
        ({}, {"temperature": -1}, "temperature: found -1, wants a number, 0 to 100, or none"),
        ({}, {"temperature": 1, "top_p": 0}, "top_p: found 0, wants a number, above 0 and at most 1, or none"),
        ({}, {"temperature": 1, "top_k": 0}, "top_k: found 0"),
    ],
)
def test_what_does_not(run: dict, given: dict, said: str) -> None:
    held = build(SearchSettings, run)
    with pytest.raises(Refusal, match=said):
        with_values(held, given)
    with pytest.raises(Refusal, match=said):
        build(TranslateSettings, {"search": run}, {"search": given})


def test_the_group_is_named_where_it_is_typed() -> None:
    with pytest.raises(Refusal, match=r"^search.top_k=5 says .* search.temperature=none .* wants search.temperature=1"):
        build(TranslateSettings, {}, {"search.top_k": 5})
    with pytest.raises(Refusal, match=r"^search.beam=4 belongs .* \(search.temperature=none searches\)"):
        build(TranslateSettings, {}, {"search.beam": 4, "search.temperature": 1})


def test_a_prefix_is_kept_as_it_is_typed() -> None:
    for text in ("Ein Mann ", "none", " x", "a,b", "1"):
        assert with_values(SearchSettings(), {"prefix": text}).prefix == text
