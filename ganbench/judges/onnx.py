"""An ONNX classifier as a judge, which needs the extra ``onnx``. docs/judges.md has the conventions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench import parsing
from ganbench.emotions import EMOTIONS, canonical
from ganbench.errors import BadInput
from ganbench.judges.interface import Judged, JudgeSpec, resample
from ganbench.methods.weights import sha256
from ganbench.storage.store import digest
from ganbench.text import plural

if TYPE_CHECKING:
    import onnxruntime


@dataclass(frozen=True)
class OnnxInput:
    """The meaning of an ONNX network's outputs, and the images that it expects.

    Attributes:
        labels: names of the outputs, in order; outputs that are no emotion are ignored.
        size: side of the images, pixels; None reads it from the file.
        mean, std: the network takes (x - mean) / std of RGB x in [0, 1].
    """

    labels: tuple[str, ...]
    size: int | None = None
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise BadInput(f"image size must be at least 1: {self.size}; give pixels")
        finite = all(map(math.isfinite, (*self.mean, *self.std)))
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0 or not finite:
            raise BadInput(
                f"not a normalisation: mean {self.mean}, std {self.std}; give three finite numbers each, "
                "std above 0"
            )


def columns(labels: Sequence[str]) -> list[int]:
    """The network's output of each emotion, in Table-1 order.

    Raises:
        BadInput: ``labels`` lack an emotion or repeat it.
    """
    names = [canonical(label) for label in labels]
    for what, wrong in (
        ("lack", [emotion for emotion in EMOTIONS if emotion not in names]),
        ("repeat", [emotion for emotion in EMOTIONS if names.count(emotion) > 1]),
    ):
        if wrong:
            raise BadInput(
                f"labels {what} {', '.join(wrong)}: {','.join(labels)}; name every output of the "
                "network in its order, the seven emotions once each"
            )
    return [names.index(emotion) for emotion in EMOTIONS]


class OnnxJudge:
    """A network in ONNX Runtime, on the CPU."""

    def __init__(
        self, session: onnxruntime.InferenceSession, path: Path, expects: OnnxInput
    ) -> None:
        self.session, self.path, self.expects = session, path, expects
        self.columns = columns(expects.labels)
        self.input, self.size, self.batch = _input(session, path, expects.size)
        self.outputs = [output.name for output in session.get_outputs()][:2]
        # One grey image is judged, because the file may not tell the shapes of the outputs.
        outputs, features = self.run(torch.full((1, 3, self.size, self.size), 0.5))
        self.ends_in_softmax = bool((outputs >= 0).all() and abs(outputs.sum() - 1) < 1e-3)
        self._spec = JudgeSpec(
            name="onnx",
            title=f"{path.stem} ({self.size} px)",
            image_size=self.size,
            emotions=EMOTIONS,
            layer=self.outputs[-1],
            dimension=features.shape[1],
            fingerprint=digest({"file": sha256(path), **asdict(expects)}),
            licence="unknown",
            trained_on="unknown data",
        )

    @property
    def spec(self) -> JudgeSpec:
        """The judge's identity; its fingerprint depends on the file, the labels and the normalisation."""
        return self._spec

    @property
    def device(self) -> torch.device:
        """The CPU."""
        return torch.device("cpu")

    def fingerprint_state(self) -> list[object]:
        """The state that ``ganbench.storage.state`` hashes instead of the session."""
        return [self._spec, self.expects, self.columns, self.outputs, self.ends_in_softmax]

    @torch.inference_mode()
    def judge(self, images: Tensor) -> Judged:
        """See ``Judge``. Outputs that are no emotion are left out: probabilities are those of the seven."""
        outputs, features = self.run(resample(images.to("cpu", torch.float32), self.size))
        logits = torch.from_numpy(outputs[:, self.columns])
        if self.ends_in_softmax:
            logits = logits.clamp(min=torch.finfo(torch.float32).tiny).log()
        return Judged(logits, torch.from_numpy(features))

    def run(self, x: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Images [N, 3, size, size] in [0, 1] -> outputs [N, labels], features [N, d].

        Raises:
            BadInput: the network fails, or its outputs do not fit the labels.
        """
        mean, std = (
            x.new_tensor(value)[:, None, None] for value in (self.expects.mean, self.expects.std)
        )
        parts = torch.split((x - mean) / std, self.batch or max(len(x), 1))
        try:
            results = [self.session.run(self.outputs, {self.input: p.numpy()}) for p in parts]
        except Exception as error:  # the runtime's exceptions have no public base
            raise BadInput(
                f"the network fails: {self.path} ({str(error).splitlines()[0]}); it must take float32 "
                f"N x 3 x {self.size} x {self.size}"
            ) from error
        first, last = (self._joined([outputs[i] for outputs in results], len(x)) for i in (0, -1))
        if first.shape != (len(x), len(self.expects.labels)):
            raise BadInput(
                f"{plural(len(self.expects.labels), 'label')} for outputs of shape {first.shape[1:]}: {self.path}; "
                "the first output must be N x labels"
            )
        return first, last.reshape(len(x), -1)

    def _joined(self, parts: list[Any], n: int) -> NDArray[np.float32]:
        """One output of the network for a batch of ``n`` images, from its parts.

        Raises:
            BadInput: the output is not floating point, has not one row for each image, or is not finite.
        """
        kinds = {str(getattr(part, "dtype", type(part).__name__)) for part in parts}
        if not all(
            isinstance(p, np.ndarray) and np.issubdtype(p.dtype, np.floating) for p in parts
        ):
            raise BadInput(
                f"an output holds {', '.join(sorted(kinds))}, no floating-point numbers: {self.path}; the "
                "first output must be N x labels, a second one features"
            )
        shapes = [part.shape for part in parts]
        if len({shape[1:] for shape in shapes}) != 1 or sum(s[0] if s else 0 for s in shapes) != n:
            raise BadInput(
                f"outputs of shape {', '.join(map(str, shapes))} for {plural(n, 'image')}: {self.path}; the network "
                "must give one row for each image"
            )
        output = np.concatenate(parts).astype(np.float32)
        if not np.isfinite(output).all():
            raise BadInput(
                f"not finite: the network returns NaN or infinity: {self.path}; its weights are damaged, or "
                "its images need another --judge-mean and --judge-std"
            )
        return output


def _input(
    session: onnxruntime.InferenceSession, path: Path, size: int | None
) -> tuple[str, int, int | None]:
    """Name of the input, side of its images, and the size of a batch if the file fixes it."""
    inputs = session.get_inputs()
    shape: list[Any] = inputs[0].shape
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
        kinds = ", ".join(f"{i.type} {i.shape}" for i in inputs)
        raise BadInput(
            f"not a classifier of images: {path} takes {kinds}; it must take float32 N x 3 x S x S"
        )
    sides = {side for side in (*shape[2:], size) if isinstance(side, int)}
    if len(sides) != 1:
        raise BadInput(
            f"image size unclear: {path} takes {shape}, --judge-size is {size}; the network must take "
            "squares, and --judge-size must give their side if the file does not"
        )
    return inputs[0].name, sides.pop(), shape[0] if isinstance(shape[0], int) else None


def load_onnx(path: Path, expects: OnnxInput) -> OnnxJudge:
    """Load an ONNX classifier.

    Raises:
        BadInput: ONNX Runtime or the file is missing, or the network does not fit the labels or images.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise BadInput(
            "ONNX Runtime is not installed: onnxruntime; pip install 'ganbench[onnx]'"
        ) from error
    try:
        parsing.regular(path, parsing.NETWORK)
    except parsing.Refused as error:
        raise BadInput(f"judge not found: {path} ({error}); check the path") from error
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions have no public base
        raise BadInput(
            f"not an ONNX network: {path} ({str(error).splitlines()[0]}); export it again"
        ) from error
    return OnnxJudge(session, path, expects)
