"""Tests whether a file holds the whole picture, for formats where pillow's decoders do not tell."""

from __future__ import annotations

import os
import re
import zlib
from io import BytesIO
from math import ceil
from typing import BinaryIO

import numpy as np
from PIL import Image, JpegImagePlugin

# A marker in a JPEG that ends compressed data: no stuffed byte, no restart marker, no padding.
# Written so that it begins with a byte: a search for a byte is 15 times as fast as for a repetition.
_MARKER = re.compile(rb"\xff\xff*[^\x00\xd0-\xd7\xff]")
# Random bytes that a decoder takes for more compressed data: none of them is 0 or 0xff.
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

    libjpeg fills missing data with grey, or with the coarse picture of the scans before. It gives a
    warning, which pillow hides. A decoder that has finished a scan ignores further data in that scan.
    The test therefore puts random bytes behind every scan and decodes the file again: a whole picture
    does not change, but a picture with missing data decodes the random bytes and changes.

    Args:
        content: the bytes of the file.
        image: the picture that pillow decoded from them, in the mode that pillow gave it.
        thorough: decode again in every case. Otherwise only files with several scans (progressive
            ones) are decoded again, and files whose last pixel has the colour that libjpeg fills in.
            This finds all cut files except those that lack less than their last block of 8 to 16
            pixels.

    Raises:
        ValueError: compressed data are missing.
    """
    scans, frame = _scans(content)
    if frame in _ARITHMETIC:  # an arithmetic decoder reads beyond the end of whole files, too
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
        except OSError:  # the random bytes are no valid code
            raise ValueError(CUT) from None
        if again.mode != image.mode or again.size != image.size:
            raise ValueError(CUT)
        for top in range(0, image.height, _ROWS):
            box = (0, top, image.width, min(top + _ROWS, image.height))
            if image.crop(box).tobytes() != again.crop(box).tobytes():
                raise ValueError(CUT)


def _scans(content: bytes) -> tuple[list[int], int]:
    """The positions where the scans of the first picture of a JPEG file end, and its frame marker.

    Raises:
        ValueError: no scan, no end, a scan with fewer restart markers than it has intervals, a
            component without a scan, or a progressive file that ends before the low bits of its
            coefficients.
    """
    ends: list[int] = []
    frame, layout, interval = 0, b"", 0
    components: set[int] = set()  # those that have a scan
    low_bits: dict[tuple[int, int], int] = {}  # bits still missing, by component and coefficient
    at = 2
    while True:
        match = _MARKER.search(content, at)
        if match is None:
            raise ValueError(CUT)
        at = match.end()
        marker = content[at - 1]
        if marker == _EOI:
            coarse = frame in _PROGRESSIVE and any(low_bits.values())
            if not ends or coarse or not components.issuperset(layout[6:-2:3]):
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
            match = _MARKER.search(content, at)
            if match is None:
                raise ValueError(CUT)
            restarts = len(_RESTART.findall(content, at, match.start())) if interval else 0
            if interval and (restarts + 1) * interval < _blocks(layout, body):
                raise ValueError(CUT)
            at = match.start()
            ends.append(at)
            first, last, bits = body[-3:]
            for component in body[1 : 1 + 2 * body[0] : 2]:
                components.add(component)
                for coefficient in range(first, min(last, 63) + 1):
                    low_bits[component, coefficient] = bits & 15


def _blocks(layout: bytes, scan: bytes) -> int:
    """Number of coded units (MCUs) of a scan (ITU-T T.81, A.2).

    Args:
        layout: the frame header: precision, height, width, then number, sampling factors and table of
            each component.
        scan: the scan header: the number of components, then their numbers and tables.
    """
    height, width = int.from_bytes(layout[1:3], "big"), int.from_bytes(layout[3:5], "big")
    factors = {
        layout[k]: (layout[k + 1] >> 4, layout[k + 1] & 15) for k in range(6, len(layout) - 2, 3)
    }
    if not factors or len(scan) < 2:
        raise ValueError(CUT)
    across: float = max(h for h, _ in factors.values())
    down: float = max(v for _, v in factors.values())
    if scan[0] == 1:  # a scan of a single component has units of one block
        h, v = factors.get(scan[1], (1, 1))
        across, down = across / max(h, 1), down / max(v, 1)
    return ceil(width / (8 * max(across, 1))) * ceil(height / (8 * max(down, 1)))


def check_png(content: bytes) -> None:
    """Refuse a PNG with a damaged chunk: pillow does not check all checksums.

    Raises:
        ValueError: a checksum is wrong, or the last chunk is missing.
    """
    at = 8
    while True:
        size = int.from_bytes(content[at : at + 4], "big")
        body = content[at + 4 : at + 8 + size]
        stored = content[at + 8 + size : at + 12 + size]
        if len(stored) < 4:
            raise ValueError(CUT)
        name = body[:4]
        # A chunk whose name begins with a lower-case letter is not needed for the pixels.
        if not name[0] & 0x20 and zlib.crc32(body) != int.from_bytes(stored, "big"):
            raise ValueError(f"damaged: the checksum of chunk {name.decode('latin-1')!r} is wrong")
        if name == b"IEND":
            return
        at += 12 + size


# Bytes near the end of a whole file, by format. Some programs append data to a file, therefore a file
# without them is only suspect.
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
_TAIL = 4096


def has_end(stream: BinaryIO, kind: str | None) -> bool:
    """Whether a file ends as its format demands; True for formats whose end is not known here."""
    if kind not in _ENDS:
        return True
    position = stream.tell()
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
    tail = stream.read()
    stream.seek(position)
    return _ENDS[kind] in tail
