"""The same picture in two splits, under two emotions, in training and in testing."""

from __future__ import annotations

import json
import os
import re

import pytest
from picture_files import picture
from PIL import Image
from toys import Painter, Reader, photograph

from ganbench.data import leaks, load_dataset
from ganbench.data.files import content_hash, content_hashes, equal_files
from ganbench.data.sketches import SKETCH, Sketch, sketch
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation.protocol import describe, training_notes
from ganbench.evaluation.run import evaluate
from ganbench.judges.interface import JudgeSpec
from ganbench.methods.weights import read_header
from ganbench.records import LEARNED, Results
from ganbench.storage.store import Store


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))


def folders(root, seed=0, splits=("train", "test")):
    """Two images of each emotion in each split, all different."""
    for split in splits:
        photograph(root / split, 2, (8, 8), seed=seed)
    return root


def copied(root, source, target):
    (root / target).write_bytes((root / source).read_bytes())
    return root


def listed(root, count=21, name="all.csv", split=None):
    """One CSV for everything; ``split`` gives the value of each row's column."""
    rows = ["path,label" + ",split" * (split is not None)]
    for i in range(count):
        picture(root / f"{i}.png", 500 + i)
        rows.append(f"{i}.png,{EMOTIONS[i % 7]}" + (f",{split(i)}" if split else ""))
    (root / name).write_text("\n".join(rows) + "\n")
    return root / name


def test_only_equal_files_are_twins(tmp_path):
    files = [picture(tmp_path / f"{i}.png", i) for i in range(5)]
    files[3].write_bytes(files[1].read_bytes())
    assert equal_files([*files, tmp_path / "missing.png"], tmp_path) == [[1, 3]]


def test_pipes_and_folders_are_no_pictures(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe2")
    (tmp_path / "folder").mkdir()
    files = [tmp_path / name for name in ("pipe", "pipe2", "folder", "missing", "bad\0name")]
    assert content_hashes(files, tmp_path) == [""] * 5
    assert equal_files(files, tmp_path) == []


def test_large_files_are_compared_whole(tmp_path):
    body = bytearray(300_000)
    (tmp_path / "a").write_bytes(body)
    body[40_000] = 1  # outside the blocks that the hash covers
    (tmp_path / "b").write_bytes(body)
    (tmp_path / "c").write_bytes(body)
    files = [tmp_path / name for name in "abc"]
    assert len(set(content_hashes(files, tmp_path))) == 1
    assert equal_files(files, tmp_path) == [[1, 2]]


def test_hashes_of_many_files_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("ganbench.data.files.INDEXED", 3)
    files = [picture(tmp_path / f"{i}.png", i) for i in range(4)]
    read = []
    monkeypatch.setattr(
        "ganbench.data.files.content_hash",
        lambda path: read.append(path.name) or content_hash(path),
    )
    before = content_hashes(files, tmp_path)
    assert sorted(read) == [f"{i}.png" for i in range(4)]
    picture(files[2], 9)
    read.clear()
    after = content_hashes(files, tmp_path)
    assert read == ["2.png"]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, True]
    (index,) = (tmp_path / "cache" / "index").iterdir()
    index.write_text("[")
    assert content_hashes(files, tmp_path) == after


class TestSketch:
    def test_overlaps_are_estimated(self):
        names = [f"{(i * 7919) % 1_000_003:012x}" for i in range(4_000)]
        train = Sketch.of(names[:3_000])
        assert len(train.least) == SKETCH
        hits, might = train.met(names[2_000:])
        assert hits / might == pytest.approx(0.5, abs=0.12)
        assert train.met(names[3_000:])[0] == 0
        hits, might = train.met(names[:40])
        assert hits == might

    def test_of_few_pictures_it_holds_all(self):
        assert Sketch.of(["a" * 12, "c" * 12]).met(["a" * 12, "b" * 12, "f" * 12, ""]) == (1, 3)

    def test_it_survives_json_and_foreign_cards(self):
        known = Sketch.of([f"{i:012x}" for i in range(300)])
        assert Sketch.read(json.loads(json.dumps(known.to_json()))) == known
        for table in (None, [], {}, {"count": "3", "least": []}, {"count": 1, "least": [3]},
                      {"count": 1, "least": ["x"]}, {"count": 1, "least": ["a" * 12] * 9_999}):  # fmt: skip
            assert Sketch.read(table) is None
        assert sketch({"pictures": 3}, "train") is None


