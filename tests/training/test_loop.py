"""Runs: what they write, how they stop, and that a resumed run equals one that never stopped."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from run_folders import assert_same, log, state
from safetensors.torch import load_file

import ganbench
from ganbench.config import parse_assignments
from ganbench.errors import BadInput, Diverged
from ganbench.methods.weights import read_header
from ganbench.training.batches import shuffled
from ganbench.training.recipe import Recipe
from ganbench.training.session import prepare

NAMES = ["stargan", "linear", "gaussian", "ganimation", "judge"]


@pytest.fixture
def begin(tiny_faces, tiny_recipe):
    """``begin(name, folder, *assignments)``: a fresh run, not yet started."""

    def make(name, folder, *assignments, data=None, seed=0, watch=lambda _: None):
        plan = prepare(name, tiny_recipe, parse_assignments(assignments), seed=seed, device="cpu")
        return plan.run(data or tiny_faces(), folder, "ganbench train", watch)

    return make


@pytest.fixture
def whole(begin):
    """``whole(name, folder, ...)``: a run from start to end."""

    def make(name, folder, *assignments, **options):
        run = begin(name, folder, *assignments, **options)
        run.start()
        run.run()
        return run

    return make


def interrupt_at(iteration: int):
    """Presses Ctrl-C before that iteration's step, so that it is the last."""

    def watch(progress):
        if progress.iteration == iteration - 1:
            os.kill(os.getpid(), signal.SIGINT)

    return watch


def crash_at(iteration: int):
    """Dies when that iteration is logged."""

    def watch(progress):
        if progress.iteration == iteration:
            raise MemoryError

    return watch


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


# -- resuming -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_run_is_the_run_that_never_stopped(begin, whole, tmp_path, name):
    straight, halted = tmp_path / "straight", tmp_path / "halted"
    whole(name, straight)
    # Iteration 4 lies between two checkpoints.
    first = begin(name, halted, watch=interrupt_at(4))
    first.start()
    assert first.run() is None
    assert first.done == 4
    assert not (halted / f"{name}.safetensors").exists()
    second = begin(name, halted)
    second.resume()
    assert second.done == 4
    assert second.run() == halted / f"{name}.safetensors"

    assert_same(load_file(straight / f"{name}.safetensors"), load_file(halted / f"{name}.safetensors"))  # fmt: skip
    assert_same(state(straight)["trainer"], state(halted)["trainer"])
    assert state(halted)["iteration"] == 6
    assert log(straight) == log(halted)
    assert [line["iteration"] for line in log(halted)] == [1, 2, 3, 4, 5, 6]
    assert state(halted)["trainer"]["networks"].keys() >= {"model", "ema"}


def test_a_crashed_run_goes_on_from_its_last_checkpoint(begin, whole, tmp_path):
    straight, crashed = tmp_path / "straight", tmp_path / "crashed"
    whole("stargan", straight)
    run = begin("stargan", crashed, watch=crash_at(5))
    run.start()
    with pytest.raises(MemoryError):
        run.run()
    assert [line["iteration"] for line in log(crashed)] == [1, 2, 3, 4, 5]
    with (crashed / "log.jsonl").open("a") as file:
        file.write('{"iteration": 6, "seco')
    run = begin("stargan", crashed)
    run.resume()
    assert run.done == 3
    assert [line["iteration"] for line in log(crashed)] == [1, 2, 3]
    run.run()
    assert_same(state(straight)["trainer"], state(crashed)["trainer"])
    assert log(straight) == log(crashed)


@pytest.mark.parametrize("stop", [2, 3])
def test_a_run_stopped_in_its_warm_up(begin, whole, tmp_path, stop):
    straight, halted = tmp_path / "straight", tmp_path / "halted"
    options = ("warmup_iterations=3", "warmup_learning_rate=1e-2")
    whole("linear", straight, *options)
    run = begin("linear", halted, *options, watch=interrupt_at(stop))
    run.start()
    assert run.run() is None
    run = begin("linear", halted, *options)
    run.resume()
    run.run()
    assert_same(state(straight)["trainer"], state(halted)["trainer"])
    assert log(straight) == log(halted)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"assignments": ("lambda_rec=3",)}, "recipe"),
        ({"assignments": ("augment.flip=0.25",)}, "recipe"),
        ({"assignments": ("network.width=6",)}, "network"),
        ({"seed": 1}, "seed"),
        ({"n": 14}, "data"),
    ],
)
def test_another_recipe_is_refused(begin, whole, tiny_faces, tmp_path, change, what):
    whole("stargan", tmp_path, "iterations=2")
    before = (tmp_path / "recipe.json").read_text()
    other = begin(
        "stargan",
        tmp_path,
        "iterations=2",
        *change.get("assignments", ()),
        data=tiny_faces(change.get("n", 21)),
        seed=change.get("seed", 0),
    )
    with pytest.raises(BadInput, match=f"cannot resume: {what}.* was .*, now ") as error:
        other.resume()
    assert "\n" not in str(error.value)
    assert (tmp_path / "recipe.json").read_text() == before


