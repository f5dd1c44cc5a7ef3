"""The plan of a run compared with the run: steps, losses, operations, memory, files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import NETWORKS
from torch.profiler import ProfilerActivity, profile

from ganbench import devices
from ganbench.config import parse_assignments
from ganbench.seeds import generator
from ganbench.training.batches import Batch
from ganbench.training.plan import Work, plan
from ganbench.training.session import prepare
from ganbench.training.setup import configure

# Neither the warm-up nor the run ends with a cycle of critic steps.
ODD = ("iterations=8", "warmup_iterations=3", "batch_size=8", "ema_decay=0.9")
CYCLES = {"smit": (), "stargan-v2": ("reference_every=3",)}
JUDGE = {"arch": "stages", "image_size": 16, "stages": [1, 1], "widths": [4, 6], "hidden": 8}


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
    parameters = [p for network in trainer.networks.values() for p in network.parameters()]
    assert sum(part.parameters for part in found.parts if part.optimizer) == sum(
        p.numel() for p in parameters
    )


def test_memory_of_known_tensors():
    """At most a, b and c exist at once, 4,000 bytes each; views and results in place take none."""
    with torch.no_grad(), Work(given=[]) as work:
        a = torch.zeros(1000)
        b = a + 1
        c = b.view(10, 100).T + 2
        c.mul_(3)
        del a, b
        d = torch.zeros(1500)
    assert (c.shape, d.shape) == ((100, 10), (1500,))
    assert work.peak == 3 * 4000
    given = torch.zeros(1000)
    with Work(given=[given]) as work:
        given.add_(1)
    assert work.peak == 0


def test_memory_of_a_small_network_by_hand():
    """Weights of the tiny judge, and what its step must hold for the backward pass."""
    batch, size = 16, 16
    memory = plan(configure(*tiny("judge", "batch_size=16", "ema_decay=0.9"))).memory
    convolutions, norms = 27 * 4 + 36 * 6, 2 * (4 + 6)
    linear = (6 * 16 + 1) * 8 + (8 + 1) * 8 + (8 + 1) * 7
    learnable = 4 * (convolutions + norms + linear)
    statistics = 4 * (4 + 6) * 2 + 2 * 8  # running means and variances, and an int64 count each
    assert memory.weights == memory.average == learnable + statistics
    assert memory.gradients == learnable
    tensors = 2 + 2 + 4 + 2 + 2 + 2 - 2  # kernels, norms and matrices, biases included
    assert memory.moments == 2 * learnable + 4 * tensors  # and a float32 count each
    # The images, and the outputs of both convolutions and of their norms.
    least = 4 * batch * (3 * size**2 + 2 * 4 * size**2 + 2 * 6 * (size // 2) ** 2)
    assert least < memory.activations < 4 * least


@pytest.mark.parametrize("name", ["stargan", "smit", "judge"])
def test_memory_has_the_size_that_a_step_takes(name):
    """Within a factor of 1.5: allocators round up, and kernels copy where no plan can look."""
    more = ("batch_size=16", "network.image_size=32") if name in NETWORKS else ("batch_size=16",)
    arguments = tiny(name, *more, *(("n_critic=1",) if name == "stargan" else ()))
    memory = plan(configure(*arguments)).memory
    trainer = prepare(*arguments, device="cpu").trainer
    stream = batches(trainer)
    rounds = [next(stream) for _ in range(2 * trainer.cycle)]
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        for iteration, batch in rounds:
            trainer.step(iteration, batch, generator(0, "step", iteration))
    planned = memory.gradients + memory.moments + memory.activations
    measured = peak(seen) + rounds[0][1].images.nbytes
    assert measured / 1.5 < planned < 1.5 * measured


def peak(seen):
    """Most bytes that torch's allocator had given out at once, in a profile."""
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    return np.cumsum([e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]).max(
        initial=0
    )


def test_low_precision_halves_what_the_generator_holds(monkeypatch):
    monkeypatch.setattr(devices, "computes_bf16", lambda: True)
    full, half = (
        plan(
            configure(*tiny("stargan", "n_critic=1", f"precision={kind}", "network.width=16"))
        ).memory
        for kind in ("fp32", "bf16")
    )
    assert half.activations < 0.75 * full.activations
    assert half.weights == full.weights


def test_operations_of_a_small_network_by_hand():
    found = plan(configure(*tiny("judge", "iterations=3", "batch_size=5")))
    conv1, conv2 = 27 * 4 * 16 * 16, 36 * 6 * 8 * 8
    linear = 6 * 16 * 8 + 8 * 8 + 8 * 7
    # Forward pass, and backward passes to weights and inputs; the images get no gradient.
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
    """The number of entries that its mask leaves depends on the labels."""
    critic = plan(configure(*tiny("stargan-v2", "lambda_match=0.5"))).objectives[0]
    assert critic.terms["d_match"] == 0.5


def test_parts_with_optimisers_of_their_own():
    arguments = tiny("stargan-v2", "iterations=10")
    parts = {part.name: part for part in plan(configure(*arguments)).parts}
    assert list(parts) == ["model", "generator", "mapping_network", "style_encoder", "discriminator"]  # fmt: skip
    counts = [part.parameters for part in parts.values()]
    assert counts[0] == sum(counts[1:4])
    assert parts["model"].optimizer is None
    assert parts["mapping_network"].rate == 1e-6
    assert parts["generator"].decay == 1e-4
    assert parts["generator"].steps == 2 * parts["style_encoder"].steps == 20


def test_parameters_of_a_small_network_by_hand():
    parts = {p.name: p for p in plan(configure(*tiny("stargan", "n_critic=1"))).parts}
    convolutions = 3 * 4 * 16 + 4 + 4 * 8 * 16 + 8
    assert parts["discriminator"].parameters == convolutions + 9 * 8 + 7 * 8 * 16


def test_action_units_can_be_planned():
    plain, units = (
        plan(configure(*tiny("ganimation", "n_critic=1", f"network.condition={kind}")))
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
    # Files also hold headers and names.
    assert 0 < final.stat().st_size - found.checkpoint < 20_000
    assert 0 < (tmp_path / "state.pt").stat().st_size - found.state < 60_000


def test_a_plan_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    plan(configure(*tiny("judge")))
    assert torch.equal(torch.rand(3), expected)


def test_a_plan_of_gigabytes_takes_none():
    setup = configure(*tiny("judge", "network.hidden=20000"))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        assert plan(setup).memory.total > 5e9
    assert peak(seen) < 1e6
