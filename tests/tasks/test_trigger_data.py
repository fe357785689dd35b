"""What trigger words are learned from: what is read, what is refused, and what is cut off to validate on."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from laws.documented import call

from melisma.errors import Refusal
from melisma.settings.read import build
from melisma.settings.trigger import TriggerSettings
from melisma.tasks.held_out import held_out
from melisma.tasks.takes import examples, known_as, of_kind, pieces, read

RATE = 8000
NAMES = {"positive": "alexa", "negative": "other", "background": "noise"}


def settings(folder: Path, **more: Any) -> TriggerSettings:
    return build(TriggerSettings, {f"data.{kind}": [str(folder / name)] for kind, name in NAMES.items()}, more)


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("called")
    call(folder)
    return folder


@pytest.fixture
def place(called: Path, tmp_path: Path) -> Path:
    shutil.copytree(called, tmp_path, dirs_exist_ok=True)
    return tmp_path


def manifest(folder: Path, name: str, audios: list[str], words: list[str], speakers: list[str] | None = None) -> str:
    rows = [{"audio": audio, "text": word} for audio, word in zip(audios, words)]
    for row, speaker in zip(rows, speakers or []):
        row["speaker"] = speaker
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / name)


def test_a_folder_gives_its_name_to_the_word_and_folders_in_it_to_others(called: Path) -> None:
    found = read(settings(called))
    every = [*found.train, *found.valid]
    assert Counter(one.kind for one in every) == {"positive": 6, "negative": 12, "background": 3}
    assert {one.word for one in of_kind(every, "positive")} == {"alexa"}
    assert Counter(one.label for one in of_kind(every, "negative")) == {"falling": 6, "level": 6}
    assert all(one.label is None for one in of_kind(every, "background"))
    assert {one.kind for one in found.valid} == set(NAMES)
    assert [note.partition(" was")[0] for note in found.notes[:3]] == [f"no data.valid_{kind}" for kind in NAMES]
    assert "can only show below" in found.notes[3]
    hours = read(settings(called, **{"search.false_alarms": 3600})).notes
    assert len(hours) == 3, "twenty seconds show that there are fewer than one a second"


def test_several_words_are_folders_of_a_folder_or_the_text_of_a_manifest(called: Path) -> None:
    given = {"data.positive": [str(called / "other")], "data.negative": [str(called / "alexa")]}
    assert {one.word for one in read(settings(called, **given)).train if one.word} == {"falling", "level"}
    listed = manifest(
        called, "words.jsonl", ["alexa/1.wav", "alexa/2.wav", "noise/1.wav", "noise/2.wav"], ["a  b", "a b"] + ["c"] * 2
    )
    chosen = settings(called, **{"data.positive": [listed], "data.background": [], "data.valid_share": 0})
    assert Counter(one.word for one in of_kind(read(chosen).train, "positive")) == {"a b": 2, "c": 2}


def refused(folder: Path, wanted: str, **more: Any) -> None:
    with pytest.raises(Refusal, match=wanted):
        read(settings(folder, **more))


def test_what_cannot_be_learned_from_is_refused(place: Path) -> None:
    refused(place, "no takes of a trigger word: wants data.positive=", **{"data.positive": []})
    refused(place, "nothing but the trigger word", **{"data.negative": [], "data.background": []})
    one = manifest(place, "one.jsonl", ["alexa/1.wav"], ["alexa"])
    refused(place, "a single take of 'alexa'", **{"data.positive": [one]})
    wordless = manifest(place, "half.jsonl", ["alexa/1.wav", "alexa/2.wav"], ["alexa", ""])
    refused(place, "half.jsonl, line 2: no word is named", **{"data.positive": [wordless]})
    unlabelled = manifest(place, "none.jsonl", ["alexa/1.wav", "alexa/2.wav"], ["", ""])
    refused(place, "none.jsonl: none of its 2 recordings says of which word", **{"data.positive": [unlabelled]})
    both = manifest(place, "both.jsonl", ["alexa/1.wav"], ["x"])
    refused(
        place, "is the same sound as .*1.wav: wants it as a take of 'alexa' or as negative", **{"data.negative": [both]}
    )
    again = manifest(place, "again.jsonl", ["alexa/1.wav", "alexa/2.wav"], ["alexa"] * 2)
    refused(
        place, "data.valid_positive holds .*, the same sound as .* in data.positive", **{"data.valid_positive": [again]}
    )
    (place / "empty").mkdir()
    refused(place, "holds no sound", **{"data.positive": [str(place / "empty")]})
    for path in (place / "alexa").iterdir():
        soundfile.write(path, np.zeros(RATE), RATE)
    refused(place, r"data.positive: no take of the trigger word is left .*\(.*there is nothing to be heard in it")


def test_takes_that_are_silent_damaged_or_longer_than_a_scene_are_left_out_and_counted(place: Path) -> None:
    soundfile.write(place / "alexa/0.wav", np.zeros(RATE), RATE)
    tone = 0.3 * np.sin(np.arange(5 * RATE) * 0.5)
    soundfile.write(place / "alexa/1.wav", np.concatenate([np.zeros(RATE), tone, np.zeros(RATE)]), RATE)
    (place / "alexa/2.wav").write_bytes(b"no sound")
    found = read(settings(place))
    assert sum(one.word is not None for one in [*found.train, *found.valid]) == 3
    for said in ("there is nothing to be heard in it, such as", "lasts longer than a scene", "alexa/2.wav"):
        assert any(said in note for note in found.notes), said


@pytest.mark.parametrize(("around", "kept"), [(0.3, 6), (0.02, 7)])
def test_a_take_that_would_not_stand_in_every_scene_is_left_out(place: Path, around: float, kept: int) -> None:
    room, tone = np.zeros(round(around * RATE)), 0.3 * np.sin(np.arange(round(3.9 * RATE)) * 0.5)
    soundfile.write(place / "alexa/long.wav", np.concatenate([room, tone, room]), RATE)
    found = read(settings(place))
    assert sum(one.word is not None for one in [*found.train, *found.valid]) == kept
    long = [note for note in found.notes if "1 recording of 22 left out: what is said lasts longer" in note]
    assert len(long) == 7 - kept
    assert all("alexa/long.wav" in note for note in long)


def test_where_nothing_is_left_to_measure_on_that_is_refused(place: Path) -> None:
    for path in (place / "alexa").iterdir():
        path.write_bytes(b"no sound")
    with pytest.raises(
        Refusal, match=r"^data: no recording is left to measure on \(6 recordings of 6 left out: .*alexa"
    ):
        examples(settings(place), {"positive": ((str(place / "alexa"),),)})
    found, notes = examples(settings(place), {kind: ((str(place / name),),) for kind, name in NAMES.items()})
    assert Counter(one.kind for one in found) == {"negative": 12, "background": 3}
    assert "6 recordings of 6 left out" in notes[0]


@pytest.mark.parametrize("texts", [[None, None], ["", ""], ["", None]])
def test_what_is_labelled_needs_no_take_in_it(called: Path, texts: list[Any]) -> None:
    vain = manifest(called, "vain.jsonl", ["noise/0.wav", "noise/1.wav"], texts)
    both = {f"data.{kind}": [str(called / NAMES[kind]), vain] for kind in ("positive", "negative")}
    found = read(settings(called, **both, **{"data.background": []}))
    counts = Counter(one.kind for one in [*found.train, *found.valid])
    assert counts == {"positive": 6, "negative": 12 + texts.count("")}
    assert any("nobody has said yet" in note for note in found.notes) == (None in texts)


def test_what_is_validated_on_is_of_groups_that_are_not_trained_on(called: Path) -> None:
    audios = [f"alexa/{number}.wav" for number in range(6)]
    listed = manifest(called, "speakers.jsonl", audios, ["alexa"] * 6, ["anna", "anna", "bert", "bert", "carl", "carl"])
    found = read(settings(called, **{"data.positive": [listed]}))
    groups = [{one.group for one in of_kind(part, "positive")} for part in (found.train, found.valid)]
    assert all(groups)
    assert groups[0].isdisjoint(groups[1])
    assert any("with 1 of 3 groups" in note for note in found.notes)


def test_a_single_long_background_is_parted(place: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(70 * RATE)
    soundfile.write(place / "long.wav", noise, RATE)
    found = read(settings(place, **{"data.background": [str(place / "long.wav")]}))
    train, valid = (of_kind(part, "background") for part in (found.train, found.valid))
    assert len(train) + len(valid) == 4
    assert len(valid) == 1
    joined = np.concatenate([one.samples(RATE) for one in sorted([*train, *valid], key=lambda one: one.group)])
    assert np.allclose(joined, noise, atol=1e-4)


def test_pieces_are_the_whole_and_no_longer_than_asked(place: Path) -> None:
    soundfile.write(place / "noise/1.wav", 0.1 * np.random.default_rng(0).standard_normal(45 * RATE), RATE)
    found, _ = examples(settings(place), {"background": ((str(place / "noise/1.wav"),),)})
    parts = pieces(found[0])
    assert [round(one.seconds()) for one in parts] == [15, 15, 15]
    assert np.array_equal(np.concatenate([one.samples(RATE) for one in parts]), found[0].samples(RATE))


def test_a_share_is_of_every_kind_and_word_and_leaves_validation_alone(called: Path) -> None:
    whole, half, some = (read(settings(called, **{"data.share": share})) for share in (1.0, 0.5, 0.25))
    names = [[str(one) for one in found.train] for found in (whole, half, some)]
    assert set(names[2]) < set(names[1]) < set(names[0])
    assert Counter(one.kind for one in some.train) == {"positive": 1, "negative": 2, "background": 1}
    assert [str(one) for one in some.valid] == [str(one) for one in whole.valid]


def test_what_is_measured_on_is_given_by_its_kind(called: Path) -> None:
    found, notes = examples(settings(called), {kind: ((str(called / name),),) for kind, name in NAMES.items()})
    assert Counter(one.kind for one in found) == {"positive": 6, "negative": 12, "background": 3}
    assert {one.word for one in of_kind(found, "positive")} == {""}, "a folder's own name need not be the word"
    assert notes == []
    with pytest.raises(Refusal, match="positives is given to measure on"):
        examples(settings(called), {"positives": ()})
    with pytest.raises(Refusal, match="nothing is given to measure on"):
        examples(settings(called), {})


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=2, max_size=40),
    st.floats(0.01, 0.5),
    st.integers(0, 3),
)
def test_groups_are_held_out_whole_and_every_word_keeps_half(
    rows: list[tuple[int, int]], share: float, seed: int
) -> None:
    groups, words = [f"g{group}" for group, _ in rows], [f"w{word}" for _, word in rows]
    held = held_out(groups, words, share, seed, "take")
    of, gone = Counter(words), Counter(words[place] for place in held.places)
    assert all(2 * gone[word] <= of[word] for word in of)
    assert all(gone[word] > 0 for word in of if of[word] > 1), "every word is validated on"
    assert held == held_out(groups, words, share, seed, "take")
    if "trained on too" not in held.said:
        assert {groups[place] for place in held.places}.isdisjoint(
            groups[place] for place in range(len(rows)) if place not in held.places
        )


def test_what_is_measured_on_is_what_the_model_of_these_words_knows_it_as(called: Path) -> None:
    texts: list[Any] = ["alexa", "falling", "", "Alexa ", None, None]
    listed = manifest(called, "fired.jsonl", [f"alexa/{number}.wav" for number in range(6)], texts, None)
    found, notes = examples(settings(called), dict.fromkeys(("positive", "negative"), ((listed,),)))
    assert any("2 recordings left out, as nobody has said yet" in note and "them: no" in note for note in notes)
    assert not any("blank text" in note for note in notes), "nobody spoke"
    one = manifest(called, "one.jsonl", ["alexa/1.wav", "alexa/2.wav"], ["alexa", None], None)  # type: ignore[list-item]
    _, (note,) = examples(settings(called), dict.fromkeys(("positive", "negative"), ((one,),)))
    assert note == f"1 recording left out, as nobody has said yet what is said in it: no text ({one}, line 2)"
    known, told = known_as(("alexa",), found)
    assert [(one.kind, one.word, one.label) for one in known] == [
        ("positive", "alexa", None),
        ("negative", None, "falling"),
        ("negative", None, None),
        ("positive", "alexa", None),
    ]
    assert told == []


def test_a_folder_called_otherwise_than_the_model_s_word_is_told(called: Path) -> None:
    found, _ = examples(settings(called), {"positive": ((str(called / "alexa"),),)})
    known, told = known_as(("Alexa",), found)
    assert ({one.word for one in known}, told) == ({"Alexa"}, [])
    known, (said,) = known_as(("computer",), found)
    assert {one.word for one in known} == {""}
    assert "is called 'alexa', and all in it is measured as takes of 'computer', the only word of this model" in said
    known, told = known_as(("computer", "alexa"), found)
    assert ({one.word for one in known}, told) == ({"alexa"}, [])
    with pytest.raises(Refusal, match="nothing says which of the words 'computer', 'stop' its takes are of"):
        known_as(("computer", "stop"), found)
