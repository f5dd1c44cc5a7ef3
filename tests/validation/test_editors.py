"""Editors do what they say: right and wrong are where they should be, and nowhere else."""

import dataclasses

import numpy as np
import torch

from ganbench.data.faces import FacesConfig, sample_face
from ganbench.data.faces.dataset import LazyFaces
from ganbench.data.faces.face import PERSON
from ganbench.data.faces.sample import _person, _scene
from ganbench.data.regions import BACKGROUND, FACE
from ganbench.emotions import EMOTIONS, index
from ganbench.judges import load_judge
from ganbench.validation.texture import BOUND

pytest_plugins = ["few_faces"]  # no conftest: that name is taken by the folder above


def judged(judge, pictures):
    flat = torch.from_numpy(pictures.reshape(-1, *pictures.shape[-3:])).float() / 255
    return judge.judge(flat).logits.argmax(1).numpy().reshape(pictures.shape[:-3])


def test_the_scene_is_the_test_set_of_an_evaluation(scene):
    data = LazyFaces("test", FacesConfig(test=len(scene)))
    images = (data.images(range(len(scene))) * 255).round().numpy()
    truths = (data.true_edits(range(len(scene)), index("sad"))[0] * 255).round().numpy()
    assert (scene.images == images).all()
    assert (scene.truths[:, index("sad")] == truths).all()
    assert scene.labels.tolist() == data.labels.tolist()


def test_a_new_person_changes_the_person_only():
    random = np.random.default_rng(0)
    assert set(PERSON) == {"person", *_person(random)}
    a, b = (sample_face(0, "test", i, "happy") for i in (3, 4))
    mixed = a.with_person(b)
    assert (mixed.traits, mixed.skin, mixed.person) == (b.traits, b.skin, b.person)
    assert all(getattr(mixed, name) == getattr(a, name) for name in _scene(random))
    assert (mixed.expression, mixed.nuisance) == (a.expression, a.nuisance)


def test_who_is_lazy_and_who_is_right(scene, edits):
    assert (edits["lazy"].images == scene.images[:, None]).all()
    assert (edits["perfect"].images == scene.truths).all()
    neighbour = edits["neighbour"].images
    assert (neighbour[:, index("fearful")] == scene.truths[:, index("surprised")]).all()
    assert (neighbour[:, index("happy")] == scene.truths[:, index("happy")]).all()


def test_paths_rise_to_the_edit(scene, edits):
    rows = np.arange(len(scene))
    for name in ("perfect", "half"):
        found = edits[name]
        assert (found.paths[:, -1] == found.images[rows, scene.targets]).all()
        assert (found.paths[:, 0] == scene.truths[:, index("neutral")]).all()
    assert (edits["half"].paths[:, -1] == edits["perfect"].paths[:, 2]).all()
    steps = [len(np.unique(path, axis=0)) for path in edits["abrupt"].paths]
    assert steps == [2] * len(scene)


def test_the_painter_leaves_the_head_alone_and_nothing_else(scene, edits):
    changed = (edits["painter"].images != scene.truths).any(axis=2)
    assert (changed == (scene.joint == BACKGROUND)).all()


def test_the_collapsed_editor_knows_one_face(scene, edits):
    assert len(np.unique(edits["collapsed"].images.reshape(-1, 3 * 64 * 64), axis=0)) == 7


def test_draws_differ_and_stay_the_right_emotion(scene, edits, judge):
    draws = edits["varied"].draws
    assert all(len(np.unique(own, axis=0)) == draws.shape[1] for own in draws)
    assert (judged(judge, draws) == scene.targets[:, None]).mean() > 0.9


def test_a_varied_edit_varies_as_the_data_do(scene):
    faces = [sample_face(7, "test", i, "happy") for i in range(200)]
    intensities = [face.intensity for face in faces]
    assert 0.5 <= min(intensities) < 0.6
    assert 1.1 < max(intensities) <= 1.2
    one = dataclasses.replace(faces[0], person="x")
    assert one.with_emotion("happy").expression != one.expression


def test_the_texture_is_faint_and_within_the_face(scene, edits):
    change = np.abs(edits["texture"].images.astype(int) - scene.images[:, None])
    assert 0 < change.max() <= BOUND
    outside = np.broadcast_to((scene.regions < FACE)[:, None, None], change.shape)
    assert not change[outside].any()


def test_the_texture_convinces_the_judge_it_was_made_for_and_no_other(scene, edits, judge):
    asked = scene.labels[:, None] != np.arange(len(EMOTIONS))
    textured = edits["texture"].images

    def convinced(who):
        return (judged(who, textured) == np.arange(len(EMOTIONS)))[asked].mean()

    assert convinced(judge) > 0.9
    assert convinced(load_judge("face-api", device="cpu")) < 0.15
