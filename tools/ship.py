"""Copy finished runs into checkpoints/faces and write MANIFEST.toml from their cards.

    python tools/ship.py runs/judge runs/stargan ...     # copy these runs' checkpoints
    python tools/ship.py --scores runs/eval/results.json # add the scores of an evaluation
    python tools/ship.py --reproduced runs/reproduce/stargan   # 'ganbench reproduce' gave the same bits

Nothing in the manifest is typed by hand: the hashes are computed from the files, and all other facts come
from the cards that the trainings wrote and from the evaluation's records.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

from ganbench.methods.weights import read_header, sha256, weights_hash
from ganbench.storage.store import write_atomic

FOLDER = Path(__file__).resolve().parent.parent / "checkpoints" / "faces"
SCORES = ("accuracy", "fed", "ere", "background", "gt_error")


def value(item: Any) -> str:
    """A TOML value; keys whose value is None are left out."""
    if isinstance(item, dict):
        known = (f"{key} = {value(v)}" for key, v in item.items() if v is not None)
        return "{ " + ", ".join(known) + " }"
    return json.dumps(item)


def table(path: Path, scores: dict[str, Any], reproduced: dict[str, Any]) -> str:
    """The manifest's table of one checkpoint."""
    header = read_header(path)
    card = header["card"]
    facts = {
        "file": path.name,
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "kind": header["kind"],
        "licence": card["licence"],
        "recipe": card["recipe_name"],
        "iterations": card["iteration"],
        "seed": card["seed"],
        "command": card["command"],
        "hours": card["hours"],
        "data": card["data"],
        "versions": card["versions"],
        "git": card.get("git", {}),
        "scores": scores,
        "reproduced": reproduced,
    }
    lines = [f"{key} = {value(item)}" for key, item in facts.items() if item != {}]
    return f"[{header['name']}]\n" + "\n".join(lines) + "\n"


def read_scores(results: Path) -> dict[str, dict[str, float]]:
    """The means over emotions of an evaluation, by method."""
    scores: dict[str, dict[str, float]] = {}
    for record in json.loads(results.read_text())["records"]:
        if (
            record.get("emotion") is None
            and record["metric"] in SCORES
            and not record.get("variant")
        ):
            name = "judge" if record["method"] == "real" else record["method"]
            scores.setdefault(name, {})[record["metric"]] = round(record["value"], 4)
    return scores


def finished(run: Path) -> Path:
    """A run's final checkpoint, or the last periodic one if the run is not finished."""
    return [*run.glob("*.safetensors"), *sorted(run.glob("checkpoints/*.safetensors"))[::-1]][0]


def reproduction(run: Path) -> tuple[str, dict[str, Any]]:
    """The shipped checkpoint whose bits a run gave again, by name, and facts about that run."""
    checkpoint = finished(run)
    header = read_header(checkpoint)
    name, card = header["name"], header["card"]
    if weights_hash(checkpoint) != weights_hash(FOLDER / f"{name}.safetensors"):
        raise SystemExit(f"other weights than the shipped {name}: {run}; train it again")
    facts = ("iteration", "hours", "versions", "machine", "git")
    return name, {"weights": "bit-identical", **{key: card[key] for key in facts if key in card}}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--reproduced", nargs="*", type=Path, default=())
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for run in arguments.runs:
        checkpoint = finished(run)
        name = read_header(checkpoint)["name"]
        shutil.copyfile(checkpoint, FOLDER / f"{name}.safetensors")
    manifest = FOLDER / "MANIFEST.toml"
    before = tomllib.loads(manifest.read_text()) if manifest.exists() else {}
    scores = {name: entry.get("scores", {}) for name, entry in before.items()}
    if arguments.scores:
        scores |= read_scores(arguments.scores)
    # An entry stays only while its file is unchanged.
    reproduced = {
        name: entry["reproduced"]
        for name, entry in before.items()
        if "reproduced" in entry and entry["sha256"] == sha256(FOLDER / entry["file"])
    }
    reproduced |= dict(map(reproduction, arguments.reproduced))
    tables = [
        table(path, scores.get(path.stem, {}), reproduced.get(path.stem, {}))
        for path in sorted(FOLDER.glob("*.safetensors"))
    ]
    write_atomic(
        manifest,
        "# Written by tools/ship.py from the checkpoints' own cards.\n\n" + "\n".join(tables),
    )
    print(manifest)


if __name__ == "__main__":
    main()
