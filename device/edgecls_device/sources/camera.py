"""A camera by its number or ``/dev/videoN``, through V4L2 where there is one.

What to ask for is chosen from what the driver lists, and a buffer of one frame, so that what is read is not
old. A driver may grant something else all the same; ``description`` says what.
"""

import errno
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgecls_device.arrays import Frame
from edgecls_device.errors import SourceError
from edgecls_device.opencv import cv2
from edgecls_device.sources.camera_choice import CameraChoice, choose_mode, describe, is_same_rate
from edgecls_device.sources.capture import fourcc_text, grab, open_capture
from edgecls_device.sources.folder import natural_key
from edgecls_device.sources.holders import who_uses
from edgecls_device.sources.live_opening import open_live
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.v4l2 import CameraInfo, is_busy, read_camera
from edgecls_device.stop import Stop

__all__ = [
    "CameraCapture",
    "check_camera",
    "device_path",
    "inspect_camera",
    "open_camera",
    "open_camera_capture",
]

_PI_DRIVERS = frozenset({"unicam", "rp1-cfe", "bcm2835-isp", "pispbe"})
_PI_HINT = (
    "a Raspberry Pi camera module is read through picamera2: --source picamera; check a USB camera with: "
    "v4l2-ctl --list-devices"
)


def open_camera(
    text: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> LiveSource:
    """Open a camera.

    Args:
        text: Its number, or ``/dev/videoN``.
        options: What was wished.
        stop: Ends the opening at once; the source then gives no frame.

    Raises:
        SourceError: If there is none, it is not allowed, in use, or gives no frame.
    """
    return open_live("camera", text, options, stop=stop)


def check_camera(text: str, wishes: Mapping[str, Any]) -> None:
    """Look whether a camera is there and may be used, without opening it.

    Raises:
        SourceError: If not.
    """
    del wishes
    if sys.platform == "linux":
        _check_device(device_path(text))


def open_camera_capture(text: str, wishes: Mapping[str, Any]) -> "CameraCapture":
    """Open a camera and read its first frame.

    Raises:
        OptionError: If it cannot give what was wished.
        SourceError: If there is none, it is not allowed, in use, or gives no frame.
    """
    device, options = device_path(text), SourceOptions.of_wishes(wishes)
    if sys.platform != "linux":
        wish = CameraChoice(
            fourcc=options.camera_format or "MJPG", size=options.camera_size, fps=options.camera_fps
        )
        return _opened(device, int(device.removeprefix("/dev/video")), cv2.CAP_ANY, wish)
    info = inspect_camera(device, options)
    choice = choose_mode(info, options)
    if is_busy(device):
        raise _busy(device)
    return _opened(device, device, cv2.CAP_V4L2, choice)


def device_path(text: str) -> str:
    """Return the path of a camera that is given by its number or its path."""
    return text if "/" in text else f"/dev/video{int(text)}"


def inspect_camera(device: str, options: SourceOptions = NO_OPTIONS) -> CameraInfo:
    """Ask a device what it gives.

    Raises:
        SourceError: If it is not there, not allowed, or no camera.
    """
    _check_device(device)
    try:
        info = read_camera(device, wished_size=options.camera_size)
    except OSError as error:
        raise _unreadable(device, error) from error
    if info.driver in _PI_DRIVERS:
        message = f"Expected a camera at {device}, got the raw side of a Raspberry Pi camera ({info.driver})."
        raise SourceError(message, hint="use --source picamera")
    if not info.is_capture:
        message = (
            f"Expected a camera at {device}, got a device of {info.card!r} that gives no pictures."
        )
        raise SourceError(message, hint="try another number; see: edgecls doctor --cameras")
    return info


class CameraCapture:
    """An open camera. See ``Capture`` for the contract.

    Attributes:
        granted: What the driver says that it gives.
    """

    def __init__(self, name: str, capture: Any, asked: CameraChoice) -> None:
        """Take over an open ``cv2.VideoCapture``, ask for a short buffer, and read the first frame.

        Raises:
            SourceError: If no frame comes.
        """
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
        self.granted = CameraChoice(fourcc=codec, size=(height, width), fps=self.frame_rate or None)
        self.description = describe(codec, (height, width), self.frame_rate)
        self.description += _difference(asked, self.granted)

    def read(self) -> Frame | None:
        """Wait for the next frame; None for one that does not decode.

        Raises:
            SourceError: If the camera was unplugged.
        """
        first, self._first = self._first, None
        image = first if first is not None else grab(self._capture)
        if image is None and self.name.startswith("/dev/") and not Path(self.name).exists():
            message = f"Expected frames from {self.name}, got an end: the camera was unplugged."
            raise SourceError(message, hint="plug it in again")
        return image

    def close(self) -> None:
        """Free the camera."""
        self._capture.release()


def _opened(name: str, target: str | int, backend: int, asked: CameraChoice) -> CameraCapture:
    capture = open_capture(target, backend)
    if capture is None:
        message = f"Expected a camera at {name}, got a device that cannot be opened for capture."
        raise SourceError(message, hint=_users_hint(name) or "try the next number")
    if asked.fourcc:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*asked.fourcc.ljust(4)))
    if asked.size is not None:
        height, width = asked.size
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    if asked.fps is not None:
        capture.set(cv2.CAP_PROP_FPS, asked.fps)
    return CameraCapture(name, capture, asked)


def _difference(asked: CameraChoice, granted: CameraChoice) -> str:
    """Say what was asked for if something else was granted."""
    is_other_format = bool(asked.fourcc and granted.fourcc and asked.fourcc != granted.fourcc)
    is_other_size = asked.size is not None and asked.size != granted.size
    is_other_rate = bool(asked.fps and granted.fps and not is_same_rate(granted.fps, asked.fps))
    if not (is_other_format or is_other_size or is_other_rate):
        return ""
    size = asked.size or granted.size or (0, 0)
    return f" (asked for {describe(asked.fourcc, size, asked.fps or 0.0)})"


def _check_device(device: str) -> None:
    if not Path(device).exists():
        there = sorted(Path("/dev").glob("video[0-9]*"), key=natural_key)
        known = f"there are: {', '.join(map(str, there))}" if there else "there is no camera at all"
        message = f"Expected a camera at {device}, got no such device; {known}."
        raise SourceError(message, hint=_PI_HINT if not there else f"use --source {there[0]}")
    if not os.access(device, os.R_OK | os.W_OK):
        raise _not_allowed(device)


def _not_allowed(device: str) -> SourceError:
    message = f"Expected a camera that may be used, got {device}: permission denied."
    return SourceError(message, hint='sudo usermod -aG video "$USER", then log out and in again')


def _unreadable(device: str, error: OSError) -> SourceError:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return _not_allowed(device)
    if error.errno == errno.EBUSY:
        return _busy(device)
    if error.errno == errno.ENOTTY:
        message = f"Expected a camera at {device}, got something that is no video device."
        return SourceError(message, hint="see: edgecls doctor --cameras")
    reason = (error.strerror or str(error)).lower()
    message = f"Expected a camera at {device}, got: {reason}."
    return SourceError(message, hint="unplug it and plug it in again")


def _busy(device: str) -> SourceError:
    message = f"Expected a camera that is free, got {device}, which another program uses."
    return SourceError(message, hint=_users_hint(device) or f"find it with: sudo fuser -v {device}")


def _users_hint(device: str) -> str:
    users = who_uses(device)
    return f"close {' and '.join(users)}" if users else ""
