"""Exporters to ONNX: float32, float16 weights, and quantized.

Static quantization is written as QDQ: quantize and dequantize nodes around each operator, which a runtime
fuses into one of integers.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from edgecls_device.errors import ExportError

from edgecls_export.bias_correction import corrected
from edgecls_export.calibration import with_full_range
from edgecls_export.exported import Images, ModelBody
from edgecls_export.frozen import INPUT_NAME, OUTPUT_NAME, FrozenModel
from edgecls_export.onnx_graph import (
    check_input_scale,
    logit_step,
    rename,
    with_float16_weights,
    without_unused_domains,
)
from edgecls_export.onnx_pairs import weight_ranges

__all__ = [
    "CalibrationReader",
    "clean_model",
    "float_model",
    "quantize",
    "softmax_nodes",
    "to_dynamic",
    "to_float16",
    "to_float32",
    "to_int8",
    "to_int16",
]

OPSET = 17  # per-channel QDQ needs 13; every ONNX Runtime from 1.14 on runs 17

DYNAMIC_TOLERANCE = 0.03
"""Scales are found while running, so a last bit of a float moves an activation by a whole step."""

INT16_TOLERANCE = 5e-3
"""Golden scores were 0.0016 apart with and without ONNX Runtime's fusions, which round at other places."""


