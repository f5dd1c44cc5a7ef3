"""The limits that ganbench promises, measured on this machine: nox -s bench.

    python benchmarks/limits.py            # the main job from an empty cache: minutes
    python benchmarks/limits.py --quick    # 70 test images; the time limit is then not judged

Prints one line a limit: what, measured, allowed. Exits 1 if one is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GANBENCH = [sys.executable, "-m", "ganbench"]


def run(arguments: list[str], cache: str, out: str) -> float:
    """Seconds that a command takes."""
    environment = os.environ | {"GANBENCH_CACHE": cache}
    start = time.perf_counter()
    subprocess.run(
        [*GANBENCH, *arguments, "--out", out] if out else [*GANBENCH, *arguments],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def report(what: str, value: float, allowed: float, unit: str, at_least: bool = False) -> bool:
    """Print a line; whether the limit holds."""
    holds = value >= allowed if at_least else value <= allowed
    sign = ">=" if at_least else "<="
    print(f"{'ok    ' if holds else 'BROKEN'} {what:<44} {value:8.2f} {unit:<4} {sign} {allowed:g}")
    return holds


def rendering() -> bool:
    """Whether all cores together render true edits as many times faster than one as they should."""
    from ganbench.data.faces import render_many, sample_face
    from ganbench.devices import cores
    from ganbench.emotions import EMOTIONS

    count = cores()
    faces = [sample_face(0, "test", i, EMOTIONS[i % 7]) for i in range(140)]
    render_many(faces[:8], workers=count)
    best = {1: float("inf"), count: float("inf")}
    for _ in range(3):
        for workers in best:
            start = time.perf_counter()
            render_many(faces, workers=workers)
            best[workers] = min(best[workers], time.perf_counter() - start)
    # Memory is shared, so that many cores gain less than their number.
    allowed = count * (0.9 if count <= 4 else 0.625)
    return report(
        f"rendering on {count} cores, over one", best[1] / best[count], allowed, "x", True
    )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="Evaluate 70 test images only.")
    quick = parser.parse_args().quick
    limit = ["--limit", "70"] if quick else []
    with tempfile.TemporaryDirectory() as folder:
        helps = [run(["--help"], folder, "") for _ in range(7)]
        holds = [report("ganbench --help", statistics.median(helps), 0.3, "s"), rendering()]
        job = ["eval", "--methods", "all", *limit]
        first = run(job, folder, f"{folder}/first")
        manifest = json.loads(Path(folder, "first", "manifest.json").read_text())
        second = run(job, folder, f"{folder}/second")
    stages = {name: stage["seconds"] for name, stage in manifest["stages"].items()}
    main_work = sum(s for name, s in stages.items() if name.startswith(("edit", "judge")))
    if not quick:
        holds.append(report("eval --methods all, empty cache", first, 360, "s"))
    holds.append(report("peak memory", manifest["peak_mib"] / 1024, 2, "GiB"))
    # Rendering test faces and true edits is data, not harness.
    rendering_stages = ("data", "load", "render true edits", "wait for true edits")
    data = sum(s for name, s in stages.items() if name in rendering_stages)
    share = 100 * main_work / (manifest["seconds"] - data)
    holds.append(report("editing and judging, of the evaluation", share, 90, "%", at_least=True))
    holds.append(report("the same again, over the first", second / first, 0.2, ""))
    for name, seconds in stages.items():
        print(f"       {name:<44} {seconds:8.2f} s")
    sys.exit(not all(holds))


if __name__ == "__main__":
    main()
