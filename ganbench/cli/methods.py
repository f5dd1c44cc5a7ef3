"""``ganbench methods``."""

from __future__ import annotations

import click

from ganbench.cli.screen import say


@click.command()
def methods() -> None:
    """List the methods: the paper's six, then plug-ins."""
    from ganbench.errors import BadInput
    from ganbench.methods.interface import Method
    from ganbench.registry import METHODS

    for name in METHODS.names():
        try:
            cls = METHODS.load(name, Method)
        except BadInput as error:
            say(f"{name:<12} {error}", err=True)
        else:
            say(f"{name:<12} {cls.title:<12} {cls.paper}")
