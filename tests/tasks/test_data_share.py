"""Training on a share of the data: drawn by the seed, one within the other, validation untouched."""

from __future__ import annotations

from pathlib import Path

import pytest
from command.drill import write_pairs
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files.columns import Pair
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.task import Corpus
from melisma.tasks.translate import read


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("share")
    write_pairs(folder)
    return folder


def corpus(folder: Path, share: float, seed: int = 1) -> Corpus[Pair]:
    files = (str(folder / "a.en"), str(folder / "a.de"))
    given = {"data.train": files, "data.valid_size": 5, "data.share": share, "training.seed": seed}
    return read(build(TranslateSettings, {}, given))


@given(st.floats(0.001, 1), st.floats(0.001, 1), st.integers(0, 5))
def test_a_larger_share_holds_all_of_a_smaller_one(data: Path, one: float, other: float, seed: int) -> None:
    small, large = (corpus(data, share, seed).train for share in sorted((one, other)))
    assert set(small) <= set(large)


@given(st.floats(0.001, 1))
def test_a_share_has_its_size_and_the_order_of_the_whole(data: Path, share: float) -> None:
    whole, part = corpus(data, 1.0).train, corpus(data, share).train
    assert len(part) == max(1, round(share * len(whole)))
    kept = set(part)
    assert [pair for pair in whole if pair in kept] == list(part)


def test_validation_stays_the_same(data: Path) -> None:
    whole, part = corpus(data, 1.0), corpus(data, 0.25)
    assert part.valid == whole.valid
    assert part.signatures == whole.signatures
    assert f"data.share=0.25: {len(part.train)} of {len(whole.train)} pairs are trained on" in part.notes
    assert not [note for note in whole.notes if "share" in note]


def test_another_seed_draws_other_pairs(data: Path) -> None:
    assert set(corpus(data, 0.5, 1).train) != set(corpus(data, 0.5, 2).train)


@pytest.mark.parametrize("share", [0, -0.5, 1.5, "half"])
def test_what_is_no_share_is_refused(data: Path, share: object) -> None:
    with pytest.raises(Refusal, match=r"data\.share"):
        build(TranslateSettings, {}, {"data.share": share})
