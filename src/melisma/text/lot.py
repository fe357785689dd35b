"""A drawn number read as many choices, so that equal choices can be remembered."""

from __future__ import annotations

from random import Random

_NARROWEST = 2.0**-26
"""Below it a number says too little about the next choice: of its 53 bits 27 are left."""


class Lot:
    """A number in [0, 1) as a series of choices, each true by its own chance: arithmetic decoding of its bits.

    All numbers in [``begin``, ``end``) choose alike so far. When that is too narrow the number is drawn anew from its
    own digits; ``renewed`` then says that the choices belong to this number alone.
    """

    def __init__(self, number: float) -> None:
        self.begin, self.end, self.renewed = 0.0, 1.0, False
        self._number = number

    def happens(self, chance: float) -> bool:
        """Whether something of this chance happens."""
        if self.end - self.begin < _NARROWEST:
            self._number = Random(self._number.hex()).random()
            self.begin, self.end, self.renewed = 0.0, 1.0, True
        border = self.begin + chance * (self.end - self.begin)
        if self._number < border:
            self.end = border
            return True
        self.begin = border
        return False
