"""``ganbench edit``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import names
from ganbench.cli.edit_options import EditOptions, LeftOut, load_for, places_notes, reporting
from ganbench.cli.names import examples, one_of
from ganbench.cli.options import (
    SEED,
    batch_size_option,
    device_option,
    method_options,
    picture_options,
    several,
)
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.data.framing import CENTRE
from ganbench.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ganbench.editing import Selection
    from ganbench.methods import Method


class FaceNumber(click.ParamType[str]):
    """``largest``, ``all``, or a number from 1."""

    name = "face"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value in lower case."""
        text = value.strip().lower()
        if text not in ("largest", "all") and not re.fullmatch("[1-9][0-9]{0,3}", text):
            self.fail(f"{value!r} is not largest, all or a number from 1", param, ctx)
        return text


goal_options = several(
    click.option(
        "--emotion",
        metavar="NAME|all",
        shell_complete=one_of(lambda: [*names.emotions(), "all"]),
        help="The emotion that the edits show; all gives a strip of all emotions.",
    ),
    click.option(
        "--intensity",
        type=click.FloatRange(0, 1),
        help="The share of the emotion, with ganmut and ganimation's units; with gganmut the share of the way from "
        "neutral.",
    ),
    click.option(
        "--code",
        metavar="X,Y",
        help="A code of the plane of ganmut or gganmut instead of an emotion.",
    ),
    click.option(
        "--mix",
        metavar="happy=.6,sad=.4",
        help="A mixture of emotions instead: gganmut's code whose p_z is nearest to it.",
    ),
    click.option(
        "--aus",
        metavar="AU12=.8,...",
        help="Action units that the edits show instead, 0 to 1; all others are 0. They need a checkpoint that "
        "was trained on action units.",
    ),
)
framed_options = several(
    click.option(
        "--framed",
        is_flag=True,
        help="The pictures are cropped as the method's training data and have its size: edit them whole, into PNG "
        "files of the same names.",
    ),
    click.option(
        "--resize",
        is_flag=True,
        help="With --framed: also take pictures of other sizes; make them square and resample them.",
    ),
    picture_options,
)


@click.command(
    epilog=examples(
        "ganbench edit photo.jpg --method gaussian --emotion happy",
        "ganbench edit photo.jpg --method linear=runs/mine --emotion all --out edits",
        "ganbench edit --framed --images faces --method smit --emotion sad --out edits",
    )
)
@click.option(
    "--images",
    multiple=True,
    type=click.Path(),
    metavar="DIR|FILE [FILE...]",
    help="Photographs, or folders of them at any depth; the word --images can be left out.",
)
@click.argument("more", nargs=-1, type=click.Path(), metavar="[PHOTO|DIR]...")
@method_options
@goal_options
@click.option(
    "--out",
    type=click.Path(),
    metavar="DIR",
    help="Folder of the edits.  [default: beside the photographs]",
)
@click.option(
    "--face",
    type=FaceNumber(),
    metavar="largest|all|N",
    help="The face that is edited; N counts from the left, from 1.  [default: largest]",
)
@framed_options
@click.option(
    "--skip-bad", is_flag=True, help="Leave out pictures that are unreadable or show no face."
)
@click.option("--overwrite", is_flag=True, help="Replace edits that are already there.")
@batch_size_option
@click.option(
    "--noise-seed",
    "--seed",
    "seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Seed of the noise of smit and stargan-v2.",
)
@device_option
def edit(**given: Any) -> None:
    """Edit the faces of photographs: ganbench edit photo.jpg --method gaussian --emotion happy.

    The largest face is found and edited in the method's frame, and pasted back at full size: photo-happy.jpg. In
    folders, pictures are recognised by file names and contents, and links are followed.
    """
    from ganbench.errors import BadInput

    options = EditOptions(**given)
    goals = (options.emotion, options.aus, options.code, options.mix)
    if sum(goal is not None for goal in goals) != 1:
        raise BadInput(
            "the edits need one goal: give one of --emotion NAME, --code X,Y, --mix happy=.6,sad=.4 or "
            "--aus AU12=0.8,AU06=0.5"
        )
    if options.intensity is not None and options.emotion is None:
        raise BadInput("--intensity is the share of an emotion: give --emotion NAME with it")
    if not options.places:
        raise BadInput(
            "no photograph is given: ganbench edit photo.jpg --method gaussian --emotion happy"
        )
    if options.framed:
        _edit_framed(options)
    elif options.resize or options.framing != CENTRE:
        raise BadInput(
            "--resize and --framing are for pictures that faces fill: add --framed, or leave them out and the "
            "face is found"
        )
    else:
        from ganbench.cli.edit_photos import edit_photos

        edit_photos(options)


def _edit_framed(options: EditOptions) -> None:
    """Edit whole pictures."""
    from ganbench.data.action_units import parse_units
    from ganbench.editing import edit_pictures, select_pictures
    from ganbench.errors import BadInput

    for name in ("face", "code", "mix", "intensity"):
        if getattr(options, name) is not None:
            raise BadInput(f"--{name} is for photographs: leave out --framed")
    if options.emotion is not None and options.emotion.strip().lower() == "all":
        raise BadInput("--emotion all is for photographs: leave out --framed, or give one emotion")
    if options.out is None:
        raise BadInput(
            "the edits of --framed have the names of the pictures: give their folder, --out DIR"
        )
    units = None if options.aus is None else parse_units(options.aus)
    folder = Path(options.out)
    chosen = select_pictures(options.places, folder, options.overwrite)
    method = load_for(options)
    for line in _notes(options, chosen, method):
        say(line, err=True)
    left_out = LeftOut(len(chosen.unread))
    edits = edit_pictures(
        method,
        options.emotion,
        chosen.items,
        folder,
        units=units,
        resize=options.resize,
        framing=options.framing,
        **reporting(options, left_out),
    )
    count = 0
    with progress_bar(screen(err=True)) as move:
        for count, _ in enumerate(edits, 1):
            move("edit", count, len(chosen.items))
    unread = f", {left_out.count:,} unreadable left out" if left_out.count else ""
    say(f"{folder}: {plural(count, 'edit')}{unread}")


def _notes(options: EditOptions, chosen: Selection, method: Method) -> Iterator[str]:
    """What a user must know about pictures that are edited whole, a line each; see ``places_notes``."""
    from ganbench.data.framing import framing_note, mismatch

    yield from places_notes(options, chosen)
    uneven = chosen.uneven(options.max_pixels) if options.resize else 0
    if note := framing_note(uneven, len(chosen.items), options.framing):
        yield note
        if warning := mismatch(method.spec.title, method.card, options.framing):
            yield f"warning: {warning}"
