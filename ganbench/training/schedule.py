"""The learning rate of every iteration of a run, also if the run was resumed with another length.

If the learning rate depended on the recipe alone, a run that is resumed with more ``iterations`` would jump
back to a higher rate. A run therefore stores segments. A segment holds the iteration at which a length of
the run was chosen, and the length. ``state.pt`` holds the segments. The card, which is the description of
the training in a checkpoint, holds them if there is more than one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ganbench.training.recipe import Recipe

Choice = Literal["continue", "restart"]

_UNCHANGED = "learning rate: it already follows the recipe; --resume-rate restart makes no change"


@dataclass(frozen=True)
class Segment:
    """A part of a run between two changes of its length.

    Attributes:
        start: first iteration of the segment.
        end: length of the whole run, in iterations, that was chosen at ``start``.
        scale: learning rate at ``start``, as a multiple of the base rate; it falls linearly to 0 at
            ``end``. None if the rates are those that the recipe gives for a run of ``end`` iterations.
    """

    start: int
    end: int
    scale: float | None = None


class Schedule:
    """The learning rates of a run.

    Args:
        recipe: recipe of the run, with its newest length.
        segments: segments of the run, the oldest first; by default one segment of the recipe's length.
    """

    def __init__(self, recipe: Recipe, segments: Iterable[Segment] = ()) -> None:
        self.recipe = recipe
        self.segments = list(segments) or [Segment(0, recipe.iterations)]

    @classmethod
    def read(cls, recipe: Recipe, stored: Any, length: int) -> Schedule:
        """The schedule that a ``state.pt`` holds.

        Args:
            recipe: the recipe of the run that is resumed.
            stored: the value of ``plain`` in the file; None if ganbench before 0.1.0 wrote the file.
            length: length of the run, in iterations, when the file was written; used if ``stored`` is None.

        Raises:
            ValueError: ``stored`` is no schedule.
        """
        if stored is None:
            return cls(recipe, [Segment(0, length)])
        return cls(
            recipe, [Segment(int(a), int(b), c if c is None else float(c)) for a, b, c in stored]
        )

    @property
    def plain(self) -> list[list[Any]]:
        """The segments as JSON-ready lists [start, end, scale]."""
        return [[segment.start, segment.end, segment.scale] for segment in self.segments]

    @property
    def simple(self) -> bool:
        """Whether all learning rates are those of the recipe."""
        return self.segments == [Segment(0, self.recipe.iterations)]

    def rate(self, iteration: int) -> float:
        """Learning rate of an iteration, as a multiple of a network's base rate."""
        segment = next(
            part for part in reversed(self.segments) if part.start <= iteration or part.start == 0
        )
        if segment.scale is None or iteration < self.recipe.warmup_iterations:
            return self.recipe.rate(iteration, segment.end)
        rest = (segment.end - iteration) / max(1, segment.end - segment.start)
        return segment.scale * rest

    def lengthened(self, done: int, choice: Choice = "continue") -> tuple[Schedule, str]:
        """The schedule of a run that is resumed, perhaps with another length.

        If a run of the new length would have had the same rates so far, the schedule is the schedule of
        that run. Otherwise, for example if the rate has begun to fall, ``choice`` decides.

        Args:
            done: number of iterations done.
            choice: with "continue" the rate falls linearly from its present value to 0 at the new end;
                with "restart" it is the rate that the recipe gives for a run of the new length.

        Returns:
            The schedule, and its description; the description is empty if nothing changes and
            "restart" was not chosen.
        """
        end = self.recipe.iterations
        # A segment without a finished iteration has no effect.
        segments = [part for part in self.segments if part.start < done or part.start == 0]
        before = Schedule(self.recipe, segments)
        fresh = Schedule(self.recipe)
        planned = before.segments[-1].end == end
        if planned and (choice == "continue" or _agree(before, fresh, range(done, end))):
            return before, _UNCHANGED if choice == "restart" else ""
        if not planned and _agree(before, fresh, range(done)):
            return fresh, _UNCHANGED if choice == "restart" else ""
        base = self.recipe.learning_rate
        last = before.rate(max(0, done - 1))
        # The next rate of a finished run would be 0.
        present = before.rate(done) if done < before.segments[-1].end else last
        recipe_rate = fresh.rate(done)
        if choice == "restart":
            return Schedule(self.recipe, [*segments, Segment(done, end)]), (
                f"learning rate: {base * last:.3g} in iteration {done}; now the recipe's rate for "
                f"{end} iterations, {base * recipe_rate:.3g} (--resume-rate restart)"
            )
        return Schedule(self.recipe, [*segments, Segment(done, end, present)]), (
            f"learning rate: {base * last:.3g} in iteration {done}; it continues at {base * present:.3g} "
            f"and falls to 0 at {end}; --resume-rate restart gives the recipe's rate for {end} iterations, "
            f"{base * recipe_rate:.3g}"
        )


def _agree(one: Schedule, other: Schedule, iterations: Iterable[int]) -> bool:
    return all(one.rate(i) == other.rate(i) for i in iterations)
