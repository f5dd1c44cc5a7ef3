"""Subgroups of the rendered faces: by age, sex, ancestry, pose and light."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ganbench.data.faces.face import Face

ANCESTRIES = ("african", "asian", "caucasian")

# Upper limits of groups in the unit of the property; the last group has none. They divide the embedded test
# faces into groups of a sixth or more. The names are in alphabetical order, which tables have.
AGES = ((35.0, "25 to 34"), (50.0, "35 to 49"), (math.inf, "50 or more"))
POSES = ((6.0, "frontal"), (12.0, "half turned"), (math.inf, "turned"))
LIGHTS = ((20.0, "frontal"), (40.0, "oblique"), (math.inf, "side"))


def groups_of(faces: Sequence[Face]) -> dict[str, NDArray[np.str_]]:
    """The groups [n] of faces for each property.

    - ``age``: in years, 25 + 65 ``Face.age``;
    - ``sex``: ``male`` from 1/2 on;
    - ``ancestry``: the largest of the three shares;
    - ``pose``: the degrees that the head is turned to either side;
    - ``light``: the degrees of the light's azimuth to either side.
    """
    return {
        "age": _named(_among(25 + 65 * face.age, AGES) for face in faces),
        "sex": _named("male" if face.male >= 0.5 else "female" for face in faces),
        "ancestry": _named(ANCESTRIES[int(np.argmax(face.ancestry))] for face in faces),
        "pose": _named(_among(abs(math.degrees(face.yaw)), POSES) for face in faces),
        "light": _named(_among(abs(math.degrees(face.light_azimuth)), LIGHTS) for face in faces),
    }


def _among(value: float, limits: Sequence[tuple[float, str]]) -> str:
    return next(name for limit, name in limits if value < limit)


def _named(names: Iterable[str]) -> NDArray[np.str_]:
    return np.array(list(names), np.str_)
