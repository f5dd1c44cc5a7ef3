"""The conditional plane of GANmut and GGANmut: what its codes stand for, and what a judge sees."""

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
from ganbench.figures.page import format_code
from ganbench.figures.search import Distribution, Floats
from ganbench.methods.interface import Method, ability
from ganbench.metrics import total_variation

# The mean of the judge's probabilities at a place is taken over about this many edits.
EDITS_AVERAGED = 40

# The area of the square [-1, 1]^2.
AREA = 4.0

# Places computed at once: at each place AffectNet's 24,500 edits are weighted.
BLOCK = 64

# An anchor that is nearer to the centre (neutral) has no direction.
NO_DIRECTION = 0.1


def anchors(method: Method) -> Floats:
    """The code of each emotion, [7, 2], in the order of Table 1.

    Raises:
        Unsupported: the method has no anchors, or its codes do not lie in a plane.
        BadInput: the method lacks one of the seven emotions.
    """
    codes = array(method.anchors()[method.labels(EMOTIONS)])
    if codes.shape[1] != 2:
        raise Unsupported(
            f"{method.name} has codes of {codes.shape[1]} numbers, the figure shows a plane; "
            "use linear or gaussian"
        )
    return codes


def distribution(method: Method) -> Distribution:
    """p_z as a function of arrays; its columns are the seven emotions in the order of Table 1.

    Raises:
        Unsupported: the method defines no p_z.
    """
    # Methods that define no p_z raise here.
    method.label_distribution(torch.zeros(1, method.code_dim, device=method.device))

    def p(codes: Floats) -> Floats:
        rows = protocol.label_distribution(method, tensor(codes, method))
        assert rows is not None  # the call above did not raise
        return array(rows)

    return p


def array(values: torch.Tensor) -> Floats:
    """A tensor as float64 on the CPU."""
    floats: Floats = values.detach().double().cpu().numpy()
    return floats


def tensor(codes: Floats, method: Method) -> torch.Tensor:
    """Codes for ``method.edit``."""
    return torch.from_numpy(np.asarray(codes, np.float32)).to(method.device)


def in_space(method: Method, codes: Floats) -> NDArray[np.bool_]:
    """Which codes [n, 2] belong to Z: the square where a method defines p_z, else the unit disc."""
    size = np.linalg.norm(codes, ord=np.inf if _is_square(method) else 2, axis=1)
    return np.asarray(size <= 1 + 1e-6)


def _is_square(method: Method) -> bool:
    return ability(distribution, method) is not None


def check_codes(method: Method, codes: Floats) -> None:
    """Refuse codes outside Z.

    Raises:
        BadInput: naming the first code outside.
    """
    outside = codes[~in_space(method, codes)]
    if len(outside):
        space = "the square from −1 to 1" if _is_square(method) else "the disc of radius 1"
        raise BadInput(
            f"code outside the conditional plane of {method.name}: {format_code(outside[0])}; "
            f"give codes in {space}"
        )


@dataclass(frozen=True)
class JudgedPlane:
    """What a judge sees in a plane: its probabilities on edits with codes all over the plane.

    Attributes:
        codes: [m, 2].
        probabilities: the judge's softmax [m, emotions].
    """

    codes: Floats
    probabilities: Floats

    @property
    def width(self) -> float:
        """The width of the Gaussian kernel, with which a mean covers ``EDITS_AVERAGED`` edits."""
        # The kernel has the total weight of all codes in an area of 4 pi width^2.
        return math.sqrt(EDITS_AVERAGED * AREA / (4 * math.pi * len(self.codes)))

    def mean_at(self, places: Floats) -> Floats:
        """The kernel-weighted mean of the probabilities around places [n, 2]: [n, emotions]."""
        means = []
        for start in range(0, len(places), BLOCK):
            square = cdist(places[start : start + BLOCK], self.codes, "sqeuclidean")
            weights = np.exp(-square / (2 * self.width**2))
            means.append(weights @ self.probabilities / weights.sum(axis=1, keepdims=True))
        return np.concatenate(means)


def disagreement(p: Floats, q: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """How far distributions at the same places are apart, both [..., emotions].

    Returns:
        Their total variation [...], and whether their most likely emotions differ.
    """
    return total_variation(p, q), p.argmax(axis=-1) != q.argmax(axis=-1)
