"""Decoded pictures in the cache: they equal those of the files, and only what belongs together is used."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from toys import photograph

from ganbench.data import decoded, load_dataset
from ganbench.data.dataset import Dataset, Subset, only
from ganbench.data.table import TableDataset
from ganbench.errors import BadInput
from ganbench.storage import rows_file, upkeep
from ganbench.storage.rows_file import RowsFile


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The folder of the cache's pictures."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pictures"


@pytest.fixture
def root(tmp_path):
    photograph(tmp_path / "data" / "train", each=30, size=(20, 14), ending=".jpg")
    return tmp_path / "data"


def opened(root, size=12, keep=False, **options):
    return load_dataset("folder", "train", root=root, size=size, keep=keep, **options)


def pixels(file):
    return np.array(file.rows)


@pytest.mark.parametrize("keep", [False, True])
def test_a_file_holds_what_the_data_set_gives(root, keep):
    data = opened(root, keep=keep)
    assert data.in_memory == keep
    seen = []
    file = decoded.ensure(data, lambda done, total: seen.append((done, total)))
    everything = np.arange(210)
    assert np.array_equal(pixels(file), data.byte_images(everything).numpy().reshape(210, -1))
    assert torch.equal(data.images(everything), data.byte_images(everything) / 255)
    assert seen[-1] == (210, 210)
    assert seen == sorted(seen)
    assert file.damaged() == []


def test_it_is_built_once_by_several_processes(root, place, monkeypatch):
    """Pictures are decoded in other processes, so that this one decodes none."""
    monkeypatch.setattr(decoded, "cores", lambda: 3)
    monkeypatch.setattr(decoded, "SLICE", 16)
    here = []
    image = decoded.pixels_of

    def noted(dataset, rows):
        here.append(os.getpid())
        return image(dataset, rows)

    monkeypatch.setattr(decoded, "pixels_of", noted)
    first = decoded.ensure(opened(root))
    assert here == []
    changed = place.stat().st_mtime_ns
    assert np.array_equal(pixels(decoded.ensure(opened(root))), pixels(first))
    assert place.stat().st_mtime_ns == changed
    assert len(list(place.iterdir())) == 1


SLOW = """
import sys, time
from ganbench.data import decoded, load_dataset
decoded.SLICE, decoded.cores = 16, lambda: 2
decoded.pixels_of = lambda dataset, rows: time.sleep(60)
decoded.ensure(load_dataset("folder", "train", root=sys.argv[1], size=12, keep=False))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="pictures are decoded by threads elsewhere")
def test_its_processes_end_with_a_parent_that_is_killed(root):
    parent = subprocess.Popen([sys.executable, "-c", SLOW, str(root)])
    children = wait_for(lambda: children_of(parent.pid), 2)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_for(lambda: [pid for pid in children if parent_of(pid) is None], 2)


def children_of(pid):
    """Numbers of the processes that a process has forked and that have not ended."""
    return [other for other in os.listdir("/proc") if other.isdigit() and parent_of(other) == pid]


