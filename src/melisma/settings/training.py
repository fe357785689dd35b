"""How a model is trained: the optimizer, its rate over time, batches, and when it stops."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import choice, setting


@dataclass(frozen=True)
class TrainingSettings:
    """Gradient descent, from the first step to the last."""

    optimizer: str = choice(
        "adamw",
        help="how gradients become changes of weights",
        why="Adam with its weight decay kept out of the gradients (Loshchilov and Hutter 2019)",
        choices=("adamw", "adam", "sgd"),
    )
    rate: float = setting(
        2e-3,
        help="learning rate at its highest",
        why="twice Adam's published 0.001 (Kingma and Ba 2015), as warm-up and clipping guard the start",
        above=0,
        high=100,
    )
    schedule: str = choice(
        "inverse_square_root",
        help="how the learning rate falls after warm-up",
        why="needs no end to be known, so a training can be extended (Vaswani et al. 2017)",
        choices=("constant", "inverse_square_root", "cosine", "plateau"),
        called={
            "noam": ("inverse_square_root",),
            "inverse_sqrt": ("inverse_square_root",),
            "rsqrt": ("inverse_square_root",),
            "none": ("constant",),
            "step": ("plateau",),
        },
    )
    warmup: int = setting(
        300,
        help="steps over which the learning rate rises from zero",
        why="Adam's step sizes vary too much while its averages are young (Liu et al. 2020)",
        low=0,
        high=10_000_000,
    )
    plateau_factor: float = setting(
        0.5,
        help="what the plateau schedule multiplies the learning rate by",
        why="halving is the customary step",
        above=0,
        below=1,
    )
    plateau_patience: int = setting(
        2,
        help="validations without improvement before the plateau schedule lowers the learning rate",
        why="one bad validation may be chance",
        low=1,
        high=10_000,
    )
    weight_decay: float = setting(
        0.01,
        help="share of each weight taken off a step, times the learning rate",
        why="the default of AdamW in common libraries; weak enough to be safe",
        low=0,
        high=100,
    )
    beta1: float = setting(
        0.9,
        help="how slowly Adam's average of gradients forgets",
        why="as published (Kingma and Ba 2015)",
        low=0,
        below=1,
    )
    beta2: float = setting(
        0.98,
        help="how slowly Adam's average of squared gradients forgets",
        why="follows short trainings faster than Adam's 0.999 (Vaswani et al. 2017)",
        low=0,
        below=1,
    )
    momentum: float = setting(
        0.9,
        help="how slowly the average of gradients forgets in sgd",
        why="the customary value (Sutskever et al. 2013 go up to 0.99)",
        low=0,
        below=1,
    )
    batch_tokens: int = setting(
        2500,
        help="target symbols a batch holds at most, with its padding",
        why="small data wants small batches, and so more steps (Sennrich and Zhang 2019)",
        low=1,
        high=10_000_000,
    )
    accumulate: int = setting(
        1,
        help="parts that each batch is split into, for each process; their gradients are added before a step",
        why="more is only for batches that memory cannot hold at once, and gives the same gradient",
        low=1,
        high=10_000,
    )
    clip: float = setting(
        1.0,
        help="largest norm of the gradient; 0 turns clipping off",
        why="recurrent gradients explode now and then (Pascanu et al. 2013); 1 is the customary bound",
        low=0,
        high=1e6,
    )
    average: float = setting(
        0.998,
        help="how slowly the averaged weights, which validate and answer, forget; 0 turns averaging off",
        why="averaging weights steadies the result (Polyak and Juditsky 1992); 0.998 spans about 500 steps",
        low=0,
        below=1,
    )
    average_last: int | None = setting(
        None,
        help="validates and answers with the mean of the weights at so many last validations (checkpoint averaging), "
        "not with training.average; each takes the room of the weights, in memory and in a saved step",
        why="training.average is as good, takes less room, and does not depend on how often one validates",
        low=2,
        high=1000,
    )
    smoothing: float = setting(
        0.1,
        help="share of the target's probability spread over all symbols",
        why="as in most translation models since Vaswani et al. 2017 (Szegedy et al. 2016)",
        low=0,
        below=1,
    )
    sampling: float = setting(
        0.0,
        help="share of steps at which the decoder hears what it would have said itself, not what is true, at most",
        why="off, as every step must then wait for the one before, which makes a step of training slower by far",
        low=0,
        high=1,
    )
    sampling_schedule: str = choice(
        "linear",
        help="how that share grows from the first step to the last: it is there at once (constant), grows evenly "
        "(linear), or slowly, fast in the middle and slowly again (inverse_sigmoid)",
        why="a model that knows nothing yet has nothing to teach itself (Bengio et al. 2015)",
        choices=("constant", "linear", "inverse_sigmoid"),
        called={"none": ("constant",), "sigmoid": ("inverse_sigmoid",)},
    )
    epochs: int | None = setting(
        20,
        help="times the training data is gone through at most",
        why="an end that a newcomer can foresee; the best step is kept, so going on too long costs only time",
        low=1,
        high=1_000_000,
    )
    steps: int | None = setting(
        None,
        help="steps at most",
        why="epochs are easier to judge for data of unknown size",
        low=1,
        high=1_000_000_000,
    )
    minutes: float | None = setting(
        None,
        help="minutes at most, turned into steps once the speed is known",
        why="the result must not depend on the machine's speed unless asked",
        above=0,
        high=1_000_000,
    )
    patience: int | None = setting(
        None,
        help="validations without improvement before training stops",
        why="the best step is kept in any case, so stopping early only saves time",
        low=1,
        high=10_000,
    )
    validate_every: int = setting(
        0,
        help="steps between validations; 0 validates once an epoch",
        why="the work of validating then stays in proportion to the data",
        low=0,
        high=1_000_000_000,
    )
    keep: int = setting(
        2,
        help="recent steps kept on disk, besides the best",
        why="one to resume from, and one should that be damaged",
        low=2,
        high=10_000,
    )
    board: bool = setting(
        False,
        help="writes losses, scores, learning rate and speed into the run's board/ too, for TensorBoard",
        why="report.html draws the same without another program",
    )
    device: str = choice(
        "auto",
        help="where to compute; auto takes a GPU if one is there",
        why="a GPU is seldom slower and needs no thought",
        choices=("auto", "cpu", "gpu"),
        called={"cuda": ("gpu",), "mps": ("gpu",), "cuda:0": ("gpu",), "gpu:0": ("gpu",)},
    )
    threads: int | None = setting(
        1,
        help="processor threads, in training and in answering; none takes what PyTorch does",
        why="the steps of a recurrence are small, and threads that wait for each other can cost more than they bring",
        low=1,
        high=256,
    )
    precision: str = choice(
        "auto",
        help="what matrices are multiplied in while training, on a processor: float32, or numbers rounded to bfloat16, "
        "all else float32; auto takes bfloat16 for a large model where that is measured to be faster, and run.json "
        "then says so",
        why="processors with units for bfloat16 are several times as fast with it; others change nothing",
        choices=("auto", "float32", "bfloat16"),
        called={
            "fp32": ("float32",),
            "32": ("float32",),
            "full": ("float32",),
            "bf16": ("bfloat16",),
            "mixed": ("bfloat16",),
            "amp": ("bfloat16",),
        },
    )
    seed: int = setting(
        1,
        help="where all randomness starts",
        why="any number does; one that is fixed makes trainings repeatable",
        low=0,
        high=2**32 - 1,
    )

    @property
    def copies(self) -> int:
        """How many earlier weights are kept for their mean."""
        return 0 if self.average_last is None else self.average_last - 1

    @property
    def bounded(self) -> bool:
        """Whether the last step can be foreseen: by epochs, steps or minutes."""
        return not (self.epochs is None and self.steps is None and self.minutes is None)

    def check(self) -> None:
        """Refuses a training without an end, and a schedule that must know the end where none is set."""
        if not self.bounded and self.patience is None:
            raise Refusal("epochs, steps, minutes and patience are all none: wants one of them, or training never ends")
        if self.schedule == "cosine" and not self.bounded:
            raise Refusal("schedule=cosine must know its last step: wants epochs, steps or minutes besides patience")
        if self.sampling and self.sampling_schedule != "constant" and not self.bounded:
            raise Refusal(
                f"sampling_schedule={self.sampling_schedule} must know its last step: "
                "wants epochs, steps or minutes besides patience, or sampling_schedule=constant"
            )
