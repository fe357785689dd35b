"""Errors taken apart on a page: by kind, by speaker, and whether the training heard the speaker."""

from __future__ import annotations

from melisma.evaluation.spoken import WORST, details, spoken

ANSWERS = ["one two", "three", "four four", ""]
REFERENCES = ["one too", "three", "four", "five"]
SPEAKERS = ["ann", "ben", "ann", None]


def test_kinds_of_errors_are_counted() -> None:
    told = spoken(["wer", "exact"], ANSWERS, REFERENCES, SPEAKERS, None)
    assert told.remarks == (
        "WER: of 5 words 1 were heard as others (S), 1 not at all (D), and 1 were heard that nobody said (I).",
    )
    assert spoken(["wer"], ["a"], ["a"], [None], None).remarks == ("WER: every one of 1 word was heard, and nothing besides.",)  # fmt: skip


def test_each_speaker_has_a_row_and_so_have_those_that_were_trained_on() -> None:
    table = spoken(["wer", "cer"], ANSWERS, REFERENCES, SPEAKERS, {"ben", "carol"}).speakers
    assert table is not None
    assert table.head == ("speaker", "recordings", "WER, %", "S", "D", "I", "words")
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == [
        "all who were heard in training",
        "all strangers",
        "all that are not named",
        "ann",
        "ben",
        "not named",
    ]
    assert table.marked == {0, 1, 2}
    assert rows["ann"][0] == "2"
    assert rows["ann"][1][0] == "66.67"
    assert rows["ann"][2:] == ("1", "0", "1", "3")
    assert rows["all strangers"] == rows["ann"]
    assert rows["ben"][2:] == ("0", "0", "0", "1")
    assert rows["not named"][2:] == ("0", "1", "0", "1")


def test_nobody_is_called_a_stranger_where_the_training_is_not_known() -> None:
    table = spoken(["cer"], ANSWERS, REFERENCES, SPEAKERS, None).speakers
    assert table is not None
    assert [row[0] for row in table.rows] == ["ann", "ben", "not named"]
    assert table.head[2] == "CER, %"


def test_one_speaker_is_no_table() -> None:
    assert spoken(["wer"], ANSWERS, REFERENCES, ["ann", None, "ann", None], None).speakers is None
    assert spoken(["exact"], ANSWERS, REFERENCES, SPEAKERS, None).remarks == ()


def test_in_few_lines_the_worst_speakers_are_told_and_how_many_there_are() -> None:
    speakers = [f"s{place:02d}" for place in range(12)]
    references = ["one two three four"] * 12
    answers = [" ".join(["one", "two", "three", "four"][: 4 - place % 5]) for place in range(12)]
    told = details(["wer"], answers, references, speakers, {"s00", "s04"})
    assert told is not None
    assert told.sentences[-1] == f"Of 12 speakers the {WORST} with the highest WER are told."
    assert told.sentences[0].startswith("WER: of 48 words 0 were heard as others (S), ")
    assert [row[0] for row in told.rows] == [
        "all who were heard in training",
        "all strangers",
        *("s04", "s09", "s03", "s08", "s02"),
    ]
    assert told.rows[2] == ("s04", "1", "100.00", "–", "0", "4", "0", "4")
    assert {kind: one["recordings"] for kind, one in told.data["speakers"].items()} == {"seen": 2, "unseen": 10}
    assert [one["speaker"] for one in told.data["each"]] == speakers
    assert told.data["each"][4]["low"] is None
    assert told.data["errors"]["wer"] == {
        "substitutions": 0,
        "deletions": sum(place % 5 for place in range(12)),
        "insertions": 0,
        "length": 48,
    }


def test_strangers_are_told_apart_even_where_there_is_one() -> None:
    told = details(["cer", "wer"], ["a"], ["b"], ["ann"], {"ben"})
    assert told is not None
    assert [row[0] for row in told.rows] == ["all strangers"]
    assert len(told.sentences) == 2
    assert details(["cer"], ["a"], ["b"], [None], None).rows == ()  # type: ignore[union-attr]
    assert details(["exact"], ["a"], ["b"], ["ann"], None) is None
