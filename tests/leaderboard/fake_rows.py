"""Rows of faces64-v1 for tests: the numbers of a shipped method under another name, without a judge or an edit."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

from ganbench.emotions import EMOTIONS
from ganbench.gate.predictions import to_npz
from ganbench.leaderboard.rows import frozen_of, only, read_sprites
from ganbench.protocols.definition import folder_of
from ganbench.report.sprites import sprite_name
from ganbench.scoring import REAL, TRUTH
from ganbench.storage.store import digest
from ganbench.submission.tasks import task_id

PROTOCOL, IMAGES = "faces64-v1", 700


def hashes_of(label: str) -> dict[str, str]:
    """A hash for each task, another for each label."""
    return {
        name: hashlib.sha256(f"{label} {name}".encode()).hexdigest()
        for row in range(IMAGES)
        for name in (task_id(row, target) for target in range(len(EMOTIONS)))
    }


def results_of(label: str, source: str = "smit", pictures: str = "", **facts):
    """Results and predictions of a row, as ``ganbench score`` makes them; ``pictures`` names the label of its hashes."""
    run = only(frozen_of(PROTOCOL), source)
    hashes = digest(hashes_of(pictures or label))
    told = {"title": label.capitalize(), "method": label, "weights": hashes, "pictures": hashes}
    told |= {
        "licence": "MIT",
        "paper": "",
        "url": "https://example.org/x?y=1&z",
        "trained_on": "RaFD",
    }
    results = replace(
        run.results,
        methods={label: run.results.methods[source] | told | facts},
        records=tuple(
            replace(r, method=label) if r.method == source else r for r in run.results.records
        ),
        confusion={
            label if name == source else name: table
            for name, table in run.results.confusion.items()
        },
    )
    return results, {label: run.predictions[source]}


def write_row(
    place: Path, label: str, source: str = "smit", results=None, pictures: str = "", **facts
) -> Path:
    """Write a run folder with the numbers of a shipped method."""
    made, predictions = results_of(label, source, pictures, **facts)
    made = results or made
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(
        [("id", "sha256"), *hashes_of(pictures or label).items()]
    )
    with resources.as_file(folder_of(PROTOCOL)) as folder:
        sprites = read_sprites(folder, source)
    names = {REAL: REAL, TRUTH: TRUTH, source: label}
    files = {
        "results.json": made.to_json().encode(),
        "predictions.npz": to_npz(predictions, made.records),
        "pictures.csv": lines.getvalue().encode(),
        **{sprite_name(names[name]): webp for name, webp in sprites.items()},
    }
    place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place / name).write_bytes(content)
    write_manifest(place, list(files))
    return place


def write_manifest(place: Path, names=None) -> None:
    """Write the manifest of the files as they are now."""
    known = names or list(json.loads((place / "manifest.json").read_text())["files"])
    hashes = {name: hashlib.sha256((place / name).read_bytes()).hexdigest() for name in known}
    manifest = {"ganbench": "0.1.0", "left_out": "", "files": hashes}
    (place / "manifest.json").write_text(json.dumps(manifest))
