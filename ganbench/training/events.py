"""TensorBoard events of a run; TensorBoard is an optional dependency."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganbench.errors import BadInput
from ganbench.training.folder import LogLine

EVENTS = "events"


class Events:
    """Writes each log line of a run to ``folder``, with TensorBoard's ``SummaryWriter``."""

    def __init__(self, writer: type[Any], folder: Path) -> None:
        self._type, self._folder = writer, folder
        self._writer: Any = None

    def begin(self, done: int) -> None:
        """Begin after iteration ``done``; events that a killed run wrote after it are not shown."""
        self._writer = self._type(str(self._folder), purge_step=done + 1 if done else None)

    def on_log(self, line: LogLine) -> None:
        """Write the values of a log line."""
        clock = {"images_per_second": line.images_per_second, "waited": line.waited}
        for key, value in {**line.values, **clock}.items():
            self._writer.add_scalar(key, value, line.iteration)


@contextmanager
def open_events(run: Path) -> Iterator[Events]:
    """The events of a run, written into its folder ``events``.

    Raises:
        BadInput: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise BadInput(
            f"--tensorboard needs the package tensorboard ({error}); "
            "pip install 'ganbench[tensorboard]', or leave it out"
        ) from error
    events = Events(SummaryWriter, run / EVENTS)
    try:
        yield events
    finally:
        if events._writer is not None:
            events._writer.close()
