"""What can go wrong with trigger words in use: when they are heard, what that is worth, and what is kept of it."""

from __future__ import annotations

from faults.fault import Fault

_HEARD, _JUDGED = ("tests/tasks/test_alarms.py",), ("tests/tasks/test_judging.py",)
_USED, _DRAWN = ("tests/command/test_alarms_typed.py",), ("tests/report/test_alarms_drawn.py",)

ALARMS = (
    Fault(
        "a score is told before its window of sound has come",
        "tasks/alarms.py",
        "round(self.rules.first + one.step * self.rules.step, 4)",
        "round(one.step * self.rules.step, 4)",
        _HEARD,
    ),
    Fault(
        "what was smoothed forgets the chunk before",
        "tasks/alarms.py",
        "np.concatenate((before, scores))",
        "np.concatenate((np.zeros_like(before), scores))",
        _HEARD,
    ),
    Fault(
        "a threshold that is asked for is not heeded",
        "tasks/alarms.py",
        "codec.thresholds if search.threshold is None else",
        "codec.thresholds if True else",
        _HEARD,
    ),
    Fault(
        "the quiet room counts as time of the recording",
        "tasks/judging.py",
        "one.only(word), rules.first - BEFORE)",
        "one.only(word), rules.first)",
        _HEARD,
    ),
    Fault(
        "alarms are taken for later than they were",
        "tasks/judging.py",
        "[one.second - BEFORE for one in answer.alarms if",
        "[one.second for one in answer.alarms if",
        _JUDGED,
    ),
    Fault(
        "a word that is said is no word to its own detector",
        "tasks/judging.py",
        "return self.recording if self.word == word else",
        "return self.recording if self.word != word else",
        _JUDGED,
    ),
    Fault(
        "what was heard in vain counts as heard",
        "tasks/judging.py",
        'elif any(each.false for each in found.values()):\n        kind = "in vain"',
        'elif any(each.repeats for each in found.values()):\n        kind = "in vain"',
        _JUDGED,
    ),
    Fault(
        "the interval of a median is one value too narrow",
        "tasks/judging.py",
        "left = max(0, left - 1)\n",
        "",
        _JUDGED,
    ),
    Fault(
        "what fired and was something else is learned as the word",
        "tasks/labelled.py",
        'return (word is not None) == (kind == "positive")',
        'return kind == "positive"',
        _JUDGED,
    ),
    Fault(
        "what is labelled and measured on is a take whatever its text",
        "tasks/takes.py",
        'kind="negative" if word is None else "positive", word=word',
        'kind="positive", word=word or words[0]',
        ("tests/tasks/test_trigger_data.py",),
    ),
    Fault(
        "a folder of another word is measured as the model's own, and nothing is said",
        "tasks/takes.py",
        "                called[one.corpus] = name\n",
        "                pass\n",
        ("tests/tasks/test_trigger_data.py",),
    ),
    Fault(
        "what is labelled is measured on twice",
        "api/measure.py",
        "asked.setdefault(corpus, {})[kind] = (corpus,)",
        "asked[*corpus, kind] = {kind: (corpus,)}",
        _USED,
    ),
    Fault(
        "what nobody has labelled is learned from",
        "tasks/labelled.py",
        "                self._waiting.append(clip.where)\n            return False",
        "                self._waiting.append(clip.where)",
        _JUDGED,
    ),
    Fault(
        "what is kept begins where the memory does",
        "api/keeping.py",
        "round((alarm.second - BEFORE) * self.rate) - self._past)",
        "round((alarm.second - BEFORE) * self.rate))",
        _USED,
    ),
    Fault(
        "what is kept is cut off at its alarm",
        "api/keeping.py",
        "round((one.second + AFTER) * self.rate)",
        "round(one.second * self.rate)",
        _USED,
    ),
    Fault(
        "of several kinds of data the first alone is measured on",
        "api/measure.py",
        "for kind in (one for one in kinds if one in given):",
        "for kind in (one for one in kinds[:1] if one in given):",
        _USED,
    ),
    Fault(
        "rates lie where they are, not where their logarithm is",
        "report/tradeoff.py",
        "share = (math.log10(rate) - self.low)",
        "share = (-math.log10(rate) - self.low)",
        _DRAWN,
    ),
    Fault(
        "a threshold above all scores is brought down to them",
        "tasks/settling.py",
        "min(NEVER, max(LEAST, threshold))",
        "min(1.0, max(LEAST, threshold))",
        ("tests/tasks/test_alarms.py",),
    ),
)
