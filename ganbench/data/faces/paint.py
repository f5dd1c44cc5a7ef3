"""Compiled albedo: the colours painted on the head, and the region code of each part.

Colours are linear RGB in [0, 1]. Positions named q are rest coordinates of the head (see
``HeadModel.rest``): x to the subject's left, y up, z forward, in inter-pupil distances from the
point between the eyes. Constants without a comment were chosen by eye.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ganbench.data.faces.rasterise import (
    EYE_LEFT,
    EYE_RIGHT,
    HAIR,
    LASHES,
    MOUTH_BAG,
    SKIN,
    TEETH,
    TONGUE,
    Array,
)
from ganbench.data.regions import EYES, FACE, HEAD, MOUTH
from ganbench.storage.kernels import compiled

MOUTH_Y = -0.97  # rest coordinate of the lips, measured on the base mesh
FACE_Y, FACE_RADII = -0.40, (1.12, 1.42)  # the oval that counts as face, in rest coordinates


class Look(NamedTuple):
    """The appearance of a face, for ``shade``."""

    skin: Array  # linear RGB [3], as are the other colours
    lips: Array
    hair: Array
    brow: Array
    iris: Array
    light: Array  # unit vector towards the key light, viewer at +z
    light_colour: Array
    sky: Array  # ambient from above; from below it is warmer and half as bright
    brow_thickness: float
    brow_height: float
    hairline: float
    hair_end: float  # rest y where long hair ends; above the head for other styles
    shaved: float  # 1 = the skin shows through the scalp's hair
    stubble: float


@compiled
def hash_noise(i: int, j: int, k: int) -> float:
    """A hash of three integers, as a number in [0, 1)."""
    h = (i * 73856093) ^ (j * 19349663) ^ (k * 83492791)
    h = (h ^ (h >> 13)) * 1274126177
    return ((h ^ (h >> 16)) & 0xFFFF) / 65536.0


@compiled
def value_noise(x: float, y: float, z: float) -> float:
    """Smooth noise in [0, 1] with about one feature in a unit of length."""
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                weight = (u if a else 1 - u) * (v if b else 1 - v) * (w if c else 1 - w)
                total += weight * hash_noise(i + a, j + b, k + c)
    return total


@compiled
def clip(x: float, low: float, high: float) -> float:
    """``x`` limited to [low, high]."""
    return min(max(x, low), high)


@compiled
def step(x: float, width: float) -> float:
    """Smooth 0 -> 1 around x = 0, about ``width`` wide."""
    t = clip(x / width + 0.5, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@compiled
def mix(colour: Array, other: Array, weight: float) -> None:
    """Move ``colour`` towards ``other`` in place."""
    for k in range(3):
        colour[k] += weight * (other[k] - colour[k])


@compiled
def bump(x: float, y: float, x0: float, y0: float, rx: float, ry: float) -> float:
    """A round spot with radii rx, ry: a cheap approximation of a Gaussian, 0 from 2 radii on."""
    a, b = (x - x0) / rx, (y - y0) / ry
    d = 1.0 - 0.25 * (a * a + b * b)
    return d * d * d * d if d > 0.0 else 0.0


@compiled
def scalp(x: float, y: float, z: float, hairline: float) -> float:
    """Cover of a rest position by short hair, 0 to 1."""
    side = clip(abs(x) - 0.35, 0.0, 1.0)
    line = hairline - 0.32 * side * side - 1.05 * clip(-z - 0.55, 0.0, 1.2)
    top = step(y - line, 0.16) * step(y + 0.35, 0.1)
    back = step(-1.25 - z, 0.2) * step(y + 0.95, 0.1)
    return max(top, back)


@compiled
def scalp_cover(rest: Array, hairline: float) -> Array:
    """``scalp`` at each vertex [V, 3] -> [V]."""
    cover = np.empty(rest.shape[0])
    for v in range(rest.shape[0]):
        cover[v] = scalp(rest[v, 0], rest[v, 1], rest[v, 2], hairline)
    return cover


@compiled
def brow(x: float, y: float, thickness: float, height: float) -> float:
    """Density of brow hair at distance x from the midline, 0 to 1."""
    if x < 0.14 or x > 0.9:
        return 0.0
    t = clip((x - 0.19) / 0.63, 0.0, 1.0)
    middle = 0.305 + height + 0.085 * np.sin(np.pi * clip(t * 0.72, 0.0, 1.0)) - 0.05 * t
    half = (0.062 - 0.036 * t) * thickness
    d = abs(y - middle) / half
    if d > 2.0:
        return 0.0
    return float(np.exp(-(d**3.0)) * step(x - 0.19, 0.08) * step(0.83 - x, 0.12))


@compiled
def paint_skin(colour: Array, q: Array, red: float, lid: float, ear: float, look: Look) -> float:
    """Write the albedo of skin with lips, brows, stubble and scalp; returns its gloss."""
    x, y, z = abs(q[0]), q[1], q[2]
    front = step(z + 0.75, 0.4)
    mottle = value_noise(q[0] * 9.0, y * 9.0, z * 9.0) - 0.5
    grain = value_noise(q[0] * 45.0, y * 45.0, z * 45.0) - 0.5
    for k in range(3):
        colour[k] = look.skin[k] * (1.0 + 0.10 * mottle + 0.07 * grain)
    flush = (
        front
        * (0.8 * bump(x, y, 0.62, -0.62, 0.30, 0.26) + 0.7 * bump(x, y, 0.0, -0.55, 0.16, 0.14))
        + 0.7 * ear
    )
    colour[1] *= 1.0 - 0.15 * flush
    colour[2] *= 1.0 - 0.13 * flush
    shadow = front * 0.5 * bump(x, y, 0.45, -0.22, 0.22, 0.09) + 0.35 * lid
    for k in range(3):
        colour[k] *= 1.0 - 0.25 * shadow
    gloss = 0.055 + 0.03 * bump(x, y, 0.0, -0.4, 0.2, 0.5)
    if look.stubble > 0.0:
        beard = step(-0.62 - y, 0.22) * step(z + 1.05, 0.35) * step(y + 2.05, 0.2)
        beard *= 1.0 - bump(x, y, 0.0, -0.62, 0.22, 0.1)
        # no beard between cheek and mouth corner, and under the lower lip
        beard *= 1.0 - 0.9 * bump(x, y, 0.62, -0.72, 0.2, 0.2)
        mix(colour, look.brow, look.stubble * beard * (0.75 + 0.6 * grain))
    mix(colour, look.lips, 0.9 * red)
    gloss += 0.10 * red
    density = brow(x, y, look.brow_thickness, look.brow_height) if z > -0.9 else 0.0
    if density > 0.0:
        hairs = 0.72 + 0.56 * value_noise(x * 60.0, (y - 0.45 * x) * 16.0, 0.0)
        mix(colour, look.brow, min(1.0, 0.95 * hairs * density))
    cover = scalp(q[0], y, z, look.hairline) * (1.0 - ear)
    if y > look.hair_end:  # skin between the locks of long hair has the colour of hair
        cover = max(cover, step(x - 0.96, 0.08) * step(-0.3 - z, 0.2))
    if cover > 0.0:
        strand = 0.7 + 0.6 * value_noise(q[0] * 34.0, y * 5.0, z * 5.0)
        for k in range(3):
            colour[k] += cover * (1.0 - 0.55 * look.shaved) * (look.hair[k] * strand - colour[k])
        gloss *= 1.0 - cover
    return gloss


@compiled
def paint_eye(colour: Array, q: Array, centre_x: float, look: Look) -> float:
    """Write the albedo of sclera, iris and pupil; returns the gloss."""
    dx, dy, dz = q[0] - centre_x, q[1], q[2]
    off = np.sqrt(dx * dx + dy * dy)
    angle = np.degrees(np.arctan2(off, dz))
    veins = 0.10 * step(angle - 45.0, 30.0)
    colour[0], colour[1], colour[2] = 0.72, 0.69 - veins, 0.66 - veins
    ring = step(28.5 - angle, 5.0)
    if ring > 0.0:
        spoke = 0.75 + 0.5 * value_noise(np.arctan2(dy, dx) * 7.0, angle * 0.12, 0.0)
        bright = (0.55 + 0.9 * clip(1.0 - angle / 27.0, 0.0, 1.0)) * spoke
        # the dark limbal ring
        bright *= 1.0 - 0.55 * step(angle - 24.0, 5.0)
        for k in range(3):
            colour[k] += ring * (look.iris[k] * bright - colour[k])
    pupil = step(11.5 - angle, 3.0)
    for k in range(3):
        colour[k] *= 1.0 - 0.97 * pupil
    return 0.9


@compiled
def paint_other(colour: Array, part: int, q: Array, look: Look) -> float:
    """Write the albedo of teeth, tongue, lashes, long hair or mouth cavity; returns the gloss."""
    if part == TEETH:
        # gaps between the teeth along the arch
        arch = abs(np.sin(np.arctan2(q[0], q[2] + 0.35) * 15.0))
        tooth = 0.72 + 0.28 * clip(arch * 4.0, 0.0, 1.0)
        colour[0], colour[1], colour[2] = 0.86 * tooth, 0.80 * tooth, 0.68 * tooth
        return 0.25
    if part == TONGUE:
        colour[0], colour[1], colour[2] = 0.50, 0.13, 0.13
        return 0.10
    if part == LASHES:
        colour[0], colour[1], colour[2] = 0.02, 0.014, 0.01
        return 0.0
    if part == HAIR:
        wave = q[0] * 34.0 + 3.0 * np.sin(q[1] * 4.0)
        strand = 0.6 + 0.8 * value_noise(wave, q[1] * 2.0, q[2] * 20.0)
        for k in range(3):
            colour[k] = look.hair[k] * strand
        return 0.03
    colour[0], colour[1], colour[2] = 0.22, 0.035, 0.035
    return 0.05


@compiled
def region_of(part: int, q: Array) -> int:
    """The region code of a visible point."""
    if part in (EYE_LEFT, EYE_RIGHT, LASHES):
        return EYES
    if part in (TEETH, TONGUE, MOUTH_BAG):
        return MOUTH
    if part == SKIN and q[2] > -0.85:
        x, y = abs(q[0]), q[1]
        if 0.03 < x < 0.98 and -0.27 < y < 0.56:
            return EYES
        a, b = x / 0.62, (y - MOUTH_Y) / 0.37
        if a * a + b * b < 1.0:
            return MOUTH
        # from the hairline to below the chin, and to the ears
        a, b = x / FACE_RADII[0], (y - FACE_Y) / FACE_RADII[1]
        if a * a + b * b < 1.0:
            return FACE
    return HEAD
