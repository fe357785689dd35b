"""What of recordings can be learned from, told as training itself would have it."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks.clips import Row, chosen, covered, found, manifest, sound
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melisma.checks import learnable
from melisma.checks.learnable import TOO_LONG, TOO_SHORT, UNKNOWN
from melisma.errors import Refusal
from melisma.tasks.transcribe import TASK

TEXT = st.text("aab ", min_size=1, max_size=12).filter(lambda text: bool(text.strip()))


def rows(folder: Path, texts: list[str], seconds: float = 0.5, first: int = 0, **more: Any) -> list[Row]:
    return [
        {"audio": sound(folder, f"{first + number}.wav", seconds, first + number), "text": text, **more}
        for number, text in enumerate(texts)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
@given(st.lists(st.tuples(TEXT, st.floats(0.03, 0.4)), min_size=1, max_size=6), st.sampled_from([1, 2, 4]))
def test_what_is_too_short_or_too_long_is_what_training_leaves_out(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, float]], stride: int
) -> None:
    folder = tmp_path_factory.mktemp("short")
    told = [
        row for number, (text, seconds) in enumerate(made) for row in rows(folder, [text], round(seconds, 3), number)
    ]
    told += rows(folder, ["a b"], 0.3, 10)
    train, valid = manifest(folder, told), manifest(folder, rows(folder, ["a"], 0.3, 20), "valid.jsonl")
    more = {"model.stride": stride, "data.longest": 0.35}
    chose = chosen(train, valid, **more)
    corpus = TASK.read(chose)
    codec = TASK.learn(corpus.train, chose)
    prepared = TASK.prepare(codec, corpus.train, chose)
    kept = {one.utterance.clip.where for one in prepared.encoded}
    found_out = covered(train, valid, **more)
    assert {where for part, where in found_out.left_out if part == "train"} == {
        one.clip.where for one in corpus.train
    } - kept
    assert found_out.coverage.left_out == len(corpus.train) - len(kept)
    named = found(found_out.findings)
    counts = [named[name].count for name in ("too short to be said", "over the limit") if name in named]
    assert sum(counts) == found_out.coverage.left_out


def test_places_and_settings_are_named(tmp_path: Path) -> None:
    told = [*rows(tmp_path, ["ab"] * 3), *rows(tmp_path, ["ab" * 40], 0.2, 5), *rows(tmp_path, ["ab"], 2.0, 6)]
    valid = rows(tmp_path, ["a" * 30], 0.2, 9)
    train = manifest(tmp_path, told)
    findings = covered(train, manifest(tmp_path, valid, "valid.jsonl"), **{"data.longest": 1.0})
    assert {where: why for (part, where), why in findings.left_out.items() if part == "train"} == {
        f"{train}, line 4": TOO_SHORT,
        f"{train}, line 5": TOO_LONG,
    }
    tight = [one for one in findings.findings if one.name == "too short to be said"]
    assert [one.of for one in tight] == [5, 1]
    assert "80 symbols in 0.20 s" in str(tight[0].places[0])
    assert "a symbol wants 20 ms" in tight[0].sentence
    assert (tight[0].severity, tight[1].severity) == ("warning", "error")
    assert "its loss does not count" in tight[1].sentence
    (over,) = [one for one in findings.findings if one.name == "over the limit"]
    assert "data.longest=1 seconds" in over.sentence


def test_symbols_that_training_never_shows_are_an_error_where_training_refuses_them(tmp_path: Path) -> None:
    """Else they are told: what has them is measured, and so it stays in a repaired copy."""
    told = [*rows(tmp_path, ["ab ba", "ä", "b", "ab c"], first=5), *rows(tmp_path, ["ab" * 40], 0.1, first=9)]
    train = manifest(tmp_path, rows(tmp_path, ["ab", "ba ab"]))
    refused = set()
    for lines in ([0, 1, 2, 3, 4], [1, 2], [1, 3], [1, 4], [4], [0, 4], [0, 2]):
        valid = manifest(tmp_path, [told[line] for line in lines], "valid.jsonl")
        chose = chosen(train, valid)
        corpus = TASK.read(chose)
        codec = TASK.learn(corpus.train, chose)
        try:
            notes = TASK.check(codec, corpus.valid)
        except Refusal:
            refused.add(tuple(lines))
            notes = []
        what = covered(train, valid)
        errors = {one.name for one in what.findings if one.severity == "error"}
        strange = "symbols of valid that train has not"
        names = {strange: {1, 3} & set(lines), "too short to be said": {4} & set(lines)}
        assert errors == {name for name, some in names.items() if some and tuple(lines) in refused}
        assert len(what.left_out) == (len(lines) if tuple(lines) in refused else 0)
        assert set(what.left_out.values()) <= {UNKNOWN, TOO_SHORT}
        assert len(notes) == (tuple(lines) not in refused and not {1, 3}.isdisjoint(lines))
        if len(lines) == 5:
            finding = found(what.findings)[strange]
            assert (finding.severity, finding.count, finding.of) == ("warning", 2, 5)
            assert "('ä', 'c')" in finding.sentence
            assert "2 transcripts of valid have" in finding.sentence
            assert notes[0].startswith(
                "2 recordings of 5 to measure on have what never was in the training transcripts"
            )
            assert f"('ä', 'c'), such as {valid}, line 2: their errors count, but loss and perplexity" in notes[0]
    assert refused == {(1, 3), (1, 4), (4,)}


def test_what_is_cut_off_is_not_called_by_a_setting_that_nobody_gave(tmp_path: Path) -> None:
    train = manifest(tmp_path, rows(tmp_path, ["ab", "ba", "abb", "baa", "aba", "bab"]))
    told = covered(train, **{"data.valid_size": 3, "data.valid_share": 0.5}).findings
    said = [one.sentence for one in told if "never occur in train" in one.sentence]
    assert said
    assert all("of the part cut off for validation" in one or "in the part cut off" in one for one in said)


def test_lower_case_evens_out_what_is_known(tmp_path: Path) -> None:
    train = manifest(tmp_path, rows(tmp_path, ["ab", "ba"]))
    valid = manifest(tmp_path, rows(tmp_path, ["AB"], first=5), "valid.jsonl")
    assert covered(train, valid).left_out == {("valid", f"{valid}, line 1"): UNKNOWN}
    assert not covered(train, valid, **{"text.lowercase": True}).left_out


def test_words_and_lengths_are_counted(tmp_path: Path) -> None:
    train = manifest(tmp_path, rows(tmp_path, ["ab ba", "ab", "b a b"]))
    valid = manifest(tmp_path, rows(tmp_path, ["ab aab", "ba"], first=5), "valid.jsonl")
    told = covered(train, valid)
    (side,) = told.coverage.sides
    assert (side.side, side.vocabulary, side.median, side.longest) == ("transcript", 3, 5, 5)
    assert (side.words, side.unseen_words, side.valid_words) == (4, pytest.approx(1 / 3), 3)
    unseen = found(told.findings)["unseen words"]
    assert (unseen.severity, unseen.count, unseen.of) == ("note", 1, 3)
    closed = found(covered(train, valid, **{"text.unit": "words"}).findings)
    assert closed["unseen words"].severity == "warning"


def test_recordings_are_compared_without_all_of_them_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[Any]] = []
    most = []

    def sessions(waves: Iterable[Any], texts: list[str], rate: int) -> Any:
        for wave in waves:
            held.append(weakref.ref(wave))
            most.append(sum(one() is not None for one in held))
        return np.zeros(len(texts))

    monkeypatch.setattr(learnable, "sessions", sessions)
    covered(manifest(tmp_path, rows(tmp_path, ["a", "b"] * 3)), **{"data.valid_size": 0})
    assert len(held) == 6
    assert max(most) <= 2


def test_sessions_are_guessed_only_where_nobody_says_who_speaks(tmp_path: Path) -> None:
    texts = ["a", "b"] * 4
    train = manifest(tmp_path, rows(tmp_path, texts))
    valid = manifest(tmp_path, rows(tmp_path, texts[:2], first=20), "valid.jsonl")
    told = covered(train, valid)
    assert len(told.sessions) == 10
    assert "recording session" in found(told.findings)["recording sessions"].sentence
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learnable, "MOST", 7)
        many = covered(train, valid)
    assert not many.sessions
    assert "not guessed of more than 7 recordings" in found(many.findings)["recording sessions"].sentence
    named = manifest(tmp_path, rows(tmp_path, texts, speaker="anna"), "named.jsonl")
    assert not covered(named, valid).sessions
    assert "recording sessions" not in found(covered(named, valid).findings)