def to_float32(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Convert without any loss; the cast from uint8 is in the graph."""
    del calibration
    return ModelBody(data=float_model(frozen))


def to_float16(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Store weights as float16; a runtime widens them while loading, and computes in float32.

    What stores activations as float16 too runs slower on a CPU: ONNX Runtime then casts around every
    operator that has no such kernel.
    """
    del calibration
    model = onnx.load_from_string(float_model(frozen))
    with_float16_weights(model)
    onnx.checker.check_model(model)
    return ModelBody(data=model.SerializeToString())


def to_dynamic(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize weights; activations are quantized anew in each operator, by ranges found while running.

    ConvInteger has one scale for all weights. That ruins depthwise convolutions, whose channels differ most:
    70 % agreement on 1000 classes instead of 90 %, and it takes 2.6 times the time of float32. So these and
    the first convolution stay in float.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    del calibration
    with tempfile.TemporaryDirectory(prefix="edgecls-") as folder:
        cleaned, done = Path(folder) / "clean.onnx", Path(folder) / "done.onnx"
        cleaned.write_bytes(clean_model(frozen))
        quantize_dynamic(
            str(cleaned),
            str(done),
            per_channel=True,
            weight_type=QuantType.QUInt8,  # int8 ones run three times slower in ConvInteger
            nodes_to_exclude=_bearing_no_single_scale(onnx.load(str(cleaned))),
        )
        model = onnx.load(str(done))
    without_unused_domains(model)
    return ModelBody(data=model.SerializeToString(), tolerance=DYNAMIC_TOLERANCE)


def to_int8(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize the float model: per channel, activations uint8, weights int8; the softmax stays in float.

    Per-tensor weights cost points of accuracy, and uint8 weights run many times slower. Weights stay so small
    that every CPU computes the same, see :mod:`edgecls_export.pair_sums`.

    Raises:
        ExportError: If the input is not quantized as pixels are.
    """
    return quantize(frozen, calibration)


def to_int16(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize the float model to 16-bit activations and 8-bit weights; the softmax stays in float.

    QuantizeLinear knows 16 bits from operator set 21 on, which ONNX Runtime has from 1.18 on.

    Raises:
        ExportError: If the float model has no single softmax at its end.
    """
    from onnxruntime.quantization import QuantType

    body = quantize(frozen, calibration, activations=QuantType.QUInt16)
    return replace(body, tolerance=INT16_TOLERANCE)


def quantize(
    frozen: FrozenModel,
    calibration: Images,
    *,
    activations: Any = None,
    nodes_in_float: Sequence[str] = (),
    ranges: Mapping[str, Any] | None = None,
) -> ModelBody:
    """Return the cleaned float model as QDQ, weights int8 per channel, ranges from least to greatest value.

    Args:
        frozen: The model.
        calibration: Prepared photos, at least one.
        activations: A ``QuantType`` for activations; by default ``QUInt8``.
        nodes_in_float: Nodes of :func:`clean_model` to leave out, besides the softmax.
        ranges: Other ranges of activations, as ``TensorQuantOverrides`` of the quantizer.

    Raises:
        ExportError: If the input is not quantized as pixels are, or no single softmax ends the model.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    is_8_bit = activations in {None, QuantType.QUInt8}
    data = clean_model(corrected(frozen, calibration, pairwise=is_8_bit))
    model = onnx.load_from_string(data)
    in_float = [*softmax_nodes(model), *nodes_in_float]
    of_weights = weight_ranges(model, nodes_in_float=in_float) if is_8_bit else {}
    with tempfile.TemporaryDirectory(prefix="edgecls-") as folder:
        cleaned, done = Path(folder) / "clean.onnx", Path(folder) / "done.onnx"
        cleaned.write_bytes(data)
        quantize_static(
            str(cleaned),
            str(done),
            CalibrationReader(with_full_range(calibration)),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8 if activations is None else activations,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=in_float,
            extra_options={"TensorQuantOverrides": {**of_weights, **(ranges or {})}},
        )
        model = onnx.load(str(done))
    if is_8_bit:
        check_input_scale(model)
    without_unused_domains(model)
    return ModelBody(data=model.SerializeToString(), logit_step=logit_step(model))


def _bearing_no_single_scale(model: Any) -> list[str]:
    """Return the names of the depthwise convolutions and of the first one."""
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    return [
        node.name
        for i, node in enumerate(convolutions)
        if i == 0 or any(a.name == "group" and a.i > 1 for a in node.attribute)
    ]


class CalibrationReader:
    """Gives one image a call, as ONNX Runtime's ``CalibrationDataReader`` does."""

    def __init__(self, images: Images) -> None:
        self._images: Iterator[Any] = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next image under the input's name, or None at the end."""
        image = next(self._images, None)
        return None if image is None else {INPUT_NAME: image[np.newaxis]}


def float_model(frozen: FrozenModel) -> bytes:
    """Return the float ONNX model; made once, as all recipes start from it."""
    if "onnx" not in frozen.shared:
        import tf2onnx

        function = frozen.pixels_to_scores
        model, _ = tf2onnx.convert.from_graph_def(
            function.graph.as_graph_def(),
            input_names=[function.inputs[0].name],
            output_names=[function.outputs[0].name],
            opset=OPSET,
        )
        rename(model, {function.inputs[0].name: INPUT_NAME, function.outputs[0].name: OUTPUT_NAME})
        model.graph.name = "classifier"
        without_unused_domains(model)
        onnx.checker.check_model(model)
        frozen.shared["onnx"] = model.SerializeToString()
    return frozen.shared["onnx"]


def clean_model(frozen: FrozenModel) -> bytes:
    """Return the float ONNX model with nodes cleaned and fused; made once.

    Else batch normalizations would be quantized on their own.
    """
    if "onnx clean" not in frozen.shared:
        from onnxruntime.quantization.shape_inference import quant_pre_process

        with tempfile.TemporaryDirectory(prefix="edgecls-") as folder:
            start, cleaned = Path(folder) / "float.onnx", Path(folder) / "clean.onnx"
            start.write_bytes(float_model(frozen))
            quant_pre_process(str(start), str(cleaned))
            frozen.shared["onnx clean"] = cleaned.read_bytes()
    return frozen.shared["onnx clean"]


def softmax_nodes(model: Any) -> list[str]:
    """Return the name of the node that gives the scores, as a list of one.

    Raises:
        ExportError: If there is no such named node.
    """
    names = [node.name for node in model.graph.node if OUTPUT_NAME in node.output]
    if len(names) != 1 or not names[0]:
        message = f"Expected one named node that gives {OUTPUT_NAME!r}, got {names}."
        raise ExportError(message, hint="end the model in a Softmax layer named 'scores'")
    return names
