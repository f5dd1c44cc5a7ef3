"""Watching a training: its logged losses are compared with their limits; see ``limits`` for the two rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganbench.errors import BadInput
from ganbench.training.folder import PROBE, read_log
from ganbench.training.limits import WINDOW, Facts, Limits
from ganbench.training.recipe import Recipe

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset
    from ganbench.training.trainer import Trainer

# Rule 2: a loss counts as not lowered from this share of its idle value on. The labels of a batch are
# random, so its loss scatters around the idle value.
NEAR = 0.98
# Iterations after the warm-up from which on edits must be better than chance: the shipped recipes
# need 300 (GGANmut) to 1,000 (GANimation).
PROBED = 2000


@dataclass(frozen=True)
class Fault:
    """What is wrong with a training.

    Attributes:
        text: the fault, with value and limit.
        good: the last iteration before it began.
    """

    text: str
    good: int


class Watch:
    """Compares the logged means of a run with their limits.

    Args:
        limits: limits by the name of the loss.
        recipe: recipe of the run.
        classes: number of the network's emotions.
    """

    def __init__(self, limits: Limits, recipe: Recipe, classes: int) -> None:
        self.limits, self.recipe, self.classes = limits, recipe, classes
        self._lines: list[tuple[int, Mapping[str, float]]] = []

    @classmethod
    def read(
        cls,
        trainer: Trainer,
        dataset: Dataset,
        labels: NDArray[np.int64],
        folder: Path,
        done: int,
    ) -> Watch:
        """The watch of a run that has done ``done`` iterations, with its log lines so far.

        Args:
            trainer: states the limits of its losses.
            dataset, labels: training images, and their labels in the order of the network's emotions.
            folder: folder of the run.
            done: later log lines are ignored.
        """
        config: Any = trainer.model.config
        recipe, classes = trainer.recipe, len(config.emotions)
        facts = Facts.of(dataset, classes, recipe.augmentation(0), labels)
        watch = cls(trainer.limits(facts), recipe, classes)
        with suppress(BadInput):  # a log that cannot be read cannot be written, which ends the run
            for line in read_log(folder):
                if line["iteration"] <= done:
                    values = {k: v for k, v in line.items() if isinstance(v, float)}
                    watch.add(line["iteration"], values)
        return watch

    def add(self, iteration: int, values: Mapping[str, float]) -> None:
        """Add a log line: means since the line before."""
        self._lines.append((iteration, values))

    def fault(self) -> Fault | None:
        """The rule that the newest lines break; None if they break none. Losses may not be NaN."""
        for name, limit in self.limits.items():
            window = self._mean(name, limit.window)
            if window is None or window[0] <= limit.highest:
                continue
            mean, since = window
            # A window rarely begins where a line ends, so nine tenths of it count as full.
            if limit.window > WINDOW and self._now - since < 0.9 * limit.window:
                continue
            text = (
                f"training diverged: {name} is {mean:.4g}, mean of iterations {since + 1} to "
                f"{self._now}, and its limit {limit.highest:.4g} ({limit.why})"
            )
            return Fault(text, self.good())
        return self._idle()

    def _idle(self) -> Fault | None:
        """The fault that a loss was not lowered (rule 2), or None."""
        recipe, now = self.recipe, self._now
        if 2 * now < recipe.iterations:
            return None
        for name, limit in self.limits.items():
            length = max(limit.patience, recipe.iterations // 4)
            if limit.idle is None or now - recipe.warmup_iterations < length:
                continue
            stretch = self._mean(name, length)
            if stretch is not None and stretch[0] >= NEAR * limit.idle:
                text = (
                    f"training learned nothing: {name} is {stretch[0]:.4g}, mean of iterations "
                    f"{stretch[1] + 1} to {now}, where a network that ignores its input has "
                    f"{limit.idle:.4g} ({limit.why})"
                )
                return Fault(text, self._before(name, NEAR * limit.idle, length))
        return None

    def probed(self, accuracy: float, edits: int) -> Fault | None:
        """The fault that edits are no better than chance at the end of a run, if they are not.

        An editor that returns its input, or one picture, is right in one of ``classes`` edits. The
        limit is three standard deviations of a fair guess above that.

        Args:
            accuracy: share of edits, in [0, 1], that the judge takes for their target.
            edits: number of edits that were judged.
        """
        if self._now - self.recipe.warmup_iterations < PROBED:
            return None
        chance = 1 / self.classes
        limit = chance + 3 * math.sqrt(chance * (1 - chance) / edits)
        if accuracy > limit:
            return None
        text = (
            f"training learned nothing: the judge takes {accuracy:.1%} of the edits for their target at "
            f"the end; chance is {chance:.1%}, the limit {limit:.1%}"
        )
        return Fault(text, self._before(PROBE, -limit, 0, sign=-1))

    def good(self) -> int:
        """The last logged iteration before the present fault began, in any loss."""
        return min(
            [self._before(name, limit.onset, limit.window) for name, limit in self.limits.items()]
            + [self._before(name, math.inf, 0) for name in self._lines[-1][1]]
            + [self._lines[-2][0] if len(self._lines) > 1 else 0]
        )

    @property
    def _now(self) -> int:
        return self._lines[-1][0]

    def _mean(self, name: str, length: int) -> tuple[float, int] | None:
        """Mean of a loss over the last ``length`` iterations (or all), and the iteration before them."""
        total, weight, since, end = 0.0, 0, 0, self._now
        for i in range(len(self._lines) - 1, -1, -1):
            iteration, values = self._lines[i]
            before = self._lines[i - 1][0] if i else 0
            if end - before > length and weight:
                break
            if name in values:
                total += values[name] * (iteration - before)
                weight += iteration - before
                since = before
        return (total / weight, since) if weight else None

    def _before(self, name: str, onset: float, window: int, sign: int = 1) -> int:
        """The last logged iteration before ``sign`` times a value rose above ``onset`` and stayed there.

        It is the newest iteration if the value is not above. In the last ``window`` iterations one line
        above ``onset`` is enough, whatever followed it.
        """
        good = self._now
        for i in range(len(self._lines) - 1, -1, -1):
            values = self._lines[i][1]
            if name not in values:
                continue
            value = sign * values[name]
            if not math.isfinite(value) or value > onset:
                good = self._lines[i - 1][0] if i else 0
            elif self._lines[i][0] <= self._now - window:
                break
        return good
