"""ganbench.metrics against the implementations of others, on shared random features: nox -s oracle.

    python benchmarks/oracle.py      # needs: pip install -e '.[oracle]'

The script prints a line for each metric and oracle: both values, their difference and the allowed
difference. It exits with 1 if a difference is larger. The lines under "oracles that err" are about
inputs for which an oracle is wrong. Our value must agree with the value from a definition or a closed
form, and the difference of the oracle is only reported.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from prdc import compute_prdc
from scipy.stats import binom, hmean, pearsonr, spearmanr
from sklearn.metrics import (
    brier_score_loss,
    confusion_matrix,
    log_loss,
    pairwise,
)
from sklearn.neighbors import NearestNeighbors
from torch_fidelity.metric_fid import (
    KEY_METRIC_FID,
    fid_features_to_statistics,
    fid_statistics_to_metric,
)
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kernel_mmd, kid_features_to_metric
from torch_fidelity.metric_prc import calculate_precision_recall_full
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import poly_mmd

from ganbench import metrics

Floats = NDArray[np.float64]

EXACT = 1e-9  # relative difference of sums in another order
SINGLE = 1e-5  # relative difference to an oracle that computes in float32
CUBIC = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_coef0": 1}


class Given(torch.nn.Module):
    """The network that torchmetrics needs; it returns its inputs as features."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.num_features = features

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def fid_torchmetrics(real: Floats, fake: Floats, double: bool = True) -> float:
    """FED of float64 features in its float64 mode, or of float32 features in its default mode."""
    metric = FrechetInceptionDistance(feature=Given(real.shape[1]))
    if double:
        metric.set_dtype(torch.float64)
    for features, of_real in ((real, True), (fake, False)):
        given = torch.as_tensor(features)
        metric.update(given if double else given.float(), real=of_real)
    return float(metric.compute())


def fid_fidelity(real: Floats, fake: Floats) -> float:
    statistics = (fid_features_to_statistics(torch.as_tensor(x)) for x in (real, fake))
    return float(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID])


def kid_sklearn(real: Floats, fake: Floats) -> float:
    """The unbiased KID from whole kernel matrices."""

    def k(a: Floats, b: Floats) -> Floats:
        return np.asarray(pairwise.polynomial_kernel(a, b, degree=3, gamma=1 / a.shape[1], coef0=1))

    n, m = len(real), len(fake)
    xx, yy = k(real, real), k(fake, fake)
    within = (xx.sum() - np.trace(xx)) / n / (n - 1) + (yy.sum() - np.trace(yy)) / m / (m - 1)
    return float(within - 2 * k(real, fake).mean())


def prdc_sklearn(real: Floats, fake: Floats, k: int) -> tuple[float, ...]:
    """The definition of PRDC, with the radii of scikit-learn's nearest neighbours."""
    balls_a, balls_b = (
        NearestNeighbors(n_neighbors=k).fit(x).kneighbors()[0][:, -1] for x in (real, fake)
    )
    distances = pairwise.euclidean_distances(real, fake)
    within = distances <= balls_a[:, None]
    recalled = (distances <= balls_b).any(axis=1).mean()
    return (
        within.any(axis=0).mean(),
        recalled,
        within.sum() / k / len(fake),
        within.any(axis=1).mean(),
    )


def prdc_naeem(real: Floats, fake: Floats, k: int) -> tuple[float, ...]:
    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(real, fake, k)
    return tuple(found[key] for key in ("precision", "recall", "density", "coverage"))


def line(what: str, oracle: str, ours: ArrayLike, oracle_values: ArrayLike, allowed: float) -> bool:
    """Print a comparison with the difference relative to the largest value; return whether it holds."""
    a, b = np.asarray(ours, np.float64).ravel(), np.asarray(oracle_values, np.float64).ravel()
    off = float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300))
    holds = a.shape == b.shape and off <= allowed
    print(
        f"{'ok    ' if holds else 'BROKEN'} {what:<24} {oracle:<36} {a[0]:11.6g} {b[0]:11.6g} "
        f"off {off:7.1e} <= {allowed:.0e}"
    )
    return holds


def features(seed: int, n: int = 300, m: int = 500, d: int = 24) -> tuple[Floats, Floats]:
    """Two sets of correlated features that overlap."""
    random = np.random.default_rng(seed)
    mix = random.standard_normal((d, d)) / np.sqrt(d)
    return random.standard_normal((n, d)) @ mix, 1.1 * random.standard_normal((m, d)) @ mix + 0.2


