"""A folder per class."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ganbench.data import read_listing
from ganbench.data.table import TableDataset
from ganbench.errors import BadInput


def pictures(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (4, 4), (1, 2, 3)).save(folder / name)


@pytest.mark.parametrize(
    ("folder", "split"),
    [("train", "train"), ("training", "train"), ("test", "test"), ("val", "test"), ("validation", "test")],
)  # fmt: skip
def test_classes_and_their_other_names(tmp_path, folder, split):
    pictures(tmp_path / folder / "Happiness", "b.png", "a.JPG")
    pictures(tmp_path / folder / "angry", "c.png")
    pictures(tmp_path / folder / "neutral" / "deep", "d.png")
    (tmp_path / folder / "angry" / "notes.txt").write_text("not an image")
    (tmp_path / folder / ".thumbnails").mkdir()
    data = TableDataset(read_listing("folder", split, tmp_path), size=4)
    assert data.labels.tolist() == [0, 1, 1, 6]
    assert data.paths == [
        f"{folder}/neutral/deep/d.png",
        f"{folder}/Happiness/a.JPG",
        f"{folder}/Happiness/b.png",
        f"{folder}/angry/c.png",
    ]
    assert data.split == split
    assert data.bad == []


def test_contempt_is_dropped_and_counted(tmp_path):
    pictures(tmp_path / "train/contemptuous", "a.png", "b.png")
    pictures(tmp_path / "train/sad", "c.png")
    data = TableDataset(read_listing("folder", "train", tmp_path), size=4)
    assert data.labels.tolist() == [2]
    assert data.dropped == {"contempt": 2}


def test_an_unknown_class_is_refused(tmp_path):
    pictures(tmp_path / "train/hapy", "a.png")
    with pytest.raises(BadInput, match=r"train/hapy.*did you mean 'happy'"):
        read_listing("folder", "train", tmp_path)


def test_a_split_that_is_not_there(tmp_path):
    pictures(tmp_path / "train/sad", "a.png")
    with pytest.raises(BadInput, match=r"looked for a folder per emotion in one of .*test/"):
        read_listing("folder", "test", tmp_path)


def test_classes_without_a_split(tmp_path):
    pictures(tmp_path / "sad", "a.png")
    with pytest.raises(BadInput, match="put them into train/"):
        read_listing("folder", "train", tmp_path)


def test_no_images(tmp_path):
    (tmp_path / "train/sad").mkdir(parents=True)
    with pytest.raises(BadInput, match="no usable image"):
        TableDataset(read_listing("folder", "train", tmp_path), size=4)
    (tmp_path / "test").mkdir()
    with pytest.raises(BadInput, match="no test split"):
        read_listing("folder", "test", tmp_path)


def test_an_unreadable_image(tmp_path):
    pictures(tmp_path / "train/sad", "a.png")
    (tmp_path / "train/sad/b.png").write_bytes(b"")
    listing = read_listing("folder", "train", tmp_path)
    with pytest.raises(BadInput, match=r"1 of 2 images .*train/sad/b\.png"):
        TableDataset(listing, size=4)
    assert len(TableDataset(listing, size=4, skip_bad=True)) == 1
