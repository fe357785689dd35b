"""What the shell completes while a line is typed."""

from __future__ import annotations

import sys

import pytest
from click.shell_completion import ShellComplete
from command.drill import in_shell, trained

from melisma.command import VERBS, commands
from melisma.settings.levers import LEVERS
from melisma.settings.translate import MEASURES


def completed(*before: str, begun: str = "") -> list[str]:
    """The words that are offered where ``begun`` is typed after ``before``; ``<dir>`` and ``<file>`` for paths."""
    found = ShellComplete(commands, {}, "melisma", "_MELISMA_COMPLETE").get_completions(list(before), begun)
    return [one.value if one.type == "plain" else f"<{one.type}>" for one in found]


def test_verbs_recipes_and_runs() -> None:
    assert completed() == list(VERBS)
    assert completed(begun="re") == ["recipes", "resume", "record"]
    assert completed("train", begun="da") == ["dates"]
    assert completed("train", "dates") == completed("show") == completed("predict") == ["<dir>"]
    assert completed("train", "no-recipe", "run") == completed("predict", "no-run") == []


@pytest.mark.parametrize(
    ("before", "begun", "wanted"),
    [
        (("train", "dates", "new"), "training.ra", ["training.rate="]),
        (("train", "dates", "new", "training.rate=1"), "model.attention_", ["model.attention_size="]),
        (("train", "dates", "new"), "training.device=", [f"training.device={one}" for one in ("auto", "cpu", "gpu")]),
        (("train", "dates", "new", "training.device", "="), "c", ["cpu"]),
        (("train", "dates", "new", "training.device"), "=", ["auto", "cpu", "gpu"]),
        (("train", "dates", "new", "training.device"), "", ["auto", "cpu", "gpu"]),
        (("train", "dates", "new"), "text.shared=", ["text.shared=yes", "text.shared=no"]),
        (("train", "dates", "new"), "data.train=a", ["<file>"]),
        (("train", "dates", "new"), "mine.t", ["<file>"]),
        (("resume", "tiny"), "training.ep", ["training.epochs="]),
        (("resume", "tiny"), "model.hid", ["<file>"]),
        (("resume", "tiny"), "data", ["data.train=", "data.valid="]),
        (("predict", "tiny"), "bea", ["beam="]),
        (("predict", "tiny"), "device=g", ["device=gpu"]),
        (("predict", "tiny"), "data", ["<file>"]),
        (("evaluate", "tiny"), "data.s", ["data.source="]),
        (("evaluate", "tiny"), "ag", ["against="]),
        (("evaluate", "tiny"), "report=", ["<file>"]),
        (("evaluate", "tiny", "against", "="), "ti", ["<dir>"]),
        (("check", "dates"), "fi", ["fix="]),
        (("check", "dates"), "fix=", ["<dir>"]),
        (("check", "dates"), "dry_run=", ["dry_run=yes", "dry_run=no"]),
        (("look",), "s", ["steps"]),
        (("look", "attention", "tiny"), "file=", ["<file>"]),
        (("look", "attention", "tiny"), "targ", ["<file>"]),  # as any text: only look steps has a target
        (("look", "steps", "tiny"), "targ", ["target="]),
        (("look", "steps", "tiny"), "target=", []),
        (("predict", "tiny"), "step=l", ["step=latest"]),
        (("predict", "tiny"), "step=12", ["step=12"]),
        (("predict", "tiny", "step", "="), "be", ["best", "best-bleu", "best-chrf", "best-exact", "best-loss"]),
        (("evaluate", "tiny"), "data=", ["<file>"]),
        (("look", "attention", "tiny"), "exa", ["exact="]),
        (("recipes",), "tr", ["transcribe", "transformer", "translate", "trigger"]),
        (("sweep", "dates", "out"), "vary=", [f"vary={one}" for one in LEVERS]),
        (("sweep", "dates", "out"), "vary=data,", [f"vary=data,{one}" for one in LEVERS[1:]]),
        (("sweep", "dates", "out", "vary", "="), "data,hidden,e", ["data,hidden,epochs"]),
        (("train", "dates", "new"), "data.measures=", [f"data.measures={one}" for one in MEASURES]),
        (("evaluate", "tiny"), "data.measures=exact,b", [f"data.measures=exact,{one}" for one in MEASURES[:2]]),
        (("evaluate", "tiny", "data.measures", "="), "exact,chrf,t", ["exact,chrf,ter"]),
        (("train", "dates", "new"), "training.device=cpu,", []),
        (("record", "mine"), "ta", ["takes="]),
        (("record", "mine"), "text=", ["<file>"]),
    ],
)
def test_names_of_settings_and_the_words_that_they_take(tiny, before: tuple[str, ...], begun: str, wanted) -> None:
    assert completed(*before, begun=begun) == wanted


def test_bash_is_answered_without_loading_torch(tmp_path_factory) -> None:
    folder = trained(tmp_path_factory.mktemp("tiny"))
    script = in_shell("_MELISMA_COMPLETE=bash_source melisma", folder)
    assert "complete -o nosort -F _melisma_completion melisma" in script.out
    line = "COMP_WORDS='melisma predict tiny le' COMP_CWORD=3 _MELISMA_COMPLETE=bash_complete"
    code = "import sys; from melisma.command import run; run([]); sys.exit(3 if 'torch' in sys.modules else 0)"
    said = in_shell(f"{line} '{sys.executable}' -c \"{code}\"", folder)
    assert (said.code, said.out) == (0, "plain,length_penalty=\n")
    line = "COMP_WORDS='melisma predict tiny step =' COMP_CWORD=4 _MELISMA_COMPLETE=bash_complete"
    said = in_shell(f"{line} '{sys.executable}' -c \"{code}\"", folder)
    assert (said.code, said.out.split()[-1]) == (0, "plain,12")
