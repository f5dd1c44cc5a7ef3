"""``load_dataset`` and ``ganbench data``: the embedded faces, the same faces as files, and refusals."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from ganbench.cli.data import data as cli
from ganbench.data import list_datasets, load_dataset
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.storage.root import cache_root

SMALL = {"train": 7, "test": 14, "size": 16}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(shared, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(shared))


def run(*arguments: object, fails: bool = False) -> str:
    """Output of ``ganbench data``; other errors than the faults of a check are raised."""
    result = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=fails)
    assert isinstance(result.exception, BadInput) if fails else result.exit_code == 0
    return result.output


@pytest.fixture
def exported(tmp_path) -> Path:
    folder = tmp_path / "faces"
    run("export", "faces", folder, "--size", 16, "--train", 7, "--test", 14)
    return folder


def test_the_embedded_faces():
    data = load_dataset("faces", "test", **SMALL)
    assert data.name == "faces"
    assert data.labels.tolist() == list(range(7)) * 2
    assert data.images([0]).shape == (1, 3, 16, 16)
    assert data.regions([0]).unique().tolist() == [0, 1, 2, 3, 4]
    assert data.action_units([0]).shape == (1, 17)
    assert len(load_dataset("faces", "train", **SMALL)) == 7


def test_a_limit_is_a_prefix_of_the_faces():
    data = load_dataset("faces", "test", **SMALL)
    few = load_dataset("faces", "test", limit=9, **SMALL)
    assert few.paths == data.paths[:9]
    assert few.fingerprint != data.fingerprint


def test_the_other_split_does_not_matter():
    one = load_dataset("faces", "test", **SMALL)
    other = load_dataset("faces", "test", **(SMALL | {"train": 8}))
    assert one.fingerprint == other.fingerprint
    assert load_dataset("faces", "train", **SMALL).fingerprint != one.fingerprint
    assert load_dataset("faces", "test", seed=1, **SMALL).fingerprint != one.fingerprint


@pytest.mark.parametrize("split", ["train", "test"])
def test_lazy_faces_are_the_faces(split, tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    lazy = load_dataset("faces", split, lazy=True, seed=2, **SMALL)
    indices = [5, 1]
    images, maps, edits = lazy.images(indices), lazy.regions(indices), lazy.true_edits(indices, 3)
    assert not (tmp_path / "cache").exists()
    faces = load_dataset("faces", split, seed=2, **SMALL)
    assert lazy.fingerprint == faces.fingerprint
    assert list(lazy.paths) == list(faces.paths)
    assert lazy.labels.tolist() == faces.labels.tolist()
    assert torch.equal(images, faces.images(indices))
    assert torch.equal(maps, faces.regions(indices))
    for one, other in zip(edits, faces.true_edits(indices, 3), strict=True):
        assert torch.equal(one, other)
    few = load_dataset("faces", split, lazy=True, seed=2, limit=3, **SMALL)
    assert few.fingerprint == load_dataset("faces", split, seed=2, limit=3, **SMALL).fingerprint


def test_a_plan_of_an_evaluation_renders_no_faces(call, tmp_path):
    data = ("--data", "faces:test=14,seed=3", "--device", "cpu")
    code, out, _ = call("eval", "--dry-run", "--methods", "stargan", *data)
    assert code == 0
    assert "real images" in out
    assert " 14 " in out
    assert "faces that the cache lacks" in " ".join(out.split())
    assert not (tmp_path / "cache").exists()


def test_true_edits_change_the_face_and_nothing_else():
    data = load_dataset("faces", "test", **SMALL)
    neutral = EMOTIONS.index("neutral")
    rows = [3, 4, 5]
    images, regions = data.true_edits(rows, EMOTIONS.index("happy"))
    assert images.shape == (3, 3, 16, 16)
    assert regions.shape == (3, 16, 16)
    background = ((regions == 0) & (data.regions(rows) == 0))[:, None]
    change = (images - data.images(rows)).abs()
    assert change.max() > 0.1
    assert (change * background).max() < 0.05
    # A neutral face truly showing neutral is itself.
    still, _ = data.true_edits([neutral], neutral)
    assert torch.equal(still, data.images([neutral]))
    with pytest.raises(BadInput, match="emotion must be 0 to 6, not 7"):
        data.true_edits([0], 7)


def test_a_damaged_cache_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    data = load_dataset("faces", "test", **SMALL)
    (data.root / data.paths[2]).write_bytes(b"")
    with pytest.raises(BadInput, match=r"1 of 14 images of faces.*delete .*rendered again"):
        load_dataset("faces", "test", **SMALL)


def test_exported_faces_come_back(exported):
    for split in ("train", "test"):
        faces = load_dataset("faces", split, **SMALL)
        files = load_dataset("affectnet", split, root=exported, size=16)
        everything = range(len(faces))
        assert files.labels.tolist() == faces.labels.tolist()
        assert torch.equal(files.regions(everything), faces.regions(everything))
        assert torch.equal(files.action_units(everything), faces.action_units(everything))
        error = (files.images(everything) - faces.images(everything)).abs()
        assert error.mean() < 0.02
        assert not files.has_true_edits
    named = load_dataset("csv", "test", root=exported / "validation.csv", size=16)
    assert torch.equal(named.images(everything), files.images(everything))


def test_export_never_destroys(exported, tmp_path):
    (exported / "mine.txt").write_text("keep")
    with pytest.raises(BadInput, match=r"is not empty.*--overwrite"):
        run("export", "faces", exported)
    run("export", "faces", exported, "--size", 16, "--train", 7, "--test", 7, "--overwrite")
    assert (exported / "mine.txt").read_text() == "keep"
    assert len(load_dataset("affectnet", "test", root=exported, size=16)) == 7
    assert not list(exported.rglob("*.part"))
    with pytest.raises(BadInput, match="is a file"):
        run("export", "faces", exported / "mine.txt")


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["face"], "did you mean 'faces'"),
        (["csv"], "only 'faces' is exported"),
        (["faces", "--size", "3"], "size out of range: 3"),
        (["faces", "--test", "3"], "too few test pictures"),
    ],
)
def test_bad_exports(tmp_path, arguments, cause):
    with pytest.raises(BadInput, match=cause):
        run("export", arguments[0], tmp_path / "new", *arguments[1:])
    assert not (tmp_path / "new").exists()


def test_check_of_good_data(exported):
    text = run("check", "--data", "affectnet", "--root", exported, "--size", 16)
    assert "affectnet can be used" in text
    assert "note" not in text
    assert all(emotion in text for emotion in EMOTIONS)


def test_check_finds_what_is_wrong(exported):
    train = exported / "images/train"
    shutil.copy(exported / "images/test/000000.jpg", train / "000001.jpg")
    (train / "000002.jpg").write_bytes(b"broken")
    Image.open(train / "000003.jpg").resize((20, 16)).save(train / "000003.jpg")
    arguments = ("--data", "affectnet", "--root", exported, "--size", 17)
    text = run("check", *arguments, fails=True)
    assert "fault: train: 'images/train/000002.jpg' cannot be used: not an image" in text
    assert "fault: train has no image of: sad" in text
    assert "fault: 1 image is both in train and in test, first 'images/train/000001.jpg'" in text
    assert "fault: 1 image is under different emotions" in text
    assert "note: train: 1 image is not square" in text
    assert "remark: test: 14 images are smaller than 17 px" in text
    text = run("check", *arguments, "--skip-bad", fails=True)
    assert "note: train: 'images/train/000002.jpg' cannot be used" in text
    assert run("check", *arguments, "--split", "test").endswith("affectnet can be used\n")


def test_every_fault_is_printed_once(call, exported):
    (exported / "images/train/000002.jpg").write_bytes(b"broken")
    code, out, err = call("data", "check", "--data", "affectnet", "--root", exported)
    assert code == 2
    faults = [line for line in out.splitlines() if line.startswith("fault: ")]
    assert len(faults) == len(set(faults)) >= 1
    assert "000002.jpg" not in err
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    assert err == f"ganbench: affectnet cannot be used: {count}, listed above; repair them first\n"


def test_check_of_a_wrong_folder(tmp_path):
    (tmp_path / "stuff").mkdir()
    text = run("check", "--data", "affectnet", "--root", tmp_path, fails=True)
    assert text.count("fault: no ") == 2
    assert "training.csv" in text
    assert "it holds stuff" in text


def test_list_names_every_kind():
    assert [line.split()[0] for line in run("list").splitlines()] == list_datasets()


def test_the_command_line_starts_without_torch():
    code = "import sys, ganbench.cli.data, ganbench.data; print({'torch', 'pandas'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("name", "split", "options", "cause"),
    [
        ("afectnet", "train", {}, "unknown data set: 'afectnet'; did you mean 'affectnet'"),
        ("faces", "tset", {}, "unknown split: 'tset'; did you mean 'test'"),
        ("faces", "test", {"sed": 1}, "unknown option of data set 'faces': 'sed'; did you mean 'seed'"),
        ("faces", "test", {"root": "x"}, "take no root"),
        ("faces", "test", {"limit": 0}, "limit must be at least 1"),
        ("csv", "test", {"root": ".", "seed": 1}, "takes no option 'seed'"),
        ("csv", "test", {}, "needs --root"),
        ("affectnet-npy", "train", {"root": "."}, "is part of 'affectnet'; use --data affectnet"),
        ("affectnet", "test", {"root": "no/such"}, "no such folder: 'no/such'"),
    ],
)  # fmt: skip
def test_refusals(name, split, options, cause):
    with pytest.raises(BadInput, match=cause):
        load_dataset(name, split, **options)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("affectnet", r"training\.csv, .*Manually_Annotated.*annotations/\*_exp\.npy"),
        ("csv", r"training\.csv, train\.csv"),
        ("folder", r"a folder per emotion in one of training/, train/"),
    ],
)
def test_a_root_without_data_says_what_was_looked_for(tmp_path, name, wanted):
    with pytest.raises(BadInput, match=wanted + ".*it holds nothing"):
        load_dataset(name, "train", root=tmp_path)


def test_a_root_of_another_kind_says_which(tmp_path, exported):
    Path(tmp_path / "classes/train/happy").mkdir(parents=True)
    for name in ("affectnet", "csv"):
        with pytest.raises(BadInput, match="use --data folder"):
            load_dataset(name, "train", root=tmp_path / "classes")
    with pytest.raises(BadInput, match="use --data affectnet"):
        load_dataset("folder", "train", root=exported)
    for part in ("images", "annotations"):
        (tmp_path / "npy" / part).mkdir(parents=True)
    with pytest.raises(BadInput, match="later layout: use --data affectnet"):
        load_dataset("csv", "train", root=tmp_path / "npy")
    with pytest.raises(BadInput, match="it is a file"):
        load_dataset("affectnet", "train", root=exported / "training.csv")


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", "/a/b")
    assert cache_root() == Path("/a/b")
    monkeypatch.delenv("GANBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache_root() == Path("/c/ganbench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root() == Path.home() / ".cache/ganbench"
