"""The evaluation protocol: the order of the test images, their chunks, the codes and their noise.

Nothing here depends on the batch size, on the device or on interruptions of a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Dataset
from ganbench.data.leaks import familiarity
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.faces_in_photos import fingerprints
from ganbench.faces_in_photos.whitening import load_whitening
from ganbench.judges.interface import JudgeSpec
from ganbench.methods.interface import Method, ability
from ganbench.records import EXTRA, FACES, LEARNED
from ganbench.seeds import generator

VERSION = 1

# Number of images in a chunk: an interruption loses little, and the files of the store are few. Noise is
# drawn for whole chunks, so this number is a part of the protocol.
CHUNK = 100

# Number of images, the first of the protocol's order, that are edited with noisy and uniform codes: they are a
# detail of a report, and would be a third of its work.
FEW = 140

# PAPER.md, "GANmut (linear)": the noise of the codes around an anchor.
NOISE = 0.1

# Addresses of the random draws for each set of codes; other words would draw other noise.
_ADDRESS = {"anchor": "exact", "noisy": "near", "uniform": "space"}


@dataclass(frozen=True)
class Chunk:
    """A part of the test set.

    Attributes:
        number: its position in the protocol's order.
        indices: int64 [n <= CHUNK], positions in the data set.
    """

    number: int
    indices: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    def within(self, count: int) -> Chunk:
        """The part of the chunk that belongs to the first ``count`` images of the test set."""
        return replace(self, indices=self.indices[: max(0, count - CHUNK * self.number)])


def order(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The protocol's order of a data set: one image of each emotion in turn.

    The first images are then as balanced as the data allow, whatever their number. Therefore a run with a
    limit takes the first images, and shares its full chunks with a run without one.

    Args:
        labels: int64 [N].

    Returns:
        int64 [N], positions in the data set.
    """
    rank = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        alike = labels == label
        rank[alike] = np.arange(alike.sum())
    return np.lexsort((labels, rank))


