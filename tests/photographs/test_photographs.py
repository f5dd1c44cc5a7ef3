"""Photographs edited at full size: what changes, what does not, and what is refused."""

from __future__ import annotations

import io
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from ganbench.data import load_dataset, pictures
from ganbench.faces_in_photos import frame_matrix, load_face_networks
from ganbench.faces_in_photos.geometry import moved
from ganbench.faces_in_photos.pasting import face_mask
from ganbench.methods.weights import save_checkpoint
from ganbench.photographs import editing
from ganbench.photographs.files import edit_name, read_photograph, with_changes

SIZE = 16


@pytest.fixture(scope="module")
def faces():
    """Rendered faces, uint8 [7, 96, 96, 3]."""
    data = load_dataset("faces", "test", size=96, test=14, train=14)
    images = data.images(np.arange(7)) * 255
    return images.round().byte().permute(0, 2, 3, 1).numpy()


@pytest.fixture
def scene(faces):
    """``scene(places)``: faces at places (x, y, times) of a grey picture, uint8 [240, 320, 3]."""

    def make(places=((90, 50, 1),)):
        random = np.random.default_rng(0)
        picture = random.integers(100, 150, (240, 320, 3), dtype=np.uint8)
        for n, (x, y, times) in enumerate(places):
            face = faces[n].repeat(times, 0).repeat(times, 1)
            picture[y : y + 96 * times, x : x + 96 * times] = face[: 240 - y, : 320 - x]
        return picture

    return make


@pytest.fixture
def edit(call, tiny_method, tmp_path):
    """``edit(*arguments)``: the command with a small StarGAN and --emotion happy."""
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, tiny_method("stargan"), "method", "stargan", {})
    options = ("--method", f"stargan={path}", "--device", "cpu")

    def run(*more):
        goal = () if "--emotion" in more else ("--emotion", "happiness")
        return call("edit", *options, *goal, *more)

    return run


def display_p3():
    """A profile that some telephones write: wider colours than sRGB, gamma 2.2 (tests/data/picture_files.py)."""
    place = Path(__file__).parents[1] / "data" / "picture_files.py"
    return runpy.run_path(str(place))["rgb_profile"]()


def mask_of(picture, face):
    """The soft ellipse over a picture."""
    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    places = np.stack([x.ravel(), y.ravel()], 1)
    shares = moved(places, frame_matrix(face.landmarks, SIZE)) / SIZE
    return face_mask(shares).reshape(height, width)


def read(path):
    with Image.open(path) as image:
        return np.array(image)


def test_a_photograph_is_edited_beside_itself(edit, scene, tmp_path):
    picture = scene()
    Image.fromarray(picture).save(tmp_path / "photo.png")
    code, out, err = edit("photo.png")
    assert (code, err) == (0, "")
    assert out.startswith("photo.png: 1 face (")
    assert out.endswith(" px): happy: photo-happy.png\n")
    edited = read(tmp_path / "photo-happy.png")
    (face,) = load_face_networks("cpu").find(picture)
    mask = mask_of(picture, face)
    np.testing.assert_array_equal(edited[mask == 0], picture[mask == 0])
    assert (edited[mask > 0.9] != picture[mask > 0.9]).any(-1).mean() > 0.8
    assert 0.03 < (mask > 0).mean() < 0.5


