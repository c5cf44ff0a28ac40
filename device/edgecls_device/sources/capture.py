"""The one place that opens OpenCV's ``VideoCapture``."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgecls_device.arrays import Frame
from edgecls_device.opencv import cv2

__all__ = ["fourcc_text", "grab", "open_capture"]


def open_capture(
    target: str | int, backend: int, parameters: Mapping[int, int] | None = None
) -> Any | None:
    """Open a camera, file or URL; None if OpenCV cannot.

    Args:
        target: What OpenCV takes: a number, path or URL.
        backend: One of ``cv2.CAP_*``.
        parameters: Properties that must be known while opening, such as deadlines.
    """
    flat: Sequence[int] = [number for pair in (parameters or {}).items() for number in pair]
    try:
        capture = cv2.VideoCapture(target, backend, flat)
    except cv2.error:
        return None
    if capture.isOpened():
        return capture
    capture.release()
    return None


def grab(capture: Any) -> Frame | None:
    """Wait for the next frame; None if there is none or it does not decode (OpenCV also raises then)."""
    try:
        is_read, image = capture.read()
    except cv2.error:
        return None
    return image if is_read and image is not None and image.size else None


def fourcc_text(value: float) -> str:
    """Return a property ``CAP_PROP_FOURCC`` as text, such as ``MJPG``; empty if it is none."""
    number = int(value) & 0xFFFFFFFF
    text = number.to_bytes(4, "little").decode("ascii", errors="replace")
    return text.strip() if text.isprintable() else ""
