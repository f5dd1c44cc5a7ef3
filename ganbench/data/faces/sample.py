"""Random faces: the person in the picture, and the scene."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.data.faces.expressions import recipe
from ganbench.data.faces.face import DIGITS, RGB, SPLITS, Face
from ganbench.data.faces.head import load_head
from ganbench.emotions import EMOTIONS
from ganbench.emotions import index as emotion_index
from ganbench.errors import unknown

Generator = np.random.Generator
Float64 = NDArray[np.float64]

# african, asian, caucasian
SKIN = np.array([(122, 86, 66), (226, 184, 152), (230, 188, 164)], dtype=np.float64)
DARK_HAIR = ((20, 17, 16), (32, 24, 20), (48, 32, 23))
FAIR_HAIR = ((66, 44, 30), (104, 72, 44), (150, 112, 66), (186, 150, 98), (124, 62, 34))
BROWN_EYES = ((60, 36, 20), (84, 52, 28), (108, 72, 38))
LIGHT_EYES = ((98, 128, 156), (110, 140, 150), (96, 118, 84), (128, 112, 62), (116, 128, 136))

# Units that look wrong alone, or that no face at rest shows.
NOT_NUISANCE = ("tongueOut", "mouthClose", "eyeBlinkLeft", "eyeBlinkRight")


def _round(values: Float64) -> tuple[float, ...]:
    return tuple(np.round(values, DIGITS).tolist())


def _rgb(values: Any) -> RGB:
    r, g, b = (int(x) for x in np.clip(np.rint(np.asarray(values, dtype=np.float64)), 0, 255))
    return r, g, b


def _person(r: Generator) -> dict[str, Any]:
    """Shape and colours of a person."""
    head = load_head()
    ancestry = r.dirichlet([0.5] * 3)
    male = float(np.clip((0.9 if r.random() < 0.5 else 0.1) + r.normal(0, 0.1), 0, 1))
    age = float(r.beta(0.9, 2.4))
    traits = np.clip(r.normal(0, 0.2, len(head.traits)), -0.6, 0.6)
    # strong folds of the lids would cover the eye
    traits[[i for i, t in enumerate(head.traits) if "epicanthus" in t or "eyefold" in t]] *= 0.4
    one_sided = [i for i, t in enumerate(head.traits) if f"identity/{t}-" not in head.position]
    traits[one_sided] = np.abs(traits[one_sided]) * (r.random(len(one_sided)) < 0.3)

    skin = ancestry @ SKIN * r.normal(1, 0.06) + r.normal(0, 2, 3)
    fair = ancestry[2] > 0.5 and r.random() < 0.65
    palette = FAIR_HAIR if fair else DARK_HAIR
    hair = np.array(palette[r.integers(len(palette))]) * r.uniform(0.85, 1.15)
    grey = float(np.clip((age - r.uniform(0.25, 0.6)) * 4, 0, 1))
    brow = hair * (0.8 if fair else 0.9) * (1 - 0.5 * grey) + 0.5 * grey * np.array([120, 116, 112])
    hair = hair * (1 - grey) + grey * np.array([168, 165, 160]) * r.uniform(0.7, 1.1)
    eyes = LIGHT_EYES if ancestry[2] > 0.5 and r.random() < 0.6 else BROWN_EYES
    iris = np.array(eyes[r.integers(len(eyes))]) * r.uniform(0.85, 1.15) + r.normal(0, 4, 3)
    makeup = float(r.uniform(0, 0.6)) if male < 0.5 and r.random() < 0.5 else 0.0
    lips = skin * [0.88, 0.64, 0.64] * (1 - makeup) + makeup * np.array([168, 50, 62])
    styles = ("short", "shaved", "long")
    style = styles[r.choice(3, p=(0.75, 0.25, 0.0) if male > 0.5 else (0.4, 0.05, 0.55))]
    bearded = male > 0.5 and r.random() < 0.45
    return {
        "ancestry": _round(ancestry),
        "male": round(male, DIGITS),
        "age": round(age, DIGITS),
        "traits": _round(traits),
        "skin": _rgb(skin),
        "lips": _rgb(lips),
        "hair": _rgb(hair),
        "brow": _rgb(brow),
        "iris": _rgb(iris),
        "hair_style": style,
        "hairline": round(float(r.normal(0.70, 0.04) + 0.12 * male * age), DIGITS),
        "hair_volume": round(float(r.uniform(0.02, 0.14)), DIGITS),
        "hair_end": round(float(r.uniform(-2.6, -0.6)), DIGITS),
        "brow_thickness": round(
            float(np.clip(r.normal(0.9 + 0.25 * male, 0.15), 0.6, 1.5)), DIGITS
        ),
        "brow_height": round(float(np.clip(r.normal(0, 0.015), -0.03, 0.03)), DIGITS),
        "stubble": round(float(r.uniform(0.1, 0.55)) if bearded else 0.0, DIGITS),
    }


def _scene(r: Generator) -> dict[str, Any]:
    """Pose, framing, light, background and camera."""

    def normal(scale: float, limit: float) -> float:
        return round(float(np.clip(r.normal(0, scale), -limit, limit)), DIGITS)

    hue, saturation, value = r.random(), r.uniform(0.02, 0.2), r.uniform(0.3, 0.85)
    first = np.array(colorsys.hsv_to_rgb(hue, saturation, value)) * 255
    second = first * r.uniform(0.75, 1.2) + r.normal(0, 6, 3)
    return {
        "yaw": normal(0.15, 0.4),
        "pitch": normal(0.08, 0.2),
        "roll": normal(0.03, 0.08),
        "shift_x": normal(0.02, 0.05),
        "shift_y": normal(0.015, 0.03),
        "zoom": round(1 + normal(0.02, 0.04), DIGITS),
        "light_azimuth": normal(0.55, 1.1),
        "light_elevation": round(float(r.uniform(0.1, 0.9)), DIGITS),
        "light_warmth": round(float(r.uniform(-1, 1)), DIGITS),
        "light_power": round(float(r.uniform(0.8, 1.15)), DIGITS),
        "ambient": round(float(r.uniform(0.7, 1.3)), DIGITS),
        "background": (_rgb(first), _rgb(second)),
        "background_angle": round(float(r.uniform(0, 6.2831)), DIGITS),
        "blur": round(float(r.uniform(0, 0.4)), DIGITS),
        "noise": round(float(r.uniform(0.5, 2.0)), DIGITS),
        "noise_seed": int(r.integers(2**31)),
    }


def _nuisance(r: Generator) -> Float64:
    """Weights [52] of three small random units and a gaze, which belong to no emotion."""
    units = load_head().units
    weights = np.zeros(len(units))
    allowed = [i for i, name in enumerate(units) if name not in NOT_NUISANCE]
    chosen = r.choice(allowed, 3, replace=False)
    weights[chosen] = r.uniform(0, 0.2, 3)
    across, up = r.normal(0, 0.15), r.normal(0, 0.12)
    gaze = {
        "eyeLookOutLeft": across,
        "eyeLookInRight": across,
        "eyeLookInLeft": -across,
        "eyeLookOutRight": -across,
        "eyeLookUpLeft": up,
        "eyeLookUpRight": up,
        "eyeLookDownLeft": -up,
        "eyeLookDownRight": -up,
    }
    for name, weight in gaze.items():
        weights[units.index(name)] += np.clip(weight, 0, 0.4)
    return np.round(weights, DIGITS)


def sample_expression(r: Generator, emotion: str) -> tuple[float, tuple[float, ...]]:
    """A random intensity and the 52 random unit weights of an emotion, as in the data."""
    intensity = 0.0 if emotion == "neutral" else round(float(r.uniform(0.5, 1.2)), DIGITS)
    weights = recipe(emotion)
    return intensity, _round(weights * intensity * r.uniform(0.75, 1.2, len(weights)))


def sample_face(seed: int, split: str, index: int, emotion: str) -> Face:
    """A random face; each (seed, split, index) gives another person.

    Args:
        seed: of the data set.
        split: ``"train"`` or ``"test"``.
        index: of the picture in the split.
        emotion: one of ``EMOTIONS``; intensity is uniform in 0.5 to 1.2, recipe weights jitter.

    Raises:
        BadInput: unknown split or emotion.
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    name = EMOTIONS[emotion_index(emotion)]
    r = np.random.default_rng(np.random.SeedSequence([seed, SPLITS.index(split), index]))
    person, scene, nuisance = _person(r), _scene(r), _nuisance(r)
    intensity, expression = sample_expression(r, name)
    return Face(
        person=f"{split}-{index:06d}",
        emotion=name,
        intensity=intensity,
        expression=expression,
        nuisance=tuple(nuisance.tolist()),
        **person,
        **scene,
    )
