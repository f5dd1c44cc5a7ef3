from __future__ import annotations

import csv
import dataclasses
import hashlib
import sys
import threading
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganbench.data.faces import (
    Face,
    FacesConfig,
    build,
    draw,
    ensure_built,
    render,
    render_many,
    sample_face,
    split_faces,
)
from ganbench.data.faces.expressions import action_units
from ganbench.data.faces.head import load_head
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput

GOLDEN = Path(__file__).parent.parent / "golden" / "faces_32.npz"
SMALL = FacesConfig(train=14, test=9, size=32, seed=3)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with open(folder / table, newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(SMALL, tmp_path_factory.mktemp("faces") / "small", workers=1)


@pytest.fixture(scope="module")
def people() -> list[Face]:
    return [sample_face(1, "test", i, EMOTIONS[i % 7]) for i in range(14)]


def test_bytes_do_not_depend_on_the_number_of_workers(built: Path, tmp_path: Path) -> None:
    again = build(SMALL, tmp_path / "again", workers=3)
    assert digests(again) == digests(built)


def test_another_seed_gives_other_people(built: Path) -> None:
    face, other = sample_face(3, "train", 0, "happy"), sample_face(4, "train", 0, "happy")
    assert face.traits != other.traits


def test_layout_and_balanced_labels(built: Path) -> None:
    for table, count in (("training.csv", 14), ("validation.csv", 9)):
        table_rows = rows(built, table)
        assert [int(row["expression"]) for row in table_rows] == [i % 7 for i in range(count)]
        for row in table_rows:
            image = np.asarray(Image.open(built / "images" / row["subDirectory_filePath"]))
            regions = np.asarray(Image.open(built / "regions" / row["regions_filePath"]))
            assert image.shape == (32, 32, 3)
            assert regions.shape == (32, 32)
            assert set(np.unique(regions)) <= {0, 1, 2, 3, 4}


def test_row_restores_the_face_and_its_bytes(built: Path) -> None:
    for i, row in enumerate(rows(built, "training.csv")):
        face = Face.from_row(row)
        assert face == sample_face(3, "train", i, EMOTIONS[i % 7])
        stored = np.asarray(Image.open(built / "images" / row["subDirectory_filePath"]))
        np.testing.assert_array_equal(render(face, 32).image, stored)


def test_truth_columns_agree_with_the_face(built: Path) -> None:
    row = rows(built, "validation.csv")[1]
    face = Face.from_row(row)
    assert {n: float(row[f"unit_{n}"]) for n in load_head().units} == face.units
    assert float(row["AU12_r"]) > 1.0  # index 1 is happy: a smile
    assert float(row["yaw"]) == face.yaw


def test_identities_of_the_splits_are_disjoint(built: Path) -> None:
    train, test = (rows(built, name) for name in ("training.csv", "validation.csv"))
    people = [row["person"] for row in train + test]
    assert len(set(people)) == len(people)
    shapes = [Face.from_row(row).traits for row in train + test]
    assert len(set(shapes)) == len(shapes)


@pytest.mark.parametrize("size", [48, 64])
def test_true_edit_keeps_the_background_and_moves_the_mouth(people: list[Face], size: int) -> None:
    for face in people:
        before, after = render(face, size), render(face.with_emotion("surprised", 1.2), size)
        outside = (before.regions == 0) & (after.regions == 0)
        np.testing.assert_array_equal(before.image[outside], after.image[outside])
        if face.emotion != "surprised":
            mouth = (before.regions == 4) | (after.regions == 4)
            change = np.abs(before.image[mouth].astype(int) - after.image[mouth])
            assert change.mean() > 5


def test_true_edit_changes_the_expression_alone(people: list[Face]) -> None:
    edited = people[0].with_emotion("anger")
    assert edited.emotion == "angry"
    back = dataclasses.replace(
        edited, emotion="neutral", intensity=0.0, expression=people[0].expression
    )
    assert back == people[0]
    assert people[3].with_emotion("neutral").expression == (0.0,) * 52


def test_regions_cover_eyes_and_mouth_and_leave_background(people: list[Face]) -> None:
    _, regions = render_many(people, 64)
    share = np.stack([(regions == code).mean((1, 2)) for code in range(5)])
    assert share[0].min() > 0.02
    assert share[2].min() > 0.1
    assert share[3].min() > 0.06
    assert share[4].min() > 0.03
    # the whole mouth is in the picture
    border = np.concatenate([regions[:, 0], regions[:, -1]], axis=1)
    assert not (border == 4).any()
    # a mouth opens inside its region: what surprise darkens most is labelled mouth
    face = people[0]
    calm, open_ = render(face, 64), render(face.with_emotion("surprised"), 64)
    change = np.abs(calm.image.astype(int) - open_.image).sum(2)
    assert change[open_.regions == 4].mean() > 3 * change[open_.regions == 2].mean()


def test_render_many_equals_render_in_any_number_of_threads(people: list[Face]) -> None:
    one, two = render_many(people, 40, workers=1), render_many(people, 40, workers=4)
    for i, face in enumerate(people):
        single = render(face, 40)
        for batch in (one, two):
            np.testing.assert_array_equal(batch[0][i], single.image)
            np.testing.assert_array_equal(batch[1][i], single.regions)


def test_threads_hardly_wait_for_each_other(people: list[Face]) -> None:
    """A picture consists of compiled steps that release the lock of the interpreter, and little else."""
    for step in (draw.settle, draw.express, draw.picture):
        assert step.targetoptions["nogil"]  # type: ignore[attr-defined]
    render(people[1], 32)
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        render(people[1], 32)
    finally:
        sys.setprofile(None)
    # There were 310 calls when Python ran between the compiled parts, and 16 cores were as fast as two.
    assert calls < 160


def test_intensity_scales_the_action_units(people: list[Face]) -> None:
    half = action_units(people[0].with_emotion("happy", 0.5).units)
    full = action_units(people[0].with_emotion("happy", 1.0).units)
    assert 0 < half["AU12_r"] < full["AU12_r"] <= 5
    assert action_units(dict.fromkeys(load_head().units, 0.0)) == dict.fromkeys(full, 0.0)


def test_ensure_built_builds_once_also_in_a_race(tmp_path: Path) -> None:
    config = FacesConfig(train=7, test=7, size=16)
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(ensure_built(config, tmp_path)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert [p.name for p in tmp_path.iterdir()] == [found[0].name]
    calls: list[tuple[int, int]] = []
    assert ensure_built(config, tmp_path, lambda *step: calls.append(step)) == found[0]
    assert calls == []
    assert ensure_built(dataclasses.replace(config, seed=9), tmp_path) != found[0]


def test_progress_counts_every_picture(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    config = FacesConfig(train=7, test=7, size=16)
    folder = build(config, tmp_path / "out", lambda *step: calls.append(step))
    assert calls == [(i, 14) for i in range(1, 15)]
    assert len(list((folder / "images" / "train").glob("*.png"))) == 7


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(FacesConfig(train=7, test=7, size=16), tmp_path / "out", stop)
    assert list(tmp_path.iterdir()) == []


def test_head_is_the_licensed_one() -> None:
    text = resources.files("ganbench.data.faces").joinpath("HEAD_LICENSE.md").read_text()
    assert f"`{load_head().sha256}`" in text
    assert len(load_head().units) == 52


@pytest.mark.parametrize(
    "options",
    [{"train": 6}, {"test": 0}, {"size": 15}, {"size": 1025}, {"seed": -1}],
)
def test_bad_configurations_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(BadInput, match=";"):
        FacesConfig(**options)  # type: ignore[arg-type]


def test_other_bad_input_is_refused(people: list[Face], built: Path) -> None:
    with pytest.raises(BadInput, match="emotion"):
        people[0].with_emotion("hungry")
    with pytest.raises(BadInput, match="intensity"):
        people[0].with_emotion("happy", 3.0)
    with pytest.raises(BadInput, match="split"):
        sample_face(0, "dev", 0, "happy")
    with pytest.raises(BadInput, match="size"):
        render(people[0], 8)
    with pytest.raises(BadInput, match="empty"):
        build(SMALL, built)
    with pytest.raises(BadInput, match="row"):
        Face.from_row({"face": "{}"})


def test_pictures_look_as_they_did() -> None:
    """Trained networks depend on the pictures; across machines they may differ by rounding only."""
    stored = np.load(GOLDEN)
    faces = list(split_faces(FacesConfig(train=7, test=7, size=32), "train"))
    images, regions = render_many(faces, 32)
    difference = np.abs(images.astype(int) - stored["images"])
    assert difference.mean((1, 2, 3)).max() < 2
    assert (regions != stored["regions"]).mean() < 0.02
