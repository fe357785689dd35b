"""What a task is made of: the types that training, evaluation and the command know of any task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from melisma.measures.measure import Measure
from melisma.text.asked import texts

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Generator, Tensor, nn

E = TypeVar("E")  # an example as it was read
A = TypeVar("A")  # an answer


class Total(NamedTuple):
    """A sum over a batch, never a mean: what is trained, and beside it what is reported, in nats."""

    trained: Tensor  # () with its gradient: smoothed, regularised
    nats: Tensor  # () without


class Moment(NamedTuple):
    """Where a training stands when a loss is asked for: what a schedule of a task's own goes by."""

    step: int  # steps taken before
    steps: int | None  # steps in all, as far as they are known


class Tally(NamedTuple):
    """What one loss came to over a step: a sum, and how many it is a sum of."""

    nats: float
    units: int


class Batch(Protocol):
    """Encoded examples as tensors, frozen; each task has its own."""

    @property
    def size(self) -> int:
        """How many examples."""

    @property
    def counts(self) -> Mapping[str, int]:
        """For each loss of the task, by how much its sum is divided."""

    @property
    def weight(self) -> Tensor | None:
        """(B,) 0 marks a filler example; None: all are real."""

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""

    def part(self, index: int, parts: int) -> Batch:
        """Every ``parts``-th example, from ``index``."""


class Codec(Protocol):
    """Examples <-> numbers: learned on training examples only, saved with the run; what else it can, its task knows."""

    def to_json(self) -> dict[str, Any]:
        """What ``codec.json`` holds."""


class Figure(NamedTuple):
    """Something to be drawn: plain numbers and words."""

    title: str
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Corpus(Generic[E]):
    """What was read for a training: examples to learn from, examples to validate on, and what should be said of it."""

    train: Sequence[E]
    valid: Sequence[E]
    signatures: Mapping[str, Any]  # of each file: how it can be recognised
    notes: tuple[str, ...] = ()  # sentences for the user, the most serious first


if TYPE_CHECKING:
    Lengths = Sequence[tuple[int, int]] | NDArray[Any]  # as an array (N, 2), which takes the least memory


class ByLength(NamedTuple):
    """Batches of examples of about one length, shuffled. A step chooses a list of examples."""

    lengths: Lengths  # of each example: how many steps it costs, and by what else batches sort
    budget: int  # steps that a batch holds at most, with its padding


class Windows(NamedTuple):
    """One long text as parallel streams, read window by window, the state carried on. A step chooses a span of each."""

    length: int  # symbols of the text
    streams: int
    window: int  # symbols of a window, about


class Made(NamedTuple):
    """Examples that are made as they are asked for, each under a number of its own; an epoch has new ones.

    A step chooses a list of numbers.
    """

    new: int  # examples an epoch
    size: int  # of a batch
    repeats: int  # times in its epoch at which each is learned from


Order = ByLength | Windows | Made


class Prepared(NamedTuple):
    """Training examples as numbers: encoded, what each costs (steps, tie), and what was left out, in sentences.

    Where the order is ``Windows``, ``encoded`` is the text itself, symbol after symbol; where it is ``Made`` it has an
    example for every number, and as many as an epoch for its length.
    """

    encoded: Sequence[Any]
    lengths: Lengths
    notes: list[str]


def _by_length(prepared: Prepared, settings: Any) -> Order:
    return ByLength(prepared.lengths, settings.training.batch_tokens)


def _no_carry(model: nn.Module, settings: Any) -> Any:
    return None


def _nothing_refused(codec: Any, examples: Sequence[Any]) -> list[str]:
    return []


def _as_they_are(codec: Any, examples: Sequence[Any]) -> tuple[list[Any], list[str]]:
    return list(examples), []


def _greedily(search: Any) -> Any:
    return replace(search, beam=1, alternatives=1, temperature=None, int8=False)


def _no_remark(answers: Sequence[Any], examples: Sequence[Any]) -> None:
    return None


def _no_details(answers: Sequence[Any], examples: Sequence[Any], settings: Any) -> None:
    return None


def _symbols(settings: Any) -> Mapping[str, float]:
    return {"symbols": 1.0}


