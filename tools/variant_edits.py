"""Edits of a protocol's tasks by variants of shipped methods: three rows of the leaderboard in reports/leaderboard.

    ganbench protocol export faces64-v1 todo
    python tools/variant_edits.py ganimation-half todo edits/ganimation-half
    ganbench score edits/ganimation-half --protocol faces64-v1 --name "GANimation, half the change" --out runs/half
    ganbench leaderboard add runs/half --edits edits/ganimation-half --to reports/leaderboard

It reads tasks.csv and pictures only, as a program without ganbench would.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import ganbench
from ganbench.methods.conditions import ReferenceImage
from ganbench.methods.outputs import to_bytes

Edit = Callable[[Tensor, Sequence[str], Sequence[int]], Tensor]
"""From pictures [n, 3, S, S] in [0, 1], targets and seeds to edits of the same shape."""


def ganimation_half() -> Edit:
    """GANimation, and half of what it changes: is a weaker edit more than proportionally better for the person?"""
    method = ganbench.load_method("ganimation", device="cpu")

    def edit(images: Tensor, targets: Sequence[str], seeds: Sequence[int]) -> Tensor:
        return (images + method.edit(images, method.codes(targets)).images) / 2

    return edit


def gganmut_weaker() -> Edit:
    """GGANmut at 0.6 of the way from the anchor of neutral to the anchor of the target, as ``--intensity .6`` has it."""
    method = ganbench.load_method("gaussian", device="cpu")

    def edit(images: Tensor, targets: Sequence[str], seeds: Sequence[int]) -> Tensor:
        neutral = method.codes(["neutral"])
        return method.edit(images, neutral + 0.6 * (method.codes(targets) - neutral)).images

    return edit


def stargan_v2_reference() -> Edit:
    """StarGAN-v2 with the style of a training face of the target emotion, which the seed of the task chooses."""
    method = ganbench.load_method("stargan-v2", device="cpu")
    faces = ganbench.load_dataset("faces", "train", train=70, lazy=True)
    rows = {name: np.flatnonzero(faces.labels == i) for i, name in enumerate(ganbench.EMOTIONS)}

    def edit(images: Tensor, targets: Sequence[str], seeds: Sequence[int]) -> Tensor:
        chosen = [
            rows[target][seed % len(rows[target])]
            for target, seed in zip(targets, seeds, strict=True)
        ]
        labels = torch.tensor([ganbench.EMOTIONS.index(target) for target in targets])
        codes = method.encode(ReferenceImage(faces.images(np.array(chosen)), labels))
        return method.edit(images, codes).images

    return edit


VARIANTS: dict[str, Callable[[], Edit]] = {
    "ganimation-half": ganimation_half,
    "gganmut-weaker": gganmut_weaker,
    "stargan-v2-reference": stargan_v2_reference,
}


def tasks(todo: Path) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The picture of each input, and its tasks."""
    with (todo / "tasks.csv").open(encoding="utf-8", newline="") as file:
        for picture, lines in groupby(csv.DictReader(file), lambda line: line["input"]):
            yield picture, list(lines)


def main() -> None:
    """Edit all tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variant", choices=sorted(VARIANTS))
    parser.add_argument("todo", type=Path, help="the folder of 'ganbench protocol export'")
    parser.add_argument("out", type=Path, help="folder of the edits")
    chosen = parser.parse_args()
    edit = VARIANTS[chosen.variant]()
    chosen.out.mkdir(parents=True, exist_ok=True)
    for picture, lines in tasks(chosen.todo):
        pixels = np.asarray(Image.open(chosen.todo / picture).convert("RGB"))
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
        with torch.no_grad():
            edits = edit(
                image.expand(len(lines), -1, -1, -1),
                [line["target"] for line in lines],
                [int(line["seed"]) for line in lines],
            )
        for line, one in zip(lines, to_bytes(edits.clamp(0, 1)), strict=True):
            Image.fromarray(one.transpose(1, 2, 0)).save(chosen.out / f"{line['id']}.png")


if __name__ == "__main__":
    main()
