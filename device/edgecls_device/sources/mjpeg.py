"""A camera that sends JPEGs over HTTP, one after another in one answer (``multipart/x-mixed-replace``).

FFmpeg reads such streams too, but falls behind when it decodes more slowly than frames come, decodes what is
cut off to grey, and does not say when a frame was lost.
"""

import select
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse

from edgecls_device.arrays import Frame
from edgecls_device.errors import ImageError, SourceError
from edgecls_device.images import decode_image
from edgecls_device.sources.multipart import PartSplitter, boundary_of

__all__ = ["READ_TIMEOUT_S", "MjpegCapture", "is_mjpeg"]

READ_TIMEOUT_S = 4.0
READ_BYTES = 262_144
MOST_READS_AHEAD = 8  # two megabytes; a sender that never pauses must not keep us from decoding


def is_mjpeg(content_type: str) -> bool:
    """Return whether an answer of this type is a stream of parts that can be told from each other."""
    return content_type.lower().startswith("multipart/") and bool(boundary_of(content_type))


class MjpegCapture:
    """An open MJPEG stream. See ``Capture`` for the contract.

    Attributes:
        superseded: Pictures that came and were not decoded, since a newer one had come.
    """

    frame_rate = 0.0

    def __init__(
        self,
        name: str,
        answer: HTTPResponse,
        *,
        read_timeout_s: float = READ_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take over an answer that is :func:`is_mjpeg`, and read its first picture.

        Raises:
            SourceError: If none comes.
        """
        self.name = name
        self.superseded = 0
        self._answer = answer
        self._splitter = PartSplitter(boundary_of(answer.headers.get("Content-Type", "")))
        self._read_timeout_s = read_timeout_s
        self._clock = clock
        self._waiting: list[bytes] = []
        self._first: list[Frame | None] = [self._next()]
        image = self._first[0]
        self.description = "MJPEG" if image is None else f"MJPEG {image.shape[1]}x{image.shape[0]}"

    def read(self) -> Frame | None:
        """Wait for the next frame; None for one that does not decode."""
        return self._first.pop() if self._first else self._next()

    def close(self) -> None:
        """Hang up."""
        self._answer.close()

    def _next(self) -> Frame | None:
        until = self._clock() + self._read_timeout_s
        while not self._waiting:
            self._read()
            if not self._waiting and self._clock() > until:
                reason = f"no whole picture for {self._read_timeout_s:g} seconds"
                raise self._lost(reason)
        for _ in range(MOST_READS_AHEAD):
            if not select.select([self._answer], [], [], 0)[0]:
                break
            if not self._read(is_ahead=True):
                break
        newest = self._waiting[-1]
        self.superseded += len(self._waiting) - 1
        self._waiting = []
        try:
            return decode_image(newest, name=self.name)
        except ImageError:
            return None

    def _read(self, *, is_ahead: bool = False) -> bool:
        """Take what has come; return whether there may be more.

        Raises:
            SourceError: At the end, and not only looking ahead.
        """
        try:
            data = self._answer.read1(READ_BYTES)
        except (OSError, HTTPException, ValueError) as error:
            is_late = isinstance(error, TimeoutError)
            reason = f"silence for {self._read_timeout_s:g} seconds" if is_late else str(error)
            data = b""
        else:
            reason = "an end: the other side hung up"
        self._waiting += self._splitter.feed(data)
        if not data and not is_ahead:
            raise self._lost(reason)
        return bool(data)

    def _lost(self, reason: str) -> SourceError:
        message = f"Expected frames from {self.name!r}, got {reason}."
        return SourceError(message, hint="check the camera and the network, then start again")
