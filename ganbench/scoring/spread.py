"""How far numbers move with the noise alone: mean and standard deviation over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ganbench.records import Record

# The variants that the records of a spread carry, after the variant that they are of.
OVER_SEEDS, DEVIATION = "mean over seeds", "standard deviation over seeds"


def spread(runs: Sequence[Sequence[Record]], stochastic: bool, first: int) -> list[Record]:
    """Two records of each number over all emotions that depends on noise.

    The sample's standard deviation, in the unit of the number. Both are only reported: one seed
    against another is what intervals and ``ganbench compare`` are for. Of a method that takes no
    noise only noisy codes move numbers; those that no seed moves are left out.

    Args:
        runs: records of one method, a seed an item.
        stochastic: whether the method takes noise.
        first: the first seed, for the note.
    """
    values: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        for r in run:
            if r.emotion is None and r.value is not None:
                values.setdefault((r.metric, r.variant), []).append(r.value)
    found = []
    for r in runs[0]:
        own = values.get((r.metric, r.variant), [])
        if r.emotion is not None or len(own) < len(runs):
            continue
        if not stochastic and len(set(own)) == 1:
            continue
        for variant, value in ((OVER_SEEDS, np.mean(own)), (DEVIATION, np.std(own, ddof=1))):
            found.append(
                replace(
                    r,
                    variant=of(r.variant, variant),
                    value=float(value),
                    n=len(own),
                    direction="reported",
                    low=None,
                    high=None,
                    interval="",
                    influence=None,
                    note=f"seeds {first} to {first + len(runs) - 1}",
                )
            )
    return found


def of(variant: str, what: str) -> str:
    """The variant that holds ``what`` over seeds of the variant ``variant``."""
    return f"{variant}: {what}" if variant else what
