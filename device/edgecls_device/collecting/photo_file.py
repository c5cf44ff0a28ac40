"""A frame as a photo file, and what the file is called."""

import hashlib

from edgecls_device.arrays import Frame
from edgecls_device.errors import FrameError
from edgecls_device.frames import to_frame
from edgecls_device.opencv import cv2
from edgecls_device.sinks.naming import stamped_name

__all__ = ["encode_photo", "photo_name"]

QUALITY = 95
"""Of JPEG. Most cameras give JPEG of less themselves; PNG would take ten times the room."""


def encode_photo(image: Frame) -> bytes:
    """Return a frame as a JPEG file.

    Args:
        image: BGR uint8 of any size (grey, alpha and 16-bit are converted).

    Raises:
        FrameError: If it is not a picture, or larger than JPEG can hold.
    """
    try:
        is_done, data = cv2.imencode(".jpg", to_frame(image), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    except cv2.error as error:
        is_done, reason = False, str(error.err)
    else:
        reason = "nothing was written"
    if not is_done:
        message = f"Expected a picture that JPEG can hold, got {image.shape}: {reason}."
        raise FrameError(message, hint="JPEG holds at most 65,500 pixels a side")
    return data.tobytes()


def photo_name(data: bytes, time_s: float) -> str:
    """Return ``TIME-HASH.jpg`` for a photo: sorted by time, and no two contents under one name.

    Args:
        data: The file's content.
        time_s: When it was taken, seconds since 1970.
    """
    return stamped_name(time_s, hashlib.sha256(data).hexdigest()[:8], suffix=".jpg")
