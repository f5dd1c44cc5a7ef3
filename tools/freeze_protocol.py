"""Freezes named protocols: writes their definitions, and the reference values of the shipped methods.

    python tools/freeze_protocol.py faces64-v1 faces128-v1 faces256-v1 affectnet-v1-3500 affectnet-v1-3999
    python tools/freeze_protocol.py --definition --replace faces64-v1     seconds: after another judge, before release
    python tools/freeze_protocol.py --rows faces64-v1     the values of today's shipped checkpoints
    python tools/freeze_protocol.py --rows faces64-v1 --methods stargan,smit     of these; the others keep their rows
    python tools/freeze_protocol.py --pictures faces64-v1    seconds: small pictures of these rows, for leaderboards
    python tools/freeze_protocol.py --check faces64-v1    compares a new evaluation with the frozen values

A definition that was released never changes: other data, judges or metrics get another name, in ``KINDS``. The
tool therefore refuses to replace one; ``--replace`` is for protocols that no version has released.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.data import load_dataset
from ganbench.data.dataset import Dataset, Indices
from ganbench.devices import resolve
from ganbench.evaluation.compute import SHOWN
from ganbench.evaluation.protocol import describe, face_networks, order
from ganbench.evaluation.run import conclude, default_store, load_all, perform, prepare
from ganbench.evaluation.run import evaluate as evaluate_methods
from ganbench.gate import compare, tolerances
from ganbench.gate.comparison import Run
from ganbench.gate.formats import summary
from ganbench.gate.predictions import PREDICTIONS, to_npz
from ganbench.judges import load_judge
from ganbench.leaderboard.rows import only
from ganbench.methods.references import references
from ganbench.methods.resized import resized
from ganbench.protocols import Protocol, load_protocol
from ganbench.records import LEARNED, Results
from ganbench.registry import METHODS
from ganbench.report.sprites import make_sprites
from ganbench.scoring import DEFAULT
from ganbench.stopwatch import Stopwatch
from ganbench.submission.opened import open_protocol, versions_of
from ganbench.submission.rows import RESULTS, frozen_run, join
from ganbench.submission.tasks import tasks_hash

FROZEN = Path(__file__).parents[1] / "ganbench" / "protocols" / "frozen"

FACES = {"data": "faces", "judges": ("vgg", "face-api")}
# Number of test faces by size: 700 at 64 px are the default of ``ganbench eval``; a larger size costs more.
COUNTS = {64: 700, 128: 350, 256: 350}
AFFECTNET = {"data": "affectnet", "size": 128, "judges": ("face-api",)}
KINDS: dict[str, dict[str, Any]] = {
    f"faces{size}-v1": FACES
    | {
        "size": size,
        "options": {"test": count, "seed": 0},
        "about": f"{count} rendered test faces at {size} px to seven emotions; judges vgg and face-api",
    }
    for size, count in COUNTS.items()
} | {
    "affectnet-v1-3500": AFFECTNET
    | {
        "about": "AffectNet's validation list of 500 images for each of seven emotions",
        "left_out": "",
    },
    "affectnet-v1-3999": AFFECTNET
    | {
        "about": "AffectNet's validation list of 3,999 images (March 2021), without its 499 of contempt",
        "left_out": "499 of label contempt",
    },
}
# Number of AffectNet's validation images with the seven emotions, in both lists.
VALIDATION = 3500


class Listed(Dataset):
    """Stands for data that only users have: what can be told without them."""

    def __init__(self, name: str, size: int, images: int) -> None:
        self.name, self.split, self.size = name, "test", size
        self.labels: NDArray[np.int64] = np.arange(images) % 7
        self.paths = [""] * images
        self.fingerprint = ""

    def images(self, indices: Indices) -> torch.Tensor:
        raise NotImplementedError


def define(name: str) -> Protocol:
    """The definition of a protocol as this package has it."""
    kind = KINDS[name]
    dataset: Dataset
    if kind["data"] == "faces":
        dataset = load_dataset("faces", "test", size=kind["size"], lazy=True, **kind["options"])
    else:
        dataset = Listed(kind["data"], kind["size"], VALIDATION)
    judge, *others = (load_judge(one, device="cpu").spec for one in kind["judges"])
    networks = face_networks(len(dataset), all_faces=False)
    fixed = describe(dataset, judge, len(dataset), others, faces=networks)
    fixed.pop(LEARNED, None)
    if not dataset.fingerprint:
        del fixed["data"]["fingerprint"]  # it is that of the user's copy
    return Protocol(
        name=name,
        metrics=DEFAULT,
        versions=versions_of(DEFAULT),
        fixed=fixed,
        tasks=tasks_hash(dataset, 0) if dataset.fingerprint else "",
        **kind,
    )


def write_definition(name: str, replace: bool) -> None:
    """Write ``protocol.json``; an equal one is left alone."""
    protocol, path = define(name), FROZEN / name / "protocol.json"
    text = json.dumps(dataclasses.asdict(protocol) | {"hash": protocol.hash}, indent=1) + "\n"
    if path.is_file() and path.read_text() != text and not replace:
        sys.exit(f"{name} is frozen and differs: give the new one another name (or --replace)")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    load_protocol.cache_clear()
    print(f"{name} {protocol.hash}")


def evaluate(name: str, shipped: Sequence[str]) -> Run:
    """Shipped methods under a protocol, on the CPU; those of another size are resized."""
    opened = open_protocol(name, device="cpu")
    loaded = load_all(list(shipped), resolve("cpu"))
    methods = {label: resized(method, opened.dataset.size) for label, method in loaded.items()}
    methods |= references(opened.dataset, order(opened.dataset.labels))
    plan = prepare(
        methods,
        opened.dataset,
        opened.judge,
        seed=opened.seed,
        limit=None,
        batch_size=32,
        store=default_store(),
        stopwatch=Stopwatch(),
        metrics=opened.metrics,
        others=opened.others,
    )
    perform(
        plan, lambda what, done, total: print(f"\r{what} {done}/{total}   ", end="", flush=True)
    )
    print()
    found = conclude(plan)
    return Run(found.results, found.predictions)


def write_rows(name: str, shipped: Sequence[str]) -> None:
    """Write the reference values of a protocol, and say what moved."""
    run, before = evaluate(name, shipped), frozen_run(name)
    if run.results.protocol_name != name:
        sys.exit(f"the evaluation belongs to {run.results.protocol_name}, not to {name}")
    if before is not None:
        run = completed(run, before)
        tell(before, run)
    run.results.save(FROZEN / name / RESULTS)
    (FROZEN / name / PREDICTIONS).write_bytes(to_npz(run.predictions, run.results.records))
    write_pictures(name)


def completed(run: Run, before: Run) -> Run:
    """A run of some methods with the rows that the others have in another run of the same protocol."""
    names = dict.fromkeys([*before.results.methods, *run.results.methods])
    first, *rest = (only(run if name in run.results.methods else before, name) for name in names)
    whole = join(first.results, rest)
    return Run(whole.results, first.predictions | whole.predictions)


def write_pictures(name: str) -> None:
    """Write the small pictures of the reference values, and tell what data the methods learned from."""
    path, opened = FROZEN / name / RESULTS, open_protocol(name, device="cpu")
    results = Results.load(path)
    loaded = load_all(results.competing, resolve("cpu"))
    methods = {label: resized(method, opened.dataset.size) for label, method in loaded.items()}
    methods |= references(opened.dataset, order(opened.dataset.labels))
    found = evaluate_methods(
        methods, opened.dataset, opened.judge, limit=SHOWN, device="cpu", metrics="accuracy"
    )
    told = dict(results.methods)
    for label, facts in found.results.methods.items():
        if facts["weights"] != told[label]["weights"]:
            sys.exit(f"{label} is not the checkpoint of the reference values: freeze them first")
        told[label] = told[label] | {key: facts[key] for key in ("trained_on",) if key in facts}
    dataclasses.replace(results, methods=told).save(path)
    for file, content in make_sprites(found.gallery).items():
        (FROZEN / name / file).write_bytes(content)


def tell(before: Run, after: Run) -> int:
    """Print the comparison of two runs; its exit code."""
    metrics = {record.metric for run in (before, after) for record in run.results.records}
    report = compare(before, after, tolerances(metrics, None))
    print("\n".join(summary(report)))
    return report.exit_code


def main() -> int:
    """Freeze the named protocols, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=sorted(KINDS))
    parser.add_argument("--replace", action="store_true", help="replace a definition")
    parser.add_argument("--definition", action="store_true", help="only the definition")
    parser.add_argument("--rows", action="store_true", help="only the reference values")
    parser.add_argument("--pictures", action="store_true", help="only the small pictures")
    parser.add_argument("--check", action="store_true", help="compare with the frozen values")
    parser.add_argument("--methods", default=",".join(METHODS.first), metavar="NAME,...")
    chosen, code = parser.parse_args(), 0
    shipped = chosen.methods.split(",")
    for name in chosen.names:
        if chosen.check:
            before = frozen_run(name)
            if before is not None:
                code = max(code, tell(before, evaluate(name, before.results.competing)))
            continue
        if chosen.pictures:
            write_pictures(name)
            continue
        if not chosen.rows:
            write_definition(name, chosen.replace)
        if load_protocol(name).shipped and not chosen.definition:
            write_rows(name, shipped)
    return code


if __name__ == "__main__":
    sys.exit(main())
