"""Pictures of alarms: the same bytes every time, in everybody's script, and as wide as the truth is uncertain."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from melisma.errors import Refusal
from melisma.evaluation.spotted import recordings
from melisma.measures.units import at_second
from melisma.report.alarms import alarms
from melisma.report.charts import draw
from melisma.report.svg import inline
from melisma.task import Figure


def track(*words: str, seconds: float = 2.0, **more: Any) -> Figure:
    """A recording in which each word is heard once."""
    times = [round(0.04 * place, 2) for place in range(int(seconds * 25))]
    data = {
        "heading": ["take.wav", " ".join(words)],
        "seconds": seconds,
        "words": [{"text": word, "threshold": 0.7, "times": times, "scores": [0.1] * len(times)} for word in words],
        "alarms": [{"text": word, "second": 0.5 + place, "score": 0.8} for place, word in enumerate(words)],
        "ends": [{"text": words[0], "second": 0.4}],
        "wave": [[-0.1, 0.2]] * 50,
        "spectrogram": {"begin": 0.0, "end": seconds, "marks": [[1000, 0.5]], "rows": [[0.1] * 30] * 8},
    }
    return Figure("take.wav", "alarms", data | more)


def series(name: str, *points: tuple[float, float], chosen: tuple[float, float] = (0.0, 5.0)) -> dict[str, Any]:
    made = [{"rate": rate, "misses": misses, "low": misses / 2, "high": misses + 5} for rate, misses in points]
    told = {"rate": chosen[0], "least": 0.0, "most": 3.0, "misses": chosen[1], "low": 2.0, "high": 9.0}
    return {"name": name, "points": made, "chosen": told | {"threshold": 0.71, "text": f"<{name}>"}}


def tradeoff(*some: dict[str, Any], **more: Any) -> Figure:
    return Figure("misses", "tradeoff", {"series": list(some), "wanted": 0.5, "bound": 1.0} | more)


def written(drawing: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(drawing).iter() if element.tag.endswith("text")]


@pytest.mark.parametrize("figure", [track("one", "two"), tradeoff(series("a", (0, 9), (2, 0)))])
@pytest.mark.parametrize(("kind", "begin"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_they_are_drawn_the_same_every_time(figure: Figure, kind: str, begin: bytes) -> None:
    drawn = draw(figure, kind)
    assert drawn.startswith(begin)
    assert drawn == draw(figure, kind)


def test_the_axis_reaches_the_threshold_in_use_however_many_words_it_misses() -> None:
    told = written(str(inline(tradeoff(series("a", (0, 20), (2, 0), chosen=(0.0, 87.0))))))
    assert "100" in told
    assert "100" not in written(str(inline(tradeoff(series("a", (0, 20), (2, 0))))))


def test_a_track_tells_words_thresholds_alarms_and_the_ends_of_words() -> None:
    found = written(str(inline(track("三", "نعم", "<b>& hey"))))
    for told in (
        "三 0.50",
        "\u2068نعم\u2069 1.50",
        "<b>&amp; hey 2.50".replace("&amp;", "&"),
        "三 ends",
        "threshold 0.70 (三)",
    ):
        assert told in found
    assert sum(told.startswith("threshold") for told in found) == 1


class Notes:
    """A canvas that takes down where names stand and which lines go down."""

    def __init__(self) -> None:
        self.names: list[tuple[str, float, float, float]] = []  # with their left and right ends and their base lines
        self.falls: list[tuple[float, float, float]] = []  # with their upper and lower ends

    def width(self, text: str, points: float) -> float:
        return len(text) * points / 72 * 0.6

    def write(self, x: float, y: float, text: str, points: float, **style: Any) -> None:
        left = x - self.width(text, points) if style.get("ha") == "right" else x
        self.names.append((text, left, left + self.width(text, points), y))

    def line(self, points: Any, colour: str, inches: float, dashes: tuple[float, ...] = ()) -> None:
        if len(points) == 2 and points[0][0] == points[1][0] and points[1][1] - points[0][1] > 0.1:
            self.falls.append((points[0][0], points[0][1], points[1][1]))

    def size(self, *_: Any) -> None: ...
    def dot(self, *_: Any) -> None: ...
    def area(self, *_: Any) -> None: ...
    def field(self, *_: Any) -> None: ...


CLOSE = (0.1, 3.0, 12.4, 40.19, 41.66, 41.9, 41.91, 44.6)


def test_names_of_alarms_close_together_all_stand_and_neither_meet_nor_are_crossed() -> None:
    found = [{"text": "computer", "second": second, "score": 0.9} for second in CLOSE]
    ends = [{"text": "computer", "second": second} for second in (0.05, 12.3, 41.6)]
    notes = Notes()
    alarms(notes, "take.wav", track("computer", seconds=45.0, alarms=found, ends=ends).data)  # type: ignore[arg-type]
    names = [one for one in notes.names if one[0].startswith("computer ")]
    assert sorted(name for name, *_ in names) == sorted(
        [f"computer {second:.2f}" for second in CLOSE] + ["computer ends"] * 3
    )
    for place, (_, left, right, base) in enumerate(names):
        assert left >= 0
        for _, begin, end, other in names[place + 1 :]:
            assert right <= begin or end <= left or abs(base - other) > 0.15
        assert not any(left < x < right and top < base - 0.02 and bottom > base - 0.1 for x, top, bottom in notes.falls)


def test_a_line_that_meets_no_name_goes_through_in_one_piece() -> None:
    notes = Notes()
    one = [{"text": "computer", "second": 3.0, "score": 0.9}]
    alarms(notes, "take.wav", track("computer", seconds=45.0, alarms=one, ends=[]).data)  # type: ignore[arg-type]
    assert len(notes.falls) == 1


@pytest.mark.parametrize(
    ("second", "told"),
    [(1.965, "1.97"), (2.465 - 0.5, "1.97"), (1.9649, "1.96"), (0.0, "0.00"), (-0.004, "0.00"), (-0.025, "-0.03")],
)
def test_a_time_is_told_alike_wherever_it_is_told(second: float, told: str) -> None:
    """Of 1.965 s ``.2f`` makes 1.97 or 1.96, as the last bit has it."""
    assert at_second(second) == at_second(round(second, 4)) == told
    heard = {"name": "a", "place": 0, "wanted": ("w", second), "got": [("w", second)], "kind": "heard", "score": 1.0}
    ((example,),) = (group.examples for group in recordings([heard]))
    assert example.answer[0][0] == f"w at {told} s"
    assert example.reference[0][0] == f"w, which ends at {told} s"
    one = [{"text": "w", "second": round(second, 4), "score": 0.9}]
    assert f"w {told}" in written(str(inline(track("w", alarms=one, ends=[]))))


def test_of_a_long_recording_no_picture_is_drawn() -> None:
    with pytest.raises(Refusal, match="has 61 s; a picture of at most 60 can be read"):
        inline(track("one", seconds=61.0))


def test_a_tradeoff_tells_what_was_wanted_and_what_cannot_be_known() -> None:
    drawing = str(inline(tradeoff(series("after", (0, 9), (2, 0)), series("before", (0, 20), (1, 10)))))
    found = written(drawing)
    assert {"after (0.71)", "before (0.71)", "none", "wanted: 0.5", "false alarms an hour"} <= set(found)
    assert "in the shade: too few hours to tell" in found
    assert "&lt;after&gt;" in drawing
    alone = written(str(inline(tradeoff(series("after", (0, 9))))))
    assert "threshold 0.71" in alone
    assert not any("after" in told for told in alone)


def test_what_the_shade_means_stands_below_the_field_where_no_line_crosses_it() -> None:
    root = ElementTree.fromstring(str(inline(tradeoff(series("a", (0, 9), (2, 0))))))
    texts = {one.text: float(one.attrib["y"]) for one in root.iter() if one.tag.endswith("text")}
    said = texts["in the shade: too few hours to tell"]
    assert said > texts["false alarms an hour"] > texts["none"]
    assert said < float(root.attrib["viewBox"].split()[3])
    assert "in the shade: too few hours to tell" not in written(str(inline(tradeoff(series("a", (0, 9)), bound=None))))


def test_a_rate_lies_where_its_logarithm_says_and_none_at_the_left() -> None:
    drawing = str(inline(tradeoff(series("a", (0, 9), (1, 6), (10, 0)), bound=None, wanted=None)))
    (line,) = (one for one in re.findall(r'<polyline class="line s0"[^>]*points="([^"]*)"', drawing))
    places = [tuple(map(float, pair.split(","))) for pair in line.split()]
    across = [x for x, _ in places]
    assert across == sorted(across)
    none, one, ten = across[0], across[2], across[4]
    assert none < one < ten
    assert places[0][1] < places[-1][1]  # misses fall, and so does the line


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(Refusal, match="has no points; at least one is wanted"):
        inline(tradeoff())
