"""``Face``: every parameter of one picture, and its ground-truth edits."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganbench.data.faces.expressions import action_units, limits, recipe, with_action_unit
from ganbench.data.faces.head import load_head
from ganbench.emotions import EMOTIONS, index
from ganbench.errors import BadInput

SPLITS = ("train", "test")
RGB = tuple[int, int, int]
DIGITS = 4  # real parameters are rounded to so many digits, so that rows are short and exact

# The fields of the person; all others belong to the expression or the scene.
PERSON = (
    "person", "ancestry", "male", "age", "traits", "skin", "lips", "hair", "brow", "iris",
    "hair_style", "hairline", "hair_volume", "hair_end", "brow_thickness", "brow_height", "stubble",
)  # fmt: skip


# Fields that are columns of the table of a data set.
COLUMNS = (
    "yaw", "pitch", "roll", "light_azimuth", "light_elevation", "light_warmth", "light_power", "ambient",
    "male", "age", "blur", "noise",
)  # fmt: skip


@dataclass(frozen=True)
class Face:
    """All parameters of one picture; rendering it twice gives the same bytes.

    Angles are radians, colours 0 to 255 sRGB, lengths inter-pupil distances unless a comment gives
    another unit. ``expression`` belongs to the emotion (the true edit replaces it), ``nuisance`` does
    not; both hold the 52 unit weights in the order of ``HeadModel.units``.
    """

    person: str
    emotion: str
    intensity: float  # 1 = the recipe; 0 for neutral
    expression: tuple[float, ...]
    nuisance: tuple[float, ...]
    ancestry: tuple[float, float, float]  # african, asian, caucasian; sums to 1
    male: float  # 0 to 1
    age: float  # 0 = about 25 years, 1 = about 90
    traits: tuple[float, ...]  # in the order of HeadModel.traits, mostly within +-1
    skin: RGB
    lips: RGB
    hair: RGB
    brow: RGB
    iris: RGB
    hair_style: str  # short, shaved or long
    hairline: float
    hair_volume: float
    hair_end: float  # rest y where long hair is cut
    brow_thickness: float  # 1 = usual
    brow_height: float
    stubble: float  # 0 to 1
    yaw: float  # > 0: the subject turns to its left
    pitch: float  # > 0: looks down
    roll: float
    shift_x: float
    shift_y: float
    zoom: float  # 1 = usual frame
    light_azimuth: float  # > 0: from the right of the picture
    light_elevation: float
    light_warmth: float  # -1 bluish to 1 yellowish
    light_power: float  # 1 = usual
    ambient: float  # 1 = usual
    background: tuple[RGB, RGB]
    background_angle: float
    blur: float  # 0 to 1, weight of a 3 x 3 blur
    noise: float  # standard deviation in units of 1/255
    noise_seed: int

    @property
    def units(self) -> dict[str, float]:
        """The 52 face-unit weights of the picture by ARKit name."""
        total = np.clip(np.array(self.expression) + np.array(self.nuisance), 0, limits())
        weights = (round(weight, DIGITS) for weight in total.tolist())
        return dict(zip(load_head().units, weights, strict=True))

    def with_emotion(self, emotion: str, intensity: float = 1.0) -> Face:
        """The true edit: the same person, pose, light, background, noise and nuisance units.

        Args:
            emotion: one of ``EMOTIONS``; the expression becomes its recipe without jitter.
            intensity: 1 is canonical, the data have 0.5 to 1.2.

        Raises:
            BadInput: unknown emotion, or an intensity outside 0 to 1.5.
        """
        name = EMOTIONS[index(emotion)]
        if not 0.0 <= intensity <= 1.5:
            raise BadInput(f"intensity out of range: {intensity}; use 0 to 1.5 (1 is canonical)")
        return dataclasses.replace(
            self,
            emotion=name,
            intensity=0.0 if name == "neutral" else float(intensity),
            expression=_recipe(name, intensity),
        )

    def with_action_unit(self, action: str, value: float) -> Face:
        """The same face with one action unit at another intensity and otherwise the same expression.

        Args:
            action: a key of ``expressions.ACTION_UNITS``, such as ``"AU12_r"``.
            value: intensity in [0, 1]; see ``expressions.with_action_unit`` for its exactness.

        Raises:
            BadInput: an unknown action unit, or an intensity that no face reaches.
        """
        before = np.array(list(self.units.values()))
        after = with_action_unit(before, action, value)
        weights = np.where(after == before, self.expression, after - np.array(self.nuisance))
        return dataclasses.replace(self, expression=tuple(np.round(weights, DIGITS).tolist()))

    def with_person(self, other: Face) -> Face:
        """Another person with the same expression, pose, light and background."""
        return dataclasses.replace(self, **{name: getattr(other, name) for name in PERSON})

    def to_row(self) -> dict[str, Any]:
        """Columns of the table of a data set; the column ``face`` alone restores the face exactly."""
        units = self.units
        row: dict[str, Any] = {"person": self.person, "intensity": self.intensity}
        row |= {f"unit_{name}": weight for name, weight in units.items()}
        row |= action_units(units)
        row |= {name: getattr(self, name) for name in COLUMNS}
        row |= dict(zip(("african", "asian", "caucasian"), self.ancestry, strict=True))
        packed = dataclasses.asdict(self)
        for name in ("expression", "nuisance", "traits"):  # mostly zeros: {position: weight}
            packed[name] = {str(i): w for i, w in enumerate(packed[name]) if w}
        row["face"] = json.dumps(packed, separators=(",", ":"))
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Face:
        """The face of a row of the table of a data set.

        Raises:
            BadInput: the row has no readable ``face`` column.
        """
        head = load_head()
        sizes = {
            "expression": len(head.units),
            "nuisance": len(head.units),
            "traits": len(head.traits),
        }
        try:
            packed = json.loads(row["face"])
            for name, size in sizes.items():
                sparse = packed[name]
                packed[name] = tuple(sparse.get(str(i), 0.0) for i in range(size))
            packed["background"] = tuple(tuple(colour) for colour in packed["background"])
            for name in ("ancestry", "skin", "lips", "hair", "brow", "iris"):
                packed[name] = tuple(packed[name])
            return cls(**packed)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"no face in the row: {error!r}; give a row of a table written by the faces data set"
            ) from error


@functools.lru_cache(maxsize=1024)
def _recipe(emotion: str, intensity: float) -> tuple[float, ...]:
    """The rounded unit weights of an emotion at an intensity."""
    return tuple(np.round(recipe(emotion) * intensity, DIGITS).tolist())