def test_a_run_begun_before_an_option_was_there_goes_on(begin, tmp_path):
    begun = begin("stargan", tmp_path, "iterations=4")
    begun.start()
    begun.run(until=2)
    card = json.loads((tmp_path / "recipe.json").read_text())
    del card["recipe"]["lambda_source"], card["network"]["output"]
    (tmp_path / "recipe.json").write_text(json.dumps(card))
    later = begin("stargan", tmp_path, "iterations=4")
    later.resume()
    assert later.done == 2
    other = begin("stargan", tmp_path, "iterations=4", "lambda_source=0.5")
    with pytest.raises(BadInput, match=r"recipe lambda_source was 0\.0, now 0\.5"):
        other.resume()


def test_another_method_is_refused(begin, whole, tmp_path):
    whole("stargan", tmp_path, "iterations=2")
    with pytest.raises(BadInput, match="cannot resume: name was"):
        begin("linear", tmp_path, "iterations=2").resume()


def test_nothing_to_resume(begin, tmp_path):
    with pytest.raises(BadInput, match="nothing to resume"):
        begin("stargan", tmp_path / "new").resume()


def test_a_pickle_in_place_of_the_state_is_not_executed(begin, whole, tmp_path):
    whole("stargan", tmp_path, "iterations=2")
    proof = tmp_path / "executed"

    class Payload:
        def __reduce__(self):
            return Path.touch, (proof,)

    torch.save(Payload(), tmp_path / "state.pt")
    with pytest.raises(BadInput, match=r"state\.pt"):
        begin("stargan", tmp_path, "iterations=2").resume()
    assert not proof.exists()


def test_a_run_is_not_overwritten(begin, whole, tmp_path):
    whole("stargan", tmp_path, "iterations=2")
    before = (tmp_path / "log.jsonl").read_text()
    with pytest.raises(BadInput, match=r"a run is already there: .*--resume"):
        begin("stargan", tmp_path).start()
    assert (tmp_path / "log.jsonl").read_text() == before


def test_a_folder_that_cannot_be_made_is_named(begin, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write to"):
        begin("stargan", tmp_path / "file" / "run").start()


# -- what a run leaves ----------------------------------------------------------------------------


def test_the_folder_of_a_run(whole, tmp_path):
    whole("stargan", tmp_path, "sample_every=2", "checkpoint_every=1")
    assert checkpoints(tmp_path) == [f"000000{i}.safetensors" for i in (4, 5, 6)]
    assert sorted(p.name for p in (tmp_path / "samples").iterdir()) == [
        f"000000{i}.png" for i in (2, 4, 6)
    ]
    # Eight faces, each beside its seven edits.
    with Image.open(tmp_path / "samples" / "0000006.png") as grid:
        assert grid.size == (8 * 16, 8 * 16)
        assert grid.mode == "RGB"
        pixels = np.asarray(grid)
    assert len(np.unique(pixels)) > 20
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoints",
        "log.jsonl",
        "recipe.json",
        "samples",
        "stargan.safetensors",
        "state.pt",
    ]


def test_the_first_column_of_a_grid_are_the_faces(whole, tiny_faces, tmp_path):
    whole("gaussian", tmp_path, "iterations=2")
    with Image.open(tmp_path / "samples" / "0000002.png") as grid:
        column = np.asarray(grid)[:, :16]
    faces = tiny_faces().images(range(8)).permute(0, 2, 3, 1).reshape(-1, 16, 3)
    assert np.abs(column - faces.numpy() * 255).max() <= 0.51


def test_a_small_data_set_makes_a_small_grid(whole, tiny_faces, tmp_path):
    whole("stargan", tmp_path, "iterations=2", data=tiny_faces(7))
    with Image.open(tmp_path / "samples" / "0000002.png") as grid:
        assert grid.size == (8 * 16, 7 * 16)


