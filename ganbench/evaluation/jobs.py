"""The jobs of an evaluation: what each of them is about, and the keys of what they compute.

A job is about a chunk of the test set and one source of images: the test set itself (``real``), the
renderer of true edits (``render``, ``truth``), or a method with one set of codes (``edits``). A metric
may ask for additional edits of a few images: they are jobs of the kind ``probe``, and jobs of the kind
``render`` render their true edits. Jobs of the kind ``faces`` have networks describe the faces of the first
images and of their edits.

The key of a job names everything that its numbers depend on, and nothing else: the data, the current
state of method and judge, and the source of the code that runs between pictures and arrays
(``ganbench.storage.state``). The batch size changes no number, so it is not in the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Dataset
from ganbench.evaluation import protocol
from ganbench.evaluation.precision import FLOAT32, Precision
from ganbench.evaluation.protocol import Chunk
from ganbench.faces_in_photos import FaceNetworks, fingerprints
from ganbench.faces_in_photos.framed import describe
from ganbench.judges.interface import Judge
from ganbench.methods.interface import Method
from ganbench.metrics.background import SPEC as BACKGROUND
from ganbench.metrics.gt_error import SPEC as GT_ERROR
from ganbench.metrics.input_similarity import SPEC as INPUT_SIMILARITY
from ganbench.metrics.units import CORRELATION as UNITS
from ganbench.storage.state import identity, tensor_hash

Kind = Literal["real", "render", "truth", "edits", "probe", "faces"]


@dataclass(frozen=True, eq=False)
class Job:
    """A part of an evaluation that is computed and stored as a whole.

    Attributes:
        kind: ``real``: judge the test images; ``render``: render the true edits for one target or for
            one probe; ``truth``: judge the true edits for all targets; ``edits``: edit and judge;
            ``probe``: edit the first images with the codes of a probe and judge the edits; ``faces``:
            describe the faces of one source.
        chunk: the test images.
        title: the name in progress bars.
        images: number of images that are made or judged.
        judges: the judges who judge, the main judge first. The store has an entry for each. ``render``
            and ``faces`` have one entry, which depends on no judge and is listed under the main judge.
        label, method: the method of ``edits``, ``probe`` and ``faces``, and its label.
        codes: the set of codes of ``edits`` (``protocol.code_sets``), or the name of the probe; for
            ``faces`` without a method ``"real"`` or ``"truth"``.
        seed: the seed of the noise of ``edits``, ``probe`` and ``faces``.
        target: the emotion of the true edits, if ``render`` is for a target.
        asked: what each edit of a probe is asked to show, and at which intensity, if its true edits can be
            rendered; ``of``: whether these are action units or emotions (``scoring.Probe``).
        probe_codes: the codes [n, P, code_dim] of ``probe``, for the first n images of the chunk.
        precision: the arithmetic of the method.
    """

    kind: Kind
    chunk: Chunk
    title: str
    images: int
    judges: tuple[Judge, ...]
    label: str = ""
    method: Method | None = None
    codes: str = ""
    seed: int = 0
    target: int = -1
    asked: tuple[tuple[int, float], ...] = ()
    of: Literal["units", "emotions"] = "units"
    probe_codes: Tensor | None = None
    precision: Precision = FLOAT32


class Keys:
    """Makes the keys of jobs.

    Hashes of methods, judges and data are remembered from one ``refresh`` to the next: they take time,
    and a method may change itself while it edits, by a counter or a buffer that it fills.

    Args:
        dataset, methods, judges: what takes part in the evaluation.
        code: the functions that compute the arrays of a job.
    """

    def __init__(
        self,
        dataset: Dataset,
        methods: Iterable[Method],
        judges: Iterable[Judge],
        code: tuple[Callable[..., object], ...],
    ) -> None:
        self._dataset, self._parts, self._code = dataset, (*methods, *judges), code
        self._known: dict[object, Any] = {}
        self._settled: list[dict[str, str]] | None = None
        self._held = False

    def refresh(self) -> bool:
        """Forget all hashes if methods, judges or data have been changed since ``settle``.

        Returns:
            Whether they have, or may have.
        """
        if self._held or (self._settled is not None and self._settled == self._state()):
            return False
        self._known.clear()
        self._settled = None
        return True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take methods, judges and data as unchanged during a block: to hash them takes as long as to draw a figure."""
        before, self._held = self._held, True
        try:
            yield
        finally:
            self._held = before

    def settle(self) -> None:
        """Accept the changes that methods and judges have made to themselves until now."""
        self._settled = self._state()

    def _state(self) -> list[dict[str, str]]:
        return [*map(identity, self._parts), identity(*self._dataset.read_by())]

    def identity(self, *objects: object) -> dict[str, str]:
        """``ganbench.storage.state.identity`` of some objects at the last ``refresh``."""
        # The objects are remembered too, so that no other object gets the id of one of them.
        found: dict[str, str] = self.once(
            tuple(map(id, objects)), lambda: (objects, identity(*objects))
        )[1]
        return found

    def judge_fingerprint(self, judge: Judge) -> str:
        """The fingerprint of a judge at the last ``refresh``: its spec may hash the weights each time."""
        found: str = self.once(("spec", id(judge)), lambda: judge.spec.fingerprint)
        return found

    def once(self, name: object, make: Callable[[], Any]) -> Any:
        """What ``make`` returned when it was first called for this name since the last ``refresh``."""
        if name not in self._known:
            self._known[name] = make()
        return self._known[name]

    def of(self, job: Job, judge: Judge) -> dict[str, Any]:
        """The key of the entry of a job for one of its judges."""
        data, indices = self._dataset, job.chunk.indices
        key: dict[str, Any] = {
            "kind": job.kind,
            "protocol": protocol.VERSION,
            # The metrics of pixels that are computed in jobs, hence stored.
            "pixels": [BACKGROUND.version, GT_ERROR.version, INPUT_SIMILARITY.version],
            "computed by": self.identity(*self._code),
            "data": data.fingerprint,
            "files": data.stamp,
            "read by": self.once("data", lambda: identity(*data.read_by())),
            "size": data.size,
            "chunk": job.chunk.number,
            # The indices and labels themselves: labels decide on the order, and a user may change some.
            "images": array_digest(indices),
            "labels": array_digest(data.labels[indices]),
            "arithmetic": _arithmetic(),
        }
        if job.asked:
            # The true edits of the probe, and the definition of the positions between them.
            key |= {job.of: job.asked, "measured": UNITS.version}
        if job.kind == "render":
            return key | ({"first": job.images} if job.asked else {"target": job.target})
        if job.kind == "faces":
            described = {
                "of": "edits" if job.method else job.codes,
                "described on": judge.device.type,
            }
            key |= {**described, "described by": self.once("faces", _face_networks)}
            return key | self._of_edits(job) if job.method else key
        # Kernels of different kinds of device differ in the last bits, so a table has numbers of one kind.
        key |= {
            "judge": self.judge_fingerprint(judge),
            "judged by": self.identity(judge),
            "judged on": judge.device.type,
        }
        return key | self._of_edits(job) if job.method else key

    def _of_edits(self, job: Job) -> dict[str, Any]:
        """The part of a key that stands for the edits of a method."""
        assert job.method is not None
        key = {
            "method": job.method.name,  # the label decides no number
            "edited by": self.identity(job.method),
            "edited on": job.method.device.type,
            **({"edited in": job.precision} if job.precision != FLOAT32 else {}),
        }
        if job.probe_codes is None:
            random = protocol.is_random(job.method, job.codes)
            return key | {"codes": job.codes, "seed": job.seed if random else None}
        # The codes themselves, since another version of a metric may give its probe other codes.
        codes = array_digest(job.probe_codes.detach().cpu().numpy())
        return key | {"codes": codes, "first": len(job.probe_codes)}


