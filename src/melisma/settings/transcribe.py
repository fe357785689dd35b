"""The task `transcribe`: its data, how answers are searched for, and all its settings together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from melisma.errors import Refusal
from melisma.settings.augment import AugmentSettings
from melisma.settings.field import choice, group, setting, several
from melisma.settings.leaves import Corpora
from melisma.settings.show import as_text
from melisma.settings.sound import SoundSettings
from melisma.settings.training import TrainingSettings
from melisma.settings.transcriber import TranscriberSettings

MEASURES = ("wer", "cer", "exact")
UNITS = ("characters", "words", "subwords")


@dataclass(frozen=True)
class RecordingSettings:
    """Recordings with what is said in them: a manifest, a folder of Kaldi's, or a folder of audio."""

    train: Corpora = setting(
        (),
        help="training data: a manifest (.jsonl, .csv, .tsv) with the columns audio and text, a folder with Kaldi's "
        "wav.scp and text, a folder of audio with a .txt beside each, or a folder for each word; may be repeated",
        why="only you know your data",
    )
    valid: Corpora | None = setting(
        None,
        help="validation data, written as train; none cuts a part off the training data",
        why="a newcomer has one data set",
    )
    audio: str = setting(
        "audio",
        help="the manifest's column with the file, as seen from the manifest's folder",
        why="says what it is",
    )
    text: str = setting(
        "text",
        help="the manifest's column with what is said",
        why="says what it is",
    )
    speaker: str = setting(
        "speaker",
        help="the manifest's column with who speaks, where it has one",
        why="says what it is",
    )
    valid_size: int = setting(
        500,
        help="recordings cut off for validation where no data is given for it, at most; 0 trains without validation",
        why="some hundreds keep chance small and are validated quickly",
        low=0,
        high=1_000_000,
    )
    valid_share: float = setting(
        0.1,
        help="share of the training recordings cut off for validation, at most",
        why="small data cannot spare more",
        above=0,
        high=0.5,
    )
    share: float = setting(
        1.0,
        help="share of the training recordings to train on, drawn by training.seed; validation stays the same",
        why="less only shows what more data would bring",
        above=0,
        high=1,
    )
    validation_measure: str = choice(
        "wer",
        help="what decides which step is the best; of steps that it finds equal the loss decides, and then the earlier",
        why="it is what people ask of a recogniser, and the loss of a peaked model rises while its words improve",
        choices=("loss", *MEASURES),
        called={"word_error": ("wer",), "character_error": ("cer",), "accuracy": ("exact",)},
    )
    measures: tuple[str, ...] = several(
        MEASURES,
        help="what answers are measured by, the most telling first: errors of words, errors of characters, and "
        "recordings whose answer is right as a whole",
        why="the usual ones",
        choices=MEASURES,
        called={"word_error": ("wer",), "character_error": ("cer",), "accuracy": ("exact",)},
    )
    longest: float = setting(
        30.0,
        help="seconds of a training recording at most; longer ones are left out, and counted",
        why="a few very long ones would decide how much memory is needed",
        above=0,
        high=3600,
    )

    @property
    def validates(self) -> bool:
        """Whether there is anything to validate on."""
        return self.valid is not None or self.valid_size > 0

    @property
    def measured(self) -> tuple[str, ...]:
        """What answers are measured by, and what decides which step is the best, if that is a measure."""
        deciding = () if self.validation_measure == "loss" else (self.validation_measure,)
        return tuple(dict.fromkeys((*self.measures, *deciding)))

    def check(self) -> None:
        """Refuses no measures, and columns that are one."""
        if self.valid == ():
            raise Refusal("valid is an empty list: wants data, or none to cut a part off the training data")
        names = (self.audio, self.text, self.speaker)
        if not all(names) or len(set(names)) < len(names):
            raise Refusal(
                f"audio, text and speaker are {', '.join(map(repr, names))}: wants the names of three columns"
            )
        if not self.measures or len(set(self.measures)) < len(self.measures):
            found = ",".join(self.measures) or "an empty list"
            raise Refusal(f"measures is {found}: wants some of {', '.join(MEASURES)}, each once")

    def ready(self) -> None:
        """Refuses a training without training data."""
        if not self.train:
            raise Refusal("there is no training data: wants data.train=MANIFEST or data.train=FOLDER")


