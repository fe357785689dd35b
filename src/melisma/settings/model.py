"""The encoder and decoder: what they are made of, how wide and deep they are, and what is dropped in training."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import choice, setting

HALVES = {
    "rnn": ("recurrent",),
    "lstm": ("recurrent",),
    "gru": ("recurrent",),
    "attention": ("transformer",),
    "self_attention": ("transformer",),
    "prenorm": ("transformer",),
}
"""Other names of what a half is."""
SIZED = ("additive", "concat", "location", "multi_head")
"""The attentions that have a width of their own."""


@dataclass(frozen=True)
class EncoderDecoderSettings:
    """An encoder and a decoder, each recurrent or a Transformer, with attention between them."""

    encoder: str = choice(
        "recurrent",
        help="what reads the source: cells one symbol after another (recurrent), or attention to all at once "
        "(transformer)",
        why="on few pairs and one processor a recurrence learns more in a given time",
        choices=("recurrent", "transformer"),
        called=HALVES,
    )
    decoder: str = choice(
        "recurrent",
        help="what writes the target: cells one symbol after another (recurrent), or attention to all so far "
        "(transformer)",
        why="on few pairs and one processor a recurrence learns more in a given time",
        choices=("recurrent", "transformer"),
        called=HALVES,
    )
    cell: str = choice(
        "lstm",
        help="the recurrent cell",
        why="for translation LSTMs came out ahead of GRUs in a wide comparison (Britz et al. 2017)",
        choices=("elman", "gru_reset_after", "gru_reset_before", "lstm", "lstm_normalised", "mogrifier"),
        called={
            "rnn": ("elman",),
            "vanilla": ("elman",),
            "simple": ("elman",),
            "tanh": ("elman",),
            "layer_norm_lstm": ("lstm_normalised",),
            "lstm_layer_norm": ("lstm_normalised",),
            "lstm_normalized": ("lstm_normalised",),
            "mogrifier_lstm": ("mogrifier",),
        },
    )
    mogrifier_rounds: int = setting(
        5,
        help="rounds in which input and memory gate each other, for cell=mogrifier",
        why="the best of the published trainings took five or six (Melis et al. 2020)",
        low=1,
        high=64,
    )
    input: str = choice(
        "embedding",
        help="how a symbol is read: as its learned vector (embedding), or as a row with a 1 at its place (one_hot)",
        why="an embedding costs no more whatever the vocabulary; one-hot rows are as wide as that",
        choices=("embedding", "one_hot"),
        called={
            "onehot": ("one_hot",),
            "one-hot": ("one_hot",),
            "1hot": ("one_hot",),
            "identity": ("one_hot",),
            "embedded": ("embedding",),
            "learned": ("embedding",),
        },
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
        help="width of the decoder's state, or of what passes through a Transformer's blocks",
        why="about half of the classic 1000 (Bahdanau et al. 2015): a quarter of its arithmetic",
        low=1,
        high=16_384,
    )
    encoder_hidden: int = setting(
        256,
        help="width of the encoder's state, each direction; of a Transformer in all",
        why="both directions together are then as wide as the decoder",
        low=1,
        high=16_384,
    )
    encoder_layers: int = setting(
        1,
        help="layers of the encoder, of a Transformer its blocks",
        why="as in the first attention models (Bahdanau et al. 2015); each more costs its share of time",
        low=1,
        high=64,
    )
    decoder_layers: int = setting(
        1,
        help="layers of the decoder, of a Transformer its blocks",
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
    begin: str = choice(
        "bridge",
        help="what the decoder's states begin as: made from the source (bridge), vectors of their own that are learned "
        "(learned), or zero",
        why="the decoder then knows the source from its first step on (Bahdanau et al. 2015)",
        choices=("bridge", "learned", "zero"),
        called={
            "source": ("bridge",),
            "encoder": ("bridge",),
            "parameter": ("learned",),
            "trainable": ("learned",),
            "zeros": ("zero",),
            "0": ("zero",),
            "none": ("zero",),
        },
    )
    attention: str = choice(
        "general",
        help="how a recurrent decoder compares its state with what the encoder remembers; location also sees what it "
        "read last, multi_head compares in several ways at once; fixed hands it one vector of the whole source at "
        "every step, none only as its first state",
        why="one learned matrix fits any two widths and costs less than the additive scorer (Luong et al. 2015)",
        choices=("none", "fixed", "additive", "dot", "general", "concat", "location", "multi_head"),
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
            "chorowski": ("location",),
            "location_aware": ("location",),
            "hybrid": ("location",),
            "vaswani": ("multi_head",),
            "multihead": ("multi_head",),
            "multi": ("multi_head",),
            "heads": ("multi_head",),
        },
    )
    attention_size: int | None = setting(
        None,
        help="width of the additive, concat or location scorer, or of all heads of multi_head; none takes the "
        "decoder's",
        why="the scorer is then no narrower than the state that it compares",
        low=1,
        high=16_384,
    )
    heads: int = setting(
        4,
        help="heads of a Transformer and of attention=multi_head: ways of comparing, each in its share of the width",
        why="as in the small Transformers that do best on Multi30k (Wu et al. 2021)",
        low=1,
        high=1024,
    )
    location_filters: int = setting(
        10,
        help="filters over the last weights, for attention=location",
        why="as many as were published (Chorowski et al. 2015)",
        low=1,
        high=1024,
    )
    location_width: int = setting(
        15,
        help="positions that each of these filters sees, an odd number",
        why="seven to each side reach over a phrase; speech, with its many frames, took 201 (Chorowski et al. 2015)",
        low=1,
        high=1001,
    )
    feed_forward: int | None = setting(
        None,
        help="width between the two matrices of a Transformer's block; none takes four times the block's",
        why="four times the width is what was published (Vaswani et al. 2017)",
        low=1,
        high=65_536,
    )
    activation: str = choice(
        "relu",
        help="what a Transformer's block does between its two matrices",
        why="as it was published (Vaswani et al. 2017), and the cheapest",
        choices=("relu", "gelu"),
    )
    norm: str = choice(
        "layer",
        help="how a Transformer evens out what enters a part of a block: by mean and deviation (layer), or by size "
        "alone (rms)",
        why="as it was published (Vaswani et al. 2017); rms is a little faster and much the same",
        choices=("layer", "rms"),
        called={"layer_norm": ("layer",), "layernorm": ("layer",), "rms_norm": ("rms",), "rmsnorm": ("rms",)},
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
    weight_dropout: float = setting(
        0.0,
        help="share of each layer's recurrent weights that is dropped, one draw a batch",
        why="off, as the other dropouts already act; language models took 0.5 (Merity et al. 2018)",
        low=0,
        below=1,
    )

    @property
    def memory(self) -> int:
        """The width of what the encoder remembers of each symbol: both directions side by side, where there are two."""
        return self.encoder_hidden * (2 if self.bidirectional and self.encoder == "recurrent" else 1)

    @property
    def attends(self) -> bool:
        """Whether the decoder weighs what it reads of each source symbol, so that there are weights to look at."""
        return self.decoder == "transformer" or self.attention not in ("none", "fixed")

    @property
    def readout(self) -> int:
        """The width that the output layer sees: the embedding's where that is the output layer, else the decoder's."""
        return self.hidden if self.tied == "none" else self.embedding

    def check(self) -> None:
        """Refuses parts that cannot work together."""
        self._check_input_and_states()
        self._check_transformer()
        if self.attention == "dot" and self.hidden != self.memory and self.decoder == "recurrent":
            ways = "encoder_hidden" if self.memory == self.encoder_hidden else "twice encoder_hidden"
            raise Refusal(
                f"attention=dot compares hidden ({self.hidden}) with the encoder's width ({self.memory}): "
                f"wants hidden to be {ways}, or attention=general"
            )
        if self.attention == "none" and self.input_feeding:
            raise Refusal("input_feeding feeds back what attention found: wants an attention other than none")
        if self.attention_size is not None and self.attention not in SIZED:
            raise Refusal(
                f"attention_size is {self.attention_size} and attention={self.attention} has no such width: "
                f"wants attention={' or '.join((', '.join(SIZED[:-1]), SIZED[-1]))}, or attention_size=none"
            )

    def idle(self) -> dict[str, tuple[bool, str, str]]:
        """Settings that belong to one kind of part -> whether there is none, what there is, what is wanted."""
        kinds = {self.encoder, self.decoder}
        halves = f"model.encoder={self.encoder} and model.decoder={self.decoder}"
        decoding = self.decoder == "transformer"
        reading = "model.decoder=transformer" if decoding else f"model.attention={self.attention}"
        transforming, heads = "transformer" in kinds, self.attention == "multi_head"
        rows = (
            (("cell", "residual", "weight_dropout"), "recurrent" not in kinds, halves, "a recurrent half"),
            (("feed_forward", "activation", "norm"), not transforming, halves, "a half that is a transformer"),
            (("attention", "attention_size", "begin"), decoding, reading, "model.decoder=recurrent"),
            (("bidirectional",), self.encoder == "transformer", "model.encoder=transformer", "model.encoder=recurrent"),
            (("heads",), not transforming and not heads, reading, "model.attention=multi_head, or a transformer"),
            (
                ("location_filters", "location_width"),
                decoding or self.attention != "location",
                reading,
                "a recurrent decoder with model.attention=location",
            ),
        )
        return {name: (absent, because, wanted) for names, absent, because, wanted in rows for name in names}

    def _check_transformer(self) -> None:
        if self.decoder == "transformer" and self.input_feeding:
            raise Refusal(
                "input_feeding feeds what attention found into a recurrence and decoder=transformer has none: "
                "wants decoder=recurrent, or input_feeding=no"
            )
        widths = {
            "encoder_hidden": self.encoder_hidden if self.encoder == "transformer" else 0,
            "hidden": self.hidden if self.decoder == "transformer" else 0,
        }
        if self.decoder == "recurrent" and self.attention == "multi_head":
            widths["hidden" if self.attention_size is None else "attention_size"] = self.attention_size or self.hidden
        for name, width in widths.items():
            if width % self.heads:
                raise Refusal(
                    f"heads={self.heads} share {name}={width} unevenly: "
                    f"wants {name} to be a multiple of {self.heads}, or other heads"
                )
        if self.location_width % 2 == 0:
            raise Refusal(f"location_width is {self.location_width} and has no middle: wants an odd number")

    def _check_input_and_states(self) -> None:
        if self.input == "one_hot" and self.tied != "none":
            raise Refusal(
                f"input=one_hot has no embedding and tied={self.tied} makes one the output layer: "
                "wants tied=none, or input=embedding"
            )
        if self.begin != "bridge" and self.attention == "none":
            raise Refusal(
                f"attention=none hands the source over in the decoder's first states alone and begin={self.begin} "
                "makes them of something else: wants begin=bridge, or an attention"
            )
        if self.begin != "bridge" and self.decoder == "transformer":
            raise Refusal(
                f"begin={self.begin} says how a recurrence begins and decoder=transformer has none: "
                "wants decoder=recurrent, or begin=bridge"
            )
        if self.weight_dropout and self.encoder == self.decoder == "transformer":
            raise Refusal(
                f"weight_dropout={self.weight_dropout:g} drops recurrent weights and a Transformer has none: "
                "wants encoder=recurrent or decoder=recurrent, or weight_dropout=0"
            )
        narrow = min(self.hidden, self.encoder_hidden)
        if self.cell == "lstm_normalised" and narrow == 1:
            raise Refusal(
                "cell=lstm_normalised compares the values of a state with each other and there is only one, "
                "as hidden or encoder_hidden is 1: wants 2 or more"
            )