def _face_networks() -> dict[str, Any]:
    """The weights of the face networks, and the code that they are run by."""
    return {**fingerprints(), **identity(describe, FaceNetworks)}


def fingerprint(method: Method) -> str:
    """sha256 (hex) of a method's weights.

    It is the hash of the checkpoint's file if the method still holds what the file holds; otherwise, and
    for a method without a file, the hash of its present configuration and tensors.
    """
    now = tensor_hash(method)
    return method.fingerprint if method.fingerprint and method.loaded == now else now


def array_digest(values: NDArray[Any]) -> list[Any]:
    """Shape, type and sha256 (hex) of the numbers of an array."""
    values = np.ascontiguousarray(values)
    return [list(values.shape), values.dtype.str, hashlib.sha256(values.tobytes()).hexdigest()]


def _arithmetic() -> list[str]:
    """Settings of PyTorch that change the last bits of every result, or more."""
    backends = torch.backends
    questions: list[Callable[[], object]] = [
        torch.get_default_dtype,
        torch.get_float32_matmul_precision,
        lambda: backends.cuda.matmul.allow_tf32,
        lambda: backends.cudnn.allow_tf32,
        lambda: backends.mkldnn.matmul.fp32_precision,  # type: ignore[attr-defined]
        lambda: backends.mkldnn.conv.fp32_precision,  # type: ignore[attr-defined]
        lambda: torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu"),
        lambda: torch.is_autocast_enabled("cuda") and torch.get_autocast_dtype("cuda"),
    ]
    hooks = [
        torch.nn.modules.module._global_forward_hooks,
        torch.nn.modules.module._global_forward_pre_hooks,
    ]
    of_all = [hook for kind in hooks for hook in kind.values()]
    return [*map(_answer, questions), *[identity(of_all)["state"]] * bool(of_all)]


def _answer(ask: Callable[[], object]) -> str:
    """A setting of PyTorch, or the name of the error where a version lacks it or two contradict."""
    try:
        return str(ask())
    except (AttributeError, RuntimeError) as error:
        return type(error).__name__
