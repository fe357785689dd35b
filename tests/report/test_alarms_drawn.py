"""Pictures of alarms: the same bytes every time, in everybody's script, and as wide as the truth is uncertain."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from melisma.errors import Refusal
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
