"""A functional Keras model as the steps that quantizers see: weighted layers with batch norm, and the rest.

Converters fold a batch norm into the convolution before it, and quantize what comes out behind the
activation. The kernels and the tensors that are rounded are therefore not those of single Keras layers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from edgecls_device.errors import ExportError
from numpy.typing import NDArray

__all__ = [
    "Floats",
    "LayerGraph",
    "Step",
    "UnreadableGraphError",
    "batch_norm_factor",
    "compute",
    "copy_of",
    "folded_kernel",
    "inputs_of",
    "is_weighted",
]

Floats: TypeAlias = NDArray[np.float32]
Value = TypeVar("Value")

BATCH = 16  # photos computed at once; bounds memory


class UnreadableGraphError(ExportError):
    """A Keras model is of a kind that :class:`LayerGraph` cannot read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One operation of the model, in the order of computation.

    Attributes:
        operation: The Keras layer or operation.
        norm: For a weighted layer: the batch norm folded into it; else None.
        folded_into: For such a batch norm: its weighted layer; else None.
        is_weighted: Whether it is a convolution, depthwise convolution or dense layer.
        is_quantized: Whether converters quantize its output; not where the next operation is fused with it.
    """

    operation: Any
    norm: Any
    folded_into: Any
    is_weighted: bool
    is_quantized: bool

    @property
    def is_depthwise(self) -> bool:
        """Whether it is a depthwise convolution."""
        from keras import layers

        return isinstance(self.operation, layers.DepthwiseConv2D)


class LayerGraph:
    """The operations of a functional model before its softmax.

    Attributes:
        model: The Keras model.
        steps: In the order of computation; neither the input nor the softmax is among them.
    """

    def __init__(self, model: Any) -> None:
        """Read the graph.

        Raises:
            UnreadableGraphError: If a layer is used twice, holds a model of its own, or gives several
                outputs: such graphs are beyond this reading.
        """
        from keras import layers

        self.model = model
        self._operations = [
            operation
            for operation in model.operations
            if not isinstance(operation, (layers.InputLayer, layers.Softmax))
        ]
        known = {id(model.inputs[0])}
        for operation in self._operations:
            _check(operation, known)
            known.add(id(operation.output))
        self._makers = {id(operation.output): operation for operation in self._operations}
        self._users: dict[int, list[Any]] = {}
        for operation in self._operations:
            for tensor in inputs_of(operation):
                self._users.setdefault(id(tensor), []).append(operation)
        self.steps = tuple(self._step(operation) for operation in self._operations)
        self._step_of = {id(step.operation): step for step in self.steps}

    def maker(self, tensor: Any) -> Any:
        """Return the operation that gives a tensor; None for the model's input."""
        return self._makers.get(id(tensor))

    def step_of(self, operation: Any) -> Step:
        """Return the step of an operation."""
        return self._step_of[id(operation)]

    def users(self, operation: Any) -> list[Any]:
        """Return the operations that take its output, once for each time they take it."""
        return self._users.get(id(operation.output), [])

    def weighted_around(self, operation: Any) -> frozenset[str]:
        """Return the names of the nearest weighted layers before and behind the output of an operation.

        Where all of them are computed in float, the output is not rounded.
        """
        return frozenset(self._weighted_before(operation) | self._weighted_after(operation))

    def run(self, start: Value, visit: Callable[[Step, list[Value]], Value]) -> None:
        """Go through the steps in order, keeping only the values that later steps still need.

        Args:
            start: What stands for the model's input.
            visit: Given each step and the values of its inputs; returns the value of its output.
        """
        values = {id(self.model.inputs[0]): start}
        left = {key: len(users) for key, users in self._users.items()}
        for step in self.steps:
            tensors = inputs_of(step.operation)
            values[id(step.operation.output)] = visit(step, [values[id(t)] for t in tensors])
            for tensor in tensors:
                left[id(tensor)] -= 1
                if not left[id(tensor)]:
                    del values[id(tensor)]

    def _weighted_before(self, operation: Any) -> set[str]:
        if is_weighted(operation):
            return {operation.name}
        makers = [self.maker(tensor) for tensor in inputs_of(operation)]
        found = [self._weighted_before(maker) for maker in makers if maker is not None]
        return set().union(*found)

    def _weighted_after(self, operation: Any) -> set[str]:
        users = self.users(operation)
        found = [{u.name} if is_weighted(u) else self._weighted_after(u) for u in users]
        return set().union(*found)

    def _step(self, operation: Any) -> Step:
        weighted = is_weighted(operation)
        before = None if weighted else self._folding_layer(operation)
        norm = self._norm_after(operation) if weighted else None
        follows_weights = weighted or before is not None
        users = self.users(operation)
        is_fused = norm is not None or (follows_weights and len(users) == 1 and _is_relu(users[0]))
        return Step(
            operation=operation,
            norm=norm,
            folded_into=before,
            is_weighted=weighted,
            is_quantized=not is_fused,
        )

    def _norm_after(self, operation: Any) -> Any:
        from keras import activations, layers

        users = self.users(operation)
        is_linear = operation.activation is activations.linear
        is_norm = len(users) == 1 and isinstance(users[0], layers.BatchNormalization)
        return users[0] if is_linear and is_norm else None

    def _folding_layer(self, operation: Any) -> Any:
        from keras import layers

        if not isinstance(operation, layers.BatchNormalization):
            return None
        maker = self.maker(operation.input)
        is_folded = is_weighted(maker) and self._norm_after(maker) is operation
        return maker if is_folded else None


