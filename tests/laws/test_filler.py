"""Filler: how many rows a product has changes no bit of ``Ragged.map``, because too few are filled up to ``FILLER``.

A matrix library picks its way by the number of rows: below some border a row of a product rounds differently. ``FILLER`` must not lie
below this machine's border; where it does, these tests fail and say by how much.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from melisma.ragged import FILLER, Ragged, exact, exactly, filled

WIDTHS = [(3, 5), (6, 24), (64, 256), (100, 33), (256, 1024), (512, 2048), (1024, 64)]  # (inputs, outputs)
MANY = 200


pytestmark = pytest.mark.usefixtures("one_thread", "no_gradient")


def product(inputs: int, outputs: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(inputs * outputs)
    return tuple(torch.randn(*shape, generator=generator) for shape in ((outputs, inputs), (outputs,), (MANY, inputs)))  # type: ignore[return-value]


def border(inputs: int, outputs: int) -> int:
    """The fewest rows from which on (up to 40) every row has the bits that it has among many."""
    weight, bias, rows = product(inputs, outputs)
    among_many = functional.linear(rows, weight, bias)
    differ = [n for n in range(1, 41) if not torch.equal(functional.linear(rows[:n], weight, bias), among_many[:n])]
    return max(differ, default=0) + 1


@pytest.mark.parametrize(("inputs", "outputs"), WIDTHS)
def test_the_border_of_this_machine_lies_within_the_filler(inputs: int, outputs: int) -> None:
    found = border(inputs, outputs)
    assert found <= FILLER, (
        f"on this machine a product of {inputs} inputs and {outputs} outputs needs {found} rows before its bits stop depending on "
        f"their number, and FILLER in melisma/ragged.py is {FILLER}: bits that are promised by default cannot be kept here "
        "(within exactly() they are)."
    )


@pytest.mark.parametrize("owed", [False, True])
@pytest.mark.parametrize(("inputs", "outputs"), WIDTHS)
def test_map_gives_the_bits_of_a_big_batch(inputs: int, outputs: int, owed: bool) -> None:
    """Rows 1 to 40, whatever the border: in the same place, so that only their number differs."""
    weight, bias, rows = product(inputs, outputs)

    def mapped(some: Tensor) -> Tensor:
        return Ragged.step(some).map(lambda x: functional.linear(x, weight, bias)).rows

    def check() -> list[int]:
        among_many = mapped(rows)
        return [n for n in range(1, 41) if not torch.equal(mapped(rows[:n]), among_many[:n])]

    if owed:
        with exactly():
            wrong = check()
    else:
        wrong = check()
    assert not wrong, (
        f"{inputs} inputs, {outputs} outputs: batches of {wrong} rows have other bits than a batch of {MANY}. "
        f"The border of this machine is {border(inputs, outputs)} rows, FILLER is {FILLER}."
    )


@pytest.mark.parametrize(("inputs", "outputs"), WIDTHS)
def test_bits_that_are_owed_do_not_depend_on_the_place_in_a_batch(inputs: int, outputs: int) -> None:
    weight, bias, rows = product(inputs, outputs)
    order = torch.randperm(MANY, generator=torch.Generator().manual_seed(1))
    with exactly():
        found = filled(lambda x: functional.linear(x, weight, bias), rows[order])
        wanted = filled(lambda x: functional.linear(x, weight, bias), rows)[order]
    assert torch.equal(found, wanted)


@given(count=st.integers(0, 70), owed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_how_many_rows_a_function_is_shown(count: int, owed: bool) -> None:
    shown: list[Tensor] = []

    def spy(rows: Tensor) -> Tensor:
        shown.append(rows)
        return rows * 2

    rows = torch.arange(1.0, 3 * count + 1).view(count, 3)
    if owed:
        with exactly():
            assert exact()
            found = filled(spy, rows)
    else:
        assert not exact()
        found = filled(spy, rows)
    assert torch.equal(found, rows * 2)
    assert (
        all(len(block) == FILLER for block in shown)
        if owed
        else [len(block) for block in shown] == [max(count, FILLER)]
    )
    everything = torch.cat(shown)
    assert torch.equal(everything[:count], rows)
    assert not everything[count:].any(), "filler rows are zero"


def test_filler_rows_give_no_gradient() -> None:
    with torch.enable_grad():
        bias = torch.zeros(2, requires_grad=True)
        for owed in (False, True):
            bias.grad = None
            rows = torch.ones(3, 2)
            if owed:
                with exactly():
                    y = filled(lambda x: x + bias, rows)
            else:
                y = filled(lambda x: x + bias, rows)
            y.sum().backward()
            assert bias.grad is not None
            assert bias.grad.tolist() == [3.0, 3.0]


def test_bits_are_owed_only_within() -> None:
    with exactly():
        assert exact()
        with exactly():
            pass
        assert exact()
    assert not exact()
    with pytest.raises(KeyError):
        _failing_within()
    assert not exact()


def _failing_within() -> None:
    with exactly():
        raise KeyError
