"""Faults of what is told of measures: intervals, comparisons, charts."""

from __future__ import annotations

from faults.fault import Fault

TOLD = (
    Fault(
        "an interval may have no width",
        "measures/measure.py",
        "if self.low < self.high else None",
        "if self.low <= self.high else None",
        ("tests/measures/test_spoken.py",),
    ),
    Fault(
        "of all the bound is that of two sides",
        "measures/share.py",
        "return (1 - none_of(of, level), 1.0) if count == of else wilson(count, of, level)",
        "return wilson(count, of, level)",
        ("tests/measures/test_rates.py",),
    ),
    Fault(
        "of two speakers a difference is certain",
        "measures/groups.py",
        "return self.enough and not self.low <= 0 <= self.high",
        "return not self.low <= 0 <= self.high",
        ("tests/measures/test_spoken.py",),
    ),
    Fault(
        "by length recordings are drawn without their speakers",
        "evaluation/evaluate.py",
        'if task.takes == "recording":',
        'if task.takes == "nothing":',
        ("tests/command/test_alignment_typed.py",),
    ),
    Fault(
        "the interval of two rates adds the wrong ends",
        "measures/poisson.py",
        "math.hypot(second - two[0], one[1] - first)",
        "math.hypot(second - two[0], first - one[0])",
        ("tests/measures/test_rates.py",),
    ),
    Fault(
        "names of alarms stand on each other",
        "report/alarms.py",
        "if left >= end), len(rows))",
        "if left >= 0), len(rows))",
        ("tests/report/test_alarms_drawn.py",),
    ),
    Fault(
        "a line crosses the names of other alarms",
        "report/alarms.py",
        "if other is not one and other.left < one.x < other.right",
        "if other is not one and False",
        ("tests/report/test_alarms_drawn.py",),
    ),
    Fault(
        "half a hundredth of a second is nothing",
        "measures/units.py",
        "* 100 + 0.5 + 1e-4)",
        "* 100 + 0.5 - 1e-4)",
        ("tests/report/test_alarms_drawn.py",),
    ),
    Fault(
        "the axis of a share goes beyond all there is",
        "report/curves.py",
        "return found if most is None or found.high <= most else scale(0.0, most, 6)",
        "return found",
        ("tests/report/test_curves.py",),
    ),
    Fault(
        "the best speakers are told for the worst",
        "evaluation/spoken.py",
        "key=lambda pair: -pair[1].measure.value",
        "key=lambda pair: pair[1].measure.value",
        ("tests/evaluation/test_errors_of_speakers.py",),
    ),
    Fault(
        "two runs are compared as if each take had a speaker of its own",
        "evaluation/compare.py",
        "whose = None if speakers is None else",
        "whose = None if True else",
        ("tests/evaluation/test_compare.py",),
    ),
    Fault(
        "false alarms of the other run are this one's",
        "evaluation/beside.py",
        "value = (vain[0] - vain[1]) / hours",
        "value = (vain[1] - vain[0]) / hours",
        ("tests/evaluation/test_beside.py",),
    ),
    Fault(
        "what lies between two runs is told the wrong way round",
        "evaluation/beside.py",
        "for one in (against, found)]",
        "for one in (found, against)]",
        ("tests/evaluation/test_beside.py",),
    ),
    Fault(
        "what cannot be spelled counts as known by heart",
        "evaluation/evaluate.py",
        "if count or math.isnan(nat)]",
        "if True]",
        ("tests/evaluation/test_left_out_of_perplexity.py",),
    ),
    Fault(
        "what is no number is left out of perplexity",
        "evaluation/evaluate.py",
        "if count or math.isnan(nat)]",
        "if count]",
        ("tests/evaluation/test_left_out_of_perplexity.py",),
    ),
    Fault(
        "beside broken rows nothing else is told",
        "checks/recordings.py",
        "if looked.broken else",
        "if False else",
        ("tests/command/test_recordings_checked_typed.py",),
    ),
    Fault(
        "nobody is told of transcripts that cannot be spelled",
        "api/training.py",
        "[*corpus.notes, *prepared.notes, *said]",
        "[*corpus.notes, *prepared.notes]",
        ("tests/command/test_recordings_checked_typed.py",),
    ),
)
