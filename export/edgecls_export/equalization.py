"""Give the channels of a tensor similar ranges, by factors that cancel out.

A tensor has one scale for all its channels, so a channel whose values are small gets few of the 256 levels.
What makes a channel can be multiplied by a factor, and what reads it divided by the same: the model computes
what it did, and the channel gets more levels. Factors pass through additions, poolings and ReLUs. They do not
pass a ReLU with a cap: using the room that photos leave below the cap clips other photos, which cost more
than it gained (1000 classes). From "Data-free quantization through weight equalization and bias correction"
(Nagel et al. 2019, https://arxiv.org/abs/1906.04721), section 4.1; the factors are the powers of ranges and
weights, as in SmoothQuant (Xiao et al. 2022, https://arxiv.org/abs/2211.10438), of the least expected error.
"""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls_export.calibration import evenly
from edgecls_export.exported import Images
from edgecls_export.frozen import FrozenModel, fingerprint
from edgecls_export.layer_graph import (
    Floats,
    LayerGraph,
    Step,
    UnreadableGraphError,
    compute,
    copy_of,
    folded_kernel,
    inputs_of,
)

__all__ = ["ACTIVATION_STEPS", "PHOTOS", "WEIGHT_STEPS", "equalize", "equalized"]

WEIGHT_STEPS = 127
ACTIVATION_STEPS = 255
PHOTOS = 32
"""Ranges and means of channels are sure after so few photos; a layer's activations for all are in memory."""

LARGEST_FACTOR = 32.0
EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)

Factors = NDArray[np.float64]


def equalized(frozen: FrozenModel, calibration: Images) -> FrozenModel:
    """Return the model with channels of similar range; made once for a set of photos.

    A model that is fitted to int8 already, or whose graph is beyond :class:`LayerGraph`, is returned as it is.

    Args:
        frozen: The model.
        calibration: Prepared photos; of many, evenly chosen ones are taken.
    """
    if frozen.is_fitted_to_int8 or frozen.is_equalized:
        return frozen
    chosen = evenly(calibration, PHOTOS)
    key = fingerprint(chosen)
    if key not in frozen.equalized:
        try:
            made = FrozenModel(equalize(frozen.model, chosen))
        except UnreadableGraphError:
            return frozen
        made.is_equalized = True
        frozen.equalized[key] = made
    return frozen.equalized[key]


def equalize(model: Any, images: Images) -> Any:
    """Return a copy of a model that computes the same, with channels of similar range.

    Args:
        model: A functional Keras classifier.
        images: Calibration photos, uint8 ``(N, H, W, 3)`` RGB; some 30 are enough.
            A layer's activations for all of them are in memory at once.

    Raises:
        UnreadableGraphError: If the graph is beyond :class:`LayerGraph`.
    """
    graph = LayerGraph(copy_of(model))
    statistics = _measure(graph, images)
    for group in _groups(graph):
        factors = _best_factors(group, statistics)
        if factors is not None:
            _apply(group, factors)
    return graph.model


@dataclass(frozen=True, kw_only=True, slots=True)
class _Statistics:
    """Of one tensor.

    Attributes:
        low: Least value of each channel.
        high: Greatest value of each channel.
        power: Mean square of each channel.
    """

    low: Floats
    high: Floats
    power: Floats


@dataclass(kw_only=True, slots=True)
class _Group:
    """Tensors that must be scaled alike, with what makes and reads them.

    Attributes:
        makers: Steps whose channels are scaled: batch norms, or weighted layers without one.
        readers: Weighted steps that read a tensor of the group.
        tensors: Operations of the group whose output is quantized.
        widths: Numbers of channels of its tensors.
        is_free: False if something reads or makes a tensor that scales cannot pass.
    """

    makers: list[Step] = field(default_factory=list)
    readers: list[Step] = field(default_factory=list)
    tensors: list[Any] = field(default_factory=list)
    widths: set[int] = field(default_factory=set)
    is_free: bool = True

    @property
    def is_usable(self) -> bool:
        """Whether its channels may be scaled, and there is something to gain."""
        is_even = len(self.widths) == 1  # no channel is spread over others by an addition
        return self.is_free and is_even and all((self.makers, self.readers, self.tensors))


def _measure(graph: LayerGraph, images: Images) -> dict[int, _Statistics]:
    found = {}

    def visit(step: Step, inputs: list[Floats]) -> Floats:
        values = compute(step.operation, inputs)
        axes = tuple(range(values.ndim - 1))
        if step.is_quantized:
            found[id(step.operation)] = _Statistics(
                low=values.min(axes),
                high=values.max(axes),
                power=np.square(values).mean(axes),
            )
        return values

    graph.run(images.astype(np.float32), visit)
    return found


