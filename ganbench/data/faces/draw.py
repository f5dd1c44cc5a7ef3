"""Compiled steps of a picture. Python runs between them for a fiftieth of the time only.

Threads that render at the same time take turns in Python, since they share the interpreter's lock. Therefore
a picture consists of three long steps without the lock: the person, the expression, and the picture itself.
"""

from __future__ import annotations

import numpy as np

from ganbench.data.faces.camera import develop, fill_background
from ganbench.data.faces.head import Mesh
from ganbench.data.faces.paint import Look, scalp_cover
from ganbench.data.faces.rasterise import Array, morph, normals_and_cavity, occlusion, z_buffer
from ganbench.data.faces.shade import shade, visible_normals
from ganbench.storage.kernels import compiled

# The frame is that of a face detector: its width is the larger of a minimum and a multiple of the length
# of the resting face (eyes to chin), so that brows and the chin of an open jaw stay inside.
FRAME_MINIMUM, FRAME_PER_LENGTH = 3.1, 1.80  # inter-pupil distances; lengths of the face
CENTRE_PER_LENGTH = -0.42  # height of the frame's centre above the eyes, in lengths of the face
DISTANCE = 9.5  # of the camera, inter-pupil distances; that of a portrait lens
PIVOT = (0.0, -0.45, -1.0)  # the head turns about a point between the ears
SUPERSAMPLE = 2
OCCLUSION_RADIUS = 0.22  # inter-pupil distances


@compiled
def centre(points: Array, chosen: Array) -> Array:
    """The mean [3] of some points of [V, 3]."""
    total = np.zeros(3)
    for v in chosen:
        for k in range(3):
            total[k] += points[v, k]
    for k in range(3):
        total[k] /= chosen.shape[0]
    return total


@compiled
def settle(mesh: Mesh, identity: Array) -> tuple[Array, Array, Array]:
    """The resting head [V, 3] of a person, and the centres [3] of its left and right eyeball.

    Args:
        mesh: of the head model.
        identity: weights [K] of the targets.
    """
    person = morph(mesh.vertices, mesh.starts, mesh.moved, mesh.offset, identity)
    return person, centre(person, mesh.left_eye), centre(person, mesh.right_eye)


@compiled
def express(
    mesh: Mesh,
    person: Array,
    expression: Array,
    middle: Array,
    ipd: float,
    hairline: float,
    hair_volume: float,
) -> Array:
    """The head with an expression and its short hair, [V, 3] in inter-pupil distances from ``PIVOT``.

    Args:
        mesh, person: of the head model, and as from ``settle``.
        expression: weights [K] of the targets.
        middle, ipd: the point [3] between the eyes and their distance, in the unit of ``person``.
        hairline, hair_volume: as in ``Face``; a volume of 0 for a shaved head.
    """
    posed = morph(person, mesh.starts, mesh.moved, mesh.offset, expression)
    cover = scalp_cover(mesh.rest, hairline)
    from_middle = (0.0, 0.3, -1.2)  # hair grows away from a point inside the skull
    outward = np.empty(3)
    for v in range(posed.shape[0]):
        length = 0.0
        for k in range(3):
            outward[k] = (person[v, k] - middle[k]) / ipd - from_middle[k]
            length += outward[k] * outward[k]
        length = np.sqrt(length)
        thickness = hair_volume * (cover[v] * (1.0 - mesh.ears[v]))
        for k in range(3):
            posed[v, k] = (posed[v, k] - middle[k]) / ipd
            if hair_volume != 0.0:
                posed[v, k] += outward[k] / length * thickness
            posed[v, k] -= PIVOT[k]
    return posed


@compiled
def percentile(values: Array, share: float) -> float:
    """A percentile as ``numpy.percentile`` interpolates it; ``share`` in [0, 1)."""
    ordered = np.sort(values)
    place = (ordered.shape[0] - 1) * share
    before = int(np.floor(place))
    low, high, part = ordered[before], ordered[before + 1], place - before
    if part >= 0.5:
        return float(high - (high - low) * (1.0 - part))
    return float(low + (high - low) * part)


@compiled
def picture(
    mesh: Mesh,
    view: Array,
    shift: tuple[float, float],
    frame: float,
    look: Look,
    background: tuple[Array, Array, float],
    blur: float,
    grain: Array,
) -> tuple[Array, Array]:
    """The picture uint8 [n, n, 3] and its region codes uint8 [n, n].

    Args:
        mesh: of the head model.
        view: [V, 3], the turned head in inter-pupil distances from ``PIVOT``; it is changed in place.
        shift: how far the head moves to the right and up.
        frame: width of the picture in inter-pupil distances.
        look: the colours and the light.
        background: two colours and an angle, as for ``fill_background``.
        blur, grain: as for ``develop``; ``grain`` tells the size of the picture.
    """
    wide = grain.shape[0] * SUPERSAMPLE
    scale = DISTANCE / frame * wide
    screen = np.empty_like(view)
    for v in range(view.shape[0]):
        for k in range(3):
            view[v, k] += PIVOT[k]
        view[v, 0] += shift[0]
        view[v, 1] += shift[1]
        depth = DISTANCE - view[v, 2]
        screen[v, 0] = wide / 2 + scale * view[v, 0] / depth
        screen[v, 1] = wide / 2 - scale * view[v, 1] / depth
        screen[v, 2] = depth
    lips = np.empty(mesh.lip_vertices.shape[0])
    for i in range(lips.shape[0]):
        lips[i] = view[mesh.lip_vertices[i], 2]
    normals, cavity = normals_and_cavity(view, mesh.triangles)
    nearest, owner, weights = z_buffer(
        screen, mesh.triangles, mesh.parts, mesh.rest, look.hair_end, wide
    )
    normal = visible_normals(owner, weights, mesh.triangles, normals)
    occluded = occlusion(nearest, normal, frame / wide, OCCLUSION_RADIUS)
    image, regions = np.empty((wide, wide, 3)), np.zeros((wide, wide), np.uint8)
    fill_background(image, background[0], background[1], background[2])
    lip_depth = DISTANCE - percentile(lips, 0.7)
    shade(image, regions, owner, weights, nearest, normal, occluded, mesh, cavity, look, lip_depth)
    return develop(image, regions, blur, grain)
