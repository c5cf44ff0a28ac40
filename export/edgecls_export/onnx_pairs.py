"""Ranges of the weights of an ONNX model that let ONNX Runtime add products two by two on any CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from edgecls_export.pair_sums import row_spans

__all__ = ["weight_ranges"]


def weight_ranges(model: Any, *, nodes_in_float: Sequence[str] = ()) -> dict[str, Any]:
    """Return a range for each output channel of all weights, as the quantizer takes them.

    Args:
        model: The float model.
        nodes_in_float: Names of the nodes that are not quantized.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    ranges = {}
    for node in model.graph.node:
        if node.name in nodes_in_float or len(node.input) < 2 or node.input[1] not in constants:
            continue
        weights = onnx.numpy_helper.to_array(constants[node.input[1]])
        axis = _output_axis(node, weights)
        if axis is None:
            continue
        # the weights of a convolution are (output, input, height, width), and multiplied input last
        rows = np.moveaxis(weights, 1, -1) if axis == 0 else weights.T
        spans = row_spans(rows.reshape(len(rows), -1), pairwise=True)
        ranges[node.input[1]] = [{"axis": axis, "rmin": -span, "rmax": span} for span in spans]
    return ranges


def _output_axis(node: Any, weights: Any) -> int | None:
    """Return the axis of the output channels; None where products are not added two by two."""
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    if node.op_type == "Conv":
        is_depthwise = attributes.get("group", 1) == len(weights) and weights.shape[1] == 1
        return None if is_depthwise else 0
    if node.op_type not in {"Gemm", "MatMul"} or weights.ndim != 2:
        return None
    return 0 if attributes.get("transB", 0) else 1
