"""``ganbench reproduce``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ganbench.cli.options import device_option, parse_data
from ganbench.cli.screen import say
from ganbench.text import plural

if TYPE_CHECKING:
    from pathlib import Path

    from ganbench.reproduction import Claim


@click.command()
@click.argument("name", metavar="METHOD|judge|all")
@click.option("--out", type=click.Path(), help="Folder of the runs.  [default: runs/reproduce]")
@click.option("--resume", is_flag=True, help="Continue the runs in --out.")
@device_option
@click.option(
    "--dry-run", is_flag=True, help="Check recipe and data, and print what would be trained."
)
@click.option(
    "--manifest",
    type=click.Path(),
    metavar="FILE",
    help="A MANIFEST.toml beside its checkpoints and recipes.  [default: the shipped one]",
)
def reproduce(
    name: str, out: str | None, resume: bool, device: str, dry_run: bool, manifest: str | None
) -> None:
    """Train a shipped checkpoint again, as its card says, and compare the two.

    They are the same if all weights are, to the bit (the same machine and versions), or else if the
    scores on the test faces are, within margins and intervals.

    Exit code: 0 reproduced, 1 not reproduced, 2 bad input.
    """
    import sys
    from pathlib import Path

    from ganbench.methods.locate import shipped
    from ganbench.methods.manifest import MANIFEST
    from ganbench.reproduction import read_claims

    file = Path(manifest) if manifest else shipped("judge").parent / MANIFEST
    plans = [_Plan(claim, file.parent) for claim in read_claims(file, name)]
    folder = Path(out) if out else Path("runs") / "reproduce"
    for plan in plans:
        plan.describe(folder)
    if dry_run:
        return
    verdicts = [plan.perform(folder, resume, device) for plan in plans]
    sys.exit(0 if all(verdicts) else 1)


class _Plan:
    """What one checkpoint takes; everything is checked, nothing is trained.

    Args:
        claim: the checkpoint.
        folder: of the manifest, where recipes that are not shipped lie.

    Raises:
        BadInput: it cannot be made again here.
    """

    def __init__(self, claim: Claim, folder: Path) -> None:
        import shlex

        from ganbench.cli.train import train
        from ganbench.data import load_dataset
        from ganbench.errors import BadInput
        from ganbench.parsing import is_file
        from ganbench.reproduction import check
        from ganbench.storage.store import is_file_name
        from ganbench.training.session import configure

        # The same parser reads the command that wrote it.
        try:
            words = shlex.split(claim.card["command"])[2:]
        except ValueError as error:
            raise BadInput(
                f"command in the card of {claim.path} is none ({error}); the card was changed: take "
                "the file that the training wrote"
            ) from error
        given: dict[str, Any] = train.make_context("train", words).params
        self.claim, self.assignments = claim, given["assignments"]
        self.data = given["data"]
        self.kind, self.options = parse_data(self.data)
        recipe = given["recipe"]
        if not is_file_name(recipe):
            raise BadInput(
                f"recipe in the card of {claim.path} is no name of a recipe: {recipe[:80]!r}; the "
                "card was changed: take the file that the training wrote"
            )
        if is_file(folder / recipe):
            recipe = str(folder / recipe)
        self.setup = configure(claim.name, recipe, self.assignments)
        self.size = self.setup.network.image_size
        lazy = load_dataset(self.kind, "train", size=self.size, lazy=True, **self.options)
        check(claim, self.setup, given["seed"], lazy)

    def describe(self, folder: Path) -> None:
        """Print it."""
        claim = self.claim
        say(
            f"{claim.name}: {plural(claim.iterations, 'iteration')} of recipe "
            f"{claim.card['recipe_name']}, seed {claim.card['seed']}, took {claim.card['hours']:g} h; "
            f"data {claim.card['data']['fingerprint'][:8]} and recipe are the card's; "
            f"into {folder / claim.name}"
        )
        if claim.elsewhere:
            say(f"{claim.name}: made in other versions: {claim.elsewhere}", err=True)

    def perform(self, folder: Path, resume: bool, device: str) -> bool:
        """Train and compare; print the verdict."""
        from ganbench.cli.bars import training_bars
        from ganbench.cli.screen import screen
        from ganbench.data import load_dataset
        from ganbench.reproduction import compare, retrain

        claim, console = self.claim, screen(err=True)
        with training_bars(console, self.data, claim.name, claim.iterations) as bars:
            data = load_dataset(
                self.kind, "train", size=self.size, progress=bars.on_data, **self.options
            )
            made = retrain(
                claim,
                self.setup,
                data,
                folder / claim.name,
                device,
                self.assignments,
                resume,
                begin=bars.begin,
                watch=bars.on_log,
            )
        if made is None:
            raise click.Abort
        test = load_dataset(self.kind, "test", size=self.size, **self.options)
        verdict = compare(claim, made, test, device)
        say(f"{claim.name}: {verdict.text}")
        return verdict.reproduced
