"""Compare a short training from scratch with its recorded log: nox -s reproduce.

    python benchmarks/reproduce.py             # 300 steps at 32 px, on one core
    python benchmarks/reproduce.py --update    # record a new log: commit the file, and say why it changed

Prints the largest distance of each logged value from its record, relative to the largest recorded size of that
value. Exits with 1 if a distance is above the tolerance, if a value is new or missing, or if there is no
record. Processors differ in the order of sums, and adversarial training amplifies last bits; the tolerance
is therefore wide. Further arguments go to 'ganbench train'.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch

from ganbench.cli import cli

Curve = dict[str, list[float]]

ROOT = Path(__file__).resolve().parents[1]
TOLERANCE = 0.1


def train(method: str, arguments: list[str]) -> Curve:
    """All logged values of a training, and its iterations, without the times."""
    with tempfile.TemporaryDirectory() as folder:
        cli.main(["train", method, *arguments, "--out", folder], standalone_mode=False)
        lines = [json.loads(text) for text in (Path(folder) / "log.jsonl").read_text().splitlines()]
    clock = {"seconds", "images_per_second", "waited"}
    curve: Curve = {}
    for line in lines:
        for key, value in line.items():
            if key not in clock:
                curve.setdefault(key, []).append(value)
    return curve


def distances(reference: Curve, curve: Curve) -> dict[str, float]:
    """Largest distance of each value over its largest size; infinite if the lengths differ."""
    result = {}
    for key in {**reference, **curve}:
        before, after = reference.get(key, []), curve.get(key, [])
        if len(before) != len(after):
            result[key] = float("inf")
            continue
        distance = max(abs(a - b) for a, b in zip(before, after, strict=True))
        result[key] = distance / (max(map(abs, before)) or 1.0)
    return result


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="stargan", help="Which method.")
    parser.add_argument("--recipe", default=str(ROOT / "reports/reproduce.toml"))
    parser.add_argument("--data", default="faces:train=210")
    parser.add_argument("--curve", type=Path, help="Default: reports/reference/curve_METHOD.json.")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE)
    parser.add_argument("--update", action="store_true", help="Record instead of comparing.")
    chosen, more = parser.parse_known_args()
    path = chosen.curve or ROOT / f"reports/reference/curve_{chosen.method}.json"
    if not chosen.update and not path.is_file():
        sys.exit(f"no reference: {path}; record it with --update")
    torch.set_num_threads(1)  # sums in one order on one machine
    arguments = ["--recipe", chosen.recipe, "--data", chosen.data, "--device", "cpu", *more]
    curve = train(chosen.method, arguments)
    if chosen.update:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(curve[key])}" for key in curve)
        path.write_text(f"{{\n{lines}\n}}\n")
        print(f"recorded {path}")
        return
    off = distances(json.loads(path.read_text()), curve)
    for key, value in off.items():
        print(f"{'ok    ' if value <= chosen.tolerance else 'BROKEN'} {key:<24} {value:.2g}")
    print(f"       allowed {chosen.tolerance:g}")
    sys.exit(max(off.values()) > chosen.tolerance)


if __name__ == "__main__":
    main()
