"""FED at the size of AffectNet's test set and a VGG's 4,096 features: time, memory and digits.

    python benchmarks/frechet.py                                  # 3,500 against 24,500 images
    python benchmarks/frechet.py --real 300 --fake 2100 --d 512   # seconds

The script prints the seconds, the CPU seconds, the peak memory of the process with its float32
features, and the relative difference to the sum of the roots of eigenvalues. It exits with 1 if FED
takes 60 s or more, or 3 GiB or more, or differs by more than 1e-6. On a busy machine CPU seconds below
60 pass too, because FED takes no longer than that on an idle machine.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np
from numpy.typing import NDArray

from ganbench.metrics import frechet_distance

SECONDS, GIB, DIGITS = 60, 3, 1e-6


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
    wall, busy = time.perf_counter(), time.process_time()
    value = frechet_distance(real, fake)
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    print(f"FED {value:.6g} of {chosen.real:,} against {chosen.fake:,} images, d = {chosen.d:,}")
    print(f"       {wall:.1f} s, {busy:.1f} CPU s")
    holds = [
        report("seconds, or CPU seconds if fewer", min(wall, busy), SECONDS),
        report("peak memory, GiB", peak, GIB),
        report(
            "off the eigenvalues, relative", abs(value / by_eigenvalues(real, fake) - 1), DIGITS
        ),
    ]
    sys.exit(not all(holds))


def report(what: str, measured: float, allowed: float) -> bool:
    """Print a line; return whether the promise holds."""
    holds = measured < allowed
    print(f"{'ok    ' if holds else 'BROKEN'} {what:<34} {measured:8.3g} < {allowed:g}", flush=True)
    return holds


if __name__ == "__main__":
    main()
