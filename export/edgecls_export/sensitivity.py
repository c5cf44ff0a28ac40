"""Which layers lose most when they are rounded to 8 bits, measured on photos.

A kernel, or an activation, is rounded on its own, and the loss is the variance of the error as a share of the
variance of the signal, both as the next layers weigh the channels. So one channel of large values that the next
layer divides again, but which takes all the levels of its tensor, shows as the loss of the others; and a
channel that is rounded away, but never read, costs nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecls_export.bias_correction import rounded_activation, rounded_kernel
from edgecls_export.calibration import evenly
from edgecls_export.exported import Images
from edgecls_export.layer_graph import (
    Floats,
    LayerGraph,
    Step,
    batch_norm_factor,
    compute,
    folded_kernel,
)

__all__ = ["Spot", "choose_spots", "kernels_of", "layers_in_float", "weak_spots"]

LEAST_LOSS = 1e-4
"""A rounding that costs less of the signal (40 dB below it) is not worth a layer in float."""
MOST_WEIGHTS = 0.25
"""Share of the weights that may stay in float: the file is then at most 44 % of float32."""
MOST_WORK = 0.35
"""Share of the multiplications that may stay in float, which take about twice the time of int8."""
PHOTOS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """One rounding, and the weighted layers that must be in float to avoid it.

    Attributes:
        name: Of the layer whose kernel or output is rounded.
        loss: Share of the signal that is lost, 0..1.
        layers: Names of the weighted layers.
    """

    name: str
    loss: float
    layers: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Of a weighted layer.

    Attributes:
        weights: Number of weights.
        work: Multiplications for a photo.
    """

    weights: int
    work: int


def layers_in_float(model: Any, calibration: Images, *, pairwise: bool = False) -> frozenset[str]:
    """Return the names of the weighted layers that should stay in float.

    Args:
        model: A functional Keras classifier.
        calibration: Prepared photos; of many, evenly chosen ones are taken.
        pairwise: Whether weights are kept small for ONNX Runtime, see :mod:`edgecls_export.pair_sums`.

    Raises:
        UnreadableGraphError: If the graph is beyond :class:`LayerGraph`.
    """
    graph = LayerGraph(model)
    spots = weak_spots(graph, evenly(calibration, PHOTOS), pairwise=pairwise)
    return frozenset(choose_spots(spots, _costs(graph)))


def kernels_of(model: Any, names: frozenset[str]) -> list[Floats]:
    """Return the kernels of layers, batch norm folded in."""
    steps = LayerGraph(model).steps
    return [folded_kernel(step) for step in steps if step.operation.name in names]


def weak_spots(graph: LayerGraph, images: Images, *, pairwise: bool = False) -> list[Spot]:
    """Return every rounding with its loss, the worst first."""
    spots: list[Spot] = []

    def visit(step: Step, inputs: list[Floats]) -> Floats:
        layer = step.operation
        values = compute(layer, inputs)
        if step.is_weighted:
            rounded = _with_kernel(layer, rounded_kernel(step, pairwise=pairwise), inputs)
            # The mean of the error does not count: biases are corrected.
            loss = _loss(values - rounded, values, _weights_behind(graph, step))
            spots.append(Spot(name=layer.name, loss=loss, layers=frozenset({layer.name})))
        if step.is_quantized:
            error = rounded_activation(values, values) - values
            loss = _loss(error, values, _weights_behind(graph, step))
            spots.append(Spot(name=layer.name, loss=loss, layers=graph.weighted_around(layer)))
        return values

    graph.run(images.astype(np.float32), visit)
    return sorted(spots, key=lambda spot: -spot.loss)


def choose_spots(spots: list[Spot], costs: dict[str, Cost]) -> set[str]:
    """Return the names of the layers to leave in float: for the worst losses first, as far as the limits allow.

    Args:
        spots: The worst first.
        costs: Of each weighted layer.
    """
    most_weights = MOST_WEIGHTS * sum(cost.weights for cost in costs.values())
    most_work = MOST_WORK * sum(cost.work for cost in costs.values())
    names: set[str] = set()
    for spot in spots:
        wanted = names | spot.layers
        weights = sum(costs[name].weights for name in wanted)
        work = sum(costs[name].work for name in wanted)
        if spot.loss >= LEAST_LOSS and weights <= most_weights and work <= most_work:
            names = wanted
    return names


def _loss(error: Floats, values: Floats, weights: Floats) -> float:
    axes = tuple(range(values.ndim - 1))
    signal = float((values.var(axes) * weights).sum())
    return min(float((error.var(axes) * weights).sum()) / signal, 1.0) if signal > 0 else 0.0


def _weights_behind(graph: LayerGraph, step: Step) -> Floats:
    """Return for each channel of an output the sum of the squared weights that it meets next; 1 at the end."""
    factor = np.square(batch_norm_factor(step.norm)) if step.norm is not None else 1.0
    layer = step.norm or step.operation
    channels = int(layer.output.shape[-1])
    sums = np.zeros(channels, np.float32)
    for user in graph.users(layer):
        found = _weights_met(graph, graph.step_of(user))
        sums += (
            found if len(found) == channels else found.mean()
        )  # a Flatten or the like is between
    return np.asarray((sums if graph.users(layer) else np.ones(channels)) * factor, np.float32)


def _weights_met(graph: LayerGraph, step: Step) -> Floats:
    if not step.is_weighted:
        return _weights_behind(graph, step)
    squares = np.square(folded_kernel(step))
    if step.is_depthwise:  # what a channel is worth shows behind it
        kernel_sums = squares.sum(axis=(0, 1))
        behind = _weights_behind(graph, graph.step_of(step.norm) if step.norm else step)
        return np.asarray((kernel_sums * behind.reshape(kernel_sums.shape)).sum(axis=1))
    return np.asarray(squares.reshape(-1, *squares.shape[-2:]).sum(axis=(0, 2)))


def _with_kernel(layer: Any, kernel: Floats, inputs: list[Floats]) -> Floats:
    own = np.asarray(layer.kernel)
    layer.kernel.assign(kernel)
    try:
        return compute(layer, inputs)
    finally:
        layer.kernel.assign(own)


def _costs(graph: LayerGraph) -> dict[str, Cost]:
    costs = {}
    for step in graph.steps:
        if step.is_weighted:
            layer = step.operation
            weights = int(np.prod(layer.kernel.shape))
            positions = int(np.prod(layer.output.shape[1:-1])) if layer.output.ndim > 2 else 1
            costs[layer.name] = Cost(weights=weights, work=weights * positions)
    return costs
