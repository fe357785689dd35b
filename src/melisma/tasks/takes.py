"""What trigger words are learned from and measured on: takes of them, other speech, and what is heard besides."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from melisma.errors import Refusal
from melisma.measures.poisson import hours_wanted
from melisma.measures.poisson import rate as rate_of
from melisma.quoting import counted, named
from melisma.settings.leaves import Corpora
from melisma.settings.names import KINDS
from melisma.settings.trigger import TriggerDataSettings, TriggerSettings
from melisma.sound.scene import Take, has_room
from melisma.sound.sessions import MOST, sessions
from melisma.sound.wave import blocks
from melisma.task import Corpus
from melisma.tasks.held_out import held_out
from melisma.tasks.labelled import Labelled
from melisma.tasks.utterances import Laid, Samples, Utterance, heard_at, laid_down, listed, part_of
from melisma.tasks.utterances import asked as utterances_of

LONGEST = 20.0  # seconds of other sound that are one example to learn from: longer recordings are cut
LEAST = 0.1  # seconds of a take in which something is said
KIND_CALLED = {"positive": "take", "negative": "recording", "background": "recording"}
TOLD = "told"  # the kind of what is given as a take and as none: its text tells, to whoever knows the words
UNNAMED = ""  # the word of a take that nobody names: that of a run with a single one


@dataclass(frozen=True, eq=False)
class Recorded:
    """A recording, what it is, and who or what it is of."""

    utterance: Utterance
    kind: str  # "positive", "negative" or "background"; TOLD by its text; empty: nobody knows
    word: str | None = None  # of a positive its trigger word, UNNAMED where it has no name
    label: str | None = None  # what else is said, where it is told
    corpus: str = ""  # what it was named by
    group: str = ""  # its speaker, session or file, which is trained or validated on as a whole

    def samples(self, rate: int) -> Samples:
        """The whole at this rate, (N,); Refusal where it cannot be decoded."""
        return self.utterance.samples(rate)

    def blocks(self, rate: int) -> Iterator[Samples]:
        """The same, piece by piece: of a file that was not laid down no more is in memory at once."""
        if self.utterance.laid is not None:
            yield self.samples(rate)
        else:
            clip = self.utterance.clip
            yield from blocks(clip.audio, rate, clip.begin, clip.end)

    def seconds(self) -> float:
        """How long it is; only of what was laid down."""
        return self.utterance.seconds()

    @property
    def rate(self) -> int:
        """Samples a second at which it was laid down."""
        assert self.utterance.laid is not None
        return self.utterance.laid.rate

    @property
    def where(self) -> str:
        """What names it."""
        return self.utterance.clip.where

    def __str__(self) -> str:
        return str(self.utterance)


@dataclass(frozen=True)
class Found:
    """What was read of some corpora."""

    recorded: list[Recorded]
    signatures: dict[str, Any]
    notes: list[str]

    def why(self) -> str:
        """What was said of those that were left out, in parentheses."""
        return f"({'; '.join(note.removeprefix('warning: ') for note in self.notes) or 'there is none'})"


def read(settings: TriggerSettings) -> Corpus[Recorded]:
    """Takes, other speech and backgrounds to learn from and to validate on; where none are given, groups are cut off.

    Refusal where there is nothing to learn from, where a word has a single take, where a sound is both a trigger word
    and none, and where what is validated on is trained on too.
    """
    data = settings.data
    data.ready()
    rate = heard_at([clip for corpus in data.positive for clip in listed(corpus, data)], settings.sound.rate)
    given = {kind: getattr(data, kind) for kind in KINDS}
    later = {kind: found for kind in KINDS if (found := getattr(data, f"valid_{kind}")) is not None}
    for corpora in (*given.values(), *later.values()):
        for corpus in corpora:
            listed(corpus, data)
    found = _to_learn_from(given, data, rate)
    train = _usable(found, settings)
    _require_words(train, found)
    known = _apart(train)
    signatures, notes, valid = dict(found.signatures), list(found.notes), list[Recorded]()
    if later:
        more = _to_learn_from(later, data, rate)
        valid = _usable(more, settings)
        _require_strange(valid, known)
        signatures |= more.signatures
        notes += more.notes
    if data.valid_share:
        train, cut, said = _cut(train, [kind for kind in KINDS if kind not in later], settings)
        valid, notes = [*valid, *cut], [*notes, *said]
    if data.share < 1:
        kept = _share_of(train, data.share, settings.training.seed)
        notes.append(f"data.share={data.share:g}: {len(kept):,} of {len(train):,} recordings are trained on")
        train = kept
    return Corpus(train, valid, signatures, (*notes, *_worth(valid, settings)))


def examples(settings: TriggerSettings, corpora: Mapping[str, Corpora]) -> tuple[list[Recorded], list[str]]:
    """The recordings to measure on, given as kind -> corpora, and what to say of those that were dropped.

    Refusal where none is left.
    """
    unknown = sorted(set(corpora) - set(KINDS))
    if unknown or not any(corpora.values()):
        raise Refusal(
            f"{', '.join(unknown) or 'nothing'} is given to measure on: wants data.positive=FOLDER with takes of the "
            "word, data.negative=FOLDER with other speech, data.background=FOLDER, or several of them"
        )
    clips = [clip for some in corpora.values() for corpus in some for clip in listed(corpus, settings.data)]
    found = _to_measure_on(corpora, settings.data, heard_at(clips, settings.sound.rate))
    if not found.recorded:
        raise Refusal(f"data: no recording is left to measure on {found.why()}")
    return found.recorded, found.notes


def known_as(words: Sequence[str], examples: Sequence[Recorded]) -> tuple[list[Recorded], list[str]]:
    """What recordings are to a model of these words, and a sentence for each folder that is called otherwise.

    What was given as positive and as negative is a take where its text is one of the words. Takes without a name are of
    the word that their folder is called by, else of the only word there is; Refusal where there are several.
    """
    folded = {word.casefold(): word for word in words}
    found, called = list[Recorded](), dict[str, str]()
    for one in examples:
        if one.kind == TOLD:
            word = folded.get((one.label or "").casefold())
            label = one.label if word is None else None
            one = replace(one, kind="negative" if word is None else "positive", word=word, label=label)
        elif one.kind == "positive" and one.word == UNNAMED:
            name = name_of((one.corpus,))
            one = replace(one, word=folded.get(name.casefold(), UNNAMED))
            if one.word == UNNAMED:
                called[one.corpus] = name
        found.append(one)
    if called and len(words) > 1:
        corpus, name = next(iter(called.items()))
        raise Refusal(
            f"{named(corpus)}: nothing says which of the words {', '.join(map(repr, words))} its takes are of, and "
            f"{name!r} is none of them: wants a folder with the word's name, or a manifest with the column text"
        )
    return found, [
        f"warning: {named(corpus)} is called {name!r}, and all in it is measured as takes of {words[0]!r}, the only "
        "word of this model"
        for corpus, name in called.items()
    ]


def asked(inputs: Any) -> tuple[list[Recorded], bool]:
    """The recordings to listen to, and whether it is a single one: paths, one or several; Refusal where one is none."""
    utterances, single = utterances_of(inputs)
    return [Recorded(one, "") for one in utterances], single


def of_kind(recorded: Sequence[Recorded], kind: str) -> list[Recorded]:
    """Those that are of this kind, in their order."""
    return [one for one in recorded if one.kind == kind]


def pieces(one: Recorded) -> list[Recorded]:
    """A recording as pieces of 20 s or less, of about one length."""
    laid = one.utterance.laid
    assert laid is not None
    count = max(1, -(-(laid.end - laid.begin) // round(4 * LONGEST * laid.rate)))
    if count == 1:
        return [one]
    samples = (laid.end - laid.begin) // 4
    cuts = [laid.begin + 4 * (samples * place // count) for place in range(count + 1)]
    parts = [Laid(laid.scratch, begin, end, laid.rate) for begin, end in pairwise(cuts)]
    return [replace(one, utterance=replace(one.utterance, laid=part)) for part in parts]


class _Heard(NamedTuple):
    """A corpus as one of its kinds."""

    kind: str
    corpus: tuple[str, ...]
    utterances: list[Utterance]
    told: bool  # whether a text of it says what is said

    def plain(self, one: Utterance, name: str) -> Recorded:
        """A recording of it that is of this kind; ``name`` is the word of a take whose text says none."""
        text = _text(one)
        if self.kind == "positive" and self.told and not text:
            raise Refusal(f"{one.clip.where}: no word is named for this take of a trigger word: wants one")
        word = (text or name) if self.kind == "positive" else None
        label = text or None if self.kind == "negative" else None
        return Recorded(one, self.kind, word, label, ",".join(self.corpus), one.speaker or "")


def _to_learn_from(given: Mapping[str, Corpora], data: TriggerDataSettings, rate: int) -> Found:
    """All recordings of corpora by their kind; of what is given as two kinds the others' words decide which it is."""
    found, labelled = Found([], {}, []), Labelled(given)
    for some in _decoded(given, data, rate, labelled, found):
        for one in some.utterances:
            parted = some.corpus in labelled.corpora
            if parted and not labelled.belongs(some.corpus, some.kind, one.clip):
                continue
            recorded = some.plain(one, name_of(some.corpus))
            if parted and some.kind == "positive":
                recorded = replace(recorded, word=labelled.word(some.corpus, _text(one)))
            found.recorded.append(recorded)
            if recorded.word is not None:
                labelled.learn(recorded.word)
    found.notes.extend(labelled.notes())
    return found


