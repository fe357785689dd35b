"""The encoder-decoder: whole sequences and single steps say the same, in every form; it learns; draws come by name alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from laws.things import FEW, FIRST, LAST, SMALL, SYMBOLS, VARIANTS, a_model, some_symbols
from torch import Generator, Tensor
from torch.nn import functional

from melisma.contract import take
from melisma.layers.attention import Memory, attend
from melisma.models import encoder_decoder
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.ragged import Ragged
from melisma.search import Bounds, greedy
from melisma.settings.model import EncoderDecoderSettings

SOURCES = [3, 1, 5, 4]
TARGETS = [2, 6, 1, 4]
FIXED = [name for name, settings in VARIANTS.items() if not settings.attends]

AT_ONCE = ("additive", "concat", "dot", "general", "multi_head")  # what reads all steps of a sentence at once
DECODER = "transformer"


def pairs() -> tuple[Ragged, Ragged, Ragged]:
    """Sources, what the decoder hears, and what it should say, end symbol included."""
    answers = some_symbols(2, TARGETS)
    heard = Ragged.of_symbols([[FIRST, *answer] for answer in answers])
    return (
        Ragged.of_symbols(some_symbols(1, SOURCES)),
        heard,
        Ragged.of_symbols([[*answer, LAST] for answer in answers]),
    )


def taught(model: EncoderDecoder, source: Ragged, heard: Ragged) -> Ragged:
    """Log-probabilities, rows (N, V), over whole sequences."""
    memory = model.encode(source)
    shown = model.decode(memory, model.begin(memory), heard)
    return shown.with_rows(functional.log_softmax(model.logits(shown.rows), -1))


def step_by_step(model: EncoderDecoder, source: Ragged, heard: Ragged, slots: int = 1) -> list[Tensor]:
    """The same as search asks for them: symbol by symbol, each sentence in so many slots, leaving when it ends."""
    step, state = model.start(source)
    sentences, here = [sequence.tolist() for sequence in heard.sequences()], torch.arange(heard.batch)
    state = take(state, here.repeat_interleave(slots))
    said: list[list[Tensor]] = [[] for _ in sentences]
    for t in range(len(heard.live)):
        going = torch.tensor([at for at, sentence in enumerate(here.tolist()) if len(sentences[sentence]) > t])
        if len(going) < len(here):
            rows = (going[:, None] * slots + torch.arange(slots)).flatten()
            step, state, here = step.keep(going), take(state, rows), here[going]
        symbols = torch.tensor([sentences[sentence][t] for sentence in here.tolist()]).repeat_interleave(slots)
        state, logs, trace = step(state, symbols)
        assert (trace is not None) == model.settings.attends
        if trace is not None:
            assert trace.shape == (len(symbols), int(step.extent.max()))
        for place, sentence in enumerate(here.tolist()):
            said[sentence].append(logs[place * slots + slots - 1])
    return [torch.stack(logs) for logs in said]


@pytest.mark.parametrize("name", VARIANTS)
def test_whole_sequences_and_single_steps_say_the_same(name: str) -> None:
    model = a_model(name)
    source, heard, _ = pairs()
    with torch.no_grad():
        wanted = taught(model, source, heard).sequences()
        for slots in (1, 3):
            for found, logs in zip(step_by_step(model, source, heard, slots), wanted, strict=True):
                torch.testing.assert_close(found, logs, rtol=0, atol=1e-5)
    for logs in wanted:
        torch.testing.assert_close(logs.exp().sum(-1), torch.ones(len(logs)))


@pytest.mark.parametrize("name", VARIANTS)
def test_the_loss_is_the_log_probability_of_what_is_wanted(name: str) -> None:
    model = a_model(name)
    source, heard, wanted = pairs()
    logs = taught(model, source, heard).rows
    loss = model.loss(source, heard, wanted.rows, smoothing=0.1, rows=None, random=None)
    nats = -logs.gather(1, wanted.rows[:, None])[:, 0]
    torch.testing.assert_close(loss.nats, nats.sum().detach())
    torch.testing.assert_close(loss.trained, (0.9 * nats - 0.1 * logs.mean(1)).sum())
    model.zero_grad()
    loss.trained.backward()
    unused = [key for key, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert not unused, "every parameter takes part"


@pytest.mark.parametrize("name", FEW)
def test_gradients_of_whole_sequences_are_those_of_single_steps(name: str) -> None:
    model = a_model(name).double()
    source, heard, wanted = pairs()
    parameters = list(model.parameters())
    loss = model.loss(source, heard, wanted.rows, smoothing=0.0, rows=None, random=None)
    logs = torch.cat(step_by_step(model, source, heard))
    stepped = functional.nll_loss(logs, wanted.flat(), reduction="sum")
    for found, other in zip(
        *(torch.autograd.grad(total, parameters) for total in (loss.trained, stepped)), strict=True
    ):
        torch.testing.assert_close(found, other, rtol=1e-7, atol=1e-9)


# --- what is held ---------------------------------------------------------------------------------------------------------


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Memory, int]]:
    """What attention reads, call by call: the memory, and how many weights that comes to."""
    seen: list[tuple[Memory, int]] = []

    def spy(scorer: Any, query: Tensor, memory: Memory, *last: Any) -> Any:
        seen.append((memory, query.shape[1] * memory.mask.numel()))
        return attend(scorer, query, memory, *last)

    monkeypatch.setattr(encoder_decoder, "attend", spy)
    return seen


def test_input_feeding_holds_the_memory_once_and_lets_go_of_finished_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watched(monkeypatch)
    source, heard, wanted = pairs()
    a_model("general lstm tied=two fed").loss(source, heard, wanted.rows, smoothing=0.0, rows=None, random=None)
    assert [len(memory.values) for memory, _ in seen] == list(heard.live)
    for leaf in range(3):
        assert len({memory[leaf].untyped_storage().data_ptr() for memory, _ in seen}) == 1


@pytest.mark.parametrize(
    "name", [name for name in FEW if VARIANTS[name].attention in AT_ONCE and "fed" not in name and DECODER not in name]
)
def test_measuring_holds_few_weights_at_once_and_finds_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, (source, heard, wanted) = a_model(name), pairs()
    whole = model.nats(source, heard, wanted.rows)
    seen = watched(monkeypatch)
    monkeypatch.setattr(encoder_decoder, "WEIGHTS", 45)
    with torch.no_grad():
        torch.testing.assert_close(model.nats(source, heard, wanted.rows), whole, rtol=0, atol=1e-5)
    if model.settings.attention == "multi_head":  # 4 sentences, 5 positions, 7 steps; each head has weights of its own
        assert [weights for _, weights in seen] == [20] * 7
    else:
        assert [weights for _, weights in seen] == [40, 40, 40, 20]


# --- what is shared -----------------------------------------------------------------------------------------------------


def pointers(model: EncoderDecoder) -> list[int]:
    return [matrix.weight.data_ptr() for matrix in (model.embed_source, model.embed_target, model.output)]


@pytest.mark.parametrize(("tied", "matrices"), [("none", 3), ("two", 2), ("three", 1)])
def test_tied_matrices_are_one(tied: str, matrices: int) -> None:
    torch.manual_seed(0)
    settings = replace(SMALL, tied=tied)
    model, untied = (
        EncoderDecoder(SYMBOLS, SYMBOLS, settings),
        EncoderDecoder(SYMBOLS, SYMBOLS, replace(SMALL, tied="none")),
    )
    source, target, output = pointers(model)
    assert len({source, target, output}) == matrices
    assert (output == target) == (tied != "none")
    assert (source == target) == (tied == "three")
    embedding, hidden, memory, gates = settings.embedding, settings.hidden, settings.memory, 4
    encoder = 2 * gates * settings.encoder_hidden * (embedding + settings.encoder_hidden + 1)
    decoder = gates * hidden * (embedding + hidden + 1)
    read = settings.readout * (hidden + memory) + hidden * memory  # combine, and the scorer
    bridge = 2 * hidden * (memory + 1)
    widths = {"none": 2 * embedding + settings.readout, "two": 2 * embedding, "three": embedding}[tied]
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == encoder + decoder + read + bridge + SYMBOLS * (widths + 1)
    assert count < sum(parameter.numel() for parameter in untied.parameters()) or tied == "none"


def test_a_tied_matrix_learns_from_both_its_uses() -> None:
    source, heard, wanted = pairs()
    found = []
    for tied in ("two", "three"):
        model = a_model(f"general lstm tied={tied}")
        model.loss(source, heard, wanted.rows, smoothing=0.0, rows=None, random=None).trained.backward()
        assert model.output.weight.grad is model.embed_target.weight.grad
        assert model.output.weight.grad is not None
        found.append(model.output.weight.grad[[LAST, FIRST]])
    assert all(bool(gradient.any(1).all()) for gradient in found)


# --- what is drawn ------------------------------------------------------------------------------------------------------


def drawn_loss(model: EncoderDecoder, seed: int | None) -> Tensor:
    source, heard, wanted = pairs()
    random = None if seed is None else Generator().manual_seed(seed)
    return model.loss(source, heard, wanted.rows, smoothing=0.1, rows=None, random=random).trained.detach()


@pytest.mark.parametrize("name", FEW)
def test_only_the_generator_draws(name: str) -> None:
    model = a_model(name)
    before = torch.get_rng_state()
    plain, drawn = drawn_loss(model, None), drawn_loss(model, 1)
    assert not torch.equal(drawn, plain)
    assert not torch.equal(drawn, drawn_loss(model, 2))
    model.eval()
    assert torch.equal(drawn_loss(model, None), plain)
    assert torch.equal(drawn_loss(model, 1), drawn), "train() and eval() mean nothing here"
    assert torch.equal(torch.get_rng_state(), before), "torch's global generator is untouched"


@pytest.mark.parametrize("rate", ["dropout", "embedding_dropout", "word_dropout", "output_dropout"])
def test_every_rate_drops_something(rate: str) -> None:
    still = replace(SMALL, dropout=0.0, embedding_dropout=0.0, word_dropout=0.0, output_dropout=0.0)
    for fed in (False, True):
        settings = replace(still, input_feeding=fed)
        torch.manual_seed(0)
        model = EncoderDecoder(SYMBOLS, SYMBOLS, settings)
        assert torch.equal(drawn_loss(model, 1), drawn_loss(model, None)), "rates of 0 drop nothing"
        torch.manual_seed(0)
        model = EncoderDecoder(SYMBOLS, SYMBOLS, replace(settings, **{rate: 0.4}))  # type: ignore[arg-type]
        assert not torch.equal(drawn_loss(model, 1), drawn_loss(model, None))


def test_the_sum_is_over_sentences_and_filler_rows_weigh_nothing() -> None:
    model = a_model("general lstm tied=two")
    source, heard, wanted = pairs()
    total = model.loss(source, heard, wanted.rows, smoothing=0.1, rows=None, random=None)
    parts = []
    for index in range(source.batch):
        who = torch.tensor([index])
        given = (source.take(who), heard.take(who), wanted.take(who).rows)
        parts.append(model.loss(*given, smoothing=0.1, rows=None, random=None))
    torch.testing.assert_close(total.trained, torch.stack([part.trained for part in parts]).sum())
    weights = (heard.owners != 1).float()
    without = model.loss(source, heard, wanted.rows, smoothing=0.1, rows=weights, random=None)
    torch.testing.assert_close(without.nats, total.nats - parts[1].nats)
    torch.testing.assert_close(without.trained, total.trained - parts[1].trained)


# --- what is seen of the source -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIXED)
def test_without_attention_the_source_is_seen_through_one_vector_alone(name: str) -> None:
    model = a_model(name)
    source, heard, _ = pairs()
    memory = model.encode(source)
    strange = memory._replace(
        values=torch.full_like(memory.values, torch.nan), keys=torch.full_like(memory.keys, torch.nan)
    )
    shown, blind = (model.decode(given, model.begin(given), heard).rows for given in (memory, strange))
    assert torch.equal(shown, blind)
    other = memory._replace(summary=memory.summary.flip(0))
    assert not torch.allclose(shown, model.decode(other, model.begin(other), heard).rows)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.split()[0] == "fixed"])
def test_the_fixed_vector_enters_at_every_step_and_not_at_the_start_alone(name: str) -> None:
    model = a_model(name)
    source, heard, _ = pairs()
    memory = model.encode(source)
    state = model.begin(memory)
    other = memory._replace(summary=memory.summary + 1)
    shown, moved = (model.decode(given, state, heard) for given in (memory, other))
    changed = (shown.rows != moved.rows).any(1)
    assert bool(changed.all())


@pytest.mark.parametrize("name", [name for name in FEW if VARIANTS[name].attends])
def test_attention_reads_every_symbol_of_its_own_sentence_and_no_other(name: str) -> None:
    model = a_model(name).double()
    source, heard, _ = pairs()
    memory = model.encode(source)
    values, keys = memory.values.detach().requires_grad_(), memory.keys.detach().requires_grad_()
    given = memory._replace(values=values, keys=keys)
    shown = model.decode(given, model.begin(memory), heard)
    gradients = torch.autograd.grad(
        shown.sequences()[2].sum(), (values, keys), materialize_grads=True, allow_unused=True
    )
    seen = gradients[1 if model.transformer is not None else 0].abs().sum(-1) > 0
    assert seen[2].tolist() == [True] * 5
    assert not seen[[0, 1, 3]].any()


def test_the_summary_is_where_both_directions_end() -> None:
    model = a_model("general lstm tied=two")
    source, _, _ = pairs()
    half = model.settings.encoder_hidden
    memory = model.encode(source)
    for b, length in enumerate(SOURCES):
        assert torch.equal(
            memory.summary[b], torch.cat((memory.values[b, length - 1, :half], memory.values[b, 0, half:]))
        )


def test_without_attention_a_memory_is_one_vector_whatever_the_length() -> None:
    model = a_model("none lstm tied=two")
    memory = model.encode(pairs()[0])
    assert memory.values.shape == (4, 1, model.settings.memory)
    assert torch.equal(memory.values[:, 0], memory.summary)
    assert bool(memory.mask.all())


def test_input_feeding_hears_what_attention_found() -> None:
    """Two memories with the same summary: fed, the second step's state differs, else not."""
    for fed in (False, True):
        model = a_model("general lstm tied=two" + (" fed" if fed else ""))
        memory = model.encode(Ragged.of_symbols([[3, 4, 5]]))
        other = memory._replace(values=memory.values + 1)
        states = []
        for given in (memory, other):
            state = model.begin(given)
            for symbol in (FIRST, 4):
                vectors = model.embed_target.vectors(torch.tensor([symbol]))
                state, _, _ = model.advance(given, state, vectors)
            states.append(state.layers.layers[1])
        assert torch.equal(states[0].h, states[1].h) != fed


