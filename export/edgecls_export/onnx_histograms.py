"""Exporters to int8 ONNX with value ranges from histograms: by percentile, and by least loss of information.

ONNX Runtime keeps every tensor of every photo until the histograms are made (several gigabytes for 100
photos), cuts percentiles symmetrically around zero, which wastes a bit behind a ReLU, and gives entropy as
many bins as there are quantized values, which leaves it nothing to choose. So its calibrators are fed
one photo at a time here, with settings of our own, and the ranges found are handed to the quantizer.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgecls_export.bias_correction import corrected
from edgecls_export.calibration import with_full_range
from edgecls_export.exported import Images, ModelBody
from edgecls_export.frozen import INPUT_NAME, OUTPUT_NAME, FrozenModel
from edgecls_export.onnx_exporters import CalibrationReader, clean_model, quantize

__all__ = ["to_int8_entropy", "to_int8_percentile"]

PERCENTILE = 99.99
BINS = 2048
ENTROPY_BINS, QUANTIZED_BINS = 512, 128
"""ONNX Runtime tries every number of bins in plain Python: the time grows with their square."""


def to_int8_percentile(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize as ``to_int8``, but leave the rarest 0.01 % of the values of each tensor out of its range.

    Raises:
        ExportError: If the input is not quantized as pixels are.
    """
    from onnxruntime.quantization import CalibrationMethod

    options = {"num_bins": BINS, "percentile": PERCENTILE, "symmetric": False}
    return _quantize(frozen, calibration, CalibrationMethod.Percentile, options)


def to_int8_entropy(frozen: FrozenModel, calibration: Images) -> ModelBody:
    """Quantize as ``to_int8``, with the ranges that lose the least information (Kullback-Leibler).

    Raises:
        ExportError: If the input is not quantized as pixels are.
    """
    from onnxruntime.quantization import CalibrationMethod

    options = {"num_bins": ENTROPY_BINS, "num_quantized_bins": QUANTIZED_BINS}
    return _quantize(frozen, calibration, CalibrationMethod.Entropy, options)


def _quantize(
    frozen: FrozenModel, calibration: Images, method: Any, options: dict[str, Any]
) -> ModelBody:
    frozen = corrected(frozen, calibration)
    data = clean_model(frozen)
    found = _ranges(data, with_full_range(calibration), method, options)
    overrides = _overrides(onnx.load_from_string(data), found)
    # The quantizer measures ranges of its own for what is left: the pixels and the logits.
    return quantize(frozen, calibration, extra_options={"TensorQuantOverrides": overrides})


def _ranges(
    data: bytes, images: Images, method: Any, options: dict[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Return least and greatest value of every tensor, with one photo's tensors in memory at a time."""
    from onnxruntime.quantization import create_calibrator

    with tempfile.TemporaryDirectory(prefix="edgecls-") as folder:
        model = Path(folder) / "model.onnx"
        model.write_bytes(data)
        calibrator = create_calibrator(
            model,
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=method,
            extra_options=options,
        )
        for image in images:
            calibrator.collect_data(CalibrationReader(image[np.newaxis]))
        found = calibrator.compute_data()
    return {name: found[name].range_value for name in found}


def _overrides(model: Any, ranges: dict[str, tuple[Any, Any]]) -> dict[str, list[dict[str, Any]]]:
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
