"""The conditional plane of GANmut and GGANmut: what its codes stand for, what a judge sees there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput, Unsupported
from ganbench.evaluation import protocol
from ganbench.figures.page import in_print
from ganbench.figures.search import Distribution, Floats
from ganbench.methods.interface import Method, ability
from ganbench.metrics import total_variation

# Edits that a mean verdict is taken over, and the area of Z.
NEIGHBOURS, AREA = 40, 4.0

# Places looked at once: an evaluation of AffectNet leaves 24,500 edits to weigh for each.
BLOCK = 64

# An anchor this near to the centre has no direction: neutral.
NO_DIRECTION = 0.1


def anchors(method: Method) -> Floats:
    """The code of each emotion, [7, 2], in Table-1 order.

    Raises:
        Unsupported: the method has no anchors, or they lie in no plane.
        BadInput: it lacks one of the seven.
    """
    found = array(method.anchors()[method.labels(EMOTIONS)])
    if found.shape[1] != 2:
        raise Unsupported(
            f"{method.name} has codes of {found.shape[1]} numbers, the figure shows a plane; "
            "use linear or gaussian"
        )
    return found


def distribution(method: Method) -> Distribution:
    """p_z as a function of arrays: its columns are the seven emotions, in Table-1 order.

    Raises:
        Unsupported: the method defines none.
    """
    # Those that define none say so now.
    method.label_distribution(torch.zeros(1, method.code_dim, device=method.device))

    def p(codes: Floats) -> Floats:
        found = protocol.promised(method, tensor(codes, method))
        assert found is not None  # it just said so
        return array(found)

    return p


def promised(method: Method, codes: Floats) -> Floats | None:
    """p_z of codes, or None if the method defines none."""
    p = ability(distribution, method)
    return None if p is None else p(codes)


def array(values: torch.Tensor) -> Floats:
    """A tensor as float64 on the CPU."""
    found: Floats = values.detach().double().cpu().numpy()
    return found


def tensor(codes: Floats, method: Method) -> torch.Tensor:
    """Codes for ``method.edit``."""
    return torch.from_numpy(np.asarray(codes, np.float32)).to(method.device)


def in_space(method: Method, codes: Floats) -> NDArray[np.bool_]:
    """Which codes [n, 2] belong to Z: the square where a method defines p_z, else the unit disc."""
    disc = ability(distribution, method) is None
    # The longest coordinate of the square, the length of the disc.
    size = np.linalg.norm(codes, ord=2 if disc else np.inf, axis=1)
    return np.asarray(size <= 1 + 1e-6)


def check_codes(method: Method, codes: Floats) -> None:
    """Refuse codes outside Z.

    Raises:
        BadInput: naming the first.
    """
    outside = codes[~in_space(method, codes)]
    if len(outside):
        square = ability(distribution, method) is not None
        space = "the square from −1 to 1" if square else "the disc of radius 1"
        raise BadInput(
            f"code outside the conditional plane of {method.name}: {in_print(outside[0])}; "
            f"give codes in {space}"
        )


@dataclass(frozen=True)
class View:
    """What a judge sees in a plane: its verdicts on edits with codes all over it.

    Attributes:
        codes: [m, 2].
        softmax: [m, emotions].
    """

    codes: Floats
    softmax: Floats

    @property
    def width(self) -> float:
        """Of the kernel: so wide that a mean is taken over some ``NEIGHBOURS`` edits."""
        # A Gaussian kernel of this width weighs as much as all points of an area of 4 pi width^2.
        return math.sqrt(NEIGHBOURS * AREA / (4 * math.pi * len(self.codes)))

    def at(self, places: Floats) -> Floats:
        """The mean verdict around places [n, 2], nearer edits counting more: [n, emotions]."""
        means = []
        for start in range(0, len(places), BLOCK):
            square = cdist(places[start : start + BLOCK], self.codes, "sqeuclidean")
            weights = np.exp(-square / (2 * self.width**2))
            means.append(weights @ self.softmax / weights.sum(axis=1, keepdims=True))
        return np.concatenate(means)


def disagreement(judged: Floats, promised: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """How far two views of the same places are apart, both [..., emotions].

    Returns:
        Their total variation [...], and whether they name different emotions.
    """
    unlike = judged.argmax(axis=-1) != promised.argmax(axis=-1)
    return total_variation(judged, promised), unlike
