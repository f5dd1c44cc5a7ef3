"""Scores of a folder of edits under a protocol, beside the protocol's reference values."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ganbench.data.dataset import Dataset, Subset
from ganbench.devices import resolve
from ganbench.errors import BadInput
from ganbench.evaluation import labels
from ganbench.evaluation.collect import Evaluation, conclude
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.run import default_store, perform, prepare
from ganbench.gate.comparison import Run
from ganbench.records import NAME
from ganbench.stopwatch import Progress, StageProgress, Stopwatch
from ganbench.storage.store import Store, digest
from ganbench.submission.opened import Opened, open_protocol
from ganbench.submission.rows import frozen_run, joined
from ganbench.submission.stored import StoredEdits
from ganbench.submission.survey import Survey, survey
from ganbench.submission.tasks import task_id
from ganbench.text import clipped, is_web, plural, shown

# The file of a run folder that has a line for each picture, with its hash.
PICTURES = "pictures.csv"

# The beginning of the protocol's name in results of a part of its tasks.
PART = "a part of "


@dataclass(frozen=True)
class About:
    """What a user tells about the method whose edits are scored.

    Attributes:
        name: in print.
        url: where it can be found.
        paper: where it was published.
        licence: of its weights.
        trained_on: the data that it learned from.

    Raises:
        BadInput: ``url`` is no address of the web, which pages could link to.
    """

    name: str
    url: str = ""
    paper: str = ""
    licence: str = "unknown"
    trained_on: str = ""

    def __post_init__(self) -> None:
        if self.url and not is_web(self.url):
            raise BadInput(f"not a web address: {clipped(self.url)}; give --url https://...")

    @property
    def label(self) -> str:
        """The name in results and files: the letters, digits and ``._+-`` of ``name``.

        Raises:
            BadInput: it is the name of a method of ganbench, or too long.
        """
        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode()
        label = re.sub(r"[^A-Za-z0-9._+-]+", "-", plain).strip("-._+").lower() or "edits"
        try:
            labels.check(label, "edits")
        except BadInput as error:
            raise BadInput(
                f"not a name for a row: {clipped(self.name)} ({label} in files) is taken or too long; choose "
                "another --name"
            ) from error
        return label


@dataclass(frozen=True)
class Scoring:
    """A folder of edits that is checked, and the evaluation of it that is prepared.

    Attributes:
        opened: the protocol.
        found: the files.
        plan: of the evaluation.
        partial: whether edits are missing.
    """

    opened: Opened
    found: Survey
    plan: Plan
    partial: bool

    @property
    def pictures(self) -> bytes:
        """The content of ``PICTURES``: id and hash of each edit."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "sha256"])
        writer.writerows(hashes_by_task(self.found).items())
        return file.getvalue().encode()

    def finish(self, beside: Sequence[Run] = ()) -> Evaluation:
        """The results, after ``perform``: with the reference values of the protocol, and with other runs.

        Raises:
            BadInput: one of ``beside`` has another protocol, or has a method of the same name.
        """
        evaluation = conclude(self.plan)
        name, protocol = self.opened.name, self.opened.protocol
        if self.partial:
            whole = plural(len(self.opened.dataset), "image")
            part = f"{PART}{name}: {len(self.found.rows)} of {whole}"
            described = evaluation.results.protocol | {NAME: part}
            evaluation = replace(
                evaluation, results=replace(evaluation.results, protocol=described)
            )
        runs, notes = list(beside), list(evaluation.notes)
        reference = None if protocol is None or self.partial else frozen_run(protocol.name)
        if reference is not None:
            runs.insert(0, reference)
            titles = [facts["title"] for facts in reference.results.methods.values()]
            notes.append(
                f"reference values of {name}, not computed in this run: {', '.join(titles)}"
            )
        return replace(joined(evaluation, runs), notes=notes, files={PICTURES: self.pictures})


def hashes_by_task(found: Survey) -> dict[str, str]:
    """The hash of each edit by the name of its task."""
    return {
        task_id(row, target): one
        for row, hashes in zip(found.rows.tolist(), found.hashes, strict=True)
        for target, one in enumerate(hashes)
    }


def fingerprint_of(dataset: Dataset, rows: Sequence[int]) -> str:
    """The fingerprint of some rows of a data set; that of the data set if they are all."""
    if len(rows) == len(dataset):
        return dataset.fingerprint
    return digest([dataset.fingerprint, list(rows)])


