"""Whether a file holds the whole picture, where the decoders of pillow would not say so."""

from __future__ import annotations

import re
import zlib
from io import BytesIO
from math import ceil

import numpy as np
from PIL import Image, JpegImagePlugin

# A marker in the compressed data of a JPEG: neither a stuffed byte, nor a restart, nor padding.
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
# Bytes that a decoder takes for further compressed data: none of them is 0 or 0xff.
_NOISE = np.random.default_rng(0).integers(1, 255, 256, dtype=np.uint8).tobytes()
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_EOI, _SOS, _DRI = 0xD9, 0xDA, 0xDD
_ALONE = (0x01, *range(0xD0, 0xD9))  # markers without a length
_ARITHMETIC = (0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_PROGRESSIVE = (0xC2, 0xC6)
# Rows that are compared at once.
_ROWS = 256

CUT = "the picture is cut short: compressed data are missing"


def check_jpeg(content: bytes, image: Image.Image, thorough: bool = True) -> None:
    """Refuse a JPEG whose compressed data end too early, whatever marker stands behind them.

    libjpeg fills what is missing (with grey, or with the coarse picture of the scans before) and only
    warns, which pillow does not pass on. A decoder that is done with a scan ignores what follows in
    it. So meaningless bytes are put behind every scan and the file is decoded again: a whole picture
    comes out the same, one with missing data takes them for its own and changes.

    Args:
        content: the file.
        image: the picture decoded from it, in the mode that pillow gave it.
        thorough: decode again in every case. Otherwise only where it may be needed: for files of
            several scans (progressive ones), and where the last pixel has the colour that fills. That
            finds all but files that lack less than their last block of 8 to 16 pixels.

    Raises:
        ValueError: the data end too early.
    """
    scans, frame = _scans(content)
    if frame in _ARITHMETIC:  # its decoder reads on behind the end of whole files
        return
    if not thorough and len(scans) == 1:
        last = image.getpixel((image.width - 1, image.height - 1))
        values = last if isinstance(last, tuple) else (last,)
        if not all(value in (127, 128) for value in values):
            return
    longer, start = [], 0
    for end in scans:
        longer += [content[start:end], _NOISE]
        start = end
    longer.append(content[start:])
    with JpegImagePlugin.JpegImageFile(BytesIO(b"".join(longer))) as again:
        try:
            again.load()
        except OSError:  # the noise was no code
            raise ValueError(CUT) from None
        if again.mode != image.mode or again.size != image.size:
            raise ValueError(CUT)
        for top in range(0, image.height, _ROWS):
            box = (0, top, image.width, min(top + _ROWS, image.height))
            if image.crop(box).tobytes() != again.crop(box).tobytes():
                raise ValueError(CUT)


def _scans(content: bytes) -> tuple[list[int], int]:
    """Where the scans of the first picture of a JPEG file end, and which kind of frame it has.

    Raises:
        ValueError: no scan, no end, a scan with fewer restart markers than it has intervals, a
            component without a scan, or a progressive file that ends before the low bits of its
            coefficients.
    """
    ends: list[int] = []
    frame, layout, interval = 0, b"", 0
    seen: set[int] = set()
    lacking: dict[tuple[int, int], int] = {}  # low bits still to come, by component and coefficient
    at = 2
    while True:
        found = _MARKER.search(content, at)
        if found is None:
            raise ValueError(CUT)
        at = found.end()
        marker = content[at - 1]
        if marker == _EOI:
            rough = frame in _PROGRESSIVE and any(lacking.values())
            if not ends or rough or not seen.issuperset(layout[6:-2:3]):
                raise ValueError(CUT)
            return ends, frame
        if marker in _ALONE:
            continue
        size = int.from_bytes(content[at : at + 2], "big")
        body = content[at + 2 : at + size]
        at += size
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame, layout = marker, body
        elif marker == _DRI:
            interval = int.from_bytes(body[:2], "big")
        elif marker == _SOS:
            found = _MARKER.search(content, at)
            if found is None:
                raise ValueError(CUT)
            restarts = len(_RESTART.findall(content, at, found.start())) if interval else 0
            if interval and (restarts + 1) * interval < _blocks(layout, body):
                raise ValueError(CUT)
            at = found.start()
            ends.append(at)
            first, last, bits = body[-3:]
            for component in body[1 : 1 + 2 * body[0] : 2]:
                seen.add(component)
                for coefficient in range(first, min(last, 63) + 1):
                    lacking[component, coefficient] = bits & 15


def _blocks(layout: bytes, scan: bytes) -> int:
    """How many coded units (MCUs) a scan has (ITU-T T.81, A.2).

    Args:
        layout: the frame header: precision, height, width, then of each component its number, its
            sampling factors and its table.
        scan: the scan header: how many components, then their numbers and tables.
    """
    height, width = int.from_bytes(layout[1:3], "big"), int.from_bytes(layout[3:5], "big")
    factors = {
        layout[k]: (layout[k + 1] >> 4, layout[k + 1] & 15) for k in range(6, len(layout) - 2, 3)
    }
    if not factors or len(scan) < 2:
        raise ValueError(CUT)
    across: float = max(h for h, _ in factors.values())
    down: float = max(v for _, v in factors.values())
    if scan[0] == 1:  # one component alone, in blocks of its own
        h, v = factors.get(scan[1], (1, 1))
        across, down = across / max(h, 1), down / max(v, 1)
    return ceil(width / (8 * max(across, 1))) * ceil(height / (8 * max(down, 1)))


def check_png(content: bytes) -> None:
    """Refuse a PNG with a damaged chunk: pillow does not look at all checksums.

    Raises:
        ValueError: a checksum is wrong, or there is no end.
    """
    at = 8
    while True:
        size = int.from_bytes(content[at : at + 4], "big")
        body = content[at + 4 : at + 8 + size]
        stored = content[at + 8 + size : at + 12 + size]
        if len(stored) < 4:
            raise ValueError(CUT)
        name = body[:4]
        # A lower-case letter first: the picture can do without it.
        if not name[0] & 0x20 and zlib.crc32(body) != int.from_bytes(stored, "big"):
            raise ValueError(f"damaged: the checksum of chunk {name.decode('latin-1')!r} is wrong")
        if name == b"IEND":
            return
        at += 12 + size
