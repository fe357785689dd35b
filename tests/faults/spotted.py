"""What can go wrong with trigger words while they are learned: scenes, mining, thresholds."""

from __future__ import annotations

from faults.fault import Fault

SPOTTED = (
    Fault(
        "the time of takes counts as time without the word",
        "tasks/settling.py",
        "sum(track.recording.seconds for track in others) / HOUR",
        "sum(track.recording.seconds for track in tracks) / HOUR",
        ("tests/tasks/test_settled_thresholds.py",),
    ),
    Fault(
        "a take that is heard before it falls silent is a false alarm",
        "tasks/settling.py",
        ", window=ALONE",
        "",
        ("tests/tasks/test_settled_thresholds.py",),
    ),
    Fault(
        "the parts of a batch keep places of the whole",
        "tasks/spotting.py",
        "one._replace(sequence=one.sequence // parts)",
        "one",
        ("tests/tasks/test_trigger.py",),
    ),
    Fault(
        "what was mined is not drawn",
        "training/descent.py",
        "self._steps, self.mined = steps, mined",
        "self._steps = steps",
        ("tests/tasks/test_trigger.py",),
    ),
    Fault(
        "strangers are learned as the words",
        "tasks/staging.py",
        "one._replace(word=first + one.group)",
        "one._replace(word=one.group)",
        ("tests/tasks/test_trigger.py",),
    ),
    Fault(
        "a threshold is chosen on the takes of all words",
        "tasks/settling.py",
        "[word for of, word in sound.words if of == number]",
        "[word for _, word in sound.words]",
        ("tests/tasks/test_trigger.py",),
    ),
    Fault(
        "validation measures with thresholds that were not chosen",
        "evaluation/validate.py",
        "            codec = self.task.settling.into(codec, self.settled)\n",
        "",
        ("tests/tasks/test_trigger.py",),
    ),
    Fault(
        "a loaded run has no thresholds",
        "api/model.py",
        "    codec = settled(task, codec, saved)\n",
        "",
        ("tests/tasks/test_trigger.py",),
    ),
    Fault(
        "nothing is mined for the last step's validation",
        "tasks/mining.py",
        "if rounds >= wanted or at.step == at.steps:",
        "if rounds >= wanted:",
        ("tests/tasks/test_trigger.py",),
    ),
    Fault(
        "what was mined joins no scene",
        "training/mined.py",
        "self.found, self.encoded = found, self._mining.added(self._prepared, found)",
        "self.found = found",
        ("tests/tasks/test_trigger.py",),
    ),
    Fault(
        "a word is held out whole",
        "tasks/held_out.py",
        "2 * (gone[word] + count) <= of[word]",
        "gone[word] + count <= of[word]",
        ("tests/tasks/test_trigger_data.py",),
    ),
    Fault(
        "every epoch has the same scenes",
        "training/order.py",
        "(epoch * count + random.permutation(count))",
        "random.permutation(count)",
        ("tests/training/test_numbered_order.py",),
    ),
    Fault(
        "more takes are given up than may be",
        "tasks/settling.py",
        "threshold = max(threshold, min(higher, _bearable(",
        "threshold = max(threshold, max(higher, _bearable(",
        ("tests/tasks/test_settled_thresholds.py",),
    ),
    Fault(
        "a threshold lies close to a take rather than amid",
        "tasks/settling.py",
        "next(middle(low, point.threshold) for point",
        "next(point.threshold for point",
        ("tests/tasks/test_settled_thresholds.py",),
    ),
    Fault(
        "a middle is one of probabilities",
        "measures/tail.py",
        "of_odds((log_odds(low) + log_odds(high)) / 2)",
        "(low + high) / 2",
        ("tests/tasks/test_settled_thresholds.py",),
    ),
    Fault(
        "the tail forgets how long was listened",
        "measures/tail.py",
        "above * math.log(k / (hours * wanted))",
        "above * math.log(k / wanted)",
        ("tests/measures/test_tail.py",),
    ),
)