class TestCheck:
    def test_a_leak_is_a_fault(self, call, tmp_path):
        root = copied(folders(tmp_path / "d"), "test/happy/0.png", "train/happy/1.png")
        options = ("data", "check", "--data", "folder", "--root", root, "--size", 8)
        code, error, _ = call(*options)
        assert code == 2
        assert "1 image is both in train and in test, first 'train/happy/1.png' and " in error
        assert "--allow-leaks" in error
        code, text, _ = call(*options, "--allow-leaks")
        assert code == 0
        assert "note: 1 image is both in train and in test" in text

    def test_a_picture_saved_anew_is_the_same(self, call, tmp_path):
        root = folders(tmp_path / "d")
        Image.open(root / "test/sad/0.png").save(root / "train/sad/new.bmp")
        code, error, _ = call("data", "check", "--data", "folder", "--root", root, "--size", 8)
        assert code == 2
        assert "both in train and in test, first 'train/sad/new.bmp' and 'test/sad/0.png'" in error

    def test_two_emotions_of_one_picture_are_a_fault(self, call, tmp_path):
        root = copied(folders(tmp_path / "d"), "train/sad/0.png", "train/angry/1.png")
        options = ("data", "check", "--data", "folder", "--root", root, "--size", 8)
        code, error, _ = call(*options)
        assert code == 2
        assert "under different emotions, first 'train/sad/0.png' and 'train/angry/1.png'" in error
        assert call(*options, "--allow-leaks")[0] == 0

    def test_a_repetition_is_a_remark(self, call, tmp_path):
        root = copied(folders(tmp_path / "d"), "train/sad/0.png", "train/sad/1.png")
        code, text, _ = call("data", "check", "--data", "folder", "--root", root, "--size", 8)
        assert code == 0
        assert "remark: 1 image repeats another" in text

    def test_one_list_for_both_splits_is_a_fault(self, call, tmp_path):
        options = ("data", "check", "--data", "csv", "--root", listed(tmp_path / "d"), "--size", 8)
        code, error, _ = call(*options)
        assert code == 2
        assert "'all.csv' does not tell which images are for training" in error
        assert call(*options, "--same-data")[0] == 0
        assert call(*options, "--split", "train")[0] == 0

    def test_a_split_column_is_enough(self, call, tmp_path):
        root = listed(tmp_path / "d", split=lambda i: "test" if i < 7 else "train")
        code, text, error = call("data", "check", "--data", "csv", "--root", root, "--size", 8)
        assert (code, error) == (0, "")
        assert "14" in text


class TestTraining:
    def train(self, call, recipe, kind, root, *more):
        options = ("--recipe", recipe, "--data", kind, "--root", root, "--device", "cpu")
        return call("train", "judge", *options, "--out", "run", *more)

    def test_a_leak_stops_it(self, call, tiny_recipe, tmp_path):
        root = copied(folders(tmp_path / "d"), "test/happy/0.png", "train/happy/1.png")
        code, _, error = self.train(call, tiny_recipe, "folder", root)
        assert code == 2
        assert "both in train and in test" in error
        assert not (tmp_path / "run").exists()
        code, _, error = self.train(call, tiny_recipe, "folder", root, "--allow-leaks")
        assert code == 0
        assert "warning: 1 image is both in train and in test" in error

    def test_the_list_beside_counts_too(self, call, tiny_recipe, tmp_path):
        root = tmp_path / "d"
        listed(root, name="train.csv")
        (root / "test.csv").write_text("path,label\n3.png,surprised\n")
        code, _, error = self.train(call, tiny_recipe, "csv", root / "train.csv")
        assert code == 2
        assert "both in train and in test, first '3.png'" in error

    def test_the_card_knows_the_pictures(self, call, tiny_recipe, tmp_path):
        root = folders(tmp_path / "d")
        code, _, error = self.train(call, tiny_recipe, "folder", root)
        assert (code, "warning" in error) == (0, False)
        card = read_header(tmp_path / "run/judge.safetensors")["card"]
        test = load_dataset("folder", "test", root=root, size=8)
        hashes = leaks.split_of(test).hashes
        assert sketch(card, "test").met(hashes) == (14, 14)
        assert sketch(card, "train").met(hashes)[0] == 0
        code, text, _ = call("checkpoints", "show", "run/judge.safetensors")
        assert code == 0
        assert len(text) < 5_000
        assert ["pictures.train", "14"] in [line.split() for line in text.splitlines()]
        code, _, error = self.train(call, tiny_recipe, "folder", root, "--resume")
        assert code == 0, error

    def test_a_list_without_splits_is_told(self, call, tiny_recipe, tmp_path):
        code, _, error = self.train(call, tiny_recipe, "csv", listed(tmp_path / "d"))
        assert code == 0
        assert (
            "warning: 'all.csv' does not tell which images are for testing: all are trained"
            in error
        )
        evaluate = ("eval", "--data", "csv", "--root", tmp_path / "d/all.csv", "--device", "cpu",
                    "--methods", "stargan", "--judge", "run/judge.safetensors", "--dry-run")  # fmt: skip
        code, _, error = call(*evaluate)
        assert code == 2
        assert "judge VGG (csv, 16 px) learned from these very images ('all.csv')" in error
        assert "--same-data" in error
        code, _, error = call(*evaluate, "--same-data")
        assert code == 0, error
        assert "warning: judge VGG (csv, 16 px) learned from these very images" in error

    def test_a_rare_emotion_is_told_at_the_start(self, call, tiny_recipe, tmp_path):
        root = folders(tmp_path / "d")
        for k in range(60):
            picture(root / f"train/neutral/x{k}.png", 5_000 + k)
        code, _, error = self.train(call, tiny_recipe, "folder", root)
        assert code == 0
        assert "warning: train: few of the 74 images show some emotions: 2 happy, " in error


