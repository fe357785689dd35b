"""Runs a peer's own program, unchanged, and writes down what each of its updates or batches cost.

It runs in the peer's environment, where Melisma is not: torch and the standard library are all it takes. The clock is
the CPU time of the process, read after each update, so that reading, batching, the model, and the optimizer count, and
start-up does not. What is counted is what the batch held without padding.

usage: python peer_observed.py PEER NOTES ARGUMENT ...      (PEER: see PROGRAMS; NOTES: the file to write)
"""

import functools
import json
import platform
import sys
import time
import types
from importlib.metadata import version

UNUSED = ("spacy", "fasttext")  # OpenNMT-py imports them, hundreds of megabytes, for transforms that are not used here


class Notes:
    """One line of JSON a batch; the first says what the model is."""

    def __init__(self, path, packages):
        self.stream, self.packages, self.begun = open(path, "w", encoding="ascii"), packages, False  # noqa: SIM115

    def begin(self, weights):
        if not self.begun:
            shapes = {name: list(weight.shape) for name, weight in weights}
            versions = {package: version(package) for package in self.packages}
            self.write({"weights": shapes, "versions": versions | {"python": platform.python_version()}})
            self.begun = True

    def mark(self, sentences, sources, targets, pairs):
        self.write({"cpu": time.process_time(), "counts": [sentences, sources, targets, pairs]})

    def write(self, fact):
        self.stream.write(json.dumps(fact) + "\n")
        self.stream.flush()


def after(owner, method, then):
    """Has ``then(self, arguments)`` called after each call of a method."""
    plain = getattr(owner, method)

    @functools.wraps(plain)
    def observed(self, *arguments, **named):
        found = plain(self, *arguments, **named)
        then(self, arguments)
        return found

    setattr(owner, method, observed)


def opennmt_train(path):
    from onmt.bin.train import main
    from onmt.trainer import Trainer

    notes = Notes(path, ("OpenNMT-py", "torch", "numpy"))

    def updated(trainer, arguments):
        notes.begin(trainer.model.named_parameters())
        (batch,) = arguments[0]
        targets = batch["tgtlen"] - 1  # its start is not predicted
        sources = batch["srclen"]
        notes.mark(len(sources), int(sources.sum()), int(targets.sum()), int((sources * targets).sum()))

    after(Trainer, "_gradient_accumulation", updated)
    main()


def opennmt_translate(path):
    from onmt.bin.translate import main
    from onmt.translate.translator import Translator

    notes = Notes(path, ("OpenNMT-py", "torch", "numpy"))

    def translated(translator, arguments):
        notes.begin(translator.model.named_parameters())
        sources = arguments[0]["srclen"]
        steps = translator.max_length  # every search goes on to its longest: the shortest is one less
        notes.mark(len(sources), int(sources.sum()), steps * len(sources), steps * int(sources.sum()))

    after(Translator, "translate_batch", translated)
    main()


def joeynmt_train(path):
    from joeynmt.__main__ import main
    from joeynmt.training import TrainManager

    notes = Notes(path, ("joeynmt", "torch", "numpy"))

    def updated(manager, arguments):
        notes.begin(manager.model.named_parameters())
        batch = arguments[0]
        targets, sources = batch.trg_mask.sum((1, 2)), batch.src_length
        notes.mark(len(sources), int(sources.sum()), int(targets.sum()), int((sources * targets).sum()))

    after(TrainManager, "_train_step", updated)
    main()


def joeynmt_learn(path):
    """CPU-seconds since it begins to read, without those in which answers are searched for a validation."""
    from joeynmt import training
    from joeynmt.__main__ import main

    notes = Notes(path, ("joeynmt", "torch", "numpy"))
    plain, began, validating = training.predict, time.process_time(), [0.0]

    def predict(*arguments, **named):
        entered = time.process_time()
        try:
            return plain(*arguments, **named)
        finally:
            validating[0] += time.process_time() - entered

    def told(manager, validated):
        stats, seconds = manager.stats, time.process_time() - began - validating[0]
        notes.write({"epoch": stats.epochs, "updates": stats.steps, "seconds": seconds, "validated": validated})

    def updated(manager, arguments):
        notes.begin(manager.model.named_parameters())
        if manager.stats.steps % 50 == 0:
            told(manager, False)

    training.predict = predict
    after(training.TrainManager, "_train_step", updated)
    after(training.TrainManager, "_validate", lambda manager, arguments: told(manager, True))
    main()


PROGRAMS = {
    "opennmt-train": opennmt_train,
    "opennmt-translate": opennmt_translate,
    "joeynmt-train": joeynmt_train,
    "joeynmt-learn": joeynmt_learn,
}


def main():
    import torch

    torch.set_num_threads(1)
    _, program, path, *arguments = sys.argv
    for package in UNUSED:
        sys.modules[package] = types.ModuleType(package)
    sys.argv = [program, *arguments]
    PROGRAMS[program](path)


if __name__ == "__main__":
    main()
