"""What tests of the command stand on, wherever they are: one tiny run, and a folder of data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from command.drill import picture, trained, write_pairs


@pytest.fixture
def tiny(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory: data and the run ``tiny``, which nobody may change."""
    folder = trained(tmp_path_factory.mktemp("tiny"))
    before = picture(folder)
    monkeypatch.chdir(folder)
    yield folder
    assert picture(folder) == before


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: new, with the data ``a.en`` and ``a.de``."""
    write_pairs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return Path(os.curdir).resolve()
