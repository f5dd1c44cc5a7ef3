"""tools/variant_edits.py: what its variants are, on a task of each emotion."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench
from ganbench.submission.tasks import COLUMNS, task_id

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("variant_edits", ROOT / "tools/variant_edits.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def image():
    return ganbench.load_dataset("faces", "test", test=7, lazy=True).images(np.array([3]))


def test_half_of_the_change_is_the_mean_of_input_and_edit(tool, image):
    method = ganbench.load_method("ganimation", device="cpu")
    whole = method.edit(image, method.codes(["happy"])).images
    assert torch.equal(tool.ganimation_half()(image, ["happy"], [0]), (image + whole) / 2)


def test_a_weaker_code_lies_on_the_way_from_neutral(tool, image):
    method = ganbench.load_method("gaussian", device="cpu")
    anchors = method.anchors()
    codes = 0.4 * anchors[:1] + 0.6 * anchors[1:2]
    assert torch.allclose(tool.gganmut_weaker()(image, ["happy"], [0]), method.edit(image, codes).images, atol=1e-6)  # fmt: skip


def test_a_style_is_that_of_the_face_which_the_seed_chooses(tool, image):
    edit = tool.stargan_v2_reference()
    first, again, other = (edit(image, ["sad"], [seed]) for seed in (3, 13, 4))
    assert torch.equal(first, again)  # ten training faces show it
    assert not torch.allclose(first, other, atol=1e-3)


def test_every_task_gets_its_file(tool, image, tmp_path, monkeypatch):
    (tmp_path / "inputs").mkdir()
    pixels = (image[0] * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(tmp_path / "inputs/00000.png")
    lines = [(task_id(0, target), "inputs/00000.png", "neutral", name, "5") for target, name in enumerate(ganbench.EMOTIONS)]  # fmt: skip
    with (tmp_path / "tasks.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *lines])
    monkeypatch.setattr(tool, "VARIANTS", {"darker": lambda: lambda images, targets, seeds: images / 2})  # fmt: skip
    monkeypatch.setattr("sys.argv", ["variant_edits", "darker", str(tmp_path), str(tmp_path / "edits")])  # fmt: skip
    tool.main()
    made = sorted((tmp_path / "edits").iterdir())
    assert [path.stem for path in made] == sorted(line[0] for line in lines)
    assert np.abs(np.asarray(Image.open(made[0]), float) - pixels / 2).max() <= 1
