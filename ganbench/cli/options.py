"""Options that several subcommands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ganbench.data.framing import CENTRE, FRAMINGS
from ganbench.seeds import LARGEST

# Pictures at once, or in a data set: more of them than any machine holds is a slip of the finger.
BATCH, COUNT = click.IntRange(1, 65_536), click.IntRange(1, 1_000_000_000)
PIXELS = click.IntRange(1, 4096)
# Every seed of every command.
SEED = click.IntRange(0, LARGEST)

Command = TypeVar("Command", bound=Callable[..., Any])


def data_options(command: Command) -> Command:
    """--data, --root, --label-order, --framing, --max-pixels and --skip-bad: which data set, where it
    lies, how it is read.
    """
    for option in (
        picture_options,
        label_order_option,
        click.option(
            "--skip-bad", is_flag=True, help="Leave out unreadable images instead of stopping."
        ),
        click.option(
            "--root",
            type=click.Path(),
            help="Folder of the data set; the embedded faces need none.",
        ),
        click.option(
            "--data",
            default="faces",
            show_default=True,
            metavar="KIND",
            help="Kind of data set; see 'ganbench data list'. Other faces than the default's 7,000 "
            "for training and 700 for testing: faces:train=70,test=70,seed=1.",
        ),
    ):
        command = option(command)
    return command


def allow_leaks_option(command: Command) -> Command:
    """--allow-leaks: pictures may be where they should not."""
    return click.option(
        "--allow-leaks",
        is_flag=True,
        help="Go on where an image is in both splits, or under two emotions.",
    )(command)


def leak_options(command: Command) -> Command:
    """--allow-leaks and --same-data."""
    same = click.option(
        "--same-data",
        is_flag=True,
        help="The images may serve for training and testing alike: the numbers are then those of "
        "training images.",
    )
    return allow_leaks_option(same(command))


def label_order_option(command: Command) -> Command:
    """--label-order: what numbers as labels mean."""
    return click.option(
        "--label-order",
        metavar="NAME|NAME,...",
        help="What numbers as labels mean: table1 (AffectNet's), alphabetical, fer2013, raf-db, or the "
        "names in the order of the numbers; 1:NAME,... if these begin with 1.  [default: table1]",
    )(command)


def au_scale_option(command: Command) -> Command:
    """--au-scale: where the action units of a list end."""
    return click.option(
        "--au-scale",
        type=click.Choice(["auto", "5", "1"]),
        default="auto",
        show_default=True,
        help="Where the action units of a list end: at 5, as OpenFace's, or at 1. auto: at 5 if a "
        "value is above 1; at 1 if 100 rows or more have none, but one above 0.5; else it is refused.",
    )(command)


def au_scale_of(text: str) -> float | None:
    """The choice of --au-scale as ``load_dataset`` takes it."""
    return None if text == "auto" else float(text)


def picture_options(command: Command) -> Command:
    """--framing and --max-pixels: how pictures of users are read."""
    for option in (
        click.option(
            "--max-pixels",
            type=click.IntRange(1, 10**12),
            default=64_000_000,
            show_default=True,
            help="Refuse pictures with more pixels, by their headers.",
        ),
        click.option(
            "--framing",
            type=click.Choice(FRAMINGS),
            default=CENTRE,
            show_default=True,
            help="How a picture that is not square becomes a square: its middle is cut out, or all of it "
            "is stretched.",
        ),
    ):
        command = option(command)
    return command


def device_option(command: Command) -> Command:
    """--device: where to compute."""
    return click.option(
        "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 ..."
    )(command)


def parse_data(text: str) -> tuple[str, dict[str, Any]]:
    """``KIND`` or ``KIND:KEY=N,...`` -> the kind and its options.

    Raises:
        BadInput: not of that form. Unknown kinds and keys are refused when the data are opened.
    """
    from ganbench.errors import BadInput
    from ganbench.seeds import check_seed
    from ganbench.text import shown

    name, separator, rest = text.partition(":")
    found: dict[str, Any] = {}
    for part in rest.split(",") if separator else ():
        key, _, value = (piece.strip() for piece in part.partition("="))
        if not key or not value.isdecimal() or len(value) > 20:
            raise BadInput(
                f"not a data set: {shown(text)}; write --data {name or 'faces'}, or "
                "--data faces:train=700,seed=1"
            )
        found[key] = int(value)
        if key == "seed":
            check_seed(found[key])
    return name, found
