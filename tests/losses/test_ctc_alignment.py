"""Forced alignment: the likeliest of all paths to the labels, counted one by one; and what priors change."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from melisma.errors import Refusal
from melisma.losses.ctc import align, collapse, ctc_loss, required, viterbi
from melisma.ragged import Ragged

TEXTS = ([], [1], [2], [1, 1], [1, 2], [2, 1, 2], [1, 1, 2], [2, 2, 2])


def drawn(frames: int, symbols: int, seed: int, scale: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(frames, symbols, generator=generator, dtype=torch.float64)).log_softmax(-1)


def score(log_p: Tensor, path: tuple[int, ...] | list[int]) -> float:
    return float(log_p[torch.arange(len(path)), torch.tensor(path, dtype=torch.int64)].sum())


def likeliest(log_p: Tensor, labels: list[int], blank: int) -> float:
    """The maximum over all paths that collapse to the labels."""
    paths = product(range(log_p.shape[1]), repeat=len(log_p))
    return max((score(log_p, path) for path in paths if collapse(path, blank) == labels), default=-np.inf)


def follows(path: list[int], spans: list[tuple[int, int]], labels: list[int], blank: int) -> bool:
    """Whether a path says each label in its span, and the blank elsewhere."""
    said = [blank] * len(path)
    for (begin, end), label in zip(spans, labels, strict=True):
        assert begin < end
        said[begin:end] = [label] * (end - begin)
    return said == path and spans == sorted(spans)


@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize("frames", [0, 1, 2, 4, 5])
def test_it_is_the_likeliest_of_all_paths(frames: int, blank: int) -> None:
    symbols = [symbol for symbol in range(3) if symbol != blank]
    for seed, text in enumerate(TEXTS):
        log_p, labels = drawn(frames, 3, seed), [symbols[each - 1] for each in text]
        if required(labels) > frames:
            with pytest.raises(Refusal, match=rf"{frames} frames are too few for {len(labels)} labels, which need"):
                viterbi(log_p, labels, blank)
            continue
        found = viterbi(log_p, labels, blank)
        assert found.log_probability == pytest.approx(likeliest(log_p, labels, blank), abs=1e-12)
        assert found.log_probability == pytest.approx(score(log_p, found.path), abs=1e-12)
        assert collapse(found.path, blank) == labels
        assert follows(found.path, found.spans, labels, blank)
        assert align(log_p, labels, blank) == found.spans


def test_it_is_less_than_the_sum_and_all_of_it_where_one_path_is_sure() -> None:
    log_p, labels = drawn(60, 7, 1), [3, 3, 1, 6, 2]
    nats = ctc_loss(Ragged.of([log_p]), Ragged.of_symbols([labels]))
    assert viterbi(log_p, labels).log_probability < -float(nats)
    sure = torch.full((8, 7), -torch.inf, dtype=torch.float64)
    sure[torch.arange(8), torch.tensor([0, 3, 3, 0, 3, 1, 1, 0])] = 0
    assert viterbi(sure, [3, 3, 1]) == ([(1, 3), (4, 5), (5, 7)], [0, 3, 3, 0, 3, 1, 1, 0], 0.0)


def test_long_ones_follow_what_was_said() -> None:
    generator = torch.Generator().manual_seed(0)
    path = torch.repeat_interleave(torch.randint(12, (500,), generator=generator), 4)
    logits = torch.randn(2000, 12, generator=generator)
    logits[torch.arange(2000), path] += 12
    labels = collapse(path.tolist())
    assert viterbi(logits.log_softmax(-1), labels).path == path.tolist()


@pytest.mark.parametrize("convert", [torch.Tensor.float, torch.Tensor.numpy, lambda each: each.requires_grad_()])
def test_numbers_of_any_kind_are_taken_and_left_as_they_were(convert: object) -> None:
    log_p = drawn(9, 4, 3)
    given, before = convert(log_p.clone()), log_p.clone()  # type: ignore[operator]
    assert align(given, [1, 3, 3]) == align(log_p, [1, 3, 3])
    np.testing.assert_allclose(torch.as_tensor(given).detach().numpy(), before.numpy(), rtol=1e-6)


def peaky() -> tuple[Tensor, list[int]]:
    """Labels that last three frames each, of which the model says the last one, as sharply as it can."""
    p = torch.full((16, 3), 0.005, dtype=torch.float64)
    for label, end in ((1, 5), (2, 12)):
        p[end - 2 : end, label] = 0.1
        p[end, label] = 0.9
    p[:, 0] = 1 - p[:, 1:].sum(1)
    return p.log(), [1, 2]


def test_priors_let_symbols_last() -> None:
    log_p, labels = peaky()
    priors = log_p.exp().mean(0).log()
    assert align(log_p, labels) == [(5, 6), (12, 13)]
    found = viterbi(log_p, labels, log_priors=priors, prior_weight=1.0)
    assert found.spans == [(3, 6), (10, 13)]
    assert found.log_probability == pytest.approx(score(log_p, found.path)), "of the path, the priors not taken off"
    assert viterbi(log_p, labels, log_priors=priors.numpy(), prior_weight=0.0) == viterbi(log_p, labels)
    assert viterbi(log_p, labels, log_priors=torch.full((3,), -1.0)) == viterbi(log_p, labels)


def test_what_has_no_path_is_refused() -> None:
    log_p = drawn(6, 4, 5)
    for bad in (-torch.inf, torch.nan):
        broken = log_p.clone()
        broken[:, 2] = bad
        with pytest.raises(Refusal, match="symbols that are impossible"):
            viterbi(broken, [1, 2])
        assert collapse(viterbi(broken, [1, 3]).path) == [1, 3]
    with pytest.raises(Refusal, match="NaN"):
        viterbi(log_p, [1], log_priors=torch.tensor([0.0, -torch.inf, 0.0, 0.0]))


@pytest.mark.parametrize(("label", "blank"), [(-1, 0), (0, 0), (3, 0), (2, 2)])
def test_labels_that_are_none_have_no_alignment(label: int, blank: int) -> None:
    with pytest.raises(ValueError, match=rf"labels must be symbols from 0 to 2 other than the blank, which is {blank}"):
        align(torch.zeros(6, 3), [1, label], blank)


def test_of_equal_paths_the_same_one_is_taken() -> None:
    assert align(torch.zeros(6, 3), [1, 2]) == [(0, 1), (1, 6)]
    assert align(torch.zeros(5, 3), [1, 1]) == [(0, 1), (2, 5)]
