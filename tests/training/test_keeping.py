"""What a run keeps and tells: the best checkpoint, the probe, full disks, provenance, curves, events."""

from __future__ import annotations

import json
import os
import sys
import types

import numpy as np
import pytest
import torch
from conftest import TinyFaces
from PIL import Image
from safetensors.torch import load_file

from ganbench import load_dataset
from ganbench.config import parse_assignments
from ganbench.errors import BadInput, Diverged
from ganbench.judges.vgg import load_vgg
from ganbench.methods.locate import shipped
from ganbench.methods.weights import read_header
from ganbench.training import folder as folders
from ganbench.training.probe import find_probe
from ganbench.training.session import prepare


def begin(recipe, folder, *assignments, name="stargan", probe=None, data=None):
    session = prepare(name, recipe, parse_assignments(assignments), device="cpu")
    run = session.run(data or TinyFaces(), folder, "ganbench train")
    run.probe = probe
    return run


def log(folder):
    return folders.read_log(folder)


# -- the probe and the best -------------------------------------------------------------------------


def scripted(values):
    """A probe that returns these values, one after the other."""
    given = iter(values)
    return lambda model: next(given)


def test_the_newest_and_the_best_are_kept(tiny_recipe, tmp_path):
    run = begin(tiny_recipe, tmp_path, "checkpoint_every=1", "keep=2", "probe_every=1", "log_every=9",
                probe=scripted([0.1, 0.8, 0.3, 0.8, 0.2, 0.4]))  # fmt: skip
    run.start()
    run.run()
    assert [line["probe_accuracy"] for line in log(tmp_path)] == [0.1, 0.8, 0.3, 0.8, 0.2, 0.4]
    kept = [path.name for path in folders.checkpoints(tmp_path)]
    assert kept == ["0000004.safetensors", "0000005.safetensors", "0000006.safetensors"]
    assert folders.best(tmp_path) == (0.8, folders.checkpoint(tmp_path, 4))


def test_without_a_probe_only_the_newest_are_kept(tiny_recipe, tmp_path):
    run = begin(tiny_recipe, tmp_path, "checkpoint_every=1", "keep=2")
    run.start()
    run.run()
    assert len(folders.checkpoints(tmp_path)) == 2
    assert folders.best(tmp_path) is None
    assert all("probe_accuracy" not in line for line in log(tmp_path))


def test_a_probe_that_fails_is_told_once_and_the_training_has_not_learned(tiny_recipe, tmp_path):
    def failing(until):
        looks = iter(range(9))

        def probe(model):
            model.eval()
            if next(looks) < until:
                raise BadInput("not finite: stargan returns NaN; mend it")
            return 0.5

        return probe

    options = ("checkpoint_every=2", "probe_every=2")
    for until, folder in ((2, tmp_path / "a"), (9, tmp_path / "b")):
        run, told = begin(tiny_recipe, folder, *options, probe=failing(until)), []
        run.tell = told.append
        run.start()
        if until == 2:  # the last call succeeds
            assert run.run()
        else:
            with pytest.raises(
                Diverged, match=r"nobody can tell .* learned anything: not finite: st"
            ):
                run.run()
        assert not (folder / "stargan.safetensors").exists() or until == 2
        assert told == ["the probe fails at iteration 2: not finite: stargan returns NaN; mend it"]


def test_the_probe_takes_its_turns(tiny_recipe, tmp_path):
    for every, expected in ((2, [2, 4, 6]), (4, [4, 6]), (0, [])):
        folder = tmp_path / str(every)
        run = begin(
            tiny_recipe, folder, "checkpoint_every=2", f"probe_every={every}", probe=lambda _: 0.5
        )
        run.start()
        run.run()
        assert [line["iteration"] for line in log(folder) if "probe_accuracy" in line] == expected


def test_the_best_survives_a_restart(tiny_recipe, tmp_path):
    options = ("checkpoint_every=1", "keep=1", "probe_every=1")
    run = begin(tiny_recipe, tmp_path, *options, probe=scripted([0.2, 0.9, 0.1]))
    run.start()
    assert run.run(until=3) is None
    run = begin(tiny_recipe, tmp_path, *options, probe=scripted([0.3, 0.3, 0.3]))
    run.resume()
    run.run()
    assert [p.stem for p in folders.checkpoints(tmp_path)] == ["0000002", "0000006"]
    assert folders.best(tmp_path)[0] == 0.9


@pytest.fixture(scope="module")
def faces():
    return load_dataset("faces", "train", size=64, train=14, test=7)