def test_judges_make_no_grids(whole, tmp_path):
    whole("judge", tmp_path)
    assert list((tmp_path / "samples").iterdir()) == []
    assert ganbench.load_judge(checkpoint=tmp_path / "judge.safetensors", device="cpu").spec.name == "vgg"  # fmt: skip


def test_action_units_train_with_grids(whole, tiny_faces, tmp_path):
    run = whole(
        "ganimation", tmp_path, "network.condition='action_units'", data=tiny_faces(units=True)
    )
    assert run.done == 6
    method = ganbench.load_method("ganimation", tmp_path / "ganimation.safetensors", device="cpu")
    assert method.spec.code_dim == 17


def test_the_card_tells_how_it_was_trained(whole, tmp_path):
    whole("linear", tmp_path, seed=5)
    header = read_header(tmp_path / "linear.safetensors")
    card = header["card"]
    assert header["kind"] == "method"
    assert header["name"] == "linear"
    assert header["config"]["width"] == 4
    assert card["seed"] == 5
    assert card["iteration"] == 6
    assert card["command"] == "ganbench train"
    assert card["data"] == {"name": "tiny", "images": 21, "fingerprint": "tiny 21 False"}
    assert card["recipe"]["n_critic"] == 2
    assert card["versions"]["torch"] == torch.__version__
    assert json.loads((tmp_path / "recipe.json").read_text()).items() <= card.items()


def test_log_lines_are_means_since_the_last(whole, tmp_path):
    whole("stargan", tmp_path / "each", "log_every=1")
    whole("stargan", tmp_path / "some", "log_every=4")
    each, some = log(tmp_path / "each"), log(tmp_path / "some")
    # The checkpoint after step 3 also ends a line.
    assert [line["iteration"] for line in some] == [3, 4, 6]
    for line, window in zip(some, (each[:3], each[3:4], each[4:]), strict=True):
        for key in set(line) - {"iteration"}:
            values = [entry[key] for entry in window if key in entry]
            assert line[key] == pytest.approx(np.mean(values), rel=1e-5), key


def test_the_watcher_sees_every_log_line(whole, tmp_path):
    seen = []
    whole("stargan", tmp_path, "log_every=2", watch=seen.append)
    assert [(p.iteration, p.total) for p in seen] == [(2, 6), (3, 6), (4, 6), (6, 6)]
    assert all(p.images_per_second > 0 for p in seen)
    assert {"d_real", "g_fake"} <= seen[-1].values.keys()


def test_the_same_seed_gives_the_same_run(whole, tmp_path):
    runs = [("a", 0), ("b", 0), ("c", 1)]
    for folder, seed in runs:
        torch.rand(3)  # the global generator has no effect
        whole("linear", tmp_path / folder, seed=seed)
    a, b, c = (load_file(tmp_path / folder / "linear.safetensors") for folder, _ in runs)
    assert_same(a, b)
    assert not torch.equal(a["axes.weight"], c["axes.weight"])


