"""The record: what every setting must carry, what describes it, and which settings contradict each other."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import melisma.settings
from melisma.errors import Refusal
from melisma.files.tables import ENDINGS, kind
from melisma.settings.describe import describe, table
from melisma.settings.leaves import TABLES, is_side, shape
from melisma.settings.names import either
from melisma.settings.read import build, plain, with_values
from melisma.settings.show import as_text
from melisma.settings.translate import DataSettings, TranslateSettings

FOLDER = Path(melisma.settings.__file__).parent
LEAVES = shape(TranslateSettings).leaves
FREE_TEXT = {"data.source", "data.target", "search.prefix"}  # names of columns and text, which are the user's own


@pytest.mark.parametrize("name", LEAVES)
def test_every_setting_has_help_a_reason_and_a_range(name):
    leaf = LEAVES[name]
    meaning = leaf.meaning
    for words in (meaning.help, meaning.why):
        assert words
        assert words[0] == words[0].strip()
        assert "\n" not in words
        assert not words.endswith(".")
    if leaf.kind in ("whole", "number"):
        assert meaning.low is not None or meaning.above is not None
        assert meaning.high is not None or meaning.below is not None
        assert not meaning.choices
    elif leaf.kind == "text":
        assert meaning.choices or name in FREE_TEXT
        assert len(set(meaning.choices)) == len(meaning.choices)
        assert "none" not in meaning.choices or not leaf.optional


@pytest.mark.parametrize("name", LEAVES)
def test_every_default_is_lawful_and_readable_as_described(name):
    leaf = LEAVES[name]
    assert build(TranslateSettings, {name: leaf.default}) == TranslateSettings()
    (one,) = [one for one in describe(TranslateSettings) if one.name == name]
    assert (one.help, one.why, one.choices) == (leaf.meaning.help, leaf.meaning.why, leaf.meaning.choices)
    if one.default:
        assert build(TranslateSettings, {name: one.default}) == TranslateSettings()
    else:
        assert leaf.default in ((), "")


def value_of(leaf):
    meaning = leaf.meaning
    if leaf.kind == "switch":
        values = st.booleans()
    elif leaf.kind == "whole":
        values = st.integers(meaning.low, meaning.high)
    elif leaf.kind == "number":
        values = st.floats(
            meaning.low if meaning.above is None else meaning.above,
            meaning.high if meaning.below is None else meaning.below,
            exclude_min=meaning.above is not None,
            exclude_max=meaning.below is not None,
        )
    elif leaf.kind == "text":
        values = st.sampled_from(meaning.choices) if meaning.choices else st.text("ab ,", min_size=1)
    elif leaf.kind == "texts":
        values = st.lists(st.sampled_from(meaning.choices), min_size=1, unique=True).map(tuple)
    else:
        values = st.lists(st.tuples(*[st.text("a,\\ é", min_size=1)] * 2), min_size=1, max_size=2).map(tuple)
    return st.none() | values if leaf.optional else values


@pytest.mark.parametrize("name", [name for name, leaf in LEAVES.items() if leaf.meaning.called])
def test_other_names_of_choices_lead_to_choices(name):
    meaning = LEAVES[name].meaning
    for other, choices in meaning.called.items():
        assert choices
        assert set(choices) <= set(meaning.choices)
        assert other == other.lower()
        assert other not in meaning.choices
        with pytest.raises(Refusal, match=re.escape(f"did you mean {either(choices)}?)")):
            build(TranslateSettings, {name: f" {other.upper()}"})


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("model.cell", "gru", "gru_reset_after or gru_reset_before"),
        ("model.cell", "GRU_reset", "gru_reset_after or gru_reset_before"),
        ("model.cell", "LSTM", "lstm"),
        ("model.attention", "bahdanau", "additive"),
        ("model.attention", "luong", "general, dot or concat"),
        ("model.attention", "additve", "additive"),
        ("text.unit", "char", "characters"),
        ("text.unit", "bpe", "subwords"),
        ("training.schedule", "inverse_sqrt", "inverse_square_root"),
        ("training.device", "cuda", "gpu"),
    ],
)
def test_the_choice_that_was_meant_is_said(name, value, meant):
    with pytest.raises(Refusal) as refused:
        build(TranslateSettings, {name: value})
    assert str(refused.value).endswith(f"(did you mean {meant}?)")


VALID = {"data.valid": "v.en,v.de"}


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (
            [{}, VALID | {"data.valid_size": 5}],
            "data.valid_size=5 says how much to cut off for validation and data.valid=v.en,v.de names data for it: "
            "wants one of both",
        ),
        ([{}, VALID, {"data": {"valid_share": 0.1}}], "data.valid_share=0.1 says how much to cut off"),
        ([VALID, {"data.valid_size": 5}], "wants one of both, as with data.valid=none"),
        (
            [{}, {"text.unit": "words", "text.method": "unigram"}],
            "text.method=unigram says how subwords are learned and text.unit=words learns none: wants text.unit=subwords",
        ),
        ([{"text.unit": "characters"}, {"text": {"method": "unigram"}}], "text.method=unigram says"),
    ],
)
def test_what_would_be_without_effect_is_refused(layers, sentence):
    with pytest.raises(Refusal, match=re.escape(sentence)):
        build(TranslateSettings, *layers)


@pytest.mark.parametrize(
    "layers",
    [
        [VALID | {"data.valid_size": 5, "text.method": "unigram", "text.unit": "words"}],  # a recipe's, or a run's
        [{"data.valid_size": 5}, VALID],
        [{"text.method": "unigram"}, {"text.unit": "words"}],
        [VALID, {"data.valid": "none", "data.valid_size": 5}],
        [{}, VALID | {"data.valid_size": 1000, "text.method": "bpe", "text.unit": "words"}],  # as they are anyway
        [{}, plain(TranslateSettings())],
    ],
)
def test_a_recipe_may_say_what_the_user_s_words_leave_without_effect(layers):
    build(TranslateSettings, *layers)


@pytest.mark.parametrize("value", [["a.en", "a.de"], [["a.en"], ["a.de"]], ["a.en", "a.de.gz", "b.en"]])
@pytest.mark.parametrize("name", ["train", "valid"])
def test_parallel_sides_in_a_list_are_said_to_want_a_comma(name, value):
    with pytest.raises(Refusal) as refused:
        build(TranslateSettings, {"data": {name: value}})
    second = "a.de.gz" if "a.de.gz" in value else "a.de"
    assert str(refused.value) == (
        f"data: {name} lists a.en and {second}, which are no tables, as two corpora: "
        f'wants {name} = "a.en,{second}", a comma between the parallel sides of one'
    )


@pytest.mark.parametrize("value", [["a.tsv", "b.csv.gz"], ["a.tsv", "b.en"], ["made:dates.train", "x.JSONL"], ["a.en"]])
def test_a_list_of_tables_is_several_corpora(value):
    assert build(TranslateSettings, {"data.train": value}).data.train == tuple((path,) for path in value)


def test_a_table_is_what_the_reader_takes_for_one():
    assert tuple(ENDINGS) == TABLES
    for path in ("a.tsv", "a.CSV.gz", "b.ndjson.xz", "a.en", "a.tsv.bak", "csv", "a.de.gz"):
        assert is_side(path) == (not kind(path))


@given(st.data())
def test_settings_written_are_settings_read(data):
    names = data.draw(st.lists(st.sampled_from(list(LEAVES)), max_size=4, unique=True))
    chosen = {name: data.draw(value_of(LEAVES[name]), label=name) for name in names}
    try:
        settings = build(TranslateSettings, {}, chosen)
    except Refusal as refusal:
        if str(refusal).startswith("setting "):
            raise  # every value fits; only contradictions are drawn again
        assume(False)
    assert build(TranslateSettings, plain(settings)) == settings
    assert with_values(TranslateSettings(), chosen) == settings
    typed = {name: as_text(value) for name, value in chosen.items() if LEAVES[name].kind != "corpora"}
    rest = {name: value for name, value in chosen.items() if name not in typed}
    assert build(TranslateSettings, {**typed, **rest}) == settings


@pytest.mark.parametrize("name", [name for name, leaf in LEAVES.items() if leaf.kind in ("whole", "number")])
@pytest.mark.parametrize("value", [-1, 1e309, float("nan"), 10**400, "text", True, []])
def test_no_number_takes_nonsense_and_each_says_its_range(name, value):
    with pytest.raises(Refusal) as refused:
        build(TranslateSettings, {name: value})
    (one,) = [one for one in describe(TranslateSettings) if one.name == name]
    assert str(refused.value).startswith(f"setting {name}: found ")
    assert one.range
    assert one.range in str(refused.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"training.epochs": None}, "training: epochs, steps, minutes and patience are all none"),
        (
            {"training": {"epochs": None, "patience": 3, "schedule": "cosine"}},
            "training: schedule=cosine must know its last step",
        ),
        ({"model": {"attention": "none", "input_feeding": True}}, "model: input_feeding feeds back"),
        ({"model": {"attention": "dot", "hidden": 100}}, "model: attention=dot compares hidden (100) with"),
        ({"model": {"attention": "dot", "bidirectional": False}}, "model: attention=dot compares hidden (512) with"),
        ({"model": {"attention_size": 10}}, "model: attention_size is 10 and attention=general has no such width"),
        ({"model.tied": "three", "text.shared": False}, "model.tied=three and text.shared=no"),
        ({"model.attention": "none", "search.coverage_penalty": 0.2}, "search.coverage_penalty counts"),
        ({"model.attention": "fixed", "search.coverage_penalty": 0.2}, "search.coverage_penalty counts"),
        ({"model": {"input": "one_hot"}}, "model: input=one_hot has no embedding and tied=two makes one"),
        ({"model": {"input": "one_hot", "tied": "three"}}, "model: input=one_hot has no embedding and tied=three"),
        ({"model": {"begin": "zero", "attention": "none"}}, "model: attention=none hands the source over in"),
        ({"model": {"begin": "learned", "attention": "none"}}, "model: attention=none hands the source over in"),
        ({"model": {"begin": "zero", "decoder": "transformer"}}, "model: begin=zero says how a recurrence begins"),
        (
            {"model": {"weight_dropout": 0.5, "encoder": "transformer", "decoder": "transformer"}},
            "model: weight_dropout=0.5 drops recurrent weights and a Transformer has none",
        ),
        ({"model": {"cell": "lstm_normalised", "hidden": 1}}, "model: cell=lstm_normalised compares the values"),
        (
            {"training": {"sampling": 0.5, "epochs": None, "patience": 2}},
            "training: sampling_schedule=linear must know its last step",
        ),
        (
            {"training.sampling": 0.5, "model.decoder": "transformer"},
            "training.sampling=0.5 lets the decoder go step by step",
        ),
        ({"search.alternatives": 6}, "search: alternatives is 6 and beam 5"),
        ({"search.minimum": 6, "search.maximum": 5}, "search: minimum is 6 and maximum 5"),
        ({"data.train": "a,b,c"}, "data: train=a,b,c has 3 files"),
        ({"data.valid": ["a,b", "a,b,c,d"]}, "data: valid=a,b,c,d has 4 files"),
        ({"data.valid": []}, "data: valid is an empty list"),
        ({"data.source": "x", "data.target": "x"}, "data: source is 'x' and target 'x'"),
        ({"data.target": ""}, "data: source is 'source' and target ''"),
        ({"data.valid_size": 0, "training.patience": 3}, "training.patience counts validations"),
        ({"data.valid_size": 0, "training.schedule": "plateau"}, "training.schedule=plateau follows validations"),
    ],
)
def test_contradictory_settings_are_refused(values, sentence):
    with pytest.raises(Refusal) as refused:
        build(TranslateSettings, values)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    "values",
    [
        {"training": {"epochs": None, "patience": 3}},
        {"training": {"epochs": None, "minutes": 3, "schedule": "cosine"}},
        {"training": {"epochs": None, "steps": 3}},
        {"model": {"attention": "dot"}},
        {"model": {"attention": "dot", "bidirectional": False, "hidden": 256}},
        {"model": {"attention": "concat", "attention_size": 10}},
        {"model": {"attention": "none"}},
        {"model": {"input": "one_hot", "tied": "none"}},
        {"model": {"begin": "zero"}},
        {"model": {"begin": "learned", "attention": "fixed"}},
        {"model": {"weight_dropout": 0.5, "encoder": "transformer"}},
        {"model": {"cell": "lstm_normalised", "hidden": 2, "encoder_hidden": 2}},
        {"training": {"sampling": 0.5, "epochs": None, "patience": 2, "sampling_schedule": "constant"}},
        {"training": {"sampling": 1, "epochs": None, "minutes": 2}},
        {"model.tied": "three"},
        {"search": {"alternatives": 6, "beam": 6}},
        {"search": {"minimum": 5, "maximum": 5}},
        {"data.valid_size": 0, "data.valid": "a,b", "training.patience": 3},
        {"data.valid_size": 0},
    ],
)
def test_settings_that_agree_are_taken(values):
    assert build(TranslateSettings, values) != TranslateSettings()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"model.mogrifier_rounds": 3}, "model.mogrifier_rounds=3 changes nothing with model.cell=lstm"),
        (
            {"model.heads": 2},
            "model.heads=2 changes nothing with model.attention=general: wants model.attention=multi_head",
        ),
        (
            {"model.norm": "rms"},
            "model.norm=rms changes nothing with model.encoder=recurrent and model.decoder=recurrent: "
            "wants a half that is a transformer",
        ),
        (
            {"model.decoder": "transformer", "model.attention": "additive"},
            "model.attention=additive changes nothing with model.decoder=transformer: wants model.decoder=recurrent",
        ),
        (
            {"model.decoder": "transformer", "model.encoder": "transformer", "model.cell": "elman"},
            "model.cell=elman changes nothing with model.encoder=transformer and model.decoder=transformer: "
            "wants a recurrent half",
        ),
        (
            {"model.encoder": "transformer", "model.bidirectional": False},
            "model.bidirectional=no changes nothing with model.encoder=transformer: wants model.encoder=recurrent",
        ),
        (
            {"model.location_width": 3},
            "model.location_width=3 changes nothing with model.attention=general: wants a recurrent decoder",
        ),
        (
            {"model": {"embedding": 3, "input": "one_hot", "tied": "none"}},
            "model.embedding=3 changes nothing with model.input=one_hot",
        ),
        (
            {"training.sampling_schedule": "constant"},
            "training.sampling_schedule=constant changes nothing with training.sampling=0",
        ),
    ],
)
def test_what_would_change_nothing_is_refused_where_it_was_asked_for(values, sentence):
    with pytest.raises(Refusal) as refused:
        build(TranslateSettings, {}, values)
    assert str(refused.value).startswith(sentence)
    build(TranslateSettings, values)  # as a recipe or a run has it


@pytest.mark.parametrize(
    "values",
    [
        {"model.mogrifier_rounds": 3, "model.cell": "mogrifier"},
        {"model.mogrifier_rounds": 5},
        {"model": {"input": "one_hot", "tied": "none"}},
        {"training": {"sampling_schedule": "constant", "sampling": 0.1}},
    ],
)
def test_what_changes_something_or_is_the_default_is_taken(values):
    build(TranslateSettings, {}, values)


def test_training_data_is_asked_for_only_when_it_is_needed():
    with pytest.raises(Refusal, match="there is no training data"):
        DataSettings().ready()
    DataSettings(train=(("a", "b"),)).ready()


def test_the_table_has_a_line_for_every_setting():
    lines = table(TranslateSettings).splitlines()
    assert len(lines) == len(LEAVES) + 2
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    for name, line in zip(LEAVES, lines[2:], strict=True):
        assert line.startswith(f"| `{name}` | ")
    attention = next(line for line in lines if "`model.attention`" in line)
    choices = ", ".join(f"`{choice}`" for choice in LEAVES["model.attention"].meaning.choices)
    assert f"| {choices} | `general` |" in attention
    assert "| a whole number, 1 to 1000000, or none | `20` |" in next(line for line in lines if ".epochs`" in line)
    assert "| nothing |" in lines[2]


def test_settings_load_nothing_heavy():
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module == "__future__" or node.module.split(".")[0] in {*sys.stdlib_module_names, "melisma"}
                assert not node.module.startswith("melisma.") or node.module.startswith(
                    ("melisma.settings", "melisma.errors")
                )
            elif isinstance(node, ast.Import):
                assert all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names)
    code = "import sys, melisma.settings.translate, melisma.settings.read, melisma.settings.describe; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
