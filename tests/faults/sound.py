"""What can go wrong with sound: its frames, what varies it, what is found wrong with recordings, and hearing."""

from __future__ import annotations

from faults.fault import Fault

CHECKED = (
    Fault(
        "what is cut off of a part is looked for in the whole file",
        "sound/heard.py",
        "decoder.promised if whole else None",
        "decoder.promised",
        ("tests/sound/test_part_looked_at.py",),
    ),
    Fault(
        "a part is looked at to the end of its file",
        "sound/heard.py",
        "decoder.frames(first, last)",
        "decoder.frames(first)",
        ("tests/sound/test_part_looked_at.py",),
    ),
    Fault(
        "the same sound with another transcript is no contradiction",
        "checks/repeated_sounds.py",
        "if before.split() != text.split():",
        "if False:",
        ("tests/checks/test_spoken_of_recordings.py",),
    ),
    Fault(
        "what is in valid too stays in train",
        "checks/repeated_sounds.py",
        "dict.fromkeys(both, IN_VALID) | ",
        "",
        ("tests/checks/test_repaired_recordings.py",),
    ),
    Fault(
        "silence is taken for a duplicate of silence",
        "checks/repeated_sounds.py",
        "heard.silent == 1 or not recording.text",
        "not recording.text",
        ("tests/checks/test_spoken_of_recordings.py",),
    ),
    Fault(
        "average linkage forgets how many things a cluster has",
        "sound/clusters.py",
        "        sizes[a] += sizes[b]\n",
        "",
        ("tests/checks/test_guessed_sessions.py",),
    ),
    Fault(
        "what is said is not taken off before sessions are guessed",
        "sound/sessions.py",
        "_distances(_without_text(traits, texts))",
        "_distances(traits)",
        ("tests/checks/test_guessed_sessions.py",),
    ),
    Fault(
        "a pitch is looked for with all that is high",
        "sound/sessions.py",
        "power[:, int(FUNDAMENTAL * 2 * window / hertz) :] = 0",
        "power[:, :0] = 0",
        ("tests/checks/test_guessed_sessions.py",),
    ),
    Fault(
        "recordings of one wrong rate must each be far off",
        "checks/speech_rate.py",
        "abs(middle) < TOGETHER",
        "abs(middle) < FAR",
        ("tests/checks/test_spoken_of_recordings.py",),
    ),
    Fault(
        "a symbol wants no blank between two that are equal",
        "tasks/hearing.py",
        "// self.stride) >= required(symbols)",
        "// self.stride) >= len(symbols)",
        ("tests/checks/test_learnable_recordings.py",),
    ),
    Fault(
        "symbols unknown to training are let through",
        "checks/learnable.py",
        "if not self._symbols.issuperset(symbols):",
        "if self._symbols.isdisjoint(symbols):",
        ("tests/checks/test_learnable_recordings.py",),
    ),
    Fault(
        "a file is told once for each of its parts",
        "checks/sound_files.py",
        "        if heard.path in files:\n            return\n",
        "",
        ("tests/checks/test_trapped_recordings.py",),
    ),
    Fault(
        "a check passes samples that are no numbers",
        "checks/recordings.py",
        "if found.unlawful:",
        "if False:",
        ("tests/checks/test_trapped_recordings.py",),
    ),
    Fault(
        "a copy names all files by their whole path",
        "checks/repair_recordings.py",
        "if beside else path",
        "if False else path",
        ("tests/checks/test_repaired_recordings.py",),
    ),
    Fault(
        "an empty recording is laid down",
        "tasks/utterances.py",
        "if scratch.size == begin:",
        "if False:",
        ("tests/checks/test_trapped_recordings.py",),
    ),
    Fault(
        "that nothing is left is not said",
        "tasks/utterances.py",
        "        if not kept:\n            why",
        "        if False:\n            why",
        ("tests/command/test_recordings_checked_typed.py",),
    ),
)

VARIED = (
    Fault(
        "all stages draw from one generator",
        "sound/augment.py",
        "draws = dict(zip(STAGES, _generators(random, len(STAGES))))",
        "draws = dict.fromkeys(STAGES, random)",
        ("tests/sound/test_augment.py",),
    ),
    Fault(
        "an image is reflected too often",
        "sound/room.py",
        "np.abs(copies) + np.abs(copies - 1)",
        "np.abs(copies) + np.abs(copies)",
        ("tests/sound/test_room.py",),
    ),
    Fault(
        "late echoes have four times their power",
        "sound/room.py",
        "direct * np.sqrt(4 * np.pi * SOUND",
        "direct * np.sqrt(16 * np.pi * SOUND",
        ("tests/sound/test_room.py",),
    ),
    Fault(
        "the level of speech is taken over silence too",
        "sound/level.py",
        "np.sqrt(power[heard].mean())) if",
        "np.sqrt(power.mean())) if",
        ("tests/sound/test_augment_level.py",),
    ),
    Fault(
        "gaps are digital silence",
        "sound/tone.py",
        "if gap or len(sides) == 2:",
        "if False:",
        ("tests/sound/test_augment_tone.py",),
    ),
    Fault(
        "the last place of a mask is never drawn",
        "sound/mask.py",
        "(length - widths + 1)",
        "(length - widths)",
        ("tests/sound/test_augment_mask.py",),
    ),
    Fault(
        "windows do not slide",
        "sound/speed.py",
        "return first + best if likeness[best] > 0 else taken",
        "return taken",
        ("tests/sound/test_augment_speed.py",),
    ),
)

FRAMES = (
    Fault(
        "the loudness that PCEN follows is forgotten between chunks",
        "sound/features.py",
        "self._loudness, found = definition.pcen.feed(",
        "_, found = definition.pcen.feed(",
        ("tests/sound/test_features.py",),
    ),
    Fault(
        "means of several recordings are put together without what lies between them",
        "sound/normalise.py",
        " + np.square(apart) * (count * len(values) / total)",
        "",
        ("tests/sound/test_features_normalise.py",),
    ),
)

HEARD = (
    Fault(
        "what is much quieter does not show that there was sound before",
        "sound/pauses.py",
        "floor > max(loud, QUIETEST) * LOUDER",
        "False",
        ("tests/sound/test_pauses.py",),
    ),
    Fault(
        "loudness is that of the last samples",
        "sound/pauses.py",
        "used, self._rest = np.split(self._rest, [min(count * self.hop, len(self._rest))])",
        "used, self._rest = self._rest[-count * self.hop :] if count else self._rest[:0], self._rest",
        ("tests/sound/test_pauses.py",),
    ),
    Fault(
        "an utterance hears what was said before it",
        "tasks/ears.py",
        "heard, self._frames[number] = self._frames[number], []",
        "heard = self._frames[number]",
        ("tests/tasks/test_transcribe.py",),
    ),
    Fault(
        "a stream that ends an utterance begins with another's state",
        "tasks/ears.py",
        "part(self._state, number + 1, self.batch)",
        "part(self._state, 0, self.batch - number - 1)",
        ("tests/tasks/test_transcribe.py",),
    ),
    Fault(
        "times count from the beginning of an utterance",
        "tasks/listening.py",
        "self.frames += ended.frames",
        "self.frames = 0",
        ("tests/tasks/test_transcribe.py",),
    ),
)

SOUND = (*CHECKED, *VARIED, *FRAMES, *HEARD)
