"""Animation: a face along a path of codes, from one emotion to another or once around the plane."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganbench.emotions import COLOURS, EMOTIONS, index
from ganbench.errors import BadInput
from ganbench.figures import plane
from ganbench.figures.scene import Scene
from ganbench.figures.search import Floats
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes
from ganbench.storage.store import write_atomic

# Frames of a way, milliseconds of a frame, and frames that its ends are shown for.
FRAMES, MILLISECONDS, REST = 24, 50, 8

# Sides of a face and of the map of the plane in its corner, in pixels, and the width of the map's frame.
FACE, MAP, EDGE = 256, 72, 8

# Colours of the map: its ground, and the dot that moves with its rim.
GROUND, DARK, LIGHT = (235, 235, 235), (20, 20, 20), (255, 255, 255)

AROUND = "around"


def eased(frames: int) -> Floats:
    """Times from 0 to 1 that start and end slowly: 3 t^2 - 2 t^3."""
    t = np.linspace(0, 1, frames)
    return np.asarray(t * t * (3 - 2 * t))


def way(method: Method, start: str, end: str, frames: int = FRAMES) -> Floats:
    """The codes [n, 2] of an animation that can be repeated: there, a rest, back, and a rest.

    ``end`` "around" goes once around the centre of the plane, at the distance of the code of ``start``, and
    back to it.

    Raises:
        Unsupported: the method has no conditional plane.
        BadInput: an emotion is unknown, both are the same, or ``start`` lies at the centre of a round trip.
    """
    anchors = plane.anchors(method)
    a = anchors[index(start)]
    if end == AROUND:
        radius = float(np.hypot(*a))
        if radius < plane.NO_DIRECTION:
            raise BadInput(
                f"{start} lies at the centre of the plane of {method.name}, around which the way leads; "
                "start at another emotion"
            )
        angle = np.arctan2(a[1], a[0]) + 2 * np.pi * np.arange(3 * frames) / (3 * frames)
        return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    b = anchors[index(end)]
    if start == end:
        raise BadInput(f"--from and --to are both {start}; choose two emotions, or --to {AROUND}")
    there = a + eased(frames)[:, None] * (b - a)
    rest_a, rest_b = np.repeat(a[None], REST, 0), np.repeat(b[None], REST, 0)
    return np.concatenate([rest_a, there, rest_b, there[::-1]])


def draw_frames(scene: Scene, codes: Floats) -> list[NDArray[np.uint8]]:
    """The frames [FACE, FACE, 3] of a face along codes, with a map of the plane in a corner.

    Raises:
        Unsupported, BadInput: see ``way``; or a code lies outside the plane.
    """
    method = scene.method
    plane.check_codes(method, codes)
    edits = to_bytes(scene.edits(scene.face().images, plane.tensor(codes, method)))[:, 0]
    ground = _map(method)
    frames = []
    for code, edit in zip(codes, edits, strict=True):
        face = Image.fromarray(np.ascontiguousarray(edit.transpose(1, 2, 0)))
        frame = np.array(face.resize((FACE, FACE), Image.Resampling.BICUBIC))
        corner = ground.copy()
        _dot(corner, code, LIGHT, 5)
        _dot(corner, code, DARK, 3)
        frame[-MAP - EDGE : -EDGE, -MAP - EDGE : -EDGE] = corner
        frames.append(frame)
    return frames


def _colours() -> list[tuple[int, int, int]]:
    """The colours of the emotions."""
    found = []
    for emotion in EMOTIONS:
        red, green, blue = bytes.fromhex(COLOURS[emotion].lstrip("#"))
        found.append((red, green, blue))
    return found


def _map(method: Method) -> NDArray[np.uint8]:
    """The plane with a dot at each emotion, [MAP, MAP, 3]."""
    ground = np.full((MAP, MAP, 3), GROUND, np.uint8)
    for colour, code in zip(_colours(), plane.anchors(method), strict=True):
        _dot(ground, code, colour, 4)
    return ground


def _dot(
    ground: NDArray[np.uint8], code: Floats, colour: tuple[int, int, int], radius: int
) -> None:
    """Paint a disc at the place of a code, y up."""
    middle = (MAP - 1) / 2
    x, y = middle + code[0] * (middle - EDGE), middle - code[1] * (middle - EDGE)
    rows, columns = np.mgrid[:MAP, :MAP]
    ground[np.hypot(columns - x, rows - y) <= radius] = colour


def to_gif(frames: list[NDArray[np.uint8]]) -> bytes:
    """An endless GIF with one palette for all frames, so that what stands still does not flicker."""
    palette = Image.fromarray(np.concatenate(frames)).quantize(192, Image.Quantize.MEDIANCUT)
    # The few pixels of the map would lose their colours to the many of the face.
    own = [*_colours(), GROUND, DARK, LIGHT]
    palette.putpalette(
        bytes((palette.getpalette() or [])[: 3 * 192]) + bytes(np.ravel(own).tolist())
    )
    pictures = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    ]
    return _animation(pictures, "GIF", disposal=1, optimize=False)


def to_webp(frames: list[NDArray[np.uint8]]) -> bytes:
    """An endless animated WebP."""
    return _animation([Image.fromarray(frame) for frame in frames], "WEBP", quality=85, method=4)


def _animation(pictures: list[Image.Image], kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    first, *rest = pictures
    first.save(
        file, kind, save_all=True, append_images=rest, duration=MILLISECONDS, loop=0, **options
    )
    return file.getvalue()


def to_sprite(frames: list[NDArray[np.uint8]]) -> bytes:
    """A PNG with the frames in a row, for pages that animate it by style sheets."""
    file = io.BytesIO()
    Image.fromarray(np.concatenate(frames, axis=1)).save(file, "PNG")
    return file.getvalue()


FORMATS: dict[str, Callable[[list[NDArray[np.uint8]]], bytes]] = {
    ".gif": to_gif,
    ".webp": to_webp,
    ".png": to_sprite,
}


def writer(path: Path) -> Callable[[list[NDArray[np.uint8]]], None]:
    """A function that writes frames to a file, in the format of its ending.

    Raises:
        BadInput: the ending is none of .gif, .webp and .png.
    """
    encode = FORMATS.get(path.suffix.lower())
    if encode is None:
        raise BadInput(
            f"an animation is a gif, a webp, or a png with the frames in a row: {str(path)!r}; "
            f"name it {path.stem}.gif"
        )
    return lambda frames: write_atomic(path, encode(frames))


def caption(scene: Scene, start: str, end: str, frames: int) -> str:
    """What the animation shows."""
    ends = (
        f"once around the plane from {start}"
        if end == AROUND
        else f"from {start} to {end} and back"
    )
    return f"{scene.method.title}: {ends}, {frames} frames of {MILLISECONDS} ms."
