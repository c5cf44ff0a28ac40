"""Cutting a ``.tflite`` file into single operations without copying its weights.

A list of operators in a flatbuffer is a count and the way to each, always forward. So a piece is the whole file
with a shorter list: the count and the first ways are written over, and other inputs and outputs are appended to
the end. All pieces share one file: runtimes read these lists once, while they open it, and map the weights.

Source of the field numbers: tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3c.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.errors import ArtifactError
from edgecls_device.flatbuffer import Table, root_table

__all__ = ["Node", "Pieces", "read_nodes"]

_SUBGRAPHS, _BUFFERS = 2, 4  # of Model
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3  # of SubGraph
_BUFFER = 2  # of Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One operator of the first graph, by the indexes of its tensors.

    Attributes:
        takes: What it is computed from, constants left out.
        constants: Inputs that stand in the file, and those that are computed from nothing else.
        gives: What it computes.
        needs: Numbers of the operators that compute its constants, in order; as where weights are stored as
            float16. A runtime computes them once, while it opens the file.
        is_constant: Whether all it takes is constant.
    """

    takes: tuple[int, ...]
    constants: tuple[int, ...]
    gives: tuple[int, ...]
    needs: tuple[int, ...]
    is_constant: bool


def read_nodes(data: bytes) -> list[Node]:
    """Read the operators in the order in which they are executed.

    Raises:
        ArtifactError: If the file is damaged.
    """
    model = root_table(data)
    graph = _first_graph(model)
    filled = [len(buffer.data(0)) > 0 for buffer in model.tables(_BUFFERS)]
    constants = {
        i for i, tensor in enumerate(graph.tables(_TENSORS)) if filled[tensor.number(_BUFFER, "I")]
    }
    needed: dict[int, tuple[int, ...]] = {}  # constant that is computed -> operators that do
    nodes = []
    for number, operator in enumerate(graph.tables(_OPERATORS)):
        inputs = [int(index) for index in operator.numbers(1, "i") if index >= 0]
        gives = tuple(map(int, operator.numbers(2, "i")))
        takes = tuple(dict.fromkeys(index for index in inputs if index not in constants))
        needs = sorted({step for index in inputs for step in needed.get(index, ())})
        is_constant = bool(inputs) and not takes
        if is_constant:
            constants.update(gives)
            needed.update(dict.fromkeys(gives, (*needs, number)))
        nodes.append(
            Node(
                takes=takes,
                constants=tuple(index for index in inputs if index in constants),
                gives=gives,
                needs=tuple(needs),
                is_constant=is_constant,
            )
        )
    return nodes


class Pieces:
    """A file that holds one piece of a model after the other, for a runtime to open."""

    def __init__(self, data: bytes, path: Path) -> None:
        """Write the whole model to ``path``.

        Raises:
            ArtifactError: If the model has no operators.
        """
        self._path = path
        graph = _first_graph(root_table(data))
        places = [graph.place(field) for field in (_INPUTS, _OUTPUTS, _OPERATORS)]
        if any(place is None for place in places):
            message = "Expected a model with operators, got one without."
            raise ArtifactError(message, hint="give an image classifier")
        self._inputs, self._outputs, operators = (place or 0 for place in places)
        self._list = _follow(data, operators)
        (count,) = struct.unpack_from("<I", data, self._list)
        self._tables = [_follow(data, self._list + 4 + 4 * i) for i in range(count)]
        self._end = -(-len(data) // 4) * 4
        path.write_bytes(data + bytes(self._end - len(data)))

    def write(self, operators: Sequence[int], takes: Sequence[int], gives: Sequence[int]) -> Path:
        """Make the file a model of some operators, in order, and return its path.

        Args:
            operators: Their numbers.
            takes: Indexes of the tensors that become the inputs.
            gives: Indexes of the tensors that become the outputs.
        """
        places = [self._list + 4 + 4 * i for i in range(len(operators))]
        ways = [self._tables[o] - place for o, place in zip(operators, places, strict=True)]
        with self._path.open("r+b") as file:
            file.seek(self._list)
            file.write(struct.pack(f"<I{len(ways)}I", len(ways), *ways))
            for place, indexes in ((self._inputs, takes), (self._outputs, gives)):
                file.seek(place)
                file.write(struct.pack("<I", self._end - place))
                file.seek(self._end)
                self._end += file.write(struct.pack(f"<I{len(indexes)}i", len(indexes), *indexes))
        return self._path


def _first_graph(model: Table) -> Table:
    for graph in model.tables(_SUBGRAPHS):
        return graph
    message = "Expected a model with a graph, got one without."
    raise ArtifactError(message, hint="give an image classifier")


def _follow(data: bytes, place: int) -> int:
    (offset,) = struct.unpack_from("<I", data, place)
    return int(place + offset)
