"""Which GPU is whose, where several processes of one machine train together."""

from __future__ import annotations

import pytest
import torch

from melisma.api.device import device
from melisma.errors import Refusal


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("two")
def test_each_has_the_one_of_its_place_on_the_machine() -> None:
    assert [device("auto", local=local) for local in (0, 1)] == [torch.device("cuda", 0), torch.device("cuda", 1)]
    assert device("gpu", local=1) == torch.device("cuda", 1)
    assert device("gpu") == torch.device("cuda"), "a process that is alone takes the one that is current"
    assert device("cpu", local=1) == torch.device("cpu")


@pytest.mark.usefixtures("two")
def test_more_processes_than_gpus_are_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        device("auto", local=2)
    assert str(refusal.value) == (
        "process 3 on this machine has no GPU of its own, of which there are 2: "
        "--nproc-per-node=2 or training.device=cpu is wanted"
    )


def test_without_gpus_the_processor_is_everybodys() -> None:
    if not torch.cuda.is_available():
        assert device("auto", local=5) == torch.device("cpu")