def prepare_scoring(
    folder: str | Path,
    opened: Opened,
    about: About,
    *,
    resize: bool = False,
    partial: bool = False,
    batch_size: int = 32,
    store: Store | None = None,
    stopwatch: Stopwatch | None = None,
    progress: Progress | None = None,
) -> Scoring:
    """Check a folder of edits, and plan its evaluation.

    Args:
        folder: holds ``ID.png`` for the tasks that ``export.export`` writes.
        opened: the protocol.
        about: the method.
        resize: resize square edits of another size than the protocol's.
        partial: score the images that have all edits, as a part that is comparable with nothing else.
        batch_size: number of edits judged at once; it changes no number.
        store, stopwatch: as for ``ganbench.evaluate``.
        progress: called with (done, total) files that are checked.

    Raises:
        BadInput: the name is taken, or the files cannot be scored (``survey``).
    """
    resolve(
        "cpu"
    )  # it sets torch's arithmetic, which stored pieces depend on, as an evaluation does
    label, dataset = about.label, opened.dataset
    found = survey(
        folder, len(dataset), dataset.size, resize=resize, partial=partial, progress=progress
    )
    missing = len(found.rows) < len(dataset)
    if missing:
        dataset = Subset(dataset, found.rows, fingerprint_of(dataset, found.rows.tolist()), "")
    facts = {"url": about.url, "trained_on": about.trained_on, "paper": about.paper}
    facts = {key: value for key, value in facts.items() if value} | {"licence": about.licence}
    facts["pictures"] = digest(hashes_by_task(found))
    title = about.name
    if found.sizes:
        sides = ", ".join(map(str, found.sizes))
        facts["resized"] = f"{sides} px -> {found.size} px"
        title += f" (resized from {sides} px)"
    plan = prepare(
        {label: StoredEdits(found, dataset, label, title, facts)},
        dataset,
        opened.judge,
        seed=opened.seed,
        limit=None,
        batch_size=batch_size,
        store=store or default_store(),
        stopwatch=stopwatch or Stopwatch(),
        metrics=opened.metrics,
        others=opened.others,
    )
    plan.notes += found.notes
    return Scoring(opened, found, plan, missing)


def score(
    folder: str | Path,
    protocol: str | Opened = "faces64-v1",
    *,
    name: str = "",
    url: str = "",
    paper: str = "",
    licence: str = "unknown",
    trained_on: str = "",
    root: str | None = None,
    resize: bool = False,
    partial: bool = False,
    beside: Sequence[Run] = (),
    batch_size: int = 32,
    device: str | torch.device = "auto",
    store: Store | None = None,
    progress: StageProgress | None = None,
) -> Evaluation:
    """Score the edits in a folder, which any program may have made.

    Args:
        folder: holds ``ID.png`` for each task of ``ganbench protocol export``.
        protocol: the name of a frozen protocol, or ``Opened(name, dataset, judge)`` for data of your own.
        name: of the method in print; by default the name of the folder.
        url, paper, licence, trained_on: facts about the method for the results.
        root: folder of the data, where they do not come with ganbench.
        resize, partial: as for ``prepare_scoring``.
        beside: other runs of the protocol (``ganbench.gate.load``), whose rows stand in the table.
        batch_size: number of edits judged at once; it changes no number.
        device: of the judges.
        store: where finished pieces are kept; None takes the user's cache.
        progress: called after each batch.

    Returns:
        The evaluation: its results hold the protocol's reference values beside the new row.

    Raises:
        BadInput: the files cannot be scored, or the protocol cannot be opened.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise BadInput(f"not a folder of edits: {shown(folder)}; give its path")
    if not isinstance(protocol, (str, Opened)):
        raise BadInput(f"not a protocol: {shown(protocol)}; give a name such as 'faces64-v1'")
    about = About(name or Path(folder).resolve().name, url, paper, licence, trained_on)
    opened = open_protocol(protocol, root, device) if isinstance(protocol, str) else protocol
    scoring = prepare_scoring(
        folder, opened, about, resize=resize, partial=partial, batch_size=batch_size, store=store
    )
    perform(scoring.plan, progress)
    return scoring.finish(beside)
