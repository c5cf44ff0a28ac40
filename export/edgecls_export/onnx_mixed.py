"""Exporter to ONNX of 8-bit integers with the layers in float that lose most by rounding."""

from typing import Any

import numpy as np
import onnx

from edgecls_export.bias_correction import corrected
from edgecls_export.equalization import equalized
from edgecls_export.exported import Images, ModelBody
from edgecls_export.frozen import FrozenModel
from edgecls_export.mixed_precision import MIXED_TOLERANCE, GraphNode, nodes_in_float, note_of
from edgecls_export.onnx_exporters import clean_model, quantize
from edgecls_export.sensitivity import kernels_of, layers_in_float

__all__ = ["shield", "to_int8_mixed"]

WEIGHTED = {"Conv", "Gemm", "MatMul"}


def to_int8_mixed(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize as ``to_int8``, but leave in float what loses most, within limits of size and work.

    Raises:
        ExportError: If the input is not quantized as pixels are, the Keras model is beyond reading, or its
            layers are not found again in the converted graph.
    """
    frozen = equalized(frozen, calibration)
    layers = layers_in_float(frozen.model, calibration, pairwise=True)
    kernels = kernels_of(frozen.model, layers)
    frozen = corrected(frozen, calibration, in_float=layers, pairwise=True)
    nodes = _nodes(onnx.load_from_string(clean_model(frozen)))
    body = quantize(frozen, calibration, nodes_in_float=nodes_in_float(nodes, kernels))
    tolerance = 0.0 if body.logit_step else MIXED_TOLERANCE
    model = onnx.load_from_string(body.data)
    shield(model)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    return ModelBody(
        data=data, logit_step=body.logit_step, tolerance=tolerance, note=note_of(layers)
    )


def shield(model: Any) -> None:
    """Keep ONNX Runtime from quantizing the float layers after all.

    Its ``WeightBiasQuantization`` gives a layer between DequantizeLinear and QuantizeLinear int8 weights with
    one scale for all channels, while loading (seen in 1.32; mean score error 0.038 instead of 0.019). So
    something must stand between: a LeakyRelu of slope 1 changes nothing, and is fused into the layer.
    """
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        nodes.append(node)
        is_float = node.op_type in WEIGHTED and len(node.input) > 1 and node.input[1] in constants
        if not is_float or node.output[0] in {value.name for value in graph.output}:
            continue
        name = node.output[0]
        node.output[0] = f"{name}/float"
        nodes.append(
            onnx.helper.make_node(
                "LeakyRelu", [node.output[0]], [name], f"{name}/shield", alpha=1.0
            )
        )
    del graph.node[:]
    graph.node.extend(nodes)


def _nodes(model: Any) -> list[GraphNode]:
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    return [
        GraphNode(
            name=node.name,
            inputs=tuple(name for name in node.input if name and name not in constants),
            outputs=tuple(node.output),
            kernel=_kernel(node, constants),
        )
        for node in model.graph.node
    ]


def _kernel(node: Any, constants: dict[str, Any]) -> Any:
    if node.op_type not in WEIGHTED or len(node.input) < 2 or node.input[1] not in constants:
        return None
    return np.asarray(onnx.numpy_helper.to_array(constants[node.input[1]]), np.float32)
