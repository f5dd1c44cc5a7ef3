"""How often the intervals of FED and KID cover the expected value: measured by simulation.

    python benchmarks/intervals.py                       # every setting, 500 draws: tens of minutes
    python benchmarks/intervals.py --n 200 --d 16 --draws 100 --statistic fed

Draws n real images and two edits of each from a world, and takes the interval; the expected value
is the mean over all draws. Prints one line a setting: how many of the intervals, nominally 95 %,
cover it, with the uncertainty of that share, and their width relative to the ideal one. Exits 1 if
a share is outside what is promised: 92 to 98 % where n >= 10 d, at least 93 % elsewhere.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ganbench.metrics import (
    assign_groups,
    frechet_statistic,
    jackknife,
    kernel_statistic,
    wilson,
)

Floats = NDArray[np.float64]

EDITS = 2  # of each image; they share its group
STATISTICS = {"fed": frechet_statistic, "kid": kernel_statistic}


def alike(random: np.random.Generator, n: int, d: int) -> tuple[Floats, Floats]:
    """A perfect editor: the linear part of the statistic vanishes. Unequal variances."""
    scale = 3 / np.sqrt(np.arange(1, d + 1))
    real = random.standard_normal((n, d)) * scale
    return real, random.standard_normal((n * EDITS, d)) * scale


def shifted(random: np.random.Generator, n: int, d: int) -> tuple[Floats, Floats]:
    """A poor editor: other mean, other variance."""
    real, fake = alike(random, n, d)
    return real, 1.3 * fake + 0.5


def rectified(random: np.random.Generator, n: int, d: int) -> tuple[Floats, Floats]:
    """As judges' features are: rectified, correlated, and the edits resemble their image."""
    mix = np.random.default_rng(d).standard_normal((d, d)) / np.sqrt(d)
    code = random.standard_normal((n, d))
    edit = 0.7 * np.repeat(code, EDITS, axis=0) + 0.5 * random.standard_normal((n * EDITS, d))
    return np.maximum(code @ mix + 0.3, 0), np.maximum(edit @ mix + 0.5, 0)


WORLDS: dict[str, Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]] = {
    "alike": alike,
    "shifted": shifted,
    "rectified": rectified,
}


def intervals(
    statistic: str, world: str, n: int, d: int, draws: int, seed: int
) -> Iterator[Floats]:
    """Value and ends of the interval of each draw."""
    groups = assign_groups(n)
    for draw in range(draws):
        real, fake = WORLDS[world](np.random.default_rng([seed, n, d, draw]), n, d)
        yield np.array(
            jackknife(STATISTICS[statistic](real, fake, groups, np.repeat(groups, EDITS)))
        )


def report(statistic: str, world: str, n: int, d: int, draws: int, seed: int) -> bool:
    """Print the line of a setting; whether the promise holds."""
    start = time.process_time()
    value, low, high = np.stack(list(intervals(statistic, world, n, d, draws, seed)), axis=1)
    covered = int(((low <= value.mean()) & (value.mean() <= high)).sum())
    allowed = (0.92, 0.98) if n >= 10 * d else (0.93, 1.0)
    holds = allowed[0] <= covered / draws <= allowed[1]
    least, most = (100 * end for end in wilson(covered, draws))
    width = (high - low).mean() / (2 * 1.96 * value.std(ddof=1))
    print(
        f"{'ok    ' if holds else 'BROKEN'} {statistic} {world:<10} n {n:<5} d {d:<3} "
        f"covers {100 * covered / draws:5.1f} % [{least:.1f}, {most:.1f}]  width {width:.2f}  "
        f"value {value.mean():.4g}  {(time.process_time() - start) / draws:.3f} s a draw",
        flush=True,
    )
    return holds


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statistic", nargs="+", choices=STATISTICS, default=list(STATISTICS))
    parser.add_argument("--world", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--n", nargs="+", type=int, default=[200, 1000], help="Images.")
    parser.add_argument("--d", nargs="+", type=int, default=[16, 64], help="Features.")
    parser.add_argument("--draws", type=int, default=500, help="Draws a setting.")
    parser.add_argument("--seed", type=int, default=1, help="Of all draws.")
    chosen = parser.parse_args()
    settings = itertools.product(chosen.d, chosen.n, chosen.statistic, chosen.world)
    holds = [report(s, world, n, d, chosen.draws, chosen.seed) for d, n, s, world in settings]
    if not all(holds):
        sys.exit(1)


if __name__ == "__main__":
    main()
