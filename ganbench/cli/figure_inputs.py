"""The faces that a figure shows: test images, or pictures of the user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ganbench.cli.options import DataOptions
from ganbench.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ganbench.cli.screen import Bar
    from ganbench.figures.scene import Faces
    from ganbench.methods import Method


def input_files(given: Mapping[str, Any], out: Path) -> list[str]:
    """The pictures of ``--images``.

    Raises:
        BadInput: they contradict other options, or the figure would overwrite one of them.
    """
    from ganbench.data.finding import keep_originals

    files = [*given.get("images", ()), *given.get("more", ())]
    if not files:
        return []
    if not given["images"]:
        raise BadInput(f"unexpected argument: {files[0]!r}; write your pictures behind --images")
    keep_originals([out], [Path(file) for file in files], "choose another --out")
    source = click.get_current_context().get_parameter_source
    if any(source(name) is ParameterSource.COMMANDLINE for name in ("data", "root")):
        raise BadInput("--images with --data: the faces come from one of them; drop one")
    return files


def input_faces(
    given: Mapping[str, Any],
    files: list[str],
    methods: tuple[Method, ...],
    console: Any,
    move: Bar,
    count: int,
) -> Faces:
    """The input faces of a figure: pictures of the user, or ``count`` test images."""
    from ganbench.figures.scene import read_pictures, sample_faces

    size = methods[0].spec.image_size
    options = DataOptions.of(given)
    if files:
        return read_pictures(
            files,
            size,
            options.framing,
            options.max_pixels,
            lambda text: console.print(f"note: {text}", soft_wrap=True),
        )
    dataset = options.load("test", size, move)
    for line in options.notes(dataset, [(one.spec.title, one.card) for one in methods]):
        console.print(line, soft_wrap=True)
    return sample_faces(dataset, count, given["seed"])