class TestEvaluation:
    def run(self, tmp_path, root, kind="folder", method=None, judge=None, **options):
        data = load_dataset(kind, "test", root=root, size=8)
        store = Store(tmp_path / "store")
        return evaluate([method or Painter()], data, judge or Reader(), store=store, **options)

    def test_a_leak_stops_it(self, tmp_path):
        root = copied(folders(tmp_path / "d"), "test/happy/0.png", "train/happy/1.png")
        with pytest.raises(BadInput, match="1 image is both in train and in test"):
            self.run(tmp_path, root)
        (note,) = self.run(tmp_path, root, allow_leaks=True).notes
        assert note.endswith("(allowed by --allow-leaks)")

    def test_two_emotions_of_one_picture_stop_it(self, tmp_path):
        root = copied(folders(tmp_path / "d"), "test/sad/0.png", "test/angry/0.png")
        with pytest.raises(BadInput, match="under different emotions"):
            self.run(tmp_path, root)

    def test_what_the_training_split_repeats_does_not_matter(self, tmp_path):
        root = copied(folders(tmp_path / "d"), "train/sad/0.png", "train/angry/0.png")
        assert self.run(tmp_path, root).notes == []

    def test_what_a_method_learned_from(self, tmp_path):
        root = folders(tmp_path / "d")
        train, test = (load_dataset("folder", s, root=root, size=8) for s in ("train", "test"))
        method = Painter()
        method.card = {"pictures": leaks.record(leaks.split_of(train), leaks.split_of(test))}
        assert self.run(tmp_path, root, method=method).notes == []
        # Another data set with a quarter of the training images.
        other = folders(tmp_path / "e", seed=400, splits=("test",))
        for emotion in EMOTIONS[:4]:
            content = (root / f"train/{emotion}/0.png").read_bytes()
            (other / f"test/{emotion}/0.png").write_bytes(content)
        with pytest.raises(
            BadInput, match=r"method Painter from about 29% of them; .*--allow-leaks"
        ):
            self.run(tmp_path, other, method=method)
        assert len(self.run(tmp_path, other, method=method, allow_leaks=True).notes) == 1

    def test_what_the_test_split_repeats_is_no_note(self, tmp_path):
        for count in (1, 2):
            root = folders(tmp_path / str(count))
            for emotion in EMOTIONS[:count]:
                copied(root, f"test/{emotion}/0.png", f"test/{emotion}/1.png")
            assert self.run(tmp_path, root).notes == []
            split = leaks.split_of(load_dataset("folder", "test", root=root, size=8))
            (note,) = leaks.find([split])
            assert note.text == (
                "1 image repeats another of its split",
                "2 images repeat another of their split",
            )[count - 1]  # fmt: skip

    @pytest.mark.parametrize("kind", ["csv", "folder"])
    def test_another_split_that_cannot_be_read_is_told(self, tmp_path, kind):
        root = tmp_path / "d"
        if kind == "csv":
            listed(root, name="test.csv")
            listed(root, name="train.csv")  # seven of these and more
            with (root / "train.csv").open("a") as file:
                file.write("0.png,hapy\n")
            place, wrong = root / "test.csv", "data row 22: .*hapy"
        else:
            place, wrong = folders(root), "class folder .*hapy"
            picture(root / "train/hapy/0.png", 3)
        (note,) = self.run(tmp_path, place, kind).notes
        found = rf"the other split cannot be read \(.*{wrong}.*\): nobody has looked for leaks$"
        assert re.match(found, note)
        assert "\n" not in note
        data = load_dataset(kind, "test", root=place, size=8)
        (finding,), card = leaks.check_training(data)
        assert finding == leaks.Finding("note", note)
        assert list(card) == ["train"]

    @pytest.mark.parametrize("kind", ["csv", "folder"])
    def test_no_other_split_is_nothing_to_tell(self, tmp_path, kind):
        root = tmp_path / "d"
        place = listed(root, name="test.csv") if kind == "csv" else folders(root, splits=("test",))
        assert self.run(tmp_path, place, kind).notes == []
        if kind == "csv":  # one list with a column, which has one part only
            place = listed(root, name="all.csv", split=lambda i: "test")
            assert self.run(tmp_path, place, kind).notes == []

    def test_one_list_for_both(self, tmp_path):
        root = listed(tmp_path / "d")
        method = Painter()
        train = load_dataset(
            "csv", "train", root=root, size=4
        )  # of another size: other fingerprint
        method.card = {"pictures": leaks.record(leaks.split_of(train), None)}
        with pytest.raises(BadInput, match=r"method Painter learned from these .*\('all\.csv'\)"):
            self.run(tmp_path, root, "csv", method=method)
        with pytest.raises(BadInput, match="--same-data"):
            self.run(tmp_path, root, "csv", method=method, allow_leaks=True)
        assert len(self.run(tmp_path, root, "csv", method=method, same_data=True).notes) == 1

    def test_cards_without_sketches_have_a_fingerprint(self, tmp_path):
        root = listed(tmp_path / "d")
        method = Painter()
        train = load_dataset("csv", "train", root=root, size=8)
        method.card = {"data": {"fingerprint": train.fingerprint}}
        with pytest.raises(BadInput, match="learned from these very images"):
            self.run(tmp_path, root, "csv", method=method)

    def test_missing_and_rare_emotions_are_told(self, tmp_path):
        root = folders(tmp_path / "d", splits=("test",))
        for k in range(60):
            picture(root / f"test/neutral/x{k}.png", 5_000 + k)
        for k in range(2):
            (root / f"test/sad/{k}.png").unlink()
        missing, rare = self.run(tmp_path, root).notes
        assert "test has no image of: sad" in missing
        assert "2 happy" in rare


