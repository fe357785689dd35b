"""Scenes: the same generator, the same bits; words stand where the labels say, apart, and as loud as was drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.settings.augment import AugmentSettings
from melisma.settings.scene import SceneSettings
from melisma.sound.augment import Augmentation, Augmented
from melisma.sound.level import level
from melisma.sound.said import Said
from melisma.sound.scene import (
    FADE,
    LEVEL,
    PARTS,
    SHARES,
    SNIPPETS,
    SPLICED,
    TAIL,
    Change,
    Stage,
    Take,
    excerpt,
    faded,
    has_room,
    heard_at,
    part_of,
    shuffled,
    spliced,
)

RATE = 8000
Samples = NDArray[np.float32]
SETTINGS = SceneSettings(seconds=4.0)
TONES = (500, 900)  # Hz of the two words
STRANGER = 1500
HISS = 3200  # Hz of the background


def tone(hertz: float, seconds: float, loudness: float = 0.3) -> Samples:
    t = np.arange(round(seconds * RATE)) / RATE
    return (loudness * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def take(hertz: float, seconds: float = 0.4, around: float = 0.5) -> Take:
    silence = np.zeros(round(around * RATE), np.float32)
    return Take(np.concatenate((silence, tone(hertz, seconds), silence)), around, around + seconds)


def background(size: int, random: Generator) -> Samples:
    return tone(HISS, size / RATE, 0.1)


def a_stage(settings: SceneSettings = SETTINGS) -> Stage:
    words = [[take(hertz), take(hertz, 0.6)] for hertz in TONES]
    return Stage(RATE, words, [[take(STRANGER)], [], [take(STRANGER, 3.0)]], background, settings)


def energy(samples: Samples, hertz: float) -> float:
    """The amplitude of one tone in samples."""
    t = np.arange(len(samples)) / RATE
    return float(np.abs(np.mean(samples * np.exp(-2j * np.pi * hertz * t)))) * 2


def between(samples: Samples, said: Said, margin: float = 0.05) -> Samples:
    return samples[round((said.begin + margin) * RATE) : round((said.end - margin) * RATE)]


@given(seed=st.integers(0, 2**32))
def test_the_same_generator_makes_the_same_bits(seed: int) -> None:
    one, other = (a_stage().scene(np.random.default_rng(seed)) for _ in range(2))
    assert one.said == other.said
    assert one.samples.tobytes() == other.samples.tobytes()
    assert one.samples.dtype == np.float32


@given(seed=st.integers(0, 2**32))
def test_what_is_said_stands_where_the_labels_say_and_nowhere_else(seed: int) -> None:
    stage = a_stage(replace(SETTINGS, bare=1.0, partial=0.0, shuffled=0.0, spliced=0.0, quietest=-30, loudest=-20))
    scene = stage.scene(np.random.default_rng(seed))
    assert len(scene.samples) == 4 * RATE
    assert np.abs(scene.samples).max() <= 1
    rest = scene.samples.copy()
    last = 0.0
    for said in scene.said:
        assert last <= said.begin < said.end <= 4.0 - TAIL + 1e-9, "apart, in order, and with time to be heard"
        last = said.end
        own = STRANGER if said.word is None else TONES[said.word]
        assert said.group in ((0, 2) if said.word is None else (None,)), "the second group is empty"
        heard = between(scene.samples, said)
        loudest = max((*TONES, STRANGER), key=lambda hertz: energy(heard, hertz))
        assert loudest == own
        edges = slice(max(0, round(said.begin * RATE)), round(said.end * RATE))
        rest[edges] = 0
    assert not rest.any(), "takes are silent around their words"
    assert scene.labels == tuple(said for said in scene.said if said.word is not None)


def test_the_ends_of_words_are_exact() -> None:
    stage = a_stage(replace(SETTINGS, bare=1.0, negatives=0))
    random = np.random.default_rng(1)
    for _ in range(20):
        scene = stage.scene(random)
        for said in scene.said:
            begin, end = round(said.begin * RATE), round(said.end * RATE)
            assert not scene.samples[end : end + 10].any()
            assert scene.samples[end - 10 : end].any()
            assert scene.samples[begin : begin + 10].any()
            assert said.end - said.begin == pytest.approx(0.4, abs=1e-4) or said.end - said.begin == pytest.approx(
                0.6, abs=1e-4
            )


def test_counts_are_drawn_from_none_to_the_most_and_of_every_word() -> None:
    stage = a_stage(replace(SETTINGS, seconds=20, positives=3, negatives=2))
    random = np.random.default_rng(2)
    scenes = [stage.scene(random) for _ in range(150)]
    assert {len(scene.labels) for scene in scenes} == {0, 1, 2, 3}
    assert {len(scene.said) - len(scene.labels) for scene in scenes} == {0, 1, 2}
    assert {said.word for scene in scenes for said in scene.labels} == {0, 1}
    orders = {tuple(said.word is None for said in scene.said) for scene in scenes if len(scene.said) == 2}
    assert {(True, False), (False, True)} <= orders


@pytest.mark.parametrize("ratio", [-6.0, 0.0, 20.0])
def test_speech_is_as_much_louder_than_the_background_as_was_drawn(ratio: float) -> None:
    settings = replace(SETTINGS, noisiest=ratio, cleanest=ratio, bare=0.0, quietest=-30, loudest=-30, negatives=0)
    random, apart, loud = np.random.default_rng(3), [], []
    for _ in range(60):
        scene = a_stage(settings).scene(random)
        for said in scene.labels:
            heard = between(scene.samples, said)
            assert said.word is not None
            apart.append(20 * np.log10(energy(heard, TONES[said.word]) / energy(heard, HISS)))
            loud.append(20 * np.log10(energy(heard, TONES[said.word]) / np.sqrt(2)))
    assert min(apart) > ratio - 6.5
    assert max(apart) < ratio + 6.5
    assert max(apart) - min(apart) > 6, "pieces are not all as loud as each other"
    assert np.mean(apart) == pytest.approx(ratio, abs=1.5)
    assert np.mean(loud) == pytest.approx(-30, abs=1.5)


def test_some_scenes_are_bare_and_some_have_no_background_at_hand() -> None:
    random = np.random.default_rng(4)
    bare = [energy(a_stage().scene(random).samples, HISS) < 1e-6 for _ in range(100)]
    assert 3 < sum(bare) < 35
    nothing = replace(a_stage(), backdrop=None, strangers=[])
    assert not any(energy(nothing.scene(random).samples, HISS) > 1e-3 for _ in range(10))


@pytest.mark.parametrize("kind", ["partial", "shuffled", "spliced"])
def test_negatives_are_parts_of_words_or_words_in_another_order_or_snippets(kind: str) -> None:
    """A word of two tones, one after the other, so that its parts and their order can be heard."""
    silence = np.zeros(RATE // 2, np.float32)
    both = np.concatenate((silence, tone(500, 0.3), tone(900, 0.3), silence))
    shares = {"partial": 0.0, "shuffled": 0.0, "spliced": 0.0} | {kind: 1.0}
    settings = replace(SETTINGS, **shares, bare=1.0, negatives=2, quietest=-20, loudest=-20)
    stage = Stage(RATE, [[Take(both, 0.5, 1.1)]], [[take(STRANGER)]], None, settings)
    random, heard = np.random.default_rng(5), set()
    for _ in range(40):
        scene = stage.scene(random)
        for said in scene.said:
            pieces = [
                between(scene.samples, Said(None, at, at + 0.02), 0)
                for at in np.arange(said.begin, said.end - 0.02, 0.02)
            ]
            loudest = [max((*TONES, STRANGER), key=lambda hertz, piece=piece: energy(piece, hertz)) for piece in pieces]
            order = tuple(hertz for hertz, before in zip(loudest, [0, *loudest]) if hertz != before)
            assert said.group is None
            if said.word is None:
                heard.add(order)
                assert said.end - said.begin <= {"partial": SHARES[1] * 0.6, "shuffled": 0.6, "spliced": 2}[kind] + 1e-3
            else:
                assert order == (500, 900)
    if kind == "partial":
        assert heard == {(500,), (900,), (500, 900)}, "less than two thirds, whichever end"
    elif kind == "shuffled":
        assert (900, 500) in heard
        assert (500, 900) not in heard
    else:
        assert any(STRANGER in order for order in heard)
        assert len(heard) > 10


def test_a_changed_take_moves_its_times_along() -> None:
    def slower(samples: Samples, rate: int, random: Generator) -> Augmented:
        places = np.arange(2 * len(samples)) / 2
        return Augmented(np.interp(places, np.arange(len(samples)), samples).astype(np.float32), 0.5, 0.0)

    stage = replace(a_stage(replace(SETTINGS, bare=1.0, negatives=0, seconds=8)), change=slower)
    random, seen = np.random.default_rng(6), 0
    for _ in range(10):
        scene = stage.scene(random)
        for said in scene.labels:
            assert said.word is not None
            seen += 1
            assert min(abs(said.end - said.begin - seconds) for seconds in (0.8, 1.2)) < 1e-3
            assert not scene.samples[round(said.end * RATE) + 2 : round(said.end * RATE) + 20].any()
            assert energy(between(scene.samples, said), TONES[said.word] / 2) > 1e-3
    assert seen


def test_what_has_no_room_is_left_out() -> None:
    stage = a_stage(replace(SETTINGS, seconds=1.5, positives=20, negatives=20))
    random = np.random.default_rng(7)
    for _ in range(20):
        scene = stage.scene(random)
        assert len(scene.samples) == 1.5 * RATE
        assert all(said.end <= 1.5 - TAIL + 1e-9 for said in scene.said)


PLAIN = {"pitch": 0.0, "room": 0.0, "noise": 0.0, "gain": 0.0, "clip": 0.0, "telephone": 0.0}


class Widest(Generator):
    """Draws the highest that it may."""

    def uniform(self, low: float = 0.0, high: float = 1.0, size: int | None = None) -> Any:  # type: ignore[override]
        return high if size is None else np.full(size, high)


def left_out(one: Take, scene: SceneSettings, change: Change, random: Generator) -> bool:
    """Whether a scene of a take alone is without it."""
    stage = Stage(RATE, [[one]], [], None, scene, change)
    return not stage._placed([stage._positive(random)], round(scene.seconds * RATE), random)[1]


@pytest.mark.parametrize("around", [0.0, 0.04, 0.2, 0.5])
@pytest.mark.parametrize(
    "changed",
    [
        {"speed": 0.0, "shift": 0.0},
        {"speed": 1.0, "speed_by": 0.3, "shift": 0.0},
        {"speed": 0.0, "shift": 1.0, "shift_by": 0.2},
        {"speed": 1.0, "speed_by": 0.2, "shift": 1.0, "shift_by": 0.1},
    ],
)
def test_what_has_room_is_never_left_out_and_what_has_none_is_where_all_is_widest(
    around: float, changed: dict[str, float]
) -> None:
    scene, augment = replace(SETTINGS, seconds=1.7), replace(AugmentSettings(), **PLAIN, **changed)

    def widest(samples: Samples, rate: int, random: Generator) -> Augmented:
        factor = 1 - augment.speed_by if augment.speed else 1.0
        added = 2 * augment.shift_by if augment.shift else 0.0
        return Augmented(np.ones(round(len(samples) / factor + added * rate), np.float32), factor, added / 2)

    lengths, random = [length / 100 for length in range(5, 140)], Widest(np.random.PCG64(13))
    longest = max(length for length in lengths if has_room(take(500, length, around), RATE, scene, augment))
    assert not left_out(take(500, longest, around), scene, widest, random)
    assert left_out(take(500, longest + 0.02, around), scene, widest, random)
    draw = np.random.default_rng(13)
    drawn = [left_out(take(500, longest, around), scene, Augmentation(augment).warped, draw) for _ in range(10)]
    assert not any(drawn)


def test_silent_takes_and_backgrounds_make_no_nonsense() -> None:
    silent = Take(np.zeros(RATE, np.float32), 0.2, 0.8)
    nothing = Take(np.zeros(0, np.float32), 0.0, 0.0)
    stage = Stage(
        RATE, [[silent, nothing]], [[silent, nothing]], lambda size, random: np.zeros(size, np.float32), SETTINGS
    )
    random = np.random.default_rng(8)
    assert all(np.isfinite(stage.scene(random).samples).all() for _ in range(40))


# --- pieces -----------------------------------------------------------------------------------------------------------


def test_parts_are_beginnings_or_ends_within_the_shares() -> None:
    random, whole = np.random.default_rng(9), take(500, 1.0)
    shares, firsts = [], []
    for _ in range(100):
        part = part_of(whole, RATE, random)
        shares.append(part.end - part.begin)
        firsts.append(part.begin > 0)
        inside = part.samples[round(part.begin * RATE) : round(part.end * RATE)]
        assert len(inside) == pytest.approx((part.end - part.begin) * RATE, abs=1)
        assert level(inside, RATE) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)
    assert SHARES[0] <= min(shares) < 0.4
    assert 0.55 < max(shares) <= SHARES[1]
    assert 20 < sum(firsts) < 80


def test_parts_are_said_in_another_order_and_none_is_lost() -> None:
    """Of a word whose every sample is another: which are where afterwards."""
    silence, word = np.zeros(800, np.float32), np.linspace(0.1, 0.9, 8000, dtype=np.float32)
    samples, random, counts = np.concatenate((silence, word, silence)), np.random.default_rng(11), set()
    edge = round(FADE * RATE)
    for _ in range(40):
        turned = shuffled(Take(samples, 0.1, 1.1), RATE, random)
        assert (turned.begin, turned.end, len(turned.samples)) == (0.1, 1.1, len(samples))
        assert not turned.samples[:800].any()
        assert not turned.samples[-800:].any()
        places = np.searchsorted(word, turned.samples[800:-800])
        same = word[places.clip(max=7999)] == turned.samples[800:-800]  # what no fade has changed
        runs = np.split(places[same], np.flatnonzero(np.diff(np.flatnonzero(same)) > 1) + 1)
        runs = [run for run in runs if len(run) > edge]  # a faded sample may be like another by chance
        begins = [int(run[0]) for run in runs]
        assert begins != sorted(begins)
        assert sum(map(len, runs)) >= 8000 - 2 * len(runs) * edge - len(runs)
        assert len(np.unique(np.concatenate(runs))) == sum(map(len, runs))
        counts.add(len(runs))
    assert counts == set(range(2, PARTS + 1))


def test_snippets_come_one_after_another_at_one_level() -> None:
    random = np.random.default_rng(12)
    takes = [Take(tone(hertz, 1.0, loudness), 0.0, 1.0) for hertz, loudness in ((500, 0.9), (900, 0.01), (1500, 0.1))]
    for _ in range(10):
        made = spliced(takes, RATE, random)
        assert (made.begin, made.end) == (0.0, len(made.samples) / RATE)
        assert 3 * SNIPPETS[0] <= made.end <= 3 * SNIPPETS[1]
        order = [
            max((500, 900, 1500), key=lambda hertz, at=at: energy(made.samples[at : at + 200], hertz))
            for at in (180, -380)
        ]
        assert order == [500, 1500]
        assert level(made.samples, RATE) == pytest.approx(LEVEL, rel=0.2)
    short = spliced([Take(tone(500, 0.05), 0.0, 0.05)] * SPLICED, RATE, random)
    assert short.end == pytest.approx(0.05 * SPLICED, abs=1e-3)


def test_fades_come_from_nothing_and_leave_the_middle() -> None:
    ones = np.ones(RATE, np.float32)
    both, none = faded(ones, RATE), faded(ones, RATE, come=False, go=False)
    assert both[0] < 1e-3 > both[-1]
    assert (np.diff(both[: round(FADE * RATE)]) > 0).all()
    np.testing.assert_array_equal(both, both[::-1])
    np.testing.assert_array_equal(none, ones)
    assert (both[round(FADE * RATE) : -round(FADE * RATE)] == 1).all()
    assert (ones == 1).all(), "what is given is not written to"
    assert faded(ones[:1], RATE).tolist() == [1.0]
    assert not len(faded(ones[:0], RATE))


def test_of_what_is_long_a_part_is_taken_from_anywhere() -> None:
    random, long = np.random.default_rng(10), take(500, 3.0)
    begins = set()
    for _ in range(20):
        part = excerpt(long, RATE, 1.0, random)
        assert (part.begin, part.end) == (0.0, 1.0)
        assert level(part.samples, RATE) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)
        begins.add(part.samples[:50].tobytes())
    assert len(begins) > 10
    assert excerpt(take(500), RATE, 1.0, random).samples is not None
    assert excerpt(long, RATE, 3.0, random) is long


def test_what_an_alarm_was_given_for_is_what_came_before_it() -> None:
    samples = np.arange(4 * RATE, dtype=np.float32)
    inside = heard_at(samples, RATE, 2.0)
    np.testing.assert_array_equal(inside.samples, samples[round(0.8 * RATE) : round(2.2 * RATE)])
    assert (inside.begin, inside.end) == (0.0, pytest.approx(1.4))
    np.testing.assert_array_equal(heard_at(samples, RATE, 0.5).samples, samples[: round(0.7 * RATE)])
    np.testing.assert_array_equal(heard_at(samples, RATE, 3.9).samples, samples[round(2.7 * RATE) :])
    nothing = heard_at(samples, RATE, 9.0)
    assert (len(nothing.samples), nothing.begin, nothing.end) == (0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"quietest": -5.0}, "quietest=-5 lies above loudest=-10"),
        ({"noisiest": 40.0}, "noisiest=40 lies above cleanest=25"),
        ({"partial": 0.5, "shuffled": 0.4, "spliced": 0.2}, "partial=0.5, shuffled=0.4 and spliced=0.2 are 1.1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changed: dict[str, float], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        replace(SETTINGS, **changed).check()
    SETTINGS.check()
