"""Lets tests share what is no test: ``from laws.things import …`` works however pytest is started."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ("command.fixtures",)
