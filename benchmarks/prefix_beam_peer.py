"""What ``prefix_beam.py`` runs in pyctcdecode's environment: frames in, answers and seconds out, as a line of JSON."""

from __future__ import annotations

import json
import logging
import sys
import time

import numpy as np
from pyctcdecode import build_ctcdecoder

SPELLED = ["", " ", *"abcdefghijklmnopqrstuvwxyz'"]


def main() -> None:
    logging.disable(logging.WARNING)
    path, beam, model = sys.argv[1:]
    values = list(np.load(path).values())
    words = None
    if model:
        with open(model, encoding="ascii") as lines:
            words = {line.split("\t")[1] for line in lines if line.count("\t") == 2 and " " not in line}
    decoder = build_ctcdecoder(SPELLED, model or None, sorted(words - {"<s>", "</s>", "<unk>"}) if words else None)
    decoder.decode_beams(values[0], beam_width=int(beam))  # warm
    began = time.process_time()
    answers = [decoder.decode_beams(one, beam_width=int(beam))[0][0] for one in values]
    print(json.dumps({"seconds": time.process_time() - began, "answers": answers}))


if __name__ == "__main__":
    main()
