"""The network that hears trigger words, and when what it hears counts."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import choice, setting

LARGEST = 300_000  # parameters: what a small processor runs beside its own work


@dataclass(frozen=True)
class SpotterSettings:
    """A network from frames to one score a word and step: a convolution over time, then memory of one kind."""

    kind: str = choice(
        "recurrent",
        help="what remembers the word so far: gated recurrent units (recurrent), or dilated convolutions that see a "
        "fixed time (convolutional)",
        why="a recurrence hears a word at any speed, and costs less at each step",
        choices=("recurrent", "convolutional"),
        called={
            "gru": ("recurrent",),
            "crnn": ("recurrent",),
            "rnn": ("recurrent",),
            "tcn": ("convolutional",),
            "cnn": ("convolutional",),
            "temporal": ("convolutional",),
        },
    )
    stride: int = setting(
        4,
        help="frames from one step to the next",
        why="40 ms at the usual hop of 10: no phone is shorter, and the recurrence runs a quarter as often",
        low=1,
        high=16,
    )
    width: int = setting(
        8,
        help="frames that the first convolution sees at once",
        why="two steps: each frame is seen twice",
        low=1,
        high=64,
    )
    hidden: int = setting(
        128,
        help="features of every layer",
        why="about 240 thousand parameters with two recurrent layers; a stream takes no longer than with 96",
        low=1,
        high=1024,
    )
    layers: int = setting(
        2,
        help="recurrent layers, or residual blocks of convolutions",
        why="two, as in the published small networks (Arik et al. 2017)",
        low=1,
        high=32,
    )
    kernel: int = setting(
        5,
        help="steps that a convolutional block sees, its dilation apart",
        why="with dilations of 1, 2, 4 and 8 that is 60 steps back: a long word, spoken slowly",
        low=2,
        high=64,
    )
    dilations: int = setting(
        4,
        help="convolutional blocks after which the dilation, which doubles from each to the next, is 1 again",
        why="1, 2, 4, 8: what is far apart is seen coarsely, and then finely again (van den Oord et al. 2016)",
        low=1,
        high=12,
    )
    dropout: float = setting(
        0.2,
        help="share dropped of what each layer gives to the next",
        why="few takes of a word are soon known by heart",
        low=0,
        below=1,
    )

    def check(self) -> None:
        """Refuses what leaves frames out."""
        if self.stride > self.width:
            raise Refusal(
                f"stride={self.stride} would leave frames out between windows of width={self.width}: "
                f"wants width to be {self.stride} or more"
            )

    def idle(self) -> dict[str, tuple[bool, str, str]]:
        """Settings that belong to one kind -> whether it is the other, what there is, what is wanted."""
        absent, because, wanted = self.kind == "recurrent", f"model.kind={self.kind}", "model.kind=convolutional"
        return dict.fromkeys(("kernel", "dilations"), (absent, because, wanted))


@dataclass(frozen=True)
class DecisionSettings:
    """When what the network says of a word counts as heard."""

    smoothing: float = setting(
        0.12,
        help="seconds over which scores are averaged before they are compared",
        why="a word lasts longer than that, a slip of the network does not; each second comes on top of the delay",
        low=0,
        high=2,
    )
    release: float = setting(
        0.5,
        help="share of its threshold below which a word's score must fall before the word can be heard again",
        why="a score that trembles about its threshold is one word",
        low=0,
        high=1,
    )
    refractory: float = setting(
        1.0,
        help="seconds for which a word that was heard is not heard again",
        why="nobody says a trigger word twice within a second, and its echo comes sooner",
        low=0,
        high=60,
    )
    apart: float = setting(
        0.3,
        help="seconds for which no other word is heard either",
        why="words that sound alike are then told apart by which came first or clearer, and not both heard",
        low=0,
        high=60,
    )
