"""``ganbench data align``: photographs that are made of rendered faces on larger canvases."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import layout_files
import numpy as np
import pytest
from PIL import Image

from ganbench.data import aligning, find_dataset, load_dataset
from ganbench.data.aligning import JOURNAL, LEFT_OUT, align_pictures, check_apart
from ganbench.data.sources import open_source
from ganbench.errors import BadInput
from ganbench.faces_in_photos import frame_matrix, load_face_networks
from ganbench.faces_in_photos.geometry import FRAME, centres, moved


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(shared, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(shared))


@pytest.fixture(scope="module")
def networks():
    return load_face_networks("cpu")


def photograph(face: Image.Image, seed: int) -> Image.Image:
    """A face at some place and size of a wide picture of one grey."""
    random = np.random.default_rng(seed)
    side = int(random.integers(90, 150))
    canvas = Image.new("RGB", (320, 240), (120, 125, 130))
    at = (int(random.integers(0, 320 - side)), int(random.integers(0, 240 - side)))
    canvas.paste(face.resize((side, side), Image.Resampling.BICUBIC), at)
    return canvas


@pytest.fixture(scope="module")
def photos(shared):
    """Photographs of both splits: (split, label, picture)."""
    before = os.environ.get("GANBENCH_CACHE")
    os.environ["GANBENCH_CACHE"] = str(shared)
    try:
        faces = layout_files.faces(128, 7, 7)
    finally:
        if before is not None:
            os.environ["GANBENCH_CACHE"] = before
    return [(s, label, photograph(face, i)) for i, (s, label, face) in enumerate(faces)]


def eyes(networks, path, size):
    """The centres of the eyes in a picture, in shares of its side."""
    (face, *_) = networks.find(np.asarray(Image.open(path).convert("RGB")))
    return centres(face.landmarks)[:2] / size


def files_of(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}  # fmt: skip


@pytest.mark.parametrize(
    "write", [layout_files.raf_db, layout_files.classes, layout_files.imagefolder]
)
def test_a_data_set_is_aligned_and_read_without_options(tmp_path, photos, networks, write, call):
    write(tmp_path / "mine", photos)
    before = files_of(tmp_path / "mine")
    code, out, err = call("data", "align", "mine", "new", "--size", 64, "--device", "cpu")
    assert (code, err) == (0, "")
    assert "14 pictures of " in out
    assert "0 without a face, 0 unreadable\n" in out
    assert files_of(tmp_path / "mine") == before
    assert find_dataset(tmp_path / "new") == ("csv", tmp_path / "new")
    for split in ("train", "test"):
        data = load_dataset("auto", split, root=tmp_path / "new", size=64)
        assert sorted(data.labels.tolist()) == sorted(
            label for part, label, _ in photos if part == split
        )
        assert (data.extents == 64).all()
        away = [eyes(networks, data.root / path, 64) - FRAME for path in data.paths]
        assert np.abs(away).mean() < 0.015
    code, out, _ = call("data", "check", "--root", "new")
    assert code == 0, out


def test_the_command_in_a_process(tmp_path, photos, shared):
    layout_files.classes(tmp_path / "mine", photos)
    for command in (["align", "mine", "new", "--device", "cpu"], ["check", "--root", "new"]):
        result = subprocess.run(
            [sys.executable, "-m", "ganbench", "data", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_margin_is_in_the_frame_and_in_the_fingerprint(tmp_path, photos, networks):
    layout_files.classes(tmp_path / "mine", photos)
    source = open_source(tmp_path / "mine")
    for margin in (0.0, 0.25):
        align_pictures(source, tmp_path / f"new {margin}", networks, size=96, margin=margin)
    wide = load_dataset("auto", "test", root=tmp_path / "new 0.25", size=96)
    places = (np.array(FRAME) + 0.25) / 1.5
    away = [eyes(networks, wide.root / path, 96) - places for path in wide.paths]
    assert np.abs(away).mean() < 0.015
    assert "a border of 0.25 of the side" in wide.notes[0]
    # The same pixels with another margin are other data.
    record = tmp_path / "new 0.25/aligned.json"
    text = record.read_text()
    record.write_text(text.replace("0.25", "0.3"))
    other = load_dataset("auto", "test", root=tmp_path / "new 0.25", size=96)
    assert other.contents == wide.contents
    assert other.fingerprint != wide.fingerprint
    record.write_text("{}")
    with pytest.raises(BadInput, match="does not tell how the pictures were aligned"):
        load_dataset("auto", "test", root=tmp_path / "new 0.25", size=96)


def test_the_frame_is_that_of_edits(photos, networks):
    picture = np.asarray(photos[0][2])
    (face, *_) = networks.find(picture)
    assert np.allclose(moved(centres(face.landmarks)[:2], frame_matrix(face.landmarks, 64)) / 64, FRAME, atol=0.02)  # fmt: skip
    for margin in (0.1, 0.5):
        at = moved(centres(face.landmarks)[:2], frame_matrix(face.landmarks, 100, margin)) / 100
        inner = at * (1 + 2 * margin) - margin
        assert np.allclose(inner, moved(centres(face.landmarks)[:2], frame_matrix(face.landmarks, 100)) / 100)  # fmt: skip


def test_pictures_without_a_face_and_bad_files_are_counted_and_named(tmp_path, photos, call):
    layout_files.classes(tmp_path / "mine", photos)
    layout_files.save(
        Image.new("RGB", (64, 64), (9, 99, 200)), tmp_path / "mine/train/sad/blue.png"
    )
    (tmp_path / "mine/test/sad/cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    command = ("data", "align", "mine", "new", "--size", 32, "--device", "cpu")
    code, out, err = call(*command)
    assert (code, err.count("\n")) == (2, 1)
    assert "mine/test/sad/cut.png cannot be used" in err
    with pytest.raises(BadInput, match="no data set was recognised"):
        find_dataset(tmp_path / "new")
    code, out, err = call(*command, "--skip-bad")
    assert (code, err) == (0, "")
    assert "14 pictures of folder in new; 1 without a face, 1 unreadable: new/left-out.txt" in out
    lines = (tmp_path / "new" / LEFT_OUT).read_text().splitlines()
    assert sorted(line.partition("\t")[0] for line in lines) == [
        "test/test/sad/cut.png",
        "train/train/sad/blue.png",
    ]
    assert any(line.endswith("no face was found") for line in lines)
    listed = (tmp_path / "new/train.csv").read_text() + (tmp_path / "new/test.csv").read_text()
    assert "blue" not in listed
    assert not (tmp_path / "new" / JOURNAL).exists()
    for _, path in enumerate((tmp_path / "mine").rglob("*.png")):
        layout_files.save(Image.new("RGB", (64, 64)), path)
    code, _, err = call("data", "align", "mine", "none", "--device", "cpu")
    assert (code, "none of 16 pictures shows a face" in err) == (2, True)


def test_a_stopped_run_goes_on(tmp_path, photos, networks, monkeypatch):
    layout_files.classes(tmp_path / "mine", photos)
    source = open_source(tmp_path / "mine")
    monkeypatch.setattr(aligning, "PART", 2)

    def stop(done, total):
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        align_pictures(source, tmp_path / "new", networks, size=32, progress=stop)
    made = files_of(tmp_path / "new")
    assert JOURNAL in made
    with (tmp_path / "new" / JOURNAL).open("a") as file:
        file.write('["train/torn')  # a kill in the middle of a line
    seen = []
    find_all = networks.find_all
    monkeypatch.setattr(networks, "find_all", lambda many: seen.extend(many) or find_all(many))
    done = align_pictures(source, tmp_path / "new", networks, size=32)
    assert (done.pictures, done.without_face) == (14, 0)
    assert len(seen) <= 8
    align_pictures(source, tmp_path / "whole", networks, size=32)
    assert files_of(tmp_path / "new") == files_of(tmp_path / "whole")


def test_nothing_is_overwritten_without_the_word(tmp_path, photos, networks):
    layout_files.classes(tmp_path / "mine", photos)
    source = open_source(tmp_path / "mine")
    (tmp_path / "new").mkdir()
    (tmp_path / "new/train.csv").write_text("precious")
    with pytest.raises(BadInput, match="is not empty; add --overwrite"):
        align_pictures(source, tmp_path / "new", networks, size=32)
    assert files_of(tmp_path / "new") == {"train.csv": b"precious"}
    align_pictures(source, tmp_path / "new", networks, size=32, overwrite=True)
    assert "precious" not in (tmp_path / "new/train.csv").read_text()
    with pytest.raises(BadInput, match="is not empty"):
        align_pictures(source, tmp_path / "new", networks, size=32, margin=0.1)
    align_pictures(source, tmp_path / "new", networks, size=32, margin=0.1, overwrite=True)
    assert json.loads((tmp_path / "new/aligned.json").read_text())["margin"] == 0.1
    with pytest.raises(BadInput, match="is a file; give a folder"):
        align_pictures(source, tmp_path / "new/train.csv", networks, overwrite=True)


def test_the_source_is_never_written_to(tmp_path, photos, networks):
    layout_files.classes(tmp_path / "a/mine", photos)
    for out in ("a/mine", "a/mine/new", "a"):
        with pytest.raises(BadInput, match="the source is never written to"):
            check_apart(tmp_path / "a/mine", tmp_path / out)
    check_apart(tmp_path / "a/mine", tmp_path / "a/new")
    # A list may name pictures in the new folder.
    place = tmp_path / "new/pictures/train/x.png"
    layout_files.save(photos[0][2], place)
    (tmp_path / "list").mkdir()
    (tmp_path / "list/train.csv").write_text("image,label\nx.png,sad\n")
    (tmp_path / "list/x.png").symlink_to(place)
    with pytest.raises(BadInput, match="would be written over the picture"):
        align_pictures(open_source(tmp_path / "list"), tmp_path / "new", networks, overwrite=True)


def test_labels_units_and_odd_names_are_kept(tmp_path, photos, networks):
    outside = tmp_path / "elsewhere" / "o.png"
    layout_files.save(photos[0][2], outside)
    rows = [("a.png", "sad"), ("a.jpg", "contempt"), ("A.bmp", "happy"), (str(outside), "angry")]
    for i, (name, _) in enumerate(rows[:3], 1):
        layout_files.save(photos[i][2], tmp_path / "mine" / name)
    with (tmp_path / "mine/all.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("image", "label", "AU12_r", "valence", "colour", "split"))
        for i, row in enumerate(rows):
            table.writerow((*row, i, -0.5, "red", "train"))
        table.writerow(("a.png", "sad", 0, -0.5, "red", "train"))  # listed twice
    align_pictures(open_source(tmp_path / "mine"), tmp_path / "new", networks, size=32)
    with (tmp_path / "new/train.csv").open() as file:
        made = list(csv.DictReader(file))
    assert list(made[0]) == ["image", "label", "valence", "AU12_r"]
    assert [row["label"] for row in made] == ["sad", "contempt", "happy", "angry", "sad"]
    assert [row["AU12_r"] for row in made] == ["0", "1", "2", "3", "0"]
    assert len({row["image"].lower() for row in made}) == 4
    assert all((tmp_path / "new" / row["image"]).is_file() for row in made)
    assert not (tmp_path / "new/test.csv").exists()


def test_folders_that_are_no_data_sets(tmp_path, photos, networks, call):
    for i, (_, label, picture) in enumerate(photos[:4]):
        layout_files.save(picture, tmp_path / f"classes/{('sad', 'joy')[label % 2]}/{i}.png")
        layout_files.save(picture, tmp_path / f"holiday/day/{i}.png")
    align_pictures(open_source(tmp_path / "classes"), tmp_path / "one", networks, size=32)
    assert find_dataset(tmp_path / "one") == ("csv", tmp_path / "one/pictures.csv")
    assert {path.name for path in (tmp_path / "one/pictures").iterdir()} == {"sad", "joy"}
    data = load_dataset("auto", "train", root=tmp_path / "one", size=32)
    assert sorted(data.labels.tolist()) == [1, 1, 2, 2]
    code, out, _ = call("data", "align", "holiday", "two", "--size", 64, "--device", "cpu")
    assert code == 0
    assert "4 pictures of pictures in two" in out
    two = tmp_path / "two/pictures"
    made = sorted(path.relative_to(two).as_posix() for path in two.rglob("*.png"))
    assert made == [f"day/{i}.png" for i in range(4)]
    assert not list((tmp_path / "two").glob("*.csv"))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(BadInput, match="holds no picture"):
        open_source(tmp_path / "nothing")
    with pytest.raises(BadInput, match="no such folder"):
        open_source(tmp_path / "missing")
