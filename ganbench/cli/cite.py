"""``ganbench cite``."""

from __future__ import annotations

import click

from ganbench.cli import names
from ganbench.cli.names import one_of
from ganbench.cli.screen import emit, say


@click.command()
@click.argument("methods", nargs=-1, metavar="[METHOD...]", shell_complete=one_of(names.methods))
def cite(methods: tuple[str, ...]) -> None:
    """Print BibTeX entries of ganbench and of the papers of METHODs; without METHOD of all six.

    \b
      ganbench cite gaussian stargan >> references.bib
    """
    from ganbench.citations import PAPERS, entries
    from ganbench.registry import METHODS

    emit("\n\n".join(entries(methods or None)) + "\n")
    for name in methods:
        if METHODS.canonical(name) not in PAPERS:
            say(f"note: {name} is a plug-in; its author knows its paper", err=True)
