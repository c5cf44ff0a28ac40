"""A camera by its number or ``/dev/videoN``, through V4L2 where there is one.

MJPG is asked for, because most USB cameras give their full frame rate only with it, and a buffer of one
frame, so that what is read is not old. A driver may grant something else; ``description`` says what.
"""

import os
import sys
from pathlib import Path
from typing import Any

from edgecls_device.arrays import Frame
from edgecls_device.errors import SourceError
from edgecls_device.opencv import cv2
from edgecls_device.sources.capture import fourcc_text, grab, open_capture
from edgecls_device.sources.folder import natural_key
from edgecls_device.sources.newest import NewestFrameSource
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions

__all__ = ["CameraCapture", "open_camera"]

_PI_HINT = (
    "a Raspberry Pi camera module needs picamera2; check a USB camera with: v4l2-ctl --list-devices"
)


def open_camera(text: str, options: SourceOptions = NO_OPTIONS) -> NewestFrameSource:
    """Open a camera.

    Args:
        text: Its number, or ``/dev/videoN``.
        options: What was wished.

    Raises:
        SourceError: If there is none, it is not allowed, in use, or gives no frame.
    """
    del options
    device = text if text.startswith("/dev/") else f"/dev/video{int(text)}"
    is_linux = sys.platform == "linux"
    if is_linux:
        _check_device(device)
    target: str | int = device if is_linux else int(device.removeprefix("/dev/video"))
    capture = open_capture(target, cv2.CAP_V4L2 if is_linux else cv2.CAP_ANY)
    if capture is None:
        message = f"Expected a camera at {device}, got a device that cannot be opened for capture."
        hint = "close other programs that use it (fuser -v " + device + "), or try the next number"
        raise SourceError(message, hint=hint)
    return NewestFrameSource(CameraCapture(device, capture))


class CameraCapture:
    """An open camera. See ``Capture`` for the contract."""

    def __init__(self, name: str, capture: Any) -> None:
        """Ask for MJPG and a short buffer, and read the first frame.

        Raises:
            SourceError: If no frame comes.
        """
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.name = name
        self._capture: Any = capture
        self._first: Frame | None = grab(capture)
        if self._first is None:
            capture.release()
            message = f"Expected frames from {name}, got none although it opened."
            raise SourceError(message, hint=_PI_HINT)
        height, width = self._first.shape[:2]
        self.frame_rate = max(float(capture.get(cv2.CAP_PROP_FPS)), 0.0)
        codec = fourcc_text(capture.get(cv2.CAP_PROP_FOURCC))
        self.description = f"{codec} {width}x{height} at {self.frame_rate:g} fps".strip()

    def read(self) -> Frame | None:
        """Wait for the next frame; None for one that does not decode."""
        first, self._first = self._first, None
        image = first if first is not None else grab(self._capture)
        if image is None and self.name.startswith("/dev/") and not Path(self.name).exists():
            message = f"Expected frames from {self.name}, got an end: the camera was unplugged."
            raise SourceError(message, hint="plug it in again, then start again")
        return image

    def close(self) -> None:
        """Free the camera."""
        self._capture.release()


def _check_device(device: str) -> None:
    if not Path(device).exists():
        there = sorted(Path("/dev").glob("video[0-9]*"), key=natural_key)
        known = f"there are: {', '.join(map(str, there))}" if there else "there is no camera at all"
        message = f"Expected a camera at {device}, got no such device; {known}."
        raise SourceError(message, hint=_PI_HINT if not there else f"use --source {there[0]}")
    if not os.access(device, os.R_OK | os.W_OK):
        message = f"Expected a camera that may be used, got {device}: permission denied."
        hint = 'sudo usermod -aG video "$USER", then log out and in again'
        raise SourceError(message, hint=hint)