def _to_measure_on(given: Mapping[str, Corpora], data: TriggerDataSettings, rate: int) -> Found:
    """All recordings of corpora by their kind; what is given as two kinds is told to the model, which knows its words.

    So are takes that are named by their folder alone.
    """
    found, labelled = Found([], {}, []), Labelled(given)
    for some in _decoded(given, data, rate, labelled, found):
        for one in some.utterances:
            if some.corpus not in labelled.corpora:
                found.recorded.append(some.plain(one, UNNAMED))
            elif some.kind == "positive" and not labelled.waits(one.clip):
                label = _text(one) or None
                found.recorded.append(Recorded(one, TOLD, None, label, ",".join(some.corpus), one.speaker or ""))
    found.notes.extend(labelled.notes())
    return found


def _decoded(
    given: Mapping[str, Corpora], data: TriggerDataSettings, rate: int, labelled: Labelled, found: Found
) -> Iterator[_Heard]:
    """Each corpus as each of its kinds, decoded once; what is damaged is left out, counted and named in ``found``."""
    heard: dict[tuple[str, ...], list[Utterance]] = {}
    for kind, corpora in given.items():
        for corpus in labelled.order(corpora):
            if corpus not in heard:
                made = laid_down([corpus], data, rate)
                found.signatures.update(made.signatures)
                lawful = [" without a text"]  # backgrounds say nothing
                if corpus in labelled.corpora:
                    lawful.append(" with a blank text")  # nobody spoke
                found.notes.extend(note for note in made.notes if not any(what in note for what in lawful))
                heard[corpus] = made.utterances
            told = any(one.text.strip() for one in heard[corpus])
            named_by_text = corpus not in labelled.corpora and not os.path.isdir(corpus[0])
            if kind == "positive" and named_by_text and heard[corpus] and not told:
                raise Refusal(
                    f"{named(corpus[0])}: none of its {len(heard[corpus]):,} recordings says of which word it is "
                    f"a take: wants the word in the column {data.text}"
                )
            yield _Heard(kind, corpus, heard[corpus], told)


