"""Where the images of a training come from changes no bit, and "auto" takes the fast place."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from conftest import TinyFaces
from run_folders import assert_same, outcome
from toys import photograph

from ganbench.cli.train import PLACES
from ganbench.config import parse_assignments
from ganbench.data import decoded, load_dataset
from ganbench.data.rows import RowFiles as TableFiles
from ganbench.errors import BadInput
from ganbench.storage.rows_file import RowsFile
from ganbench.training import images as places
from ganbench.training.batches import Batches
from ganbench.training.images import CHOICES, OnDevice, choose, to_float
from ganbench.training.session import prepare

CPU = torch.device("cpu")
ON_A_CPU = [place for place in CHOICES if place != "device"]


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    photograph(tmp_path / "data" / "train", each=4, size=(20, 17), ending=".jpg")
    return tmp_path / "data"


def opened(root, keep=False, size=16):
    return load_dataset("folder", "train", root=root, size=size, keep=keep)


# -- the same bits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [False, True])
def test_all_places_give_the_images_of_the_data_set(root, keep):
    data = opened(root, keep)
    rows = [np.array([3, 0, 27]), np.array([5, 5, 1])]
    everything = torch.from_numpy(decoded.pixels_of(data, np.arange(28)))
    found = [choose(place, data, CPU, 10**6) for place in ON_A_CPU]
    for images in (*found, OnDevice(data, everything)):
        got = [images.land(one, CPU) for one in images.serve(iter(rows))]
        assert len(got) == 2
        for mine, chosen in zip(got, rows, strict=True):
            assert mine.dtype == torch.float32
            assert torch.equal(mine, data.images(chosen)), images.where


def test_bytes_become_the_floats_that_numpy_rounds_once():
    pixels = torch.arange(256, dtype=torch.uint8)
    exact = (np.arange(256, dtype=np.float64) / 255).astype(np.float32)
    assert to_float(pixels).numpy().tobytes() == exact.tobytes()
    floats = torch.rand(3)
    assert to_float(floats) is floats


@pytest.mark.parametrize("name", ["stargan", "judge"])
def test_a_training_has_the_same_bits_from_all_places(name, root, tmp_path, tiny_recipe):
    results = {}
    for place in ON_A_CPU:
        run = begin(name, tiny_recipe, opened(root), tmp_path / place)
        run.start(place)
        run.run()
        results[place] = outcome(tmp_path / place)
        card = json.loads((tmp_path / place / "recipe.json").read_text())
        assert card["images"] == {"auto": "memory"}.get(place, place)
    for place in ON_A_CPU[1:]:
        assert_same(results["auto"], results[place], place)


def test_a_run_resumes_to_the_bit_from_another_place(root, tmp_path, tiny_recipe):
    often = "checkpoint_every=1"
    whole = begin("stargan", tiny_recipe, opened(root), tmp_path / "whole", often)
    whole.start()
    whole.run()
    folder = tmp_path / "parts"
    for place, until in (("memory", 1), ("files", 2), ("disk", 4), ("memory", None)):
        run = begin("stargan", tiny_recipe, opened(root, keep=place == "memory"), folder, often)
        if until == 1:
            run.start(place)
        else:
            run.resume(place=place)
        run.run(until=until)
    assert_same(outcome(tmp_path / "whole"), outcome(folder))


def begin(name, recipe, data, folder, *assignments):
    session = prepare(name, recipe, parse_assignments(assignments), device="cpu")
    return session.run(data, folder, "ganbench train")


def test_files_draw_no_random_numbers(root):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    for _ in choose("files", opened(root), CPU, 1).serve(iter([np.array([1])])):
        pass
    assert torch.equal(torch.get_rng_state(), before)


def test_a_picture_that_cannot_be_decoded_ends_the_training_in_one_line(root):
    data = opened(root)
    path = root / data.paths[9]
    path.write_bytes(path.read_bytes()[:200] + b"\xff\xd9")
    for place in ("files", "disk"):
        with pytest.raises(BadInput, match=r"^'.*' cannot be decoded: .*; mend or remove it$"):
            list(choose(place, data, CPU, 1).serve(iter([np.array([9])])))


def test_the_disk_reads_ahead(root, monkeypatch):
    """The rows of a batch are asked for before those of the batches ahead of it are read."""
    images = choose("disk", opened(root), CPU, 10**6)
    monkeypatch.setattr(places, "READ_AHEAD", 2)
    told = []
    need, take = RowsFile.will_need, RowsFile.take

    def noted_need(file, indices):
        told.append(("need", *indices.tolist()))
        need(file, indices)

    def noted_take(file, indices, out):
        told.append(("take", *indices.tolist()))
        return take(file, indices, out)

    monkeypatch.setattr(RowsFile, "will_need", noted_need)
    monkeypatch.setattr(RowsFile, "take", noted_take)
    assert len(list(images.serve(np.array([k]) for k in range(4)))) == 4
    ahead = [("need", 0), ("need", 1), ("need", 2)]
    rest = [("take", 0), ("need", 3), ("take", 1), ("take", 2), ("take", 3)]
    assert told == ahead + rest


def test_a_damaged_row_is_decoded_again(root):
    data = opened(root)
    path = decoded.ensure(data).path
    with path.open("r+b") as file:
        file.seek(5 * 768)
        file.write(bytes(768))
    for place in ("disk", "memory"):
        images = choose(place, data, CPU, 10**6)
        rows = np.array([4, 5, 6])
        assert torch.equal(images.land(images.fetch(rows), CPU), data.images(rows))


# -- what "auto" takes ------------------------------------------------------------------------------


@pytest.fixture
def room(monkeypatch):
    """``room(memory)`` -> sets the free memory, in images of 768 bytes."""

    def give(images):
        monkeypatch.setattr(places, "free_memory", lambda: images * 768)

    give(10**6)
    return give


def auto(data, wanted=10**6):
    return choose("auto", data, CPU, wanted)


def pictures(tmp_path):
    return list((tmp_path / "cache" / "pictures").glob("*.rows"))


def test_a_small_data_set_is_used_as_it_was_opened(root, room, tmp_path):
    data = opened(root, keep=True)
    images = auto(data)
    assert images.where == "memory"
    assert "decoded when they were opened" in str(images)
    room(1)
    assert auto(data).where == "memory"
    assert pictures(tmp_path) == []


def test_a_large_one_is_decoded_once_and_kept_where_it_fits(root, room, tmp_path, monkeypatch):
    data = opened(root)
    room(56)
    assert auto(data).where == "memory"
    assert len(pictures(tmp_path)) == 1
    room(55)
    monkeypatch.setattr(TableFiles, "image", None)  # nothing is decoded any more
    images = auto(data)
    assert images.where == "disk"
    images.fetch(np.array([1, 2]))


def test_a_short_run_waits_for_no_build_but_uses_what_is_there(root, room, tmp_path):
    data = opened(root)
    images = auto(data, wanted=27)
    assert images.where == "files"
    assert "this run reads 27 of them, fewer than there are" in str(images)
    assert pictures(tmp_path) == []
    decoded.ensure(data)
    assert auto(data, wanted=27).where == "memory"


def test_without_room_in_the_cache(root, room, tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE_LIMIT", "1KB")
    data = opened(root)
    assert auto(data).where == "memory"
    room(55)
    images = auto(data)
    assert images.where == "files"
    assert "exceed the limit of the cache of 1.0 KB" in str(images)
    assert pictures(tmp_path) == []
    with pytest.raises(BadInput, match="raise GANBENCH_CACHE_LIMIT"):
        choose("disk", data, CPU, 10**6)


def test_processes_of_one_machine_share_its_memory(root, room, monkeypatch):
    data = opened(root)
    room(2 * 56)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert auto(data).where == "memory"
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert auto(data).where == "disk"


def test_what_cannot_be(root, room):
    data = opened(root)
    room(27)
    with pytest.raises(
        BadInput, match=r"21\.5 KB of pixels do not fit into 20\.7 KB of free memory; .*disk"
    ):
        choose("memory", data, CPU, 1)
    with pytest.raises(BadInput, match="a CPU has no memory of its own"):
        choose("device", data, CPU, 1)
    with pytest.raises(BadInput, match=r"'ram'.*auto, device, disk, files, memory"):
        choose("ram", data, CPU, 1)


def test_floats_stay_floats():
    """The images of a plug-in's data set may have more bits than a byte holds."""
    data = TinyFaces()
    images = choose("auto", data, CPU, 10**6)
    assert images.where == "files"
    rows = np.array([2, 0])
    assert torch.equal(images.land(images.fetch(rows), CPU), data.images(rows))
    for place in ("disk", "memory", "device"):
        with pytest.raises(
            BadInput, match=f"images of tiny are not 8-bit pixels.*--images {place}"
        ):
            choose(place, data, CPU, 1)


