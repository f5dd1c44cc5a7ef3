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


def test_the_faces_are_the_test_set_of_an_evaluation(faces):
    data = LazyFaces("test", FacesConfig(test=len(faces)))
    images = (data.images(range(len(faces))) * 255).round().numpy()
    truths = (data.true_edits(range(len(faces)), index("sad"))[0] * 255).round().numpy()
    assert (faces.images == images).all()
    assert (faces.true_edits[:, index("sad")] == truths).all()
    assert faces.labels.tolist() == data.labels.tolist()


def test_a_new_person_changes_the_person_only():
    random = np.random.default_rng(0)
    assert set(PERSON) == {"person", *_person(random)}
    a, b = (sample_face(0, "test", i, "happy") for i in (3, 4))
    mixed = a.with_person(b)
    assert (mixed.traits, mixed.skin, mixed.person) == (b.traits, b.skin, b.person)
    assert all(getattr(mixed, name) == getattr(a, name) for name in _scene(random))
    assert (mixed.expression, mixed.nuisance) == (a.expression, a.nuisance)


def test_who_is_lazy_and_who_is_right(faces, edits):
    assert (edits["lazy"].images == faces.images[:, None]).all()
    assert (edits["perfect"].images == faces.true_edits).all()
    neighbour = edits["neighbour"].images
    assert (neighbour[:, index("fearful")] == faces.true_edits[:, index("surprised")]).all()
    assert (neighbour[:, index("happy")] == faces.true_edits[:, index("happy")]).all()


def test_paths_rise_to_the_edit(faces, edits):
    rows = np.arange(len(faces))
    for name in ("perfect", "half"):
        found = edits[name]
        assert (found.paths[:, -1] == found.images[rows, faces.targets]).all()
        assert (found.paths[:, 0] == faces.true_edits[:, index("neutral")]).all()
    assert (edits["half"].paths[:, -1] == edits["perfect"].paths[:, 2]).all()
    steps = [len(np.unique(path, axis=0)) for path in edits["abrupt"].paths]
    assert steps == [2] * len(faces)


def test_the_painter_leaves_the_head_alone_and_nothing_else(faces, edits):
    changed = (edits["painter"].images != faces.true_edits).any(axis=2)
    assert (changed == (faces.edit_regions == BACKGROUND)).all()


def test_the_collapsed_editor_knows_one_face(faces, edits):
    assert len(np.unique(edits["collapsed"].images.reshape(-1, 3 * 64 * 64), axis=0)) == 7


def test_draws_differ_and_stay_the_right_emotion(faces, edits, judge):
    draws = edits["varied"].draws
    assert all(len(np.unique(own, axis=0)) == draws.shape[1] for own in draws)
    assert (judged(judge, draws) == faces.targets[:, None]).mean() > 0.9


def test_a_varied_edit_varies_as_the_data_do():
    drawn = [sample_face(7, "test", i, "happy") for i in range(200)]
    intensities = [face.intensity for face in drawn]
    assert 0.5 <= min(intensities) < 0.6
    assert 1.1 < max(intensities) <= 1.2
    one = dataclasses.replace(drawn[0], person="x")
    assert one.with_emotion("happy").expression != one.expression


def test_the_texture_is_faint_and_within_the_face(faces, edits):
    change = np.abs(edits["texture"].images.astype(int) - faces.images[:, None])
    assert 0 < change.max() <= BOUND
    outside = np.broadcast_to((faces.regions < FACE)[:, None, None], change.shape)
    assert not change[outside].any()


def test_the_texture_convinces_the_judge_it_was_made_for_and_no_other(faces, edits, judge):
    asked = faces.labels[:, None] != np.arange(len(EMOTIONS))
    textured = edits["texture"].images

    def convinced(who):
        return (judged(who, textured) == np.arange(len(EMOTIONS)))[asked].mean()

    assert convinced(judge) > 0.9
    assert convinced(load_judge("face-api", device="cpu")) < 0.15
