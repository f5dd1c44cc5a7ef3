"""The learning rate of every iteration of a run, also of one that was given another length on the way.

A run that is resumed with another number of ``iterations`` would, by its recipe alone, jump to a rate
that it had left long before. So a run remembers its legs: from which iteration on it was planned to
which length. ``state.pt`` holds them, and a card does where there is more than one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ganbench.training.recipe import Recipe

Choice = Literal["continue", "restart"]

_UNCHANGED = "learning rate: it is the recipe's already; --resume-rate restart makes no change"


@dataclass(frozen=True)
class Leg:
    """A part of a run that was planned in one go.

    Attributes:
        start: its first iteration.
        end: the length that was asked for.
        scale: the rate at ``start``, as a multiple of the base rate, from which it falls linearly to 0
            at ``end``; None where the rate is the recipe's for a run of ``end`` iterations.
    """

    start: int
    end: int
    scale: float | None = None


class Schedule:
    """The rates of a run.

    Args:
        recipe: its recipe, which has the newest length.
        legs: what was planned, the oldest first; the recipe's length from the start when there are none.
    """

    def __init__(self, recipe: Recipe, legs: Iterable[Leg] = ()) -> None:
        self.recipe = recipe
        self.legs = list(legs) or [Leg(0, recipe.iterations)]

    @classmethod
    def read(cls, recipe: Recipe, stored: Any, length: int) -> Schedule:
        """The schedule of a state.

        Args:
            recipe: the recipe of the run that goes on.
            stored: ``plain`` of the schedule as it was; None in a state that an older ganbench wrote.
            length: the iterations of the recipe that wrote the state, for those.

        Raises:
            ValueError: what is stored is no schedule.
        """
        if stored is None:
            return cls(recipe, [Leg(0, length)])
        return cls(
            recipe, [Leg(int(a), int(b), c if c is None else float(c)) for a, b, c in stored]
        )

    @property
    def plain(self) -> list[list[Any]]:
        """JSON-ready legs: [start, end, scale]."""
        return [[leg.start, leg.end, leg.scale] for leg in self.legs]

    @property
    def simple(self) -> bool:
        """Whether every rate is the one of the recipe alone."""
        return self.legs == [Leg(0, self.recipe.iterations)]

    def rate(self, iteration: int) -> float:
        """The learning rate of an iteration, as a multiple of a network's base rate."""
        leg = next(leg for leg in reversed(self.legs) if leg.start <= iteration or leg.start == 0)
        if leg.scale is None or iteration < self.recipe.warmup_iterations:
            return self.recipe.rate(iteration, leg.end)
        return leg.scale * ((leg.end - iteration) / max(1, leg.end - leg.start))

    def lengthened(self, done: int, choice: Choice = "continue") -> tuple[Schedule, str]:
        """The schedule of a run that goes on, perhaps to another length.

        Where all rates so far are those of a run of the new length, that run it is. Elsewhere, as
        where the rate has begun to fall, it goes on from where it stands and falls linearly to 0
        at the new length, or is, by choice, the recipe's again.

        Args:
            done: iterations done.
            choice: "continue", or "restart" for the recipe's rates.

        Returns:
            The schedule, and what it does in words; empty where nothing was chosen and nothing changes.
        """
        end = self.recipe.iterations
        # A leg that no iteration was taken of was never more than a plan.
        legs = [leg for leg in self.legs if leg.start < done or leg.start == 0]
        before = Schedule(self.recipe, legs)
        fresh = Schedule(self.recipe)
        planned = before.legs[-1].end == end
        if planned and (choice == "continue" or _agree(before, fresh, range(done, end))):
            return before, _UNCHANGED if choice == "restart" else ""
        if not planned and _agree(before, fresh, range(done)):
            return fresh, _UNCHANGED if choice == "restart" else ""
        base = self.recipe.learning_rate
        last = before.rate(max(0, done - 1))
        # A run that has come to its end has no next rate but 0.
        here = before.rate(done) if done < before.legs[-1].end else last
        recipes = fresh.rate(done)
        if choice == "restart":
            return Schedule(self.recipe, [*legs, Leg(done, end)]), (
                f"learning rate: {base * last:.3g} in iteration {done}, and from there on the recipe's for "
                f"{end} iterations, which is {base * recipes:.3g} (--resume-rate restart)"
            )
        return Schedule(self.recipe, [*legs, Leg(done, end, here)]), (
            f"learning rate: {base * last:.3g} in iteration {done}; it goes on from {base * here:.3g} "
            f"and falls to 0 at {end}; --resume-rate restart gives the recipe's rate for {end} iterations, "
            f"{base * recipes:.3g}"
        )


def _agree(one: Schedule, other: Schedule, iterations: Iterable[int]) -> bool:
    return all(one.rate(i) == other.rate(i) for i in iterations)
