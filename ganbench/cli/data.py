"""``ganbench data``: what data sets there are, export of the embedded one, the dataset doctor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import click

from ganbench.cli.options import (
    COUNT,
    PIXELS,
    SEED,
    au_scale_of,
    au_scale_option,
    label_order_option,
    leak_options,
    picture_options,
)
from ganbench.cli.screen import progress, say, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ganbench.data.doctor import Finding
    from ganbench.data.table import TableDataset


@click.group()
def data() -> None:
    """List, export and check data sets."""


@data.command("list")
def list_() -> None:
    """List the kinds of data set that --data takes."""
    from ganbench.data import DATASETS

    for name, (what, _) in DATASETS.items():
        say(f"{name:<14} {what}")


@data.command()
@click.argument("name", metavar="NAME")
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option(
    "--size", type=PIXELS, default=64, show_default=True, help="Side of the pictures, in pixels."
)
@click.option(
    "--train", type=COUNT, default=7000, show_default=True, help="Faces in the training split."
)
@click.option("--test", type=COUNT, default=700, show_default=True, help="Faces in the test split.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the faces.")
@click.option("--quality", default=95, show_default=True, help="Of the JPEGs, 1 to 100.")
@click.option("--force", is_flag=True, help="Write into a folder that holds something; files of the same name are replaced, none is removed.")  # fmt: skip
def export(
    name: str, folder: str, size: int, train: int, test: int, seed: int, quality: int, force: bool
) -> None:
    """Write the faces to DIR as JPEGs with lists in AffectNet's layout.

    NAME is "faces". 'ganbench data check --data affectnet --root DIR' reads the result back.
    """
    from ganbench.data import list_datasets, load_dataset
    from ganbench.errors import BadInput, unknown
    from ganbench.parsing import user_path

    if name != "faces":
        if name in list_datasets():
            raise BadInput(f"data set {name!r} is made of files already; only 'faces' is exported")
        raise unknown("data set to export", name, ["faces"])
    if not 1 <= quality <= 100:
        raise BadInput(f"quality must be 1 to 100, not {quality}")
    target = user_path(folder)
    if target.exists() and not target.is_dir():
        raise BadInput(f"{folder!r} is a file; give a folder")
    if target.is_dir() and any(target.iterdir()) and not force:
        raise BadInput(f"{folder!r} is not empty; give a new folder or allow it with --force")
    sizes: dict[str, Any] = {"size": size, "train": train, "test": test, "seed": seed}
    with _bar("rendering") as progress:
        splits = [
            load_dataset(name, split, progress=progress, **sizes) for split in ("train", "test")
        ]
    with _bar("writing") as progress:
        for dataset, listed in zip(splits, ("training.csv", "validation.csv"), strict=True):
            _write_split(cast("TableDataset", dataset), listed, target, quality, progress)
    say(f"{plural(sum(map(len, splits)), 'face')} in {target}: --data affectnet --root {target}")


def _write_split(
    dataset: TableDataset,
    listed: str,
    target: Path,
    quality: int,
    progress: Callable[[int, int], None],
) -> None:
    """JPEGs, region maps and last the list, so that a list never names a file that is not there."""
    import csv
    import io

    from PIL import Image

    with (dataset.root / listed).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    table.writeheader()
    for done, row in enumerate(rows, 1):
        picture = row["subDirectory_filePath"]
        row["subDirectory_filePath"] = f"{picture.rpartition('.')[0]}.jpg"
        jpeg = io.BytesIO()
        with Image.open(dataset.root / "images" / picture) as image:
            image.save(jpeg, "JPEG", quality=quality, subsampling=0)
        regions = row["regions_filePath"]
        _write(target / "images" / row["subDirectory_filePath"], jpeg.getvalue())
        _write(target / "regions" / regions, (dataset.root / "regions" / regions).read_bytes())
        table.writerow(row)
        progress(done, len(rows))
    _write(target / listed, text.getvalue().encode())


def _write(path: Path, content: bytes) -> None:
    from ganbench.errors import BadInput

    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise BadInput(
            f"cannot write {str(path)!r}: {error.strerror}; choose another folder"
        ) from error


@data.command()
@click.option("--data", "name", default="faces", show_default=True, help="Kind of data set; see 'ganbench data list'.")  # fmt: skip
@click.option("--root", type=click.Path(), help="Folder of the data set; the embedded faces need none.")  # fmt: skip
@click.option(
    "--size",
    type=PIXELS,
    default=64,
    show_default=True,
    help="Side of the images in use, in pixels.",
)
@click.option("--split", type=click.Choice(["both", "train", "test"]), default="both", show_default=True, help="What must be usable.")  # fmt: skip
@label_order_option
@au_scale_option
@leak_options
@picture_options
@click.option("--skip-bad", is_flag=True, help="Bad images are no fault: they will be left out.")
def check(
    name: str,
    root: str | None,
    size: int,
    split: str,
    label_order: str | None,
    au_scale: str,
    allow_leaks: bool,
    same_data: bool,
    framing: str,
    max_pixels: int,
    skip_bad: bool,
) -> None:
    """Examine a data set before training on it: labels, bad and duplicate files, sizes.

    Every image is decoded. The exit code is 2 if the data cannot be used as they are.
    """
    from ganbench.data import load_dataset
    from ganbench.data.doctor import Finding, examine
    from ganbench.errors import BadInput
    from ganbench.judges.label_check import check_labels

    opened: dict[str, TableDataset] = {}
    found: list[Finding] = []
    with _bar("reading") as progress:
        for part in ("train", "test") if split == "both" else (split,):
            try:
                dataset = load_dataset(
                    name,
                    part,
                    root=root,
                    size=size,
                    skip_bad=True,
                    label_order=label_order,
                    au_scale=au_scale_of(au_scale),
                    unlabelled=True,
                    framing=framing,
                    max_pixels=max_pixels,
                    progress=progress,
                )
            except BadInput as error:
                found.append(Finding("fault", str(error)))
                continue
            opened[part] = cast("TableDataset", dataset)
    console = screen()
    if opened:
        console.print(_counts(opened))
        for part, table in opened.items():
            with _bar("decoding") as progress:
                bad = [*table.bad, *table.undecodable(progress)]
            found += [Finding("note" if skip_bad else "fault", text) for text in _bad(part, bad)]
            found += examine(table)
        for table in opened.values():
            if labels := check_labels(table, "cpu").note:
                found.append(Finding("fault", labels))
        found += _leaks(opened, allow_leaks, same_data)
    texts = {
        level: list(dict.fromkeys(one.text for one in found if one.level == level))
        for level in ("note", "fault")
    }
    for level, own in texts.items():
        for text in own:
            console.print(f"{level}: {text}", soft_wrap=True)
    if faults := len(texts["fault"]):
        raise BadInput(
            f"{name} cannot be used: {plural(faults, 'fault')}, named above; mend them first"
        )
    say(f"{name} can be used")


def _counts(opened: dict[str, TableDataset]) -> Any:
    """Images per emotion and split, then what was left out."""
    import numpy as np
    from rich.table import Table

    from ganbench.emotions import EMOTIONS

    table = Table("", *opened)
    for emotion, title in enumerate(EMOTIONS):
        table.add_row(title, *(str(int(np.sum(d.labels == emotion))) for d in opened.values()))
    table.add_section()
    table.add_row("used", *(str(len(d)) for d in opened.values()))
    for label in dict.fromkeys(label for d in opened.values() for label in d.dropped):
        table.add_row(f"dropped: {label}", *(str(d.dropped.get(label, 0)) for d in opened.values()))
    table.add_row("bad", *(str(len(d.bad)) for d in opened.values()))
    table.add_row(
        "stored px (middle)",
        *("x".join(str(int(x)) for x in np.median(d.extents, 0)) for d in opened.values()),
    )
    table.add_row(
        "region maps", *("yes" if "regions" in d.frame else "no" for d in opened.values())
    )
    table.add_row(
        "action units", *("yes" if "AU01_r" in d.frame else "no" for d in opened.values())
    )
    table.add_row("fingerprint", *(d.fingerprint[:12] for d in opened.values()))
    return table


def _bad(split: str, bad: list[tuple[str, str]]) -> Iterator[str]:
    for path, reason in bad[:10]:
        yield f"{split}: {path!r} cannot be used: {reason}"
    if len(bad) > 10:
        yield f"{split}: {plural(len(bad) - 10, 'further image')} cannot be used"


def _leaks(
    opened: dict[str, TableDataset], allow_leaks: bool, same_data: bool
) -> Iterator[Finding]:
    """Equal files: across the splits, under different labels, within a split."""
    from ganbench.data import leaks

    parts = list(opened.values())
    if len(parts) > 1 and (both := leaks.undivided(parts[0], same_data)) is not None:
        yield both
        parts = parts[:1]  # in the other split there are the same images
    splits = [leaks.Split(d.split, d.root, d.paths, d.labels.tolist()) for d in parts]
    yield from leaks.find(splits, allow_leaks, pixels=leaks.pixel_hashes(parts))


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, as a function of (done, in all)."""
    with progress(console=screen(err=True)) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
