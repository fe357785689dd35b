"""Networks for trigger words: layers like any other, and in NumPy the same numbers for one stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from laws.things import shaken, some_sequences

from melisma.contract import take, whole
from melisma.errors import Refusal
from melisma.models.spotter import SELDOM, Spotter
from melisma.models.streamed_spotter import StreamedSpotter, StreamedState
from melisma.ragged import Ragged, exactly
from melisma.settings.spotter import LARGEST, SpotterSettings

FEATURES, WORDS = 7, 2
SMALL = SpotterSettings(hidden=10, width=5, stride=2, dropout=0.3)
VARIANTS = {
    "recurrent": SMALL,
    "recurrent of one layer": replace(SMALL, layers=1, stride=1, width=1),
    "recurrent, wide strides": replace(SMALL, layers=3, stride=4, width=8, hidden=13),
    "convolutional": replace(SMALL, kind="convolutional", layers=3, kernel=3, dilations=2),
    "convolutional of one block": replace(SMALL, kind="convolutional", layers=1, stride=1, width=3, kernel=2),
    "convolutional, wide strides": replace(
        SMALL, kind="convolutional", layers=5, stride=4, width=4, hidden=13, kernel=5
    ),
}
LENGTHS = [23, 0, 40, 1, 7]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Bits are promised at a fixed number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def a_spotter(name: str, seed: int = 0) -> Spotter:
    torch.manual_seed(seed)
    spotter: Spotter = shaken(Spotter(FEATURES, WORDS, VARIANTS[name]))
    return spotter


def cut(seed: int, length: int, most: int = 9) -> list[slice]:
    """A cutting of so many frames, empty pieces among them."""
    random, places = np.random.default_rng(seed), [0, 0]
    while places[-1] < length:
        places.append(min(length, places[-1] + int(random.integers(most))))
    return [slice(*pair) for pair in pairwise(places)]


@pytest.mark.usefixtures("one_thread")
@torch.no_grad()
@pytest.mark.parametrize("name", VARIANTS)
def test_any_cutting_gives_the_whole_in_bits(name: str) -> None:
    spotter = a_spotter(name)
    for sequence in some_sequences(1, LENGTHS, FEATURES):
        wanted = whole(spotter, Ragged.of([sequence])).rows
        for seed in range(2):
            state, said = spotter.start(1), []
            for piece in cut(seed, len(sequence)):
                state, y = spotter.feed(state, Ragged.of([sequence[piece]]))
                said.append(y.rows)
            rest = spotter.flush(state)[1]
            assert rest is None or not len(rest.rows), "a causal layer holds nothing back"
            assert torch.equal(torch.cat([*said, wanted[:0]]), wanted)


@pytest.mark.usefixtures("one_thread")
@torch.no_grad()
@pytest.mark.parametrize("name", VARIANTS)
def test_neighbours_and_states_that_are_taken(name: str) -> None:
    spotter = a_spotter(name)
    sequences, more = (some_sequences(seed, LENGTHS, FEATURES) for seed in (1, 2))
    strangers = [torch.full((length, FEATURES), torch.nan) for length in (50, 3)]
    with exactly():
        state, together = spotter.feed(spotter.start(len(LENGTHS) + 2), Ragged.of([*sequences, *strangers]))
        order = [3, 0, 2]
        _, later = spotter.feed(take(state, torch.tensor(order)), Ragged.of([more[place] for place in order]))
        for place, sequence in enumerate(sequences):
            own, alone = spotter.feed(spotter.start(1), Ragged.of([sequence]))
            assert torch.equal(together.sequences()[place], alone.rows)
            if place in order:
                _, wanted = spotter.feed(own, Ragged.of([more[place]]))
                assert torch.equal(later.sequences()[order.index(place)], wanted.rows)


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_causal_and_says_so(name: str) -> None:
    spotter, settings = a_spotter(name), VARIANTS[name]
    assert (spotter.delay, spotter.ratio) == (0, pytest.approx(1 / settings.stride))
    (x,) = some_sequences(3, [30], FEATURES)
    x.requires_grad_()
    y = whole(spotter, Ragged.of([x])).rows
    assert y.shape == (-(-30 // settings.stride), WORDS)
    for j in range(len(y)):
        (gradient,) = torch.autograd.grad(y[j].sum(), x, retain_graph=True)
        assert gradient[j * settings.stride].any()
        assert not gradient[j * settings.stride + 1 :].any()


def test_a_convolutional_one_sees_as_far_back_as_its_dilations_say() -> None:
    spotter = a_spotter("convolutional, wide strides").double()
    reach = (1 + 2 + 4 + 8 + 1) * (5 - 1) * 4 + 4 - 1  # steps of each block, in frames, and the first window's
    (x,) = some_sequences(4, [reach + 40], FEATURES)
    x = x.double().requires_grad_()
    y = whole(spotter, Ragged.of([x])).rows
    (gradient,) = torch.autograd.grad(y[-1].sum(), x)
    last = (len(y) - 1) * 4
    seen = gradient.abs().sum(1).nonzero()[:, 0]
    assert (int(seen[0]), int(seen[-1])) == (last - reach, last)


def test_a_new_one_expects_little() -> None:
    for settings in VARIANTS.values():
        spotter = Spotter(FEATURES, WORDS, settings)
        assert (spotter.bias == SELDOM).all()


def test_dropout_is_drawn_and_only_where_it_is_asked_for() -> None:
    spotter, x = a_spotter("convolutional"), Ragged.of(some_sequences(5, [20], FEATURES))
    drawn = [whole(spotter, x, torch.Generator().manual_seed(seed)).rows for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], whole(spotter, x).rows)


def test_the_usual_ones_are_small_and_too_large_ones_are_refused() -> None:
    for settings in (SpotterSettings(), SpotterSettings(kind="convolutional", layers=6)):
        assert sum(weight.numel() for weight in Spotter(40, 1, settings).parameters()) <= 0.85 * LARGEST
    with pytest.raises(Refusal, match=r"would have \d+ parameters: wants 300000 or fewer.*model\.hidden"):
        Spotter(40, 1, SpotterSettings(hidden=256))


def test_a_stride_beyond_the_window_is_refused() -> None:
    with pytest.raises(Refusal, match="stride=9 would leave frames out between windows of width=8"):
        SpotterSettings(stride=9).check()
    SpotterSettings().check()


# --- in NumPy ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", VARIANTS)
@torch.no_grad()
def test_numpy_says_what_torch_says_however_it_is_cut(name: str, seed: int) -> None:
    spotter = a_spotter(name, seed)
    streamed = StreamedSpotter.of(spotter)
    assert streamed.words == WORDS
    for sequence in some_sequences(seed, LENGTHS, FEATURES):
        wanted = torch.sigmoid(whole(spotter, Ragged.of([sequence])).rows).numpy()
        for most in (2, 9, 60):
            state, said = streamed.start(), []
            for piece in cut(seed, len(sequence), most):
                state, probabilities = streamed.feed(state, sequence.numpy()[piece])
                assert probabilities.dtype == np.float32
                said.append(probabilities)
            np.testing.assert_allclose(np.concatenate([*said, np.empty((0, WORDS))]), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_streams_state_is_a_value_of_its_own(name: str) -> None:
    """Streams are fed in turn by one network; what is fed later changes nothing that was given out."""
    streamed = StreamedSpotter.of(a_spotter(name))
    one, other = (sequence.numpy() for sequence in some_sequences(6, [32, 32], FEATURES))
    wanted = [streamed.feed(streamed.feed(streamed.start(), x[:17])[0], x[17:])[1] for x in (one, other)]
    states = [streamed.feed(streamed.start(), x[:17])[0] for x in (one, other)]
    kept = [[leaf.copy() for leaf in leaves(state)] for state in states]
    for _ in range(2):
        for x, state, expected in zip((one, other), states, wanted, strict=True):
            np.testing.assert_array_equal(streamed.feed(state, x[17:])[1], expected)
    for state, before in zip(states, kept, strict=True):
        for leaf, copy in zip(leaves(state), before, strict=True):
            np.testing.assert_array_equal(leaf, copy)


def leaves(state: StreamedState) -> list[np.ndarray]:
    return [state.window, *state.layers]


def test_what_is_learnt_later_does_not_reach_it_and_another_make_is_no_make() -> None:
    spotter = a_spotter("recurrent")
    streamed, x = StreamedSpotter.of(spotter), some_sequences(7, [20], FEATURES)[0].numpy()
    before = streamed.feed(streamed.start(), x)[1]
    with torch.no_grad():
        for weight in spotter.parameters():
            weight.zero_()
    np.testing.assert_array_equal(streamed.feed(streamed.start(), x)[1], before)
    with pytest.raises(KeyError):
        StreamedSpotter({name: w.numpy() for name, w in spotter.state_dict().items()}, VARIANTS["convolutional"])
