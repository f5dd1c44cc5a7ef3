"""t-SNE of the judge's features: one map of real images and all methods (Figure 1 of the supplement)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.evaluation.samples import Cloud

# Points of the whole map: what one core places in about two seconds.
BUDGET = 3200
DIMENSIONS = 50

# Coarser forces and half of openTSNE's steps keep the neighbours as well: trustworthiness 0.991 both
# ways on 2,900 faces and edits, in 37 % of the time.
SETTINGS = {
    "neighbors": "exact",
    "negative_gradient_method": "bh",
    "theta": 0.8,
    "early_exaggeration_iter": 100,
    "n_iter": 250,
}

# Inches: the text width of a two-column page.
WIDTH = 7.2

# Okabe-Ito blue and orange: the paper's colours of generated and real images.
GENERATED, REAL = "#0072b2", "#e69f00"

FEWEST = 8  # different points, below which a map would show neighbours of nobody

Position = NDArray[np.float64]


# Rows of features count as equal where their distance is below this share of the features' spread.
EQUAL = 1e-3

# A point that at least this share of a cloud has in common is marked with its number.
MARKED = 0.05


def thin(clouds: Sequence[Cloud]) -> list[Cloud]:
    """The clouds with so few points each that all fit the budget; every emotion keeps its share."""
    share = max(1, BUDGET // (len(clouds) * len(EMOTIONS)))
    thinned = []
    for cloud in clouds:
        kept = [np.flatnonzero(cloud.labels == c)[:share] for c in range(len(EMOTIONS))]
        thinned.append(cloud.take(np.concatenate(kept)))
    return thinned


def place(clouds: Sequence[Cloud], seed: int = 0) -> list[Position]:
    """Places of all clouds' points on one map.

    The features' first 50 principal components, then openTSNE started from the first two of them;
    the map depends on features and seed only. Points of equal features share one place.

    Returns:
        float64 [m, 2] for each cloud.
    """
    from openTSNE import TSNE

    features = np.concatenate([cloud.features for cloud in clouds]).astype(np.float64)
    features -= features.mean(axis=0)
    # Equal rows have one place: t-SNE would push them apart, and draw a cloud where there is a point.
    first, own = np.unique(representatives(features), return_inverse=True)
    features = features[first]
    if len(features) < FEWEST:
        _, _, axes = np.linalg.svd(features, full_matrices=False)
        flat = np.zeros((len(features), 2))
        flat[:, : min(2, len(axes))] = features @ axes[:2].T
        ends = np.cumsum([len(cloud.features) for cloud in clouds])[:-1]
        return list(np.split(flat[own], ends))
    _, vectors = np.linalg.eigh(features.T @ features)
    reduced = features @ vectors[:, ::-1][:, :DIMENSIONS]
    placed = np.asarray(
        TSNE(
            # A neighbourhood of 30 needs some 90 points; small test runs have fewer.
            perplexity=min(30, max(2, (len(features) - 1) // 3)),
            initialization="pca",
            # A second thread saves a third when idle and waits for its turn on a busy machine.
            n_jobs=1,
            random_state=seed,
            **SETTINGS,
        ).fit(reduced)
    )[own]
    ends = np.cumsum([len(cloud.features) for cloud in clouds])[:-1]
    return list(np.split(placed, ends))


def representatives(features: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each row the first one that is (nearly) equal to it, int64 [n]."""
    squares = (features**2).sum(axis=1)
    spread = np.mean(np.sum((features - features.mean(axis=0)) ** 2, axis=1))
    distances = squares[:, None] + squares - 2 * features @ features.T
    near = distances <= EQUAL**2 * spread + 1e-12 * squares.max(initial=0)
    np.fill_diagonal(near, True)
    found: NDArray[np.int64] = near.argmax(axis=0)
    while (found[found] != found).any():
        found = found[found]
    return found


def repeats(position: Position) -> list[tuple[float, float, int]]:
    """The places that several points of one cloud share: x, y and how many."""
    places, counts = np.unique(position, axis=0, return_counts=True)
    return [(float(x), float(y), int(n)) for (x, y), n in zip(places, counts, strict=True) if n > 1]


