"""``ganbench data``: list the kinds of data set, export the embedded faces, check a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ganbench.cli.options import (
    COUNT,
    PIXELS,
    DataOptions,
    au_scale_of,
    au_scale_option,
    data_options,
    leak_options,
    seed_option,
)
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ganbench.data.doctor import Finding
    from ganbench.data.table import TableDataset


@click.group()
def data() -> None:
    """List, export and check data sets."""


@data.command("list")
def list_() -> None:
    """List the kinds of data set for --data."""
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
@seed_option("Seed of the faces.")
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=95,
    show_default=True,
    help="Quality of the JPEGs.",
)
@click.option("--force", is_flag=True, help="Write into a folder that is not empty; files of the same names are replaced, none is removed.")  # fmt: skip
def export(
    name: str, folder: str, size: int, train: int, test: int, seed: int, quality: int, force: bool
) -> None:
    """Write the faces to DIR as JPEGs with lists in AffectNet's layout.

    NAME is "faces". 'ganbench data check --data affectnet --root DIR' checks the result.
    """
    from functools import partial
    from typing import cast

    from ganbench.data import list_datasets, load_dataset
    from ganbench.data.export import check_folder, export_split
    from ganbench.errors import BadInput, unknown
    from ganbench.parsing import user_path

    if name != "faces":
        if name in list_datasets():
            raise BadInput(f"data set {name!r} already consists of files; only 'faces' is exported")
        raise unknown("data set to export", name, ["faces"])
    target = user_path(folder)
    check_folder(target, force)
    sizes: dict[str, Any] = {"size": size, "train": train, "test": test, "seed": seed}
    with progress_bar(screen(err=True)) as move:
        splits = [
            load_dataset(name, split, progress=partial(move, f"rendering {split}"), **sizes)
            for split in ("train", "test")
        ]
        for faces in splits:
            show = partial(move, f"writing {faces.split}")
            export_split(cast("TableDataset", faces), target, quality, show)
    say(f"{plural(sum(map(len, splits)), 'face')} in {target}: --data affectnet --root {target}")


@data.command()
@data_options
@click.option(
    "--size",
    type=PIXELS,
    default=64,
    show_default=True,
    help="Side of the images for the networks, in pixels.",
)
@click.option(
    "--split",
    type=click.Choice(["both", "train", "test"]),
    default="both",
    show_default=True,
    help="The splits to check.",
)
@au_scale_option
@leak_options
def check(
    size: int, split: str, au_scale: str, allow_leaks: bool, same_data: bool, **given: Any
) -> None:
    """Check a data set before training on it: labels, bad and duplicate files, sizes, leaks.

    Every image is decoded. The exit code is 2 if the data cannot be used.
    """
    from dataclasses import replace
    from functools import partial
    from typing import cast

    from ganbench.data.doctor import Finding, examine
    from ganbench.errors import BadInput
    from ganbench.judges.label_check import check_labels

    options, console = DataOptions(**given), screen()
    every = replace(options, skip_bad=True)
    opened: dict[str, TableDataset] = {}
    found: list[Finding] = []
    with progress_bar(screen(err=True)) as move:
        for part in ("train", "test") if split == "both" else (split,):
            try:
                dataset = every.load(
                    part, size, move, au_scale=au_scale_of(au_scale), unlabelled=True
                )
            except BadInput as error:
                found.append(Finding("fault", str(error)))
            else:
                opened[part] = cast("TableDataset", dataset)
        for part, table in opened.items():
            bad = [*table.bad, *table.undecodable(partial(move, f"decoding {part}"))]
            found += [
                Finding("note" if options.skip_bad else "fault", text) for text in _bad(part, bad)
            ]
            found += examine(table)
    if opened:
        console.print(_counts(opened))
        for table in opened.values():
            if labels := check_labels(table, "cpu").note:
                found.append(Finding("fault", labels))
        found += _leaks(opened, allow_leaks, same_data)
    for level in ("note", "fault"):
        for text in dict.fromkeys(one.text for one in found if one.level == level):
            console.print(f"{level}: {text}", soft_wrap=True)
    if faults := len({one.text for one in found if one.level == "fault"}):
        raise BadInput(
            f"{options.kind} cannot be used: {plural(faults, 'fault')}, listed above; repair them first"
        )
    say(f"{options.kind} can be used")


def _counts(opened: dict[str, TableDataset]) -> Any:
    """A table of the images of each emotion and split, of those left out, and of their properties."""
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
        "stored size (median)",
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
        yield f"{split}: {plural(len(bad) - 10, 'more image')} cannot be used"


def _leaks(
    opened: dict[str, TableDataset], allow_leaks: bool, same_data: bool
) -> Iterator[Finding]:
    """Findings about equal images: in both splits, under different labels, or repeated in a split."""
    from ganbench.data import leaks

    parts = list(opened.values())
    if len(parts) > 1 and (both := leaks.undivided(parts[0], same_data)) is not None:
        yield both
        parts = parts[:1]  # the other split has the same images
    splits = [leaks.Split(d.split, d.root, d.paths, d.labels.tolist()) for d in parts]
    yield from leaks.find(splits, allow_leaks, pixels=leaks.pixel_hashes(parts))
