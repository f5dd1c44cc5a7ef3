"""Networks of the StarGAN family: parameter counts, numbers of emotions, initial weights."""

from __future__ import annotations

import pytest
import torch

from ganbench.baselines.ganimation import GANimation, GANimationConfig, GANimationTrainer
from ganbench.baselines.stargan import StarGAN, StarGANTrainer
from ganbench.ganmut.gaussian import Gaussian, GaussianConfig, GaussianTrainer
from ganbench.ganmut.linear import Linear, LinearConfig, LinearTrainer
from ganbench.methods.backbone import PainterConfig, ResidualBlock
from ganbench.methods.layers import InstanceNorm

UNITS = GANimationConfig(condition="action_units")

# Published checkpoint -> method, its configuration, trainer, parameters of the published G and D.
PAPERS = {
    "linear": (Linear, LinearConfig(), LinearTrainer, 8_421_138, 44_794_816),
    "gaussian": (Gaussian, GaussianConfig(), GaussianTrainer, 8_421_155, 44_794_816),
    "stargan": (StarGAN, PainterConfig(), StarGANTrainer, 8_436_800, 44_778_432),
    "ganimation7": (GANimation, GANimationConfig(), GANimationTrainer, 8_439_936, 44_778_432),
    "ganimation17": (GANimation, UNITS, GANimationTrainer, 8_471_296, 44_860_352),
}


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("paper", PAPERS)
def test_parameter_counts_are_the_published_ones(paper):
    kind, config, trainer, in_generator, in_discriminator = PAPERS[paper]
    with torch.device("meta"):
        method = kind(config)
        discriminator = trainer(method, trainer.Recipe()).discriminator
    assert count(method) == in_generator
    assert count(discriminator) == in_discriminator


@pytest.mark.parametrize("name", ["linear", "gaussian", "stargan", "ganimation"])
@pytest.mark.parametrize("classes", [6, 8])
def test_any_number_of_emotions(tiny_method, name, classes):
    method = tiny_method(name, emotions=tuple(f"e{i}" for i in range(classes)))
    codes = method.codes(torch.arange(classes))
    assert codes.shape == (classes, method.code_dim)
    assert method.edit(torch.rand(classes, 3, 16, 16), codes).images.shape == (classes, 3, 16, 16)


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_ganimation_starts_from_small_normal_weights(part):
    torch.manual_seed(0)
    method = GANimation(GANimationConfig(image_size=32, width=16, critic_width=32, critic_layers=4))
    trainer = GANimationTrainer(method, GANimationTrainer.Recipe())
    network = method if part == "generator" else trainer.discriminator
    together = torch.cat([p.detach().flatten() for p in network.parameters() if p.ndim == 4])
    assert together.mean().abs() < 3e-4
    assert together.std() == pytest.approx(0.02, rel=0.02)


def test_gaussians_start_round_and_wide():
    torch.manual_seed(0)
    method = Gaussian(GaussianConfig(image_size=16, width=4, critic_layers=2))
    torch.testing.assert_close(method.covariances().detach(), torch.eye(2).expand(7, 2, 2))
    many = Gaussian(
        GaussianConfig(
            image_size=16, width=4, critic_layers=2, emotions=tuple(map(str, range(500)))
        )
    )
    raw = many.mu.detach()
    assert raw.abs().max() <= 0.5**0.5
    assert raw.abs().max() == pytest.approx(0.5**0.5, rel=0.01)
    assert raw.std() == pytest.approx((0.5 / 3) ** 0.5, rel=0.05)
    torch.testing.assert_close(many.anchors().detach(), torch.tanh(raw))


def test_directions_start_in_the_supplement_s_tiny_square():
    torch.manual_seed(0)
    bound = 1e-4 * (1 / 6) ** 0.5
    method = Linear(
        LinearConfig(image_size=16, width=4, critic_layers=2, emotions=tuple(map(str, range(500))))
    )
    largest = float(method.axes.weight.detach().abs().max())
    assert 0.99 * bound < largest <= bound


@pytest.mark.parametrize("scales", [0, 1, 3])
def test_scales_halve_the_image_and_keep_its_size(scales):
    config = PainterConfig(
        image_size=32, width=4, scales=scales, blocks=1, norm="residual", critic_layers=2
    )
    method = StarGAN(config)
    block = next(m for m in method.modules() if isinstance(m, ResidualBlock))
    seen = []
    block.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[1:]))
    assert method.edit(torch.rand(2, 3, 32, 32), torch.eye(7)[:2]).images.shape == (2, 3, 32, 32)
    assert seen == [(4 << scales, 32 >> scales, 32 >> scales)]


def test_norm_in_the_blocks_only_leaves_no_other():
    method = StarGAN(
        PainterConfig(image_size=32, width=4, blocks=3, norm="residual", critic_layers=2)
    )
    assert sum(isinstance(m, InstanceNorm) for m in method.modules()) == 2 * 3


@pytest.mark.parametrize("name", ["stargan", "linear", "gaussian", "stargan-v2"])
def test_a_change_is_added_to_the_input(tiny_method, name):
    paints, adds = tiny_method(name), tiny_method(name, output="change")
    adds.load_state_dict(paints.state_dict())
    size = paints.spec.image_size
    x, codes = 2 * torch.rand(3, 3, size, size) - 1, torch.randn(3, paints.code_dim)
    painted, added = paints.translate(x, codes)[0], adds.translate(x, codes)[0]
    torch.testing.assert_close(added, x + painted)
    assert painted.abs().max() > 1e-3
