import io

import numpy as np
import pytest
from PIL import Image

from ganbench.figures.grid import grid
from ganbench.figures.page import to_png


def test_grids_show_every_face_crisp_and_in_its_place():
    random = np.random.default_rng(0)
    inputs = random.integers(0, 255, (2, 3, 1, 1), np.uint8).repeat(32, 2).repeat(32, 3)
    edits = random.integers(0, 255, (2, 7, 3, 1, 1), np.uint8).repeat(32, 3).repeat(32, 4)
    with Image.open(io.BytesIO(to_png(grid("SMIT", inputs, np.array([0, 3]), edits)))) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    for i in range(2):
        for j, face in enumerate([inputs[i], *edits[i]]):
            y, x = 76 + 134 * i + 64, 40 + 134 * j + (12 if j else 0) + 64
            assert abs(pixels[y - 50 : y + 50, x - 50 : x + 50] - face[:, 0, 0]).max() <= 1


def test_large_pictures_are_not_enlarged():
    big = np.zeros((1, 3, 256, 256), np.uint8)
    figure = grid("x", big, np.array([0]), big[:, None].repeat(7, 1))
    assert figure.get_figwidth() * figure.dpi == pytest.approx(40 + 8 * 262 + 12)
