"""What a pair is without: text on both sides, and a difference between them."""

from __future__ import annotations

from collections.abc import Iterator

from melisma.checks.finding import BOTH, Draft, Finding, Severity, Spots, verb
from melisma.checks.reading import SIDES, Record
from melisma.files.columns import blank
from melisma.quoting import counted

SMALL = 1_000  # training pairs below which a model learns little
TINY_VALID = 100  # validation pairs below which chance decides the scores
COPYING = 0.1  # of all pairs: where more have equal sides, copying is part of the task
MANY_COPIES = 0.01


class Sides:
    """Blank sides, outer blanks, sides that are the same, and how many pairs there are."""

    def __init__(self) -> None:
        self._pairs: dict[str, int] = {}
        self._whole: dict[str, int] = {}
        self._blank: dict[tuple[str, int], Spots] = {}
        self._outer: dict[tuple[str, int], Spots] = {}
        self._same: dict[str, Spots] = {}

    def see(self, record: Record, whole: bool) -> None:
        """One record; ``whole``: both sides could be read and show something."""
        part, (source, target) = record.given.part, record.sides
        self._pairs[part] = self._pairs.get(part, 0) + 1
        if whole:
            assert source is not None
            assert target is not None
            self._whole[part] = self._whole.get(part, 0) + 1
            if same(source, target):
                self._same.setdefault(part, Spots()).add(record.number, BOTH)
            for side, text in enumerate((source, target)):
                if text[0].isspace() or text[-1].isspace():
                    self._outer.setdefault((part, side), Spots()).add(record.number, side)
        elif source is not None and target is not None:
            empty = [blank(text) for text in (source, target)]
            side = BOTH if all(empty) else empty.index(True)
            self._blank.setdefault((part, side), Spots()).add(record.number, side)

    def copies(self, part: str) -> float:
        """The share of pairs whose sides are the same."""
        return self._same[part].count / self._whole[part] if part in self._same else 0.0

    def drafts(self) -> Iterator[Draft]:
        """What is missing."""
        for (part, side), spots in self._blank.items():
            severity: Severity = "note" if side == BOTH else "warning"
            where = "on both sides" if side == BOTH else f"on the {SIDES[side]}'s side alone"
            sentence = (
                f"{counted(spots.count, 'pair')} of {part} {_is(spots)} blank {where}; training leaves blank pairs out"
            )
            advice = "look whether lines were lost there; fix=FOLDER leaves these pairs out"
            yield Draft(
                Finding("blank sides", severity, spots.count, self._pairs[part], sentence, advice), tuple(spots.first)
            )
        for (part, side), spots in self._outer.items():
            lines = f"{counted(spots.count, f'{SIDES[side]} line')} of {part}"
            sentence = (
                f"{lines} {verb(spots.count, 'begins or ends', 'begin or end')} with blanks, which melisma takes off"
            )
            yield Draft(
                Finding(
                    "outer blanks",
                    "note",
                    spots.count,
                    self._pairs[part],
                    sentence,
                    "nothing, or fix=FOLDER, which takes them off",
                ),
                tuple(spots.first),
            )
        for part, spots in self._same.items():
            yield self._copied(part, spots)
        yield from self._few()

    def _copied(self, part: str, spots: Spots) -> Draft:
        share = self.copies(part)
        pairs = f"{counted(spots.count, 'pair')} of {part}"
        sentence = f"{pairs} {verb(spots.count, 'has', 'have')} the same text on both sides"
        if share >= COPYING:
            advice = "nothing, if copying is what the model shall learn"
            severity: Severity = "note"
        else:
            sentence += ": untranslated copies, or names"
            advice = "a model learns to copy from few such pairs; fix=FOLDER leaves them out"
            severity = "warning" if share >= MANY_COPIES else "note"
        return Draft(
            Finding("same sides", severity, spots.count, self._whole[part], sentence, advice), tuple(spots.first)
        )

    def _few(self) -> Iterator[Draft]:
        train = self._whole.get("train", 0)
        if not train:
            sentence = "there is no pair with text on both sides to train on"
            yield Draft(
                Finding(
                    "no pairs", "error", 0, self._pairs.get("train", 0), sentence, "give data with text on both sides"
                )
            )
        elif train < SMALL:
            sentence = f"there {'is' if train == 1 else 'are'} only {counted(train, 'training pair')}"
            yield Draft(
                Finding(
                    "little data",
                    "warning",
                    train,
                    train,
                    sentence,
                    "a model learns words it has seen often: more data, or a small model with characters, is wanted",
                )
            )
        if "valid" in self._pairs and self._whole.get("valid", 0) < TINY_VALID:
            valid = self._whole.get("valid", 0)
            severity: Severity = "note" if valid else "error"
            sentence = (
                f"validation has only {counted(valid, 'pair')}"
                if valid
                else "there is no pair with text on both sides to validate on"
            )
            yield Draft(
                Finding(
                    "little validation",
                    severity,
                    valid,
                    self._pairs["valid"],
                    sentence,
                    "with so few, chance decides which step is the best: some hundred are wanted",
                )
            )


def same(source: str, target: str) -> bool:
    """Whether both sides are the same text; numbers and dates alone lawfully are."""
    return source.strip() == target.strip() and any(map(str.isalpha, source))


def _is(spots: Spots) -> str:
    return "is" if spots.count == 1 else "are"
