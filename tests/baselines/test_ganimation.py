"""GANimation's first weights."""

from __future__ import annotations

import pytest
import torch

from ganbench.baselines.ganimation import GANimation, GANimationConfig, GANimationTrainer


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_ganimation_starts_from_small_normal_weights(part):
    torch.manual_seed(0)
    method = GANimation(GANimationConfig(image_size=32, width=16, critic_width=32, critic_layers=4))
    trainer = GANimationTrainer(method, GANimationTrainer.Recipe())
    network = method if part == "generator" else trainer.discriminator
    together = torch.cat([p.detach().flatten() for p in network.parameters() if p.ndim == 4])
    assert together.mean().abs() < 3e-4
    assert together.std() == pytest.approx(0.02, rel=0.02)
