"""The pictures of a folder: known by name or content, also behind links, each file once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ganbench.data.pictures import kind_by_content
from ganbench.errors import BadInput

# Endings of pictures. A picture that pillow cannot read is refused with a reason, and never skipped.
IMAGE_ENDINGS = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".apng",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".webp",
        ".gif",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".pfm",
        ".avif",
        ".avifs",
        ".heic",
        ".heif",
        ".hif",
        ".jp2",
        ".j2k",
        ".jpx",
        ".jxl",
        ".qoi",
        ".tga",
        ".psd",
        ".pcx",
        ".sgi",
    ]
)
# Folders where systems keep copies.
_COPIES = ("__MACOSX", "@eaDir", "$RECYCLE.BIN")


def is_image(path: Path) -> bool:
    """Whether a file has the name of a picture. Hidden files do not count: systems keep copies in them."""
    return path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its name or, if the name does not tell, by its content."""
    return is_image(path) or (not path.name.startswith(".") and bool(kind_by_content(path)))


def is_loose_picture(path: Path) -> bool:
    """Whether an entry of a folder is a picture, and not a folder."""
    return not os.path.isdir(path) and is_picture(path)


@dataclass
class Found:
    """The pictures of a folder.

    Attributes:
        pictures: their paths, sorted; also of pictures that cannot be used.
        again: other paths, through links, of the same files.
        unread: (path, reason) of folders that cannot be read.
    """

    pictures: list[Path] = field(default_factory=list)
    again: list[Path] = field(default_factory=list)
    unread: list[tuple[Path, str]] = field(default_factory=list)


def find_pictures_in(folder: Path, without: Path | None = None) -> Found:
    """The pictures in a folder at any depth, also behind links to folders.

    Each folder is entered once, and a folder that contains ``folder`` never. If a file has several
    paths, the path without links counts, else the first in the order of names.

    Args:
        folder: where to look.
        without: a folder in it that is skipped.
    """
    found = Found()
    entered = {identity(parent) for parent in Path(os.path.realpath(folder)).parents}
    if without is not None:
        entered.add(identity(without))
    files: list[tuple[bool, Path]] = []  # whether the path leads through a link
    # Folders behind links come last: a folder with a path without links is entered by that path.
    direct, behind = [folder], list[Path]()
    while direct or behind:
        linked = not direct
        here = behind.pop() if linked else direct.pop()
        if identity(here) in entered:
            continue
        entered.add(identity(here))
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            found.unread.append((here, f"cannot read the folder: {error.strerror or error}"))
            continue
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name in _COPIES:
                continue
            path, link = here / entry.name, linked or entry.is_symlink()
            if _is_folder(entry):
                (behind if link else direct).append(path)
            elif is_picture(path):
                files.append((link, path))
    known: set[tuple[int, int] | str] = set()
    for _, path in sorted(files):
        file = identity(path)
        (found.again if file in known else found.pictures).append(path)
        known.add(file)
    found.pictures.sort()
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def identity(path: Path) -> tuple[int, int] | str:
    """A key that two paths of one file share, also through links; the path if there is no file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return os.path.abspath(path)
    # Some file systems do not number files.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def keep_originals(outputs: Iterable[Path], inputs: Sequence[Path], way_out: str) -> None:
    """Refuse to write over a file that is read, also if its paths differ.

    Two paths are one file through links and hard links. Paths that differ only in case are taken for
    one file on any system.

    Args:
        outputs: files to be written; most do not exist yet.
        inputs: files to be read.
        way_out: what the user can do instead, for the message.

    Raises:
        BadInput: an output is an input.
    """
    originals = {identity(path): path for path in inputs}
    names = {os.path.realpath(path).casefold(): path for path in inputs}
    for output in outputs:
        original = originals.get(identity(output)) or names.get(os.path.realpath(output).casefold())
        if original is not None:
            raise BadInput(f"{output} would be written over the picture {original}; {way_out}")
