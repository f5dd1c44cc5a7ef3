"""What a figure is made of: methods, faces, perhaps a judge, and a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data import finding, pictures
from ganbench.data.dataset import Dataset
from ganbench.data.framing import CENTRE, check_framing, framing_note, to_square
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import contract, protocol
from ganbench.figures.page import DPI
from ganbench.judges.interface import Judge, Judged, ask
from ganbench.methods.interface import Method
from ganbench.methods.tensors import check_parameters
from ganbench.seeds import generator

BATCH = 32


@dataclass(frozen=True)
class Faces:
    """The inputs of a figure.

    Attributes:
        images: float32 [n, 3, S, S], RGB in [0, 1].
        names: what stands beside each: its emotion, or the name of its file.
        labels: int64 [n], the emotions shown; None if unknown.
    """

    images: Tensor
    names: tuple[str, ...]
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Scene:
    """What a figure is drawn from; faces and judge are fetched when they are asked for.

    Attributes:
        methods: one, or for a comparison several; of one image size.
        seed: of every random choice.
        faces: ``faces(n)`` gives n test faces, or all of the user's pictures.
        judge: gives the judge.
        progress: told how many edits are done, and how many there are.
        dpi: pixels an inch of the figure.
    """

    methods: tuple[Method, ...]
    seed: int
    faces: Callable[[int], Faces]
    judge: Callable[[], Judge]
    progress: Callable[[int, int], None] = lambda done, total: None
    dpi: int = DPI
    _tried: set[int] = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def method(self) -> Method:
        """The only method, or the first."""
        return self.methods[0]

    def face(self) -> Faces:
        """The one face of a figure that has room for one.

        Raises:
            BadInput: the user gave more.
        """
        faces = self.faces(1)
        if len(faces) > 1:
            raise BadInput(f"this figure shows one face: {len(faces)} images; give one")
        return faces

    def edits(self, images: Tensor, codes: Tensor, method: Method | None = None) -> Tensor:
        """Every image edited to every code.

        Args:
            images: [n, 3, S, S].
            codes: [m, code_dim], or [m, n, code_dim] to give each image codes of its own.
            method: the scene's first, if None.

        Returns:
            float32 [m, n, 3, S, S] in [0, 1], on the CPU.
        """
        method = method or self.method
        first = self.try_methods(images, method)
        m, n = len(codes), len(images)
        flat = codes.expand(n, m, -1).transpose(0, 1) if codes.ndim == 2 else codes
        flat = flat.reshape(m * n, -1)
        found = []
        for start in range(0, m * n, BATCH):
            rows = torch.arange(start, min(start + BATCH, m * n))
            wanted = flat[rows.to(flat.device)]
            made = contract.edit(method, images[rows % n], wanted, first=first and not start)
            found.append(made.images.cpu())
            self.progress(start + len(rows), m * n)
        return torch.cat(found).reshape(m, n, *images.shape[1:])

    def try_methods(self, images: Tensor, method: Method) -> bool:
        """Try the other methods on some of the images, before the first edit of any of them.

        Returns:
            Whether ``method`` is about to edit for the first time.

        Raises:
            BadInput: as for ``contract.try_method``.
        """
        first = not self._tried
        for one in self.methods if first else ():
            if one is method:
                check_parameters(method, method.name)
            else:
                contract.try_method(one, images)
        self._tried.update(map(id, self.methods))
        return first

    def judged(self, images: Tensor) -> Judged:
        """Verdicts on images of any leading shape, in that shape."""
        judge = self.judge()
        flat = images.reshape(-1, *images.shape[-3:])
        spec = judge.spec
        found = [ask(judge, part, spec) for part in torch.split(flat, BATCH)]
        logits = torch.cat([one.logits for one in found])
        features = torch.cat([one.features for one in found])
        shape = images.shape[:-3]
        return Judged(logits.reshape(*shape, -1), features.reshape(*shape, -1))


def choose(dataset: Dataset, count: int, seed: int) -> Faces:
    """Faces drawn from a data set, one of each emotion in turn, neutral first."""
    random = generator(seed, "faces of a figure")
    shuffled = torch.randperm(len(dataset), generator=random).numpy()
    chosen = shuffled[protocol.order(dataset.labels[shuffled])][:count]
    labels = dataset.labels[chosen]
    return Faces(dataset.images(chosen), tuple(EMOTIONS[label] for label in labels), labels)


def read_pictures(
    files: Sequence[str],
    size: int,
    framing: str = CENTRE,
    max_pixels: int = pictures.MAX_PIXELS,
    remark: Callable[[str], None] = lambda text: None,
) -> Faces:
    """The user's pictures as squares.

    Args:
        files: their paths.
        size: side of the squares, in pixels.
        framing: how pictures that are not square become squares; see ``ganbench.data.framing``.
        max_pixels: pictures with more pixels are refused.
        remark: told, in a line, what a user should know of the pictures.

    Raises:
        BadInput: a file is missing, is no picture or cannot be used.
    """
    check_framing(framing)
    images, uneven = [], 0
    for file in files:
        try:
            found = pictures.read(Path(file), max_pixels)
        except pictures.UNREADABLE as error:
            reason, shown = pictures.why_unreadable(error), finding.shortened(Path(file))
            if reason == "no such file":
                raise BadInput(f"no such file: {shown}; give jpg or png files") from error
            raise BadInput(
                f"not a picture that can be used ({reason}): {shown}; give jpg or png files"
            ) from error
        if found.remark:
            remark(f"{file}: {found.remark}")
        uneven += found.extent[0] != found.extent[1]
        square = pictures.to_array(to_square(found.image, size, framing))
        images.append(torch.from_numpy(square.copy()).permute(2, 0, 1).float().div_(255))
    if note := framing_note(uneven, len(files), framing):
        remark(note)
    return Faces(torch.stack(images), tuple(Path(file).stem for file in files))