@dataclass(frozen=True)
class SpellingSettings:
    """The symbols that transcripts are written in, learned on the training data alone."""

    unit: str = choice(
        "characters",
        help="what a symbol is; words suit a closed list of them",
        why="a few dozen symbols are learned from minutes of sound, and spell every word",
        choices=UNITS,
        called={"letters": ("characters",), "bpe": ("subwords",), "tokens": ("subwords", "words")},
    )
    method: str = choice(
        "bpe",
        help="how subwords are learned: by merging frequent pairs (bpe) or by thinning out a large list (unigram)",
        why="byte-pair encoding is the simplest and the best known (Sennrich et al. 2016)",
        choices=("bpe", "unigram"),
        called={"sentencepiece": ("unigram", "bpe")},
    )
    size: int = setting(
        500,
        help="subwords, or words, learned at most",
        why="each symbol must be heard often enough to be learned",
        low=1,
        high=100_000,
    )
    lowercase: bool = setting(
        False,
        help="writes all transcripts in lower case before anything is learned or measured",
        why="a transcript is taken as it was given",
    )
    language: int = setting(
        4,
        help="symbols that the n-gram model of the training transcripts looks at together; 0: there is none",
        why="four letters are about as much as minutes of transcripts can tell",
        low=0,
        high=6,
    )
    word_language: int = setting(
        3,
        help="words that the n-gram model of the words of the training transcripts looks at together; 0: there is none",
        why="three are what most n-gram models of words take",
        low=0,
        high=6,
    )