def parent_of(pid):
    """Number of the parent of a process; None if it has ended, whether or not somebody asked for its status."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state == "Z" else int(parent)


def wait_for(find, count):
    """What ``find`` gives, as soon as there are ``count`` of it."""
    end = time.monotonic() + 60
    while len(found := find()) < count:
        assert time.monotonic() < end, f"{found} after a minute"
        time.sleep(0.05)
    return found


def test_size_framing_content_and_order_have_files_of_their_own(root, place):
    one = decoded.ensure(opened(root)).path
    assert decoded.find(opened(root, size=14)) is None
    assert decoded.find(opened(root, framing="stretch")) is None
    assert decoded.find(opened(root, limit=209)) is None
    assert decoded.find(opened(root)).path == one
    Image.new("RGB", (20, 14)).save(root / "train/happy/3.jpg")
    assert decoded.find(opened(root)) is None
    other = decoded.ensure(opened(root, framing="stretch"))
    assert not np.array_equal(pixels(other), pixels(RowsFile.open(one)))
    assert len(list(place.iterdir())) == 2


def test_other_code_that_reads_pictures_has_another_file(root, monkeypatch):
    path = decoded.ensure(opened(root)).path

    class Inverted(TableDataset):
        def byte_images(self, indices):
            return 255 - super().byte_images(indices)

    data = opened(root)
    data.__class__ = Inverted
    assert data.eight_bits
    other = decoded.ensure(data)
    assert other.path != path
    assert np.array_equal(pixels(other), 255 - pixels(RowsFile.open(path)))


def test_a_picture_that_cannot_be_decoded_ends_the_build(root, place):
    data = opened(root)
    whole = (root / "train/sad/7.jpg").read_bytes()
    (root / "train/sad/7.jpg").write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    with pytest.raises(
        BadInput, match=r"^'.*sad/7\.jpg' cannot be decoded: .*; mend or remove it$"
    ):
        decoded.ensure(data)
    assert list(place.iterdir()) == []


def test_the_limit_of_the_cache_bounds_it(root, place, monkeypatch):
    data = opened(root)
    needed = decoded.bytes_of(data)
    assert needed == 210 * 3 * 12 * 12
    monkeypatch.setenv("GANBENCH_CACHE_LIMIT", str(needed - 1))
    assert "exceed the limit of the cache of 90.7 KB" in decoded.no_room(data)
    with pytest.raises(BadInput, match=r"raise GANBENCH_CACHE_LIMIT.*--images files"):
        decoded.ensure(data)
    assert not place.exists()
    monkeypatch.setenv("GANBENCH_CACHE_LIMIT", str(2 * needed))
    decoded.ensure(data)
    # A second one would not fit beside the first, which a training may be using.
    assert "beside" in decoded.no_room(opened(root, framing="stretch"))
    then = time.time() - 8 * 24 * 3600
    (path,) = place.iterdir()
    os.utime(path, (then, then))
    assert decoded.no_room(opened(root, framing="stretch")) == ""
    monkeypatch.setenv("GANBENCH_CACHE_LIMIT", str(int(1.5 * needed)))
    decoded.ensure(opened(root, framing="stretch"))
    assert not path.exists()  # it had not been used for a week


def test_finding_a_file_counts_as_using_it(root, place):
    decoded.ensure(opened(root))
    (path,) = place.iterdir()
    then = time.time() - 30 * 24 * 3600
    os.utime(path, (then, then))
    decoded.find(opened(root))
    upkeep.prune(older=24 * 3600)
    assert path.exists()


def test_the_disk_must_have_room(root, monkeypatch):
    monkeypatch.setattr(
        decoded.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 90_000})
    )
    assert "do not fit into 90.0 KB of free disk" in decoded.no_room(opened(root))


def test_the_cache_lists_verifies_and_prunes_pictures(root, place, call):
    decoded.ensure(opened(root))
    code, out, _ = call("cache")
    assert code == 0
    assert out.splitlines()[1].startswith("decoded pictures of folder, train, 12 px")
    assert call("cache", "verify")[:2] == (0, "everything is sound\n")
    (path,) = place.iterdir()
    with path.open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    code, out, _ = call("cache", "verify")
    assert code == 1
    assert f"damaged: decoded pictures of folder, train, 12 px: {path}" in out
    assert call("cache", "verify", "--remove")[0] == 0
    decoded.ensure(opened(root))
    path.write_bytes(path.read_bytes()[:-1])
    assert decoded.find(opened(root)) is None
    assert "damaged pictures" in call("cache")[1]
    assert call("cache", "verify")[0] == 1
    call("cache", "prune", "--all")
    assert list(place.iterdir()) == []


def test_what_a_killed_build_left_goes_in_time(root, place):
    decoded.ensure(opened(root))
    (path,) = place.iterdir()
    left = path.with_name(f".{path.name[:40]}.{'ab' * 6}.tmp")
    left.write_bytes(b"half")
    upkeep.prune(older=0.0, keep=lambda item: item.path == path)
    assert left.exists()  # it may still be written
    os.utime(left, (time.time() - 2 * 24 * 3600,) * 2)
    upkeep.prune(older=24 * 3600)
    assert [p.name for p in place.iterdir()] == [path.name]


# -- whether images are exact bytes ------------------------------------------------------------------


def test_only_data_sets_that_say_so_have_bytes(root):
    data = opened(root)
    assert data.eight_bits
    subset = Subset(data, np.array([3, 1]), "x", "")
    assert subset.eight_bits
    assert torch.equal(subset.byte_images([1, 0]), data.byte_images([1, 3]))
    assert only(opened(root, keep=True), ["happy"]).in_memory
    assert not only(data, ["happy"]).in_memory

    class Brighter(TableDataset):
        def images(self, indices):
            return super().images(indices) * 1.2

    data.__class__ = Brighter
    assert not data.eight_bits
    assert not subset.eight_bits

    other = opened(root)
    other.images = lambda indices: torch.zeros(len(indices), 3, 12, 12)
    assert not other.eight_bits

    class Floats(Dataset):
        def images(self, indices):
            return torch.rand(len(indices), 3, 4, 4)

    assert not Floats().eight_bits
    assert Floats().byte_images([0]) is None


def test_rendered_faces_have_bytes():
    faces = load_dataset("faces", "train", size=16, train=14, test=7)
    assert faces.eight_bits
    assert faces.in_memory
    small = load_dataset("faces", "train", size=16, train=14, test=7, keep=False)
    assert not small.in_memory
    assert small.fingerprint == faces.fingerprint
    file = decoded.ensure(small)
    assert np.array_equal(pixels(file), faces.byte_images(range(14)).numpy().reshape(14, -1))
    assert rows_file.is_sound(file.path)
