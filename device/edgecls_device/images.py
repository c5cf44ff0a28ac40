"""Photo files as frames: size caps first, EXIF orientation honoured, cut-off files refused."""

from pathlib import Path

import numpy as np

from edgecls_device.arrays import Frame
from edgecls_device.errors import ImageError
from edgecls_device.exif import orientation, turn_upright
from edgecls_device.files import read_bytes
from edgecls_device.frames import to_frame
from edgecls_device.opencv import MAX_IMAGE_PIXELS, cv2

__all__ = ["IMAGE_SUFFIXES", "MAX_IMAGE_BYTES", "decode_image", "is_picture", "read_image"]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
MAX_IMAGE_BYTES = 200_000_000


def read_image(path: Path | str) -> Frame:
    """Read a JPEG, PNG, WebP or BMP file, upright.

    CMYK, grey, 16-bit and transparent pictures become BGR uint8; transparent pixels are laid on white.

    Args:
        path: The file; its content decides the format, not its name.

    Returns:
        Shape ``(height, width, 3)``, uint8, BGR.

    Raises:
        ImageError: If it is not such a picture, cut off, or larger than 100 million pixels.
        StorageError: If it cannot be read.
    """
    path = Path(path)
    return decode_image(read_bytes(path, max_bytes=MAX_IMAGE_BYTES), name=str(path))


def decode_image(data: bytes, *, name: str = "picture") -> Frame:
    """Decode the content of a photo file; see :func:`read_image`.

    Raises:
        ImageError: If it is not a whole JPEG, PNG, WebP or BMP picture.
    """
    reason = _reason_to_refuse(data)
    if reason:
        message = f"Expected a JPEG, PNG, WebP or BMP picture in {name!r}, got {reason}."
        raise ImageError(message, hint="remove it, or save it again from the original")
    is_jpeg = data.startswith(b"\xff\xd8")
    try:
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR if is_jpeg else cv2.IMREAD_UNCHANGED
        )
    except cv2.error as error:
        message = f"Expected a picture of at most {MAX_IMAGE_PIXELS} pixels in {name!r}, got: {error.err}."
        raise ImageError(message, hint="make it smaller, or remove it") from error
    if image is None or image.size == 0:
        message = f"Expected a picture in {name!r}, got data that does not decode."
        raise ImageError(message, hint="remove it, or save it again from the original")
    frame = to_frame(np.asarray(image))
    turn = 1 if is_jpeg else orientation(data)
    return frame if turn == 1 else turn_upright(frame, turn)


def is_picture(head: bytes) -> bool:
    """Return whether the first 12 bytes of a file are those of a JPEG, PNG, WebP or BMP picture."""
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return is_webp or head.startswith((b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"BM"))


def _reason_to_refuse(data: bytes) -> str:
    """Say why ``data`` is no whole picture, or nothing. OpenCV fills cut-off JPEGs with grey."""
    if not data:
        return "an empty file"
    if data.startswith(b"\xff\xd8"):
        # A scan begins behind the last end: looked for from there, which is most often two bytes from the end.
        end = max(data.rfind(b"\xff\xd9"), 0)
        return "a JPEG that is cut off" if data.find(b"\xff\xda", end) >= 0 else ""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return (
            "a PNG that is cut off" if b"IEND" not in data[-64:] and data.rfind(b"IEND") < 0 else ""
        )
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        size = int.from_bytes(data[4:8], "little") + 8
        return "a WebP that is cut off" if len(data) < size else ""
    if data.startswith(b"BM"):
        return "a BMP that is cut off" if len(data) < int.from_bytes(data[2:6], "little") else ""
    return f"a file that begins with {data[:8]!r}"