def test_a_probe_leaves_no_trace_in_the_training(tiny_recipe, faces, tmp_path):
    networks = ("network.image_size=64", "network.critic_layers=2", "batch_size=2", "iterations=4")
    outcomes = []
    for every in (0, 1):
        session = prepare(
            "stargan",
            tiny_recipe,
            parse_assignments((*networks, "checkpoint_every=1", f"probe_every={every}")),
            device="cpu",
        )
        run = session.run(faces, tmp_path / str(every), "ganbench train")
        run.start()
        run.run()
        outcomes.append(
            (load_file(tmp_path / str(every) / "stargan.safetensors"), log(tmp_path / str(every)))
        )
    (plain, before), (probed, after) = outcomes
    assert all(torch.equal(plain[key], probed[key]) for key in plain)
    for one, other in zip(before, after, strict=True):
        accuracy = other.pop("probe_accuracy")
        assert accuracy * 7 * 14 == pytest.approx(round(accuracy * 7 * 14))
        for line in (one, other):
            del line["seconds"], line["images_per_second"], line["waited"]
        assert one == other
    card = read_header(tmp_path / "1/stargan.safetensors")["card"]
    assert card["probe"] == {"judge": load_vgg(device="cpu").spec.fingerprint, "faces": 14}
    assert "probe" not in read_header(tmp_path / "0/stargan.safetensors")["card"]


def test_the_probe_counts_what_the_judge_sees(faces, tiny_method):
    """A method that changes nothing is right for faces that already show the target."""
    method = tiny_method("stargan", image_size=64)
    method.translate = lambda x, codes: (x, None)
    probe = find_probe(method, faces, torch.device("cpu"))
    right = load_vgg(device="cpu").judge(faces.images(range(14))).logits.argmax(1)
    assert probe(method.train()) == pytest.approx(1 / 7)
    assert (right.numpy() == faces.labels).all()
    assert method.training
    method.translate = lambda x, codes: (faces.images(codes.argmax(1).tolist()) * 2 - 1, None)
    assert probe(method) == 1.0


def test_there_is_no_probe_where_nobody_could_judge(faces, tiny_method):
    cpu = torch.device("cpu")
    method = tiny_method("stargan", image_size=64)
    assert find_probe(method, faces, cpu) is not None
    assert find_probe(method, TinyFaces(), cpu) is None  # other data
    assert find_probe(load_vgg(device="cpu").model, faces, cpu) is None  # the judge itself
    assert find_probe(method, load_dataset("faces", "test", size=64, train=14, test=7), cpu) is None
    small = load_dataset("faces", "train", size=16, train=7)
    assert find_probe(tiny_method("stargan"), small, cpu) is None  # another size


# -- the log across a stop ----------------------------------------------------------------------------


def test_a_stop_within_a_line_does_not_change_the_log(tiny_recipe, tmp_path):
    options = ("log_every=4", "checkpoint_every=6", "sample_every=6")
    run = begin(tiny_recipe, tmp_path / "straight", *options)
    run.start()
    run.run()
    for stop in (2, 5):
        folder = tmp_path / str(stop)
        run = begin(tiny_recipe, folder, *options)
        run.start()
        assert run.run(until=stop) is None
        assert [line["iteration"] for line in log(folder)] == [i for i in (4,) if i <= stop]
        run = begin(tiny_recipe, folder, *options)
        run.resume()
        run.run()
        lines = [log(tmp_path / "straight"), log(folder)]
        for line in (line for part in lines for line in part):
            assert line.pop("images_per_second") > 0
            assert 0 <= line.pop("waited") <= 1
            del line["seconds"]
        assert lines[0] == lines[1]
        assert [p.name for p in (folder / "samples").iterdir()] == ["0000006.png"]


# -- folders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["log.jsonl", "samples", "checkpoints"])
def test_what_cannot_be_written_is_named(place, tiny_recipe, tmp_path):
    run = begin(tiny_recipe, tmp_path)
    run.start()
    path = tmp_path / place
    path.unlink() if path.is_file() else path.rmdir()
    if place == "log.jsonl":
        path.mkdir()
    with pytest.raises(BadInput, match=r"cannot write .*; make room and add --resume"):
        run.run()
    assert torch.load(tmp_path / "state.pt", weights_only=True)["iteration"] == 0


