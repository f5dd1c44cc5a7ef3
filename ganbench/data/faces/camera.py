"""Compiled camera: the background, and the conversion of linear supersampled light into uint8 pixels."""

from __future__ import annotations

import numpy as np

from ganbench.data.faces.paint import clip
from ganbench.data.faces.rasterise import Array
from ganbench.data.regions import BACKGROUND, HEAD, MOUTH
from ganbench.storage.kernels import compiled

SHOULDER = 0.78  # display values above it are compressed, so that bright skin keeps its shading


@compiled
def fill_background(image: Array, first: Array, second: Array, angle: float) -> None:
    """A linear gradient across ``image`` [N, N, 3] in the direction ``angle`` (radians)."""
    size = image.shape[0]
    ux, uy = np.cos(angle), np.sin(angle)
    for y in range(size):
        for x in range(size):
            t = 0.5 + ((x + 0.5) / size - 0.5) * ux + ((y + 0.5) / size - 0.5) * uy
            t = clip(t, 0.0, 1.0)
            for k in range(3):
                image[y, x, k] = first[k] + t * (second[k] - first[k])


@compiled
def develop(image: Array, regions: Array, blur: float, grain: Array) -> tuple[Array, Array]:
    """Linear supersampled picture -> uint8 sRGB-like [n, n, 3] and regions [n, n].

    A pixel is background only if no part of the head contributes to its blurred value, so that the
    background of two expressions of one face is the same to the last bit.

    Args:
        image: [n * s, n * s, 3]; its cells of s x s are averaged.
        regions: [n * s, n * s], region codes; the most frequent code of a cell counts.
        blur: weight of a 3 x 3 binomial blur of the small picture, 0 to 1.
        grain: [n, n, 3] noise to add, in units of 1/255.
    """
    n = grain.shape[0]
    s = image.shape[0] // n
    small = np.zeros((n, n, 3))
    covered = np.zeros((n, n), np.uint8)
    area = np.zeros((n, n), np.uint8)
    votes = np.zeros(MOUTH + 1, np.int32)
    for y in range(n):
        for x in range(n):
            votes[:] = 0
            for i in range(y * s, y * s + s):
                for j in range(x * s, x * s + s):
                    votes[regions[i, j]] += 1
                    for k in range(3):
                        # averaged after the tone curve, so that edges look smooth
                        value = max(image[i, j, k], 0.0) ** (1 / 2.2)
                        if value > SHOULDER:
                            rest = 1.0 - SHOULDER
                            value = SHOULDER + rest * (1.0 - np.exp((SHOULDER - value) / rest))
                        small[y, x, k] += value
            for k in range(3):
                small[y, x, k] *= 255.0 / (s * s)
            best = HEAD
            for k in range(HEAD, MOUTH + 1):
                if votes[k] > votes[best]:
                    best = k
            area[y, x] = best
            covered[y, x] = 1 if votes[0] < s * s else 0
    out = np.zeros((n, n, 3), np.uint8)
    for y in range(n):
        for x in range(n):
            touched = covered[y, x]
            for k in range(3):
                total = 0.0
                for i in range(-1, 2):
                    for j in range(-1, 2):
                        yy, xx = min(max(y + i, 0), n - 1), min(max(x + j, 0), n - 1)
                        weight = (2 - abs(i)) * (2 - abs(j)) / 16.0
                        total += weight * small[yy, xx, k]
                        touched |= covered[yy, xx]
                value = small[y, x, k] + blur * (total - small[y, x, k]) + grain[y, x, k]
                out[y, x, k] = np.uint8(clip(np.floor(value + 0.5), 0.0, 255.0))
            if touched == 0:
                area[y, x] = BACKGROUND
    return out, area
