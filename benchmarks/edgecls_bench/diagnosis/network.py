"""A model file seen from inside: its operations, its weights, and the values between its layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Activation", "Network", "Operation", "Weight", "channel_ranges"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        kind: The format's own name, such as ``CONV_2D`` or ``Conv``.
        is_integer: Whether it works on integers.
        is_conversion: Whether it only turns floats into integers or back.
    """

    kind: str
    is_integer: bool
    is_conversion: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation:
    """The values that one layer gives to the next.

    Attributes:
        name: Of the tensor.
        operation: What computes it.
        shape: Its shape, as far as the file says it.
        step: Quantization scale; 0 where it is float.
        low: Least value it can hold; minus infinity where it is float.
        high: Largest value it can hold.
        key: What finds it in the runtime.
        zero_point: Quantized value of the real number 0.
        inputs: Keys of the activations that it is computed from, over what only passes values on; none where
            it is computed from the picture.
    """

    name: str
    operation: str
    shape: tuple[int, ...]
    step: float
    low: float
    high: float
    key: Any
    zero_point: int
    inputs: tuple[Any, ...] = ()

    @property
    def is_quantized(self) -> bool:
        """Whether it is held as integers."""
        return self.step > 0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Weight:
    """The constant of a convolution or a dense layer, quantized.

    Attributes:
        name: Of the tensor.
        operation: What uses it.
        values: Dequantized, one row per output channel, shape ``(channels, weights)``, float32.
        scales: Number of quantization scales: 1, or one per channel.
        step: The largest of them.
        output: Name of the activation that its operation gives.
    """

    name: str
    operation: str
    values: NDArray[np.float32]
    scales: int
    step: float
    output: str


class Network(Protocol):
    """One model file, open, with every value between its layers in reach."""

    operations: tuple[Operation, ...]
    activations: tuple[Activation, ...]
    weights: tuple[Weight, ...]
    input_range: tuple[float, float] | None
    """What the first quantization of pixels can hold; None where there is none."""

    def watch(self, activations: Sequence[Activation]) -> None:
        """Say which activations ``run`` returns."""

    def run(self, pixels: NDArray[Any]) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Return the output and the watched activations, dequantized, for one picture.

        Args:
            pixels: Shape ``(height, width, 3)``; rounded to 0..255 where the input is uint8.
        """

    def close(self) -> None:
        """Free the model."""


def channel_ranges(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest magnitude of each output channel, shape ``(channels,)``."""
    return np.asarray(np.abs(values).max(axis=1), np.float32)
