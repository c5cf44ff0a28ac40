"""Changes to a converted ONNX model, and the spec inside of it."""

from typing import Any

import numpy as np
import onnx
from edgecls_device.artifact import ONNX_SPEC_KEY
from edgecls_device.errors import ExportError
from edgecls_device.records import to_json
from edgecls_device.spec import ModelSpec

from edgecls_export.frozen import INPUT_NAME, OUTPUT_NAME

__all__ = [
    "check_input_scale",
    "embed_spec",
    "logit_step",
    "rename",
    "with_float16_weights",
    "without_unused_domains",
]

FLOAT16_RANGE = (-65504.0, 65504.0)


def embed_spec(data: bytes, spec: ModelSpec) -> bytes:
    """Return an ``.onnx`` file with its spec in ``metadata_props``."""
    model = onnx.load_from_string(data)
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = ONNX_SPEC_KEY, to_json(spec, indent=None)
    model.producer_name = "edgecls"
    model.doc_string = f"{spec.name}: image classifier of {len(spec.labels)} classes"
    return bytes(model.SerializeToString())


def rename(model: Any, names: dict[str, str]) -> None:
    """Give tensors other names, wherever they occur."""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def without_unused_domains(model: Any) -> None:
    """Drop operator sets that no node uses; ONNX Runtime's optimizer lists all it knows."""
    used = {"" if node.domain == "ai.onnx" else node.domain for node in model.graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used | {""}]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def with_float16_weights(model: Any) -> None:
    """Store float32 kernels as float16, each with a cast behind it; biases and single numbers stay.

    Biases are half a per cent of a file, and in float16 they doubled the error of its scores.
    Values beyond the range of float16 are brought to its ends, as no infinity may come of a weight.
    """
    casts = []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size == max(values.shape, default=1):
            continue
        name, stored = tensor.name, f"{tensor.name}:float16"
        narrow = np.clip(values, *FLOAT16_RANGE).astype(np.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(narrow, stored))
        casts.append(
            onnx.helper.make_node(
                "Cast", [stored], [name], name=f"{name}:cast", to=onnx.TensorProto.FLOAT
            )
        )
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])  # a graph is listed in the order of computation


def check_input_scale(model: Any) -> None:
    """Check that pixels, where they are quantized, keep their values: scale 1, zero point 0.

    Raises:
        ExportError: If they do not.
    """
    casts = {node.output[0] for node in model.graph.node if INPUT_NAME in node.input}
    for node in model.graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] not in casts:
            continue
        got = tuple(float(_constant(model, name)) for name in node.input[1:3])
        if got != (1.0, 0.0):
            message = f"Expected pixels quantized with scale 1 and zero point 0, got {got}."
            raise ExportError(message, hint="normalize pixels 0..255 inside of the model")


def logit_step(model: Any) -> float:
    """Return the quantization scale of what goes into the last softmax; 0 if it is float."""
    makers = {name: node for node in model.graph.node for name in node.output}
    before = makers.get(makers[OUTPUT_NAME].input[0])
    if before is None or before.op_type != "DequantizeLinear":
        return 0.0
    return float(_constant(model, before.input[1]))


def _constant(model: Any, name: str) -> Any:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    return onnx.numpy_helper.to_array(tensor).reshape(-1)[0]
