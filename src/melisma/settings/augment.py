"""How training sound is varied: what is drawn anew for each clip, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import setting


@dataclass(frozen=True)
class AugmentSettings:
    """What is done to clips while training, and never to what is measured on.

    A name alone is the share of clips to which it happens; how much is drawn evenly within the limits beside it.
    """

    speed: float = setting(
        1.0,
        help="share of clips played faster or slower, which moves pitch and formants too",
        why="the best single remedy for few speakers (Ko et al. 2015)",
        low=0,
        high=1,
    )
    speed_by: float = setting(
        0.1,
        help="share by which they are faster or slower, at most",
        why="as published (Ko et al. 2015); people who are asked to hurry go further, and no longer sound alike",
        above=0,
        high=0.5,
    )
    pitch: float = setting(
        0.5,
        help="share of clips whose pitch and formants move while their tempo stays",
        why="is another speaker's throat at the same pace; half, as each one also loses a little of its sharpness",
        low=0,
        high=1,
    )
    pitch_by: float = setting(
        2.0,
        help="semitones by which they move up or down, at most",
        why="an eighth of the frequency, about what separates the lengths of adults' throats (Jaitly and Hinton 2013)",
        above=0,
        high=12,
    )
    shift: float = setting(
        0.5,
        help="share of clips that begin and end earlier or later: room tone is put there, or quiet taken away; "
        "what is spoken is never cut",
        why="no recording in use is cut as the training clips are",
        low=0,
        high=1,
    )
    shift_by: float = setting(
        0.1,
        help="seconds put or taken at either end, at most",
        why="more would teach silence rather than speech",
        above=0,
        high=10,
    )
    room: float = setting(
        0.3,
        help="share of clips heard in a room, drawn anew for each: walls, places, and how long it rings",
        why="microphones stand away from mouths; some clips stay dry, as some are in use",
        low=0,
        high=1,
    )
    room_decay_least: float = setting(
        0.1,
        help="seconds in which the deadest room falls silent by 60 dB",
        why="a car, or a room full of cushions",
        low=0.03,
        high=5,
    )
    room_decay_most: float = setting(
        0.6,
        help="seconds in which the liveliest room falls silent by 60 dB",
        why="a bare office; a church would take 3",
        low=0.03,
        high=5,
    )
    room_distance: float = setting(
        2.0,
        help="metres between mouth and microphone, at most",
        why="across a desk or a small room",
        above=0.05,
        high=5,
    )
    noise: float = setting(
        0.4,
        help="share of clips with noise behind them: out of backgrounds, or a drawn hiss or rumble if there are none",
        why="some clips stay clean, as some are in use",
        low=0,
        high=1,
    )
    noise_least: float = setting(
        0.0,
        help="decibels by which speech exceeds noise at the least, measured where somebody speaks",
        why="as loud as the voice: about what people still understand with ease",
        low=-20,
        high=100,
    )
    noise_most: float = setting(
        20.0,
        help="decibels by which speech exceeds noise at the most",
        why="fainter noise hardly changes anything",
        low=-20,
        high=100,
    )
    backgrounds: tuple[str, ...] = setting(
        (),
        help="files of background sound and folders of them, a comma between",
        why="only you know what is heard where you record; none are shipped",
    )
    gain: float = setting(
        1.0,
        help="share of clips made louder or softer, never beyond full scale",
        why="level is what differs most between training and use",
        low=0,
        high=1,
    )
    gain_by: float = setting(
        10.0,
        help="decibels by which they are, at most",
        why="half or twice the distance to a microphone makes 6, and devices differ besides",
        above=0,
        high=60,
    )
    clip: float = setting(
        0.1,
        help="share of clips whose peaks are cut off, as by a microphone that was turned up too far",
        why="happens now and then",
        low=0,
        high=1,
    )
    clip_by: float = setting(
        6.0,
        help="decibels cut off the highest peak, at most",
        why="half of it: heard, yet well understood",
        above=0,
        high=40,
    )
    telephone: float = setting(
        0.0,
        help="share of clips heard through a telephone: 300 to 3400 Hz in 8-bit mu-law",
        why="off unless calls are what it is for",
        low=0,
        high=1,
    )
    vocal_tract: float = setting(
        0.0,
        help="share of clips whose formants move while pitch and tempo stay: each band is read at another frequency",
        why="off, as pitch moves them too; costs a thousandth of that, and is the better one where speakers are few",
        low=0,
        high=1,
    )
    vocal_tract_by: float = setting(
        0.15,
        help="share by which they are higher or lower, at most",
        why="what separates the throats of adults, and some more (Jaitly and Hinton 2013 took 0.1)",
        above=0,
        high=0.5,
    )
    equaliser: float = setting(
        0.0,
        help="share of clips some of whose bands are made louder and others softer, by a smooth curve drawn anew",
        why="off, as it is needless where recordings are by many microphones, and makes few takes harder to learn",
        low=0,
        high=1,
    )
    equaliser_by: float = setting(
        6.0,
        help="decibels by which a band is typically louder or softer then",
        why="about what cheap microphones, rooms and voices differ by",
        above=0,
        high=40,
    )
    mask: float = setting(
        1.0,
        help="share of clips in which bands and spans of time are masked (SpecAugment)",
        why="a mask may be of no width, so that some clips stay whole anyway (Park et al. 2019)",
        low=0,
        high=1,
    )
    mask_bands: int = setting(
        2,
        help="masks over bands of frequency",
        why="as published (Park et al. 2019)",
        low=0,
        high=100,
    )
    mask_bands_by: float = setting(
        0.25,
        help="share of the bands that each covers, at most",
        why="10 of 40; the 27 of 80 that were published are for hundreds of hours (Park et al. 2019)",
        low=0,
        high=1,
    )
    mask_spans: int = setting(
        2,
        help="masks over spans of time",
        why="as published (Park et al. 2019)",
        low=0,
        high=100,
    )
    mask_spans_by: float = setting(
        0.1,
        help="share of the clip that each covers, at most",
        why="a fifth in all: more would hide whole words of what is to be written",
        low=0,
        high=1,
    )
    mask_span: int = setting(
        40,
        help="frames that each covers, at most",
        why="0.4 s at the usual 10 ms: one word of a long recording",
        low=0,
        high=100_000,
    )
    join: float = setting(
        0.0,
        help="share of clips that others are joined to, with room tone between, and their texts one after another",
        why="off, as only clips of single words want it, whose use is strings of them",
        low=0,
        high=1,
    )
    join_most: int = setting(
        5,
        help="clips that are joined in all, at most",
        why="two to three seconds of single words",
        low=2,
        high=100,
    )
    join_gap_least: float = setting(
        0.05,
        help="seconds between joined clips, at the least",
        why="words in fluent speech touch",
        low=0,
        high=10,
    )
    join_gap_most: float = setting(
        0.3,
        help="seconds between joined clips, at the most",
        why="the pause of one who reads numbers out",
        low=0,
        high=10,
    )

    def check(self) -> None:
        """Refuses limits that are the wrong way round."""
        for name in ("room_decay", "noise", "join_gap"):
            least, most = getattr(self, f"{name}_least"), getattr(self, f"{name}_most")
            if least > most:
                raise Refusal(f"{name}_least is {least:g} and {name}_most {most:g}: wants the smaller one first")

    def idle(self) -> dict[str, tuple[bool, str, str]]:
        """Settings that say how something is done -> whether it never is, what says so, what is wanted."""
        rows = (
            ("speed", ("speed_by",)),
            ("pitch", ("pitch_by",)),
            ("shift", ("shift_by",)),
            ("room", ("room_decay_least", "room_decay_most", "room_distance")),
            ("noise", ("noise_least", "noise_most", "backgrounds")),
            ("gain", ("gain_by",)),
            ("clip", ("clip_by",)),
            ("vocal_tract", ("vocal_tract_by",)),
            ("equaliser", ("equaliser_by",)),
            ("mask_bands", ("mask_bands_by",)),
            ("mask_spans", ("mask_spans_by", "mask_span")),
            ("mask", ("mask_bands", "mask_bands_by", "mask_spans", "mask_spans_by", "mask_span")),
            ("join", ("join_most", "join_gap_least", "join_gap_most")),
        )
        found: dict[str, tuple[bool, str, str]] = {}
        for switch, names in rows:
            told = (not getattr(self, switch), f"augment.{switch}=0", f"an augment.{switch} above 0")
            found |= {name: told for name in names if told[0] or name not in found}
        return found
