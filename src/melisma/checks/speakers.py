"""Who speaks: people in both parts, recordings of which nobody says who speaks in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from melisma.checks.finding import Finding, verb
from melisma.checks.recording import Marked, Recording
from melisma.quoting import counted, listed


class Speakers:
    """Counts the recordings of each speaker."""

    def __init__(self, train: str = "train", valid: str = "valid") -> None:
        """The names of the two parts that should not share anybody."""
        self._train, self._valid = train, valid
        self._seen: dict[str, Counter[str]] = {train: Counter(), valid: Counter()}
        self._unnamed: dict[str, Marked] = {train: Marked(), valid: Marked()}

    def see(self, recording: Recording) -> None:
        """One recording, if it is of these parts."""
        if recording.part not in self._seen:
            return
        if recording.clip.speaker is None:
            self._unnamed[recording.part].add(recording.clip)
        else:
            self._seen[recording.part][recording.clip.speaker] += 1

    def findings(self) -> Iterator[Finding]:
        """What was found."""
        train, valid = self._seen[self._train], self._seen[self._valid]
        both = [speaker for speaker, _ in valid.most_common() if speaker in train]
        if both:
            count = sum(valid[speaker] for speaker in both)
            sentence = (
                f"{counted(len(both), 'speaker')} of {len(valid):,} in {self._valid} {verb(len(both), 'is', 'are')} in "
                f"{self._train} too ({listed(both, 3)}), with {counted(count, 'recording')}"
            )
            advice = "nothing, if only they will be heard; scores on strangers will be lower, and this cannot tell"
            of = (
                count
                + sum(valid[speaker] for speaker in valid if speaker not in train)
                + self._unnamed[self._valid].count
            )
            yield Finding("speakers in both parts", "warning", count, of, sentence, advice)
        for part, unnamed in self._unnamed.items():
            named = self._seen[part].total()
            if unnamed.count and named:
                sentence = (
                    f"nobody says who speaks in {counted(unnamed.count, 'recording')} of {part}, though of others "
                    "somebody does"
                )
                advice = "fill the column in: whole speakers are cut off for validation only where all are known"
                yield Finding(
                    "recordings without a speaker",
                    "warning",
                    unnamed.count,
                    unnamed.count + named,
                    sentence,
                    advice,
                    unnamed.places,
                )
        if len(train) == 1 and not self._unnamed[self._train].count:
            sentence = f"one person speaks in all of {self._train} ({listed(list(train))})"
            advice = "nothing, if only they will be heard; others will be heard badly"
            yield Finding("one speaker", "note", train.total(), train.total(), sentence, advice)
