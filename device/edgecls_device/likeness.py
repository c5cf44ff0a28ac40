"""Near duplicates: the same picture saved again, resized, brightened, or the next frame of a burst.

Every picture becomes a grey thumbnail of 32x32, and two are compared by the cosine between their
brightness gradients on a grid: a perceptual hash like dHash
(https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html) that keeps how strong each
gradient is and not only its sign. Measured on 2000 photos of cats and dogs (2 million pairs): unrelated
photos reach 0.63 at most, with a standard deviation of 0.09; photos saved at JPEG quality 40, at half the
size, or brightened by a quarter stay at 0.90 and above, those with 2 % cut off at each side at 0.75 and
above. (The 128 signs alone mix the two: 0.66 against 0.61.)

That a fixed camera sees the same table does not make two pictures the same: the cup on it may be the class.
So it also counts how much the most different place differs.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edgecls_device.arrays import Frame
from edgecls_device.opencv import cv2
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Preprocessing

__all__ = [
    "FINE",
    "MIN_COSINE",
    "MIN_TEXTURE",
    "SAME_DIFFERENCE",
    "SIDE",
    "SeenPictures",
    "gradients",
    "largest_difference",
    "thumbnail",
]

SIDE = 32
"""Height and width of a thumbnail, in pixels."""

FINE = 16
"""Places on each side of the grid of gradients."""

MIN_COSINE = 0.8
"""Gradients on a 16x16 grid at least this alike: the same scene. Nine standard deviations above chance."""

SAME_DIFFERENCE = 0.6
"""No place differs more: the same picture. An object pasted on an eighth of the side mostly gives more."""

MIN_TEXTURE = 1.0
"""Mean gradient, in grey levels, below which a picture is blank and would resemble every other blank one."""

BLANK_LEVELS = 16.0
"""Blank pictures whose means differ by less are the same: what is compared above would be their noise."""

_RULE = Preprocessing(height=SIDE, width=SIDE, resize="stretch")


def thumbnail(frame: Frame) -> NDArray[np.uint8]:
    """Return a frame of any size as a grey thumbnail, shape ``(32, 32)``, uint8."""
    return np.asarray(cv2.cvtColor(resize(frame, _RULE), cv2.COLOR_RGB2GRAY), np.uint8)


def gradients(
    thumbnails: NDArray[np.uint8], grid: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the gradients on a grid and their mean size.

    Args:
        thumbnails: Shape ``(count, 32, 32)``, uint8.
        grid: Places on each side; a divisor of 32.

    Returns:
        Unit vectors, shape ``(count, 2 * grid * (grid - 1))``, and sizes in grey levels, shape ``(count,)``.
    """
    count, cell = len(thumbnails), SIDE // grid
    cells = thumbnails.reshape(count, grid, cell, grid, cell).mean(axis=(2, 4), dtype=np.float32)
    across = np.diff(cells, axis=2).reshape(count, -1)
    down = np.diff(cells, axis=1).reshape(count, -1)
    vectors = np.concatenate([across, down], axis=1)
    sizes = np.linalg.norm(vectors, axis=1)
    units = vectors / np.maximum(sizes, 1e-6)[:, np.newaxis]
    return units, np.asarray(sizes / np.sqrt(vectors.shape[1]), np.float32)


def largest_difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much the most different of 8x8 places differs, one number per pair.

    Root mean square, in units of the contrast and after brightness and contrast are evened out.

    Args:
        one: Thumbnails, shape ``(count, 32, 32)``, uint8.
        other: As many, or one, which is compared with each.
    """
    square = (_evened(one) - _evened(other)) ** 2
    places = square.reshape(len(square), 8, SIDE // 8, 8, SIDE // 8).mean(axis=(2, 4))
    return np.asarray(np.sqrt(places.reshape(len(square), -1).max(axis=1)), np.float32)


class SeenPictures:
    """The last pictures, so that the next one can be told from them. It is for one thread at a time."""

    def __init__(self, *, capacity: int = 200) -> None:
        """Start with none.

        Args:
            capacity: How many pictures are kept, a kilobyte each; the oldest are forgotten.
        """
        self._thumbnails: deque[NDArray[np.uint8]] = deque(maxlen=capacity)
        self._names: deque[str] = deque(maxlen=capacity)

    def same_as(self, image: NDArray[np.uint8]) -> list[str]:
        """Return the names of those that show the same scene as a thumbnail, with nothing in it moved."""
        if not self._thumbnails:
            return []
        seen, new = np.stack(self._thumbnails), image[np.newaxis]
        units, sizes = gradients(seen, FINE)
        unit, size = gradients(new, FINE)
        if size[0] < MIN_TEXTURE:
            distance = np.abs(seen.mean(axis=(1, 2)) - new.mean())
            is_same = (sizes < MIN_TEXTURE) & (distance < BLANK_LEVELS)
        else:
            is_scene = (units @ unit[0] >= MIN_COSINE) & (sizes >= MIN_TEXTURE)
            is_same = is_scene & (largest_difference(seen, new) <= SAME_DIFFERENCE)
        return [self._names[i] for i in np.flatnonzero(is_same)]

    def add(self, image: NDArray[np.uint8], name: str) -> None:
        """Keep a thumbnail, shape ``(32, 32)``, uint8, and what it is called."""
        self._thumbnails.append(image)
        self._names.append(name)


def _evened(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pixels with mean 0 and standard deviation 1 per picture."""
    pixels = thumbnails.astype(np.float32)
    pixels -= pixels.mean(axis=(1, 2), keepdims=True)
    return np.asarray(pixels / np.maximum(pixels.std(axis=(1, 2), keepdims=True), 1e-6))
