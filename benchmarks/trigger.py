"""How well a trigger word is heard by strangers and in noise, how often in vain, how late, and at what cost.

DATA is the folder of the sets trigger, noise, fsdd, yesno, words_ar, mboshi and read_en, each with clips.tsv. Trained
is on their train parts, into a run below RUNS (what is finished there is measured, and not trained again); the
threshold is chosen in the training's own validation, on groups that are cut off the train parts. Measured are:

  clean      takes of the dev part, whose groups were never trained on, each with a second of a quiet room about it
  noise      the same with background of the dev part at --snr decibels, once for each of --noises seeds
  in vain    all other speech and noise of the dev parts, and read_en, of which nothing is trained on: hours, false
             alarms an hour with the exact interval, and the rate that so many hours can show at all

All is heard as a stream in chunks of 80 ms, and an alarm counts from the end of its chunk: as late as it is in use.
With --peers, and for a word that the package pymicro-wakeword has a model of (alexa), that hears the very same sounds,
at the threshold that it ships with. CPU is of one thread, features included.

usage: python benchmarks/trigger.py DATA RUNS [--word computer] [--seeds 1] [--noises 5] [--snr 10] [--peers FOLDER]
       [--run RUN] [name=value ...]
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from peer_counts import reason
from peer_environments import MICRO_WAKE_WORD, UnavailableError, environment, surroundings
from training import rate as speed_of
from translation import numbers

import melisma
from melisma.api.device import machine
from melisma.api.model import Model
from melisma.measures.detection import Detection, Recording, Rule, Word, judged
from melisma.measures.poisson import rate
from melisma.sound.background import Background
from melisma.sound.noise import noisy
from melisma.sound.resample import Samples
from melisma.sound.spoken import spoken
from melisma.sound.wave import read

RATE = 16_000
AROUND, PAUSE, HISS = 1.0, 0.3, 1e-4  # seconds about a take, and between other sounds; amplitude of what is heard there
CHUNK = 0.08  # seconds
SETS = ("trigger", "noise", "fsdd", "yesno", "words_ar", "mboshi", "read_en")
TEXTS = {"trigger": "word", "fsdd": "digit", "words_ar": "label"}
"""Set -> the column with what is said, where that is one word."""
SPEAKERS = {"trigger": "group", "fsdd": "speaker", "words_ar": "speaker", "mboshi": "speaker"}
PACKAGED = ("alexa", "okay_nabu", "hey_jarvis", "hey_mycroft")  # words that the peer has a model of
REFRACTORY = 1.0  # seconds, of the peer's alarms as of ours
Rows = list[dict[str, str]]


class Sounds(NamedTuple):
    """What is heard: sounds with what is said in each, by condition."""

    waves: dict[str, list[Samples]]
    recordings: dict[str, list[Recording]]


class Heard(NamedTuple):
    """What alarms a system gave, sound by sound of each condition, and CPU-seconds of all."""

    name: str
    told: str
    alarms: dict[str, list[list[float]]]
    seconds: float


def say(text: str) -> None:
    print(text, flush=True)


# --- data


def rows(data: Path) -> dict[str, Rows]:
    """The clips of each set, with the whole path of each."""
    found: dict[str, Rows] = {}
    for name in SETS:
        with open(data / name / "clips.tsv", encoding="utf-8", newline="") as file:
            every = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        found[name] = [row | {"audio": str(data / name / row["file"])} for row in every]
    return found


def is_take(row: Mapping[str, str], word: str) -> bool:
    return row.get("word") == word and row.get("kind") == "positive"


def manifests(folder: Path, found: Mapping[str, Rows], word: str) -> dict[str, str]:
    """What is trained on, by kind."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, list[dict[str, str]]] = {"positive": [], "negative": [], "background": []}
    for name, some in found.items():
        for row in (row for row in some if row.get("part") == "train" and row.get("kind") != "stream"):
            one = {"audio": row["audio"]}
            if name in SPEAKERS:
                one["speaker"] = f"{name} {row[SPEAKERS[name]]}"
            kind = "background" if name == "noise" else "positive" if is_take(row, word) else "negative"
            if kind == "positive":
                one["text"] = word
            elif name in TEXTS and row.get("kind", "positive") == "positive" and row[TEXTS[name]] != "_unknown_":
                one["text"] = row[TEXTS[name]]
            parts[kind].append(one)
    paths = {}
    for kind, some in parts.items():
        paths[kind] = str(folder / f"{word}.{kind}.jsonl")
        Path(paths[kind]).write_text("".join(json.dumps(one) + "\n" for one in some), encoding="utf-8")
    return paths


