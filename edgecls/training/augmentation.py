"""The same photo seen a little differently: crop, mirror image, light and colour, all from one seed."""

from collections.abc import Callable

import numpy as np
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

__all__ = ["augment", "augmentation"]

LEAST_SIDE = 0.75  # of the picture's side that a crop keeps
LIGHT, CONTRAST, SATURATION = 20.0, 0.2, 0.3


def augmentation(seed: int, epoch: int) -> Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]:
    """Return the changes of one epoch: a function of a picture and its number."""

    def change(pixels: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        return augment(pixels, np.random.default_rng([seed, epoch, number]))

    return change


def augment(pixels: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a changed copy of a picture, ``(height, width, 3)``, uint8, RGB, of the same size."""
    height, width = pixels.shape[:2]
    side = random.uniform(LEAST_SIDE, 1.0)
    box = (round(height * side), round(width * side))
    top, left = random.integers(0, height - box[0] + 1), random.integers(0, width - box[1] + 1)
    cut = pixels[top : top + box[0], left : left + box[1]]
    if random.random() < 0.5:
        cut = cut[:, ::-1]
    resized = cv2.resize(np.ascontiguousarray(cut), (width, height), interpolation=cv2.INTER_LINEAR)
    colors = np.asarray(resized, np.float32)
    grey = colors.mean(axis=2, keepdims=True)
    colors = grey + (colors - grey) * random.uniform(1 - SATURATION, 1 + SATURATION)
    mean = grey.mean()
    colors = mean + (colors - mean) * random.uniform(1 - CONTRAST, 1 + CONTRAST)
    colors += random.uniform(-LIGHT, LIGHT)
    return np.asarray(np.clip(np.rint(colors), 0, 255), np.uint8)
