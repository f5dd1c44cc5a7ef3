"""Editing in bulk: any number of pictures, of which never more than a batch is in memory."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ganbench.data.affectnet import is_image
from ganbench.data.table import UNREADABLE, why_unreadable
from ganbench.errors import BadInput
from ganbench.methods.conditions import ActionUnits
from ganbench.methods.interface import Method
from ganbench.seeds import generator
from ganbench.store import write_atomic


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


def find_pictures(places: Sequence[Path], out: Path, overwrite: bool = False) -> list[Item]:
    """The pictures in ``places``: files, and folders at any depth; what lies in ``out`` is not one.

    Raises:
        BadInput: nothing there, two pictures whose edits would share a name, or, without
            ``overwrite``, an edit that is already there.
    """
    items = []
    for place in places:
        if place.is_dir():
            found = sorted(path for path in place.rglob("*") if is_image(path) and path.is_file())
            whole, inner = place.resolve(), out.resolve()
            edits = place / inner.relative_to(whole) if whole in inner.parents else None
            items += [
                Item(path, path.relative_to(place).with_suffix(".png").as_posix())
                for path in found
                if edits not in path.parents
            ]
        elif place.is_file():
            items.append(Item(place, f"{place.stem}.png"))
        else:
            raise BadInput(f"no such file or folder: {place}; check --images")
    if not items:
        raise BadInput(f"no pictures in: {', '.join(map(str, places))}; give jpg or png files")
    if twice := [name for name, n in Counter(item.name for item in items).items() if n > 1]:
        first, second, *_ = (str(item.source) for item in items if item.name == twice[0])
        raise BadInput(
            f"two edits would be {twice[0]}: of {first} and {second}; rename one of them"
        )
    there = [] if overwrite else [item.name for item in items if (out / item.name).exists()]
    if there:
        raise BadInput(
            f"already there: {out / there[0]}"
            + (f" and {len(there) - 1} more" if len(there) > 1 else "")
            + "; add --overwrite or choose another --out"
        )
    return items


def edit_pictures(
    method: Method,
    emotion: int | None,
    items: Iterable[Item],
    out: Path,
    *,
    units: Sequence[float] | None = None,
    resize: bool = False,
    batch_size: int = 32,
    seed: int = 0,
    on_bad: Callable[[Item, str], None] | None = None,
) -> Iterator[Path]:
    """Edit pictures batch by batch, writing each edit as a PNG.

    Args:
        method: whose edits.
        emotion: what they are to show; None where ``units`` say it.
        items: taken only as they are needed.
        out: folder of the edits.
        units: action units [17] in [0, 1] to show instead of an emotion, for methods trained on these.
        resize: cut pictures of another size to their middle square and resample them (Lanczos);
            without it they are refused.
        batch_size: pictures edited at once; changes memory and speed only.
        seed: of the noise of stochastic methods.
        on_bad: told of each picture that cannot be read, which is then left out; if None, the first
            one ends it.

    Yields:
        each file, after it was written.

    Raises:
        BadInput: a picture of another size or, without ``on_bad``, an unreadable one; what was
            written before stays.
    """
    size = method.config.image_size

    def readable() -> Iterator[tuple[Item, NDArray[np.uint8]]]:
        for item in items:
            try:
                yield item, read_picture(item.source, size, resize)
            except Unreadable as error:
                if on_bad is None:
                    raise
                on_bad(item, error.reason)

    pictures = readable()
    while batch := list(islice(pictures, batch_size)):
        images = torch.from_numpy(np.stack([pixels for _, pixels in batch]))
        noise = None
        if method.noise_dim:
            draws = [method.draw_noise(1, generator(seed, "edit", item.name)) for item, _ in batch]
            noise = torch.cat([draw for draw in draws if draw is not None])
        if units is not None:
            wanted = torch.tensor(units, device=method.device).expand(len(batch), -1)
            codes = method.encode(ActionUnits(wanted), noise)
        else:
            assert emotion is not None
            codes = method.codes(torch.full((len(batch),), emotion), noise=noise)
        edits = method.edit(images.permute(0, 3, 1, 2).float().div_(255), codes).images
        pixels = (edits * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        for (item, _), edit in zip(batch, pixels, strict=True):
            file = io.BytesIO()
            Image.fromarray(edit).save(file, "PNG")
            write_atomic(out / item.name, file.getvalue())
            yield out / item.name


def read_picture(path: Path, size: int, resize: bool = False) -> NDArray[np.uint8]:
    """uint8 [size, size, 3], RGB, turned as its EXIF says.

    Raises:
        Unreadable: no picture.
        BadInput: another size, without ``resize``.
    """
    try:
        with Image.open(path) as image:
            picture = ImageOps.exif_transpose(image).convert("RGB")
    except UNREADABLE as error:
        raise Unreadable(path, why_unreadable(error)) from error
    if picture.size != (size, size):
        if not resize:
            width, height = picture.size
            raise BadInput(
                f"{path} has {width} x {height} pixels, the method edits {size} x {size}; add "
                "--resize to cut pictures to their middle square and resample them"
            )
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    return np.array(picture)
