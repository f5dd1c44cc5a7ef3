"""The papers' recipes at full width: ten steps and more of each method, on random images.

A step is one step of one optimiser: an iteration of StarGAN-v2 has four, one of SMIT two. Batches are
as small as each method allows, since nothing here depends on their size.
"""

from __future__ import annotations

import os

import pytest
import torch

from ganbench.config import parse_assignments
from ganbench.seeds import generator
from ganbench.training.augment import augment
from ganbench.training.batches import Batch
from ganbench.training.session import prepare

# GANmut replaces some codes of a batch by random ones, GGANmut puts one at each of its seven means.
SMALL = {
    "linear": ("batch_size=2", "random_codes=1"),
    "gaussian": ("batch_size=7",),
    "stargan": ("batch_size=2",),
    "ganimation": ("batch_size=2",),
    "smit": ("batch_size=1",),
    "stargan-v2": ("batch_size=1",),
    "judge": ("batch_size=2",),
}


@pytest.fixture(autouse=True)
def _all_cores():
    """These networks are large: threads help."""
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(before)


def weights(trainer):
    """Of each optimiser, a number for each kernel and matrix that no change leaves alone."""
    return {
        name: torch.stack([p.detach().sum(dtype=torch.float64) for p in parameters if p.ndim > 1])
        for name, optimizer in trainer.optimizers.items()
        for parameters in [optimizer.param_groups[0]["params"]]
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_ten_steps_of_the_paper_s_recipe(name):
    trainer = prepare(name, "affectnet", parse_assignments(SMALL[name]), device="cpu").trainer
    recipe, size = trainer.recipe, trainer.model.config.image_size
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
        images = augment(images, recipe.augment, generator(0, "augment", iteration))
        batch = Batch(images.to(memory_format=torch.channels_last), labels[chosen])
        trainer.set_rates(iteration)
        trainer.step(iteration, batch, generator(0, "step", iteration))
        iteration += 1
    after = weights(trainer)
    for optimizer, numbers in before.items():
        assert torch.isfinite(after[optimizer]).all(), optimizer
        # GANmut's directions rest while targets are neutral, GGANmut's angles while Gaussians are round.
        assert (after[optimizer] != numbers).double().mean() > 0.9, optimizer