# -- waiting ----------------------------------------------------------------------------------------


def test_the_log_tells_the_share_of_waiting(root, tmp_path, tiny_recipe):
    data = opened(root, keep=True)
    rare = ("log_every=6", "checkpoint_every=6", "sample_every=6")
    run = begin("stargan", tiny_recipe, data, tmp_path / "run", *rare)
    run.start("memory")
    fetch = run._batches.images.fetch

    def slow(rows):
        time.sleep(0.5)
        return fetch(rows)

    run._batches.images.fetch = slow
    run.run()
    (line,) = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert line["waited"] * line["seconds"] == pytest.approx(6 * 0.5, rel=0.25)


def test_the_next_batch_is_prepared_beside_the_step(root, tiny_recipe, tmp_path):
    run = begin("stargan", tiny_recipe, opened(root, keep=True), tmp_path / "run")
    images = choose("memory", run.dataset, CPU, 1)
    fetch = images.fetch

    def slow(rows):
        time.sleep(0.1)
        return fetch(rows)

    images.fetch = slow
    batches = Batches(run.trainer, images, run.labels, 0)
    for _ in batches.between(0, 5):
        time.sleep(0.3)
    assert 0.1 <= batches.time_waited() < 0.25  # for the first batch alone
    assert batches.time_waited() == 0


