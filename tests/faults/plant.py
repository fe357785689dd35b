"""Plants small wrong changes, one at a time, and sees whether the tests turn red: a test that cannot fail is no test.

Run as a program, with the names of faults to plant only those. Each is planted in a copy of the tree, so the tree itself
stays as it is.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = "src/melisma"
COPIED = ("src", "tests", "examples", "benchmarks", "pyproject.toml")
GREEN, RED = 0, 1  # pytest's own codes; any other says that no test was run to its end


class Fault(NamedTuple):
    """A wrong change, and the tests of which at least one must see it."""

    name: str
    file: str  # within the package
    old: str  # stands exactly once in the file
    new: str
    tests: tuple[str, ...]


FAULTS = (
    # layers
    Fault(
        "attention reads the padding",
        "layers/attention.py",
        "weights = scores.masked_fill(~mask, -torch.inf)",
        "weights = scores",
        ("tests/laws/test_reference_attention.py",),
    ),
    Fault(
        "backpropagation through time takes the state after a step for the one before",
        "layers/scan.py",
        "            before.append(now)\n"
        "            now, keep = cell.gates(now, entered[begin : begin + count], product)\n",
        "            now, keep = cell.gates(now, entered[begin : begin + count], product)\n            before.append(now)\n",
        ("tests/laws/test_reference.py",),
    ),
    Fault(
        "finished sequences get each other's states, plain loop",
        "layers/scan.py",
        "return joined([state, *reversed(left)]), torch.cat(outputs)",
        "return joined([state, *left]), torch.cat(outputs)",
        ("tests/laws/test_reference.py",),
    ),
    Fault(
        "finished sequences get each other's states, fast path",
        "layers/scan.py",
        "last = [torch.cat(parts) for parts in zip(now, *reversed(left))]",
        "last = [torch.cat(parts) for parts in zip(now, *left)]",
        ("tests/laws/test_reference.py",),
    ),
    Fault(
        "the last states stay in the order of the slots",
        "layers/scan.py",
        "return take(state, x.slots), x.with_rows(rows)",
        "return state, x.with_rows(rows)",
        ("tests/laws/test_reference.py",),
    ),
    Fault(
        "a new LSTM forgets",
        "layers/lstm.py",
        "self.bias[hidden_size : 2 * hidden_size] = 1",
        "self.bias[hidden_size : 2 * hidden_size] = 0",
        ("tests/laws/test_reference.py",),
    ),
    Fault(
        "the update gate of the GRU is turned round",
        "layers/gru.py",
        "return (torch.lerp(n, h, z),), (r, z, n, un)",
        "return (torch.lerp(h, n, z),), (r, z, n, un)",
        ("tests/laws/test_reference.py",),
    ),
    Fault(
        "a residual layer forgets the inputs that wait for their outputs",
        "layers/deep.py",
        "waiting = x if state.waiting is None else state.waiting.join(x)",
        "waiting = x",
        ("tests/laws/test_cutting.py",),
    ),
    Fault(
        "a convolution hears one step beyond the delay that it declares",
        "layers/convolution.py",
        "self.delay: int | None = width - 1 - self.before",
        "self.delay: int | None = max(0, width - 2 - self.before)",
        ("tests/laws/test_causality.py",),
    ),
    Fault(
        "what dropout keeps is not scaled",
        "layers/dropout.py",
        "return (uniform >= rate).to(uniform.dtype).mul_(1 / (1 - rate))",
        "return (uniform >= rate).to(uniform.dtype)",
        ("tests/layers/test_dropout.py",),
    ),
    Fault(
        "a dropout mask goes to another sequence of the batch",
        "layers/dropout.py",
        "x.rows * state.mask[x.owners]",
        "x.rows * state.mask[x.row_slots]",
        ("tests/layers/test_dropout.py",),
    ),
    Fault(
        "the Mogrifier gates memory by the input as it came",
        "layers/mogrifier.py",
        "h = _opened(functional.linear(x, self.by_input[turn // 2])) * h",
        "h = _opened(functional.linear(entered, self.by_input[turn // 2])) * h",
        ("tests/laws/test_reference.py",),
    ),
    Fault(
        "weights are left out in the first chunk of a sequence alone",
        "layers/deep.py",
        "return ThinState(after, state.mask), y",
        "return ThinState(after, None), y",
        ("tests/laws/test_cutting.py",),
    ),
    Fault(
        "the decoder hears itself where it should be taught, and is taught elsewhere",
        "models/encoder_decoder.py",
        "torch.where(entered[:, 1] == 1, state.said, entered[:, 0])",
        "torch.where(entered[:, 1] == 1, entered[:, 0], state.said)",
        ("tests/models/test_scheduled_sampling.py",),
    ),
    Fault(
        "a schedule of the task's own never moves on",
        "training/descent.py",
        "return Moment(self.step, self._last)",
        "return Moment(0, self._last)",
        ("tests/training/test_sampled_training.py",),
    ),
    Fault(
        "a step of a Transformer sees the one after it",
        "layers/transformer.py",
        "first = state.heard.lengths()[:, None] + 1",
        "first = state.heard.lengths()[:, None] + 2",
        ("tests/laws/test_causality.py",),
    ),
    Fault(
        "positions begin anew with every chunk",
        "layers/transformer.py",
        "steps = before[x.owners] + x.row_steps",
        "steps = x.row_steps",
        ("tests/laws/test_cutting.py",),
    ),
    Fault(
        "heads are not scaled by their width",
        "layers/heads.py",
        "scores = (q @ k.transpose(2, 3)) / math.sqrt(q.shape[-1])",
        "scores = (q @ k.transpose(2, 3)) / math.sqrt(query.shape[-1])",
        ("tests/layers/test_transformer.py",),
    ),
    Fault(
        "location-aware attention forgets what was read last",
        "layers/attention.py",
        "        last = weights[:, 0]\n",
        "",
        ("tests/laws/test_reference_attention.py",),
    ),
    Fault(
        "small products are not filled up",
        "ragged.py",
        "if count >= FILLER and not exact():",
        "if not exact():",
        ("tests/laws/test_filler.py",),
    ),
    # losses and training
    Fault(
        "smoothing is reported as nats",
        "losses/tokens.py",
        "return trained.sum(), nats.sum()\n",
        "return trained.sum(), trained.sum()\n",
        ("tests/laws/test_reference_losses.py",),
    ),
    Fault(
        "the decoder hears the symbol that it is to say",
        "tasks/pairs.py",
        "heard = Ragged.of_symbols([[START, *target] for _, target in pairs])",
        "heard = Ragged.of_symbols([[*target, END] for _, target in pairs])",
        ("tests/tasks/test_pair_batches.py",),
    ),
    Fault(
        "a part's loss is divided by the part instead of the batch",
        "training/descent.py",
        "self._backward(batch.part(index, parts), batch.counts, ",
        "self._backward(batch.part(index, parts), batch.part(index, parts).counts, ",
        ("tests/training/test_optimise.py",),
    ),
    Fault(
        "the gradient is not clipped",
        "training/descent.py",
        "self.settings.clip or math.inf",
        "math.inf",
        ("tests/training/test_optimise.py",),
    ),
    Fault(
        "answers come from the last weights instead of their average",
        "training/descent.py",
        "with torch.no_grad(), self.average.in_place():",
        "with torch.no_grad():",
        ("tests/training/test_answering.py",),
    ),
    Fault(
        "after a validation the averaged weights are trained on",
        "training/average.py",
        "        finally:\n            self._swap()\n",
        "        finally:\n            pass\n",
        ("tests/training/test_average.py",),
    ),
    Fault(
        "the average of the weights is not restored",
        "training/descent.py",
        "        self.average.restore(model)\n",
        "",
        ("tests/training/test_resume.py",),
    ),
    Fault(
        "the optimizer is not restored",
        "training/descent.py",
        '        restore_optimizer(self._optimizer, _under("optimizer.", training))\n',
        "",
        ("tests/training/test_resume.py",),
    ),
    Fault(
        "the carried state is not restored",
        "training/descent.py",
        "self._carry = rebuilt(fresh, [kept[str(number)].to(self.device, copy=True) for number in range(len(kept))])",
        "self._carry = fresh",
        ("tests/training/test_resume.py",),
    ),
    Fault(
        "every epoch has the same order",
        "training/order.py",
        'drawn(seed, "order", epoch)',
        'drawn(seed, "order")',
        ("tests/training/test_order.py",),
    ),
    Fault(
        "a window ends without the symbol after it",
        "training/order.py",
        "encoded[begin : end + 1]",
        "encoded[begin:end]",
        ("tests/training/test_order.py",),
    ),
    # search
    Fault(
        "the length penalty leaves the end symbol out",
        "search/beam.py",
        "self.ranking.normalised(totals, self.said + 1)",
        "self.ranking.normalised(totals, self.said)",
        ("tests/search/test_search.py",),
    ),
    Fault(
        "the states of a beam stay where they were while its beginnings move",
        "search/beam.py",
        "rows = (kept[:, None] * slots + parents[kept]).flatten()",
        "rows = (kept[:, None] * slots + torch.arange(parents.shape[1]).clamp(max=slots - 1)).flatten()",
        ("tests/search/test_search.py",),
    ),
    Fault(
        "greedy search keeps the memories of finished sentences",
        "search/greedy.py",
        "step, state = step.keep(kept), take(state, kept)",
        "state = take(state, kept)",
        ("tests/search/test_search.py",),
    ),
    Fault(
        "what is drawn depends on a sentence's place in its batch",
        "search/sample.py",
        "uniforms(self.seed, self.names[sentence], number, block)",
        'uniforms(self.seed, b"%d" % sentence, number, block)',
        ("tests/search/test_sample.py",),
    ),
    Fault(
        "the nucleus leaves out the symbol that fills it",
        "search/sample.py",
        "torch.where(before < share * upto[:, -1:], ordered, 0.0)",
        "torch.where(upto <= share * upto[:, -1:], ordered, 0.0)",
        ("tests/search/test_sample.py",),
    ),
    Fault(
        "the last word of a prefix cannot go on",
        "tasks/beginning.py",
        "        ways.update(_beyond(unit, spelled, head, text[length:]))\n",
        "        pass\n",
        ("tests/tasks/test_beginning.py",),
    ),
    Fault(
        "sentences that go on read the memories of the first ones",
        "models/encoder_decoder.py",
        "memory = take(self.memory, sentences)\n",
        "memory = take(self.memory, torch.arange(len(sentences)))\n",
        ("tests/laws/test_neighbours.py",),
    ),
    Fault(
        "measuring holds the attention of a very long pair at once",
        "models/encoder_decoder.py",
        "if torch.is_grad_enabled() or query.shape[1] <= most:",
        "if True:",
        ("tests/models/test_encoder_decoder.py",),
    ),
    Fault(
        "input feeding copies the memory at every step",
        "models/encoder_decoder.py",
        "return FeedingState(decoder, state.memory), shown",
        "return FeedingState(decoder, take(state.memory, torch.arange(len(shown)))), shown",
        ("tests/models/test_encoder_decoder.py",),
    ),
    Fault(
        "a validation pair too long to be answered is found out at the first validation",
        "evaluation/validate.py",
        "        task.check(codec, examples)\n",
        "",
        ("tests/tasks/test_answers.py",),
    ),
    # text, files, runs
    Fault(
        "decoding leaves the space that encoding put before the text",
        "text/words.py",
        'return self.vocabulary.text(ids).removeprefix(" ")',
        "return self.vocabulary.text(ids)",
        ("tests/text/test_units.py",),
    ),
    Fault(
        "a text is cut into words as it came, not normalised",
        "text/words.py",
        "return cuts.words(cuts.lead(normalise(text)))",
        "return cuts.words(cuts.lead(text))",
        ("tests/text/test_units.py",),
    ),
    Fault(
        "a text that spells the start symbol is taken for it",
        "text/vocabulary.py",
        "symbol = symbols.get(piece)",
        'symbol = START if piece == "<s>" else symbols.get(piece)',
        ("tests/text/test_vocabulary.py",),
    ),
    Fault(
        "pairs of one target stand on both sides of the cut",
        "files/groups.py",
        "for side in self._sides:",
        "for side in self._sides[:1]:",
        ("tests/files/test_split.py",),
    ),
    Fault(
        "a group is drawn by its first pair, not by its smallest",
        "files/groups.py",
        "min((key(one), one) for one in group)[1]",
        "group[0]",
        ("tests/files/test_groups.py",),
    ),
    Fault(
        "what is in memory is not read after what is on the disk",
        "files/scratch.py",
        "self._stored(begin, min(end, written)) + bytes(self._tail[: max(0, end - written)])",
        "self._stored(begin, min(end, written))",
        ("tests/files/test_scratch.py",),
    ),
    Fault(
        "the last of a disk is taken",
        "files/scratch.py",
        "told.f_bavail * told.f_frsize < len(self._tail) + SPARE",
        "False",
        ("tests/files/test_scratch.py",),
    ),
    Fault(
        "pairs that are held out are counted from the wrong side",
        "files/stored.py",
        'np.searchsorted(self._before, place, side="right")',
        'np.searchsorted(self._before, place, side="left")',
        ("tests/files/test_stored.py",),
    ),
    Fault(
        "zstd takes what memory it likes",
        "files/opening.py",
        "zstd.ZstdDecompressor(options=options)",
        "zstd.ZstdDecompressor()",
        ("tests/files/test_lines.py",),
    ),
    Fault(
        "a cut-off Parquet table unfolds without a budget",
        "files/parquet.py",
        "total += batch.nbytes",
        "total = batch.nbytes",
        ("tests/files/test_parquet.py",),
    ),
    Fault(
        "characters of words that were dropped are not counted",
        "text/tally.py",
        "found = self._dropped.copy()",
        "found = Counter[str]()",
        ("tests/text/test_tally.py",),
    ),
    Fault(
        "a word within a line loses its space",
        "text/subwords.py",
        """.replace(" ", "\\n ").split("\\n")""",
        """.split(" ")""",
        ("tests/text/test_tally.py",),
    ),
    Fault(
        "symbols beyond two bytes are cut",
        "tasks/encoded.py",
        '"H" if vocabulary <= 1 << 16 else "I"',
        '"H"',
        ("tests/tasks/test_encoded_pairs.py",),
    ),
    Fault(
        "the end of a source counts as one of its symbols",
        "tasks/translate.py",
        "len(source) - 1 <= data.limit_source",
        "len(source) <= data.limit_source",
        ("tests/tasks/test_encoded_pairs.py",),
    ),
    Fault(
        "lots and noise are the same numbers",
        "training/order.py",
        "random.bit_generator.advance(len(columns))",
        "random.bit_generator.advance(0)",
        ("tests/training/test_order_in_parts.py",),
    ),
    Fault(
        "a batch forgets how long its first example is",
        "training/order.py",
        "count, largest = 0, length",
        "count, largest = 0, 0",
        ("tests/training/test_order_in_parts.py",),
    ),
    Fault(
        "a pointer names its step before that is written",
        "runs/write.py",
        "            self._write(name, files, better)\n",
        '            replace_file(self._disk, self.path / LATEST, f"{name}\\n".encode())\n'
        "            self._write(name, files, better)\n",
        ("tests/runs/test_crashes.py",),
    ),
    Fault(
        "a step whose save was cut off is not named as the best it was",
        "runs/repair.py",
        "if cut_off or name in found.faults",
        "if name in found.faults",
        ("tests/runs/test_crashes.py",),
    ),
    Fault(
        "a file is not synced before its folder is renamed",
        "runs/disk.py",
        "        write_all(disk, file, data)\n        disk.sync(file)\n",
        "        write_all(disk, file, data)\n",
        ("tests/runs/test_crashes.py",),
    ),
    Fault(
        "a step is read without comparing its checksums",
        "runs/read.py",
        "    if hashlib.sha256(data).hexdigest() != entry.sha256:\n",
        "    if False:\n",
        ("tests/runs/test_reading.py",),
    ),
    Fault(
        "a run takes a second writer",
        "runs/lock.py",
        "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)",
        ("tests/runs/test_writing.py",),
    ),
)


def planted(fault: Fault, text: str) -> str:
    """The file with the fault in it; ValueError where its place is not found exactly once, or the result is no Python."""
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.name}: its text stands {text.count(fault.old)} times in {fault.file}")
    changed = text.replace(fault.old, fault.new)
    ast.parse(changed)
    return changed


def copied(folder: Path) -> None:
    """Copies the tree, without what was compiled."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy(source, folder / name)


