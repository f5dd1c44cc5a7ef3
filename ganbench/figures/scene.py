"""What a figure is made of: methods, faces, a judge if one is needed, and a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data import pictures
from ganbench.data.dataset import Dataset
from ganbench.data.framing import CENTRE, check_framing, framing_note, to_square
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import contract, protocol
from ganbench.evaluation.precision import FLOAT32, Precision
from ganbench.figures.page import DPI
from ganbench.judges.interface import Judge, Judged, ask
from ganbench.methods.interface import Method
from ganbench.methods.tensors import check_parameters
from ganbench.seeds import generator
from ganbench.text import clipped

BATCH = 32


@dataclass(frozen=True)
class Faces:
    """The inputs of a figure.

    Attributes:
        images: float32 [n, 3, S, S], RGB in [0, 1].
        names: the text beside each image: its emotion, or the name of its file.
        labels: int64 [n], the emotions shown; None if they are unknown.
    """

    images: Tensor
    names: tuple[str, ...]
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Scene:
    """The inputs and methods of a figure; faces and judge are loaded when they are needed.

    Attributes:
        methods: one method, or several of one image size for a comparison.
        seed: of every random choice.
        faces: ``faces(n)`` returns n test faces, or all pictures of the user.
        judge: returns the judge.
        progress: called with the number of edits that are done, and the number of all edits.
        dpi: pixels per inch of the figure.
        precision: the arithmetic of the methods.
    """

    methods: tuple[Method, ...]
    seed: int
    faces: Callable[[int], Faces]
    judge: Callable[[], Judge]
    progress: Callable[[int, int], None] = lambda done, total: None
    dpi: int = DPI
    precision: Precision = FLOAT32
    _tried: set[int] = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def method(self) -> Method:
        """The only method, or the first of several."""
        return self.methods[0]

    def face(self) -> Faces:
        """The face of a figure that shows one.

        Raises:
            BadInput: the user gave several pictures.
        """
        faces = self.faces(1)
        if len(faces) > 1:
            raise BadInput(f"this figure shows one face: {len(faces)} images; give one")
        return faces

    def edits(self, images: Tensor, codes: Tensor, method: Method | None = None) -> Tensor:
        """Edit every image to every code.

        Args:
            images: [n, 3, S, S].
            codes: [m, code_dim], or [m, n, code_dim] with different codes for each image.
            method: the first method of the scene, if None.

        Returns:
            float32 [m, n, 3, S, S] in [0, 1], on the CPU.
        """
        method = method or self.method
        first = self.try_methods(images, method)
        m, n = len(codes), len(images)
        flat = codes.expand(n, m, -1).transpose(0, 1) if codes.ndim == 2 else codes
        flat = flat.reshape(m * n, -1)
        edits = []
        for start in range(0, m * n, BATCH):
            rows = torch.arange(start, min(start + BATCH, m * n))
            batch = flat[rows.to(flat.device)]
            at_first = first and not start
            edit = contract.edit(
                method, images[rows % n], batch, first=at_first, precision=self.precision
            )
            edits.append(edit.images.cpu())
            self.progress(start + len(rows), m * n)
        return torch.cat(edits).reshape(m, n, *images.shape[1:])

    def try_methods(self, images: Tensor, method: Method) -> bool:
        """Try the other methods on some of the images, before the first edit of the scene.

        Returns:
            Whether ``method`` is about to edit for the first time.

        Raises:
            BadInput: as for ``contract.try_method``.
        """
        first = not self._tried
        for other in self.methods if first else ():
            if other is method:
                check_parameters(method, method.name)
            else:
                contract.try_method(other, images)
        self._tried.update(map(id, self.methods))
        return first

    def judged(self, images: Tensor) -> Judged:
        """Logits and features [..., d] of images [..., 3, S, S]."""
        judge = self.judge()
        flat = images.reshape(-1, *images.shape[-3:])
        spec = judge.spec
        parts = [ask(judge, part, spec) for part in torch.split(flat, BATCH)]
        logits = torch.cat([part.logits for part in parts])
        features = torch.cat([part.features for part in parts])
        shape = images.shape[:-3]
        return Judged(logits.reshape(*shape, -1), features.reshape(*shape, -1))


def sample_faces(dataset: Dataset, count: int, seed: int) -> Faces:
    """Draw faces from a data set: one of each emotion in turn, in the order of Table 1."""
    random = generator(seed, "faces of a figure")
    shuffled = torch.randperm(len(dataset), generator=random).numpy()
    rows = shuffled[protocol.order(dataset.labels[shuffled])][:count]
    labels = dataset.labels[rows]
    return Faces(dataset.images(rows), tuple(EMOTIONS[label] for label in labels), labels)


def read_pictures(
    files: Sequence[str],
    size: int,
    framing: str = CENTRE,
    max_pixels: int = pictures.MAX_PIXELS,
    remark: Callable[[str], None] = lambda text: None,
) -> Faces:
    """Read the user's pictures as squares.

    Args:
        files: their paths.
        size: side of the squares, in pixels.
        framing: how pictures that are not square become squares; see ``ganbench.data.framing``.
        max_pixels: pictures with more pixels are refused.
        remark: called with a line for everything that a user should know of the pictures.

    Raises:
        BadInput: a file is missing, is not a picture or cannot be used.
    """
    check_framing(framing)
    images, uneven = [], 0
    for file in files:
        try:
            picture = pictures.read(Path(file), max_pixels)
        except pictures.UNREADABLE as error:
            reason = pictures.why_unreadable(error)
            raise BadInput(
                f"not a picture that can be used ({reason}): {clipped(file)}; give jpg or png files"
            ) from error
        if picture.remark:
            remark(f"{file}: {picture.remark}")
        uneven += picture.extent[0] != picture.extent[1]
        square = pictures.to_array(to_square(picture.image, size, framing))
        images.append(torch.from_numpy(square.copy()).permute(2, 0, 1).float().div_(255))
    if note := framing_note(uneven, len(files), framing):
        remark(note)
    return Faces(torch.stack(images), tuple(Path(file).stem for file in files))
