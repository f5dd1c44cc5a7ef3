"""The conditional spaces of GANmut and GGANmut: codes, samples, distributions and first weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from torch import nn

from ganbench.config import build
from ganbench.errors import BadInput, Unsupported
from ganbench.ganmut.gaussian import Gaussian, GaussianConfig
from ganbench.ganmut.linear import Linear, LinearConfig
from ganbench.methods.conditions import Category

ALL = torch.arange(7)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# -- both -----------------------------------------------------------------------------------------


def test_evenly_spread_starts(tiny_method):
    wheel = tiny_method("linear", directions="circle").codes(ALL)
    angles = np.unwrap(np.arctan2(wheel[1:, 1].numpy(), wheel[1:, 0].numpy()))
    np.testing.assert_allclose(np.diff(angles), np.pi / 3, atol=1e-5)
    means = tiny_method("gaussian", means="circle").codes(ALL)
    torch.testing.assert_close(means[1:], 0.75 * wheel[1:])
    assert means[0].abs().max() == 0


@pytest.mark.parametrize("name", ["linear", "gaussian"])
def test_bgr_networks_see_blue_first(tiny_method, name):
    bgr, rgb = tiny_method(name), tiny_method(name, channels="rgb")
    assert bgr.config.channels == "bgr"
    rgb.load_state_dict(bgr.state_dict())
    red = torch.zeros(1, 3, 16, 16)
    red[:, 0] = 1
    assert bgr.to_native(red)[0, :, 0, 0].tolist() == [-1, -1, 1]
    images, codes = torch.rand(2, 3, 16, 16, generator=seeded()), bgr.codes(torch.tensor([1, 2]))
    expected = rgb.edit(images.flip(1), codes).images.flip(1)
    torch.testing.assert_close(bgr.edit(images, codes).images, expected)
    assert not torch.allclose(rgb.edit(images, codes).images, expected, atol=1e-3)


@pytest.mark.parametrize("name", ["linear", "gaussian"])
def test_samples_repeat_with_their_generator(tiny_method, name):
    method = tiny_method(name)
    assert torch.equal(method.sample(5, seeded(1)), method.sample(5, seeded(1)))
    assert not torch.equal(method.sample(5, seeded(1)), method.sample(5, seeded(2)))
    assert method.sample(0).shape == (0, 2)


@pytest.mark.parametrize("kind", [LinearConfig, GaussianConfig])
def test_codes_have_two_dimensions(kind):
    assert build(kind, {"dims": 2}, "an older file") == kind()
    with pytest.raises(BadInput, match="dims"):
        build(kind, {"dims": 3}, "an older file")


# -- GANmut ---------------------------------------------------------------------------------------


def test_linear_codes_are_the_origin_and_unit_directions(tiny_method):
    method = tiny_method("linear")
    codes = method.codes(ALL)
    assert torch.equal(codes[0], torch.zeros(2))
    torch.testing.assert_close(codes[1:].norm(dim=1), torch.ones(6))
    axes = method.axes.weight / method.axes.weight.square().sum(1, keepdim=True).sqrt()
    torch.testing.assert_close(codes[1:], axes)
    assert torch.equal(codes, method.anchors())


def test_linear_intensity_scales_the_code(tiny_method):
    method = tiny_method("linear")
    half = method.encode(Category(ALL, torch.full((7,), 0.5)))
    torch.testing.assert_close(half, method.codes(ALL) / 2)


def test_the_linear_model_defines_no_label_distribution(tiny_method):
    method = tiny_method("linear")
    with pytest.raises(Unsupported, match="linear defines no label distribution"):
        method.label_distribution(method.codes(ALL))


def test_linear_samples_fill_the_disc_evenly(tiny_method):
    codes = tiny_method("linear").sample(4000, seeded()).double().numpy()
    radius, angle = np.hypot(*codes.T), np.arctan2(codes[:, 1], codes[:, 0])
    assert codes.shape == (4000, 2)
    assert radius.max() <= 1 + 1e-6
    # Even over the area: the square of the radius is uniform, and so is the angle.
    assert stats.kstest(radius**2, "uniform").pvalue > 0.01
    assert stats.kstest((angle + np.pi) / (2 * np.pi), "uniform").pvalue > 0.01
    assert abs(stats.spearmanr(radius, angle).statistic) < 0.05


def test_directions_start_in_the_supplement_s_tiny_square():
    torch.manual_seed(0)
    bound = 1e-4 * (1 / 6) ** 0.5
    method = Linear(
        LinearConfig(image_size=16, width=4, critic_layers=2, emotions=tuple(map(str, range(500))))
    )
    largest = float(method.axes.weight.detach().abs().max())
    assert 0.99 * bound < largest <= bound


# -- GGANmut --------------------------------------------------------------------------------------


def test_gaussian_codes_are_the_squashed_means(tiny_method):
    method = tiny_method("gaussian")
    torch.testing.assert_close(method.codes(ALL), torch.tanh(method.mu))


def test_legacy_codes_are_the_means_before_squashing(tiny_method):
    method = tiny_method("gaussian", labels="legacy")
    assert torch.equal(method.codes(ALL), method.mu)
    # The Gaussians stay where they are.
    torch.testing.assert_close(method.anchors(), torch.tanh(method.mu))


def test_gaussian_samples_fill_the_square_evenly(tiny_method):
    codes = tiny_method("gaussian").sample(4000, seeded()).double().numpy()
    assert codes.shape == (4000, 2)
    assert np.abs(codes).max() <= 1
    for axis in codes.T:
        assert stats.kstest((axis + 1) / 2, "uniform").pvalue > 0.01
    assert abs(stats.spearmanr(*codes.T).statistic) < 0.05


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


TINY = GaussianConfig(image_size=16, width=4, blocks=1, critic_layers=2)


def gaussians(mu, angles, axes) -> Gaussian:
    method = Gaussian(TINY).double().requires_grad_(False)
    for name, value in (("mu", mu), ("covariance_angles", angles[None]), ("covariance_axes", axes)):
        setattr(method, name, nn.Parameter(torch.as_tensor(value), requires_grad=False))
    return method


def floats(shape, low, high):
    return arrays(np.float64, shape, elements=st.floats(low, high))


SIGNED_AXES = st.tuples(
    floats((7, 2), 0.05, 4), arrays(np.int64, (7, 2), elements=st.sampled_from([-1, 1]))
).map(lambda pair: pair[0] * pair[1])
parameters = st.tuples(floats((7, 2), -2, 2), floats(7, -7, 7), SIGNED_AXES)
codes = floats((5, 2), -1, 1)


@settings(max_examples=40, deadline=None)
@given(parameters)
def test_covariances_are_symmetric_and_positive(drawn):
    found = gaussians(*drawn).covariances().numpy()
    np.testing.assert_allclose(found, found.transpose(0, 2, 1), atol=1e-12)
    spectrum = np.sort(np.abs(drawn[2]), axis=1)
    np.testing.assert_allclose(np.linalg.eigvalsh(found), spectrum, rtol=1e-9, atol=1e-12)
    # The first axis points along the angle.
    along = np.stack([np.cos(drawn[1]), np.sin(drawn[1])], 1)
    np.testing.assert_allclose(
        np.einsum("ci,cij,cj->c", along, found, along), np.abs(drawn[2][:, 0])
    )


@settings(max_examples=40, deadline=None)
@given(parameters, codes)
def test_distances_are_those_of_an_explicit_inverse(drawn, z):
    method = gaussians(*drawn)
    offset = z[:, None, :] - np.tanh(drawn[0])
    inverse = np.linalg.inv(method.covariances().numpy())
    expected = np.einsum("nci,cij,ncj->nc", offset, inverse, offset)
    found = method.mahalanobis(torch.as_tensor(z)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(parameters, codes)
def test_label_distributions_are_softmax_of_squared_distances(drawn, z):
    method = gaussians(*drawn)
    p = method.label_distribution(torch.as_tensor(z)).numpy()
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-12)
    distance = method.mahalanobis(torch.as_tensor(z)).numpy()
    # No half and no log-determinant: ratios are plain exponentials of differences.
    weights = np.exp(distance.min(1, keepdims=True) - distance)
    np.testing.assert_allclose(p, weights / weights.sum(1, keepdims=True), rtol=1e-9, atol=1e-300)


@settings(max_examples=25, deadline=None)
@given(floats(7, -7, 7), floats((7, 2), 0.05, 1), st.permutations(range(7)))
def test_a_mean_stands_for_its_own_emotion(angles, axes, order):
    ring = 2 * np.pi * np.arange(6) / 6
    circle = 0.8 * np.stack([np.cos(ring), np.sin(ring)], 1)
    means = np.concatenate([np.zeros((1, 2)), circle])[order]
    method = gaussians(np.arctanh(means), angles, axes)
    p = method.label_distribution(method.codes(ALL))
    assert p.argmax(1).tolist() == list(range(7))


def test_a_long_axis_spreads_its_emotion():
    means, angles, axes = np.zeros((7, 2)), np.zeros(7), np.ones((7, 2))
    axes[3] = [4.0, 1.0]
    angles[3] = np.pi / 2  # the long axis is vertical now
    p = gaussians(means, angles, axes).label_distribution(
        torch.tensor([[0, 0.9], [0.9, 0]]).double()
    )
    assert p[0].argmax() == 3
    torch.testing.assert_close(p[1], torch.full((7,), 1 / 7).double())


@pytest.mark.parametrize("field", [{"channels": "grb"}, {"means": "square"}, {"labels": "tan"}])
def test_configurations_are_checked_where_they_are_read(field):
    with pytest.raises(BadInput, match="unknown gaussian"):
        build(GaussianConfig, field, "gaussian")


@pytest.mark.parametrize("variance", [0.0, -1.0])
def test_variances_are_positive(variance):
    with pytest.raises(BadInput, match="variance must be positive"):
        GaussianConfig(variance=variance)