def compute(operation: Any, inputs: list[Floats]) -> Floats:
    """Apply one operation to whole arrays, some photos at a time."""
    import keras

    function = keras.Function(inputs_of(operation), operation.output)
    starts = range(0, len(inputs[0]), BATCH)
    parts = [np.asarray(function([array[i : i + BATCH] for array in inputs])) for i in starts]
    return np.concatenate(parts)


def inputs_of(operation: Any) -> list[Any]:
    """Return its input tensors."""
    tensors = operation.input
    return list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]


def batch_norm_factor(norm: Any) -> Floats:
    """Return what a batch norm multiplies each channel by, ``gamma / sqrt(variance + epsilon)``."""
    factor = 1.0 / np.sqrt(np.asarray(norm.moving_variance) + norm.epsilon)
    return np.asarray(factor if norm.gamma is None else factor * np.asarray(norm.gamma))


def folded_kernel(step: Step) -> Floats:
    """Return the kernel of a weighted layer with its batch norm folded in, in the layout of Keras."""
    kernel = np.asarray(step.operation.kernel)
    if step.norm is None:
        return kernel
    factor = batch_norm_factor(step.norm)
    return kernel * (factor.reshape(kernel.shape[2:]) if step.is_depthwise else factor)


def copy_of(model: Any) -> Any:
    """Return a Keras model of the same layers and weights."""
    import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def is_weighted(operation: Any) -> bool:
    """Whether it is a convolution, depthwise convolution or dense layer."""
    from keras import layers

    return type(operation) in {layers.Conv2D, layers.DepthwiseConv2D, layers.Dense}


def _is_relu(operation: Any) -> bool:
    from keras import layers

    return isinstance(operation, layers.ReLU)


def _check(operation: Any, known: set[int]) -> None:
    """Refuse what is beyond this reading; only the first use of a layer has the tensors that it knows."""
    import keras

    if isinstance(operation, keras.Model) or isinstance(operation.output, (list, tuple)):
        message = f"Expected simple layers, got {operation.name}: a model, or of several outputs."
    elif not {id(tensor) for tensor in inputs_of(operation)} <= known:
        message = f"Expected layers used once, but one that {operation.name} reads is used again."
    else:
        return
    raise UnreadableGraphError(message, hint="build the model of plain layers, each called once")
