"""Trainings that go wrong without a NaN stop, and tell where the fault began and how to go on."""

from __future__ import annotations

import math
import shlex

import numpy as np
import pytest
import torch
from conftest import NETWORKS, TinyFaces

from ganbench.config import parse_assignments
from ganbench.errors import Diverged
from ganbench.training.augment import Augment
from ganbench.training.limits import Facts, Limit, cross_entropy, penalty, reconstruction
from ganbench.training.recipe import Recipe
from ganbench.training.session import prepare
from ganbench.training.watch import Watch


def watch(limits, lines, **recipe):
    found = Watch(limits, Recipe(**recipe), 7)
    for iteration, values in lines:
        found.add(iteration, values)
    return found


def facts(shares=(0.5, 0.5), deviation=0.3) -> Facts:
    return Facts(np.array(shares), deviation)


# -- what the limits are --------------------------------------------------------------------------


def test_the_values_of_networks_that_ignore_their_input():
    faces = TinyFaces(21)
    found = Facts.of(faces, 8)
    assert found.shares.tolist() == pytest.approx([1 / 7] * 7 + [0])
    assert found.entropy() == pytest.approx(math.log(7))
    middle = np.median(faces.pixels.numpy(), axis=0)
    assert found.deviation == pytest.approx(
        2 * np.abs(faces.pixels.numpy() - middle).mean(), rel=1e-5
    )
    # Resampled pictures are smoother, so the best single picture has a smaller error.
    blurred = Facts.of(faces, 7, Augment(rotate=5.0, zoom=(0.9, 1.1)))
    assert 0.5 * found.deviation < blurred.deviation < 0.9 * found.deviation
    # An unbalanced set is easier to guess; label smoothing makes it harder.
    skewed = facts((0.9, 0.1, 0.0))
    assert skewed.entropy() == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1))
    assert skewed.entropy() < skewed.entropy(0.1) < math.log(3)
    assert facts((0.5, 0.5)).binary_entropy == pytest.approx(2 * math.log(2))
    # If all images are equal, a reconstruction does not tell whether a network learns.
    faces.pixels[:] = faces.pixels[0]
    assert Facts.of(faces, 7).deviation == 0
    assert reconstruction(Facts.of(faces, 7)).idle is None


def test_the_limits_themselves():
    assert penalty().highest == 1000
    assert reconstruction().highest == 1
    assert reconstruction(facts()).idle == 0.3
    assert cross_entropy(7).highest == pytest.approx(math.log(7) + 50)
    assert cross_entropy(7, heads=3).highest == pytest.approx(3 * (math.log(7) + 50))
    assert cross_entropy(7).idle is None


@pytest.mark.parametrize("name", [*NETWORKS, "judge"])
def test_every_loss_that_can_leave_its_range_has_a_limit(name, tmp_path, tiny_recipe):
    """All losses have a limit except critics' scores, styles, and sums that are bounded by others."""
    recipe = tmp_path / "tiny.toml"
    network = {**NETWORKS, "judge": {"image_size": 16, "stages": [1], "widths": [4], "hidden": 8}}[
        name
    ]
    keys = "\n".join(f"{key} = {value}" for key, value in network.items())
    recipe.write_text(f"[{name}]\nbatch_size = 8\n[{name}.network]\n{keys}\n")
    trainer = prepare(name, str(recipe), device="cpu").trainer
    size = trainer.model.config.image_size
    faces = TinyFaces(56)
    faces.pixels = torch.rand(56, 3, size, size)
    limits = trainer.limits(Facts.of(faces, 7))
    chosen = torch.as_tensor(trainer.indices(faces.labels, 0, 0))
    from ganbench.training.batches import Batch

    batch = Batch(faces.pixels[chosen], torch.as_tensor(faces.labels)[chosen])
    values = {}
    for iteration in range(trainer.cycle):
        values |= trainer.step(iteration, batch, torch.Generator().manual_seed(iteration))
    free = {"d_real", "d_fake", "g_fake", "g_strength", "g_mask", "g_mask_back", "g_smooth", "g_sty",
            "g_sty_ref", "g_ds", "g_ds_ref", "g_mask_rec", "g_tv", "accuracy"}  # fmt: skip
    assert values.keys() - free <= limits.keys()
    # The first steps of an untrained network are within the limits.
    assert watch(limits, [(1, {k: float(v) for k, v in values.items()})]).fault() is None


