"""``ganbench data``: list the kinds of data set, export the embedded faces, align and check a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import names
from ganbench.cli.names import examples, one_of
from ganbench.cli.options import (
    COUNT,
    PIXELS,
    DataOptions,
    au_scale_of,
    au_scale_option,
    data_options,
    device_option,
    leak_options,
    max_pixels_option,
    overwrite_option,
    seed_option,
    source_options,
)
from ganbench.cli.screen import print_table, progress_bar, say, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ganbench.cli.screen import Bar
    from ganbench.data.doctor import Finding
    from ganbench.data.looks import Look
    from ganbench.data.remarks import Part
    from ganbench.data.table import TableDataset


@click.group(
    epilog=examples(
        "ganbench data list",
        "ganbench data check --root /data/RAF-DB",
    )
)
def data() -> None:
    """List, export, align and check data sets."""


@data.command(
    "list",
    epilog=examples(
        "ganbench data list",
    ),
)
def list_() -> None:
    """List the kinds of data set for --data."""
    from ganbench.data import DATASETS

    for name, (what, _) in DATASETS.items():
        say(f"{name:<14} {what}")


@data.command(
    epilog=examples(
        "ganbench data export faces faces-on-disk --train 700 --test 70",
    )
)
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
@overwrite_option
def export(
    name: str,
    folder: str,
    size: int,
    train: int,
    test: int,
    seed: int,
    quality: int,
    overwrite: bool,
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
    check_folder(target, overwrite)
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


@data.command(
    epilog=examples(
        "ganbench data align photographs aligned --size 64",
    )
)
@click.argument("source", metavar="SOURCE", type=click.Path())
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option("--data", "kind", default="auto", metavar="KIND", shell_complete=one_of(names.datasets), help="Kind of data set.  [default: the one found in SOURCE]")  # fmt: skip
@source_options
@click.option(
    "--size",
    type=PIXELS,
    default=128,
    show_default=True,
    help="Side of the new pictures, in pixels.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Border on each side of the frame, in shares of its side.",
)
@max_pixels_option
@click.option("--skip-bad", is_flag=True, help="Leave out unreadable pictures instead of stopping.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@device_option
def align(source: str, folder: str, kind: str, **given: Any) -> None:
    """Bring the faces of a data set into the frame of the rendered faces, once.

    SOURCE is a data set of any kind, a folder for each emotion, or any folder of pictures; it is never written to.
    DIR gets the pictures and their labels. A run that was stopped goes on when it is started again.
    """
    from functools import partial

    from ganbench.data.aligning import LEFT_OUT, align_pictures, check_apart
    from ganbench.data.sources import open_source
    from ganbench.faces_in_photos import load_face_networks
    from ganbench.parsing import user_path

    place, out = user_path(source), user_path(folder)
    check_apart(place, out)
    found = open_source(place, kind, given.pop("label_order"), given.pop("cameras"))
    for line in found.left_out:
        say(line, err=True)
    networks = load_face_networks(given.pop("device"))
    with progress_bar(screen(err=True)) as move:
        done = align_pictures(found, out, networks, progress=partial(move, "align"), **given)
    left = f"{done.without_face:,} without a face, {done.unreadable:,} unreadable"
    where = f": {out / LEFT_OUT}" if done.without_face or done.unreadable else ""
    say(f"{plural(done.pictures, 'picture')} of {found.kind} in {out}; {left}{where}")
    if found.labelled:
        say(f"check it: ganbench data check --root {out}")


@data.command(
    epilog=examples(
        "ganbench data check --root aligned",
        "ganbench data check --data affectnet --root /data/AffectNet --split test",
    )
)
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
@click.option("--strict", is_flag=True, help="Take remarks for faults.")
def check(
    size: int,
    split: str,
    au_scale: str,
    allow_leaks: bool,
    same_data: bool,
    strict: bool,
    **given: Any,
) -> None:
    """Check a data set before training on it: labels, files, sizes, leaks, duplicates, crops, persons.

    Every image is decoded, and faces are looked for in a sample. The exit code is 2 if there is a fault.
    """
    from dataclasses import replace
    from functools import partial
    from typing import cast

    from ganbench.data.doctor import Finding, examine
    from ganbench.data.looks import look
    from ganbench.data.remarks import examine_pictures
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
        looks: dict[str, Sequence[Look | None]] = {}
        for part, table in opened.items():
            undecodable, looks[part] = table.measure(look, partial(move, f"decoding {part}"))
            bad = [*table.bad, *undecodable]
            found += [
                Finding("note" if options.skip_bad else "fault", text) for text in _bad(part, bad)
            ]
            found += examine(table)
        parts = _surveyed(opened, looks, move)
        found += examine_pictures(parts, partial(move, "comparing pictures"))
    if opened:
        print_table(console, _counts(opened, parts))
        for table in opened.values():
            if labels := check_labels(table, "cpu").note:
                found.append(Finding("fault", labels))
        found += _leaks(opened, allow_leaks, same_data)
    _conclude(found, options.kind, strict)


def _conclude(found: Sequence[Finding], kind: str, strict: bool) -> None:
    """Print the findings, each once, the gravest last.

    Raises:
        BadInput: there is a fault.
    """
    from ganbench.errors import BadInput

    by_level: dict[str, dict[str, None]] = {"note": {}, "remark": {}, "fault": {}}
    for one in found:
        graver = strict and one.level == "remark"
        by_level["fault" if graver else one.level][one.text] = None
    console = screen()
    for name, texts in by_level.items():
        for text in texts:
            console.print(f"{name}: {text}", soft_wrap=True)
    if faults := len(by_level["fault"]):
        raise BadInput(
            f"{kind} cannot be used: {plural(faults, 'fault')}, listed above; repair them first"
        )
    say(f"{kind} can be used")


def _surveyed(
    opened: dict[str, TableDataset], looks: dict[str, Sequence[Look | None]], move: Bar
) -> list[Part]:
    """The splits with the faces in them; of rendered data sets, whose persons are known, no face is looked for."""
    from functools import partial

    from ganbench.data.face_survey import survey_faces
    from ganbench.data.remarks import Part
    from ganbench.faces_in_photos import load_face_networks

    parts: list[Part] = []
    for name, table in opened.items():
        if any(part.table.listing.undivided for part in parts):
            break  # the other split has the same images
        survey = None
        if not table.has_true_edits:
            networks = load_face_networks("cpu")
            survey = survey_faces(table, networks, partial(move, f"looking for faces in {name}"))
        parts.append(Part(table, looks[name], survey))
    return parts


def _counts(opened: dict[str, TableDataset], parts: Sequence[Part]) -> Any:
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
    surveys = {part.table.split: part.survey for part in parts if part.survey is not None}
    if surveys:
        found = (
            f"{len(surveys[name].faces)} of {len(surveys[name].rows)} looked at"
            if name in surveys
            else ""
            for name in opened
        )
        table.add_row("faces found", *found)
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
