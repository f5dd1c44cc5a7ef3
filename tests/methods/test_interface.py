"""The one interface: codes, edits and refusals of every method; the planes of GANmut and GGANmut."""

from __future__ import annotations

import pytest
import torch

import ganbench
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput, GanbenchError, Unsupported
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
    images, others = photos(method, 7), method.codes(ALL, generator=seeded(5))
    edits = method.edit(images, codes).images
    assert torch.equal(edits, method.edit(images, codes).images)
    assert not torch.equal(edits, method.edit(images, others).images)


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
