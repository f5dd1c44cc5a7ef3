"""``ganbench studio``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganbench.cli import names
from ganbench.cli.names import list_of
from ganbench.cli.options import PATH, device_option, max_pixels_option
from ganbench.cli.screen import progress_bar, say, screen

if TYPE_CHECKING:
    from ganbench.cli.screen import Bar
    from ganbench.studio import Studio, StudioServer
    from ganbench.studio.samples import Given, Sample


@click.command()
@click.argument("photo", required=False, type=PATH)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    metavar="N",
    help="Port of the page on this machine.  [default: a free one]",
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option(
    "--methods",
    default="all",
    show_default=True,
    metavar="NAME[=FILE],...",
    shell_complete=list_of(names.all_methods),
    help="Methods to choose among, each perhaps with a checkpoint or run folder; all are the paper's six.",
)
@max_pixels_option
@device_option
def studio(
    photo: Path | None, port: int, no_browser: bool, methods: str, max_pixels: int, device: str
) -> None:
    """Edit photographs by hand on a page of this machine; Ctrl-C ends it.

    \b
    ganbench studio                          # rendered faces; photographs are dropped on the page
    ganbench studio photo.jpg                # begins with a photograph
    ganbench studio --methods linear,mine:gaussian=runs/gaussian

    The page moves a face through the gamut plane, turns the wheel, sets intensities and noise, compares all
    methods, saves the edited photograph and shows the 'ganbench edit' command that makes it again. Nothing leaves
    the machine: the server listens on 127.0.0.1 only, the address holds a secret, and photographs stay in memory.
    """
    import threading
    import webbrowser

    from ganbench.studio import StudioServer
    from ganbench.studio.samples import read_given

    given = None if photo is None else read_given(photo, max_pixels)
    with StudioServer(port) as server:
        with progress_bar(screen(err=True)) as move:
            server.studio = _prepared(methods, device, given, max_pixels, move)
        say(f"ganbench studio: {server.address}")
        say("Photographs stay in the memory of this machine. Ctrl-C ends the studio.", err=True)
        if not no_browser:
            # A browser of a terminal would keep the studio waiting.
            threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
        _serve(server)


def _serve(server: StudioServer) -> None:
    """Answer requests until Ctrl-C or SIGTERM."""
    # Shells start what runs in their background with Ctrl-C ignored.
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        with server.studio.turn:  # an edit that is being made would fail while Python ends
            say("the studio has ended; no photograph is kept", err=True)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _prepared(methods: str, device: str, given: Given | None, max_pixels: int, move: Bar) -> Studio:
    """The studio with its methods loaded and tried.

    Raises:
        BadInput: a method, a checkpoint or the device is not there, or a method cannot edit to emotions.
    """
    from ganbench.data.pictures import MAX_PIXELS
    from ganbench.devices import resolve
    from ganbench.evaluation.labels import parse_methods
    from ganbench.evaluation.run import load_all
    from ganbench.faces_in_photos import load_face_networks
    from ganbench.studio import Studio
    from ganbench.studio.samples import rendered_faces
    from ganbench.studio.studio import Loaded

    asked = parse_methods(methods)
    move("methods", 0, None)
    where = resolve(device)
    common: tuple[str, ...] = () if device == "auto" else ("--device", device)
    if max_pixels != MAX_PIXELS:
        common += ("--max-pixels", str(max_pixels))
    loaded = {}
    for one, (label, method) in zip(asked, load_all(asked, where).items(), strict=True):
        file = None if isinstance(one, str) else one[1]
        loaded[label] = Loaded(method, common, file)
    first: list[Sample] = [] if given is None else [given]
    return Studio(loaded, load_face_networks(where), [*first, *rendered_faces()], max_pixels)