def tested(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Runs these tests in ``folder``, one thread -> pytest's code, and the first that failed or its last line."""
    words = (sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return done.returncode, (failed or done.stdout.splitlines() or done.stderr.splitlines() or ["nothing was said"])[-1]


def is_caught(fault: Fault) -> bool:
    """Plants the fault in a copy, runs its tests, and tells what came of it."""
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        folder = Path(name)
        copied(folder)
        file = folder / PACKAGE / fault.file
        file.write_text(planted(fault, file.read_text(encoding="utf-8")), encoding="utf-8")
        code, last = tested(folder, fault.tests)
    said = {RED: "caught", GREEN: "NOT CAUGHT"}.get(code, f"NOT TESTED (pytest ended with {code})")
    print(f"{said}: {fault.name}  [{last}]", flush=True)
    return code == RED


def is_green(tests: Sequence[str]) -> bool:
    """Whether the tests pass where nothing is planted: else their red would mean nothing."""
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        copied(Path(name))
        code, last = tested(Path(name), tests)
    print(f"nothing planted: {'green' if code == GREEN else 'NOT GREEN'}  [{last}]", flush=True)
    return code == GREEN


def main(names: Sequence[str]) -> int:
    """Plants all faults, or those of these names -> 0 if every one is caught."""
    unknown = set(names) - {fault.name for fault in FAULTS}
    if unknown:
        print("\n".join((f"there is no fault {sorted(unknown)}; there are", *(fault.name for fault in FAULTS))))
        return 2
    chosen = [fault for fault in FAULTS if not names or fault.name in names]
    if not is_green(sorted({test for fault in chosen for test in fault.tests})):
        return 1
    missed = [fault.name for fault in chosen if not is_caught(fault)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} faults are caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
