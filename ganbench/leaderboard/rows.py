"""The rows of a leaderboard: what run folders of ``ganbench score`` and ``ganbench eval`` hold of each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from ganbench import parsing
from ganbench.errors import BadInput
from ganbench.evaluation import labels
from ganbench.gate.comparison import Run, load
from ganbench.gate.folder import MANIFEST
from ganbench.protocols import list_protocols
from ganbench.protocols.definition import folder_of
from ganbench.protocols.names import named
from ganbench.records import MINUS, REFERENCE, Results
from ganbench.report.sprites import sprite_name
from ganbench.scoring import REAL, TRUTH
from ganbench.submission.rows import RESULTS, frozen_run
from ganbench.submission.verification import read_hashes
from ganbench.text import clipped

# Largest picture of edits that is read: that of seven images has 40 kB.
SPRITE = 2 << 20

# The kinds of rows, with their words on the page.
KINDS = {
    "network": "network, run by ganbench",
    "files": "edits in files",
    "reference": "point of reference",
}


@dataclass(frozen=True)
class Row:
    """A row of a leaderboard.

    Attributes:
        label: the name in files.
        run: the results and predictions of this row alone, with the records of real images and true edits.
        place: its run folder; None for reference values of the package.
        hashes: the hash of each of its pictures by task; empty for a method that ganbench ran.
        sprites: the WebP of ``REAL``, ``TRUTH`` and the row itself (``ganbench.report.sprites``), as far as there are.
        version: of ganbench, which made it; empty if that is not known.
    """

    label: str
    run: Run
    place: Path | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    sprites: Mapping[str, bytes] = field(default_factory=dict)
    version: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What the results tell of the method."""
        return self.run.results.methods[self.label]

    def fact(self, key: str) -> str:
        """A text among the facts; empty if there is none."""
        value = self.facts.get(key)
        return value if isinstance(value, str) else ""

    @property
    def title(self) -> str:
        """The name in print."""
        return self.fact("title") or self.label

    @property
    def kind(self) -> str:
        """A key of ``KINDS``."""
        if self.facts.get(REFERENCE):
            return "reference"
        return "files" if "pictures" in self.facts else "network"


def run_folders(folder: Path) -> list[Path]:
    """The run folders in a folder, at any depth, by name.

    Raises:
        BadInput: it is no folder, or holds no run folder.
    """
    if not parsing.is_folder(folder):
        raise BadInput(
            f"no folder of results: {clipped(str(folder))}; give the folder that holds the run folders"
        )
    found = sorted(path.parent for path in folder.rglob(RESULTS))
    if not found:
        raise BadInput(
            f"no run folder in: {clipped(str(folder))}; put the folders of 'ganbench score' or 'ganbench eval' there"
        )
    return found


def read_rows(place: Path) -> list[Row]:
    """The rows that a run folder adds: the scored row, or the evaluated methods.

    Rows of the package's reference values and of ``--beside`` are not among them, and neither are differences. The
    protocol is named anew, whatever the file says.

    Raises:
        BadInput: the folder is damaged, or a label cannot name files.
    """
    run, manifest = load(place), read_manifest(place)
    left_out = manifest.get("left_out")
    results = named(run.results, left_out if isinstance(left_out, str) else "")
    hashes: dict[str, str] = {}
    if any("pictures" in facts for facts in results.methods.values()):
        label, hashes = read_hashes(place, results)
        own = [label]
    else:
        known = frozen_of(results.protocol_name)
        frozen = {} if known is None else known.results.methods
        own = [label for label in results.methods if not _same(results, label, frozen)]
    _check_protocol(results, place)
    version = manifest.get("ganbench")
    for label in own:
        if not labels.PATTERN.fullmatch(label) or len(label) > labels.LONGEST:
            raise BadInput(f"not a label for files: {clipped(label)} in {place}; score again")
    return [
        Row(
            label,
            only(Run(results, run.predictions), label),
            place,
            hashes,
            read_sprites(place, label),
            version if isinstance(version, str) else "",
        )
        for label in own
    ]


def _check_protocol(results: Results, place: Path) -> None:
    """Refuse a protocol that lacks what the page tells of it."""
    try:
        parsing.need(results.protocol, {"data": dict, "judge": dict})
        parsing.need(results.protocol["data"], {"name": str, "images": int, "size": int})
        parsing.need(results.protocol["judge"], {"title": str})
    except parsing.Refused as error:
        raise BadInput(f"{error} in the protocol of: {place / RESULTS}; evaluate again") from error


@cache
def frozen_of(name: str) -> Run | None:
    """The reference values of a named protocol; None for others, and where there are none."""
    return frozen_run(name) if name in list_protocols() else None


def _same(results: Results, label: str, frozen: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a row is one of the package's reference values: of the same name, from the same weights."""
    return label in frozen and results.methods[label].get("weights") == frozen[label]["weights"]


def only(run: Run, label: str) -> Run:
    """A run with one of its methods, beside the records of real images and true edits."""
    results, kept = run.results, (label, REAL, TRUTH)
    return Run(
        replace(
            results,
            methods={label: results.methods[label]},
            records=tuple(
                r for r in results.records if r.method in kept and not r.variant.startswith(MINUS)
            ),
            confusion={name: results.confusion[name] for name in kept if name in results.confusion},
        ),
        {label: run.predictions[label]} if label in run.predictions else {},
    )


def read_manifest(place: Path) -> dict[str, Any]:
    """The manifest of a run folder; empty without a readable one."""
    try:
        manifest: dict[str, Any] = parsing.read_json(place / MANIFEST, kind=dict)
    except parsing.Refused:
        return {}
    return manifest


def read_sprites(place: Path, *sources: str) -> dict[str, bytes]:
    """The pictures of real images, true edits and further sources that a folder has.

    Raises:
        BadInput: a file cannot be read, is too large, or is no WebP.
    """
    found = {}
    for source in (REAL, TRUTH, *sources):
        path = place / sprite_name(source)
        if not os.path.lexists(path):  # a damaged link raises errors
            continue
        try:
            content = parsing.read_bytes(path, SPRITE)
        except parsing.Refused as error:
            raise BadInput(f"cannot read: {path} ({error}); score again") from error
        if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
            raise BadInput(f"not a WebP file: {path}; score again")
        found[source] = content
    return found


def frozen_rows(name: str) -> list[Row]:
    """The rows of the reference values of a protocol, with their pictures; empty if it has none."""
    run = frozen_of(name)
    if run is None:
        return []
    with resources.as_file(folder_of(name)) as folder:
        sprites = read_sprites(folder, *run.results.methods)
    return [
        Row(
            label,
            only(run, label),
            sprites={
                source: sprites[source] for source in (REAL, TRUTH, label) if source in sprites
            },
        )
        for label in run.results.methods
    ]
