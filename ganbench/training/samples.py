"""Sample grids: the same training faces edited to every emotion, at several times of a training."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import nn

from ganbench.data.dataset import Dataset
from ganbench.methods.conditions import Category
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes
from ganbench.seeds import generator
from ganbench.storage.store import replacing

ROWS = 8


def save_samples(model: nn.Module, dataset: Dataset, path: Path) -> None:
    """Write a grid whose rows are a face and its edits to every emotion, as one PNG.

    Judges have no grid, nor have methods that are not conditioned on emotions.
    """
    if not isinstance(model, Method) or Category not in model.conditions:
        return
    rows = min(ROWS, len(dataset))
    images = dataset.images(range(rows))
    training = model.training
    columns = [images]
    for emotion in model.config.emotions:
        codes = model.codes([emotion] * rows, generator=generator(0, "samples"))
        columns.append(model.edit(images, codes).images.cpu())
    model.train(training)
    grid = torch.stack(columns, dim=1)  # [rows, columns, 3, H, W]
    _, count, _, height, width = grid.shape
    sheet = grid.permute(0, 3, 1, 4, 2).reshape(rows * height, count * width, 3)
    with replacing(path, durable=False) as temporary:
        Image.fromarray(to_bytes(sheet)).save(temporary, "PNG")
