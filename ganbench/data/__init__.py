"""The data sets: the embedded faces and the layouts of users' own data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.data.framing import check_framing
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput, unknown
from ganbench.parsing import is_file, is_folder, user_path
from ganbench.seeds import check_seed
from ganbench.text import shown

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset
    from ganbench.data.listing import Listing
    from ganbench.stopwatch import Progress

# Name -> (description, options beside those of every data set).
DATASETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "faces": ("the embedded rendered faces", ("train", "test", "seed")),
    "affectnet": ("AffectNet, either layout: training.csv or train_set/annotations", ()),
    "csv": ("a CSV of image paths and labels", ()),
    "folder": ("a folder per emotion: train/happy/*.jpg", ()),
    "raf-db": ("RAF-DB: EmoLabel/list_patition_label.txt and Image/aligned", ()),
    "fer2013": ("FER2013: a CSV of pixels", ()),
    "ferplus": ("FERPlus: the votes of fer2013new.csv beside fer2013.csv", ()),
    "rafd": ("RaFD: Rafd090_01_Caucasian_female_angry_frontal.jpg; --cameras", ()),
    "kdef": ("KDEF: AF01/AF01ANS.JPG; --cameras", ()),
    "imagefolder": ("Hugging Face's: metadata.csv or metadata.jsonl beside pictures", ()),
}
# A name that stands for the layout that the root has.
AUTO = "auto"
SPLITS = ("train", "test")


def list_datasets() -> list[str]:
    """Names that ``load_dataset`` takes."""
    return list(DATASETS)


def load_dataset(
    name: str = "faces",
    split: str = "test",
    *,
    root: str | Path | None = None,
    size: int = 64,
    limit: int | None = None,
    skip_bad: bool = False,
    lazy: bool = False,
    label_order: str | None = None,
    au_scale: float | None = None,
    unlabelled: bool = False,
    framing: str = "centre",
    max_pixels: int | None = None,
    cameras: str | None = None,
    progress: Progress | None = None,
    emotions: Sequence[str] = EMOTIONS,
    keep: bool = True,
    **options: Any,
) -> Dataset:
    """Open one split of a data set.

    Args:
        name: one of ``list_datasets()``, or ``"auto"``: the layout of the root is found.
        split: ``"train"`` or ``"test"`` (AffectNet's validation set).
        root: the folder of the data; not for ``faces``, which are rendered into the cache.
        size: side of the images, in pixels. Faces are rendered at it, photographs resized.
        limit: largest number of images, taken from the emotions in turn; None uses all. The faces
            cycle through the emotions, therefore these are the first ``limit`` faces.
        skip_bad: leave out missing and unreadable images (see ``TableDataset.bad``) instead of
            failing.
        lazy: render faces only when they are asked for and keep none, for plans. It does not change
            photographs.
        label_order: the meaning of labels that are numbers: ``"table1"`` (AffectNet's order),
            ``"alphabetical"``, ``"fer2013"``, ``"raf-db"``, or names in the order of the numbers;
            ``"1:happy,sad,..."`` begins with 1. None takes AffectNet's order, and refuses folders
            whose names are numbers.
        au_scale: the largest value of the action units of a list, 5 or 1; None finds it out: it is 5
            if a value is above 1, and 1 if at least 100 rows have no value above 1, but one above 0.5.
        unlabelled: accept a list of action units without emotions.
        framing: how pictures that are not square become squares: ``"centre"`` cuts out the middle
            square, ``"stretch"`` changes the proportions. The faces are square.
        max_pixels: refuse pictures with more pixels, by their headers; None takes 64 million.
        cameras: for ``rafd`` and ``kdef``: names of cameras, separated by commas, or "all"; None takes
            the one in front of the face.
        progress: called with (done, total) while images are rendered and opened.
        emotions: names of the emotions to use, in any order: images of others are left out and
            counted (``Dataset.left_out``). AffectNet's contempt (id 7) is used if "contempt" is among
            the names. A training asks for the emotions of its network.
        keep: decode a split below 1 GiB of pixels when it is opened, and keep the pixels in memory.
        options: for ``faces``: ``train`` and ``test``, the images in each split, and ``seed``.

    Raises:
        BadInput: an unknown name, split or option, a missing root, a root without that layout,
            or images that cannot be used.
    """
    if name == AUTO:
        name, root = find_dataset(root)
    check_options(name, options)
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    check_framing(framing)
    if name == "faces":
        if root is not None:
            raise BadInput(
                f"the embedded faces take no root, got {str(root)!r}; leave it out, or name the "
                f"layout of that folder: {', '.join(sorted(set(DATASETS) - {'faces'}))}"
            )
        if label_order is not None:
            raise BadInput(
                f"the embedded faces take no label order, got {label_order!r}; leave it out"
            )
        if cameras is not None:
            raise BadInput(f"the embedded faces have no cameras, got {cameras!r}; leave it out")
        from ganbench.data.dataset import only
        from ganbench.data.faces import FacesConfig
        from ganbench.data.faces.dataset import FacesDataset, LazyFaces
        from ganbench.data.table import KEEP_BYTES

        if lazy:
            return only(LazyFaces(split, FacesConfig(size=size, **options), limit), emotions)
        faces = FacesDataset(
            split,
            size=size,
            limit=limit,
            skip_bad=skip_bad,
            progress=progress,
            keep_bytes=KEEP_BYTES if keep else 0,
            **options,
        )
        return only(faces, emotions)
    from ganbench.data.pictures import MAX_PIXELS
    from ganbench.data.table import KEEP_BYTES, TableDataset

    if au_scale not in (None, 5, 1):
        raise BadInput(f"action units end at 5 or at 1, not {au_scale}; give au_scale 5 or 1")
    listing = read_listing(name, split, root, label_order, emotions, cameras=cameras)
    if not unlabelled and (listing.frame["expression"] < 0).any():
        raise BadInput(
            f"{str(listing.source)!r} lists action units, but no emotions ({split}): add a column 'label', "
            "or train what needs none: ganbench train ganimation --set "
            "network.condition=action_units"
        )
    return TableDataset(
        listing,
        size=size,
        limit=limit,
        skip_bad=skip_bad,
        au_scale=au_scale,
        progress=progress,
        keep_bytes=KEEP_BYTES if keep else 0,
        framing=framing,
        max_pixels=MAX_PIXELS if max_pixels is None else max_pixels,
    )


def parse_data(text: str) -> tuple[str, dict[str, Any]]:
    """The name and the options of a data set: ``"faces:train=70,seed=1"`` -> ``("faces", {...})``.

    Raises:
        BadInput: the text has another form, the name or an option is unknown, a seed is out of range.
    """
    name, separator, rest = text.partition(":")
    found: dict[str, Any] = {}
    for part in rest.split(",") if separator else ():
        key, _, value = (piece.strip() for piece in part.partition("="))
        if not key or not value.isdecimal() or len(value) > 20:
            raise BadInput(
                f"not a data set: {shown(text)}; write --data {name or 'faces'}, or "
                "--data faces:train=700,seed=1"
            )
        found[key] = int(value)
        if key == "seed":
            check_seed(found[key])
    check_options(name, found)
    return name, found


def check_options(name: str, options: Iterable[str]) -> None:
    """Refuse an unknown data set, and options that it does not take.

    Raises:
        BadInput: either.
    """
    if name == "affectnet-npy":
        raise BadInput(f"data set {name!r} is part of 'affectnet'; use --data affectnet")
    if name not in DATASETS:
        raise unknown("data set", name, DATASETS)
    allowed = DATASETS[name][1]
    for option in options:
        if option in allowed:
            continue
        if allowed:
            raise unknown(f"option of data set {name!r}", option, allowed)
        raise BadInput(f"data set {name!r} takes no option {option!r}; leave it out")


def read_listing(
    name: str,
    split: str,
    root: str | Path | None,
    label_order: str | None = None,
    emotions: Sequence[str] = EMOTIONS,
    *,
    cameras: str | None = None,
) -> Listing:
    """The rows of one split of a data set of files; no image is opened.

    Args:
        name: one of ``list_datasets()`` but ``faces``, which has no files.
        split: ``"train"`` or ``"test"``.
        root: the folder of the data, or one list.
        label_order: as for ``load_dataset``.
        emotions: names of those to use; rows of others are counted in ``Listing.dropped``.
        cameras: as for ``load_dataset``.

    Raises:
        BadInput: a missing root, or one without that layout; an unknown label order.
    """
    from ganbench.data.aligned import read_rule
    from ganbench.data.label_order import parse_order
    from ganbench.data.layouts import reader_of

    if name == AUTO:
        name, root = find_dataset(root)
    order = None if label_order is None else parse_order(label_order)
    source = _existing(name, root)
    listing = reader_of(name, cameras)(source, split, order).of_emotions(emotions)
    rule, margin = read_rule(listing.root)
    if margin:
        text = f"the pictures have a border of {margin:g} of the side around the frame of the rendered faces"
        listing = replace(listing, notes=(*listing.notes, text))
    label_order = order.name if order else listing.label_order
    return replace(listing, label_order=label_order, source=source, frame_rule=rule)


def find_dataset(root: str | Path | None) -> tuple[str, Path]:
    """The kind of the data set under a root, and its root (see ``ganbench.data.layouts.detect``).

    Raises:
        BadInput: there is no such place, or no layout is recognised there.
    """
    from ganbench.data.layouts import detect

    return detect(_existing(AUTO, root))


def _existing(name: str, root: str | Path | None) -> Path:
    """The path of a data set.

    Raises:
        BadInput: it is missing.
    """
    if root is None:
        what = f" ({DATASETS[name][0]})" if name in DATASETS else ""
        raise BadInput(f"data set {name!r}{what} needs --root, the folder it is in")
    path = user_path(root)
    if not is_file(path) and not is_folder(path):
        of = "the data" if name == AUTO else f"data set {name!r}"
        raise BadInput(f"no such folder: {str(root)!r}; give --root the folder of {of}")
    return path


__all__ = [
    "check_options",
    "find_dataset",
    "list_datasets",
    "load_dataset",
    "parse_data",
    "read_listing",
]
