"""Exporters to TFLite by TensorFlow's converter: float32, float16 weights, and quantized in several ways."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from edgecls_device.errors import ExportError

from edgecls_export.bias_correction import corrected
from edgecls_export.calibration import with_full_range
from edgecls_export.exported import Images, ModelBody
from edgecls_export.frozen import FrozenModel
from edgecls_export.tflite_graph import TfliteGraph
from edgecls_export.tflite_ranges import narrow_ranges

__all__ = [
    "CRASHING_OUTPUTS",
    "float_logits",
    "to_dynamic",
    "to_float16",
    "to_float32",
    "to_int8",
    "to_int8_io",
    "to_int16",
]

CRASHING_OUTPUTS = 3
"""tflite_runtime 2.14 on ARM crashes on per-channel dense layers of so few outputs without a bias."""

SCORE_STEP = 1 / 256
"""The quantization scale that TFLite prescribes for the output of an 8-bit softmax
(https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec)."""

DYNAMIC_TOLERANCE = 0.03
"""Scales are found while running, so a last bit of a float moves an activation by a whole step: golden scores
were up to 0.009 apart between kernels of one machine, those of photos up to 0.03."""


def to_float32(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Convert without any loss; the cast from uint8 is in the graph."""
    del calibration
    return ModelBody(data=_named(_converter(frozen.pixels_to_scores).convert()))


def to_float16(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Convert with weights stored as float16: half the size; arithmetic stays float32 on a CPU."""
    import tensorflow as tf

    del calibration
    converter = _converter(frozen.pixels_to_scores)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return ModelBody(data=_named(converter.convert()))


def to_dynamic(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Convert with 8-bit weights; activations stay float32 and are quantized anew in each operator."""
    import tensorflow as tf

    del calibration
    converter = _converter(frozen.pixels_to_scores)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    _protect_small_dense(converter, frozen)
    return ModelBody(data=_named(converter.convert()), tolerance=DYNAMIC_TOLERANCE)


def to_int8(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Convert to full-integer arithmetic, weights per channel; the softmax stays in float.

    An 8-bit softmax knows 256 probabilities, which ruins temperature, thresholds and the order of the
    lower ranks. So the graph is converted up to its logits, which come out dequantized, and the softmax
    is put behind them.

    Raises:
        ExportError: If the input is not quantized as pixels are.
    """
    import tensorflow as tf

    frozen = corrected(frozen, calibration)
    converter = _calibrated(frozen.floats_to_logits, frozen, calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    graph = TfliteGraph(converter.convert())
    narrow_ranges(graph, lambda: float_logits(frozen), calibration)
    _check_pixels(graph)
    step = graph.logit_step()
    graph.append_softmax()
    graph.name_ends()
    return ModelBody(data=graph.pack(), logit_step=step)


def to_int8_io(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Convert so that not one float is left, as compilers for accelerators want it.

    Scores come out as uint8, the byte 256 times the probability: what guides for the Edge TPU ask for, with
    no zero point to forget, as int8 would have.

    Raises:
        ExportError: If an operator stays in float, or the input is not quantized as pixels are.
    """
    import tensorflow as tf

    frozen = corrected(frozen, calibration)
    converter = _calibrated(frozen.floats_to_scores, frozen, calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    graph = TfliteGraph(converter.convert())
    narrow_ranges(graph, _converter(frozen.floats_to_scores).convert, calibration)
    _check_pixels(graph)
    if graph.float_operators():
        names = ", ".join(dict.fromkeys(graph.float_operators()))
        message = f"Expected a model of integers only, got float operators: {names}."
        raise ExportError(
            message, hint="use --recipe int8, or a backbone such as efficientnet_lite0"
        )
    graph.name_ends()
    step = graph.softmax_step()
    return ModelBody(
        data=graph.pack(), logit_step=step, tolerance=float(np.tanh(step)) + SCORE_STEP
    )


def to_int16(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Convert to 16-bit activations and 8-bit weights; the softmax stays in float.

    Raises:
        ExportError: If an operator has no such kernel; the message names it.
    """
    import tensorflow as tf

    converter = _calibrated(frozen.floats_to_logits, frozen, calibration)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    ]
    try:
        graph = TfliteGraph(converter.convert())
    except RuntimeError as error:
        found = re.search(r"not yet supported for op: '(\w+)'", str(error))
        if found is None:
            raise
        message = f"Expected operators with 16-bit kernels, got {found[1]}, which has none."
        raise ExportError(message, hint="use --recipe int8 or float16 for this model") from error
    step = graph.logit_step()
    graph.take_pixels()
    graph.append_softmax()
    graph.name_ends()
    return ModelBody(data=graph.pack(), logit_step=step)


def float_logits(frozen: FrozenModel) -> bytes:
    """Return the float model up to its logits, of float pixels; made once."""
    if "tflite logits" not in frozen.shared:
        graph = TfliteGraph(_converter(frozen.floats_to_logits).convert())
        graph.name_ends()  # litert-quantizer asks for a signature
        frozen.shared["tflite logits"] = graph.pack()
    return frozen.shared["tflite logits"]


def _calibrated(function: Any, frozen: FrozenModel, calibration: Images) -> Any:
    """Return a converter that measures value ranges on the images."""
    import tensorflow as tf

    images = with_full_range(calibration)

    def representative_images() -> Iterator[list[Any]]:
        return ([image[np.newaxis].astype(np.float32)] for image in images)

    converter = _converter(function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_images
    _protect_small_dense(converter, frozen)
    return converter


def _protect_small_dense(converter: Any, frozen: FrozenModel) -> None:
    """Give dense layers one scale where a runtime would crash.

    With more outputs a scale per channel is worth it: 90.5 % agreement against 89.8 % on 1000 classes.
    """
    is_small = frozen.model.output_shape[-1] <= CRASHING_OUTPUTS
    converter._experimental_disable_per_channel_quantization_for_dense_layers = is_small  # noqa: SLF001


def _check_pixels(graph: TfliteGraph) -> None:
    if graph.input_quantization != (1.0, 0):
        message = (
            f"Expected a uint8 input of scale 1 and zero point 0, got {graph.input_quantization}."
        )
        raise ExportError(message, hint="the model must take pixels 0..255; normalize inside of it")


def _converter(function: Any) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_concrete_functions([function])


def _named(data: bytes) -> bytes:
    graph = TfliteGraph(data)
    graph.name_ends()
    return graph.pack()
