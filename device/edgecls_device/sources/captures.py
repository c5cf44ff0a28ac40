"""What can be captured from in a child process: a table, one opener for each kind.

An opener is called as ``opener(text, options)`` in the child, in the thread that will read and close what it
returns. It blocks as long as it has to, since a child that says nothing for too long is killed. It raises
``SourceError`` if it may work later, and any other ``EdgeclsError`` if it never will.

A probe is called in the same way, before the opener and again and again while a source is lost. It is cheap
and raises ``SourceError`` if the thing is not there at all; so a camera that comes back is found within a
second, however often opening it failed before.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol, cast

from edgecls_device.arrays import Frame
from edgecls_device.errors import SourceError
from edgecls_device.lazy import load
from edgecls_device.sources.capture_request import CaptureRequest

__all__ = [
    "CAPTURES",
    "PROBES",
    "Capture",
    "CaptureEnd",
    "NotLiveError",
    "load_opener",
    "open_requested",
    "probe",
]

CAPTURES: Mapping[str, str] = MappingProxyType(
    {
        "camera": "edgecls_device.sources.camera:open_camera_capture",
        "clip": "edgecls_device.sources.realtime:open_clip_capture",
        "gstreamer": "edgecls_device.sources.gstreamer:open_gstreamer_capture",
        "picamera": "edgecls_device.sources.picamera:open_picamera_capture",
        "stream": "edgecls_device.sources.stream:open_stream_capture",
        "test": "edgecls_device.sources.test_pattern:open_pattern_capture",
    }
)
"""What opens each kind: ``(text, options) -> Capture``."""

PROBES: Mapping[str, str] = MappingProxyType(
    {
        "camera": "edgecls_device.sources.camera:check_camera",
        "clip": "edgecls_device.sources.realtime:check_clip",
        "stream": "edgecls_device.sources.stream:check_stream",
    }
)
"""What says whether it is there, for kinds that can tell: ``(text, options) -> None``, or a ``SourceError``."""


class Capture(Protocol):
    """An open camera or stream. One thread opens, reads and closes it.

    Attributes:
        name: See ``Source``.
        description: See ``Source``.
        frame_rate: See ``Source``.

    A capture that passes over frames, since a newer one has come, counts them in an attribute ``superseded``.
    """

    name: str
    description: str
    frame_rate: float

    def read(self) -> Frame | None:
        """Wait for the next frame; None for one that does not decode.

        The caller owns the picture: the next ``read`` must not write into it. Grey, 16-bit and transparent
        pictures are taken too.

        Raises:
            CaptureEnd: If it came to its end, as a video does.
            SourceError: If it is lost.
        """

    def close(self) -> None:
        """Free it."""


class CaptureEnd(Exception):  # noqa: N818 - it is no error, as StopIteration is none
    """Raised by ``Capture.read`` after the last frame of something that has one."""


class NotLiveError(SourceError):
    """Raised by an opener: what was asked for is a photo or a video of known length, so every frame counts.

    Attributes:
        kind: ``photo`` or ``video``.
    """

    def __init__(self, name: str, kind: Literal["photo", "video"]) -> None:
        super().__init__(
            f"Expected a live stream at {name!r}, got a {kind}.",
            hint="start again while it can be reached: it is then read from its beginning to its end",
        )
        self.kind = kind


def load_opener(request: CaptureRequest) -> Callable[[str, Mapping[str, Any]], Capture]:
    """Import what opens a request; this takes most of the time that a capture process needs to start.

    Raises:
        MissingDependencyError: If a package is not installed.
    """
    return cast(
        "Callable[[str, Mapping[str, Any]], Capture]", load(CAPTURES[request.kind], extra="device")
    )


def open_requested(request: CaptureRequest) -> Capture:
    """Open what a request names.

    Raises:
        NotLiveError: If it is a photo or a video of known length.
        SourceError: If it is not there or cannot be opened.
    """
    return load_opener(request)(request.text, request.options)


def probe(request: CaptureRequest) -> None:
    """Look whether what a request names is there.

    Raises:
        SourceError: If it is not.
    """
    if request.kind in PROBES:
        load(PROBES[request.kind], extra="device")(request.text, request.options)
