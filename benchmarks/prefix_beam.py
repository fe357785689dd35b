"""Prefix beam search beside pyctcdecode: equal frames, equal beam, one thread, in turns, with and without an n-gram.

The frames are drawn: sentences of a made language of 400 words are spelled as a path of symbols and blanks, and one
symbol a frame stands out of noise by as much as a model's does that is sure (confident), that is right nearly
everywhere (good), that has seen too little (medium), and that begins its training (flat). Speed is frames a CPU-second
of the search alone, the median of the rounds. What was found is judged by one measure for both, the exact
log-probability of an answer summed over all its paths, with the model of words added where there is one (the same
model: pyctcdecode reads it as ARPA by KenLM).
pyctcdecode gets an environment of its own below a folder, made once, as it needs an old NumPy; without a compiler it
takes part without KenLM.

usage: python benchmarks/prefix_beam.py [--beam 16] [--rounds 3] [--sentences 20] [--peers FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from numpy.typing import NDArray
from peer_counts import reason
from peer_environments import PYCTCDECODE, WITH_KENLM, UnavailableError, environment, surroundings

from melisma.api.device import machine
from melisma.baselines.ngram import KneserNey
from melisma.measures.error_rate import distance
from melisma.search import PrefixBeam, Weighted, Words

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
SPELLED = ["", " ", *LETTERS]  # symbol -> text; 0 is the blank
SYMBOLS = {text: symbol for symbol, text in enumerate(SPELLED)}
SEPARATOR = SYMBOLS[" "]
KINDS = {"confident": (1.0, 12.0), "good": (1.0, 7.0), "medium": (1.5, 6.0), "flat": (1.0, 2.0)}
"""What each is called -> the deviation of the noise, and how much one symbol stands out of it."""
WEIGHT, INSERTION = 0.5, 1.5  # pyctcdecode's alpha and beta
UNKNOWN = -10 * WEIGHT * float(np.log(10))  # its offset for unknown words, in nats as it counts them
LONGEST = 3600  # seconds until a process that says nothing is given up
LN10 = float(np.log(10))
PEER = Path(__file__).with_name("prefix_beam_peer.py")

Frames = NDArray[np.float32]


@dataclass
class Found:
    """What one system did with the sentences of one kind."""

    seconds: list[float] = field(default_factory=list)  # a round each
    answers: list[str] = field(default_factory=list)
    failure: str = ""


def say(text: str) -> None:
    print(text, flush=True)


def sentences(random: np.random.Generator, count: int) -> list[list[str]]:
    """Sentences of 5 to 10 words, each followed by one of the few that its language puts after it."""
    lengths = random.integers(2, 9, 400)
    words = sorted({"".join(random.choice(list(LETTERS), length)) for length in lengths})
    after = random.integers(0, len(words), (len(words), 8))
    found = []
    for _ in range(count):
        place = int(random.integers(len(words)))
        sentence = [words[place]]
        for _ in range(int(random.integers(4, 10))):
            place = int(after[place, min(7, int(random.exponential(2)))])
            sentence.append(words[place])
        found.append(sentence)
    return found


def frames(random: np.random.Generator, text: str, noise: float, peak: float) -> Frames:
    """Log-probabilities (T, V): each symbol for one or two frames, up to three blanks after it."""
    path: list[int] = [0, 0]
    for symbol in (SYMBOLS[letter] for letter in text):
        path += [0] * (path[-1] == symbol)
        path += [symbol] * int(random.integers(1, 3)) + [0] * int(random.integers(0, 4))
    logits = random.normal(size=(len(path), len(SPELLED))) * noise
    logits[np.arange(len(path)), path] += peak
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)


def probability(values: Frames, text: str) -> float:
    """log Σ p(path) over all paths of this text: the forward algorithm (Graves et al. 2006, section 4.1)."""
    symbols = [0, *(part for letter in text for part in (SYMBOLS[letter], 0))]
    skips = np.array([k > 1 and one != 0 and one != symbols[k - 2] for k, one in enumerate(symbols)])
    alpha = np.full(len(symbols), -np.inf)
    alpha[:2] = values[0, symbols[:2]]
    for row in values[1:]:
        one, two = (np.concatenate((np.full(k, -np.inf), alpha[:-k]))[: len(alpha)] for k in (1, 2))
        alpha = np.logaddexp(np.logaddexp(alpha, one), np.where(skips, two, -np.inf)) + row[symbols]
    return float(np.logaddexp.reduce(alpha[-2:]))


def arpa(model: KneserNey) -> str:
    """The model as KenLM reads it: base-10 logarithms of probability and backoff weight."""
    lines: list[list[str]] = [[] for _ in range(model.order)]
    lines[0].append(f"{model.unknown / LN10:.7f}\t<unk>\t0")
    for tokens, found, weight in model.grams("<s>", "</s>"):
        lines[len(tokens) - 1].append(
            f"{max(found / LN10, -99):.7f}\t{' '.join(map(str, tokens))}\t{weight / LN10:.7f}"
        )
    counts = "".join(f"ngram {length}={len(part)}\n" for length, part in enumerate(lines, 1))
    parts = "".join(f"\n\\{length}-grams:\n" + "\n".join(part) + "\n" for length, part in enumerate(lines, 1))
    return f"\\data\\\n{counts}{parts}\n\\end\\\n"


@dataclass(frozen=True)
class Made:
    """What is searched, and with what."""

    texts: list[str]
    frames: dict[str, list[Frames]]
    words: KneserNey
    letters: KneserNey

    def score(self, kind: str, place: int, text: str, modelled: bool) -> float:
        """What both systems look for the greatest of, of one answer."""
        total = probability(self.frames[kind][place], text)
        if not modelled:
            return total
        parts, state = text.split(), self.words.start()
        for word in parts:
            state, more = self.words.score(state, word)
            total += WEIGHT * more + INSERTION + (0.0 if word in self.words.ids else UNKNOWN)
        return total + WEIGHT * self.words.end(state)


def made(count: int) -> Made:
    """All from one seed: a language, a model of it, and sentences that the model has not read."""
    random = np.random.default_rng(1)
    language = sentences(random, 4000 + count)
    texts = [" ".join(sentence) for sentence in language[:count]]
    words = KneserNey.of(language[count:], 3)
    letters = KneserNey.of([[SYMBOLS[letter] for letter in " ".join(sentence)] for sentence in language[count:]], 5)
    drawn = {kind: [frames(random, text, *shape) for text in texts] for kind, shape in KINDS.items()}
    return Made(texts, drawn, words, letters)


def searches(beam: int, data: Made) -> dict[str, PrefixBeam]:
    """Our own, by what stands beside the frames."""
    spellings = {tuple(SYMBOLS[letter] for letter in str(word)): word for word in data.words.tokens}
    words = Words(data.words, spellings, separators=(SEPARATOR,), weight=WEIGHT, insertion=INSERTION, unknown=UNKNOWN)
    symbols = len(SPELLED)
    return {
        "": PrefixBeam(symbols, beam),
        "words": PrefixBeam(symbols, beam, language=words),
        "letters": PrefixBeam(symbols, beam, language=Weighted(data.letters, WEIGHT, 0.5)),
    }


def run_own(search: PrefixBeam, values: Sequence[Frames], found: Found) -> None:
    """One round of our own, with a search that remembers nothing of the rounds before."""
    began = time.process_time()
    answers = [search.finish(search.feed(search.start(), one), 1)[0] for one in values]
    found.seconds.append(time.process_time() - began)
    found.answers = [" ".join("".join(SPELLED[symbol] for symbol in one.symbols).split()) for one in answers]


def run_peer(python: Path, work: Path, kind: str, model: str, beam: int, found: Found) -> None:
    """One round of pyctcdecode, in a process of its own, which counts its search alone."""
    command = [python, str(PEER), str(work / f"{kind}.npz"), str(beam), model and str(work / "words.arpa")]
    try:
        done = subprocess.run(
            command, env=surroundings(), timeout=LONGEST, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise ValueError(reason(done.stderr or done.stdout))
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        found.seconds.append(told["seconds"])
        found.answers = told["answers"]
    except (ValueError, OSError, subprocess.TimeoutExpired) as fault:
        found.failure = str(fault)


def python(folder: Path) -> tuple[Path | None, bool]:
    """pyctcdecode's Python, and whether KenLM is there too."""
    for peer in (WITH_KENLM, PYCTCDECODE):
        try:
            return environment(peer, folder, say), peer is WITH_KENLM
        except UnavailableError as fault:
            say(f"{peer.name}: {fault}")
    return None, False


