"""What the command line prints: text of users is shown literally, never as markup or control codes."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import click

from ganbench.text import printable

if TYPE_CHECKING:
    from rich.progress import TextColumn

# ASCII substitutes of the special characters in ganbench's texts, for terminals that lack them.
_PLAIN = {"±": "+-", "↑": "^", "↓": "v", "−": "-", "–": "-", "×": "x", "…": "...", "λ": "lambda"}


class Closed(Exception):
    """The reader of the output has closed the pipe, as ``head`` does."""


@contextmanager
def _writing() -> Iterator[None]:
    """Turn errors of writing the output into exceptions of ganbench.

    Raises:
        Closed: the reader has closed the pipe.
        BadInput: the output cannot be written, for example because a disk is full.
    """
    from ganbench.errors import BadInput

    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise Closed from error
        raise BadInput(
            f"cannot write the output ({error.strerror}); redirect it elsewhere"
        ) from error


def say(text: object, err: bool = False) -> None:
    """Print a line; control characters in it, also newlines, are shown as escapes."""
    with _writing():
        click.echo(printable(text), err=err)


def emit(document: str) -> None:
    """Print a document of several lines unchanged, for other programs."""
    with _writing():
        click.echo(document, nl=False)


def screen(err: bool = False, quiet: bool = False) -> Any:
    """A console of Rich that shows text literally: no markup, no emoji codes, no control characters.

    A string is printed as one line. Characters that cannot be shown become escapes, in strings, cells,
    titles and progress bars.

    Args:
        err: print to standard error.
        quiet: print nothing.
    """
    # Imported here since most commands print no tables.
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

    class Screen(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            with _writing():
                super().print(*objects, **options)

        def on_broken_pipe(self) -> None:
            raise Closed

        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(printable(text), **options)

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            # Text objects that callers have built do not pass through render_str.
            for segment in super().render(renderable, options):
                if segment.control or segment.text.isprintable():
                    yield segment
                else:
                    yield Segment(printable(segment.text, keep="\n"), segment.style)

    return Screen(stderr=err, quiet=quiet, markup=False, highlight=False, emoji=False)


class Bar(Protocol):
    """A function that moves a progress bar."""

    def __call__(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """Show the name of the work, how much of it is done, how much there is, and a note."""


# Seconds between two lines of progress where no terminal shows a bar.
EVERY = 10.0


def progress_lines(console: Any) -> Bar:
    """Progress as lines in a pipe or a file: one every ``EVERY`` seconds, and none for shorter work."""
    last, closed = monotonic(), False

    def move(what: str, done: int, total: int | None, note: str = "") -> None:
        nonlocal last, closed
        if closed or console.quiet or monotonic() - last < EVERY:
            return
        last = monotonic()
        count = f": {done:,} of {total:,}" if total else ""
        try:
            console.print(f"{what}{count}{f', {note}' if note else ''}", soft_wrap=True)
        except Closed:  # a reader of the progress alone must not end the work
            closed = True

    return move


@contextmanager
def progress_bar(console: Any, keep: bool = False) -> Iterator[Bar]:
    """A progress bar on terminals, which appears when it is first moved; else ``progress_lines``.

    Args:
        console: made by ``screen``.
        keep: leave the bar on the screen at the end.
    """
    if not console.is_terminal:
        yield progress_lines(console)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (
        _text_column("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        _text_column("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=not keep) as bars:
        task = bars.add_task("", total=None, visible=False, note="")

        def move(what: str, done: int, total: int | None, note: str = "") -> None:
            bars.update(
                task, description=what, completed=done, total=total, note=note, visible=True
            )

        yield move


def _text_column(template: str) -> TextColumn:
    """A column of a progress bar that shows text literally, e.g. ``"{task.description}"``."""
    from rich.progress import Task, TextColumn
    from rich.text import Text

    class Plain(TextColumn):
        def render(self, task: Task) -> Text:
            return Text(printable(template.format(task=task)))

    return Plain(template, markup=False)


def new_table(*heads: str, numbers: Collection[str] = ()) -> Any:
    """A table without lines, for ``print_table``; the columns of ``numbers`` are aligned to the right."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in numbers else "left")
    return table


def width_of(console: Any, table: Any, folded: bool = False) -> int:
    """Width of a table none of whose cells is cut, characters; ``folded``: what can fold is folded."""
    widths = console.measure(table, options=console.options.update(width=1000))
    return int(widths.minimum if folded else widths.maximum)


def fits(console: Any, table: Any, folded: bool = False) -> bool:
    """Whether a console shows a table without cutting a cell; see ``width_of``."""
    return bool(width_of(console, table, folded) <= console.width)


def print_table(console: Any, table: Any) -> None:
    """Print a table without cutting a cell.

    In a pipe it has its full width. On a terminal that is too narrow cells are folded: words first, numbers
    only where that is not enough.
    """
    if not console.is_terminal:
        console.width = max(console.width, width_of(console, table))
    if not fits(console, table):
        for column in table.columns:
            column.overflow, column.no_wrap = "fold", column.justify == "right"
        if not fits(console, table, folded=True):
            for column in table.columns:
                column.no_wrap = False
    console.print(table)


def set_up_output() -> None:
    """Prepare standard output and error.

    Characters that the terminal or the pipe cannot encode are replaced. What is printed to a stream that
    was closed before the start is dropped.
    """
    codecs.register_error("ganbench", _replace)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # It stays open until the process ends.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="ganbench")


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(c) or ascii(c)[1:-1] for c in lacking), error.end


def leave_output() -> None:
    """Redirect streams that cannot be flushed, so that Python does not fail when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            try:
                os.dup2(null, stream.fileno())
            except (OSError, ValueError, AttributeError):
                continue
