"""Exporters to ONNX: float32, and int8 as QDQ (quantize and dequantize nodes around each operator)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from edgecls_device.errors import ExportError

from edgecls_export.calibration import with_full_range
from edgecls_export.exported import Images, ModelBody
from edgecls_export.frozen import INPUT_NAME, OUTPUT_NAME, FrozenModel
from edgecls_export.onnx_graph import check_input_scale, logit_step, rename, without_unused_domains

__all__ = ["to_float32", "to_int8"]

OPSET = 17  # per-channel QDQ needs 13; every ONNX Runtime from 1.14 on runs 17


def to_float32(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Convert without any loss; the cast from uint8 is in the graph."""
    del calibration
    return ModelBody(data=_float_model(frozen))


def to_int8(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize the float model: per channel, activations uint8, weights int8; the softmax stays in float.

    Per-tensor weights cost points of accuracy, and uint8 weights run many times slower. The nodes are
    cleaned and fused first, or batch normalizations would be quantized on their own.

    Raises:
        ExportError: If the input is not quantized as pixels are.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="edgecls-") as folder:
        start, cleaned, done = (
            Path(folder) / f"{name}.onnx" for name in ("float", "clean", "int8")
        )
        start.write_bytes(_float_model(frozen))
        quant_pre_process(str(start), str(cleaned))
        quantize_static(
            str(cleaned),
            str(done),
            _CalibrationReader(with_full_range(calibration)),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=_softmax_nodes(onnx.load(str(cleaned))),
        )
        model = onnx.load(str(done))
    check_input_scale(model)
    without_unused_domains(model)
    return ModelBody(data=model.SerializeToString(), logit_step=logit_step(model))


class _CalibrationReader:
    """Gives one image a call, as ONNX Runtime's ``CalibrationDataReader`` does."""

    def __init__(self, images: Images) -> None:
        self._images: Iterator[Any] = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._images, None)
        return None if image is None else {INPUT_NAME: image[np.newaxis]}


def _float_model(frozen: FrozenModel) -> bytes:
    """Return the float ONNX model; made once, as both recipes start from it."""
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


def _softmax_nodes(model: Any) -> list[str]:
    names = [node.name for node in model.graph.node if OUTPUT_NAME in node.output]
    if len(names) != 1 or not names[0]:
        message = f"Expected one named node that gives {OUTPUT_NAME!r}, got {names}."
        raise ExportError(message, hint="end the model in a Softmax layer named 'scores'")
    return names
