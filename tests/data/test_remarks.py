"""The doctor's remarks on pictures: each is made by a data set that has the fault, and by no clean one."""

from __future__ import annotations

import io
import os
import re

import layout_files
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from ganbench.data import face_survey
from ganbench.data import near_pairs as near_duplicates
from ganbench.data.looks import look, perceptual_hash
from ganbench.data.near_pairs import near_pairs


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(shared, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(shared))


@pytest.fixture(scope="module")
def faces(shared):
    before = os.environ.get("GANBENCH_CACHE")
    os.environ["GANBENCH_CACHE"] = str(shared)
    try:
        return layout_files.faces(64, 14, 14)
    finally:
        if before is not None:
            os.environ["GANBENCH_CACHE"] = before


@pytest.fixture
def check(tmp_path, faces, call):
    """``check(change)``: the lines of remarks after ``change(root)`` of a folder of rendered faces."""
    layout_files.classes(tmp_path / "mine", faces)

    def run(change=lambda root: None, *options):
        change(tmp_path / "mine")
        code, out, _ = call("data", "check", "--root", "mine", *options)
        lines = [line for line in out.splitlines() if line.startswith(("remark", "fault"))]
        return code, lines, out

    return run


def first(root, pattern):
    return sorted(root.glob(pattern))[0]


def compressed(image, quality=50):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue()))


def test_clean_data_get_no_remark(check):
    code, lines, out = check()
    assert (code, lines) == (0, [])
    assert "14 of 14 looked at" in out


def test_near_duplicates_across_splits_and_emotions(check):
    def change(root):
        picture = Image.open(first(root, "train/sad/*"))
        small = compressed(ImageEnhance.Brightness(picture).enhance(0.9)).resize((50, 50))
        layout_files.save(small, root / "test/happy/copy.png")

    code, lines, _ = check(change)
    assert code == 0
    assert [line.partition(", first")[0] for line in lines if "near" in line] == [
        "remark: 1 pair of near-duplicate images across train and test",
        "remark: 1 pair of near-duplicate images under different emotions",
    ]
    assert "test/happy/copy.png" in lines[0] or "test/happy/copy.png" in lines[1]
    code, lines, _ = check(lambda root: None, "--strict")
    assert code == 2
    assert any(line.startswith("fault: 1 pair of near-duplicate") for line in lines)


def test_near_duplicates_within_a_split(check):
    def change(root):
        picture = Image.open(first(root, "train/sad/*"))
        layout_files.save(compressed(picture), root / "train/sad/copy.jpg")

    _, lines, _ = check(change)
    assert [line.partition(", first")[0] for line in lines] == [
        "remark: 1 pair of near-duplicate images within train"
    ]


def test_grey_among_colours(check):
    def change(root):
        for path in sorted(root.glob("test/*/*"))[:3]:
            Image.open(path).convert("L").save(path)

    _, lines, _ = check(change)
    assert len(lines) == 1
    assert "test: 3 images of 14 are grey and the others have colours, first 'test/" in lines[0]

    def all_grey(root):
        for path in root.glob("*/*/*"):
            Image.open(path).convert("L").save(path)

    assert check(all_grey)[1] == []


def test_enlarged_and_small_pictures(check):
    def change(root):
        path = first(root, "train/sad/*")
        Image.open(path).resize((16, 16)).resize((64, 64), Image.Resampling.BICUBIC).save(path)
        path = first(root, "train/angry/*")
        Image.open(path).resize((40, 40)).save(path)

    _, lines, _ = check(change)
    assert len(lines) == 2
    assert "train: 1 image is smaller than 64 px and will be enlarged, first 'train/angry/" in lines[0]  # fmt: skip
    assert "train: 1 image of 14 holds no detail of 64 px" in lines[1]
    assert "first 'train/sad/" in lines[1]


