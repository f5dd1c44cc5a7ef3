"""``ganbench plot``."""

from __future__ import annotations

import click

from ganbench.cli.screen import say


@click.command()
@click.argument("run", metavar="RUN", type=click.Path())
@click.option("--out", type=click.Path(), metavar="FILE.png|pdf", help="[default: RUN/curves.png]")
def plot(run: str, out: str | None) -> None:
    """Draw the losses and the probe accuracy in the log of RUN, a folder of 'ganbench train'.

    The run may still be going on.
    """
    from pathlib import Path

    from ganbench import parsing
    from ganbench.errors import BadInput
    from ganbench.figures.curves import draw
    from ganbench.figures.page import to_pdf, to_png
    from ganbench.methods.locate import run_folder
    from ganbench.storage.store import write_atomic
    from ganbench.training.folder import CARD, LOG, read_log

    folder = run_folder(run)
    file = Path(out) if out else folder / "curves.png"
    writers = {".png": to_png, ".pdf": to_pdf}
    if file.suffix.lower() not in writers:
        raise BadInput(f"a plot is a png or pdf: {str(file)!r}; name it {file.stem}.pdf")
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
    figure = draw(read_log(folder), title, warmup)
    write_atomic(file, writers[file.suffix.lower()](figure))
    say(str(file))
