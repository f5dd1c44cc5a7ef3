"""The tasks of a protocol: which picture is to be edited to which emotion."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS
from ganbench.storage.store import digest

COLUMNS = ("id", "input", "source", "target", "seed")


@dataclass(frozen=True)
class Task:
    """One edit.

    Attributes:
        id: the name of its file without ``.png``: the row of the picture, and the target.
        row: of the picture in the data set.
        source, target: emotions in Table-1 order.
        seed: of the noise.
    """

    id: str
    row: int
    source: int
    target: int
    seed: int

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """The cells of its line, for ``COLUMNS``."""
        emotions = EMOTIONS[self.source], EMOTIONS[self.target]
        return (self.id, input_name(self.row), *emotions, str(self.seed))


def input_name(row: int) -> str:
    """The name of the picture of a row, below the folder of the tasks."""
    return f"inputs/{row:05d}.png"


def task_id(row: int, target: int) -> str:
    """The name of an edit."""
    return f"{row:05d}-{EMOTIONS[target]}"


def tasks(dataset: Dataset, seed: int) -> Iterator[Task]:
    """The tasks of a data set, which holds the seven emotions only: each picture to each emotion.

    The seed of a task depends on ``seed`` and on its name alone, so that a part of the tasks has the same.
    """
    for row, source in enumerate(dataset.labels.tolist()):
        for target in range(len(EMOTIONS)):
            name = task_id(row, target)
            drawn = hashlib.sha256(f"{seed} {name}".encode()).digest()
            yield Task(name, row, source, target, int.from_bytes(drawn[:4]) >> 1)


def tasks_hash(dataset: Dataset, seed: int) -> str:
    """sha256 (hex) of the lines of all tasks."""
    return digest([task.cells for task in tasks(dataset, seed)])