# -- beyond a limit -------------------------------------------------------------------------------


def test_one_odd_step_is_no_fault_and_ten_bad_ones_are():
    limits = {"d_gp": penalty()}
    calm = [(i, {"d_gp": 0.5}) for i in range(1, 21)]
    assert watch(limits, [*calm, (21, {"d_gp": 5000.0})]).fault() is None
    high = [(i, {"d_gp": 1500.0}) for i in range(21, 31)]
    fault = watch(limits, [*calm, *high]).fault()
    assert fault.text == (
        "training diverged: d_gp is 1500, mean of iterations 21 to 30, and its limit 1000 "
        "(a critic that tells nothing apart has 1)"
    )
    assert fault.good == 20
    # A line of many iterations holds their mean.
    assert watch(limits, [(50, {"d_gp": 0.5}), (100, {"d_gp": 1001.0})]).fault().good == 50
    assert watch(limits, [(50, {"d_gp": 0.5}), (100, {"d_gp": 999.0})]).fault() is None


def test_a_fault_begins_where_a_loss_left_its_usual_values():
    lines = [(50, {"d_gp": 0.4}), (100, {"d_gp": 60.0}), (150, {"d_gp": 400.0}), (200, {"d_gp": 1e9})]  # fmt: skip
    assert watch({"d_gp": penalty()}, lines).fault().good == 50
    # One good line between two bad ones does not end the fault.
    lines = [(i, {"d_gp": 1e9 if i % 2 else 0.4}) for i in range(91, 101)]
    assert watch({"d_gp": penalty()}, [(80, {"d_gp": 0.4}), (90, {"d_gp": 0.4}), *lines]).fault().good == 90  # fmt: skip
    # The loss whose fault began first decides, not the one that left its limit first.
    lines = [(50, {"d_gp": 0.4, "g_rec": 0.2}), (100, {"d_gp": 0.4, "g_rec": 0.8}), (150, {"d_gp": 1e9, "g_rec": 0.9})]  # fmt: skip
    both = {"d_gp": penalty(), "g_rec": reconstruction(facts())}
    assert watch(both, lines).fault().good == 50


def test_an_untrained_generator_may_add_anything_for_a_while():
    limits = {"g_rec": reconstruction(facts())}
    lines = [(i, {"g_rec": 1.9}) for i in range(450, 900, 50)]
    assert watch(limits, lines).fault() is None
    fault = watch(limits, [(400, {}), *lines, (900, {"g_rec": 1.9})]).fault()
    assert fault.text.endswith("its limit 1 (a grey picture has at most 1, the best single picture 0.3)")  # fmt: skip
    assert fault.good == 400


# -- nothing learned ------------------------------------------------------------------------------


def test_a_quarter_of_a_run_without_learning_is_a_fault():
    limits = {"d_cls": cross_entropy(7, math.log(7))}
    level = math.log(7) + 0.01
    lines = [(i, {"d_cls": 0.5 if i <= 6000 else level}) for i in range(100, 8001, 100)]
    assert watch(limits, lines, iterations=10_000).fault() is None  # 2,000 of 2,500
    lines += [(i, {"d_cls": level}) for i in range(8100, 8501, 100)]
    fault = watch(limits, lines, iterations=10_000).fault()
    assert fault.text.startswith("training learned nothing: d_cls is 1.956, mean of iterations 6001 to 8500, where")  # fmt: skip
    assert fault.good == 6000
    # The rule is not applied in the first half of a run, in short runs, and to adversarial losses.
    assert watch(limits, lines, iterations=20_000).fault() is None
    short = [(i, {"d_cls": level}) for i in range(100, 801, 100)]
    assert watch(limits, short, iterations=800).fault() is None
    patient = {"loss": cross_entropy(7, math.log(7), patience=400)}
    short = [(i, {"loss": level}) for i in range(100, 801, 100)]
    assert watch(patient, short, iterations=800).fault().good == 0
    assert watch({"d_cls": cross_entropy(7)}, lines, iterations=10_000).fault() is None


