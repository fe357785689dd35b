"""CTC: the loss, its gradient and its posteriors are sums over all paths, counted one by one where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import pytest
import torch
from laws.things import CTC_LOSSES
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from melisma.losses import forward_backward
from melisma.losses.ctc import collapse, ctc_loss, occupation, plain_ctc_loss, required
from melisma.ragged import Ragged, exactly

ENGINES = ("as it is", "on torch's arrays", "in logarithms")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way that the recursion can be taken, for everybody."""
    if request.param == "on torch's arrays":
        monkeypatch.setattr(forward_backward, "_arrays", lambda *all_: (torch, [each.view(-1) for each in all_]))
    if request.param == "in logarithms":
        monkeypatch.setattr(forward_backward, "RANGE", -torch.inf)
    return str(request.param)


def drawn(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def some(
    lengths: Sequence[int], counts: Sequence[int], symbols: int, *, scale: float = 1.0, blank: int = 0
) -> tuple[list[Tensor], list[list[int]]]:
    """Logits (T, V) and labels of each sequence; many labels are equal to the one before."""
    logits = [drawn(length, symbols, seed=seed, scale=scale) for seed, length in enumerate(lengths)]
    generator = torch.Generator().manual_seed(7)
    others = [symbol for symbol in range(symbols) if symbol != blank]
    labels = [
        [others[int(each)] for each in torch.randint(len(others), (count,), generator=generator)] for count in counts
    ]
    return logits, labels


def laid(logits: Sequence[Tensor], labels: Sequence[Sequence[int]]) -> tuple[Ragged, Ragged]:
    """The same for the losses, with rows that want a gradient."""
    sequences = Ragged.of(list(logits))
    return sequences.with_rows(sequences.rows.detach().requires_grad_()), Ragged.of_symbols(labels)


def torchs(logits: Sequence[Tensor], labels: Sequence[Sequence[int]], blank: int = 0) -> tuple[Tensor, Tensor]:
    """torch's loss (B,) in float64, and its gradient as rows."""
    padded = pad_sequence([each.double() for each in logits]).requires_grad_()
    lengths, counts = ([len(each) for each in group] for group in (logits, labels))
    flat = torch.tensor([symbol for each in labels for symbol in each])
    nats = functional.ctc_loss(
        functional.log_softmax(padded, -1), flat, torch.tensor(lengths), torch.tensor(counts), blank, "none"
    )
    gradient = torch.autograd.grad(nats.sum(), padded)[0]
    return nats.detach(), Ragged.of([gradient[:length, place] for place, length in enumerate(lengths)]).rows


# --- against all paths, one by one

SMALL = (0, 1, 2, 3, 5)  # frames
TEXTS = (
    [],
    [1],
    [2],
    [1, 1],
    [1, 2],
    [2, 1, 2],
    [1, 1, 1],
    [2, 2, 1],
    [1, 2, 1, 2],
)  # by the order of symbols but the blank


def small_batch(blank: int) -> Iterator[tuple[Tensor, list[int]]]:
    """Every number of frames with every text, infeasible ones too."""
    symbols = [symbol for symbol in range(3) if symbol != blank]
    for seed, (frames, text) in enumerate(product(SMALL, TEXTS)):
        yield drawn(frames, 3, seed=seed, scale=2), [symbols[each - 1] for each in text]


def paths_to(labels: list[int], frames: int, blank: int) -> list[tuple[int, ...]]:
    return [path for path in product(range(3), repeat=frames) if collapse(path, blank) == labels]


def enumerated(logits: Tensor, labels: list[int], blank: int) -> Tensor:
    """-log of the sum of all paths that collapse to the labels."""
    paths, log_p = paths_to(labels, len(logits), blank), logits.log_softmax(-1)
    if not paths:
        return logits[:0].sum() + torch.inf
    chosen = torch.tensor(paths, dtype=torch.int64).view(len(paths), len(logits))
    return -log_p[torch.arange(len(logits)), chosen].sum(1).logsumexp(0)


@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize("name", CTC_LOSSES)
def test_the_loss_and_its_gradient_are_those_of_all_paths(name: str, blank: int) -> None:
    is_of_all_paths(CTC_LOSSES[name], blank)


@pytest.mark.parametrize("blank", [0, 2])
def test_whatever_calculates_it_is_of_all_paths(blank: int, engine: str) -> None:
    is_of_all_paths(ctc_loss, blank)


def is_of_all_paths(loss: Callable[..., Tensor], blank: int) -> None:
    logits, labels = zip(*small_batch(blank))
    rows, wanted = laid(logits, labels)
    own = [each.clone().requires_grad_() for each in logits]
    expected = torch.stack([enumerated(*each, blank) for each in zip(own, labels)])
    found = loss(rows, wanted, blank)
    torch.testing.assert_close(found, expected)
    share = torch.linspace(-1, 2, len(found), dtype=torch.float64)
    feasible = found < torch.inf
    gradients = torch.autograd.grad((expected * share)[feasible].sum(), own, allow_unused=True)
    gradients = [torch.zeros_like(each) if given is None else given for given, each in zip(gradients, own)]
    torch.testing.assert_close(
        torch.autograd.grad((found * share)[feasible].sum(), rows.rows)[0], Ragged.of(gradients).rows
    )


@pytest.mark.parametrize("blank", [0, 2])
def test_the_occupation_is_the_share_of_the_paths_that_are_there(blank: int, engine: str) -> None:
    logits, labels = zip(*small_batch(blank))
    found = occupation(*laid(logits, labels), blank).sequences()
    for own, text, log_p in zip(found, labels, (each.log_softmax(-1) for each in logits)):
        expected, total = torch.zeros(len(own), 5, dtype=torch.float64), 0.0
        for path in paths_to(text, len(own), blank):
            p = float(sum((log_p[frame, symbol] for frame, symbol in enumerate(path)), torch.tensor(0.0)).exp())
            total, label = total + p, 0
            for frame, symbol in enumerate(path):
                label += symbol != blank and (frame == 0 or symbol != path[frame - 1])
                expected[frame, label if symbol != blank else 0] += p
        torch.testing.assert_close(own, expected / (total or 1))


def test_impossible_symbols_leave_the_paths_without_them(engine: str) -> None:
    masked = [(logits.clone(), labels) for logits, labels in small_batch(0) if len(logits) > 2]
    for index, (logits, _) in enumerate(masked):
        logits[index % len(logits), (0, 1, 2)[index % 3]] = -torch.inf
        logits[1, index % 2] = -torch.inf  # a blank too
    rows, wanted = laid(*zip(*masked))
    found = ctc_loss(rows, wanted)
    torch.testing.assert_close(found.detach(), torch.stack([enumerated(*each, 0) for each in masked]))
    assert found.isinf().any()
    gradient = torch.autograd.grad(found.sum(), rows.rows)[0]
    assert gradient.isfinite().all()
    for each, loss in zip(rows.with_rows(gradient).sequences(), found):
        assert bool(each.any()) == bool(loss < torch.inf)
        assert each.sum(1).abs().max() < 1e-12, "softmax and posterior have the same sum"


# --- against torch's own, and against differences

LENGTHS, COUNTS = (31, 7, 50, 1, 12, 25, 19), (9, 0, 17, 1, 6, 12, 3)


@pytest.mark.parametrize("scale", [0.0, 1.0, 8.0])
@pytest.mark.parametrize(("symbols", "blank"), [(3, 0), (6, 5), (40, 2)])
def test_it_is_torchs_own_loss(symbols: int, blank: int, scale: float, engine: str) -> None:
    logits, labels = some(LENGTHS, COUNTS, symbols, scale=scale, blank=blank)
    labels = [each if required(each) <= len(frames) else each[:1] for each, frames in zip(labels, logits)]
    rows, wanted = laid(logits, labels)
    found, (nats, gradient) = ctc_loss(rows, wanted, blank), torchs(logits, labels, blank)
    torch.testing.assert_close(found.detach(), nats)
    torch.testing.assert_close(torch.autograd.grad(found.sum(), rows.rows)[0], gradient)


def test_the_gradient_is_what_differences_measure(engine: str) -> None:
    rows, wanted = laid(*some((4, 1, 6, 3), (2, 1, 3, 0), 4))
    assert torch.autograd.gradcheck(lambda given: ctc_loss(rows.with_rows(given), wanted), [rows.rows])


def test_the_plain_form_is_it_too_where_logits_are_many() -> None:
    rows, wanted = laid(*some((30, 22), (8, 11), 5, scale=3))
    torch.testing.assert_close(ctc_loss(rows, wanted), plain_ctc_loss(rows, wanted))


# --- what is hard for numbers of a finite range


def sharp(frames: int, count: int, symbols: int, height: float) -> tuple[Tensor, list[int]]:
    """Logits that say the blank, but for one frame a label."""
    logits, (labels,) = drawn(frames, symbols, seed=3), some((0,), (count,), symbols)[1]
    logits[:, 0] += height
    logits[torch.arange(count) * (frames // count), torch.tensor(labels)] += 2 * height
    return logits, labels


def late() -> tuple[Tensor, list[int]]:
    """The likeliest way is at first the least likely one by far: what is kept of the others adds up, but is not all."""
    logits = torch.full((11, 4), -1000.0, dtype=torch.float64)
    logits[:, 0] = 0
    logits[0, 1] = logits[1, 2] = -360.0
    logits[2:7, 3] = 100.0
    logits[7, 1] = logits[8, 2] = -5.0
    logits[9, 3] = -300.0
    return logits, [1, 2, 3]


HARD = {
    "long and undecided": (drawn(2000, 30, seed=1), some((0,), (300,), 30)[1][0]),
    "long and nothing but blanks": (drawn(2000, 30, seed=2) + 14.0 * torch.eye(30, dtype=torch.float64)[0], some((0,), (300,), 30)[1][0]),
    "long and sharp": sharp(2000, 300, 30, 15.0),
    "labels that it does not say": (sharp(400, 80, 30, 20.0)[0].roll(1, 1), some((0,), (80,), 30)[1][0]),
    "a way that pays late": late(),
    "of fifty, each way": (100 * (drawn(300, 8, seed=5) > 0).double() - 50, some((0,), (60,), 8)[1][0]),
    "of fifty and as many frames as needed": (100 * (drawn(40, 50, seed=6) > 0).double() - 50, list(range(1, 41))),
    "of a thousand": (drawn(60, 8, seed=7, scale=1000), some((0,), (12,), 8)[1][0]),
    "blanks of no weight": (drawn(60, 8, seed=8) - 300.0 * torch.eye(8, dtype=torch.float64)[0], [1 + frame % 7 for frame in range(60)]),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD)
def test_single_precision_is_the_double_one(name: str) -> None:
    logits, labels = HARD[name]
    rows, wanted = laid([logits.float(), torch.zeros(3, logits.shape[1])], [labels, [1]])
    found = ctc_loss(rows, wanted)
    assert found.dtype == torch.float32
    gradient = rows.with_rows(torch.autograd.grad(found[0], rows.rows)[0]).sequences()[0]
    nats, expected = torchs([logits], [labels])
    torch.testing.assert_close(found[:1].double(), nats, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(gradient.double(), expected, rtol=0, atol=1e-4)
    assert gradient.sum(1).abs().max() < 1e-4


def test_only_the_hardest_of_these_take_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    inner = forward_backward._in_logs
    for name, each in HARD.items():
        monkeypatch.setattr(
            forward_backward, "_in_logs", lambda *given, name=name: (taken.append(name), inner(*given))[1]
        )
        ctc_loss(*laid(*zip(each)))
    assert [name for name in HARD if name not in taken] == [name for name in HARD if "long" in name]


def test_what_has_no_path_is_infinite_and_teaches_nothing(engine: str) -> None:
    frames = {"aab": 3, "aabb": 5, "abc": 2, "a": 0, "aa": 2}
    fitting = {"aab": 4, "aabb": 6, "abc": 3, "": 0, "aa": 3}
    texts, lengths = [*frames, *fitting], [*frames.values(), *fitting.values()]
    logits = [drawn(length, 4, seed=length) for length in lengths]
    logits[0][1, 2], logits[1][2, 0], logits[2][:] = torch.nan, torch.inf, -torch.inf
    rows, wanted = laid(logits, [["abc".index(letter) + 1 for letter in text] for text in texts])
    found = ctc_loss(rows, wanted)
    assert found.isinf().tolist() == [True] * 5 + [False] * 5
    assert (found > 0)[:8].all()
    assert found[8] == 0, "nothing is all that nothing can say"
    for total in (found.sum(), found.square().sum()):
        gradients = rows.with_rows(torch.autograd.grad(total, rows.rows, retain_graph=True)[0]).sequences()
        assert [bool(each.any()) for each in gradients] == [False] * 5 + [True] * 3 + [False, True]


# --- neighbours

STRANGERS = 4


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(logits: Sequence[Tensor], labels: Sequence[Sequence[int]]) -> list[tuple[Tensor, Tensor]]:
    """Loss and gradient of each sequence."""
    rows, wanted = laid(logits, labels)
    found = ctc_loss(rows, wanted)
    gradient = torch.autograd.grad(found.sum(), rows.rows)[0]
    return list(zip(found.detach(), rows.with_rows(gradient).sequences()))


def neighbours() -> tuple[list[Tensor], list[list[int]]]:
    logits, labels = some((31, 7, 50, 0, 12, 0, 25, 19, 50, 3, 40), (9, 0, 17, 1, 6, 0, 12, 3, 20, 3, 5), 7)
    return [each.float() for each in logits], labels


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf, 1e30])
def test_bad_numbers_of_a_stranger_change_no_bit(bad: float, engine: str, one_thread: None) -> None:
    logits, labels = neighbours()
    before = run(logits, labels)
    strangers = range(0, len(logits), 3)
    for stranger in strangers:
        logits[stranger] = logits[stranger].clone()
        logits[stranger][len(logits[stranger]) // 2 :] = bad
    after = run(logits, labels)
    for place, ((loss, gradient), (loss_after, gradient_after)) in enumerate(zip(before, after)):
        if place not in strangers:
            assert torch.equal(loss, loss_after)
            assert torch.equal(gradient, gradient_after)
    assert after[0][0].isnan() == (bad != 1e30)


@pytest.mark.parametrize("exact", [False, True])
def test_an_answer_depends_on_nobody_else(exact: bool, one_thread: None) -> None:
    logits, labels = neighbours()
    pairs = [(each.double() if exact else each, text) for each, text in zip(logits, labels)]  # double shows every bit
    with exactly() if exact else torch.enable_grad():
        alone = [run([each], [text])[0] for each, text in pairs]
        for order in ([*range(len(pairs))], [*reversed(range(len(pairs)))], [8, 2, 0], [5, 3, 10, 1]):
            for place, (loss, gradient) in zip(
                order, run([pairs[place][0] for place in order], [pairs[place][1] for place in order])
            ):
                if exact:
                    assert torch.equal(loss, alone[place][0])
                    assert torch.equal(gradient, alone[place][1])
                torch.testing.assert_close(loss, alone[place][0], rtol=1e-6, atol=1e-5)
                torch.testing.assert_close(gradient, alone[place][1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_the_size_of_the_chunks_is_of_no_importance(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(*neighbours())
    monkeypatch.setattr(forward_backward, "CHUNK", chunk)
    for (loss, gradient), (expected_loss, expected_gradient) in zip(run(*neighbours()), expected, strict=True):
        torch.testing.assert_close(loss, expected_loss)
        torch.testing.assert_close(gradient, expected_gradient)


# --- the rest of the contract


@pytest.mark.parametrize("name", CTC_LOSSES)
def test_the_inputs_stay_as_they_were(name: str) -> None:
    rows, wanted = laid(*some((9, 4), (3, 2), 5))
    before = rows.rows.detach().clone(), wanted.rows.clone()
    CTC_LOSSES[name](rows, wanted).sum().backward()
    assert torch.equal(rows.rows, before[0])
    assert torch.equal(wanted.rows, before[1])
    with torch.no_grad():
        assert not CTC_LOSSES[name](rows, wanted).requires_grad


def test_half_precision_is_taken_and_given_back() -> None:
    logits, labels = some((250, 11), (50, 3), 6, scale=8)
    halves = [each.bfloat16() for each in logits]
    rows, wanted = laid(halves, labels)
    found = ctc_loss(rows, wanted)
    assert found.dtype == torch.bfloat16
    gradient = torch.autograd.grad(found.sum(), rows.rows)[0]
    nats, expected = torchs(halves, labels)
    torch.testing.assert_close(found.double(), nats, rtol=5e-3, atol=0)
    torch.testing.assert_close(gradient.double(), expected, rtol=0, atol=5e-3)


def test_nobody_at_all_has_a_loss_of_each_of_nobody() -> None:
    none = Ragged.none(0, 5, like=torch.zeros(1))
    assert ctc_loss(none, Ragged.of_symbols([])).shape == (0,)
    assert plain_ctc_loss(none, Ragged.of_symbols([])).shape == (0,)
    silent = ctc_loss(Ragged.none(3, 5, like=torch.zeros(1)), Ragged.of_symbols([[], [1], []]))
    assert silent.tolist() == [0.0, torch.inf, 0.0]


@pytest.mark.parametrize(("labels", "blank"), [([[1, 0]], 0), ([[1, 5]], 0), ([[-1]], 0), ([[2]], 2), ([[1], [1]], 0)])
@pytest.mark.parametrize("asked", [ctc_loss, occupation])
def test_labels_that_are_none_are_refused(asked: Callable[..., object], labels: list[list[int]], blank: int) -> None:
    with pytest.raises(ValueError, match="labels"):
        asked(Ragged.of([torch.zeros(4, 5)]), Ragged.of_symbols(labels), blank)


@pytest.mark.parametrize(
    ("labels", "frames"),
    [([], 0), ([4], 1), ([1, 2], 2), ([1, 1], 3), ([1, 1, 2], 4), ([1, 1, 1, 2, 2], 8), ([1, 2, 1], 3)],
)
def test_labels_need_a_frame_each_and_a_blank_between_equals(labels: list[int], frames: int) -> None:
    assert required(labels) == frames
    assert ctc_loss(*laid([drawn(frames, 6, seed=0)], [labels])).isfinite()
    if frames:
        assert ctc_loss(*laid([drawn(frames - 1, 6, seed=0)], [labels])).isinf()


@pytest.mark.parametrize(
    ("path", "blank", "said"),
    [
        ([], 0, []),
        ([0, 0], 0, []),
        ([1, 1, 0, 1, 2, 2, 0], 0, [1, 1, 2]),
        ([1, 1, 0, 1], 1, [0]),
        ([2, 0, 2, 2], 1, [2, 0, 2]),
    ],
)
def test_collapsing_merges_first_and_drops_blanks_then(path: list[int], blank: int, said: list[int]) -> None:
    assert collapse(path, blank) == said
