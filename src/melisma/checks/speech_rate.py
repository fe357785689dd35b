"""How fast is spoken: what plays at a wrong speed, or is not what its transcript says."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from melisma.checks.finding import SHOWN, Finding, Severity
from melisma.checks.recording import MANY, Recording, place
from melisma.files.clip import Clip
from melisma.quoting import counted

SYMBOLS, SECONDS = 1.0, 0.3  # added to both, as the rate of a short recording says little
FAR = 4.5  # robust standard deviations from the median beyond which a rate is an outlier …
AT_LEAST = np.log(1.8)  # … if it is besides so many times the usual one: a header of half the rate makes two of it
NARROWEST = 0.05  # standard deviation at least
ENOUGH = 20  # recordings without which nothing is usual
TOGETHER = np.log(1.5)  # by how much all recordings of one rate are faster or slower than usual where it is wrong
SURE = 4.0  # standard deviations of their mean
FEWEST = 3  # of them

Numbers = NDArray[np.float64]


class SpeechRate:
    """Symbols a second, blanks not counted; three numbers a recording."""

    def __init__(self) -> None:
        self._rates: dict[str, array[float]] = {}
        self._hertz: dict[str, array[int]] = {}
        self._clips: dict[str, list[tuple[Clip, float]]] = {}

    def see(self, recording: Recording) -> None:
        """One recording, if it can be heard and something is said in it."""
        heard, symbols = recording.heard, sum(map(len, recording.text.split()))
        if heard is None or not symbols:
            return
        rate = np.log((symbols + SYMBOLS) / (heard.seconds + SECONDS))
        self._rates.setdefault(recording.part, array("d")).append(rate)
        self._hertz.setdefault(recording.part, array("i")).append(heard.rate)
        self._clips.setdefault(recording.part, []).append((recording.clip, symbols / heard.seconds))

    def findings(self) -> Iterator[Finding]:
        """What is much too fast or too slow for the training data, the worst first."""
        known = np.asarray(self._rates.get("train", ()))
        if len(known) < ENOUGH:
            return
        middle = float(np.median(known))
        # 1.4826 makes the median deviation of normally distributed numbers their standard deviation
        deviation = max(NARROWEST, 1.4826 * float(np.median(np.abs(known - middle))))
        usual = float(np.median([rate for _, rate in self._clips["train"]]))
        for part, rates in self._rates.items():
            off = np.asarray(rates) - middle
            yield from self._of_rates(part, off, deviation)
            scores = np.where(np.abs(off) > AT_LEAST, np.abs(off) / deviation, 0.0)
            far = scores > FAR
            count = int(far.sum())
            if not count:
                continue
            worst = np.argsort(-scores, kind="stable")[: min(SHOWN, count)].tolist()
            clips = [self._clips[part][number] for number in worst]
            severity: Severity = "warning" if count / len(off) >= MANY else "note"
            sentence = (
                f"{counted(count, 'recording')} of {part} {'is' if count == 1 else 'are'} spoken much "
                f"{_how(off[far])} than usual, which is {_figure(usual)} symbols a second"
            )
            advice = "listen to them: a wrong transcript, long silence, or a header with a wrong rate, which plays "
            advice += "slow or fast"
            places = tuple(place(clip, f"{_figure(rate)} symbols a second") for clip, rate in clips)
            yield Finding("speech rate", severity, count, len(off), sentence, advice, places)

    def _of_rates(self, part: str, off: Numbers, deviation: float) -> Iterator[Finding]:
        """Rates of samples, other than that of most, whose recordings are all spoken at another speed than usual."""
        hertz, most = np.asarray(self._hertz[part]), np.median(self._hertz["train"])
        for one in np.unique(hertz[hertz != most]).tolist():
            count, middle = int((hertz == one).sum()), float(np.median(off[hertz == one]))
            if count < FEWEST or abs(middle) < TOGETHER or abs(middle) * np.sqrt(count) < SURE * deviation:
                continue
            how = f"{np.exp(abs(middle)):.1f} times as {'slowly' if middle < 0 else 'fast'} as usual"
            sentence = f"the {counted(count, 'recording')} of {part} with {one:,} Hz are spoken {how}"
            advice = "listen to one: their headers probably say a wrong rate; write the right one into them"
            first = [self._clips[part][number] for number in np.flatnonzero(hertz == one)[:SHOWN].tolist()]
            places = tuple(place(clip, f"{_figure(rate)} symbols a second") for clip, rate in first)
            yield Finding("speed of one rate", "warning", count, len(off), sentence, advice, places)


def _figure(rate: float) -> str:
    return f"{rate:.1f}" if rate < 100 else f"{rate:,.0f}"


def _how(off: Numbers) -> str:
    if (off < 0).all():
        return "slower"
    return "faster" if (off > 0).all() else "slower or faster"