class TestJudgesOfOtherData:
    def spec(self, pictures, trained_on="folder"):
        return JudgeSpec(
            "vgg", f"VGG ({trained_on}, 8 px)", 8, EMOTIONS, "fc2", 4, "abc", "Apache-2.0",
            trained_on, pictures,
        )  # fmt: skip

    @pytest.fixture
    def own(self, tmp_path):
        root = folders(tmp_path / "own")
        return [load_dataset("folder", split, root=root, size=8) for split in ("train", "test")]

    @pytest.fixture
    def other(self, tmp_path):
        root = folders(tmp_path / "other", seed=300)
        return load_dataset("folder", "test", root=root, size=8)

    def notes(self, spec, data):
        return training_notes(json.loads(json.dumps(describe(data, spec, len(data)))))

    def test_one_folder_is_not_another(self, own, other):
        pictures = leaks.record(*map(leaks.split_of, own))
        assert self.notes(self.spec(pictures), own[1]) == []
        (note,) = self.notes(self.spec(pictures), other)
        assert "was trained on other folder data than these" in note

    def test_the_name_of_the_kind_does_not_count(self, own):
        pictures = leaks.record(*map(leaks.split_of, own))
        assert self.notes(self.spec(pictures, "affectnet"), own[1]) == []

    def test_a_card_that_does_not_tell(self, own):
        (note,) = self.notes(self.spec(None), own[1])
        assert "its card does not tell whether these are the same" in note
        (note,) = self.notes(self.spec(None, "faces"), own[1])
        assert "was trained on faces, not on folder" in note
        alone = leaks.record(leaks.split_of(own[0]), None)
        assert "does not tell" in self.notes(self.spec(alone), own[1])[0]

    def test_it_decides_no_number(self, own, other):
        with_, without = (
            describe(other, self.spec(pictures), 14)
            for pictures in (leaks.record(*map(leaks.split_of, own)), None)
        )
        assert with_[LEARNED] != without[LEARNED]
        hashes = {Results(p, 0, {}, ()).protocol_hash for p in (with_, without)}
        assert len(hashes) == 1

    def test_results_of_before_are_read(self, own):
        protocol = describe(own[1], self.spec(None), 14)
        del protocol[LEARNED], protocol["judge"]["trained_on"]
        assert training_notes(protocol) == []