def hiss(seconds: float, random: np.random.Generator) -> Samples:
    return (HISS * random.standard_normal(round(seconds * RATE))).astype(np.float32)


def sounds(data: Path, found: Mapping[str, Rows], word: str, noises: int, snr: float) -> Sounds:
    """Everything that is heard."""
    made = Sounds({}, {})
    takes = [row for row in found["trigger"] if row["part"] == "dev" and is_take(row, word)]
    room = Background.of([data / "noise" / "dev"], RATE)
    for place in range(noises + 1):
        condition, random = "clean" if not place else f"{snr:g} dB, seed {place}", np.random.default_rng(place)
        for row in takes:
            own = read(row["audio"], RATE).samples
            wave = np.concatenate((hiss(AROUND, random), own, hiss(AROUND, random)))
            if place:
                wave = noisy(wave, room.window(len(wave), random), RATE, snr)
            end = AROUND + spoken(own, RATE)[1]
            add(made, condition, np.clip(wave, -1, 1), (Word(end, row["group"]),), row["file"])
    random = np.random.default_rng(0)
    for name, some in found.items():
        apart = [row for row in some if row.get("part", "dev") == "dev" and not is_take(row, word)]
        clips = [read(row["audio"], RATE).samples for row in apart if row.get("kind") != "stream"]
        if name == "read_en":
            long = sorted(path for path in (data / name / "long").glob("*.*") if path.suffix in (".flac", ".mp3"))
            clips += [read(path, RATE).samples for path in long if not path.name.startswith("LJ")]
        wave = np.concatenate([part for clip in clips for part in (clip, hiss(PAUSE, random))])
        add(made, f"in vain: {name}", wave, (), name)
    return made


def add(made: Sounds, condition: str, wave: Samples, words: tuple[Word, ...], name: str) -> None:
    made.waves.setdefault(condition, []).append(wave.astype(np.float32))
    made.recordings.setdefault(condition, []).append(Recording(len(wave) / RATE, words, name))


# --- systems


def trained(run: Path, given: Mapping[str, Any]) -> float:
    """Trains a run, or finds it finished -> CPU-seconds."""
    spent = run.with_name(run.name + ".cpu.json")
    if not spent.exists():
        began = time.process_time()
        for progress in melisma.train("trigger", run, given):
            if progress.kind in ("note", "begin", "validation"):
                say(f"  {progress.text or dict(progress.scores)}")
        spent.write_text(json.dumps(time.process_time() - began), encoding="ascii")
    return float(json.loads(spent.read_text(encoding="ascii")))


def ours(model: Model, made: Sounds, word: str) -> Heard:
    """A run, fed as its sound comes; alarms as late as the chunk that they come in ends."""
    alarms: dict[str, list[list[float]]] = {}
    spent = 0.0
    for condition, waves in made.waves.items():
        for wave in waves:
            stream, own = model.stream(), list[float]()
            began = time.process_time()
            for begin in range(0, len(wave), stream.chunk):
                chunk = wave[begin : begin + stream.chunk]
                own += [(begin + len(chunk)) / RATE for one in stream.feed(chunk) if one.word == word]
            spent += time.process_time() - began
            alarms.setdefault(condition, []).append(own)
    threshold = model.stream().rules.thresholds[0]  # type: ignore[attr-defined]
    return Heard("Melisma", f"threshold {threshold:.3f}, {model.parameters:,} parameters", alarms, spent)


