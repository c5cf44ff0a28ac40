"""Weights whose products, two by two, can be added in 16 bits.

x86 without VNNI multiplies 8-bit activations and weights by VPMADDUBSW, which adds two neighbouring products in
16 bits and cuts what is beyond 32767; so does ONNX Runtime there, also for signed activations, which it turns
into unsigned ones while loading (its manual, "Quantize ONNX models"). An activation is at most 255, so nothing
is cut where neighbours of one sign add up to 128 at most. That costs a fraction of a bit in those channels
that need it, where 7-bit weights cost all channels a whole one. A depthwise convolution adds in 32 bits.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["row_spans"]

Floats = NDArray[np.float32]


def row_spans(rows: Floats, *, pairwise: bool = False) -> Floats:
    """Return what the 127 steps of each row's weights must reach.

    Args:
        rows: The weights of each output channel in the order of multiplication: height, width, input channel.
            Shape ``(outputs, weights)``, float32.
        pairwise: Whether neighbours of one sign, the first with the second, the third with the fourth and so
            on, must stay within 128 together. Each gains half a step at most by rounding, hence 127 here.

    Returns:
        Shape ``(outputs,)``, float32: the greatest absolute weight, or the greatest sum of two.
    """
    spans = np.abs(rows).max(axis=1)
    if pairwise:
        even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
        for side in (np.maximum(even, 0), np.maximum(-even, 0)):
            spans = np.maximum(spans, (side[:, 0::2] + side[:, 1::2]).max(axis=1))
    return np.asarray(spans, np.float32)
