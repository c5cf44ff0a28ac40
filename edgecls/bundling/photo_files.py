"""Photo files fit to leave the house: small, and showing nothing but the picture.

A small JPEG or PNG goes as it is, if nothing is in it but the picture: cameras write where and when a photo was
taken, and a small preview of what it was before it was cropped. Others are made smaller and encoded anew; every
machine decodes the same pixels from that.
"""

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.images import decode_image
from edgecls_device.jpeg import encode_jpeg
from edgecls_device.opencv import cv2

__all__ = ["SMALL_BYTES", "is_plain", "small_photo"]

SMALL_BYTES = 40_000
QUALITY = 85
_JPEG_START = b"\xff\xd8"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_SCAN = 0xDA
# T.81 table B.1: frame headers, Huffman and quantization tables, restart intervals; JFIF, Adobe's colours.
_PLAIN_SEGMENTS = {*range(0xC0, 0xD0), 0xDB, 0xDD, 0xE0, 0xEE}
_PLAIN_CHUNKS = {
    b"IHDR",
    b"PLTE",
    b"IDAT",
    b"IEND",
    b"tRNS",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"sBIT",
    b"bKGD",
    b"pHYs",
}


def small_photo(data: bytes, *, name: str, side_px: int) -> bytes:
    """Return a photo as a small JPEG or PNG file without anything but the picture.

    Args:
        data: Content of the photo's file.
        name: What to call it in messages.
        side_px: What the shorter side is made if it is longer and the file does not go as it is.

    Raises:
        ImageError: If it is no picture.
    """
    frame = decode_image(data, name=name)
    if len(data) <= SMALL_BYTES and is_plain(data):
        return data
    return encode_jpeg(_smaller(frame, side_px), quality=QUALITY)


def is_plain(data: bytes) -> bool:
    """Return whether a JPEG or PNG file holds nothing but a picture: no EXIF, comment or preview."""
    if data.startswith(_JPEG_START):
        return _is_plain_jpeg(data)
    if data.startswith(_PNG_START):
        return _is_plain_png(data)
    return False


def _is_plain_jpeg(data: bytes) -> bool:
    position = len(_JPEG_START)
    while position + 4 <= len(data) and data[position] == 0xFF:
        kind = data[position + 1]
        if kind == _SCAN:  # nothing may stand behind the picture's end, which no scan contains
            return data.find(b"\xff\xd9", position) == len(data) - 2
        if kind not in _PLAIN_SEGMENTS:
            return False
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def _is_plain_png(data: bytes) -> bool:
    position = len(_PNG_START)
    while position + 12 <= len(data):
        kind = data[position + 4 : position + 8]
        if kind not in _PLAIN_CHUNKS:
            return False
        position += 12 + int.from_bytes(data[position : position + 4], "big")
        if kind == b"IEND":
            return position == len(data)
    return False


def _smaller(frame: Frame, side_px: int) -> Frame:
    height, width = frame.shape[:2]
    scale = side_px / min(height, width)
    if scale >= 1:
        return frame
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
