"""JoeyNMT trained until it translates: in its own environment, and measured from outside.

It gets what the quick script has: a bidirectional LSTM encoder of one layer (256 each way), an LSTM decoder of 512,
Luong's attention, embeddings of 256, 5,000 symbols for both sides, AdamW at 0.002, label smoothing 0.1, dropout 0.35,
about 2,500 target symbols a batch. What it does not have: tied embeddings, dropout masks that stay, warm-up and cosine
(its rate falls by a hundredth an epoch), averaged weights. It validates as often as its updates come to an epoch.
Its CPU-seconds begin with its own reading of the symbols; cutting the text beforehand is not in them.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from peer_counts import reason
from peer_data import Data, write
from peer_environments import JOEY, environment, surroundings
from peer_programs import learn_command, write_for_peers
from quick_translation import LONGEST, Reached, Recipe, bleu, lines_of

from melisma.tasks.pairs import PairCodec

PADDED = 2.4  # what a batch of JoeyNMT holds with padding, over what it holds without
LEARNED: Mapping[str, object] = {
    "valid": "val",
    "optimizer": "adamw",
    "beta": 0.98,
    "rate": Recipe.rate,
    "smoothing": Recipe.smoothing,
    "joeynmt_batch": round(PADDED * Recipe.batch),
    "answered": 128,
    "longest_answer": LONGEST,
    "layers": 1,
    "dropout": Recipe.dropout,
}
UNENDING = 1_000_000  # updates
LOOKED = 2.0  # seconds between two looks at what it has written


def joey(chosen: argparse.Namespace, say: Callable[[str], None]) -> Iterator[Reached]:
    """What it reaches at each validation, up to ``chosen.limit`` CPU-seconds; UnavailableError where it cannot be."""
    python = environment(JOEY, chosen.peers.expanduser().resolve(), say)
    with tempfile.TemporaryDirectory() as work:
        data = Data(chosen.folder, Path(work), chosen.source, chosen.target, chosen.seeds[0], Recipe.symbols)
        codec = write(data)
        write_for_peers(data, [])
        often = epoch_updates(data)
        notes = data.work / "joeynmt-learn.notes"
        say(f"JoeyNMT validates every {often} updates, about an epoch")
        learned = {**LEARNED, "logged": often, "validated": often}
        yield from watched(learn_command(python, data, UNENDING, notes, learned), notes, data, codec, chosen.limit)


def epoch_updates(data: Data) -> int:
    """Updates of an epoch: target symbols by those of a batch."""
    text = (data.work / "train.target").read_text(encoding="utf-8")
    return max(1, math.ceil((len(text.split()) + text.count("\n")) / Recipe.batch))


def watched(command: list[str], notes: Path, data: Data, codec: PairCodec, limit: float) -> Iterator[Reached]:
    """Runs JoeyNMT, and reads what it writes after each validation. ValueError where it ends by itself."""
    references = lines_of(data.folder, "val", data.target)
    log = data.work / "joeynmt-learn.log"
    with (
        log.open("w", encoding="utf-8") as stream,
        subprocess.Popen(command, env=surroundings(), cwd=data.work, stdout=stream, stderr=stream) as process,
    ):
        try:
            seen = 0
            while process.poll() is None:
                time.sleep(LOOKED)
                lines = whole_lines(notes)
                for fact in lines[seen:]:
                    if fact.get("validated"):
                        answers = data.work / "joeynmt" / f"{fact['updates']}.hyps"
                        score = bleu(texts(answers.read_text(encoding="utf-8"), codec), references)
                        yield Reached(fact["epoch"], fact["updates"], fact["seconds"], score)
                    if fact.get("seconds", 0.0) > limit:
                        return
                seen = len(lines)
            said = reason(log.read_text(encoding="utf-8", errors="replace"))  # it also ends so when it is interrupted
            raise ValueError(f"JoeyNMT has ended by itself ({process.returncode}): {said}")
        finally:
            process.kill()


def whole_lines(notes: Path) -> list[dict]:
    """The lines of JSON that are written to their end."""
    if not notes.is_file():
        return []
    return [json.loads(line) for line in notes.read_text(encoding="ascii").splitlines(True) if line.endswith("\n")]


def texts(answers: str, codec: PairCodec) -> list[str]:
    """Answers in words, a line each; what is no symbol (JoeyNMT's unknown) is left out."""
    named = [[word[1:] for word in line.split()] for line in answers.removesuffix("\n").split("\n")]
    return [codec.target.decode(int(word) for word in words if word.isdecimal()) for words in named]
