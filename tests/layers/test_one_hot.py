"""One-hot rows: an embedding by the identity matrix, which is a product with the first layer's columns."""

from __future__ import annotations

import pytest
import torch
from laws.things import SYMBOLS, a_cell, some_symbols
from torch import Generator, nn

from melisma.contract import whole
from melisma.layers.deep import OneWay
from melisma.layers.embedding import Embedding, OneHot
from melisma.ragged import Ragged


def seeded() -> Generator:
    return Generator().manual_seed(1)


def identity() -> Embedding:
    """An embedding whose vectors are the rows of the identity matrix."""
    embedding = Embedding(SYMBOLS, SYMBOLS)
    with torch.no_grad():
        embedding.weight.copy_(torch.eye(SYMBOLS))
    embedding.scale = 1.0
    return embedding


@pytest.mark.parametrize("dropped", [0.0, 0.4])
@pytest.mark.parametrize("drawn", [False, True])
def test_it_is_an_embedding_by_the_identity_matrix(dropped: float, drawn: bool) -> None:
    symbols = Ragged.of_symbols(some_symbols(1, [5, 0, 9, 3]))
    random = [seeded() if drawn else None for _ in range(2)]
    found, wanted = OneHot(SYMBOLS)(symbols, dropped, random[0]), identity()(symbols, dropped, random[1])
    assert torch.equal(found.rows, wanted.rows)
    assert found.lengths().tolist() == wanted.lengths().tolist()
    assert (found.rows.sum(1) == 1).all() == (not (dropped and drawn))


def test_a_cell_reads_the_columns_of_its_matrix() -> None:
    cell, one_hot = a_cell("elman", SYMBOLS), OneHot(SYMBOLS)
    symbols = torch.tensor([3, 0, SYMBOLS - 1])
    torch.testing.assert_close(
        cell.enter(one_hot.vectors(symbols)), cell.weight.t()[symbols] + cell.bias, rtol=0, atol=1e-6
    )


def test_it_learns_nothing_itself_and_is_not_saved() -> None:
    one_hot = OneHot(SYMBOLS)
    assert not list(one_hot.parameters())
    assert not one_hot.state_dict()
    assert one_hot.vectors(torch.tensor([1])).dtype == torch.float32
    assert nn.Sequential(one_hot).double()[0].vectors(torch.tensor([1])).dtype == torch.float64
    assert one_hot.size == Embedding(3, SYMBOLS).size == SYMBOLS


def test_it_can_be_built_without_values_and_filled_later_as_a_saved_model_is() -> None:
    with torch.device("meta"):
        one_hot = OneHot(SYMBOLS)
    assert one_hot.to("cpu").vectors(torch.tensor([2]))[0].tolist() == [0, 0, 1] + [0] * (SYMBOLS - 3)


def test_no_symbol_gives_no_row() -> None:
    layer = OneWay(a_cell("lstm", SYMBOLS))
    nothing = OneHot(SYMBOLS)(Ragged.of_symbols([[], []]))
    assert nothing.rows.shape == (0, SYMBOLS)
    assert whole(layer, nothing).batch == 2