def distances() -> list[bool]:
    """FED, KID and PRDC."""
    real, fake = features(0)
    same = fake[: len(real)]  # the KID of both packages takes sets of equal size
    a, b = torch.as_tensor(real), torch.as_tensor(same)
    fed, kid = metrics.frechet_distance(real, fake), metrics.kernel_distance(real, same)
    found = metrics.prdc(real, fake, 5)
    precision_recall = calculate_precision_recall_full(torch.as_tensor(fake), a, neighborhood=5)
    return [
        line("fed", "torch-fidelity", fed, fid_fidelity(real, fake), EXACT),
        line("fed", "torchmetrics, float64", fed, fid_torchmetrics(real, fake), EXACT),
        line("kid", "torch-fidelity, one subset", kid, kernel_mmd(real, same, **CUBIC), EXACT),
        line("kid", "torchmetrics, one subset, float64", kid, poly_mmd(a, b), EXACT),
        line(
            "kid, unequal sizes",
            "scikit-learn kernels",
            metrics.kernel_distance(real, fake),
            kid_sklearn(real, fake),
            EXACT,
        ),
        line("precision, recall", "torch-fidelity", found[:2], precision_recall, SINGLE),
        line("prdc", "scikit-learn neighbours", found, prdc_sklearn(real, fake, 5), EXACT),
        line("prdc", "prdc (Naeem et al.)", found, prdc_naeem(real, fake, 5), EXACT),
    ]


def predictions() -> list[bool]:
    """Metrics of the judge's predictions."""
    random = np.random.default_rng(1)
    logits, labels = 2 * random.standard_normal((400, 7)), random.integers(0, 7, 400)
    p, judged = metrics.softmax(logits), logits.argmax(axis=1)
    counts = metrics.confusion(np.zeros(400, int), labels, judged)
    right, n = metrics.cells(counts)
    table = confusion_matrix(labels, judged)
    found = metrics.judge_calibration(logits, labels, bins=10)
    order = np.argsort(p.max(axis=1), kind="stable").reshape(10, 40)
    by_bins = np.mean(
        [abs((judged == labels)[part].mean() - p.max(axis=1)[part].mean()) for part in order]
    )
    desired = np.eye(7)[labels]
    rho, path = np.linspace(0, 1, 9), random.integers(0, 5, 9) / 5
    low, high = metrics.binomial_ends(37, 60)
    # P(X > 37) + P(X = 37) / 2 at the lower end, and P(X < 37) + P(X = 37) / 2 at the upper one.
    tails = (binom.sf([37, 36], 60, low).mean(), binom.cdf([36, 37], 60, high).mean())
    return [
        line("confusion", "scikit-learn", counts.sum(axis=0), table, 0),
        line("accuracy cells", "scikit-learn", right / n, np.diag(table) / table.sum(1), EXACT),
        line("mid-p", "scipy", (0.02, 0.02), tails, EXACT),
        line("calibration: nll", "scikit-learn", found.nll.mean(), log_loss(labels, p), EXACT),
        line(
            "calibration: brier",
            "scikit-learn",
            found.brier.mean(),
            brier_score_loss(labels, p),
            EXACT,
        ),
        line("calibration: ece", "brute force", found.ece, by_bins, EXACT),
        line(
            "ere",
            "scikit-learn Manhattan",
            metrics.ere_distance(logits, desired),
            pairwise.paired_manhattan_distances(p, desired).mean() / 2,
            EXACT,
        ),
        line(
            "intensity",
            "scipy",
            metrics.intensity_response(rho, path),
            spearmanr(rho, path).statistic,
            EXACT,
        ),
        line(
            "cls",
            "scipy",
            metrics.control_linearity(rho, path),
            pearsonr(rho, path).statistic,
            EXACT,
        ),
        line(
            "hes",
            "scipy",
            metrics.harmonic_score(p[:, 0], p[:, 1]),
            hmean(np.stack([p[:, 0], p[:, 1]])),
            EXACT,
        ),
        line(
            "neighbour_confusion",
            "scikit-learn confusion",
            metrics.neighbour_counts(counts),
            _neighbours(table),
            0,
        ),
        line(
            "smoothness", "brute force", metrics.path_smoothness(p[:9]), _smoothness(p[:9]), EXACT
        ),
    ]


def _neighbours(table: NDArray[np.int64]) -> list[list[int]]:
    from ganbench.emotions import EMOTIONS
    from ganbench.metrics.neighbour_confusion import NEIGHBOUR_PAIRS

    confused, trials = [], []
    for a, b in ((EMOTIONS.index(x), EMOTIONS.index(y)) for x, y in NEIGHBOUR_PAIRS):
        confused.append(table[a, b] + table[b, a])
        trials.append(table[a].sum() + table[b].sum())
    return [confused, trials]


def _smoothness(path: Floats) -> float:
    steps = np.abs(np.diff(path, axis=0)).sum(axis=1)
    return float(steps.max() / steps.mean())


