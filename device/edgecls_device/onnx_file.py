"""What stands in an ``.onnx`` file, read before any runtime sees it and without the package onnx.

Field numbers are those of onnx.proto3.
"""

from dataclasses import dataclass, field

from edgecls_device.protobuf import fields, varint

__all__ = ["OnnxContent", "read_onnx"]

_GRAPH, _METADATA = 7, 14  # of ModelProto
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15  # of GraphProto
_ATTRIBUTE, _ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH = 5, 5, 6  # of NodeProto and AttributeProto
_DATA_LOCATION, _EXTERNAL = 14, 1  # of TensorProto
MOST_NESTED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxContent:
    """What was found.

    Attributes:
        has_graph: Whether there is a graph at all.
        metadata: Its ``metadata_props``.
        has_external_data: Whether weights lie in other files.
    """

    has_graph: bool
    metadata: dict[bytes, bytes] = field(default_factory=dict)
    has_external_data: bool = False


def read_onnx(data: bytes) -> OnnxContent:
    """Read the outermost fields of a ``ModelProto``.

    Raises:
        ValueError: If the data is no protobuf message, or cut off.
    """
    graphs: list[tuple[int, int]] = []
    metadata: dict[bytes, bytes] = {}
    for number, start, end in fields(data, 0, len(data)):
        if number == _GRAPH:
            graphs.append((start, end))
        elif number == _METADATA:
            entry = {n: data[s:e] for n, s, e in fields(data, start, end)}
            metadata[entry.get(1, b"")] = entry.get(2, b"")
    may_be_external = b"location" in data  # the key that names the other file
    return OnnxContent(
        has_graph=bool(graphs),
        metadata=metadata,
        has_external_data=may_be_external and any(_graph_is_external(data, *g) for g in graphs),
    )


def _graph_is_external(data: bytes, start: int, end: int, depth: int = 0) -> bool:
    if depth > MOST_NESTED:
        message = "graphs that are nested too deeply"
        raise ValueError(message)
    for number, s, e in fields(data, start, end):
        if number == _INITIALIZER and _tensor_is_external(data, s, e):
            return True
        if number == _SPARSE and any(
            _tensor_is_external(data, a, b) for _, a, b in fields(data, s, e)
        ):
            return True
        if number == _NODE and _node_is_external(data, s, e, depth):
            return True
    return False


def _node_is_external(data: bytes, start: int, end: int, depth: int) -> bool:
    for number, s, e in fields(data, start, end):
        if number != _ATTRIBUTE:
            continue
        for part, a, b in fields(data, s, e):
            if part == _ATTRIBUTE_TENSOR and _tensor_is_external(data, a, b):
                return True
            if part == _ATTRIBUTE_GRAPH and _graph_is_external(data, a, b, depth + 1):
                return True
    return False


def _tensor_is_external(data: bytes, start: int, end: int) -> bool:
    return any(
        number == _DATA_LOCATION and varint(data, s, e)[0] == _EXTERNAL
        for number, s, e in fields(data, start, end)
    )
