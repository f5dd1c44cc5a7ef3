"""``ganbench edit``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ganbench.cli.options import BATCH, SEED, device_option, picture_options
from ganbench.cli.screen import progress, say, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from ganbench.editing import Item


@click.command()
@click.option(
    "--images",
    multiple=True,
    required=True,
    type=click.Path(),
    metavar="DIR|FILE [FILE...]",
    help="Pictures, or folders of them at any depth.",
)
@click.argument("more", nargs=-1, type=click.Path(), metavar="")
@click.option(
    "--method", required=True, metavar="NAME", help="Whose edits; see 'ganbench methods'."
)
@click.option(
    "--checkpoint",
    metavar="FILE|RUN",
    help="A checkpoint of your own, or its run folder.  [default: the shipped one]",
)
@click.option("--emotion", metavar="NAME", help="What the edits are to show.")
@click.option(
    "--aus",
    metavar="AU12=.8,...",
    help="Action units to show instead, 0 to 1 each; those not named are 0. For a checkpoint that was "
    "trained on action units.",
)
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="Folder of the edits.")
@click.option(
    "--resize",
    is_flag=True,
    help="Take pictures of another size too: frame them to a square and resample them.",
)
@picture_options
@click.option("--skip-bad", is_flag=True, help="Leave out unreadable pictures instead of stopping.")
@click.option("--overwrite", is_flag=True, help="Replace edits that are already there.")
@click.option("--batch-size", type=BATCH, default=32, show_default=True, help="At once.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Of the noise of smit and stargan-v2."
)
@device_option
def edit(
    images: tuple[str, ...],
    more: tuple[str, ...],
    method: str,
    checkpoint: str | None,
    emotion: str | None,
    aus: str | None,
    out: str,
    resize: bool,
    framing: str,
    max_pixels: int,
    skip_bad: bool,
    overwrite: bool,
    batch_size: int,
    seed: int,
    device: str,
) -> None:
    """Edit any number of pictures to an emotion, or to action units, into PNG files of the same names.

    Pictures must be as large as the method's; a face fills them as in the training data. In folders
    names and contents of files tell pictures; links are followed.
    """
    from pathlib import Path

    from ganbench.data.action_units import parse_units
    from ganbench.data.framing import framing_note, mismatch
    from ganbench.editing import edit_pictures, select_pictures
    from ganbench.errors import BadInput
    from ganbench.methods import load_method
    from ganbench.methods.conditions import ActionUnits

    if (emotion is None) == (aus is None):
        raise BadInput(
            "what are the edits to show? give one of --emotion NAME and --aus AU12=0.8,AU06=0.5"
        )
    units = None if aus is None else parse_units(aus)
    folder, console = Path(out), screen(err=True)
    chosen = select_pictures([Path(place) for place in (*images, *more)], folder, overwrite)
    loaded = load_method(method, checkpoint, device)
    if emotion is not None:
        loaded.labels([emotion])  # a wrong name costs no edit
    elif ActionUnits not in loaded.conditions:
        raise BadInput(
            f"{method} was not trained on action units, so --aus {aus} means nothing to it; use --emotion, "
            "or a checkpoint of ganimation with network.condition = 'action_units'"
        )
    bad = len(chosen.unread)
    for place, reason in chosen.unread:
        if not skip_bad:
            raise BadInput(f"{place}: {reason}; mend that or add --skip-bad")
        say(f"left out: {place} ({reason})", err=True)
    if chosen.again:
        say(
            f"{plural(chosen.again, 'link')} to the same pictures, or names given twice, "
            f"{'counts' if chosen.again == 1 else 'count'} once",
            err=True,
        )
    uneven = chosen.uneven(max_pixels) if resize else 0
    if note := framing_note(uneven, len(chosen.items), framing):
        say(note, err=True)
        if warning := mismatch(loaded.spec.title, loaded.card, framing):
            say(f"warning: {warning}", err=True)

    def on_bad(item: Item, reason: str) -> None:
        nonlocal bad
        bad += 1
        say(f"left out: {item.source} ({reason})", err=True)

    edits = edit_pictures(
        loaded,
        emotion,
        chosen.items,
        folder,
        units=units,
        resize=resize,
        framing=framing,
        max_pixels=max_pixels,
        batch_size=batch_size,
        seed=seed,
        on_bad=on_bad if skip_bad else None,
        on_remark=lambda item, remark: say(f"note: {item.source}: {remark}", err=True),
        on_note=lambda note: say(f"warning: {note}", err=True),
    )
    with progress(console=console) as bars:
        count = sum(1 for _ in bars.track(edits, len(chosen.items), description="edit"))
    say(f"{folder}: {plural(count, 'edit')}" + (f", {bad:,} unreadable left out" if bad else ""))
