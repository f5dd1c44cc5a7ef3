"""Editing of any number of pictures, of which at most one batch is in memory."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ganbench.data import finding, pictures
from ganbench.data.framing import CENTRE, check_framing, to_square
from ganbench.errors import BadInput
from ganbench.evaluation import contract
from ganbench.methods.conditions import ActionUnits
from ganbench.methods.interface import Method
from ganbench.methods.outputs import MUCH, cut_note, to_bytes
from ganbench.methods.tensors import check_parameters
from ganbench.parsing import is_folder, why
from ganbench.seeds import generator
from ganbench.storage.store import write_atomic
from ganbench.text import clipped

# The largest number of bytes in the name of a file, on common file systems.
_LONGEST = 255


@dataclass(frozen=True)
class Item:
    """A picture to edit.

    Attributes:
        source: the file.
        name: the path of its edit, relative to the folder of all edits. The noise of the edit is
            drawn by this name.
    """

    source: Path
    name: str


class Unreadable(BadInput):
    """A file is not a picture, or is cut off; ``reason`` says which."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot read: {path} ({reason}); mend or remove it, or add --skip-bad")
        self.reason = reason


@dataclass(frozen=True)
class Selection:
    """The pictures to edit.

    Attributes:
        items: the pictures, each once.
        duplicates: the number of further paths of these pictures: links, and names given twice.
        unread: (folder, reason) of folders that could not be read.
        edits: the number of pictures that are edits of others by their names, and are not edited again.
    """

    items: list[Item]
    duplicates: int = 0
    unread: tuple[tuple[Path, str], ...] = ()
    edits: int = 0

    def uneven(self, max_pixels: int = pictures.MAX_PIXELS) -> int:
        """The number of pictures that are not square, by their headers."""
        extents = (pictures.extent_of(item.source, max_pixels) for item in self.items)
        return sum(extent is not None and extent[0] != extent[1] for extent in extents)


def select_pictures(
    places: Sequence[Path],
    out: Path | None,
    overwrite: bool = False,
    named: Callable[[Path, Path], Path] = lambda path, relative: _edit_name(relative),
    suffixes: Sequence[str] = (),
) -> Selection:
    """Find the pictures in ``places``: files, and folders at any depth.

    Args:
        places: files and folders. Every given file counts as a picture; in folders the name and the
            content of a file decide.
        out: folder of the edits, which need not exist. Files in it are not edited. None puts each edit
            beside its picture.
        overwrite: whether existing edits may be replaced.
        named: from the path of a picture, and its path relative to the folder of all edits, to the path
            of its edit relative to that folder.
        suffixes: a picture of a folder whose name is that of another one, a hyphen and one of these is an
            edit of it, and not edited again.

    Raises:
        BadInput: there is no picture, two edits would have one name, or an edit would replace a
            picture of ``places`` or, without ``overwrite``, an existing file.
    """
    items: list[Item] = []
    unread: list[tuple[Path, str]] = []
    duplicates = edits = 0

    def item(path: Path, relative: Path) -> Item:
        return Item(path, named(path, path if out is None else relative).as_posix())

    for place in places:
        if is_folder(place):
            inside = out is not None and place.resolve() in out.resolve().parents
            found = finding.find_pictures_in(place, out if inside else None)
            originals = _without_edits(found.pictures, suffixes)
            edits += len(found.pictures) - len(originals)
            items += [item(path, path.relative_to(place)) for path in originals]
            unread += found.unread
            duplicates += len(found.again)
        else:
            try:
                place.stat()
            except (OSError, ValueError) as error:
                raise BadInput(
                    f"no such file or folder: {clipped(str(place))} ({why(error)}); check --images"
                ) from error
            items.append(item(place, Path(place.name)))
    first: dict[object, Item] = {}
    for each in items:
        first.setdefault(finding.identity(each.source), each)
    duplicates += len(items) - len(first)
    items = list(first.values())
    if not items:
        raise BadInput(f"no pictures in: {', '.join(map(str, places))}; give jpg or png files")
    _check_outputs(items, Path() if out is None else out, overwrite)
    return Selection(items, duplicates, tuple(unread), edits)


