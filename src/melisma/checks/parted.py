"""What is given as takes and as other sound, as what was labelled afterwards is: the text of each says which it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from melisma.checks.finding import Finding, verb
from melisma.checks.recording import Marked, Recording
from melisma.errors import Refusal
from melisma.quoting import counted
from melisma.settings.leaves import Corpora
from melisma.settings.names import KINDS
from melisma.tasks.labelled import Labelled

VALID = "valid_"  # begins the parts to validate on
UNLABELLED = "unlabelled"  # the part of what waits for a text, behind VALID where that is to validate on


def kind_of(part: str) -> str:
    """The kind of a part, whether it is to train or to validate on."""
    return part.removeprefix(VALID)


class Parted:
    """Puts each recording where training has it, by the words of the takes that were heard before it."""

    def __init__(self, given: Mapping[str, Corpora]) -> None:
        """Of each part its corpora."""
        self._given = given
        self._labelled = {
            begins: Labelled({kind: given.get(begins + kind, ()) for kind in KINDS}) for begins in ("", VALID)
        }
        self._heard = dict.fromkeys(self._labelled, 0)
        self._waiting = {begins: Marked() for begins in self._labelled}
        self._refused: dict[tuple[str, ...], str] = {}

    def corpora(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Part and corpus, each corpus of takes and other sound once, and after the takes that tell its words."""
        for begins, labelled in self._labelled.items():
            for kind in KINDS:
                for corpus in labelled.order(self._given.get(begins + kind, ())):
                    if kind != "negative" or corpus not in labelled.corpora:
                        yield begins + kind, corpus

    def labelled(self, part: str, corpus: tuple[str, ...]) -> bool:
        """Whether the texts of a corpus decide of which part its recordings are."""
        return kind_of(part) != "background" and corpus in self._labelled[_begins(part)].corpora

    def placed(self, recording: Recording, corpus: tuple[str, ...]) -> Recording:
        """A recording of a corpus as training takes it: in its part, and named by its word if it is a take."""
        begins, clip = _begins(recording.part), recording.clip
        labelled = self._labelled[begins]
        if not self.labelled(recording.part, corpus):
            if kind_of(recording.part) == "positive" and recording.heard is not None and clip.text:
                labelled.learn(clip.text)
            return recording
        usable = recording.heard is not None
        self._heard[begins] += usable
        try:
            word = labelled.word(corpus, clip.text)
        except Refusal as refusal:
            if usable:
                self._refused[corpus] = str(refusal)
            return recording._replace(part=begins + UNLABELLED)
        if clip.text is None:
            if usable:
                self._waiting[begins].add(clip)
            return recording._replace(part=begins + UNLABELLED)
        if word is not None:
            return recording._replace(part=begins + "positive", clip=replace(clip, text=word))
        said = " ".join(clip.text.split()) or None
        return recording._replace(part=begins + "negative", clip=replace(clip, text=said))

    def findings(self) -> Iterator[Finding]:
        """Which corpora nobody can tell the words of, and how many recordings nobody has said anything of yet."""
        for refused in self._refused.values():
            advice = "give takes of the word besides, by which its texts are told apart"
            yield Finding("words that nobody tells", "error", 1, 1, f"training refuses this: {refused}", advice)
        for begins, marked in self._waiting.items():
            if count := marked.count:
                them = verb(count, "it", "them")
                sentence = (
                    f"{counted(count, 'recording')} of what is given as {begins}positive and as {begins}negative "
                    f"{verb(count, 'waits', 'wait')} for a text, as nobody has said yet what is said in {them}; "
                    f"training leaves {them} out"
                )
                advice = f"listen, and write what was said; fix=FOLDER keeps them as {begins}{UNLABELLED}.jsonl"
                of, places = self._heard[begins], marked.places
                yield Finding("recordings without a label", "note", count, of, sentence, advice, places)


def to_train_on(files: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Part -> file as part -> corpora: what waits for a text is given as takes and as other sound, as it was before.

    Without takes nothing would tell which of its texts are the word; then it is not given.
    """
    corpora: dict[str, tuple[str, ...]] = {part: (file,) for part, file in files.items() if kind_of(part) != UNLABELLED}
    for begins in ("", VALID):
        waiting = files.get(begins + UNLABELLED)
        if waiting is not None and begins + "positive" in corpora:
            for kind in ("positive", "negative"):
                corpora[begins + kind] = (*corpora.get(begins + kind, ()), waiting)
    return corpora


def _begins(part: str) -> str:
    return VALID if part.startswith(VALID) else ""
