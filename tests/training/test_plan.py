"""The plan of a run against the run itself: steps, losses, operations, memory, files."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import NETWORKS
from torch.profiler import ProfilerActivity, profile

from ganbench.config import parse_assignments
from ganbench.seeds import generator
from ganbench.training.batches import Batch
from ganbench.training.plan import plan
from ganbench.training.session import configure, prepare

# Of odd lengths, so that neither warm-up nor end falls together with a cycle of critic steps.
ODD = ("iterations=11", "warmup_iterations=3", "batch_size=8", "ema_decay=0.9")
CYCLES = {"smit": (), "stargan-v2": ("reference_every=3",)}
JUDGE = {"image_size": 16, "stages": [1, 1], "widths": [4, 6], "hidden": 8}


def tiny(name, *more):
    """Arguments of ``configure`` for a network of a few weights."""
    network = JUDGE if name == "judge" else NETWORKS[name]
    sizes = tuple(f"network.{key}={value}" for key, value in network.items())
    return name, "affectnet", parse_assignments((*sizes, *more))


def batches(trainer):
    """Endless random batches for a trainer."""
    size, random = trainer.model.config.image_size, torch.Generator().manual_seed(0)
    labels = np.arange(70) % 7
    for iteration in range(10_000):
        chosen = trainer.indices(labels, iteration, 0)
        images = torch.rand(len(chosen), 3, size, size, generator=random)
        images = images.to(memory_format=torch.channels_last)
        yield iteration, Batch(images, torch.as_tensor(labels[chosen]))


@pytest.mark.parametrize("name", NETWORKS)
def test_steps_are_those_of_the_run(name):
    arguments = tiny(name, *ODD, *CYCLES.get(name, ("n_critic=3",)))
    found = plan(configure(*arguments))
    trainer = prepare(*arguments, device="cpu").trainer
    taken = dict.fromkeys(trainer.optimizers, 0)
    for key, optimizer in trainer.optimizers.items():

        def count(*_, key=key):
            taken[key] += 1

        optimizer.register_step_post_hook(count)
    for iteration, batch in batches(trainer):
        if iteration == trainer.recipe.iterations:
            break
        trainer.step(iteration, batch, generator(0, "step", iteration))
        assert len(batch) == found.images
    assert {part.optimizer: part.steps for part in found.parts if part.optimizer} == taken
    assert sum(part.parameters for part in found.parts if part.optimizer) == sum(
        trainer.describe().values()
    )


@pytest.mark.parametrize("name", [*NETWORKS, "judge"])
def test_memory_is_what_the_allocator_gives(name):
    more = ("batch_size=16", "network.image_size=32") if name in NETWORKS else ("batch_size=16",)
    arguments = tiny(name, *more)
    memory = plan(configure(*arguments)).memory
    trainer = prepare(*arguments, device="cpu").trainer
    stream = batches(trainer)
    rounds = [next(stream) for _ in range(2 * trainer.cycle)]
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        for iteration, batch in rounds:
            trainer.step(iteration, batch, generator(0, "step", iteration))
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    sizes = [e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]
    batch = rounds[0][1]
    measured = np.cumsum(sizes).max() + batch.images.nbytes + batch.emotions.nbytes
    planned = memory.gradients + memory.moments + memory.activations
    # Pooling and such copy inside their kernels, where no plan can look.
    assert 0.9 * measured < planned < 1.02 * measured
    networks = [*trainer.networks.values(), *([trainer.ema] if trainer.ema else [])]
    state = [t for network in networks for t in (*network.parameters(), *network.buffers())]
    assert memory.weights + memory.average == sum(t.nbytes for t in state)


def test_low_precision_halves_what_the_generator_holds():
    full, half = (
        plan(configure(*tiny("stargan", f"precision={kind}", "network.width=16"))).memory
        for kind in ("fp32", "bf16")
    )
    assert half.activations < 0.7 * full.activations
    assert half.weights == full.weights


def test_operations_of_a_small_network_by_hand():
    found = plan(configure(*tiny("judge", "iterations=3", "batch_size=5")))
    conv1, conv2 = 27 * 4 * 16 * 16, 36 * 6 * 8 * 8
    linear = 6 * 16 * 8 + 8 * 8 + 8 * 7
    # Forwards, and backwards to weights and inputs; the images themselves get no gradient.
    each = 2 * (2 * conv1 + 3 * (conv2 + linear))
    assert found.flops == 3 * 5 * each


def test_losses_have_the_weights_of_the_recipe():
    setup = configure(*tiny("linear", "warmup_iterations=2", "lambda_rec=3", "lambda_coor=0.5"))
    warm, recognise, critic, edit = plan(setup).objectives
    assert warm.warmup
    assert recognise.warmup
    assert (critic.parts, edit.parts) == (("discriminator",), ("model",))
    assert critic.terms == {"d_real": -1, "d_fake": 1, "d_gp": 10, "d_cls": 1, "d_coor": 0.5}
    assert edit.terms == {"g_fake": -1, "g_cls": 1, "g_rec": 3, "g_coor": 0.5, "g_strength": 4}


def test_a_loss_on_some_of_a_batch_can_be_planned():
    """How many entries its mask leaves is not known without labels."""
    critic = plan(configure(*tiny("stargan-v2", "lambda_match=0.5"))).objectives[0]
    assert critic.terms["d_match"] == 0.5


def test_networks_and_their_parts_of_the_paper():
    parts = {part.name: part for part in plan(configure("stargan-v2", "affectnet")).parts}
    assert list(parts) == ["model", "generator", "mapping_network", "style_encoder", "discriminator"]  # fmt: skip
    counts = [part.parameters for part in parts.values()]
    assert counts[1:] == [33_632_003, 6_542_272, 20_963_904, 20_737_671]
    assert counts[0] == sum(counts[1:4])
    assert parts["model"].optimizer is None
    assert parts["mapping_network"].rate == 1e-6
    assert parts["generator"].decay == 1e-4
    assert parts["generator"].steps == 2 * parts["style_encoder"].steps == 200_000


def test_action_units_can_be_planned():
    plain, units = (
        plan(configure(*tiny("ganimation", f"network.condition={kind}")))
        for kind in ("emotions", "action_units")
    )
    assert units.parts[0].parameters > plain.parts[0].parameters


@pytest.mark.parametrize("name", ["stargan", "judge"])
def test_files_have_the_planned_size(name, tiny_faces, tmp_path):
    more = ("network.hidden=128",) if name == "judge" else ("network.width=16", "n_critic=1")
    arguments = tiny(name, "iterations=2", "ema_decay=0.9", *more)
    found = plan(configure(*arguments))
    run = prepare(*arguments, device="cpu").run(tiny_faces(), tmp_path, "test")
    run.start()
    final = run.run()
    # Headers, names, and what a pickle needs beside the numbers.
    assert 0 < final.stat().st_size - found.checkpoint < 20_000
    assert 0 < (tmp_path / "state.pt").stat().st_size - found.state < 60_000


def test_a_plan_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    plan(configure(*tiny("judge")))
    assert torch.equal(torch.rand(3), expected)


ASK = """
import torch
from ganbench.training.plan import plan
from ganbench.training.session import configure
configure("judge", "affectnet")
if {planned}:
    assert plan(configure("judge", "affectnet")).memory.total > 1e10
"""


def test_a_plan_of_gigabytes_takes_none():
    """Peak memory of a process that plans the largest network, and of one that does not."""

    def peak(planned: bool) -> float:
        child = subprocess.Popen([sys.executable, "-c", ASK.format(planned=planned)])
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        return usage.ru_maxrss * 1024

    assert peak(True) - peak(False) < 0.3e9  # its weights alone are 0.54e9