@dataclass(frozen=True)
class HearingSettings:
    """How what is heard becomes text: the search over the symbols of each frame, and where an utterance ends."""

    int8: ClassVar[bool] = False  # the other tasks' way of answering in 8-bit integers

    beam: int = setting(
        8,
        help="beginnings of the answer kept at every frame; 1 takes the likeliest symbol of each frame",
        why="a few are as good as many where frames are peaked",
        low=1,
        high=1000,
    )
    words: str = choice(
        "any",
        help="what may be said: anything that can be spelled (any), words of the training transcripts alone (known), "
        "or one whole transcript of those (one)",
        why="a recogniser that hears only what it knows is right only where nothing else is said",
        choices=("any", "known", "one"),
        called={"open": ("any",), "closed": ("known",), "list": ("known",), "single": ("one",)},
    )
    filler: float | None = setting(
        None,
        help="nats that each symbol outside the closed list costs, so that what is none of its words is heard as "
        "nothing; none: something of the list is always heard",
        why="off, as it must be weighed against the words at hand",
        low=0,
        high=1000,
    )
    language: float = setting(
        0.0,
        help="weight of the n-gram model of the training transcripts",
        why="off, as it must be weighed on validation data",
        low=0,
        high=10,
    )
    bonus: float = setting(
        0.0,
        help="nats added for each symbol, against the n-gram model's preference for few",
        why="off, as it belongs to language",
        low=-10,
        high=10,
    )
    word_language: float = setting(
        0.0,
        help="weight of the n-gram model of words: those of the training transcripts, or of corpus",
        why="off, as it must be weighed on validation data",
        low=0,
        high=10,
    )
    word_bonus: float = setting(
        0.0,
        help="nats added for each word, against that model's preference for few",
        why="off, as it belongs to word_language",
        low=-50,
        high=50,
    )
    unknown: float = setting(
        10.0,
        help="nats that a word costs besides which that model does not know",
        why="a word that nobody wrote is then heard where the sound leaves no doubt",
        low=0,
        high=1000,
    )
    corpus: str | None = setting(
        None,
        help="a text file, a sentence a line, whose words that model is counted in instead, given when answering",
        why="the training transcripts are at hand",
    )
    attention: float = setting(
        0.3,
        help="share of the decoder's score in the choice among the answers found, for model.decoder=attention; the "
        "rest is that of CTC",
        why="as much as it has in what is trained",
        low=0,
        high=1,
    )
    hot: tuple[str, ...] = setting(
        (),
        help="words that are expected: names, terms; a comma between them",
        why="nobody has named any",
    )
    hot_bonus: float = setting(
        1.5,
        help="nats added for each symbol of such a word",
        why="enough to turn a close call, too little to hear words that nobody said",
        low=0,
        high=100,
    )
    alternatives: int = setting(
        1,
        help="answers listed for each input, the best first; at most the beam",
        why="one input wants one answer unless asked",
        low=1,
        high=1000,
    )
    pause: float = setting(
        1.0,
        help="seconds of silence that end an utterance",
        why="people pause for less within a sentence",
        above=0,
        high=60,
    )
    blanks: float | None = setting(
        2.0,
        help="seconds in which the model says nothing, after some text, that end an utterance too, where noise hides "
        "the pause; none: loudness alone ends it",
        why="as Kaldi has it (its fourth rule)",
        low=0.2,
        high=60,
    )
    nothing: float | None = setting(
        5.0,
        help="seconds in which the model has said nothing at all after which it listens anew; none: it never does",
        why="as Kaldi has it (its first rule): no noise is dragged into what is said at last",
        low=0.2,
        high=60,
    )
    utterance: float = setting(
        30.0,
        help="seconds of an utterance at most; it is then ended wherever it is",
        why="bounds memory and the wait for an answer",
        low=1,
        high=3600,
    )
    batch: int = setting(
        32,
        help="recordings heard together",
        why="enough for large matrix products in little memory; answers do not depend on it",
        low=1,
        high=10_000,
    )

    def check(self) -> None:
        """Refuses more answers than beginnings, and a penalty, bonus or text of what is not there."""
        if self.alternatives > self.beam:
            raise Refusal(
                f"alternatives is {self.alternatives} and beam {self.beam}: wants a beam of {self.alternatives} or more"
            )
        if self.beam == 1 and (self.words != "any" or self.language or self.word_language or self.hot):
            raise Refusal(
                "beam=1 takes the likeliest symbol of each frame and knows no words: wants a wider beam, "
                "or words=any, language=0, word_language=0 and no hot words"
            )
        if not self.word_language and (self.corpus is not None or self.word_bonus):
            found = f"word_bonus={self.word_bonus:g}" if self.corpus is None else f"corpus={self.corpus}"
            raise Refusal(
                f"{found} belongs to the n-gram model of words, which word_language=0 gives no weight: wants a "
                "word_language above 0, such as 0.5"
            )
        if self.filler is not None and self.words == "any":
            raise Refusal("filler is the price of what is not in the list and words=any has none: wants words=known")

    def check_given(self, given: Collection[str], prefix: str = "") -> None:
        """Nothing of this is idle by itself."""


@dataclass(frozen=True)
class HearingTraining(TrainingSettings):
    """Gradient descent on sound: the same, with defaults of its own."""

    batch_tokens: int = setting(
        4000,
        help="frames of sound that a batch holds at most, with its padding",
        why="forty seconds at ten milliseconds a frame: small data wants small batches, and so more steps",
        low=1,
        high=10_000_000,
    )
    epochs: int | None = setting(
        40,
        help="times the training data is gone through at most",
        why="sound is learned slowly: at first nothing but blanks are said",
        low=1,
        high=1_000_000,
    )
    warmup: int = setting(
        100,
        help="steps over which the learning rate rises from zero",
        why="Adam's step sizes vary too much while its averages are young (Liu et al. 2020)",
        low=0,
        high=10_000_000,
    )
    average: float = setting(
        0.98,
        help="how slowly the averaged weights, which validate and answer, forget; 0 turns averaging off",
        why="averaging weights steadies the result (Polyak and Juditsky 1992); 0.98 spans about 50 steps",
        low=0,
        below=1,
    )


