"""Log-mel frames of real recordings beside plain torch and librosa: equal settings, one thread, in turns, in one run.

Every part takes each recording by itself, as training does, and a stream takes it in chunks. CPU-seconds of the
process, the median of the rounds, as times real time; what is before and after (reading, loading, start-up) does not
count. The forms of plain torch are ``torch.stft`` with its magnitude squared, as it is usually written; the same with
re² + im², which torch works out faster; and ``torch.fft.rfft`` of the frames. Both must give our values. librosa gets
an environment of its own below a folder, made once, and is left out with a sentence where it cannot be installed.

Ours takes 0.7 to 0.8 of the time of the first form and 1.0 to 1.4 of the second's: of the 91 µs that 64 frames of 512
points and 80 bands take, NumPy's transform needs 40, torch's (MKL) 20; a matrix product of the bands in two parts would
gain less than a tenth. MKL's is not used, as frames must not wait for torch to be loaded.

usage: python benchmarks/features.py [FOLDER] [--rounds 5] [--bands 80] [--rate 16000] [--minutes 5] [--peers FOLDER]
FOLDER holds recordings, at any depth.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import torch
from numpy.typing import NDArray
from peer_environments import Peer, UnavailableError, environment, surroundings

from melisma.api.device import machine
from melisma.errors import Refusal
from melisma.settings.sound import SoundSettings
from melisma.sound.definitions import definition
from melisma.sound.features import Definition, FeatureStream, frames
from melisma.sound.mel import SCALES, triangles
from melisma.sound.wave import read

Samples = NDArray[np.float32]
ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
HERE = Path(__file__).resolve().parent
DATA = Path("~/.cache/melisma/data/read_en")
LIBROSA = Peer(
    "librosa",
    "librosa",
    ("librosa==0.11.0",),
    (
        "audioread==3.1.0",
        "decorator==5.3.1",
        "joblib==1.6.0",
        "lazy-loader==0.6",
        "msgpack==1.2.4",
        "numba==0.68.1",
        "numpy==2.4.6",
        "pooch==1.9.0",
        "scikit-learn==1.9.1",
        "scipy==1.17.1",
        "soundfile==0.14.0",
        "soxr==1.1.0",
        "typing-extensions==4.16.0",
    ),
    proof="librosa",
    size="600 MB",
)


@dataclass
class Part:
    """One way to frames, and what it took."""

    name: str
    round: Callable[[], float]  # CPU-seconds of all recordings
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def say(text: str) -> None:
    print(text, flush=True)


def recordings(folder: Path, rate: int, minutes: float) -> list[Samples]:
    """The recordings of a folder, as many as fit."""
    found: list[Samples] = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS):
        left = round(minutes * 60 * rate) - sum(map(len, found))
        if left <= 0:
            break
        try:
            found.append(read(path, rate).samples[:left])
        except Refusal as refusal:
            say(f"left out: {refusal}")
    return found


# --- the parts ----------------------------------------------------------------------------------------------------


def timed(work: Callable[[Samples], object], sounds: list[Samples]) -> Callable[[], float]:
    """What all recordings take, one after the other."""

    def once() -> float:
        began = time.process_time()
        for samples in sounds:
            work(samples)
        return time.process_time() - began

    return once


def streamed(asked: Definition, milliseconds: int) -> Callable[[Samples], list[NDArray[np.float32]]]:
    """Fed in chunks."""
    chunk = asked.rate * milliseconds // 1000

    def work(samples: Samples) -> list[NDArray[np.float32]]:
        stream = FeatureStream(asked)
        return [stream.feed(samples[at : at + chunk]) for at in range(0, len(samples), chunk)]

    return work


def plain(asked: Definition) -> dict[str, Callable[[Samples], torch.Tensor]]:
    """The same frames by torch alone."""
    window = torch.hann_window(asked.window)
    weights = triangles(SCALES[asked.mel], asked.rate, asked.fft, asked.bands, (asked.low, asked.high))
    bands = torch.from_numpy(np.vstack((weights, np.zeros(asked.bands))).astype(np.float32))

    def spectrum(samples: Samples) -> torch.Tensor:
        # torch.stft puts a short window into the middle of its transform, so frames begin that much later
        around = (asked.fft - asked.window) // 2
        padded = torch.nn.functional.pad(torch.from_numpy(samples), (around, asked.fft - asked.window - around))
        return torch.stft(padded, asked.fft, asked.hop, asked.window, window, center=False, return_complex=True)

    def usual(samples: Samples) -> torch.Tensor:
        return (bands.T @ spectrum(samples).abs() ** 2).clamp(min=asked.floor).log()

    def squares(samples: Samples) -> torch.Tensor:
        found = spectrum(samples)
        return (bands.T @ (found.real**2 + found.imag**2)).clamp(min=asked.floor).log()

    def unfolded(samples: Samples) -> torch.Tensor:
        found = torch.fft.rfft(torch.from_numpy(samples).unfold(0, asked.window, asked.hop) * window, asked.fft)
        return (found.abs() ** 2 @ bands).clamp(min=asked.floor).log().T

    return {"torch.stft": usual, "torch.stft, re² + im²": squares, "torch.fft.rfft of frames": unfolded}


def ours(asked: Definition, settings: SoundSettings) -> dict[str, Callable[[Samples], object]]:
    """Whole recordings, streams, and the other kinds of frames."""
    cosines = definition(replace(settings, kind="mfcc"))
    pressed = definition(replace(settings, pcen=True))
    return {
        "melisma": lambda samples: frames(asked, samples),
        "melisma, chunks of 80 ms": streamed(asked, 80),
        "melisma, chunks of 10 ms": streamed(asked, 10),
        "melisma, mfcc": lambda samples: frames(cosines, samples),
        "melisma, pcen": lambda samples: frames(pressed, samples),
        "melisma, pcen, chunks of 80 ms": streamed(pressed, 80),
    }


@contextmanager
def librosa(python: Path, stored: Path, name: str) -> Iterator[Callable[[], float]]:
    """A process of librosa's environment that works when it is told to."""
    command = (python, HERE / "features_peer.py", stored, name)
    with subprocess.Popen(
        command, env=surroundings(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def once() -> float:
            print(file=process.stdin, flush=True)
            return float(process.stdout.readline())

        yield once
        process.stdin.close()


# --- together -----------------------------------------------------------------------------------------------------


def exact(asked: Definition, samples: Samples) -> NDArray[np.float64]:
    """The same frames in float64."""
    cut = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), asked.window)[:: asked.hop]
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(asked.window) / asked.window)
    power = np.abs(np.fft.rfft(cut * taper, asked.fft)[:, :-1]) ** 2
    weights = triangles(SCALES[asked.mel], asked.rate, asked.fft, asked.bands, (asked.low, asked.high))
    found: NDArray[np.float64] = np.log(np.maximum(power @ weights, asked.floor))
    return found


