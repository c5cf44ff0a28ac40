"""The three kinds of array that travel through edgecls, by name."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch", "Frame", "Scores"]

Frame: TypeAlias = NDArray[np.uint8]
"""A picture as OpenCV gives it: shape ``(height, width, 3)``, uint8, BGR, 0..255."""

Batch: TypeAlias = NDArray[Any]
"""A model's input: batch 1, in the layout, colour order and dtype its spec declares."""

Scores: TypeAlias = NDArray[np.float32]
"""One probability per class, shape ``(num_classes,)``, float32."""