def chunks(labels: NDArray[np.int64], limit: int | None = None) -> list[Chunk]:
    """The chunks of a data set, or of the first ``limit`` images in the protocol's order.

    Raises:
        BadInput: ``limit`` is less than 1.
    """
    if limit is not None and limit < 1:
        raise BadInput(f"limit must be at least 1: {limit}; leave it out for the whole test set")
    chosen = order(labels)[:limit]
    return [Chunk(i // CHUNK, chosen[i : i + CHUNK]) for i in range(0, len(chosen), CHUNK)]


def code_sets(method: Method) -> list[str]:
    """The sets of codes that a method is evaluated with.

    ``anchor``: the codes of the emotions, with new noise for each edit if the method takes noise. Table 1
    is about them. ``noisy``: anchors + N(0, 0.1^2), for methods with anchors; FED uses them if they
    exist for all images. ``uniform``: uniform over the conditional space Z, for methods that have one.
    The last two are for the first ``FEW`` images unless all are asked for.
    """
    noisy = ability(method.anchors) is not None
    uniform = ability(method.sample, 1, generator(0, "probe")) is not None
    return ["anchor", *["noisy"] * noisy, *["uniform"] * uniform]


def is_random(method: Method, name: str) -> bool:
    """Whether edits with a set of codes depend on the seed of the noise."""
    return method.noise_dim > 0 or name != "anchor"


def codes(method: Method, name: str, seed: int, chunk: int) -> tuple[Tensor, Tensor | None]:
    """The codes of a full chunk, row ``7 * image + target``, even if the chunk has fewer images.

    Args:
        method: the method.
        name: one of ``code_sets(method)``.
        seed: seed of the noise.
        chunk: number of the chunk. Every draw depends on it, on ``seed``, on ``name`` and on the name of
            the method.

    Returns:
        float32 [CHUNK * 7, code_dim], and the desired label distributions [CHUNK * 7, 7]: p_z if the
        method defines it, else one-hot; None if the codes stand for no emotions.
    """
    targets = torch.arange(len(EMOTIONS)).repeat(CHUNK)
    n = len(targets)
    random = generator(seed, "noise", method.name, _ADDRESS[name], chunk)
    if name == "uniform":
        z = method.sample(n, random)
    elif name == "noisy":
        anchors = method.anchors()
        z = anchors[method.labels(targets)] + NOISE * torch.randn(
            n, anchors.shape[1], generator=random
        ).to(anchors)
        if ability(method.label_distribution, anchors) is not None:
            z = z.clamp(-1, 1)  # the Gaussian model keeps its means in this square by tanh
    else:
        places = CHUNK * chunk + torch.arange(CHUNK).repeat_interleave(len(EMOTIONS))
        z = method.task_codes(places, targets, method.draw_noise(n, random))
    desired = label_distribution(method, z)
    if desired is None and name != "uniform":
        desired = torch.nn.functional.one_hot(targets, len(EMOTIONS))
    return z, None if desired is None else desired.float().cpu()


def label_distribution(method: Method, codes: Tensor) -> Tensor | None:
    """p_z [n, 7] of codes, its columns in Table-1 order; None if the method defines no p_z.

    If the method knows more emotions, p_z is conditional on the seven.
    """
    p = ability(method.label_distribution, codes)
    if p is None or method.spec.emotions == EMOTIONS:
        return p
    p = p[:, method.labels(EMOTIONS)]
    return p / p.sum(dim=1, keepdim=True)


def describe(
    dataset: Dataset,
    judge: JudgeSpec,
    images: int,
    others: Sequence[JudgeSpec] = (),
    all_codes: bool = False,
    precision: str = "float32",
    faces: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The protocol as results have it and hash it.

    It has no versions of metrics: they are in the records, and a new metric must not make old records
    incomparable.

    Args:
        dataset, judge: the test split and the main judge.
        images: number of test images; distances between sets of features depend on it.
        others: the extra judges. They stand under ``records.EXTRA``, which is not hashed, because the main
            judge's numbers do not depend on them.
        all_codes: whether all images are edited with noisy and uniform codes, or the first ``FEW``.
        precision: the arithmetic of the methods.
        faces: the face networks (``face_networks``), if they were used. They stand under ``records.FACES``,
            which is not hashed: only their own metrics depend on them.
    """
    few = images > FEW and not all_codes
    names = judge_names([judge, *others])[1:]
    extra = {name: _describe_judge(other) for name, other in zip(names, others, strict=True)}
    learned = {
        one.fingerprint: answer
        for one in (judge, *others)
        if (answer := familiarity(one.pictures, one.trained_on, dataset))
    }
    return {
        "version": VERSION,
        "data": {
            "name": dataset.name,
            "split": dataset.split,
            "size": dataset.size,
            "images": images,
            "fingerprint": dataset.fingerprint,
            **({"framing": dataset.framing} if dataset.framing else {}),
        },
        "judge": _describe_judge(judge),
        "codes": {
            "accuracy": "anchor",
            "fed": "anchor"
            if few
            else f"anchors + N(0, {NOISE}^2) where a method has anchors, else anchor",
            "chunk": CHUNK,
            **({"noisy and uniform": f"the first {FEW} images"} if few else {}),
        },
        **({"precision": precision} if precision != "float32" else {}),
        **({EXTRA: extra} if extra else {}),
        **({FACES: dict(faces)} if faces else {}),
        **({LEARNED: learned} if learned else {}),
    }


def face_networks(images: int, all_faces: bool) -> dict[str, Any]:
    """What the metrics ``metrics.OF_FACES`` depend on: the images that faces are described in, and the weights.

    Args:
        images: number of test images.
        all_faces: whether faces are described in all images, or in the first ``FEW``.
    """
    few = images > FEW and not all_faces
    whitening = {"whitening": load_whitening().fingerprint}
    return {"images": f"the first {FEW}" if few else "all", **fingerprints(), **whitening}


def judge_names(judges: Sequence[JudgeSpec]) -> list[str]:
    """The name of each judge, with the beginning of its hash where two have the same name."""
    shared = Counter(judge.name for judge in judges)
    return [
        judge.name if shared[judge.name] == 1 else f"{judge.name} {judge.fingerprint[:8]}"
        for judge in judges
    ]


def _describe_judge(judge: JudgeSpec) -> dict[str, Any]:
    return {
        "name": judge.name,
        "title": judge.title,
        "layer": judge.layer,
        "dimension": judge.dimension,
        "fingerprint": judge.fingerprint,
        "trained_on": judge.trained_on,
    }


def training_notes(protocol: dict[str, Any]) -> list[str]:
    """Notes about judges that were trained on other data, a line each, from the protocol of results."""
    data, learned = protocol["data"]["name"], protocol.get(LEARNED, {})
    trust = "its accuracy in the row Real shows how far to trust it"
    notes = []
    for judge in (protocol["judge"], *protocol.get(EXTRA, {}).values()):
        trained, title = judge.get("trained_on", data), judge["title"]
        answer = learned.get(judge.get("fingerprint"))
        if answer == "these":
            continue
        if answer == "unknown":
            notes.append(
                f"judge {title} was trained on data of the kind {trained}, and its card does not tell "
                f"whether these are the same: {trust}"
            )
        elif answer == "others" and trained == data:
            notes.append(f"judge {title} was trained on other {trained} data than these: {trust}")
        elif trained != data:  # also if results of earlier versions have no answer
            notes.append(f"judge {title} was trained on {trained}, not on {data}: {trust}")
    return notes
