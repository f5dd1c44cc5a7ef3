"""The papers' recipes: ten steps of each method on random images, with its networks made narrow.

The networks at their full widths are planned on tensors without content: see ``tests/cli/test_train.py``.
A step is one step of one optimiser: an iteration of StarGAN-v2 has four, one of SMIT two.
"""

from __future__ import annotations

import pytest
import torch
from conftest import NETWORKS

from ganbench.seeds import generator
from ganbench.training.augment import augment
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.session import prepare
from ganbench.training.setup import configure

NARROW = {
    **{name: {f"network.{k}": v for k, v in NETWORKS[name].items()} for name in NETWORKS},
    "judge": {"network": {"arch": "stages", "image_size": 32, "widths": [4] * 5, "hidden": 8}},
}


def weights(trainer):
    """By optimiser, a number for each kernel and matrix, which changes with its weights."""
    return {
        name: torch.stack([p.detach().sum(dtype=torch.float64) for p in parameters if p.ndim > 1])
        for name, optimizer in trainer.optimizers.items()
        for parameters in [optimizer.param_groups[0]["params"]]
    }


@pytest.mark.parametrize("name", NARROW)
def test_ten_steps_of_the_paper_s_recipe(name):
    trainer = prepare(name, "affectnet", NARROW[name], device="cpu").trainer
    recipe, size = trainer.recipe, trainer.model.config.image_size
    assert recipe == configure(name, "affectnet").recipe
    before, labels, steps = weights(trainer), torch.arange(70) % 7, 0
    minimise = trainer.minimise

    def counted(terms, *optimizers, **options):
        nonlocal steps
        steps += 1
        assert all(torch.isfinite(value) for _, value in terms.values()), terms
        return minimise(terms, *optimizers, **options)

    trainer.minimise = counted
    iteration = 0
    while steps < 10:
        chosen = trainer.indices(labels.numpy(), iteration, 0)
        images = torch.rand(len(chosen), 3, size, size, generator=generator(0, "pixels", iteration))
        images = augment(images, recipe.augment, Draws(generator(0, "augment", iteration)))
        batch = Batch(images.to(memory_format=torch.channels_last), labels[chosen])
        trainer.set_rates(iteration)
        trainer.step(iteration, batch, generator(0, "step", iteration))
        iteration += 1
    after = weights(trainer)
    for optimizer, numbers in before.items():
        assert torch.isfinite(after[optimizer]).all(), optimizer
        # Some weights may not move: GANmut's directions if all targets are neutral, GGANmut's angles while
        # its Gaussians are round.
        assert (after[optimizer] != numbers).double().mean() > 0.9, optimizer
