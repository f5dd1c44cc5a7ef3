"""``ganbench figure path``: an animation of a face along a path of codes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import names
from ganbench.cli.figure_inputs import input_faces, input_files
from ganbench.cli.names import examples, one_of
from ganbench.cli.options import data_options, device_option, method_options, seed_option
from ganbench.cli.screen import progress_bar, say, screen

if TYPE_CHECKING:
    from ganbench.judges.interface import Judge

TEXT = "An animation: a face on its way from one emotion to another, or around the plane."


@click.command(
    "path",
    help=TEXT,
    short_help=TEXT,
    epilog=examples("ganbench figure path --method linear --from sad --to around --out round.webp"),
)
@method_options
@click.option("--from", "start", default="happy", show_default=True, metavar="EMOTION", shell_complete=one_of(names.emotions), help="Where the way begins.")  # fmt: skip
@click.option(
    "--to",
    "end",
    default="angry",
    show_default=True,
    metavar="EMOTION|around",
    shell_complete=one_of(lambda: [*names.emotions(), "around"]),
    help="Where it ends, from where it returns; 'around' goes once around the centre of the plane.",
)
@click.option(
    "--frames",
    type=click.IntRange(2, 240),
    default=24,
    show_default=True,
    help="Frames of a way, there or back; three times as many around the plane.",
)
@click.option("--images", metavar="FILE", help="Your picture instead of a test face; it is made square.")  # fmt: skip
@seed_option("Seed of the choice of the face.")
@click.option("--out", required=True, metavar="FILE.gif|webp|png", help="File; a png has all frames in a row.")  # fmt: skip
@data_options
@device_option
def path(start: str, end: str, frames: int, images: str | None, out: str, **given: Any) -> None:
    """See ``TEXT``."""
    from ganbench.devices import resolve
    from ganbench.evaluation.run import load_all
    from ganbench.figures import path as animation
    from ganbench.figures.scene import Scene

    given |= {"images": (images,) if images else (), "more": ()}
    write = animation.writer(Path(out))
    files = input_files(given, Path(out))
    (method,) = load_all(
        [(given["method"], given["checkpoint"])], resolve(given["device"])
    ).values()
    codes = animation.way(method, start.lower(), end.lower(), frames)
    console = screen(err=True)
    with progress_bar(console) as move:
        faces = partial(input_faces, given, files, (method,), console, move)
        scene = Scene((method,), given["seed"], faces, _no_judge, partial(move, "edit"))
        pictures = animation.draw_frames(scene, codes)
    write(pictures)
    say(animation.caption(scene, start, end, len(pictures)))
    say(out)


def _no_judge() -> Judge:
    raise AssertionError("an animation is not judged")
