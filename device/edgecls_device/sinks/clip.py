"""A clip of a file's annotated pictures: Motion JPEG in AVI, which every player and every OpenCV build knows.

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

__all__ = ["ClipSink", "check_clip_path", "fitted"]


class ClipSink(DirectSink):
    """Writes a clip of a video or of photos, each picture once. See ``Sink`` for the contract.

    The first picture decides the size; others are fitted into it on black.
    """

    name = "clip"

    def __init__(self, path: Path, *, frame_rate: float) -> None:
        """Create the temporary file, so that a place that cannot be written is known at once.

        Args:
            path: Must end in ``.avi``.
            frame_rate: Of the clip.

        Raises:
            OptionError: If it does not end in ``.avi``.
            StorageError: If it cannot be written.
        """
        check_clip_path(path)
        self._path = path
        self._rate = frame_rate
        self._caption = Caption()
        self._writer: Any = None
        self._size = (0, 0)
        self._written = 0
        self._files = ExitStack()
        self._temporary = self._files.enter_context(writing(path))

    def write(self, result: FrameResult) -> None:
        """Add one result."""
        picture = annotate(result, has_rate=False, note=self._caption.at(result))
        if self._writer is None:
            self._open(picture)
        self._writer.write(fitted(picture, self._size))
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

    def _open(self, picture: Frame) -> None:
        self._size = (picture.shape[0], picture.shape[1])
        code = cv2.VideoWriter.fourcc(*"MJPG")
        size = (picture.shape[1], picture.shape[0])
        self._writer = cv2.VideoWriter(str(self._temporary), cv2.CAP_FFMPEG, code, self._rate, size)
        if not self._writer.isOpened():
            message = f"Cannot write {str(self._path)!r}: OpenCV opens no Motion JPEG writer."
            raise StorageError(message, hint="check the disk; the clip needs OpenCV with FFmpeg")

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


def check_clip_path(path: Path) -> None:
    """Check that a clip has a name that says what it is.

    Raises:
        OptionError: If it does not end in ``.avi``.
    """
    if path.suffix.lower() != ".avi":
        message = f"Expected a clip that ends in .avi, got {str(path)!r}."
        raise OptionError(message, hint=f"use --save {path.with_suffix('.avi')}")


def fitted(picture: Frame, size: tuple[int, int]) -> Frame:
    """Return a picture of ``size`` (height, width), with black beside it if its shape is another."""
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