@dataclass(frozen=True)
class TranscribeSettings:
    """Everything that decides a recogniser, and so all that its run writes down."""

    data: RecordingSettings = group(RecordingSettings)
    sound: SoundSettings = group(SoundSettings)
    augment: AugmentSettings = group(AugmentSettings)
    text: SpellingSettings = group(SpellingSettings)
    model: TranscriberSettings = group(TranscriberSettings)
    training: HearingTraining = group(HearingTraining)
    search: HearingSettings = group(HearingSettings)

    def check_given(self, given: Collection[str]) -> None:
        """Refuses what was ``given`` besides the recipe and would change nothing, unless it is the default anyway."""
        for name in ("valid_size", "valid_share"):
            value = getattr(self.data, name)
            if f"data.{name}" in given and value != getattr(RecordingSettings, name) and self.data.valid is not None:
                found = as_text(self.data.valid)
                raise Refusal(
                    f"data.{name}={value} says how much to cut off for validation and data.valid={found} names data "
                    f"for it: wants one of both{'' if 'data.valid' in given else ', as with data.valid=none'}"
                )
        parts: dict[str, Any] = {"augment": self.augment, "sound": self.sound, "model": self.model}
        for group_, part in parts.items():
            for last, (idle, because, wanted) in part.idle().items():
                name, value = f"{group_}.{last}", getattr(part, last)
                if name in given and idle and value != getattr(type(part), last):
                    raise Refusal(
                        f"{name}={as_text(value)} changes nothing with {because}: wants {wanted}, or no {name}"
                    )
        for name, (because, wanted) in self._idle().items():
            group_, _, last = name.partition(".")
            part = getattr(self, group_)
            value = getattr(part, last)
            if name in given and value != getattr(type(part), last):
                raise Refusal(f"{name}={as_text(value)} changes nothing with {because}: wants {wanted}, or no {name}")

    def _idle(self) -> dict[str, tuple[str, str]]:
        """Settings that another group gives nothing to do -> which of it, and what is wanted instead."""
        found: dict[str, tuple[str, str]] = {}
        if self.model.decoder == "none":
            names = ("training.sampling", "training.sampling_schedule", "training.smoothing", "search.attention")
            found |= dict.fromkeys(names, ("model.decoder=none", "model.decoder=attention"))
        elif self.search.beam == 1:
            found["search.attention"] = ("search.beam=1, which finds one answer", "a wider beam")
        if self.model.bidirectional:
            ways = ("model.bidirectional=yes", "model.bidirectional=no")
            found |= dict.fromkeys(("search.blanks", "search.nothing"), ways)
        if not self.training.sampling and "training.sampling" not in found:
            found["training.sampling_schedule"] = ("training.sampling=0", "a training.sampling above 0")
        return found

    def check(self) -> None:
        """Refuses groups that contradict each other."""
        augment = self.augment
        self.sound.check_bands(
            {"augment.vocal_tract": augment.vocal_tract},
            {"model.floor": self.model.floor, "augment.equaliser": augment.equaliser},
        )
        if self.search.language and not self.text.language:
            raise Refusal(
                f"search.language={self.search.language:g} weighs an n-gram model and text.language=0 learns none: "
                "wants a text.language of 1 or more, or search.language=0"
            )
        if self.search.corpus is not None:
            raise Refusal(
                f"search.corpus={self.search.corpus} is a file that nobody has beside the run: wants corpus=FILE when "
                "answering, or its sentences among the transcripts"
            )
        if self.search.word_language and not self.text.word_language:
            raise Refusal(
                f"search.word_language={self.search.word_language:g} weighs an n-gram model of words and "
                "text.word_language=0 learns none: wants a text.word_language of 1 or more, or search.word_language=0"
            )
        if not self.data.validates:
            if self.training.patience is not None:
                raise Refusal(
                    "training.patience counts validations and data.valid_size=0 allows none: wants one of both"
                )
            if self.training.schedule == "plateau":
                raise Refusal("training.schedule=plateau follows validations and data.valid_size=0 allows none")
