"""``ganbench figure``: a command for each figure of ``ganbench.figures``."""

from __future__ import annotations

from functools import cache, partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import names as sources
from ganbench.cli.figure_inputs import input_faces, input_files
from ganbench.cli.figure_path import path
from ganbench.cli.names import examples, list_of, one_of
from ganbench.cli.options import (
    data_options,
    device_option,
    method_options,
    seed_option,
    several,
)
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.errors import BadInput
from ganbench.figures import FIGURES, find, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ganbench.judges import Judge


def parse_numbers(text: str) -> list[float]:
    """Finite numbers: ``"0.4,1"`` -> ``[0.4, 1.0]``.

    Raises:
        BadInput: the text is no list of finite numbers.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(map(isfinite, numbers)):
        raise BadInput(f"not numbers: {text!r}; write them as 0.4,1")
    return numbers


def parse_codes(text: str) -> NDArray[Any]:
    """Codes of a plane, float64 [m, 2], from ``"0.1,0.2;0.3,0.4"``.

    Raises:
        BadInput: the text is no list of points.
    """
    import numpy as np

    points = [parse_numbers(part) for part in text.split(";")]
    if any(len(point) != 2 for point in points):
        raise BadInput(f"not codes of a plane: {text!r}; write x,y;x,y")
    return np.array(points)


def parse_code(text: str) -> NDArray[Any]:
    """A code of a plane, float64 [2], from ``"0.1,0.2"``.

    Raises:
        BadInput: the text is not one point.
    """
    points = parse_codes(text)
    if len(points) > 1:
        raise BadInput(f"one code is needed, not {len(points)}: {text!r}; write x,y")
    point: NDArray[Any] = points[0]
    return point


def _parsed(parse: Callable[[str], Any]) -> Callable[..., Any]:
    return lambda context, parameter, value: None if value is None else parse(value)


POSITIVE = click.FloatRange(min=0, min_open=True)

# The command-line options of each option or input of a figure, and those of all figures.
OPTIONS: dict[str, Callable[[Any], Any]] = {
    "method": method_options,
    "methods": click.option("--methods", default="all", show_default=True, metavar="all|[LABEL:]NAME[=FILE],...", shell_complete=list_of(sources.all_methods), help="Methods, as for 'ganbench eval'."),
    "codes": click.option("--codes", metavar="X,Y;X,Y;...", callback=_parsed(parse_codes), help="Codes to show.  [default: the most even mixtures of two emotions]"),
    "code": click.option("--code", metavar="X,Y", callback=_parsed(parse_code), help="The code in the middle.  [default: half way from neutral to happy]"),
    "step": click.option("--step", type=POSITIVE, help="Distance of neighbouring codes.  [default: 0.1]"),
    "tolerance": click.option("--tolerance", type=POSITIVE, help="Largest total variation between two label distributions.  [default: 0.05]"),
    "rho": click.option("--rho", metavar="R,R,...", callback=_parsed(parse_numbers), help="Radius of each ring around the centre of the plane; GANmut's intensity.  [default: 0.4,1]"),
    "emotion": click.option("--emotion", metavar="NAME", shell_complete=one_of(sources.emotions), help="The emotion to show.  [default: happy]"),
    "limit": click.option("--limit", type=click.IntRange(1, 700), help="Number of test images.  [default: 350]"),
    "judge": click.option("--judge", default="vgg", show_default=True, metavar="vgg|face-api|FILE|RUN", shell_complete=one_of(sources.judges), help="The judge: the suite's VGG, the independent face-api, or a checkpoint of 'ganbench train judge'."),
    "images": several(
        click.option("--images", multiple=True, metavar="FILE [FILE...]", help="Your pictures instead of test faces, as JPEG or PNG; they are made square."),
        click.argument("more", nargs=-1, metavar=""),
    ),
    "seed": seed_option("Seed of the choice of faces and of the noise."),
    "out": click.option("--out", required=True, metavar="FILE.png|pdf", help="File of the figure."),
}  # fmt: skip


class Figures(click.Group):
    """One command for each figure, with its options."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*FIGURES, path.name or ""]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name == path.name:
            return path
        entry = find(cmd_name)
        names = [*entry.options, *entry.inputs, "seed", "out"]
        if "methods" not in names:
            names.insert(0, "method")
        options = several(*(OPTIONS[name] for name in names), data_options, device_option)
        chosen = "--methods stargan,gaussian" if "methods" in names else "--method gaussian"
        example = examples(f"ganbench figure {cmd_name} {chosen} --out {cmd_name}.png")
        command = click.command(cmd_name, help=entry.text, short_help=entry.text, epilog=example)
        return command(options(partial(make, cmd_name)))


@click.command(
    cls=Figures,
    epilog=examples(
        "ganbench figure gamut --method gaussian --out gamut.png",
        "ganbench figure compare --methods stargan,smit --images me.jpg --out mine.pdf",
    ),
)
def figure() -> None:
    """Make a figure of the paper's supplement, ready for print.

    Prints a caption with the measured values.
    """


def make(name: str, /, **given: Any) -> None:
    """Draw a figure into a file and print its caption.

    Args:
        name: name of the figure.
        given: the parsed options.
    """
    from ganbench.devices import resolve
    from ganbench.evaluation.labels import parse_methods
    from ganbench.evaluation.run import load_all
    from ganbench.figures.page import file_writer
    from ganbench.figures.scene import Scene
    from ganbench.judges import load_judge

    out = Path(given["out"])
    write = file_writer(out)
    files = input_files(given, out)
    if "methods" in given:
        asked = parse_methods(given["methods"])
    else:
        asked = [(given["method"], given["checkpoint"])]
    device, console, entry = resolve(given["device"]), screen(err=True), find(name)
    methods = tuple(load_all(asked, device).values())

    @cache
    def judge() -> Judge:
        return load_judge(given["judge"], device=device)

    if "judge" in entry.inputs:
        judge()  # an error comes before the work
    with progress_bar(console) as move:
        faces = partial(input_faces, given, files, methods, console, move)
        scene = Scene(methods, given["seed"], faces, judge, partial(move, "edit"))
        options = {key: given[key] for key in entry.options if given[key] is not None}
        drawing = load(name)(scene, **options)
    write(drawing.figure)
    say(drawing.caption)
    say(str(out))
