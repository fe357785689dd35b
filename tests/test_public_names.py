"""The names that ``import melisma`` gives, and what is loaded before anything heavy is asked for."""

import subprocess
import sys
from importlib import import_module

import pytest

import melisma

QUICK = {
    "import melisma": "import melisma; dir(melisma); melisma.recipes(); melisma.Refusal",
    "melisma": "from melisma.command import run; run([])",
    "melisma --help": "from melisma.command import run; run(['--help'])",
    "melisma check --help": "from melisma.command import run; run(['check', '--help'])",
    "melisma train --help": "from melisma.command import run; run(['train', '--help'])",
    "melisma predict --help": "from melisma.command import run; run(['predict', '--help'])",
    "melisma recipes": "from melisma.command import run; run(['recipes'])",
    "melisma recipes translate": "from melisma.command import run; run(['recipes', 'translate'])",
    "a refused setting": "from melisma.command import run; run(['train', 'dates', 'runs/new', 'training.epoch=1'])",
    "settings": "from melisma.settings.read import build; from melisma.tasks import settings_of; build(settings_of('translate'))",
}
HEAVY = ("matplotlib", "numba", "sacrebleu", "safetensors", "tokenizers", "torch")


def test_the_public_names_are_sorted_and_each_is_where_the_table_says():
    assert melisma.__all__ == sorted(melisma.PUBLIC)
    for name, module in melisma.PUBLIC.items():
        assert getattr(melisma, name) is getattr(import_module(module), name)
        assert getattr(melisma, name).__doc__
    assert set(melisma.__all__) <= set(dir(melisma))


def test_all_that_can_be_imported_with_a_star_is_what_is_listed():
    names: dict[str, object] = {}
    exec("from melisma import *", names)
    assert sorted(name for name in names if name != "__builtins__") == melisma.__all__


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        melisma.trian  # noqa: B018


@pytest.mark.parametrize("name", QUICK)
def test_nothing_heavy_is_loaded(name, tmp_path):
    code = f"{QUICK[name]}\nimport sys; print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "loaded []"
