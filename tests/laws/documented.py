"""The commands and programs that the documentation shows, and what they need to run quickly: small files, few steps."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import soundfile
from command.drill import PAIRS, Said, typed, write_pairs
from command.voice import Voice

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/guide.md",
    "docs/why.md",
    "docs/tutorial.md",
    "docs/how-to-data.md",
    "docs/how-to-train.md",
    "docs/how-to-answer.md",
    "docs/how-to-sound.md",
    "docs/how-to-python.md",
    "docs/ideas.md",
    "docs/completion.md",
)
TRANSLATED = "README.zh-TW.md"
"""README.md in another language: the same commands, programs, figures and links."""

TRAINED = ("check", "train", "resume", "sweep")
SWEPT = {"vary": "hidden", "points": "2", "seeds": "2", "processes": "1"}
SMALL = {
    "model.embedding": "8",
    "model.hidden": "16",
    "model.encoder_hidden": "8",
    "training.batch_tokens": "300",
    "training.threads": "1",
    "training.steps": "2",
}
"""What every documented training is run with; in place of its own end, if it names one."""
SPOKEN = {
    "sound.bands": "8",
    "model.channels": "8",
    "model.hidden": "8",
    "model.layers": "1",
    "training.threads": "1",
    "training.steps": "2",
}
"""The same for recipes that hear."""
HEARING = ("transcribe", "words")
SPOTTED = {
    "sound.bands": "8",
    "model.hidden": "8",
    "model.layers": "1",
    "training.threads": "1",
    "training.scenes": "4",
    "training.batch_tokens": "800",
    "training.steps": "2",
}
"""The same for recipes that hear a word."""
SPOTTING = ("trigger",)
ENDS = ("training.epochs", "training.minutes", "training.steps")
DATES = {"data.train": "dates.tsv", "data.valid": "dates.tsv"}


class Shown(NamedTuple):
    """A line of documentation that a reader may type."""

    page: str
    line: str


def blocks(text: str, *languages: str) -> list[str]:
    """What stands in the fenced blocks of these languages."""
    return [body for language, body in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) if language in languages]


def shown_lines(text: str) -> list[str]:
    """The commands of a page: all of a ``sh`` block, and after ``$`` in a ``console`` block, without what follows #."""
    lines = [line for block in blocks(text, "sh") for line in block.replace("\\\n", " ").splitlines()]
    for block in blocks(text, "console"):
        lines += [line[2:] for line in block.replace("\\\n", " ").splitlines() if line.startswith("$ ")]
    return [line for line in lines if words_of(line)]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```(\w*)\n(.*?)^```$", "", text, flags=re.M | re.S)


def spans(text: str) -> list[str]:
    """What stands in backticks within the prose of a page."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def words_of(line: str) -> list[str]:
    """The words of a line as a shell would part them; pipes and redirections are words."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    return list(lexer)


def shown(page: str) -> list[Shown]:
    """The commands of one page."""
    return [Shown(page, line) for line in shown_lines((ROOT / page).read_text(encoding="utf-8"))]


def furnish(folder: Path) -> None:
    """The files that documented commands name, small."""
    for name in ("train", "val", "test", "mine"):
        write_pairs(folder, [(f"{a} {name}", b) for a, b in PAIRS[:40]], name)
    rows = "".join(f"{source}\t{target}\n" for source, target in PAIRS)
    (folder / "pairs.tsv").write_text(rows, encoding="utf-8")
    (folder / "test.csv").write_text("en,de\n" + rows.replace("\t", ","), encoding="utf-8")
    counted = "".join(f"{number} apples\t{number} 個蘋果\n" for number in range(20))
    (folder / "zh.tsv").write_text("en\tzh\n" + counted, encoding="utf-8")
    letters = "".join(f"{'ab' * n}{'ba' * m}\t{'A B ' * n}{'B A ' * m}\n" for n in range(5) for m in range(5) if n + m)
    (folder / "phonemes.tsv").write_text(letters, encoding="utf-8")
    (folder / "dates.tsv").write_text("3 May 1998\t1998-05-03\n1998年5月3日\t1998-05-03\n" * 4, encoding="utf-8")
    (folder / "sentences.txt").write_text("one two three\n\nfour five six\n", encoding="utf-8")
    speak(folder)
    call(folder)
    (folder / "mine.toml").write_text('[data]\ntrain = "pairs.tsv"\n', encoding="utf-8")


