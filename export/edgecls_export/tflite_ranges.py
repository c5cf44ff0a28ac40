"""Ranges that TensorFlow's calibration takes from the wrong tensor.

The interpreter that calibrates lets additions and multiplications write into the memory of an input, and then
looks at its inputs: such an input gets the range of the output as well as its own. Behind the projections of
EfficientNet-Lite0 ranges were twice too wide, which costs one bit of eight. Seen with TensorFlow 2.21, and told
by the two tensors having the very same scale and zero point.

A scale may be changed after conversion: kernels compute their factors from the scales of a file when it is
loaded.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from edgecls_export.exported import Images
from edgecls_export.tflite_graph import TfliteGraph

__all__ = ["narrow_ranges"]

STEPS = 255
LEAST = -128


def narrow_ranges(graph: TfliteGraph, float_model: Callable[[], bytes], images: Images) -> None:
    """Give inputs that share the range of their sum or product a range of their own.

    Args:
        graph: A full-integer model; it is changed.
        float_model: Makes the ``.tflite`` file that the same graph converts to without quantization; its input
            takes pixels as float32. Not called where no range is shared.
        images: Calibration images.
    """
    names = graph.inputs_with_range_of_output()
    ranges = _ranges(float_model(), names, images) if names else {}
    for name, (low, high) in ranges.items():
        scale = (high - low) / STEPS
        graph.set_quantization(name, scale, int(np.rint(LEAST - low / scale)))


def _ranges(model: bytes, names: list[str], images: Images) -> dict[str, tuple[float, float]]:
    """Return least and greatest value (and zero) of the named tensors that the model has and that vary."""
    import tensorflow as tf

    with (
        warnings.catch_warnings()
    ):  # of debugging, and of the interpreter's move to another package
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(
            model_content=model, experimental_preserve_all_tensors=True
        )
    interpreter.allocate_tensors()
    places: dict[str, Any] = {
        detail["name"]: detail["index"] for detail in interpreter.get_tensor_details()
    }
    found = {name: (0.0, 0.0) for name in names if name in places}
    (pixels,) = interpreter.get_input_details()
    for image in images:
        interpreter.set_tensor(pixels["index"], image[np.newaxis].astype(np.float32))
        interpreter.invoke()
        for name, (low, high) in found.items():
            values = interpreter.get_tensor(places[name])
            found[name] = min(low, float(values.min())), max(high, float(values.max()))
    return {name: (low, high) for name, (low, high) in found.items() if low < high}
