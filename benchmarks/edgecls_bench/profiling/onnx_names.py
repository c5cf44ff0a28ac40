"""The names in an ``.onnx`` file by which the operations of a session are recognised.

Field numbers are those of onnx.proto3.
"""

from collections.abc import Container
from dataclasses import dataclass

from edgecls_device.protobuf import fields

__all__ = ["OnnxNames"]

_GRAPH = 7  # of ModelProto
_NODE = 1  # of GraphProto
_INPUT, _OUTPUT, _NAME, _KIND = 1, 2, 3, 4  # of NodeProto
_FUSED = 4  # a session makes one operation of at most these: convolution, scale, bias, activation


@dataclass(frozen=True, kw_only=True, slots=True)
class _Node:
    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Its own name, its outputs', and its weights', which are named after the layer."""
        return (self.name, *self.outputs, *self.inputs[1:])


class OnnxNames:
    """The names of the nodes of one file, and of the tensors around them."""

    def __init__(self, data: bytes) -> None:
        """Read them.

        Raises:
            ValueError: If the file is damaged.
        """
        self._all = [
            _node(data, s, e)
            for number, start, end in fields(data, 0, len(data))
            if number == _GRAPH
            for kind, s, e in fields(data, start, end)
            if kind == _NODE
        ]
        self._nodes = {node.name: node for node in self._all if node.name}
        self._makers = {name: node for node in self._all for name in node.outputs}

    def all(self) -> list[str]:
        """Return every name in the file."""
        return [name for node in self._all for name in node.names if name]

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def around(self, name: str, *, is_fused: bool, until: Container[str]) -> tuple[str, ...]:
        """Return the names of a node.

        Args:
            name: Of the node.
            is_fused: Whether it may stand for nodes before it, which a session made one operation with it.
            until: Kinds of nodes at which such an operation begins.
        """
        node = self._nodes.get(name)
        found: list[str] = []
        for _ in range(_FUSED if is_fused else 1):
            if node is None:
                break
            found.extend(node.names)
            if node.kind in until or not node.inputs:
                break
            node = self._makers.get(node.inputs[0])
        return tuple(found)


def _node(data: bytes, start: int, end: int) -> _Node:
    found: dict[int, list[str]] = {_INPUT: [], _OUTPUT: [], _NAME: [], _KIND: []}
    for number, s, e in fields(data, start, end):
        if number in found:
            found[number].append(data[s:e].decode(errors="replace"))
    return _Node(
        name="".join(found[_NAME]),
        kind="".join(found[_KIND]),
        inputs=tuple(found[_INPUT]),
        outputs=tuple(found[_OUTPUT]),
    )
