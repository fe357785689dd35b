"""Command-line words: which are settings, which are input, and which are neither."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.settings.leaves import shape
from melisma.settings.names import meant, nearest, resembling
from melisma.settings.read import build
from melisma.settings.search import SearchSettings
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
    try:
        found, inputs = assignments(words, NAMES)
    except Refusal:
        assume(False)
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
        (["model=lstm"], "model is a group of settings: wants one of model.encoder, "),
        (["search.beam"], "found 'search.beam': did you mean search.beam=…?"),
        (["file.txt"], "found 'file.txt': wants settings as name=value"),
        (["a b=3"], "found 'a b=3': wants settings, each as name=value"),
        (["minutes=30"], "unknown setting minutes: did you mean training.minutes=30?"),
        (["epochs=3"], "unknown setting epochs: did you mean training.epochs=3?"),
        (["train=a,b"], "unknown setting train: did you mean data.train=a,b?"),
        (["layers=2"], "unknown setting layers: did you mean model.encoder_layers=2 or model.decoder_layers=2?"),
        (["Model.Hidden=2"], "unknown setting Model.Hidden: did you mean model.hidden=2?"),
        (
            ["plateau=2"],
            "unknown setting plateau: did you mean training.plateau_factor=2 or training.plateau_patience=2?",
        ),
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


def test_files_without_the_name_of_their_setting_are_given_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.en", "a.de", "c.tsv", "d.tsv"):
        Path(name).touch()
    for words, names, wanted in (
        (["a.en", "a.de"], NAMES, "'a.en' without its name: did you mean data.train=a.en,a.de?"),
        (["a.en,a.de"], NAMES, "'a.en,a.de' without its name: did you mean data.train=a.en,a.de?"),
        (["c.tsv", "d.tsv"], NAMES, "'c.tsv' without its name: did you mean data.train=c.tsv?"),
        (["search.beam=3", "a.en", "none.de"], NAMES, "'a.en' without its name: did you mean data.train=a.en?"),
        (["a.en", "a.de"], ["data", "data.source"], "'a.en' without its name: did you mean data=a.en,a.de?"),
        (["a.en", "a.de"], ["beam"], "'a.en': wants settings as name=value"),
        (["none.en", "none.de"], NAMES, "'none.en': wants settings as name=value"),
    ):
        with pytest.raises(Refusal) as refused:
            assignments(words, names, strict=True)
        assert str(refused.value) == f"found {wanted}"


SEARCH = (*shape(SearchSettings).names, "device")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("bem=3", "beam=3"),
        ("baem=3", "beam=3"),
        ("beams=3", "beam=3"),
        ("BEAM=3", "beam=3"),
        ("search.beam=3", "beam=3"),
        ("serch.beam=3", "beam=3"),
        ("length=1", "length_penalty=1"),
        ("length-penalty=1", "length_penalty=1"),
        ("alternative=2", "alternatives=2"),
        ("max=9", "maximum=9"),
        ("dev=gpu", "device=gpu"),
        ("penalty=1", "length_penalty=1 or coverage_penalty=1"),
        ("beem=" + "x" * 90, "beam=…"),
    ],
)
def test_a_slip_in_the_name_of_a_setting_is_no_input(word, meant):
    name = word.partition("=")[0]
    with pytest.raises(Refusal) as refused:
        assignments(["one", word], SEARCH, groups=("search", "training"))
    assert str(refused.value) == f"unknown setting {name}: did you mean {meant}? (after -- it is text)"
    assert assignments(["one", "--", word], SEARCH, groups=("search",)) == ({}, ["one", word])


@pytest.mark.parametrize("word", ["training.steps=3", "Training.x=1", "text.unit=words"])
def test_a_name_in_a_known_group_is_no_input(word):
    with pytest.raises(Refusal, match=r"known here are those that --help lists \(after -- it is text\)"):
        assignments([word], SEARCH, groups=("training", "text"))
    assert assignments([word], SEARCH) == ({}, [word])


@pytest.mark.parametrize(
    "word",
    ["2+2=4", "E=mc2", "x=1", "xy=1", "be=3", "bar=3", "a=b", "x.y=3", "year=1998", "name=Tom", "team spirit=3", "=", "==",
     "<a href=b>", "Beam", "beam: 3", "beam =3", "text=beam", "ö=3", "q" * 90 + "=3"],
)  # fmt: skip
def test_what_is_like_no_setting_is_an_input(word):
    assert assignments([word], SEARCH, groups=("search", "training")) == ({}, [word])


@given(st.text("abcdefghijklmnopqrstuvwxyz", max_size=2))
def test_no_name_of_two_letters_is_like_a_setting(name):
    assert resembling(name, SEARCH) == ()


@pytest.mark.parametrize("name", SEARCH)
def test_a_name_that_lacks_a_letter_is_still_known(name):
    for place in range(len(name) if len(name) > 4 else 0):
        assert name in resembling(name[:place] + name[place + 1 :], SEARCH)


def test_all_that_may_be_meant_is_said():
    assert meant("hidden", NAMES) == ("model.hidden",)
    assert meant("gru", ("elman", "gru_reset_after", "gru_reset_before")) == ("gru_reset_after", "gru_reset_before")
    assert meant("Layers", NAMES) == ("model.encoder_layers", "model.decoder_layers")
    assert meant("xyzzy", NAMES) == meant("h" * 10_000, NAMES) == ()
    assert [meant(name, NAMES) for name in NAMES] == [(name,) for name in NAMES]


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
