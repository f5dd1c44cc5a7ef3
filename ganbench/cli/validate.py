"""``ganbench validate``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ganbench.cli import names
from ganbench.cli.names import examples, one_or_file
from ganbench.cli.options import device_option, renamed_option, seed_option
from ganbench.cli.screen import print_table, progress_bar, screen


@click.command(
    epilog=examples(
        "ganbench validate --limit 28 --out runs/validation",
    )
)
@click.option(
    "--judge",
    default="vgg",
    show_default=True,
    metavar="vgg|FILE|RUN",
    shell_complete=one_or_file(names.judges),
    help="The judge whose predictions the metrics use, and which the texture deceives: the suite's VGG, or "
    "a checkpoint of 'ganbench train judge'.",
)
@click.option(
    "--limit",
    type=click.IntRange(14, 1_000_000),
    default=140,
    show_default=True,
    help="Number of test faces.",
)
@renamed_option("--faces", "--limit")
@seed_option("Seed of the faces and of all random draws.")
@device_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for validation.json and validation.md.",
)
def validate(judge: str, limit: int, seed: int, device: str, out: Path | None) -> None:
    """Test the metrics themselves, on edits whose emotion, intensity, person and background are known.

    Renders the edits of a perfect editor, of a lazy one, of one that changes the person, of one whose
    texture deceives the judge, and of others. Each metric must rank these editors as it promises.

    Exit code: 0 every check holds, 1 a check fails, 2 bad input. Checks of metrics that are known to fail
    are shown and do not count.
    """
    from ganbench.judges import load_judge
    from ganbench.report.run_folder import check_writable
    from ganbench.storage.store import write_atomic
    from ganbench.validation import formats, trial

    judges = load_judge(judge, device=device), load_judge("face-api", device=device)
    if out is not None:
        check_writable(out)
    with progress_bar(screen(err=True)) as move:
        move("load", 0, None)
        found = trial.validate(*judges, limit, seed, move)
    console = screen()
    for table in formats.tables(found):
        print_table(console, table)
        console.print()
    console.print(formats.summary(found), style="bold red" if found.exit_code else "bold")
    if out is not None:
        write_atomic(out / "validation.json", formats.to_json(found))
        write_atomic(out / "validation.md", formats.to_markdown(found))
    sys.exit(found.exit_code)
