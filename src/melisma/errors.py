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


class Interrupted(Exception):  # noqa: N818
    """The user stopped the work; what it had reached is saved."""

    exit_code = 130