def test_images_are_only_flipped_before_augment_from(root, tiny_recipe, tmp_path):
    only_flips, look = ("augment.rotate=0", "augment.zoom=[1, 1]"), ("augment.brightness=0.3",)

    def batches(name, start, *assignments):
        run = begin("stargan", tiny_recipe, opened(root), tmp_path / name, *assignments)
        made = Batches(run.trainer, choose("memory", run.dataset, CPU, 1), run.labels, 0)
        return [batch.images for batch in made.between(start, 6)]

    flipped, varied = batches("f", 0, *only_flips), batches("v", 0, *look)
    late = (*look, "augment_from=3")
    whole, resumed = batches("l", 0, *late), batches("r", 4, *late)
    for images, expected in zip(
        whole + resumed, flipped[:3] + varied[3:] + varied[4:], strict=True
    ):
        assert torch.equal(images, expected)
    assert not torch.equal(flipped[3], varied[3])


# -- the command ------------------------------------------------------------------------------------

TRAIN = ("-m", "ganbench", "train", "stargan", "--data", "folder", "--device", "cpu")


def test_the_command_prints_its_choice_and_trains_alike(root, tmp_path, tiny_recipe):
    def command(*arguments):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "300"},
            capture_output=True,
            text=True,
            timeout=300,
        )

    for place in ("auto", "disk", "files"):
        done = command(
            *TRAIN,
            "--root",
            root,
            "--recipe",
            tiny_recipe,
            "--images",
            place,
            "--out",
            tmp_path / place,
        )
        assert done.returncode == 0, done.stderr
        where = "memory" if place == "auto" else place
        assert f"images: {where}, 28 of 16 px, 21.5 KB" in done.stderr
        card = json.loads((tmp_path / place / "recipe.json").read_text())
        assert card["images"] == where
        assert_same(outcome(tmp_path / "auto"), outcome(tmp_path / place))
    assert "decoded pictures of folder, train, 16 px" in command("-m", "ganbench", "cache").stdout
    done = command(
        *TRAIN, "--root", root, "--recipe", tiny_recipe, "--images", "device", "--out", "x"
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("ganbench: a CPU has no memory of its own")


def test_the_command_s_choices_are_those_of_trainings():
    assert PLACES == CHOICES


def test_nobody_waits_for_a_build_that_a_refusal_follows(root, tmp_path, tiny_recipe, monkeypatch):
    begin("stargan", tiny_recipe, opened(root, keep=True), tmp_path / "run").start()
    again = begin("stargan", tiny_recipe, opened(root), tmp_path / "run")
    with pytest.raises(BadInput, match="a run is already there"):
        again.start("disk")
    with pytest.raises(BadInput, match="nothing to resume"):
        begin("stargan", tiny_recipe, opened(root), tmp_path / "none").resume(place="disk")
    assert pictures(tmp_path) == []
