"""What a made scene holds: how long it is, what is said in it, and how loud its background is."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import setting


@dataclass(frozen=True)
class SceneSettings:
    """Scenes that trigger words are learnt from: a background with words placed in it."""

    seconds: float = setting(
        5.0,
        help="length of a scene",
        why="room for two or three words, and for what is said between them",
        low=1,
        high=60,
    )
    positives: int = setting(
        2,
        help="trigger words in a scene, at most; how many is drawn from 0 up",
        why="as many with as without, and a word after a word",
        low=1,
        high=20,
    )
    negatives: int = setting(
        3,
        help="other things said in a scene, at most; how many is drawn from 0 up",
        why="what must not be heard is said more often than what must",
        low=0,
        high=20,
    )
    partial: float = setting(
        0.15,
        help="share of these that is the beginning or the end of a trigger word",
        why="what has heard half a word must wait for the rest",
        low=0,
        high=1,
    )
    shuffled: float = setting(
        0.15,
        help="share of these that is a trigger word in two to four parts in another order",
        why="the same sounds in another order are another word",
        low=0,
        high=1,
    )
    spliced: float = setting(
        0.2,
        help="share of these that is made of snippets of all that is said, one after another",
        why="few recordings of speech hold few successions of sounds, and these hold any",
        low=0,
        high=1,
    )
    quietest: float = setting(
        -45.0,
        help="level of speech in a scene, dB of full scale, at least",
        why="a soft voice across the room",
        low=-90,
        high=0,
    )
    loudest: float = setting(
        -10.0,
        help="level of speech in a scene, dB of full scale, at most",
        why="a loud voice close by, its peaks cut now and then",
        low=-90,
        high=20,
    )
    noisiest: float = setting(
        0.0,
        help="speech over background, dB, at least",
        why="as loud as each other: about where people begin to ask again",
        low=-30,
        high=60,
    )
    cleanest: float = setting(
        25.0,
        help="speech over background, dB, at most",
        why="a quiet room; what is heard there is heard the better for having been learned in noise",
        low=-30,
        high=90,
    )
    bare: float = setting(
        0.15,
        help="share of scenes without any background but what the takes bring along",
        why="recordings are also heard as they are",
        low=0,
        high=1,
    )

    def check(self) -> None:
        """Refuses ranges that hold nothing."""
        for low, high in (("quietest", "loudest"), ("noisiest", "cleanest")):
            below, above = getattr(self, low), getattr(self, high)
            if below > above:
                raise Refusal(f"{low}={below:g} lies above {high}={above:g}: wants {low} to be {above:g} or less")
        made = self.partial + self.shuffled + self.spliced
        if made > 1:
            raise Refusal(
                f"partial={self.partial:g}, shuffled={self.shuffled:g} and spliced={self.spliced:g} are {made:g} of "
                "what is said besides: wants 1 or less in all"
            )