def theirs(folder: Path, made: Sounds, word: str) -> Heard:
    """The package's model of a word on the same sounds; UnavailableError where it cannot be had."""
    python = environment(MICRO_WAKE_WORD, folder, say)
    places = [(condition, wave) for condition, waves in made.waves.items() for wave in waves]
    with tempfile.TemporaryDirectory() as there:
        path = Path(there) / "sounds.npz"
        np.savez(path, *[wave for _, wave in places])
        command = (python, Path(__file__).with_name("trigger_peer.py"), path, word)
        done = subprocess.run(
            command, env=surroundings(), capture_output=True, text=True, errors="replace", check=False
        )
    if done.returncode:
        raise UnavailableError(f"failed: {reason(done.stderr)}")
    found = json.loads(done.stdout)
    rule = Rule(found["threshold"], refractory=REFRACTORY)
    alarms: dict[str, list[list[float]]] = {}
    for (condition, _), scores in zip(places, found["scores"], strict=True):
        times = [found["first"] + found["step"] * place for place in rule.alarms(np.clip(scores, 0, 1), found["step"])]
        alarms.setdefault(condition, []).append([CHUNK * math.ceil(second / CHUNK - 1e-9) for second in times])
    return Heard("microWakeWord", f"threshold {found['threshold']:g}, as shipped", alarms, found["seconds"])


# --- figures


def detections(made: Sounds, heard: Heard) -> Iterator[tuple[str, Detection]]:
    """What the alarms under each condition were worth."""
    for condition, recordings in made.recordings.items():
        yield condition, judged(recordings, heard.alarms[condition], 0.0)


def told(made: Sounds, heard: Heard) -> None:
    """All figures of a system."""
    seconds = sum(len(wave) for waves in made.waves.values() for wave in waves) / RATE
    say(f"\n{heard.name} ({heard.told})")
    late: list[float] = []
    false, hours = 0, 0.0
    for condition, found in detections(made, heard):
        if found.heard:
            say(f"  {condition:22} misses {found.miss_rate().told()}; {len(found.false)} false alarms")
            late += found.latencies
        else:
            places = ", ".join(f"{one.second:.1f} s" for one in found.false[:5])
            say(f"  {condition:22} {60 * found.hours:6.2f} min, {len(found.false)} false alarms {places}")
            false, hours = false + len(found.false), hours + found.hours
    say(f"  false alarms in vain: {rate(false, hours).told()}")
    if late:
        middle, most = (float(np.quantile(late, share, method="inverted_cdf")) for share in (0.5, 0.95))
        say(f"  latency after the word's end, in use: median {middle:.3f} s, 95 % {most:.3f} s, most {max(late):.3f} s")
    say(f"  CPU: {100 * heard.seconds / seconds:.3f} % of one core ({seconds / heard.seconds:.0f} x real time)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--word", default="computer")
    parser.add_argument("--seeds", type=numbers, default=[1], help="of the training, with commas between")
    parser.add_argument("--noises", type=int, default=5)
    parser.add_argument("--snr", type=float, default=10.0)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--run", type=Path, help="is measured instead of training one")
    parser.add_argument("settings", nargs="*", metavar="name=value")
    chosen = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    say(f"{date.today()}, {machine()}, {speed_of():.0f} GFLOP/s, load {os.getloadavg()[0]:.1f}")
    data = chosen.data.expanduser().resolve()
    found = rows(data)
    made = sounds(data, found, chosen.word, chosen.noises, chosen.snr)
    for run in runs(chosen, found):
        told(made, ours(melisma.load(run, device="cpu"), made, chosen.word))
    if chosen.peers is not None and chosen.word in PACKAGED:
        try:
            told(made, theirs(chosen.peers.expanduser().resolve(), made, chosen.word))
        except UnavailableError as why:
            say(f"\nmicroWakeWord: {why}")


def runs(chosen: argparse.Namespace, found: Mapping[str, Rows]) -> Iterator[Path]:
    """The runs to measure, trained where they are not yet."""
    if chosen.run is not None:
        yield chosen.run
        return
    paths = manifests(chosen.runs, found, chosen.word)
    given = dict(word.split("=", 1) for word in chosen.settings)
    for seed in chosen.seeds:
        run = chosen.runs / f"{chosen.word}-seed-{seed}"
        fixed = {f"data.{kind}": path for kind, path in paths.items()}
        more = {"training.threads": 1, "training.device": "cpu", "training.seed": seed, "sound.rate": RATE}
        seconds = trained(run, fixed | more | given)
        say(f"{run}: {seconds:.0f} CPU-seconds of training")
        yield run


if __name__ == "__main__":
    main()