class Stream(Protocol):
    """Something that is listened to while it goes on."""

    rate: int  # samples a second that it is fed
    chunk: int  # samples that are best fed at once

    def feed(self, samples: Any, *, last: bool = False) -> list[Any]:
        """More samples (N,) float32 -> what is certain by that.

        Utterances have ``begin``, ``end`` (seconds) and ``text``, alarms ``word``, ``second`` and ``score``.
        """

    def so_far(self) -> str:
        """What is certain already of that which has not ended yet."""


@dataclass(frozen=True)
class Mining:
    """What a model itself gets wrong, looked for between two epochs and learned from afterwards.

    What was found is plain data, as JSON has it (None: nothing was looked for yet): it is saved with every step, so
    that a resumed training goes on to the same bits.
    """

    # model, codec, encoded training examples, settings, where the training stands, what was found -> what is by now
    find: Callable[[nn.Module, Any, Any, Any, Moment, Any], Any]
    # encoded training examples as prepared, what was found -> as they are then; Refusal where it is no such thing
    added: Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Settling:
    """What an answering model needs besides its weights, found on validation data: plain data, saved with the step."""

    find: Callable[[nn.Module, Any, Sequence[Any], Any], Any]  # model, codec, validation examples, settings
    into: Callable[[Any, Any], Any]  # codec, what was found -> codec; Refusal where it is no such thing


@dataclass(frozen=True)
class Extent:
    """By what inputs are told to be long or short."""

    unit: str  # "characters"
    of: Callable[[Any], int]


class Details(NamedTuple):
    """What measures alone do not tell of answers."""

    sentences: tuple[str, ...]
    head: tuple[str, ...]  # of a table, the first column its rows' names
    rows: tuple[tuple[str, ...], ...]
    data: dict[str, Any]  # the same as plain data, and what can be drawn


class Answers(Protocol[A]):
    """How a task answers."""

    def __call__(
        self, model: nn.Module, codec: Any, inputs: Sequence[Any], search: Any, /, *, traced: bool = True
    ) -> list[A]:
        """An answer for each input; without ``traced`` none says what the model looked at, which takes much memory."""


