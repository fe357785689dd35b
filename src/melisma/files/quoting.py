"""How file names and pieces of data are written inside a sentence: nothing in them can move the cursor or hide."""

from __future__ import annotations

MOST = 40  # characters of data that a sentence quotes


def named(path: str) -> str:
    """A file's name with everything unprintable (line ends, escapes, direction marks, stray bytes) written out."""
    return "".join(_visible(character) for character in path)


def quoted(text: str, most: int = MOST) -> str:
    """A piece of data between quotes, unprintable characters written out, cut after `most` characters."""
    ending = "…" if len(text) > most else ""
    return f"'{named(text[:most])}{ending}'"


def listed(names: list[str], most: int = 8) -> str:
    """Several pieces of data, quoted, with commas; after `most` of them only how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(quoted(name) for name in names[:most]) + more


def counted(number: int, thing: str) -> str:
    """A number and its noun: ``1 line``, ``2,000 lines``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
