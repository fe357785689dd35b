"""What can go wrong where answers are looked for, measured and drawn."""

from __future__ import annotations

from faults.fault import Fault

SEARCH = (
    Fault(
        "the length penalty leaves the end symbol out",
        "search/beam.py",
        "self.ranking.normalised(totals, self.said + 1)",
        "self.ranking.normalised(totals, self.said)",
        ("tests/search/test_search.py",),
    ),
    Fault(
        "the states of a beam stay where they were while its beginnings move",
        "search/beam.py",
        "rows = (kept[:, None] * slots + parents[kept]).flatten()",
        "rows = (kept[:, None] * slots + torch.arange(parents.shape[1]).clamp(max=slots - 1)).flatten()",
        ("tests/search/test_search.py",),
    ),
    Fault(
        "greedy search keeps the memories of finished sentences",
        "search/greedy.py",
        "step, state = step.keep(kept), take(state, kept)",
        "state = take(state, kept)",
        ("tests/search/test_search.py",),
    ),
    Fault(
        "what is drawn depends on a sentence's place in its batch",
        "search/sample.py",
        "uniforms(self.seed, self.names[sentence], number, block)",
        'uniforms(self.seed, b"%d" % sentence, number, block)',
        ("tests/search/test_sample.py",),
    ),
    Fault(
        "the nucleus leaves out the symbol that fills it",
        "search/sample.py",
        "torch.where(before < share * upto[:, -1:], ordered, 0.0)",
        "torch.where(upto <= share * upto[:, -1:], ordered, 0.0)",
        ("tests/search/test_sample.py",),
    ),
    Fault(
        "the last word of a prefix cannot go on",
        "tasks/beginning.py",
        "        ways.update(_beyond(unit, spelled, head, text[length:]))\n",
        "        pass\n",
        ("tests/tasks/test_beginning.py",),
    ),
    Fault(
        "sentences that go on read the memories of the first ones",
        "models/encoder_decoder.py",
        "memory = take(self.memory, sentences)\n",
        "memory = take(self.memory, torch.arange(len(sentences)))\n",
        ("tests/laws/test_neighbours.py",),
    ),
    Fault(
        "measuring holds the attention of a very long pair at once",
        "models/encoder_decoder.py",
        "if torch.is_grad_enabled() or query.shape[1] <= most:",
        "if True:",
        ("tests/models/test_encoder_decoder.py",),
    ),
    Fault(
        "input feeding copies the memory at every step",
        "models/encoder_decoder.py",
        "return FeedingState(decoder, state.memory), shown",
        "return FeedingState(decoder, take(state.memory, torch.arange(len(shown)))), shown",
        ("tests/models/test_encoder_decoder.py",),
    ),
    Fault(
        "a validation pair too long to be answered is found out at the first validation",
        "evaluation/validate.py",
        "        task.check(codec, examples)\n",
        "",
        ("tests/tasks/test_answers.py",),
    ),
    Fault(
        "a tie at the end of a shortlist goes to any symbol",
        "search/shortlist.py",
        "reach = min(count + 1, totals.shape[1] * symbols)",
        "reach = min(count, totals.shape[1] * symbols)",
        ("tests/search/test_shortlist.py",),
    ),
    Fault(
        "the last symbol stands twice among the best",
        "search/shortlist.py",
        "sums = sums.masked_fill(ids >= symbols, IMPOSSIBLE)",
        "sums = sums.masked_fill(ids > symbols, IMPOSSIBLE)",
        ("tests/search/test_shortlist.py",),
    ),
    Fault(
        "one scale for all rows in int8",
        "layers/int8.py",
        "rows.abs().amax(1, keepdim=True)",
        "rows.abs().amax().expand(len(rows), 1).clone()",
        ("tests/layers/test_int8.py",),
    ),
    Fault(
        "only the first new symbol is heard",
        "models/heard.py",
        "new = symbols[~self.known[symbols]]",
        "new = symbols[~self.known[symbols]][:1]",
        ("tests/laws/test_heard.py",),
    ),
    Fault(
        "int8 costs what other weights cost",
        "runs/quick.py",
        'told.get("sha256") == _weights(path, step)',
        '"sha256" in told',
        ("tests/runs/test_quick.py",),
    ),
    Fault(
        "a bound of int8 that nothing exceeds",
        "api/quick.py",
        "if self.cost.lost > bound:",
        "if self.cost.lost > bound + 100:",
        ("tests/command/test_int8_typed.py",),
    ),
    Fault(
        "predict answers with the best step whatever step= names",
        "command/predict.py",
        "load(run, step=saved.step, device=saved.device)",
        "load(run, device=saved.device)",
        ("tests/command/test_saved_steps_typed.py",),
    ),
    Fault(
        "nothing is offered where no value is begun",
        "command/complete.py",
        "if not begun and before and before[-1] in known:",
        "if begun and before and before[-1] in known:",
        ("tests/command/test_completion.py",),
    ),
)
