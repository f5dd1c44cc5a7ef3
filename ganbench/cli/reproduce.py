"""``ganbench reproduce``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganbench.cli import names
from ganbench.cli.names import examples, one_of
from ganbench.cli.options import PATH, device_option
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.cli.train import log_line
from ganbench.text import plural

if TYPE_CHECKING:
    from ganbench.reproduction import Claim, Plan


@click.command(
    epilog=examples(
        "ganbench reproduce stargan --dry-run",
        "ganbench reproduce stargan",
    )
)
@click.argument(
    "name",
    metavar="METHOD|judge|all",
    shell_complete=one_of(lambda: [*names.trained(), "all"]),
)
@click.option("--out", type=PATH, help="Folder of the runs.  [default: runs/reproduce]")
@click.option("--resume", is_flag=True, help="Continue the runs in --out.")
@device_option
@click.option(
    "--dry-run", is_flag=True, help="Check recipe and data, and print what would be trained."
)
@click.option(
    "--manifest",
    type=PATH,
    metavar="FILE",
    help="MANIFEST.toml in the folder of the checkpoints and recipes.  [default: the shipped one]",
)
def reproduce(
    name: str, out: Path | None, resume: bool, device: str, dry_run: bool, manifest: Path | None
) -> None:
    """Train a shipped checkpoint again, as its card says, and compare the two.

    METHOD is linear (ganmut), gaussian (gganmut), stargan, ganimation, smit or stargan-v2.

    The checkpoint is reproduced if all weights are equal to the bit (on the same machine, with the same
    versions), or if the scores on the test faces agree within margins and intervals.

    Exit code: 0 reproduced, 1 not reproduced, 2 bad input.
    """
    from ganbench.methods.manifest import MANIFEST, shipped_folder
    from ganbench.reproduction import make_plan, read_claims

    file = manifest or shipped_folder() / MANIFEST
    plans = [make_plan(claim, file.parent) for claim in read_claims(file, name)]
    folder = out or Path("runs/reproduce")
    for plan in plans:
        _describe(plan.claim, folder)
    if dry_run:
        return
    reproduced = [_perform(plan, folder, resume, device) for plan in plans]
    sys.exit(0 if all(reproduced) else 1)


def _describe(claim: Claim, folder: Path) -> None:
    """Print what will be trained, and the folder of the run."""
    say(
        f"{claim.name}: {plural(claim.iterations, 'iteration')} of recipe "
        f"{claim.card['recipe_name']}, seed {claim.card['seed']}, took {claim.card['hours']:g} h; "
        f"data {claim.card['data']['fingerprint'][:8]} and recipe are those in the card; "
        f"into {folder / claim.name}"
    )
    if claim.other_versions:
        say(f"{claim.name}: made with other versions: {claim.other_versions}", err=True)


def _perform(plan: Plan, folder: Path, resume: bool, device: str) -> bool:
    """Train, compare and print the verdict; return whether the checkpoint was reproduced."""
    from ganbench.reproduction import compare, retrain

    name = plan.claim.name
    with progress_bar(screen(err=True), keep=True) as move:
        dataset = plan.load("train", progress=partial(move, "data"))
        made = retrain(plan, dataset, folder / name, device, resume, log_line(move, name))
    if made is None:
        raise click.Abort
    verdict = compare(plan.claim, made, plan.load("test"), device)
    say(f"{name}: {verdict.text}")
    return verdict.reproduced
