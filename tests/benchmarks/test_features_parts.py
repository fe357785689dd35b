"""The benchmark of frames: all parts work on the same sound and find the same values."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from melisma.settings.sound import SoundSettings
from melisma.sound.definitions import definition

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
MODULES = ("peer_counts", "peer_environments", "features")
SETTINGS = SoundSettings(rate=8000, bands=20)


@pytest.fixture(scope="module")
def benchmark():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(FOLDER)
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            patched.setenv(variable, "1")
        for name in MODULES:  # folders of tests have such names too
            patched.delitem(sys.modules, name, raising=False)
        yield importlib.import_module("features")
        for name in MODULES:
            sys.modules.pop(name, None)


def sound(count: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(count)).astype(np.float32)


def test_plain_torch_and_ours_are_the_same_frames(benchmark) -> None:
    own, others = benchmark.errors(definition(SETTINGS), sound(4000))
    assert own < 1e-4
    assert others < 1e-4


def test_recordings_are_those_of_a_folder_and_no_more_than_asked_for(benchmark, tmp_path, capsys) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("a.wav", "inner/b.flac"):
        soundfile.write(tmp_path / name, sound(8000), 8000)
    (tmp_path / "c.wav").write_text("<html>", encoding="utf-8")
    assert [len(samples) for samples in benchmark.recordings(tmp_path, 8000, 1)] == [8000, 8000]
    assert "left out" in capsys.readouterr().out
    assert [len(samples) for samples in benchmark.recordings(tmp_path, 8000, 1.5 / 60)] == [8000, 4000]


def test_a_peer_that_cannot_be_had_is_left_out_with_a_sentence(benchmark, tmp_path, capsys, monkeypatch) -> None:
    def missing(*_: object) -> Path:
        raise benchmark.UnavailableError("could not be installed: no network")

    monkeypatch.setattr(benchmark, "environment", missing)
    parts = benchmark.run([sound(4000)], SETTINGS, 2, tmp_path)
    benchmark.report(parts, 0.5)
    said = capsys.readouterr().out
    assert "librosa takes no part: could not be installed: no network" in said
    assert all(len(part.seconds) == 2 for part in parts)
    assert {"melisma", "torch.stft", "melisma, chunks of 80 ms"} <= {part.name for part in parts}
