"""What the package says when it cannot do what was asked: one sentence, and an exit code."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - named for what it does, as the others
    """Bad input, said in one sentence that names the place, what was found and what is wanted.

    The command prints the sentence and exits with 2; nothing has been changed on disk.
    """

    exit_code = 2


class Busy(Refusal):
    """Something else holds what is needed (another training in the same run); trying again later works."""

    exit_code = 75


class Failure(Exception):  # noqa: N818
    """The work was lawful and did not succeed (a loss that became NaN, a disk that filled up)."""

    exit_code = 1


def out_of_memory(error: BaseException) -> bool:
    """Whether this is Python's own way to say so or torch's, which is known by its words where torch is not loaded."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = ("DefaultCPUAllocator", "out of memory", "ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


class Interrupted(Exception):  # noqa: N818
    """The user stopped the work; what it had reached is saved."""

    exit_code = 130
