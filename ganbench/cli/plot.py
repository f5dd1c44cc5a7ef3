"""``ganbench plot``."""

from __future__ import annotations

from pathlib import Path

import click

from ganbench.cli.names import examples
from ganbench.cli.options import PATH
from ganbench.cli.screen import say


@click.command(
    epilog=examples(
        "ganbench plot runs/gaussian",
        "ganbench plot runs/gaussian --out curves.pdf",
    )
)
@click.argument("run", metavar="RUN")
@click.option("--out", type=PATH, metavar="FILE.png|pdf", help="[default: RUN/curves.png]")
def plot(run: str, out: Path | None) -> None:
    """Draw losses and probe accuracy from the log of RUN, a folder of 'ganbench train'.

    The training may still be running.
    """
    from ganbench import parsing
    from ganbench.errors import BadInput
    from ganbench.figures.curves import draw
    from ganbench.figures.page import file_writer
    from ganbench.methods.locate import run_folder
    from ganbench.training.folder import CARD, LOG, read_log

    folder = run_folder(run)
    file = out or folder / "curves.png"
    write = file_writer(file)
    if not parsing.is_file(folder / LOG):
        raise BadInput(f"no {LOG} in: {folder}; give a folder of 'ganbench train'")
    try:
        card = parsing.read_json(folder / CARD)
        title, warmup = f"{card['name']}, seed {card['seed']}", card["recipe"]["warmup_iterations"]
        if type(warmup) is not int:
            raise TypeError
    except (BadInput, KeyError, TypeError) as error:
        raise BadInput(
            f"cannot read {CARD} in: {folder} ({type(error).__name__}); "
            "give a folder of 'ganbench train'"
        ) from error
    write(draw(read_log(folder), title, warmup))
    say(str(file))
