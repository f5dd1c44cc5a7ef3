"""Augmentation: exact where it can be, within its ranges everywhere, and repeatable."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch.nn import functional
from torchvision.transforms import functional as transforms

from ganbench.config import build
from ganbench.distributed import Share
from ganbench.errors import BadInput
from ganbench.seeds import generator
from ganbench.training.augment import LOOK, Augment, _gathered, augment, warp
from ganbench.training.draws import Draws
from ganbench.training.setup import configure

EVERYTHING = Augment(
    flip=0.5, rotate=20, shift=0.1, zoom=(0.8, 1.3), crop=0.5,
    crop_scale=(0.5, 0.9), crop_ratio=(0.7, 1.4),
)  # fmt: skip


def of_paper(method: str) -> Augment:
    """What the authors of a method do to training images, by recipe ``affectnet``."""
    return configure(method, "affectnet").recipe.augment


def noise(n: int = 6, size: int = 16) -> torch.Tensor:
    return torch.rand((n, 3, size, size), generator=generator(1, "images", n))


def places(n: int, size: int = 64) -> torch.Tensor:
    """Images whose pixels hold their position: channels x and y in half sides from the centre, and 0."""
    axis = (2 * torch.arange(size) + 1) / size - 1
    x, y = axis.expand(size, size), axis[:, None].expand(size, size)
    return torch.stack([x, y, torch.zeros(size, size)]).expand(n, 3, size, size)


def maps(config: Augment, n: int = 300) -> np.ndarray:
    """Maps [n, 2, 3] from result to image positions, measured at the centre of augmented ``places``."""
    size = 64
    out = augment(places(n, size), config, Draws(generator(3, "maps"))).double()[:, :2]
    middle = size // 2
    step = 2 / size
    right = (out[:, :, middle, middle] - out[:, :, middle, middle - 1]) / step
    down = (out[:, :, middle, middle] - out[:, :, middle - 1, middle]) / step
    centre = out[:, :, middle - 1 : middle + 1, middle - 1 : middle + 1].mean((2, 3))
    return torch.stack([right, down, centre], 2).numpy()


def test_the_default_changes_nothing():
    images = noise()
    result = augment(images, Augment(), Draws(generator(0)))
    assert torch.equal(result, images)
    assert result.data_ptr() != images.data_ptr()


def test_mirroring_is_exact():
    images = noise(40)
    assert torch.equal(augment(images, Augment(flip=1), Draws(generator(0))), images.flip(-1))
    some = augment(images, of_paper("stargan"), Draws(generator(0)))
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(some, images, strict=True)]
    left = [torch.equal(a, b) for a, b in zip(some, images, strict=True)]
    assert all(a != b for a, b in zip(mirrored, left, strict=True))
    assert 8 < sum(mirrored) < 32


def test_an_image_that_is_not_cropped_keeps_its_bits():
    images = noise(40)
    config = dataclasses.replace(of_paper("stargan-v2"), flip=0)
    same = [
        torch.equal(a, b)
        for a, b in zip(augment(images, config, Draws(generator(0))), images, strict=True)
    ]
    assert 8 < sum(same) < 32


def test_whole_crops_and_unit_zoom_change_nothing():
    images = noise()
    assert torch.equal(augment(images, Augment(crop=1), Draws(generator(0))), images)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_a_quarter_turn(interpolation):
    images = noise()
    # (1, 0) of the result comes from (0, 1) of the image: counter-clockwise, y points down.
    turn = torch.tensor([[0.0, -1, 0], [1, 0, 0]]).expand(6, 2, 3)
    torch.testing.assert_close(warp(images, turn, interpolation), images.rot90(1, (2, 3)))


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_a_shift_by_whole_pixels_reflects_at_the_border(interpolation):
    images = noise()
    shift = torch.tensor([[1.0, 0, 2 * 3 / 16], [0, 1, 0]]).expand(6, 2, 3)
    result = warp(images, shift, interpolation)
    torch.testing.assert_close(result[..., :-3], images[..., 3:])
    torch.testing.assert_close(result[..., -3:], images[..., -3:].flip(-1))


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_warp_is_scipys(seed):
    draw = np.random.default_rng(seed)
    image = draw.random((9, 12))
    theta = np.eye(2, 3) + draw.normal(0, 0.2, (2, 3))
    tensor = torch.tensor(image)[None, None]
    result = warp(tensor, torch.tensor(theta)[None])
    y, x = np.mgrid[:9, :12]
    source = theta @ np.stack(
        [(2 * x + 1) / 12 - 1, (2 * y + 1) / 9 - 1, np.ones((9, 12))]
    ).reshape(3, -1)
    columns, rows = ((source[0] + 1) * 12 - 1) / 2, ((source[1] + 1) * 9 - 1) / 2
    expected = ndimage.map_coordinates(image, [rows, columns], order=1, mode="reflect")
    np.testing.assert_allclose(result[0, 0].numpy().ravel(), expected, atol=1e-9)
    grid = functional.affine_grid(torch.tensor(theta)[None], [1, 1, 9, 12], align_corners=False)
    torch.testing.assert_close(
        result,
        functional.grid_sample(tensor, grid, padding_mode="reflection", align_corners=False),
    )


def test_ganmuts_ranges():
    found = maps(dataclasses.replace(of_paper("linear"), flip=0))
    zoom = 1 / np.sqrt(np.linalg.det(found[:, :, :2]))
    angle = np.degrees(np.arctan2(found[:, 1, 0], found[:, 0, 0]))
    # The shift of the image, in half sides, before its zoom and rotation.
    shift = -np.linalg.solve(found[:, :, :2], found[:, :, 2:])[:, :, 0] / 2
    for values, low, high in (
        (zoom, 1.075, 1.15),
        (angle, -7.5, 7.5),
        (shift, -7.5 / 128, 7.5 / 128),
    ):
        slack = 2e-3 * (high - low)
        assert values.min() >= low - slack
        assert values.max() <= high + slack
        assert np.ptp(values) > 0.95 * (high - low)
        assert abs(values.mean() - (low + high) / 2) < 0.1 * (high - low)


@pytest.mark.parametrize("method", ["smit", "stargan-v2"])
def test_crops_are_boxes_inside_the_image(method):
    config = dataclasses.replace(of_paper(method), flip=0, crop=1)
    found = maps(config)
    np.testing.assert_allclose(found[:, [0, 1], [1, 0]], 0, atol=1e-5)
    sides, centre = found[:, [0, 1], [0, 1]], found[:, :, 2]
    assert (np.abs(centre) + sides <= 1 + 1e-5).all()
    area, ratio = sides.prod(1), sides[:, 0] / sides[:, 1]
    for values, (low, high) in ((area, config.crop_scale), (ratio, config.crop_ratio)):
        assert values.min() >= low - 1e-4
        assert values.max() <= high + 1e-4
        assert np.ptp(values) > 0.9 * (high - low)
    # Boxes are wide as often as tall.
    assert abs(np.log(ratio).mean()) < 0.1 * math.log(config.crop_ratio[1] / config.crop_ratio[0])


def test_boxes_that_never_fit_leave_the_image():
    images = noise()
    config = Augment(crop=1, crop_scale=(1, 1), crop_ratio=(2, 3))
    assert torch.equal(augment(images, config, Draws(generator(0))), images)


def test_a_batch_gives_what_its_parts_give():
    images = noise(7)
    whole = augment(images, EVERYTHING, Draws(generator(5)))
    stream = Draws(generator(5))
    parts = [augment(part, EVERYTHING, stream) for part in (images[:2], images[2:3], images[3:])]
    assert torch.equal(whole, torch.cat(parts))


def test_only_the_generator_decides():
    images = noise(7)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = augment(images, EVERYTHING, Draws(generator(5)))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, augment(images, EVERYTHING, Draws(generator(5))))
    assert not torch.equal(first, augment(images, EVERYTHING, Draws(generator(6))))


def test_one_change_does_not_move_the_others():
    images = noise(20)
    config = dataclasses.replace(EVERYTHING, flip=0)
    plain = augment(images, config, Draws(generator(5)))
    flipped = augment(images, dataclasses.replace(config, flip=1), Draws(generator(5)))
    assert torch.equal(flipped, plain.flip(-1))


def test_values_stay_in_range():
    result = augment(noise(20), EVERYTHING, Draws(generator(5)))
    assert result.shape == (20, 3, 16, 16)
    assert result.dtype == torch.float32
    assert result.min() >= 0
    assert result.max() <= 1 + 1e-6


def test_no_images():
    assert augment(noise(6)[:0], EVERYTHING, Draws(generator(5))).shape == (0, 3, 16, 16)


def test_it_is_read_from_toml():
    table = {"flip": 0.5, "zoom": [1, 1.2], "interpolation": "nearest"}
    config = build(Augment, table, "augment")
    assert config == Augment(flip=0.5, zoom=(1.0, 1.2), interpolation="nearest")


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"flip": 1.1}, "flip must be a probability.*1.1"),
        ({"crop": -1}, "crop must be a probability"),
        ({"rotate": -5}, "rotate must be 0 to 180"),
        ({"shift": 7.5}, "shift must be a fraction.*7.5"),
        ({"zoom": (1.2, 1.0)}, "zoom must be"),
        ({"zoom": (0.0, 1.0)}, "zoom must be"),
        ({"crop_scale": (0.5, 1.1)}, "crop_scale must be .* up to 1"),
        ({"crop_ratio": (1.0,)}, "crop_ratio must be"),
        ({"brightness": -0.1}, "brightness must be a largest change, 0 to 1, not -0.1"),
        ({"noise": 12}, "noise must be a largest change, 0 to 1, not 12"),
        ({"interpolation": "bilinar"}, "did you mean 'bilinear'"),
    ],
)
def test_values_out_of_range(values, cause):
    with pytest.raises(BadInput, match=cause):
        Augment(**values)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("shape", [(16, 16), (9, 20)])
def test_the_deterministic_warp_of_a_gpu_is_grid_sample_s(interpolation, shape):
    random = generator(0, "warps")
    images = torch.rand(40, 3, *shape, generator=random, dtype=torch.float64).requires_grad_(True)
    grid = (
        4 * torch.rand(40, 2, *shape, generator=random, dtype=torch.float64) - 2
    )  # far outside too
    found = _gathered(images, grid, interpolation)
    expected = functional.grid_sample(
        images,
        grid.permute(0, 2, 3, 1),
        mode=interpolation,
        padding_mode="reflection",
        align_corners=False,
    )
    torch.testing.assert_close(found, expected)
    weights = torch.rand(found.shape, generator=random, dtype=torch.float64)
    gradients = [torch.autograd.grad((y * weights).sum(), images)[0] for y in (found, expected)]
    torch.testing.assert_close(*gradients)


LOOKS = Augment(
    brightness=0.3, contrast=0.3, saturation=0.5, sharpness=1, tint=0.2, shade=0.3, noise=0.05
)  # fmt: skip


@pytest.mark.parametrize(
    ("key", "column"), [("brightness", 0), ("contrast", 1), ("saturation", 2), ("sharpness", 3)]
)
def test_a_look_is_torchvision_s(key, column):
    images = noise(5) * 0.5 + 0.25  # nothing is cut off at 0 or 1
    config = Augment(**{key: 0.4})
    factors = 1 + 0.4 * (2 * look_draws(5)[:, column] - 1)
    adjust = getattr(transforms, f"adjust_{key}")
    wanted = torch.stack(
        [adjust(image, float(factor)) for image, factor in zip(images, factors, strict=True)]
    )
    result = augment(images, config, Draws(generator(5)))
    inner = np.s_[..., 1:-1, 1:-1] if key == "sharpness" else ...  # torchvision keeps the border
    assert torch.allclose(result[inner], wanted[inner], atol=1e-6)
    assert not torch.allclose(result, images, atol=1e-2)


def look_draws(n: int) -> torch.Tensor:
    """The numbers that ``augment`` takes for the look of n images with the generator 5."""
    random = Draws(generator(5))
    augment(noise(n), Augment(noise=0.1), random)
    assert [request.shape[1] for request in random.requests[:2]] == [28, 10]
    again = Draws(generator(5))
    again.rand(n, 28)
    return again.rand(n, 10)


def test_a_tint_multiplies_channels():
    images = torch.full((200, 3, 8, 8), 0.5)
    result = augment(images, Augment(tint=0.2), Draws(generator(5)))
    assert torch.equal(result, result[:, :, :1, :1].expand_as(result))
    gains = result[:, :, 0, 0] / 0.5
    assert 0.8 <= gains.min() < 0.81
    assert 1.19 < gains.max() <= 1.2
    assert abs(np.corrcoef(gains.T.numpy())[0, 1]) < 0.2


def test_a_shade_is_a_ramp_that_keeps_the_mean():
    images = torch.full((200, 3, 16, 16), 0.5)
    result = augment(images, Augment(shade=0.3), Draws(generator(5)))
    assert torch.allclose(result.mean((2, 3)), torch.tensor(0.5), atol=1e-6)
    ramp = result[:, 0] - 0.5
    assert torch.allclose(ramp, -ramp.flip(1, 2), atol=1e-6)
    assert torch.allclose(ramp.diff(n=2, dim=1), torch.tensor(0.0), atol=1e-6)
    assert ramp[:, 8, 15].max() > 0.12  # 0.3 of 0.5, nearly half a side from the centre
    assert ramp[:, 8, 15].min() < -0.12


def test_noise_has_its_standard_deviation():
    images = torch.full((200, 3, 16, 16), 0.5)
    deviations = augment(images, Augment(noise=0.1), Draws(generator(5))).std((1, 2, 3))
    assert deviations.max() < 0.11
    assert deviations.min() < 0.01
    assert abs(float(deviations.mean()) - 0.05) < 0.006


def test_looks_stay_in_range_and_leave_places_alone():
    images = noise(20)
    everything = dataclasses.replace(EVERYTHING, **{key: getattr(LOOKS, key) for key in LOOK})
    result = augment(images, everything, Draws(generator(5)))
    assert result.shape == images.shape
    assert result.min() >= 0
    assert result.max() <= 1
    placed = augment(images, EVERYTHING, Draws(generator(5)))
    assert torch.equal(result, augment(placed, LOOKS, Draws(generator(5))))


def test_looks_are_differentiable():
    images = noise(3).double().requires_grad_()
    augment(images, LOOKS, Draws(generator(5))).sum().backward()
    assert (images.grad != 0).float().mean() > 0.5


def test_processes_share_the_looks_of_a_batch():
    images = noise(6)
    whole = augment(images, LOOKS, Draws(generator(5)))
    for rank in (0, 1):
        part = augment(images[rank::2], LOOKS, Draws(generator(5)), Share(rank, 2))
        assert torch.equal(part, whole[rank::2])


def test_a_look_that_is_not_changed_draws_nothing():
    random = Draws(generator(5))
    augment(noise(), EVERYTHING, random)
    assert [request.shape for request in random.requests] == [(6, 28)]
