"""Exporter to TFLite of 8-bit integers with the layers in float that lose most by rounding."""

from edgecls_export.bias_correction import corrected
from edgecls_export.equalization import equalized
from edgecls_export.exported import Images, ModelBody
from edgecls_export.frozen import FrozenModel
from edgecls_export.litert_exporter import quantized
from edgecls_export.mixed_precision import MIXED_TOLERANCE, nodes_in_float, note_of
from edgecls_export.sensitivity import kernels_of, layers_in_float
from edgecls_export.tflite_exporters import float_logits
from edgecls_export.tflite_graph import TfliteGraph

__all__ = ["to_int8_mixed"]


def to_int8_mixed(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize as ``to_int8_litert``, but leave in float what loses most, within limits of size and work.

    Raises:
        ExportError: If the input is not quantized as pixels are, the Keras model is beyond reading, or its
            layers are not found again in the converted graph.
    """
    frozen = equalized(frozen, calibration)
    layers = layers_in_float(frozen.model, calibration)
    kernels = kernels_of(frozen.model, layers)
    frozen = corrected(frozen, calibration, in_float=layers)
    nodes = TfliteGraph(float_logits(frozen)).nodes()
    names = nodes_in_float(nodes, kernels)
    graph = quantized(frozen, calibration, operators_in_float=names)
    is_int8_to_the_end = graph.last_operator == "DEQUANTIZE"
    step = graph.logit_step() if is_int8_to_the_end else 0.0
    graph.take_pixels()
    graph.append_softmax()
    graph.name_ends()
    tolerance = 0.0 if is_int8_to_the_end else MIXED_TOLERANCE
    return ModelBody(data=graph.pack(), logit_step=step, tolerance=tolerance, note=note_of(layers))
