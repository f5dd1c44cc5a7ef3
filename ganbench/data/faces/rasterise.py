"""Compiled geometry: morphing, vertex normals, z-buffer, ambient occlusion.

Every kernel releases the GIL and runs on one core; threads render several pictures at once. Fast-math is
off: the same parameters must give the same bytes in every process of a machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.storage.kernels import compiled

Array = NDArray[Any]

# Part codes of triangles, as tools/build_head.py writes them.
SKIN, EYE_LEFT, EYE_RIGHT, TEETH, TONGUE, LASHES, HAIR, MOUTH_BAG = range(8)
# Added to the depth of the eyeballs, in inter-pupil distances: squinting lids of some identities fall a
# little behind the eyeball.
EYE_SINK = 0.03
FAR = 1e9


@compiled
def morph(start: Array, starts: Array, index: Array, offset: Array, weights: Array) -> Array:
    """Add the sparse targets with non-zero weight to ``start`` [V, 3]."""
    moved = start.copy()
    for k in range(weights.shape[0]):
        w = weights[k]
        if w != 0.0:
            for j in range(starts[k], starts[k + 1]):
                v = index[j]
                moved[v, 0] += w * offset[j, 0]
                moved[v, 1] += w * offset[j, 1]
                moved[v, 2] += w * offset[j, 2]
    return moved


@compiled
def sample_mask(mask: Array, box: Array, u: float, v: float) -> float:
    """Bilinear value in [0, 1] of a mask over its uv box (u0, v0, u1, v1); 0 outside."""
    h, w = mask.shape
    x = (u - box[0]) / (box[2] - box[0]) * w - 0.5
    y = (box[3] - v) / (box[3] - box[1]) * h - 0.5
    if x < 0.0 or y < 0.0 or x >= w - 1 or y >= h - 1:
        return 0.0
    i, j = int(y), int(x)
    fy, fx = y - i, x - j
    top = mask[i, j] * (1 - fx) + mask[i, j + 1] * fx
    low = mask[i + 1, j] * (1 - fx) + mask[i + 1, j + 1] * fx
    return float((top * (1 - fy) + low * fy) / 255.0)


@compiled
def normals_and_cavity(points: Array, triangles: Array) -> tuple[Array, Array]:
    """Area-weighted unit normals [V, 3], and cavity [V]: > 0 in folds, < 0 on ridges, about +-0.3.

    Cavity is the distance of a vertex below the mean of its neighbours, divided by their mean distance.
    """
    count = points.shape[0]
    normals = np.zeros((count, 3))
    around = np.zeros((count, 4))
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            points[b, 0] - points[a, 0],
            points[b, 1] - points[a, 1],
            points[b, 2] - points[a, 2],
        )
        vx, vy, vz = (
            points[c, 0] - points[a, 0],
            points[c, 1] - points[a, 1],
            points[c, 2] - points[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in range(3):
            v = triangles[t, k]
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
            for j in range(3):
                w = triangles[t, j]
                if w != v:
                    around[v, 0] += points[w, 0]
                    around[v, 1] += points[w, 1]
                    around[v, 2] += points[w, 2]
                    around[v, 3] += 1.0
    distances = np.zeros(count)
    for t in range(triangles.shape[0]):
        for k in range(3):
            v, w = triangles[t, k], triangles[t, (k + 1) % 3]
            d = np.sqrt(
                (points[v, 0] - points[w, 0]) ** 2
                + (points[v, 1] - points[w, 1]) ** 2
                + (points[v, 2] - points[w, 2]) ** 2
            )
            distances[v] += 2.0 * d
    cavity = np.zeros(count)
    for v in range(count):
        n = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2) + 1e-12
        for k in range(3):
            normals[v, k] /= n
        if around[v, 3] > 0.0:
            rise = 0.0
            for k in range(3):
                rise += (around[v, k] / around[v, 3] - points[v, k]) * normals[v, k]
            cavity[v] = rise / (distances[v] / around[v, 3] + 1e-12)
    return normals, cavity


@compiled
def z_buffer(
    screen: Array, triangles: Array, parts: Array, rest: Array, hair_end: float, size: int
) -> tuple[Array, Array, Array]:
    """Nearest triangle of every pixel.

    Args:
        screen: [V, 3] x and y in pixels (y down), depth > 0 growing away from the viewer.
        hair_end: the long-hair hull is cut where rest y falls below it.

    Returns:
        depth [N, N] (FAR where empty), triangle [N, N] (-1 where empty), weights [N, N, 2] of
        the first two corners.
    """
    depth = np.full((size, size), FAR)
    owner = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2))
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
        cx, cy = screen[c, 0], screen[c, 1]
        part = parts[t]
        if part == HAIR and max(rest[a, 1], rest[b, 1], rest[c, 1]) < hair_end:
            continue
        area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
        # y points down, therefore a triangle that faces the viewer has a negative area; strips of hair
        # and lashes are visible from both sides
        if area > -1e-9 and (part not in (LASHES, HAIR) or area < 1e-9):
            continue
        # pixels whose centre, at + 0.5, can lie in the triangle
        x0 = int(np.ceil(max(min(ax, bx, cx) - 0.5001, 0.0)))
        x1 = int(np.floor(min(max(ax, bx, cx) - 0.4999, size - 1.0)))
        y0 = int(np.ceil(max(min(ay, by, cy) - 0.5001, 0.0)))
        y1 = int(np.floor(min(max(ay, by, cy) - 0.4999, size - 1.0)))
        if x0 > x1 or y0 > y1:
            continue
        across_a, down_a = (by - cy) / area, (cx - bx) / area
        across_b, down_b = (cy - ay) / area, (ax - cx) / area
        for y in range(y0, y1 + 1):
            gy = y + 0.5 - cy
            for x in range(x0, x1 + 1):
                gx = x + 0.5 - cx
                la = across_a * gx + down_a * gy
                lb = across_b * gx + down_b * gy
                lc = 1.0 - la - lb
                if la < -1e-6 or lb < -1e-6 or lc < -1e-6:
                    continue
                z = la * screen[a, 2] + lb * screen[b, 2] + lc * screen[c, 2]
                if part in (EYE_LEFT, EYE_RIGHT):
                    z += EYE_SINK
                if z >= depth[y, x]:
                    continue
                if part == HAIR:
                    rx = la * rest[a, 0] + lb * rest[b, 0] + lc * rest[c, 0]
                    ry = la * rest[a, 1] + lb * rest[b, 1] + lc * rest[c, 1]
                    rz = la * rest[a, 2] + lb * rest[b, 2] + lc * rest[c, 2]
                    # the hull of the hair covers the face: cut an opening
                    if ry < hair_end or (rz > -0.6 and abs(rx) < 0.98 - 0.8 * max(ry, 0.0) ** 2):
                        continue
                depth[y, x] = z
                owner[y, x] = t
                weights[y, x, 0] = la
                weights[y, x, 1] = lb
    return depth, owner, weights


@compiled
def occlusion(depth: Array, normal: Array, pitch: float, radius: float) -> Array:
    """Screen-space ambient occlusion [N, N] in [0, 1], 1 = fully enclosed.

    Args:
        depth: as from ``z_buffer``, in the unit of ``radius``.
        normal: [N, N, 3], towards the viewer = +z.
        pitch: length of one pixel.
        radius: reach of the wider of the two sampling rings.
    """
    size = depth.shape[0]
    shade = np.zeros((size, size))
    rings = np.zeros((16, 2))
    for k in range(16):
        reach = radius * (0.35 if k < 8 else 1.0) / pitch
        angle = 2 * np.pi * (k + (0.5 if k < 8 else 0.0)) / 8
        rings[k, 0], rings[k, 1] = reach * np.cos(angle), reach * np.sin(angle)
    for y in range(size):
        for x in range(size):
            z = depth[y, x]
            if z >= FAR:
                continue
            total = 0.0
            for k in range(16):
                i, j = int(np.floor(y + rings[k, 1] + 0.5)), int(np.floor(x + rings[k, 0] + 0.5))
                if i < 0 or j < 0 or i >= size or j >= size or depth[i, j] >= FAR:
                    continue
                dx, dy, dz = (j - x) * pitch, (y - i) * pitch, z - depth[i, j]
                square = dx * dx + dy * dy + dz * dz
                if square < 1e-12:
                    continue
                cosine = (
                    dx * normal[y, x, 0] + dy * normal[y, x, 1] + dz * normal[y, x, 2]
                ) / np.sqrt(square)
                if cosine > 0.12:
                    total += (cosine - 0.12) / (1.0 + square / (radius * radius))
            shade[y, x] = min(1.0, total / 7.0)
    return shade
