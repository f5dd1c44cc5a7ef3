"""``ganbench compare``."""

from __future__ import annotations

import sys

import click

from ganbench.cli.names import examples
from ganbench.cli.screen import emit, fits, print_table, screen


@click.command(
    epilog=examples(
        "ganbench compare reports/reference runs/eval",
        "ganbench compare runs/before runs/after --markdown",
    )
)
@click.argument("base", type=click.Path())
@click.argument("head", type=click.Path())
@click.option(
    "--tolerance",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="TOML file with margins of metrics; other metrics keep the shipped margins.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--markdown", is_flag=True, help="Print Markdown for a pull request.")
def compare(base: str, head: str, tolerance: str | None, as_json: bool, markdown: bool) -> None:
    """Test whether HEAD is worse than BASE: run folders of 'ganbench eval', or their results.json.

    A number is worse if it changed for the worse by more than its margin, and by more than chance
    explains.

    Exit code: 0 nothing is worse, 1 a number is worse or missing, 2 bad input, 3 nothing is comparable.
    """
    from ganbench import gate
    from ganbench.errors import BadInput
    from ganbench.gate import formats

    if as_json and markdown:
        raise BadInput("--json with --markdown: only one can be printed; drop one")
    runs = gate.load(base), gate.load(head)
    metrics = {record.metric for run in runs for record in run.results.records}
    report = gate.compare(*runs, gate.tolerances(metrics, tolerance))
    if as_json:
        emit(formats.to_json(report))
    elif markdown:
        emit(formats.to_markdown(report))
    else:
        console = screen()
        verdict, *notes = formats.summary(report)
        table = formats.to_rich(report)
        if console.is_terminal and not fits(console, table, folded=True):
            table = formats.to_rich(report, narrow=True)
        print_table(console, table)
        console.print()
        console.print(verdict, style="bold red" if report.exit_code else "bold", soft_wrap=True)
        for note in notes:
            console.print(note, soft_wrap=True)
    sys.exit(report.exit_code)
