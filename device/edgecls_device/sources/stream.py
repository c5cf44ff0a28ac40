"""A URL: a live stream (MJPEG over HTTP, RTSP and what else FFmpeg reads), a video file, or a photo.

A URL whose path ends like a photo and that answers with one is a photo. A video of known length is read like
a file, every frame. Anything else is live.
"""

import socket
import time
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import SplitResult, urlsplit

from edgecls_device.arrays import Frame
from edgecls_device.errors import SourceError
from edgecls_device.images import IMAGE_SUFFIXES, MAX_IMAGE_BYTES, decode_image
from edgecls_device.opencv import cv2
from edgecls_device.sources.capture import fourcc_text, grab, open_capture
from edgecls_device.sources.newest import NewestFrameSource
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.photo import PhotoSource
from edgecls_device.sources.protocol import Source
from edgecls_device.sources.video import VideoSource

__all__ = ["PORTS", "StreamCapture", "open_stream", "shown_url"]

PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322, "rtmp": 1935}
OPEN_TIMEOUT_MS = 8000
READ_TIMEOUT_MS = 4000
PROBE_TIMEOUT_S = 3.0


def open_stream(url: str, options: SourceOptions = NO_OPTIONS) -> Source:
    """Open a URL.

    Args:
        url: Its address.
        options: What was wished.

    Raises:
        ImageError: If it is a photo that cannot be decoded.
        SourceError: If it cannot be reached, or is neither a stream, a video nor a photo.
    """
    del options
    parts = _checked(url)
    suffix = PurePosixPath(parts.path).suffix.lower()
    if parts.scheme in {"http", "https"} and suffix in IMAGE_SUFFIXES:
        image = _fetch_photo(url, shown_url(url))
        if image is not None:
            return PhotoSource(shown_url(url), image=image)
    deadlines = {
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: OPEN_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC: READ_TIMEOUT_MS,
    }
    start = time.monotonic()
    capture = open_capture(url, cv2.CAP_FFMPEG, deadlines)
    if capture is None:
        is_late = time.monotonic() - start > 0.9 * OPEN_TIMEOUT_MS / 1000
        raise _unopened(parts, shown_url(url), is_late=is_late)
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        return VideoSource(shown_url(url), capture)
    return NewestFrameSource(StreamCapture(shown_url(url), capture))


class StreamCapture:
    """An open live stream. See ``Capture`` for the contract.

    FFmpeg passes over packets that do not decode, so that a missing frame means an end or a deadline.
    """

    def __init__(self, name: str, capture: Any) -> None:
        """Take over an open ``cv2.VideoCapture``."""
        self.name = name
        self._capture: Any = capture
        self._is_first = True
        self.frame_rate = 0.0  # FFmpeg says 25 for a stream that states none
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        codec = fourcc_text(capture.get(cv2.CAP_PROP_FOURCC))
        self.description = f"{codec} {width}x{height}".strip()

    def read(self) -> Frame | None:
        """Wait for the next frame."""
        image = grab(self._capture)
        if image is None:
            what = "no frame at all" if self._is_first else "an end: it was closed or went silent"
            message = f"Expected frames from {self.name!r}, got {what}."
            raise SourceError(message, hint="check the camera and the network, then start again")
        self._is_first = False
        return image

    def close(self) -> None:
        """Free the stream."""
        self._capture.release()


def shown_url(url: str) -> str:
    """Return a URL without its password, to be shown."""
    head, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if at and ":" in user:
        user = user.partition(":")[0] + ":***"
    return f"{head}{separator}{user}{at}{host}{slash}{path}"


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme.lower() in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or a broken IPv6 address
        is_usable = False
    if not is_usable:
        message = (
            f"Expected a URL such as http://camera.local:8080/stream.mjpg, got {shown_url(url)!r}."
        )
        raise SourceError(message, hint=f"the protocols are {', '.join(PORTS)}")
    return parts


def _fetch_photo(url: str, shown: str) -> Frame | None:
    """Return the photo behind a URL; None if it answers with something else."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    request = Request(url, headers={"User-Agent": "edgecls"})
    try:
        with urlopen(request, timeout=OPEN_TIMEOUT_MS / 1000) as answer:
            if not answer.headers.get_content_type().startswith("image/"):
                return None
            data = answer.read(MAX_IMAGE_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        reason = getattr(reason, "strerror", None) or reason
        message = f"Expected a photo at {shown!r}, got: {reason}."
        raise SourceError(message, hint="open the address in a browser to check it") from error
    return decode_image(data, name=shown)


def _unopened(parts: SplitResult, shown: str, *, is_late: bool) -> SourceError:
    """Say why a URL did not open: OpenCV does not, so the host is asked for a plain connection."""
    host = parts.hostname or ""
    port = parts.port or PORTS[parts.scheme.lower()]
    try:
        socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S).close()
    except socket.gaierror:
        reason, hint = f"no host of the name {host!r}", "check the name and the network"
    except TimeoutError:
        reason, hint = f"no answer from {host}:{port}", "check that it is switched on and reachable"
    except OSError as error:
        reason = f"{host}:{port}: {(error.strerror or str(error)).lower()}"
        hint = "check the address and the port, and that the camera or server is running"
    else:
        no_frames = (
            f"nothing within {OPEN_TIMEOUT_MS // 1000} seconds, although it takes connections"
        )
        reason = no_frames if is_late else "an answer that is no stream, or a refusal"
        hint = "check the path, user and password, e.g. by opening it in VLC"
    return SourceError(f"Expected a video stream at {shown!r}, got {reason}.", hint=hint)
