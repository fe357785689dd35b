"""Resampling as a stream: the same bits however it is cut, the right length, and a tone is still that tone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound.made import noise, tone

from melisma.errors import Refusal
from melisma.sound.resample import Resampler, Samples, resampled

RATES = [(16000, 8000), (8000, 16000), (22050, 16000), (44100, 16000), (7350, 16000), (48000, 11025), (16000, 16000)]


def streamed(samples: Samples, source: int, target: int, cuts: list[int]) -> Samples:
    stream, at, said = Resampler(source, target), 0, []
    for cut in cuts:
        said.append(stream.feed(samples[at : at + cut]))
        at += cut
    return np.concatenate([*said, stream.feed(samples[at:]), stream.finish()])


@pytest.mark.parametrize(("source", "target"), RATES)
def test_any_cutting_gives_the_bits_of_the_whole(source: int, target: int) -> None:
    samples = noise(3000)
    whole = resampled(samples, source, target)
    for cuts in ([1] * 3000, [7, 0, 13, 101, 997, 0], [], [2999]):
        assert np.array_equal(streamed(samples, source, target, cuts), whole)


@given(count=st.integers(0, 400), pair=st.sampled_from(RATES), cuts=st.lists(st.integers(0, 50), max_size=8))
@settings(max_examples=60)
def test_a_stream_is_as_long_as_its_rates_say(count: int, pair: tuple[int, int], cuts: list[int]) -> None:
    source, target = pair
    assert len(streamed(noise(count), source, target, cuts)) == int(count * target / source + 0.5)


@pytest.mark.parametrize(("source", "target"), [pair for pair in RATES if pair[0] != pair[1]])
def test_a_tone_keeps_its_pitch_its_level_and_its_place(source: int, target: int) -> None:
    hertz = 0.2 * min(source, target)
    said = resampled(tone(source, hertz, source), source, target)
    wanted = tone(target, hertz, target)
    middle = slice(target // 4, -target // 4)
    np.testing.assert_allclose(said[middle], wanted[middle], atol=1e-4)


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    said = resampled(tone(16000, 6000, 16000), 16000, 8000)
    assert float(np.abs(said[1000:-1000]).max()) < 1e-4


def test_equal_rates_give_back_what_was_fed() -> None:
    samples = noise(10)
    stream = Resampler(8000, 8000)
    assert stream.feed(samples) is samples
    assert len(stream.finish()) == 0
    assert stream.delay == 0


def test_what_is_held_back_is_told() -> None:
    stream = Resampler(48000, 16000)
    given = 0
    for at in range(100):
        given += len(stream.feed(noise(480, at)))
        assert (at + 1) / 100 - given / 16000 <= stream.delay + 1e-9
    assert 0.01 < stream.delay < 0.1


def test_a_stream_that_has_ended_takes_no_more() -> None:
    stream = Resampler(8000, 16000)
    stream.finish()
    with pytest.raises(ValueError, match="has ended"):
        stream.feed(noise(1))
    with pytest.raises(ValueError, match="has ended"):
        stream.finish()


@pytest.mark.parametrize("rate", [0, -8000, 1, 2_000_000])
def test_rates_that_no_recording_has_are_refused(rate: int) -> None:
    with pytest.raises(Refusal, match="samples a second; 1,000 to 1,000,000 are wanted"):
        Resampler(rate, 16000)
    with pytest.raises(Refusal, match="samples a second"):
        Resampler(16000, rate)
