"""What the jobs ``faces`` compute: points, descriptors and found faces of the first images and of their edits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.evaluation import contract, protocol
from ganbench.evaluation.compute import Inputs, K
from ganbench.evaluation.jobs import Job
from ganbench.faces_in_photos import load_face_networks
from ganbench.faces_in_photos.framed import describe
from ganbench.methods.outputs import to_bytes
from ganbench.scoring import TRUTH
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Arrays


@torch.inference_mode()
def describe_faces(
    job: Job,
    inputs: Inputs,
    batch_size: int = 32,
    stopwatch: Stopwatch | None = None,
    watch: Callable[[int], None] = lambda _: None,
    edited: NDArray[np.uint8] | None = None,
) -> Arrays:
    """Do a job ``faces``: of the inputs, of the true edits, or of a method's edits with anchor codes.

    The pictures are rounded to 8 bits, as they would be saved. The edits are those of the job ``edits``
    with the same codes, made again unless they are given: the store does not hold them.

    Args:
        job, inputs: the job, and the inputs of its part of a chunk.
        batch_size: number of pictures that are made and described at once.
        stopwatch: measures the stages.
        watch: called after each batch with the number of finished pictures of the job.
        edited: the edits uint8 [n * 7, 3, S, S], row 7 * image + target, if they have just been made.

    Returns:
        The arrays of ``framed.describe``, [n, ...] for the inputs and [n, 7, ...] for edits.

    Raises:
        BadInput: a method fails or breaks its contract.
    """
    timer = (stopwatch or Stopwatch()).measure
    networks = load_face_networks(job.judges[0].device)
    n, codes = len(inputs.images), torch.empty(0)
    images, each = inputs.images, 1
    if job.method is not None:
        images, each = images.to(job.method.device), K
        codes, _ = protocol.codes(job.method, job.codes, job.seed, job.chunk.number)
    elif job.codes == TRUTH:
        assert inputs.true_edits is not None
        each = K
    parts = []
    for start in range(0, n * each, batch_size):
        rows = np.arange(start, min(start + batch_size, n * each))
        if edited is not None:
            pictures = edited[rows]
        elif job.method is not None:
            with timer(f"edit: {job.method.title}"):
                chosen = job.method, images[rows // K], codes[rows], job.label
                pictures = to_bytes(contract.edit(*chosen, precision=job.precision).images)
        elif job.codes == TRUTH and inputs.true_edits is not None:
            pictures = inputs.true_edits[rows]
        else:
            pictures = to_bytes(images[rows])
        with timer("describe faces"):
            parts.append(describe(networks, pictures.transpose(0, 2, 3, 1))._asdict())
        watch(start + len(rows))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if each == 1:
        return found
    return {name: array.reshape(n, K, *array.shape[1:]) for name, array in found.items()}