def edits() -> list[bool]:
    """Metrics of single edits: features and pixels."""
    random = np.random.default_rng(2)
    draws, other = random.standard_normal((2, 5, 6, 8))
    a, b = random.random((2, 4, 3, 9, 9))
    regions = random.integers(0, 5, (4, 9, 9)).astype(np.uint8)
    pixels = np.abs(a - b).mean(axis=1)
    outside = [pixels[i][regions[i] < 2].mean() for i in range(4)]
    mouth = [pixels[i][regions[i] == 4].mean() for i in range(4)]
    pairs = [pairwise.euclidean_distances(x)[np.triu_indices(6, 1)].mean() for x in draws]
    cosines = [np.diag(pairwise.cosine_similarity(x, y)) for x, y in zip(draws, other, strict=True)]
    return [
        line("diversity", "scikit-learn", metrics.noise_diversity(draws), pairs, EXACT),
        line(
            "input_similarity",
            "scikit-learn",
            metrics.cosine_similarity(draws, other),
            cosines,
            EXACT,
        ),
        line(
            "background",
            "brute force",
            metrics.background_change(a, b, regions),
            outside,
            EXACT,
        ),
        line(
            "gt_error: mouth",
            "brute force",
            metrics.gt_distances(a, b, regions)[:, 0],
            mouth,
            EXACT,
        ),
    ]


def errors() -> list[bool]:
    """Inputs for which oracles are wrong; our value is compared with the known value."""
    random = np.random.default_rng(3)
    found = []

    def err(what: str, ours: float, known: float, oracles: dict[str, Callable[[], float]]) -> None:
        holds = abs(ours - known) <= 1e-6 * max(1, abs(known))
        found.append(holds)
        print(f"{'ok    ' if holds else 'BROKEN'} {what}: known {known:.6g}, ours {ours:.6g}")
        for name, oracle in oracles.items():
            value = oracle()
            print(f"           {name:<40} {value:12.6g}   off {value - known:+.1e}")

    a = random.standard_normal((100, 512))
    err(
        "FED of a set to itself, n = 100, d = 512",
        metrics.frechet_distance(a, a),
        0.0,
        {
            "torch-fidelity (eigenvalues)": lambda: fid_fidelity(a, a),
            "torchmetrics, float64 (eigenvalues)": lambda: fid_torchmetrics(a, a),
            "torchmetrics, as it comes, float32": lambda: fid_torchmetrics(a, a, double=False),
        },
    )
    real, fake = features(4)
    known = metrics.frechet_distance(real, fake)
    for far in (1e3, 1e6):
        err(
            f"FED of features moved by {far:g}, which changes nothing",
            metrics.frechet_distance(real + far, fake + far),
            known,
            {
                "torch-fidelity": lambda far=far: fid_fidelity(real + far, fake + far),
                "torchmetrics, float64 (raw moments)": lambda far=far: fid_torchmetrics(
                    real + far, fake + far
                ),
                "torchmetrics, as it comes, float32": lambda far=far: fid_torchmetrics(
                    real + far, fake + far, double=False
                ),
            },
        )
    big, small = features(5, 1000, 1000)
    f, g = (torch.as_tensor(x) for x in (big, small))
    subsets = {"kid_subsets": 100, "kid_subset_size": 100, "verbose": False, **CUBIC}
    err(
        "KID of 1,000 images",
        metrics.kernel_distance(big, small),
        kid_sklearn(big, small),
        {
            f"torch-fidelity, 100 subsets of 100, seed {seed}": lambda seed=seed: (
                kid_features_to_metric(f, g, rng_seed=seed, **subsets)[KEY_METRIC_KID_MEAN]
            )
            for seed in (1, 2, 3)
        },
    )
    far_f, far_g = (torch.as_tensor(x + 30).float() for x in (big, small))
    err(
        "KID of features with a large mean (30)",
        metrics.kernel_distance(far_f.double().numpy(), far_g.double().numpy()),
        kid_sklearn(far_f.double().numpy(), far_g.double().numpy()),
        {"torchmetrics, float32": lambda: float(poly_mmd(far_f, far_g))},
    )
    copies = np.repeat(random.standard_normal((20, 8)), 7, axis=0)
    err(
        "Precision of a copy, every image seven times",
        metrics.prdc(copies, copies, 5).precision,
        1.0,
        {"prdc (Naeem et al., open balls)": lambda: prdc_naeem(copies, copies, 5)[0]},
    )
    return found


def main() -> None:
    """See the module."""
    print("Agreement")
    holds = [*distances(), *predictions(), *edits()]
    print("\nOracles that err")
    holds += errors()
    if not all(holds):
        sys.exit(1)


if __name__ == "__main__":
    main()