def _text(one: Utterance) -> str:
    return " ".join(one.text.split())


def name_of(corpus: Sequence[str]) -> str:
    """What a plain folder, or a manifest without words, calls its word: its own name."""
    last = os.path.basename(os.path.realpath(corpus[0]))
    return " ".join(os.path.splitext(last)[0].replace("_", " ").split()) or "word"


def _usable(found: Found, settings: TriggerSettings) -> list[Recorded]:
    """Those that something can be heard in and that fit into a scene; notes say how many do not."""
    silent, long, kept = list[Recorded](), list[Recorded](), list[Recorded]()
    for one in found.recorded:
        samples = one.samples(one.rate)
        if not len(samples) or float(np.abs(samples).max()) < 2.0**-15:
            silent.append(one)
            continue
        if one.kind == "positive":
            take = Take.of(samples, one.rate)
            if take.end - take.begin < LEAST:
                silent.append(one)
                continue
            if not has_room(take, one.rate, settings.scene, settings.augment):
                long.append(one)
                continue
        kept.append(one)
    for some, why in (
        (silent, "there is nothing to be heard in it"),
        (long, f"what is said lasts longer than a scene of scene.seconds={settings.scene.seconds:g} can hold"),
    ):
        if some:
            found.notes.append(
                f"warning: {counted(len(some), 'recording')} of {len(found.recorded):,} left out: {why}, such as "
                f"{some[0].where}"
            )
    return kept


def _share_of(train: Sequence[Recorded], share: float, seed: int) -> list[Recorded]:
    """A share of each kind and word, one at least, in their order; a larger one of the same seed holds all of it."""
    parts = dict.fromkeys((one.kind, one.word) for one in train)
    kept = {
        id(one)
        for part in parts
        for one in part_of([one for one in train if (one.kind, one.word) == part], share, seed)
    }
    return [one for one in train if id(one) in kept]


