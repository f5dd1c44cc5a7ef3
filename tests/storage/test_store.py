import os

import numpy as np
import pytest

from ganbench.errors import BadInput
from ganbench.storage.store import Store, canonical, replacing, sweep, write_atomic

KEY = {"kind": "edits", "chunk": 3, "seed": 0}
ARRAYS = {"features": np.arange(12, dtype=np.float32).reshape(3, 4), "labels": np.array([1, 2, 3])}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def same(found):
    return found.keys() == ARRAYS.keys() and all(
        (found[name] == array).all() and found[name].dtype == array.dtype
        for name, array in ARRAYS.items()
    )


def test_what_is_put_is_got_back(store):
    assert KEY not in store
    assert store.get(KEY) is None
    store.put(KEY, ARRAYS)
    assert KEY in store
    assert same(store.get(KEY))
    assert same(Store(store.root).get(dict(reversed(KEY.items()))))
    assert store.get({**KEY, "seed": 1}) is None


def test_entries_are_plain_npz_files_without_pickles(store):
    store.put(KEY, ARRAYS)
    with np.load(store.path(KEY), allow_pickle=False) as entry:
        assert (entry["features"] == ARRAYS["features"]).all()
    with pytest.raises(ValueError, match="Object arrays"):
        store.put(KEY, {"bad": np.array([object()])})
    assert same(store.get(KEY))


def test_fetch_computes_once(store):
    calls = []

    def compute():
        calls.append(1)
        return ARRAYS

    assert same(store.fetch(KEY, compute))
    assert same(store.fetch(KEY, compute))
    assert len(calls) == 1


def test_any_damage_is_noticed_or_harmless(store):
    store.put(KEY, ARRAYS)
    path = store.path(KEY)
    whole = path.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        found = store.get(KEY)
        assert found is None or same(found), position
        assert found is not None or not path.exists()


@pytest.mark.parametrize("data", [b"", b"not a zip file", b"PK\x03\x04", None])
def test_a_damaged_entry_is_dropped_and_computed_again(store, data):
    store.put(KEY, ARRAYS)
    path = store.path(KEY)
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(half if data is None else data)
    assert store.get(KEY) is None
    assert KEY not in store
    assert same(store.fetch(KEY, lambda: ARRAYS))
    assert same(store.get(KEY))


def test_the_entry_of_another_key_is_not_taken(store):
    store.put({**KEY, "seed": 1}, ARRAYS)
    store.path(KEY).parent.mkdir(parents=True, exist_ok=True)
    os.replace(store.path({**KEY, "seed": 1}), store.path(KEY))
    assert store.get(KEY) is None


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "file.txt"
    write_atomic(path, "old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, b"new")
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write"):
        write_atomic(tmp_path / "file" / "inside", "x")


def test_canonical_json_has_one_form():
    assert canonical({"b": [1, 2.5], "a": None}) == '{"a":null,"b":[1,2.5]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


def test_half_written_files_are_removed_and_nothing_else(tmp_path):
    for name in (".a.safetensors.7.tmp", ".hidden", "a.tmp", "b"):
        (tmp_path / name).write_text("")
    sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".hidden", "a.tmp", "b"]


def test_a_failed_replacement_leaves_the_old_file(tmp_path):
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(target) as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("file", "old")]
