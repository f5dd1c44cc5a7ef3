"""``ganbench verify``."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from ganbench.cli.options import COUNT, device_option, renamed_option, seed_option
from ganbench.cli.protocol_options import ProtocolOptions, own_data_options, protocol_option
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.text import plural


@click.command()
@click.argument("run", metavar="RUN", type=click.Path())
@click.argument("folder", metavar="EDITS", type=click.Path())
@protocol_option(None)
@click.option(
    "--limit",
    type=COUNT,
    default=20,
    show_default=True,
    help="Number of images whose seven edits are looked at, drawn at random by --seed.",
)
@renamed_option("--images", "--limit")
@click.option("--whole", is_flag=True, help="Look at all edits.")
@seed_option("Seed of the choice of images.")
@own_data_options
@device_option
def verify(
    run: str, folder: str, protocol: str | None, limit: int, whole: bool, seed: int, **given: Any
) -> None:
    """Check that RUN, a folder of 'ganbench score', is about the pictures in EDITS.

    \b
    ganbench verify runs/score edits
    ganbench verify runs/score edits --whole

    The hash of each picture is compared with the run's, and the judge's verdict on it with the one that the
    run's accuracy was counted from.

    Exit code: 0 all of it agrees, 1 something differs, 2 bad input.
    """
    from ganbench.protocols import FOLDER
    from ganbench.submission.verification import protocol_of, verify

    name = protocol or protocol_of(run)
    with progress_bar(screen(err=True)) as move:
        opened = ProtocolOptions(**given).open(name, move)
        found = verify(
            run,
            folder,
            opened,
            images=None if whole else limit,
            seed=seed,
            progress=partial(move, "verifying"),
        )
    for fault in found.faults:
        say(f"fault: {fault}")
    looked = f"{found.pictures} of {plural(found.of, 'picture')}"
    kind = "" if name == FOLDER else f", {name}"
    if found.faults:
        say(f"not verified: {plural(len(found.faults), 'fault')} in {looked}{kind}")
        sys.exit(1)
    say(f"verified: {looked}{kind}")
