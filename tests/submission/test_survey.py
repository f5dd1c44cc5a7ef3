"""Faults of a folder of edits are named and counted in one line."""

import numpy as np
import pytest
from PIL import Image

from ganbench.errors import BadInput
from ganbench.submission.survey import at_size, picture_hash, read_picture, survey
from ganbench.submission.tasks import task_id

SIZE = 12


def picture(seed=0, size=SIZE):
    random = np.random.default_rng(seed)
    return random.integers(2, 256, (size, size, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Edits of three images."""
    for row in range(3):
        for target in range(7):
            pixels = picture(7 * row + target)
            Image.fromarray(pixels).save(tmp_path / f"{task_id(row, target)}.png")
    return tmp_path


def test_a_whole_folder_has_its_files_in_order(folder):
    found = survey(folder, 3, SIZE)
    assert found.rows.tolist() == [0, 1, 2]
    assert found.files[2][6] == folder / "00002-angry.png"
    assert found.hashes[1][0] == picture_hash(picture(7))
    assert (found.extra, found.missing, found.notes) == ((), (), [])


def test_every_kind_of_fault_is_named_and_counted(folder):
    for name in ("00000-happy", "00000-sad", "00001-sad", "00002-sad"):
        (folder / f"{name}.png").unlink()
    (folder / "00000-neutral.png").write_bytes(b"no picture")
    Image.fromarray(picture()).save(folder / "00001-happy.png", "JPEG")
    Image.fromarray(picture(size=16)).save(folder / "00001-angry.png")
    Image.fromarray(picture()[:8]).save(folder / "00001-fearful.png")
    Image.fromarray((picture() > 99).astype(np.uint8)).save(folder / "00002-happy.png")
    (folder / "00002-sad.jpg").write_bytes(b"")
    (folder / "00003-sad.png").write_bytes(b"")
    with pytest.raises(BadInput) as caught:
        survey(folder, 3, SIZE)
    text = str(caught.value)
    assert text.count("\n") == 0
    for part in (
        "4 edits missing: 00000-happy.png, 00000-sad.png, 00001-sad.png, ...",
        "2 edits unreadable: 00000-neutral.png (not an image that pillow can read), "
        "00001-happy.png (it is a JPEG file)",
        "2 edits of another size: 00001-angry.png (16 x 16), 00001-fearful.png (12 x 8)",
        "1 edit out of range: 00002-happy.png (no value above 1 of 255)",
        "2 files of no task: 00002-sad.jpg, 00003-sad.png",
        "--partial",
        "--resize",
        "multiply values in [0, 1] by 255",
    ):
        assert part in text, part


def test_extra_files_are_a_note(folder):
    (folder / ".DS_Store").write_bytes(b"")
    assert survey(folder, 3, SIZE).notes == ["1 file of no task: .DS_Store"]


def test_a_part_has_the_images_with_all_edits(folder):
    (folder / "00001-sad.png").unlink()
    found = survey(folder, 3, SIZE, partial=True)
    assert found.rows.tolist() == [0, 2]
    assert found.notes == [
        "a part of the tasks: 1 edit missing: 00001-sad.png; 2 images with all edits are scored"
    ]
    with pytest.raises(BadInput, match=r"8 edits missing: 00001-sad\.png, 00003-neutral\.png"):
        survey(folder, 4, SIZE, partial=False)
    (folder / "00002-sad.png").unlink()
    (folder / "00000-sad.png").unlink()
    with pytest.raises(BadInput, match="no image has an edit to every emotion"):
        survey(folder, 3, SIZE, partial=True)


def test_other_sizes_are_resized_on_demand(folder):
    Image.fromarray(picture(size=24)).save(folder / "00001-angry.png")
    found = survey(folder, 3, SIZE, resize=True)
    assert found.sizes == (24,)
    assert found.notes == ["edits of 24 px were resized to 12 px"]
    resized = at_size(read_picture(folder / "00001-angry.png"), SIZE)
    assert resized.shape == (SIZE, SIZE, 3)
    flat = at_size(np.full((24, 24, 3), 77, np.uint8), SIZE)
    assert (flat == 77).all()
    Image.fromarray(picture(size=24)[:20]).save(folder / "00001-angry.png")
    with pytest.raises(BadInput, match=r"1 edit of another size: 00001-angry\.png \(24 x 20\)"):
        survey(folder, 3, SIZE, resize=True)


def test_a_folder_without_edits_is_an_error(tmp_path):
    with pytest.raises(BadInput, match=r"called 00000-neutral\.png and so on"):
        survey(tmp_path, 3, SIZE)
    with pytest.raises(BadInput, match="no folder of edits"):
        survey(tmp_path / "none", 3, SIZE)
