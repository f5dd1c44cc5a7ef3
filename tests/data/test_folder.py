"""A folder per class."""

from __future__ import annotations

import pytest
from picture_files import picture

from ganbench.data import read_listing
from ganbench.data.table import TableDataset
from ganbench.errors import BadInput


@pytest.mark.parametrize(
    ("folder", "split"),
    [("train", "train"), ("training", "train"), ("test", "test"), ("val", "test"), ("validation", "test")],
)  # fmt: skip
def test_classes_and_their_other_names(tmp_path, folder, split):
    picture(tmp_path / folder / "Happiness" / "b.png")
    picture(tmp_path / folder / "Happiness" / "a.JPG")
    picture(tmp_path / folder / "angry" / "c.png")
    picture(tmp_path / folder / "neutral" / "deep" / "d.png")
    picture(tmp_path / folder / "contemptuous" / "e.png")
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
    assert (data.split, data.bad) == (split, [])
    assert data.dropped == {"contempt": 1}


@pytest.mark.parametrize(
    ("file", "split", "cause"),
    [
        ("train/hapy/a.png", "train", r"train/hapy.*did you mean 'happy'"),
        ("train/sad/a.png", "test", r"looked for a folder per emotion in one of .*test/"),
        ("sad/a.png", "train", "put them into train/"),
    ],
)
def test_folders_that_are_no_classes(tmp_path, file, split, cause):
    picture(tmp_path / file)
    with pytest.raises(BadInput, match=cause):
        read_listing("folder", split, tmp_path)


def test_no_images(tmp_path):
    (tmp_path / "train/sad").mkdir(parents=True)
    with pytest.raises(BadInput, match="no usable image"):
        TableDataset(read_listing("folder", "train", tmp_path), size=4)
    (tmp_path / "test").mkdir()
    with pytest.raises(BadInput, match="no test split"):
        read_listing("folder", "test", tmp_path)
