"""What the jobs of an evaluation compute: edit images, have them judged, compare them with true edits.

The functions here take images and return arrays. None of them reads or writes files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS
from ganbench.evaluation import contract, protocol
from ganbench.evaluation.jobs import Job
from ganbench.evaluation.workers import Later
from ganbench.judges.interface import Judge, ask
from ganbench.methods.interface import Edit
from ganbench.methods.outputs import to_bytes
from ganbench.metrics.background import background_change
from ganbench.metrics.gt_error import gt_distances, joint_regions
from ganbench.metrics.input_similarity import SIDE
from ganbench.metrics.units import unit_position
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Arrays

K = len(EMOTIONS)

# Number of inputs whose edits are stored as pictures: the first of the protocol's order, which show one
# emotion each.
SHOWN = 7

AT_ONCE = Later()

Pixels = NDArray[np.float32]
Rows = NDArray[np.int64]
"""Numbers of images of a job: image, 7 * image + target, or P * image + edit for P edits of a probe."""

Timer = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Inputs:
    """The images of a chunk and what is known about them.

    Attributes:
        images: float32 [n, 3, S, S] in [0, 1].
        regions: region maps uint8 [n, S, S], if the data have any.
        true_edits: uint8 [n * 7, 3, S, S], row 7 * image + target, if the data know them.
        joint: uint8 [n * 7, S, S], ``joint_regions`` of the inputs and their true edits.
        true_probe: for a probe whose true edits are known ``images`` uint8 [n, P, 3, S, S] and
            ``regions`` uint8 [n, P, S, S].
    """

    images: Tensor
    regions: NDArray[np.uint8] | None = None
    true_edits: NDArray[np.uint8] | None = None
    joint: NDArray[np.uint8] | None = None
    true_probe: Arrays | None = None

    def truth(self, rows: Rows) -> Pixels:
        """The true edits in some rows, in [0, 1]."""
        assert self.true_edits is not None
        return self.true_edits[rows].astype(np.float32) / np.float32(255)


def inputs_of(images: Tensor, regions: Tensor | None, renders: Sequence[Arrays]) -> Inputs:
    """The inputs of the jobs of a chunk.

    Args:
        images, regions: what the data set returns for the chunk.
        renders: the arrays of the seven jobs ``render`` in the order of the targets; empty if the data
            know no true edits.
    """
    maps = None if regions is None else regions.numpy()
    if not renders:
        return Inputs(images, maps)
    true_edits = np.stack([render["images"] for render in renders], axis=1)
    after = np.stack([render["regions"] for render in renders], axis=1)
    joint = joint_regions(after if maps is None else maps[:, None], after)
    return Inputs(
        images,
        maps,
        true_edits.reshape(-1, *true_edits.shape[2:]),
        joint.reshape(-1, *after.shape[2:]),
    )


def render(job: Job, dataset: Dataset, indices: NDArray[np.int64]) -> Arrays:
    """Do a job ``render`` for some images of the data set.

    Returns:
        The true edits ``images`` uint8 [n, 3, S, S] and their ``regions`` uint8 [n, S, S] if the job is
        for a target; [n, P, 3, S, S] and [n, P, S, S] if it is for a probe.
    """
    if not job.asked:
        images, regions = dataset.true_edits(indices, job.target)
        return {"images": to_bytes(images), "regions": regions.numpy()}
    true_edit = dataset.true_units if job.of == "units" else dataset.true_intensities
    edits = [true_edit(indices, *asked) for asked in job.asked]
    return {
        "images": np.stack([to_bytes(images) for images, _ in edits], axis=1),
        "regions": np.stack([regions.numpy() for _, regions in edits], axis=1),
    }


@torch.inference_mode()
def compute(
    job: Job,
    inputs: Inputs,
    judges: Sequence[Judge],
    batch_size: int = 32,
    stopwatch: Stopwatch | None = None,
    watch: Callable[[int], None] = lambda _: None,
    later: Later = AT_ONCE,
    pictures: NDArray[np.uint8] | None = None,
) -> list[Arrays]:
    """Do a job of any kind except ``render`` and ``faces``.

    Args:
        job, inputs: the job, and the inputs of its chunk.
        judges: the judges who judge, of the job's judges.
        batch_size: number of images that are made and judged at once; it changes no number.
        stopwatch: measures the stages.
        watch: called after each batch with the number of finished images of the job.
        later: has the pixels of a batch compared, while the next batch is edited.
        pictures: [m, 3, S, S], filled with the first m edits, rounded to 8 bits.

    Returns:
        The arrays for each judge.

        - ``real``: ``logits`` [n, 7], ``features`` [n, d] and ``thumbnail`` [n, 3, s, s];
        - ``truth``: ``logits`` [n, 7, 7], ``features`` [n, 7, d], ``thumbnail`` [n, 7, 3, s, s],
          ``gt_distance`` [n, 7, 6] of the inputs, and ``background`` [n, 7] if the data have regions;
        - ``edits``: ``logits``, ``features`` and ``clamped`` [n, 7] (``Edit.clamped``); ``desired``
          [n, 7, 7] unless the codes stand for no emotions; with anchor codes also ``thumbnail`` and, if
          the data know them, ``background`` and ``gt_distance``, and of the first chunk ``shown`` uint8
          [7, 7, 3, S, S];
        - ``probe``: ``logits`` [n, P, 7], ``features`` [n, P, d], and the arrays of ``compare_probe``,
          [n, P, ...], if the data know the true edits.

    Raises:
        BadInput: a method or a judge fails or breaks its contract.
    """
    timer, images = (stopwatch or Stopwatch()).measure, inputs.images
    n, each, codes = len(images), 1 if job.kind == "real" else K, torch.empty(0)
    found: Arrays = {}
    if job.method is not None:
        images = images.to(job.method.device)
        if job.probe_codes is None:
            codes, desired = protocol.codes(job.method, job.codes, job.seed, job.chunk.number)
            if desired is not None:
                found["desired"] = desired[: n * K].numpy()
        else:
            codes, (n, each) = job.probe_codes.flatten(0, 1), job.probe_codes.shape[:2]
    outputs: list[list[Arrays]] = [[] for _ in judges]
    measured: list[Future[Arrays]] = []
    specs = [judge.spec for judge in judges]
    for start in range(0, n * each, batch_size):
        rows = np.arange(start, min(start + batch_size, n * each))
        if job.method is None:
            batch, arrays = _unedited(job, inputs, rows, timer, later)
        else:
            with timer(f"edit: {job.method.title}"):
                chosen = job.method, images[rows // each], codes[rows], job.label
                edit = contract.edit(*chosen, precision=job.precision)
                if edit.images.is_cuda:
                    torch.cuda.synchronize()
            batch, arrays = edit.images, _measure(job, inputs, rows, edit, timer, later)
            if pictures is not None and start < len(pictures):
                pictures[start : start + len(rows)] = to_bytes(batch[: len(pictures) - start])
        measured.append(arrays)
        with timer(f"judge: {job.title}"):
            for judge, spec, parts in zip(judges, specs, outputs, strict=True):
                judged = ask(judge, batch, spec)
                parts.append({"logits": judged.logits.numpy(), "features": judged.features.numpy()})
        watch(start + len(rows))
    with timer("wait for comparisons"):
        found |= _joined([arrays.result() for arrays in measured])
    of_judges = [_joined(parts) | found for parts in outputs]
    return of_judges if job.kind == "real" else [_by_image(arrays, each) for arrays in of_judges]


def _unedited(
    job: Job, inputs: Inputs, rows: Rows, timer: Timer, later: Later
) -> tuple[Tensor, Future[Arrays]]:
    """The images in some rows of a job ``real`` or ``truth``, and measurements of them."""
    if job.kind == "real":
        images = inputs.images[rows]
        return images, AT_ONCE(dict, thumbnail=thumbnails(images))
    truth = inputs.truth(rows)
    images = torch.from_numpy(truth)
    small = {"thumbnail": thumbnails(images)}

    def compare() -> Arrays:
        with timer("compare with truth"):
            # The distances are those of the unedited inputs, to which those of edits are compared.
            distances = _distances(inputs, rows, inputs.images.numpy()[rows // K])
            return {**small, "gt_distance": distances, **_background(inputs, rows, truth)}

    return images, later(compare)


def _measure(
    job: Job, inputs: Inputs, rows: Rows, edit: Edit, timer: Timer, later: Later
) -> Future[Arrays]:
    """Measurements of the edits in some rows of a job ``edits`` or ``probe``.

    What torch computes is computed here, on the device of the edits; pixels are compared later.
    """
    if job.kind == "probe":
        if inputs.true_probe is None:
            return AT_ONCE(dict)
        pixels, true_probe = edit.images.cpu().numpy(), inputs.true_probe

        def compare_with_units() -> Arrays:
            with timer("compare with truth"):
                sources = inputs.images.numpy()
                return compare_probe(true_probe, job.asked, rows, sources, pixels, inputs.regions)

        return later(compare_with_units)
    assert edit.clamped is not None
    arrays: Arrays = {"clamped": edit.clamped.cpu().numpy()}
    if job.codes != "anchor":
        return AT_ONCE(dict, arrays)
    arrays["thumbnail"] = thumbnails(edit.images)
    if job.chunk.number == 0 and rows[0] < SHOWN * K:
        arrays["shown"] = to_bytes(edit.images[: SHOWN * K - int(rows[0])])
    # If there is nothing to compare with, as for photographs, the edits stay on their device.
    if inputs.regions is None and inputs.joint is None:
        return AT_ONCE(dict, arrays)
    edits = edit.images.cpu().numpy()

    def compare() -> Arrays:
        with timer("compare with truth"):
            found = arrays | _background(inputs, rows, edits)
            if inputs.joint is not None:
                found["gt_distance"] = _distances(inputs, rows, edits)
            return found

    return later(compare)


def _background(inputs: Inputs, rows: Rows, edits: Pixels) -> Arrays:
    """``background`` [n] of the edits in some rows, if the data have region maps."""
    if inputs.regions is None:
        return {}
    image = rows // K
    change = background_change(inputs.images.numpy()[image], edits, inputs.regions[image])
    return {"background": change}


def _distances(inputs: Inputs, rows: Rows, edits: Pixels) -> NDArray[np.float64]:
    """Distances [n, 6] of the edits in some rows to their true edits, see ``gt_distances``."""
    assert inputs.joint is not None
    return gt_distances(edits, inputs.truth(rows), inputs.joint[rows])


def compare_probe(
    true_edits: Arrays,
    asked: Sequence[tuple[int, float]],
    rows: Rows,
    sources: Pixels,
    edits: Pixels,
    regions: NDArray[np.uint8] | None,
) -> Arrays:
    """Compare edits by single action units, or by emotions at some intensity, with their true edits.

    Args:
        true_edits: ``images`` uint8 [n, P, 3, S, S] and ``regions`` uint8 [n, P, S, S].
        asked: the action unit or the emotion, and its intensity, for each of the P edits of an image.
        rows: int64 [B], P * image + edit.
        sources: the inputs [n, 3, S, S] in [0, 1].
        edits: [B, 3, S, S] in [0, 1].
        regions: region maps of the inputs, uint8 [n, S, S]; None if they are unknown.

    Returns:
        ``gt_distance`` and ``unedited`` [B, 6], the distances of edit and input to the true edit in
        ``metrics.gt_error.REGIONS``; and ``position`` [B], ``unit_position`` of the edit between the true
        edits for the least and for the greatest intensity of what was asked for.
    """
    image, edit = rows // len(asked), rows % len(asked)

    def true_edit(which: Rows) -> Pixels:
        return true_edits["images"][image, which].astype(np.float32) / np.float32(255)

    after = true_edits["regions"][image, edit]
    joint = joint_regions(after if regions is None else regions[image], after)
    source, truth = sources[image], true_edit(edit)
    line = [source, edits, *(true_edit(end[edit]) for end in ends(asked))]
    return {
        "gt_distance": gt_distances(edits, truth, joint),
        "unedited": gt_distances(source, truth, joint),
        "position": unit_position(*(pixels.reshape(len(rows), -1) for pixels in line)),
    }


def ends(asked: Sequence[tuple[int, float]]) -> tuple[Rows, Rows]:
    """For each edit the numbers of the edits with the least and the greatest intensity of the same thing."""
    rising = sorted(range(len(asked)), key=lambda place: asked[place])
    most = {asked[place][0]: place for place in rising}
    least = {asked[place][0]: place for place in reversed(rising)}
    low, high = (np.array([of[what] for what, _ in asked], np.int64) for of in (least, most))
    return low, high


def thumbnails(images: Tensor) -> Pixels:
    """Small pictures, each pixel the mean of a block.

    Pictures smaller than a thumbnail stay as they are. Where their side is no multiple of ``SIDE``,
    neighbouring blocks share pixels.

    Args:
        images: [N, 3, S, S] on any device, where they are averaged in float32.

    Returns:
        float32 [N, 3, s, s] in the range of ``images``, s the smaller of S and ``SIDE``.
    """
    small = adaptive_avg_pool2d(images.float(), min(SIDE, images.shape[-1]))
    return np.asarray(small.cpu().numpy())


def _joined(parts: Sequence[Arrays]) -> Arrays:
    """The arrays of several batches, joined by name; a batch may lack some names."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: np.concatenate([part[name] for part in parts if name in part]) for name in names}


def _by_image(arrays: Arrays, each: int) -> Arrays:
    """Rows ``each * image + i`` -> [image, i, ...]."""
    return {name: array.reshape(-1, each, *array.shape[1:]) for name, array in arrays.items()}
