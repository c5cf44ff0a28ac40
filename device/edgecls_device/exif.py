"""The EXIF orientation of PNG and WebP files, which OpenCV does not apply when it keeps alpha.

Sources: EXIF 2.32 section 4.6.4 (tag 0x0112), PNG third edition (chunk ``eXIf``), WebP RIFF container (chunk
``EXIF``). JPEG is not here: OpenCV honours it.
"""

import struct
from collections.abc import Iterator

import numpy as np

from edgecls_device.arrays import Frame

__all__ = ["orientation", "turn_upright"]

_ORIENTATION_TAG = 0x0112


def orientation(data: bytes) -> int:
    """Return the EXIF orientation 1..8 of a PNG or WebP file; 1 (upright) if it says none."""
    for name, start, length in _chunks(data):
        if name in {b"eXIf", b"EXIF"}:
            return _from_tiff(data[start : start + length].removeprefix(b"Exif\0\0"))
    return 1


def turn_upright(image: Frame, value: int) -> Frame:
    """Return ``image``, shape ``(height, width, channels)``, as the camera held it."""
    if value in {2, 3}:
        image = image[:, ::-1]
    if value in {3, 4}:
        image = image[::-1]
    if value in {5, 6, 7, 8}:
        image = image.transpose(1, 0, 2)
    if value in {6, 7}:
        image = image[:, ::-1]
    if value in {7, 8}:
        image = image[::-1]
    return np.ascontiguousarray(image)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start, length) of each chunk of a PNG or RIFF file."""
    if data.startswith(b"\x89PNG"):
        position, order = 8, ">I4s"
    elif data[:4] == b"RIFF":
        position, order = 12, "<4sI"
    else:
        return
    while position + 8 <= len(data):
        first, second = struct.unpack_from(order, data, position)
        name, length = (second, first) if order == ">I4s" else (first, second)
        yield name, position + 8, length
        position += 12 + length if order == ">I4s" else 8 + length + length % 2


def _from_tiff(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 14:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if tag == _ORIENTATION_TAG:
            return value if 1 <= value <= 8 else 1
    return 1
