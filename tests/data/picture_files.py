"""Picture files that pillow cannot write: PNGs of 16 bits, colour profiles, files that are cut short."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

# Colorants of Display P3, adapted to D50 (columns: red, green, blue).
P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (8, 8)) -> Path:
    """Write noise of ``size``, width and height, to a file; its folder is made."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(values: np.ndarray, depth: int = 16, key: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG of uint16 [H, W, 1 to 4] (or uint8) with ``key`` as the colour that is transparent."""
    height, width, channels = values.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = values.astype(">u2" if depth == 16 else "u1")
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
        + extra
        + (_chunk(b"tRNS", key) if key else b"")
        + _chunk(b"IDAT", zlib.compress(data))
        + _chunk(b"IEND", b"")
    )


def bomb(width: int, height: int) -> bytes:
    """The header of a PNG of that size, without its pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", data)
        + _chunk(b"IEND", b"")
    )


def tiff(
    values: np.ndarray, order: str = "<", photometric: int = 2, extra: int | None = None
) -> bytes:
    """A TIFF of uint16 [H, W, channels]."""
    height, width, channels = values.shape
    data = values.astype(f"{order}u2").tobytes()
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    where = 8 + len(data)
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, None), (259, 3, 1, 1),
        (262, 3, 1, photometric), (273, 4, 1, 8), (277, 3, 1, channels), (278, 4, 1, height),
        (279, 4, 1, len(data)),
    ]  # fmt: skip
    if extra is not None:
        entries.append((338, 3, 1, extra))
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", where + len(bits))
    out += data + bits + struct.pack(f"{order}H", len(entries))
    for tag, kind, count, value in entries:
        out += struct.pack(f"{order}HHI", tag, kind, count)
        if value is None:
            out += struct.pack(f"{order}I", where) if channels > 2 else bits.ljust(4, b"\0")
        else:
            out += (
                struct.pack(f"{order}HH", value, 0)
                if kind == 3
                else struct.pack(f"{order}I", value)
            )
    return out + bytes(4)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    body, table = b"", struct.pack(">I", len(tags))
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    header = struct.pack(">I4sI4s4s4s12s4s", size, bytes(4), 0x02400000, kind, space, connection, bytes(12), b"acsp")  # fmt: skip
    header += bytes(28) + _fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + body


def _common() -> dict[bytes, bytes]:
    text = b"test\0"
    return {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + _fixed(0.9642, 1.0, 0.8249),
        b"cprt": b"text" + bytes(4) + b"none\0",
    }


def _gamma(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def rgb_profile(colorants: np.ndarray = P3, gamma: float = 2.2) -> bytes:
    """The profile of a display with colorants [3, 3] and a power curve."""
    tags = _common()
    for name, column in zip("rgb", colorants.T, strict=True):
        tags[f"{name}XYZ".encode()] = b"XYZ " + bytes(4) + _fixed(*column)
        tags[f"{name}TRC".encode()] = _gamma(gamma)
    return _profile(b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", b"XYZ ", _common() | {b"kTRC": _gamma(gamma)})


def cmyk_profile() -> bytes:
    """A CMYK profile of inks with random colours; no ink is white."""
    corners = np.random.default_rng(0).integers(20, 230, (16, 3), dtype=np.uint8)
    corners[0] = (255, 128, 128)
    ramp = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += ramp * 4 + corners.tobytes() + ramp * 3
    return _profile(b"CMYK", b"Lab ", _common() | {b"A2B0": table})


def display_to_srgb(pixels: np.ndarray, colorants: np.ndarray, gamma: float) -> np.ndarray:
    """The conversion of uint8 [..., 3] to levels of sRGB in float64, which littlecms should reproduce."""
    linear = (pixels / 255.0) ** gamma
    light = np.clip(linear @ colorants.T @ np.linalg.inv(SRGB).T, 0, 1)
    low = light <= 0.0031308
    return 255 * np.where(low, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def cut_jpeg(content: bytes, fraction: float) -> bytes:
    """A JPEG without its last data, but with the end marker."""
    return content[: int(fraction * len(content))].rstrip(b"\xff") + b"\xff\xd9"


def scene(width: int = 96, height: int = 64, seed: int = 0) -> Image.Image:
    """A picture with structure at all scales."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3))
    for side in (2, 4, 8, 16, 32):
        coarse = random.normal(size=(side, side, 3)) * 60
        y, x = np.arange(height) * side // height, np.arange(width) * side // width
        pixels += coarse[y][:, x]
    return Image.fromarray(np.clip(pixels + 128, 0, 255).astype(np.uint8))
