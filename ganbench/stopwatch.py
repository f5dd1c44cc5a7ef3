"""How long work takes: what it reports while it runs, and the seconds and memory of its stages."""

from __future__ import annotations

import resource
import sys
import threading
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
    """Time and memory of a stage.

    Attributes:
        seconds: wall time, summed over all times that the stage was entered, without inner stages.
        beside: the same of other threads, which work while the thread of the stopwatch is in another stage.
        peak_mib: largest resident memory of the process until the stage last ended, in MiB.
    """

    seconds: float = 0.0
    beside: float = 0.0
    peak_mib: float = 0.0


def peak_mib() -> float:
    """The largest resident memory of the process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


@dataclass
class Stopwatch:
    """Stages by name, in the order of their first entries. A stage may be entered again or inside another.

    Any thread may enter stages. The seconds of the thread that made the stopwatch add up to the time that
    passed.
    """

    stages: dict[str, Stage] = field(default_factory=dict)
    _owner: int = field(default_factory=threading.get_ident)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _entered: threading.local = field(default_factory=threading.local, repr=False)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time of the block to the stage ``name``."""
        with self._lock:
            stage = self.stages.setdefault(name, Stage())
        inner: list[float] = self._entered.__dict__.setdefault("inner", [])
        inner.append(0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            own = elapsed - inner.pop()
            if inner:
                inner[-1] += elapsed
            with self._lock:
                if threading.get_ident() == self._owner:
                    stage.seconds += own
                else:
                    stage.beside += own
                stage.peak_mib = max(stage.peak_mib, peak_mib())
