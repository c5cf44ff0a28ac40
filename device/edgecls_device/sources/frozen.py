"""Whether a camera gives exactly the same picture over and over.

A sensor has noise, so that a still scene gives pictures that differ in a few pixels; a stuck driver or decoder
gives the same bytes. An H.264 camera may repeat a still scene exactly until its next key frame, therefore only
seconds of sameness mean anything.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from edgecls_device.arrays import Frame

__all__ = ["KnownPicture", "SameWatch", "fingerprint"]

SAMPLE_STEP_PX = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownPicture:
    """The picture a camera was stuck with before it was opened again.

    Attributes:
        crc: Its :func:`fingerprint`.
        since_ns: ``time.monotonic_ns`` when it was first seen.
    """

    crc: int
    since_ns: int


class SameWatch:
    """Says since when the picture is the same. It keeps a reference to the newest picture."""

    def __init__(self, known: KnownPicture | None = None) -> None:
        """Start; ``known`` is the picture from before, which goes on if it comes again."""
        self._known = known
        self._last: Frame | None = None
        self._sample = 0
        self._since_ns = 0

    def since_ns(self, image: Frame, now_ns: int) -> int:
        """Take the next picture and return when it was first seen, nanoseconds as in ``now_ns``.

        Args:
            image: BGR uint8, shape ``(height, width, 3)``; it must not be changed later.
            now_ns: When it was captured.
        """
        sample = zlib.crc32(image[::SAMPLE_STEP_PX, ::SAMPLE_STEP_PX].tobytes())
        last, known = self._last, self._known
        if last is None and known is not None and fingerprint(image) == known.crc:
            self._since_ns = known.since_ns
        elif last is None or sample != self._sample or not np.array_equal(last, image):
            self._since_ns = now_ns
        self._last, self._sample, self._known = image, sample, None
        return self._since_ns


def fingerprint(image: Frame) -> int:
    """Return a CRC of a picture and its size."""
    height, width = image.shape[:2]
    return zlib.crc32(np.ascontiguousarray(image).data, zlib.crc32(b"%dx%d" % (width, height)))