def test_a_run_explains_itself_without_paths(tiny_recipe, tmp_path):
    begin(tiny_recipe, tmp_path / "run").start()
    text = (tmp_path / "run/recipe.json").read_text()
    card = json.loads(text)
    assert card["versions"].keys() == {"ganbench", "torch", "numpy", "python"}
    assert card["machine"]["device"] == "cpu"
    assert card["recipe_name"] == "tiny.toml"
    assert card["recipe"]["keep"] == 3
    for path in (str(tmp_path), str(shipped("judge").parent), os.path.expanduser("~") + "/"):
        assert path not in text


# -- curves and events ----------------------------------------------------------------------------------


@pytest.fixture
def run(tiny_recipe, tmp_path):
    run = begin(
        tiny_recipe,
        tmp_path / "run",
        "checkpoint_every=2",
        "probe_every=2",
        probe=scripted([0.2, 0.6, 0.4]),
    )
    run.start()
    run.run()
    return tmp_path / "run"


def test_curves_are_drawn(call, run, tmp_path):
    code, out, _ = call("plot", run)
    assert (code, out) == (0, f"{run}/curves.png\n")
    with Image.open(run / "curves.png") as image:
        assert len(np.unique(np.asarray(image.convert("L")))) > 20
    first = (run / "curves.png").read_bytes()
    call("plot", run, "--out", "again.png")
    assert (tmp_path / "again.png").read_bytes() == first
    assert call("plot", run, "--out", "a.pdf")[0] == 0
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_curves_show_what_was_logged(run):
    from ganbench.figures.curves import draw

    lines = log(run)
    figure = draw(lines, "title", 1)
    panels = {
        axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_title(loc="left")
    }
    scalars = {key for line in lines for key in line} - {
        "iteration",
        "seconds",
        "images_per_second",
        "waited",
    }
    assert panels.keys() == {name.replace("_", " ") for name in scalars}
    drawn = panels["d real"].lines[1].get_xydata().tolist()
    assert drawn == [[line["iteration"], line["d_real"]] for line in lines if "d_real" in line]
    assert [t.get_text() for t in panels["probe accuracy"].texts] == ["best: 60.0% at 4"]


def test_what_cannot_be_plotted(call, run, tmp_path):
    for arguments, message in (
        (("nowhere",), "no log.jsonl in: nowhere"),
        ((run, "--out", "a.jpg"), "name it a.pdf"),
    ):
        code, _, err = call("plot", *arguments)
        assert (code, err.count("\n")) == (2, 1)
        assert message in err
    (run / "log.jsonl").write_text("")
    assert "the log has no lines yet" in call("plot", run)[2]
    (run / "recipe.json").write_text("{")
    assert "cannot read recipe.json" in call("plot", run)[2]


TRAIN = (
    "train",
    "stargan",
    "--data",
    "faces:train=14",
    "--device",
    "cpu",
    "--out",
    "run",
    "--tensorboard",
)


def test_tensorboard_missing_is_one_line(call, tiny_recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    code, _, err = call(*TRAIN, "--recipe", tiny_recipe)
    assert (code, err.count("\n")) == (2, 1)
    assert "pip install 'ganbench[tensorboard]'" in err
    assert not (tmp_path / "run").exists()


def test_each_log_line_becomes_events(call, tiny_recipe, tmp_path, monkeypatch):
    events, begun = {}, []

    class SummaryWriter:
        """Stands in for torch's SummaryWriter."""

        def __init__(self, log_dir, purge_step=None):
            begun.append((log_dir, purge_step))

        def add_scalar(self, tag, value, step):
            events[tag, step] = value

        def close(self):
            begun.append("closed")

    monkeypatch.setitem(
        sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=SummaryWriter)
    )
    assert call(*TRAIN, "--recipe", tiny_recipe, "--set", "iterations=3")[0] == 0
    assert call(*TRAIN, "--recipe", tiny_recipe, "--resume")[0] == 0
    assert begun == [("run/events", None), "closed", ("run/events", 4), "closed"]
    logged = {(k, line["iteration"]): v for line in log(tmp_path / "run") for k, v in line.items()
              if k not in ("iteration", "seconds")}  # fmt: skip
    assert events == logged


def test_real_events_are_read_back(call, tiny_recipe, tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert call(*TRAIN, "--recipe", tiny_recipe)[0] == 0
    found = reading.EventAccumulator(str(tmp_path / "run/events")).Reload()
    for key in ("d_real", "g_fake"):
        expected = {line["iteration"]: line[key] for line in log(tmp_path / "run") if key in line}
        assert {e.step: e.value for e in found.Scalars(key)} == pytest.approx(expected)
