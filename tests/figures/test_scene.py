import numpy as np
import pytest
import torch
from PIL import Image
from toys import Painter, Plane, Reader, ToyPhotos

from ganbench.errors import BadInput
from ganbench.figures.scene import Faces, Scene, read_pictures, sample_faces


def scene(method, n=2, calls=None):
    images = torch.rand(n, 3, 8, 8)
    faces = Faces(images, tuple("ab"[:n]))
    calls = [] if calls is None else calls
    return Scene((method,), 0, lambda _: faces, Reader, lambda *done: calls.append(done))


def test_every_face_meets_every_code_in_its_place():
    calls = []
    stage = scene(Painter(), calls=calls)
    images = stage.faces(2).images
    codes = torch.eye(7)[torch.arange(40) % 7]
    edits = stage.edits(images, codes)
    assert edits.shape == (40, 2, 3, 8, 8)
    for m, n in ((0, 1), (17, 0), (39, 1)):
        assert torch.equal(edits[m, n], stage.method.edit(images[n : n + 1], codes[m : m + 1]).images[0])  # fmt: skip
    assert calls[-1] == (80, 80)
    assert stage.judged(edits).logits.argmax(-1).T.tolist() == [[c % 7 for c in range(40)]] * 2


def test_each_face_may_have_codes_of_its_own():
    stage = scene(Painter())
    codes = torch.eye(7)[torch.tensor([[1, 2], [3, 4], [5, 6]])]
    edits = stage.edits(stage.faces(2).images, codes)
    assert stage.judged(edits).logits.argmax(-1).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_the_gradient_of_a_plane_is_no_hindrance():
    stage = scene(Plane())
    assert stage.edits(stage.faces(2).images, stage.method.anchors()).shape[:2] == (7, 2)


def test_one_face_is_one_face():
    assert len(scene(Painter(), 1).face()) == 1
    with pytest.raises(BadInput, match="shows one face: 2 images"):
        scene(Painter(), 2).face()


def test_faces_are_one_of_each_emotion_and_chosen_by_the_seed():
    data = ToyPhotos(70)
    first = sample_faces(data, 9, seed=0)
    assert first.names[:3] == ("neutral", "happy", "sad")
    assert first.labels.tolist() == [*range(7), 0, 1]
    assert torch.equal(first.images, sample_faces(data, 9, seed=0).images)

    rows_read = []
    data.images = lambda rows: rows_read.append(list(rows)) or torch.zeros(len(rows), 3, 8, 8)
    for seed in (0, 0, 1):
        sample_faces(data, 9, seed)
    assert rows_read[0] == rows_read[1] != rows_read[2]


def test_pictures_are_cut_to_their_middle_and_turned_upright(tmp_path):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    half = Image.fromarray(np.repeat(np.array([[[0] * 3], [[240] * 3]], np.uint8), 2, 1)).resize((32, 32), 0)  # fmt: skip
    turned = Image.Exif()
    turned[0x0112] = 3  # upside down
    half.save(tmp_path / "turned.jpg", exif=turned)
    faces = read_pictures([str(tmp_path / "wide.png"), str(tmp_path / "turned.jpg")], 16)
    assert faces.names == ("wide", "turned")
    assert faces.labels is None
    assert faces.images[0].min() > 0.7  # nothing of the black sides but the filter's rim
    assert faces.images[1, :, 0].mean() > 0.8 > 0.2 > faces.images[1, :, -1].mean()


@pytest.mark.parametrize("content", [None, b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_named(tmp_path, content):
    path = tmp_path / "x.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=r"x\.jpg; give jpg or png"):
        read_pictures([str(path)], 16)
