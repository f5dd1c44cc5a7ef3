"""The losses and the probe accuracy of a training; each has a panel, because their scales differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from ganbench.errors import BadInput
from ganbench.figures.page import INK, QUIET, SMALL, TALLEST, TEXT, TITLE, WIDTH, Page
from ganbench.training.folder import PROBE

COLUMNS = 3
HEAD, ROW, LEFT, RIGHT, GAP = 0.75, 1.35, 0.45, 0.25, 0.5  # inches

# Okabe-Ito colours of the critic, the generator and everything else.
CRITIC, GENERATOR, OTHER = "#0072b2", "#d55e00", "#009e73"

# Values of a log line that are not curves.
_NOT_CURVES = ("iteration", "seconds", "images_per_second", "waited")


def draw(log: Sequence[Mapping[str, Any]], title: str, warmup: int = 0) -> Figure:
    """Draw the curves of a log.

    Args:
        log: the lines of the log.
        title: text above the curves.
        warmup: iterations of the warm-up, whose end is marked.

    Raises:
        BadInput: the log is empty.
    """
    names = list(dict.fromkeys(key for line in log for key in line if key not in _NOT_CURVES))
    names.sort(key=lambda name: (name != PROBE, not name.startswith("d_"), name[:2] != "g_"))
    if not names:
        raise BadInput("nothing to plot: the log has no lines yet; wait for the first one")
    rows = math.ceil(len(names) / COLUMNS)
    height = min(ROW, (TALLEST - HEAD) / rows)
    page = Page(WIDTH, HEAD + rows * height)
    page.text(LEFT, 0.2, title, TITLE, weight="bold")
    legend = "thin: log lines   bold: their moving median"
    if warmup:
        legend += "   dashed: end of the warm-up"
    page.text(LEFT, 0.4, legend, SMALL, color=QUIET)
    width = (WIDTH - LEFT - RIGHT - (COLUMNS - 1) * GAP) / COLUMNS
    last = max(line["iteration"] for line in log)
    for place, name in enumerate(names):
        row, column = divmod(place, COLUMNS)
        axes = page.panel(LEFT + column * (width + GAP), HEAD + row * height, width, height - 0.5)
        points = [(line["iteration"], line[name]) for line in log if name in line]
        x, y = np.array(points, dtype=np.float64).T
        _style(axes, name, last)
        if warmup:
            axes.axvline(warmup, color=QUIET, linewidth=0.6, linestyle=(0, (3, 2)))
        if name == PROBE:
            _probe(axes, x, y)
        else:
            _loss(axes, x, y, _colour(name))
    return page.figure


def _colour(name: str) -> str:
    return {"d_": CRITIC, "g_": GENERATOR}.get(name[:2], OTHER)


def _style(axes: Axes, name: str, last: int) -> None:
    axes.set_title(name.replace("_", " "), fontsize=TEXT, color=INK, loc="left", pad=3)
    axes.tick_params(labelsize=SMALL, length=2, width=0.5, colors=QUIET)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(linewidth=0.5, color=QUIET)
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _loss(axes: Axes, x: NDArray[Any], y: NDArray[Any], colour: str) -> None:
    smooth = _median(y, max(1, len(y) // 40))
    axes.plot(x, y, color=colour, linewidth=0.5, alpha=0.35)
    axes.plot(x, smooth, color=colour, linewidth=1.2)
    # The limits leave out outliers, which are often the first lines and would flatten the rest.
    low, high = np.percentile(y, [1, 99])
    low, high = min(low, smooth[len(y) // 10 :].min()), max(high, smooth[len(y) // 10 :].max())
    room = 0.05 * (high - low) or 0.5
    axes.set_ylim(low - room, high + room)


def _probe(axes: Axes, x: NDArray[Any], y: NDArray[Any]) -> None:
    best = len(y) - 1 - int(y[::-1].argmax())
    axes.plot(x, y, color=INK, linewidth=1.0, marker="o", markersize=2)
    axes.plot(x[best], y[best], color=INK, marker="D", markersize=4, markerfacecolor="white")
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.annotate(
        f"best: {y[best]:.1%} at {int(x[best]):,}",
        (1, 0.06),
        xycoords="axes fraction",
        ha="right",
        fontsize=SMALL,
        color=INK,
    )


def _median(y: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Moving medians over ``reach`` values on both sides, fewer at the ends; one outlier is no step."""
    windows = [y[max(i - reach, 0) : i + reach + 1] for i in range(len(y))]
    return np.array([np.median(window) for window in windows])
