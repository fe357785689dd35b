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
)
