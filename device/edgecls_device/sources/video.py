"""A video file: every frame, in order."""

from collections.abc import Mapping
from typing import Any

from edgecls_device.errors import SourceError
from edgecls_device.opencv import cv2
from edgecls_device.sources.capture import fourcc_text, grab, open_capture
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.protocol import (
    DELIVERING,
    ENDED,
    CapturedFrame,
    Source,
    SourceStatus,
    captured_now,
)
from edgecls_device.sources.realtime import open_realtime
from edgecls_device.stop import Stop

__all__ = ["VideoSource", "open_video"]

SHORT_BELOW = 0.9  # containers only estimate their number of frames


def open_video(
    path: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> "Source":
    """Open a video file.

    Args:
        path: The file.
        options: With ``realtime`` it becomes a live source.
        stop: Ends the opening of a live source at once.

    Raises:
        SourceError: If it is no video that OpenCV can decode.
    """
    if options.realtime:
        return open_realtime(path, options, stop=stop)
    capture = open_capture(path, cv2.CAP_FFMPEG)
    if capture is None:
        message = f"Expected a photo or a video file, got {path!r}, which is neither."
        raise SourceError(message, hint="play it to check it, or convert it: ffmpeg -i IN out.mp4")
    return VideoSource(path, capture)


class VideoSource:
    """An opened video of known length. See ``Source`` for the contract."""

    is_live = False

    def __init__(self, name: str, capture: Any) -> None:
        """Take over an open ``cv2.VideoCapture``."""
        self.name = name
        self._capture: Any = capture
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        self.frame_rate = rate if 0 < rate <= 1000 else 0.0
        self.total = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)  # an estimate
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        codec = fourcc_text(capture.get(cv2.CAP_PROP_FOURCC))
        self.description = f"{codec} {width}x{height} at {self.frame_rate:g} fps".strip()
        self.captured = 0
        self.dropped: Mapping[str, int] = {}
        self.problems: tuple[str, ...] = ()
        self.status: SourceStatus = DELIVERING

    def read(self, stop: Stop) -> CapturedFrame | None:
        """Return the next frame; None after the last."""
        if self._capture is None or stop.is_requested:
            return None
        image = grab(self._capture)
        if image is None:
            self._end()
            return None
        index = self.captured
        self.captured += 1
        position = index / self.frame_rate if self.frame_rate else None
        return captured_now(image, index=index, source=self.name, position_s=position)

    def close(self) -> None:
        """Free the video."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _end(self) -> None:
        self.close()
        self.status = ENDED
        if not self.captured:
            message = f"Expected a video with frames, got {self.name!r} without any."
            raise SourceError(message, hint="the file is cut off or empty; copy it again")
        if self.captured < self.total * SHORT_BELOW:
            text = f"{self.name!r} says it has {self.total} frames; {self.captured} could be read"
            self.problems = (f"{text}. It may be cut off.",)
