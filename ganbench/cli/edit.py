"""``ganbench edit``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli.options import (
    batch_size_option,
    device_option,
    method_options,
    picture_options,
    seed_option,
)
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ganbench.editing import Item, Selection
    from ganbench.methods import Method


@dataclass(frozen=True)
class EditOptions:
    """The arguments and options of ``ganbench edit``."""

    images: tuple[str, ...]
    more: tuple[str, ...]
    method: str
    checkpoint: str | None
    emotion: str | None
    aus: str | None
    out: str
    resize: bool
    framing: str
    max_pixels: int
    skip_bad: bool
    overwrite: bool
    batch_size: int
    seed: int
    device: str


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
@method_options
@click.option("--emotion", metavar="NAME", help="The emotion that the edits show.")
@click.option(
    "--aus",
    metavar="AU12=.8,...",
    help="Action units that the edits show instead, 0 to 1; all others are 0. They need a checkpoint that "
    "was trained on action units.",
)
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="Folder of the edits.")
@click.option(
    "--resize",
    is_flag=True,
    help="Also take pictures of other sizes: make them square and resample them.",
)
@picture_options
@click.option("--skip-bad", is_flag=True, help="Leave out unreadable pictures instead of stopping.")
@click.option("--overwrite", is_flag=True, help="Replace edits that are already there.")
@batch_size_option
@seed_option("Seed of the noise of smit and stargan-v2.")
@device_option
def edit(**given: Any) -> None:
    """Edit any number of pictures to an emotion, or to action units, into PNG files of the same names.

    Pictures must have the size of the method, and faces fill them as in its training data. In folders,
    pictures are recognised by file names and contents, and links are followed.
    """
    from ganbench.data.action_units import parse_units
    from ganbench.editing import edit_pictures, select_pictures
    from ganbench.errors import BadInput

    options = EditOptions(**given)
    if (options.emotion is None) == (options.aus is None):
        raise BadInput(
            "the edits need one goal: give either --emotion NAME or --aus AU12=0.8,AU06=0.5"
        )
    units = None if options.aus is None else parse_units(options.aus)
    folder = Path(options.out)
    places = [Path(place) for place in (*options.images, *options.more)]
    chosen = select_pictures(places, folder, options.overwrite)
    method = _load_method(options)
    for line in _notes(options, chosen, method):
        say(line, err=True)
    left_out = len(chosen.unread)

    def on_bad(item: Item, reason: str) -> None:
        nonlocal left_out
        left_out += 1
        say(f"left out: {item.source} ({reason})", err=True)

    edits = edit_pictures(
        method,
        options.emotion,
        chosen.items,
        folder,
        units=units,
        resize=options.resize,
        framing=options.framing,
        max_pixels=options.max_pixels,
        batch_size=options.batch_size,
        seed=options.seed,
        on_bad=on_bad if options.skip_bad else None,
        on_remark=lambda item, remark: say(f"note: {item.source}: {remark}", err=True),
        on_note=lambda note: say(f"warning: {note}", err=True),
    )
    count = 0
    with progress_bar(screen(err=True)) as move:
        for count, _ in enumerate(edits, 1):
            move("edit", count, len(chosen.items))
    unread = f", {left_out:,} unreadable left out" if left_out else ""
    say(f"{folder}: {plural(count, 'edit')}{unread}")


def _load_method(options: EditOptions) -> Method:
    """The method.

    Raises:
        BadInput: it cannot be loaded, or cannot edit to the emotion or the action units.
    """
    from ganbench.errors import BadInput
    from ganbench.methods import load_method
    from ganbench.methods.conditions import ActionUnits

    method = load_method(options.method, options.checkpoint, options.device)
    if options.emotion is not None:
        method.labels([options.emotion])
    elif ActionUnits not in method.conditions:
        raise BadInput(
            f"{options.method} was not trained on action units and cannot use --aus {options.aus}; use "
            "--emotion, or a checkpoint of ganimation with network.condition = 'action_units'"
        )
    return method


def _notes(options: EditOptions, chosen: Selection, method: Method) -> Iterator[str]:
    """What a user must know about the pictures, a line each.

    Raises:
        BadInput: a picture cannot be read, and ``--skip-bad`` is not given.
    """
    from ganbench.data.framing import framing_note, mismatch
    from ganbench.errors import BadInput

    for place, reason in chosen.unread:
        if not options.skip_bad:
            raise BadInput(f"{place}: {reason}; repair it or add --skip-bad")
        yield f"left out: {place} ({reason})"
    if chosen.duplicates:
        yield (
            f"{plural(chosen.duplicates, 'link')} to the same pictures, or names given twice, "
            f"{'counts' if chosen.duplicates == 1 else 'count'} once"
        )
    uneven = chosen.uneven(options.max_pixels) if options.resize else 0
    if note := framing_note(uneven, len(chosen.items), options.framing):
        yield note
        if warning := mismatch(method.spec.title, method.card, options.framing):
            yield f"warning: {warning}"
