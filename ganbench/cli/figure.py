"""``ganbench figure``: a command for each figure of ``ganbench.figures``."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ganbench.cli import screen as output
from ganbench.cli.options import SEED, data_options, device_option, parse_data
from ganbench.cli.screen import say
from ganbench.figures import FIGURES, find

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ganbench.figures.scene import Faces
    from ganbench.judges import Judge


def parse_numbers(text: str) -> list[float]:
    """``0.4,1`` -> [0.4, 1.0].

    Raises:
        BadInput: no list of finite numbers.
    """
    from math import isfinite

    from ganbench.errors import BadInput

    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(map(isfinite, found)):
        raise BadInput(f"not numbers: {text!r}; write them as 0.4,1")
    return found


def parse_codes(text: str) -> NDArray[Any]:
    """``0.1,0.2;0.3,0.4`` -> [m, 2].

    Raises:
        BadInput: no list of points.
    """
    import numpy as np

    from ganbench.errors import BadInput

    points = [parse_numbers(part) for part in text.split(";")]
    if any(len(point) != 2 for point in points):
        raise BadInput(f"not codes of a plane: {text!r}; write x,y;x,y")
    return np.array(points)


def parse_code(text: str) -> NDArray[Any]:
    """``0.1,0.2`` -> [2].

    Raises:
        BadInput: not one point.
    """
    from ganbench.errors import BadInput

    points = parse_codes(text)
    if len(points) > 1:
        raise BadInput(f"one code is needed, not {len(points)}: {text!r}; write x,y")
    point: NDArray[Any] = points[0]
    return point


def _parsed(parse: Callable[[str], Any]) -> Callable[..., Any]:
    return lambda context, parameter, value: None if value is None else parse(value)


POSITIVE = click.FloatRange(min=0, min_open=True)

# The command-line parameters of each option or input of a figure, and those of all figures.
OPTIONS: dict[str, list[click.Parameter]] = {
    "method": [click.Option(["--method"], required=True, metavar="NAME", help="Whose edits; see 'ganbench methods'.")],
    "checkpoint": [click.Option(["--checkpoint"], metavar="FILE|RUN", help="A checkpoint of your own, or its run folder.  [default: the shipped one]")],
    "methods": [click.Option(["--methods"], default="all", show_default=True, metavar="all|[LABEL:]NAME[=FILE],...", help="Whose edits, as for 'ganbench eval'.")],
    "codes": [click.Option(["--codes"], metavar="X,Y;X,Y;...", callback=_parsed(parse_codes), help="Codes to show.  [default: the most even mixtures of two emotions]")],
    "code": [click.Option(["--code"], metavar="X,Y", callback=_parsed(parse_code), help="The middle.  [default: half way from neutral to happy]")],
    "step": [click.Option(["--step"], type=POSITIVE, help="Distance of neighbouring codes.  [default: 0.1]")],
    "tolerance": [click.Option(["--tolerance"], type=POSITIVE, help="Total variation allowed between two label distributions.  [default: 0.05]")],
    "rho": [click.Option(["--rho"], metavar="R,R,...", callback=_parsed(parse_numbers), help="Distance of each ring from the centre of the plane; GANmut's intensity.  [default: 0.4,1]")],
    "emotion": [click.Option(["--emotion"], metavar="NAME", help="The emotion shown.  [default: happy]")],
    "limit": [click.Option(["--limit"], type=click.IntRange(1, 700), help="Use so many test images.  [default: 350]")],
    "judge": [click.Option(["--judge"], default="vgg", show_default=True, metavar="vgg|face-api|FILE|RUN", help="Who judges: the suite's VGG, the independent face-api, or a checkpoint of 'ganbench train judge'.")],
    "images": [
        click.Option(["--images"], multiple=True, metavar="FILE [FILE...]", help="Pictures of your own instead of test faces: jpg, png; framed to squares."),
        click.Argument(["more"], nargs=-1, metavar=""),
    ],
    "seed": [click.Option(["--seed"], type=SEED, default=0, show_default=True, help="Of the choice of faces, and of noise.")],
    "out": [click.Option(["--out"], required=True, metavar="FILE.png|pdf", help="The figure.")],
}  # fmt: skip


class Figures(click.Group):
    """A command for each figure, with the options that it takes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(FIGURES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        entry = find(cmd_name)
        whose = () if "methods" in entry.inputs else ("method", "checkpoint")
        names = (*whose, *entry.options, *entry.inputs, "seed", "out")
        command = click.Command(
            cmd_name,
            params=[parameter for name in names for parameter in OPTIONS[name]],
            callback=partial(make, cmd_name),
            help=entry.text,
            short_help=entry.text,
        )
        return device_option(data_options(command))


@click.command(cls=Figures)
def figure() -> None:
    """Make a figure of the paper's supplement, ready for print.

    Prints what the figure shows and what was measured for it.
    """


def make(name: str, /, **given: Any) -> None:
    """Draw a figure into a file and print its caption.

    Args:
        name: of the figure.
        given: the options, as parsed.
    """
    from pathlib import Path

    from ganbench.cli.eval import parse_methods
    from ganbench.data import load_dataset
    from ganbench.data.finding import keep_originals
    from ganbench.data.framing import mismatch
    from ganbench.devices import resolve
    from ganbench.errors import BadInput
    from ganbench.evaluation.run import load_all
    from ganbench.figures.page import to_pdf, to_png
    from ganbench.figures.scene import Scene, read_pictures, sample_faces
    from ganbench.judges import load_judge
    from ganbench.storage.store import write_atomic

    out = Path(given["out"])
    writers = {".png": to_png, ".pdf": to_pdf}
    if out.suffix.lower() not in writers:
        raise BadInput(f"a figure is a png or pdf: {str(out)!r}; name it {out.stem}.pdf")
    files = [*given.get("images", ()), *given.get("more", ())]
    if given.get("more") and not given["images"]:
        raise BadInput(f"what is {files[0]!r}? pictures of your own follow --images")
    if files:
        keep_originals([out], [Path(file) for file in files], "choose another --out")
    source = click.get_current_context().get_parameter_source
    if files and any(source(name) is ParameterSource.COMMANDLINE for name in ("data", "root")):
        raise BadInput("give --images or --data, not both: the faces come from one of them")
    if "methods" in given:
        asked = parse_methods(given["methods"])
    else:
        asked = [(given["method"], given["checkpoint"])]
    device, console = resolve(given["device"]), output.screen(err=True)
    methods = tuple(load_all(asked, device).values())
    entry, size = find(name), methods[0].spec.image_size

    @cache
    def judge() -> Judge:
        return load_judge(given["judge"], device=device)

    if "judge" in entry.inputs:
        judge()  # what is wrong with it is said before the work
    with output.progress(console=console) as progress:
        bar = progress.add_task("", total=None, visible=False)

        def tell(what: str, done: int, total: int) -> None:
            progress.update(bar, description=what, completed=done, total=total, visible=True)

        def faces(count: int) -> Faces:
            if files:
                return read_pictures(
                    files,
                    size,
                    given["framing"],
                    given["max_pixels"],
                    lambda text: console.print(f"note: {text}", soft_wrap=True),
                )
            kind, options = parse_data(given["data"])
            data = load_dataset(
                kind,
                root=given["root"],
                size=size,
                skip_bad=given["skip_bad"],
                label_order=given["label_order"],
                framing=given["framing"],
                max_pixels=given["max_pixels"],
                progress=partial(tell, "data"),
                **options,
            )
            if data.left_out:
                console.print(f"left out of {data.name}: {data.left_out}", soft_wrap=True)
            for note in data.notes:
                console.print(f"{data.name}: {note}", soft_wrap=True)
            for one in methods:
                if warning := mismatch(one.spec.title, one.card, data.framing):
                    console.print(f"warning: {warning}", soft_wrap=True)
            return sample_faces(data, count, given["seed"])

        scene = Scene(methods, given["seed"], faces, judge, partial(tell, "edit"))
        options = {key: given[key] for key in entry.options if given[key] is not None}
        drawing = entry.load()(scene, **options)
    write_atomic(out, writers[out.suffix.lower()](drawing.figure))
    say(drawing.caption)
    say(str(out))
