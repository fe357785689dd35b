"""The faults that ``make faults`` plants can all still be planted, and the tests that are to see them are there."""

from __future__ import annotations

import pytest
from faults.fault import Fault
from faults.plant import FAULTS, PACKAGE, ROOT, planted


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_its_place_stands_exactly_once(fault: Fault) -> None:
    text = (ROOT / PACKAGE / fault.file).read_text(encoding="utf-8")
    assert planted(fault, text) != text


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_its_tests_are_there(fault: Fault) -> None:
    assert fault.tests
    assert all((ROOT / test.split("::")[0]).is_file() for test in fault.tests)


def test_no_fault_is_listed_twice() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert len({(fault.file, fault.old, fault.new) for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("text", ["", "x = 1\nx = 1\n"])
def test_a_place_that_is_lost_or_there_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="stands"):
        planted(Fault("one becomes two", "a.py", "x = 1", "x = 2", ()), text)


def test_what_is_no_python_is_no_fault() -> None:
    with pytest.raises(SyntaxError):
        planted(Fault("nonsense", "a.py", "x = 1", "x = = 1", ()), "x = 1\n")
