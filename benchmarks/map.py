"""Frames a second of the page's t-SNE map with 40,000 points, while it is moved in Chromium.

    python benchmarks/map.py runs/eval/report.html
    python benchmarks/map.py runs/eval/report.html --points 10000

The points of the page are repeated, a little displaced, until there are enough; all methods are shown and the
map is moved by the mouse for some seconds. Prints frames a second, and the median and 95th percentile of the time
between two frames. Exits with 1 below 50 frames a second: the promise is 60, and a frame may be lost.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

BLOCK = re.compile(r'(<script type="application/json" id="points-data">)(.*?)(</script>)', re.S)

# Moves the map by a pointer in each frame, and records when frames were shown.
MOVE = """async (seconds) => {
  const canvas = document.querySelector("#map .board > canvas"), box = canvas.getBoundingClientRect();
  const send = (type, x) => canvas.dispatchEvent(new PointerEvent(type, { pointerId: 1, bubbles: true,
    clientX: box.x + box.width / 2 + x, clientY: box.y + box.height / 2 + x / 3 }));
  canvas.setPointerCapture = () => {};
  send("pointerdown", 0);
  const times = [], start = performance.now();
  while (performance.now() - start < 1000 * seconds) {
    times.push(await new Promise(requestAnimationFrame));
    send("pointermove", 40 * Math.sin(times.length / 10));
  }
  send("pointerup", 0);
  return times;
}"""


def with_points(page: str, count: int) -> str:
    """The page with ``count`` points on its map, near those that it has."""
    found = BLOCK.search(page)
    if not found:
        sys.exit("this page has no map: the evaluation had too few images")
    data = json.loads(found[2])
    random = np.random.default_rng(0)
    total = sum(len(cloud["x"]) for cloud in data["clouds"])
    for cloud in data["clouds"]:
        n = round(count * len(cloud["x"]) / total)
        chosen = np.arange(n) % len(cloud["x"])
        for axis in "xy":
            near = np.array(cloud[axis])[chosen] + random.normal(0, 40, n)
            cloud[axis] = np.clip(near, 0, data["scale"]).astype(int).tolist()
        cloud["label"] = np.array(cloud["label"])[chosen].tolist()
        cloud["row"] = []
    text = json.dumps(data).replace("<", "\\u003c")
    return page[: found.start(2)] + text + page[found.end(2) :]


def main() -> int:
    parser = argparse.ArgumentParser(description="Frames a second of the t-SNE map.")
    parser.add_argument("page", type=Path)
    parser.add_argument("--points", type=int, default=40_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "report.html"
        page_file.write_text(with_points(options.page.read_text("utf-8"), options.points), "utf-8")
        browser = playwright.chromium.launch(executable_path=options.chromium)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(page_file.as_uri())
        page.locator("#map").scroll_into_view_if_needed()
        for box in page.locator("#map .filters[role] >> nth=0 >> input").all():
            box.check()
        times = page.evaluate(MOVE, options.seconds)
        browser.close()
    gaps = np.diff(times)
    rate = 1000 / float(gaps.mean())
    print(f"{options.points:,} points: {rate:.0f} frames a second; between two frames")
    print(
        f"median {statistics.median(gaps):.1f} ms, 95th percentile {np.percentile(gaps, 95):.1f} ms"
    )
    return int(rate < 50)


if __name__ == "__main__":
    sys.exit(main())
