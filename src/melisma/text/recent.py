"""What was found for the strings that came last, in bounded memory."""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Values by string: of those that come again and again none is lost, of the others the oldest go.

    Two generations of at most half of ``most`` each: when the younger one is full the older one is forgotten, less what
    was asked for meanwhile.
    """

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._young: dict[str, V] = {}
        self._old: dict[str, V] = {}

    def get(self, key: str) -> V | None:
        """The value, or None where it is not there, or not any more."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: str, value: V) -> None:
        """Remembers a value."""
        if len(self._young) >= self._half:
            self._young, self._old = {}, self._young
        self._young[key] = value
