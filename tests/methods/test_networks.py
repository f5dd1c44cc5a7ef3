"""The backbone: numbers of emotions, sizes, norms and outputs."""

from __future__ import annotations

import pytest
import torch

from ganbench.baselines.stargan import StarGAN
from ganbench.errors import BadInput
from ganbench.methods.backbone import BackboneConfig, PainterConfig, ResidualBlock
from ganbench.methods.layers import InstanceNorm


@pytest.mark.parametrize("name", ["linear", "gaussian", "stargan", "ganimation"])
@pytest.mark.parametrize("classes", [6, 8])
def test_any_number_of_emotions(tiny_method, name, classes):
    method = tiny_method(name, emotions=tuple(f"e{i}" for i in range(classes)))
    codes = method.codes(torch.arange(classes))
    assert codes.shape == (classes, method.code_dim)
    assert method.edit(torch.rand(classes, 3, 16, 16), codes).images.shape == (classes, 3, 16, 16)


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


def _checkerboard(upsample: str) -> float:
    """How much the four parities of pixels of an edit differ in size, where all inputs are alike."""
    torch.manual_seed(0)
    config = PainterConfig(
        image_size=32,
        width=8,
        scales=1,
        blocks=0,
        norm="residual",
        critic_layers=2,
        upsample=upsample,
    )
    images = torch.full((8, 3, 32, 32), 0.3)
    edits = StarGAN(config).edit(images, torch.eye(7).repeat(2, 1)[:8]).images[..., 8:24, 8:24]
    parities = edits.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2)).mean((2, 4))
    return float(parities.flatten(2).std(2).max())


def test_resizing_paints_no_checkerboard():
    assert _checkerboard("resize") < 1e-6 < 1e-3 < _checkerboard("transposed")


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


@pytest.mark.parametrize(
    ("size", "what"),
    [(0, "at least 1"), (4, "a multiple of 64"), (100, "a multiple of 64"), (-64, "at least 1")],
)
def test_sizes_that_do_not_halve_are_refused(size, what):
    with pytest.raises(BadInput, match=f"image_size must be {what}"):
        BackboneConfig(image_size=size)
