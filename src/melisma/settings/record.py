"""What is recorded, how often, and how takes are cut."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import setting
from melisma.settings.show import shown

LONGEST_NAME = 60  # characters of what is said, where a folder is named after it


@dataclass(frozen=True)
class RecordSettings:
    """A session before the microphone: takes of one's own words and of what sounds like them, or sentences to read."""

    word: tuple[str, ...] = setting(
        (),
        help="the trigger word, or several with commas between them; each may be a phrase",
        why="only you know your word",
    )
    takes: int = setting(
        20,
        help="takes of each word",
        why="about the fewest that a word of one's own is learned from",
        low=1,
        high=1000,
    )
    alike: tuple[str, ...] = setting(
        (),
        help="words and phrases that sound like it and are not to be heard, with commas between them; without any, "
        "some are proposed",
        why="what sounds alike is written for English; in another language you know better",
    )
    proposed: int = setting(
        12,
        help="sound-alikes that are proposed for each word where alike names none; 0 leaves them out",
        why="a few of each kind: near words, parts of the word, other ends and beginnings",
        low=0,
        high=100,
    )
    alike_takes: int = setting(
        2,
        help="takes of each sound-alike",
        why="many different ones teach more than many of one",
        low=1,
        high=100,
    )
    speech: int = setting(
        60,
        help="seconds of anything else that is said, in stretches of ten; 0 leaves them out",
        why="the voice that says the word also says all the rest, which must not be heard as the word",
        low=0,
        high=3600,
    )
    background: int = setting(
        60,
        help="seconds of the room itself, with nobody speaking; 0 leaves it out",
        why="every place has its own hum, and takes are laid over it",
        low=0,
        high=3600,
    )
    text: str | None = setting(
        None,
        help="a file of sentences to be read aloud, one a line, in place of words: for melisma train transcribe",
        why="words are recorded more often",
    )
    speaker: str | None = setting(
        None,
        help="who speaks, for the manifest",
        why="one person records by themselves most of the time",
    )
    seconds: float = setting(
        4.0,
        help="seconds of a take at most; it ends by itself once the word is said",
        why="a long word said slowly, and the moment before it",
        low=1,
        high=60,
    )
    rate: int = setting(
        16_000,
        help="samples a second",
        why="speech has little above half of that",
        low=4000,
        high=192_000,
    )

    def check(self) -> None:
        """Refuses what is both or neither of words and sentences, and words that no folder can be named after."""
        if bool(self.word) == (self.text is not None):
            found = "both word= and text= are given" if self.word else "there is nothing to be said"
            raise Refusal(f"{found}: wants word=WORD, the word to be recorded, or text=FILE, sentences to be read")
        for name, words in (("word", self.word), ("alike", self.alike)):
            for word in words:
                _require_name(name, word)
            folded = [_folded(word) for word in words]
            if len(set(folded)) < len(folded):
                raise Refusal(f"{name}={shown(','.join(words))} names one twice: wants each once")
        own = {_folded(word) for word in self.word}
        if same := next((word for word in self.alike if _folded(word) in own), None):
            raise Refusal(f"alike={shown(same)} is the word itself: wants what only sounds like it")


def _folded(word: str) -> str:
    return " ".join(word.casefold().split())


def _require_name(name: str, word: str) -> None:
    """Refuses what cannot be the name of a folder."""
    lawful = word.strip() and not word.strip().startswith(".") and word.isprintable()
    if not lawful or any(mark in word for mark in "/\\:") or len(word) > LONGEST_NAME:
        raise Refusal(
            f"{name}={shown(word)} is to be said, and is the name of a folder too: wants up to {LONGEST_NAME} letters, "
            "without / \\ : and no . before them"
        )
