"""Mean and standard deviation of numbers over the seeds of the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ganbench.records import Record

# Variants of the records, which follow the variant of the number itself.
OVER_SEEDS, DEVIATION = "mean over seeds", "standard deviation over seeds"


def over_noise_seeds(
    runs: Sequence[Sequence[Record]], stochastic: bool, first: int
) -> list[Record]:
    """Mean and standard deviation of each number over all emotions that depends on noise.

    The standard deviation is that of the sample, in the unit of the number. Both records are only
    reported; ``ganbench compare`` and the intervals tell whether two numbers differ. The numbers of a
    method that takes no noise depend on noisy codes only, and those that are equal for all seeds are
    left out.

    Args:
        runs: records of one method for each seed.
        stochastic: whether the method takes noise.
        first: the first seed, for the note.

    Returns:
        Two records for each number.
    """
    values: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        for r in run:
            if r.emotion is None and r.value is not None:
                values.setdefault((r.metric, r.variant), []).append(r.value)
    records = []
    for r in runs[0]:
        of_seeds = values.get((r.metric, r.variant), [])
        if r.emotion is not None or len(of_seeds) < len(runs):
            continue
        if not stochastic and len(set(of_seeds)) == 1:
            continue
        for variant, value in (
            (OVER_SEEDS, np.mean(of_seeds)),
            (DEVIATION, np.std(of_seeds, ddof=1)),
        ):
            records.append(
                replace(
                    r,
                    variant=variant_of(r.variant, variant),
                    value=float(value),
                    n=len(of_seeds),
                    direction="reported",
                    low=None,
                    high=None,
                    interval="",
                    influence=None,
                    note=f"seeds {first} to {first + len(runs) - 1}",
                )
            )
    return records


def variant_of(variant: str, what: str) -> str:
    """The variant of a record that holds ``what``, e.g. ``OVER_SEEDS``, of the variant ``variant``."""
    return f"{variant}: {what}" if variant else what
