"""``ganbench methods``."""

from __future__ import annotations

import click

from ganbench.cli.names import examples
from ganbench.cli.screen import say


@click.command(
    epilog=examples(
        "ganbench methods",
    )
)
def methods() -> None:
    """List the methods: the paper's six, then plug-ins."""
    from ganbench.errors import BadInput
    from ganbench.registry import METHODS, TITLES

    for name in METHODS.names():
        try:
            title, paper = TITLES.get(name) or _read_plug_in(name)
        except BadInput as error:
            say(f"{name:<18} {error}", err=True)
        else:
            say(f"{METHODS.both_names(name):<18} {title:<12} {paper}")


def _read_plug_in(name: str) -> tuple[str, str]:
    """Title and paper of a plug-in, which must be imported for them.

    Raises:
        BadInput: it cannot be imported, or is no method.
    """
    from ganbench.methods.interface import Method
    from ganbench.registry import METHODS

    cls = METHODS.load(name, Method)
    return cls.title, cls.paper
