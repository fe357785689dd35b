"""Command-line words: which are settings, which are input, and which are neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.settings.leaves import shape
from melisma.settings.names import nearest
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.settings.words import assignments, from_words

NAMES = shape(TranslateSettings).names


def test_settings_and_inputs_are_told_apart():
    words = ["search.beam=3", "a=b", "in.txt", "data.train=a=1,b", "x.y=3", "--", "search.beam=9", "--"]
    assert assignments(words, iter(NAMES)) == (
        {"search.beam": ["3"], "data.train": ["a=1,b"]},
        ["a=b", "in.txt", "x.y=3", "search.beam=9", "--"],
    )
    assert assignments([], NAMES, strict=True) == ({}, [])
    assert assignments(["--"], NAMES, strict=True) == ({}, [])
    assert assignments(["beam=3"], ["beam"]) == ({"beam": ["3"]}, [])


WORDS = st.lists(
    st.one_of(
        st.just("--"),
        st.text(max_size=8),
        st.builds("{}={}".format, st.sampled_from(NAMES) | st.text(max_size=5), st.text(max_size=5)),
    ),
    max_size=6,
)


@given(WORDS)
def test_every_word_lands_in_one_place(words):
    found, inputs = assignments(words, NAMES)
    before = words[: words.index("--")] if "--" in words else words
    after = words[len(before) + 1 :]
    settings = [word for word in before if word.partition("=")[0] in NAMES and "=" in word]
    assert sum(map(len, found.values())) == len(settings)
    assert all(f"{name}={value}" in settings for name, values in found.items() for value in values)
    assert inputs == [word for word in before if word not in settings] + after


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["hiden=3"], "unknown setting hiden: did you mean model.hidden=3?"),
        (["model.hiden=3"], "unknown setting model.hiden: did you mean model.hidden=3?"),
        (["beam=3"], "unknown setting beam: did you mean search.beam=3?"),
        (["--search.beem=3"], "unknown setting --search.beem: did you mean search.beam=3?"),
        (["--search.beam=3"], "unknown setting --search.beam: did you mean search.beam=3?"),
        (["zzz=3"], "unknown setting zzz: nothing known has a name like it, wants one of "),
        (["model=lstm"], "model is a group of settings: wants one of model.cell, "),
        (["search.beam"], "found 'search.beam': did you mean search.beam=…?"),
        (["file.txt"], "found 'file.txt': wants settings as name=value"),
        (["a b=3"], "found 'a b=3': wants settings, each as name=value"),
        (["=3"], "found '=3': wants settings"),
        ([""], "found '': wants settings"),
        (["x" * 100_000 + "=3"], "found 'xxx"),
        (["hiden=" + "y" * 1000], "unknown setting hiden: did you mean model.hidden=…?"),
        (["search.beam=3", "--", "x"], "found the input 'x': wants settings (name=value) and no inputs"),
    ],
)
def test_where_no_input_is_wanted_every_other_word_is_refused(words, sentence):
    with pytest.raises(Refusal) as refused:
        assignments(words, NAMES, strict=True)
    assert str(refused.value).startswith(sentence)


def test_repeated_corpora_are_several():
    words = ["data.train=a.en,a.de", "data.train=b.en,b.de", "data.valid=c.tsv", "search.beam=2"]
    found, _ = assignments(words, NAMES)
    settings = build(TranslateSettings, from_words(TranslateSettings, found))
    assert settings.data.train == (("a.en", "a.de"), ("b.en", "b.de"))
    assert settings.data.valid == (("c.tsv",),)
    assert settings.search.beam == 2
    one = from_words(TranslateSettings, {"data.valid": ["none"], "data.train": ["a,b"]})
    assert build(TranslateSettings, one).data.valid is None


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"search.beam": ["3", "4"]}, "setting search.beam is given 2 times ('3', '4'): wants one"),
        ({"search.beam": ["3", "3"]}, "setting search.beam is given 2 times"),
        ({"data.valid": ["a,b", "none"]}, "setting data.valid is given 2 times"),
        ({"model": ["lstm"]}, "model is a group of settings and was given 'lstm'"),
        ({"serch.beam": ["3"]}, "unknown setting serch.beam: did you mean search.beam? (hypotheses"),
    ],
)
def test_words_that_contradict_are_refused(found, sentence):
    with pytest.raises(Refusal) as refused:
        from_words(TranslateSettings, found)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("hiden", "model.hidden"),
        ("hidden", "model.hidden"),
        ("training.hidden", "model.hidden"),
        ("encoder-hidden", "model.encoder_hidden"),
        ("Model.Hidden", "model.hidden"),
        ("training.sed", "training.seed"),
        ("lenght_penalty", "search.length_penalty"),
        ("train", "data.train"),
        ("xyzzy", None),
        ("", None),
        ("h" * 10_000, None),
    ],
)
def test_the_nearest_name(name, wanted):
    assert nearest(name, NAMES) == wanted


def test_hyphens_and_capitals_are_no_difference():
    assert nearest("A-B", ["ab", "a_b"]) == "a_b"


def test_every_name_is_nearest_to_itself():
    assert [nearest(name, NAMES) for name in NAMES] == list(NAMES)
