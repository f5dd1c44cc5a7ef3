"""Editing in bulk: bounded memory, names, and what is refused."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from PIL import Image

from ganbench import editing
from ganbench.editing import Item, edit_pictures, read_picture, select_pictures
from ganbench.errors import BadInput
from ganbench.methods.weights import save_checkpoint

SIZE = 16


@pytest.fixture
def pictures(tmp_path):
    """``pictures(count, folder)``: files of noise, each unlike the others."""

    def make(count, folder="in", size=(SIZE, SIZE), suffix=".png"):
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(count)
        for i in range(count):
            pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{i:04d}{suffix}")
        return place

    return make


def read(path):
    with Image.open(path) as image:
        return np.array(image)


def test_never_more_than_a_batch_is_in_memory(pictures, tiny_method, tmp_path, monkeypatch):
    place, batch, count = pictures(40), 8, 600
    taken, alive, most = 0, weakref.WeakSet(), [0, 0]

    class Pixels(np.ndarray):
        """An array that can be watched."""

    def watched(*arguments):
        array = read_picture(*arguments).view(Pixels)
        alive.add(array)
        most[1] = max(most[1], len(alive))
        return array

    Pixels.__hash__ = object.__hash__
    monkeypatch.setattr(editing, "read_picture", watched)

    def endless():
        nonlocal taken
        for i in range(count):
            taken += 1
            yield Item(place / f"{i % 40:04d}.png", f"{i}.png")

    done = 0
    gc.disable()  # what only the collector frees would pile up between its visits
    try:
        for _ in edit_pictures(
            tiny_method("stargan"), 1, endless(), tmp_path / "out", batch_size=batch
        ):
            done += 1
            most[0] = max(most[0], taken - done)
    finally:
        gc.enable()
    assert done == count
    assert most[0] < batch
    assert most[1] <= 2 * batch  # a batch, and the next while the names of the first still hold it


def test_edits_are_those_of_the_method(pictures, tiny_method, tmp_path):
    import torch

    method, place = tiny_method("linear"), pictures(5)
    items = select_pictures([place], tmp_path / "out").items
    files = list(edit_pictures(method, 3, items, tmp_path / "out", batch_size=2))
    assert [f.name for f in files] == [f"000{i}.png" for i in range(5)]
    inputs = torch.stack([torch.from_numpy(read(item.source)) for item in items])
    edits = method.edit(inputs.permute(0, 3, 1, 2) / 255, method.codes(torch.full((5,), 3))).images
    expected = (edits.permute(0, 2, 3, 1) * 255).numpy()
    assert np.abs(np.stack([read(f) for f in files]) - expected).max() <= 0.51


@pytest.mark.parametrize("name", ["smit", "stargan-v2"])
def test_noise_belongs_to_the_name_and_not_to_the_batch(name, pictures, tiny_method, tmp_path):
    method, place = tiny_method(name), pictures(5, size=(32, 32))
    items = select_pictures([place], tmp_path / "none").items
    for size, chosen in ((1, items), (5, items), (2, items[3:])):
        list(edit_pictures(method, 1, chosen, tmp_path / f"{size}", batch_size=size))
    for i in range(5):
        one, all_ = (read(tmp_path / folder / f"000{i}.png") for folder in "15")
        assert np.abs(one.astype(int) - all_).max() <= 1
    for i in (3, 4):
        alone = read(tmp_path / "2" / f"000{i}.png").astype(int)
        assert np.abs(alone - read(tmp_path / "1" / f"000{i}.png")).max() <= 1
    list(edit_pictures(method, 1, items, tmp_path / "other", seed=1))
    assert not np.array_equal(read(tmp_path / "other/0000.png"), read(tmp_path / "5/0000.png"))


@pytest.fixture
def edit(call, tiny_method, tmp_path):
    """``edit(*arguments)``: the command with a small StarGAN."""
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, tiny_method("stargan"), "method", "stargan", {})
    options = ("--method", f"stargan={path}", "--emotion", "happiness")
    return lambda *more: call("edit", "--framed", *options, "--device", "cpu", *more)


def test_the_command_edits_folders_and_files(edit, pictures, tmp_path):
    pictures(3, "in/deep", suffix=".jpg")
    pictures(2, "one")
    code, out, err = edit("--images", "in", "one/0000.png", "one/0001.png", "--out", "in/edits")
    assert (code, err) == (0, "")
    assert out == "in/edits: 5 edits\n"
    found = sorted(
        p.relative_to(tmp_path / "in/edits").as_posix()
        for p in (tmp_path / "in/edits").rglob("*.*")
    )
    assert found == ["0000.png", "0001.png", *(f"deep/000{i}.png" for i in range(3))]
    # Edits that lie among the inputs are no inputs the next time.
    code, out, _ = edit("--images", "in", "--out", "in/edits", "--overwrite")
    assert (code, out) == (0, "in/edits: 3 edits\n")


def test_nothing_is_overwritten_unasked(edit, pictures, tmp_path):
    pictures(3)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/0001.png").write_bytes(b"mine")
    code, out, err = edit("--images", "in", "--out", "out")
    assert (code, out) == (2, "")
    assert "already there: out/0001.png; add --overwrite" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["0001.png"]
    assert (tmp_path / "out/0001.png").read_bytes() == b"mine"
    assert edit("--images", "in", "--out", "out", "--overwrite")[0] == 0
    assert read(tmp_path / "out/0001.png").shape == (SIZE, SIZE, 3)


def test_other_sizes_are_refused_or_resized(edit, pictures, tmp_path):
    pictures(2, size=(30, 20))
    code, _, err = edit("--images", "in", "--out", "out")
    assert code == 2
    assert "in/0000.png has 30 x 20 pixels, the method edits 16 x 16; add --resize" in err
    assert edit("--images", "in", "--out", "out", "--resize")[0] == 0
    assert read(tmp_path / "out/0000.png").shape == (SIZE, SIZE, 3)


def test_unreadable_pictures_are_named_and_counted(edit, pictures, tmp_path):
    place = pictures(4)
    (place / "0001.png").write_bytes(b"no picture")
    (place / "0002.png").write_bytes((place / "0002.png").read_bytes()[:200])
    code, _, err = edit("--images", "in", "--out", "out")
    assert code == 2
    assert "cannot read: in/0001.png (not an image that pillow can read)" in err
    assert err.count("\n") == 1
    code, out, err = edit("--images", "in", "--out", "out", "--skip-bad")
    assert (code, out) == (0, "out: 2 edits, 2 unreadable left out\n")
    assert "left out: in/0001.png (not an image that pillow can read)" in err
    assert "left out: in/0002.png" in err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["0000.png", "0003.png"]


def test_what_else_is_refused(edit, pictures, tmp_path):
    pictures(1)
    pictures(1, suffix=".jpg")
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        (("--images", "in"), "two edits would be 0000.png: of in/0000.jpg and in/0000.png"),
        (("--images", "empty"), "no pictures in: empty"),
        (("--images", "nowhere"), "no such file or folder: nowhere"),
        (("--images", "in/0000.png", "--emotion", "hapy"), "did you mean 'happy'"),
    ):
        code, _, err = edit(*arguments, "--out", "out")
        assert (code, err.count("\n")) == (2, 1), err
        assert message in err
    with pytest.raises(BadInput, match="two edits"):
        select_pictures([tmp_path / "in"], tmp_path / "out")
