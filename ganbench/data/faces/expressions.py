"""Emotions as weights of face units, and face units as FACS action units.

The recipes follow EMFACS. Their weights were chosen by eye, so that the seven emotions differ clearly in
a picture of 64 pixels. A name without a side stands for its Left and Right unit.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ganbench.data.faces.head import load_head
from ganbench.emotions import EMOTIONS, index
from ganbench.errors import BadInput, unknown

RECIPES: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {
        "mouthSmile": 1.0, "cheekSquint": 0.9, "eyeSquint": 0.35, "mouthUpperUp": 0.5,
        "jawOpen": 0.22, "mouthDimple": 0.25,
    },
    "sad": {
        "browInnerUp": 1.5, "mouthFrown": 1.4, "mouthShrugLower": 0.6, "eyeSquint": 0.2,
        "eyeLookDown": 0.3, "eyeBlink": 0.18,
    },
    "surprised": {
        "browInnerUp": 1.4, "browOuterUp": 1.0, "eyeWide": 1.0, "jawOpen": 0.68,
        "mouthFunnel": 0.35,
    },
    "fearful": {
        "browInnerUp": 1.3, "browOuterUp": 0.3, "browDown": 0.5, "eyeWide": 1.3,
        "mouthStretch": 1.5, "mouthLowerDown": 1.0, "jawOpen": 0.2, "mouthFrown": 0.3,
    },
    "disgusted": {
        "noseSneer": 1.5, "mouthUpperUp": 1.3, "browDown": 0.6, "eyeSquint": 1.0,
        "cheekSquint": 0.8, "mouthFrown": 0.5, "mouthShrugLower": 0.3,
    },
    "angry": {
        "browDown": 1.7, "eyeWide": 0.6, "mouthPress": 0.3, "mouthFrown": 0.9,
        "noseSneer": 0.4, "jawForward": 0.4, "mouthRollLower": 0.5, "mouthRollUpper": 0.4,
    },
}  # fmt: skip

# Largest weight of a unit; above it lids cross, the jaw leaves the frame, or lips intersect.
LIMITS: dict[str, float] = {"eyeBlink": 1.0, "jawOpen": 0.8, "mouthFunnel": 1.0}
LIMIT = 1.7

# OpenFace's 17 intensities: each is 5 times the mean of both sides of the unit named, limited to [0, 5].
# For 25 (lips part) it is the largest of the means of its units. ARKit has one press unit for 23 and 24.
ACTION_UNITS: dict[str, tuple[str, ...]] = {
    "AU01_r": ("browInnerUp",),
    "AU02_r": ("browOuterUp",),
    "AU04_r": ("browDown",),
    "AU05_r": ("eyeWide",),
    "AU06_r": ("cheekSquint",),
    "AU07_r": ("eyeSquint",),
    "AU09_r": ("noseSneer",),
    "AU10_r": ("mouthUpperUp",),
    "AU12_r": ("mouthSmile",),
    "AU14_r": ("mouthDimple",),
    "AU15_r": ("mouthFrown",),
    "AU17_r": ("mouthShrugLower",),
    "AU20_r": ("mouthStretch",),
    "AU23_r": ("mouthPress",),
    "AU25_r": ("jawOpen", "mouthLowerDown", "mouthUpperUp", "mouthFunnel"),
    "AU26_r": ("jawOpen",),
    "AU45_r": ("eyeBlink",),
}

# The unit that raises 25: the other units that part the lips drop the jaw (26), raise the upper lip (10),
# or round the mouth.
LIPS_PART = "mouthLowerDown"

# An intensity may exceed its limit by so much, since float32 rounds it.
FLOAT32 = 1e-6


def unit_index(name: str) -> list[int]:
    """Positions in the 52 units of a unit, or of both sides of a name without side."""
    units = load_head().units
    return [units.index(n) for n in ((name,) if name in units else (f"{name}Left", f"{name}Right"))]


def recipe(emotion: str) -> NDArray[np.float64]:
    """Unit weights [52] of an emotion at intensity 1.

    Raises:
        BadInput: no such emotion.
    """
    weights = np.zeros(len(load_head().units))
    for name, weight in RECIPES[EMOTIONS[index(emotion)]].items():
        weights[unit_index(name)] = weight
    return weights


@functools.cache
def limits() -> NDArray[np.float64]:
    """Largest weight [52] of each unit; read-only."""
    top = np.full(len(load_head().units), LIMIT)
    for name, value in LIMITS.items():
        top[unit_index(name)] = value
    top.flags.writeable = False
    return top


def action_units(units: Mapping[str, float]) -> dict[str, float]:
    """FACS intensities, 0 to 5, of face-unit weights given by ARKit name."""
    names = load_head().units
    intensities = {}
    for action, parts in ACTION_UNITS.items():
        means = [float(np.mean([units[names[i]] for i in unit_index(part)])) for part in parts]
        intensities[action] = round(5.0 * min(max(*means, 0.0), 1.0), 3)
    return intensities


def with_action_unit(
    weights: NDArray[np.float64], action: str, value: float
) -> NDArray[np.float64]:
    """Unit weights that show an action unit at another intensity: an inverse of ``action_units``.

    Both sides move by the same amount, within 0 and their limits, until their mean is ``value``. Of all
    weights with that mean these are the nearest, so that an asymmetric face stays asymmetric. Nothing
    moves if the action unit has that intensity already; all weights above its end have intensity 1.

    ``action_units`` has no exact inverse. Lips part (25) is the largest of four units. To lower it each
    of them is limited, and jaw drop (26) and upper lip raiser (10) fall with it; only ``LIPS_PART``
    raises it. Moving 10 or 26 also moves 25, if they open the mouth the most. mouthPress stands for 23
    and 24, and OpenFace has no 24. Units without an action unit do not move.

    Args:
        weights: [52], each within its limit.
        action: a key of ``ACTION_UNITS``.
        value: intensity in [0, 1], which is OpenFace's divided by 5.

    Raises:
        BadInput: an unknown action unit, or an intensity out of range or beyond the limits.
    """
    if action not in ACTION_UNITS:
        raise unknown("action unit", action, ACTION_UNITS)
    top, moved = limits(), np.array(weights, np.float64)
    sides = [unit_index(part) for part in ACTION_UNITS[action]]
    rising = sides[ACTION_UNITS[action].index(LIPS_PART)] if len(sides) > 1 else sides[0]
    highest = min(1.0, float(top[rising].mean()))
    if not 0 <= value <= highest + FLOAT32:
        raise BadInput(f"{action} must be in 0 to {highest:g} for a rendered face: {value}")
    value = min(value, highest)
    before = min(max(float(moved[side].mean()) for side in sides), 1.0)
    if value < before:
        for side in sides:
            if moved[side].mean() > value:
                moved[side] = _with_mean(moved[side], value, top[side])
    elif value > before:
        moved[rising] = _with_mean(moved[rising], value, top[rising])
    return moved


def _with_mean(
    weights: NDArray[np.float64], mean: float, top: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The nearest weights in [0, top] with the mean ``mean``."""
    for _ in weights:  # each step reaches the mean, or brings another weight to its limit
        gap = mean - weights.mean()
        free = weights < top if gap > 0 else weights > 0
        share = gap * len(weights) / max(int(free.sum()), 1)
        weights = np.clip(weights + np.where(free, share, 0.0), 0.0, top)
    return weights
