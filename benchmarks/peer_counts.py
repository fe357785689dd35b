"""What a training or a search has done and what it cost: notes, intervals, and the arithmetic that was of use.

A system writes one line of JSON when it begins (its weights and versions), and one after each update or batch: the
CPU-seconds of the process so far, and what the batch held without padding. Intervals between two such lines leave
out start-up, the reading of data, and the first batches.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FORWARD, TRAINING = 1, 3  # passes: backward computes a gradient of the input and one of the weights
SOURCE, TARGET, SENTENCE, LOOKUP = "sources", "targets", "sentences", None
ATTENDED = 512 + 512  # multiply-adds of a (source, target) pair: its score, and its share of what is read

# Which matrix is multiplied how often: the start of a weight's name -> once a symbol, once a sentence, or looked up.
MELISMA = (
    ("embed_", LOOKUP),
    ("encoder.", SOURCE),
    ("scorer.", SOURCE),
    ("bridge.", SENTENCE),
    ("decoder.", TARGET),
    ("combine", TARGET),
    ("output.", TARGET),
)
RULES: Mapping[str, tuple[tuple[str, str | None], ...]] = {
    "melisma": MELISMA,
    "melisma int8": MELISMA,
    "plain nn.LSTM": (  # it searches with Melisma's weights
        ("source.", LOOKUP),
        ("target.", LOOKUP),
        ("embed_", LOOKUP),
        ("encoder.", SOURCE),
        ("general.", SOURCE),
        ("scorer.", SOURCE),
        ("bridge.", SENTENCE),
        ("decoder.", TARGET),
        ("combine", TARGET),
        ("output.", TARGET),
    ),
    "OpenNMT-py": (
        ("encoder.embeddings.", LOOKUP),
        ("decoder.embeddings.", LOOKUP),
        ("encoder.", SOURCE),
        ("decoder.", TARGET),
        ("generator.", TARGET),
    ),
    "JoeyNMT": (
        ("src_embed.", LOOKUP),
        ("trg_embed.", LOOKUP),
        ("encoder.", SOURCE),
        ("decoder.attention.key_layer.", SOURCE),
        ("decoder.bridge_layer.", SENTENCE),
        ("decoder.", TARGET),
    ),
}


@dataclass(frozen=True)
class Counts:
    """What batches held, without padding; a target's end is counted, its start is not."""

    sentences: int = 0
    sources: int = 0
    targets: int = 0
    pairs: int = 0  # (source symbol, target symbol) of one sentence: what attention compares

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.sentences + other.sentences,
            self.sources + other.sources,
            self.targets + other.targets,
            self.pairs + other.pairs,
        )

    def beamed(self, beam: int) -> Counts:
        """The same where ``beam`` hypotheses are searched for each sentence."""
        return Counts(self.sentences, self.sources, self.targets * beam, self.pairs * beam)


@dataclass(frozen=True)
class Interval:
    """Some batches in a row."""

    seconds: float
    counts: Counts
    batches: int

    @property
    def speed(self) -> float:
        """Target symbols a CPU-second."""
        return self.counts.targets / self.seconds


@dataclass(frozen=True)
class Notes:
    """What one process wrote down."""

    weights: Mapping[str, tuple[int, ...]]
    versions: Mapping[str, str]
    marks: Sequence[tuple[float, Counts]]
    facts: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Notes:
        """Refuses, as ValueError, notes without a beginning; a last line that was cut off is left out."""
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        if not lines or "weights" not in lines[0]:
            raise ValueError("the process wrote nothing down")
        first, *rest = lines
        weights = {name: tuple(shape) for name, shape in first["weights"].items()}
        marks = [(line["cpu"], Counts(*line["counts"])) for line in rest if "cpu" in line]
        facts = {name: value for line in rest if "cpu" not in line for name, value in line.items()}
        return cls(weights, first["versions"], marks, facts)

    def intervals(self, warm: int, batches: int) -> list[Interval]:
        """Intervals of so many batches, after the first ``warm``; ValueError where there is not one."""
        marks = self.marks[warm - 1 :]
        found = []
        for begin in range(0, len(marks) - batches, batches):
            counted = sum((counts for _, counts in marks[begin + 1 : begin + batches + 1]), Counts())
            found.append(Interval(marks[begin + batches][0] - marks[begin][0], counted, batches))
        if not found:
            raise ValueError(f"{len(self.marks)} batches were done, and more than {warm + batches - 1} are wanted")
        return found


def useful(system: str, weights: Mapping[str, tuple[int, ...]], counts: Counts, passes: int) -> float:
    """Useful MFLOP a target symbol: matrix products alone, two operations a multiply-add, no padding.

    ValueError for a matrix that no rule of the system names.
    """
    found = counts.pairs * ATTENDED
    for name, shape in weights.items():
        if len(shape) < 2:
            continue
        per = next((per for start, per in RULES[system] if name.startswith(start)), "unknown")
        if per == "unknown":
            raise ValueError(f"no rule says how often {name} of {system} is multiplied")
        if per is not LOOKUP:
            found += shape[0] * shape[1] * getattr(counts, per)
    return 2 * passes * found / counts.targets / 1e6


@dataclass
class Measured:
    """What one system did in all rounds."""

    passes: int
    beam: int = 1
    rounds: list[list[Interval]] = field(default_factory=list)
    notes: list[Notes] = field(default_factory=list)
    failure: str = ""

    def speeds(self) -> list[float]:
        return [interval.speed for intervals in self.rounds for interval in intervals]

    def batch(self) -> float:
        """Target symbols of a batch."""
        done = [interval for intervals in self.rounds for interval in intervals]
        return sum(one.counts.targets for one in done) / sum(one.batches for one in done)

    def mflop(self, system: str) -> float:
        """Useful MFLOP a target symbol, over all intervals."""
        counted = [interval.counts for intervals in self.rounds for interval in intervals]
        total = sum(counted[1:], counted[0])
        return useful(system, self.notes[0].weights, total.beamed(self.beam), self.passes) * self.beam


def against(ours: Measured, peers: Measured) -> list[float]:
    """Ours over theirs, a round each."""
    medians = [[statistics.median(i.speed for i in round_) for round_ in one.rounds] for one in (ours, peers)]
    return [mine / theirs for mine, theirs in zip(*medians)]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median, and from where to where."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def reason(log: str) -> str:
    """The line of a failed program's output that says most: its last error, or its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR:|[\w.]*(Error|Exception|Interrupt)\b)", line)]
    return (errors or lines or ["it said nothing"])[-1][:160]
