"""Whether something moves: a small grey picture against a background that adapts."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls_device.arrays import Frame
from edgecls_device.frames import to_frame
from edgecls_device.opencv import cv2

__all__ = ["MotionDetector"]

HEIGHT, WIDTH = 48, 64
CELL_PX = 4
"""Pixels that are averaged on each side of a cell. Small pictures have fewer cells instead of noisier ones;
of large ones not every pixel is taken, so that they cost no more."""

CHANGED_LEVELS = 8.0
"""Grey levels by which a cell must differ. It is the mean of 16 pixels, so noise of 6 levels a pixel becomes
1.5 or less; a webcam that regulates its exposure moves all cells by 2 to 4."""

ADAPT_S = 2.0
"""Time constant of the background. Light that changes by 2 levels a second stays 4 behind: no motion."""

GAP_S = 5.0


class MotionDetector:
    """Compares each picture with a background that follows slowly."""

    def __init__(self) -> None:
        self._background: NDArray[np.float32] | None = None
        self._size: tuple[int, ...] = ()

    def changed_share(self, image: Frame, step_s: float) -> float:
        """Return the share of the picture that differs from the background, 0..1.

        It is 1 for the first picture, after 5 seconds without one, and where the size changed.

        Args:
            image: BGR uint8 of any size (grey, alpha and 16-bit are converted).
            step_s: Seconds since the picture before.

        Raises:
            FrameError: If it is not a picture.
        """
        small = _small_grey(to_frame(image))
        size = image.shape
        if self._background is None or size != self._size or step_s > GAP_S:
            self._background, self._size = small, size
            return 1.0
        difference = cv2.absdiff(small, self._background)
        changed = float(np.count_nonzero(difference > CHANGED_LEVELS) / difference.size)
        cv2.accumulateWeighted(small, self._background, -math.expm1(-step_s / ADAPT_S))
        return changed


def _small_grey(image: Frame) -> NDArray[np.float32]:
    height = min(max(image.shape[0] // CELL_PX, 1), HEIGHT)
    width = min(max(image.shape[1] // CELL_PX, 1), WIDTH)
    size = (width * CELL_PX, height * CELL_PX)
    small: Any = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
