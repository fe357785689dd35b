"""The recogniser of speech: what it is made of, how wide and deep it is, how far it looks ahead, what is dropped."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import choice, setting


@dataclass(frozen=True)
class TranscriberSettings:
    """Strided convolutions, a deep recurrence and an output of symbols for each step that remains."""

    floor: float = setting(
        0.0,
        help="brings each utterance to one level and adds this share of its mean energy to every band, as noise would: "
        "of all of it where the model reads both ways, else of what was heard so far; 0: neither",
        why="off, as little is heard by then where text is said while it is spoken; 0.03 hides how quiet a recorder is "
        "between words, which differs more than voices do: strangers are heard better",
        low=0,
        high=1,
    )
    centred: bool = setting(
        False,
        help="takes its mean off each band of an utterance: the mean of all of it where the model reads both ways, "
        "else that of what was heard so far",
        why="off, as model.floor is and for its reason; what a microphone, a room or a throat adds to all of an "
        "utterance is gone (Atal 1974), and of a single word some of what was said",
    )
    stride: int = setting(
        2,
        help="frames that become one output: the convolutions' strides in all",
        why="every second frame of 10 ms leaves short words their outputs, at half the cost of all",
        low=1,
        high=8,
    )
    convolutions: int = setting(
        2,
        help="convolutions over time before the recurrence; the first ones share the stride",
        why="two see a phone's length of frames (Amodei et al. 2016 took one to three)",
        low=0,
        high=16,
    )
    channels: int = setting(
        64,
        help="width of each convolution",
        why="somewhat more than the frames have bands",
        low=1,
        high=4096,
    )
    width: int = setting(
        5,
        help="steps that a convolution sees at once; the half of them after its place delays what is said",
        why="two steps to each side",
        low=1,
        high=63,
    )
    activation: str = choice(
        "relu",
        help="what follows each convolution, before its values are evened out",
        why="as it was published (Amodei et al. 2016), and the cheapest",
        choices=("relu", "gelu"),
    )
    cell: str = choice(
        "gru_reset_after",
        help="the recurrent cell",
        why="three quarters of an LSTM's cost, and much the same on small data (Amodei et al. 2016)",
        choices=("elman", "gru_reset_after", "gru_reset_before", "lstm", "lstm_normalised", "mogrifier"),
        called={
            "rnn": ("elman",),
            "vanilla": ("elman",),
            "simple": ("elman",),
            "tanh": ("elman",),
            "gru": ("gru_reset_after", "gru_reset_before"),
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
    hidden: int = setting(
        96,
        help="width of the recurrence's state, each direction",
        why="about 150,000 weights in all, which an hour of speech or less can teach",
        low=1,
        high=4096,
    )
    layers: int = setting(
        2,
        help="recurrent layers",
        why="a second one still pays on small data; each more costs its share of time",
        low=1,
        high=64,
    )
    bidirectional: bool = setting(
        False,
        help="reads both ways: nothing is said before the end",
        why="text is to be said while it is spoken; both ways err less where that may wait",
    )
    look_ahead: int = setting(
        8,
        help="outputs' lengths that a recurrence running one way waits for what comes after",
        why="a symbol is known by what follows it, too (Wang et al. 2016)",
        low=0,
        high=128,
    )
    residual: bool = setting(
        False,
        help="adds each recurrent layer's input to its output, where both are equally wide",
        why="two layers learn without; worth turning on for deep stacks (Wu et al. 2016)",
    )
    locked: bool = setting(
        True,
        help="whether dropout leaves out the same values at every step of an utterance (locked), or draws anew (plain)",
        why="a recurrence forgets less under a mask that stays (Gal and Ghahramani 2016)",
    )
    convolution_dropout: float = setting(
        0.1,
        help="share dropped of what each convolution gives to the next layer",
        why="less than elsewhere, as neighbouring bands say much the same",
        low=0,
        below=1,
    )
    dropout: float = setting(
        0.2,
        help="share dropped of what each recurrent layer gives to the next, and to the output",
        why="small data wants dropout, few weights not too much of it",
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
    blank_bias: float = setting(
        2.0,
        help="nats by which a new model rather says nothing than anything; at 0 both are as likely",
        why="then 7 outputs of 8 say nothing, as they do in the end; below 0 symbols find places in the silence before "
        "words, where nobody has heard them yet, and stay there",
        low=-20,
        high=20,
    )
    decoder: str = choice(
        "none",
        help="what spells a second time when an utterance is over: nothing, or a recurrence that attends to all of it",
        why="learns order on its own and doubles a step's cost; pays where there is an hour of speech or more",
        choices=("none", "attention"),
        called={"no": ("none",), "off": ("none",), "yes": ("attention",), "joint": ("attention",)},
    )
    attention_share: float = setting(
        0.3,
        help="share of the decoder's loss in what is trained, for decoder=attention; the rest is that of CTC",
        why="CTC teaches what stands where, without which attention does not learn on little speech (Watanabe et al. "
        "2017)",
        above=0,
        below=1,
    )
    decoder_hidden: int = setting(
        96,
        help="width of the decoder's state, and of a symbol that enters it",
        why="as wide as the recurrence that it reads",
        low=1,
        high=4096,
    )
    decoder_layers: int = setting(
        1,
        help="recurrent layers of the decoder",
        why="as in the first such recognisers (Chorowski et al. 2015)",
        low=1,
        high=64,
    )
    attention: str = choice(
        "location",
        help="how the decoder finds where to read; location also sees where it read last",
        why="what is alike is told apart by its place (Chorowski et al. 2015)",
        choices=("location", "additive", "general"),
        called={
            "chorowski": ("location",),
            "location_aware": ("location",),
            "hybrid": ("location",),
            "bahdanau": ("additive",),
            "luong": ("general",),
        },
    )
    location_filters: int = setting(
        10,
        help="filters over the last weights, for attention=location",
        why="as many as were published (Chorowski et al. 2015)",
        low=1,
        high=1024,
    )
    location_width: int = setting(
        31,
        help="outputs that each of these filters sees, an odd number",
        why="0.3 seconds to each side where an output is 20 ms: about a syllable further than it read last",
        low=1,
        high=1001,
    )

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride of each convolution: the factors of ``stride`` from the first on, what is left in the last."""
        found, rest = [], self.stride
        for place in range(self.convolutions):
            last = place == self.convolutions - 1
            own = rest if last else next((factor for factor in (2, 3, 5, 7) if rest % factor == 0), 1)
            found.append(own)
            rest //= own
        return tuple(found)

    @property
    def encoded(self) -> int:
        """The width of what is known of each output's place."""
        return self.hidden * (2 if self.bidirectional else 1)

    @property
    def delay(self) -> int | None:
        """Frames that an output needs beyond its own; None: all of them."""
        if self.bidirectional:
            return None
        total, step = 0, 1
        for own in self.strides:
            total += (self.width - 1 - (self.width - 1) // 2) * step
            step *= own
        return total + self.look_ahead * step

    def outputs(self, frames: int) -> int:
        """How many outputs so many frames give."""
        return -(-frames // self.stride)

    def check(self) -> None:
        """Refuses parts that cannot work together."""
        if self.stride > 1 and not self.convolutions:
            raise Refusal(
                f"stride is {self.stride} and convolutions=0 leave nothing that takes it: "
                "wants stride=1, or one convolution or more"
            )
        if self.strides and max(self.strides) > self.width:
            raise Refusal(
                f"width is {self.width} and a convolution with a stride of {max(self.strides)} would leave frames "
                f"unseen between its windows: wants width={max(self.strides)} or more, or a smaller stride"
            )
        if self.location_width % 2 == 0:
            raise Refusal(f"location_width is {self.location_width} and has no middle: wants an odd number")
        if self.cell == "lstm_normalised" and min(self.hidden, self.decoder_hidden) == 1:
            raise Refusal(
                "cell=lstm_normalised compares the values of a state with each other and there is only one, "
                "as hidden or decoder_hidden is 1: wants 2 or more"
            )

    def idle(self) -> dict[str, tuple[bool, str, str]]:
        """Settings that belong to one kind of part -> whether there is none, what there is, what is wanted."""
        cell, ways = f"model.cell={self.cell}", "model.bidirectional=yes"
        none, some = "model.convolutions=0", "one convolution or more"
        alone, decoder = self.decoder == "none", f"model.decoder={self.decoder}"
        reading = decoder if alone else f"model.attention={self.attention}"
        decoding = ("attention_share", "decoder_hidden", "decoder_layers", "attention")
        rows = (
            (("channels", "width", "activation", "convolution_dropout"), not self.convolutions, none, some),
            (("mogrifier_rounds",), self.cell != "mogrifier", cell, "model.cell=mogrifier"),
            (("look_ahead",), self.bidirectional, ways, "model.bidirectional=no"),
            (decoding, alone, decoder, "model.decoder=attention"),
            (
                ("location_filters", "location_width"),
                alone or self.attention != "location",
                reading,
                "model.decoder=attention with model.attention=location",
            ),
        )
        return {name: (absent, because, wanted) for names, absent, because, wanted in rows for name in names}
