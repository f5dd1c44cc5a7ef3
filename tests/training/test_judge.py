"""Balanced batches of the judge."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganbench.config import parse_assignments
from ganbench.training.judge import VGGTrainer, balanced
from ganbench.training.limits import Facts
from ganbench.training.session import prepare

# 15 of 4,000 images show emotion 5.
LABELS = np.repeat(np.arange(7), [700, 700, 700, 700, 700, 15, 485])


def stream(labels, count, iterations, seed=0):
    return np.concatenate([balanced(labels, count, i, seed) for i in range(iterations)])


def test_classes_are_drawn_alike():
    drawn = stream(LABELS, 20, 70)
    assert np.bincount(LABELS[drawn]).tolist() == [200] * 7
    # Images of the rare class are drawn equally often, up to one; images of others at most once.
    own = np.bincount(drawn, minlength=len(LABELS))
    rare = own[LABELS == 5]
    assert (rare.min(), rare.max()) == (13, 14)
    assert own[LABELS != 5].max() == 1


def test_a_batch_is_a_function_of_its_iteration():
    assert (balanced(LABELS, 16, 9, 3) == stream(LABELS, 16, 10, 3)[-16:]).all()
    assert (balanced(LABELS, 16, 9, 3) != balanced(LABELS, 16, 9, 4)).any()


def test_classes_are_mixed_within_a_batch():
    halves = LABELS[balanced(LABELS, 700, 0, 0)].reshape(2, -1)
    assert all(len(set(half)) == 7 for half in halves)


def test_a_class_that_is_not_there_takes_no_turn():
    labels = np.array([0, 0, 0, 4])
    assert np.bincount(labels[stream(labels, 3, 4)]).tolist() == [6, 0, 0, 0, 6]


@pytest.fixture
def train(tiny_recipe, tiny_faces, tmp_path):
    """``train(folder, until, *assignments)``: the judge's weights after ``until`` iterations."""

    def make(folder, until=None, *assignments, resume=False):
        session = prepare("judge", tiny_recipe, parse_assignments(assignments), device="cpu")
        run = session.run(tiny_faces(28), tmp_path / folder, "ganbench train")
        run.resume() if resume else run.start()
        run.run(until)
        return torch.cat([p.flatten() for p in run.trainer.model.parameters()])

    return make


def test_it_resumes_to_the_bit(train):
    whole = train("whole", None, "balance=true")
    train("parts", 4, "balance=true")
    assert torch.equal(train("parts", None, "balance=true", resume=True), whole)
    assert not torch.equal(train("other"), whole)


def test_the_idle_answer_is_that_of_balanced_batches(tiny_recipe):
    shares = np.bincount(LABELS) / len(LABELS)
    for assignments, expected in (
        ((), -(shares * np.log(shares)).sum()),
        (("balance=true",), np.log(7)),
    ):
        trainer = prepare(
            "judge", tiny_recipe, parse_assignments(assignments), device="cpu"
        ).trainer
        assert trainer.limits(Facts(shares, 0.1))["loss"].idle == pytest.approx(expected)


def test_off_is_what_it_was(tiny_recipe, tiny_faces):
    trainer = prepare("judge", tiny_recipe, device="cpu").trainer
    assert isinstance(trainer, VGGTrainer)
    assert trainer.recipe.balance is False
    plain = super(VGGTrainer, trainer).indices(LABELS, 3, 0)
    assert (trainer.indices(LABELS, 3, 0) == plain).all()
