"""What a tensor looks like, and the arithmetic between real and quantized values."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TensorInfo", "dequantize", "quantize"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorInfo:
    """One input or output of a model.

    Attributes:
        name: As the model calls it.
        shape: A size that the model leaves open is -1.
        dtype: NumPy's name, such as ``uint8``.
        scale: Quantization scale; 0 if the tensor is not quantized.
        zero_point: Quantized value of the real number 0.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0

    @property
    def size(self) -> int:
        """Number of elements for a batch of one."""
        return math.prod(max(side, 1) for side in self.shape)


def quantize(values: NDArray[np.float32], info: TensorInfo) -> NDArray[Any]:
    """Return real values as the tensor's integers: rounded to even, saturated, never wrapped."""
    limits = np.iinfo(np.dtype(info.dtype))
    rounded = np.rint(values / info.scale) + info.zero_point
    integers: NDArray[Any] = np.clip(rounded, limits.min, limits.max).astype(info.dtype)
    return integers


def dequantize(values: NDArray[Any], info: TensorInfo) -> NDArray[np.float32]:
    """Return the tensor's integers as real values, ``(q - zero_point) * scale``."""
    centred = values.astype(np.int32) - info.zero_point
    return np.asarray(centred * info.scale, np.float32)
