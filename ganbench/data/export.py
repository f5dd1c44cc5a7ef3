"""The embedded faces as files: JPEGs with lists in AffectNet's layout."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from ganbench.data.faces.builder import TABLES
from ganbench.errors import BadInput
from ganbench.storage.store import write_atomic

if TYPE_CHECKING:
    from ganbench.data.table import TableDataset
    from ganbench.stopwatch import Progress


def check_folder(folder: Path, force: bool) -> None:
    """Refuse a place where files cannot be written safely.

    Raises:
        BadInput: it is a file, or a folder that holds something and ``force`` is false.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{str(folder)!r} is a file; give a folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise BadInput(
            f"{str(folder)!r} is not empty; give a new folder or allow it with --overwrite"
        )


def export_split(dataset: TableDataset, folder: Path, quality: int, progress: Progress) -> None:
    """Write a split of the faces: JPEGs, region maps, and last the list, which only names written files.

    Args:
        dataset: the split, from ``load_dataset("faces", ...)``.
        folder: of the files.
        quality: of the JPEGs, 1 to 100.
        progress: called with (done, total).

    Raises:
        BadInput: a file cannot be written.
    """
    with (dataset.root / TABLES[dataset.split]).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    table.writeheader()
    for done, row in enumerate(rows, 1):
        picture, regions = row["subDirectory_filePath"], row["regions_filePath"]
        row["subDirectory_filePath"] = f"{picture.rpartition('.')[0]}.jpg"
        jpeg = io.BytesIO()
        with Image.open(dataset.root / "images" / picture) as image:
            image.save(jpeg, "JPEG", quality=quality, subsampling=0)
        write_atomic(folder / "images" / row["subDirectory_filePath"], jpeg.getvalue())
        write_atomic(
            folder / "regions" / regions, (dataset.root / "regions" / regions).read_bytes()
        )
        table.writerow(row)
        progress(done, len(rows))
    write_atomic(folder / TABLES[dataset.split], text.getvalue().encode())
