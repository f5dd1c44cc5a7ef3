"""Whether training waits for its data, what a data set of AffectNet's size costs to open, and decoders.

    python benchmarks/data.py                    # index 290,000 files, and the waiting of a short run
    python benchmarks/data.py --images 20000 --method ''
    python benchmarks/data.py --pictures         # pillow against torchvision.io, nothing else

Writes tiny JPEG files (copies of one, by hard links) into a temporary folder with AffectNet's list of
them, opens it twice as 'ganbench train' does, and measures the second time and the peak memory. Then
trains METHOD for a few iterations on the embedded faces and measures how long the steps waited for
batches. The exit code is 1 if a limit is broken.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ganbench.data import load_dataset, pictures
from ganbench.data.faces import render_many, sample_face
from ganbench.data.framing import to_square
from ganbench.data.pixels import lay_on_ground
from ganbench.data.truncation import check_jpeg, check_png
from ganbench.stopwatch import peak_mib

INDEX_SECONDS, WAITING = 30.0, 0.05
LINKS = 30_000  # of one file: fewer than file systems allow


def report(what: str, value: float, allowed: float, unit: str) -> bool:
    """Print a line; whether the limit holds."""
    word = "ok    " if value <= allowed else "BROKEN"
    print(f"{word} {what:<44} {value:8.2f} {unit:<4} <= {allowed:g}", flush=True)
    return value <= allowed


def populate(root: Path, count: int) -> None:
    """A list of ``count`` images of 16 px, a thousand a folder, and the images."""
    lines = ["subDirectory_filePath,expression"]
    for i in range(count):
        folder, original = root / f"{i // 1000}", root / f"{i // LINKS}.jpg"
        if i % 1000 == 0:
            folder.mkdir()
        if i % LINKS == 0:
            Image.new("RGB", (16, 16), (i // LINKS, 90, 60)).save(original)
        os.link(original, folder / f"{i}.jpg")
        lines.append(f"{i // 1000}/{i}.jpg,{i % 7}")
    (root / "training.csv").write_text("\n".join(lines) + "\n")


def index(count: int) -> bool:
    """Open so many images twice."""
    holds = True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GANBENCH_CACHE"] = f"{folder}/cache"
        populate(Path(folder), count)
        before = peak_mib()
        for what in ("index", "index again"):
            start, busy = time.perf_counter(), time.process_time()
            opened = load_dataset("affectnet", "train", root=folder, size=128)
            taken, busy = time.perf_counter() - start, time.process_time() - busy
            assert len(opened) == count
            holds &= report(f"{what}: {count:,} images", taken, INDEX_SECONDS, "s")
            print(f"       of which processors worked {busy:26.2f} s")
        del os.environ["GANBENCH_CACHE"]
        print(f"       memory it took {peak_mib() - before:37.0f} MiB")
    return holds


def waiting(method: str, iterations: int) -> bool:
    """Train and measure the waiting for batches."""
    from ganbench.training.batches import Batches
    from ganbench.training.session import prepare

    waited = 0.0
    between = Batches.between

    def timed(self: Batches, first: int, end: int) -> Any:
        nonlocal waited
        stream = between(self, first, end)
        yield next(stream)  # no step runs while the first batch is prepared
        while True:
            start = time.perf_counter()
            batch = next(stream, None)
            waited += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    session = prepare(method, "faces", {"warmup_iterations": 0, "probe_every": 0}, device="cpu")
    dataset = load_dataset("faces", "train", size=session.image_size)
    Batches.between = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        run = session.run(dataset, Path(folder) / "run", "")
        run.start()
        start = time.perf_counter()
        run.run(until=iterations)
        taken = time.perf_counter() - start
    return report(f"waiting for data, {method}", 100 * waited / taken, 100 * WAITING, "%")


def decoders() -> None:
    """Milliseconds of a thread, with pillow and with torchvision.io: decoding, and all until 128 px."""
    from torchvision.io import ImageReadMode, decode_image

    def tensor(content: bytes) -> torch.Tensor:
        data = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        return decode_image(data, ImageReadMode.UNCHANGED)

    def with_pillow(content: bytes) -> Any:
        return np.asarray(to_square(pictures.decode(content, thorough=False).image, 128))

    def with_torchvision(content: bytes) -> Any:
        pictures.header(io.BytesIO(content))
        array = tensor(content).permute(1, 2, 0).contiguous().numpy()
        image = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
        if content[:2] == b"\xff\xd8":
            check_jpeg(content, image, thorough=False)
        else:
            check_png(content)
        if image.mode == "RGBA":
            image = lay_on_ground(image.convert("RGB"), image.getchannel("A"))
        return np.asarray(to_square(image.convert("RGB"), 128))

    def milliseconds(function: Callable[[bytes], Any], content: bytes) -> float:
        taken = []
        for _ in range(20):
            start = time.thread_time()
            function(content)
            taken.append(1000 * (time.thread_time() - start))
        return statistics.median(taken)

    torch.set_num_threads(1)
    for side in (128, 256, 512, 1024):
        pixels = render_many([sample_face(0, "test", 0, "happy")], side)[0][0]
        noise = np.random.default_rng(0).normal(0, 6, (side, side, 1))
        photo = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
        alpha = photo.copy()
        alpha.putalpha(photo.convert("L"))
        for what, image, kind, options in (
            ("JPEG 4:2:0", photo, "JPEG", {"quality": 75}),
            ("JPEG 4:4:4", photo, "JPEG", {"quality": 95, "subsampling": 0}),
            ("JPEG progressive", photo, "JPEG", {"quality": 85, "progressive": True}),
            ("JPEG grey", photo.convert("L"), "JPEG", {"quality": 85}),
            ("PNG", photo, "PNG", {}),
            ("PNG RGBA", alpha, "PNG", {}),
            ("PNG grey", photo.convert("L"), "PNG", {}),
        ):
            file = io.BytesIO()
            image.save(file, kind, **options)
            content = file.getvalue()
            same = (with_pillow(content) == with_torchvision(content)).all()
            decoded, whole = (
                [milliseconds(function, content) for function in pair]
                for pair in (
                    (lambda data: Image.open(io.BytesIO(data)).load(), tensor),
                    (with_pillow, with_torchvision),
                )
            )
            print(
                f"{side:5} px {what:<17} pixels {'equal' if same else 'differ'}; decoding "
                f"{decoded[0]:6.2f} and {decoded[1]:6.2f} ms; whole {whole[0]:6.2f} and {whole[1]:6.2f} ms"
            )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=290_000)
    parser.add_argument("--method", default="stargan")
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--pictures", action="store_true")
    chosen = parser.parse_args()
    if chosen.pictures:
        decoders()
        return
    holds = index(chosen.images) if chosen.images else True
    if chosen.method:
        holds &= waiting(chosen.method, chosen.iterations)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