def row(name: str, data: Made, kind: str, model: str, found: Found) -> str:
    """One line: speed, and what the answers are worth."""
    if found.failure or not found.seconds:
        return f"{name:14}{model or 'none':10}{found.failure or 'not measured'}"
    count = sum(map(len, data.frames[kind]))
    rates = [count / seconds for seconds in found.seconds]
    scores = [data.score(kind, place, text, model == "words") for place, text in enumerate(found.answers)]
    parts = zip(found.answers, data.texts)
    wrong = [(distance(a, b), len(b), distance(a.split(), b.split()), len(b.split())) for a, b in parts]
    letters, all_letters, words, all_words = (sum(column) for column in zip(*wrong))
    worth = "" if model == "letters" else f"{statistics.fmean(scores):10.3f}"
    return (
        f"{name:14}{model or 'none':10}{statistics.median(rates):10,.0f}  {min(rates):8,.0f} - {max(rates):8,.0f}"
        f"{worth:>12}{100 * letters / all_letters:9.2f}{100 * words / all_words:9.2f}"
    )


def measure(chosen: argparse.Namespace, data: Made, work: Path) -> None:
    """All kinds, in turns, a table each."""
    peer, with_model = python(chosen.peers.expanduser().resolve())
    models = ("", "words", "letters")
    for kind, values in data.frames.items():
        found = {("melisma", model): Found() for model in models}
        if peer is not None:
            found |= {("pyctcdecode", model): Found() for model in models[: 2 if with_model else 1]}
        for _ in range(chosen.rounds):
            for (system, model), one in found.items():
                if system == "melisma":
                    run_own(searches(chosen.beam, data)[model], values, one)
                elif peer is not None and not one.failure:
                    run_peer(peer, work, kind, model, chosen.beam, one)
        sure = float(np.mean([np.exp(one.max(1)).mean() for one in values]))
        say(f"\n{kind}: {sum(map(len, values)):,} frames, their likeliest symbols {sure:.2f} likely on average")
        say(f"{'':14}{'model':10}{'frames/s':>10}  {'from - to':>19}{'score':>12}{'CER %':>9}{'WER %':>9}")
        for (system, model), one in found.items():
            say(row(system, data, kind, model, one))
        for model in ("", "words"):
            ours, theirs = found["melisma", model], found.get(("pyctcdecode", model))
            if theirs is not None and theirs.seconds:
                times = statistics.median(theirs.seconds) / statistics.median(ours.seconds)
                say(f"melisma / pyctcdecode, {model or 'no'} model: {times:.1f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beam", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sentences", type=int, default=20)
    parser.add_argument("--peers", type=Path, default=Path("~/.cache/melisma/peers"))
    chosen = parser.parse_args()
    data = made(chosen.sentences)
    say(f"{machine()}; beam {chosen.beam}, {len(SPELLED)} symbols, one thread")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for kind, values in data.frames.items():
            np.savez(work / f"{kind}.npz", *values)
        (work / "words.arpa").write_text(arpa(data.words), encoding="ascii")
        measure(chosen, data, work)


if __name__ == "__main__":
    main()
