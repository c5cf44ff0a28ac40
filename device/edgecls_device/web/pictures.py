"""Pictures for browsers: small enough for a phone, encoded once for all who look."""

import numpy as np

from edgecls_device.arrays import Frame
from edgecls_device.errors import FrameError
from edgecls_device.opencv import cv2

__all__ = ["LARGEST_WIDTH_PX", "to_jpeg"]

LARGEST_WIDTH_PX = 960
QUALITY = 80


def to_jpeg(image: Frame) -> bytes:
    """Return a picture as JPEG, at most 960 pixels wide and twice as high.

    Args:
        image: BGR uint8 of any size; it is not changed.

    Raises:
        FrameError: If it cannot be encoded.
    """
    height, width = image.shape[:2]
    factor = min(LARGEST_WIDTH_PX / width, 2 * LARGEST_WIDTH_PX / height, 1)
    if factor < 1:
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    is_done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not is_done:
        message = f"Expected a picture that JPEG can hold, got one of {width} x {height} pixels."
        raise FrameError(message)
    return data.tobytes()
