"""Tables of images: the lists of users, pixels in memory and on disk, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from picture_files import picture
from PIL import Image

from ganbench.data import read_listing, table
from ganbench.data.action_units import ACTION_UNITS
from ganbench.data.rows import RowFiles
from ganbench.data.table import TableDataset
from ganbench.errors import BadInput

OFFICIAL = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
    "expression,valence,arousal"
)


def listed(root: Path, labels: list[object], folder: str = "images", **columns: list) -> Path:
    """AffectNet-like ``training.csv`` with PNG images ``s/0.png`` ..."""
    names = [f"s/{i}.png" for i in range(len(labels))]
    for i, name in enumerate(names):
        picture(root / folder / name, i)
    frame = pd.DataFrame({"subDirectory_filePath": names, "expression": labels, **columns})
    frame.to_csv(root / "training.csv", index=False)
    return root


def opened(root: Path, size: int = 8, **options: object) -> TableDataset:
    return TableDataset(read_listing("affectnet", "train", root), size=size, **options)


def bytes_of(images: torch.Tensor) -> np.ndarray:
    return (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def test_pixels_of_the_right_size_are_untouched(tmp_path):
    data = opened(listed(tmp_path, [0, 1, 2]))
    images = data.images([2, 0, 2])
    assert images.shape == (3, 3, 8, 8)
    assert images.dtype == torch.float32
    for got, name in zip(bytes_of(images), ("2", "0", "2"), strict=True):
        np.testing.assert_array_equal(got, np.array(Image.open(tmp_path / f"images/s/{name}.png")))


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_indices_of_any_kind(tmp_path, kind):
    data = opened(listed(tmp_path, [0, 1, 2]))
    assert torch.equal(data.images(kind([1, -1])), data.images([1, 2]))
    assert data.images([]).shape == (0, 3, 8, 8)
    with pytest.raises(IndexError):
        data.images(kind([3]))


def test_memory_and_disk_give_the_same(tmp_path):
    root = listed(tmp_path, [0, 1, 2, 9, 3], regions_filePath=[f"{i}.png" for i in range(5)])
    (root / "regions").mkdir()
    for i in range(5):
        values = np.random.default_rng(i).integers(0, 4, (8, 8), dtype=np.uint8)
        Image.fromarray(values).save(root / f"regions/{i}.png")
    kept, streamed = opened(root, size=5), opened(root, size=5, keep_bytes=0)
    everything = range(len(kept))
    assert torch.equal(kept.images(everything), streamed.images(everything))
    assert torch.equal(kept.regions(everything), streamed.regions(everything))
    assert kept.regions([0]).dtype == torch.uint8
    assert kept.fingerprint == streamed.fingerprint
    np.testing.assert_array_equal(kept.extents, streamed.extents)


def test_labels_are_kept_and_unused_ones_counted(tmp_path):
    data = opened(listed(tmp_path, [6, 7, 0, 8, 8, 9, 10, 3]))
    assert data.labels.tolist() == [6, 0, 3]
    assert data.labels.dtype == np.int64
    assert data.dropped == {"contempt": 1, "none": 2, "uncertain": 1, "non-face": 1}
    assert data.paths == ["images/s/0.png", "images/s/2.png", "images/s/7.png"]
    assert len(data) == 3
    assert not data.has_true_edits


def test_limit_takes_the_emotions_in_turn(tmp_path):
    root = listed(tmp_path, [0, 0, 0, 1, 1, 5])
    assert opened(root, limit=3).paths == ["images/s/0.png", "images/s/3.png", "images/s/5.png"]
    assert opened(root, limit=5).labels.tolist() == [0, 0, 1, 1, 5]
    assert len(opened(root, limit=99)) == 6
    cycling = listed(tmp_path, [0, 1, 2, 3, 4, 5, 6, 0, 1, 2])
    assert opened(cycling, limit=8).paths == opened(cycling).paths[:8]
    with pytest.raises(BadInput, match=r"limit.*not 0"):
        opened(root, limit=0)


@pytest.mark.parametrize("folder", ["", "images", "Manually_Annotated/Manually_Annotated_Images"])
def test_the_official_list_without_header(tmp_path, folder):
    picture(tmp_path / folder / "12/a.JPG")
    picture(tmp_path / folder / "12/b.jpg")
    rows = ["12/a.JPG,1,2,3,4,1.5;2.5,6,0.1,0.2", "12\\b.jpg,1,2,3,4,1.5;2.5,2,0.1,0.2"]
    lists = tmp_path / "Manually_Annotated_file_lists"
    lists.mkdir(parents=True)
    (lists / "validation.csv").write_text("\n".join(rows))
    (lists / "training.csv").write_text("\n".join([OFFICIAL, *rows]))
    for split in ("train", "test"):
        data = TableDataset(read_listing("affectnet", split, tmp_path), size=8)
        assert data.labels.tolist() == [6, 2]
        assert "facial_landmarks" not in data.frame


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("a.png,3\nb.png,0\n", [3, 0]),
        ("image,label\na.png,happy\nb.png,Anger\n", [1, 6]),
        ("label, path\n2,a.png\n1.0,b.png\n", [2, 1]),
        ("\ufefffile,emotion\na.png,fear\nb.png,contempt\n", [4]),
    ],
)
def test_two_column_lists(tmp_path, text, labels):
    for name in ("a", "b"):
        picture(tmp_path / f"{name}.png")
    (tmp_path / "test.csv").write_text(text, encoding="utf-8")
    for root in (tmp_path, tmp_path / "test.csv"):
        assert TableDataset(read_listing("csv", "test", root), size=8).labels.tolist() == labels


def test_action_units_go_by_name(tmp_path):
    values = {f" AU{unit:02d}_r": [unit / 10, 5.0] for unit in reversed(ACTION_UNITS)}
    others = {"AU28_c": [1, 1], "AU01_c": [1, 1]}
    data = opened(listed(tmp_path, [0, 1], **others, **values))
    units = data.action_units([0, 1])
    torch.testing.assert_close(units[0], torch.tensor(ACTION_UNITS) / 50)
    assert (units[1] == 1).all()
    assert units.dtype == torch.float32
    assert torch.equal(data.action_units([1]), units[1:])


def test_unknown_truth_is_none(tmp_path):
    data = opened(listed(tmp_path, [0]))
    assert data.action_units([0]) is None
    assert data.regions([0]) is None


def test_faulty_action_units(tmp_path):
    columns = {f"AU{unit:02d}_r": [1.0, 1.0] for unit in ACTION_UNITS}
    broken = columns | {"AU12_r": [1.0, "x"]}
    with pytest.raises(BadInput, match=r"AU12_r of 'images/s/1.png' is 'x', not a number"):
        opened(listed(tmp_path, [0, 1], **broken)).action_units([0])
    del columns["AU45_r"]
    with pytest.raises(BadInput, match=r"16 of OpenFace's 17 .* missing: AU45_r"):
        opened(listed(tmp_path, [0, 1], **columns)).action_units([0])


def later(root: Path, labels: dict[int, object]) -> Path:
    (root / "annotations").mkdir(parents=True)
    for number, label in labels.items():
        picture(root / "images" / f"{number}.png", number)
        np.save(root / "annotations" / f"{number}_exp.npy", np.array(label))
        np.save(root / "annotations" / f"{number}_val.npy", np.array("0.5"))
    return root


def test_the_later_layout(tmp_path):
    later(tmp_path / "val_set", {10: "1", 2: "6", 1: 7})
    data = TableDataset(read_listing("affectnet", "test", tmp_path), size=8)
    assert data.paths == ["val_set/images/2.png", "val_set/images/10.png"]
    assert data.labels.tolist() == [6, 1]
    assert data.dropped == {"contempt": 1}
    inside = TableDataset(read_listing("affectnet", "test", tmp_path / "val_set"), size=8)
    assert torch.equal(inside.images([0, 1]), data.images([0, 1]))
    with pytest.raises(BadInput, match=r"no train split of 'affectnet'.*train_set/.*holds val_set"):
        read_listing("affectnet", "train", tmp_path)


def test_the_later_layout_with_gaps(tmp_path):
    later(tmp_path, {1: "1", 2: "2", 3: "3"})
    (tmp_path / "annotations/2_exp.npy").unlink()
    (tmp_path / "images/3.png").unlink()
    listing = read_listing("affectnet", "train", tmp_path)
    with pytest.raises(BadInput, match=r"2 of 3 images .*2\.png.*no annotation 2_exp\.npy"):
        TableDataset(listing, size=8)
    data = TableDataset(listing, size=8, skip_bad=True)
    assert data.paths == ["images/1.png"]
    assert [path for path, _ in data.bad] == ["images/2.png", "images/3.jpg"]


class Trap:
    """Unpickling it fails the test."""

    def __reduce__(self):
        return pytest.fail, ("the annotation was unpickled",)


@pytest.mark.parametrize("label", [Trap(), "happyish", "11", [1, 2]])
def test_the_later_layout_with_a_foreign_annotation(tmp_path, label):
    later(tmp_path, {1: "1"})
    np.save(tmp_path / "annotations/1_exp.npy", np.array(label), allow_pickle=True)
    with pytest.raises(BadInput, match=r"1_exp\.npy"):
        read_listing("affectnet", "train", tmp_path)


@pytest.mark.parametrize("keep_bytes", [0, 1 << 30])
def test_bad_images_are_named_and_counted(tmp_path, keep_bytes):
    root = listed(tmp_path, [0, 1, 2, 3, 4])
    (root / "images/s/1.png").write_text("no image")
    (root / "images/s/3.png").unlink()
    with pytest.raises(BadInput, match=r"2 of 5 .*s/1\.png.*not an image.*--skip-bad"):
        opened(root, keep_bytes=keep_bytes)
    data = opened(root, skip_bad=True, keep_bytes=keep_bytes)
    assert data.labels.tolist() == [0, 2, 4]
    assert data.bad == [
        ("images/s/1.png", "not an image that pillow can read"),
        ("images/s/3.png", "No such file or directory"),
    ]
    for i, name in enumerate(("0", "2", "4")):
        np.testing.assert_array_equal(
            bytes_of(data.images([i]))[0], np.array(Image.open(root / f"images/s/{name}.png"))
        )


def test_damage_inside_a_file_of_a_large_split_is_found_in_use(tmp_path):
    root = listed(tmp_path, [0, 1])
    victim = root / "images/s/1.png"
    whole = victim.read_bytes()
    victim.write_bytes(whole[:50] + bytes(10) + whole[60:])
    streamed = opened(root, keep_bytes=0)  # headers and ends only
    assert [path for path, _ in streamed.undecodable()] == ["images/s/1.png"]
    streamed.images([0])
    with pytest.raises(BadInput, match=r"s/1\.png.*cannot be decoded"):
        streamed.images([0, 1])
    victim.write_bytes(whole[:100])  # cut short: opening finds it
    bad = opened(root, keep_bytes=0, skip_bad=True).bad
    assert [path for path, _ in bad] == ["images/s/1.png"]


def test_whole_files_with_something_appended_are_kept(tmp_path):
    root = listed(tmp_path, [0, 1])
    Image.open(root / "images/s/0.png").save(root / "images/s/0.png", "JPEG")
    for name in ("0.png", "1.png"):
        with (root / "images/s" / name).open("ab") as file:
            file.write(bytes(10_000))
    assert len(opened(root, keep_bytes=0)) == 2


@pytest.mark.parametrize("keep_bytes", [0, 1 << 30])
def test_bad_region_maps(tmp_path, keep_bytes):
    root = listed(tmp_path, [0, 1], regions_filePath=["0.png", "1.png"])
    (root / "regions").mkdir()
    Image.fromarray(np.full((8, 8), 3, np.uint8)).save(root / "regions/0.png")
    with pytest.raises(BadInput, match=r"1 of 2 .*No such file.*region map.*1\.png"):
        opened(root, keep_bytes=keep_bytes)
    Image.fromarray(np.full((8, 8), 5, np.uint8)).save(root / "regions/1.png")
    with pytest.raises(BadInput, match="holds 0 to 4, not 5"):
        opened(root, keep_bytes=keep_bytes).regions([0, 1])
    listed(tmp_path, [0, 1], regions_filePath=["0.png", ""])
    with pytest.raises(BadInput, match=r"1 of 2 rows .*no region map, first 'images/s/1\.png'"):
        opened(root, keep_bytes=keep_bytes)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "is empty"),
        ("a,b\nx.png,1\n", r"no column for the image path: found a, b; call it"),
        ("image,mood\na.png,1\n", r"no column for the label: found image, mood; call it 'label'"),
        ("a.png,1,2\n", "no header and 3 columns"),
        ("image,label\na.png,happpy\n", r"data row 1: unknown emotion: 'happpy'; did you mean 'happy'"),
        ("image,label\na.png,1\na.png,11\n", r"data row 2: label '11' is no AffectNet id"),
        ("image,label\na.png,1.5\n", r"'1\.5' is no AffectNet id"),
        ("image,label\na.png,-1\n", r"'-1' is no AffectNet id"),
        ("image,label\na.png,\n", "data row 1"),
        ("image,label\n,1\n", "data row 1 has no image path"),
        ("image,label\na.png,nan\n", "data row 1: .*'nan'"),
        ("image,label\nb.png,1\n", r"no image listed .* was found, first 'b\.png'.*--root"),
        ("image,label\na.png,8\n", r"no usable image .*'none': 1"),
        ("image,label\n", "no usable image"),
        ('image,label\n"a.png,1\n', "data row 1|no CSV"),
    ],
)  # fmt: skip
def test_bad_lists(tmp_path, text, cause):
    picture(tmp_path / "a.png")
    (tmp_path / "train.csv").write_text(text)
    with pytest.raises(BadInput, match=cause):
        TableDataset(read_listing("csv", "train", tmp_path), size=8)


def test_a_binary_list(tmp_path):
    (tmp_path / "train.csv").write_bytes(b"\xff\xfe\x00\x81" * 9)
    with pytest.raises(BadInput, match="no CSV"):
        read_listing("csv", "train", tmp_path)


def test_size_is_checked(tmp_path):
    with pytest.raises(BadInput, match=r"size.*not 0"):
        opened(listed(tmp_path, [0]), size=0)


def test_progress_reaches_the_end(tmp_path):
    seen: list[tuple[int, int]] = []
    opened(listed(tmp_path, [0] * 70), progress=lambda *step: seen.append(step))
    assert seen == [(64, 70), (70, 70)]


class TestFingerprint:
    def test_does_not_depend_on_the_place(self, tmp_path):
        one = listed(tmp_path / "one", [0, 1])
        shutil.copytree(one, tmp_path / "two")
        assert opened(one).fingerprint == opened(tmp_path / "two").fingerprint

    def test_sees_every_change(self, tmp_path):
        root = listed(tmp_path, [0, 1, 2])
        seen = {opened(root).fingerprint, opened(root, size=4).fingerprint}
        seen.add(opened(root, limit=2).fingerprint)
        listed(root, [0, 1, 3])
        seen.add(opened(root).fingerprint)
        units = {f"AU{unit:02d}_r": [1.0] * 3 for unit in ACTION_UNITS}
        listed(root, [0, 1, 2], **units)
        seen.add(opened(root).fingerprint)
        listed(root, [0, 1, 2])
        picture(root / "images/s/1.png", 77)
        seen.add(opened(root).fingerprint)
        lines = (root / "training.csv").read_text().splitlines()
        (root / "training.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]))
        seen.add(opened(root).fingerprint)
        assert len(seen) == 7

    def test_of_large_data_goes_by_file_size(self, tmp_path, monkeypatch):
        monkeypatch.setattr(table, "HASH_BYTES", 0)
        root = listed(tmp_path, [0, 1])
        victim = root / "images/s/1.png"
        content = victim.read_bytes()
        before = opened(root).fingerprint
        victim.write_bytes(content + b"\0")
        longer = opened(root).fingerprint
        shutil.copy(root / "images/s/0.png", root / "spare.png")
        victim.write_bytes(content)
        assert opened(root).fingerprint == before != longer


def test_a_large_data_set_is_looked_at_once_and_again_where_it_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(table, "INDEXED", 3)
    root = tmp_path / "data"
    (root / "train" / "happy").mkdir(parents=True)
    for i in range(4):
        pixels = np.full((8, 8 + i, 3), 40 * i, np.uint8)
        Image.fromarray(pixels).save(root / "train" / "happy" / f"{i}.png")
    looked = []
    look = RowFiles.open
    monkeypatch.setattr(
        RowFiles, "open", lambda self, i, *more: looked.append(i) or look(self, i, *more)
    )

    def again(**more):
        looked.clear()
        return TableDataset(read_listing("folder", "train", root), size=8, keep_bytes=0, **more)

    first = again()
    assert looked == [0, 1, 2, 3]
    second = again()
    assert looked == []
    assert second.fingerprint == first.fingerprint
    assert second.extents.tolist() == first.extents.tolist() == [[8 + i, 8] for i in range(4)]
    Image.new("RGB", (30, 20)).save(root / "train" / "happy" / "2.png")
    third = again()
    assert looked == [2]
    assert third.fingerprint != first.fingerprint
    assert third.extents[2].tolist() == [30, 20]
    (root / "train" / "happy" / "1.png").write_bytes(b"no picture")
    for _ in range(2):  # bad files are looked at and reported each time
        assert [path for path, _ in again(skip_bad=True).bad] == ["train/happy/1.png"]
    (index,) = (tmp_path / "cache" / "index").iterdir()
    index.write_text("{ half")
    assert again(skip_bad=True).fingerprint == again(skip_bad=True).fingerprint
