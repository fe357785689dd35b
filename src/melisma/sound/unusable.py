"""Why a sound cannot be used: a sentence for who reads it, and its kind for who counts."""

from __future__ import annotations

from typing import Literal

from melisma.errors import Refusal

Kind = Literal["missing", "pointer", "page", "empty", "beyond", "damaged", "numbers", "other"]


def lacking(doing: str, package: str = "soundfile") -> Refusal:
    """The sentence where a package is not there without which something cannot be done."""
    return Refusal(f"{doing} needs the package {package}, which is not installed: pip install melisma[sound]")


class Unusable(Refusal):
    """A sound file, or a part of one, that cannot be used."""

    def __init__(self, sentence: str, kind: Kind = "other") -> None:
        super().__init__(sentence)
        self.kind = kind
