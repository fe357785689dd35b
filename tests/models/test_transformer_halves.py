"""The halves of a Transformer: a numpy decoder of their papers, a cache that grows by one, a memory that stands once a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from laws.things import FIRST, LAST, SYMBOLS, VARIANTS, a_model, some_symbols
from numpy.typing import NDArray
from torch import Tensor

from melisma.contract import take
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.models.transformer import TransformerState
from melisma.ragged import Ragged
from melisma.search import Bounds, greedy

Array = NDArray[np.float64]
NAME = "transformer layer relu"
BOTH = tuple(name for name, settings in VARIANTS.items() if settings.decoder == "transformer")


def softmax(scores: Array) -> Array:
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    result: Array = shares / shares.sum(-1, keepdims=True)
    return result


def numbers(model: EncoderDecoder) -> dict[str, Array]:
    return {key: value.detach().numpy() for key, value in model.named_parameters(remove_duplicate=False)}


class Paper:
    """Vaswani et al. 2017 with the norms of Xiong et al. 2020, figure 1 (b), of one sentence pair at a time."""

    def __init__(self, model: EncoderDecoder) -> None:
        self.P, self.settings = numbers(model), model.settings

    def norm(self, place: str, x: Array) -> Array:
        mean, P = x.mean(1, keepdims=True), self.P
        spread = np.sqrt(((x - mean) ** 2).mean(1, keepdims=True) + 1e-5)
        result: Array = P[f"{place}.gain"] * (x - mean) / spread + P[f"{place}.bias"]
        return result

    def heads(self, Q: Array, K: Array, V: Array, causal: bool) -> tuple[Array, Array]:
        read, shares = [], []
        for q, k, v in zip(*(np.split(part, self.settings.heads, 1) for part in (Q, K, V))):
            scores = q @ k.T / np.sqrt(q.shape[1])
            scores = np.where(np.tri(len(q), len(k), dtype=bool), scores, -np.inf) if causal else scores
            shares.append(softmax(scores))
            read.append(shares[-1] @ v)
        return np.concatenate(read, 1), np.mean(shares, 0)

    def attention(self, place: str, x: Array, causal: bool) -> Array:
        Q, K, V = (x @ W.T for W in np.split(self.P[f"{place}.enter"], 3))
        return self.heads(Q, K, V, causal)[0] @ self.P[f"{place}.leave"].T

    def feed_forward(self, place: str, x: Array) -> Array:
        P = self.P
        inner = np.maximum(0, x @ P[f"{place}.enter"].T + P[f"{place}.enter_bias"])
        return inner @ P[f"{place}.leave"].T + P[f"{place}.leave_bias"]

    def entered(self, place: str, table: str, symbols: list[int], width: int) -> Array:
        embedded = self.P[table][symbols] * np.sqrt(self.settings.embedding)
        x: Array = embedded @ self.P[f"{place}.0.weight"].T
        for t in range(len(x)):
            for i in range(width):
                angle = t / 10000 ** (2 * (i // 2) / width)
                x[t, i] += np.cos(angle) if i % 2 else np.sin(angle)
        return x

    def encode(self, symbols: list[int]) -> Array:
        x = self.entered("encoder.layers", "embed_source.weight", symbols, self.settings.encoder_hidden)
        for layer in range(3, 3 + 2 * self.settings.encoder_layers, 2):
            first, second = (f"encoder.layers.{layer + part}.layer.layers" for part in (0, 1))
            x = x + self.attention(f"{first}.1", self.norm(f"{first}.0", x), causal=False)
            x = x + self.feed_forward(f"{second}.1", self.norm(f"{second}.0", x))
        return self.norm(f"encoder.layers.{3 + 2 * self.settings.encoder_layers}", x)

    def decode(self, memory: Array, symbols: list[int]) -> tuple[Array, Array]:
        """Log-probabilities (T, V), and the last block's weights (T, S)."""
        P, here = self.P, "transformer"
        x = self.entered(f"{here}.enter.layers", "embed_target.weight", symbols, self.settings.hidden)
        for number in range(self.settings.decoder_layers):
            block = f"{here}.blocks.{number}"
            hear, look, think = f"{block}.hear.layer.layers", f"{block}.look", f"{block}.think.layer.layers"
            x = x + self.attention(f"{hear}.1", self.norm(f"{hear}.0", x), causal=True)
            K, V = (memory @ W.T for W in np.split(P[f"{look}.of_memory"], 2))
            read, weights = self.heads(self.norm(f"{block}.norm", x) @ P[f"{look}.enter"].T, K, V, causal=False)
            x = x + read @ P[f"{look}.leave"].T
            x = x + self.feed_forward(f"{think}.1", self.norm(f"{think}.0", x))
        x = self.norm(f"{here}.leave.layers.0", x) @ P[f"{here}.leave.layers.1.weight"].T
        return np.log(softmax(x @ P["output.weight"].T + P["output_bias"])), weights


