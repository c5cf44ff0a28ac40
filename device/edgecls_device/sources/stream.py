"""A URL: a live stream (MJPEG over HTTP, RTSP and what else FFmpeg reads), a video file, or a photo.

A URL whose path ends like a photo and that answers with one is a photo. A video of known length is read like
a file, every frame. Anything else is live.
"""

import os
import socket
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import SplitResult, urlsplit

from edgecls_device.arrays import Frame
from edgecls_device.errors import SourceError
from edgecls_device.images import IMAGE_SUFFIXES, MAX_IMAGE_BYTES, decode_image
from edgecls_device.opencv import cv2
from edgecls_device.sources.capture import fourcc_text, grab, open_capture
from edgecls_device.sources.capture_request import CaptureRequest
from edgecls_device.sources.captures import Capture, NotLiveError
from edgecls_device.sources.http_answer import ask_http
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.sources.mjpeg import READ_TIMEOUT_S, MjpegCapture, is_mjpeg
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.photo import PhotoSource
from edgecls_device.sources.protocol import Source
from edgecls_device.sources.video import VideoSource
from edgecls_device.stop import Stop

__all__ = [
    "PORTS",
    "StreamCapture",
    "check_stream",
    "open_stream",
    "open_stream_capture",
    "shown_url",
]

PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322, "rtmp": 1935}
OPEN_TIMEOUT_MS = 8000
READ_TIMEOUT_MS = 4000
CONNECT_TIMEOUT_S = 2.0
# Over TCP, since lost packets of UDP are grey stripes; and without guessing the frame rate, for which FFmpeg
# would watch 20 frames first: four seconds with a slow camera.
FFMPEG_OPTIONS = "rtsp_transport;tcp|fpsprobesize;0"
DEADLINES = {
    cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: OPEN_TIMEOUT_MS,
    cv2.CAP_PROP_READ_TIMEOUT_MSEC: READ_TIMEOUT_MS,
}
# FFmpeg's decoder holds back a frame for each thread but the first, so that all are older than they seem; with
# one thread a Raspberry Pi does not keep up with 1080p.
LIVE_THREADS = {cv2.CAP_PROP_N_THREADS: 2} if hasattr(cv2, "CAP_PROP_N_THREADS") else {}


def open_stream(
    url: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> Source:
    """Open a URL.

    Args:
        url: May hold a user and a password.
        options: What was wished.
        stop: Ends the opening at once; the source then gives no frame.

    Raises:
        ImageError: If it is a photo that cannot be decoded.
        SourceError: If it cannot be reached, or is neither a stream, a video nor a photo.
    """
    _checked(url)
    shown = shown_url(url)
    try:
        return LiveSource(
            CaptureRequest(kind="stream", text=url, name=shown),
            stop=stop,
            give_up_after_s=options.give_up_after_s,
            wait_for_source=options.wait_for_source,
            frozen_after_s=options.frozen_after_s,
        )
    except NotLiveError as error:
        if error.kind == "photo":
            return PhotoSource(shown, image=_fetch_photo(url, shown))
    return VideoSource(shown, _open_ffmpeg(url, DEADLINES))


def check_stream(url: str, wishes: Mapping[str, Any]) -> None:
    """Look whether somebody listens where a URL points, by a connection that is closed again.

    Raises:
        SourceError: If nobody does.
    """
    del wishes
    parts = _checked(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme.lower()]
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
    except socket.gaierror:
        reason, hint = f"no host of the name {host!r}", "check the name and the network"
    except TimeoutError:
        reason, hint = f"no answer from {host}:{port}", "check that it is switched on and reachable"
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        reason = f"{host}:{port}: {said.lower()}"
        hint = "check the address and the port, and that the camera or server is running"
    else:
        return
    message = f"Expected a video stream at {shown_url(url)!r}, got {reason}."
    raise SourceError(message, hint=hint)


def open_stream_capture(url: str, wishes: Mapping[str, Any]) -> Capture:
    """Open a URL in a capture process.

    Raises:
        NotLiveError: If it is a photo, or a video of known length.
        SourceError: If it cannot be opened.
    """
    del wishes
    parts, shown = _checked(url), shown_url(url)
    if parts.scheme.lower() in {"http", "https"}:
        answer = ask_http(url, shown, timeout_s=READ_TIMEOUT_S)
        kind = answer.headers.get("Content-Type", "")
        if is_mjpeg(kind):
            return MjpegCapture(shown, answer)
        answer.close()
        is_named_photo = PurePosixPath(parts.path).suffix.lower() in IMAGE_SUFFIXES
        is_one = is_named_photo or answer.headers.get("Content-Length") is not None
        if kind.lower().startswith("image/") and is_one:
            raise NotLiveError(shown, "photo")
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", FFMPEG_OPTIONS)
    capture = _open_ffmpeg(url, {**DEADLINES, **LIVE_THREADS})
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        capture.release()
        raise NotLiveError(shown, "video")
    return StreamCapture(shown, capture)


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


def _fetch_photo(url: str, shown: str) -> Frame:
    with ask_http(url, shown, timeout_s=READ_TIMEOUT_S) as answer:
        try:
            data = answer.read(MAX_IMAGE_BYTES + 1)
        except (OSError, HTTPException) as error:
            message = f"Expected a photo at {shown!r}, got a part of it: {error}."
            raise SourceError(message, hint="start again") from None
    return decode_image(data, name=shown)


def _open_ffmpeg(url: str, parameters: Mapping[int, int]) -> Any:
    start = time.monotonic()
    capture = open_capture(url, cv2.CAP_FFMPEG, parameters)
    if capture is not None:
        return capture
    is_late = time.monotonic() - start > 0.9 * OPEN_TIMEOUT_MS / 1000
    seconds = OPEN_TIMEOUT_MS // 1000
    reason = "an answer that is no stream, or a refusal"
    if is_late:
        reason = f"nothing within {seconds} seconds, although it takes connections"
    message = f"Expected a video stream at {shown_url(url)!r}, got {reason}."
    hint = "check the path, user and password, e.g. by opening it in VLC"
    raise SourceError(message, hint=hint)
