"""``ganbench edit``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ganbench.cli.options import BATCH, device_option
from ganbench.cli.screen import progress, say, screen

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
    help="Cut pictures of another size to their middle square and resample them.",
)
@click.option("--skip-bad", is_flag=True, help="Leave out unreadable pictures instead of stopping.")
@click.option("--overwrite", is_flag=True, help="Replace edits that are already there.")
@click.option("--batch-size", type=BATCH, default=32, show_default=True, help="At once.")
@click.option("--seed", default=0, show_default=True, help="Of the noise of smit and stargan-v2.")
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
    skip_bad: bool,
    overwrite: bool,
    batch_size: int,
    seed: int,
    device: str,
) -> None:
    """Edit any number of pictures to an emotion, or to action units, into PNG files of the same names.

    Pictures must be as large as the method's; a face fills them as in the training data.
    """
    from pathlib import Path

    from ganbench import emotions
    from ganbench.data.action_units import parse_units
    from ganbench.editing import edit_pictures, find_pictures
    from ganbench.errors import BadInput
    from ganbench.methods import load_method
    from ganbench.methods.conditions import ActionUnits

    if (emotion is None) == (aus is None):
        raise BadInput(
            "what are the edits to show? give one of --emotion NAME and --aus AU12=0.8,AU06=0.5"
        )
    label = None if emotion is None else emotions.index(emotion)
    units = None if aus is None else parse_units(aus)
    folder, console = Path(out), screen(err=True)
    items = find_pictures([Path(place) for place in (*images, *more)], folder, overwrite)
    loaded = load_method(method, checkpoint, device)
    if label is not None:
        name = emotions.EMOTIONS[label]
        if name not in loaded.spec.emotions:
            raise BadInput(
                f"{method} cannot show {name!r}; it knows: {', '.join(loaded.spec.emotions)}"
            )
        label = loaded.spec.emotions.index(name)
    elif ActionUnits not in loaded.conditions:
        raise BadInput(
            f"{method} was not trained on action units, so --aus {aus} means nothing to it; use --emotion, "
            "or a checkpoint of ganimation with network.condition = 'action_units'"
        )
    bad = 0

    def on_bad(item: Item, reason: str) -> None:
        nonlocal bad
        bad += 1
        say(f"left out: {item.source} ({reason})", err=True)

    edits = edit_pictures(
        loaded,
        label,
        items,
        folder,
        units=units,
        resize=resize,
        batch_size=batch_size,
        seed=seed,
        on_bad=on_bad if skip_bad else None,
    )
    with progress(console=console) as bars:
        count = sum(1 for _ in bars.track(edits, len(items), description="edit"))
    say(f"{folder}: {count:,} edits" + (f", {bad:,} unreadable left out" if bad else ""))
