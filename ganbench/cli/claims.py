"""``ganbench claims``."""

from __future__ import annotations

from pathlib import Path

import click

from ganbench.cli.names import examples
from ganbench.cli.screen import emit


@click.command(
    epilog=examples(
        "ganbench claims runs/eval --out claims.md",
    )
)
@click.argument("run", type=click.Path())
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.md",
    help="Write the page to this file instead of printing it.",
)
def claims(run: str, out: Path | None) -> None:
    """Test the claims of the GANmut paper by RUN, a run folder of 'ganbench eval' or its results.json.

    Each claim has its numbers, their intervals and a verdict: holds, does not hold, undecided, or not
    measured. All of them need

    \b
      ganbench eval --methods all --metrics default,diversity,intensity,smoothness

    Exit code: 0, whatever the verdicts are; 2 bad input.
    """
    from ganbench import gate
    from ganbench.report.claims import paper_claims, to_markdown
    from ganbench.storage.store import write_atomic

    results = gate.load(run).results
    page = to_markdown(results, paper_claims(results), f"ganbench claims {run}")
    if out is None:
        emit(page)
    else:
        write_atomic(out, page)
