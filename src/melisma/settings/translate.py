"""The task `translate`: its data, and all its settings together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import choice, group, setting, several
from melisma.settings.leaves import Corpora, is_side
from melisma.settings.model import EncoderDecoderSettings
from melisma.settings.search import SearchSettings
from melisma.settings.show import as_text
from melisma.settings.text import TextSettings
from melisma.settings.training import TrainingSettings

MEASURES = ("bleu", "bleu_lowercase", "chrf", "ter", "exact", "word_error", "phoneme_error")


@dataclass(frozen=True)
class DataSettings:
    """Pairs of lines: two parallel files, or one table with a column for each side."""

    train: Corpora = setting(
        (),
        help="training data: source and target file with a comma between them, or one table; may be repeated",
        why="only you know your data",
    )
    valid: Corpora | None = setting(
        None,
        help="validation data, written as train; none cuts a part off the training data",
        why="a newcomer has one data set",
    )
    source: str = setting(
        "source",
        help="the table column with the source",
        why="says what it is",
    )
    target: str = setting(
        "target",
        help="the table column with the target",
        why="says what it is",
    )
    valid_size: int = setting(
        1000,
        help="pairs cut off for validation where no data is given for it, at most; 0 trains without validation",
        why="a thousand pairs keep chance small and are validated quickly",
        low=0,
        high=10_000_000,
    )
    valid_share: float = setting(
        0.05,
        help="share of the training pairs cut off for validation, at most",
        why="small data cannot spare more",
        above=0,
        high=0.5,
    )
    share: float = setting(
        1.0,
        help="share of the training pairs to train on, drawn by training.seed; validation pairs stay the same",
        why="less only shows what more data would bring",
        above=0,
        high=1,
    )
    validation_measure: str = choice(
        "loss",
        help="what decides which step is the best; of steps that it finds equal the loss decides, and then the earlier",
        why="it takes one pass without search, and does not jump as scores of few sentences do",
        choices=("loss", "bleu", "chrf", "exact", "word_error", "phoneme_error"),
        called={
            "accuracy": ("exact",),
            "perplexity": ("loss",),
            "ppl": ("loss",),
            "sacrebleu": ("bleu",),
            "wer": ("word_error",),
            "per": ("phoneme_error",),
        },
    )
    measures: tuple[str, ...] = several(
        MEASURES[:5],
        help="what answers are measured by, the most telling first. word_error and phoneme_error ask each distinct "
        "source once and take all targets that it has in the data for right: the share of sources whose answer is none "
        "of them, and the edits to the closest of them, of words or phonemes between blanks, over its length. What "
        "validation_measure names is measured besides",
        why="what translations are compared by in the literature, and how many answers are right",
        choices=MEASURES,
        called={"accuracy": ("exact",), "sacrebleu": ("bleu",), "wer": ("word_error",), "per": ("phoneme_error",)},
    )
    limit_source: int = setting(
        250,
        help="source symbols of a pair at most; longer pairs are left out of training, and counted",
        why="a few very long pairs would decide how much memory is needed",
        low=1,
        high=100_000,
    )
    limit_target: int = setting(
        250,
        help="target symbols of a pair at most; longer pairs are left out of training, and counted",
        why="a few very long pairs would decide how much memory is needed",
        low=1,
        high=100_000,
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
        """Refuses corpora that are not pairs, columns that are not two, and no measures."""
        for name, corpora in (("train", self.train), ("valid", self.valid or ())):
            for corpus in corpora:
                if len(corpus) > 2:
                    raise Refusal(
                        f"{name}={','.join(corpus)} has {len(corpus)} files: wants source and target, or one table"
                    )
            if len(corpora) > 1 and all(len(corpus) == 1 and is_side(corpus[0]) for corpus in corpora):
                first, second = corpora[0][0], corpora[1][0]
                raise Refusal(
                    f"{name} lists {first} and {second}, which are no tables, as two corpora: "
                    f'wants {name} = "{first},{second}", a comma between the parallel sides of one'
                )
        if self.valid == ():
            raise Refusal("valid is an empty list: wants data, or none to cut a part off the training data")
        if not self.source or not self.target or self.source == self.target:
            raise Refusal(f"source is {self.source!r} and target {self.target!r}: wants the names of two columns")
        if not self.measures or len(set(self.measures)) < len(self.measures):
            found = ",".join(self.measures) or "an empty list"
            raise Refusal(f"measures is {found}: wants some of {', '.join(MEASURES)}, each once")

    def ready(self) -> None:
        """Refuses a training without training data."""
        if not self.train:
            raise Refusal("there is no training data: wants data.train=SOURCE,TARGET or data.train=TABLE")


@dataclass(frozen=True)
class TranslateSettings:
    """Everything that decides a translation model, and so all that its run writes down."""

    data: DataSettings = group(DataSettings)
    text: TextSettings = group(TextSettings)
    model: EncoderDecoderSettings = group(EncoderDecoderSettings)
    training: TrainingSettings = group(TrainingSettings)
    search: SearchSettings = group(SearchSettings)

    def check_given(self, given: Collection[str]) -> None:
        """Refuses what was ``given`` besides the recipe and would change nothing, unless it is the default anyway."""
        for name in ("valid_size", "valid_share"):
            value = getattr(self.data, name)
            if f"data.{name}" in given and value != getattr(DataSettings, name) and self.data.valid is not None:
                found = as_text(self.data.valid)
                raise Refusal(
                    f"data.{name}={value} says how much to cut off for validation and data.valid={found} names data "
                    f"for it: wants one of both{'' if 'data.valid' in given else ', as with data.valid=none'}"
                )
        if "text.method" in given and self.text.method != TextSettings.method and "subwords" not in self.text.units:
            raise Refusal(
                f"text.method={self.text.method} says how subwords are learned and text.unit={self.text.unit} learns "
                "none: wants text.unit=subwords, or no text.method"
            )
        self._check_idle(given)
        self.search.check_given(given, "search.")

    def _check_idle(self, given: Collection[str]) -> None:
        """Refuses what belongs to a part of the model or the training that is not there."""
        model, training, text = self.model, self.training, self.text
        last = f"training.average_last={training.average_last}"
        fewer, more = "training.sampling=0", "a training.sampling above 0"
        parts = (
            (model, "model.mogrifier_rounds", model.cell != "mogrifier", f"model.cell={model.cell}", "cell=mogrifier"),
            (model, "model.embedding", model.input == "one_hot", "model.input=one_hot", "model.input=embedding"),
            (training, "training.average", bool(training.copies), last, "training.average_last=none"),
            (training, "training.sampling_schedule", not training.sampling, fewer, more),
            *((text, f"text.{name}", *idle) for name, idle in text.idle().items()),
            *((model, f"model.{name}", *idle) for name, idle in model.idle().items()),
        )
        for held, name, idle, because, wanted in parts:
            last = name.partition(".")[2]
            value = getattr(held, last)
            if name in given and idle and value != getattr(type(held), last):
                raise Refusal(f"{name}={as_text(value)} changes nothing with {because}: wants {wanted}, or no {name}")

    def check(self) -> None:
        """Refuses groups that contradict each other."""
        source, target = self.text.units
        if source != target and self.text.shared:
            tied = " and model.tied=two" if self.model.tied == "three" else ""
            raise Refusal(
                f"text.target_unit={target} besides text.unit={source} makes two vocabularies and text.shared=yes is "
                f"one for both sides: wants text.shared=no{tied}"
            )
        if self.model.tied == "three" and not self.text.shared:
            raise Refusal("model.tied=three and text.shared=no: wants one vocabulary for both sides, or tied=two")
        if self.search.coverage_penalty > 0 and not self.model.attends:
            raise Refusal(
                f"search.coverage_penalty counts what attention passed over and model.attention={self.model.attention} "
                "weighs nothing: wants another attention, or a penalty of 0"
            )
        if self.training.sampling and self.model.decoder == "transformer":
            raise Refusal(
                f"training.sampling={self.training.sampling:g} lets the decoder go step by step while it learns and "
                "model.decoder=transformer learns all steps at once: wants model.decoder=recurrent, or a sampling of 0"
            )
        if not self.data.validates:
            if self.training.patience is not None:
                raise Refusal(
                    "training.patience counts validations and data.valid_size=0 allows none: wants one of both"
                )
            if self.training.schedule == "plateau":
                raise Refusal("training.schedule=plateau follows validations and data.valid_size=0 allows none")
