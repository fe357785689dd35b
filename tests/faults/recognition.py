"""What can go wrong with hearing text in frames: the loss, the alignment, the search and its language."""

from __future__ import annotations

from faults.fault import Fault

_CTC, _ALIGNED = ("tests/losses/test_ctc.py",), ("tests/losses/test_ctc_alignment.py",)
_BEAM, _LANGUAGES = ("tests/search/test_prefix_beam.py",), ("tests/search/test_languages.py",)

_LEVELLED, _FRAMED = ("tests/layers/test_levelled.py",), ("tests/sound/test_frames_changed.py",)

RECOGNITION = (
    Fault(
        "the level of what was heard so far begins with nothing usual",
        "layers/levelled.py",
        "return LevelledSoFarState((self.prior * usual).repeat(batch)",
        "return LevelledSoFarState((0 * usual).repeat(batch)",
        _LEVELLED,
    ),
    Fault(
        "a floor is a share of the usual energy, however loud the utterance",
        "layers/levelled.py",
        "logs + torch.log(usual / energy)[:, None]",
        "logs",
        _LEVELLED,
    ),
    Fault(
        "a longer throat is a shorter one",
        "sound/vocal_tract.py",
        "np.where(hertz <= turn, hertz / factor, above)",
        "np.where(hertz <= turn, hertz * factor, above)",
        _FRAMED,
    ),
    Fault(
        "an equaliser is drawn anew for every band",
        "sound/equaliser.py",
        "curve = heights @",
        "curve = random.standard_normal(definition.bands) * decibels + 0 * heights @",
        _FRAMED,
    ),
    Fault(
        "a path skips the blank between two equal labels",
        "losses/forward_backward.py",
        "pad(~equal, (0, 1)).double()",
        "torch.ones_like(pad(~equal, (0, 1))).double()",
        _CTC,
    ),
    Fault(
        "forward and backward are taken together a frame apart",
        "losses/forward_backward.py",
        "torch.exp(up[:-1] + down[1:] -",
        "torch.exp(up[:-1] + down[:-1] -",
        _CTC,
    ),
    Fault("a step forgets what a move costs", "losses/forward_backward.py", "            moving *= w\n", "", _CTC),
    Fault(
        "states may be larger than a float can be",
        "losses/forward_backward.py",
        "RANGE = 550.0",
        "RANGE = 5500.0",
        _CTC,
    ),
    Fault(
        "equal labels in a row need no frame more",
        "losses/forward_backward.py",
        "counts + (equal & there[:, 1:]).sum(1)",
        "counts",
        _CTC,
    ),
    Fault(
        "what is not finite is trusted to the quick way",
        "losses/forward_backward.py",
        "narrow |= none.index_add_(0, slots, strange.double()) > 0",
        "pass",
        _CTC,
    ),
    Fault(
        "what cannot be said pulls at the model",
        "losses/ctc.py",
        "gradient.masked_fill_(none[layout.owners, None], 0)",
        "pass",
        _CTC,
    ),
    Fault(
        "the gradient goes to whoever stands in the same slot",
        "losses/ctc.py",
        "ctx.owners = layout.owners",
        "ctx.owners = layout.row_slots",
        _CTC,
    ),
    Fault(
        "an alignment skips the blank between two equal labels",
        "losses/ctc.py",
        " & (states[2:] != states[:-2])",
        "",
        _ALIGNED,
    ),
    Fault(
        "a prefix forgets what follows it",
        "search/prefix.py",
        "            self.after[symbol] = ref(found)\n",
        "",
        _BEAM,
    ),
    Fault(
        "the beam keeps what is likeliest without its language",
        "search/prefix_beam.py",
        "order = np.lexsort((-bounds, numbers))",
        "order = np.lexsort((-values, numbers))",
        _BEAM,
    ),
    Fault(
        "old prefixes go only where a chunk begins",
        "search/prefix_beam.py",
        "if (state.frames + begin) % EVERY == 0:",
        "if begin == 0:",
        _BEAM,
    ),
    Fault(
        "a constraint does not hinder pruning",
        "search/prefix_beam.py",
        "(PLAIN if constraint is None else EVERYTHING)",
        "PLAIN",
        ("tests/search/test_constraints.py",),
    ),
    Fault(
        "a run that goes on over a cut is two",
        "search/best_path.py",
        "runs[0] = _longer(state.last, runs[0])",
        "runs.insert(0, state.last)",
        ("tests/search/test_best_path.py",),
    ),
    Fault(
        "a hot word that was only begun keeps what it was lent",
        "search/hot_words.py",
        "earned + now - ahead",
        "earned + max(0.0, now - ahead)",
        _LANGUAGES,
    ),
    Fault(
        "the filler costs nothing",
        "search/constraints.py",
        "moved[place] = paid + penalty, count, said",
        "moved[place] = paid, count, said",
        ("tests/search/test_constraints.py",),
    ),
    Fault(
        "what was seen three times is discounted like what was seen twice",
        "baselines/ngram.py",
        "[counts.clip(max=3)]",
        "[counts.clip(max=2)]",
        ("tests/baselines/test_ngram.py",),
    ),
    Fault(
        "what grows into a living prefix is pruned for what it brings alone",
        "search/prefix_beam.py",
        "<= least and not met",
        "<= least",
        _BEAM,
    ),
    Fault(
        "what a living prefix is reached by is let go",
        "search/prefix_beam.py",
        "score > least or (met and score > -inf)",
        "score > least",
        _BEAM,
    ),
    Fault(
        "blanks of a prefix are forgotten",
        "search/prefix_beam.py",
        "and blank == 0 and other == -inf",
        "and other == -inf",
        _BEAM,
    ),
    Fault(
        "a run goes on over what decides",
        "search/prefix_beam.py",
        " | decides[1:]",
        "",
        _BEAM,
    ),
    Fault(
        "what is not there is gone through",
        "losses/forward_backward.py",
        "found.mul_(chart.present[:count])",
        "pass",
        _CTC,
    ),
    Fault(
        "what is not finite stays",
        "losses/forward_backward.py",
        "found.masked_fill_(strange[rows].view_as(unit), 0)",
        "pass",
        _CTC,
    ),
    Fault(
        "labels that are none are laid along frames",
        "losses/ctc.py",
        "label == blank or not 0 <= label < log_p.shape[1]",
        "label >= log_p.shape[1]",
        ("tests/losses/test_ctc_alignment.py",),
    ),
)
