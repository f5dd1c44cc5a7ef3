"""What tests of scored folders share: a protocol of toys, and a method's edits written to files."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from toys import Reader, ToyFaces

from ganbench.evaluation import protocol
from ganbench.methods.outputs import to_bytes
from ganbench.submission.opened import Opened
from ganbench.submission.tasks import task_id

IMAGES = 28


def toy_protocol(images: int = IMAGES) -> Opened:
    """A protocol of toys, which is no frozen one."""
    return Opened("folder", ToyFaces(images), Reader())


def write_edits(method, dataset, folder: Path, seed: int = 0) -> None:
    """Write what a method makes in an evaluation as ``ID.png``, 8 bits a channel."""
    folder.mkdir(parents=True, exist_ok=True)
    for chunk in protocol.chunks(dataset.labels):
        codes, _ = protocol.codes(method, "anchor", seed, chunk.number)
        images = dataset.images(chunk.indices)
        for i, row in enumerate(chunk.indices.tolist()):
            with torch.no_grad():
                edits = method.edit(images[i].expand(7, -1, -1, -1), codes[7 * i : 7 * i + 7])
            for target, pixels in enumerate(to_bytes(edits.images)):
                picture = Image.fromarray(pixels.transpose(1, 2, 0))
                picture.save(folder / f"{task_id(row, target)}.png")
