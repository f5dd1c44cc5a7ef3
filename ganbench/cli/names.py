"""Completion of names in a shell, and the examples in help texts. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Source = Callable[[], Iterable[str]]
Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def one_of(source: Source) -> Completer:
    """Completes a name."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in source() if name.startswith(incomplete.lower())]

    return complete


def one_or_file(
    source: Source,
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Completes a name, or the path of a file."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        names = one_of(source)(context, parameter, incomplete)
        # The scripts forget the names before a file.
        return [CompletionItem(incomplete, type="file"), *map(CompletionItem, names)]

    return complete


def list_of(source: Source) -> Completer:
    """Completes the last of several names that commas separate."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        given = set(before.split(","))
        names = [name for name in source() if name.startswith(last.lower()) and name not in given]
        return [f"{before}{comma}{name}" for name in names]

    return complete


def methods() -> list[str]:
    """The registered methods and the second names of the paper's two."""
    from ganbench.registry import METHODS

    return [*METHODS.names(), *METHODS.aliases]


def all_methods() -> list[str]:
    """The same, and the word for all."""
    return ["all", *methods()]


def trained() -> list[str]:
    """What a shipped checkpoint or a training may be of: a method or the judge."""
    return [*methods(), "judge"]


def metrics() -> list[str]:
    """The registered metrics and the words for several."""
    from ganbench.registry import METRICS

    return ["default", "all", *METRICS.names(), *METRICS.aliases]


def judges() -> list[str]:
    """The shipped judges."""
    from ganbench.registry import JUDGES

    return list(JUDGES)


def emotions() -> list[str]:
    """The seven emotions."""
    from ganbench.emotions import EMOTIONS

    return list(EMOTIONS)


def protocols() -> list[str]:
    """The named protocols, and the word for a user's own data."""
    from ganbench.protocols import FOLDER, list_protocols

    return [*list_protocols(), FOLDER]


def datasets() -> list[str]:
    """The kinds of data set."""
    from ganbench.data import list_datasets

    return list_datasets()


def examples(*commands: str) -> str:
    """The end of a help text: commands that can be typed as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)
