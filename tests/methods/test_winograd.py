"""Winograd's convolution is torch's, and layers use it where it is faster."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ganbench.baselines.stargan import StarGAN
from ganbench.methods import layers
from ganbench.methods.layers import SameConv, in_format
from ganbench.methods.winograd import CONVOLUTION, convolve
from ganbench.seeds import generator
from ganbench.training.plan import Work


def normal(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=generator(0, "winograd"), dtype=dtype)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(0, 3),
    inputs=st.integers(1, 6),
    outputs=st.integers(1, 6),
    h=st.integers(1, 5),
    w=st.integers(1, 5),
    last=st.booleans(),
)
def test_the_convolution_and_its_gradients_are_torch_s(n, inputs, outputs, h, w, last):
    x, weight = normal(n, inputs, 2 * h, 2 * w), normal(outputs, inputs, 3, 3)
    if last:
        x, weight = (a.contiguous(memory_format=torch.channels_last) for a in (x, weight))
    given = (x.requires_grad_(), weight.requires_grad_())
    ours, wanted = convolve(*given), functional.conv2d(*given, padding=1)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-12)
    towards = normal(*wanted.shape)
    gradients = torch.autograd.grad(ours, given, towards)
    for found, plain in zip(gradients, torch.autograd.grad(wanted, given, towards), strict=True):
        torch.testing.assert_close(found, plain, rtol=0, atol=1e-11)


def test_only_what_is_asked_for_has_a_gradient():
    x, weight = normal(2, 3, 4, 4), normal(5, 3, 3, 3)
    for which in (0, 1):
        inputs = [x.clone(), weight.clone()]
        inputs[which].requires_grad_()
        convolve(*inputs).sum().backward()
        assert [one.grad is not None for one in inputs] == [which == 0, which == 1]


def test_it_rounds_no_worse_than_torch_and_each_image_alone():
    x, weight = normal(3, 128, 16, 16), normal(128, 128, 3, 3)
    exact = functional.conv2d(x, weight, padding=1)
    images, kernels = in_format(x.float()), weight.float()
    ours = convolve(images, kernels)
    errors = [
        float((found - exact).abs().max())
        for found in (ours, functional.conv2d(images, kernels, padding=1))
    ]
    assert errors[0] < max(errors[1], 2e-4)
    for k in range(3):
        assert torch.equal(convolve(images[k : k + 1], kernels)[0], ours[k])


def test_gradients_of_its_gradients_are_torch_s():
    inputs = normal(2, 2, 4, 6).requires_grad_(), normal(3, 2, 3, 3).requires_grad_()
    found = []
    for convolution in (convolve, lambda x, w: functional.conv2d(x, w, padding=1)):
        slopes = torch.autograd.grad(convolution(*inputs).pow(3).sum(), inputs, create_graph=True)
        curves = torch.autograd.grad(
            sum(slope.square().sum() for slope in slopes), inputs, create_graph=True
        )
        found.append(torch.autograd.grad(sum(curve.square().sum() for curve in curves), inputs))
    for ours, wanted in zip(*found, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-8, atol=1e-6)


def test_it_is_an_operator_of_torch_and_counts_as_the_convolution():
    x, weight = in_format(normal(2, 3, 4, 6)).requires_grad_(), normal(5, 3, 3, 3).requires_grad_()
    torch.library.opcheck(CONVOLUTION.default, (x, weight))
    counts = []
    for convolution in (convolve, lambda x, w: functional.conv2d(x, w, padding=1)):
        with Work(given=[x, weight]) as work:
            convolution(x, weight).sum().backward()
        counts.append(work.flops)
    assert counts[0] == counts[1] == 3 * 2 * 2 * 24 * 9 * 15


@pytest.fixture
def calls(monkeypatch):
    """What ``convolve`` is called with, by layers, with one thread."""
    found = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(layers, "convolve", lambda *given: found.append(given) or convolve(*given))
    return found


@pytest.mark.parametrize(
    ("inputs", "outputs", "height", "width", "used"),
    [
        (128, 128, 16, 16, True),
        (256, 128, 8, 32, True),
        (96, 128, 16, 16, False),
        (128, 96, 16, 16, False),
        (128, 128, 8, 16, False),
        (128, 128, 17, 16, False),
        (128, 128, 16, 17, False),
    ],
)
@pytest.mark.parametrize("bias", [False, True])
def test_wide_layers_on_large_maps_use_it(calls, inputs, outputs, height, width, used, bias):
    layer = SameConv(inputs, outputs, bias=bias)
    x = normal(2, inputs, height, width, dtype=torch.float32)
    wanted = functional.conv2d(x, layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(x), wanted, rtol=0, atol=1e-5)
    assert bool(calls) == used


@pytest.mark.parametrize(("threads", "used"), [(1, True), (2, True), (3, False)])
def test_small_maps_do_not_use_it_with_several_threads(calls, monkeypatch, threads, used):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    SameConv(128, 128)(normal(1, 128, 32, 64, dtype=torch.float32))  # 2^18 values
    assert bool(calls) == used


def test_bfloat16_does_not_use_it(calls):
    layer, x = SameConv(128, 128), normal(1, 128, 16, 16, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    assert not calls


@torch.no_grad()
def test_an_edit_of_the_published_width_uses_it_and_is_the_same(calls, monkeypatch):
    model = StarGAN(StarGAN.Config(image_size=64))
    images, codes = torch.rand(1, 3, 64, 64), torch.eye(7)[:1]
    edit = model.edit(images, codes).images
    assert len(calls) == 12  # two in each of six blocks
    monkeypatch.setattr(SameConv, "CHANNELS", 10**9)
    torch.testing.assert_close(model.edit(images, codes).images, edit, rtol=0, atol=1e-5)
    assert len(calls) == 12
