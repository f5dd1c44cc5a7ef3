"""t-SNE of the judge's features: one map of the real images and of the edits of all methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.evaluation.samples import Cloud
from ganbench.figures.page import WIDTH, thin_spines
from ganbench.text import plural

# Points of the whole map: one core places as many in about two seconds.
BUDGET = 3200

# Principal components that t-SNE works on.
DIMENSIONS = 50

# Coarser forces and half of openTSNE's default iterations keep the neighbourhoods as well as the
# defaults do (trustworthiness 0.991 in both cases, on 2,900 faces and edits) in 37 % of the time.
SETTINGS = {
    "neighbors": "exact",
    "negative_gradient_method": "bh",
    "theta": 0.8,
    "early_exaggeration_iter": 100,
    "n_iter": 250,
}

# Okabe-Ito blue and orange: the paper's colours of generated and real images.
GENERATED, REAL = "#0072b2", "#e69f00"

# t-SNE needs this many different points; fewer are placed by their first two principal components.
FEWEST = 8

# Rows of features count as equal where their distance, divided by the root mean square distance of
# the rows from their mean, is below this.
EQUAL = 1e-3

# A place that at least this share of the edits have in common is marked with their number.
MARKED = 0.05

Positions = NDArray[np.float64]
"""Places [m, 2] of the points of a cloud."""

Placed = tuple[Cloud, Positions]
"""A cloud and the places of its points."""


def thin(clouds: Sequence[Cloud]) -> list[Cloud]:
    """The clouds with at most ``BUDGET`` points together, and the same limit for each emotion."""
    limit = max(1, BUDGET // (len(clouds) * len(EMOTIONS)))
    thinned = []
    for cloud in clouds:
        rows = [np.flatnonzero(cloud.labels == c)[:limit] for c in range(len(EMOTIONS))]
        thinned.append(cloud.take(np.concatenate(rows)))
    return thinned


def place(clouds: Sequence[Cloud], seed: int = 0) -> list[Positions]:
    """Place the points of all clouds on one map.

    t-SNE of the first 50 principal components of the features, started from the first two. The map
    depends on the features and the seed only. Points of equal features share one place, because
    t-SNE would push them apart.

    Returns:
        float64 [m, 2] for each cloud.
    """
    from openTSNE import TSNE
    from sklearn.decomposition import PCA

    features = np.concatenate([cloud.features for cloud in clouds]).astype(np.float64)
    features -= features.mean(axis=0)
    distinct, inverse = np.unique(representatives(features), return_inverse=True)
    features = features[distinct]
    positions = np.zeros((len(features), 2))
    if len(features) > 1:
        # The signs of its components do not depend on the BLAS, so the map is never mirrored.
        pca = PCA(min(DIMENSIONS, *features.shape), svd_solver="covariance_eigh")
        reduced = pca.fit_transform(features)
        positions[:, : reduced.shape[1]] = reduced[:, :2]
    if len(features) >= FEWEST:
        tsne = TSNE(
            # A perplexity of 30 needs about 90 points; small test runs have fewer.
            perplexity=min(30, max(2, (len(features) - 1) // 3)),
            initialization="pca",
            # A second thread saves a third of the time on an idle machine, and waits on a busy one.
            n_jobs=1,
            random_state=seed,
            **SETTINGS,
        )
        positions = np.asarray(tsne.fit(reduced))
    ends = np.cumsum([len(cloud.features) for cloud in clouds])[:-1]
    return list(np.split(positions[inverse], ends))


def representatives(features: NDArray[np.float64]) -> NDArray[np.int64]:
    """The index of the first row that is (nearly) equal to each row: int64 [n]."""
    squares = (features**2).sum(axis=1)
    variance = np.mean(np.sum((features - features.mean(axis=0)) ** 2, axis=1))
    distances = squares[:, None] + squares - 2 * features @ features.T
    equal = distances <= EQUAL**2 * variance + 1e-12 * squares.max(initial=0)
    np.fill_diagonal(equal, True)
    first: NDArray[np.int64] = equal.argmax(axis=0)
    while (first[first] != first).any():
        first = first[first]
    return first


def shared_places(positions: Positions) -> list[tuple[float, float, int]]:
    """The places that several points of a cloud share: x, y and the number of points."""
    places, counts = np.unique(positions, axis=0, return_counts=True)
    return [(float(x), float(y), int(n)) for (x, y), n in zip(places, counts, strict=True) if n > 1]


def shared_places_note(positions: Positions) -> str:
    """What a caption says of edits that share their places; empty if none do."""
    shared = sum(n for _, _, n in shared_places(positions))
    if not shared:
        return ""
    places = len(np.unique(positions, axis=0))
    return (
        f" {shared} of {len(positions)} edits have the same features as another edit, and the edits lie "
        f"at {plural(places, 'place')}. A ring with a number marks a place that many edits share."
    )


def draw_method(real: Placed, edits: Placed, all_positions: Positions) -> Figure:
    """Draw the edits of a method beside the real images, and by the emotion asked for.

    Args:
        all_positions: all points of the map. They set the frame, which is the same for all methods.
    """
    figure, (left, right) = _panels(all_positions, below=0.3)
    _scatter(left, real, edits)
    left.set_title(f"{edits[0].title} (blue) and real (orange)", fontsize=9)
    # Edits lie on top of the real images.
    for (cloud, positions), size, alpha in ((real, 9, 0.25), (edits, 5, 1.0)):
        colours = [COLOURS[EMOTIONS[label]] for label in cloud.labels]
        x, y = positions.T
        right.scatter(x, y, s=size, c=colours, alpha=alpha, linewidths=0)
    _mark_shared(right, edits[1])
    right.set_title("By emotion: asked for (small), real (large, pale)", fontsize=9)
    for axes in (left, right):
        _frame(axes, all_positions)
    handles = [
        Line2D(
            [], [], linestyle="", marker="o", markersize=5, markeredgewidth=0, color=COLOURS[name]
        )
        for name in EMOTIONS
    ]
    figure.legend(handles, EMOTIONS, loc="lower center", ncols=7, fontsize=8, frameon=False)
    return figure


def draw_figure1(real: Placed, noisy: Placed, uniform: Placed, all_positions: Positions) -> Figure:
    """Draw Figure 1 of the supplement: codes around the means, and codes uniform over Z."""
    figure, panels = _panels(all_positions, above=0.25)
    titles = ("Codes around the means", "Codes uniform over Z")
    for axes, edits, title in zip(panels, (noisy, uniform), titles, strict=True):
        _scatter(axes, real, edits)
        axes.set_title(title, fontsize=9)
        _frame(axes, all_positions)
    figure.suptitle(f"{noisy[0].title}: generated (blue) and real (orange)", fontsize=9)
    return figure


def _panels(
    all_positions: Positions, above: float = 0.0, below: float = 0.0
) -> tuple[Figure, tuple[Axes, Axes]]:
    """Two panels of the map's proportions under their titles, with room for more words, in inches."""
    # A layout that matplotlib finds itself draws each figure twice.
    gap, title = 0.06, 0.24
    width, height = np.ptp(all_positions, axis=0) + 1e-9
    side = (WIDTH - 3 * gap) / 2
    tall = side * float(np.clip(height / width, 0.5, 1.25))
    below = max(below, gap)
    page = above + title + tall + below
    figure = Figure(figsize=(WIDTH, page), dpi=200)
    left, right = (
        figure.add_axes((x / WIDTH, below / page, side / WIDTH, tall / page))
        for x in (gap, 2 * gap + side)
    )
    return figure, (left, right)


def _scatter(axes: Axes, real: Placed, edits: Placed) -> None:
    for (_, positions), colour in ((real, REAL), (edits, GENERATED)):
        x, y = positions.T
        axes.scatter(x, y, s=6, color=colour, linewidths=0, alpha=0.8)
    _mark_shared(axes, edits[1])


def _mark_shared(axes: Axes, positions: Positions) -> None:
    """Draw a ring with a number where many edits share a place."""
    for x, y, n in shared_places(positions):
        if n >= max(3, MARKED * len(positions)):
            axes.scatter([x], [y], s=60, facecolors="none", edgecolors="#222222", linewidths=0.9)
            axes.annotate(f"x {n}", (x, y), (5, 4), textcoords="offset points", fontsize=7)


def _frame(axes: Axes, all_positions: Positions) -> None:
    low, high = all_positions.min(axis=0), all_positions.max(axis=0)
    margin = 0.03 * (high - low).max() + 1e-9
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(low[1] - margin, high[1] + margin)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    thin_spines(axes)
