"""A clip of the annotated pictures: Motion JPEG in AVI, which every player and every OpenCV build knows.

It is written under a temporary name and moved to its own when it is complete.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from edgecls_device.annotate import annotate
from edgecls_device.arrays import Frame
from edgecls_device.errors import OptionError, StorageError
from edgecls_device.files import writing
from edgecls_device.opencv import cv2
from edgecls_device.results import Event, FrameResult, RunSummary
from edgecls_device.sinks.caption import Caption
from edgecls_device.sinks.direct import DirectSink

__all__ = ["ClipSink"]

LIVE_RATE = 15.0
LONGEST_GAP_S = 10.0


class ClipSink(DirectSink):
    """Writes a clip. See ``Sink`` for the contract.

    The first picture decides the size; others are fitted into it on black.
    """

    name = "clip"

    def __init__(self, path: Path, *, frame_rate: float, is_live: bool) -> None:
        """Create the temporary file, so that a place that cannot be written is known at once.

        Args:
            path: Must end in ``.avi``.
            frame_rate: Of the clip. A live one takes 15 frames a second whatever comes: pictures are repeated
                or left out so that it plays as fast as it happened.
            is_live: Whether the source is.

        Raises:
            OptionError: If it does not end in ``.avi``.
            StorageError: If it cannot be written.
        """
        if path.suffix.lower() != ".avi":
            message = f"Expected a clip that ends in .avi, got {str(path)!r}."
            raise OptionError(message, hint=f"use --save {path.with_suffix('.avi')}")
        self._path = path
        self._is_live = is_live
        self._rate = LIVE_RATE if is_live else frame_rate
        self._caption = Caption()
        self._writer: Any = None
        self._size = (0, 0)
        self._start_ns = 0
        self._written = 0
        self._files = ExitStack()
        self._temporary = self._files.enter_context(writing(path))

    def write(self, result: FrameResult) -> None:
        """Add one result."""
        note = self._caption.at(result)
        picture = annotate(result, has_rate=self._is_live, note=note)
        if self._writer is None:
            self._open(picture, result.frame.captured_ns)
        picture = _fitted(picture, self._size)
        for _ in range(self._due(result.frame.captured_ns)):
            self._writer.write(picture)
            self._written += 1

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Write it on the pictures of the next seconds."""
        del result
        self._caption.notify(event)

    def finish(self, summary: RunSummary) -> None:
        """Complete the clip and move it to its name.

        Raises:
            StorageError: If it was not written whole, as on a full disk.
        """
        if self._writer is None:  # no result: no clip
            return
        self._writer.release()
        self._writer = None
        self._check()
        self._files.close()

    def close(self) -> None:
        """Discard the clip unless it was finished."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        unfinished = StorageError("The clip was not finished.")
        self._files.__exit__(type(unfinished), unfinished, None)  # nothing is left after finish

    def _open(self, picture: Frame, captured_ns: int) -> None:
        self._size = (picture.shape[0], picture.shape[1])
        self._start_ns = captured_ns
        code = cv2.VideoWriter.fourcc(*"MJPG")
        size = (picture.shape[1], picture.shape[0])
        self._writer = cv2.VideoWriter(str(self._temporary), cv2.CAP_FFMPEG, code, self._rate, size)
        if not self._writer.isOpened():
            message = f"Cannot write {str(self._path)!r}: OpenCV opens no Motion JPEG writer."
            raise StorageError(message, hint="check the disk; the clip needs OpenCV with FFmpeg")

    def _due(self, captured_ns: int) -> int:
        """Return how often a picture is written, so that a live clip keeps the time."""
        if not self._is_live:
            return 1
        due = int((captured_ns - self._start_ns) / 1e9 * self._rate) + 1
        return min(max(due - self._written, 0), int(LONGEST_GAP_S * self._rate))

    def _check(self) -> None:
        capture = cv2.VideoCapture(str(self._temporary), cv2.CAP_FFMPEG)
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if frames != self._written:
            message = (
                f"Cannot write {str(self._path)!r}: {frames} of {self._written} frames are in it."
            )
            raise StorageError(
                message, hint="free some space on that disk, then repeat the command"
            )


def _fitted(picture: Frame, size: tuple[int, int]) -> Frame:
    height, width = picture.shape[:2]
    if (height, width) == size:
        return picture
    scale = min(size[0] / height, size[1] / width)
    shown = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(picture, shown, interpolation=cv2.INTER_AREA)
    out = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - shown[1]) // 2, (size[1] - shown[0]) // 2
    out[top : top + shown[1], left : left + shown[0]] = small
    return out