def test_mixed_crops_and_pictures_without_a_face(check, faces, monkeypatch):
    def change(root):
        for path in sorted(root.glob("train/*/*"))[:4]:
            canvas = Image.new("RGB", (160, 160), (120, 125, 130))
            canvas.paste(Image.open(path).resize((80, 80)), (70, 60))
            canvas.save(path)
        random = np.random.default_rng(0)
        for path in sorted(root.glob("test/*/*"))[:2]:
            coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
            coarse.resize((64, 64), Image.Resampling.NEAREST).save(path)

    _, lines, _ = check(change)
    text = "\n".join(lines)
    # Four, and perhaps a head that is turned.
    assert re.search(
        "train: mixed crops: in [45] of 14 images the eyes stand elsewhere than in", text
    )
    assert "test: no face was found in 2 of 14 images, first 'test/" in text
    assert "ganbench data align" in text
    monkeypatch.setattr(face_survey, "SAMPLE", 5)
    assert "5 of 5 looked at" in check()[2]


def test_the_same_person_in_both_splits(tmp_path, faces, call):
    layout_files.classes(tmp_path / "mine", faces)
    sad = first(tmp_path / "mine", "train/sad/*")
    # The face itself, darker and larger in its picture: no near duplicate.
    picture = ImageEnhance.Brightness(Image.open(sad)).enhance(0.9).crop((2, 2, 62, 62))
    layout_files.save(picture.resize((64, 64)), tmp_path / "mine/test/sad/zoom.png")
    _, out, _ = call("data", "check", "--root", "mine")
    (line,) = (line for line in out.splitlines() if "the same person" in line)
    assert "both splits: 1 of 15 test images" in line
    assert "nearer than 0.5, and 0.75 in cosine after whitening" in line
    assert "'test/sad/zoom.png' and 'train/sad/" in line
    assert "near-duplicate" not in out


def test_rare_and_missing_classes(tmp_path, faces, call):
    layout_files.classes(tmp_path / "mine", faces)
    for path in (tmp_path / "mine/train/sad").iterdir():
        path.unlink()
    code, out, _ = call("data", "check", "--root", "mine")
    assert (code, "fault: train has no image of: sad" in out) == (2, True)


@pytest.mark.parametrize("few", [2_000, 0])
def test_near_pairs_are_those_of_a_plain_search(monkeypatch, few):
    monkeypatch.setattr(near_duplicates, "FEW", few)
    monkeypatch.setattr(near_duplicates, "BLOCK", 70)
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**63, (300, 4), np.int64).astype(np.uint64)
    for i, flips in ((1, 3), (2, 24), (3, 25)):
        bits = np.unpackbits(hashes[0].view(np.uint8))
        bits[random.permutation(256)[:flips]] ^= 1
        hashes[100 + i] = np.packbits(bits).view(np.uint64)
    hashes[200] = hashes[150]
    bits = np.unpackbits(hashes.view(np.uint8).reshape(300, 32), axis=1)
    distances = (bits[:, None] != bits[None]).sum(-1)
    expected = {(i, j, distances[i, j]) for i in range(300) for j in range(i + 1, 300) if distances[i, j] <= 24}  # fmt: skip
    found, total = near_pairs(hashes, 24)
    assert {tuple(row) for row in found.tolist()} == expected
    assert total == len(expected) >= 3
    assert found[:, 2].tolist() == sorted(found[:, 2].tolist())
    assert near_pairs(hashes[:1], 24)[1] == near_pairs(hashes[:0], 24)[1] == 0


def test_a_look(faces):
    flat = look(np.full((3, 16, 16), 90, np.uint8))
    assert (flat.grey, flat.detail, sum(flat.hash)) == (True, 1.0, 0)
    pixels = np.asarray(faces[0][2]).transpose(2, 0, 1)
    assert not look(pixels).grey
    ramp = np.tile(np.arange(64, dtype=np.float32) * 4, (64, 1))
    assert perceptual_hash(ramp) == (2**64 - 1,) * 4
    assert perceptual_hash(ramp[:, ::-1].copy()) == (0,) * 4
