"""Lets tests share what is no test, however pytest is started: ``from laws.things import …``; no test has a deadline."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ("command.fixtures",)

settings.register_profile("whatever else the machine does", deadline=None)
settings.load_profile("whatever else the machine does")