def _without_edits(found: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """The pictures of a folder without those that are edits of others by their names."""
    names = {path.with_suffix("") for path in found}

    def is_edit(path: Path) -> bool:
        return any(
            path.stem.endswith(f"-{suffix}")
            and path.with_name(path.stem.removesuffix(f"-{suffix}")) in names
            for suffix in suffixes
        )

    return [path for path in found if not is_edit(path)]


def _edit_name(path: Path) -> Path:
    """The path of a picture's edit, in a folder of edits."""
    known = path.suffix.lower() in finding.IMAGE_ENDINGS
    return path.with_suffix(".png") if known else path.with_name(f"{path.name}.png")


def _check_outputs(items: Sequence[Item], out: Path, overwrite: bool) -> None:
    names = Counter(item.name for item in items)
    if shared := [name for name, n in names.items() if n > 1]:
        first, second, *_ = (str(item.source) for item in items if item.name == shared[0])
        raise BadInput(
            f"two edits would be {shared[0]}: of {first} and {second}; rename one of them"
        )
    if long := [item for item in items if len(os.fsencode(Path(item.name).name)) > _LONGEST]:
        raise BadInput(
            f"the edit of {clipped(str(long[0].source))} would have a name of more than "
            f"{_LONGEST} bytes; rename the picture"
        )
    outputs = [out / item.name for item in items]
    finding.keep_originals(
        outputs, [item.source for item in items], "choose an --out apart from the pictures"
    )
    existing = [] if overwrite else [output for output in outputs if output.exists()]
    if existing:
        raise BadInput(
            f"already there: {existing[0]}"
            + (f" and {len(existing) - 1} more" if len(existing) > 1 else "")
            + "; add --overwrite or choose another --out"
        )


def edit_pictures(
    method: Method,
    emotion: int | str | None,
    items: Iterable[Item],
    out: Path,
    *,
    units: Sequence[float] | None = None,
    resize: bool = False,
    framing: str = CENTRE,
    max_pixels: int = pictures.MAX_PIXELS,
    batch_size: int = 32,
    seed: int = 0,
    on_bad: Callable[[Item, str], None] | None = None,
    on_remark: Callable[[Item, str], None] = lambda item, remark: None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Iterator[Path]:
    """Edit pictures batch by batch, and write each edit as a PNG.

    Args:
        method: makes the edits.
        emotion: the target: a name, or a position in the order of Table 1; None with ``units``.
        items: the pictures; they are read when they are needed.
        out: folder of the edits.
        units: the target as action units [17] in [0, 1], for methods that were trained on them.
        resize: whether pictures of another size are framed and resampled (Lanczos), or refused.
        framing: with ``resize``, how pictures that are not square become squares; see
            ``ganbench.data.framing``.
        max_pixels: pictures with more pixels are unreadable.
        batch_size: pictures edited at once; changes memory and speed only.
        seed: of the noise of stochastic methods.
        on_bad: called with each unreadable picture, which is left out; None raises instead.
        on_remark: called with a line for everything that a user should know of a picture.
        on_note: called at the end if many values of the edits lay outside [0, 1] and were cut.

    Yields:
        the path of each edit, after it was written.

    Raises:
        BadInput: the method fails at the first batch (``ganbench.evaluation.contract``), or a picture
            has another size or is unreadable. The files written before remain.
    """
    check_framing(framing)
    size = method.config.image_size

    def readable() -> Iterator[tuple[Item, NDArray[np.uint8]]]:
        for item in items:
            try:
                remark = partial(on_remark, item)
                pixels = read_picture(item.source, size, resize, framing, max_pixels, remark)
            except Unreadable as error:
                if on_bad is None:
                    raise
                on_bad(item, error.reason)
            else:
                yield item, pixels

    check_parameters(method, method.name)
    readable_items, count, clamped = readable(), 0, 0.0
    while batch := list(islice(readable_items, batch_size)):
        images = torch.from_numpy(np.stack([pixels for _, pixels in batch]))
        noise = None
        if method.noise_dim:
            draws = [method.draw_noise(1, generator(seed, "edit", item.name)) for item, _ in batch]
            noise = torch.cat([draw for draw in draws if draw is not None])
        with contract.blamed(method.name):
            if units is not None:
                target = torch.tensor(units, device=method.device).expand(len(batch), -1)
                codes = method.encode(ActionUnits(target), noise)
            else:
                labels: list[Any] = [emotion] * len(batch)  # names, or numbers
                codes = method.codes(labels, noise=noise)
        inputs = images.permute(0, 3, 1, 2).float().div_(255)
        edit = contract.edit(method, inputs, codes, first=not count)
        count += len(batch)
        clamped += 0.0 if edit.clamped is None else float(edit.clamped.sum())
        pixels = to_bytes(edit.images.permute(0, 2, 3, 1))
        for (item, _), picture in zip(batch, pixels, strict=True):
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "PNG")
            write_atomic(out / item.name, file.getvalue())
            yield out / item.name
    if count and clamped / count > MUCH:
        on_note(cut_note(method.title, clamped / count, judged=False))


def read_picture(
    path: Path,
    size: int,
    resize: bool = False,
    framing: str = CENTRE,
    max_pixels: int = pictures.MAX_PIXELS,
    on_remark: Callable[[str], None] = lambda remark: None,
) -> NDArray[np.uint8]:
    """Read a picture as uint8 [size, size, 3]; the arguments are those of ``edit_pictures``.

    Raises:
        Unreadable: the file is not a picture, or cannot be used.
        BadInput: the picture has another size, without ``resize``.
    """
    try:
        picture = pictures.read(path, max_pixels)
    except pictures.UNREADABLE as error:
        raise Unreadable(path, pictures.why_unreadable(error)) from error
    if picture.image.size != (size, size) and not resize:
        width, height = picture.image.size
        raise BadInput(
            f"{path} has {width} x {height} pixels, the method edits {size} x {size}; add "
            "--resize to frame pictures (see --framing) and resample them"
        )
    if picture.remark:
        on_remark(picture.remark)
    return pictures.to_array(to_square(picture.image, size, framing))
