"""The learning rate of every iteration of a run, also if the run was resumed with another length.

By its recipe alone, a run that is resumed with more ``iterations`` would jump back to a higher rate. A run
therefore stores its legs: at which iteration each length was asked for. ``state.pt`` holds the legs, and a
card holds them if there is more than one.
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
    """A part of a run between two changes of its length.

    Attributes:
        start: first iteration of the leg.
        end: length of the run that was asked for.
        scale: learning rate at ``start``, as a multiple of the base rate; it falls linearly to 0 at
            ``end``. None if the rates are the recipe's for a run of ``end`` iterations.
    """

    start: int
    end: int
    scale: float | None = None


class Schedule:
    """The learning rates of a run.

    Args:
        recipe: recipe of the run, with its newest length.
        legs: legs of the run, the oldest first; by default one leg of the recipe's length.
    """

    def __init__(self, recipe: Recipe, legs: Iterable[Leg] = ()) -> None:
        self.recipe = recipe
        self.legs = list(legs) or [Leg(0, recipe.iterations)]

    @classmethod
    def read(cls, recipe: Recipe, stored: Any, length: int) -> Schedule:
        """The schedule of a state.

        Args:
            recipe: the recipe of the run that goes on.
            stored: ``plain`` of the stored schedule; None in a state of ganbench before 0.1.0.
            length: iterations of the recipe that wrote such an old state.

        Raises:
            ValueError: ``stored`` is no schedule.
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
        """Whether all learning rates are those of the recipe."""
        return self.legs == [Leg(0, self.recipe.iterations)]

    def rate(self, iteration: int) -> float:
        """Learning rate of an iteration, as a multiple of a network's base rate."""
        leg = next(leg for leg in reversed(self.legs) if leg.start <= iteration or leg.start == 0)
        if leg.scale is None or iteration < self.recipe.warmup_iterations:
            return self.recipe.rate(iteration, leg.end)
        return leg.scale * ((leg.end - iteration) / max(1, leg.end - leg.start))

    def lengthened(self, done: int, choice: Choice = "continue") -> tuple[Schedule, str]:
        """The schedule of a run that goes on, perhaps to another length.

        If all rates so far are those of a run of the new length, the schedule is that run's. Otherwise,
        for example if the rate has begun to fall, the rate falls linearly from its present value to 0 at
        the new length, or with "restart" is the recipe's for the new length.

        Args:
            done: iterations done.
            choice: "continue" or "restart".

        Returns:
            The schedule, and its description; the description is empty if nothing changes and
            "restart" was not chosen.
        """
        end = self.recipe.iterations
        # Legs of which no iteration was done have no effect.
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
        # The next rate of a finished run would be 0.
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
