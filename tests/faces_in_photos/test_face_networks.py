"""The face networks against the runtime they were published for, and what they find."""

import hashlib
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from ganbench.data import load_dataset
from ganbench.faces_in_photos import chip, load_face_networks
from ganbench.faces_in_photos.finding import SURE, Face
from ganbench.faces_in_photos.networks import DESCRIPTOR_SIZE, LANDMARKS_SIZE

GOLDEN = Path(__file__).parent / "golden" / "face_networks.npz"
RENDERS = ("ren64_0", "ren64_3", "ren128_3")


@pytest.fixture(scope="module")
def networks():
    return load_face_networks("cpu")


@pytest.fixture(scope="module")
def published():
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture(scope="module")
def renders():
    """Rendered faces, uint8 [12, 64, 64, 3]."""
    data = load_dataset("faces", "test", size=64, test=14, train=14)
    images = data.images(np.arange(12)) * 255
    return images.round().byte().permute(0, 2, 3, 1).numpy()


def resized(image, size):
    """TensorFlow's old bilinear of the published runtime: source = target * scale, not antialiased."""
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    for dim in (2, 3):
        n = x.shape[dim]
        at = torch.arange(size, dtype=torch.float32) * (n / size)
        low = at.floor().long().clamp(max=n - 1)
        t = (at - low).view(-1, 1) if dim == 2 else at - low
        a, b = x.index_select(dim, low), x.index_select(dim, (low + 1).clamp(max=n - 1))
        x = a + (b - a) * t
    return x


@pytest.mark.parametrize("name", RENDERS)
def test_equal_the_published_runtime(name, networks, published):
    image = published[f"{name}_image"]
    with torch.inference_mode():
        grid = networks.detector(resized(image, 160))[0].permute(1, 2, 0).reshape(-1)
        marks = networks.landmark_network(resized(image, LANDMARKS_SIZE))[0]
    np.testing.assert_allclose(grid.numpy(), published[f"{name}_grid160"], atol=1e-4)
    side = image.shape[0]
    np.testing.assert_allclose(marks.numpy(), published[f"{name}_marks"] / side, atol=1e-6)
    found = networks.descriptor(resized(image, DESCRIPTOR_SIZE))[0].numpy()
    # Eight of its filters are float16 here.
    assert np.linalg.norm(found - published[f"{name}_desc"]) < 5e-4


def test_the_files_are_those_of_the_notice():
    folder = resources.files("ganbench.faces_in_photos")
    notice = (folder / "LICENSE_FACES.md").read_text("utf-8")
    rows = re.findall(r"`(\w+\.safetensors)` .*`([0-9a-f]{64})`", notice)
    assert [name for name, _ in rows] == [
        f"{name}.safetensors" for name in ("detector", "landmarks", "descriptor")
    ]
    for name, digest in rows:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_rendered_faces_are_found(networks, renders):
    for faces in networks.find_all(list(renders)):
        assert len(faces) == 1
        assert faces[0].score > SURE
        eyes = faces[0].landmarks[36:42].mean(0), faces[0].landmarks[42:48].mean(0)
        # The rendered eyes stand at (.357, .267) and (.648, .266) on average.
        assert eyes[0] / 64 == pytest.approx((0.357, 0.267), abs=0.16)
        assert eyes[1] / 64 == pytest.approx((0.648, 0.266), abs=0.16)


def test_a_face_is_seen_where_one_is_found(networks, renders):
    """Also where only one of the views shows it: strips of faces, dark faces, and pictures without one."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    pictures = [*renders, *noise, *(renders // 4), *renders[:, 20:], *renders[:, :, 24:]]
    found = [bool(faces) for faces in networks.find_all(pictures)]
    assert networks.sees_face(pictures).tolist() == found
    assert 12 <= sum(found) < len(found) - 3
    assert networks.sees_face([]).shape == (0,)


def scene(renders, width=400, height=260):
    """Grey noise with a face of 128 px at (30, 40) and one of 64 px at (290, 90)."""
    random = np.random.default_rng(0)
    picture = random.integers(110, 140, (height, width, 3), dtype=np.uint8)
    large = renders[0].repeat(2, axis=0).repeat(2, axis=1)
    picture[40:168, 30:158] = large
    picture[90:154, 290:354] = renders[5]
    return picture


def test_faces_are_found_where_they_are(networks, renders):
    faces = networks.find(scene(renders), thorough=True)
    assert len(faces) == 2
    left, right = sorted(faces, key=lambda face: face.box[0])
    alone, small = networks.find_all([renders[0], renders[5]])
    for face, reference, corner, scale in (
        (left, alone[0], (30, 40), 2),
        (right, small[0], (290, 90), 1),
    ):
        expected = reference.landmarks * scale + corner
        off = np.linalg.norm(face.landmarks - expected, axis=1).mean()
        assert off < 0.06 * 64 * scale
    assert left.area > right.area


def test_a_batch_gives_what_single_pictures_give(networks, renders):
    pictures = [scene(renders), *renders[:3], scene(renders)[:, ::-1], renders[4][:50]]
    together = networks.find_all(pictures)
    for picture, faces in zip(pictures, together, strict=True):
        alone = networks.find(picture)
        assert len(alone) == len(faces)
        side = max(picture.shape)
        for one, other in zip(alone, faces, strict=True):
            assert abs(one.score - other.score) < 1e-5
            np.testing.assert_allclose(one.box / side, other.box / side, atol=1e-5)
            np.testing.assert_allclose(one.landmarks / side, other.landmarks / side, atol=1e-5)
    chips = torch.stack([chip(p, f[0].landmarks) for p, f in zip(pictures, together, strict=True)])
    together = networks.descriptor(chips)
    alone = torch.cat([networks.descriptor(one[None]) for one in chips])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_no_face_is_no_face(networks):
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    ramp = np.broadcast_to(np.arange(120, dtype=np.uint8)[None, :, None], (90, 120, 3))
    for faces in networks.find_all([noise, ramp, ramp[:1, :1], noise[:3]], thorough=True):
        assert faces == []
    assert networks.find_all([]) == []
    assert networks.descriptor(torch.empty(0, 3, DESCRIPTOR_SIZE, DESCRIPTOR_SIZE)).shape == (
        0,
        128,
    )


def test_points_without_two_eyes_are_no_face(networks, renders, monkeypatch):
    """Eyes in one place would make a frame of no extent."""
    monkeypatch.setattr(
        networks, "landmarks", lambda pictures, boxes: [np.ones((68, 2)) for _ in boxes]
    )
    assert networks.find_all(list(renders[:2])) == [[], []]


def test_the_descriptor_knows_a_person(networks, renders):
    """Descriptors of a face and of the same face moved, darkened and enlarged are near; other faces are not."""
    changed = [
        np.pad(
            (picture.repeat(2, 0).repeat(2, 1) * 0.8).astype(np.uint8),
            ((40, 9), (5, 60), (0, 0)),
            constant_values=90,
        )
        for picture in renders[:6]
    ]
    both = [*renders[:6], *changed]
    faces = networks.find_all(both)
    chips = [chip(p, f[0].landmarks) for p, f in zip(both, faces, strict=True)]
    found = networks.descriptor(torch.stack(chips)).numpy()
    distance = np.linalg.norm(found[:6, None] - found[None, 6:], axis=-1)
    assert (distance.argmin(1) == np.arange(6)).all()
    assert 1.2 < np.linalg.norm(found, axis=1).mean() < 1.6


def test_area():
    face = Face(np.array([1.0, 2.0, 4.0, 8.0]), 0.9, np.zeros((68, 2)))
    assert face.area == 18
