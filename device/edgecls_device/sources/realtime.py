"""A video file at its own pace, as a camera would give it; ``loop:`` begins again at its end.

A file that is moved away is a camera that is unplugged: it is lost, and found again when it is back.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgecls_device.arrays import Frame
from edgecls_device.errors import SourceError
from edgecls_device.opencv import cv2
from edgecls_device.sources.capture import fourcc_text, grab, open_capture
from edgecls_device.sources.captures import CaptureEnd
from edgecls_device.sources.live_opening import open_live
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.pacing import Pace
from edgecls_device.stop import Stop

__all__ = ["RealtimeCapture", "check_clip", "open_clip_capture", "open_loop", "open_realtime"]

USUAL_FPS = 25.0  # of a file that states no rate
LOOK_S = 0.5


def open_loop(
    text: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> LiveSource:
    """Open ``loop:PATH``: a video file without end.

    Raises:
        SourceError: If it is no video that OpenCV can decode.
    """
    return open_live("clip", text, options, stop=stop)


def open_realtime(
    path: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> LiveSource:
    """Open a video file at its own pace, once.

    Raises:
        SourceError: If it is no video that OpenCV can decode.
    """
    return open_live("clip", path, options, stop=stop, more={"is_once": True})


def check_clip(text: str, more: Mapping[str, Any]) -> None:
    """Look whether the file is there.

    Raises:
        SourceError: If it is not.
    """
    path = _path(text, more)
    if not Path(path).is_file():
        message = f"Expected a video file at {path!r}, got nothing there."
        raise SourceError(message, hint="check the path; a file that comes back is found again")


def open_clip_capture(text: str, more: Mapping[str, Any]) -> "RealtimeCapture":
    """Open a video file in the capture process.

    Raises:
        SourceError: If it is no video that OpenCV can decode.
    """
    check_clip(text, more)
    return RealtimeCapture(text, _path(text, more), is_looped=not more.get("is_once", False))


class RealtimeCapture:
    """A video that plays. See ``Capture`` for the contract."""

    def __init__(self, name: str, path: str, *, is_looped: bool) -> None:
        """Open it.

        Raises:
            SourceError: If it is no video that OpenCV can decode.
        """
        self.name = name
        self._path = path
        self._is_looped = is_looped
        self._capture = self._open()
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.frame_rate = rate if 0 < rate <= 1000 else USUAL_FPS
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        codec = fourcc_text(self._capture.get(cv2.CAP_PROP_FOURCC))
        how = "in a loop" if is_looped else "in real time"
        self.description = f"{codec} {width}x{height} at {self.frame_rate:g} fps, {how}".strip()
        self._pace = Pace(self.frame_rate)
        self._look_s = time.monotonic() + LOOK_S

    def read(self) -> Frame:
        """Wait until the next frame is due.

        Raises:
            CaptureEnd: After the last frame of a video that is not looped.
            SourceError: If the file has no frames, or is gone.
        """
        self._pace.wait()
        self._check_there()
        image = grab(self._capture)
        if image is None and not self._is_looped:
            raise CaptureEnd
        if image is None:
            self._capture.release()
            self._capture = self._open()
            image = grab(self._capture)
        if image is None:
            message = f"Expected a video with frames, got {self._path!r} without any."
            raise SourceError(message, hint="the file is cut off or empty; copy it again")
        return image

    def close(self) -> None:
        """Free the file."""
        self._capture.release()

    def _open(self) -> Any:
        capture = open_capture(self._path, cv2.CAP_FFMPEG)
        if capture is None:
            message = f"Expected a video file, got {self._path!r}, which is none."
            hint = "play it to check it, or convert it: ffmpeg -i IN out.mp4"
            raise SourceError(message, hint=hint)
        return capture

    def _check_there(self) -> None:
        now = time.monotonic()
        if now < self._look_s:
            return
        self._look_s = now + LOOK_S
        if not Path(self._path).exists():
            message = f"Expected frames from {self.name!r}, got an end: the file was taken away."
            raise SourceError(message, hint="put it back")


def _path(text: str, more: Mapping[str, Any]) -> str:
    """Return the path; the file of ``--realtime`` may begin with ``loop:`` itself."""
    return text if more.get("is_once") else text.removeprefix("loop:")
