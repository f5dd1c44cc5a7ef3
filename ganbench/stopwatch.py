"""How long work takes: what it reports while it runs, and the seconds and memory of its stages."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Progress = Callable[[int, int], None]
"""Called with the number of finished items and the number of all items."""

StageProgress = Callable[[str, int, int], None]
"""Called with the name of the present stage, the number of finished items, and the number of all items."""


@dataclass
class Stage:
    """What a stage has cost so far.

    Attributes:
        seconds: wall time, summed over its visits, without the stages measured inside it.
        peak_mib: the process's largest resident memory up to the stage's last end, MiB.
    """

    seconds: float = 0.0
    peak_mib: float = 0.0


def peak_mib() -> float:
    """The process's largest resident memory so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


@dataclass
class Stopwatch:
    """Stages by name, in order of first visit; a stage may be entered again, and inside another."""

    stages: dict[str, Stage] = field(default_factory=dict)
    _inner: list[float] = field(default_factory=list)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time of the block to the stage ``name``."""
        stage = self.stages.setdefault(name, Stage())
        self._inner.append(0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            stage.seconds += elapsed - self._inner.pop()
            stage.peak_mib = max(stage.peak_mib, peak_mib())
            if self._inner:
                self._inner[-1] += elapsed
