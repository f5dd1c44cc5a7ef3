"""``ganbench leaderboard``: build the page, check rows, make a row."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import click

from ganbench.cli.options import COUNT, device_option
from ganbench.cli.screen import emit, say, screen
from ganbench.text import plural

force_option = click.option(
    "--overwrite", "force", is_flag=True, help="Write into a folder that is not empty; files of the same names are replaced."
)  # fmt: skip
images_option = click.option(
    "--limit",
    "images",
    type=COUNT,
    default=7,
    show_default=True,
    help="Number of images whose seven edits prove a row.",
)


@click.group()
def leaderboard() -> None:
    """Build a static leaderboard from run folders, check its rows, or make a row.

    \b
    ganbench leaderboard add runs/score --edits edits --to results
    ganbench leaderboard check results
    ganbench leaderboard build results --out site
    """


@leaderboard.command()
@click.argument("results", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="site",
    show_default=True,
    help="Folder of the page, index.html. The files of an earlier page in it are replaced.",
)
@force_option
def build(results: Path, out: Path, force: bool) -> None:
    """Write the page of all run folders in RESULTS, a table for each protocol.

    \b
    ganbench leaderboard build results --out site
    ganbench leaderboard build runs/score --out site

    The shipped methods and the points of reference stand in the tables of protocols that have reference values.
    The page needs no server: open site/index.html.
    """
    from ganbench.leaderboard.site import PAGE
    from ganbench.leaderboard.site import build as write

    for board in write(results, out, force):
        methods, points = len(board.competing), len(board.order) - len(board.competing)
        say(f"{board.name}: {plural(methods, 'method')}, {plural(points, 'point')} of reference")
    screen().print(f"{out / PAGE}", soft_wrap=True)


@leaderboard.command()
@click.argument("results", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option(
    "--edits",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="All edits, in a folder for each run folder of RESULTS and of its name.  [default: those in the run folders]",
)
@images_option
@click.option(
    "--allow-unverified",
    is_flag=True,
    help="Let rows of 'ganbench eval' pass, whose pictures have no hashes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@device_option
def check(
    results: Path,
    edits: Path | None,
    images: int,
    allow_unverified: bool,
    as_json: bool,
    device: str,
) -> None:
    """Check the rows of RESULTS: what a pull request that adds one must pass.

    \b
    ganbench leaderboard check results
    ganbench leaderboard check results --json
    ganbench leaderboard check results --edits all-edits --limit 50

    Files and manifest, protocol and versions of metrics, numbers against verdicts, hashes of all pictures,
    duplicates; and a sample of the edits: their hashes, and the judge's verdicts on them.

    Exit code: 0 nothing is wrong, 1 a check failed, 2 bad input.
    """
    from ganbench.leaderboard.checks import check as find
    from ganbench.submission.opened import open_protocol

    opened = partial(open_protocol, device=device, lazy=True)
    found = find(results, opened, edits=edits, images=images, allow_unverified=allow_unverified)
    if as_json:
        emit(json.dumps(found.as_json(), indent=1) + "\n")
        sys.exit(found.exit_code)
    for note in found.notes:
        say(f"note: {note}", err=True)
    for fault in found.faults:
        say(f"fault: {fault}")
    verified = sum(row["verified"] for row in found.rows)
    told = f"{plural(len(found.rows), 'row')}, {plural(verified, 'picture')} verified"
    say(
        f"not passed: {plural(len(found.faults), 'fault')} in {told}"
        if found.faults
        else f"passed: {told}"
    )
    sys.exit(found.exit_code)


@leaderboard.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    default="results",
    show_default=True,
    help="Folder of the results; the row gets a folder of its name.",
)
@click.option(
    "--edits",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder that was scored; a run of 'ganbench eval' has none.",
)
@images_option
@force_option
def add(run: Path, to: Path, edits: Path | None, images: int, force: bool) -> None:
    """Make a row of a leaderboard from RUN, a folder of 'ganbench score' or 'ganbench eval'.

    \b
    ganbench score edits --protocol faces64-v1 --name "My method" --out runs/mine
    ganbench leaderboard add runs/mine --edits edits --to results

    The row has the numbers, the hash of each picture, small pictures for the page, and the edits of a few images as
    proof. The hashes decide which images these are.
    """
    from ganbench.leaderboard.adding import add as write

    for folder in write(run, to, edits, images, force):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        say(f"{folder}: {size / 1e6:.1f} MB")
