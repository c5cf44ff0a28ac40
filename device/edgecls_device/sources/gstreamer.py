"""``gstreamer:PIPELINE``: what GStreamer can capture, where OpenCV was built with it.

The text goes to GStreamer's own parser and never to a shell.
"""

from collections.abc import Mapping
from typing import Any

from edgecls_device.arrays import Frame
from edgecls_device.errors import MissingDependencyError, OptionError, SourceError
from edgecls_device.opencv import cv2
from edgecls_device.sources.capture import grab, open_capture
from edgecls_device.sources.live_opening import open_live
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.stop import Stop

__all__ = ["GstreamerCapture", "has_gstreamer", "open_gstreamer", "open_gstreamer_capture"]

_EXAMPLE = "gstreamer:v4l2src device=/dev/video0 ! videoconvert ! video/x-raw,format=BGR ! appsink"


def open_gstreamer(
    text: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> LiveSource:
    """Open a pipeline.

    Raises:
        MissingDependencyError: If OpenCV was built without GStreamer.
        OptionError: If the pipeline does not end in ``appsink``.
        SourceError: If GStreamer refuses it, or no frame comes.
    """
    _check(text)
    return open_live("gstreamer", text, options, stop=stop)


def open_gstreamer_capture(text: str, wishes: Mapping[str, Any]) -> "GstreamerCapture":
    """Open a pipeline in the capture process; see :func:`open_gstreamer`."""
    del wishes
    pipeline = _check(text)
    capture = open_capture(pipeline, cv2.CAP_GSTREAMER)
    if capture is None:
        message = f"Expected a GStreamer pipeline that starts, got {pipeline!r}."
        hint = "try it with fakesink for appsink: gst-launch-1.0 -v PIPELINE"
        raise SourceError(message, hint=hint)
    return GstreamerCapture(text, capture)


def has_gstreamer() -> bool:
    """Return whether this OpenCV was built with GStreamer."""
    lines = (line.strip() for line in cv2.getBuildInformation().splitlines())
    line = next((line for line in lines if line.startswith("GStreamer:")), "GStreamer: NO")
    return line.split(":", 1)[1].strip().upper().startswith("YES")


class GstreamerCapture:
    """A running pipeline. See ``Capture`` for the contract."""

    def __init__(self, name: str, capture: Any) -> None:
        """Take over an open ``cv2.VideoCapture``."""
        self.name = name
        self._capture: Any = capture
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        self.frame_rate = rate if 0 < rate <= 1000 else 0.0
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        pace = f" at {self.frame_rate:g} fps" if self.frame_rate else ""
        self.description = f"GStreamer {width}x{height}{pace}"

    def read(self) -> Frame:
        """Wait for the next frame.

        Raises:
            SourceError: If the pipeline came to its end.
        """
        image = grab(self._capture)
        if image is None:
            message = f"Expected frames from {self.name!r}, got an end of the pipeline."
            raise SourceError(message, hint="try it with gst-launch-1.0")
        return image

    def close(self) -> None:
        """Stop the pipeline."""
        self._capture.release()


def _check(text: str) -> str:
    pipeline = text.removeprefix("gstreamer:").strip()
    if "appsink" not in pipeline:
        message = f"Expected a GStreamer pipeline that ends in appsink, got {pipeline!r}."
        raise OptionError(message, hint=f"for example: {_EXAMPLE!r}")
    if not has_gstreamer():
        message = (
            f"Expected an OpenCV with GStreamer, got {cv2.__version__} without: pip's has none."
        )
        hint = (
            "sudo apt install python3-opencv, in an environment made with --system-site-packages "
            "and without opencv from pip"
        )
        raise MissingDependencyError(message, hint=hint)
    return pipeline
