"""Golden samples: model inputs made from a seed, the same bytes on every machine.

They are made with SHAKE-256 (FIPS 202) and integer arithmetic only, so they need no random generator
whose stream may change between versions of NumPy, and no picture travels with the model.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["GOLDEN_COUNT", "golden_inputs"]

GOLDEN_COUNT = 4


def golden_inputs(
    seed: int, height: int, width: int, *, count: int = GOLDEN_COUNT
) -> NDArray[np.uint8]:
    """Return ``count`` pictures, shape ``(count, height, width, 3)``, uint8, RGB.

    Even ones are flat blocks (hard edges), odd ones are smooth gradients between random colours, each on
    a grid that gets finer, so that together they move every channel of a network.
    """
    return np.stack([_picture(seed, i, height, width) for i in range(count)])


def _picture(seed: int, index: int, height: int, width: int) -> NDArray[np.uint8]:
    cells = 4 + 3 * (index // 2)
    material = hashlib.shake_256(f"edgecls golden {seed} {index}".encode()).digest(
        (cells + 1) ** 2 * 3
    )
    grid = np.frombuffer(material, np.uint8).reshape(cells + 1, cells + 1, 3).astype(np.int64)
    rows, columns = (
        np.arange(height) * cells * 256 // height,
        np.arange(width) * cells * 256 // width,
    )
    top, left = rows >> 8, columns >> 8
    if index % 2 == 0:
        return np.asarray(grid[top[:, None], left[None, :]], np.uint8)
    down, right = (rows & 255)[:, None, None], (columns & 255)[None, :, None]
    above = grid[top[:, None], left] * (256 - right) + grid[top[:, None], left + 1] * right
    below = grid[top[:, None] + 1, left] * (256 - right) + grid[top[:, None] + 1, left + 1] * right
    return np.asarray((above * (256 - down) + below * down) >> 16, np.uint8)