def test_edits_at_chance_at_the_end():
    lines = [(500, {"probe_accuracy": 0.6}), (1500, {"probe_accuracy": 0.17}), (2000, {"probe_accuracy": 0.15})]  # fmt: skip
    lines += [(2500, {"probe_accuracy": 0.15})]
    found = watch({}, lines, warmup_iterations=400)
    fault = found.probed(0.15, 245)
    assert fault.text == (
        "training learned nothing: the judge takes 15.0% of the edits for their target at the end; "
        "chance is 14.3%, the limit 21.0%"
    )
    assert fault.good == 500
    assert found.probed(0.22, 245) is None
    assert watch({}, lines, warmup_iterations=600).probed(0.15, 245) is None


# -- whole trainings ------------------------------------------------------------------------------

SHORT = ("sample_every=1000", "log_every=10")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("stargan", ()),
        ("stargan", ("network.output=change", "network.norm=residual")),
        ("stargan", ("lambda_gp=0",)),
        ("linear", ()),
        ("linear", ("penalty=r1",)),
        ("gaussian", ()),
        ("ganimation", ("classification=softmax",)),
        ("judge", ()),
    ],
)
def test_a_rate_of_one_ends_with_a_reason(name, more, tiny_recipe, tiny_faces, tmp_path):
    session = prepare(
        name, tiny_recipe, parse_assignments(("learning_rate=1.0", "iterations=600", "schedule=official", *SHORT, *more)), device="cpu"
    )  # fmt: skip
    run = session.run(tiny_faces(), tmp_path / "run", f"ganbench train {name}")
    run.start()
    with pytest.raises(Diverged, match=r"\(at iteration \d+; ") as error:
        run.run()
    assert error.value.exit_code == 1
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / f"{name}.safetensors").exists()


@pytest.mark.parametrize("name", ["stargan", "linear", "gaussian", "ganimation", "judge"])
def test_a_working_rate_is_left_alone(name, tiny_recipe, tiny_faces, tmp_path):
    session = prepare(name, tiny_recipe, parse_assignments(("iterations=30", *SHORT)), device="cpu")
    run = session.run(tiny_faces(), tmp_path / "run", f"ganbench train {name}")
    run.start()
    assert run.run() is not None


def test_the_way_out_can_be_followed_word_for_word(call, tiny_recipe, tmp_path):
    """The command in the message trains to its end, from the checkpoint before the fault."""
    from toys import photograph

    photograph(tmp_path / "my data" / "train", 2)
    common = ("train", "stargan", "--recipe", tiny_recipe, "--data", "folder", "--root", "my data",
              "--device", "cpu", "--set", "sample_every=1000", "--set", "schedule=official")  # fmt: skip
    run = ("--out", "run", "--set", "checkpoint_every=10", "--set", "keep=9")
    assert call(*common, *run, "--set", "iterations=20")[0] == 0
    # A run that worked is made to diverge: its state gets weights that are far too large.
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    for group in state["trainer"]["optimizers"]["d"]["state"].values():
        group["exp_avg"] += 1e5
    torch.save(state, tmp_path / "run" / "state.pt")
    code, _, err = call(*common, *run, "--set", "iterations=60", "--resume")
    assert code == 1, err
    message = err.splitlines()[-1]
    last = "run/checkpoints/0000020.safetensors"
    assert f"last good checkpoint: {last}); --resume would meet it again" in message
    command = message.partition("from that checkpoint: ")[2]
    words = shlex.split(command)
    assert words[:3] == ["ganbench", "train", "stargan"]
    assert words[words.index("--init") + 1] == last
    assert words[-4:] == ["--set", "learning_rate=0.0001", "--out", "run-2"]
    code, out, err = call(*words[1:])
    assert code == 0, err
    assert out.strip() == "run-2/stargan.safetensors"


def test_a_resumed_run_remembers_what_came_before(tiny_recipe, tiny_faces, tmp_path):
    """Lines before a stop count: the fault is found at the same iteration as without the stop."""

    def begin():
        session = prepare("stargan", tiny_recipe, {"iterations": 40, "sample_every": 99}, device="cpu")  # fmt: skip
        run = session.run(tiny_faces(), tmp_path / "run", "ganbench train stargan")
        limits = {"d_gp": Limit(0.0, "for this test", 0.0)}
        session.trainer.limits = lambda _: limits
        return run

    first = begin()
    first.trainer.limits = lambda _: {}
    first.start()
    first.run(until=12)
    second = begin()
    second.resume()
    with pytest.raises(Diverged, match=r"mean of iterations 4 to 13.*no checkpoint is from before that"):  # fmt: skip
        second.run()