def test_a_transformer_is_its_papers() -> None:
    model = a_model(NAME).double()
    sources, answers = some_symbols(1, [4, 1, 6]), [[FIRST, *answer] for answer in some_symbols(2, [3, 5, 2])]
    with torch.no_grad():
        memory = model.encode(Ragged.of_symbols(sources))
        shown = model.decode(memory, model.begin(memory), Ragged.of_symbols(answers))
        logs = shown.with_rows(torch.log_softmax(model.logits(shown.rows), -1)).sequences()
        for source, answer, found in zip(sources, answers, logs, strict=True):
            paper = Paper(model)
            wanted, weights = paper.decode(paper.encode(source), answer)
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11)
            step, state = model.start(Ragged.of_symbols([source]))
            for t, symbol in enumerate(answer):
                state, said, trace = step(state, torch.tensor([symbol]))
                np.testing.assert_allclose(said[0], wanted[t], rtol=0, atol=1e-11)
                assert trace is not None
                np.testing.assert_allclose(trace[0], weights[t], rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", BOTH)
def test_decoding_costs_one_position_a_step(name: str) -> None:
    model = a_model(name)
    step, state = model.start(Ragged.of_symbols(some_symbols(1, [4, 2])))
    state = take(state, torch.tensor([0, 0, 0, 1, 1, 1]))
    memory = step.memory
    for t in range(1, 4):
        state, _, trace = step(state, torch.full((6,), 3))
        assert isinstance(state, TransformerState)
        assert [block.hear.inside.layers[1].heard.lengths().tolist() for block in state.blocks] == [[t] * 6] * 2
        assert trace is not None
        torch.testing.assert_close(trace.sum(1), torch.ones(6))
    assert step.memory is memory
    assert [len(leaf) for leaf in memory] == [2] * 4, "the memory stands once a sentence"


def test_a_recurrent_decoder_begins_with_the_mean_of_what_sees_all() -> None:
    model = a_model("none after transformer")
    source = Ragged.of_symbols(some_symbols(1, [4, 1]))
    memory = model.encode(source)
    embedded = model.embed_source(source)
    layer: Any = model.encoder
    state, _ = layer.feed(layer.start(2), embedded)
    encoded = layer.flush(state)[1].sequences()
    torch.testing.assert_close(memory.summary, torch.stack([sequence.mean(0) for sequence in encoded]))
    assert bool(memory.summary.any(1).all())


def learnt(given: dict[str, Any]) -> tuple[EncoderDecoder, list[list[int]], float]:
    still = dict.fromkeys(("dropout", "embedding_dropout", "word_dropout", "output_dropout"), 0.0)
    sizes = {"embedding": 24, "hidden": 24, "encoder_hidden": 24, "encoder_layers": 1, "decoder_layers": 1}
    torch.manual_seed(1)
    settings = type(VARIANTS[NAME])(**{**sizes, **still, **given})
    settings.check()
    model, sources = EncoderDecoder(SYMBOLS, SYMBOLS, settings), some_symbols(3, [3, 4, 5, 2, 6, 3, 4, 5])
    heard = Ragged.of_symbols([[FIRST, *source[::-1]] for source in sources])
    wanted: Tensor = Ragged.of_symbols([[*source[::-1], LAST] for source in sources]).rows
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    nats = 1.0
    for _ in range(200):
        optimizer.zero_grad()
        loss = model.loss(Ragged.of_symbols(sources), heard, wanted, smoothing=0.0, rows=None, random=None)
        (loss.trained / len(wanted)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        nats = float(loss.nats) / len(wanted)
        if nats < 0.02:
            break
    return model, sources, nats


@pytest.mark.parametrize(
    "given",
    [
        {"encoder": "transformer", "decoder": "transformer"},
        {"encoder": "transformer", "attention": "multi_head"},
        {"decoder": "transformer", "norm": "rms", "activation": "gelu", "encoder_hidden": 12},
        {"attention": "location", "encoder_hidden": 12},
    ],
    ids=lambda given: " ".join(map(str, given.values())),
)
def test_eight_pairs_are_learnt_by_heart(given: dict[str, Any]) -> None:
    model, sources, nats = learnt(given)
    assert nats < 0.05
    step, state = model.start(Ragged.of_symbols(sources))
    found = greedy(step, state, Bounds(FIRST, LAST, torch.full((8,), 9)))
    assert [list(answer.symbols) for answer in found] == [source[::-1] for source in sources]
