"""Manifests: what was written is read, columns are found or asked for, each fault is told with its line."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files.manifest import Clip, Columns, clips, read_clips

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85"), max_size=8)
TIMES = st.one_of(st.none(), st.floats(0, 1e4).map(lambda value: round(value, 3)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manifests")


def put(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def read(folder: Path, content: str | bytes, name: str = "a.jsonl", columns: Columns | None = None) -> list[Clip]:
    return clips([put(folder, name, content)], columns or Columns())


def refused(folder: Path, content: str | bytes, name: str = "a.jsonl", columns: Columns | None = None) -> str:
    with pytest.raises(Refusal) as caught:
        read(folder, content, name, columns)
    return str(caught.value).replace(f"{folder}/", "")


# --- what is written is read ------------------------------------------------------------------------------------------


@given(
    rows=st.lists(st.tuples(TEXTS, TIMES, TIMES, st.sampled_from(["anna", "b 2", None])), min_size=1, max_size=5),
    kind=st.sampled_from(["jsonl", "csv", "tsv"]),
)
@settings(max_examples=60)
def test_a_manifest_is_read_as_it_was_written(
    folder: Path, rows: list[tuple[str, float | None, float | None, str | None]], kind: str
) -> None:
    names = ("text", "speaker", "end", "audio", "start")
    table = []
    for number, (text, begin, length, speaker) in enumerate(rows):
        end = None if length is None else (begin or 0) + length + 0.5
        table.append({"audio": f"x/{number}.wav", "text": text, "start": begin, "end": end, "speaker": speaker})
    if kind == "jsonl":
        content = "".join(json.dumps(row) + "\n" for row in table)
    else:
        buffer = io.StringIO(newline="")
        if kind == "csv":
            writer = csv.writer(buffer)
            writer.writerows([names, *([row[name] for name in names] for row in table)])
        else:
            cells = [["" if row[name] is None else str(row[name]) for name in names] for row in table]
            buffer.write("".join("\t".join(line) + "\n" for line in [[*names], *cells]))
        content = buffer.getvalue()
    for number, (clip, row) in enumerate(zip(read(folder, content, f"a.{kind}"), table, strict=True)):
        assert (clip.text, clip.begin, clip.end) == (row["text"], row["start"] or 0.0, row["end"])
        assert clip.speaker == row["speaker"]
        assert clip.audio == f"{folder}/x/{number}.wav"
        assert clip.where == f"{folder}/a.{kind}, line {number + (1 if kind == 'jsonl' else 2)}"


def test_files_are_seen_from_the_folder_of_the_manifest(folder: Path) -> None:
    found = read(folder, "audio,text\n../b.wav,b\n/data/c.wav,c\n~/d.wav,d\n", "in/a.csv")
    assert [clip.audio for clip in found][:2] == [f"{folder}/in/../b.wav", "/data/c.wav"]
    assert found[2].audio == str(Path.home() / "d.wav")


def test_a_packed_manifest_and_one_with_a_mark_are_read(folder: Path) -> None:
    content = "\ufeffaudio\ttext\na.wav\té\r\n\nb.wav\tn\n".encode()
    for name, packed in (("a.tsv", content), ("a.tsv.gz", gzip.compress(content))):
        assert [(clip.text, clip.where[-1]) for clip in read(folder, packed, name)] == [("é", "2"), ("n", "4")]


def test_a_table_without_header_is_files_and_texts(folder: Path) -> None:
    found = read(folder, "a.wav\tone\nb.flac\ttwo\n", "a.tsv")
    assert [(Path(clip.audio).name, clip.text) for clip in found] == [("a.wav", "one"), ("b.flac", "two")]


def test_text_is_left_as_it_stands_and_none_is_not_empty(folder: Path) -> None:
    rows = ({"audio": "a.wav", "text": " e\u0301 "}, {"audio": "b.wav", "text": ""}, {"audio": "c.wav", "text": None})
    found = read(folder, "".join(json.dumps(row) + "\n" for row in (*rows, {"audio": "d.wav"})))
    assert [clip.text for clip in found] == [" e\u0301 ", "", None, None]


# --- columns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("audio", ["audio", "file", "path", "wav", "audio_filepath", "Path"])
@pytest.mark.parametrize("text", ["text", "sentence", "transcript", "transcription", "Text"])
def test_columns_are_known_by_what_people_call_them(folder: Path, audio: str, text: str) -> None:
    rows = f"id,{audio},{text},offset,duration,client_id\n1,a.wav,hello,1.5,2,anna\n"
    named = json.dumps({"id": 1, audio: "a.wav", text: "hello", "offset": 1.5, "duration": 2, "client_id": "anna"})
    for name, content in (("a.csv", rows), ("a.tsv", rows.replace(",", "\t")), ("a.jsonl", named)):
        (clip,) = read(folder, content, name)
        assert (clip.text, clip.begin, clip.end, clip.speaker) == ("hello", 1.5, 3.5, "anna")


def test_columns_that_are_named_are_taken(folder: Path) -> None:
    columns = Columns("wave", "said", "from", "until", "who")
    (clip,) = read(folder, "who,said,until,from,wave,text\n7,yes,2,1,a.wav,no\n", "a.csv", columns)
    assert (clip.text, clip.begin, clip.end, clip.speaker) == ("yes", 1, 2, "7")


def test_a_column_that_was_asked_for_has_to_be_there(folder: Path) -> None:
    header = "audio,sentences,text\n"
    for columns, side, other in (
        (Columns(text="sentence"), "text", "sentences"),
        (Columns(speaker="who"), "speaker", "NAME"),
        (Columns(begin="from"), "start", "NAME"),
    ):
        said = refused(folder, header + "a.wav,b,c\n", "a.csv", columns)
        assert said.startswith("a.csv, line 1: no column ")
        assert said.endswith(f"say which one holds the {side}: data.{side}={other}")


def test_the_nearest_name_is_told(folder: Path) -> None:
    assert refused(folder, "audoi,text\na.wav,b\n", "a.csv").endswith("data.audio=audoi")
    assert refused(folder, "audio,texts\na.wav,b\n", "a.csv").endswith("data.text=texts")
    assert refused(folder, '{"audio": "a.wav", "texts": "b"}\n').endswith("data.text=texts")
    assert "separated by commas" in refused(folder, "audio;text\na.wav;b\n", "a.csv")


def test_a_manifest_without_texts_has_none(folder: Path) -> None:
    assert [clip.text for clip in read(folder, "audio,size\na.wav,1\n", "a.csv")] == [None]


def test_of_two_columns_that_might_be_meant_none_is_guessed(folder: Path) -> None:
    said = refused(folder, "file,path,text\na.wav,b.wav,c\n", "a.csv")
    assert said == "a.csv, line 1: 'file', 'path' may each hold the audio; say which: data.audio=file"
    assert len(read(folder, "file,path,text\na.wav,b.wav,c\n", "a.csv", Columns("path"))) == 1


# --- bad input --------------------------------------------------------------------------------------------------------

WRONG = {
    '{"audio": "a.wav", "text": "x"}\n{"audio": 3}\n': "a.jsonl, line 2: 'audio' is a number, text is wanted",
    '{"audio": null}\n': "a.jsonl, line 1: 'audio' is null, the name of a sound file is wanted",
    '{"audio": " "}\n': "a.jsonl, line 1: no sound file is named",
    '{"text": "x"}\n': "a.jsonl, line 1: no key 'audio', only 'text'; say which one holds the audio",
    '{"audio": "a.wav", "text": 7}\n': "a.jsonl, line 1: 'text' is a number, text is wanted",
    '{"audio": "a.wav", "speaker": true}\n': "a.jsonl, line 1: 'speaker' is true or false, text is wanted",
    '{"audio": "a.wav", "start": "1:30"}\n': "a.jsonl, line 1: 'start' is '1:30', a number of seconds is wanted",
    '{"audio": "a.wav", "start": true}\n': "a.jsonl, line 1: 'start' is 'True', a number of seconds is wanted",
    '{"audio": "a.wav", "end": 1e308}\n': "a.jsonl, line 1: 'end' is '1e+308', a number of seconds is wanted",
    '{"audio": "a.wav", "start": 1e999}\n': "a.jsonl, line 1: 'start' is 'inf', a number of seconds is wanted",
    '{"audio": "a.wav", "start": -1}\n': "a.jsonl, line 1: the clip is from -1 to the end s; it has to begin at 0",
    '{"audio": "a.wav", "start": 2, "end": 2}\n': "a.jsonl, line 1: the clip is from 2 to 2 s; it has to begin",
    '{"audio": "a.wav", "start": 2, "duration": -1}\n': "a.jsonl, line 1: the clip is from 2 to 1 s",
    '{"audio": "cat a.wav |"}\n': "a.jsonl, line 1: 'cat a.wav |' is a command, and none is run",
    '{"audio": "| touch made"}\n': "a.jsonl, line 1: '| touch made' is a command",
    '{"audio": "https://a.org/a.wav"}\n': "a.jsonl, line 1: 'https://a.org/a.wav' is an address, and nothing is down",
    '{"audio": "a\\u0000.wav"}\n': "a.jsonl, line 1: 'audio' holds a NUL character",
    '{"audio": "a.wav", "text": "\\ud800"}\n': "a.jsonl, line 1: 'text' holds half of a character",
    '["a.wav", "x"]\n': "a.jsonl, line 1: an array found, an object",
    '{"audio": "a.wav"\n': "a.jsonl, line 1: no valid JSON",
    "\n\n": "a.jsonl names no sound in 2 lines; wants a clip a line",
    "": "a.jsonl is empty (0 lines)",
}


@pytest.mark.parametrize("content", WRONG)
def test_what_is_wrong_is_told_with_its_line(folder: Path, content: str) -> None:
    assert refused(folder, content).startswith(WRONG[content])
    assert not (folder / "made").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("audio\ttext\na.wav\tb\tc\n", "a.tsv, line 2: 3 columns found, 2 wanted, separated by a tab"),
        ("audio\ttext\taudio\na.wav\tb\tc\n", "a.tsv, line 1: the column 'audio' occurs twice"),
        ("audio\ttext\n", "a.tsv names no sound in 1 line"),
        ("audio\ttext\na.wav\t" + "x" * (1 << 20) + "\n", "a.tsv, line 2: the line is longer than 1,048,576 bytes"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_line(folder: Path, content: str, sentence: str) -> None:
    assert refused(folder, content, "a.tsv").startswith(sentence)


def test_what_no_clips_are_read_from_is_told(folder: Path) -> None:
    wanted = "wants a manifest (.jsonl, .csv or .tsv), a folder with Kaldi's wav.scp and text, a folder of sound"
    assert refused(folder, "x", "notes.md").startswith(f"notes.md is nothing that clips are read from; {wanted}")
    assert refused(folder, "x", "a.parquet").startswith("a.parquet: a manifest is not read from Parquet")
    for corpus, sentence in (
        ([], f"a corpus: 0 names given; {wanted}"),
        (["a", "b", "c"], f"a,b,c: 3 names given; {wanted}"),
        ([f"{folder}/b.jsonl"], f"no such file {folder}/b.jsonl, did you mean"),
        (
            [put(folder, "c.jsonl", "x"), put(folder, "d.jsonl", "x")],
            f"{folder}/c.jsonl,{folder}/d.jsonl: a comma joins",
        ),
    ):
        with pytest.raises(Refusal) as caught:
            clips(corpus)
        assert str(caught.value).startswith(sentence)


# --- what is worth knowing --------------------------------------------------------------------------------------------


def test_a_report_counts_what_a_user_should_know(folder: Path) -> None:
    rows = ["a.wav,one", "b.wav,", "a.wav,one", "./a.wav,two", "c.wav,\u200b", "d.wav,x"]
    one = put(folder, "a.csv", "audio,text\n" + "\n".join(rows) + "\n")
    two = put(folder, "b.jsonl", '{"audio": "a.wav"}\n{"audio": "e.wav", "start": 1}\n{"audio": "e.wav", "start": 2}\n')
    found, report = read_clips([[one], [two]])
    assert (len(found), report.clips, report.without_text, report.blank_text) == (9, 9, 3, 2)
    assert (report.repeated, report.contradicting) == (2, 1)
    assert sorted(report.signatures) == [one, two]
    assert [sentence.replace(f"{folder}/", "") for sentence in report.warnings()] == [
        "3 clips without a text (b.jsonl, line 1; b.jsonl, line 2; b.jsonl, line 3)",
        "2 clips with a blank text (a.csv, line 3; a.csv, line 6)",
        "2 clips named more than once, 1 of them with another text (a.csv, line 4; a.csv, line 5)",
    ]


def test_that_no_clip_has_a_text_is_the_task_s_to_say(folder: Path) -> None:
    assert read_clips([[put(folder, "a.jsonl", '{"audio": "a.wav"}\n')]])[1].warnings() == []
