"""The Pareto front of expression against identity, and its picture as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from ganbench.leaderboard.boards import Board
from ganbench.records import Record
from ganbench.scoring import TRUTH

# The metrics of the axes: whether it is the same person, and whether the judge sees the emotion.
X, Y = "identity", "accuracy"

# The picture in the units of its SVG: the size, and the margins left, right, above and below the plot.
WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 62, 24, 18, 52

# Width of a character and height of a line of the labels.
CHARACTER, LINE = 7.2, 15

# With more points, only those of the front and the points of reference have names; others tell theirs when pointed at.
NAMED = 16

Numbers = tuple[float, float]


def front(points: Mapping[str, Numbers]) -> list[str]:
    """The names of the points (x, y) that no other point exceeds in one number and reaches in the other, by x."""

    def beaten(a: Numbers) -> bool:
        return any(b != a and b[0] >= a[0] and b[1] >= a[1] for b in points.values())

    return sorted((name for name, a in points.items() if not beaten(a)), key=lambda n: points[n])


@dataclass(frozen=True)
class Point:
    """A row in the picture, in its units.

    Attributes:
        label, title: of the row.
        words: its numbers.
        x, y: its place.
        across, up: the ends of its intervals, (left, right) and (top, bottom).
        on_front: whether no other method is at least as good in both values.
        reference: whether it is a point of reference.
        text: where its name begins, or ends; None if there is no room for it.
        end: whether ``text`` is the end.
    """

    label: str
    title: str
    words: str
    x: float
    y: float
    across: Numbers
    up: Numbers
    on_front: bool
    reference: bool
    text: Numbers | None
    end: bool


@dataclass(frozen=True)
class Chart:
    """The picture.

    Attributes:
        points: the rows.
        steps: the front as the ``d`` of a path.
        x_ticks, y_ticks: places and words of the grid.
        missing: the names of rows without one of the numbers.
        outside: the names and numbers of points of reference that are too far away.
    """

    points: tuple[Point, ...]
    steps: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    missing: tuple[str, ...]
    outside: tuple[str, ...]


def make_chart(board: Board) -> Chart | None:
    """The picture of a board; None if fewer than two methods have both numbers."""
    found: dict[str, tuple[Record, Record]] = {}
    for label in [*board.rows, TRUTH]:
        x, y = (board.results.find(label, metric) for metric in (X, Y))
        if x is not None and y is not None and x.value is not None and y.value is not None:
            found[label] = x, y
    competing = [label for label in board.competing if label in found]
    if len(competing) < 2:
        return None
    near = [found[label] for label in (*competing, TRUTH) if label in found]
    across, up = _Axis.over([x for x, _ in near]), _Axis.over([y for _, y in near])
    values = {label: (float(x.value or 0), float(y.value or 0)) for label, (x, y) in found.items()}
    places = {
        label: (across.x(x), up.y(y))
        for label, (x, y) in values.items()
        if across.holds(x) and up.holds(y)
    }
    on_front = front({label: values[label] for label in competing})
    points: list[Point] = []
    taken: list[Box] = []
    crowded = len(places) > NAMED
    for label, place in places.items():
        x, y = found[label]
        title = board.title(label)
        text: Numbers | None = None
        end = False
        if not crowded or label in on_front or label not in competing:
            text, end = _room(place, title, taken, list(places.values()), crowded)
        points.append(
            Point(
                label,
                title,
                _words(x, y),
                *place,
                (across.x(_low(x)), across.x(_high(x))),
                (up.y(_high(y)), up.y(_low(y))),
                label in on_front,
                label not in competing,
                text,
                end,
            )
        )
    corners = [places[label] for label in on_front]
    return Chart(
        tuple(points),
        _steps(corners),
        tuple((across.x(t), f"{t:.{across.digits}f}") for t in across.ticks),
        tuple((up.y(t), f"{t:.{up.digits}f}") for t in up.ticks),
        tuple(board.title(label) for label in board.competing if label not in found),
        tuple(f"{board.title(one)}: {_words(*found[one])}" for one in found if one not in places),
    )


@dataclass(frozen=True)
class _Axis:
    """An axis from ``low`` to ``high`` with a tick at each multiple of ``step``."""

    low: float
    high: float
    step: float

    @classmethod
    def over(cls, records: list[Record]) -> _Axis:
        """The axis that holds the intervals of records, with some room."""
        low, high = min(map(_low, records)), max(map(_high, records))
        room = 0.06 * (high - low) or 0.5
        low, high = low - room, high + room
        rough = (high - low) / 6
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough)
        return cls(low, high, step)

    @property
    def ticks(self) -> list[float]:
        """The multiples of the step on the axis."""
        first = math.ceil(self.low / self.step)
        return [k * self.step for k in range(first, math.floor(self.high / self.step) + 1)]

    @property
    def digits(self) -> int:
        """Decimals of the ticks."""
        return max(0, -math.floor(math.log10(self.step) + 1e-9))

    def holds(self, value: float) -> bool:
        """Whether a value lies on the axis."""
        return self.low <= value <= self.high

    def x(self, value: float) -> float:
        """The place of a value from the left."""
        return round(LEFT + (value - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        """The place of a value from above."""
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _low(record: Record) -> float:
    return float(record.value or 0) if record.low is None else record.low


def _high(record: Record) -> float:
    return float(record.value or 0) if record.high is None else record.high


def _words(x: Record, y: Record) -> str:
    """The numbers of a point."""
    return f"identity {_told(x, 2)}; accuracy {_told(y, 1)} %"


def _told(record: Record, digits: int) -> str:
    told = f"{record.value:.{digits}f}"
    if record.low is None or record.high is None:
        return told
    return f"{told} ({record.low:.{digits}f} to {record.high:.{digits}f})"


def _steps(corners: list[Numbers]) -> str:
    """The border of what the front's points exceed: level to the next point, then down to it."""
    if not corners:
        return ""
    path = f"M{LEFT} {corners[0][1]}H{corners[0][0]}"
    for (_, _), (x, y) in pairwise(corners):
        path += f"V{y}H{x}"
    return f"{path}V{HEIGHT - BOTTOM}"


Box = tuple[float, float, float, float]


def _room(
    place: Numbers, title: str, taken: list[Box], points: list[Numbers], crowded: bool
) -> tuple[Numbers | None, bool]:
    """Where the name of a point begins, or ends, so that it covers as few other names and points as can be.

    Args:
        place: of the point.
        title: the name.
        taken: the boxes (left, top, right, bottom) of other names; that of this name is added.
        points: the places of all points.
        crowded: leave the name out if it would cover something.
    """
    x, y = place
    width = CHARACTER * min(len(title), 40) + 4
    best: tuple[int, Box, Numbers, bool] | None = None
    for dy in (-7, 13, -20, 26, 3):
        for end in (False, True):
            start = x - 8 - width if end else x + 8
            box = (start, y + dy - LINE + 4, start + width, y + dy + 4)
            outside = box[0] < LEFT or box[2] > WIDTH - 2 or box[1] < 2 or box[3] > HEIGHT - BOTTOM
            covered = sum(_meet(box, other) for other in taken)
            covered += sum(
                box[0] - 5 < a < box[2] + 5 and box[1] - 5 < b < box[3] + 5 for a, b in points
            )
            found = (covered + 10 * outside, box, (x - 8 if end else x + 8, y + dy), end)
            if best is None or found[0] < best[0]:
                best = found
    assert best is not None
    if crowded and best[0]:
        return None, False
    taken.append(best[1])
    return (round(best[2][0], 1), round(best[2][1], 1)), best[3]


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
