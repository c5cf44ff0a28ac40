"""Any picture array as a frame: grey, alpha and 16-bit pictures become BGR uint8."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls_device.arrays import Frame
from edgecls_device.errors import FrameError

__all__ = ["to_frame"]


def to_frame(image: NDArray[Any]) -> Frame:
    """Return ``image`` as BGR uint8; already such an image is returned as it is.

    Args:
        image: Shape ``(height, width)``, or ``(height, width, channels)`` with 1 (grey), 3 (BGR) or
            4 (BGRA) channels; uint8 or uint16. Transparent pixels are laid on white paper.

    Returns:
        Shape ``(height, width, 3)``, uint8, BGR.

    Raises:
        FrameError: If it is empty or of another shape or dtype.
    """
    if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
        return image
    if image.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        message = f"Expected a frame of uint8 or uint16, got {image.dtype}."
        raise FrameError(message, hint="give pixels 0..255 as uint8")
    if image.size == 0 or image.ndim not in {2, 3}:
        message = f"Expected a frame of shape (height, width, channels), got {image.shape}."
        raise FrameError(message, hint="check that the source gives pictures")
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    channels = image.shape[2]
    if channels == 1:
        return np.repeat(image, 3, axis=2)
    if channels == 2:  # grey and alpha
        return _on_white(np.repeat(image[:, :, :1], 3, axis=2), image[:, :, 1:])
    if channels == 4:
        return _on_white(image[:, :, :3], image[:, :, 3:])
    if channels == 3:
        return image
    message = f"Expected a frame of 1, 3 or 4 channels, got {channels}."
    raise FrameError(message, hint="give a grey, BGR or BGRA picture")


def _on_white(color: Frame, alpha: Frame) -> Frame:
    """Blend in integers, so that it gives the same bytes everywhere."""
    if alpha.min() == 255:
        return np.ascontiguousarray(color)
    opacity = alpha.astype(np.uint32)
    return ((color * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
