"""Coverage of the intervals of ganbench.metrics, measured by simulation.

    python benchmarks/intervals.py                            # every setting, 300 draws: hours
    python benchmarks/intervals.py --kind means --draws 2000
    python benchmarks/intervals.py --kind kid --world "kurtosis 16" --n 140 --draws 400

Each draw has n images of seven classes, and gives the intervals of one world. The expected value is
known for means, and otherwise it is the mean over all draws. The script prints one line for each value of a
setting: the share of the nominal 95 % intervals that cover, its uncertainty, the shares that end below and
begin above the expected value, and the mean width divided by the ideal one. The kind ``six`` has six equal
methods, and its line says in how many columns some difference is called significant.

The promise is a coverage of 92 to 98 % from 350 images on, of at least 90 % with fewer, a width of at most
1.25 with the features of the shipped judge, and a false difference in at most 5 % of the columns. The
script exits with 1 if an estimate breaks its promise by more than one standard error of the draws. The
kind ``judge`` needs edits of 700 faces by two shipped checkpoints; they are made once and stay in the cache.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ganbench.metrics import (
    Interval,
    binomial_ends,
    calibration_interval,
    difference,
    frechet_interval,
    kernel_interval,
    prdc_intervals,
    ratio_interval,
    share_interval,
    simultaneous_differences,
    strata_of,
    tied_with_best,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Random = np.random.Generator
Drawn = dict[str, Interval | None]

EDITS, CLASSES = 7, 7


def balanced(n: int) -> Ints:
    """Labels [n] as the protocol takes images: one of each class in turn."""
    return np.arange(n) % CLASSES


# -- means, ratios and shares ------------------------------------------------------------------------------


def _lognormal(sigma: float, by_class: bool = False) -> Callable[[Random, Ints], Floats]:
    return lambda random, y: random.lognormal(0, sigma, len(y)) * (1 + y * by_class)


def _broken(share: float) -> Callable[[Random, Ints], Floats]:
    """Errors of which a share, those of the broken images, is ten times as large."""
    return lambda random, y: random.gamma(4, 0.25, len(y)) + 9 * (random.random(len(y)) < share)


# Worlds of means, and their expected values with equally many images of each class.
MEANS: Mapping[str, tuple[Callable[[Random, Ints], Floats], float]] = {
    "normal": (lambda random, y: random.standard_normal(len(y)), 0.0),
    "class means differ": (lambda random, y: random.standard_normal(len(y)) + y, 3.0),
    "lognormal 1": (_lognormal(1), np.exp(0.5)),
    "lognormal 1.5": (_lognormal(1.5), np.exp(1.125)),
    "lognormal, hard classes": (_lognormal(1, by_class=True), 4 * np.exp(0.5)),
    "2 % broken": (_broken(0.02), 1.18),
    "5 % broken": (_broken(0.05), 1.45),
}


def means(random: Random, world: str, n: int) -> Drawn:
    """The mean in a world, a ratio with skewed sums, and the mean with random numbers of the classes."""
    y, counted, values = balanced(n), np.ones(n), MEANS[world][0]
    drawn: Drawn = {"mean": ratio_interval(values(random, y), counted, strata_of(y))}
    if world == "2 % broken":
        whole = random.gamma(8, 0.125, n)
        broken = 3 * (random.random(n) < 0.02) * random.gamma(4, 0.25, n)
        part = whole * random.lognormal(-0.3, 0.3, n) + broken
        drawn["ratio"] = ratio_interval(part, whole, strata_of(y))
    if world == "lognormal, hard classes":
        y = random.integers(0, CLASSES, n)
        drawn["random counts"] = ratio_interval(values(random, y), counted, strata_of(y))
    return drawn


# Chances of a right edit for images of each class; and whether the edits of an image are right together.
SHARES: Mapping[str, tuple[Callable[[Random, Ints], Floats], bool]] = {
    "90 %": (lambda random, y: np.full(len(y), 0.9), False),
    "98 %": (lambda random, y: np.full(len(y), 0.98), False),
    "98 %, together": (lambda random, y: np.full(len(y), 0.98), True),
    "hard and easy images": (lambda random, y: random.beta(3, 1, len(y)), False),
    "a hard class": (lambda random, y: np.where(y == 3, 0.3, 0.97), False),
    "a hard class, together": (lambda random, y: np.where(y == 3, 0.3, 0.95), True),
    "classes all or none": (lambda random, y: np.where(y < 3, 0.02, 0.99), False),
}


def shares(random: Random, world: str, n: int) -> Drawn:
    """The mean share of right edits, and its difference to a slightly worse editor."""
    chance, together = SHARES[world]
    y = balanced(n)
    p = chance(random, y)[:, None]
    found = []
    for worse in (0.0, 0.01):
        uniform = random.random((n, 1 if together else EDITS))
        hits = np.broadcast_to(uniform < p - worse, (n, EDITS))
        found.append(share_interval(hits, np.ones((n, EDITS)), strata_of(y)))
    assert found[0] is not None
    assert found[1] is not None
    return {"share": found[0], "of shares": difference(found[0], found[1])}


# -- features ----------------------------------------------------------------------------------------------


def rectified(
    random: Random,
    y: Ints,
    spread: float = 0.25,
    broken: float = 0.0,
    hard: float = 0.0,
    d: int = 128,
    methods: int = 1,
) -> tuple[Floats, list[Floats]]:
    """Features of seven classes, [n, d], and of seven correlated edits of each image, [7 n, d], by methods.

    They are rectified, sparse and have heavy tails, as those of a judge may have: the kurtosis is about 16
    with a spread of 0.25, and about 30 with 0.45.

    Args:
        spread: of the size of an image's features, on the log scale.
        broken: share of the images whose seven edits are all far away.
        hard: how much larger the features of class 3 are.
        methods: number of equal editors.
    """
    fixed, n = np.random.default_rng(7), len(y)
    mix = fixed.standard_normal((24, d)) / np.sqrt(24)
    centres = 1.5 * fixed.standard_normal((CLASSES, 24))
    away = 2 * np.abs(fixed.standard_normal(d))
    size = random.lognormal(0, spread, (n, 1)) * (1 + hard * (y == 3))[:, None]
    code = random.standard_normal((n, 24))

    def features(codes: Floats, sizes: Floats) -> Floats:
        noise = 0.3 * random.standard_normal((*codes.shape[:-1], d))
        return np.maximum(sizes * (codes @ mix - 1.08 + noise), 0)

    edits = []
    for _ in range(methods):
        common = 0.6 * random.standard_normal((n, 1, 24))
        codes = 0.7 * code[:, None] + common + 0.4 * random.standard_normal((n, EDITS, 24))
        sizes = (size**0.9)[:, :, None] * random.lognormal(0, 0.2, (n, EDITS, 1))
        made = features(codes + 0.9 * centres, sizes)
        bad = random.random(n) < broken
        made[bad] = 0.2 * made[bad] + away
        edits.append(made.reshape(-1, d))
    return features(code + centres[y], size), edits


def perfect(random: Random, y: Ints, spread: float = 0.25) -> tuple[Floats, list[Floats]]:
    """``rectified``, with edits that are images of their target."""
    real = rectified(random, y, spread)[0]
    of_targets = [rectified(random, np.full(len(y), c), spread)[0] for c in range(CLASSES)]
    return real, [np.stack(of_targets, axis=1).reshape(-1, real.shape[1])]


def alike(random: Random, y: Ints) -> tuple[Floats, list[Floats]]:
    """Normal features of a perfect editor with unequal variances; the linear part of FED vanishes."""
    n, scale = len(y), 3 / np.sqrt(np.arange(1, 33))
    fake = random.standard_normal((EDITS * n, 32)) * scale
    return random.standard_normal((n, 32)) * scale, [fake]


def normal(random: Random, y: Ints) -> tuple[Floats, list[Floats]]:
    """Normal features with 64 dimensions and correlated edits."""
    mix = np.random.default_rng(5).standard_normal((16, 64)) / 4
    code = random.standard_normal((len(y), 16))
    edits = 0.7 * code[:, None] + 0.5 * random.standard_normal((len(y), EDITS, 16))
    fake = edits @ mix + 0.3 * random.standard_normal((len(y), EDITS, 64))
    return code @ mix + 0.3 * random.standard_normal((len(y), 64)), [fake.reshape(-1, 64)]


def _unequal(n: int) -> Ints:
    """Labels of classes of 40 to 4 % of the images."""
    ends = np.cumsum([0.4, 0.2, 0.15, 0.1, 0.06, 0.05])
    return np.searchsorted(ends, (np.arange(n) + 0.5) / n)


Features = Callable[[Random, int], tuple[Floats, list[Floats], Ints]]


def _world(
    make: Callable[..., tuple[Floats, list[Floats]]],
    labels: Callable[[Random, int], Ints] = lambda random, n: balanced(n),
    **options: float,
) -> Features:
    def draw(random: Random, n: int) -> tuple[Floats, list[Floats], Ints]:
        y = labels(random, n)
        return *make(random, y, **options), y

    return draw


FEATURES: Mapping[str, Features] = {
    "alike": _world(alike),
    "normal": _world(normal),
    "kurtosis 16": _world(rectified),
    "kurtosis 16, 2 % broken": _world(rectified, broken=0.02),
    "kurtosis 16, 5 % broken": _world(rectified, broken=0.05),
    "kurtosis 16, perfect editor": _world(perfect),
    "kurtosis 16, a hard class": _world(rectified, hard=0.6),
    "kurtosis 16, random counts": _world(
        rectified, lambda random, n: random.integers(0, CLASSES, n)
    ),
    "kurtosis 16, unequal counts": _world(rectified, lambda random, n: _unequal(n)),
    "kurtosis 30": _world(rectified, spread=0.45),
    "kurtosis 30, 2 % broken": _world(rectified, spread=0.45, broken=0.02),
    "kurtosis 30, perfect editor": _world(perfect, spread=0.45),
}

# Checkpoints whose edits the kind ``judge`` resamples, and the number of faces.
CHECKPOINTS, FACES = ("stargan-v2", "gaussian"), 700


@cache
def judged_faces() -> tuple[dict[str, NDArray[np.float32]], Ints]:
    """The shipped judge's features of ``FACES`` faces and of the edits of each, and the labels of the faces."""
    import torch

    from ganbench.data import load_dataset
    from ganbench.evaluation.run import default_store, load_all, perform, prepare
    from ganbench.judges import load_judge
    from ganbench.stopwatch import Stopwatch

    faces, cpu = load_dataset("faces", "test", test=FACES), torch.device("cpu")
    plan = prepare(
        load_all(CHECKPOINTS, cpu),
        faces,
        load_judge("vgg"),
        seed=0,
        limit=None,
        batch_size=32,
        store=default_store(),
        stopwatch=Stopwatch(),
    )
    perform(plan)
    features = {"real": plan.gather("real")["features"], "truth": plan.gather("truth")["features"]}
    for label in plan.methods:
        features[label] = plan.gather("edits", label, "anchor")["features"]
    return features, faces.labels[np.concatenate([chunk.indices for chunk in plan.chunks])]


