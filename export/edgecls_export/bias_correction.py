"""Correct biases for what rounding to 8 bits does to the mean of each channel.

Rounded weights shift the mean of each channel of a layer, and the shifts add up from layer to layer. Each bias
is corrected by the difference of the means between the float model and the rounded one, in which the layers
before are corrected already. From "Data-free quantization through weight equalization and bias correction"
(Nagel et al. 2019, https://arxiv.org/abs/1906.04721), section 4.2 and appendix D.

This is done to the Keras model. Weights have a scale for each output channel: its greatest absolute weight
becomes 127 in TFLite, and may have to be less in ONNX (:mod:`edgecls_export.pair_sums`). So each format has
biases of its own.
"""

import sys
from typing import Any

import numpy as np

from edgecls_export.calibration import evenly
from edgecls_export.equalization import ACTIVATION_STEPS, PHOTOS, WEIGHT_STEPS, equalized
from edgecls_export.exported import Images
from edgecls_export.frozen import FrozenModel, fingerprint
from edgecls_export.layer_graph import (
    Floats,
    LayerGraph,
    Step,
    UnreadableGraphError,
    batch_norm_factor,
    compute,
    copy_of,
    folded_kernel,
)
from edgecls_export.pair_sums import row_spans

__all__ = ["correct_biases", "corrected", "rounded_activation", "rounded_kernel", "rounded_rows"]


def corrected(
    frozen: FrozenModel,
    calibration: Images,
    *,
    in_float: frozenset[str] = frozenset(),
    pairwise: bool = False,
) -> FrozenModel:
    """Return the model equalized, with biases for int8; made once for a set of photos.

    A model that is fitted to int8 already, or whose graph is beyond :class:`LayerGraph`, is returned as it is.

    Args:
        frozen: The model.
        calibration: Prepared photos; of many, evenly chosen ones are taken.
        in_float: Names of the weighted layers that will not be rounded.
        pairwise: Whether weights are kept small for ONNX Runtime, see :func:`row_spans`.
    """
    if frozen.is_fitted_to_int8:
        return frozen
    frozen = equalized(frozen, calibration)
    chosen = evenly(calibration, PHOTOS)
    key = " ".join([fingerprint(chosen), *["pairwise"] * pairwise, *sorted(in_float)])
    if key not in frozen.corrected:
        try:
            model = correct_biases(frozen.model, chosen, in_float=in_float, pairwise=pairwise)
        except UnreadableGraphError as error:
            sys.stderr.write(f"Biases are not corrected for int8: {error}\n")
            return frozen
        frozen.corrected[key] = FrozenModel(model)
        frozen.corrected[key].is_fitted_to_int8 = True
    return frozen.corrected[key]


def correct_biases(
    model: Any,
    images: Images,
    *,
    in_float: frozenset[str] = frozenset(),
    pairwise: bool = False,
) -> Any:
    """Return a copy of a model with biases that make up for 8-bit weights and activations.

    Args:
        model: A functional Keras classifier.
        images: Calibration photos, uint8 ``(N, H, W, 3)`` RGB; some 30 are enough.
            A layer's activations for all of them are in memory at once, twice.
        in_float: Names of the weighted layers that will not be rounded.
        pairwise: As for :func:`corrected`.

    Raises:
        UnreadableGraphError: If the graph is beyond :class:`LayerGraph`.
    """
    exact, rounded = LayerGraph(model), LayerGraph(copy_of(model))
    twins = {
        id(step.operation): twin for step, twin in zip(exact.steps, rounded.steps, strict=True)
    }

    def visit(step: Step, inputs: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
        twin = twins[id(step.operation)]
        if twin.is_weighted and twin.operation.name not in in_float:
            twin.operation.kernel.assign(rounded_kernel(twin, pairwise=pairwise))
        wanted = compute(step.operation, [pair[0] for pair in inputs])
        got = compute(twin.operation, [pair[1] for pair in inputs])
        bias = _bias(twin)
        if bias is not None:
            error = (wanted - got).mean(axis=tuple(range(wanted.ndim - 1)))
            bias.assign(np.asarray(bias) + error)
            got += error
        around = exact.weighted_around(step.operation)
        is_rounded = step.is_quantized and not (around and around <= in_float)
        return wanted, rounded_activation(got, wanted) if is_rounded else got

    pixels = images.astype(np.float32)
    exact.run((pixels, pixels), visit)
    for step, twin in zip(exact.steps, rounded.steps, strict=True):
        if step.is_weighted:
            twin.operation.kernel.assign(step.operation.kernel)
    return rounded.model


def rounded_rows(rows: Floats, *, pairwise: bool = False) -> Floats:
    """Round each row to 255 levels, symmetric around zero; how far they reach, :func:`row_spans` says."""
    scale = row_spans(rows, pairwise=pairwise)[:, np.newaxis] / WEIGHT_STEPS
    scale[scale == 0] = 1
    return np.asarray(np.rint(rows / scale) * scale, np.float32)


def rounded_activation(values: Floats, seen: Floats) -> Floats:
    """Round to 256 levels between the least and greatest of ``seen`` (and zero), clipping what is beyond."""
    low, high = min(float(seen.min()), 0.0), max(float(seen.max()), 0.0)
    if low == high:
        return values
    scale = np.float32((high - low) / ACTIVATION_STEPS)
    zero = np.rint(-low / scale)
    levels = np.clip(np.rint(values / scale) + zero, 0, ACTIVATION_STEPS) - zero
    return np.asarray(levels * scale, np.float32)


def rounded_kernel(step: Step, *, pairwise: bool = False) -> Floats:
    """Return the kernel of a weighted layer, rounded as it is once its batch norm is folded into it.

    Args:
        step: The layer.
        pairwise: As for :func:`corrected`.
    """
    folded = folded_kernel(step)
    is_depthwise = step.is_depthwise
    # A depthwise kernel is (height, width, in, multiplier), and its outputs are in * multiplier.
    outputs = int(np.prod(folded.shape[2:])) if is_depthwise else folded.shape[-1]
    adds_pairs = pairwise and not (is_depthwise and folded.shape[-1] == 1)
    rows = rounded_rows(folded.reshape(-1, outputs).T, pairwise=adds_pairs)
    factor = np.ones(outputs, np.float32) if step.norm is None else batch_norm_factor(step.norm)
    rows /= np.where(factor == 0, 1, factor)[:, np.newaxis]
    return np.asarray(rows.T.reshape(folded.shape), np.float32)


def _bias(step: Step) -> Any:
    """Return the variable that shifts the channels of this very output; None if there is none."""
    from keras import activations

    layer = step.operation
    if step.folded_into is not None:
        return layer.beta
    if step.is_weighted and step.norm is None and layer.activation is activations.linear:
        return layer.bias
    return None
