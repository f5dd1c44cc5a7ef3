"""How fast the studio answers: a request for an edit, from the first byte sent to the last one received.

    python benchmarks/studio.py                      # a rendered face in the middle of a photograph, on this machine
    python benchmarks/studio.py photo.jpg --edits 100

Each method makes edits to other emotions or codes in turn, as a user does who moves the point. Prints median and 95th
percentile for each method, and exits 1 if a 95th percentile is above 100 ms.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
from PIL import Image

ALLOWED = 100.0  # ms


def photograph() -> bytes:
    """The JPEG of a photograph of 12 million pixels: a rendered face of 1,000 pixels on grey."""
    from ganbench.data.faces import FacesConfig, render, split_faces

    face = render(next(split_faces(FacesConfig(), "test")), 1000).image
    picture = np.full((3000, 4000, 3), 120, np.uint8)
    picture[900:1900, 1500:2500] = face
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=92)
    return file.getvalue()


class Page:
    """Asks a studio as its page does, over one connection."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.connection = http.client.HTTPConnection(parts.netloc)
        self.root, self.headers = parts.path, {"Origin": f"http://{parts.netloc}"}

    def ask(self, path: str, body: bytes | None = None) -> dict:
        """The JSON of an answer."""
        method = "GET" if body is None else "POST"
        self.connection.request(method, self.root + path, body, self.headers)
        answer = json.load(self.connection.getresponse())
        if "error" in answer:
            sys.exit(answer["error"])
        return answer


def goal(method: dict, n: int) -> dict:
    """What the n-th edit of a method shall show."""
    if method["plane"]:
        angle = 2 * np.pi * n / 37
        return {"code": f"{0.8 * np.cos(angle):.3f},{0.8 * np.sin(angle):.3f}"}
    return {"emotion": method["emotions"][n % len(method["emotions"])], "seed": n}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--edits", type=int, default=60, help="Edits of each method.")
    given = parser.parse_args()
    content = photograph() if given.photo is None else given.photo.read_bytes()
    command = [sys.executable, "-m", "ganbench", "studio", "--no-browser"]
    slow = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        page = Page(process.stdout.readline().split()[-1])
        setup = page.ask("setup")
        start = time.perf_counter()
        photo = page.ask(f"open?tab={setup['tab']}&name={quote('photo.jpg')}", content)
        print(f"opened, {len(photo['faces'])} found   {time.perf_counter() - start:6.2f} s")
        for method in setup["methods"]:
            times = []
            for n in range(given.edits):
                wish = {"photo": photo["photo"], "method": method["label"], **goal(method, n)}
                body = json.dumps(wish).encode()
                start = time.perf_counter()
                page.ask("edit", body)
                times.append(1000 * (time.perf_counter() - start))
            most = float(np.percentile(times, 95))
            slow += [method["title"]] if most > ALLOWED else []
            print(
                f"{method['title']:<12} median {statistics.median(times):6.1f} ms, 95 % {most:6.1f} ms"
            )
        process.terminate()
    if slow:
        sys.exit(f"above {ALLOWED:g} ms: {', '.join(slow)}")


if __name__ == "__main__":
    main()
