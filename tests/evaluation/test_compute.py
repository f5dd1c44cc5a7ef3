"""What jobs compute, without a store: images in, arrays out."""

import numpy as np
import pytest
import torch
from toys import SIZE, K, Painter, Reader, ToyFaces, ToyPhotos, level, patch

from ganbench.evaluation.compute import Inputs, compute, ends, inputs_of, render, thumbnails
from ganbench.evaluation.jobs import Job
from ganbench.evaluation.protocol import chunks
from ganbench.metrics.input_similarity import SIDE

N = 10
JUDGE = Reader()


def chunk_of(data):
    (chunk,) = chunks(data.labels)
    return chunk


def inputs(data):
    chunk = chunk_of(data)
    indices, jobs = chunk.indices, []
    if data.has_true_edits:
        jobs = [Job("render", chunk, "", N, (JUDGE,), target=target) for target in range(K)]
    renders = [render(job, data, indices) for job in jobs]
    return inputs_of(data.images(indices), data.regions(indices), renders)


def arrays(kind, data, batch_size=32, **facts):
    job = Job(kind, chunk_of(data), "", N, (JUDGE,), **facts)
    (found,) = compute(job, inputs(data), [JUDGE], batch_size)
    return found


@pytest.mark.parametrize("batch_size", [1, 9, 500])
def test_edits_are_judged_and_compared(batch_size):
    found = arrays("edits", ToyFaces(N), batch_size, method=Painter(leak=0.125), codes="anchor")
    assert {name: array.shape for name, array in found.items()} == {
        "logits": (N, K, K),
        "features": (N, K, 4),
        "clamped": (N, K),
        "desired": (N, K, K),
        "thumbnail": (N, K, 3, SIZE, SIZE),
        "background": (N, K),
        "gt_distance": (N, K, 6),
        "shown": (K, K, 3, SIZE, SIZE),
    }
    assert (found["logits"].argmax(axis=-1) == np.arange(K)).all()
    assert (found["desired"] == np.eye(K)).all()
    assert found["background"] == pytest.approx(0.125)
    mouth, *_, background, everywhere = found["gt_distance"].transpose(2, 0, 1)
    assert mouth == pytest.approx(0, abs=1e-6)
    assert background == pytest.approx(0.125)
    assert everywhere == pytest.approx(0.125 / 2)
    assert found["thumbnail"][..., 0, 0, 0] == pytest.approx(
        level(np.broadcast_to(np.arange(K), (N, K)))
    )


def test_the_arrays_of_true_edits_are_the_marks_of_edits():
    data = ToyFaces(N)
    found, sources = arrays("truth", data), data.labels[chunk_of(data).indices]
    assert (found["logits"].argmax(axis=-1) == np.arange(K)).all()
    assert found["background"] == pytest.approx(0)
    step = np.abs(level(sources)[:, None] - level(np.arange(K)))
    assert found["gt_distance"][..., 0] == pytest.approx(step)  # the mouth of an unedited input


def test_photographs_are_judged_and_compared_with_nothing():
    data = ToyPhotos(N)
    assert arrays("real", data)["thumbnail"].shape == (N, 3, SIZE, SIZE)
    found = arrays("edits", data, method=Painter(), codes="anchor")
    assert not {"background", "gt_distance"} & found.keys()


def test_the_edits_of_a_probe_have_its_codes():
    codes = torch.eye(K)[[3, 5]].expand(4, 2, K)
    found = arrays("probe", ToyPhotos(N), method=Painter(), codes="few", probe_codes=codes)
    assert {name: array.shape for name, array in found.items()} == {
        "logits": (4, 2, K),
        "features": (4, 2, 4),
    }
    assert (found["logits"].argmax(axis=-1) == [3, 5]).all()


def test_right_answers_are_rows_of_seven():
    found = inputs(ToyFaces(N))
    assert isinstance(found, Inputs)
    expected = patch(torch.arange(K).repeat(N)).numpy()
    assert found.truth(np.arange(N * K)) == pytest.approx(expected, abs=1e-6)


def pictures(side):
    return torch.rand(5, 3, side, side, generator=torch.Generator().manual_seed(side))


@pytest.mark.parametrize("side", [SIDE, 2 * SIDE, 2 * SIDE - 1, 100])
def test_a_thumbnail_has_the_means_of_blocks(side):
    images = pictures(side)
    found = thumbnails(images)
    assert found.shape == (5, 3, SIDE, SIDE)
    edges = [(i * side // SIDE, -(-(i + 1) * side // SIDE)) for i in range(SIDE)]
    for i, j in ((0, 0), (2, SIDE - 1), (SIDE - 1, 3)):
        block = images[:, :, slice(*edges[i]), slice(*edges[j])]
        assert found[:, :, i, j] == pytest.approx(block.mean(dim=(2, 3)).numpy(), abs=1e-6)


def test_a_picture_smaller_than_a_thumbnail_stays():
    images = torch.rand(2, 3, SIDE - 3, SIDE - 3)
    assert (thumbnails(images) == images.numpy()).all()


@pytest.mark.parametrize("side", [64, 100])
def test_a_thumbnail_does_not_depend_on_its_batch_or_on_memory(side):
    images = pictures(side)
    whole = thumbnails(images)
    assert (whole == np.concatenate([thumbnails(images[[i]]) for i in range(5)])).all()
    assert (whole == thumbnails(images.to(memory_format=torch.channels_last))).all()


def test_ends_are_those_of_the_same_unit_in_any_order():
    low, high = ends([(2, 0.4), (1, 0.0), (2, 0.8), (1, 0.8), (2, 0.0), (5, 1.0)])
    assert low.tolist() == [4, 1, 4, 1, 4, 5]
    assert high.tolist() == [2, 3, 2, 3, 2, 5]
