"""Float pictures and masks, which everything is painted with before it becomes a frame."""

from typing import TypeAlias

import numpy as np
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

__all__ = ["Layer", "clouds", "enlarged"]

Layer: TypeAlias = NDArray[np.float32]
"""Float32: one value per pixel, ``(height, width)``, 0..1; or colours, ``(height, width, 3)``, BGR, 0..255."""


def enlarged(layer: Layer, size: tuple[int, int], *, how: int = cv2.INTER_LINEAR) -> Layer:
    """Return a layer at another size (height, width)."""
    return np.asarray(cv2.resize(layer, (size[1], size[0]), interpolation=how), np.float32)


def clouds(size: tuple[int, int], cells: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Return smooth noise with a deviation of about 1 and ``cells`` (rows, columns) of detail."""
    noise = rng.standard_normal((cells[0] + 1, cells[1] + 1), np.float32)
    return enlarged(noise, size, how=cv2.INTER_CUBIC)
