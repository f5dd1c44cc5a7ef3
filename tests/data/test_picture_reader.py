"""The one reader of pictures: depth, alpha, colour profiles, files cut short, and what is refused."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from picture_files import (
    P3,
    bomb,
    cmyk_profile,
    cut_jpeg,
    display_to_srgb,
    encoded,
    grey_profile,
    png,
    rgb_profile,
    scene,
    tiff,
)
from PIL import Image, ImageCms

from ganbench.data import pictures
from ganbench.data.listing import Listing
from ganbench.data.pictures import UNREADABLE, decode, why_unreadable
from ganbench.data.table import TableDataset
from ganbench.editing import read_picture
from ganbench.errors import BadInput
from ganbench.figures.scene import read_pictures


def pixels_of(content: bytes, **options: object) -> np.ndarray:
    """int [H, W, 3]."""
    return np.asarray(decode(content, **options).image).astype(int)


def scaled(values: np.ndarray) -> np.ndarray:
    """16 bits to 8, in exact arithmetic."""
    return (2 * 255 * values.astype(np.int64) + 65535) // (2 * 65535)


def on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """8-bit colours and alpha on white, rounded."""
    alpha = alpha.astype(int)
    return (2 * (colours.astype(int) * alpha + 255 * (255 - alpha)) + 255) // 510


def reason(content: bytes, **options: object) -> str:
    with pytest.raises(UNREADABLE) as caught:
        decode(content, **options)
    return why_unreadable(caught.value)


def dataset(folder: Path, names: list[str], size: int = 16, **options: object) -> TableDataset:
    frame = pd.DataFrame({"path": names, "expression": np.arange(len(names)) % 7})
    return TableDataset(Listing("photos", "train", folder, frame), size=size, **options)


# --- one reader for all

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I;16", "I;16B", "I", "F")  # fmt: skip
KINDS = ("PNG", "TIFF", "JPEG", "GIF", "WEBP", "BMP", "PPM", "AVIF", "JPEG2000", "TGA", "QOI", "SGI", "PCX")  # fmt: skip


def in_mode(mode: str) -> Image.Image:
    picture = scene(33, 20)
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
    if mode.startswith("I;16"):
        deep = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
        return deep if mode == "I;16" else deep.convert("I").convert(mode)
    if mode == "I":
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.int32) * 70_000)
    if mode == "PA":
        return picture.convert("RGBA").quantize(16).convert("PA")
    if mode in ("LA", "RGBA"):
        picture.putalpha(scene(33, 20, seed=1).convert("L"))
    return picture.convert(mode)


def bytes_of(images: torch.Tensor) -> np.ndarray:
    return (images * 255).round().byte().permute(0, 2, 3, 1).numpy()[0]


def takers(
    path: Path, framing: str = "centre", **options: object
) -> list[Callable[[], np.ndarray]]:
    """All ways by which a picture is read, as squares of 16 pixels."""
    folder, name = path.parent, path.name
    return [
        lambda: read_picture(path, 16, True, framing, **options),
        lambda: bytes_of(read_pictures([str(path)], 16, framing, **options).images),
        lambda: bytes_of(dataset(folder, [name], framing=framing, **options).images([0])),
        lambda: bytes_of(
            dataset(folder, [name], framing=framing, keep_bytes=0, **options).images([0])
        ),
    ]


@pytest.mark.parametrize("mode", MODES)
def test_edits_figures_and_data_sets_read_the_same(tmp_path, mode):
    kinds = ("PNG", "TIFF", "PPM", "JPEG2000") if mode.startswith("I;") else KINDS
    read = 0
    for kind in kinds:
        path = tmp_path / f"x.{kind.lower()}"
        try:
            in_mode(mode).save(path, kind)
        except (OSError, KeyError, ValueError, AttributeError):
            continue  # pillow cannot write that
        if mode in ("I", "F") and kind == "TIFF":
            for take in takers(path):
                with pytest.raises(BadInput, match="8 or 16 bits a channel"):
                    take()
            read += 1
        elif mode not in ("I", "F"):
            centre, stretch = (
                [take() for take in takers(path, framing)] for framing in ("centre", "stretch")
            )
            for found in (centre, stretch):
                assert all(np.array_equal(found[0], other) for other in found[1:])
            assert not np.array_equal(centre[0], stretch[0])
            read += 1
    assert read


def test_a_mode_does_not_change_what_is_seen():
    grey = np.asarray(scene(33, 20).convert("L")).astype(int)
    for mode in ("L", "I;16", "I;16B"):
        for kind in ("PNG", "TIFF"):
            assert (pixels_of(encoded(in_mode(mode), kind)) == grey[..., None]).all()


# --- depth


@given(arrays(np.uint16, st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))))
@settings(max_examples=60, deadline=None)
def test_sixteen_bits_of_any_channels_are_scaled_and_rounded(values):
    expected = scaled(values)
    channels = values.shape[2]
    colours = expected[..., :1] if channels < 3 else expected[..., :3]
    if channels in (2, 4):
        colours = on_white(colours, expected[..., -1:])
    expected = np.broadcast_to(colours, (*values.shape[:2], 3))
    np.testing.assert_array_equal(pixels_of(png(values)), expected)
    if channels in (1, 3):
        for order in "<>":
            shown = pixels_of(tiff(values, order, 2 if channels == 3 else 1))
            np.testing.assert_array_equal(shown, expected)


def test_the_ends_of_the_scale_and_other_deep_files():
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    shown = pixels_of(png(ramp[..., None]))[..., 0]
    assert (shown[0, 0], shown[-1, -1]) == (0, 255)
    assert (np.diff(shown.ravel()) >= 0).all()
    np.testing.assert_array_equal(shown, np.rint(ramp / 257))
    deep = Image.fromarray(ramp)
    for content in (encoded(deep, "PPM"), encoded(deep, "TIFF", compression="tiff_lzw")):
        np.testing.assert_array_equal(pixels_of(content)[..., 0], shown)
    # White is zero: 0 is 255.
    np.testing.assert_array_equal(
        pixels_of(tiff(ramp[..., None], photometric=0))[..., 0], 255 - shown
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("extra", [0, 1, 2])
def test_deep_tiffs_with_a_fourth_channel(order, extra):
    values = np.random.default_rng(0).integers(0, 65536, (9, 7, 4)).astype(np.uint16)
    stored = values.copy()
    if extra == 1:  # multiplied by alpha
        stored[..., :3] = values[..., :3].astype(np.int64) * values[..., 3:] // 65535
    expected = scaled(values)[..., :3]
    if extra:
        expected = on_white(expected, scaled(values)[..., 3:])
    assert np.abs(pixels_of(tiff(stored, order, extra=extra)) - expected).max() <= (extra == 1)


# --- alpha


@given(arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from([2, 4]))))
@settings(max_examples=60, deadline=None)
def test_what_is_transparent_shows_white(values):
    colours = values[..., :1] if values.shape[2] == 2 else values[..., :3]
    shown = pixels_of(png(values, depth=8))
    np.testing.assert_array_equal(shown, np.broadcast_to(on_white(colours, values[..., -1:]), shown.shape))  # fmt: skip


def test_a_picture_of_nothing_is_said():
    empty = scene()
    empty.putalpha(0)
    found = decode(encoded(empty, "PNG"))
    assert "every pixel of it is transparent" in found.remark
    assert (np.asarray(found.image) == 255).all()


def test_transparency_by_colour():
    values = np.zeros((2, 2, 3), np.uint16)
    values[0, 0] = (1, 2, 3)
    values[1, 1] = (1, 2, 300)  # the same after scaling, and another colour
    for depth, key in ((16, struct.pack(">HHH", 1, 2, 3)), (8, struct.pack(">HHH", 1, 2, 3))):
        shown = pixels_of(png(np.minimum(values, 255), depth, key))
        assert (shown[0, 0] == 255).all()
        assert (shown[1, 1] < 255).any()
        assert (shown[0, 1] == 0).all()
    for depth in (8, 16):
        shown = pixels_of(png(values[..., 2:], depth, struct.pack(">H", 3)))
        assert (shown[0, 0] == 255).all()
        assert (shown[0, 1] == 0).all()
    palette = scene().quantize(8)
    first = np.asarray(palette) == 0
    for kind in ("PNG", "GIF"):
        shown = pixels_of(encoded(palette, kind, transparency=0))
        assert (shown[first] == 255).all()
        np.testing.assert_array_equal(shown[~first], np.asarray(palette.convert("RGB"))[~first])


# --- colours


def test_an_embedded_profile_is_converted():
    picture = scene()
    before = np.asarray(picture)
    expected = display_to_srgb(before, P3, 2.2)
    for kind in ("PNG", "TIFF", "WEBP"):
        content = encoded(picture, kind, icc_profile=rgb_profile(), **({"lossless": True} if kind == "WEBP" else {}))  # fmt: skip
        shown = pixels_of(content)
        bright = before.min(-1) > 20  # littlecms' tables are less precise for dark colours
        assert np.abs(shown - expected)[bright].max() < 2
        assert np.abs(shown - before).max() > 20
    oracle = ImageCms.profileToProfile(picture, io.BytesIO(rgb_profile()), ImageCms.createProfile("sRGB"))  # fmt: skip
    np.testing.assert_array_equal(shown, np.asarray(oracle))


def test_profiles_of_grey_and_of_inks():
    srgb = ImageCms.createProfile("sRGB")
    grey = scene().convert("L")
    for profile, image in ((grey_profile(1.0), grey), (cmyk_profile(), scene().convert("CMYK"))):
        for kind in ("JPEG", "TIFF"):
            content = encoded(image, kind, icc_profile=profile)
            with Image.open(io.BytesIO(content)) as stored:
                naive = np.asarray(stored.convert("RGB")).astype(int)
                oracle = ImageCms.profileToProfile(stored, io.BytesIO(profile), srgb, outputMode="RGB")  # fmt: skip
            shown = pixels_of(content)
            np.testing.assert_array_equal(shown, np.asarray(oracle))
            assert np.abs(shown - naive).max() > 20
    # A grey picture with the profile of a display shows the greys of that display.
    shown = pixels_of(encoded(grey, "PNG", icc_profile=rgb_profile(gamma=1.0)))
    assert (shown[..., 0] >= np.asarray(grey)).all()
    assert (shown == pixels_of(encoded(grey.convert("RGB"), "PNG", icc_profile=rgb_profile(gamma=1.0)))).all()  # fmt: skip


def test_srgb_under_any_name_changes_nothing():
    picture = scene()
    content = encoded(picture, "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())  # fmt: skip
    np.testing.assert_array_equal(pixels_of(content), np.asarray(picture))


def test_alpha_stays_out_of_the_colours():
    picture = scene()
    alpha = scene(seed=1).convert("L")
    straight = picture.copy()
    straight.putalpha(alpha)
    shown = pixels_of(encoded(straight, "PNG", icc_profile=rgb_profile()))
    colours = pixels_of(encoded(picture, "PNG", icc_profile=rgb_profile()))
    np.testing.assert_array_equal(shown, on_white(colours, np.asarray(alpha)[..., None]))


@pytest.mark.parametrize(
    ("profile", "remark"),
    [
        (b"no profile", "damaged"),
        (rgb_profile()[:200], "damaged"),
        (bytes(4000), "damaged"),
        (cmyk_profile(), "for CMYK, but its pixels are RGB"),
        (grey_profile(1.0), "for GRAY, but its pixels are RGB"),
    ],
)
def test_a_profile_that_cannot_be_used_is_said(tmp_path, profile, remark):
    picture = scene()
    (tmp_path / "x.png").write_bytes(encoded(picture, "PNG", icc_profile=profile))
    found = pictures.read(tmp_path / "x.png")
    assert remark in found.remark
    np.testing.assert_array_equal(np.asarray(found.image), np.asarray(picture))
    notes = dataset(tmp_path, ["x.png"]).notes
    assert "1 picture, first x.png: its colour profile is" in notes[1]
    streamed = dataset(tmp_path, ["x.png"], keep_bytes=0)
    assert streamed.undecodable() == []
    assert streamed.notes == notes


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation(turn):
    picture = scene(9, 5)
    exif = Image.Exif()
    exif[0x0112] = turn
    with Image.open(io.BytesIO(encoded(picture, "PNG", exif=exif))) as stored:
        from PIL import ImageOps

        expected = np.asarray(ImageOps.exif_transpose(stored))
    for kind in ("PNG", "TIFF"):
        found = decode(encoded(picture, kind, exif=exif))
        np.testing.assert_array_equal(np.asarray(found.image), expected)


# --- files cut short


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"subsampling": 0, "optimize": True},
        {"restart_marker_blocks": 3},
        {"progressive": True, "restart_marker_rows": 1},
        {"quality": 20},
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_lacks_data_is_refused_whatever_its_end(options, mode):
    picture = scene(120, 90).convert(mode)
    content = encoded(picture, "JPEG", **options)
    with Image.open(io.BytesIO(content)) as plain:
        np.testing.assert_array_equal(pixels_of(content), np.asarray(plain.convert("RGB")))
    assert decode(content + b"appended").image.size == (120, 90)
    for thorough in (True, False):
        for fraction in (0.4, 0.5, 0.8, 0.9, 0.97):
            assert reason(cut_jpeg(content, fraction), thorough=thorough)
    assert reason(content[: len(content) - 20].rstrip(b"\xff") + b"\xff\xd9")
    assert reason(content[:-2])


def separate_scans(content: bytes, scans: int) -> bytes:
    """A progressive JPEG of which only ``scans`` scans are left."""
    at = -1
    for _ in range(scans + 1):
        at = content.index(b"\xff\xda", at + 1)
    tables = content.rindex(b"\xff\xc4", 0, at) if content[:at].count(b"\xff\xc4") > 1 else at
    return content[:tables] + b"\xff\xd9"


def test_a_jpeg_without_its_last_scans(tmp_path):
    content = encoded(scene(120, 90), "JPEG", progressive=True)
    for scans in range(1, content.count(b"\xff\xda")):
        short = separate_scans(content, scans)
        with Image.open(io.BytesIO(short)) as image:
            image.load()  # pillow reports no error
        for thorough in (True, False):
            assert "cut short" in reason(short, thorough=thorough)


def test_a_cut_jpeg_is_refused_by_everyone(tmp_path):
    (tmp_path / "x.jpg").write_bytes(cut_jpeg(encoded(scene(), "JPEG"), 0.5))
    (tmp_path / "y.jpg").write_bytes(encoded(scene(), "JPEG"))
    for take in takers(tmp_path / "x.jpg"):
        with pytest.raises(BadInput, match="cut short"):
            take()
    assert [path for path, _ in dataset(tmp_path, ["y.jpg", "x.jpg"], keep_bytes=0).undecodable()] == ["x.jpg"]  # fmt: skip


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000"])
def test_other_formats_cut_short(kind):
    content = encoded(scene(), kind)
    end = {"PNG": content[-12:], "GIF": b"\x3b"}.get(kind, b"")
    for fraction in (0.3, 0.6, 0.9):
        assert reason(content[: int(fraction * len(content))] + end)


def test_a_png_with_a_wrong_checksum():
    content = bytearray(encoded(scene(), "PNG"))
    place = content.index(b"IDAT") + 600
    content[place] ^= 1
    assert "checksum of chunk 'IDAT'" in reason(bytes(content))
    data = zlib.compress(bytes(10))  # valid, but too short
    start = bytes(content[: content.index(b"IDAT") - 4])
    chunk = struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))  # fmt: skip
    assert reason(start + chunk + bytes(content[-12:]))


# --- what is refused


def test_more_pixels_than_allowed_are_refused_by_the_header(tmp_path):
    assert "169,000,000 pixels, more than 64,000,000" in reason(bomb(13_000, 13_000))
    assert "360,000,000 pixels, more than 64,000,000" in reason(bomb(20_000, 18_000))
    small = encoded(scene(40, 30), "PNG")
    assert "1,200 pixels, more than 1,199" in reason(small, max_pixels=1199)
    assert decode(small, max_pixels=1200).extent == (40, 30)
    (tmp_path / "x.png").write_bytes(small)
    for take in takers(tmp_path / "x.png", max_pixels=1000):
        with pytest.raises(BadInput, match=r"1,200 pixels, more than 1,000: .*--max-pixels"):
            take()


def test_animations_and_several_pages_are_refused():
    frames = [scene(seed=i) for i in range(3)]
    for kind, name in (("GIF", "GIF"), ("WEBP", "WEBP"), ("PNG", "PNG"), ("TIFF", "TIFF")):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert "3 pictures in one file" in reason(content), name
    # Phones append a second view; the first is the picture.
    content = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert decode(content).image.size == frames[0].size
    half = cut_jpeg(content[: content.index(b"\xff\xd9") + 2], 0.5)
    assert "cut short" in reason(half + content[content.index(b"\xff\xd9") + 2 :])


def test_a_format_without_decoder_is_named():
    heic = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(100)
    assert "a HEIC picture, which this pillow cannot decode: convert it" in reason(heic)
    assert "not an image" in reason(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


@pytest.fixture
def odd_files(tmp_path):
    """Names of places that are no regular files, and words of the messages about them."""
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to("/dev/zero")
    (tmp_path / "nothing.png").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # the names of sockets are short
        try:
            server.bind("socket.png")
        finally:
            os.chdir(here)
        yield {
            "fifo.png": "a pipe",
            "folder.png": "a folder",
            "link.png": "a device",
            "nothing.png": "No such file",
            "socket.png": "a socket",
            "x" * 300 + ".png": "File name too long",
            "zero\0byte.png": "embedded null byte",
        }


def test_only_regular_files_are_opened(tmp_path, odd_files):
    (tmp_path / "good.png").write_bytes(encoded(scene(), "PNG"))
    for name, what in odd_files.items():
        for take in takers(tmp_path / name):
            with pytest.raises(BadInput, match=what):
                take()
    data = dataset(tmp_path, ["good.png", *odd_files], skip_bad=True)
    assert len(data) == 1
    assert len(data.bad) == len(odd_files)


@given(st.binary(max_size=60), st.integers(0, 3000), st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000"]))  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_damage_is_read_or_refused(noise, place, kind):
    content = encoded(scene(48, 32), kind)
    place %= len(content)
    damaged = content[:place] + noise + content[place + len(noise) :]
    with contextlib.suppress(*UNREADABLE):
        assert decode(damaged).image.mode == "RGB"
