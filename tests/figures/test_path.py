"""Animations: codes along a way, frames, formats, and the command."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

import ganbench
from ganbench.errors import BadInput, Unsupported
from ganbench.figures import path, plane


@pytest.fixture(scope="module")
def linear():
    return ganbench.load_method("linear", device="cpu")


def test_a_way_there_and_back_is_eased_and_closed(linear):
    codes = path.way(linear, "happy", "angry", 10)
    anchors = plane.anchors(linear)
    assert len(codes) == 2 * (10 + path.REST)
    assert codes[0] == pytest.approx(anchors[1])
    assert codes[path.REST + 10] == pytest.approx(anchors[6])
    assert np.abs(codes - codes[::-1][np.arange(len(codes)) - path.REST]).max() < 1e-12
    steps = np.linalg.norm(np.diff(codes[path.REST : path.REST + 10], axis=0), axis=1)
    assert steps[0] < 0.5 * steps[4]
    assert steps[-1] == pytest.approx(steps[0])


def test_a_way_around_keeps_its_distance_and_does_not_repeat_its_start(linear):
    codes = path.way(linear, "sad", path.AROUND, 8)
    assert len(codes) == 24
    assert np.linalg.norm(codes, axis=1) == pytest.approx(np.linalg.norm(plane.anchors(linear)[2]))
    steps = np.linalg.norm(codes - np.roll(codes, 1, axis=0), axis=1)
    assert steps == pytest.approx(steps[0])


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (("happy", "happy"), "--from and --to are both happy"),
        (("neutral", "around"), "neutral lies at the centre of the plane of linear"),
        (("happy", "hapy"), "unknown emotion: 'hapy'"),
    ],
)
def test_ways_that_lead_nowhere(linear, ends, message):
    with pytest.raises(BadInput, match=message):
        path.way(linear, *ends)


def test_methods_without_a_plane():
    with pytest.raises(Unsupported):
        path.way(ganbench.load_method("stargan", device="cpu"), "happy", "sad")


def noise(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    frames = [np.full((64, 64, 3), 40 * k, np.uint8) for k in range(count)]
    for frame in frames:
        frame[8:24, 8:24] = random.integers(0, 255, 3)
    return frames


@pytest.mark.parametrize("encode", [path.to_gif, path.to_webp])
def test_animations_repeat_for_ever_with_all_frames(encode):
    frames = noise(5)
    picture = Image.open(io.BytesIO(encode(frames)))
    assert picture.n_frames == 5
    assert picture.info["loop"] == 0
    for found, frame in zip(ImageSequence.Iterator(picture), frames, strict=True):
        difference = np.asarray(found.convert("RGB"), float) - frame
        assert found.info["duration"] == path.MILLISECONDS
        assert np.abs(difference).mean() < 8


def test_a_gif_keeps_the_colours_of_the_map():
    frames = noise(3)
    for k, colour in enumerate(path._colours()):
        frames[1][60:, 4 * k : 4 * k + 4] = colour
    picture = Image.open(io.BytesIO(path.to_gif(frames)))
    picture.seek(1)
    row = np.asarray(picture.convert("RGB"), int)[62, 2:28:4]
    assert np.abs(row - np.array(path._colours())).max() <= 2


def test_the_command(call, tmp_path):
    out = tmp_path / "way.png"
    code, printed, _ = call(
        "figure", "path", "--method", "gaussian", "--from", "sad", "--to", "happy", "--frames", "3",
        "--data", "faces:test=7", "--device", "cpu", "--out", str(out),
    )  # fmt: skip
    assert code == 0
    assert "GGANmut: from sad to happy and back, 22 frames of 50 ms." in printed
    strip = np.asarray(Image.open(out))
    assert strip.shape == (path.FACE, 22 * path.FACE, 3)
    faces = strip.reshape(path.FACE, 22, path.FACE, 3).swapaxes(0, 1)
    assert np.array_equal(faces[0], faces[1])
    assert not np.array_equal(faces[0], faces[path.REST + 3])
    code, _, error = call(
        "figure", "path", "--method", "linear", "--out", str(tmp_path / "way.mp4")
    )
    assert code == 2
    assert "an animation is a gif, a webp, or a png" in error
    assert call("figure", "path", "--method", "stargan", "--out", str(out))[0] == 2
