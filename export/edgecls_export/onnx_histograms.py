"""Exporters to int8 ONNX with value ranges from histograms: by percentile, and by least loss of information.

ONNX Runtime's own calibrators keep every tensor of every photo in memory, cut symmetrically around zero,
which wastes a bit behind a ReLU, and search in plain Python. So the histograms are made here, one photo at a
time, and the ranges that :mod:`edgecls_export.least_information` finds are handed to the quantizer.

Measured with 1000 classes and EfficientNet-Lite0, calibrated on 100 photos, on 400 others: mean score error
0.020 with ranges from least to greatest value, 0.019 by percentile, 0.093 by least loss of information (it
was 0.32 with ONNX Runtime's calibrator); agreement 95.0, 93.8 and 89.5 %. A ReLU6 leaves no outliers to cut.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from edgecls_export.bias_correction import corrected
from edgecls_export.calibration import with_full_range
from edgecls_export.exported import Images, ModelBody
from edgecls_export.frozen import INPUT_NAME, OUTPUT_NAME, FrozenModel
from edgecls_export.least_information import Histogram, least_divergence, percentile
from edgecls_export.onnx_exporters import clean_model, quantize

__all__ = ["to_int8_entropy", "to_int8_percentile"]

PERCENTILE = 99.99


def to_int8_percentile(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize as ``to_int8``, but leave the rarest 0.01 % of the values of each tensor out of its range.

    Raises:
        ExportError: If the input is not quantized as pixels are.
    """
    return _quantize(frozen, calibration, lambda histogram: percentile(histogram, PERCENTILE))


def to_int8_entropy(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize as ``to_int8``, with the ranges that lose the least information (Kullback-Leibler).

    Raises:
        ExportError: If the input is not quantized as pixels are.
    """
    return _quantize(frozen, calibration, least_divergence)


def _quantize(
    frozen: FrozenModel, calibration: Images, choose: Callable[[Histogram], tuple[float, float]]
) -> ModelBody:
    frozen = corrected(frozen, calibration, pairwise=True)
    data = clean_model(frozen)
    histograms = _histograms(data, with_full_range(calibration))
    found = {name: choose(h) for name, h in histograms.items() if h.least < h.most}
    overrides = _overrides(onnx.load_from_string(data), found)
    # The quantizer measures ranges of its own for what is left: the pixels and the logits.
    return quantize(frozen, calibration, ranges=overrides)


def _histograms(data: bytes, images: Images) -> dict[str, Histogram]:
    """Return the histogram of every float tensor, with one photo's tensors in memory at a time."""
    import onnxruntime

    model = onnx.load_from_string(data)
    known = {output.name for output in model.graph.output}
    model.graph.output.extend(
        onnx.ValueInfoProto(name=name)
        for node in model.graph.node
        for name in node.output
        if name and name not in known
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    floats = [o.name for o in session.get_outputs() if o.type == "tensor(float)"]
    histograms = {name: Histogram.empty() for name in floats}
    for image in images:
        tensors = session.run(floats, {INPUT_NAME: image[np.newaxis]})
        for name, tensor in zip(floats, tensors, strict=True):
            histograms[name].add(tensor)
    return histograms


def _overrides(
    model: Any, ranges: dict[str, tuple[float, float]]
) -> dict[str, list[dict[str, Any]]]:
    """Return ranges as the quantizer takes them.

    Pixels keep the range 0..255. Logits keep theirs from least to greatest: rare ones are the sure answers,
    which temperature and thresholds are about. A tensor that is only clipped afterwards has the range of
    what the clip leaves.
    """
    ranges = dict(ranges)
    users: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
        if INPUT_NAME in node.input or OUTPUT_NAME in node.output:
            for name in (*node.input, *node.output):
                ranges.pop(name, None)
    for name in list(ranges):
        user = users.get(name, [])
        if len(user) == 1 and user[0].op_type in {"Clip", "Relu"} and user[0].output[0] in ranges:
            ranges[name] = ranges[user[0].output[0]]
    return {
        name: [{"rmin": np.float32(least), "rmax": np.float32(most)}]
        for name, (least, most) in ranges.items()
    }