def test_the_edit_is_that_of_the_frame(scene, tiny_method, tmp_path):
    """What is pasted, seen through the frame again, is the method's edit of the frame."""
    from ganbench.editing import Item
    from ganbench.faces_in_photos import align
    from ganbench.photographs import edit_photographs
    from ganbench.photographs.goals import emotion_goals

    picture = scene([(20, 10, 2)])
    Image.fromarray(picture).save(tmp_path / "photo.png")
    method, networks = tiny_method("stargan"), load_face_networks("cpu")
    method.translate = lambda x, codes: (x.flip(1) * 0.5 - 0.1, None)  # an edit without noise
    goals = emotion_goals(method, "sad")
    items = [Item(tmp_path / "photo.png", "edit.png")]
    (done,) = edit_photographs(method, goals, items, tmp_path, networks)
    (face,) = done.faces
    matrix = frame_matrix(face.landmarks, SIZE)
    before = align(picture, matrix, SIZE)
    expected = method.edit(before[None], method.codes(["sad"])).images[0]
    # Around the nose, where the detail stays and the mask is 1.
    found = align(read(tmp_path / "edit.png"), matrix, SIZE)
    middle = (slice(None), slice(5, 10), slice(6, 10))
    asked, got = (expected - before)[middle], (found - before)[middle]
    assert asked.abs().mean() > 0.03
    assert np.corrcoef(asked.numpy().ravel(), got.numpy().ravel())[0, 1] > 0.95
    assert (asked - got).abs().mean() < 0.02


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_stays_and_is_followed(orientation, edit, scene, tmp_path):
    picture = Image.fromarray(scene())
    stored = pictures.as_stored(picture, orientation)
    assert np.array_equal(pictures.upright(stored, orientation), picture)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "of mine"
    stored.save(tmp_path / "photo.png", exif=exif.tobytes())
    assert edit("photo.png")[0] == 0
    with Image.open(tmp_path / "photo-happy.png") as image:
        assert image.size == stored.size
        assert dict(image.getexif()) == {0x0112: orientation, 0x010E: "of mine"}
        upright = np.array(pictures.upright(image, orientation))
    Image.fromarray(scene()).save(tmp_path / "plain.png")
    edit("plain.png")
    np.testing.assert_array_equal(upright, read(tmp_path / "plain-happy.png"))