def _worth(valid: Sequence[Recorded], settings: TriggerSettings) -> list[str]:
    """What the thresholds that are chosen on these recordings are worth, where that is little."""
    if not of_kind(valid, "positive"):
        return [
            "warning: there is no take to validate on, so that no threshold is chosen: alarms are given from a score "
            "of 0.5, whatever that is worth"
        ]
    hours, wanted = sum(one.seconds() for one in valid if one.kind != "positive") / 3600, settings.search.false_alarms
    if not hours:
        return ["warning: there is no other sound to validate on: how often there will be false alarms is not known"]
    if wanted and hours >= hours_wanted(wanted):
        return []
    more = f", and to show that there are no more than the {wanted:g} of search.false_alarms" if wanted else ""
    takes = f" takes {hours_wanted(wanted):.2g} h without one" if wanted else ""
    return [f"false alarms in validation: {rate_of(0, hours).told()} where there is none{more}{takes}"]


def _require_words(train: Sequence[Recorded], found: Found) -> None:
    """Refuses takes of no word, and a word with a single take, of what was ``found``."""
    counts = Counter(one.word for one in train if one.kind == "positive")
    if not counts:
        raise Refusal(f"data.positive: no take of the trigger word is left to train on {found.why()}")
    for word, count in counts.items():
        if count < 2:
            raise Refusal(
                f"data.positive has a single take of {named(str(word))!r}: wants two at least, one to learn from and "
                "one to validate on; 20 are a beginning"
            )
    if all(one.kind == "positive" for one in train):
        raise Refusal("data.negative and data.background: no recording is left to train on")


def _digest(one: Recorded) -> str:
    return hashlib.sha256(one.samples(one.rate).tobytes()).hexdigest()


def _apart(train: Sequence[Recorded]) -> dict[str, Recorded]:
    """Sound -> where it is; Refusal where one is said to be two things."""
    known: dict[str, Recorded] = {}
    for one in train:
        other = known.setdefault(_digest(one), one)
        if (one.word, one.kind == "positive") != (other.word, other.kind == "positive"):
            what = [f"a take of {found.word!r}" if found.kind == "positive" else found.kind for found in (other, one)]
            raise Refusal(f"{one.where} is the same sound as {other.where}: wants it as {what[0]} or as {what[1]}")
    return known


def _require_strange(valid: Sequence[Recorded], known: Mapping[str, Recorded]) -> None:
    for one in valid:
        other = known.get(_digest(one))
        if other is not None:
            raise Refusal(
                f"data.valid_{one.kind} holds {one.where}, the same sound as {other.where} in data.{other.kind}: "
                "wants recordings that nothing was learned from"
            )


def _cut(
    train: Sequence[Recorded], kinds: Sequence[str], settings: TriggerSettings
) -> tuple[list[Recorded], list[Recorded], list[str]]:
    """Cuts a share of each of these kinds off, in whole groups; of a single long recording its end."""
    kept, valid, notes = list[Recorded](), list[Recorded](), list[str]()
    for kind in KINDS:
        some = of_kind(train, kind)
        if kind not in kinds or not some:
            kept += some
            continue
        if len(some) == 1:
            some = [replace(part, group=f"part {place}") for place, part in enumerate(pieces(some[0]))]
        if len(some) == 1:
            kept += some
            notes.append(f"warning: {some[0].where} is the only {kind}, and too short to validate on a part of it")
            continue
        grouped = _grouped(some)
        words = [one.word or "" for one in grouped]
        held = held_out(
            [one.group for one in grouped], words, settings.data.valid_share, settings.training.seed, KIND_CALLED[kind]
        )
        kept += [one for place, one in enumerate(grouped) if place not in held.places]
        valid += [one for place, one in enumerate(grouped) if place in held.places]
        alike = "; speech of another kind has more false alarms, as data.valid_negative=… would tell"
        notes.append(f"no data.valid_{kind} was given: {held.said}{alike if kind == 'negative' else ''}")
    return kept, valid, notes


def _grouped(some: Sequence[Recorded]) -> list[Recorded]:
    """The same with a group each: its speaker, else its session as it is guessed, else its file.

    Recordings of the same sound are of one group.
    """
    if some[0].kind == "background" or len(some) > MOST or all(one.group for one in some):
        groups = [one.group or one.utterance.clip.audio for one in some]
    else:
        rate = some[0].rate
        found = sessions([one.samples(rate) for one in some], [one.label or one.word or "" for one in some], rate)
        groups = [one.group or f"session {number}" for one, number in zip(some, found.tolist())]
    first: dict[str, str] = {}
    return [replace(one, group=first.setdefault(_digest(one), group)) for one, group in zip(some, groups)]
