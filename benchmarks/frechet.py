"""FED with its interval at the size of AffectNet's test set and a VGG's 4,096 features: time, memory, digits.

    python benchmarks/frechet.py                                  # 3,500 against 24,500 images
    python benchmarks/frechet.py --real 300 --fake 2100 --d 512   # seconds

The script prints the seconds, the CPU seconds, the peak memory of the process with its float32
features, the relative difference of the value to the sum of the roots of eigenvalues, and by how much an end of
the interval of 350 images with 256 features differs from the slow rule, in per cent of the half-width. It
exits with 1 if FED with its interval takes 60 s or more, or 3 GiB or more, or if the value differs by more than
1e-6 or an end by more than 3 %. On a busy machine CPU seconds below 60 pass too, because FED takes no longer
than that on an idle machine.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np
from numpy.typing import NDArray

from ganbench.metrics import frechet_distance, frechet_interval, strata_of

SECONDS, GIB, DIGITS, ENDS = 60, 3, 1e-6, 3


def features(n: int, m: int, d: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rectified features with a few strong common directions, like those of judges, in float32."""
    random = np.random.default_rng(seed)
    mix = random.standard_normal((32, d), np.float32)

    def sample(rows: int, shift: float) -> NDArray[np.float32]:
        x = random.standard_normal((rows, d), np.float32)
        x += 0.5 * random.standard_normal((rows, 32), np.float32) @ mix
        x += shift
        return np.maximum(x, 0, out=x)

    return sample(n, 0.0), sample(m, 0.3)


def of_classes(
    n: int, d: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Rectified features of seven classes in a few directions, and seven edits of each image; the labels."""
    random, fixed = np.random.default_rng(seed), np.random.default_rng(1)
    mix = fixed.standard_normal((24, d)) * np.exp(-np.arange(24) / 6)[:, None] * 0.6
    centres, y = 2 * fixed.standard_normal((7, 24)), np.arange(n) % 7
    code = random.standard_normal((n, 24))
    made = 0.7 * code[:, None] + 0.7 * random.standard_normal((n, 7, 24)) + 0.9 * centres
    real = (code + centres[y]) @ mix + 0.3 * random.standard_normal((n, d))
    fake = made @ mix + 0.3 * random.standard_normal((n, 7, d))
    return np.maximum(real, 0), np.maximum(fake, 0).reshape(-1, d), y


def off_the_slow_rule(n: int, d: int, seed: int) -> float:
    """Difference of the farther end of the fast interval to that of the slow one, in % of the half-width."""
    real, fake, y = of_classes(n, d, seed)
    sets = real, fake, np.repeat(np.arange(n), 7), strata_of(y)
    slow, fast = frechet_interval(*sets), frechet_interval(*sets, full=0, directions=d // 8)
    assert slow is not None
    assert fast is not None
    off = max(abs(fast.low - slow.low), abs(fast.high - slow.high))
    return 200 * off / (slow.high - slow.low)


def by_eigenvalues(real: NDArray[np.float32], fake: NDArray[np.float32]) -> float:
    """The trace of (S_A S_B)^(1/2) from the eigenvalues of A S_B A', which are those of S_A S_B."""
    a, b = real.astype(np.float64), fake.astype(np.float64)
    shift = a.mean(axis=0) - b.mean(axis=0)
    a, b = (x - x.mean(axis=0) for x in (a, b))
    covariance = b.T @ b / (len(b) - 1)
    squares = np.linalg.eigvalsh(a @ covariance @ a.T / (len(a) - 1))
    traces = np.square(a).sum() / (len(a) - 1) + np.trace(covariance)
    return float(shift @ shift + traces - 2 * np.sqrt(np.maximum(squares, 0)).sum())


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=int, default=3_500, help="Real images.")
    parser.add_argument("--fake", type=int, default=24_500, help="Edits.")
    parser.add_argument("--d", type=int, default=4_096, help="Features.")
    parser.add_argument("--seed", type=int, default=0, help="Of the features.")
    chosen = parser.parse_args()
    real, fake = features(chosen.real, chosen.fake, chosen.d, chosen.seed)
    image = np.arange(chosen.fake) * chosen.real // chosen.fake
    strata = np.zeros(chosen.real, np.int64)
    start = time.process_time()
    frechet_distance(real, fake)
    alone = time.process_time() - start
    wall, busy = time.perf_counter(), time.process_time()
    found = frechet_interval(real, fake, image, strata)
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    assert found is not None
    print(
        f"FED {found.value:.6g} [{found.low:.6g}, {found.high:.6g}] of {chosen.real:,} against "
        f"{chosen.fake:,} images, d = {chosen.d:,}"
    )
    print(f"       {wall:.1f} s, {busy:.1f} CPU s; the value alone {alone:.1f} CPU s")
    exact = by_eigenvalues(real, fake)
    holds = [
        report("seconds, or CPU seconds if fewer", min(wall, busy), SECONDS),
        report("peak memory, GiB", peak, GIB),
        report("off the eigenvalues, relative", abs(found.value / exact - 1), DIGITS),
        report("end off the slow rule, %", off_the_slow_rule(350, 256, chosen.seed), ENDS),
    ]
    sys.exit(not all(holds))


def report(what: str, measured: float, allowed: float) -> bool:
    """Print a line; return whether the promise holds."""
    holds = measured < allowed
    print(f"{'ok    ' if holds else 'BROKEN'} {what:<34} {measured:8.3g} < {allowed:g}", flush=True)
    return holds


if __name__ == "__main__":
    main()
