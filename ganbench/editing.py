"""Editing in bulk: any number of pictures, of which never more than a batch is in memory."""

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
from ganbench.seeds import generator
from ganbench.storage.store import write_atomic

# Bytes of a file's name on common file systems.
_LONGEST = 255


@dataclass(frozen=True)
class Item:
    """A picture to edit.

    Attributes:
        source: the file.
        name: where its edit goes, relative to the folder of all; its noise is drawn by this name.
    """

    source: Path
    name: str


class Unreadable(BadInput):
    """A file that is no picture, or only half of one; ``reason`` says which."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot read: {path} ({reason}); mend or remove it, or add --skip-bad")
        self.reason = reason


@dataclass(frozen=True)
class Selection:
    """What is to be edited.

    Attributes:
        items: the pictures, each once.
        again: how many further paths lead to a picture that is among them, through links or because
            it was named twice.
        unread: (folder, reason) of folders that could not be looked into.
    """

    items: list[Item]
    again: int = 0
    unread: tuple[tuple[Path, str], ...] = ()

    def uneven(self, max_pixels: int = pictures.MAX_PIXELS) -> int:
        """How many pictures are not square, by their headers."""
        found = (pictures.extent_of(item.source, max_pixels) for item in self.items)
        return sum(extent is not None and extent[0] != extent[1] for extent in found)


def find_pictures(places: Sequence[Path], out: Path, overwrite: bool = False) -> list[Item]:
    """The pictures of ``select_pictures``."""
    return select_pictures(places, out, overwrite).items


def select_pictures(places: Sequence[Path], out: Path, overwrite: bool = False) -> Selection:
    """The pictures in ``places``: files, and folders at any depth; what lies in ``out`` is not one.

    Args:
        places: files are pictures whatever they are called; in folders names and contents tell.
        out: folder of the edits, which need not be there.
        overwrite: edits may be there already.

    Raises:
        BadInput: nothing there, two pictures whose edits would share a name, an edit that would be
            written over a picture that is read or, without ``overwrite``, that is already there.
    """
    found: list[Item] = []
    unread: list[tuple[Path, str]] = []
    again = 0
    for place in places:
        kind = finding.there(place)
        if kind == "folder":
            whole, inner = place.resolve(), out.resolve()
            inside = finding.find_pictures_in(place, out if whole in inner.parents else None)
            found += [Item(path, _named(path.relative_to(place))) for path in inside.pictures]
            unread += inside.unread
            again += len(inside.again)
        elif kind:
            found.append(Item(place, _named(Path(place.name))))
        else:
            raise BadInput(f"no such file or folder: {place}; check --images")
    items: dict[object, Item] = {}
    for item in found:
        items.setdefault(finding.identity(item.source), item)
    again += len(found) - len(items)
    chosen = list(items.values())
    if not chosen:
        raise BadInput(f"no pictures in: {', '.join(map(str, places))}; give jpg or png files")
    _check_outputs(chosen, out, overwrite)
    return Selection(chosen, again, tuple(unread))


def _named(path: Path) -> str:
    """What the edit of a picture is called."""
    known = path.suffix.lower() in finding.IMAGE_ENDINGS
    return (path.with_suffix(".png") if known else path.with_name(f"{path.name}.png")).as_posix()


def _check_outputs(items: Sequence[Item], out: Path, overwrite: bool) -> None:
    if twice := [name for name, n in Counter(item.name for item in items).items() if n > 1]:
        first, second, *_ = (str(item.source) for item in items if item.name == twice[0])
        raise BadInput(
            f"two edits would be {twice[0]}: of {first} and {second}; rename one of them"
        )
    if long := [item for item in items if len(os.fsencode(Path(item.name).name)) > _LONGEST]:
        raise BadInput(
            f"the edit of {finding.shortened(long[0].source)} would have a name of more than "
            f"{_LONGEST} bytes; rename the picture"
        )
    outputs = [out / item.name for item in items]
    finding.keep_originals(
        outputs, [item.source for item in items], "choose an --out apart from the pictures"
    )
    there = [] if overwrite else [output for output in outputs if output.exists()]
    if there:
        raise BadInput(
            f"already there: {there[0]}"
            + (f" and {len(there) - 1} more" if len(there) > 1 else "")
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
    """Edit pictures batch by batch, writing each edit as a PNG.

    Args:
        method: whose edits.
        emotion: what they are to show: a name, or a position in Table-1 order; None where ``units`` say
            it.
        items: taken only as they are needed.
        out: folder of the edits.
        units: action units [17] in [0, 1] to show instead of an emotion, for methods trained on these.
        resize: frame pictures of another size and resample them (Lanczos); without it they are
            refused.
        framing: with ``resize``, how pictures that are not square become squares; see
            ``ganbench.data.framing``.
        max_pixels: pictures with more pixels cannot be read.
        batch_size: pictures edited at once; changes memory and speed only.
        seed: of the noise of stochastic methods.
        on_bad: told of each picture that cannot be read, which is then left out; if None, the first
            one ends it.
        on_remark: told what a user should know of a picture that is edited.
        on_note: told at the end, if much of the edits lay outside [0, 1] and was cut to it.

    Yields:
        each file, after it was written.

    Raises:
        BadInput: a method that fails at the first few pictures (``ganbench.evaluation.contract``), a picture of
            another size or, without ``on_bad``, an unreadable one; what was written before stays.
    """
    check_framing(framing)
    size = method.config.image_size

    def readable() -> Iterator[tuple[Item, NDArray[np.uint8]]]:
        for item in items:
            try:
                tell = partial(on_remark, item)
                pixels = read_picture(item.source, size, resize, framing, max_pixels, tell)
            except Unreadable as error:
                if on_bad is None:
                    raise
                on_bad(item, error.reason)
            else:
                yield item, pixels

    check_parameters(method, method.name)
    found, count, total = readable(), 0, 0.0
    while batch := list(islice(found, batch_size)):
        images = torch.from_numpy(np.stack([pixels for _, pixels in batch]))
        noise = None
        if method.noise_dim:
            draws = [method.draw_noise(1, generator(seed, "edit", item.name)) for item, _ in batch]
            noise = torch.cat([draw for draw in draws if draw is not None])
        with contract.blamed(method.name):
            if units is not None:
                wanted = torch.tensor(units, device=method.device).expand(len(batch), -1)
                codes = method.encode(ActionUnits(wanted), noise)
            else:
                label: list[Any] = [emotion] * len(batch)  # a name, or a number
                codes = method.codes(label, noise=noise)
        inputs = images.permute(0, 3, 1, 2).float().div_(255)
        made = contract.edit(method, inputs, codes, first=not count)
        edits, count = made.images, count + len(batch)
        total += 0.0 if made.clamped is None else float(made.clamped.sum())
        pixels = to_bytes(edits.permute(0, 2, 3, 1))
        for (item, _), edit in zip(batch, pixels, strict=True):
            file = io.BytesIO()
            Image.fromarray(edit).save(file, "PNG")
            write_atomic(out / item.name, file.getvalue())
            yield out / item.name
    if count and total / count > MUCH:
        on_note(cut_note(method.title, total / count, judged=False))


def read_picture(
    path: Path,
    size: int,
    resize: bool = False,
    framing: str = CENTRE,
    max_pixels: int = pictures.MAX_PIXELS,
    on_remark: Callable[[str], None] = lambda remark: None,
) -> NDArray[np.uint8]:
    """A picture as uint8 [size, size, 3]; the arguments are those of ``edit_pictures``.

    Raises:
        Unreadable: no picture, or one that cannot be used.
        BadInput: another size, without ``resize``.
    """
    try:
        found = pictures.read(path, max_pixels)
    except pictures.UNREADABLE as error:
        raise Unreadable(path, pictures.why_unreadable(error)) from error
    if found.image.size != (size, size) and not resize:
        width, height = found.image.size
        raise BadInput(
            f"{path} has {width} x {height} pixels, the method edits {size} x {size}; add "
            "--resize to frame pictures (see --framing) and resample them"
        )
    if found.remark:
        on_remark(found.remark)
    return pictures.to_array(to_square(found.image, size, framing))
