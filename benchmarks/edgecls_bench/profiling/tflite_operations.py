"""What a ``.tflite`` file says about its operations: names, shapes, types, and what makes them slow."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecls_bench.profiling.layer_names import LayerNames
from edgecls_bench.profiling.marks import DYNAMIC, NOT_DELEGATED, Facts, float_islands
from edgecls_bench.profiling.measured import Row
from edgecls_bench.profiling.tflite_pieces import Node

__all__ = ["TfliteOperations"]

_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
_LAYOUT = frozenset({"RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "PAD", "SHAPE", "PACK"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    dtype: str


class TfliteOperations:
    """What a file says about its operations."""

    def __init__(self, interpreter: Any, nodes: Sequence[Node]) -> None:
        """Read it from an interpreter without delegates, which would hide operations."""
        self._nodes = nodes
        # There is no public way to see operations.
        self._ops = [str(step["op_name"]) for step in interpreter._get_ops_details()]  # noqa: SLF001
        self._tensors = {
            int(entry["index"]): _Tensor(
                name=str(entry["name"]),
                shape=tuple(int(side) for side in entry["shape"]),
                dtype=np.dtype(entry["dtype"]).name,
            )
            for entry in interpreter.get_tensor_details()
        }
        self._layers = LayerNames(tensor.name for tensor in self._tensors.values())

    def size(self, index: int) -> int:
        """Return how many numbers a tensor holds."""
        return int(np.prod(self._tensors[index].shape))

    def row(self, i: int, us: float, reason: str) -> Row:
        """Return an operation with its duration in microseconds."""
        node = self._nodes[i]
        output = self._tensors[node.gives[0]]
        constants = [self._tensors[index].name for index in node.constants]
        return Row(
            name=self._layers.layer(output.name, *constants),
            tensor=output.name,
            op=self._ops[i],
            shape=output.shape,
            precision=self._precision(i),
            us=us,
            reason=reason,
        )

    def reasons(self, numbers: Sequence[int], delegated: Set[int]) -> list[str]:
        """Return why each operation is slow; empty where it is not."""
        islands = float_islands([self._facts(i) for i in numbers])
        return [
            self._not_delegated(i) if i not in delegated else island
            for i, island in zip(numbers, islands, strict=True)
        ]

    def _not_delegated(self, i: int) -> str:
        return DYNAMIC if self._is_dynamic(i) else NOT_DELEGATED

    def _facts(self, i: int) -> Facts:
        node = self._nodes[i]
        gives = self._tensors[node.gives[0]].dtype
        return Facts(
            takes=self._tensors[node.takes[0]].dtype if node.takes else gives,
            gives=gives,
            is_weighted=self._ops[i] in _WEIGHTED,
            is_layout=self._ops[i] in _LAYOUT,
        )

    def _is_dynamic(self, i: int) -> bool:
        facts, constants = self._facts(i), self._nodes[i].constants
        is_integer = bool(constants) and self._tensors[constants[0]].dtype in {"int8", "uint8"}
        return facts.is_weighted and facts.takes == "float32" and is_integer

    def _precision(self, i: int) -> str:
        facts = self._facts(i)
        if self._is_dynamic(i):
            return "int8 weights"
        return facts.gives if facts.takes == facts.gives else f"{facts.takes} to {facts.gives}"
