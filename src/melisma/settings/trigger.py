"""The task `trigger`: its data, what it learns from, when an alarm is given, and all its settings together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from melisma.errors import Refusal
from melisma.settings.augment import AugmentSettings
from melisma.settings.field import choice, group, setting, several
from melisma.settings.leaves import Corpora
from melisma.settings.names import KINDS
from melisma.settings.scene import SceneSettings
from melisma.settings.show import as_text
from melisma.settings.sound import SoundSettings
from melisma.settings.spotter import DecisionSettings, SpotterSettings
from melisma.settings.training import TrainingSettings

MEASURES = ("misses", "false_alarms", "latency")

UNUSED = {
    "training.sampling": "is for decoders that hear their own answers",
    "training.sampling_schedule": "is for decoders that hear their own answers",
    "training.smoothing": "is for decoders that hear their own answers",
    "augment.join": "is for texts, and words stand in scenes",
    "augment.join_most": "is for texts, and words stand in scenes",
    "augment.join_gap_least": "is for texts, and words stand in scenes",
    "augment.join_gap_most": "is for texts, and words stand in scenes",
}
"""Settings of groups that are shared with other tasks, and why they change nothing here."""


@dataclass(frozen=True)
class TriggerDataSettings:
    """Recordings of the words to be heard, and of all that must not be taken for them."""

    positive: Corpora = setting(
        (),
        help="recordings of the trigger word, one take each: a folder, which gives the word its name, a folder for "
        "each word, or a manifest (.jsonl, .csv, .tsv) with the columns audio and text; may be repeated",
        why="only you know your word",
    )
    negative: Corpora = setting(
        (),
        help="recordings of anything else that is said, written as positive; what is named by its text or folder is "
        "told apart while training; may be repeated",
        why="without any, words are learned that are parts of the trigger word alone",
    )
    background: Corpora = setting(
        (),
        help="recordings of what is heard where nobody speaks, of any length, written as positive; may be repeated",
        why="without any there is drawn hiss and rumble",
    )
    valid_positive: Corpora | None = setting(
        None,
        help="takes to validate on, written as positive; none cuts whole groups off the training takes",
        why="a newcomer has one data set",
    )
    valid_negative: Corpora | None = setting(
        None,
        help="other speech to validate on, written as positive; none cuts whole groups off the negatives",
        why="a newcomer has one data set",
    )
    valid_background: Corpora | None = setting(
        None,
        help="backgrounds to validate on, written as positive; none cuts whole recordings off the backgrounds",
        why="a newcomer has one data set",
    )
    audio: str = setting(
        "audio",
        help="the manifest's column with the file, as seen from the manifest's folder",
        why="says what it is",
    )
    text: str = setting(
        "text",
        help="the manifest's column with the word",
        why="says what it is",
    )
    speaker: str = setting(
        "speaker",
        help="the manifest's column with who speaks, or in which session, where it has one",
        why="says what it is",
    )
    valid_share: float = setting(
        0.2,
        help="share of the takes, of the other speech and of the backgrounds that is cut off for validation where no "
        "data is given for it, in whole groups: speakers, or sessions as they are guessed; 0 trains without validation",
        why="a threshold is chosen on it, so a tenth would be too little",
        low=0,
        high=0.5,
    )
    share: float = setting(
        1.0,
        help="share of the recordings of each kind and word to train on, drawn by training.seed; validation stays the "
        "same",
        why="less only shows what more data would bring",
        above=0,
        high=1,
    )
    validation_measure: str = choice(
        "misses",
        help="what decides which step is the best; of steps that it finds equal the loss decides, and then the earlier",
        why="words missed at the threshold that is chosen for search.false_alarms are what the model is for; where few "
        "takes are validated on, most steps are equal in it",
        choices=("loss", "misses", "false_alarms"),
    )
    measures: tuple[str, ...] = several(
        MEASURES,
        help="what is measured at the chosen threshold, the most telling first: share of words missed, false alarms an "
        "hour, and seconds from the end of a word to its alarm",
        why="all that a user of a trigger word asks",
        choices=MEASURES,
    )

    @property
    def validates(self) -> bool:
        """Whether there is anything to validate on."""
        return self.valid_positive is not None or self.valid_share > 0

    @property
    def measured(self) -> tuple[str, ...]:
        """What answers are measured by, and what decides which step is the best, if that is a measure."""
        deciding = () if self.validation_measure == "loss" else (self.validation_measure,)
        return tuple(dict.fromkeys((*self.measures, *deciding)))

    def check(self) -> None:
        """Refuses no measures, and columns that are one."""
        for kind in KINDS:
            if getattr(self, f"valid_{kind}") == ():
                raise Refusal(f"valid_{kind} is an empty list: wants data, or none to cut a part off {kind}")
        names = (self.audio, self.text, self.speaker)
        if not all(names) or len(set(names)) < len(names):
            raise Refusal(
                f"audio, text and speaker are {', '.join(map(repr, names))}: wants the names of three columns"
            )
        if not self.measures or len(set(self.measures)) < len(self.measures):
            found = ",".join(self.measures) or "an empty list"
            raise Refusal(f"measures is {found}: wants some of {', '.join(MEASURES)}, each once")

    def ready(self) -> None:
        """Refuses a training without takes of the word, or without anything that is none."""
        if not self.positive:
            raise Refusal("there are no takes of a trigger word: wants data.positive=FOLDER or data.positive=MANIFEST")
        if not (self.negative or self.background):
            raise Refusal(
                "there is nothing but the trigger word to learn from, so that anything would be heard as it: "
                "wants other speech as data.negative=FOLDER, or noise as data.background=FOLDER, or best both"
            )


@dataclass(frozen=True)
class SpottingSettings:
    """What is learned from scenes: the words where they end, and nothing anywhere else."""

    kind: str = choice(
        "windowed",
        help="at which steps a word must be heard: at all of a window about its end on the average (windowed), or at "
        "the easiest of them (max_pool)",
        why="scores that stay high for a moment stand above what is averaged before an alarm",
        choices=("windowed", "max_pool"),
        called={"window": ("windowed",), "max-pool": ("max_pool",), "max": ("max_pool",)},
    )
    early: float = setting(
        0.1,
        help="seconds before the end of a word at which the window begins",
        why="where a word ends is known to about that",
        low=0,
        high=2,
    )
    late: float = setting(
        0.25,
        help="seconds after the end of a word at which the window ends",
        why="an alarm should not come later",
        above=0,
        high=2,
    )
    others: float = setting(
        0.1,
        help="weight of a step at which no word ends, beside that of a whole word",
        why="there are a hundred times as many; at 1 it would be safest to hear nothing",
        above=0,
        high=10,
    )
    focus: float = setting(
        0.0,
        help="how much less what is right already counts at those steps (focal loss; Lin et al. 2017); 0: as much",
        why="hard ones are mined instead",
        low=0,
        high=5,
    )
    strangers: int = setting(
        32,
        help="words of the negatives that are learned beside the trigger words while training, those with the most "
        "takes; they are no part of what answers",
        why="who can tell other words apart does not take them for the one",
        low=0,
        high=1000,
    )
    mining: int = setting(
        5,
        help="times in a training at which the model listens to its negatives, and what it takes for the word is drawn "
        "more often from then on; 0: never",
        why="false alarms are rare in drawn scenes, and common in a day",
        low=0,
        high=100,
    )
    mined_minutes: float = setting(
        30.0,
        help="minutes of sound that it listens to each time, at most",
        why="some seconds of work",
        above=0,
        high=10_000,
    )

    def idle(self) -> dict[str, tuple[bool, str, str]]:
        """Settings that say how something is done -> whether it never is, what says so, what is wanted."""
        return {"mined_minutes": (not self.mining, "loss.mining=0", "a loss.mining above 0")}


@dataclass(frozen=True)
class TriggerTraining(TrainingSettings):
    """Gradient descent on scenes: the same, with defaults of its own."""

    rate: float = setting(
        3e-3,
        help="learning rate at its highest",
        why="small networks take large steps",
        above=0,
        high=100,
    )
    schedule: str = choice(
        "cosine",
        help="how the learning rate falls after warm-up",
        why="the last steps, at small rates, are those that separate what sounds alike",
        choices=("constant", "inverse_square_root", "cosine", "plateau"),
        called=TrainingSettings.__dataclass_fields__["schedule"].metadata["meaning"].called,
    )
    warmup: int = setting(
        50,
        help="steps over which the learning rate rises from zero",
        why="Adam's step sizes vary too much while its averages are young (Liu et al. 2020)",
        low=0,
        high=10_000_000,
    )
    scenes: int = setting(
        2000,
        help="new scenes an epoch",
        why="two hundred steps, between two validations",
        low=1,
        high=10_000_000,
    )
    repeats: int = setting(
        3,
        help="times in its epoch at which each scene is learned from, masked anew",
        why="to make a scene takes longer than to learn from it",
        low=1,
        high=100,
    )
    batch_tokens: int = setting(
        13_000,
        help="frames of sound that a batch holds at most",
        why="about 32 scenes",
        low=1,
        high=10_000_000,
    )
    epochs: int | None = setting(
        6,
        help="times that so many scenes are made and gone through at most",
        why="1,100 steps: some minutes on one processor",
        low=1,
        high=1_000_000,
    )
    average: float = setting(
        0.98,
        help="how slowly the averaged weights, which validate and answer, forget; 0 turns averaging off",
        why="averaging weights steadies the result (Polyak and Juditsky 1992); 0.98 spans about 50 steps",
        low=0,
        below=1,
    )


@dataclass(frozen=True)
class AlarmSettings(DecisionSettings):
    """When an alarm is given: the threshold, and all that ``DecisionSettings`` says of scores."""

    int8: ClassVar[bool] = False  # the other tasks' way of answering in 8-bit integers

    false_alarms: float = setting(
        0.1,
        help="false alarms an hour of other sound that are wanted at most: thresholds are chosen for that in "
        "validation, by extrapolation where its hours cannot show so few",
        why="one in ten hours of talk: who is called more often than that turns it off",
        low=0,
        high=3600,
    )
    threshold: float | None = setting(
        None,
        help="score from which a word counts as heard; none: the one chosen in validation for false_alarms",
        why="what a score is worth differs from model to model",
        above=0,
        below=1,
    )

    def check_given(self, given: Collection[str], prefix: str = "") -> None:
        """Refuses a wanted rate beside a threshold, which leaves nothing to choose."""
        asked = f"{prefix}false_alarms" in given and self.false_alarms != AlarmSettings.false_alarms
        if asked and self.threshold is not None:
            raise Refusal(
                f"{prefix}false_alarms={self.false_alarms:g} chooses a threshold and "
                f"{prefix}threshold={self.threshold:g} is one: wants one of both"
            )


@dataclass(frozen=True)
class TriggerSettings:
    """Everything that decides a spotter of trigger words, and so all that its run writes down."""

    data: TriggerDataSettings = group(TriggerDataSettings)
    sound: SoundSettings = group(SoundSettings)
    scene: SceneSettings = group(SceneSettings)
    augment: AugmentSettings = group(AugmentSettings)
    model: SpotterSettings = group(SpotterSettings)
    loss: SpottingSettings = group(SpottingSettings)
    training: TriggerTraining = group(TriggerTraining)
    search: AlarmSettings = group(AlarmSettings)

    def check_given(self, given: Collection[str]) -> None:
        """Refuses what was ``given`` besides the recipe and would change nothing, unless it is the default anyway."""
        parts: dict[str, Any] = {
            "augment": self.augment,
            "sound": self.sound,
            "model": self.model,
            "loss": self.loss,
        }
        for group_, part in parts.items():
            for last, (idle, because, wanted) in part.idle().items():
                name, value = f"{group_}.{last}", getattr(part, last)
                if name in given and idle and value != getattr(type(part), last):
                    raise Refusal(
                        f"{name}={as_text(value)} changes nothing with {because}: wants {wanted}, or no {name}"
                    )
        for name, why in UNUSED.items():
            group_, _, last = name.partition(".")
            part = getattr(self, group_)
            if name in given and getattr(part, last) != getattr(type(part), last):
                raise Refusal(f"{name} {why}: wants no {name}")
        cut = [kind for kind in KINDS if getattr(self.data, f"valid_{kind}") is None]
        if "data.valid_share" in given and not cut and self.data.valid_share != TriggerDataSettings.valid_share:
            raise Refusal(
                f"data.valid_share={self.data.valid_share:g} says how much to cut off for validation and data is named "
                "for all of it: wants one of both"
            )
        self.search.check_given(given, "search.")

    def check(self) -> None:
        """Refuses groups that contradict each other."""
        augment = self.augment
        self.sound.check_bands({"augment.vocal_tract": augment.vocal_tract}, {"augment.equaliser": augment.equaliser})
        if not self.data.validates:
            if self.training.patience is not None:
                raise Refusal(
                    "training.patience counts validations and data.valid_share=0 allows none: wants one of both"
                )
            if self.training.schedule == "plateau":
                raise Refusal("training.schedule=plateau follows validations and data.valid_share=0 allows none")
