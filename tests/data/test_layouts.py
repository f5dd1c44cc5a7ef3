"""Readers of known data sets, and their recognition: rendered faces in their layouts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import layout_files
import numpy as np
import pytest
from PIL import Image

from ganbench.data import DATASETS, affectnet, find_dataset, load_dataset, read_listing
from ganbench.emotions import KNOWN
from ganbench.errors import BadInput
from ganbench.storage import upkeep

PAGE = Path(__file__).parents[2] / "docs/data.md"

# Layout -> what writes it, and a file that docs/data.md shows.
LAYOUTS = {
    "raf-db": (layout_files.raf_db, "basic/EmoLabel/list_patition_label.txt"),
    "fer2013": (layout_files.fer2013, "fer2013.csv"),
    "ferplus": (layout_files.ferplus, "fer2013new.csv"),
    "rafd": (layout_files.rafd, "Rafd090_01_Caucasian_female_angry_frontal.jpg"),
    "kdef": (layout_files.kdef, "AF01/AF01ANS.JPG"),
    "imagefolder": (layout_files.imagefolder, "train/metadata.csv"),
    "imagefolder, lines": (partial(layout_files.imagefolder, lines=True), "train/metadata.jsonl"),
    "imagefolder, one list": (partial(layout_files.imagefolder, one=True), "metadata.csv"),
    "affectnet": (layout_files.affectnet_lists, "Manually_Annotated_file_lists/training.csv"),
    "affectnet, annotations": (layout_files.affectnet_annotations, "train_set/annotations/0_exp.npy"),
    "csv": (layout_files.csv_lists, "train.csv"),
    "folder": (layout_files.classes, "train/happy/"),
}  # fmt: skip


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
        return layout_files.faces()
    finally:
        if before is not None:
            os.environ["GANBENCH_CACHE"] = before


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_recognised_and_read(tmp_path, faces, name):
    write, shown = LAYOUTS[name]
    write(tmp_path / "data", faces)
    kind = name.partition(",")[0]
    assert find_dataset(tmp_path / "data") == (kind, tmp_path / "data")
    assert shown in PAGE.read_text("utf-8")
    for split, many in (("train", 14), ("test", 7)):
        data = load_dataset("auto", split, root=tmp_path / "data", size=48)
        assert (data.name, data.split) == (kind, split)
        if kind != "kdef":  # the test person has two sessions
            assert len(data) == many
        if kind == "rafd":  # a name of the person, emotion and gaze
            assert sorted(Counter(data.labels.tolist())) == list(range(7))
            continue
        # The check of the labels must know the order of the numbers.
        assert data.label_order == (kind if kind in ("raf-db", "fer2013") else "")
        expected = sorted(label for part, label, _ in faces if part == split)
        assert sorted(data.labels.tolist()) == sorted(expected * (len(data) // many))
        # Each picture is one of the rendered faces of its label.
        for row in range(0, len(data), 5):
            seen = data.images([row])[0].numpy().transpose(1, 2, 0)
            nearest = min(
                faces,
                key=lambda face: np.abs(np.asarray(face[2].convert("L")) / 255 - seen.mean(2)).mean(),
            )  # fmt: skip
            assert nearest[:2] == (split, data.labels[row])


def test_the_plain_command_in_a_process(tmp_path, faces, shared):
    layout_files.raf_db(tmp_path / "RAF-DB", faces)
    layout_files.ferplus(tmp_path / "FER", faces)
    for folder, kind in (("RAF-DB", "raf-db"), ("FER", "ferplus")):
        command = [sys.executable, "-m", "ganbench", "data", "check", "--root", folder, "--size", "48"]  # fmt: skip
        result = subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stdout.endswith(f"{kind} can be used\n")


@pytest.mark.parametrize("kind", [k for k in DATASETS if k != "faces"])
def test_an_empty_folder_says_what_was_looked_for(tmp_path, kind):
    with pytest.raises(BadInput, match="looked for") as caught:
        read_listing(kind, "train", tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInput, match="looked for the lists of AffectNet, RAF-DB") as caught:
        find_dataset(tmp_path)
    assert "it holds nothing" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("faces", "the embedded faces have no files"), ("rafdb", "did you mean 'raf-db'")],
)
def test_kinds_without_a_reader(tmp_path, kind, cause, call):
    with pytest.raises(BadInput, match=cause):
        read_listing(kind, "train", tmp_path)
    code, _, err = call("data", "align", tmp_path, tmp_path.parent / "new", "--data", kind)
    assert (code, err.count("\n"), "Traceback" in err) == (2, 1, False)


def test_a_single_list_is_the_root(tmp_path):
    (tmp_path / "labels.csv").write_text("image,label\na.png,sad\n")
    layout_files.save(Image.new("RGB", (8, 8)), tmp_path / "a.png")
    assert find_dataset(tmp_path) == ("csv", tmp_path / "labels.csv")
    assert load_dataset("auto", "train", root=tmp_path, size=8).labels.tolist() == [2]


class TestRafDb:
    @pytest.mark.parametrize(
        ("lines", "cause"),
        [
            ("train_1.jpg 5\ntrain_2.jpg\n", "line 2: 'train_2.jpg' is no name and label"),
            ("train_1.jpg 8\n", "line 1: label 8 is not in the label order 'raf-db'"),
            ("other_1.jpg 5\n", "line 1: 'other_1.jpg 5' is no name and label"),
            ("test_1.jpg 5\n", "no name begins with train_"),
            ("train_1.jpg 5\n", "no picture listed in .* was found, first 'train_1.jpg'"),
        ],
    )
    def test_refusals(self, tmp_path, lines, cause):
        (tmp_path / "list_patition_label.txt").write_text(lines)
        with pytest.raises(BadInput, match=cause):
            read_listing("raf-db", "train", tmp_path)

    def test_original_pictures(self, tmp_path):
        (tmp_path / "list_patition_label.txt").write_text("train_1.jpg 4\n")
        layout_files.save(Image.new("RGB", (8, 8)), tmp_path / "Image/original/train_1.jpg")
        found = read_listing("raf-db", "train", tmp_path).frame
        assert found["path"].tolist() == ["Image/original/train_1.jpg"]
        assert found["expression"].tolist() == [1]


class TestFer:
    def test_pictures_are_unpacked_once(self, tmp_path, faces, shared):
        layout_files.fer2013(tmp_path, faces, "icml_face_data.csv")
        first = load_dataset("fer2013", "test", root=tmp_path, size=48)
        picture = first.root / first.paths[0]
        stamp = picture.stat().st_mtime_ns
        again = load_dataset("fer2013", "test", root=tmp_path / "icml_face_data.csv", size=48)
        assert again.fingerprint == first.fingerprint
        assert picture.stat().st_mtime_ns == stamp
        assert picture.is_relative_to(shared / "unpacked")
        held = [item for item in upkeep.items() if item.path == first.root]
        assert [item.what for item in held] == ["pictures unpacked from lists"]
        upkeep.prune(older=-1, keep=lambda item: item.path != first.root)
        assert not first.root.exists()
        assert load_dataset("fer2013", "test", root=tmp_path, size=48).fingerprint == first.fingerprint  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "cause"),
        [
            ("emotion,pixels,Usage\n3,1 2 3,Training\n", "data row 1: 3 pixels are no square"),
            ("emotion,pixels,Usage\n3,1 2 3 256,Training\n", "values from 0 to 255"),
            ("emotion,pixels,Usage\n3,1 2 3 x,Training\n", "values from 0 to 255"),
            ("emotion,pixels,Usage\n7,1 2 3 4,Training\n", "label 7 is not in the label order 'fer2013'"),
            ("emotion,pixels,Usage\n3,1 2 3 4,Other\n", "'Other' is no split"),
            ("pixels,Usage\n1 2 3 4,Training\n", "no column 'emotion'"),
        ],
    )  # fmt: skip
    def test_refusals(self, tmp_path, text, cause):
        (tmp_path / "fer2013.csv").write_text(text)
        with pytest.raises(BadInput, match=cause):
            read_listing("fer2013", "train", tmp_path)

    def test_a_list_for_each_split(self, tmp_path):
        (tmp_path / "train.csv").write_text("emotion,pixels\n3,1 2 3 4\n")
        (tmp_path / "test.csv").write_text("emotion,pixels\n6,1 2 3 4\n4,1 2 3 5\n")
        assert find_dataset(tmp_path)[0] == "fer2013"
        for split, labels in (("train", [1]), ("test", [0, 2])):
            listing = read_listing("fer2013", split, tmp_path)
            assert listing.frame["expression"].tolist() == labels
            assert not listing.undivided

    def test_the_majority_of_votes(self, tmp_path):
        rows = [
            ("8,1,0,0,0,0,0,0,1,0", "neutral"),
            ("3,0,0,3,0,0,0,0,0,4", "without a majority"),
            ("0,5,5,0,0,0,0,0,0,0", "without a majority"),
            ("1,1,1,1,1,1,1,1,1,1", "without a majority"),
            ("0,0,0,0,0,0,0,9,1,0", "contempt"),
            ("0,0,0,0,0,0,0,0,9,1", "uncertain"),
            ("0,0,0,0,0,0,0,0,0,10", "non-face"),
            ("0,0,0,0,0,0,6,4,0,0", "fearful"),
        ]
        (tmp_path / "fer2013.csv").write_text(
            "emotion,pixels,Usage\n" + "0,1 2 3 4,Training\n" * len(rows)
        )
        header = f"Usage,Image name,{','.join(layout_files.COLUMNS)}\n"
        text = header + "".join(f"Training,fer{i:07d}.png,{v}\n" for i, (v, _) in enumerate(rows))
        (tmp_path / "fer2013new.csv").write_text(text)
        found = read_listing("ferplus", "train", tmp_path)
        assert [KNOWN[label] for label in found.frame["expression"]] == ["neutral", "fearful"]
        assert found.frame["path"].tolist() == ["fer0000000.png", "fer0000007.png"]
        assert found.dropped == {"contempt": 1, "uncertain": 1, "non-face": 1}
        assert found.aside == ("3 rows without a majority",)

    def test_votes_of_other_rows_are_refused(self, tmp_path, faces):
        layout_files.ferplus(tmp_path, faces)
        layout_files.fer2013(tmp_path, faces[:-1])
        with pytest.raises(BadInput, match="the rows belong together"):
            read_listing("ferplus", "train", tmp_path)
        with pytest.raises(BadInput, match="leave --label-order out"):
            read_listing("ferplus", "train", tmp_path, "fer2013")


class TestFileNames:
    def test_cameras(self, tmp_path, faces):
        layout_files.rafd(tmp_path, faces)
        front = read_listing("rafd", "test", tmp_path)
        assert all("Rafd090_05" in path for path in front.frame["path"])
        assert front.aside == ("21 of camera 045",)
        assert len(read_listing("rafd", "test", tmp_path, cameras="all").frame) == 14
        side = read_listing("rafd", "test", tmp_path, cameras="45")
        assert all("Rafd045_05" in path for path in side.frame["path"])
        with pytest.raises(BadInput, match="unknown camera of RaFD: 'S'; known: 000, 045"):
            read_listing("rafd", "test", tmp_path, cameras="S")
        with pytest.raises(BadInput, match="of camera 180, found 21 of camera 045"):
            read_listing("rafd", "test", tmp_path, cameras="180")
        with pytest.raises(BadInput, match="data set 'folder' has no cameras"):
            read_listing("folder", "test", tmp_path, cameras="all")

    def test_nobody_is_in_both_splits(self, tmp_path, faces):
        layout_files.kdef(tmp_path, faces)
        both = {split: read_listing("kdef", split, tmp_path) for split in ("train", "test")}
        persons = {split: set(one.frame["person"]) for split, one in both.items()}
        assert persons == {"train": {"F01", "F02", "F03", "F04"}, "test": {"F05"}}
        assert any("BF05" in path for path in both["test"].frame["path"])
        assert "(1 of 5), nobody is in both" in both["train"].notes[0]

    def test_other_pictures_are_counted(self, tmp_path, faces):
        layout_files.rafd(tmp_path, faces)
        shutil.copy(next(tmp_path.glob("*090_05*")), tmp_path / "holiday.jpg")
        found = read_listing("rafd", "test", tmp_path)
        assert "1 picture without a name of RaFD, first holiday.jpg" in found.aside

    def test_contempt_is_left_out_and_counted(self, tmp_path, faces):
        for person in ("01", "02"):
            for emotion in ("contemptuous", "angry"):
                name = f"Rafd090_{person}_Caucasian_male_{emotion}_left.jpg"
                layout_files.save(faces[0][2], tmp_path / name)
        found = read_listing("rafd", "train", tmp_path)
        assert found.frame["expression"].tolist() == [6]
        assert found.dropped == {"contempt": 1}

    def test_the_command_takes_cameras(self, tmp_path, faces, call):
        layout_files.rafd(tmp_path / "rafd", faces)
        code, out, _ = call("data", "check", "--root", "rafd", "--size", 48, "--cameras", "all")
        assert re.search(r"used\s+│ 28\s+│ 14", out)
        code, out, err = call("data", "check", "--cameras", "all")
        assert (code, "have no cameras" in out + err) == (2, True)


class TestImagefolder:
    def test_numbers_need_an_order(self, tmp_path, faces):
        layout_files.save(faces[0][2], tmp_path / "a.png")
        (tmp_path / "metadata.csv").write_text("file_name,label\na.png,3\n")
        with pytest.raises(BadInput, match=r"are numbers \(3\); say what they mean: --label-order"):
            read_listing("imagefolder", "train", tmp_path)
        found = read_listing("imagefolder", "train", tmp_path, "alphabetical")
        assert found.frame["expression"].tolist() == [1]
        assert found.undivided == "metadata.csv"

    @pytest.mark.parametrize(
        ("text", "cause"),
        [
            ('{"file_name": "a.png", "label": "sad"}\n[1]\n', "line 2: it holds no table"),
            ('{"file_name": "a.png"}\n', "no column for the label"),
            ('{"label": "sad"}\n', "no column for the image path"),
            ('{"file_name": "a.png", "label": "sad"}\n{"label": "sad"}\n', "data row 2 has no image path"),
            ("\n", "is empty"),
        ],
    )  # fmt: skip
    def test_refusals(self, tmp_path, text, cause):
        (tmp_path / "metadata.jsonl").write_text(text)
        with pytest.raises(BadInput, match=cause):
            read_listing("imagefolder", "train", tmp_path)

    def test_a_column_split_is_obeyed(self, tmp_path, faces):
        rows = [("a", "happy", "train"), ("b", "sad", "test")]
        for name, _, _ in rows:
            layout_files.save(faces[0][2], tmp_path / f"{name}.png")
        text = "".join(f'{{"file_name": "{n}.png", "label": "{e}", "split": "{s}"}}\n' for n, e, s in rows)  # fmt: skip
        (tmp_path / "metadata.jsonl").write_text(text)
        assert read_listing("imagefolder", "test", tmp_path).frame["path"].tolist() == ["b.png"]


def test_which_validation_set_of_affectnet_is_said(monkeypatch, tmp_path, faces):
    monkeypatch.setattr(affectnet, "_VALIDATION", (7, 8, 9))
    layout_files.affectnet_annotations(tmp_path, faces)
    layout_files.save(faces[0][2], tmp_path / "val_set/images/999.jpg")
    np.save(tmp_path / "val_set/annotations/999_exp.npy", np.array("7"))
    (note,) = read_listing("affectnet", "test", tmp_path).notes
    assert "7 images of the seven emotions (complete), 8 with contempt" in note
    assert note in load_dataset("affectnet", "test", root=tmp_path, size=16).notes
    assert read_listing("affectnet", "train", tmp_path).notes == ()
