"""What can go wrong in losses and in training."""

from __future__ import annotations

from faults.fault import Fault

TRAINING = (
    Fault(
        "smoothing is reported as nats",
        "losses/tokens.py",
        "return torch.stack((trained.sum(), nats.sum()))",
        "return torch.stack((trained.sum(), trained.sum()))",
        ("tests/laws/test_reference_losses.py",),
    ),
    Fault(
        "the decoder hears the symbol that it is to say",
        "tasks/pairs.py",
        "heard = Ragged.of_symbols([[START, *target] for _, target in pairs])",
        "heard = Ragged.of_symbols([[*target, END] for _, target in pairs])",
        ("tests/tasks/test_pair_batches.py",),
    ),
    Fault(
        "a part's loss is divided by the part instead of the batch",
        "training/descent.py",
        "self._backward(batch.part(index, parts), batch.counts, ",
        "self._backward(batch.part(index, parts), batch.part(index, parts).counts, ",
        ("tests/training/test_optimise.py",),
    ),
    Fault(
        "the gradient is not clipped",
        "training/descent.py",
        "self.settings.clip or math.inf",
        "math.inf",
        ("tests/training/test_optimise.py",),
    ),
    Fault(
        "answers come from the last weights instead of their average",
        "training/descent.py",
        "with torch.no_grad(), self.average.in_place():",
        "with torch.no_grad():",
        ("tests/training/test_answering.py",),
    ),
    Fault(
        "after a validation the averaged weights are trained on",
        "training/average.py",
        "        finally:\n            self._swap()\n",
        "        finally:\n            pass\n",
        ("tests/training/test_average.py",),
    ),
    Fault(
        "the average of the weights is not restored",
        "training/descent.py",
        '        self.average.restore(model, _under("kept.", training), state.get("kept", 0))\n',
        "",
        ("tests/training/test_resume.py",),
    ),
    Fault(
        "the optimizer is not restored",
        "training/descent.py",
        '        restore_optimizer(self._optimizer, _under("optimizer.", training))\n',
        "",
        ("tests/training/test_resume.py",),
    ),
    Fault(
        "the carried state is not restored",
        "training/descent.py",
        "self._carry = rebuilt(fresh, [kept[str(number)].to(self.device, copy=True) for number in range(len(kept))])",
        "self._carry = fresh",
        ("tests/training/test_resume.py",),
    ),
    Fault(
        "every epoch has the same order",
        "training/order.py",
        'drawn(seed, "order", epoch)',
        'drawn(seed, "order")',
        ("tests/training/test_order.py",),
    ),
    Fault(
        "a window ends without the symbol after it",
        "training/order.py",
        "encoded[begin : end + 1]",
        "encoded[begin:end]",
        ("tests/training/test_order.py",),
    ),
    Fault(
        "parts of several processes are added in another order",
        "training/shards.py",
        "for part in self._shards.exchange(mine):",
        "for part in self._shards.exchange(mine).flip(0):",
        ("tests/laws/test_shards.py",),
    ),
    Fault(
        "a missing gradient changes signs",
        "training/shards.py",
        "NOTHING = -0.0",
        "NOTHING = 0.0",
        ("tests/laws/test_shards.py",),
    ),
    Fault(
        "other processes do not hear of a cut rate",
        "training/shards.py",
        "            REDUCE: learner.reduce,",
        "            REDUCE: lambda: learner.reduce() if self.leads else None,",
        ("tests/laws/test_shards.py",),
    ),
    Fault(
        "each part divides by its own count",
        "training/descent.py",
        "own[index] = self._backward(batch.part(index, parts), batch.counts, carry, index)",
        "own[index] = self._backward(batch.part(index, parts), batch.part(index, parts).counts, carry, index)",
        ("tests/laws/test_shards.py",),
    ),
    Fault(
        "dropout is drawn by process",
        "training/descent.py",
        'self._random("dropout", index))',
        'self._random("dropout", self.shards.rank))',
        ("tests/laws/test_shards.py",),
    ),
    Fault(
        "bfloat16 is taken for less than it must bring",
        "training/precision.py",
        "ENOUGH = 1.15",
        "ENOUGH = 1.1",
        ("tests/training/test_precision.py",),
    ),
    Fault(
        "a block of the loss reaches into the next chunk",
        "losses/tokens.py",
        "min(first + BLOCK, begin + CHUNK)",
        "first + BLOCK",
        ("tests/laws/test_reference_losses.py",),
    ),
)