def test_residual_connections_stand_where_widths_agree() -> None:
    settings = replace(SMALL, encoder_layers=3, decoder_layers=3, residual=True)
    model = EncoderDecoder(SYMBOLS, SYMBOLS, settings)
    for stack in (model.encoder, model.decoder):
        kinds = [type(layer).__name__ for layer in stack.layers if type(layer).__name__ != "LockedDropout"]
        assert kinds[0] != "Residual"
        assert kinds[1:] == ["Residual"] * 2


# --- learning -------------------------------------------------------------------------------------------------------------


def learning_settings(**given: Any) -> EncoderDecoderSettings:
    still = replace(SMALL, embedding=24, hidden=32, encoder_hidden=16, attention="general", attention_size=None)
    return replace(still, dropout=0.0, embedding_dropout=0.0, word_dropout=0.0, output_dropout=0.0, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"attention": "general"},
        {"attention": "additive", "cell": "gru_reset_before", "input_feeding": True},
        {"attention": "dot", "cell": "gru_reset_after", "tied": "three"},
        {"attention": "concat", "cell": "elman", "tied": "none"},
        {"attention": "fixed"},
        {"attention": "none", "encoder_layers": 2, "decoder_layers": 2, "residual": True},
    ],
    ids=lambda given: " ".join(map(str, given.values())),
)
def test_eight_pairs_are_learnt_by_heart(given: dict[str, Any]) -> None:
    torch.manual_seed(1)
    model = EncoderDecoder(SYMBOLS, SYMBOLS, learning_settings(**given))
    sources = some_symbols(3, [3, 4, 5, 2, 6, 3, 4, 5])
    answers = [source[::-1] for source in sources]
    heard = Ragged.of_symbols([[FIRST, *answer] for answer in answers])
    wanted = Ragged.of_symbols([[*answer, LAST] for answer in answers]).rows
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(150):
        optimizer.zero_grad()
        loss = model.loss(Ragged.of_symbols(sources), heard, wanted, smoothing=0.0, rows=None, random=None)
        (loss.trained / len(wanted)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if loss.nats / len(wanted) < 0.02:
            break
    assert loss.nats / len(wanted) < 0.05
    step, state = model.start(Ragged.of_symbols(sources))
    found = greedy(step, state, Bounds(FIRST, LAST, torch.full((8,), 9)))
    assert [list(answer.symbols) for answer in found] == answers
    assert all(answer.finished for answer in found)


@pytest.mark.parametrize("name", FEW)
def test_a_model_is_its_parameters_alone(name: str) -> None:
    """Built without numbers and given those of another, it says what the other says: so is a run read."""
    model = a_model(name)
    with torch.device("meta"):
        again = EncoderDecoder(SYMBOLS, SYMBOLS, model.settings)
    again.load_state_dict(dict(model.named_parameters(remove_duplicate=False)), assign=True)
    source, heard, wanted = pairs()
    assert torch.equal(again.nats(source, heard, wanted.rows), model.nats(source, heard, wanted.rows))