def _groups(graph: LayerGraph) -> list[_Group]:
    """Return the groups whose channels may be scaled."""
    names: dict[int, int] = {}

    def find(key: int) -> int:
        while names.setdefault(key, key) != key:
            key = names[key]
        return key

    for step in graph.steps:
        if _passes(step):
            for tensor in inputs_of(step.operation):
                names[find(id(tensor))] = find(id(step.operation.output))
    groups: dict[int, _Group] = {}
    for step in graph.steps:
        made = groups.setdefault(find(id(step.operation.output)), _Group())
        _enter_maker(made, step)
        made.widths.add(step.operation.output.shape[-1])
        if not graph.users(step.operation):
            made.is_free = False  # the logits
        for tensor in inputs_of(step.operation):
            read = groups.setdefault(find(id(tensor)), _Group())
            if graph.maker(tensor) is None:
                read.is_free = False  # the photo
            _enter_reader(read, step)
    return [group for group in groups.values() if group.is_usable]


def _enter_maker(group: _Group, step: Step) -> None:
    from keras import activations

    layer = step.operation
    if step.is_quantized:
        group.tensors.append(layer)
    if _passes(step):
        return
    is_norm = step.folded_into is not None and layer.gamma is not None and layer.beta is not None
    is_plain = step.is_weighted and step.norm is None and layer.activation is activations.linear
    if is_norm or is_plain:
        group.makers.append(step)
    elif step.norm is None:  # else its batch norm makes the channels
        group.is_free = False


def _enter_reader(group: _Group, step: Step) -> None:
    if step.is_weighted and getattr(step.operation, "groups", 1) == 1:
        group.readers.append(step)
    elif not _passes(step):
        group.is_free = False


def _passes(step: Step) -> bool:
    """Whether positive factors of channels pass through it."""
    from keras import layers

    layer = step.operation
    if isinstance(layer, layers.ReLU):
        return not layer.threshold and layer.max_value is None
    homogeneous = (
        layers.Add,
        layers.AveragePooling2D,
        layers.Dropout,
        layers.GlobalAveragePooling2D,
        layers.GlobalMaxPooling2D,
        layers.MaxPooling2D,
        layers.ZeroPadding2D,
    )
    return isinstance(layer, homogeneous)


def _best_factors(group: _Group, statistics: dict[int, _Statistics]) -> Factors | None:
    """Return the factors of the least expected error; None if they are all 1."""
    seen = [statistics[id(layer)] for layer in group.tensors]
    reach = np.max([np.maximum(-one.low, one.high) for one in seen], axis=0).astype(np.float64)
    weights = np.max([_greatest_weights(step) for step in group.readers], axis=0)
    choices = [_balanced(reach, weights, a, b) for a, b in product(EXPONENTS, EXPONENTS)]
    errors = [_expected_error(group, seen, factors) for factors in choices]
    best = choices[int(np.argmin(errors))]
    return None if np.allclose(best, 1) else best


def _balanced(reach: Factors, weights: Factors, a: float, b: float) -> Factors:
    logs = a * np.log(np.maximum(weights, 1e-9)) - b * np.log(np.maximum(reach, 1e-9))
    return np.asarray(np.clip(np.exp(logs - np.median(logs)), 1 / LARGEST_FACTOR, LARGEST_FACTOR))


def _expected_error(group: _Group, seen: list[_Statistics], factors: Factors) -> float:
    """Return the summed variance that rounding of the group's tensors and its readers' weights causes.

    A value rounded to steps of ``d`` has an error of variance ``d^2 / 12``.
    """
    steps = [
        (max((one.high * factors).max(), 0) - min((one.low * factors).min(), 0)) / ACTIVATION_STEPS
        for one in seen
    ]
    activation = sum(step**2 for step in steps)
    power = np.mean([one.power for one in seen], axis=0) * factors**2
    total = 0.0
    for reader in group.readers:
        kernel = _by_input(reader) / factors[:, np.newaxis, np.newaxis]  # (in, taps, out)
        total += activation * float(np.square(kernel).sum())
        if not reader.is_depthwise:  # else each input channel has a scale of its own
            scale = np.abs(kernel).max(axis=(0, 1)) / WEIGHT_STEPS
            total += float(np.square(scale).sum() * power.sum() * kernel.shape[1])
    return total


def _by_input(step: Step) -> Factors:
    """Return the kernel, batch norm folded in, as ``(input channels, taps, outputs of each)``."""
    kernel = folded_kernel(step).astype(np.float64)
    kernel = kernel.reshape(-1, *kernel.shape[-2:])
    return np.asarray(kernel.transpose(1, 0, 2))


def _greatest_weights(step: Step) -> Factors:
    return np.asarray(np.abs(_by_input(step)).max(axis=(1, 2)))


def _apply(group: _Group, factors: Factors) -> None:
    for step in group.makers:
        layer, is_norm = step.operation, step.folded_into is not None
        for variable in (layer.gamma, layer.beta) if is_norm else (layer.kernel, layer.bias):
            if variable is not None:  # a depthwise kernel ends in (in, multiplier)
                shape = variable.shape[2:] if len(variable.shape) == 4 and step.is_depthwise else -1
                variable.assign(np.asarray(variable) * factors.reshape(shape))
    for step in group.readers:
        kernel = step.operation.kernel
        kernel.assign(np.asarray(kernel) / factors[:, np.newaxis])  # (..., in, out)