def _resampled(name: str) -> Features:
    """Images drawn from the faces with replacement, equally many of each class."""

    def draw(random: Random, n: int) -> tuple[Floats, list[Floats], Ints]:
        features, labels = judged_faces()
        y = balanced(n)
        rows = np.array([random.choice(np.flatnonzero(labels == c)) for c in y])
        fake = features[name][rows].astype(np.float64)
        return features["real"][rows].astype(np.float64), [fake.reshape(-1, fake.shape[-1])], y

    return draw


JUDGE: Mapping[str, Features] = {name: _resampled(name) for name in (*CHECKPOINTS, "truth")}


DISTANCES = {"fed": frechet_interval, "kid": kernel_interval}


def distances(names: Iterable[str], world: Features, random: Random, n: int) -> Drawn:
    """FED, KID or both."""
    real, (fake, *_), y = world(random, n)
    image = np.repeat(np.arange(n), len(fake) // n)
    return {name: DISTANCES[name](real, fake, image, strata_of(y)) for name in names}


def neighbours(world: Features, random: Random, n: int) -> Drawn:
    """Precision, recall, density and coverage."""
    real, (fake, *_), y = world(random, n)
    image = np.repeat(np.arange(n), len(fake) // n)
    found = prdc_intervals(real, fake, image, strata_of(y))
    assert found is not None
    return dict(found._asdict())


# -- calibration -------------------------------------------------------------------------------------------

# Judges: the standard deviation of their logits, and the factor that would calibrate them.
JUDGES: Mapping[str, tuple[float, float]] = {
    "calibrated": (2, 1),
    "overconfident": (2, 0.5),
    "underconfident": (2, 1.5),
    "sure": (6, 1),
    "too sure": (6, 0.5),
}


def calibration(random: Random, world: str, n: int) -> Drawn:
    """ECE of a judge; the labels follow its probabilities, so the numbers of the classes are random."""
    scale, factor = JUDGES[world]
    logits = scale * random.standard_normal((n, CLASSES))
    p = np.exp(factor * (logits - logits.max(axis=1, keepdims=True))).cumsum(axis=1)
    y = (random.random(n)[:, None] * p[:, -1:] > p).sum(axis=1)
    return {"ece": calibration_interval(logits, y, strata_of(y))}


# -- six equal methods -------------------------------------------------------------------------------------


def _columns_of_means(
    world: Callable[[Random, Ints], Floats],
) -> Callable[[Random, int], list[Interval | None]]:
    def draw(random: Random, n: int) -> list[Interval | None]:
        y, ones = balanced(n), np.ones(n)
        return [ratio_interval(world(random, y), ones, strata_of(y)) for _ in range(6)]

    return draw


def _columns_of_shares(random: Random, n: int) -> list[Interval | None]:
    y, p = balanced(n), random.beta(9, 1, (n, 1))
    hits = (random.random((n, EDITS)) < p for _ in range(6))
    return [share_interval(h, np.ones((n, EDITS)), strata_of(y)) for h in hits]


def _columns_of(name: str) -> Callable[[Random, int], list[Interval | None]]:
    def draw(random: Random, n: int) -> list[Interval | None]:
        y, image = balanced(n), np.repeat(np.arange(n), EDITS)
        real, edits = rectified(random, y, d=64, methods=6)
        return [DISTANCES[name](real, fake, image, strata_of(y)) for fake in edits]

    return draw


SIX: Mapping[str, Callable[[Random, int], list[Interval | None]]] = {
    "shares of hard and easy images": _columns_of_shares,
    "lognormal means": _columns_of_means(_lognormal(1)),
    "means, 2 % broken": _columns_of_means(_broken(0.02)),
    "fed": _columns_of("fed"),
    "kid": _columns_of("kid"),
}


def false_difference(random: Random, world: str, n: int) -> bool:
    """Whether one of six equal methods is told apart."""
    column = [interval for interval in SIX[world](random, n) if interval is not None]
    gaps = {pair: (g.low, g.high) for pair, g in simultaneous_differences(column).items()}
    return not all(tied_with_best(gaps, len(column), higher=True))


# -- the report --------------------------------------------------------------------------------------------

WORLDS: Mapping[str, Mapping[str, object]] = {
    "means": MEANS,
    "shares": SHARES,
    "fed": FEATURES,
    "kid": FEATURES,
    "judge": JUDGE,
    "neighbours": FEATURES,
    "calibration": JUDGES,
    "six": SIX,
}


def draw(kind: str, world: str, n: int, random: Random) -> Drawn:
    """The intervals of one draw by their names."""
    if kind in DISTANCES:
        return distances([kind], FEATURES[world], random, n)
    if kind == "judge":
        return distances(DISTANCES, JUDGE[world], random, n)
    if kind == "neighbours":
        return neighbours(FEATURES[world], random, n)
    of_kind = {"means": means, "shares": shares, "calibration": calibration}
    return of_kind[kind](random, world, n)


def report(kind: str, world: str, n: int, draws: int, seed: int) -> bool:
    """Print the lines of a setting; return whether the promise holds."""
    start = time.process_time()
    randoms = [np.random.default_rng([seed, n, i]) for i in range(draws)]
    if kind == "six":
        false = sum(false_difference(random, world, n) for random in randoms)
        low, high = binomial_ends(false, draws)
        holds = false / draws <= 0.05 + _error(0.05, draws)
        what = f"told apart in {100 * false / draws:.1f} % [{100 * low:.1f} to {100 * high:.1f}]"
        _print(holds, f"{world:<32} n {n:<4} {what}", start, draws)
        return holds
    drawn = [draw(kind, world, n, random) for random in randoms]
    return all([line(kind, name, drawn, world, n, start) for name in drawn[0]])


def line(kind: str, name: str, drawn: list[Drawn], world: str, n: int, start: float) -> bool:
    """Print the line of one value of a setting; return whether the promise holds."""
    values = np.array([tuple(found[name] or (np.nan,) * 3) for found in drawn])
    value, low, high = values[~np.isnan(values).any(axis=1)].T
    draws, deviation = len(value), value.std(ddof=1)
    mean = MEANS[world][1] if kind == "means" and name != "ratio" else value.mean()
    covered = int(((low <= mean) & (mean <= high)).sum())
    ends = binomial_ends(covered, draws)
    least, most = (0.92, 0.98) if n >= 350 else (0.90, 1.0)
    if name in ("precision", "recall", "coverage") and deviation < 0.5 / n:
        most = 1.0  # a share that is nearly always 0 or 1 is covered more often
    width = (high - low).mean() / (2 * 1.96 * deviation) if deviation else np.inf
    share = covered / draws
    holds = least - _error(least, draws) <= share <= most + _error(most, draws)
    if kind == "judge":
        holds &= bool(width <= 1.25 * (1 + 1 / np.sqrt(2 * draws)))
    what = (
        f"covers {100 * covered / draws:5.1f} % [{100 * ends[0]:.1f} to {100 * ends[1]:.1f}]  "
        f"below {100 * (high < mean).mean():.1f}  above {100 * (low > mean).mean():.1f}  "
        f"width {width:.2f}  value {mean:.4g}"
    )
    _print(holds, f"{name:<13} {world:<28} n {n:<4} {what}", start, draws)
    return holds


def _error(share: float, draws: int) -> float:
    """The standard error of a share of the draws."""
    return float(np.sqrt(share * (1 - share) / draws))


def _print(holds: bool, text: str, start: float, draws: int) -> None:
    seconds = (time.process_time() - start) / draws
    print(f"{'ok    ' if holds else 'BROKEN'} {text}  {seconds:.3f} s a draw", flush=True)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--world", nargs="+", help="Names of worlds; all by default.")
    parser.add_argument("--n", nargs="+", type=int, default=[140, 350, 700], help="Images.")
    parser.add_argument("--draws", type=int, default=300, help="Draws of each setting.")
    parser.add_argument("--seed", type=int, default=1, help="Of all draws.")
    chosen = parser.parse_args()
    settings = [
        (kind, world, n)
        for kind in chosen.kind
        for world in WORLDS[kind]
        for n in chosen.n
        if not chosen.world or world in chosen.world
    ]
    if not all([report(*setting, chosen.draws, chosen.seed) for setting in settings]):
        sys.exit(1)


if __name__ == "__main__":
    main()
