"""The tasks of a protocol as files, for programs of any kind."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from ganbench.data.export import check_folder
from ganbench.emotions import EMOTIONS
from ganbench.methods.outputs import to_bytes
from ganbench.parsing import user_path
from ganbench.stopwatch import Progress
from ganbench.storage.store import write_atomic
from ganbench.submission.opened import Opened
from ganbench.submission.tasks import COLUMNS, input_name, tasks, tasks_hash
from ganbench.text import plural

README = """\
{name}: {tasks}

tasks.csv has a line for each task. Edit the picture in the column "input" to the emotion in the column
"target", and write the result as edits/ID.png: RGB of 8 bits, {size} x {size} pixels. "source" is the emotion
that the picture shows, and "seed" is a number for methods that draw noise. A method must not look at other
pictures of this folder, and must not have learned from them. Then:

    ganbench score edits --protocol {name} --name "My method"

Inputs are the test pictures of the protocol. Protocol hash: {hash}
"""


def export(
    opened: Opened, folder: str | Path, progress: Progress | None = None, force: bool = False
) -> Path:
    """Write the tasks of a protocol: ``inputs/``, ``tasks.csv``, ``protocol.json`` and ``README.txt``.

    Args:
        opened: the protocol.
        folder: made if missing.
        progress: called with (done, total) pictures.
        force: write into a folder that is not empty.

    Returns:
        The folder.

    Raises:
        BadInput: the folder is not empty, or cannot be written.
    """
    target, dataset = user_path(folder), opened.dataset
    check_folder(target, force)
    for row in range(len(dataset)):
        pixels = to_bytes(dataset.images(np.array([row])))[0].transpose(1, 2, 0)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        write_atomic(target / input_name(row), file.getvalue())
        if progress is not None:
            progress(row + 1, len(dataset))
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(task.cells for task in tasks(dataset, opened.seed))
    count = f"{plural(len(dataset), 'picture')}, each to all of {', '.join(EMOTIONS)}"
    facts = {"name": opened.name, "size": dataset.size, "hash": opened.hash}
    readme = README.format(**facts, tasks=count)
    write_atomic(target / "README.txt", readme)
    described = {**facts, "images": len(dataset), "tasks": tasks_hash(dataset, opened.seed)}
    write_atomic(target / "protocol.json", json.dumps(described, indent=1) + "\n")
    write_atomic(target / "tasks.csv", lines.getvalue())  # last: it names written files only
    return target