def errors(asked: Definition, samples: Samples) -> tuple[float, float]:
    """The largest distances to float64, in natural logarithms: of ours, and of the worst form of plain torch."""
    right = exact(asked, samples)
    others = (work(samples).T.numpy() for work in plain(asked).values())
    own, worst = (
        max(float(np.abs(found - right).max()) for found in some) for some in ((frames(asked, samples),), others)
    )
    return own, worst


def run(sounds: list[Samples], settings: SoundSettings, rounds: int, peers: Path) -> list[Part]:
    """All parts in turn, as many rounds as wanted, after one that does not count."""
    asked = definition(settings)
    works: dict[str, Callable[[Samples], object]] = {**ours(asked, settings), **plain(asked)}
    parts = [Part(name, timed(work, sounds)) for name, work in works.items()]
    with ExitStack() as stack:
        try:
            python = environment(LIBROSA, peers, say)
            stored = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "sound.npz"
            facts = {name: getattr(asked, name) for name in ("rate", "fft", "hop", "window", "bands")}
            np.savez(stored, **facts, **{f"sound{number}": samples for number, samples in enumerate(sounds)})
            for name, words in (("melspectrogram", "melspectrogram"), ("stft", "stft and a kept matrix")):
                parts.append(Part(f"librosa, {words}", stack.enter_context(librosa(python, stored, name))))
        except UnavailableError as fault:
            say(f"librosa takes no part: {fault}")
        for number in range(rounds + 1):
            for part in parts:
                took = part.round()
                if number:
                    part.seconds.append(took)
    return parts


def report(parts: list[Part], seconds: float) -> None:
    """A table: times real time, the range over rounds, and how many times as fast as the others we are."""
    own = parts[0]
    say(f"{'':32}{'x real time':>12}{'range':>16}{'melisma is':>12}")
    for part in parts:
        speeds = sorted(seconds / took for took in part.seconds)
        ratio = statistics.median(its / mine for its, mine in zip(part.seconds, own.seconds, strict=True))
        say(f"{part.name:32}{seconds / part.median:12,.0f}{f'{speeds[0]:,.0f}–{speeds[-1]:,.0f}':>16}{ratio:11.2f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=DATA)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bands", type=int, default=80)
    parser.add_argument("--rate", type=int, default=16_000)
    parser.add_argument("--minutes", type=float, default=5.0, help="of sound, at most")
    parser.add_argument("--peers", type=Path, default=Path("~/.cache/melisma/peers"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    settings = SoundSettings(rate=chosen.rate, bands=chosen.bands)
    sounds = recordings(chosen.folder.expanduser(), chosen.rate, chosen.minutes)
    asked = definition(settings)
    sounds = [samples for samples in sounds if asked.count(len(samples))]
    if not sounds:
        raise SystemExit(f"{chosen.folder} holds no recordings: wants a folder with {', '.join(ENDINGS)}")
    seconds = sum(map(len, sounds)) / chosen.rate
    say(f"{date.today()}, {machine()}, torch {torch.__version__}, NumPy {np.__version__}")
    say(f"{len(sounds)} recordings, {seconds:.0f} s at {chosen.rate} Hz, {chosen.bands} bands, {chosen.rounds} rounds")
    own, others = (max(each) for each in zip(*(errors(asked, samples) for samples in sounds[:10]), strict=True))
    say(f"largest distance to float64 (ln): melisma {own:.1e}, plain torch {others:.1e}")
    report(run(sounds, settings, chosen.rounds, chosen.peers.expanduser().resolve()), seconds)


if __name__ == "__main__":
    main()