def test_jpegs_keep_exif_profile_and_tables(edit, scene, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(scene()).transpose(Image.Transpose.ROTATE_90).save(
        tmp_path / "photo.JPEG", quality=83, subsampling=2, exif=exif.tobytes(), icc_profile=profile,
        dpi=(300, 300),
    )  # fmt: skip
    assert edit("photo.JPEG")[0] == 0
    with (
        Image.open(tmp_path / "photo.JPEG") as old,
        Image.open(tmp_path / "photo-happy.JPEG") as new,
    ):
        assert (new.format, new.size) == ("JPEG", old.size)
        assert new.info["exif"] == old.info["exif"]
        assert new.info["icc_profile"] == profile
        assert new.info["dpi"] == old.info["dpi"]
        assert new.quantization == old.quantization
        before, after = (np.asarray(image, np.int16) for image in (old, new))
    differ = np.abs(before - after).max(-1)
    assert differ[:20].max() <= 12  # compressed again with the same tables
    assert (differ > 20).sum() > 100


def test_alpha_grey_and_wide_colours_stay(edit, scene, tmp_path):
    picture = scene()
    (face,) = load_face_networks("cpu").find(picture)
    mask = mask_of(picture, face)
    alpha = np.full(picture.shape[:2], 255, np.uint8)
    alpha[:20] = 0
    alpha[20:30] = 77
    Image.fromarray(np.dstack([picture, alpha])).save(tmp_path / "alpha.png")
    Image.fromarray(picture).convert("L").save(tmp_path / "grey.png")
    Image.fromarray(picture).save(tmp_path / "wide.png", icc_profile=display_p3())
    Image.fromarray(picture).save(tmp_path / "web.webp", lossless=True)
    code, _, err = edit("alpha.png", "grey.png", "wide.png", "web.webp")
    assert (code, err) == (0, "")
    edited = read(tmp_path / "alpha-happy.png")
    np.testing.assert_array_equal(edited[..., 3], alpha)
    np.testing.assert_array_equal(edited[mask == 0][:, :3], picture[mask == 0])
    grey, edited = read(tmp_path / "grey.png"), read(tmp_path / "grey-happy.png")
    assert edited.shape == grey.shape
    assert (edited != grey).any()
    np.testing.assert_array_equal(edited[:20], grey[:20])
    with Image.open(tmp_path / "wide-happy.png") as image:
        assert image.info["icc_profile"] == display_p3()
        wide = np.array(image)
    far = mask_of(picture, face) == 0
    far[:, 60:220] &= False  # the face is seen in other colours, and found a little elsewhere
    np.testing.assert_array_equal(wide[far], picture[far])
    assert (wide != picture).any(-1).mean() > 0.03
    assert read(tmp_path / "web-happy.png").shape == picture.shape


def test_colours_of_a_profile_are_hit(scene, tmp_path):
    """A change is seen as it was meant, in the colours of the file's profile."""
    Image.fromarray(scene()).save(tmp_path / "photo.png", icc_profile=display_p3())
    photo = read_photograph(tmp_path / "photo.png")
    after = photo.seen.copy()
    after[50:90, 60:100] = (190, 80, 110)
    (tmp_path / "new.png").write_bytes(
        with_changes(photo, after, [(40, 40, 110, 100), (60, 50, 70, 60)])
    )
    seen = read_photograph(tmp_path / "new.png").seen
    np.testing.assert_allclose(seen.astype(int), after, atol=2)


def test_sixteen_bits_and_cmyk_are_named(edit, scene, tmp_path):
    picture = scene()
    Image.fromarray(picture).convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    deep = picture[..., 1].astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    code, _, err = edit("print.jpg", "deep.png")
    assert code == 0
    assert "note: print.jpg: its pixels are CMYK: those of its edit are sRGB" in err
    assert "note: deep.png: it has 16 bits a channel: its edit has 8" in err
    assert read(tmp_path / "print-happy.jpg").shape == picture.shape


def test_without_a_face_nothing_is_written(edit, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    before = sorted(tmp_path.rglob("*.png"))
    code, out, err = edit("noise.png")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "noise.png: no face was found; give a photograph of a face, or --framed" in err
    assert sorted(tmp_path.rglob("*.png")) == before


def test_faces_are_chosen(edit, scene, tmp_path):
    picture = scene([(10, 40, 1), (120, 20, 2)])
    Image.fromarray(picture).save(tmp_path / "two.png")
    changed = {}
    for which in ("largest", "all", "1", "2"):
        code, out, err = edit("two.png", "--face", which, "--overwrite")
        assert (code, err) == (0, ""), err
        differ = (read(tmp_path / "two-happy.png") != picture).any(-1)
        changed[which] = (differ[:, :110].any(), differ[:, 120:].any())
        assert (
            "2 faces (" if which == "all" else "1 of 2 faces (" if which != "largest" else "1 "
        ) in out
    assert changed == {
        "largest": (False, True),
        "all": (True, True),
        "1": (True, False),
        "2": (False, True),
    }
    code, _, err = edit("two.png", "--face", "3", "--overwrite")
    assert code == 2
    assert "two.png: it has 2 faces, and no face 3 from the left" in err
    code, _, err = edit("two.png", "--face", "0")
    assert code == 2
    assert "'0' is not largest, all or a number from 1" in err


def test_all_emotions_are_a_strip(edit, scene, tmp_path):
    Image.fromarray(scene()).save(tmp_path / "photo.jpg")
    code, out, _ = edit("photo.jpg", "--emotion", "all")
    assert code == 0
    assert "before, neutral, happy, sad, surprised, fearful, disgusted, angry: photo-all.jpg" in out
    strip = read(tmp_path / "photo-all.jpg")
    height, width = strip.shape[:2]
    tile = (width + 4) // 8
    assert abs(tile - 4 - height) <= 2  # the frame is a square here
    tiles = [strip[:, n * tile : n * tile + tile - 4].astype(int) for n in range(8)]
    assert all(np.abs(tiles[0] - other).mean() > 1 for other in tiles[1:])


def test_folders_in_bulk(edit, scene, tmp_path, monkeypatch):
    monkeypatch.setattr(editing, "PIXELS", 2 * 240 * 320)  # parts of two photographs
    place = tmp_path / "in" / "deep"
    place.mkdir(parents=True)
    for n in range(5):
        Image.fromarray(scene([(20 * n, 10 * n, 1)])).save(place / f"{n}.png")
    (place / "broken.jpg").write_bytes(b"no picture")
    frames = [Image.fromarray(scene([(x, 9, 1)])) for x in (5, 50)]
    frames[0].save(place / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(scene([])).save(place / "empty.png")
    code, _, err = edit("in")
    assert (code, err.count("\n")) == (2, 1)
    code, out, err = edit("in", "--skip-bad", "--overwrite")
    assert code == 0, err
    assert out.endswith("5 edits, 3 unreadable or without a face left out\n")
    for name, reason in (("broken.jpg", "not an image"), ("moving.gif", "2 pictures in one file"), ("empty.png", "no face was found")):  # fmt: skip
        assert f"left out: in/deep/{name} ({reason}" in err
    assert [path.name for path in sorted(place.glob("*-happy.*"))] == [
        f"{n}-happy.png" for n in range(5)
    ]
    # Edits among the photographs are not edited again, and nothing is replaced unasked.
    code, _, err = edit("in", "--skip-bad")
    assert code == 2
    assert "already there: in/deep/0-happy.png and 4 more; add --overwrite" in err
    code, out, err = edit("in", "--skip-bad", "--out", "edits")
    assert code == 0
    assert "5 pictures are edits of others by name, and not edited again" in err
    for n in range(5):
        alone, other = (read(p / f"{n}-happy.png") for p in (place, tmp_path / "edits" / "deep"))
        np.testing.assert_array_equal(alone, other)


def test_a_photograph_is_never_replaced(edit, scene, tmp_path):
    for name in ("a.png", "a-happy.png"):
        Image.fromarray(scene()).save(tmp_path / name)
    content = (tmp_path / "a-happy.png").read_bytes()
    for more in ((), ("--overwrite",), ("--out", "."), ("--out", ".", "--overwrite")):
        code, _, err = edit("a.png", "a-happy.png", *more)
        assert code == 2
        assert "would be written over the picture a-happy.png" in err
        assert (tmp_path / "a-happy.png").read_bytes() == content


def test_small_faces_are_warned_of(call, scene, tiny_method, tmp_path):
    path = tmp_path / "large.safetensors"
    save_checkpoint(path, tiny_method("stargan", image_size=256), "method", "stargan", {})
    Image.fromarray(scene()).save(tmp_path / "photo.png")
    code, _, err = call(
        "edit", "photo.png", "--method", f"stargan={path}", "--emotion", "sad",
        "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    assert "warning: photo.png: a face has " in err
    assert "pixels and is enlarged to 256: its edit is coarse" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no photograph is given"),
        (("a.png", "--resize"), "add --framed"),
        (("a.png", "--framed"), "give their folder, --out DIR"),
        (("a.png", "--framed", "--out", "o", "--face", "all"), "--face is for photographs"),
        (
            ("a.png", "--framed", "--out", "o", "--emotion", "all"),
            "--emotion all is for photographs",
        ),
        (("a.png", "--emotion", "sad", "--mix", "sad=1"), "one goal"),
        (("none.png",), "no such file or folder: none.png"),
        (("a.png", "--emotion", "hapy"), "did you mean 'happy'"),
    ],
)
def test_what_is_refused(arguments, message, edit, tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    code, _, err = edit(*arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err


def test_names_of_edits(tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "JPEG")
    for name, edit in (
        ("a.jpg", "a-sad.jpg"), ("a.JPEG", "a-sad.JPEG"), ("a.png", "a-sad.jpg"), ("a", "a-sad.jpg"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(file.getvalue())
        assert edit_name(tmp_path / name, "sad") == edit
        assert edit_name(tmp_path / name, "sad", "MPO") == edit
        assert edit_name(tmp_path / name, "sad", "WEBP") == "a-sad.png"
    Image.new("RGB", (9, 9)).save(tmp_path / "b.webp")
    assert edit_name(tmp_path / "b.webp", "sad") == "b-sad.png"
