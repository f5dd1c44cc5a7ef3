"""Layers that are computed otherwise than torch's give what torch's give."""

import pytest
import torch
from torch.nn import functional

from ganbench.methods.layers import (
    CodeConv,
    InstanceNorm,
    convolve_to_few,
    in_format,
    instance_norm,
    tile,
)
from ganbench.seeds import generator


def normal(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=generator(0, "layers"), dtype=dtype)


@pytest.mark.parametrize("size", [(1, 9), (5, 5), (6, 6), (7, 12), (16, 9)])
@pytest.mark.parametrize("codes", [1, 7])
def test_a_code_is_convolved_as_if_it_were_tiled(size, codes):
    layer = CodeConv(3, codes, 5).double()
    x, code = normal(2, 3, *size).requires_grad_(), normal(2, codes).requires_grad_()
    plain = functional.conv2d(tile(code, x), layer.weight, padding=3)
    ours = layer(x, code)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-12)
    inputs, towards = (x, code, layer.weight), normal(*plain.shape)
    found = torch.autograd.grad(ours, inputs, towards)
    for mine, wanted in zip(found, torch.autograd.grad(plain, inputs, towards), strict=True):
        torch.testing.assert_close(mine, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("size", [(3, 5), (8, 8), (16, 9)])
@pytest.mark.parametrize("outputs", [1, 4])
@torch.no_grad()
def test_a_convolution_to_few_channels_is_torch_s(size, outputs):
    x, weight = normal(2, 6, *size), normal(outputs, 6, 7, 7)
    wanted = functional.conv2d(x, weight, padding=3)
    for images in (x, x.contiguous(memory_format=torch.channels_last)):
        torch.testing.assert_close(convolve_to_few(images, weight), wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("mean", [0, 30])
def test_norms_keep_their_digits(mean, grad):
    """torch's group norm, in channels-last, is wrong by 2e-2 at a mean of 30."""
    x = normal(2, 16, 64, 64) + mean
    weight, bias = normal(2, 16), normal(2, 16)
    wanted = functional.instance_norm(x)
    images = in_format(x.float())
    layer = InstanceNorm(16)
    with torch.set_grad_enabled(grad):
        torch.testing.assert_close(layer(images).double(), wanted, rtol=0, atol=1e-5)
        adaptive = instance_norm(images, weight.float(), bias.float()).double()
    wanted = wanted * weight[:, :, None, None] + bias[:, :, None, None]
    torch.testing.assert_close(adaptive, wanted, rtol=0, atol=3e-5)


@torch.no_grad()
def test_an_affine_norm_scales_and_shifts():
    layer = InstanceNorm(4).double()
    layer.weight.copy_(normal(4))
    layer.bias.copy_(normal(4))
    x = normal(2, 4, 8, 8)
    wanted = functional.instance_norm(x, weight=layer.weight, bias=layer.bias)
    torch.testing.assert_close(layer(x), wanted, rtol=0, atol=1e-12)
