"""What a sweep varies, how often, and on how many processes."""

from __future__ import annotations

from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.settings.field import setting, several
from melisma.settings.levers import LEVERS
from melisma.settings.show import shown


@dataclass(frozen=True)
class SweepSettings:
    """A sweep: each lever at several values around the recipe's own, each value trained with several seeds."""

    vary: tuple[str, ...] = several(
        LEVERS,
        help="levers to vary, with commas between them: data, hidden, epochs, batch",
        why="these four decide most of what a sequence model learns",
        choices=LEVERS,
    )
    points: int = setting(
        4,
        help="values of each lever, each twice the one before; the recipe's own is one of them",
        why="three doublings show whether a curve still rises",
        low=2,
        high=8,
    )
    seeds: int = setting(
        3,
        help="trainings of each value, each with another seed",
        why="the fewest that tell a difference from chance with some certainty",
        low=2,
        high=20,
    )
    processes: int = setting(
        1,
        help="trainings at once, each in a process of its own",
        why="each takes the memory of a whole training",
        low=1,
        high=256,
    )
    storage: str | None = setting(
        None,
        help="where Optuna keeps the results, as the address of a database; none takes sweep.db in the folder",
        why="a file beside the trainings needs no server",
    )

    def check(self) -> None:
        """Refuses levers that are none or there twice, and a storage that is no address."""
        if not self.vary:
            raise Refusal(f"vary= names no lever: wants some of {', '.join(LEVERS)}")
        if len(set(self.vary)) < len(self.vary):
            raise Refusal(f"vary={','.join(self.vary)} names a lever twice: wants each once")
        if self.storage is not None and "://" not in self.storage:
            raise Refusal(
                f"storage={shown(self.storage)} is no address of a database: "
                "wants one such as sqlite:///results.db, or none"
            )
