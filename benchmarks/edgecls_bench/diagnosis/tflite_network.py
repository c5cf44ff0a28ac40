"""A ``.tflite`` file from inside: an interpreter whose outputs are also the values between its layers."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from edgecls_device.errors import ArtifactError, MissingDependencyError
from edgecls_device.flatbuffer import root_table
from edgecls_device.native_output import captured_stderr
from numpy.typing import NDArray

from edgecls_bench.diagnosis.network import Activation, Operation, Weight
from edgecls_bench.diagnosis.sources import computed_from

__all__ = ["TfliteNetwork", "with_float_input", "with_outputs"]

_CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST"})
_SAME_VALUES = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "PAD", "SHAPE", "PACK"})
_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
_UINT8, _FLOAT32 = 3, 0  # TensorType of schema.fbs


class TfliteNetwork:
    """See ``Network``."""

    def __init__(self, data: bytes, *, threads: int) -> None:
        """Read a file; the interpreter that computes is opened with the first run.

        Raises:
            ArtifactError: If the runtime refuses it.
            MissingDependencyError: If no runtime is installed.
        """
        self._data = data
        self._threads = threads
        self._reader = _open(data, threads, is_delegated=False)  # delegates would hide operations
        self._tensors: dict[int, Any] = {
            int(entry["index"]): entry for entry in self._reader.get_tensor_details()
        }
        self._input: Any = self._reader.get_input_details()[0]
        self._output = int(self._reader.get_output_details()[0]["index"])
        # There is no public way to see operations.
        steps: list[Any] = self._reader._get_ops_details()  # noqa: SLF001
        self.operations = tuple(self._operation(step) for step in steps)
        inputs = computed_from(
            (
                step["op_name"] in _CONVERSIONS | _SAME_VALUES,
                [int(index) for index in step["inputs"]],
                [int(index) for index in step["outputs"]],
            )
            for step in steps
        )
        self.activations = tuple(
            replace(self._activation(step, index), inputs=inputs[index])
            for step in steps
            if step["op_name"] not in _CONVERSIONS | _SAME_VALUES
            for index in map(int, step["outputs"][:1])
        )
        self.weights = tuple(
            self._weight(step) for step in steps if self._has_quantized_weight(step)
        )
        self.input_range = self._input_range(steps)
        self._watched: tuple[Activation, ...] = ()
        self._interpreter: Any = None

    def watch(self, activations: Sequence[Activation]) -> None:
        """Say which activations ``run`` returns."""
        self._watched = tuple(activations)
        self._interpreter = None

    def run(self, pixels: NDArray[Any]) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Return the output and the watched activations for one picture."""
        if self._interpreter is None:
            indexes = dict.fromkeys([self._output, *(entry.key for entry in self._watched)])
            data = with_outputs(self._data, list(indexes))
            self._interpreter = _open(data, self._threads, is_delegated=True)
        wanted = np.dtype(self._input["dtype"])
        batch = pixels[np.newaxis]
        if wanted != np.float32:
            offset = 128 if wanted == np.int8 else 0
            batch = np.clip(np.rint(batch), 0, 255) - offset
        self._interpreter.set_tensor(self._input["index"], batch.astype(wanted))
        self._interpreter.invoke()
        output = self._real(self._output)
        return output.reshape(-1), [self._real(entry.key) for entry in self._watched]

    def close(self) -> None:
        """Free the model."""
        self._interpreter = self._reader = None

    def _real(self, index: int) -> NDArray[np.float32]:
        values: NDArray[Any] = self._interpreter.get_tensor(index)
        scales, zero_points = _quantization(self._tensors[index])
        if values.dtype == np.float32 or not len(scales):
            return np.asarray(values, np.float32)
        centred = values.astype(np.float32) - np.float32(zero_points[0])
        return np.asarray(centred * np.float32(scales[0]), np.float32)

    def _input_range(self, steps: Sequence[Any]) -> tuple[float, float] | None:
        index = int(self._input["index"])
        for step in steps:  # up to the first quantized tensor, over casts
            scales, zero_points = _quantization(self._tensors[index])
            if len(scales):
                limits = np.iinfo(self._tensors[index]["dtype"])
                low, high = (int(end) - int(zero_points[0]) for end in (limits.min, limits.max))
                return low * float(scales[0]), high * float(scales[0])
            if index in step["inputs"] and step["op_name"] in _CONVERSIONS:
                index = int(step["outputs"][0])
        return None

    def _operation(self, step: Mapping[str, Any]) -> Operation:
        kind = str(step["op_name"])
        kinds = [self._dtype(i) for i in (*step["inputs"][:1], *step["outputs"][:1])]
        is_float = any(dtype in {"float32", "float16"} for dtype in kinds)
        return Operation(
            kind=kind, is_integer=not is_float, is_conversion=kind in {"QUANTIZE", "DEQUANTIZE"}
        )

    def _dtype(self, index: int) -> str:
        entry = self._tensors.get(int(index))
        return "" if entry is None else np.dtype(entry["dtype"]).name

    def _activation(self, step: Mapping[str, Any], index: int) -> Activation:
        entry = self._tensors[index]
        scales, zero_points = _quantization(entry)
        dtype = np.dtype(entry["dtype"])
        is_quantized = len(scales) == 1 and dtype.kind in "iu" and scales[0] > 0
        scale, zero = (float(scales[0]), int(zero_points[0])) if is_quantized else (0.0, 0)
        limits = np.iinfo(dtype) if is_quantized else None
        return Activation(
            name=str(entry["name"]),
            operation=str(step["op_name"]),
            shape=tuple(int(side) for side in entry["shape"]),
            step=scale,
            low=-np.inf if limits is None else (int(limits.min) - zero) * scale,
            high=np.inf if limits is None else (int(limits.max) - zero) * scale,
            key=index,
            zero_point=zero,
        )

    def _has_quantized_weight(self, step: Mapping[str, Any]) -> bool:
        if step["op_name"] not in _WEIGHTED or len(step["inputs"]) < 2:
            return False
        index = int(step["inputs"][1])
        return self._dtype(index) in {"int8", "uint8"} and bool(
            len(_quantization(self._tensors[index])[0])
        )

    def _weight(self, step: Mapping[str, Any]) -> Weight:
        index = int(step["inputs"][1])
        entry = self._tensors[index]
        scales, zero_points = _quantization(entry)
        # The output channels are the last axis of a depthwise kernel, the first of any other.
        axis = -1 if step["op_name"] == "DEPTHWISE_CONV_2D" else 0
        rows = np.moveaxis(self._reader.get_tensor(index), axis, 0)
        rows = rows.reshape(rows.shape[0], -1).astype(np.float32)
        values = (rows - zero_points.reshape(-1, 1)) * scales.reshape(-1, 1)
        return Weight(
            name=str(entry["name"]),
            operation=str(step["op_name"]),
            values=values.astype(np.float32),
            scales=len(scales),
            step=float(scales.max()),
            output=str(self._tensors[int(step["outputs"][0])]["name"]),
        )