@dataclass(frozen=True)
class Task(Generic[E, A]):
    """Everything that training, search and evaluation need to know of a task, as plain functions.

    Where the order is ``Windows``, ``batch`` is given a piece of the text for each stream: a window and the symbol
    after it. What ``carry`` gives and ``loss`` hands on is a state of as many sequences as the batch has examples, in
    their order, or None.
    """

    name: str
    settings: type  # a frozen dataclass with at least ``data``, ``training`` and ``search``
    read: Callable[[Any], Corpus[E]]  # settings -> corpus
    # settings, corpora as data settings have them (of several kinds of data {kind: corpora}) -> examples to measure on,
    # and what to say of those dropped
    examples: Callable[[Any, Any], tuple[list[E], list[str]]]
    learn: Callable[[Sequence[E], Any], Codec]  # training examples, settings -> codec
    codec: Callable[[object, Any], Codec]  # ``codec.json``, settings -> codec
    prepare: Callable[[Any, Sequence[E], Any], Prepared]  # codec, training examples, settings
    batch: Callable[[Any, Sequence[Any], Generator], Batch]  # codec, encoded examples, for augmentation
    build: Callable[[Any, Any], nn.Module]  # codec, settings -> model
    shapes: Callable[[Any, Any], dict[str, tuple[int, ...]]]  # codec, settings -> what the saved model must hold
    # model, batch, carry, settings, random, where the training stands -> totals by the names of the batch's counts,
    # what the next step is handed
    loss: Callable[[nn.Module, Any, Any, Any, Generator | None, Moment], tuple[dict[str, Total], Any]]
    nats: Callable[[nn.Module, Any, Sequence[E]], list[tuple[float, int]]]  # model, codec, examples -> of each, symbols
    answer: Answers[A]
    inputs: Callable[[Sequence[E]], list[Any]]  # what of the examples is asked
    references: Callable[[Sequence[E]], list[str]]  # what of the examples would be the right answer
    measure: Callable[
        [Sequence[A], Sequence[E], Sequence[str]], dict[str, Measure]
    ]  # answers, examples, measures' names
    measures: Callable[[Any], tuple[str, ...]]  # settings -> what an evaluation measures, the most telling first
    validated: Mapping[str, str]  # of these what a validation measures too, and whether "higher" or "lower" is better
    losses: Callable[[Any], Mapping[str, float]] = _symbols  # settings -> each loss and its weight, the main one first
    order: Callable[[Prepared, Any], Order] = _by_length  # prepared, settings -> how an epoch goes through them
    # codec, examples to measure on -> what to say of those that some measures leave out; Refusal where one is longer
    # than can be answered, before any is
    check: Callable[[Any, Sequence[E]], list[str]] = _nothing_refused
    # codec, examples to measure on -> the same as this model knows them, and what to say of that
    known: Callable[[Any, Sequence[E]], tuple[list[E], list[str]]] = _as_they_are
    extent: Extent = Extent("characters", len)
    example: str = "pair"  # what an example is called
    made: str = ""  # what examples are made into to learn from, where that is something else: "scene"
    takes: str = "text"  # what it answers: a "text", or a "recording" by its path
    gives: str = "text"  # what an answer is: a "text", or "alarms", each with ``word``, ``second`` and ``score``
    # answers, examples, search settings -> what measures alone do not tell; None: nothing
    details: Callable[[Sequence[A], Sequence[E], Any], Details | None] = _no_details
    asked: Callable[[Any], tuple[list[Any], bool]] = texts  # what a user asks -> inputs, whether it is a single one
    # model, codec, search settings -> a stream that listens; None: the task answers whole inputs alone
    stream: Callable[[nn.Module, Any, Any], Stream] | None = None
    # model, codec, recording, its text (None: the model's own answer), search settings -> when what of it is said;
    # None: the task hears nothing
    align: Callable[[nn.Module, Any, Any, str | None, Any], Any] | None = None
    quickly: Callable[[Any], Any] = _greedily  # search settings -> those of a validation while training
    # answers of a validation, examples -> what goes wrong in a training, and what helps; None: nothing
    remark: Callable[[Sequence[A], Sequence[E]], str | None] = _no_remark
    carry: Callable[[nn.Module, Any], Any] = _no_carry  # model, settings -> what the first step of an epoch is handed
    mining: Mining | None = None  # None: examples stay as they were prepared
    settling: Settling | None = None  # None: weights and codec are all that answers need

    def validating(self, settings: Any) -> dict[str, str]:
        """What a validation under these settings measures, and whether "higher" or "lower" is better."""
        return {name: self.validated[name] for name in self.measures(settings) if name in self.validated}


STOPPED = "stopped"  # what the end of a training says that was asked to stop


@dataclass(frozen=True)
class Progress:
    """Where a training stands; ``fit`` yields one after every step, validation and save."""

    kind: str  # "begin", "step", "validation", "saved", "note", "report" (being written) or "end"
    step: int
    steps: int | None  # the last step, once it is known; a close estimate where ``epochs`` ends the training
    epoch: int
    loss: float | None = None  # the main loss in nats a symbol, of the steps since the last line
    losses: Mapping[str, float] = field(default_factory=dict)  # the same of every loss
    scores: Mapping[str, float] = field(default_factory=dict)
    best: bool = False
    symbols_per_second: float | None = None
    seconds: float = 0.0
    left: float | None = None  # seconds, estimated
    text: str = ""
    remark: str = ""  # of the end: what is wrong with what the last validation heard, and what helps


class Learner(Protocol):
    """Whatever can be driven by ``fit``: gradient descent is one."""

    @property
    def step(self) -> int:
        """Steps taken since the beginning of the training."""

    @property
    def epoch(self) -> int:
        """The epoch that the next step belongs to, from 0."""

    @property
    def rate(self) -> float | None:
        """The learning rate of the last step; None before it, and where there is no such rate."""

    def plan(self, steps: int | None) -> None:
        """How many steps there will be in all, as far as it is known: schedules depend on it."""

    def epoch_steps(self) -> int:
        """How many steps the first epoch has; the others have about as many."""

    def reduce(self) -> None:
        """Validation has stopped improving: the plateau schedule cuts the rate."""

    def advance(self) -> Mapping[str, Tally]:
        """One step -> what each loss came to, the main one first. Failure where it cannot go on: a loss that is NaN."""

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
        """The model to use, what resuming needs besides, and plain numbers; the tensors are live ones, not copies."""

    def restore(self, model: Mapping[str, Tensor], training: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Goes on from a snapshot, to the same bits."""
