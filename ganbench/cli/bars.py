"""The progress bars of a training: rendering or reading the data, then the iterations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from ganbench.cli.screen import progress, words

if TYPE_CHECKING:
    from rich.console import Console

    from ganbench.training import folder


class Bars:
    """Two bars, one after the other; both methods are the callbacks that tell them."""

    def __init__(self, bars: Progress, data: str, name: str, iterations: int) -> None:
        self._bars = bars
        self._data = bars.add_task(f"data {data}", total=None, visible=False, losses="")
        self._training = bars.add_task(f"train {name}", total=iterations, visible=False, losses="")

    def on_data(self, done: int, total: int) -> None:
        """So many images are rendered or read."""
        self._bars.update(self._data, completed=done, total=total, visible=True)

    def begin(self, done: int) -> None:
        """The data are there; the training goes on from here."""
        self._bars.update(self._data, visible=False)
        self._bars.update(self._training, completed=done, visible=True)

    def on_log(self, logged: folder.LogLine) -> None:
        """A line was logged."""
        losses = " ".join(f"{key} {value:.3g}" for key, value in logged.values.items())
        self._bars.update(
            self._training,
            completed=logged.iteration,
            losses=f"{logged.images_per_second:.0f} img/s {losses}",
        )


@contextmanager
def training_bars(console: Console, data: str, name: str, iterations: int) -> Iterator[Bars]:
    """The bars of a training; nothing is drawn where nobody looks."""
    columns = MofNCompleteColumn(), TimeRemainingColumn(), words("{task.fields[losses]}")
    with progress(*columns, console=console, transient=False) as bars:
        yield Bars(bars, data, name, iterations)
