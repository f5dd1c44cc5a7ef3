import numpy as np
import pytest
import torch
from toys import Painter, Plane, Wheel

from ganbench.errors import BadInput
from ganbench.evaluation.protocol import CHUNK, chunks, code_sets, codes, order

HALF = CHUNK * 7


def test_the_order_takes_the_emotions_in_turn_and_every_image_once():
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    found = order(labels)
    assert labels[found].tolist() == [0, 1, 2, 0, 1, 0, 0]
    assert sorted(found.tolist()) == list(range(7))


def test_a_limited_run_shares_its_full_chunks_with_the_whole_one():
    labels = np.arange(350) % 7
    whole, part = chunks(labels), chunks(labels, 130)
    assert [len(c) for c in whole] == [100, 100, 100, 50]
    assert [len(c) for c in part] == [100, 30]
    assert (part[0].indices == whole[0].indices).all()
    assert (part[1].indices == whole[1].indices[:30]).all()
    assert [len(c) for c in chunks(labels, 1000)] == [100, 100, 100, 50]
    with pytest.raises(BadInput, match="limit"):
        chunks(labels, 0)


def test_each_method_gets_the_codes_it_has():
    assert code_sets(Painter()) == ["anchor"]
    assert code_sets(Wheel()) == code_sets(Plane()) == ["anchor", "noisy", "uniform"]


def test_noise_belongs_to_seed_method_chunk_and_set():
    method = Painter(noise=2)
    z, desired = codes(method, "anchor", 0, 0)
    assert z.shape == (HALF, 9)
    assert torch.equal(desired[:7], torch.eye(7))
    assert torch.equal(z, codes(method, "anchor", 0, 0)[0])
    assert not torch.equal(z, codes(method, "anchor", 1, 0)[0])
    assert not torch.equal(z, codes(method, "anchor", 0, 1)[0])


def test_codes_near_the_anchors():
    wheel, plane = Wheel(), Plane()
    anchors = wheel.anchors()
    z, desired = codes(wheel, "noisy", 0, 0)
    assert (z - anchors.repeat(CHUNK, 1)).std().item() == pytest.approx(0.1, abs=0.01)
    assert desired.sum().item() == HALF
    assert z.abs().max() > 1
    clipped, p = codes(plane, "noisy", 0, 0)
    assert clipped.abs().max() <= 1  # Z of the Gaussian model is the square
    assert torch.allclose(p, plane.label_distribution(clipped))


def test_codes_over_the_whole_space_mean_what_the_method_says_or_nothing():
    z, desired = codes(Wheel(), "uniform", 0, 0)
    assert z.shape == (HALF, 2)
    assert desired is None
    z, desired = codes(Plane(), "uniform", 0, 0)
    assert torch.allclose(desired, Plane().label_distribution(z))
