"""``ganbench score``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli.options import batch_size_option, device_option
from ganbench.cli.protocol_options import ProtocolOptions, own_data_options, protocol_option
from ganbench.cli.screen import progress_bar, say, screen

if TYPE_CHECKING:
    from ganbench.submission.scorer import About


@dataclass(frozen=True, kw_only=True)
class ScoreOptions(ProtocolOptions):
    """The options of ``ganbench score``."""

    folder: str
    protocol: str
    name: str | None
    url: str
    paper: str
    licence: str
    trained_on: str
    out: str
    resize: bool
    partial: bool
    beside: tuple[str, ...]
    batch_size: int

    @property
    def about(self) -> About:
        """What the user tells about the method."""
        from ganbench.submission.scorer import About

        name = self.name or Path(self.folder).resolve().name
        return About(name, self.url, self.paper, self.licence, self.trained_on)


@click.command()
@click.argument("folder", metavar="EDITS", type=click.Path())
@protocol_option("faces64-v1")
@click.option("--name", metavar="TEXT", help="Name of the method in tables.  [default: EDITS]")
@click.option("--url", default="", metavar="URL", help="Where the method can be found.")
@click.option("--paper", default="", metavar="TEXT", help="Where the method was published.")
@click.option(
    "--licence",
    default="unknown",
    show_default=True,
    metavar="TEXT",
    help="Licence of its weights.",
)
@click.option("--trained-on", default="", metavar="TEXT", help="The data that it learned from.")
@click.option(
    "--out", type=click.Path(), default="runs/score", show_default=True, help="Folder of the run."
)
@click.option(
    "--resize", is_flag=True, help="Resize square edits of another size; the row says so."
)
@click.option(
    "--partial",
    is_flag=True,
    help="Score only the images all of whose edits are there. The numbers are comparable with no others.",
)
@click.option(
    "--beside",
    multiple=True,
    type=click.Path(),
    metavar="RUN",
    help="A run folder of the same protocol whose rows stand in the table, too; may be repeated.",
)
@own_data_options
@batch_size_option
@device_option
def score(**given: Any) -> None:
    """Score the pictures that any program has edited: EDITS holds ID.png for each task of a protocol.

    \b
    ganbench protocol export faces64-v1 todo
    ... a program edits todo/inputs/*.png and writes edits/ID.png ...
    ganbench score edits --protocol faces64-v1 --name "My method"

    Prints Table 1 with the shipped methods' reference values, and writes the folder that 'ganbench eval'
    writes; pictures.csv in it has the hash of each edit, for 'ganbench verify'.
    """
    from ganbench import gate
    from ganbench.cli.eval import print_tables
    from ganbench.evaluation.run import perform
    from ganbench.report.run_folder import check_writable, write_run
    from ganbench.stopwatch import Stopwatch
    from ganbench.storage.upkeep import keep_limit
    from ganbench.submission.scorer import prepare_scoring

    options, watch = ScoreOptions(**given), Stopwatch()
    about, target = options.about, Path(options.out)
    label, others = about.label, [gate.load(run) for run in options.beside]
    with progress_bar(screen(err=True)) as move:
        scoring = prepare_scoring(
            options.folder,
            options.open(options.protocol, move),
            about,
            resize=options.resize,
            partial=options.partial,
            batch_size=options.batch_size,
            stopwatch=watch,
            progress=partial(move, "checking"),
        )
        check_writable(target)
        perform(scoring.plan, move)
        move("score", 0, None)
        evaluation = scoring.finish(others)
        move("tables and pictures", 0, None)
        command = ["ganbench", *sys.argv[1:]]
        tables = write_run(evaluation, target, command, scoring.plan, evaluation.files)
        keep_limit()
    for note in evaluation.notes:
        say(f"note: {note}", err=True)
    print_tables([tables.main, tables.differences, tables.judges])
    say(f"{label}: {evaluation.results.protocol_name}")
    screen().print(f"{target / 'report.html'}", soft_wrap=True)
