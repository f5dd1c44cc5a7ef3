"""``ganbench cache`` and the limit that evaluations keep."""

import os
import time

import numpy as np
import pytest

from ganbench.errors import BadInput
from ganbench.storage.store import Store
from ganbench.storage.upkeep import keep_limit, parse_age, parse_size, prune, show_size

DAY = 24 * 3600


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A cache of four pieces of 10 kB, used one, two, three and four days ago."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    store = Store(tmp_path / "cache" / "evaluations")
    for i in range(1, 5):
        key = {"kind": "edits", "method": "smit", "number": i}
        store.put(key, {"a": np.zeros(1250)})
        then = time.time() - i * DAY
        os.utime(store.path(key), (then, then))
    return tmp_path / "cache"


def pieces(root):
    return len(list(root.glob("evaluations/*/*.npz")))


def test_it_lists_what_there_is(call, root):
    (root / "index").mkdir()
    (root / "index" / f"{'a' * 24}.json").write_text("{}")
    code, out, err = call("cache")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["What", "Pieces", "Size", "Last", "used"]
    assert lines[1].startswith("predictions on edits of smit")
    assert lines[1].split()[5] == "4"
    assert "indices of large data sets" in out
    assert lines[-1].endswith(f"in {root}")


def test_it_prunes_by_age_and_by_size(call, root):
    assert "removed 2 pieces" in call("cache", "prune", "--older-than", "60h")[1]
    assert pieces(root) == 2
    assert "removed 1 piece," in call("cache", "prune", "--limit", "15KB")[1]
    assert pieces(root) == 1  # the one that was used last
    assert "removed 0" in call("cache", "prune")[1]
    call("cache", "prune", "--all")
    assert pieces(root) == 0
    assert "nothing in" in call("cache")[1]


def test_a_piece_that_is_read_is_used(root):
    store = Store(root / "evaluations")
    key = {"kind": "edits", "method": "smit", "number": 4}
    made = store.made(key)
    assert store.get(key) is not None
    assert store.made(key) == made
    prune(older=1.5 * DAY)
    assert pieces(root) == 2
    assert key in store


def test_the_limit_is_kept_but_nothing_in_use_is_removed(root, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE_LIMIT", "25KB")
    keep_limit()
    assert pieces(root) == 2
    monkeypatch.setenv("GANBENCH_CACHE_LIMIT", "0")
    Store(root / "evaluations").put({"kind": "real"}, {"a": np.zeros(9)})
    keep_limit()
    assert pieces(root) == 1  # this process has just made it


def test_it_finds_damage(call, root):
    assert call("cache", "verify")[:2] == (0, "everything is sound\n")
    path = next(root.glob("evaluations/*/*.npz"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    code, out, _ = call("cache", "verify")
    assert code == 1
    assert str(path) in out
    assert call("cache", "verify", "--remove")[0] == 0
    assert pieces(root) == 3


def test_what_killed_processes_left_goes_in_time(root):
    folder = next(root.glob("evaluations/*"))
    new, old = (f".{folder.name}{'0' * 62}.npz.{mark * 12}.tmp" for mark in "ab")
    for age, name in ((0, new), (2 * DAY, old)):
        path = folder / name
        path.write_bytes(b"")
        os.utime(path, (time.time() - age,) * 2)
    prune(older=DAY / 2)
    left = [path.name for path in root.rglob(".*")]
    assert left == [new]


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB", 20 * 10**9), ("1.5 mb", 1_500_000), ("7", 7), ("3K", 3000), ("2TB", 2 * 10**12)],
)
def test_sizes(text, size):
    assert parse_size(text, "--limit") == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1e9", "20 GiB", "nan", "9" * 400])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(BadInput, match="not a size: --limit"):
        parse_size(text, "--limit")


def test_ages():
    assert parse_age("30d", "--older-than") == 30 * DAY
    assert parse_age("1.5h", "--older-than") == 5400
    with pytest.raises(BadInput, match="not an age: --older-than 'soon'"):
        parse_age("soon", "--older-than")


def test_sizes_in_words():
    assert [show_size(n) for n in (0, 999, 1500, 2 * 10**9)] == ["0 B", "999 B", "1.5 KB", "2.0 GB"]


def test_a_bad_limit_is_said_before_the_work(call, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE_LIMIT", "much")
    code, _, err = call("eval", "--methods", "stargan", "--data", "faces:test=7,train=7")
    assert code == 2
    assert err == "ganbench: not a size: GANBENCH_CACHE_LIMIT 'much'; write 500MB or 20GB\n"


def test_what_ganbench_did_not_write_is_never_touched(call, root, tmp_path, monkeypatch):
    outside = tmp_path / "thesis"
    mine = [
        outside / "a.txt",
        root / "evaluations" / "2024" / "results.xlsx",
        root / "evaluations" / "ab" / "mine.npz",
        root / "faces-mine" / "photo.txt",
        root / "index" / "notes.json",
        root / "notes.txt",
    ]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious")
        os.utime(path, (0, 0))
    (root / "evaluations" / "link").symlink_to(outside)
    (root / "evaluations" / "ab" / ("ab" + "0" * 62 + ".npz")).symlink_to(outside / "a.txt")
    os.mkfifo(root / "evaluations" / "ab" / ("ab" + "1" * 62 + ".npz"))
    assert call("cache")[0] == 0
    assert call("cache", "verify")[:2] == (0, "everything is sound\n")
    call("cache", "prune", "--all")
    monkeypatch.setenv("GANBENCH_CACHE_LIMIT", "0")
    keep_limit()
    assert [path.read_text() for path in mine] == ["precious"] * len(mine)
