"""What alarms were worth, as a page shows it: tradeoff curves, and recordings heard, missed, and heard in vain."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from melisma.evaluation.meaning import verdict
from melisma.measures.groups import Gap, apart, for_each
from melisma.measures.share import share
from melisma.measures.units import at_second
from melisma.quoting import counted
from melisma.report.page import Cell, Example, Examples, Table
from melisma.task import Details, Figure

SHOWN = 6  # recordings of each kind on a page
KINDS = {"seen": "all who were heard in training", "unseen": "all strangers", "unknown": "all that are not named"}
"""Kind of speakers -> how a page calls them."""


def tradeoffs(runs: Mapping[str, Details]) -> list[Figure]:
    """Misses against false alarms an hour for each word that has takes, of one run or of several side by side."""
    words = list(
        dict.fromkeys(word for one in runs.values() for word, own in one.data["words"].items() if "curve" in own)
    )
    figures = []
    for word in words:
        found = {
            name: one.data["words"][word] for name, one in runs.items() if "curve" in one.data["words"].get(word, {})
        }
        wanted = next(iter(runs.values())).data["wanted"]
        hours = min(own["hours"] for own in found.values())
        data = {
            "series": [_series(name, own) for name, own in found.items()],
            "wanted": wanted,
            "bound": _nothing_below(found.values()),
        }
        figures.append(Figure(f"{word}, in {_long(hours)} of sound", "tradeoff", data))
    return figures


def _long(hours: float) -> str:
    return f"{hours:.2g} h" if hours >= 1 else f"{60 * hours:.2g} minutes"


def _nothing_below(found: Collection[Mapping[str, Any]]) -> float:
    """The rate that as many hours without any false alarm can show."""
    return max(float(own["curve"][0]["false_alarms"]["high"]) for own in found)


def _series(name: str, own: Mapping[str, Any]) -> dict[str, Any]:
    points = [
        {"rate": one["false_alarms"]["value"], "threshold": one["threshold"]} | _misses(one["misses"])
        for one in own["curve"]
    ]
    rate = own["false_alarms"]
    chosen = {"rate": rate["value"], "least": rate["low"], "most": rate["high"], "threshold": own["threshold"]}
    misses = _misses(own["misses"])
    text = (
        f"{name}, threshold {own['threshold']:.3g}: misses {misses['misses']:.1f} % "
        f"({misses['low']:.1f} – {misses['high']:.1f}), {rate['value']:.3g} false alarms an hour "
        f"({rate['low']:.2g} – {rate['high']:.3g})"
    )
    return {"name": name, "points": points, "chosen": chosen | misses | {"text": text}}


def _misses(found: Mapping[str, float]) -> dict[str, float]:
    return {"misses": 100 * found["value"], "low": 100 * found["low"], "high": 100 * found["high"]}


# --- speakers


def by_speaker(missed: Sequence[bool], speakers: Sequence[str | None], trained: Collection[str] | None) -> Table | None:
    """Words missed by whose they are, those of strangers apart; None where fewer than two speakers are known.

    ``trained`` are the speakers of the training, None: nobody knows whom it heard.
    """
    if len({speaker for speaker in speakers if speaker is not None}) < 2:
        return None
    rows: list[tuple[Cell, ...]] = []
    if trained is not None:
        kinds = apart(speakers, trained)._asdict()
        rows += [_row(KINDS[kind], [missed[place] for place in places]) for kind, places in kinds.items() if places]
    marked = frozenset(range(len(rows)))
    each = for_each(list(speakers), lambda places: [missed[place] for place in places])
    rows += [_row(speaker or "not named", own) for speaker, own in each.items()]
    return Table(("speaker", "takes", "words missed, %", "missed"), tuple(rows), marked, frozenset((1, 2, 3)))


def _row(name: str, missed: Sequence[bool]) -> tuple[Cell, ...]:
    found = share(missed)
    told = (f"{100 * found.value:.1f}", f"{100 * found.low:.1f} – {100 * found.high:.1f}")
    return name, f"{found.of:,}", told, f"{found.count:,}"


def apart_by(found: Gap, takes: int, names: tuple[str, str]) -> str:
    """How far a run and another are apart in words missed, on the same takes."""
    words = counted(takes, "word")
    if not found.value:
        return f"{names[0]} misses as many of {words} as {names[1]}."
    more = "more" if found.value > 0 else "fewer"
    ends = "" if found.ends is None else f" (95 % interval of the difference {found.low:+.1f} to {found.high:+.1f})"
    said = f"{names[0]} misses {abs(found.value):.1f} points {more} of {words} than {names[1]}{ends}"
    return f"{said}; that {verdict(found, 'word')}."


def vain_by(found: Gap, hours: float, names: tuple[str, str]) -> str:
    """How far a run and another are apart in false alarms an hour, in the same sound."""
    if not found.value:
        return f"{names[0]} gives as many false alarms in {hours:.2g} h as {names[1]}."
    more = "more" if found.value > 0 else "fewer"
    return (
        f"{names[0]} gives {abs(found.value):.3g} false alarms an hour {more} than {names[1]} in the same "
        f"{hours:.2g} h (95 % interval of the difference {found.low:+.3g} to {found.high:+.3g}); "
        f"that {verdict(found, 'false alarm')}."
    )


# --- recordings


def recordings(heard: Sequence[Mapping[str, Any]]) -> list[Examples]:
    """Some recordings that were missed, heard in vain, heard, and rightly not; of these the nearest to going wrong.

    Each has ``name``, ``place``, ``wanted`` (a word and its second, or None), ``got`` (words and seconds), ``kind``
    ("missed", "in vain", "heard" or "quiet") and ``score``, its highest.
    """
    kinds = (
        ("missed", "Missed", "words that were not heard, the lowest scores first", 1),
        ("in vain", "Heard in vain", "what was taken for a word and is none, the highest scores first", -1),
        ("heard", "Heard", "words that were heard, the lowest scores first", 1),
        ("quiet", "Nearly heard in vain", "where nothing was heard, as it should be, the highest scores first", -1),
    )
    found = []
    for kind, name, why, sign in kinds:
        some = sorted((one for one in heard if one["kind"] == kind), key=lambda one: sign * one["score"])[:SHOWN]
        if some:
            found.append(Examples(name, why, tuple(map(_example, some))))
    return found


def _example(one: Mapping[str, Any]) -> Example:
    right = one["kind"] in ("heard", "quiet")
    got = ", ".join(f"{word} at {at_second(second)} s" for word, second in one["got"])
    wanted = "" if one["wanted"] is None else f"{one['wanted'][0]}, which ends at {at_second(one['wanted'][1])} s"
    return Example(
        one["name"],
        ((got, right),) if got else (),
        ((wanted, right),) if wanted else (),
        right,
        f"highest score {one['score']:.2f}",
        (),
        one["place"],
    )


def without_folders(said: str, names: Sequence[str]) -> str:
    """A sentence with the recordings in it named without their folders."""
    for name in sorted(names, key=len, reverse=True):
        said = said.replace(name, os.path.basename(name))
    return said
