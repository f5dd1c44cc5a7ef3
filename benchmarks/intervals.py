"""Coverage of the intervals of ganbench.metrics, measured by simulation.

    python benchmarks/intervals.py                       # every setting, 500 draws: two hours
    python benchmarks/intervals.py --n 200 --d 16 --draws 100 --statistic fed

Each draw has features of n real images and their edits, predictions of a judge for n images, or the
success of an editor on n images, and gives an interval; the expected value is the mean over all draws.
A difference is that between an editor and a similar one on the same images. The script prints one line
for each setting: the share of the nominal 95 % intervals that cover, its uncertainty, and the mean
width divided by the ideal one. It exits with 1 if a share is not as promised: 92 to 98 % where
n >= 10 d, and at least 93 % elsewhere. Intervals of a share that is nearly always 0 or 1 cover more
often, so only the lower limit counts where its standard deviation is below half an image.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ganbench.metrics import (
    Interval,
    assign_groups,
    calibration_interval,
    difference,
    frechet_statistic,
    jackknife,
    kernel_statistic,
    prdc_intervals,
    ratio_interval,
    share_interval,
    wilson,
)

Floats = NDArray[np.float64]

EDITS = 2  # for each image; they are in its group


def alike(random: np.random.Generator, n: int, d: int) -> tuple[Floats, Floats]:
    """Features of a perfect editor with unequal variances; the linear part of the statistic vanishes."""
    scale = 3 / np.sqrt(np.arange(1, d + 1))
    real = random.standard_normal((n, d)) * scale
    return real, random.standard_normal((n * EDITS, d)) * scale


def shifted(random: np.random.Generator, n: int, d: int) -> tuple[Floats, Floats]:
    """Features of a poor editor, with another mean and another variance."""
    real, fake = alike(random, n, d)
    return real, 1.3 * fake + 0.5


def rectified(random: np.random.Generator, n: int, d: int) -> tuple[Floats, Floats]:
    """Features like those of a judge: rectified and correlated, with edits that resemble their image."""
    mix = np.random.default_rng(d).standard_normal((d, d)) / np.sqrt(d)
    code = random.standard_normal((n, d))
    edit = 0.7 * np.repeat(code, EDITS, axis=0) + 0.5 * random.standard_normal((n * EDITS, d))
    return np.maximum(code @ mix + 0.3, 0), np.maximum(edit @ mix + 0.5, 0)


def outliers(random: np.random.Generator, n: int, d: int) -> tuple[Floats, Floats]:
    """Features of an editor that is good but for one image in fifty, whose edits are all far away."""
    edits, scale = 7, 3 / np.sqrt(np.arange(1, d + 1))
    fake = 0.8 * random.standard_normal((n * edits, d)) * scale
    away = np.repeat(random.random(n) < 0.02, edits)
    return random.standard_normal((n, d)) * scale, fake + 9 * away[:, None]


WORLDS: dict[str, Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]] = {
    "alike": alike,
    "shifted": shifted,
    "rectified": rectified,
}

# In this world one image in fifty determines FED, KID and their variances, and a jackknife fails.
OF_NEIGHBOURS = WORLDS | {"outliers": outliers}

# Judges: the standard deviation of their logits, and the factor that would calibrate them.
JUDGES: dict[str, tuple[float, float]] = {
    "calibrated": (2, 1),
    "overconfident": (2, 0.5),
    "underconfident": (2, 1.5),
    "sure": (6, 1),
    "too sure": (6, 0.5),
}


# Editors: the mean accuracy, and how equal it is for all images (a + b of a beta distribution).
EDITORS: dict[str, tuple[float, float]] = {
    "middling": (0.5, 5),
    "good, or not": (0.9, 0.5),
    "excellent": (0.97, 5),
}


def predictions(
    random: np.random.Generator, n: int, scale: float, factor: float
) -> tuple[Floats, NDArray[np.int64]]:
    """Logits [n, 7] of a judge, and labels [n]."""
    logits = scale * random.standard_normal((n, 7))
    p = np.exp(factor * (logits - logits.max(axis=1, keepdims=True)))
    labels = (random.random(n)[:, None] * p.sum(axis=1, keepdims=True) > p.cumsum(axis=1)).sum(
        axis=1
    )
    return logits, labels


def of_set(
    statistic: Callable[..., Callable[[NDArray[np.bool_]], float]],
) -> Callable[[Floats, Floats], Interval]:
    """The function that gives the interval of a distance of two sets."""

    def interval(real: Floats, fake: Floats) -> Interval:
        groups = assign_groups(len(real))
        return jackknife(statistic(real, fake, groups, np.repeat(groups, EDITS)))

    return interval


def of_neighbours(real: Floats, fake: Floats) -> Mapping[str, Interval]:
    """The intervals of precision, recall, density and coverage."""
    image = np.repeat(np.arange(len(real)), len(fake) // len(real))
    found = prdc_intervals(real, fake, image)
    assert found is not None
    return found._asdict()


def of_difference(real: Floats, fake: Floats) -> Interval:
    """FED of a similar editor minus FED of the first editor."""
    other = np.random.default_rng(abs(int(1e6 * fake[0, 0])))
    near = fake + 0.3 * fake.std(axis=0) * other.standard_normal(fake.shape)
    fed = of_set(frechet_statistic)
    return difference(fed(real, near), fed(real, fake))


def of_edits(random: np.random.Generator, n: int, mean: float, sure: float) -> dict[str, Interval]:
    """Intervals of the mean of seven cells, of a ratio of skewed sums, and of their differences."""
    p = random.beta(mean * sure, (1 - mean) * sure, (n, 1))
    unedited = random.gamma(2, size=n)
    found: dict[str, Interval] = {}
    for name, hardness in (("one", 1), ("other", 0.9)):
        right = share_interval(random.random((n, 7)) < p**hardness, np.ones((n, 7)))
        edited = unedited * (1.5 - p[:, 0]) * random.gamma(4, 0.25, n)
        error = ratio_interval(edited, unedited)
        assert right is not None
        assert error is not None
        found |= {f"{name} share": right, f"{name} ratio": error}
    return {
        "share": found["one share"],
        "ratio": found["one ratio"],
        "of shares": difference(found["other share"], found["one share"]),
        "of ratios": difference(found["other ratio"], found["one ratio"]),
    }


OF_FEATURES: dict[str, Callable[[Floats, Floats], Interval | Mapping[str, Interval]]] = {
    "fed": of_set(frechet_statistic),
    "kid": of_set(kernel_statistic),
    "prdc": of_neighbours,
    "difference": of_difference,
}
STATISTICS = (*OF_FEATURES, "ece", "edits")
KINDS: dict[str, Mapping[str, object]] = dict.fromkeys(OF_FEATURES, WORLDS) | {
    "prdc": OF_NEIGHBOURS,
    "ece": JUDGES,
    "edits": EDITORS,
}


def intervals(
    statistic: str, world: str, n: int, d: int, draws: int, seed: int
) -> Iterator[dict[str, Interval]]:
    """Yield the intervals of each draw by their names."""
    for draw in range(draws):
        random = np.random.default_rng([seed, n, d, draw])
        if statistic == "ece":
            found = calibration_interval(*predictions(random, n, *JUDGES[world]))
            assert found is not None
            yield {statistic: found}
        elif statistic == "edits":
            yield of_edits(random, n, *EDITORS[world])
        else:
            one = OF_FEATURES[statistic](*OF_NEIGHBOURS[world](random, n, d))
            yield {statistic: one} if isinstance(one, Interval) else dict(one)


def report(statistic: str, world: str, n: int, d: int, draws: int, seed: int) -> bool:
    """Print the lines of a setting; return whether the promise holds."""
    start = time.process_time()
    drawn = list(intervals(statistic, world, n, d, draws, seed))
    seconds = (time.process_time() - start) / draws
    return all([line(name, drawn, world, n, d, seconds) for name in drawn[0]])


def line(
    name: str, drawn: list[dict[str, Interval]], world: str, n: int, d: int, seconds: float
) -> bool:
    """Print the line of one value of a setting; return whether the promise holds."""
    value, low, high = np.array([tuple(found[name]) for found in drawn]).T
    draws, deviation = len(value), value.std(ddof=1)
    covered = int(((low <= value.mean()) & (value.mean() <= high)).sum())
    least, most = (0.92, 0.98) if n >= 10 * d else (0.93, 1.0)
    if name in ("precision", "recall", "coverage") and deviation < 0.5 / n:
        most = 1.0
    holds = least <= covered / draws <= most
    certain = " to ".join(f"{100 * end:.1f}" for end in wilson(covered, draws))
    width = (high - low).mean() / (2 * 1.96 * deviation) if deviation else np.inf
    print(
        f"{'ok    ' if holds else 'BROKEN'} {name:<10} {world:<14} n {n:<5} d {d:<3} "
        f"covers {100 * covered / draws:5.1f} % [{certain}]  below {100 * (high < value.mean()).mean():.1f}  "
        f"width {width:.2f}  value {value.mean():.4g}  {seconds:.3f} s a draw",
        flush=True,
    )
    return holds


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statistic", nargs="+", choices=STATISTICS, default=list(STATISTICS))
    worlds = [*OF_NEIGHBOURS, *JUDGES, *EDITORS]
    parser.add_argument("--world", nargs="+", choices=worlds, default=worlds)
    parser.add_argument("--n", nargs="+", type=int, default=[200, 1000], help="Images.")
    parser.add_argument("--d", nargs="+", type=int, default=[16, 64], help="Features.")
    parser.add_argument("--draws", type=int, default=500, help="Draws a setting.")
    parser.add_argument("--seed", type=int, default=1, help="Of all draws.")
    chosen = parser.parse_args()
    settings = [
        (s, world, n, d)
        for d, n, s in itertools.product(chosen.d, chosen.n, chosen.statistic)
        for world in chosen.world
        if world in KINDS[s]
    ]
    # Predictions have no features, but seven emotions.
    settings = list(
        dict.fromkeys((s, w, n, d if s in OF_FEATURES else 7) for s, w, n, d in settings)
    )
    if not all([report(s, w, n, d, chosen.draws, chosen.seed) for s, w, n, d in settings]):
        sys.exit(1)


if __name__ == "__main__":
    main()
