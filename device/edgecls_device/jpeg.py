"""JPEG files that say what they show: a comment travels with the picture, and no decoder minds it.

Source: ITU-T T.81, sections B.1.1.4 (segments) and B.2.4.5 (comments).
"""

from edgecls_device.arrays import Frame
from edgecls_device.errors import FrameError
from edgecls_device.opencv import cv2

__all__ = ["LONGEST_COMMENT", "comment_of", "encode_jpeg"]

LONGEST_COMMENT = 65_533  # bytes; the length of a segment has 16 bits and counts itself
_START, _JFIF, _COMMENT, _SCAN = b"\xff\xd8", b"\xff\xe0", 0xFE, 0xDA


def encode_jpeg(frame: Frame, *, quality: int = 92, comment: str = "") -> bytes:
    """Return a frame as a JPEG file.

    Args:
        frame: BGR uint8.
        quality: 1..100.
        comment: ASCII, at most 65,533 characters; ``exiftool -Comment`` and Pillow show it.

    Raises:
        FrameError: If OpenCV cannot encode it, as one of more than 65,535 pixels a side.
    """
    try:
        is_done, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error:
        is_done, encoded = False, None
    if not is_done or encoded is None:
        message = f"Expected a frame that fits into a JPEG file, got one of shape {frame.shape}."
        raise FrameError(message)
    data = encoded.tobytes()
    if not comment:
        return data
    text = comment.encode("ascii")
    segment = bytes((0xFF, _COMMENT)) + (len(text) + 2).to_bytes(2, "big") + text
    start = 2
    if data[2:4] == _JFIF:  # which has to be the first segment
        start += 2 + int.from_bytes(data[4:6], "big")
    return data[:start] + segment + data[start:]


def comment_of(data: bytes) -> str:
    """Return the first comment of a JPEG file; empty if it has none."""
    position = 2 if data.startswith(_START) else len(data)
    while position + 4 <= len(data) and data[position] == 0xFF:
        kind, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if kind == _COMMENT:
            return data[position + 4 : position + 2 + length].decode("ascii", "replace")
        if kind == _SCAN or length < 2:
            break
        position += 2 + length
    return ""
