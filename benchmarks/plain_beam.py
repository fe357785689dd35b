"""Beam search as a good script of plain torch has it: all sentences of a batch at once, answers of one length.

It takes Melisma's weights into ``nn.LSTM`` and plain products, so that both must find the same answers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from melisma.models.encoder_decoder import EncoderDecoder
from melisma.text.vocabulary import END, START


class PlainBeam:
    """The weights of a model with a bidirectional LSTM encoder, one LSTM layer as decoder, and general attention."""

    def __init__(self, model: EncoderDecoder) -> None:
        weights = {name: weight.detach() for name, weight in model.named_parameters()}
        width, hidden = model.settings.embedding, model.settings.encoder_hidden
        layers = model.settings.encoder_layers
        self.encoder = nn.LSTM(width, hidden, layers, bidirectional=True, batch_first=True)
        for layer in range(layers):
            for suffix, cell in (("", "forward_cell"), ("_reverse", "backward_cell")):
                self._fill(weights, f"encoder.layers.{2 * layer + 1}.{cell}", f"_l{layer}{suffix}")
        self.x, self.u, self.b = (
            in_torchs_order(weights[f"decoder.layers.1.cell.{name}"]) for name in ("weight", "recurrent", "bias")
        )
        self.source = weights["embed_source.weight"] * model.embed_source.scale
        self.target = weights["embed_target.weight"] * model.embed_target.scale
        self.bridges = [(weights[f"bridge.{n}.weight"], weights[f"bridge.{n}.bias"]) for n in (0, 1)]
        self.general, self.combine = weights["scorer.weight"], weights["combine"]
        self.output = weights["output.weight"] * (model.settings.readout**0.5 / 4)
        self.bias = weights["output_bias"]

    def _fill(self, weights: dict[str, Tensor], cell: str, suffix: str) -> None:
        parts = {"weight_ih": "weight", "weight_hh": "recurrent", "bias_ih": "bias"}
        with torch.no_grad():
            for own, name in parts.items():
                getattr(self.encoder, own + suffix).copy_(in_torchs_order(weights[f"{cell}.{name}"]))
            getattr(self.encoder, "bias_hh" + suffix).zero_()

    @torch.inference_mode()
    def answers(self, sources: list[list[int]], beam: int, length: int) -> list[list[int]]:
        """The best answer of ``length`` symbols to each source: one that may end there, or else the likeliest."""
        h, c, memory, keys, absent = self._encode(sources, beam)
        sentences, symbols = len(sources), self.output.shape[0]
        totals = torch.full((sentences, beam), -torch.inf)
        totals[:, 0] = 0
        last = torch.full((sentences * beam,), START)
        said = torch.empty(sentences * beam, 0, dtype=torch.long)
        for number in range(length + 1):
            h, c, likely = self._step(last, h, c, memory, keys, absent)
            likely[:, START] = -torch.inf
            if number < length:
                likely[:, END] = -torch.inf
            both = totals[:, :, None] + likely.view(sentences, beam, symbols)
            totals, places = both.view(sentences, -1).topk(beam, 1)
            rows = (places // symbols + beam * torch.arange(sentences)[:, None]).view(-1)
            last = (places % symbols).view(-1)
            if number == length:
                return _best(said, places // symbols, last.view(sentences, beam) == END)
            said = torch.cat((said[rows], last[:, None]), 1)
            h, c = h[rows], c[rows]
        raise AssertionError

    def _encode(self, sources: list[list[int]], beam: int) -> tuple[Tensor, ...]:
        lengths = torch.tensor([len(source) for source in sources])
        padded = pad_sequence([torch.tensor(source) for source in sources], batch_first=True)
        embedded = functional.embedding(padded, self.source)
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        found, (ends, _) = self.encoder(packed)
        memory, _ = pad_packed_sequence(found, batch_first=True)
        summary = torch.cat((ends[-2], ends[-1]), 1)
        h, c = (
            functional.linear(summary, weight, bias).tanh().repeat_interleave(beam, 0) for weight, bias in self.bridges
        )
        absent = torch.arange(memory.shape[1]) >= lengths[:, None]
        return h, c, memory, (memory @ self.general.T).transpose(1, 2), absent[:, None]

    def _step(
        self, last: Tensor, h: Tensor, c: Tensor, memory: Tensor, keys: Tensor, absent: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        x = functional.embedding(last, self.target)
        gates = functional.linear(x, self.x, self.b) + functional.linear(h, self.u)
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        query = h.view(len(memory), -1, h.shape[1])
        weights = (query @ keys).masked_fill(absent, -torch.inf).softmax(-1)
        read = (weights @ memory).view(len(h), -1)
        shown = functional.linear(torch.cat((h, read), 1), self.combine).tanh()
        return h, c, functional.linear(shown, self.output, self.bias).log_softmax(-1)


def in_torchs_order(weight: Tensor) -> Tensor:
    """Rows of the gates i, f, o, g as i, f, g, o."""
    i, f, o, g = weight.chunk(4)
    return torch.cat((i, f, g, o))


def _best(said: Tensor, parents: Tensor, ends: Tensor) -> list[list[int]]:
    """Of each sentence the best that ends; where none does, the first, which was the best so far."""
    sentences, beam = parents.shape
    first = ends.int().argmax(1, keepdim=True)
    chosen = torch.where(ends.any(1, keepdim=True), parents.gather(1, first), 0)[:, 0]
    return said.view(sentences, beam, -1)[torch.arange(sentences), chosen].tolist()
