"""The one interface: codes, edits and refusals of every method; the planes of GANmut and GGANmut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from torch import nn

import ganbench
from ganbench.config import build
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput, GanbenchError, Unsupported
from ganbench.ganmut.gaussian import Gaussian, GaussianConfig
from ganbench.ganmut.linear import Linear, LinearConfig
from ganbench.methods.conditions import (
    ActionUnits,
    Category,
    ReferenceImage,
)

SIX = ["linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2"]
FAMILY = SIX[:4]
ALL = torch.arange(7)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(method, n: int) -> torch.Tensor:
    size = method.spec.image_size
    return torch.rand(n, 3, size, size, generator=seeded(1))


# -- what is listed -------------------------------------------------------------------------------


def test_the_six_methods_are_listed_in_the_paper_s_order():
    assert ganbench.list_methods()[:6] == SIX


@pytest.mark.parametrize("name", SIX)
def test_spec_states_the_facts(tiny_method, name):
    method = tiny_method(name)
    spec = method.spec
    assert spec.name == name
    assert spec.emotions == EMOTIONS
    assert spec.image_size == method.config.image_size
    assert spec.stochastic is (name in ("smit", "stargan-v2"))
    assert (spec.noise_dim > 0) is spec.stochastic
    assert "Category" in spec.conditions
    assert "20" in spec.paper  # a year
    assert method.codes(ALL, generator=seeded()).shape == (7, spec.code_dim)


def test_titles_are_those_of_table_1(tiny_method):
    assert [tiny_method(name).spec.title for name in SIX] == [
        "GANmut",
        "GGANmut",
        "StarGAN",
        "GANimation",
        "SMIT",
        "StarGAN-v2",
    ]


# -- codes ----------------------------------------------------------------------------------------


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


def test_gaussian_codes_are_the_squashed_means(tiny_method):
    method = tiny_method("gaussian")
    torch.testing.assert_close(method.codes(ALL), torch.tanh(method.mu))


def test_legacy_codes_are_the_means_before_squashing(tiny_method):
    method = tiny_method("gaussian", labels="legacy")
    assert torch.equal(method.codes(ALL), method.mu)
    # The Gaussians stay where they are.
    torch.testing.assert_close(method.anchors(), torch.tanh(method.mu))


@pytest.mark.parametrize("name", ["stargan", "ganimation"])
def test_one_hot_codes(tiny_method, name):
    codes = tiny_method(name).codes(torch.tensor([6, 0, 6]))
    assert codes.dtype == torch.float32
    assert codes.tolist() == [[0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]]


def test_action_units_are_the_code_itself(tiny_method):
    method = tiny_method("ganimation", condition="action_units")
    units = torch.rand(3, 17)
    assert torch.equal(method.encode(ActionUnits(units)), units)
    assert method.spec.code_dim == 17
    assert method.spec.conditions == ("ActionUnits",)
    assert method.edit(photos(method, 3), units).images.shape == (3, 3, 16, 16)


@pytest.mark.parametrize("name", FAMILY)
def test_noise_changes_nothing_without_randomness(tiny_method, name):
    method = tiny_method(name)
    assert method.draw_noise(3) is None
    assert torch.equal(method.codes(ALL), method.codes(ALL, noise=torch.rand(7, 5)))


@pytest.mark.parametrize("name", ["smit", "stargan-v2"])
def test_noise_is_drawn_from_the_generator(tiny_method, name):
    method = tiny_method(name)
    codes = method.codes(ALL, generator=seeded(4))
    assert torch.equal(codes, method.codes(ALL, generator=seeded(4)))
    assert not torch.equal(codes, method.codes(ALL, generator=seeded(5)))
    noise = method.draw_noise(7, seeded(4))
    assert torch.equal(codes, method.codes(ALL, noise=noise))


def test_evenly_spread_starts(tiny_method):
    wheel = tiny_method("linear", directions="circle").codes(ALL)
    angles = np.unwrap(np.arctan2(wheel[1:, 1].numpy(), wheel[1:, 0].numpy()))
    np.testing.assert_allclose(np.diff(angles), np.pi / 3, atol=1e-5)
    means = tiny_method("gaussian", means="circle").codes(ALL)
    torch.testing.assert_close(means[1:], 0.75 * wheel[1:])
    assert means[0].abs().max() == 0


# -- edits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIX)
def test_an_edit_keeps_the_shape_and_the_input(tiny_method, name):
    method = tiny_method(name)
    images, codes = photos(method, 3), method.codes(torch.tensor([1, 4, 0]), generator=seeded())
    before = images.clone(), codes.clone()
    edit = method.edit(images, codes)
    assert edit.images.shape == images.shape
    assert edit.images.dtype == torch.float32
    assert edit.images.min() >= 0
    assert edit.images.max() <= 1
    assert torch.equal(images, before[0])
    assert torch.equal(codes, before[1])
    assert not edit.images.requires_grad
    if name in ("ganimation", "smit"):
        assert edit.mask is not None
        assert edit.mask.shape == (3, 1, *images.shape[2:])
        assert edit.mask.min() >= 0
        assert edit.mask.max() <= 1
    else:
        assert edit.mask is None


@pytest.mark.parametrize("name", SIX)
def test_an_edit_is_clamped(tiny_method, name, monkeypatch):
    method = tiny_method(name)
    monkeypatch.setattr(method, "translate", lambda x, codes: (5 * x, None))
    images = photos(method, 2)
    found = method.edit(images, method.codes(torch.tensor([1, 2]))).images
    torch.testing.assert_close(found, ((5 * (2 * images - 1) + 1) / 2).clamp(0, 1))
    assert found.min() == 0
    assert found.max() == 1


@pytest.mark.parametrize("name", SIX)
def test_a_batch_gives_what_its_images_give_alone(tiny_method, name):
    method = tiny_method(name)
    images, codes = photos(method, 5), method.codes(torch.arange(5), generator=seeded())
    together = method.edit(images, codes)
    alone = [method.edit(images[i : i + 1], codes[i : i + 1]) for i in range(5)]
    torch.testing.assert_close(
        together.images, torch.cat([e.images for e in alone]), atol=1e-5, rtol=0
    )
    if together.mask is not None:
        torch.testing.assert_close(
            together.mask, torch.cat([e.mask for e in alone]), atol=1e-5, rtol=0
        )


@pytest.mark.parametrize("name", SIX)
def test_training_mode_makes_no_difference(tiny_method, name):
    method = tiny_method(name)
    images, codes = photos(method, 3), method.codes(torch.arange(3), generator=seeded())
    x = method.to_native(images)
    trained, _ = method.train().translate(x, codes)
    evaluated, _ = method.eval().translate(x, codes)
    assert torch.equal(trained, evaluated)
    expected = method.edit(images, codes).images
    assert torch.equal(method.train().edit(images, codes).images, expected)


@pytest.mark.parametrize("name", SIX)
def test_native_range_and_back(tiny_method, name):
    method = tiny_method(name)
    images = photos(method, 2)
    x = method.to_native(images)
    assert x.min() >= -1
    assert x.max() <= 1
    assert x.min() < 0
    torch.testing.assert_close(method.from_native(x), images)


@pytest.mark.parametrize("name", ["linear", "gaussian"])
def test_bgr_networks_see_blue_first(tiny_method, name):
    bgr, rgb = tiny_method(name), tiny_method(name, channels="rgb")
    assert bgr.config.channels == "bgr"
    rgb.load_state_dict(bgr.state_dict())
    red = torch.zeros(1, 3, 16, 16)
    red[:, 0] = 1
    assert bgr.to_native(red)[0, :, 0, 0].tolist() == [-1, -1, 1]
    images, codes = photos(bgr, 2), bgr.codes(torch.tensor([1, 2]))
    expected = rgb.edit(images.flip(1), codes).images.flip(1)
    torch.testing.assert_close(bgr.edit(images, codes).images, expected)
    assert not torch.allclose(rgb.edit(images, codes).images, expected, atol=1e-3)


@pytest.mark.parametrize("name", FAMILY)
def test_codes_matter(tiny_method, name):
    method = tiny_method(name)
    images = photos(method, 1).expand(7, -1, -1, -1)
    edits = method.edit(images, method.codes(ALL)).images
    for emotion in range(1, 7):
        assert not torch.equal(edits[0], edits[emotion])


def test_double_images_are_accepted(tiny_method):
    method = tiny_method("stargan")
    images, codes = photos(method, 2), method.codes(torch.tensor([1, 2]))
    assert torch.equal(
        method.edit(images.double(), codes.double()).images, method.edit(images, codes).images
    )


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIX)
def test_wrong_sizes_are_named(tiny_method, name):
    method = tiny_method(name)
    size = method.spec.image_size
    codes = method.codes(torch.tensor([0, 1]))
    for shape in [(2, 3, size, size + 1), (2, 1, size, size), (3, size, size), (2, 3, 2 * size, 2 * size)]:  # fmt: skip
        with pytest.raises(BadInput, match=rf"{name}.*expected \[N, 3, {size}, {size}\].*resize"):
            method.edit(torch.rand(shape), codes)
    images = torch.rand(2, 3, size, size)
    for wrong in [codes[:1], codes[:, :-1], codes[0]]:
        with pytest.raises(BadInput, match=rf"wrong code shape for {name}.*codes\("):
            method.edit(images, wrong)


@pytest.mark.parametrize("name", SIX)
@pytest.mark.parametrize("emotions", [[7], [-1], [0, 99], [[1, 2]], 3])
def test_emotions_out_of_range_are_named(tiny_method, name, emotions):
    with pytest.raises(BadInput, match=r"emotions must be integers \[N\] in 0\.\.6"):
        tiny_method(name).codes(torch.tensor(emotions))


def test_emotions_are_not_rounded(tiny_method):
    with pytest.raises(BadInput, match="emotions must be integers"):
        tiny_method("stargan").codes(torch.tensor([1.7]))


@pytest.mark.parametrize("name", ["smit", "stargan-v2"])
def test_noise_of_another_shape_is_refused(tiny_method, name):
    method = tiny_method(name)
    for shape in [(6, method.noise_dim), (7, method.noise_dim + 1), (7,)]:
        with pytest.raises(BadInput, match=f"noise of {name} must have shape"):
            method.codes(ALL, noise=torch.zeros(shape))


CONDITIONS = [
    ActionUnits(torch.rand(2, 17)),
    ReferenceImage(torch.rand(2, 3, 16, 16)),
    Category(torch.tensor([1, 2]), torch.ones(2)),
]


@pytest.mark.parametrize("name", SIX)
@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: type(c).__name__)
def test_nothing_is_mapped_silently(tiny_method, name, condition):
    if name == "linear" and isinstance(condition, Category):
        return  # intensity is what GANmut is for
    method = tiny_method(name)
    if name == "stargan-v2" and isinstance(condition, ReferenceImage):
        with pytest.raises(BadInput, match="give the emotion"):
            method.encode(condition)
        return
    with pytest.raises(Unsupported, match=f"{name} cannot be conditioned on .*understands: Cat"):
        method.encode(condition)


@pytest.mark.parametrize(
    "condition", [Category(torch.tensor([1])), ReferenceImage(torch.rand(1, 3, 16, 16))]
)
def test_action_unit_networks_take_action_units_only(tiny_method, condition):
    with pytest.raises(Unsupported, match="ganimation cannot be conditioned on"):
        tiny_method("ganimation", condition="action_units").encode(condition)


@pytest.mark.parametrize("name", ["stargan", "ganimation", "smit", "stargan-v2"])
def test_planes_are_for_ganmut(tiny_method, name):
    method = tiny_method(name)
    for ask in (
        method.anchors,
        lambda: method.sample(3),
        lambda: method.label_distribution(method.codes(ALL)),
    ):
        with pytest.raises(Unsupported, match=name) as refused:
            ask()
        assert isinstance(refused.value, GanbenchError)


def test_the_linear_model_defines_no_label_distribution(tiny_method):
    method = tiny_method("linear")
    with pytest.raises(Unsupported, match="linear defines no label distribution"):
        method.label_distribution(method.codes(ALL))


# -- the whole space Z ----------------------------------------------------------------------------


def test_linear_samples_fill_the_disc_evenly(tiny_method):
    codes = tiny_method("linear").sample(4000, seeded()).double().numpy()
    radius, angle = np.hypot(*codes.T), np.arctan2(codes[:, 1], codes[:, 0])
    assert codes.shape == (4000, 2)
    assert radius.max() <= 1 + 1e-6
    # Even over the area: the square of the radius is uniform, and so is the angle.
    assert stats.kstest(radius**2, "uniform").pvalue > 0.01
    assert stats.kstest((angle + np.pi) / (2 * np.pi), "uniform").pvalue > 0.01
    assert abs(stats.spearmanr(radius, angle).statistic) < 0.05


def test_gaussian_samples_fill_the_square_evenly(tiny_method):
    codes = tiny_method("gaussian").sample(4000, seeded()).double().numpy()
    assert codes.shape == (4000, 2)
    assert np.abs(codes).max() <= 1
    for axis in codes.T:
        assert stats.kstest((axis + 1) / 2, "uniform").pvalue > 0.01
    assert abs(stats.spearmanr(*codes.T).statistic) < 0.05


@pytest.mark.parametrize("name", ["linear", "gaussian"])
def test_samples_repeat_with_their_generator(tiny_method, name):
    method = tiny_method(name)
    assert torch.equal(method.sample(5, seeded(1)), method.sample(5, seeded(1)))
    assert not torch.equal(method.sample(5, seeded(1)), method.sample(5, seeded(2)))
    assert method.sample(0).shape == (0, 2)


# -- the Gaussians ----------------------------------------------------------------------------------

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


@pytest.mark.parametrize("kind", [LinearConfig, GaussianConfig])
def test_codes_have_two_dimensions(kind):
    assert build(kind, {"dims": 2}, "an older file") == kind()
    with pytest.raises(BadInput, match="dims"):
        build(kind, {"dims": 3}, "an older file")


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
    from ganbench.config import build

    with pytest.raises(BadInput, match="unknown gaussian"):
        build(GaussianConfig, field, "gaussian")


@pytest.mark.parametrize("variance", [0.0, -1.0])
def test_variances_are_positive(variance):
    with pytest.raises(BadInput, match="variance must be positive"):
        GaussianConfig(variance=variance)


@pytest.mark.parametrize(
    ("size", "what"),
    [(0, "at least 1"), (4, "a multiple of 64"), (100, "a multiple of 64"), (-64, "at least 1")],
)
def test_sizes_that_do_not_halve_are_refused(size, what):
    with pytest.raises(BadInput, match=f"image_size must be {what}"):
        Linear(LinearConfig(image_size=size))
