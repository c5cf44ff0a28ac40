"""Changes to a converted .tflite file that the converter has no option for.

A file is unpacked with the object API that TensorFlow generates from schema.fbs
(https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs),
changed, and packed again.
"""

from collections import Counter
from typing import Any

import flatbuffers
import numpy as np
from edgecls_device.errors import ExportError
from tensorflow.lite.python import schema_py_generated as schema

from edgecls_export.frozen import INPUT_NAME, OUTPUT_NAME
from edgecls_export.mixed_precision import GraphNode

__all__ = ["TfliteGraph"]

SIGNATURE = "serving_default"
FILE_IDENTIFIER = b"TFL3"
BUFFER_ALIGNMENT = (
    16  # force_align of Buffer.data in schema.fbs, which the Python packer does not heed
)

WEIGHTED = frozenset(
    {
        schema.BuiltinOperator.CONV_2D,
        schema.BuiltinOperator.DEPTHWISE_CONV_2D,
        schema.BuiltinOperator.FULLY_CONNECTED,
    }
)


SUMS = frozenset(
    {schema.BuiltinOperator.ADD, schema.BuiltinOperator.MUL, schema.BuiltinOperator.SUB}
)


class TfliteGraph:
    """A classifier of one input and one output, as objects.

    Attributes:
        model: The root of the object tree.
    """

    def __init__(self, data: bytes) -> None:
        """Unpack a file.

        Raises:
            ExportError: If it has not one subgraph with one input and one output.
        """
        self.model: Any = schema.ModelT.InitFromPackedBuf(bytearray(data))
        _bring_in(self.model.buffers, data)
        graphs = self.model.subgraphs
        if len(graphs) != 1 or len(graphs[0].inputs) != 1 or len(graphs[0].outputs) != 1:
            message = (
                "Expected a converted model of one graph with one input and one output, got others."
            )
            raise ExportError(message, hint="give a functional Keras model without control flow")
        self._graph: Any = graphs[0]

    @property
    def input_quantization(self) -> tuple[float, int]:
        """Scale and zero point of the input; (0, 0) for a float one."""
        return _quantization(self._input)

    @property
    def output_dtype(self) -> str:
        """Type of the output, such as ``float32`` or ``uint8``."""
        code = self._graph.tensors[self._graph.outputs[0]].type
        names = vars(schema.TensorType).items()
        return str(next(name.lower() for name, value in names if value == code))

    def inputs_with_range_of_output(self) -> list[str]:
        """Return the tensors that only one sum or product reads, and whose scale and zero point its output has.

        Only those made by an operator that is free to have an output of any scale.
        """
        graph = self._graph
        makers = {i: self._code_of(op) for op in graph.operators for i in op.outputs}
        readers = Counter(i for op in graph.operators for i in op.inputs)
        return [
            _text(graph.tensors[i].name)
            for op in graph.operators
            if self._code_of(op) in SUMS
            for i in op.inputs
            if makers.get(i) in WEIGHTED | SUMS
            and readers[i] == 1
            and _quantization(graph.tensors[i])
            == _quantization(graph.tensors[op.outputs[0]])
            != (0.0, 0)
        ]

    def set_quantization(self, name: str, scale: float, zero_point: int) -> None:
        """Change scale and zero point of a tensor that has one scale."""
        (tensor,) = (tensor for tensor in self._graph.tensors if _text(tensor.name) == name)
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero_point]
        tensor.quantization.min = tensor.quantization.max = None

    def logit_step(self) -> float:
        """Return the quantization scale of the logits that the last operator turns into floats.

        Raises:
            ExportError: If the last operator is another.
        """
        last = self._graph.operators[-1]
        if self._code_of(last) != schema.BuiltinOperator.DEQUANTIZE:
            message = f"Expected a full-integer model to end in DEQUANTIZE, got operator {self._code_of(last)}."
            raise ExportError(message, hint="use --recipe float16 for this model")
        return _quantization(self._graph.tensors[last.inputs[0]])[0]

    def append_softmax(self) -> None:
        """Put a float softmax behind the output."""
        logits = self._graph.outputs[0]
        scores = schema.TensorT()
        scores.shape = self._graph.tensors[logits].shape
        scores.type = schema.TensorType.FLOAT32
        scores.name = OUTPUT_NAME
        scores.buffer = self._add_buffer()
        self._graph.tensors[logits].name = "logits"
        self._graph.tensors.append(scores)
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        softmax = schema.OperatorT()
        softmax.opcodeIndex = self._operator_code(schema.BuiltinOperator.SOFTMAX)
        softmax.inputs = [logits]
        softmax.outputs = [len(self._graph.tensors) - 1]
        softmax.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
        softmax.builtinOptions = options
        self._graph.operators.append(softmax)
        self._graph.outputs = softmax.outputs

    def take_pixels(self) -> None:
        """Put an operator before the input, so that it takes uint8 pixels 0..255.

        An int8 input of scale 1 and zero point -128 gets the QUANTIZE that shifts pixels by 128; a float
        input gets a CAST.

        Raises:
            ExportError: If the input is quantized in another way.
        """
        old, place = self._input, self._graph.inputs[0]
        is_float = old.type == schema.TensorType.FLOAT32
        if not is_float and (old.type, _quantization(old)) != (schema.TensorType.INT8, (1.0, -128)):
            message = (
                f"Expected an int8 input of scale 1 and zero point -128, got {_quantization(old)}."
            )
            raise ExportError(
                message, hint="the model must take pixels 0..255; normalize inside of it"
            )
        pixels = schema.TensorT()
        pixels.shape, pixels.type, pixels.buffer = (
            old.shape,
            schema.TensorType.UINT8,
            self._add_buffer(),
        )
        if not is_float:
            pixels.quantization = schema.QuantizationParametersT()
            pixels.quantization.scale, pixels.quantization.zeroPoint = [1.0], [0]
        old.name = "pixels"
        self._graph.tensors.append(pixels)
        first = schema.OperatorT()
        kind = schema.BuiltinOperator.CAST if is_float else schema.BuiltinOperator.QUANTIZE
        first.opcodeIndex = self._operator_code(kind)
        first.inputs, first.outputs = [len(self._graph.tensors) - 1], [place]
        self._graph.operators.insert(0, first)
        self._graph.inputs = first.inputs

    def float_operators(self) -> list[str]:
        """Return the names of the operators that take or give float32, in the order of the graph."""
        return [
            self._name_of(operator)
            for operator in self._graph.operators
            if any(
                self._graph.tensors[i].type == schema.TensorType.FLOAT32
                for i in (*operator.inputs, *operator.outputs)
                if i >= 0
            )
        ]

    @property
    def last_operator(self) -> str:
        """Name of the operator that gives the output."""
        return self._name_of(self._graph.operators[-1])

    def nodes(self) -> list[GraphNode]:
        """Return the operators; their names are what litert-quantizer's recipes are matched against."""
        return [self._node(operator) for operator in self._graph.operators]

    def softmax_step(self) -> float:
        """Return the quantization scale of what the softmax takes; 0 if that is float or there is none."""
        for operator in self._graph.operators:
            if self._code_of(operator) == schema.BuiltinOperator.SOFTMAX:
                return _quantization(self._graph.tensors[operator.inputs[0]])[0]
        return 0.0

    def name_ends(self) -> None:
        """Call input and output ``image`` and ``scores``, also in a signature for newer runtimes."""
        self._input.name = INPUT_NAME
        self._graph.tensors[self._graph.outputs[0]].name = OUTPUT_NAME
        signature = schema.SignatureDefT()
        signature.signatureKey = SIGNATURE
        signature.subgraphIndex = 0
        signature.inputs = [_tensor_map(INPUT_NAME, self._graph.inputs[0])]
        signature.outputs = [_tensor_map(OUTPUT_NAME, self._graph.outputs[0])]
        self.model.signatureDefs = [signature]

    def set_metadata(self, name: str, data: bytes) -> None:
        """Add a metadata entry, or replace the one of that name."""
        entries = [entry for entry in self.model.metadata or [] if _text(entry.name) != name]
        entry = schema.MetadataT()
        entry.name = name
        entry.buffer = self._add_buffer(data)
        self.model.metadata = [*entries, entry]

    def pack(self) -> bytes:
        """Return the file."""
        builder = flatbuffers.Builder(1 << 20)
        self.model.buffers = [_AlignedBuffer(buffer.data) for buffer in self.model.buffers]
        builder.Finish(self.model.Pack(builder), file_identifier=FILE_IDENTIFIER)
        return bytes(builder.Output())

    def _node(self, operator: Any) -> GraphNode:
        tensors = self._graph.tensors
        buffers = {i: self.model.buffers[tensors[i].buffer].data for i in operator.inputs if i >= 0}
        outputs = tuple(_text(tensors[i].name) for i in operator.outputs)
        kernel = None
        if self._code_of(operator) in WEIGHTED and buffers[operator.inputs[1]] is not None:
            kernel = np.frombuffer(bytes(buffers[operator.inputs[1]]), np.float32)
        return GraphNode(
            name=outputs[0],
            inputs=tuple(_text(tensors[i].name) for i, data in buffers.items() if data is None),
            outputs=outputs,
            kernel=kernel,
        )

    @property
    def _input(self) -> Any:
        return self._graph.tensors[self._graph.inputs[0]]

    def _code_of(self, operator: Any) -> int:
        code = self.model.operatorCodes[operator.opcodeIndex]
        return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))

    def _name_of(self, operator: Any) -> str:
        names = {
            value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()
        }
        return str(names.get(self._code_of(operator), "CUSTOM"))

    def _operator_code(self, builtin: int) -> int:
        for i, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
                return i
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def _add_buffer(self, data: bytes | None = None) -> int:
        self.model.buffers.append(
            _AlignedBuffer(None if data is None else np.frombuffer(data, np.uint8))
        )
        return len(self.model.buffers) - 1


def _bring_in(buffers: Any, data: bytes) -> None:
    """Read the buffers that a file keeps behind its flatbuffer, as litert-quantizer's do."""
    for buffer in buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(data, np.uint8, count=buffer.size, offset=buffer.offset)
            buffer.offset = buffer.size = 0


class _AlignedBuffer:
    """A ``BufferT`` whose data starts at a multiple of 16 bytes, as runtimes expect."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def Pack(self, builder: Any) -> Any:  # noqa: N802 - the packer of the tree calls it
        vector = None
        if self.data is not None and len(self.data):
            data = np.ascontiguousarray(self.data, np.uint8)
            builder.Prep(BUFFER_ALIGNMENT, len(data))
            vector = builder.CreateNumpyVector(data)
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def _quantization(tensor: Any) -> tuple[float, int]:
    parameters = tensor.quantization
    if parameters is None or parameters.scale is None or len(parameters.scale) != 1:
        return 0.0, 0
    return float(parameters.scale[0]), int(parameters.zeroPoint[0])


def _tensor_map(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name = name
    entry.tensorIndex = index
    return entry


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name or "")
