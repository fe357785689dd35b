"""Training examples as they are by now, where a task looks for what its model gets wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from torch import nn

from melisma.task import Mining, Moment
from melisma.training.shards import Shards


class Mined:
    """What was found so far, and the examples with it; of several processes the first looks and tells the others."""

    def __init__(self, mining: Mining, codec: Any, prepared: Sequence[Any], settings: Any, found: Any = None) -> None:
        self._mining, self._codec, self._prepared, self._settings = mining, codec, prepared, settings
        self.found = found
        self.encoded = prepared if found is None else mining.added(prepared, found)

    def look(self, model: nn.Module, at: Moment, shards: Shards) -> None:
        """Looks again, where the task holds that it is time."""
        said = b""
        if shards.leads:
            found = self._mining.find(model, self._codec, self._prepared, self._settings, at, self.found)
            said = json.dumps(found).encode()
        if shards.size > 1:
            said = shards.messages(said)[0]
        found = json.loads(said)
        if found != self.found:
            self.found, self.encoded = found, self._mining.added(self._prepared, found)

    def taken_up(self, found: Any) -> Mined:
        """The same where this was found; Refusal where it is nothing that ``look`` finds."""
        return Mined(self._mining, self._codec, self._prepared, self._settings, found)
