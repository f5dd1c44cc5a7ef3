"""Compiled light: a key light, sky and fill light, soft occlusion, red light scattered in skin, gloss."""

from __future__ import annotations

import numpy as np

from ganbench.data.faces.head import Mesh
from ganbench.data.faces.paint import Look, clip, paint_eye, paint_other, paint_skin, region_of
from ganbench.data.faces.rasterise import (
    EYE_LEFT,
    EYE_RIGHT,
    MOUTH_BAG,
    SKIN,
    TEETH,
    TONGUE,
    Array,
    sample_mask,
)
from ganbench.storage.kernels import compiled


@compiled
def visible_normals(owner: Array, weights: Array, triangles: Array, vertex_normals: Array) -> Array:
    """Interpolated unit normals [N, N, 3], turned towards the viewer."""
    size = owner.shape[0]
    normal = np.zeros((size, size, 3))
    for y in range(size):
        for x in range(size):
            t = owner[y, x]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            la, lb = weights[y, x, 0], weights[y, x, 1]
            lc = 1.0 - la - lb
            length = 0.0
            for k in range(3):
                n = (
                    la * vertex_normals[a, k]
                    + lb * vertex_normals[b, k]
                    + lc * vertex_normals[c, k]
                )
                normal[y, x, k] = n
                length += n * n
            length = np.sqrt(length) + 1e-12
            if normal[y, x, 2] < 0.0:
                length = -length
            for k in range(3):
                normal[y, x, k] /= length
    return normal


@compiled
def shade(
    image: Array,
    regions: Array,
    owner: Array,
    weights: Array,
    depth: Array,
    normal: Array,
    occluded: Array,
    mesh: Mesh,
    cavity: Array,
    look: Look,
    lip_depth: float,
) -> None:
    """Fill ``image`` [N, N, 3], which holds the background, and ``regions`` [N, N] where the head is."""
    size = owner.shape[0]
    colour, q = np.zeros(3), np.zeros(3)
    half = np.zeros(3)
    half[0], half[1], half[2] = look.light[0], look.light[1], look.light[2] + 1.0
    half /= np.sqrt(half[0] ** 2 + half[1] ** 2 + half[2] ** 2)
    for y in range(size):
        for x in range(size):
            t = owner[y, x]
            if t < 0:
                continue
            a, b, c = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
            la, lb = weights[y, x, 0], weights[y, x, 1]
            lc = 1.0 - la - lb
            for k in range(3):
                q[k] = la * mesh.rest[a, k] + lb * mesh.rest[b, k] + lc * mesh.rest[c, k]
            part = mesh.parts[t]
            regions[y, x] = region_of(part, q)
            fold = la * cavity[a] + lb * cavity[b] + lc * cavity[c]
            wrap, open_light = 0.18, 1.0
            if part == SKIN:
                ua, ub, uc = (
                    mesh.triangles_uv[t, 0],
                    mesh.triangles_uv[t, 1],
                    mesh.triangles_uv[t, 2],
                )
                u = la * mesh.uv[ua, 0] + lb * mesh.uv[ub, 0] + lc * mesh.uv[uc, 0]
                v = la * mesh.uv[ua, 1] + lb * mesh.uv[ub, 1] + lc * mesh.uv[uc, 1]
                red = sample_mask(mesh.lips, mesh.mask_boxes[0], u, v)
                lid = sample_mask(mesh.lids, mesh.mask_boxes[1], u, v)
                ear = la * mesh.ears[a] + lb * mesh.ears[b] + lc * mesh.ears[c]
                gloss = paint_skin(colour, q, red, lid, ear, look)
            elif part in (EYE_LEFT, EYE_RIGHT):
                gloss = paint_eye(colour, q, 0.5 if part == EYE_LEFT else -0.5, look)
                wrap = 0.35
            else:
                gloss = paint_other(colour, part, q, look)
                if part == TEETH:
                    wrap = 0.5
                if part not in (TONGUE, MOUTH_BAG):
                    fold = 0.0
            if part in (TEETH, TONGUE, MOUTH_BAG):
                # light decreases with the depth behind the lips
                behind = clip(depth[y, x] - lip_depth - 0.10, 0.0, 3.0)
                open_light = np.exp(-(3.5 if part == TEETH else 5.0) * behind)
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            cosine = nx * look.light[0] + ny * look.light[1] + nz * look.light[2]
            shine = clip(nx * half[0] + ny * half[1] + nz * half[2], 0.0, 1.0)
            tight = 180.0 if part in (EYE_LEFT, EYE_RIGHT) else 22.0
            shine = gloss * shine**tight if shine > 0.7 else 0.0
            # the depth behind the lips has already darkened the inside of the mouth
            hidden = occluded[y, x] * (0.2 if part in (TEETH, TONGUE) else 1.0)
            enclosed = 1.0 - hidden
            crease = clip(1.0 - fold, 0.65, 1.04)
            ambient = 0.5 + 0.5 * ny
            fill = clip(0.75 * nz - 0.45 * nx * np.sign(look.light[0]), 0.0, 1.0)
            for k in range(3):
                # skin scatters red light furthest, so red reaches furthest into the shadow
                w = wrap + (0.08 if k == 0 and part == SKIN else 0.0)
                direct = clip((cosine + w) / (1.0 + w), 0.0, 1.0) * (1.0 - 0.55 * hidden)
                low = look.sky[k] * (0.5 + 0.12 * (1 - k))
                soft = (low + (look.sky[k] - low) * ambient + 0.16 * fill) * enclosed * enclosed
                lit = look.light_colour[k] * direct + soft
                image[y, x, k] = open_light * (
                    colour[k] * lit * crease + shine * look.light_colour[k] * enclosed
                )