def test_signals_are_given_back(whole, tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    whole("stargan", tmp_path, "iterations=2")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


# -- divergence -----------------------------------------------------------------------------------


def poisoned(run, at: int, poison) -> None:
    """Calls ``poison(trainer)`` before iteration ``at``, counted from 0."""
    update = run.trainer.update

    def wrapped(kind, batch, random):
        if run.done == at:
            poison(run.trainer)
        return update(kind, batch, random)

    run.trainer.update = wrapped


def break_critic(trainer) -> None:
    with torch.no_grad():
        trainer.discriminator.conv1.weight.fill_(math.nan)


def break_generator(trainer) -> None:
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(math.inf)


def all_finite(tensors) -> bool:
    if isinstance(tensors, dict | list):
        return all(map(all_finite, tensors.values() if isinstance(tensors, dict) else tensors))
    return not isinstance(tensors, torch.Tensor) or bool(torch.isfinite(tensors).all())


@pytest.mark.parametrize("poison", [break_critic, break_generator])
def test_a_nan_stops_the_run_and_keeps_the_last_checkpoint(begin, tmp_path, poison):
    run = begin("stargan", tmp_path, "checkpoint_every=2", "iterations=20")
    poisoned(run, 4, poison)
    run.start()
    with pytest.raises(Diverged, match=r"diverged: .* is (nan|-?inf).*iteration 5") as error:
        run.run()
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 1
    assert checkpoints(tmp_path) == ["0000002.safetensors", "0000004.safetensors"]
    assert not (tmp_path / "stargan.safetensors").exists()
    last = tmp_path / "checkpoints" / "0000004.safetensors"
    assert all_finite(load_file(last))
    assert ganbench.load_method("stargan", last, device="cpu").card["iteration"] == 4
    kept = state(tmp_path)
    assert kept["iteration"] == 4
    assert all_finite(kept["trainer"])


@pytest.mark.parametrize("poison", [break_critic, break_generator])
def test_a_nan_between_log_lines_does_not_reach_a_checkpoint(begin, tmp_path, poison):
    run = begin("stargan", tmp_path, "checkpoint_every=1", "log_every=100", "iterations=30", "n_critic=30")  # fmt: skip
    poisoned(run, 4, poison)
    run.start()
    with pytest.raises(Diverged):
        run.run()
    assert all_finite(state(tmp_path)["trainer"])
    for name in checkpoints(tmp_path):
        assert all_finite(load_file(tmp_path / "checkpoints" / name))


@pytest.mark.parametrize(
    ("level", "what"), [(30.0, "keeps the input"), (-30.0, "repaints every pixel")]
)
def test_a_saturated_mask_stops_the_run(begin, tmp_path, level, what):
    run = begin("ganimation", tmp_path, "checkpoint_every=2", "iterations=20", "ema_decay=0")

    def shut(trainer):
        def constant(generator, inputs, outputs):
            colours, mask = outputs
            return colours, torch.full_like(mask, level).sigmoid()

        trainer.method.generator.register_forward_hook(constant)

    poisoned(run, 5, shut)
    run.start()
    with pytest.raises(Diverged, match=f"saturated.*{what}.*last good checkpoint: "):
        run.run()
    assert checkpoints(tmp_path) == ["0000002.safetensors", "0000004.safetensors"]
    assert state(tmp_path)["iteration"] == 4


# -- moving average and rates ---------------------------------------------------------------------


def test_moving_average_formula(begin, tmp_path):
    run = begin("stargan", tmp_path, "iterations=9", "ema_decay=0.75")
    trainer = run.trainer
    average = {key: p.detach().double() for key, p in trainer.model.named_parameters()}
    update = trainer.update

    def wrapped(kind, batch, random):
        values = update(kind, batch, random)
        if any(key.startswith("g_") for key in values):
            for key, p in trainer.model.named_parameters():
                average[key] = 0.75 * average[key] + 0.25 * p.detach().double()
        return values

    trainer.update = wrapped
    run.start()
    final = run.run()
    shipped = load_file(final)
    for key, value in average.items():
        torch.testing.assert_close(shipped[key].double(), value, rtol=1e-5, atol=1e-6)
    assert not torch.equal(shipped["generator.main.0.weight"], trainer.model.generator.main[0].weight)  # fmt: skip


def test_without_average_the_generator_itself_is_shipped(whole, tmp_path):
    run = whole("stargan", tmp_path, "ema_decay=0")
    assert_same(load_file(tmp_path / "stargan.safetensors"), run.trainer.model.state_dict())
    assert "ema" not in state(tmp_path)["trainer"]["networks"]


def test_buffers_of_the_average_are_copied(whole, tmp_path):
    run = whole("judge", tmp_path)
    ema, model = run.trainer.ema.state_dict(), run.trainer.model.state_dict()
    assert torch.equal(ema["convolutions.1.running_mean"], model["convolutions.1.running_mean"])
    assert model["convolutions.1.num_batches_tracked"] == 6
    assert not torch.equal(ema["fc1.weight"], model["fc1.weight"])


def test_rates_of_the_paper_s_schedule():
    recipe = Recipe()
    assert recipe.rate(0) == 1
    assert recipe.rate(100_000) == 1
    assert recipe.rate(150_000) == 0.5
    assert recipe.rate(199_999) == pytest.approx(1e-5)


def test_rates_of_the_official_schedule_never_fall():
    recipe = Recipe(schedule="official")
    assert {recipe.rate(i) for i in (0, 100_000, 199_999)} == {1.0}


def test_rates_of_the_warm_up():
    recipe = Recipe(
        iterations=100, decay_iterations=40, learning_rate=1e-3, warmup_iterations=10, warmup_learning_rate=5e-3
    )  # fmt: skip
    assert recipe.rate(0) == pytest.approx(5)
    assert recipe.rate(5) == pytest.approx(3)
    assert recipe.rate(9) == pytest.approx(1.4)
    assert recipe.rate(10) == 1
    assert recipe.rate(60) == 1
    assert recipe.rate(80) == pytest.approx(0.5)
    assert recipe.rate(99) == pytest.approx(1 / 40)


@pytest.mark.parametrize("decay", [0, 1, 7, 50])
def test_short_schedules(decay):
    recipe = Recipe(iterations=7, decay_iterations=decay)
    rates = [recipe.rate(i) for i in range(7)]
    assert rates == sorted(rates, reverse=True)
    assert all(0 < rate <= 1 for rate in rates)


def test_the_warm_up_rate_is_not_for_the_critic(begin, tmp_path):
    trainer = begin("stargan", tmp_path, "warmup_iterations=4", "warmup_learning_rate=1e-2").trainer
    rate = lambda name: trainer.optimizers[name].param_groups[0]["lr"]  # noqa: E731
    trainer.set_rates(0)
    assert rate("g") == pytest.approx(1e-2)
    assert rate("d") == pytest.approx(1e-3)
    moment = torch.ones(3)
    trainer.optimizers["g"].state["weight"] = {"exp_avg": moment}
    trainer.set_rates(3)
    assert moment.all()
    trainer.set_rates(4)  # adversarial training begins: moments of the reconstruction are cleared
    assert trainer.optimizers["g"].state["weight"]["exp_avg"] is moment
    assert not moment.any()
    trainer.set_rates(5)  # one left of six, falling over four
    assert rate("g") == rate("d") == pytest.approx(2.5e-4)


@pytest.mark.parametrize(
    "assignment",
    [
        "iterations=0", "batch_size=0", "log_every=0", "sample_every=-1", "checkpoint_every=0",
        "ema_decay=1.0", "ema_decay=-0.1", "n_critic=0", "learning_rate=0.0", "learning_rate=-1e-4",
        "beta1=1.0", "beta2=-0.5", "warmup_iterations=-1", "decay_iterations=-3",
        "network.width=0", "network.critic_width=-4", "network.blocks=-1", "network.critic_layers=-1",
        "network.emotions=[]", "augment.flip=2",
    ],
)  # fmt: skip
def test_values_out_of_range_are_named(tiny_recipe, assignment):
    key = assignment.partition("=")[0].rpartition(".")[2]
    with pytest.raises(BadInput, match=rf"\b{key}\b"):
        prepare("stargan", tiny_recipe, parse_assignments([assignment]), device="cpu")


def test_images_of_emotions_that_the_network_lacks_are_left_out_and_counted(begin, tmp_path):
    run = begin("stargan", tmp_path, "network.emotions=['happy', 'neutral']")
    assert run.dataset.left_out == ", ".join(
        f"3 of label {name}" for name in ("sad", "surprised", "fearful", "disgusted", "angry")
    )
    assert run.card["data"]["images"] == len(run.dataset) == 6
    assert run.labels.tolist() == [1, 0, 1, 0, 1, 0]  # neutral, happy, ... by name


# -- data order and random numbers ----------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5))
def test_each_epoch_holds_every_image_once(n, count, seed):
    steps = math.ceil(3 * n / count)
    stream = np.concatenate([shuffled(n, count, i, seed) for i in range(steps)])
    assert len(stream) == steps * count
    for epoch in range(len(stream) // n):
        assert sorted(stream[epoch * n : (epoch + 1) * n].tolist()) == list(range(n))


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {
        tuple(shuffled(30, 30, epoch, seed).tolist()) for epoch in range(5) for seed in range(5)
    }
    assert len(orders) == 25
    assert tuple(range(30)) not in orders


def test_any_batch_can_be_asked_for_alone():
    stream = np.concatenate([shuffled(10, 4, i, 0) for i in range(20)])
    for i in (19, 3, 11):
        assert shuffled(10, 4, i, 0).tolist() == stream[4 * i : 4 * i + 4].tolist()


def test_preparing_leaves_the_global_generator_alone(tiny_recipe):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    a = prepare("stargan", tiny_recipe, device="cpu", seed=0).trainer
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(2)
    b = prepare("stargan", tiny_recipe, device="cpu", seed=0).trainer
    c = prepare("stargan", tiny_recipe, device="cpu", seed=1).trainer
    assert_same(a.state_dict(), b.state_dict())
    assert not torch.equal(a.model.generator.main[0].weight, c.model.generator.main[0].weight)
    assert_same(a.model.state_dict(), a.ema.state_dict())
