"""Energies over how loud they have been: the recursion of the paper, however it is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.settings.sound import SoundSettings
from melisma.sound.definitions import definition
from melisma.sound.features import frames
from melisma.sound.pcen import Loudness, Pcen, following


def energies(count: int, bands: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(0.5, 2.0, (count, bands)).astype(np.float32)


def by_hand(pcen: Pcen, found: np.ndarray) -> np.ndarray:
    smooth, rows = found[0].astype(float), []
    for now in found.astype(float):
        smooth = (1 - pcen.smoothing) * smooth + pcen.smoothing * now
        rows.append((now / (pcen.least + smooth) ** pcen.gain + pcen.bias) ** pcen.power - pcen.bias**pcen.power)
    return np.array(rows)


@pytest.mark.parametrize(
    "pcen", [Pcen(), Pcen(smoothing=0.3, gain=0.5, bias=0.1, power=0.25, least=1e-3), Pcen(power=1)]
)
def test_it_is_the_papers_recursion(pcen: Pcen) -> None:
    found = pcen.feed(pcen.start(), energies(300))[1]
    assert found.dtype == np.float32
    assert found == pytest.approx(by_hand(pcen, energies(300)), abs=2e-5)


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 90), cuts=st.lists(st.integers(0, 90), max_size=6).map(sorted), bands=st.integers(1, 41))
def test_however_it_is_cut_it_gives_the_same_bits(count: int, cuts: list[int], bands: int) -> None:
    pcen, whole = Pcen(), energies(count, bands)
    state, parts, at = pcen.start(), [], 0
    for cut in (*(min(cut, count) for cut in cuts), count):
        before = state
        state, part = pcen.feed(state, whole[at:cut])
        again = pcen.feed(before, whole[at:cut])[1]
        assert part.tobytes() == again.tobytes(), "a state that was handed on has changed"
        parts.append(part)
        at = cut
    assert np.concatenate(parts).tobytes() == pcen.feed(pcen.start(), whole)[1].tobytes()


def test_what_is_given_is_left_as_it_was() -> None:
    given = energies(20)
    kept = given.copy()
    state, _ = Pcen().feed(Loudness(given[0]), given)
    assert (given == kept).all()
    assert state.smooth is not None
    assert not np.shares_memory(state.smooth, given)


def test_a_gain_hardly_matters_once_it_is_known_and_the_future_never() -> None:
    asked = definition(SoundSettings(pcen=True))
    plain = definition(SoundSettings())
    voice = np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * np.float32(0.1)
    near, far = frames(asked, voice), frames(asked, voice / 10)
    assert np.abs(near - far).mean() < 0.1
    assert np.abs(frames(plain, voice) - frames(plain, voice / 10)).mean() > 4
    assert frames(asked, voice[:8000]).tobytes() == near[: asked.count(8000)].tobytes()
    louder = voice.copy()
    louder[12_000:] *= 50
    early = asked.count(12_000)
    assert frames(asked, louder)[:early].tobytes() == near[:early].tobytes()


def test_silence_is_nothing() -> None:
    asked = definition(SoundSettings(pcen=True))
    assert frames(asked, np.zeros(4000, np.float32)) == pytest.approx(0, abs=1e-6)


def test_the_smoothing_follows_the_hop() -> None:
    assert following(10, 400) == pytest.approx(0.0247, abs=1e-4)
    assert (1 - following(10, 400)) ** 2 == pytest.approx(1 - following(20, 400))
    asked = definition(SoundSettings(pcen=True, hop=5.0, adaptation=200.0)).pcen
    assert asked is not None
    assert asked.smoothing == pytest.approx(following(10, 400))


@pytest.mark.parametrize("name", ["smoothing", "gain", "power", "bias", "least"])
@pytest.mark.parametrize("value", [0, -1.0, 2e6, float("nan"), "1", True])
def test_numbers_outside_their_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(Refusal, match=f"{name} of PCEN is"):
        Pcen(**{name: value})