def with_float_input(data: bytes) -> bytes:
    """Return a float model that takes float pixels, so that values no uint8 can hold can be tried.

    The cast that begins our models then copies. A model whose input is not uint8 is returned as it is.
    """
    graph = next(root_table(data).tables(2))
    first = int(graph.numbers(1, "i")[0])
    tensor = next(entry for i, entry in enumerate(graph.tables(0)) if i == first)
    place = tensor.place(1)
    if place is None or data[place] != _UINT8:
        return data
    return data[:place] + bytes([_FLOAT32]) + data[place + 1 :]


def with_outputs(data: bytes, indexes: Sequence[int]) -> bytes:
    """Return the model with other outputs: a list of them behind the file's end, and an offset to it.

    Delegates then compute them too, which keeping every tensor would forbid.
    """
    graph = next(root_table(data).tables(2))
    place = graph.place(2)
    if place is None:
        return data
    start = -(-len(data) // 4) * 4
    vector = struct.pack(f"<I{len(indexes)}i", len(indexes), *indexes)
    offset = struct.pack("<I", start - place)
    return data[:place] + offset + data[place + 4 :] + bytes(start - len(data)) + vector


def _quantization(entry: Mapping[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    parameters = entry["quantization_parameters"]
    return parameters["scales"], parameters["zero_points"]


def _open(data: bytes, threads: int, *, is_delegated: bool) -> Any:
    interpreter, resolvers = _runtime()
    kind = resolvers.AUTO if is_delegated else resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    with captured_stderr() as printed:
        try:
            opened = interpreter(
                model_content=data, num_threads=threads, experimental_op_resolver_type=kind
            )
            opened.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            failure = error
        else:
            return opened
    reason = " ".join([str(failure).strip(), *printed[-1:]])
    message = f"Expected a model that TFLite runs, got: {reason}"
    raise ArtifactError(message, hint="export it again: edgecls export RUN") from failure


def _runtime() -> tuple[Any, Any]:
    try:
        from ai_edge_litert import interpreter as module
    except ModuleNotFoundError:
        try:
            from tflite_runtime import interpreter as module
        except ModuleNotFoundError as error:
            message = "Expected a runtime for .tflite files, got none installed."
            raise MissingDependencyError(message, hint="pip install 'edgecls[device]'") from error
    return module.Interpreter, module.OpResolverType