def repeats_note(position: Position) -> str:
    """What a caption says of edits that share their places; empty if none does."""
    shared = sum(n for _, _, n in repeats(position))
    if not shared:
        return ""
    places = len(np.unique(position, axis=0))
    return (
        f" {shared} of {len(position)} edits have the features of another edit: all {len(position)} have "
        f"{places} place{'s' * (places != 1)}; a ring with a number marks one that many share."
    )


def draw_method(
    real: tuple[Cloud, Position], edits: tuple[Cloud, Position], everything: Position
) -> Figure:
    """A method on the shared map: against the real images, and by the emotion asked for.

    Args:
        everything: all points of the map: it sets the frame, which is the same for all methods.
    """
    figure, (left, right) = _panels(everything, below=0.35)
    _scatter(left, real, edits)
    left.set_title(f"{edits[0].title} (blue) and real (orange)", fontsize=9)
    # Real images first, so that edits lie on top of them.
    for (cloud, position), size, alpha in ((real, 9, 0.25), (edits, 5, 1.0)):
        for c, emotion in enumerate(EMOTIONS):
            x, y = position[cloud.labels == c].T
            label = emotion if cloud is edits[0] else None
            right.scatter(
                x, y, s=size, color=COLOURS[emotion], alpha=alpha, linewidths=0, label=label
            )
    _mark(right, edits[1])
    right.set_title("By emotion: asked for (small), real (large, pale)", fontsize=9)
    for axes in (left, right):
        _frame(axes, everything)
    handles, labels = right.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=7,
        fontsize=8,
        frameon=False,
        markerscale=2.5,
    )
    return figure


def draw_figure1(
    real: tuple[Cloud, Position],
    near: tuple[Cloud, Position],
    space: tuple[Cloud, Position],
    everything: Position,
) -> Figure:
    """Figure 1 of the supplement: codes around the means, and codes uniform over Z."""
    figure, panels = _panels(everything, below=0.25)
    titles = ("Codes around the means", "Codes uniform over Z")
    for axes, edits, title in zip(panels, (near, space), titles, strict=True):
        _scatter(axes, real, edits)
        axes.set_title(title, fontsize=9)
        _frame(axes, everything)
    figure.suptitle(f"{near[0].title}: generated (blue) and real (orange)", fontsize=9)
    return figure


def _panels(everything: Position, below: float) -> tuple[Figure, tuple[Axes, Axes]]:
    """Two panels of the map's own proportions, with ``below`` inches for a legend or title."""
    spread = np.ptp(everything, axis=0) + 1e-9
    tall = float(np.clip(spread[1] / spread[0], 0.5, 1.25))
    figure = Figure(figsize=(WIDTH, WIDTH / 2 * tall + 0.25 + below), dpi=200, layout="constrained")
    left, right = figure.subplots(1, 2)
    return figure, (left, right)


def _scatter(axes: Axes, real: tuple[Cloud, Position], edits: tuple[Cloud, Position]) -> None:
    axes.scatter(real[1][:, 0], real[1][:, 1], s=6, color=REAL, linewidths=0, alpha=0.8)
    axes.scatter(edits[1][:, 0], edits[1][:, 1], s=6, color=GENERATED, linewidths=0, alpha=0.8)
    _mark(axes, edits[1])


def _mark(axes: Axes, position: Position) -> None:
    """One ring with a number where many edits share a place."""
    for x, y, n in repeats(position):
        if n >= max(3, MARKED * len(position)):
            axes.scatter([x], [y], s=60, facecolors="none", edgecolors="#222222", linewidths=0.9)
            axes.annotate(f"x {n}", (x, y), (5, 4), textcoords="offset points", fontsize=7)


def _frame(axes: Axes, everything: Position) -> None:
    low, high = everything.min(axis=0), everything.max(axis=0)
    margin = 0.03 * (high - low).max() + 1e-9
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(low[1] - margin, high[1] + margin)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color("#888888")
