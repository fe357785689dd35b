"""All that is done to a clip, from one generator: the laws that hold whatever is drawn."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.settings.augment import AugmentSettings
from melisma.settings.leaves import shape
from melisma.settings.read import build
from melisma.sound.augment import STAGES, Augmentation
from melisma.sound.background import Background

RATE = 8000
NOTHING = AugmentSettings(speed=0, pitch=0, shift=0, room=0, noise=0, gain=0, clip=0, telephone=0, mask=0, join=0)
EVERYTHING = replace(NOTHING, **dict.fromkeys((*STAGES, "vocal_tract", "equaliser", "mask", "join"), 1.0))


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def spoken(count: int = 6000, seed: int = 0) -> np.ndarray:
    """Sound that comes and goes, in a quiet room."""
    times = np.arange(count) / RATE
    loud = np.sin(2 * np.pi * 3 * times) > 0
    voice = 0.3 * loud * np.sin(2 * np.pi * 220 * times) + 0.001 * random(seed).standard_normal(count)
    return voice.astype(np.float32)


def recorded(rate: int = RATE) -> Background:
    return Background(rate, ((random(9).standard_normal(20_000).astype(np.float32),),))


def only(**chosen: float) -> Augmentation:
    return Augmentation(replace(NOTHING, **chosen), recorded())


# --- for every clip and every draw


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([0, 1, 2, 3, 79, 80, 161, 1000, 5001]),
    st.integers(0, 10_000),
    st.booleans(),
    st.sampled_from([8000, 16000]),
    st.sampled_from([1e-6, 0.5, 3.0]),
)
def test_a_clip_stays_a_clip(count: int, seed: int, heard: bool, rate: int, height: float) -> None:
    clip = (height * np.sin(np.arange(count) / 9)).astype(np.float32)
    clip.flags.writeable = False
    chosen = replace(EVERYTHING, clip=0.5, telephone=0.5)
    made = Augmentation(chosen, recorded(rate) if heard else None).warped(clip, rate, random(seed))
    assert made.samples.dtype == np.float32
    assert np.isfinite(made.samples).all()
    assert 0.9 <= made.factor <= 1.1
    put = len(made.samples) - int(count / made.factor + 0.5)
    assert abs(put - made.offset * rate) <= 0.1 * rate + 0.5
    assert np.abs(made.samples).max(initial=0) <= max(1, np.abs(clip).max(initial=0)) * 1.0001


@pytest.mark.parametrize("count", [0, 1, 400, 9000])
@pytest.mark.parametrize("stage", STAGES)
def test_silence_stays_silent(stage: str, count: int) -> None:
    nothing = np.zeros(count, np.float32)
    assert not only(**{stage: 1.0})(nothing, RATE, random()).any()
    assert not Augmentation(EVERYTHING, recorded())(nothing, RATE, random()).any()


@given(st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_the_same_state_makes_the_same_bits(seed: int) -> None:
    clip, augmentation = spoken(), Augmentation(replace(EVERYTHING, room=0.5, noise=0.5), recorded())
    one, two = random(seed), random(seed)
    assert np.array_equal(augmentation(clip, RATE, one), augmentation(clip, RATE, two))
    assert np.array_equal(augmentation(clip, RATE, one), augmentation(clip, RATE, two))
    assert one.random() == two.random()


def test_another_state_makes_something_else() -> None:
    made = [Augmentation(AugmentSettings())(spoken(), RATE, random(seed)).tobytes() for seed in range(10)]
    assert len(set(made)) == 10


def test_where_nothing_happens_the_clip_is_the_one_given() -> None:
    clip = spoken() * np.float32(5)  # beyond full scale, which is not ours to change
    assert Augmentation(NOTHING)(clip, RATE, random()) is clip
    frames = random().standard_normal((9, 4)).astype(np.float32)
    assert Augmentation(NOTHING).masked(frames, random()) is frames
    assert Augmentation(NOTHING).partners(50, random()) == ()


# --- each stage


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_changes_a_clip(stage: str) -> None:
    assert not np.array_equal(only(**{stage: 1.0})(spoken(), RATE, random(1)), spoken())


@pytest.mark.parametrize("stage", STAGES)
def test_it_happens_to_the_share_that_is_asked_for_and_more_often_to_no_other(stage: str) -> None:
    """What happens at a share happens at every greater one."""
    clip = spoken(200)
    seldom, often = only(**{stage: 0.3}), only(**{stage: 0.6})
    happened = [[each(clip, RATE, random(seed)) is not clip for each in (seldom, often)] for seed in range(100)]
    assert 0.15 < np.mean([each[0] for each in happened]) < 0.45
    assert 0.45 < np.mean([each[1] for each in happened]) < 0.75
    assert all(often_ or not seldom_ for seldom_, often_ in happened)


@pytest.mark.parametrize("other", [name for name in STAGES if name not in ("gain", "clip", "telephone")])
def test_no_stage_changes_what_another_draws(other: str) -> None:
    """The gain is the same whether anything happened before it or not."""

    def level(augmentation: Augmentation, seed: int) -> float:
        return float(np.abs(augmentation(spoken() * np.float32(0.01), RATE, random(seed))).max())

    for seed in range(5):
        alone = level(only(gain=1.0), seed) / level(only(), seed)
        after = level(only(gain=1.0, **{other: 1.0}), seed) / level(only(**{other: 1.0}), seed)
        assert after == pytest.approx(alone, rel=1e-4)


def test_as_much_is_drawn_of_the_generator_whatever_happens() -> None:
    after = set()
    for chosen in (NOTHING, EVERYTHING, replace(NOTHING, speed=1.0, join=1.0, join_most=9)):
        augmentation, drawn = Augmentation(chosen), random(5)
        augmentation.partners(7, drawn)
        augmentation.warped(spoken(800), RATE, drawn)
        augmentation.masked(np.ones((9, 4), np.float32), drawn)
        after.add(drawn.random())
    assert len(after) == 1


def test_what_two_stages_draw_has_nothing_to_do_with_each_other() -> None:
    clip = spoken(200) * np.float32(0.01)
    both = only(speed=1.0, gain=1.0, gain_by=1)
    made = [both.warped(clip, RATE, random(seed)) for seed in range(200)]
    assert abs(np.corrcoef([each.factor for each in made], [float(each.samples.std()) for each in made])[0, 1]) < 0.3


def test_nothing_becomes_louder_than_full_scale() -> None:
    clip = spoken() / np.abs(spoken()).max()
    for seed in range(20):
        assert np.abs(only(gain=1.0, noise=1.0)(clip, RATE, random(seed))).max() <= 1.0001


def test_a_wider_range_draws_the_same_place_in_it() -> None:
    for seed in range(5):
        narrow, wide = (only(speed=1.0, speed_by=by).warped(spoken(), RATE, random(seed)).factor for by in (0.1, 0.2))
        assert wide - 1 == pytest.approx(2 * (narrow - 1))


@pytest.mark.parametrize("seed", range(8))
def test_times_are_where_they_are_said_to_be(seed: int) -> None:
    clip = spoken(8000) * np.float32(0.01)
    clip[5000] = 0.9
    made = only(speed=1.0, shift=1.0, gain=1.0).warped(clip, RATE, random(seed))
    assert int(np.argmax(made.samples)) == pytest.approx(made.time(5000 / RATE) * RATE, abs=1)
    moved = only(pitch=1.0).warped(clip, RATE, random(seed))
    assert (moved.factor, moved.offset) == (1, 0)
    assert int(np.argmax(moved.samples)) == pytest.approx(5000, abs=0.006 * RATE + 1)
    roomy = only(room=1.0).warped(clip, RATE, random(seed))
    assert int(np.argmax(np.abs(roomy.samples))) == 5000


def test_noise_is_as_far_below_speech_as_is_drawn() -> None:
    clip = np.sin(np.arange(16_000) / 5).astype(np.float32) * np.float32(0.1)
    reached = []
    for seed in range(60):
        added = only(noise=1.0, noise_least=5, noise_most=15)(clip, RATE, random(seed)) - clip
        reached.append(20 * np.log10(clip.std() / added.std()))
    assert 4.9 < min(reached) < 6
    assert 14 < max(reached) < 15.1


def test_without_recordings_noise_is_drawn() -> None:
    assert not np.array_equal(Augmentation(replace(NOTHING, noise=1))(spoken(), RATE, random()), spoken())
    empty = Augmentation(replace(NOTHING, noise=1), Background(16000, ()))
    assert len(empty(spoken(), RATE, random())) == len(spoken())


def test_recordings_are_read_where_the_settings_name_them(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "rain.wav", random().standard_normal(9000) * 0.1, 16000)
    chosen = build(AugmentSettings, {"backgrounds": str(tmp_path)})
    heard = Augmentation.of(chosen, RATE).backgrounds
    assert heard is not None
    assert (heard.rate, len(heard.recordings[0][0])) == (RATE, 4500)
    assert Augmentation.of(AugmentSettings(), RATE).backgrounds is None


def test_recordings_at_another_rate_are_refused() -> None:
    with pytest.raises(Refusal, match="at 16,000 Hz and the clip at 8,000"):
        Augmentation(replace(NOTHING, noise=1), recorded(16000))(spoken(), RATE, random())


def test_gain_reaches_both_ends_of_its_range() -> None:
    clip = spoken() * np.float32(0.1)
    gains = [
        20 * np.log10(only(gain=1.0, gain_by=6)(clip, RATE, random(seed)).std() / clip.std()) for seed in range(200)
    ]
    assert -6 <= min(gains) < -5.5
    assert 5.5 < max(gains) <= 6.0001


def test_slower_and_lower_leave_no_empty_band() -> None:
    clip = 0.1 * random().standard_normal(16_000).astype(np.float32)
    for seed in range(10):
        for made in (only(speed=1.0, speed_by=0.5), only(pitch=1.0, pitch_by=12)):
            lines = np.abs(np.fft.rfft(made(clip, RATE, random(seed)))) ** 2
            assert lines[int(0.9 * len(lines)) :].mean() > 0.1 * lines.mean()


# --- frames, strings


def test_masks_hide_what_the_settings_say() -> None:
    frames = np.ones((100, 40), np.float32)
    augmentation = Augmentation(replace(NOTHING, mask=1.0))
    hidden = [augmentation.masked(frames, random(seed)) == 0 for seed in range(200)]
    assert max(int(each.all(0).sum()) for each in hidden) in range(17, 21)
    assert max(int(each.all(1).sum()) for each in hidden) in range(17, 21)
    one, two = (augmentation.masked(frames, random(3)) for _ in range(2))
    assert np.array_equal(one, two)
    half = Augmentation(replace(NOTHING, mask=0.5))
    assert 0.35 < np.mean([half.masked(frames, random(seed)) is frames for seed in range(200)]) < 0.65


def test_partners_are_drawn_from_all_and_no_more_than_wanted() -> None:
    augmentation = Augmentation(replace(NOTHING, join=1.0, join_most=4))
    drawn = [augmentation.partners(7, random(seed)) for seed in range(300)]
    assert {len(each) for each in drawn} == {1, 2, 3}
    assert {index for each in drawn for index in each} == set(range(7))
    assert augmentation.partners(0, random()) == ()
    half = Augmentation(replace(NOTHING, join=0.5))
    assert 0.4 < np.mean([half.partners(7, random(seed)) == () for seed in range(300)]) < 0.6


def test_strings_have_gaps_within_the_settings() -> None:
    augmentation = Augmentation(replace(NOTHING, join_gap_least=0.1, join_gap_most=0.2))
    gaps = []
    for seed in range(30):
        made = augmentation.joined([spoken(800), spoken(900), spoken(700)], RATE, random(seed))
        gaps += [b[0] - a[1] for a, b in zip(made.places, made.places[1:])]
        again = augmentation.joined([spoken(800), spoken(900), spoken(700)], RATE, random(seed))
        assert np.array_equal(made.samples, again.samples)
    assert 800 <= min(gaps) < 850
    assert 1550 < max(gaps) <= 1600


# --- settings


def test_every_stage_has_a_share() -> None:
    assert {*STAGES, "mask", "join"} <= {each.name for each in fields(AugmentSettings)}
    for name in (*STAGES, "mask", "join"):
        meaning = shape(AugmentSettings).leaves[name].meaning
        assert (meaning.low, meaning.high) == (0, 1)
        assert "share" in meaning.help


def test_what_is_idle_without_something_else_is_told() -> None:
    switches = {*STAGES, "vocal_tract", "equaliser", "mask", "join"}
    assert {*AugmentSettings().idle()} == {*shape(AugmentSettings).names} - switches
    assert {name for name, told in NOTHING.idle().items() if told[0]} == {*NOTHING.idle()}
    assert not any(told[0] for told in EVERYTHING.idle().values())
    spans = replace(EVERYTHING, mask_spans=0).idle()
    assert {name: told for name, told in spans.items() if told[0]} == dict.fromkeys(
        ("mask_spans_by", "mask_span"), (True, "augment.mask_spans=0", "an augment.mask_spans above 0")
    )


@pytest.mark.parametrize("name", shape(AugmentSettings).names)
def test_every_setting_says_what_it_is_and_why(name: str) -> None:
    leaf = shape(AugmentSettings).leaves[name]
    assert leaf.meaning.help
    assert leaf.meaning.why
    assert not leaf.meaning.help.endswith(".")
    assert not leaf.meaning.why.endswith(".")
    assert build(AugmentSettings, {name: leaf.default}) == AugmentSettings()
    if leaf.kind in ("whole", "number"):
        assert meaning_has_a_range(leaf.meaning)


def meaning_has_a_range(meaning: object) -> bool:
    low, above, high, below = (getattr(meaning, each) for each in ("low", "above", "high", "below"))
    return (low is not None or above is not None) and (high is not None or below is not None)


@pytest.mark.parametrize(
    "given",
    [
        {"noise_least": 30},
        {"room_decay_least": 0.7},
        {"join_gap_most": 0.01},
        {"speed": 1.5},
        {"mask_bands_by": -0.1},
        {"gain_by": 0},
    ],
)
def test_contradictions_and_values_out_of_range_are_refused(given: dict[str, float]) -> None:
    (name,) = given
    with pytest.raises(Refusal, match=name.rsplit("_", 1)[0]):
        build(AugmentSettings, given)
