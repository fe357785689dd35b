"""Room tone, and what it is put between: clips shifted, and clips joined to strings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.sound.joined import joined
from melisma.sound.level import decibels, level
from melisma.sound.tone import BELOW, FADE, FLOOR, KEPT, Tone, filled, margins, shifted, spliced

RATE = 8000
FADED = round(FADE * RATE)


def white(count: int, seed: int = 0, height: float = 0.001) -> np.ndarray:
    return (height * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def voice(count: int, height: float = 0.5, hertz: float = 200.0) -> np.ndarray:
    return (height * np.sin(2 * np.pi * hertz * np.arange(count) / RATE)).astype(np.float32)


def spoken(
    before: int = 3200, after: int = 3200, seed: int = 0, height: float = 0.5, room: float = 0.001
) -> np.ndarray:
    """Half a second of sound in a quiet room."""
    clip = white(before + 4000 + after, seed, room)
    clip[before : before + 4000] += voice(4000, height)
    return clip


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- the tone


def test_a_tone_is_as_loud_as_the_room_and_not_as_the_voice() -> None:
    made = Tone(spoken(), RATE)(8000, random())
    assert made.dtype == np.float32
    assert abs(decibels(rms(made) / 0.001)) < 1.5


def test_a_tone_has_the_colour_of_the_room() -> None:
    dark = np.convolve(white(20_000, height=0.01), np.ones(8) / 8, "same").astype(np.float32)
    dark[9000:11_000] += voice(2000)
    made = np.abs(np.fft.rfft(Tone(dark, RATE)(8000, random()))) ** 2
    wanted = np.abs(np.sinc(np.arange(4001) / 8000 * 8) / np.sinc(np.arange(4001) / 8000)) ** 2
    for low, high in ((50, 400), (400, 800), (1300, 1700), (3300, 3700)):
        share, right = made[low:high].sum() / made.sum(), wanted[low:high].sum() / wanted.sum()
        assert abs(10 * np.log10(share / right)) < 2.5


def test_a_loud_but_steady_room_is_taken_for_one() -> None:
    noisy = spoken(room=0.1)
    assert abs(decibels(Tone(noisy, RATE).level / 0.1)) < 1.5


def test_fading_speech_is_not_taken_for_a_room() -> None:
    clip = voice(4000) * np.linspace(1, 0.1, 4000, dtype=np.float32)
    assert decibels(Tone(clip, RATE).level / level(clip, RATE)) == pytest.approx(-BELOW, abs=0.01)


@pytest.mark.parametrize("count", [0, 1, 100, 5000])
def test_digital_silence_has_a_tone_all_the_same(count: int) -> None:
    made = Tone(np.zeros(count, np.float32), RATE)(1000, random())
    assert rms(made) == pytest.approx(FLOOR, rel=1e-3)
    assert made.all()


def test_digital_silence_within_a_recording_is_no_room() -> None:
    clip = np.concatenate((np.zeros(5000, np.float32), spoken(), np.zeros(5000, np.float32)))
    assert abs(decibels(Tone(clip, RATE).level / 0.001)) < 1.5


def test_no_tone_is_like_another_nor_repeats_itself() -> None:
    tone, drawn = Tone(spoken(), RATE), random()
    one, two = tone(4000, drawn), tone(4000, drawn)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.1
    assert np.abs(np.correlate(one, one[:1000])[100:]).max() < 0.4 * float(one[:1000] @ one[:1000])


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_what_resampling_left_empty_is_filled_with_the_room(share: float) -> None:
    lines = np.fft.rfft(spoken(8000, 8000, room=0.01))
    lines[round(share * (len(lines) - 1)) :] = 0
    empty = np.fft.irfft(lines).astype(np.float32)
    made = filled(empty, RATE, share, random())
    assert made.dtype == np.float32
    after = np.abs(np.fft.rfft((made - empty)[:8000])) ** 2
    room = np.abs(np.fft.rfft(empty[:8000]))[200 : round(share * 4000) - 100] ** 2
    edge = round(share * 4000)
    assert abs(10 * np.log10(after[edge + 60 :].mean() / room.mean())) < 3  # the quietest frames are softer than all
    assert after[: edge - 60].sum() < 0.05 * after.sum()


def test_what_is_filled_is_as_loud_as_just_below_it() -> None:
    tone = Tone(white(RATE), RATE)
    tone.spectrum = np.linspace(10.0, 0.0, 101)
    found = tone.beyond(0.5).spectrum
    assert not found[:51].any()
    assert found[51:] == pytest.approx(np.full(50, np.sqrt(np.mean(tone.spectrum[43:51] ** 2))))


def test_silence_is_not_filled() -> None:
    nothing = np.zeros(500, np.float32)
    assert filled(nothing, RATE, 0.8, random()) is nothing


# --- clips one after another


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=4), st.data())
def test_splicing_keeps_all_of_each_clip_but_its_edges(lengths: list[int], data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.integers(0, 700), min_size=len(lengths) + 1, max_size=len(lengths) + 1))
    clips = [white(length, seed, 0.3) for seed, length in enumerate(lengths)]
    made = spliced(clips, gaps, RATE, random())
    assert made.dtype == np.float32
    assert len(made) == sum(lengths) + sum(gaps)
    assert np.isfinite(made).all()
    at = 0
    for i, clip in enumerate(clips):
        at += gaps[i]
        inner = slice(min(FADED, len(clip) // 2), len(clip) - min(FADED, len(clip) // 2))
        assert np.array_equal(made[at : at + len(clip)][inner], clip[inner])
        at += len(clip)


def test_an_edge_without_tone_is_as_it_was() -> None:
    one, two = white(500, 1, 0.3), white(600, 2, 0.3)
    made = spliced([one, two], [0, 300, 0], RATE, random())
    assert np.array_equal(made[: 500 - FADED], one[:-FADED])
    assert np.array_equal(made[800 + FADED :], two[FADED:])
    assert np.array_equal(spliced([one], [0, 0], RATE, random()), one)


def test_between_clips_there_is_never_nothing() -> None:
    for clip in (spoken(), np.zeros(4000, np.float32), voice(4000)):
        made = spliced([clip, clip], [200, 2400, 200], RATE, random())
        gap = made[200 + len(clip) + FADED :][: 2400 - 2 * FADED]
        assert (gap == 0).mean() < 0.01
        assert gap.reshape(-1, 40).std(1).min() > FLOOR / 4


def test_across_an_edge_it_is_neither_louder_nor_softer() -> None:
    edges = [spliced([white(1600, seed)], [1600, 0], RATE, random(seed))[1400:1800] for seed in range(200)]
    power = np.square(edges).mean(0).reshape(-1, 20).mean(1)
    assert np.allclose(power / 0.001**2, 1, atol=0.25)


def test_an_edge_does_not_click() -> None:
    clip = voice(1600, hertz=100)[20:]  # begins at its highest
    made = spliced([clip], [800, 0], RATE, random())
    assert np.abs(np.diff(made)).max() < 2 * np.abs(np.diff(clip)).max()


def test_tone_turns_from_one_room_to_the_other() -> None:
    made = spliced([spoken(seed=1, room=0.01), spoken(seed=2, room=0.0001)], [0, 8000, 0], RATE, random())
    parts = made[10_400:18_400].reshape(8, -1).std(1)
    assert abs(decibels(parts[0] / 0.01)) < 1.5
    assert decibels(parts[-1] / 0.01) < -15
    assert (np.diff(parts) < 0.0005).all()


def test_gaps_that_do_not_fit_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="no clips"):
        spliced([], [5], RATE, random())
    with pytest.raises(ValueError, match="2 clips have 3 gaps, not 2"):
        spliced([white(10), white(10)], [0, 0], RATE, random())


# --- shifts


@settings(max_examples=40, deadline=None)
@given(st.integers(-4000, 4000), st.integers(-4000, 4000), st.integers(0, 3000), st.integers(0, 3000))
def test_a_shift_says_where_the_clip_stands_and_cuts_no_speech(before: int, after: int, head: int, tail: int) -> None:
    clip = spoken(head, tail)
    made, moved = shifted(clip, RATE, before, after, random())
    first, last = margins(clip, RATE)
    assert moved == max(before, -first)
    assert len(made) == len(clip) + max(before, -first) + max(after, -last)
    middle = head + 2000
    assert np.array_equal(made[middle + moved - 1500 : middle + moved + 1500], clip[middle - 1500 : middle + 1500])
    kept = round(KEPT * RATE)
    assert first <= max(0, head - kept + 160)
    assert last <= max(0, tail - kept + 160)


def test_only_quiet_beyond_a_tenth_of_a_second_can_be_taken() -> None:
    assert margins(spoken(3200, 1600), RATE) == (3200 - 800, 1600 - 800)
    assert margins(spoken(800, 0), RATE) == (0, 0)
    assert margins(np.zeros(9000, np.float32), RATE) == (0, 0)
    assert margins(np.zeros(0, np.float32), RATE) == (0, 0)


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_silence_is_not_shifted(count: int) -> None:
    nothing = np.zeros(count, np.float32)
    made, moved = shifted(nothing, RATE, 100, 100, random())
    assert made is nothing
    assert moved == 0


# --- strings


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 900), st.floats(0, 0.4)), min_size=1, max_size=5))
def test_places_are_where_clips_stand(clips: list[tuple[int, float]]) -> None:
    sounds = [white(length, seed, 0.2) for seed, (length, _) in enumerate(clips)]
    gaps = [gap for _, gap in clips[1:]]
    made = joined(sounds, gaps, RATE, random())
    assert len(made.samples) == sum(map(len, sounds)) + sum(round(gap * RATE) for gap in gaps)
    assert made.places[0][0] == 0
    assert made.places[-1][1] == len(made.samples)
    for (_, end), (begin, _), gap in zip(made.places, made.places[1:], gaps):
        assert begin - end == round(gap * RATE)
    for (begin, end), clip in zip(made.places, sounds):
        assert end - begin == len(clip)
        if len(clip) > 400:
            assert np.corrcoef(made.samples[begin:end], clip)[0, 1] > 0.9


def test_clips_meet_at_the_mean_of_their_levels() -> None:
    made = joined([spoken(height=0.5), spoken(height=0.05)], [0.2], RATE, random())
    for begin, end in made.places:
        assert level(made.samples[begin:end], RATE) == pytest.approx(np.sqrt(0.5 * 0.05) / np.sqrt(2), rel=0.02)


def test_silence_among_clips_is_not_turned_up_and_a_whisper_by_20_decibels_at_most() -> None:
    made = joined([spoken(), np.zeros(2000, np.float32), spoken(height=1e-4, room=1e-8)], [0.1, 0.1], RATE, random())
    begin, end = made.places[1]
    assert not made.samples[begin + FADED : end - FADED].any()
    begin, end = made.places[2]
    assert level(made.samples[begin:end], RATE) == pytest.approx(1e-3 / np.sqrt(2), rel=0.05)


def test_one_clip_is_joined_to_nothing() -> None:
    clip = spoken()
    assert joined([clip], [], RATE, random()).samples is clip
    assert len(joined([], [], RATE, random()).samples) == 0


def test_the_same_state_joins_alike() -> None:
    one, two, other = (joined([spoken(), spoken()], [0.1], RATE, random(seed)).samples for seed in (0, 0, 1))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_gaps_between_clips_are_one_fewer() -> None:
    with pytest.raises(ValueError, match="2 clips have 1 gaps between them, not 2"):
        joined([white(10), white(10)], [0, 0], RATE, random())
