"""Files of rows: complete or absent, and damage is found row by row."""

import numpy as np
import pytest

from ganbench.errors import BadInput
from ganbench.storage import rows_file
from ganbench.storage.rows_file import RowsFile

KEY = {"kind": "pictures", "name": "noise", "split": "train", "size": 4}
COUNT, LENGTH = 50, 48


@pytest.fixture
def rows():
    return np.random.default_rng(0).integers(0, 256, (COUNT, LENGTH), dtype=np.uint8)


@pytest.fixture
def path(tmp_path, rows):
    path = rows_file.path_of(tmp_path / "pictures", KEY)
    rows_file.write(path, KEY, COUNT, LENGTH, filler(rows))
    return path


def filler(rows):
    def fill(file):
        with file.open("r+b") as stream:
            stream.write(rows.tobytes())
        return rows_file.checksums(rows)

    return fill


def overwrite(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_rows_and_key_come_back(path, rows):
    file = RowsFile.open(path)
    assert file.key == KEY == rows_file.read_key(path)
    indices = np.array([7, 0, 49, 7])
    out = np.empty((4, LENGTH), np.uint8)
    assert file.take(indices, out) == []
    assert np.array_equal(out, rows[indices])
    assert file.damaged() == []
    assert rows_file.is_sound(path)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("length", [1, 7, 8, 48, 51])
def test_a_checksum_is_the_weighted_sum_of_words(length):
    rows = np.random.default_rng(1).integers(0, 256, (3, length), dtype=np.uint8)
    for row, found in zip(rows, rows_file.checksums(rows).tolist(), strict=True):
        content = row.tobytes() + bytes(-length % 8)
        words = [int.from_bytes(content[k : k + 8], "little") for k in range(0, len(content), 8)]
        assert found == sum((2 * k + 1) * word for k, word in enumerate(words)) % 2**64
    for k in range(length):
        changed = rows.copy()
        changed[1, k] ^= 0x80
        differs = rows_file.checksums(changed) != rows_file.checksums(rows)
        assert differs.tolist() == [False, True, False]


def test_a_changed_row_is_named_and_no_other(path, rows):
    overwrite(path, 9 * LENGTH + 5, bytes([rows[9, 5] ^ 1]))
    file = RowsFile.open(path)
    out = np.empty((3, LENGTH), np.uint8)
    assert file.take(np.array([8, 9, 10]), out) == [1]
    assert file.damaged() == [9]
    assert not rows_file.is_sound(path)


def test_a_file_without_its_end_or_with_damaged_checksums_is_none(path):
    whole = path.read_bytes()
    for content in (b"", whole[:10], whole[:-1], whole + b"x", whole[: COUNT * LENGTH]):
        path.write_bytes(content)
        assert RowsFile.open(path) is None
        assert rows_file.read_key(path) is None
        assert not rows_file.is_sound(path)
    path.write_bytes(whole)
    for place in (
        COUNT * LENGTH + 1,
        COUNT * LENGTH + 8 * COUNT + 2,
        len(whole) - 20,
        len(whole) - 80,
    ):
        overwrite(path, place, bytes([whole[place] ^ 1]))
        assert RowsFile.open(path) is None
        overwrite(path, place, whole[place : place + 1])
    assert RowsFile.open(path) is not None


def test_a_file_under_another_name_is_not_sound(path):
    moved = path.with_name("0" * 64 + ".rows")
    path.rename(moved)
    assert RowsFile.open(moved) is not None
    assert not rows_file.is_sound(moved)
    assert rows_file.is_sound(path)  # removed: nothing that could be damaged


def test_a_build_that_fails_leaves_nothing(tmp_path, rows):
    path = rows_file.path_of(tmp_path / "pictures", KEY)

    def fill(file):
        assert file.stat().st_size == COUNT * LENGTH
        raise BadInput("'0.jpg' cannot be decoded")

    with pytest.raises(BadInput, match=r"^'0\.jpg' cannot be decoded$"):
        rows_file.write(path, KEY, COUNT, LENGTH, fill)
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_is_an_error_of_the_cache(tmp_path):
    path = rows_file.path_of(tmp_path / "pictures", KEY)

    def fill(file):
        raise OSError(28, "No space left on device")

    with pytest.raises(BadInput, match=r"cannot use the cache: .*No space left.*GANBENCH_CACHE"):
        rows_file.write(path, KEY, COUNT, LENGTH, fill)
    assert list(path.parent.iterdir()) == []
