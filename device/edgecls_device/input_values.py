"""From pixels to what the input of another model than ours holds: floats, or a plane for each colour.

A pixel has 256 values, so what becomes of each is worked out once and looked up from then on, by OpenCV and
into memory that is there already.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls_device.arrays import Batch
from edgecls_device.opencv import cv2
from edgecls_device.spec import InputTensor

__all__ = ["InputValues"]


class InputValues:
    """Turns pixels into a model's input.

    Attributes:
        dtype: What it gives: ``float32``, or ``uint8`` where pixels are only laid out otherwise.
        shape: Batch 1 in the model's layout.
    """

    def __init__(self, tensor: InputTensor, height: int, width: int) -> None:
        """Work the values out.

        Args:
            tensor: What the input holds.
            height: In pixels.
            width: In pixels.
        """
        is_float = bool(tensor.mean) or tensor.dtype == "float32"
        self.dtype = "float32" if is_float else "uint8"
        self._has_planes = tensor.layout == "nchw"
        self.shape = (1, 3, height, width) if self._has_planes else (1, height, width, 3)
        table = _table(tensor)
        self._table = table if is_float else None
        self._columns = [np.ascontiguousarray(table[..., channel]) for channel in range(3)]
        self._plane = np.empty((height, width), np.uint8)

    def __call__(self, pixels: NDArray[np.uint8], out: Batch) -> None:
        """Write the input for pixels.

        Args:
            pixels: Shape ``(height, width, 3)``, uint8, in the model's order of colours.
            out: Takes it: of :attr:`shape` and :attr:`dtype`.
        """
        if not self._has_planes:
            if self._table is None:
                np.copyto(out[0], pixels)
            else:
                cv2.LUT(pixels, self._table, out[0])
            return
        for channel in range(3):
            plane = self._plane if self._table is not None else out[0, channel]
            cv2.extractChannel(pixels, channel, plane)
            if self._table is not None:
                cv2.LUT(plane, self._columns[channel], out[0, channel])


def _table(tensor: InputTensor) -> NDArray[np.float32]:
    """Return what becomes of each value in each channel, shape ``(1, 256, 3)``, float32."""
    values: NDArray[Any] = np.repeat(np.arange(256, dtype=np.float32)[:, np.newaxis], 3, axis=1)
    if tensor.mean:
        values = (values - np.asarray(tensor.mean, np.float32)) / np.asarray(tensor.std, np.float32)
    return np.asarray(values[np.newaxis], np.float32)
