"""Faces to try the studio with: rendered test faces, and the photograph that the command was given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import islice
from pathlib import Path

from PIL import Image

from ganbench.data import pictures
from ganbench.data.faces import Face, FacesConfig, render, split_faces
from ganbench.errors import BadInput
from ganbench.photographs.files import decode_photograph
from ganbench.studio.shelf import to_jpeg, view

# The number of rendered faces, and among how many test faces they are chosen.
COUNT, AMONG = 6, 140
# Their side in pixels: large enough to see what pasting keeps.
SIDE = 360


@dataclass(frozen=True)
class Given:
    """The photograph that the command was given.

    Attributes:
        path: as the user wrote it.
        content: the bytes of its file.
        picture: a small JPEG of it; a browser cannot show all kinds of files.
    """

    path: str
    content: bytes
    picture: bytes
    rendered = False


@dataclass(frozen=True)
class Rendered:
    """A rendered face, which is drawn when it is needed.

    Attributes:
        path: the name of its file, once it is saved.
        face: what is drawn.
    """

    path: str
    face: Face
    rendered = True

    @cached_property
    def content(self) -> bytes:
        """The bytes of a PNG."""
        file = BytesIO()
        Image.fromarray(render(self.face, SIDE).image).save(file, "PNG", compress_level=1)
        return file.getvalue()

    @property
    def picture(self) -> bytes:
        """What the page shows, and what is saved: the file itself."""
        return self.content


Sample = Given | Rendered


def rendered_faces() -> list[Rendered]:
    """Neutral test faces that look into the camera: profiles are hard for all methods."""
    first = islice(split_faces(FacesConfig(), "test"), AMONG)
    neutral = [face for face in first if face.emotion == "neutral"]
    neutral.sort(key=lambda face: abs(face.yaw) + abs(face.pitch) + abs(face.roll))
    return [Rendered(f"rendered-{n}.png", face) for n, face in enumerate(neutral[:COUNT], 1)]


def read_given(path: Path, max_pixels: int) -> Given:
    """Read the photograph of a command line.

    Raises:
        BadInput: it is no picture, damaged or too large.
    """
    try:
        with pictures.open_file(path, max_pixels) as stream:
            content = stream.read()
        seen = decode_photograph(content, max_pixels).seen
    except pictures.UNREADABLE as error:
        raise BadInput(
            f"cannot open {path}: {pictures.why_unreadable(error)}; give a photograph, or none"
        ) from error
    height, width = seen.shape[:2]
    return Given(str(path), content, to_jpeg(view(seen, (0, 0, width, height), SIDE).pixels))
