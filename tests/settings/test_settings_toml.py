"""Settings files: read, and refused with file and line."""

import os

import pytest

from melisma.errors import Refusal
from melisma.settings.read import build
from melisma.settings.toml import read_toml
from melisma.settings.translate import TranslateSettings


def written(folder, content):
    path = folder / "my.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_says_what_words_say(tmp_path):
    path = written(
        tmp_path,
        'format = 1\nsearch.beam = 3\n[data]\ntrain = ["a.en,a.de", "b.tsv"]\nvalid = "none"\n'
        "[model]\ndropout = 0\n'residual' = true\nhidden = 0x200\n",
    )
    settings = build(TranslateSettings, read_toml(path))
    assert settings.search.beam == 3
    assert settings.data.train == (("a.en", "a.de"), ("b.tsv",))
    assert settings.data.valid is None
    assert (settings.model.dropout, settings.model.residual, settings.model.hidden) == (0.0, True, 512)


def test_marks_and_line_ends_of_other_systems_are_read(tmp_path):
    assert read_toml(str(written(tmp_path, b"\xef\xbb\xbfa = 1\r\nb = 2\r\n"))) == {"a": 1, "b": 2}
    assert read_toml(written(tmp_path, b"")) == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a = 1\nb = 2\na = 3\nc = 4\n", ", line 3: a name is given twice, wants each once"),
        ("a = 1\na = 2", ", line 2: a name is given twice"),
        ("[a]\nb = 1\n[a]\n", ", line 3: a name is given twice"),
        ("a.b = 1\na = 3\n", ", line 2: a name is given twice"),
        ("a = 1\nb =\n", ", line 2: not a value, wants a number, true, false, a list, or text in quotation marks"),
        ("a = lstm\n", ", line 1: not a value"),
        ("a = 1\nhidden 3\n", ", line 2: not TOML"),
        ("a = [1,\n2\n", ", line 2: not TOML: Unclosed array"),
        ("a = 'x\0'\n", ", line 1: not TOML"),
        (
            "a = 1\nb = 1" + "0" * 5000,
            ", line 2: found a number of thousands of digits, wants numbers of ordinary size",
        ),
        ("a = 2020-13-45\n", ", line 1: not TOML"),
        ("a = " + "[" * 50_000, ": lists or tables nested too deep"),
        ("a = " + "{a=" * 50_000, ": lists or tables nested too deep"),
        ("x = 1\n" + "a." * 400_000 + "a = 1", ", line 2: a name of more than 30 parts"),
        ("[" + '"a" . ' * 40 + "'b']", ", line 1: a name of more than 30 parts"),
        ("x = {" + "a." * 40 + "b = 1}", ", line 1: a name of more than 30 parts"),
        (b"a = 1\nb = '\xff'\n", ", line 2: not UTF-8 text"),
        ("a = 1\n".encode("utf-16"), ", line 1: not UTF-8 text"),
        ("#" * 1_000_001, ": larger than 1 MB"),
        ("format = 2\nhiden = 3\n", ": made by a newer version of melisma"),
        ("format = 1" + "0" * 400, ": made by a newer version of melisma"),
        ("format = 0\n", ": format is not a whole number of at least 1"),
        ("format = true\n", ": format is not a whole number"),
        ("format = '1'\n", ": format is not a whole number"),
        ("format = nan\n", ": format is not a whole number"),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path, content, sentence):
    path = written(tmp_path, content)
    with pytest.raises(Refusal) as refused:
        read_toml(path)
    said = str(refused.value)
    assert said.startswith(str(path))
    assert sentence in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[model]\nhiden = 3", "unknown setting model.hiden: did you mean model.hidden?"),
        ("search.beam = 1" + "0" * 400, "found a whole number of about 401 digits, wants a whole number, 1 to 1000"),
        ("search.beam = 0", "setting search.beam: found 0, wants a whole number, 1 to 1000"),
        ("search.beam = -3", "setting search.beam: found -3, wants a whole number, 1 to 1000"),
        ("search.beam = 3.5", "setting search.beam: found 3.5, wants a whole number, 1 to 1000"),
        ("training.steps = true", "setting training.steps: found true, wants a whole number"),
        ("model.dropout = 1e309", "setting model.dropout: found inf, wants a number, at least 0 and below 1"),
        ("model.dropout = nan", "setting model.dropout: found nan, wants a number, at least 0 and below 1"),
        ("model = 3", "model is a group of settings and was given 3"),
        ("training.seed = 2020-01-01", "setting training.seed: found a value of type date"),
        ("[[model]]\nhidden = 3", "model is a group of settings and was given a list of 1"),
        ("model.'model.hidden' = 3", "unknown setting model.model.hidden: did you mean model.hidden?"),
        ("[model]\nhidden = 3\n['model.hidden']\n", "setting model.hidden is given twice (3, a table)"),
    ],
)
def test_values_of_a_file_are_checked(tmp_path, content, sentence):
    with pytest.raises(Refusal) as refused:
        build(TranslateSettings, read_toml(written(tmp_path, content)))
    assert sentence in str(refused.value)


def test_a_whole_number_may_be_written_as_one_with_a_point(tmp_path):
    built = build(TranslateSettings, read_toml(written(tmp_path, "model.hidden = 32.0")))
    assert built.model.hidden == 32
    assert type(built.model.hidden) is int


def test_a_settings_file_that_is_not_there_is_named_with_its_neighbour(tmp_path):
    mine = written(tmp_path, "a = 1").rename(tmp_path / "mine.toml")
    with pytest.raises(Refusal) as refused:
        read_toml(tmp_path / "mien.toml")
    assert str(refused.value) == f"no such file {tmp_path / 'mien.toml'}, did you mean {mine}?"
    with pytest.raises(Refusal, match=r"no such file other\.toml; a settings file is wanted"):
        read_toml("other.toml")


def test_paths_that_are_no_files_are_refused(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path, "a\0b", "/dev/zero"):
        with pytest.raises(Refusal, match=r"no such file|cannot read this settings file|larger than 1 MB"):
            read_toml(path)
    if os.geteuid() != 0:
        path = written(tmp_path, "a = 1")
        path.chmod(0)
        with pytest.raises(Refusal, match="Permission denied"):
            read_toml(path)


def test_long_dotted_text_is_no_name(tmp_path):
    text = "https://" + "example." * 20 + "org, Mr. Smith... and so on. " * 50
    assert read_toml(written(tmp_path, f'# {"." * 200}\na = "{text}"\n')) == {"a": text}
