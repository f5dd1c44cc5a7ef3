"""Time of ``ganbench compare`` for growing numbers of records.

    python benchmarks/compare.py                   # 50,000, 100,000 and 200,000 records
    python benchmarks/compare.py --records 20000

Each size is twice the previous one, and the last column is the ratio of their times, which is 2 if the
time is proportional to the size. The results are random: ten methods, metrics with seven emotions each,
and every value with an interval.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ganbench.emotions import EMOTIONS
from ganbench.records import Record, Results


def made_up(count: int, seed: int, methods: int = 10) -> Results:
    """Results of ``count`` records with normal values around 50."""
    random = np.random.default_rng(seed)
    names = [f"method{i}" for i in range(methods)]
    emotions = [*EMOTIONS, None]
    records = []
    for i, value in enumerate(random.normal(50, 1, count).tolist()):
        group, place = divmod(i, len(emotions))
        metric, method = divmod(group, methods)
        records.append(
            Record(
                method=names[method],
                metric=f"metric{metric}",
                emotion=emotions[place],
                value=value,
                n=700,
                unit="%",
                direction="higher",
                low=value - 1,
                high=value + 1,
                interval="made up",
            )
        )
    return Results(
        protocol={"data": {"name": "made up", "images": 700}},
        seed=seed,
        methods={name: {"title": name, "weights": "0" * 64} for name in names},
        records=tuple(records),
    )


def seconds(command: list[str]) -> float:
    """Processor time of a command, which does not depend on other work on the machine."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    after = os.times()
    return after.children_user - before.children_user


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, help="One size, and half of it.")
    most = parser.parse_args().records or 200_000
    sizes = [most // 4, most // 2, most] if most == 200_000 else [most // 2, most]
    before = None
    print(f"{'records':>10} {'seconds':>8} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            files = [str(Path(folder) / f"{seed}.json") for seed in (0, 1)]
            for seed, file in enumerate(files):
                made_up(size, seed).save(file)
            now = seconds([sys.executable, "-m", "ganbench", "compare", *files])
            ratio = "" if before is None else f"{now / before:.2f}"
            print(f"{size:>10,} {now:>8.1f} {ratio:>6}")
            before = now


if __name__ == "__main__":
    main()
