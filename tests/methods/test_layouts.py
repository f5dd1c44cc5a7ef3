"""The StarGAN family against the published checkpoints: tensors, sizes, order of operations."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from ganbench.baselines.ganimation import GANimation, GANimationConfig, GANimationTrainer
from ganbench.baselines.stargan import StarGAN, StarGANTrainer
from ganbench.methods.gaussian import Gaussian, GaussianConfig, GaussianTrainer
from ganbench.methods.linear import Linear, LinearConfig, LinearTrainer
from ganbench.methods.stargan_family import BackboneConfig, Discriminator, Generator

LAYOUTS = Path(__file__).parents[1] / "golden" / "official_layouts"
UNITS = GANimationConfig(condition="action_units")

# File -> method, its configuration, trainer, parameters of the published G and D.
PAPERS = {
    "linear": (Linear, LinearConfig(), LinearTrainer, 8_421_138, 44_794_816),
    "gaussian": (Gaussian, GaussianConfig(), GaussianTrainer, 8_421_155, 44_794_816),
    "stargan": (StarGAN, BackboneConfig(), StarGANTrainer, 8_436_800, 44_778_432),
    "ganimation7": (GANimation, GANimationConfig(), GANimationTrainer, 8_439_936, 44_778_432),
    "ganimation17": (GANimation, UNITS, GANimationTrainer, 8_471_296, 44_860_352),
}
# Published name -> ours, for what is not the shared backbone.
RENAMED = {
    "axes.weight": "axes.weight",
    "axes.bias": "axes.bias",
    "mu.weight": "mu",
    "covariance_axes.weight": "covariance_axes",
    "covariance_angles.weight": "covariance_angles",
    "img_reg.0.weight": "generator.colour.weight",
    "attetion_reg.0.weight": "generator.attention.weight",
}


def our_name(published: str) -> str | None:
    """Our name of a generator's tensor; None for what nothing reads."""
    if re.search(r"running_(mean|var)$|num_batches_tracked$", published):
        return None
    return RENAMED.get(published, f"generator.{published}")


def build(paper: str) -> tuple[torch.nn.Module, torch.nn.Module]:
    method, config, trainer, _, _ = PAPERS[paper]
    with torch.device("meta"):
        model = method(config)
        return model, trainer(model, trainer.Recipe()).discriminator


def shapes(module: torch.nn.Module) -> dict[str, list[int]]:
    return {key: list(tensor.shape) for key, tensor in module.state_dict().items()}


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("paper", PAPERS)
def test_tensors_are_those_of_the_published_checkpoint(paper):
    layout = json.loads((LAYOUTS / f"{paper}.json").read_text())
    published = {
        part: {key: facts["shape"] for key, facts in tensors.items()}
        for part, tensors in layout["state_dicts"].items()
    }
    generator, discriminator = build(paper)
    expected = {
        our_name(key): shape for key, shape in published["G"].items() if our_name(key) is not None
    }
    assert shapes(generator) == expected
    assert shapes(discriminator) == published["D"]


@pytest.mark.parametrize("paper", PAPERS)
def test_parameter_counts_are_the_published_ones(paper):
    _, _, _, in_generator, in_discriminator = PAPERS[paper]
    generator, discriminator = build(paper)
    assert count(generator) == in_generator
    assert count(discriminator) == in_discriminator


@pytest.mark.parametrize("name", ["linear", "gaussian", "stargan", "ganimation"])
@pytest.mark.parametrize("classes", [6, 8])
def test_any_number_of_emotions(tiny_method, name, classes):
    method = tiny_method(name, emotions=tuple(f"e{i}" for i in range(classes)))
    codes = method.codes(torch.arange(classes))
    assert codes.shape == (classes, method.code_dim)
    assert method.edit(torch.rand(classes, 3, 16, 16), codes).images.shape == (classes, 3, 16, 16)


# -- the arithmetic, written again from the published names -------------------------------------------


def normalised(h, state, key):
    """Instance norm from its definition: statistics of each sample and channel, biased variance."""
    mean = h.mean((2, 3), keepdim=True)
    variance = (h - mean).square().mean((2, 3), keepdim=True)
    scale, shift = state[f"{key}.weight"], state[f"{key}.bias"]
    return (h - mean) / (variance + 1e-5).sqrt() * scale[:, None, None] + shift[:, None, None]


def run_trunk(state, x, code, blocks):
    """The published generator up to its heads."""
    h = torch.cat([x, code[:, :, None, None].repeat(1, 1, *x.shape[2:])], 1)
    h = F.relu(normalised(F.conv2d(h, state["main.0.weight"], padding=3), state, "main.1"))
    for conv in (3, 6):
        h = F.conv2d(h, state[f"main.{conv}.weight"], stride=2, padding=1)
        h = F.relu(normalised(h, state, f"main.{conv + 1}"))
    for block in range(9, 9 + blocks):
        r = F.conv2d(h, state[f"main.{block}.main.0.weight"], padding=1)
        r = F.relu(normalised(r, state, f"main.{block}.main.1"))
        r = F.conv2d(r, state[f"main.{block}.main.3.weight"], padding=1)
        h = h + normalised(r, state, f"main.{block}.main.4")
    for conv in (9 + blocks, 12 + blocks):
        h = F.conv_transpose2d(h, state[f"main.{conv}.weight"], stride=2, padding=1)
        h = F.relu(normalised(h, state, f"main.{conv + 1}"))
    return h


def randomised(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=random) * 0.3)
    return {key: tensor.double() for key, tensor in module.state_dict().items()}


def test_generator_computes_what_the_paper_describes():
    config = BackboneConfig(image_size=16, width=4, blocks=2, critic_layers=2)
    generator = Generator(config, 3)
    state = randomised(generator)
    x, code = torch.rand(2, 3, 16, 16).double() * 2 - 1, torch.randn(2, 3).double()
    head = F.conv2d(run_trunk(state, x, code, 2), state["main.17.weight"], padding=3)
    torch.testing.assert_close(generator.double()(x, code), torch.tanh(head))


def test_discriminator_computes_what_the_paper_describes():
    config = BackboneConfig(image_size=32, critic_width=4, critic_layers=3)
    discriminator = Discriminator(config, [7, 2])
    state = randomised(discriminator)
    x = torch.rand(2, 3, 32, 32).double()
    h = x
    for conv in (0, 2, 4):
        h = F.conv2d(h, state[f"main.{conv}.weight"], state[f"main.{conv}.bias"], 2, 1)
        h = torch.where(h > 0, h, 0.01 * h)
    src, classes, code = discriminator.double()(x)
    torch.testing.assert_close(src, F.conv2d(h, state["conv1.weight"], padding=1))
    for head, found in (("conv2", classes), ("conv3", code)):
        torch.testing.assert_close(found, torch.einsum("nchw,kchw->nk", h, state[f"{head}.weight"]))


def test_ganimation_blends_input_and_colours(tiny_method):
    method = tiny_method("ganimation")
    state = randomised(method.generator)
    x, code = torch.rand(2, 3, 16, 16).double() * 2 - 1, torch.randn(2, 7).double()
    h = run_trunk(state, x, code, 1)
    colours = torch.tanh(F.conv2d(h, state["colour.weight"], padding=3))
    mask = torch.sigmoid(F.conv2d(h, state["attention.weight"], padding=3))
    image, found = method.double().translate(x, code)
    torch.testing.assert_close(found, mask)
    torch.testing.assert_close(image, mask * x + (1 - mask) * colours)


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
