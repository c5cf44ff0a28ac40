"""An ``.onnx`` file from inside: a session whose outputs are also the values between its layers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from edgecls_device.backends.refusals import first_line
from edgecls_device.errors import ArtifactError
from edgecls_device.lazy import load
from edgecls_device.native_output import captured_stderr
from numpy.typing import NDArray

from edgecls_bench.diagnosis.network import Activation, Operation, Weight
from edgecls_bench.diagnosis.onnx_graph import Node, OnnxGraph, read_graph, with_outputs
from edgecls_bench.diagnosis.sources import computed_from

__all__ = ["OnnxNetwork"]

_QUANTIZE, _DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
_CONVERSIONS = frozenset({_QUANTIZE, _DEQUANTIZE, "DynamicQuantizeLinear"})
_SAME_VALUES = frozenset(
    {"Squeeze", "Unsqueeze", "Transpose", "Reshape", "Flatten", "Pad", "Cast", "Identity", "Shape"}
)
_WEIGHTED = frozenset({"Conv", "Gemm", "MatMul", "ConvInteger", "MatMulInteger", "QLinearConv"})
_FATAL = 4


class OnnxNetwork:
    """See ``Network``."""

    def __init__(self, data: bytes, *, threads: int) -> None:
        """Read a file; the session opens with the first run."""
        self._data = data
        self._threads = threads
        graph = read_graph(data)
        self._graph = graph
        self._makers = {name: node for node in graph.nodes for name in node.outputs}
        quantizers = {
            node.inputs[0]: node
            for node in graph.nodes
            if node.kind == _QUANTIZE and node.inputs[0] not in graph.constants
        }
        self.operations = tuple(
            self._operation(node, quantizers)
            for node in graph.nodes
            if not (node.kind == _DEQUANTIZE and node.inputs[0] in graph.constants)
        )
        inputs = computed_from(
            (node.kind in _CONVERSIONS | _SAME_VALUES, node.inputs, node.outputs)
            for node in graph.nodes
        )
        activations = [
            _activation(node, quantizers.get(node.outputs[0]), graph)
            for node in graph.nodes
            if node.kind not in _CONVERSIONS | _SAME_VALUES
        ]
        keys = {entry.name: entry.key for entry in activations}
        self.activations = tuple(
            replace(entry, inputs=tuple(keys[name] for name in inputs[entry.name]))
            for entry in activations
        )
        self.weights = tuple(
            weight
            for node in graph.nodes
            if node.kind in _WEIGHTED and len(node.inputs) > 1
            for weight in (self._weight(node),)
            if weight is not None
        )
        self.input_range = self._input_range(quantizers)
        self._watched: tuple[Activation, ...] = ()
        self._session: Any = None

    def watch(self, activations: Sequence[Activation]) -> None:
        """Say which activations ``run`` returns."""
        self._watched = tuple(activations)
        self._session = None

    def run(self, pixels: NDArray[Any]) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Return the output and the watched activations for one picture."""
        if self._session is None:
            self._session = self._open()
        entry = self._session.get_inputs()[0]
        batch = pixels[np.newaxis]
        if entry.type == "tensor(uint8)":
            batch = np.clip(np.rint(batch), 0, 255).astype(np.uint8)
        else:
            batch = batch.astype(np.float32)
        found = self._session.run(self._names, {entry.name: batch})
        values = [
            _real(array, watched) for array, watched in zip(found[1:], self._watched, strict=True)
        ]
        return np.asarray(found[0], np.float32).reshape(-1), values

    def close(self) -> None:
        """Free the model."""
        self._session = None

    def _open(self) -> Any:
        output = load("onnxruntime:InferenceSession", extra="onnx")
        options = load("onnxruntime:SessionOptions", extra="onnx")()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL
        scores = self._scores_name()
        keys = [str(entry.key) for entry in self._watched]
        self._names = [scores, *keys]
        data = with_outputs(self._data, [key for key in dict.fromkeys(keys) if key != scores])
        with captured_stderr():
            try:
                return output(data, sess_options=options, providers=["CPUExecutionProvider"])
            except Exception as error:  # its errors share no public base class
                message = f"Expected a model that ONNX Runtime runs, got: {first_line(error)}"
                raise ArtifactError(message, hint="export it again: edgecls export RUN") from error

    def _scores_name(self) -> str:
        used = {name for node in self._graph.nodes for name in node.inputs}
        return next(
            name
            for node in reversed(self._graph.nodes)
            for name in node.outputs
            if name and name not in used
        )

    def _input_range(self, quantizers: Mapping[str, Node]) -> tuple[float, float] | None:
        first = self._graph.nodes[0].inputs[0] if not self._makers else ""
        for node in self._graph.nodes:
            values = [name for name in node.inputs if name and name not in self._graph.constants]
            if not any(name in self._makers for name in values) and values:
                first = node.outputs[0] if node.kind == "Cast" else values[0]
                break
        quantizer = quantizers.get(first)
        if quantizer is None:
            return None
        entry = _activation(self._makers.get(first, quantizer), quantizer, self._graph)
        return entry.low, entry.high

    def _operation(self, node: Node, quantizers: Mapping[str, Node]) -> Operation:
        """A node is computed in integers where integers are dequantized into it and its result is quantized."""
        if node.kind in _CONVERSIONS:
            return Operation(kind=node.kind, is_integer=False, is_conversion=True)
        values = [name for name in node.inputs if name and name not in self._graph.constants]
        made = [self._makers.get(name) for name in values]
        is_integer = node.kind.endswith("Integer") or (
            bool(made)
            and all(maker is not None and maker.kind == _DEQUANTIZE for maker in made)
            and node.outputs[0] in quantizers
        )
        return Operation(kind=node.kind, is_integer=is_integer, is_conversion=False)

    def _weight(self, node: Node) -> Weight | None:
        name = node.inputs[1]
        maker = self._makers.get(name)
        constants = self._graph.constants
        if maker is not None and maker.kind == _DEQUANTIZE and maker.inputs[0] in constants:
            names = (*maker.inputs, "")[:3]
        elif (
            name.endswith("_quantized") and name.removesuffix("_quantized") + "_scale" in constants
        ):
            stem = name.removesuffix("_quantized")
            names = (name, f"{stem}_scale", f"{stem}_zero_point")
        else:
            return None
        stored, scales = constants[names[0]], constants[names[1]].reshape(-1)
        zero = constants.get(names[2], np.zeros(1, np.int32)).reshape(-1, 1).astype(np.float32)
        axis = (
            0 if "Conv" in node.kind else -1
        )  # MatMul and Gemm have their outputs in the last axis
        rows = np.moveaxis(stored, axis, 0)
        rows = rows.reshape(rows.shape[0], -1).astype(np.float32)
        return Weight(
            name=names[0].removesuffix("_quantized"),
            operation=node.kind,
            values=np.asarray((rows - zero) * scales.reshape(-1, 1), np.float32),
            scales=len(scales),
            step=float(scales.max()),
            output=node.outputs[0],
        )


def _activation(node: Node, quantizer: Node | None, graph: OnnxGraph) -> Activation:
    step, zero, low, high, key = 0.0, 0, -np.inf, np.inf, node.outputs[0]
    if quantizer is not None:
        scale = graph.constants[quantizer.inputs[1]].reshape(-1)
        point = graph.constants.get((*quantizer.inputs, "")[2], np.zeros(1, np.uint8)).reshape(-1)
        limits = np.iinfo(point.dtype)
        step, zero = float(scale[0]), int(point[0])
        low, high = (int(limits.min) - zero) * step, (int(limits.max) - zero) * step
        key = quantizer.outputs[0]
    return Activation(
        name=node.outputs[0],
        operation=node.kind,
        shape=(),
        step=step,
        low=low,
        high=high,
        key=key,
        zero_point=zero,
    )


def _real(values: NDArray[Any], entry: Activation) -> NDArray[np.float32]:
    if not entry.is_quantized or values.dtype.kind == "f":
        return np.asarray(values, np.float32)
    centred = values.astype(np.float32) - np.float32(entry.zero_point)
    return np.asarray(centred * np.float32(entry.step), np.float32)
