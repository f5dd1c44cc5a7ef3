"""The pictures of a folder: by name or content, behind links, each once; originals are never replaced."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from picture_files import bomb, cut_jpeg, encoded, scene
from PIL import Image
from toys import photograph

from ganbench.data import load_dataset
from ganbench.data.finding import find_pictures_in, keep_originals
from ganbench.errors import BadInput
from ganbench.methods.weights import save_checkpoint

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(100)
ANIMATED = encoded(scene(), "GIF", save_all=True, append_images=[scene(seed=1)])


def put(path, content=None, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        content = encoded(scene(16, 16, seed), "PNG")
    path.write_bytes(content)
    return path


def names(found, folder):
    return [path.relative_to(folder).as_posix() for path in found]


def test_names_or_contents_tell_pictures(tmp_path):
    for i, (name, kind) in enumerate(
        [("a", "PNG"), ("b.x", "JPEG"), ("c.data", "WEBP"), ("d", "TIFF"), ("e", "GIF"), ("f.1", "BMP"), ("g", "AVIF"), ("h", "PPM"), ("i", "JPEG2000")]
    ):  # fmt: skip
        put(tmp_path / name, encoded(scene(16, 16, i), kind))
    put(tmp_path / "j", HEIC)
    put(tmp_path / "k.heic", HEIC)
    put(tmp_path / "l.jpg", b"no picture, but called one")
    os.mkfifo(tmp_path / "m.png")
    for name in ("notes.txt", "list.csv", "P1 is a name", "empty", "Thumbs.db"):
        put(tmp_path / name, b"P1 is no picture" if name == "notes.txt" else b"")
    for name in (".DS_Store", "._a.png", ".cache/x.png", "__MACOSX/x.png", "@eaDir/x.jpg"):
        put(tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    found = find_pictures_in(tmp_path)
    assert names(found.pictures, tmp_path) == [
        "a", "b.x", "c.data", "d", "e", "f.1", "g", "h", "i", "j", "k.heic", "l.jpg", "m.png"
    ]  # fmt: skip


def test_links_are_followed_once_and_never_in_circles(tmp_path):
    home = tmp_path / "train" / "happy"
    put(home / "a.png")
    put(home / "deep" / "b.png", seed=1)
    put(tmp_path / "elsewhere" / "c.png", seed=2)
    put(tmp_path / "train" / "sad" / "d.png", seed=3)
    (home / "0link").symlink_to(tmp_path / "elsewhere")
    (home / "circle").symlink_to(home)
    (home / "deep" / "above").symlink_to(tmp_path / "train")
    (home / "deep" / "root").symlink_to(tmp_path)
    (home / "0.png").symlink_to(home / "deep" / "b.png")
    os.link(home / "a.png", home / "same.png")
    (home / "z").symlink_to(tmp_path / "elsewhere" / "c.png")
    found = find_pictures_in(home)
    assert names(found.pictures, home) == ["0link/c.png", "a.png", "deep/b.png"]
    assert sorted(names(found.again, home)) == ["0.png", "same.png", "z"]


def test_many_folders_take_no_longer_than_their_number(tmp_path):
    for i in range(1000):
        (tmp_path / f"{i}").mkdir()
        (tmp_path / f"link{i}").symlink_to(f"{i}")
    put(tmp_path / "7" / "x.png")
    start = time.perf_counter()
    assert names(find_pictures_in(tmp_path).pictures, tmp_path) == ["7/x.png"]
    assert time.perf_counter() - start < 5


def test_a_folder_data_set_takes_all_and_names_what_it_cannot(tmp_path):
    photograph(tmp_path / "train", 1)
    happy = tmp_path / "train" / "happy"
    put(happy / "still.gif", encoded(scene(16, 16, 20), "GIF"))
    put(happy / "noending", encoded(scene(16, 16, 21), "JPEG"))
    put(tmp_path / "more" / "1.webp", encoded(scene(16, 16, 22), "WEBP"))
    (happy / "more").symlink_to(tmp_path / "more")
    (happy / "again.png").symlink_to("0.png")
    data = load_dataset("folder", "train", root=tmp_path, size=16)
    assert sorted(path for path in data.paths if "happy" in path) == [
        "train/happy/0.png", "train/happy/more/1.webp", "train/happy/noending", "train/happy/still.gif"
    ]  # fmt: skip
    assert data.left_out == "1 link to pictures of the same class"
    put(tmp_path / "train" / "loose", seed=23)
    beside = load_dataset("folder", "train", root=tmp_path, size=16).left_out
    assert beside.endswith(", 1 picture beside the class folders of 'train'")
    put(happy / "moving.gif", ANIMATED)
    put(happy / "phone.heic", HEIC)
    put(happy / "half.jpg", cut_jpeg(encoded(scene(), "JPEG"), 0.5))
    with pytest.raises(BadInput, match=r"3 of 13 images .*half\.jpg'.*cut short.*--skip-bad"):
        load_dataset("folder", "train", root=tmp_path, size=16)
    left = load_dataset("folder", "train", root=tmp_path, size=16, skip_bad=True)
    assert len(left) == 10
    assert {path.rpartition("/")[2]: reason.partition(":")[0] for path, reason in left.bad} == {
        "half.jpg": "the picture is cut short",
        "moving.gif": "2 pictures in one file",
        "phone.heic": "a HEIC picture, which this pillow cannot decode",
    }
    assert "3 bad files, first train/happy/half.jpg" in left.left_out


def test_a_missing_region_map_is_named_with_its_column(tmp_path, call):
    lines = ["path,expression,regions_filePath"]
    for i in range(7):
        put(tmp_path / f"{i}.png", seed=i)
        lines.append(f"{i}.png,{i},{i}_map.png")
    (tmp_path / "training.csv").write_text("\n".join(lines))
    with pytest.raises(BadInput, match=r"7 of 7 .*No such file.*the region map 'regions/0_map\.png' \(column regions_filePath\); .*remove the column"):  # fmt: skip
        load_dataset("csv", "train", root=tmp_path, size=16)
    code, out, _ = call("data", "check", "--data", "csv", "--root", tmp_path, "--split", "train", "--size", 16)  # fmt: skip
    assert code == 2
    assert "the region map 'regions/0_map.png' (column regions_filePath)" in out


def test_a_list_of_names_that_no_file_can_have(tmp_path):
    put(tmp_path / "a.png")
    (tmp_path / "training.csv").write_text(f"path,expression\na.png,1\n{'x' * 300}.png,2\n")
    with pytest.raises(BadInput, match=r"1 of 2 .*File name too long"):
        load_dataset("csv", "train", root=tmp_path, size=16)
    (tmp_path / "training.csv").write_text(f"path,expression\n{'x' * 300}.png,2\n")
    with pytest.raises(BadInput, match="no image listed in"):
        load_dataset("csv", "train", root=tmp_path, size=16)


def test_pictures_of_a_data_set_have_a_limit(tmp_path, call):
    photograph(tmp_path / "train", 1)
    put(tmp_path / "train" / "sad" / "bomb.png", bomb(13_000, 13_000))
    common = (
        "data",
        "check",
        "--data",
        "folder",
        "--root",
        tmp_path,
        "--split",
        "train",
        "--size",
        16,
    )
    code, out, err = call(*common)
    assert (code, err.count("\n")) == (2, 1)
    assert "bomb.png' cannot be used: 169,000,000 pixels, more than 64,000,000: make it" in out
    assert "256 pixels, more than 200" in call(*common, "--max-pixels", 200)[1]


def test_originals_are_known_by_any_name(tmp_path):
    original = put(tmp_path / "in" / "a.png")
    other = put(tmp_path / "in" / "b.png", seed=1)
    (tmp_path / "soft.png").symlink_to(original)
    os.link(original, tmp_path / "hard.png")
    (tmp_path / "way").symlink_to(tmp_path / "in")
    for output in ("in/a.png", "soft.png", "hard.png", "way/a.png", "in/../in/a.png", "in/A.PNG"):
        with pytest.raises(BadInput, match=r"over the picture .*a\.png; do not"):
            keep_originals([tmp_path / "new.png", tmp_path / output], [other, original], "do not")
    keep_originals([tmp_path / "new.png", tmp_path / "in" / "c.png"], [other, original], "do not")


@pytest.fixture
def edit(call, tiny_method, tmp_path):
    """``edit(*arguments)``: the command with a small StarGAN."""
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, tiny_method("stargan"), "method", "stargan", {})
    options = ("--method", f"stargan={path}", "--emotion", "happy")
    return lambda *more: call("edit", "--framed", *options, "--device", "cpu", *more)


def test_edit_never_writes_over_what_it_reads(edit, tmp_path):
    before = {}
    for i in range(3):
        path = put(tmp_path / "in" / f"{i}.png", seed=i)
        before[path] = path.read_bytes()
    (tmp_path / "way").symlink_to(tmp_path / "in")
    (tmp_path / "out").mkdir()
    os.link(tmp_path / "in/1.png", tmp_path / "out/1.png")
    for arguments in (
        ("--images", "in", "--out", "in"),
        ("--images", "in", "--out", "way"),
        ("--images", "in/0.png", "in/1.png", "--out", "in"),
        ("--images", "way", "--out", "in"),
        ("--images", "in", "--out", "out"),
    ):
        for more in ((), ("--overwrite",)):
            code, _, err = edit(*arguments, *more)
            assert (code, err.count("\n")) == (2, 1), err
            assert "would be written over the picture" in err
            assert all(path.read_bytes() == content for path, content in before.items())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["1.png"]


def test_edit_reads_what_folders_hold(edit, tmp_path):
    put(tmp_path / "in/a.b.1", encoded(scene(16, 16), "JPEG"))
    put(tmp_path / "in/a.b.2", encoded(scene(16, 16, 1), "GIF"))
    put(tmp_path / "far/c.png", seed=2)
    (tmp_path / "in/link").symlink_to(tmp_path / "far")
    (tmp_path / "in/same.png").symlink_to(tmp_path / "far/c.png")
    code, out, err = edit("--images", "in", "--out", "out")
    assert (code, out) == (0, "out: 3 edits\n")
    assert "1 link to the same pictures, or names given twice, counts once" in err
    made = names((tmp_path / "out").rglob("*.png"), tmp_path / "out")
    assert sorted(made) == ["a.b.1.png", "a.b.2.png", "link/c.png"]
    put(tmp_path / "in/moving", ANIMATED)
    put(tmp_path / "in/phone.heic", HEIC)
    os.mkfifo(tmp_path / "in/pipe.png")
    code, out, err = edit("--images", "in", "--out", "other", "--skip-bad")
    assert (code, out) == (0, "other: 3 edits, 3 unreadable left out\n")
    assert "in/moving (2 pictures in one file" in err
    assert "in/phone.heic (a HEIC picture" in err
    assert "in/pipe.png (it is a pipe" in err


def test_edit_frames_by_the_named_rule(edit, tmp_path):
    put(tmp_path / "in/a.png", encoded(scene(40, 30), "PNG"))
    code, _, err = edit("--images", "in", "--out", "c", "--resize")
    assert code == 0
    assert "1 image is not square, of 1: their middle square is cut out (--framing centre" in err
    assert edit("--images", "in", "--out", "s", "--resize", "--framing", "stretch")[0] == 0
    with Image.open(tmp_path / "c/a.png") as one, Image.open(tmp_path / "s/a.png") as two:
        assert not np.array_equal(np.asarray(one), np.asarray(two))
    assert edit("--images", "in", "--out", "x", "--resize", "--framing", "fit")[0] == 2
    code, _, err = edit("--images", "in", "--out", "x", "--resize", "--max-pixels", 100)
    assert (code, err.count("\n")) == (2, 1)
    assert "1,200 pixels, more than 100" in err


def test_names_that_are_too_long(edit, tmp_path):
    put(tmp_path / "in" / ("n" * 251))
    code, out, err = edit("--images", "in", "--out", "out")
    assert (code, out) == (0, "out: 1 edit\n"), err
    put(tmp_path / "in" / ("n" * 252))
    code, _, err = edit("--images", "in", "--out", "out2")
    assert (code, err.count("\n")) == (2, 1)
    assert "a name of more than 255 bytes; rename the picture" in err
    assert not (tmp_path / "out2").exists()
    code, _, err = edit("--images", "y" * 300 + ".png", "--out", "out2")
    assert (code, err.count("\n")) == (2, 1)
    assert "File name too long" in err
