"""What a saved model must hold is known without torch's compiler, which takes seconds to load."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, torch
from dataclasses import replace
from melisma.layers.cells import CELLS
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.models.transcriber import Transcriber
from melisma.settings.model import EncoderDecoderSettings
from melisma.settings.transcriber import TranscriberSettings

plain = EncoderDecoderSettings()
with torch.device("meta"):
    for cell in CELLS:
        EncoderDecoder(9, 9, replace(plain, cell=cell))
    EncoderDecoder(9, 9, replace(plain, encoder="transformer", decoder="transformer"))
    Transcriber(40, 9, TranscriberSettings())
assert "torch._dynamo" not in sys.modules
"""


def test_shapes_are_known_without_the_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
