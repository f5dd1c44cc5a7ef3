"""Which files of a folder are pictures: by name or by content, through links, each once."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ganbench.data.pictures import kind_by_content
from ganbench.errors import BadInput

# Names of pictures. What of these pillow cannot read is refused with a reason, and never passed over.
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
# Folders in which programs keep copies of their own.
_COPIES = ("__MACOSX", "@eaDir", "$RECYCLE.BIN")


def is_image(path: Path) -> bool:
    """Whether a file's name is that of a picture. Hidden files are none: systems keep copies there."""
    return path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its name or, where that does not say, by its content."""
    return is_image(path) or (not path.name.startswith(".") and bool(kind_by_content(path)))


def is_loose_picture(path: Path) -> bool:
    """Whether what lies in a folder is a picture, and not a folder itself."""
    return not os.path.isdir(path) and is_picture(path)


@dataclass
class Found:
    """The pictures of a folder.

    Attributes:
        pictures: their paths, sorted; those that cannot be used are among them.
        again: further paths, through links, of files that are there already.
        unread: (path, reason) of folders that could not be looked into.
    """

    pictures: list[Path] = field(default_factory=list)
    again: list[Path] = field(default_factory=list)
    unread: list[tuple[Path, str]] = field(default_factory=list)


def find_pictures_in(folder: Path, without: Path | None = None) -> Found:
    """The pictures in a folder at any depth, links to folders followed.

    A folder that was seen, and one that holds ``folder`` itself, is not entered through a link. Of
    several paths of one file the one without links counts, else the first in the order of names.

    Args:
        folder: where to look.
        without: a folder in it that is passed over.
    """
    found = Found()
    home = Path(os.path.realpath(folder))
    above = {identity(parent) for parent in home.parents}
    passed = None if without is None else identity(without)
    seen: set[tuple[int, int] | str] = set()
    files: list[tuple[bool, Path]] = []  # whether a link leads there
    # Folders behind links come last, so that one without is not taken for seen.
    straight, behind = [folder], list[Path]()
    while straight or behind:
        linked = not straight
        here = behind.pop() if linked else straight.pop()
        which = identity(here)
        if which in seen or which in above or which == passed:
            continue
        seen.add(which)
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            found.unread.append((here, f"cannot look into it: {error.strerror or error}"))
            continue
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name in _COPIES:
                continue
            path, link = here / entry.name, linked or entry.is_symlink()
            if _is_folder(entry):
                (behind if link else straight).append(path)
            elif is_picture(path):
                files.append((link, path))
    first: set[tuple[int, int] | str] = set()
    for _, path in sorted(files):
        which = identity(path)
        (found.again if which in first else found.pictures).append(path)
        first.add(which)
    found.pictures.sort()
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def identity(path: Path) -> tuple[int, int] | str:
    """Equal for two paths of one file, whatever links they take; the path itself if nothing is there."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return os.path.abspath(path)
    # Some file systems number no files.
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)


def keep_originals(outputs: Iterable[Path], inputs: Sequence[Path], way_out: str) -> None:
    """Refuse to write over a file that is read, whatever it is called there.

    Two paths are one file through links, hard links and, where the system says so, names that differ
    in case; names that differ in nothing else are taken for one file on any system.

    Args:
        outputs: files to be written; most are not there yet.
        inputs: files to be read.
        way_out: what the user can do instead.

    Raises:
        BadInput: an output is an input.
    """
    originals = {identity(path): path for path in inputs}
    names = {os.path.realpath(path).casefold(): path for path in inputs}
    for output in outputs:
        original = originals.get(identity(output)) or names.get(os.path.realpath(output).casefold())
        if original is not None:
            raise BadInput(f"{output} would be written over the picture {original}; {way_out}")


def there(path: Path) -> str:
    """What is at a path: "file" (of any kind), "folder", or empty for nothing.

    Raises:
        BadInput: no file can have that name.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"no such file or folder: {shortened(path)} ({reason})") from error
    return "folder" if stat.S_ISDIR(mode) else "file"


def shortened(path: Path, most: int = 200) -> str:
    """A path for a message: of a very long one the beginning and the end."""
    text = str(path)
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"