def speak(folder: Path) -> None:
    """Recordings of made words, two tones each, with what is said in them."""
    rate, tones = 8000, {"la": 400.0, "le": 900.0, "li": 1600.0}
    for part in ("train", "dev"):
        (folder / part).mkdir()
        rows = []
        for number, (word, hertz) in enumerate([*tones.items()] * 4):
            time = np.arange(int(0.3 * rate)) / rate
            wave = 0.3 * np.sin(2 * np.pi * hertz * (1 + 0.01 * number) * time)
            soundfile.write(folder / part / f"{number}.wav", wave, rate)
            rows.append(json.dumps({"audio": f"{part}/{number}.wav", "text": word, "speaker": f"s{number % 2}"}))
        (folder / f"{part}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for word, hertz in tones.items():
        (folder / "takes" / word).mkdir(parents=True)
        for number in range(4):
            wave = 0.3 * np.sin(2 * np.pi * hertz * (1 + 0.01 * number) * np.arange(2400) / rate)
            soundfile.write(folder / "takes" / word / f"{number}.wav", wave, rate)
    for name in ("take1.wav", "take2.flac", "lecture.mp3"):
        soundfile.write(folder / name, np.concatenate([wave, np.zeros(16_000), wave]), rate)


def call(folder: Path, takes: int = 6) -> None:
    """Takes of a made trigger word, a rising tone; of two others that are no such; and noise."""
    rate, random = 8000, np.random.default_rng(1)
    ends = {"alexa": (400, 1600), "other/falling": (1600, 400), "other/level": (800, 800)}
    for name, (low, high) in ends.items():
        (folder / name).mkdir(parents=True)
        for number in range(takes):
            hertz = np.linspace(low, high, int(rate * (0.3 + 0.02 * number))) * (1 + 0.01 * number)
            tone = 0.4 * np.sin(2 * np.pi * np.cumsum(hertz) / rate) * np.hanning(len(hertz))
            wave = np.concatenate([np.zeros(1200), tone, np.zeros(1200)])
            soundfile.write(folder / name / f"{number}.wav", wave + 1e-3 * random.standard_normal(len(wave)), rate)
    (folder / "noise").mkdir()
    for number in range(3):
        soundfile.write(folder / "noise" / f"{number}.wav", 0.05 * random.standard_normal(2 * rate), rate)


def run(line: str, folder: Path) -> Said:
    """A documented line, run in the folder (which is the working directory), with small files and few steps."""
    fed, words = b"", words_of(line)
    if "|" in words:
        place = words.index("|")
        echo, *said = words[:place]
        assert echo == "echo", line
        fed, words = " ".join(said).encode() + b"\n", words[place + 1 :]
    words, files = _redirected(words)
    assert Path(words[0]).name == "melisma", line
    if "<" in files:
        fed = (folder / files["<"]).read_bytes()
    if words[1] == "record":  # somebody who presses Enter and speaks, each time
        fed = b"\n" * 500
    with mock.patch("melisma.command.record.microphone", Voice()):
        done = typed(*small(words[1:]), stdin=fed)
    if ">" in files:
        (folder / files[">"]).write_text(done.out, encoding="utf-8")
    return done


def _redirected(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    kept, files, rest = [], {}, iter(words)
    for word in rest:
        if word in ("<", ">"):
            files[word] = next(rest)
        else:
            kept.append(word)
    return kept, files


def small(words: Sequence[str]) -> list[str]:
    """The words of a command, made quick: a training takes few steps of a small model, a measurement few dates."""
    if words and words[0] == "evaluate":
        return ["data=dates.tsv" if word.startswith("data=made:dates") else word for word in words]
    if not words or words[0] not in TRAINED:
        return list(words)
    quick = SPOTTED if words[1] in SPOTTING else SPOKEN if words[1] in HEARING else SMALL
    kept = [word for word in words if word.partition("=")[0] not in quick and word.partition("=")[0] not in ENDS]
    if words[0] == "resume":
        return [*kept, *(["training.steps=3"] if len(kept) < len(words) else [])]
    if words[0] == "sweep":
        kept = [word for word in kept if word.partition("=")[0] not in SWEPT]
        kept += [f"{name}={value}" for name, value in SWEPT.items()]
    names = {word.partition("=")[0] for word in kept}
    more = DATES if words[1] == "dates" else {"text.unit": "characters"}
    settings = quick if words[1] in (*HEARING, *SPOTTING) else SMALL | more
    return [*kept, *(f"{name}={value}" for name, value in settings.items() if name not in names)]
