import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from toys import Painter, Plane, Reader, ToyPhotos, Wheel

from ganbench.evaluation.collect import conclude
from ganbench.evaluation.run import prepare
from ganbench.figures.plane import in_space
from ganbench.report import explorer
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store

SIDE = explorer.SIDE


@pytest.fixture
def run(tmp_path):
    methods = [Painter(noise=2), Plane(), Wheel()]
    store = Store(tmp_path)
    return prepare(methods, ToyPhotos(70), Reader(), 0, None, 32, store, Stopwatch())


def table(text, *shape):
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(*shape, 7)


def pixels(uri):
    kind, data = uri.split(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_only_planes_have_explorers_and_edits_are_made_once(run):
    gallery = conclude(run).gallery
    before = {name: method.edited for name, method in run.methods.items()}
    plane, wheel = explorer.make_explorers(run, gallery)
    added = {name: method.edited - before[name] for name, method in run.methods.items()}
    disc = int(in_space(run.methods["wheel"], explorer.nodes()).sum())
    # Seventy images pay for one face; codes outside the disc are not edited.
    assert added == {"painter": 0, "plane": SIDE**2, "wheel": disc}
    assert 441 <= disc < 500
    assert (plane.name, plane.labelled, plane.faces) == ("plane", True, ("neutral",))
    assert (wheel.labelled, wheel.data["disc"], wheel.data["label"]) == (False, True, None)
    done = {name: method.edited for name, method in run.methods.items()}
    assert json.dumps(explorer.json_of(explorer.make_explorers(run, gallery))) == json.dumps(
        explorer.json_of([plane, wheel])
    )
    assert {name: method.edited for name, method in run.methods.items()} == done
    with torch.no_grad():
        run.methods["plane"].weight.fill_(1)
    explorer.make_explorers(run, gallery)
    # The verdicts of the evaluation, 7 edits of 70 images, are made anew, too.
    assert run.methods["plane"].edited == done["plane"] + SIDE**2 + 7 * 70


def test_tables_and_sprite_agree_with_the_method(run):
    plane, wheel = explorer.make_explorers(run, conclude(run).gallery)
    method = run.methods["plane"]
    p = method.label_distribution(torch.tensor(explorer.nodes()).float()).detach().numpy()
    assert np.abs(table(plane.data["label"], SIDE**2) / 255 - p).max() <= 0.5 / 255 + 1e-6
    judged = table(plane.data["judged"], 1, SIDE**2)[0].argmax(1)
    assert (judged == p.argmax(1)).mean() > 0.99
    # The node of the largest y is at the top of the sprite: its patch has the level that the judge reads.
    sprite, size = pixels(plane.data["sprites"][0]), plane.data["tile"]
    assert sprite.shape == (SIDE * size, SIDE * size, 3)
    for column, row in ((0, 0), (24, 0), (3, 20), (24, 24)):
        top = (SIDE - 1 - row) * size
        patch = sprite[top, column * size].mean()
        assert patch == pytest.approx(25 * (judged[row * SIDE + column] + 1), abs=20)
    outside = ~in_space(run.methods["wheel"], explorer.nodes())
    assert (table(wheel.data["judged"], 1, SIDE**2)[0][outside] == 0).all()
    assert np.abs(pixels(wheel.data["sprites"][0])[0].astype(int) - explorer.EMPTY)[0].max() < 30


def test_places_are_the_codes_of_the_figures(run):
    assert {name: len(codes) for name, codes in explorer.places(run, "wheel").items()} == {
        "wheel": 24
    }
    found = explorer.places(run, "plane")
    assert {name: len(codes) for name, codes in found.items()} == {
        "complex": 6,
        "same-label": 4,
        "nuance": 25,
    }


@pytest.mark.parametrize(("images", "faces"), [(14, 1), (399, 1), (420, 2), (1400, 3)])
def test_the_number_of_faces_grows_with_the_evaluation(run, images, faces):
    assert explorer.count_faces(images, 7) == faces
    assert explorer.count_faces(images, 1) == 1


def test_large_edits_are_shown_small():
    images = torch.rand(2, 3, 128, 128)
    means = images.reshape(2, 3, 64, 2, 64, 2).mean((3, 5))
    assert np.abs(explorer.small(images) / 255 - means.numpy()).max() <= 0.5 / 255 + 1e-6
    assert explorer.small(torch.rand(1, 3, 8, 8)).shape == (1, 3, 8, 8)
