"""The encoder and decoder: what they are made of, how wide and deep they are, and what is dropped in training."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import choice, setting


@dataclass(frozen=True)
class EncoderDecoderSettings:
    """A recurrent encoder and decoder with attention between them."""

    cell: str = choice(
        "lstm",
        help="the recurrent cell",
        why="for translation LSTMs came out ahead of GRUs in a wide comparison (Britz et al. 2017)",
        choices=("elman", "gru_reset_after", "gru_reset_before", "lstm"),
        called={"rnn": ("elman",), "vanilla": ("elman",), "simple": ("elman",), "tanh": ("elman",)},
    )
    embedding: int = setting(
        256,
        help="width of an embedded symbol",
        why="half the decoder's width; larger embeddings gain little (Britz et al. 2017)",
        low=1,
        high=16_384,
    )
    hidden: int = setting(
        512,
        help="width of the decoder's state",
        why="about half of the classic 1000 (Bahdanau et al. 2015): a quarter of its arithmetic",
        low=1,
        high=16_384,
    )
    encoder_hidden: int = setting(
        256,
        help="width of the encoder's state, each direction",
        why="both directions together are then as wide as the decoder",
        low=1,
        high=16_384,
    )
    encoder_layers: int = setting(
        1,
        help="recurrent layers of the encoder",
        why="as in the first attention models (Bahdanau et al. 2015); each more costs its share of time",
        low=1,
        high=64,
    )
    decoder_layers: int = setting(
        1,
        help="recurrent layers of the decoder",
        why="as in the first attention models (Bahdanau et al. 2015); each more costs its share of time",
        low=1,
        high=64,
    )
    bidirectional: bool = setting(
        True,
        help="the encoder reads both ways",
        why="what is remembered of a symbol then knows what follows it (Bahdanau et al. 2015)",
    )
    residual: bool = setting(
        False,
        help="adds each layer's input to its output, where both are equally wide",
        why="one layer has nothing to add to; worth turning on for deep stacks (Wu et al. 2016)",
    )
    attention: str = choice(
        "general",
        help="how the decoder compares its state with what the encoder remembers; fixed hands it one vector of the "
        "whole source at every step, none only as its first state",
        why="one learned matrix fits any two widths and costs less than the additive scorer (Luong et al. 2015)",
        choices=("none", "fixed", "additive", "dot", "general", "concat"),
        called={
            "bahdanau": ("additive",),
            "mlp": ("additive",),
            "luong": ("general", "dot", "concat"),
            "multiplicative": ("general", "dot"),
            "bilinear": ("general",),
            "scaled_dot": ("dot",),
            "no": ("none",),
            "off": ("none",),
            "yes": ("general", "additive"),
        },
    )
    attention_size: int | None = setting(
        None,
        help="width of the additive or concat scorer; none takes the decoder's",
        why="the scorer is then no narrower than the state that it compares",
        low=1,
        high=16_384,
    )
    input_feeding: bool = setting(
        False,
        help="feeds what attention found into the decoder's next step",
        why="it helps (Luong et al. 2015) but makes every training step wait for the one before",
    )
    tied: str = choice(
        "two",
        help="matrices that are one: none, the decoder's embedding and output layer (two), "
        "or the encoder's embedding as well (three; needs text.shared)",
        why="fewer parameters without loss of quality (Press and Wolf 2017)",
        choices=("none", "two", "three"),
        called={"no": ("none",), "yes": ("two", "three"), "all": ("three",), "2": ("two",), "3": ("three",)},
    )
    locked: bool = setting(
        True,
        help="whether dropout leaves out the same values at every step of a sequence (locked), or draws anew (plain)",
        why="a recurrence forgets less under a mask that stays (Gal and Ghahramani 2016)",
    )
    dropout: float = setting(
        0.3,
        help="share dropped of what each layer gives to the next",
        why="small data wants strong dropout (Sennrich and Zhang 2019)",
        low=0,
        below=1,
    )
    embedding_dropout: float = setting(
        0.3,
        help="share dropped of the embedded input",
        why="small data wants strong dropout (Sennrich and Zhang 2019)",
        low=0,
        below=1,
    )
    word_dropout: float = setting(
        0.0,
        help="share of symbols whose whole embedding is dropped",
        why="off, as the other dropouts already act; worth trying on very small data (Sennrich and Zhang 2019)",
        low=0,
        below=1,
    )
    output_dropout: float = setting(
        0.3,
        help="share dropped before the output layer",
        why="small data wants strong dropout (Sennrich and Zhang 2019)",
        low=0,
        below=1,
    )

    @property
    def memory(self) -> int:
        """The width of what the encoder remembers of each symbol: both directions side by side."""
        return self.encoder_hidden * (2 if self.bidirectional else 1)

    @property
    def readout(self) -> int:
        """The width that the output layer sees: the embedding's where that is the output layer, else the decoder's."""
        return self.hidden if self.tied == "none" else self.embedding

    def check(self) -> None:
        """Refuses parts that cannot work together."""
        if self.attention == "dot" and self.hidden != self.memory:
            ways = "twice encoder_hidden" if self.bidirectional else "encoder_hidden"
            raise Refusal(
                f"attention=dot compares hidden ({self.hidden}) with the encoder's width ({self.memory}): "
                f"wants hidden to be {ways}, or attention=general"
            )
        if self.attention == "none" and self.input_feeding:
            raise Refusal("input_feeding feeds back what attention found: wants an attention other than none")
        if self.attention_size is not None and self.attention not in ("additive", "concat"):
            raise Refusal(
                f"attention_size is {self.attention_size} and attention={self.attention} has no such width: "
                "wants attention=additive or concat, or attention_size=none"
            )
