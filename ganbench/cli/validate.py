"""``ganbench validate``."""

from __future__ import annotations

import sys

import click

from ganbench.cli.options import SEED, device_option
from ganbench.cli.screen import print_table, progress_bar, screen


@click.command()
@click.option(
    "--judge",
    default="vgg",
    show_default=True,
    metavar="vgg|FILE|RUN",
    help="Whose verdicts the metrics use, and whom the texture deceives: the suite's VGG, or a "
    "checkpoint of 'ganbench train judge'.",
)
@click.option(
    "--faces",
    type=click.IntRange(14, 1_000_000),
    default=140,
    show_default=True,
    help="How many test faces.",
)
@click.option(
    "--seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Of the faces and of everything drawn.",
)
@device_option
@click.option(
    "--out",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Keep validation.json and .md there.",
)
def validate(judge: str, faces: int, seed: int, device: str, out: str | None) -> None:
    """Test the metrics themselves, on edits whose emotion, intensity, person and background are known.

    Renders a perfect editor, a lazy one, one that gets the person wrong, one whose texture deceives the
    judge, and others; each metric must rank them as it promises.

    Exit code: 0 every check holds, 1 one fails, 2 bad input. Metrics that are known to fail, and withheld
    for it, are shown and do not count.
    """
    from pathlib import Path

    from ganbench.judges import load_judge
    from ganbench.report.run_folder import check_writable
    from ganbench.storage.store import write_atomic
    from ganbench.validation import formats, trial

    judges = load_judge(judge, device=device), load_judge("face-api", device=device)
    if out is not None:
        check_writable(Path(out))
    with progress_bar(screen(err=True)) as move:
        move("load", 0, None)
        found = trial.validate(*judges, faces, seed, move)
    console = screen()
    for table in formats.tables(found):
        print_table(console, table)
        console.print()
    console.print(formats.summary(found), style="bold red" if found.exit_code else "bold")
    if out is not None:
        write_atomic(Path(out) / "validation.json", formats.to_json(found))
        write_atomic(Path(out) / "validation.md", formats.to_markdown(found))
    sys.exit(found.exit_code)
