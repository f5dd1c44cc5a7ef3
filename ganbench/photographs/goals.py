"""What an edit of a photograph shall show, and the code of a method for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganbench.emotions import EMOTIONS, KNOWN, canonical
from ganbench.errors import BadInput, unknown
from ganbench.figures import plane
from ganbench.figures.search import Floats, lattice
from ganbench.methods.conditions import ActionUnits, Category
from ganbench.methods.interface import Method, ability

# Points along a side of the grid that ``--mix`` searches, and of the finer grid around the best one.
_GRID, _FINE = 101, 41


@dataclass(frozen=True)
class Goal:
    """What an edit shall show.

    Attributes:
        name: for the name of the edit's file: "happy".
        said: for a sentence: "happy at intensity 0.5".
        code: from noise [1, noise_dim], or None for methods without any, to a code [1, code_dim].
    """

    name: str
    said: str
    code: Callable[[Tensor | None], Tensor]


def emotion_goals(method: Method, emotion: str, intensity: float | None = None) -> list[Goal]:
    """The goal of an emotion, or of all emotions of the method for "all", neutral first.

    Args:
        method: makes the codes.
        emotion: a name, or "all".
        intensity: in [0, 1]; None for the full expression. A method that knows intensities is given it. GGANmut's
            code lies on the way from neutral's mean to the emotion's: at the share ``intensity`` of it.

    Raises:
        BadInput: the method lacks the emotion.
        Unsupported: the method cannot show a part of an emotion.
    """
    if emotion.strip().lower() == "all":
        known = [name for name in KNOWN if name in method.config.emotions]
    else:
        method.labels([emotion])
        known = [canonical(emotion)]
    return [_emotion_goal(method, name, intensity) for name in known]


def _emotion_goal(method: Method, name: str, intensity: float | None) -> Goal:
    if intensity is None:
        return Goal(name, name, lambda noise: method.codes([name], noise=noise))
    number, rho = torch.tensor([KNOWN.index(name)]), torch.tensor([intensity])
    condition = Category(number, rho)

    def code(noise: Tensor | None) -> Tensor:
        return method.encode(condition, noise)

    noise = method.draw_noise(1, torch.Generator().manual_seed(0))
    if ability(code, noise) is None:
        anchors = ability(method.anchors)
        if anchors is None or "neutral" not in method.config.emotions:
            # The method's own words, with the way out.
            raise BadInput(
                f"{method.name} cannot show a part of an emotion (--intensity {intensity:g}); use linear, gaussian, "
                "or leave --intensity out"
            )
        start, end = anchors[method.labels(["neutral", name])]
        on_the_way = (start + intensity * (end - start))[None]
        return Goal(
            f"{name}-{intensity:g}",
            f"{name} at {intensity:.0%} of the way from neutral",
            lambda noise: on_the_way,
        )
    return Goal(f"{name}-{intensity:g}", f"{name} at intensity {intensity:g}", code)


def units_goal(method: Method, text: str, units: Sequence[float]) -> Goal:
    """The goal of action units [17] in [0, 1], which a user gave as ``text``."""
    values = torch.tensor([units])
    name = "-".join(part.partition("=")[0].strip() for part in text.split(","))
    return Goal(
        name, text, lambda noise: method.encode(ActionUnits(values.to(method.device)), noise)
    )


def code_goal(method: Method, code: tuple[float, float]) -> Goal:
    """The goal of a code of the conditional plane.

    Raises:
        BadInput: the code lies outside the plane.
        Unsupported: the method has no plane.
    """
    plane.anchors(method)
    given = np.array([code])
    plane.check_codes(method, given)
    fixed = plane.tensor(given, method)
    shown = f"{code[0]:g},{code[1]:g}"
    return Goal(f"code_{code[0]:g}_{code[1]:g}", f"code {shown}", lambda noise: fixed)


def mix_goal(method: Method, shares: Mapping[str, float]) -> Goal:
    """The goal of a mixture: the code whose p_z is nearest to the mixture.

    Nearness is the Kullback-Leibler divergence of p_z from the mixture. It is searched on a grid of the plane, and on
    a finer grid around the best point.

    Args:
        method: GGANmut.
        shares: of some of the seven emotions, with the sum 1.

    Raises:
        BadInput: the method lacks an emotion.
        Unsupported: the method defines no p_z.
    """
    distribution = plane.distribution(method)
    names = list(EMOTIONS)
    if odd := [name for name in shares if name not in names]:
        raise unknown("emotion", odd[0], names)
    wanted = np.array([shares.get(name, 0.0) for name in names])

    def divergence(codes: Floats) -> Floats:
        p = np.maximum(distribution(codes), 1e-12)
        part = wanted[wanted > 0]
        result: Floats = (part * np.log(part / p[:, wanted > 0])).sum(axis=1)
        return result

    best, width = np.zeros(2), 1.0
    for side in (_GRID, _FINE):
        grid = np.clip(best + lattice(side) * width, -1, 1)
        best = grid[divergence(grid).argmin()]
        width = 2 / side
    reached = most_likely(distribution(best[None])[0])
    code = plane.tensor(best[None], method)
    return Goal(
        "+".join(shares),
        f"{'+'.join(shares)} (code {best[0]:.2f},{best[1]:.2f} with p_z {reached})",
        lambda noise: code,
    )


def most_likely(p: Floats) -> str:
    """The emotions of a label distribution [7] with shares of 5 % or more, in words: "happy 0.61, sad 0.38"."""
    return ", ".join(f"{EMOTIONS[i]} {p[i]:.2f}" for i in np.argsort(-p) if p[i] >= 0.05)


def parse_code(text: str) -> tuple[float, float]:
    """The numbers of ``--code X,Y``."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        x = y = float("nan")
    if not np.isfinite((x, y)).all():
        raise BadInput(f"no code of two numbers: {text!r}; give --code X,Y such as --code 0.4,-0.2")
    return x, y


def parse_mix(text: str) -> dict[str, float]:
    """The shares of ``--mix happy=.6,surprised=.4``, by emotion."""
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = -1.0
        if not 0 < share <= 1 or canonical(name) in shares:
            raise BadInput(f"no share of an emotion: {part!r}; give --mix happy=.6,surprised=.4")
        shares[canonical(name)] = share
    total = sum(shares.values())
    if abs(total - 1) > 0.01:
        raise BadInput(f"the shares of --mix {text} have the sum {total:g}; it must be 1")
    return {name: share / total for name, share in shares.items()}
